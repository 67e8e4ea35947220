import json
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from tests.cli.support import Cli, Result, Running, serving
from tests.ports import free_port
from tests.unit.server.support import REGISTER, UdpPeer

from ringway.cli.users import _binding_lines
from ringway.server.keys import StateDir
from ringway.transport.flow import Address

PORT = free_port()
HERE = Address("127.0.0.1", PORT)


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def server(state_dir: Path) -> Iterator[Running]:
    where = f"udp:127.0.0.1:{PORT}"
    with serving("--domain", "example.com", "--listen", where, "--state-dir", state_dir) as running:
        yield running


@pytest.fixture
def live(cli: Cli, server: Running, state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line beside a server that runs."""
    monkeypatch.setenv("RINGWAY_STATE_DIR", str(state_dir))
    return cli


class TestBindings:
    def test_nobody(self, live: Cli) -> None:
        assert live("bindings", "bob") == Result(0, "bob is not registered.\n", "")

    def test_who_is_registered(self, live: Cli, tmp_path: Path, state_dir: Path) -> None:
        peer = UdpPeer()
        with peer.sock:
            peer.sock.settimeout(5)
            register = REGISTER.replace(b"Expires:", b"User-Agent: Phone \x01 1\r\nExpires:")
            peer.sock.sendto(register, HERE)
            assert peer.sock.recv(4096).startswith(b"SIP/2.0 200 ")
            other = REGISTER.replace(b"phone.invalid", b"desk.invalid").replace(b"x:1", b"x:2")
            peer.sock.sendto(other.replace(b"bK1", b"bK2"), HERE)
            assert peer.sock.recv(4096).startswith(b"SIP/2.0 200 ")
        for result in (live("bindings"), live("bindings", "alice")):
            lines = result.out.splitlines()
            assert lines[:2] == ["sip:alice@example.com", "  sip:alice@phone.invalid;ob"]
            assert lines[2].startswith(f"      over udp {peer.address}, expires in ")
            assert lines[2].endswith(", q 1")
            assert lines[3] == r"      <urn:x:1>, reg-id 1, Phone \x01 1"
            assert len(lines) == 7
            assert lines[4].startswith("  sip:alice@desk.invalid")
        binding, _ = json.loads(live("bindings", "--json").out)
        assert binding["aor"] == "sip:alice@example.com"
        file = tmp_path / "ringway.toml"
        file.write_text(f"state_dir = '{state_dir}'")
        assert live("bindings", "--config", file).out.startswith("sip:alice@example.com\n")


class TestStateDirectory:
    """Which server is meant."""

    def test_the_one_that_is_named(self, cli: Cli, server: Running, state_dir: Path) -> None:
        assert cli("bindings", "bob", "--state-dir", state_dir).status == 0

    def test_the_usual_one_if_the_configuration_names_none(
        self, live: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "ringway.toml"
        file.write_text("")
        assert live("bindings", "bob", "--config", file).status == 0
        monkeypatch.delenv("RINGWAY_STATE_DIR")
        monkeypatch.setattr("os.geteuid", lambda: 1)
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        assert str(tmp_path / "ringway") in live("bindings", "--config", file).err


class TestBindingLines:
    FACTS: ClassVar[dict[str, object]] = {
        "expires_in": 0,
        "q": 0.5,
        "flow": "",
        "path": [],
        "instance": "",
        "reg_id": 0,
        "user_agent": "",
    }

    @pytest.mark.parametrize(
        ("facts", "lines"),
        [
            ({}, ["expires now, q 0.5"]),
            ({"path": ["sip:a", "sip:b"]}, ["by sip:a, sip:b, expires now, q 0.5"]),
            ({"user_agent": "Phone"}, ["expires now, q 0.5", "Phone"]),
        ],
    )
    def test_say_what_there_is(self, facts: dict[str, object], lines: list[str]) -> None:
        assert _binding_lines({**self.FACTS, **facts}) == lines


class Redirects:
    """What holds with a server and without one."""

    SET = ("redirect", "set", "bob@example.com", "--to", "sip:bob@hotel.example")

    def test_set_list_and_clear(self, users: Cli) -> None:
        assert users("redirect", "list") == Result(0, "Nobody is redirected.\n", "")
        line = "sip:bob@example.com -> sip:bob@hotel.example  (302, until it is cleared)\n"
        assert users(*self.SET) == Result(0, line, "")
        assert users("redirect", "list") == Result(0, line, "")
        result = users(
            *self.SET, "--to", "tel:+1", "--for", "2h", "--when", "busy", "--status", "300"
        )
        assert result.out == (
            "sip:bob@example.com -> sip:bob@hotel.example, tel:+1  (300, for 2h, when busy)\n"
        )
        rules = json.loads(users("redirect", "list", "sip:bob@example.com", "--json").out)
        assert sorted(rule["when"] for rule in rules) == ["always", "busy"]
        assert (
            users("redirect", "list", "x@example.com").out == "x@example.com is not redirected.\n"
        )
        cleared = users("redirect", "clear", "bob@example.com", "--when", "busy")
        assert cleared == Result(0, "bob@example.com: 1 redirect cleared.\n", "")
        users(*self.SET, "--when", "no-answer")
        cleared = users("redirect", "clear", "bob@example.com")
        assert cleared == Result(0, "bob@example.com: 2 redirects cleared.\n", "")
        cleared = users("redirect", "clear", "bob@example.com")
        assert cleared == Result(1, "bob@example.com was not redirected.\n", "")
        assert json.loads(users("redirect", "clear", "bob@example.com", "--json").out) == {
            "cleared": 0
        }

    def test_json(self, users: Cli) -> None:
        rule = json.loads(users(*self.SET, "--for", "60", "--json").out)
        assert rule["ends_in"] == 60
        assert json.loads(users("redirect", "clear", "bob@example.com", "--json").out) == {
            "cleared": 1
        }

    @pytest.mark.parametrize(
        ("args", "line"),
        [
            (["--to", "nonsense"], "'nonsense' is no target"),
            (["--to", "sip:a@b", "--when", "x"], "use one of always, busy, no-answer, unreachable"),
            (["--to", "sip:a@b", "--status", "303"], "300, 301, 302 or 305, not 303"),
        ],
    )
    def test_faults_are_one_line(self, users: Cli, args: list[str], line: str) -> None:
        result = users("redirect", "set", "bob@example.com", *args)
        assert result.status == 2
        assert result.err.count("\n") == 1
        assert line in result.err


class TestRedirectsOfAServer(Redirects):
    @pytest.fixture
    def users(self, live: Cli) -> Cli:
        return live

    def test_a_user_of_our_domain_needs_no_more_than_a_name(self, users: Cli) -> None:
        result = users("redirect", "set", "carol", "--to", "sip:c@d")
        assert result.out.startswith("sip:carol@example.com -> ")
        users("redirect", "clear", "carol")


class TestRedirectsWithoutAServer(Redirects):
    @pytest.fixture
    def users(self, cli: Cli) -> Cli:
        return cli

    def test_the_next_server_has_them(self, cli: Cli, tmp_path: Path) -> None:
        cli(*self.SET)
        with serving("--listen", f"udp:127.0.0.1:{free_port()}"):
            assert cli("redirect", "list").out.startswith("sip:bob@example.com -> ")

    def test_looking_leaves_nothing_behind(self, cli: Cli, tmp_path: Path) -> None:
        cli("redirect", "list")
        cli("redirect", "clear", "bob@example.com")
        assert not (tmp_path / "state").exists()

    def test_the_domain_of_a_name_comes_from_the_configuration(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        file = tmp_path / "ringway.toml"
        file.write_text("domains = ['example.org']\nstore = 'sqlite:own.db'\nstate_dir = 'own'")
        result = cli("redirect", "set", "bob", "--to", "sip:c@d", "--config", file)
        assert result.out.startswith("sip:bob@example.org -> ")
        assert (tmp_path / "own.db").exists()
        result = cli("redirect", "set", "bob", "--to", "sip:c@d")
        assert result.status == 2
        assert "use a whole address, for instance sip:bob@example.com" in result.err

    def test_with_the_store_in_memory_there_is_nothing_to_set(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        file = tmp_path / "ringway.toml"
        file.write_text("store = 'memory'")
        result = cli(*self.SET, "--config", file)
        assert result.status == 2
        assert "no server runs with the state directory" in result.err

    def test_a_directory_in_use_is_left_alone(self, cli: Cli, tmp_path: Path) -> None:
        with StateDir(tmp_path / "state"):
            result = cli(*self.SET)
        assert result.status == 2
        assert "a ringway server runs with this one" in result.err
