import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from tests.cli.support import Cli, Result
from tests.unit.aio.support import Certificate

from ringway.cli import app as app_module
from ringway.server.config.settings import Config


class TestHelp:
    def test_without_a_command_it_says_what_there_is(self, cli: Cli) -> None:
        result = cli()
        assert result.status == 0
        for word in ("serve", "bindings", "redirect", "config", "version", "calls reaching people"):
            assert word in result.out

    @pytest.mark.parametrize(
        "command",
        ["serve", "bindings", "redirect", "redirect set", "redirect list", "redirect clear",
         "config", "config check", "version"],
    )  # fmt: skip
    def test_of_each_command(self, cli: Cli, command: str) -> None:
        result = cli(*command.split(), "--help")
        assert result.status == 0
        assert result.out.startswith(f"Usage: ringway {command}")
        assert result.err == ""

    def test_as_a_module(self, cli: Cli) -> None:
        cli()  # leaves its arguments behind
        with pytest.raises(SystemExit) as ended:
            runpy.run_module("ringway.cli", run_name="__main__")
        assert ended.value.code == 0

    def test_version(self, cli: Cli) -> None:
        assert cli("version") == cli("--version")
        assert cli("version").out.startswith("ringway 0.")


class TestFaultsOfTheUser:
    """One line on standard error, exit status 2."""

    @pytest.mark.parametrize(
        ("args", "line"),
        [
            (["nonsense"], "No such command 'nonsense'. (see `ringway --help`)"),
            (["serve", "--nonsense"], "No such option: --nonsense (see `ringway serve --help`)"),
            (["redirect"], "Missing command. (see `ringway redirect --help`)"),
            (["redirect", "set"], "Missing argument 'USER'. (see `ringway redirect set --help`)"),
            (["serve", "--role", "x"], "command line: --role = 'x' is not allowed; "),
            (["serve", "-l", "udp:*", "--no-auth"], "command line: --no-auth = true is not "),
            (["serve", "--config", "/none"], "command line: --config = '/none' is not allowed"),
            (["serve", "--store", "sqlite:/none/x.db"], "/none/x.db"),
            (["bindings"], "no server runs with the state directory"),
            (
                ["redirect", "set", "a", "--to", "sip:b@c", "--for", "x"],
                "command line: --for = 'x' is not allowed; use seconds or a duration",
            ),
        ],
    )
    def test_one_line(self, cli: Cli, args: list[str], line: str) -> None:
        result = cli(*args)
        assert result.status == 2
        assert result.out == ""
        assert result.err.startswith("ringway: ")
        assert result.err.count("\n") == 1
        assert line in result.err

    @pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
    @pytest.mark.parametrize(("args", "status"), [("version", 0), ("explain /none", 2)])
    def test_outputs_that_were_closed_before(self, args: str, status: int, closed: str) -> None:
        command = f'exec "{sys.executable}" -m ringway.cli {args} {closed}'
        done = subprocess.run(["sh", "-c", command], capture_output=True, timeout=50, check=False)
        assert done.returncode == status
        assert b"Traceback" not in done.stderr

    def test_a_name_cannot_move_the_cursor(self, cli: Cli) -> None:
        result = cli("explain", "/none/\x1b[2J\u202e.pcap")
        assert result.status == 2
        assert result.err.rstrip("\n").isprintable()

    def test_an_error_of_ours_is_not_hidden(
        self, cli: Cli, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(**_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(app_module, "app", broken)
        with pytest.raises(ZeroDivisionError):
            cli()

    def test_an_interrupt(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(**_: object) -> None:
            raise typer.Abort

        monkeypatch.setattr(app_module, "app", interrupted)
        assert cli() == Result(130, "", "")


class TestServe:
    @pytest.fixture
    def told(self, monkeypatch: pytest.MonkeyPatch) -> list[Config]:
        configs: list[Config] = []
        monkeypatch.setattr(
            "ringway.cli.serve.run_server", lambda config, *_: configs.append(config)
        )
        return configs

    def test_by_default_it_keeps_its_state(
        self, cli: Cli, told: list[Config], tmp_path: Path
    ) -> None:
        assert cli("serve").status == 0
        [config] = told
        assert config.state_dir == tmp_path / "state"
        assert config.store_path == tmp_path / "state" / "ringway.db"

    def test_in_memory_it_keeps_nothing_unless_told_where(
        self, cli: Cli, told: list[Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("RINGWAY_STATE_DIR")
        cli("serve", "--store", "memory")
        cli("serve", "--store", "memory", "--state-dir", tmp_path)
        assert [config.state_dir for config in told] == [None, tmp_path]

    def test_options_say_what_the_file_could(
        self, cli: Cli, told: list[Config], tmp_path: Path
    ) -> None:
        file = tmp_path / "ringway.toml"
        file.write_text("domains = 'a.example'\nrecurse.depth = 2")
        cli(
            *("serve", "--config", file, "-d", "b.example", "-d", "c.example"),
            *("-l", "udp:127.0.0.1:5070", "--role", "edge", "--registrar", "sip:127.0.0.1:5080"),
            *("--recurse", "hotel.example", "--no-auth", "--json"),
        )
        [config] = told
        assert config.domains == ("b.example", "c.example")
        assert [str(listen) for listen in config.listen] == ["udp:127.0.0.1:5070"]
        assert (config.role, config.registrar) == ("edge", "sip:127.0.0.1:5080")
        assert config.recurse.domains == {"hotel.example"}
        assert (config.recurse.depth, config.no_auth, config.log.format) == (2, True, "json")


def test_demo(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr("ringway.cli.demo.script.run_demo", lambda: shown.append("demo"))
    assert cli("demo").status == 0
    assert shown == ["demo"]


class TestConfigCheck:
    def test_fine(self, cli: Cli, tmp_path: Path) -> None:
        file = tmp_path / "ringway.toml"
        file.write_text('domains = ["example.com"]')
        assert cli("config", "check", file) == Result(0, f"{file} is fine.\n", "")
        assert cli("config", "check") == Result(0, "The configuration is fine.\n", "")
        assert json.loads(cli("config", "check", file, "--json").out) == {"faults": []}

    def test_every_fault_is_a_line(self, cli: Cli, tmp_path: Path) -> None:
        file = tmp_path / "ringway.toml"
        file.write_text('role = "x"\nstore = "y"')
        result = cli("config", "check", file)
        assert result.status == 2
        assert result.err.splitlines() == [
            f"ringway: {file}: role = 'x' is not allowed; use one of all, edge, registrar",
            f"ringway: {file}: store = 'y' is not allowed; use memory or sqlite:PATH",
        ]
        found = cli("config", "check", file, "--json")
        assert found.status == 2
        assert [fault["key"] for fault in json.loads(found.out)["faults"]] == ["role", "store"]

    def test_certificates_are_looked_at(self, cli: Cli, tmp_path: Path) -> None:
        certificate = Certificate(tmp_path)
        file = tmp_path / "ringway.toml"
        file.write_text("tls = {certificate = 'certificate.pem', key = 'key.pem'}")
        assert cli("config", "check", file).status == 0
        certificate.key.write_text("nonsense")
        result = cli("config", "check", file)
        assert result.status == 2
        assert "tls.certificate" in result.err

    def test_redirects_are_looked_at(self, cli: Cli, tmp_path: Path) -> None:
        file = tmp_path / "ringway.toml"
        file.write_text("[[redirect]]\nuser = 'bob'\nto = 'tel:1'\nstatus = 305")
        assert "redirect[0] = 'bob' is not allowed" in cli("config", "check", file).err
