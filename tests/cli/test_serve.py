import asyncio
import io
import json
import logging
import os
import re
import signal
import sys
from pathlib import Path

import pytest
from tests.cli.support import Cli, serving
from tests.ports import free_port
from tests.unit.aio.support import Certificate, run
from tests.unit.server.support import REGISTER, UdpPeer

from ringway.cli import serve as serve_module
from ringway.cli.paint import terminal_paint
from ringway.cli.serve import IN_A_TURN, ROOM, Stories, _LogLines
from ringway.endpoint import Decision, Kind, Witnessed
from ringway.explain.text import Tone, plain
from ringway.server.config.load import make_config
from ringway.server.operations.systemd import Supervisor
from ringway.server.server import Server
from ringway.transport.flow import Address, Flow


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestProcess:
    def test_greets_tells_and_stops(self, tmp_path: Path) -> None:
        port = free_port()
        where = f"udp:127.0.0.1:{port}"
        args = ("--domain", "example.com", "--listen", where, "--state-dir", tmp_path)
        with serving(*args) as (process, greeting):
            assert greeting == [
                "ringway: all for example.com",
                f"  {where}",
                "  no passwords: whoever reaches these may register and call as anyone",
                "ready",
            ]
            peer = UdpPeer()
            with peer.sock:
                peer.sock.settimeout(5)
                peer.sock.sendto(REGISTER, Address("127.0.0.1", port))
                peer.sock.recv(4096)
            process.send_signal(signal.SIGHUP)  # nothing to reload
            process.send_signal(signal.SIGTERM)
            assert process.stdout is not None
            told = process.stdout.read()
            assert process.wait() == 0
            assert "sip:alice@example.com" in told
            assert "Traceback" not in told

    def test_json(self, tmp_path: Path) -> None:
        where = f"udp:127.0.0.1:{free_port()}"
        args = ("--json", "--messages", "--domain", "example.com", "--listen", where)
        with serving(*args, "--store", "memory") as (process, greeting):
            [ready] = [json.loads(line) for line in greeting]
            assert ready["kind"] == "ready"
            assert (ready["role"], ready["listen"]) == ("all", [where])
            with UdpPeer().sock as sock:
                sock.sendto(REGISTER, Address("127.0.0.1", int(where.rpartition(":")[2])))
                assert process.stdout is not None
                told = [json.loads(process.stdout.readline()) for _ in range(3)]
            assert [each["kind"] for each in told] == ["message", "bound", "message"]
            assert [each.get("sent") for each in told] == [False, None, True]
            process.send_signal(signal.SIGINT)
            assert process.wait() == 0

    def test_on_a_port_that_is_taken(self, cli: Cli) -> None:
        with UdpPeer().sock as taken:
            result = cli("serve", "--listen", f"udp:127.0.0.1:{taken.getsockname()[1]}")
        assert result.status == 2
        assert "address already in use" in result.err
        assert result.err.count("\n") == 1


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps what a server does to its process away from the tests'."""
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
    monkeypatch.setattr(serve_module, "tune_collector", lambda: None)
    monkeypatch.setattr(serve_module, "raise_file_limit", lambda: 0)


@pytest.mark.usefixtures("untouched")
class TestInThisProcess:
    def test_serves_until_told_to_stop(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        begin = Stories.begin

        def begin_and_stop(self: Stories, server: Server, web: str) -> None:
            begin(self, server, web)
            os.kill(os.getpid(), signal.SIGTERM)

        monkeypatch.setattr(Stories, "begin", begin_and_stop)
        config = make_config(
            listen=["udp:127.0.0.1:0"],
            advertise="sip.example.com:5099",
            web={"listen": "127.0.0.1:0"},
        )
        serve_module.run_server(config)
        out = capsys.readouterr().out
        assert ", reached as sip.example.com:5099\n" in out
        assert re.search(r"  http://127.0.0.1:\d+/ explains every response code\n", out)
        assert out.endswith("ready\n")

    def test_a_hang_up_signal_reads_the_certificate_again(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        certificate = Certificate(tmp_path)
        tls = {"certificate": certificate.file, "key": certificate.key}

        async def main() -> None:
            config = make_config(listen=["tls:127.0.0.1:0"], tls=tls, no_auth=True)
            async with Server(config) as server:
                serve_module._reload(server, None, Supervisor({}))
                assert not caplog.records
                certificate.key.write_text("nonsense")
                serve_module._reload(server, None, Supervisor({}))

        run(main())
        assert "everything stays as it was" in caplog.text


def make_decision(at: float = 1000.0, **fields: object) -> Decision:
    values: dict[str, object] = {
        "at": at,
        "kind": Kind.ANSWER,
        "text": "done",
        "call_id": "c1",
        "method": "INVITE",
        "status": 200,
    }
    return Decision(**{**values, **fields})  # type: ignore[arg-type] # a test's fields


class TestStories:
    def test_are_told_when_a_call_has_been_answered(self) -> None:
        async def main() -> None:
            written = asyncio.Event()

            class Output(io.StringIO):
                def write(self, text: str) -> int:
                    written.set()
                    return super().write(text)

            output = Output()
            loop = asyncio.get_running_loop()
            stories = Stories(make_config(), plain, loop, output)
            assert stories.listener is not None
            stories.listener(make_decision(kind=Kind.FLOW_CLOSED, call_id="", status=0))
            assert "flow closed" in output.getvalue()
            written.clear()
            stories.listener(make_decision(kind=Kind.REQUEST, status=0))
            stories.listener(make_decision())
            stories.listener(make_decision(call_id="c3"))
            await written.wait()
            assert "answer" in output.getvalue()
            stories.listener(make_decision(call_id="c2", kind=Kind.REQUEST, status=0))
            stories.close()
            assert "c2" in output.getvalue()
            stories.close()

        run(main())

    def test_as_json(self) -> None:
        async def main() -> None:
            output = io.StringIO()
            config = make_config(listen=["udp:127.0.0.1:0"], log={"format": "json"})
            stories = Stories(config, plain, asyncio.get_running_loop(), output)
            async with Server(config) as server:
                stories.begin(server, "")
            assert json.loads(output.getvalue())["domains"] == ["127.0.0.1", "localhost"]
            output.truncate(0)
            output.seek(0)
            assert stories.listener is not None
            stories.listener(make_decision(text="caf\u00e9 \udc80"))
            assert json.loads(output.getvalue())["kind"] == "answer"
            assert output.getvalue().isascii()

        run(main())

    def test_messages_are_told_in_their_place(self) -> None:
        flow = Flow("udp", Address("127.0.0.1", 5060), Address("127.0.0.2", 5061))
        message = Witnessed(1.0, flow, sent=False, data=REGISTER)

        async def main() -> None:
            output = io.StringIO()
            loop = asyncio.get_running_loop()
            config = make_config(log={"format": "json", "messages": True})
            stories = Stories(config, plain, loop, output)
            assert stories.listener is not None
            assert stories.witness is not None
            stories.witness(message)
            stories.listener(make_decision())
            told = [json.loads(line) for line in output.getvalue().splitlines()]
            assert [each["kind"] for each in told] == ["message", "answer"]
            assert told[0]["data"] == REGISTER.decode()
            assert output.getvalue().isascii()
            bare = make_config(log={"format": "json"})
            assert Stories(bare, plain, loop, io.StringIO()).witness is None

        run(main())

    def test_a_flood_is_told_in_later_turns_and_in_order(self) -> None:
        async def main() -> None:
            output = io.StringIO()
            loop = asyncio.get_running_loop()
            stories = Stories(make_config(log={"format": "json"}), plain, loop, output)
            assert stories.listener is not None

            def told() -> list[str]:
                return [json.loads(line)["call_id"] for line in output.getvalue().splitlines()]

            flood = [str(number) for number in range(3 * IN_A_TURN)]
            for call_id in flood:
                stories.listener(make_decision(call_id=call_id))
            assert told() == flood[:IN_A_TURN]
            await asyncio.sleep(0)
            assert told() == flood[: 2 * IN_A_TURN]
            stories.listener(make_decision(call_id="last"))
            stories.close()
            assert told() == [*flood, "last"]

        run(main())

    def test_a_flood_that_does_not_end_fills_no_memory(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(serve_module, "WAITING", 10)

        async def main() -> None:
            output = io.StringIO()
            loop = asyncio.get_running_loop()
            stories = Stories(make_config(log={"format": "json"}), plain, loop, output)
            assert stories.listener is not None
            for number in range(3 * IN_A_TURN):
                stories.listener(make_decision(call_id=str(number)))
            assert len(output.getvalue().splitlines()) == 3 * IN_A_TURN - 10
            stories.close()
            assert len(output.getvalue().splitlines()) == 3 * IN_A_TURN

        run(main())

    def test_nor_do_large_messages(self) -> None:
        flow = Flow("udp", Address("127.0.0.1", 5060), Address("127.0.0.2", 5061))
        large = Witnessed(1.0, flow, sent=False, data=b"x" * (ROOM // 10))

        async def main() -> None:
            output = io.StringIO()
            loop = asyncio.get_running_loop()
            config = make_config(log={"format": "json", "messages": True})
            stories = Stories(config, plain, loop, output)
            assert stories.witness is not None
            for _ in range(IN_A_TURN + 30):
                stories.witness(large)
            assert len(output.getvalue().splitlines()) == IN_A_TURN + 20
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert len(output.getvalue().splitlines()) == IN_A_TURN + 30
            stories.witness(large)
            stories.close()
            assert len(output.getvalue().splitlines()) == IN_A_TURN + 31

        run(main())

    def test_are_not_told_when_only_warnings_are_wanted(self) -> None:
        async def main() -> None:
            config = make_config(log={"level": "warning"})
            loop = asyncio.get_running_loop()
            assert Stories(config, plain, loop, io.StringIO()).listener is None

        run(main())

    def test_stop_when_nobody_reads(self, caplog: pytest.LogCaptureFixture) -> None:
        class Closed(io.StringIO):
            def write(self, _text: str) -> int:
                raise BrokenPipeError

        async def main() -> None:
            config = make_config(log={"format": "json"})
            stories = Stories(config, plain, asyncio.get_running_loop(), Closed())
            assert stories.listener is not None
            stories.listener(make_decision())
            stories.listener(make_decision())

        run(main())
        assert [record.message for record in caplog.records] == [
            "standard output is closed: no more stories"
        ]


class TestLog:
    def make_record(self, *, failed: bool = False) -> logging.LogRecord:
        error = ZeroDivisionError("by nought")
        fault = (ZeroDivisionError, error, None) if failed else None
        return logging.LogRecord("ringway", logging.WARNING, "f", 1, "from %s", ("\x1b[2J",), fault)

    def test_lines_are_safe_to_show(self) -> None:
        line = _LogLines(as_json=False).format(self.make_record())
        assert line == r"ringway: warning: from \x1b[2J"

    def test_a_fault_of_ours_has_its_traceback(self) -> None:
        text = _LogLines(as_json=False).format(self.make_record(failed=True))
        assert "ZeroDivisionError" in text
        values = json.loads(_LogLines(as_json=True).format(self.make_record(failed=True)))
        assert "ZeroDivisionError" in values["trace"]

    def test_json(self) -> None:
        values = json.loads(_LogLines(as_json=True).format(self.make_record()))
        assert (values["kind"], values["level"]) == ("log", "warning")
        assert "trace" not in values


@pytest.mark.parametrize(
    ("output", "no_color", "shown"),
    [
        (Terminal, "", "\x1b[1;31m486 Busy\x1b[0m"),
        (Terminal, "1", "486 Busy"),
        (io.StringIO, "", "486 Busy"),
    ],
)
def test_colour_is_for_terminals_that_want_it(
    output: type[io.StringIO], no_color: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", output())
    paint = terminal_paint()
    assert paint(Tone.BAD, "486 Busy") == shown
    assert paint(Tone.TEXT, "plain") == "plain"
