"""What Wireshark's own dissectors see in the same file: captures that are made, and real traffic.

The real traffic is a server and two user agents of ours on loopback; dumpcap writes it down.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop.peers import need
from tests.interop.programs import Program
from tests.ports import free_port
from tests.unit.capture.packets import ACK, FIN, Talk, answer, ether, ipv4, pcap, sip, udp
from tests.unit.capture.test_ip import pieces4, pieces6

from ringway.capture.files import read_capture
from ringway.capture.items import Closed, Item, Opened, Seen, Trouble

pytestmark = pytest.mark.interop

RINGWAY = (sys.executable, "-m", "ringway.cli")
Message = tuple[int, str, str]  # the packet it ended in, its start line, its Call-ID


def items_of(file: Path) -> list[Item]:
    with file.open("rb") as source:
        return list(read_capture(source))


def ours(items: list[Item]) -> Counter[Message]:
    found = [item for item in items if isinstance(item, Seen)]
    assert not [item for item in found if item.fault]
    return Counter(
        (item.frames[-1], item.message.start_line, item.message.get("call-id") or "")
        for item in found
        if item.message is not None
    )


def theirs(file: Path, *decode: str) -> Counter[Message]:
    """The messages tshark finds; several in one packet come as lists."""
    args = [need("tshark"), "-r", str(file), "-Y", "sip", "-T", "fields", "-E", "aggregator=|"]
    for each in ("frame.number", "sip.Request-Line", "sip.Status-Line", "sip.Call-ID"):
        args += ["-e", each]
    args += ["-o", "tcp.reassemble_out_of_order:TRUE"]
    for each in decode:
        args += ["-d", each]
    done = subprocess.run(args, capture_output=True, text=True, timeout=50, check=True)
    found: Counter[Message] = Counter()
    for line in done.stdout.splitlines():
        number, requests, statuses, calls = line.split("\t")
        starts = [each for each in f"{requests}|{statuses}".split("|") if each]
        ids = calls.split("|")
        # In one packet requests come before responses, so only alike ones can be told apart.
        assert len(starts) == 1 or len(set(ids)) == 1 or not (requests and statuses)
        for start, call in zip(starts, ids, strict=True):
            found[int(number), start, call] += 1
    return found


def test_a_capture_that_is_made(tmp_path: Path) -> None:
    talk = Talk(2**32 - 300).open()
    talk.send("a", sip(call="a", body=b"x" * 500)[:400])
    talk.send("a", sip(call="a", body=b"x" * 500)[400:] + sip(call="b"))
    late = talk.lose("a", sip(call="c"))
    talk.send("a", sip(call="d"))
    talk.packets.append((talk.at, late[1]))
    talk.send("b", answer(call="a") + answer(call="b"))
    talk.send("b", flags=ACK | FIN)
    packets = [
        *talk.packets,
        (200.0, ether(ipv4(udp(sip())))),
        *((201.0, piece) for piece in pieces4()),
        *((202.0, piece) for piece in pieces6()),
    ]
    file = tmp_path / "made.pcap"
    file.write_bytes(pcap(packets))
    expected = theirs(file)
    assert len(expected) == 9
    found = ours(items_of(file))
    # What came before its turn Wireshark tells with the packet that it had waited for.
    assert sorted(each[1:] for each in found) == sorted(each[1:] for each in expected)
    assert {each[0] for each in found - expected} == {6}


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[list[Program]]:
    running: list[Program] = []
    yield running
    for program in reversed(running):
        program.stop()


def wait_until_written(file: Path) -> None:
    """Wait until dumpcap, which writes when it has a lot or has waited, has the end of the call."""
    limit = time.monotonic() + 20
    while sum(1 for item in items_of(file) if is_of_the_end(item)) < 3:
        assert time.monotonic() < limit, "dumpcap has not written the end of the call"
        time.sleep(0.05)


def is_of_the_end(item: Item) -> bool:
    return isinstance(item, Seen) and item.message is not None and item.message.cseq.method == "BYE"


def start(programs: list[Program], folder: Path, name: str, *args: str | Path) -> Program:
    program = Program(
        name,
        args,
        log=folder / f"{name}.log",
        cwd=folder,
        env={
            "RINGWAY_STATE_DIR": str(folder / "state"),
            "RINGWAY_METRICS__LISTEN": "off",
            "RINGWAY_PASSWORD": "secret",
        },
    )
    programs.append(program)
    return program


@pytest.mark.parametrize("transport", ["udp", "tcp", "ws"])
@pytest.mark.parametrize("form", ["pcap", "pcapng"])
def test_a_real_call(tmp_path: Path, programs: list[Program], transport: str, form: str) -> None:
    port = free_port()
    file = tmp_path / f"call.{form}"
    kind = ("-P",) if form == "pcap" else ("-n",)
    catch = ("-i", "lo", "-f", f"port {port}", "-w", file)
    dumpcap = start(programs, tmp_path, "dumpcap", need("dumpcap"), *kind, *catch)
    dumpcap.wait_for("^File: ")
    listen = ("--listen", f"{transport}:127.0.0.1:{port}")
    options = ("--no-auth", "--domain", "example.com", "--web", "off", "--store", "memory")
    start(programs, tmp_path, "serve", *RINGWAY, "serve", *listen, *options).wait_for("^ready$")
    outbound = ("--outbound", f"sip:127.0.0.1:{port};transport={transport};lr")

    def agent(command: str, user: str, *more: str) -> Program:
        who = ("--as", f"sip:{user}@example.com", "--agent-state", str(tmp_path / user))
        return start(programs, tmp_path, user, *RINGWAY, command, *more, *who, *outbound)

    bob = agent("answer", "bob", "--calls", "1")
    bob.wait_for("(?i)registered")
    alice = agent("call", "alice", "sip:bob@example.com", "--seconds", "0")
    assert alice.wait(20) == 0
    assert bob.wait(20) == 0
    wait_until_written(file)
    dumpcap.signal(signal.SIGINT)
    dumpcap.wait(10)

    items = items_of(file)
    decode = {"udp": f"udp.port=={port},sip", "tcp": f"tcp.port=={port},sip"}
    expected = theirs(file, decode.get(transport, f"tcp.port=={port},http"))
    assert ours(items) == expected
    starts = " ".join(start for _, start, _ in expected)
    for method in ("REGISTER", "INVITE", "ACK", "BYE"):
        assert re.search(rf"\b{method} sip:", starts)
    assert not [item for item in items if isinstance(item, Trouble)]
    if transport != "udp":
        opened = [item for item in items if isinstance(item, Opened)]
        closed = [item for item in items if isinstance(item, Closed)]
        assert {item.transport for item in opened} == {transport}
        assert len(opened) == len(closed) == 2
