import getpass
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.support import Cli, Result

from ringway.auth import Algorithm, make_ha1
from ringway.auth.users_file import load_users

Enter = Callable[..., None]
ALL = "SHA-256, SHA-512-256, MD5"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Enter:
    """Gives standard input a text, as a script would."""

    def enter(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    return enter


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Types passwords into a terminal; gives what was asked."""

    def enter(*passwords: str) -> list[str]:
        asked: list[str] = []
        waiting = list(passwords)

        def ask(prompt: str) -> str:
            asked.append(prompt)
            return waiting.pop(0)

        monkeypatch.setattr(sys, "stdin", Terminal("not read\n"))
        monkeypatch.setattr(getpass, "getpass", ask)
        return asked

    return enter


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "users.toml"


class TestAdd:
    def test_from_standard_input(self, cli: Cli, piped: Enter, file: Path) -> None:
        piped("Circle of Life \nand more\n")
        assert cli("user", "add", "alice@example.com", "--file", file) == Result(
            0, f"alice@example.com was added to {file}.\n", ""
        )
        (user,) = load_users(file)
        assert (user.name, user.realm) == ("alice", "example.com")
        assert user.hashes[Algorithm.SHA_256] == make_ha1(
            Algorithm.SHA_256, "alice", "example.com", "Circle of Life "
        )
        assert "Circle" not in file.read_text()

    def test_from_a_terminal(self, cli: Cli, typed: Callable[..., list[str]], file: Path) -> None:
        asked = typed("secret", "secret")
        result = cli("user", "add", "sip:alice@example.com", "--file", file)
        assert result == Result(0, f"alice@example.com was added to {file}.\n", "")
        assert asked == ["Password of sip:alice@example.com: ", "The same again: "]
        (user,) = load_users(file)
        assert user.hashes[Algorithm.MD5] == make_ha1(
            Algorithm.MD5, "alice", "example.com", "secret"
        )

    @pytest.mark.parametrize(
        ("who", "realm"), [("a@Example.COM", "example.com"), ("sip:a@[2001:DB8::1]", "2001:db8::1")]
    )
    def test_a_realm_is_a_domain_as_the_server_writes_it(
        self, cli: Cli, piped: Enter, file: Path, who: str, realm: str
    ) -> None:
        piped("secret\n")
        assert cli("user", "add", who, "--file", file).status == 0
        (user,) = load_users(file)
        assert user.hashes[Algorithm.MD5] == make_ha1(Algorithm.MD5, "a", realm, "secret")

    def test_another_password(self, cli: Cli, piped: Enter, file: Path) -> None:
        for word in ("was added to", "has a new password in"):
            piped(f"{word}\n")
            result = cli("user", "add", "alice@example.com", "--file", file)
            assert result.out == f"alice@example.com {word} {file}.\n"
        (user,) = load_users(file)
        assert user.hashes[Algorithm.MD5] == make_ha1(
            Algorithm.MD5, "alice", "example.com", "has a new password in"
        )

    def test_two_that_differ(self, cli: Cli, typed: Callable[..., list[str]], file: Path) -> None:
        typed("secret", "secert")
        result = cli("user", "add", "alice@example.com", "--file", file)
        assert result == Result(
            2,
            "",
            "ringway: terminal: password = '...' is not allowed; use the same one twice\n",
        )
        assert not file.exists()

    @pytest.mark.parametrize("text", ["", "\n", "\r\n"])
    def test_none(self, cli: Cli, piped: Enter, file: Path, text: str) -> None:
        piped(text)
        result = cli("user", "add", "alice@example.com", "--file", file)
        assert result.status == 2
        assert result.err.endswith("password = '' is not allowed; use at least one character\n")
        assert not file.exists()

    def test_what_is_no_text(self, cli: Cli, monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\n"), "utf-8"))
        result = cli("user", "add", "alice@example.com", "--file", file)
        assert result.status == 2
        assert result.err.endswith("password = '...' is not allowed; use text in UTF-8\n")

    @pytest.mark.parametrize("who", ["alice", "alice@", "@example.com", "a:b@c", "sip:", "a\n@b"])
    def test_who_is_no_user(
        self, cli: Cli, typed: Callable[..., list[str]], file: Path, who: str
    ) -> None:
        asked = typed()
        result = cli("user", "add", who, "--file", file)
        assert result.status == 2
        assert result.err.endswith("use NAME@REALM, for instance alice@example.com\n")
        assert result.err.count("\n") == 1
        assert asked == []

    def test_a_password_is_never_an_argument(self, cli: Cli, file: Path) -> None:
        result = cli("user", "add", "alice@example.com", "secret", "--file", file)
        assert result.status == 2
        assert not file.exists()

    def test_in_the_state_directory(
        self, cli: Cli, piped: Enter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        piped("x\n")
        cli("user", "add", "alice@example.com")
        assert len(load_users(tmp_path / "state" / "users.toml")) == 1
        config = tmp_path / "ringway.toml"
        config.write_text("state_dir = 'own'")
        monkeypatch.delenv("RINGWAY_STATE_DIR")
        piped("x\n")
        cli("user", "add", "alice@example.com", "--config", config)
        assert len(load_users(tmp_path / "own" / "users.toml")) == 1


class TestList:
    def test_nobody(self, cli: Cli, tmp_path: Path) -> None:
        assert cli("user", "list") == Result(0, "There are no users.\n", "")
        assert json.loads(cli("user", "list", "--json").out) == []
        assert not (tmp_path / "state").exists()

    def test_everybody(self, cli: Cli, piped: Enter, file: Path) -> None:
        for who in ("alice@example.com", "bob@home@example.org"):
            piped("x\n")
            cli("user", "add", who, "--file", file)
        assert cli("user", "list", "--file", file).out == (
            f"alice@example.com  ({ALL})\nbob@home@example.org  ({ALL})\n"
        )
        out = cli("user", "list", "--file", file, "--json").out
        assert json.loads(out) == [
            {"name": "alice", "realm": "example.com", "algorithms": ALL.split(", ")},
            {"name": "bob@home", "realm": "example.org", "algorithms": ALL.split(", ")},
        ]
        assert all(each not in out for user in load_users(file) for each in user.hashes.values())

    def test_a_file_that_is_named_must_be_there(self, cli: Cli, file: Path) -> None:
        result = cli("user", "list", "--file", file)
        assert result.status == 2
        assert "no such file" in result.err

    def test_a_fault_in_the_file(self, cli: Cli, file: Path) -> None:
        file.write_text("[[user]]\nname = 'a'\nrealm = 'r'\nmd5 = 'secret'\n")
        result = cli("user", "list", "--file", file)
        assert result.status == 2
        assert f"{file}: user[0].md5" in result.err
        assert "secret" not in result.err


class TestRemove:
    def test_remove(self, cli: Cli, piped: Enter, file: Path) -> None:
        piped("x\n")
        cli("user", "add", "ä@example.com", "--file", file)
        assert cli("user", "remove", "a\u0308@example.com", "--file", file) == Result(
            0, f"ä@example.com was removed from {file}.\n", ""
        )
        assert len(load_users(file)) == 0
        assert cli("user", "remove", "ä@example.com", "--file", file) == Result(
            1, f"ä@example.com is not in {file}.\n", ""
        )

    def test_without_a_file(self, cli: Cli, tmp_path: Path) -> None:
        assert cli("user", "remove", "alice@example.com").status == 1
        assert not (tmp_path / "state").exists()
