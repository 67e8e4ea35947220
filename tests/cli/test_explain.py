"""`ringway explain`, as typed: on files, pipes, logs, and what is no capture at all."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console
from tests.cli.support import Cli
from tests.unit.explain.observed import scenes
from tests.unit.explain.observed.captures import as_pcap, healthy, hostile, troubled

from ringway.capture.files import read_capture
from ringway.capture.items import Seen, Trouble
from ringway.cli.explain import source
from ringway.cli.explain.live import Interface, LiveError
from ringway.cli.explain.source import Bars, opened
from ringway.explain.observed.finding import Finding, Severity
from ringway.explain.observed.findings import Across

Write = Callable[[bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def writer(data: bytes) -> Path:
        path = tmp_path / "some.pcap"
        path.write_bytes(data)
        return path

    return writer


def piped(data: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "ringway.cli", "explain", "-", *arguments],
        input=data,
        capture_output=True,
        timeout=60,
        check=False,
    )


class TestText:
    def test_stories_between_two_summaries(self, cli: Cli, write: Write) -> None:
        result = cli("explain", write(as_pcap(troubled())))
        assert result.status == 1
        lines = result.out.splitlines()
        assert lines[0].startswith("13 SIP messages, calls: 1, registrations: 1, findings: ")
        assert lines.count(lines[0]) == 2
        assert "  ⇒ It failed: 430 Flow Failed" in result.out
        assert "\n      → " in result.out
        assert "`ringway code 302`, `ringway code 430`" in result.out
        assert "Proof: #" in result.out
        assert "│" not in result.out
        assert "n0nce" not in result.out
        assert result.err == ""

    def test_a_healthy_call_is_status_0(self, cli: Cli, write: Write) -> None:
        result = cli("explain", write(as_pcap(healthy())))
        assert (result.status, result.err) == (0, "")
        assert result.out.startswith("6 SIP messages, calls: 1, no findings\n")

    def test_a_ladder(self, cli: Cli, write: Write) -> None:
        out = cli("explain", write(as_pcap(healthy())), "--ladder").out
        assert "─ INVITE ─" in out
        assert "<──" in out

    def test_a_ladder_without_end_is_cut(
        self, cli: Cli, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ringway.cli.explain.as_text._MOST_RUNGS", 2)
        out = cli("explain", write(as_pcap(healthy())), "--ladder").out
        assert "… 4 more messages" in out
        assert "─ BYE ─" not in out

    def test_in_chinese(self, cli: Cli, write: Write) -> None:
        out = cli("explain", write(as_pcap(troubled())), "--lang", "zh").out
        assert out.startswith("SIP 消息 13 条，呼叫 1 个，注册 1 个，发现 ")
        assert "主叫收到了 430" in out

    def test_what_to_do_where_nothing_was_found(self, cli: Cli, write: Write) -> None:
        path = write(as_pcap(scenes.busy()))
        assert "\n  What to do\n    → Look up what 486 Busy Here" in cli("explain", path).out
        assert "怎么办" in cli("explain", path, "--lang", "zh").out

    def test_one_call(self, cli: Cli, write: Write) -> None:
        path = write(as_pcap(troubled(), healthy(at=1_700_000_100.0)))
        result = cli("explain", path, "--call", "fine")
        assert (result.status, "430" in result.out) == (0, False)
        assert "calls: 1" in result.out
        missing = cli("explain", path, "--call", "none\x1b")
        assert missing.status == 2
        assert missing.err == "ringway: no conversation has the Call-ID none\\x1b\n"

    def test_names_are_masked(self, cli: Cli, write: Write) -> None:
        for more in (["--ladder"], ["--json"]):
            out = cli("explain", write(as_pcap(troubled())), "--mask", *more).out
            assert "sip:user1@example.com" in out
            assert not any(name in out for name in ("alice@", "bob@", "carol"))

    def test_hostile_text_moves_no_cursor(self, cli: Cli, write: Write) -> None:
        result = cli("explain", write(as_pcap(hostile())), "--ladder")
        assert "\x1b" not in result.out
        assert "<script>" in result.out


class TestJson:
    def test_one_object_a_line(self, cli: Cli, write: Write) -> None:
        result = cli("explain", write(as_pcap(troubled())), "--json")
        assert result.status == 1
        told = [json.loads(line) for line in result.out.splitlines()]
        first, second, *_, last = told
        assert [first["type"], second["type"], last["type"]] == [
            "conversation",
            "conversation",
            "summary",
        ]
        assert second["verdict"]["status"] == 430
        assert [each["says"] for each in second["messages"]][:2] == ["INVITE", "100 Trying"]
        assert second["messages"][2]["copies"] == pytest.approx([1700000000.05, 1700000000.55])
        found = {each["name"]: each for each in second["findings"]}
        assert found["430-reached-caller"]["severity"] == "wrong"
        assert found["430-reached-caller"]["clause"].startswith("RFC 5626")
        assert last["wrong"] is True
        assert last["messages"] == 13


class TestDamage:
    def test_a_file_that_was_cut(self, cli: Cli, write: Write) -> None:
        whole = as_pcap(healthy(), troubled())
        result = cli("explain", write(whole[:-30]), "--lang", "en")
        assert "It failed: 430" in result.out
        assert result.out.count("What could not be read\n    the file ends within packet") == 2
        told = cli("explain", write(whole[:-30]), "--json").out.splitlines()
        assert [json.loads(each)["type"] for each in told[-2:]] == ["trouble", "summary"]

    def test_octets_that_are_wrong(self, cli: Cli, write: Write) -> None:
        whole = bytearray(as_pcap(healthy(), troubled()))
        for place in range(24, len(whole), 97):
            damaged = whole[:place] + b"\xff\x00\xff\xff" + whole[place + 4 :]
            assert cli("explain", write(bytes(damaged))).status in {0, 1, 2}

    def test_many_troubles_are_counted(
        self, cli: Cli, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ringway.cli.explain.as_text._MOST_TROUBLES", 0)
        out = cli("explain", write(as_pcap(healthy())[:-1])).out
        assert "and 1 more" in out

    @pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n\0\0\0\0", b"Dear all,\n", bytes(50)])
    def test_no_capture(self, cli: Cli, write: Write, data: bytes) -> None:
        result = cli("explain", write(data))
        assert result.status == 2
        assert result.err == "ringway: There is no SIP in some.pcap.\n"

    def test_a_disk_that_fails(
        self, cli: Cli, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def failing(_source: object) -> Iterator[object]:
            yield from healthy().items
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(source, "read_capture", failing)
        result = cli("explain", write(as_pcap(healthy())))
        assert "the rest cannot be read: input/output error" in result.out
        assert "6 SIP messages" in result.out


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ([], "give a FILE"),
            (["-", "--live", "lo"], "give a FILE"),
            (["/nowhere/x.pcap"], "/nowhere/x.pcap cannot be read: no such file"),
            (["/"], "/ cannot be read: is a directory"),
        ],
    )
    def test_what_cannot_be(self, cli: Cli, arguments: list[str], says: str) -> None:
        result = cli("explain", *arguments)
        assert result.status == 2
        assert says in result.err

    def test_a_page_that_cannot_be_written(self, cli: Cli, write: Write) -> None:
        result = cli("explain", write(as_pcap(healthy())), "--html", "/nowhere/x.html")
        assert result.status == 2
        assert (
            result.err == "ringway: /nowhere/x.html cannot be written: no such file or directory\n"
        )


class TestHtml:
    def test_the_page_takes_the_place_of_the_stories(
        self, cli: Cli, write: Write, tmp_path: Path
    ) -> None:
        page = tmp_path / "page.html"
        result = cli("explain", write(as_pcap(troubled())), "--html", page)
        assert result.status == 1
        assert result.out.startswith("13 SIP messages")
        assert "⇒" not in result.out
        assert page.read_text(encoding="utf-8").endswith("</html>")

    def test_json_beside_it(self, cli: Cli, write: Write, tmp_path: Path) -> None:
        page = tmp_path / "page.html"
        result = cli("explain", write(as_pcap(healthy())), "--html", page, "--json")
        assert json.loads(result.out.splitlines()[-1])["type"] == "summary"
        assert page.stat().st_size > 10_000


class TestAcross:
    def test_findings_about_several_conversations(
        self, cli: Cli, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        finding = Finding("430-reached-caller", Severity.WRONG, 1.0, (3, 4))
        monkeypatch.setattr(Across, "close", lambda *_: [finding])
        result = cli("explain", write(as_pcap(healthy())))
        assert result.status == 1
        assert "\nOver several conversations\n  wrong  A 430 reached the caller" in result.out
        told = cli("explain", write(as_pcap(healthy())), "--json").out.splitlines()
        assert json.loads(told[-2])["name"] == "430-reached-caller"
        assert cli("explain", write(as_pcap(healthy())), "--call", "fine").status == 0


class TestTerminal:
    def test_a_bar_while_it_reads(
        self, cli: Cli, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        for data in (as_pcap(healthy()), b"OPTIONS sip:a@b SIP/2.0\r\nCall-ID: x\r\n\r\n"):
            assert "reading" in cli("explain", write(data)).err

    @pytest.mark.parametrize("packed", [False, True])
    def test_it_moves_while_nothing_is_found(
        self, monkeypatch: pytest.MonkeyPatch, write: Write, packed: bool
    ) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        data = b"nothing of interest\n" * 50_000
        path = write(gzip.compress(data) if packed else data)
        size = path.stat().st_size
        bars = Bars(lambda: size // 2, size, Console(stderr=True))
        with bars:
            list(bars.get_renderables())
        assert bars.tasks[0].completed == size // 2
        with opened(str(path), None) as capture:
            assert [each.text for each in capture.items if isinstance(each, Trouble)] == [
                "no SIP message in 50000 lines of text"
            ]


class TestSources:
    @pytest.mark.parametrize("text", [False, True])
    def test_standard_input_as_it_comes(
        self, cli: Cli, monkeypatch: pytest.MonkeyPatch, text: bool
    ) -> None:
        data = as_pcap(healthy())
        if text:
            data = b"\n".join(each.data for each in healthy().items if isinstance(each, Seen))
        stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(data)))
        monkeypatch.setattr(sys, "stdin", stream)
        before = signal.getsignal(signal.SIGINT)
        result = cli("explain", "-")
        assert (result.status, result.out.count("6 SIP messages")) == (0, 1)
        assert signal.getsignal(signal.SIGINT) is before

    @pytest.mark.parametrize("packed", [False, True])
    def test_standard_input(self, packed: bool) -> None:
        data = as_pcap(troubled())
        done = piped(gzip.compress(data) if packed else data)
        assert done.returncode == 1, done.stderr
        assert "⇒ It failed: 430" in done.stdout.decode()
        assert done.stdout.decode().count("13 SIP messages") == 1

    def test_pasted_text(self, cli: Cli, write: Write) -> None:
        text = b"\n".join(item.data for item in healthy().items if isinstance(item, Seen))
        result = cli("explain", write(text))
        assert result.out.startswith("6 SIP messages, calls: 1")
        assert (
            piped(text).stdout.decode().rstrip().endswith("6 SIP messages, calls: 1, no findings")
        )

    def test_pasted_text_that_is_packed(self, cli: Cli, write: Write) -> None:
        text = b"\n".join(item.data for item in healthy().items if isinstance(item, Seen))
        packed = gzip.compress(text)
        assert cli("explain", write(packed)).out.startswith("6 SIP messages, calls: 1")
        cut = cli("explain", write(packed[:-12])).out
        assert cut.startswith("6 SIP messages, calls: 1")
        assert "it was packed with gzip, and the end is missing" in cut
        assert b"6 SIP messages, calls: 1" in piped(packed).stdout

    def test_our_own_log(self, cli: Cli, write: Write) -> None:
        line = {"at": 1700000000.0, "kind": "request", "call_id": "c-1", "method": "INVITE",
                "text": "INVITE: sip:al@example.com asks for sip:bobby@example.com"}  # fmt: skip
        answer = {**line, "kind": "answer", "at": 1700000001.0, "text": "404", "status": 404}
        log = write("\n".join(map(json.dumps, (line, answer))).encode())
        out = cli("explain", log).out
        assert out.startswith("0 SIP messages, 2 decisions of the server, calls: 1, no findings")
        assert "sip:al@example.com calls sip:bobby@example.com" in out
        log.with_suffix(".gz").write_bytes(gzip.compress(log.read_bytes()))
        assert cli("explain", log.with_suffix(".gz")).out == out
        assert "⇒ It failed: 404 Not Found after 1.0 s." in out
        assert cli("explain", log, "--call", "other").status == 2
        assert "bobby" not in cli("explain", log, "--mask", "--ladder").out
        told, summary = map(json.loads, cli("explain", log, "--json").out.splitlines())
        assert (told["kind"], told["codes"], told["messages"]) == ("call", [404], [])
        assert summary["decisions"] == 2
        page = log.with_suffix(".html")
        assert cli("explain", log, "--html", page).status == 0
        assert "2 decisions of the server" in page.read_text()
        with log.open("a") as file:
            file.write("\n{}\n")
        assert "#3  an event of a kind" in cli("explain", log).out

    def test_a_reader_who_has_seen_enough(self, write: Write) -> None:
        path = write(as_pcap(*(healthy(f"c-{n}", 1.7e9 + n) for n in range(300))))
        read, written = os.pipe()
        os.close(read)
        done = subprocess.run(
            [sys.executable, "-m", "ringway.cli", "explain", path],
            stdout=written,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
        os.close(written)
        assert (done.returncode, done.stderr) == (0, b"")


class TestLive:
    @pytest.fixture
    def live(self) -> Iterator[Interface]:
        try:
            interface = Interface("lo")
        except LiveError as error:
            pytest.skip(str(error))
        yield interface
        interface.close()

    def test_what_is_sent_is_seen_once(self, live: Interface) -> None:
        message = healthy("live-1").items[0].data  # type: ignore[union-attr]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.sendto(message, sock.getsockname())
        found = b""
        while b"live-1" not in found:
            found += live.read(1)
        live.stop()
        while more := live.read(1):
            found += more
        assert found.startswith(b"\x4d\x3c\xb2\xa1")
        assert found.count(b"Call-ID: live-1\r\n") == 1

    def test_it_ends_when_it_is_told_to(self, live: Interface) -> None:
        assert live.read(1)
        threading.Timer(0.05, live.stop).start()
        while live.read(1):
            pass

    def test_the_first_ctrl_c_ends_the_capture(
        self, live: Interface, cli: Cli, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        live.close()
        message = healthy("live-2").items[0].data  # type: ignore[union-attr]
        read, begun = read_capture, threading.Event()

        def reading(stream: object) -> object:
            begun.set()
            return read(stream)  # type: ignore[arg-type]

        def send() -> None:
            assert begun.wait(20)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.bind(("127.0.0.1", 0))
                sock.sendto(message, sock.getsockname())
            os.kill(os.getpid(), signal.SIGINT)

        monkeypatch.setattr(source, "read_capture", reading)
        monkeypatch.setattr(Interface, "lost", lambda _: 7)
        sender = threading.Thread(target=send)
        sender.start()
        result = cli("explain", "--live", "lo")
        sender.join()
        assert result.status in {0, 1}
        assert "7 packets came too fast and are missing" in result.out

    def test_an_interface_that_is_not_there(self, live: Interface) -> None:
        assert live.fileno() > 0
        assert live.lost() == 0
        with pytest.raises(LiveError, match="no such device"):
            Interface("nowhere0")

    def test_without_the_right(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refused(*_: object) -> None:
            raise PermissionError

        monkeypatch.setattr(socket, "socket", refused)
        with pytest.raises(LiveError, match="needs root"), opened(None, "lo"):
            pass

    def test_elsewhere_than_on_linux(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "platform", "darwin")
        with pytest.raises(LiveError, match="Linux only"):
            Interface("en0")


class TestWhereNothingCanBeWritten:
    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
    @pytest.mark.parametrize("arguments", [(), ("--json",), ("--html", "/dev/full")])
    def test_a_full_disk(self, write: Write, arguments: tuple[str, ...]) -> None:
        path = write(as_pcap(healthy()))
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [sys.executable, "-m", "ringway.cli", "explain", str(path), *arguments],
                stdout=subprocess.DEVNULL if "--html" in arguments else full,
                stderr=subprocess.PIPE,
                timeout=60,
                check=False,
            )
        assert done.returncode == 2
        assert done.stderr == b"ringway: it cannot be written: no space left on device\n"

    def test_the_capture_is_not_written_over(self, cli: Cli, write: Write) -> None:
        path = write(as_pcap(healthy()))
        before = path.read_bytes()
        result = cli("explain", path, "--html", path)
        assert (result.status, result.err) == (
            2,
            f"ringway: {path} is the capture, and would be written over\n",
        )
        assert path.read_bytes() == before

    def test_no_standard_input(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", None)
        result = cli("explain", "-")
        assert (result.status, result.err) == (2, "ringway: there is no standard input\n")
