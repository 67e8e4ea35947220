"""The user agent's commands, with a real server and each other."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.support import Cli, serving
from tests.ports import free_port

from ringway.cli.agent.exits import Exit, exit_for
from ringway.codes import Source
from ringway.ua.events import Failure


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No account in the environment, no device but a new one."""
    for name in ("RINGWAY_AOR", "RINGWAY_OUTBOUND", "RINGWAY_PASSWORD", "RINGWAY_PASSWORD_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RINGWAY_AGENT_STATE", str(tmp_path / "agents"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a server listens that lets everybody in."""
    here = f"127.0.0.1:{free_port()}"
    listen = ("-l", f"udp:{here}", "-l", f"tcp:{here}")
    state = tmp_path_factory.mktemp("state")
    with serving(*listen, "--store", "memory", "--state-dir", state):
        yield here


class Answering:
    """`ringway answer` as a process."""

    def __init__(self, *args: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ringway.cli", "answer", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        self.out = self.process.stdout
        self.lines = [self.out.readline()]

    def end(self) -> tuple[int, str]:
        self.lines += self.out.readlines()
        return self.process.wait(10), "".join(self.lines)


@contextmanager
def answering(server: str, *args: str) -> Iterator[Answering]:
    phone = Answering("--as", f"sip:alice@{server}", "-o", f"sip:{server};transport=tcp", *args)
    try:
        assert "registered" in phone.lines[0]
        yield phone
    finally:
        phone.process.kill()
        phone.process.wait()
        phone.out.close()


class TestRegister:
    def test_once(self, cli: Cli, server: str) -> None:
        result = cli("register", "--as", f"sip:bob@{server}", "--once")
        assert result.status == Exit.DONE
        assert "registered as flow 1 at" in result.out
        assert "unregistered" in result.out

    def test_as_json(self, cli: Cli, server: str) -> None:
        result = cli("register", "--as", f"sip:bob@{server}", "--once", "--json")
        events = [json.loads(line) for line in result.out.splitlines()]
        assert [each["event"] for each in events] == ["registered", "unregistered"]
        assert events[0]["expires"] > 3000

    def test_until_interrupted(self, server: str) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "ringway.cli", "register", "--as", f"sip:bob@{server}"],
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            assert process.stdout is not None
            assert "registered" in process.stdout.readline()
            process.send_signal(signal.SIGINT)
            assert "unregistered" in process.stdout.readline()
        assert process.returncode == Exit.DONE

    def test_nobody_is_there(self, cli: Cli) -> None:
        result = cli("register", "--as", f"sip:bob@127.0.0.1:{free_port()}", "--once")
        assert result.status == Exit.UNREACHABLE
        assert "next try in" in result.out


class TestCall:
    def test_answered(self, cli: Cli, server: str) -> None:
        with answering(server, "--calls", "1") as alice:
            bob = ("--as", f"sip:bob@{server}", "-o", f"sip:{server};transport=tcp")
            result = cli("call", f"sip:alice@{server}", *bob, "--seconds", "0")
            assert result.status == Exit.DONE
            assert "180 Ringing" in result.out
            assert "answered" in result.out
            status, said = alice.end()
        assert status == Exit.DONE
        assert f"sip:bob@{server} calls" in said
        assert "the far end hung up" in said

    def test_each_step_as_json(self, cli: Cli, server: str) -> None:
        with answering(server):
            result = cli("call", f"sip:alice@{server}", "--json", "-v", "--seconds", "0")
        events = [json.loads(line) for line in result.out.splitlines()]
        told = [each["event"] for each in events if each["event"] != "decision"]
        assert told == ["calling", "ringing", "answered", "ended"]
        assert any(each.get("kind") == "branch" for each in events)

    def test_busy(self, cli: Cli, server: str) -> None:
        with answering(server, "--busy"):
            result = cli("call", f"sip:alice@{server}")
        assert result.status == Exit.NOT_NOW
        assert "486 Busy Here" in result.out
        assert "RFC 3261 §21.4.24" in result.out
        assert "`ringway code 486` says more" in result.out

    def test_redirected(self, cli: Cli, server: str) -> None:
        with answering(server, "--redirect-to", f"sip:carol@{server}"):
            followed = cli("call", f"sip:alice@{server}", "-v")
            left = cli("call", f"sip:alice@{server}", "--no-follow")
        assert followed.status == Exit.NOT_NOW  # Carol is not there
        assert f"302: trying sip:carol@{server}; sip:alice@{server} stays" in followed.out
        assert left.status == Exit.NOT_FOLLOWED

    def test_interrupted_while_it_rings(self, server: str) -> None:
        with answering(server, "--after", "30"):
            process = subprocess.Popen(
                [sys.executable, "-m", "ringway.cli", "call", f"sip:alice@{server}"],
                stdout=subprocess.PIPE,
                text=True,
            )
            with process:
                assert process.stdout is not None
                for line in process.stdout:
                    if "180" in line:
                        process.send_signal(signal.SIGINT)
            assert process.returncode == Exit.INTERRUPTED

    def test_a_session_description_of_ones_own(self, cli: Cli, server: str, tmp_path: Path) -> None:
        file = tmp_path / "offer.sdp"
        file.write_text("v=0\r\n")
        with answering(server):  # which cannot answer that
            result = cli("call", f"sip:alice@{server}", "--sdp", file)
        assert result.status == Exit.REFUSED
        assert "488" in result.out
        result = cli("call", f"sip:alice@{server}", "--sdp", tmp_path / "none")
        assert result.status == Exit.USAGE
        assert "--sdp" in result.err


class TestMessage:
    def test_delivered(self, cli: Cli, server: str) -> None:
        with answering(server) as alice:
            result = cli(
                "message", f"sip:alice@{server}", "good\x1b[2Jbye", "--as", f"sip:b@{server}"
            )
            assert result.status == Exit.DONE
            assert "delivered" in result.out
            alice.process.send_signal(signal.SIGTERM)
            _, said = alice.end()
        assert f"MESSAGE of sip:b@{server}: good\\x1b[2Jbye" in said

    def test_nobody_is_there(self, cli: Cli, server: str) -> None:
        result = cli("message", f"sip:alice@{server}", "hello", "--as", f"sip:b@{server}")
        assert result.status == Exit.NOT_NOW


class TestOptions:
    def test_a_server(self, cli: Cli, server: str) -> None:
        result = cli("options", f"sip:{server}")
        assert result.status == Exit.DONE
        assert "is there: 200 OK over udp" in result.out
        assert "software: Ringway" in result.out

    def test_several_times_as_json(self, cli: Cli, server: str) -> None:
        result = cli("options", f"sip:{server};transport=tcp", "-n", "2", "--json")
        replies = [json.loads(line) for line in result.out.splitlines()]
        assert [each["status"] for each in replies] == [200, 200]
        assert replies[1]["at"] > replies[0]["at"] + 0.9

    def test_nobody(self, cli: Cli) -> None:
        result = cli("options", f"sip:127.0.0.1:{free_port()};transport=tcp")
        assert result.status == Exit.UNREACHABLE


class TestFaults:
    """One line that says what is wrong, where, and what to do; exit status 2."""

    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (["register"], "--as"),
            (["message", "sip:a@b", "hi"], "--as"),
            (["call", "tel:+123"], "whom to call"),
            (["options", "not a uri"], "whom to ask"),
            (["call", "sip:a@b", "--as", "alice"], "alice@example.com"),
            (["call", "sip:a@b", "-o", "sip:"], "an outbound proxy"),
            (["call", "sip:a@b", "--dns", "localhost"], "--dns"),
            (["call", "sip:a@b", "--ca", "/none"], "--ca"),
            (["call", "sip:a@b", "--password-file", "/none"], "--password-file"),
            (["call", "sip:a@b", "--port", "70000"], "--port"),
        ],
    )
    def test_is_one_line(self, cli: Cli, args: list[str], said: str) -> None:
        result = cli(*args)
        assert (result.status, result.err.count("\n")) == (Exit.USAGE, 1)
        assert said in result.err

    def test_a_password_file_that_is_empty(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "password").touch()
        result = cli("call", "sip:a@b", "--password-file", tmp_path / "password")
        assert "a file with a password" in result.err


class TestPasswords:
    @pytest.fixture
    def locked(self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
        """Where a server listens that knows Bob and his password, `dylan`."""
        monkeypatch.setattr(sys, "stdin", io.StringIO("dylan\n"))
        assert cli("user", "add", "bob@example.com", "--file", tmp_path / "users.toml").status == 0
        here = f"127.0.0.1:{free_port()}"
        config = tmp_path / "ringway.toml"
        config.write_text(
            f'domains = ["example.com"]\nlisten = ["udp:{here}"]\nstore = "memory"\n'
            f'[auth]\nusers = "{tmp_path / "users.toml"}"\n'
        )
        environment = {**os.environ, "RINGWAY_WEB__LISTEN": "off", "RINGWAY_METRICS__LISTEN": "off"}
        process = subprocess.Popen(
            [sys.executable, "-m", "ringway.cli", "serve", "--config", config],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        while "ready" not in process.stdout.readline():
            assert process.poll() is None
        yield here
        process.kill()
        process.wait()
        process.stdout.close()

    @pytest.mark.parametrize("how", ["file", "environment", "asked"])
    def test_from(
        self, cli: Cli, locked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
    ) -> None:
        args = ["register", "--once", "--as", "sip:bob@example.com", "-o", f"sip:{locked}"]
        if how == "file":
            (tmp_path / "password").write_text("dylan\nand more\n")
            args += ["--password-file", str(tmp_path / "password")]
        elif how == "environment":
            monkeypatch.setenv("RINGWAY_PASSWORD", "dylan")
        else:
            monkeypatch.setattr(sys, "stdin", io.StringIO("dylan\n"))
            args += ["--ask-password"]
        assert cli(*args).status == Exit.DONE

    def test_a_wrong_one(self, cli: Cli, locked: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RINGWAY_PASSWORD", "thomas")
        result = cli("register", "--as", "sip:bob@example.com", "-o", f"sip:{locked}")
        assert result.status == Exit.CREDENTIALS
        assert "401" in result.out
        assert "thomas" not in result.out + result.err


@pytest.mark.parametrize(
    ("status", "source", "expected"),
    [
        (486, Source.RECEIVED, Exit.NOT_NOW),
        (408, Source.RECEIVED, Exit.NOT_NOW),
        (408, Source.TIMER, Exit.UNREACHABLE),
        (503, Source.TRANSPORT, Exit.UNREACHABLE),
        (503, Source.RECEIVED, Exit.REFUSED),
        (403, Source.RECEIVED, Exit.REFUSED),
        (407, Source.RECEIVED, Exit.CREDENTIALS),
        (302, Source.RECEIVED, Exit.NOT_FOLLOWED),
        (399, Source.RECEIVED, Exit.NOT_FOLLOWED),
    ],
)
def test_exit_status(status: int, source: Source, expected: Exit) -> None:
    assert exit_for(Failure(status, source, "")) is expected
