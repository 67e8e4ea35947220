"""A disk or a file that SQLite cannot use: what a committer is told, and what is kept."""

import asyncio
import errno
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.aio.test_stores import (
    BUSY,
    FULL,
    OVER_UDP,
    PLAIN,
    RULE,
    Case,
    by_key,
    in_thread,
    nothing,
    with_sqlite,
)

from ringway.aio.stores import SqliteStore, rows, sqlite
from ringway.errors import StoreError
from ringway.location import Change, Drop, Put, PutRedirect


class TestFailure:
    def test_a_full_disk_keeps_nothing_of_the_unit_and_recovers(self, tmp_path: Path) -> None:
        path = tmp_path / "location.db"

        async def step(store: SqliteStore) -> None:
            await store.commit((Put(PLAIN),))
            pages = in_thread(store, "PRAGMA page_count")[0][0]
            in_thread(store, f"PRAGMA max_page_count = {pages}")
            large = replace(FULL, params=";x=" + "y" * 100_000)
            with pytest.raises(StoreError, match="the disk is full"):
                await store.commit((Drop(PLAIN, "gone"), Put(large)))
            in_thread(store, "PRAGMA max_page_count = 1000000")
            await store.commit((Put(OVER_UDP),))

        with_sqlite(path, step)
        assert by_key(Case("sqlite", tmp_path).loaded()[0]) == by_key([PLAIN, OVER_UDP])

    def test_a_full_disk_is_no_reason_not_to_start(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        case = Case("sqlite", tmp_path)
        case.keep((Put(PLAIN), Put(FULL), PutRedirect(RULE), PutRedirect(BUSY)))
        with monkeypatch.context() as full:
            full.setattr(sqlite, "_is_full", lambda _error: True)
            full.setattr(rows, "DELETE_LAPSED", "DELETE FROM nowhere WHERE x <= ?")
            assert case.loaded(now=3599.5) == ([PLAIN], [RULE])
        with monkeypatch.context() as damaged:
            damaged.setattr(rows, "DELETE_LAPSED", "DELETE FROM nowhere WHERE x <= ?")
            with pytest.raises(StoreError, match="nowhere"):
                case.loaded(now=3599.5)

    def test_one_bad_unit_fails_alone(self, tmp_path: Path) -> None:
        async def step(store: SqliteStore) -> None:
            bad = replace(FULL, cseq=2**80)  # SQLite has no such integer
            outcomes = await asyncio.gather(
                store.commit((Put(PLAIN),)),
                store.commit((Put(replace(PLAIN, aor="sip:bob@example.com")), Put(bad))),
                store.commit((Put(OVER_UDP),)),
                return_exceptions=True,
            )
            assert outcomes[0] is None
            assert isinstance(outcomes[1], StoreError)
            assert outcomes[2] is None

        with_sqlite(tmp_path / "location.db", step)
        assert by_key(Case("sqlite", tmp_path).loaded()[0]) == by_key([PLAIN, OVER_UDP])

    def test_read_only(self, tmp_path: Path) -> None:
        async def step(store: SqliteStore) -> None:
            in_thread(store, "PRAGMA query_only = 1")
            with pytest.raises(StoreError, match="read-only"):
                await store.commit((Put(PLAIN),))

        with_sqlite(tmp_path / "a.db", step)

    def test_one_user_at_a_time(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sqlite, "LOCK_SECONDS", 0.0)
        path = tmp_path / "a.db"

        async def step(store: SqliteStore) -> None:
            second = SqliteStore(path)
            with pytest.raises(StoreError, match="another program uses the database"):
                await second.load(0.0)
            await second.close()
            await store.commit((Put(PLAIN),))

        with_sqlite(path, step)

    def test_a_disk_that_fails_a_group_is_not_asked_again_for_each(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tries: list[int] = []

        def fail(changes: Sequence[Change]) -> None:
            tries.append(len(changes))
            raise OSError(errno.EIO, "no disk")

        async def step(store: SqliteStore) -> None:
            monkeypatch.setattr(store, "_write_one", fail)
            many = [store.commit((Put(replace(FULL, reg_id=n)),)) for n in range(1, 51)]
            outcomes = await asyncio.gather(*many, return_exceptions=True)
            assert all(isinstance(outcome, StoreError) for outcome in outcomes)

        with_sqlite(tmp_path / "a.db", step)
        assert tries == [50]

    def test_a_disk_that_hangs_makes_no_endless_queue(self, tmp_path: Path) -> None:
        async def main() -> None:
            store = SqliteStore(tmp_path / "a.db", most_pending=3)
            await store.load(0.0)
            disk = threading.Event()
            store._thread.submit(disk.wait)
            async with asyncio.TaskGroup() as group:
                for reg_id in range(1, 4):
                    group.create_task(store.commit((Put(replace(FULL, reg_id=reg_id)),)))
                await asyncio.sleep(0)
                with pytest.raises(StoreError, match="does not keep up"):
                    await store.commit((Put(PLAIN),))
                disk.set()
            await store.commit((Put(PLAIN),))
            await store.close()

        asyncio.run(main())

    @pytest.mark.parametrize("replaced", [False, True])
    def test_a_file_that_no_restart_would_find(self, tmp_path: Path, replaced: bool) -> None:
        path = tmp_path / "a.db"

        async def step(store: SqliteStore) -> None:
            path.rename(tmp_path / "b.db")
            if replaced:
                path.touch()
            with pytest.raises(StoreError, match="deleted or replaced; restart"):
                await store.commit((Put(PLAIN),))
            (tmp_path / "b.db").replace(path)
            await store.commit((Put(PLAIN),))

        with_sqlite(path, step)

    def test_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="No such file"):
            with_sqlite(tmp_path / "missing" / "a.db", nothing)

    def test_a_folder_in_its_place(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="cannot be opened"):
            with_sqlite(tmp_path, nothing)

    def test_not_a_database(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        path.write_bytes(b"this is a text, and no database\n" * 100)
        with pytest.raises(StoreError, match="no SQLite database"):
            with_sqlite(path, nothing)

    @pytest.mark.parametrize(
        "sql",
        [
            "UPDATE binding SET flow = 'udp'",
            "UPDATE redirect SET targets = '['",
            "UPDATE redirect SET happening = 'never'",
        ],
    )
    def test_rows_that_are_not_ours(self, tmp_path: Path, sql: str) -> None:
        path = tmp_path / "a.db"
        with_sqlite(path, lambda store: store.commit((Put(OVER_UDP), PutRedirect(RULE))))
        connection = sqlite3.connect(path)
        connection.execute(sql)
        connection.commit()
        connection.close()
        with pytest.raises(StoreError, match="is damaged; move it away"):
            with_sqlite(path, nothing)

    def test_pages_that_are_damaged(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        with_sqlite(path, lambda store: store.commit((Put(OVER_UDP),)))
        data = bytearray(path.read_bytes())
        data[4096:8192] = b"\xff" * 4096
        path.write_bytes(data)
        with pytest.raises(StoreError, match="is damaged; move it away"):
            with_sqlite(path, nothing)

    def test_not_open(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path / "a.db")
        with pytest.raises(StoreError, match="not open"):
            asyncio.run(store.commit((Put(PLAIN),)))
        asyncio.run(store.close())

    def test_unnamed_errors_keep_their_words(self, tmp_path: Path) -> None:
        error = SqliteStore(tmp_path / "a.db")._store_error(ValueError("odd"))
        assert error.reason.endswith("a.db: odd")
        assert SqliteStore(tmp_path / "a.db")._store_error(error) is error
