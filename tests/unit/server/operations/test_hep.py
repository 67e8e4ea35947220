"""Copies of messages on their way to a collector: what they say, and that calls never wait."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self

import pytest
from tests.ports import free_port
from tests.unit.aio.support import LOOPS, run
from tests.unit.server.support import OPTIONS, UdpPeer, read_message, request

from ringway.capture.hep import Hep, decode_hep, hep_packet, message_in
from ringway.capture.hep_stream import HepStream
from ringway.capture.items import Seen
from ringway.endpoint import Listener, Witnessed
from ringway.server.config.load import load_config, make_config
from ringway.server.config.sections import HepConfig
from ringway.server.config.settings import Config
from ringway.server.config.values import read_collector
from ringway.server.operations import hep, hep_link
from ringway.server.operations.hep import HepExport, witnesses
from ringway.server.server import Server
from ringway.transport.flow import TCP, UDP, Address, Flow

HERE, THERE = Address("192.0.2.1", 5060), Address("192.0.2.9", 4444)
DIGEST = 'Authorization: Digest username="a", nonce="n0nce", response="c0ffee", uri="sip:x"'


def config(collector: str, listen: str = "udp:127.0.0.1:0", **more: object) -> Config:
    return make_config(
        domains=["example.com"],
        listen=[listen],
        no_auth=True,
        hep={"collector": collector, **more},
    )


def witnessed(data: bytes = OPTIONS, *, sent: bool = False, flow: Flow | None = None) -> Witnessed:
    return Witnessed(1000.25, flow or Flow(UDP, HERE, THERE), sent, data)


class Datagrams:
    """A collector on UDP."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.name = f"udp:127.0.0.1:{self.sock.getsockname()[1]}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.sock.close()

    async def read(self) -> Hep:
        return decode_hep(await asyncio.get_running_loop().sock_recv(self.sock, 65536))


class Streams:
    """A collector on TCP; `come` waits for a connection."""

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self.reads = asyncio.Event()
        self.reads.set()
        self._found: asyncio.Queue[Hep] = asyncio.Queue()
        self.writers: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        self.name = f"tcp:127.0.0.1:{self._port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        while not self.writers.empty():
            self.writers.get_nowait().close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.put_nowait(writer)
        await self.reads.wait()
        stream = HepStream()
        while data := await reader.read(65536):
            for packet in stream.feed(data):
                self._found.put_nowait(decode_hep(packet))

    async def read(self) -> Hep:
        return await self._found.get()


@asynccontextmanager
async def exporting(collector: str, **more: object) -> AsyncIterator[HepExport]:
    settings = HepConfig.model_validate({"collector": collector, **more})
    async with HepExport(settings, ()) as export:
        yield export


def tell(export: HepExport, *each: Witnessed) -> None:
    assert export.witness is not None
    for one in each:
        export.witness(one)


async def until(look: Callable[[], object]) -> None:
    """Wait until something is true; the test's own time limit ends it."""
    while not look():  # noqa: ASYNC110 - what is looked at tells nobody
        await asyncio.sleep(0.005)


class TestSettings:
    def test_of_the_environment(self) -> None:
        """`RINGWAY_HEP_KEY`, with one underscore, is for `ringway explain`."""
        environ = {
            "RINGWAY_HEP__COLLECTOR": "tcp:homer",
            "RINGWAY_HEP__CAPTURE_ID": "7",
            "RINGWAY_HEP__MASK": "false",
            "RINGWAY_HEP_KEY": "another",
        }
        found = load_config(environ=environ).hep
        assert str(found.collector) == "tcp:homer:9060"
        assert (found.capture_id, found.key, found.mask) == (7, None, False)

    def test_without_any(self) -> None:
        found = make_config(no_auth=True).hep
        assert (found.collector, found.capture_id, found.mask) == (None, 0, True)


class TestWithoutACollector:
    def test_it_costs_nothing(self) -> None:
        async def main() -> None:
            async with HepExport(HepConfig(), ()) as export:
                assert export.witness is None
                assert (export.sent, export.waiting, dict(export.dropped)) == (0, 0, {})
            async with Server(make_config(no_auth=True, listen=["udp:127.0.0.1:0"])) as server:
                assert server._core.endpoint.witness is None

        run(main())


class TestWitnesses:
    def test_none_one_and_several(self) -> None:
        found: list[tuple[str, Witnessed]] = []
        one: Callable[[Witnessed], None] = lambda each: found.append(("one", each))  # noqa: E731
        two: Callable[[Witnessed], None] = lambda each: found.append(("two", each))  # noqa: E731
        assert witnesses(None, None) is None
        assert witnesses(None, two) is two
        both = witnesses(one, two)
        assert both is not None
        both(witnessed())
        assert found == [("one", witnessed()), ("two", witnessed())]


@pytest.mark.parametrize("loop", LOOPS)
class TestCopies:
    def test_of_a_server(self, loop: str) -> None:
        async def main() -> None:
            async with (
                Datagrams() as collector,
                Server(config(collector.name, capture_id=2001, key="kéy")) as server,
                UdpPeer() as peer,
            ):
                here = server.listeners[0].address
                before = server.clock()
                assert (await peer.ask(OPTIONS, here)).status == 200
                came, went = await collector.read(), await collector.read()
                assert came.payload == OPTIONS
                assert went.payload.startswith(b"SIP/2.0 200 OK\r\n")
                assert (came.source, came.target) == (peer.address, here)
                assert (went.source, went.target) == (here, peer.address)
                assert before - 0.001 <= came.at <= went.at <= server.clock()
                for each in came, went:
                    assert (each.kind, each.protocol, each.capture_id) == (1, 17, 2001)
                    assert each.auth_key == "kéy".encode()
                assert b"ringway_hep_sent_total 2.0\n" in server.metrics()

        run(main(), loop)

    def test_over_tcp(self, loop: str) -> None:
        async def main() -> None:
            async with (
                Streams() as collector,
                Server(config(collector.name, "tcp:127.0.0.1:0")) as server,
            ):
                reader, writer = await asyncio.open_connection(*server.listeners[0].address)
                writer.write(b"\r\n\r\n" + OPTIONS)
                assert await reader.readexactly(2) == b"\r\n"
                assert (await read_message(reader)).status == 200
                came, went = await collector.read(), await collector.read()
                assert came.payload == OPTIONS
                assert (came.protocol, went.protocol) == (6, 6)
                assert came.source == Address(*writer.get_extra_info("sockname"))
                assert went.source == server.listeners[0].address
                writer.close()

        run(main(), loop)

    def test_the_last_ones_go_out(self, loop: str) -> None:
        async def main() -> None:
            async with Streams() as collector:
                async with exporting(collector.name) as export:
                    tell(export, *[witnessed()] * 100)
                for _ in range(100):
                    await collector.read()
                assert (export.sent, export.waiting) == (100, 0)

        run(main(), loop)


class TestRoles:
    def test_an_edge(self) -> None:
        async def main() -> None:
            async with Datagrams() as collector, UdpPeer() as registrar, UdpPeer() as phone:
                edge = make_config(
                    role="edge",
                    registrar=f"sip:{registrar.address}",
                    listen=["udp:127.0.0.1:0"],
                    no_auth=True,
                    hep={"collector": collector.name},
                )
                async with Server(edge) as server:
                    here = server.listeners[0].address
                    phone.sock.sendto(request("MESSAGE", "sip:bob@example.com"), here)
                    forwarded = await registrar.read()
                    came, went = await collector.read(), await collector.read()
                    assert (came.source, came.target) == (phone.address, here)
                    assert (went.source, went.target) == (here, registrar.address)
                    assert went.payload == forwarded

        run(main())

    def test_a_redirect(self) -> None:
        async def main() -> None:
            async with Datagrams() as collector, UdpPeer() as phone:
                settings = make_config(
                    domains=["example.com"],
                    listen=["udp:127.0.0.1:0"],
                    no_auth=True,
                    redirect=[{"user": "bob", "to": "sip:bob@hotel.example"}],
                    hep={"collector": collector.name},
                )
                async with Server(settings) as server:
                    ask = request("MESSAGE", "sip:bob@example.com")
                    assert (await phone.ask(ask, server.listeners[0].address)).status == 302
                    await collector.read()
                    assert (await collector.read()).payload.startswith(b"SIP/2.0 302 ")

        run(main())


class TestSecrets:
    data = request("REGISTER", "sip:example.com", DIGEST)
    sdp = b"v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3\r\n"

    def copy(self, data: bytes, **more: object) -> bytes:
        async def main() -> bytes:
            async with Datagrams() as collector, exporting(collector.name, **more) as export:
                tell(export, witnessed(data))
                return (await collector.read()).payload

        return run(main())

    def test_they_are_left_out(self) -> None:
        copy = self.copy(self.data)
        assert b"n0nce" not in copy
        assert b"c0ffee" not in copy
        ours, theirs = self.data.split(b"\r\n"), copy.split(b"\r\n")
        changed = [line for line in theirs if line not in ours]
        assert len(ours) == len(theirs)
        assert [line[:38] for line in changed] == [b'Authorization: Digest username="a", no']
        assert b'uri="sip:x"' in copy

    def test_a_body_keeps_its_length(self) -> None:
        data = OPTIONS.replace(b"Length: 0", b"Length: %d" % len(self.sdp)) + self.sdp
        copy = self.copy(data)
        assert b"d0Rmdmcm" not in copy
        item = message_in(Hep(1.0, 17, HERE, THERE, 1, copy))
        assert isinstance(item, Seen)
        assert item.fault == ""

    def test_unless_one_wants_them(self) -> None:
        assert self.copy(self.data, mask=False) == self.data

    def test_octets_that_are_no_text(self) -> None:
        data = OPTIONS.replace(b"From: ", b"From: \xff\xfe ")
        assert self.copy(data) == data


class TestAddresses:
    @pytest.mark.parametrize(
        ("remote", "expected"),
        [("192.0.2.9", "198.51.100.1"), ("127.0.0.1", "127.0.0.1"), ("127.0.0.2", "127.0.0.2")],
    )
    def test_a_listener_of_all_addresses(
        self, monkeypatch: pytest.MonkeyPatch, remote: str, expected: str
    ) -> None:
        monkeypatch.setattr(hep, "primary_host", {"0.0.0.0": "198.51.100.1", "::": None}.get)
        everywhere = [Listener(UDP, Address(host, 5060)) for host in ("0.0.0.0", "::")]

        async def main() -> None:
            async with Datagrams() as collector:
                settings = HepConfig(collector=read_collector(collector.name))
                async with HepExport(settings, everywhere) as export:
                    flow = Flow(UDP, Address("0.0.0.0", 5060), Address(remote, 4444))
                    tell(export, witnessed(flow=flow))
                    assert (await collector.read()).target == Address(expected, 5060)
                    flow = Flow(UDP, Address("::", 5060), Address("2001:db8::9", 4444))
                    tell(export, witnessed(flow=flow, sent=True))
                    assert (await collector.read()).source == Address("::", 5060)

        run(main())

    def test_another_socket_of_ours_says_its_own(self) -> None:
        async def main() -> None:
            async with Datagrams() as collector, exporting(collector.name) as export:
                tell(export, witnessed(flow=Flow(TCP, HERE, THERE, 7), sent=True))
                copy = await collector.read()
                assert (copy.source, copy.target) == (HERE, THERE)

        run(main())


class TestWhatIsNotSent:
    def test_what_is_no_sip(self) -> None:
        """A collector that is a SIP port of ours would copy copies of copies for ever."""

        async def main() -> None:
            port = free_port()
            settings = config(f"udp:127.0.0.1:{port}", f"udp:127.0.0.1:{port}")
            async with Server(settings) as server, UdpPeer() as peer:
                assert (await peer.ask(OPTIONS, server.listeners[0].address)).status == 200
                await until(lambda: b"ringway_hep_sent_total 2.0\n" in server.metrics())
                assert (await peer.ask(OPTIONS, server.listeners[0].address)).status == 200
                await until(lambda: b"ringway_hep_waiting 0.0\n" in server.metrics())
                assert b"ringway_hep_sent_total 4.0\n" in server.metrics()

        run(main())

    def test_what_fits_no_packet(self) -> None:
        async def main() -> None:
            async with Streams() as collector, exporting(collector.name) as export:
                mixed = Flow(UDP, HERE, Address("2001:db8::1", 5060))
                tell(export, witnessed(OPTIONS + bytes(70_000)), witnessed(flow=mixed))
                tell(export, witnessed())
                await collector.read()
                assert (export.sent, dict(export.dropped)) == (1, {"unfit": 2})

        run(main())

    def test_a_fault_of_ours_costs_one_copy(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken(*_: object) -> bytes:
            monkeypatch.undo()
            raise RuntimeError("ours")

        monkeypatch.setattr(hep, "hep_packet", broken)

        async def main() -> None:
            async with Datagrams() as collector, exporting(collector.name) as export:
                tell(export, witnessed(), witnessed())
                await collector.read()
                assert (export.sent, dict(export.dropped)) == (1, {"unfit": 1})

        run(main())
        assert "RuntimeError: ours" in caplog.text

    def test_what_is_longer_than_a_datagram(self) -> None:
        async def main() -> None:
            async with Datagrams() as collector, exporting(collector.name) as export:
                room = 65_507 - len(hep_packet(Seen(1.0, (), UDP, HERE, THERE, None, "", b""), 1))
                room -= 6 + len(OPTIONS)
                longest = OPTIONS + bytes(room)
                tell(export, witnessed(longest + b"x"), witnessed(longest))
                assert (await collector.read()).payload == longest
                assert (export.sent, dict(export.dropped)) == (1, {"unfit": 1})

        run(main())

    def test_what_the_system_does_not_take(self) -> None:
        """It says nothing about the collector, so the socket stays."""

        async def main() -> None:
            async with Datagrams() as collector:
                link = await hep_link.open_link(read_collector(collector.name))
                assert not link.send(bytes(65_600))
                assert not link._failed  # type: ignore[attr-defined]
                assert link.send(bytes(65_507))
                await link.close()

        run(main())

    def test_nobody_is_there(self) -> None:
        async def main() -> None:
            async with exporting(f"udp:127.0.0.1:{free_port()}") as export:
                while not export.dropped["unsent"]:
                    tell(export, witnessed())
                    await asyncio.sleep(0)

        run(main())

    def test_a_full_system(self) -> None:
        async def main() -> None:
            link = await hep_link.open_link(read_collector("udp:127.0.0.1:9"))
            near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            near.setblocking(False)
            link._socket.close()  # type: ignore[attr-defined]
            link._socket = near  # type: ignore[attr-defined]
            while link.send(bytes(1000)):
                pass
            assert await link.ready()
            await link.close()
            far.close()

        run(main())


class TestACollectorThatComesAndGoes:
    def test_it_is_tried_again(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(hep, "FIRST_WAIT", 0.01)

        async def main() -> None:
            port = free_port()
            async with exporting(f"tcp:127.0.0.1:{port}") as export:
                tell(export, witnessed())
                await until(lambda: caplog.records)
                async with Streams(port) as collector:
                    await collector.read()
                    writer = await collector.writers.get()
                    writer.close()
                    await writer.wait_closed()
                    await until(lambda: not self.is_up(export))
                    tell(export, witnessed())
                    await collector.read()
                assert (export.sent, dict(export.dropped)) == (2, {})

        with caplog.at_level(logging.WARNING, "ringway.server"):
            run(main())
        first, *rest = [record.getMessage() for record in caplog.records]
        assert "cannot be reached" in first
        assert ["is reached again" in text for text in rest] == [True]

    @staticmethod
    def is_up(export: HepExport) -> bool:
        """Say whether the export has not noticed yet that the connection is gone."""
        frames = export._task.get_stack() if export._task is not None else []
        link = next((f.f_locals["link"] for f in frames if "link" in f.f_locals), None)
        return link is not None and not link._transport.is_closing()

    def test_a_name_that_leads_nowhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def main() -> None:
            async with exporting("udp:collector.invalid") as export:
                tell(export, witnessed())
                await until(lambda: export._reached is False)
                assert export.waiting == 1

        run(main())

    def test_a_socket_with_an_error_is_made_anew(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hep_link, "SETTLED", 0.0)
        monkeypatch.setattr(hep, "FIRST_WAIT", 0.01)
        opened = []
        open_link = hep_link.open_link

        async def counting(*args: object) -> object:
            opened.append(args)
            return await open_link(*args)  # type: ignore[arg-type]

        monkeypatch.setattr(hep, "open_link", counting)

        async def main() -> None:
            async with exporting(f"udp:127.0.0.1:{free_port()}") as export:
                while len(opened) < 2:
                    tell(export, witnessed())
                    await asyncio.sleep(0.001)

        run(main())

    def test_what_waits_has_a_bound(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hep, "ROOM", 10 * (len(OPTIONS) + 512))

        async def main() -> None:
            port = free_port()
            async with exporting(f"tcp:127.0.0.1:{port}") as export:
                tell(export, *[witnessed()] * 25)
                assert (export.waiting, dict(export.dropped)) == (10, {"queue": 15})
                monkeypatch.setattr(hep, "FIRST_WAIT", 0.01)
                async with Streams(port) as collector:
                    for _ in range(10):
                        await collector.read()
                    await until(lambda: export.sent == 10)
                    tell(export, *[witnessed()] * 10)
                    for _ in range(10):
                        await collector.read()
                assert dict(export.dropped) == {"queue": 15}

        run(main())

    def test_one_that_reads_slowly_gets_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hep_link, "liveness", lambda: (("NOT_ON_THIS_SYSTEM", 1),))
        monkeypatch.setattr(hep_link, "_WAITING", 4096)

        async def main() -> None:
            async with Streams() as collector, exporting(collector.name) as export:
                collector.reads.clear()
                tell(export, *[witnessed(OPTIONS + bytes(50_000))] * 300)
                for _ in range(1000):
                    await asyncio.sleep(0)
                assert 0 < export.sent < 300
                collector.reads.set()
                for _ in range(300):
                    assert len((await collector.read()).payload) == len(OPTIONS) + 50_000
                assert (export.sent, dict(export.dropped)) == (300, {})

        run(main())

    def test_a_place_nobody_may_send_to(self, caplog: pytest.LogCaptureFixture) -> None:
        async def main() -> None:
            async with exporting("udp:255.255.255.255:9"):
                await until(lambda: caplog.records)

        run(main())
        assert "cannot be reached: permission denied" in caplog.text

    def test_the_fault_of_an_owner_stays_as_it_is(self) -> None:
        async def main() -> None:
            async with Datagrams() as collector, exporting(collector.name):
                raise LookupError("owner")

        with pytest.raises(LookupError, match="owner"):
            run(main())

    def test_one_that_does_not_read_stops_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Calls are answered, memory is bounded, and the stop takes no longer than the farewell."""
        monkeypatch.setattr(hep, "FAREWELL", 0.05)

        async def main() -> None:
            loop = asyncio.get_running_loop()
            with socket.create_server(("127.0.0.1", 0)) as deaf:
                deaf.setblocking(False)
                settings = config(f"tcp:127.0.0.1:{deaf.getsockname()[1]}")
                async with Server(settings) as server, UdpPeer() as peer:
                    witness = server._core.endpoint.witness
                    assert witness is not None
                    full = b'ringway_hep_dropped_total{reason="queue"} 0.0\n'
                    while full in server.metrics():
                        for _ in range(50):
                            witness(witnessed(OPTIONS + bytes(50_000)))
                        await asyncio.sleep(0)
                    here = server.listeners[0].address
                    assert (await peer.ask(OPTIONS, here)).status == 200
                    for _ in range(1000):  # it would all be written by now, if it could be
                        await asyncio.sleep(0)
                    assert b"ringway_hep_waiting 0.0\n" not in server.metrics()
                    before = loop.time()
                assert loop.time() - before < 1

        run(main())
