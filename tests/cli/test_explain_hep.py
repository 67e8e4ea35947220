"""`ringway explain --hep`: what servers send, over UDP and TCP, and what nobody should send."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.cli.support import Cli
from tests.ports import free_port
from tests.unit.explain.observed.captures import healthy, troubled

from ringway.aio.sockets import bind_datagram
from ringway.capture.hep import hep_packet
from ringway.capture.items import Item, Seen, Tick, Trouble
from ringway.cli.explain import hep_in
from ringway.cli.explain.hep_in import CollectorError, HepCollector
from ringway.explain.observed.explain import Explainer
from ringway.server.config.values import read_hep_listen
from ringway.transport.flow import Address

Place = tuple[str, int]


def packets(*items: Item, key: bytes = b"") -> list[bytes]:
    return [hep_packet(each, 7, key) for each in items if isinstance(each, Seen)]


def send(transport: str, place: Place, *data: bytes) -> None:
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.connect(place)
        for each in data:
            sock.sendall(each)


@contextlib.contextmanager
def listening(transport: str, key: bytes = b"") -> Iterator[HepCollector]:
    with contextlib.closing(HepCollector(read_hep_listen(f"{transport}:0"), key)) as collector:
        yield collector


def taken(collector: HepCollector, until: Callable[[list[Item]], bool]) -> list[Item]:
    """Iterate until what was found is enough, then to the end; without the ticks."""
    found: list[Item] = []
    limit = time.monotonic() + 10
    for item in collector:
        if not isinstance(item, Tick):
            found.append(item)
        assert time.monotonic() < limit, found
        if until(found):
            collector.stop()
    return found


def seen(found: list[Item]) -> list[Seen]:
    return [item for item in found if isinstance(item, Seen)]


def texts(found: list[Item]) -> list[str]:
    return [item.text for item in found if isinstance(item, Trouble)]


class TestCollector:
    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_messages(self, transport: str) -> None:
        expected = [item for item in healthy().items if isinstance(item, Seen)]
        with listening(transport) as collector:
            send(transport, collector.address, *packets(*expected))
            found = seen(taken(collector, lambda found: len(found) == len(expected)))
        assert [item.data for item in found] == [item.data for item in expected]
        assert [item.at for item in found] == [item.at for item in expected]
        assert [item.frames for item in found] == [(n,) for n in range(1, len(expected) + 1)]

    def test_many_at_once_and_what_is_no_sip(self) -> None:
        """Keep-alives and other protocols are passed over; more than one batch waits."""
        packet = packets(healthy().items[0])[0]
        log = packet.replace(b"\0\0\0\x0b\0\7\1", b"\0\0\0\x0b\0\7\x64")
        assert log != packet
        with listening("udp") as collector:
            send("udp", collector.address, *[log] * 100, packet)
            (found,) = taken(collector, bool)
        assert found.frames == (101,)

    def test_a_flood_does_not_keep_it_from_ending(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hep_in, "_LAST_ROUNDS", 1)
        monkeypatch.setattr(hep_in, "_BATCH", 1)
        with listening("udp") as collector:
            send("udp", collector.address, *packets(healthy().items[0]) * 5)
            collector.stop()
            assert len(seen(list(collector))) == 1

    def test_what_was_there_a_moment_ago(self) -> None:
        """Somebody who connects and resets at once, and octets that are gone again."""
        with listening("tcp") as collector, socket.create_connection(collector.address) as sock:
            collector._accept(1.0)
            collector._accept(1.0)
            (agent,) = collector._agents.values()
            collector._read(agent, 2.0)
            assert (agent.heard_at, sock.fileno() > 0) == (1.0, True)

    def test_the_time_is_told_when_it_is_quiet(self) -> None:
        before = time.time()
        with listening("udp") as collector:
            tick = next(iter(collector))
            assert isinstance(tick, Tick)
            assert before <= tick.at <= time.time()

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_what_has_come_is_read_after_the_end(self, transport: str) -> None:
        with listening(transport) as collector:
            send(transport, collector.address, *packets(*healthy().items))
            collector.stop()
            assert len(seen(list(collector))) == 6

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_a_key(self, transport: str) -> None:
        one = healthy().items[0]
        wrong = [*packets(one), *packets(one, key=b"kei"), *packets(one, key=b"key2")]
        with listening(transport, b"key") as collector:
            send(transport, collector.address, *wrong, *packets(one, key=b"key"))
            found = taken(collector, lambda found: bool(seen(found)))
        assert len(seen(found)) == 1
        assert len(texts(found)) == 3
        assert re.fullmatch(
            r"a HEP packet without the right key was dropped: from 127\.0\.0\.1:\d+",
            texts(found)[0],
        )

    def test_a_time_to_come_does_not_end_conversations(self) -> None:
        items = [item for item in healthy().items if isinstance(item, Seen)]
        liar = items[0]._replace(at=4e9)
        with listening("udp") as collector:
            send("udp", collector.address, *packets(liar))
            (found,) = taken(collector, bool)
        assert abs(found.at - time.time()) < 60

    def test_what_is_no_hep_is_counted(self) -> None:
        with listening("udp") as collector:
            send(
                "udp",
                collector.address,
                *[b"GET / HTTP/1.1\r\n\r\n"] * 5,
                *packets(healthy().items[0]),
            )
            found = taken(collector, lambda found: bool(seen(found)))
        assert [text.partition(",")[0] for text in texts(found)] == [
            *["a packet that is no HEP: no HEP packet"] * 3,
            "a packet that is no HEP: 2 times more",
        ]

    def test_a_packet_that_does_not_say_between_whom(self) -> None:
        with listening("udp") as collector:
            send("udp", collector.address, b"HEP3\0\x0d\0\0\0\x0b\0\7\1")
            (found,) = taken(collector, bool)
        assert isinstance(found, Trouble)
        assert found.text.startswith(
            "a HEP packet that does not say from where to where: from 127."
        )

    def test_lost_datagrams_are_counted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def small(address: Address) -> socket.socket:
            sock = bind_datagram(address)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            return sock

        monkeypatch.setattr(hep_in, "bind_datagram", small)
        with listening("udp") as collector:
            send("udp", collector.address, *packets(healthy().items[0]) * 100)
            found = taken(collector, bool)
            lost = collector.lost()
        assert 0 < lost < 100
        assert len(seen(found)) == 100 - lost
        assert texts(found) == [f"{lost} packets came too fast and are missing"]

    def test_where_nobody_counts_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hep_in, "_MEMINFO", 9999)
        with listening("udp") as collector:
            assert collector.lost() == 0
        with listening("tcp") as collector:
            assert collector.lost() == 0


class TestConnections:
    def test_a_bad_one_does_not_end_the_others(self) -> None:
        good = packets(*healthy().items)
        with listening("tcp") as collector, socket.create_connection(collector.address) as sock:
            sock.sendall(good[0] + good[1][:50])
            send("tcp", collector.address, good[2], b"GET / HTTP/1.1\r\n\r\n")
            send("tcp", collector.address, good[3][:20])
            with contextlib.suppress(ConnectionError):
                send("tcp", collector.address, b"HEP3\0\0" * 100)
            found = taken(collector, lambda found: len(found) >= 5)
            collector._stopped = False
            sock.sendall(good[1][50:])
            found += taken(collector, bool)
        assert sorted(item.data for item in seen(found)) == sorted(
            item.data for item in healthy().items[:3] if isinstance(item, Seen)
        )
        assert {re.sub(r"127.*", "", text) for text in texts(found)} == {
            "octets that begin no HEP packet; its connection was closed: ",
            "a connection that ended within a HEP packet: ",
            "a HEP packet with a length of 0; its connection was closed: ",
        }

    def test_there_is_a_most_of_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hep_in, "_CONNECTIONS", 3)
        with listening("tcp") as collector, contextlib.ExitStack() as stack:
            socks = [
                stack.enter_context(socket.create_connection(collector.address)) for _ in range(5)
            ]
            found = taken(collector, lambda found: len(found) == 2)
            assert len(collector._agents) == 3
            assert all(
                "more than 3 connections: the longest silent" in text for text in texts(found)
            )
            assert [sock.recv(1) for sock in socks[:2]] == [b"", b""]

    def test_one_that_is_reset(self) -> None:
        with listening("tcp") as collector:
            sock = socket.create_connection(collector.address)
            sock.sendall(packets(healthy().items[0])[0])
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            found: list[Item] = []
            for item in collector:
                found.append(item)
                if isinstance(item, Seen):
                    sock.close()
                elif sock.fileno() < 0 and not collector._agents:
                    collector.stop()
            assert len(seen(found)) == 1


class TestMany:
    def test_memory_is_bounded(self) -> None:
        """More conversations than are kept at once, each of another address."""
        one = healthy().items[0]
        assert isinstance(one, Seen)
        count = 12_000
        told = 0

        def flood(place: Place) -> None:
            with socket.create_connection(place) as sock:
                for number in range(count):
                    data = one.data.replace(b"Call-ID: ", b"Call-ID: %d-" % number)
                    source = one.source._replace(port=1 + number)
                    sock.sendall(hep_packet(one._replace(data=data, source=source), 1))

        with listening("tcp") as collector:
            sender = threading.Thread(target=flood, args=(collector.address,))
            sender.start()
            explainer = Explainer()

            def items() -> Iterator[Item]:
                for item in collector:
                    yield item
                    if explainer.messages == count:
                        collector.stop()

            for _ in explainer.explain(items()):
                told += 1
                if explainer.messages < count:
                    assert told >= explainer.messages - 10_000
            sender.join()
        assert told == count


class TestCommand:
    def run(
        self, cli: Cli, transport: str, *arguments: str | Path, data: list[bytes]
    ) -> tuple[int, str, str]:
        """Run it, send it something, and press Ctrl-C."""
        port = free_port()
        done = threading.Event()

        def interrupt() -> None:
            limit = time.monotonic() + 20
            while not done.wait(0.02):
                assert time.monotonic() < limit
                if signal.getsignal(signal.SIGINT) is not before:
                    break
            send(transport, ("127.0.0.1", port), *data)
            os.kill(os.getpid(), signal.SIGINT)

        before = signal.getsignal(signal.SIGINT)
        thread = threading.Thread(target=interrupt)
        thread.start()
        try:
            result = cli("explain", "--hep", f"{transport}:{port}", *arguments)
        finally:
            done.set()
            thread.join()
        assert signal.getsignal(signal.SIGINT) is before
        return result.status, result.out, result.err

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_it_tells_what_came(self, cli: Cli, transport: str) -> None:
        status, out, err = self.run(cli, transport, "--ladder", data=packets(*troubled().items))
        assert status == 1
        assert "⇒ It failed: 430" in out
        assert "─ INVITE ─" in out
        assert "\n13 SIP messages" in out
        assert re.fullmatch(
            rf"ringway: listening for HEP at {transport}:127\.0\.0\.1:\d+; Ctrl-C ends\n", err
        )

    def test_json_and_a_page(self, cli: Cli, tmp_path: Path) -> None:
        page = tmp_path / "page.html"
        _, out, _ = self.run(
            cli, "tcp", "--json", "--html", page, "--mask", data=packets(*troubled().items)
        )
        told = [json.loads(line) for line in out.splitlines()]
        assert [each["type"] for each in told] == ["conversation", "conversation", "summary"]
        assert "alice@" not in out
        assert "HEP at tcp:127.0.0.1:" in page.read_text(encoding="utf-8")

    def test_nothing_came(self, cli: Cli) -> None:
        status, out, _ = self.run(cli, "udp", data=[])
        assert (status, out) == (0, "0 SIP messages, no findings\n")

    def test_a_key_of_the_environment(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RINGWAY_HEP_KEY", "kéy")
        data = [*packets(*healthy().items, key="kéy".encode()), *packets(*troubled().items)]
        status, out, _ = self.run(cli, "tcp", data=data)
        assert (status, "\n6 SIP messages, calls: 1" in out) == (0, True)
        assert "without the right key was dropped: 10 times more" in out

    def test_a_place_for_everybody(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(HepCollector, "__iter__", lambda _: iter(()))
        for key, warned in ((), True), (("--hep-key", "x"), False):
            err = cli("explain", "--hep", "0.0.0.0:0", *key).err
            assert ("everybody who reaches it is believed" in err) is warned

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (["x.pcap", "--hep", "9060"], "give a FILE"),
            (["--live", "lo", "--hep", "9060"], "give a FILE"),
            (["--hep", "tls:9060"], "give a port, or udp: or tcp: and ADDRESS:PORT"),
            (["--hep", "99999"], "give a port"),
            (
                ["--hep", "192.0.2.1:9060"],
                "--hep udp:192.0.2.1:9060: cannot assign requested address",
            ),
        ],
    )
    def test_what_cannot_be(self, cli: Cli, arguments: list[str], says: str) -> None:
        result = cli("explain", *arguments)
        assert result.status == 2
        assert says in result.err.replace("│", "").replace("\n", " ").replace("  ", " ")

    def test_a_port_that_is_taken(self) -> None:
        with (
            listening("tcp") as collector,
            pytest.raises(CollectorError, match="address already in use"),
        ):
            HepCollector(read_hep_listen(f"tcp:{collector.address.port}"))
