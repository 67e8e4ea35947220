"""The database file: whose it is, and how one of an older Ringway becomes one of this."""

import sqlite3
from pathlib import Path

import pytest
from tests.unit.aio.test_stores import OVER_UDP, RULE, Case, nothing, with_sqlite

from ringway.aio.stores import rows
from ringway.errors import StoreError
from ringway.location import Put, PutRedirect


class TestSchema:
    def test_version_and_owner_are_written(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        with_sqlite(path, nothing)
        with_sqlite(path, nothing)
        connection = sqlite3.connect(path)
        assert connection.execute("PRAGMA user_version").fetchone() == (rows.VERSION,)
        assert connection.execute("PRAGMA application_id").fetchone() == (rows.APPLICATION_ID,)
        connection.close()

    def test_a_newer_schema_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        with_sqlite(path, nothing)
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        with pytest.raises(StoreError, match="newer Ringway"):
            with_sqlite(path, nothing)

    def test_a_database_of_another_program_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE binding (x)")
        connection.close()
        with pytest.raises(StoreError, match="belongs to another program"):
            with_sqlite(path, nothing)

    def test_only_its_owner_may_read_it(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        with_sqlite(path, nothing)
        assert path.stat().st_mode & 0o077 == 0

    def test_a_file_that_is_not_ours_is_not_even_touched(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE binding (x)")
        connection.close()
        before = path.read_bytes()
        with pytest.raises(StoreError):
            with_sqlite(path, nothing)
        assert path.read_bytes() == before
        assert [each.name for each in tmp_path.iterdir()] == ["a.db"]


def make_old(path: Path, version: int) -> None:
    """A file as the Ringway of a schema version left it, with a binding and a rule in it."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    for script in rows.MIGRATIONS[:version]:
        connection.executescript(script)
    connection.execute(f"PRAGMA application_id = {rows.APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.execute(rows.PUT, rows.put_row(OVER_UDP))
    connection.execute(rows.PUT_REDIRECT, rows.put_redirect_row(RULE))
    connection.close()


def version_of(path: Path) -> int:
    connection = sqlite3.connect(path)
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.close()
    return version


class TestMigration:
    @pytest.mark.parametrize("version", range(1, rows.VERSION + 1))
    def test_a_file_of_each_older_version_keeps_what_it_has(
        self, tmp_path: Path, version: int
    ) -> None:
        case = Case("sqlite", tmp_path)
        make_old(case.path, version)
        assert case.loaded(now=100.0) == ([OVER_UDP], [RULE])
        assert version_of(case.path) == rows.VERSION
        case.keep((Put(OVER_UDP), PutRedirect(RULE)), now=100.0)

    def test_one_that_fails_changes_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        case = Case("sqlite", tmp_path)
        make_old(case.path, 1)
        broken = ("", "CREATE TABLE half (x); INSERT INTO nowhere VALUES (1);")
        with monkeypatch.context() as patched:
            patched.setattr(rows, "MIGRATIONS", broken)
            with pytest.raises(StoreError, match="nowhere"):
                case.loaded()
        assert version_of(case.path) == 1
        assert case.loaded(now=100.0) == ([OVER_UDP], [RULE])
        connection = sqlite3.connect(case.path)
        assert not connection.execute("SELECT * FROM sqlite_schema WHERE name = 'half'").fetchall()
        connection.close()
