import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import cast

import pytest
from tests.unit.aio.support import LOOPS, Certificate, Inbox, run

from ringway.aio import driver as driver_module
from ringway.aio.clock import Clock
from ringway.aio.door import PlainDoor
from ringway.aio.driver import GRAIN, Driver
from ringway.aio.resolver import Resolver, Result, ask_dns
from ringway.aio.sockets import BACKLOG, address_of, bind_datagram, bind_stream
from ringway.aio.stores import MemoryStore
from ringway.aio.stream import Connection
from ringway.aio.tls import client_context, server_context
from ringway.endpoint import CloseFlow, Connect, Resolve, SendDatagram, SendStream
from ringway.errors import StoreError
from ringway.location import Change, Persist, Store
from ringway.message.uri import parse_uri
from ringway.transport.flow import UDP, Address, Flow, NextHop
from ringway.transport.nexthop import Query

LOCALHOST = Address("127.0.0.1", 0)


class Script:
    """A stand-in for an endpoint: it does what a test says and keeps what it was told."""

    def __init__(self) -> None:
        self.told = Inbox()
        self.commands: list[object] = []
        self.then: Callable[..., None] = lambda *_: None
        self.timers: list[tuple[float, Callable[[float], None]]] = []
        self.generation = 0

    def _tell(self, *what: object) -> None:
        self.told(*what)
        self.then(*what)

    def datagram_received(self, data: bytes, local: Address, remote: Address, now: float) -> None:
        self._tell("datagram", data, local, remote)

    def datagram_failed(self, flow: Flow, reason: str, now: float) -> None:
        self._tell("icmp", flow, reason)

    def flow_opened(
        self,
        transport: str,
        local: Address,
        remote: Address,
        now: float,
        *,
        target: NextHop | None = None,
        names: tuple[str, ...] = (),
    ) -> Flow:
        self.generation += 1
        flow = Flow(transport, local, remote, self.generation)
        self._tell("opened", flow, target)
        return flow

    def data_received(self, flow: Flow, data: bytes, now: float) -> None:
        self._tell("data", flow, data)

    def flow_closed(self, flow: Flow, reason: str, now: float) -> None:
        self._tell("closed", flow, reason)

    def connect_failed(self, target: NextHop, reason: str, now: float) -> None:
        self._tell("unreachable", target, reason)

    def resolved(self, key: int, targets: list[NextHop], now: float) -> None:
        self._tell("resolved", key, targets)

    def next_timer(self) -> float | None:
        return min((at for at, _ in self.timers), default=None)

    def handle_timers(self, now: float) -> None:
        due = [timer for timer in self.timers if timer[0] <= now]
        self.timers = [timer for timer in self.timers if timer[0] > now]
        for _, call in due:
            call(now)

    def take_commands(self) -> list[object]:
        taken, self.commands = self.commands, []
        return taken

    def order(self, *commands: object) -> Callable[[float], None]:
        """A change that makes the endpoint command this."""
        return lambda _now: self.commands.extend(commands)


async def nothing_known(_query: Query) -> Result:
    return Result((), 60.0)


@asynccontextmanager
async def driving(
    script: Script,
    *,
    store: Store | None = None,
    lookup: Callable[[Query], Awaitable[Result]] = nothing_known,
    client_tls: ssl.SSLContext | None = None,
    max_connections: int = 10,
) -> AsyncIterator[Driver]:
    async with Driver(
        script,
        resolver=Resolver(lookup, hosts_file=None),
        store=store or MemoryStore(),
        clock=Clock(),
        client_tls=client_tls,
        max_connections=max_connections,
    ) as driver:
        yield driver


def connect(address: Address) -> socket.socket:
    peer = socket.create_connection(address, timeout=5)
    peer.setblocking(False)
    return peer


async def readable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    loop.add_reader(sock, event.set)
    await event.wait()
    loop.remove_reader(sock)


async def read(peer: socket.socket) -> bytes:
    return await asyncio.get_running_loop().sock_recv(peer, 65536)


@pytest.mark.parametrize("loop", LOOPS)
class TestDatagrams:
    def test_what_comes_in_is_told_and_what_is_commanded_goes_out(self, loop: str) -> None:
        async def main() -> None:
            script = Script()

            def echo(_: str, data: bytes, local: Address, remote: Address) -> None:
                script.commands.append(SendDatagram(Flow(UDP, local, remote), data.upper()))

            script.then = echo
            async with driving(script) as driver:
                local = driver.add_datagram(bind_datagram(LOCALHOST))
                with bind_datagram(LOCALHOST) as peer:
                    peer.sendto(b"hello", local)
                    assert await read(peer) == b"HELLO"
                    assert script.told.items == [("datagram", b"hello", local, address_of(peer))]

        run(main(), loop)

    def test_a_peer_that_is_gone_is_told(self, loop: str) -> None:
        async def main() -> None:
            script = Script()
            async with driving(script) as driver:
                local = driver.add_datagram(bind_datagram(LOCALHOST))
                with bind_datagram(LOCALHOST) as peer:
                    gone = Flow(UDP, local, address_of(peer))
                driver.run(script.order(SendDatagram(gone, b"hello?")))
                assert await script.told.get() == [("icmp", gone, "connection refused")]

        run(main(), loop)

    def test_a_flow_of_a_socket_we_do_not_have_sends_nothing(self, loop: str) -> None:
        async def main() -> None:
            script = Script()
            async with driving(script) as driver:
                stranger = Flow(UDP, Address("127.0.0.9", 5060), LOCALHOST)
                driver.run(script.order(SendDatagram(stranger, b"x")))

        run(main(), loop)


@pytest.mark.parametrize("loop", LOOPS)
class TestConnections:
    def test_thousands_of_phones_may_come_back_at_once(self, loop: str) -> None:
        system = int(Path("/proc/sys/net/core/somaxconn").read_text())

        async def main() -> None:
            async with driving(Script()) as driver:
                sock = bind_stream(LOCALHOST)
                await driver.add_stream(sock, "tcp")
                # tcpi_sacked of a listening socket: how many may wait to be accepted.
                (waiting,) = struct.unpack_from("I", sock.getsockopt(6, socket.TCP_INFO, 64), 28)
                assert waiting == min(BACKLOG, system)

        run(main(), loop)

    def test_accepted(self, loop: str) -> None:
        async def main() -> None:
            script = Script()
            async with driving(script) as driver:
                address = await driver.add_stream(bind_stream(LOCALHOST), "tcp")
                with connect(address) as peer:
                    [(_, flow, target)] = await script.told.get()
                    assert (flow.local, flow.remote, target) == (address, address_of(peer), None)
                    assert driver.connections == 1
                    peer.send(b"ping")
                    assert (await script.told.get(2))[1] == ("data", flow, b"ping")
                    driver.run(script.order(SendStream(flow, b"pong")))
                    assert await read(peer) == b"pong"
                assert (await script.told.get(3))[2] == ("closed", flow, "closed by the peer")
                assert driver.connections == 0
                driver.run(script.order(SendStream(flow, b"x"), CloseFlow(flow, "again")))

        run(main(), loop)

    def test_closed_by_command(self, loop: str) -> None:
        async def main() -> None:
            script = Script()
            async with driving(script) as driver:
                address = await driver.add_stream(bind_stream(LOCALHOST), "tcp")
                with connect(address) as peer:
                    [(_, flow, _)] = await script.told.get()
                    driver.run(
                        script.order(SendStream(flow, b"bye"), CloseFlow(flow, "not wanted"))
                    )
                    assert script.told.items[1] == ("closed", flow, "not wanted")
                    assert await read(peer) == b"bye"
                    assert await read(peer) == b""

        run(main(), loop)

    def test_made_by_command_from_our_own_address(self, loop: str) -> None:
        async def main() -> None:
            script = Script()
            async with driving(script) as driver:
                driver.add_datagram(bind_datagram(Address("127.0.0.2", 0)))
                address = await driver.add_stream(bind_stream(LOCALHOST), "tcp")
                target = NextHop("tcp", address, "localhost")
                driver.run(script.order(Connect(target)))
                opened = await script.told.get(2)
                [flow] = [flow for _, flow, to in opened if to == target]
                assert flow.local.host == "127.0.0.2"
                assert flow.remote == address

        run(main(), loop)

    @pytest.mark.parametrize("at", ["0.0.0.0", "::1"])
    def test_made_from_wherever_the_system_likes(self, loop: str, at: str) -> None:
        async def main() -> None:
            script = Script()
            with bind_stream(LOCALHOST) as listening:
                target = NextHop("tcp", address_of(listening), "localhost")
                async with driving(script) as driver:
                    driver.add_datagram(bind_datagram(Address(at, 0)))
                    driver.run(script.order(Connect(target)))
                    [(what, flow, _)] = await script.told.get()
                    assert (what, flow.local.host) == ("opened", "127.0.0.1")
                    assert driver._source_for("192.0.2.1") is None

        run(main(), loop)

    def test_refused(self, loop: str) -> None:
        async def main() -> None:
            script = Script()
            with socket.socket() as mute:  # bound, so that nobody else listens there
                mute.bind(LOCALHOST)
                target = NextHop("tcp", address_of(mute), "localhost")
                async with driving(script) as driver:
                    driver.run(script.order(Connect(target)))
                    [(what, failed, reason)] = await script.told.get()
                    assert (what, failed) == ("unreachable", target)
                    assert reason == "connection refused"

        run(main(), loop)

    @pytest.mark.interpreted
    def test_too_slow(self, loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(driver_module, "CONNECT_TIMEOUT", 0.05)

        async def main() -> None:
            script = Script()
            # It takes connections and never says a word of TLS.
            with bind_stream(LOCALHOST) as silent:
                target = NextHop("tls", address_of(silent), "localhost")
                async with driving(script, client_tls=client_context()) as driver:
                    driver.run(script.order(Connect(target)))
                    assert await script.told.get() == [
                        ("unreachable", target, "no connection within 0.05 s")
                    ]

        run(main(), loop)

    def test_more_than_there_is_room_for(self, loop: str) -> None:
        async def main() -> None:
            script = Script()
            async with driving(script, max_connections=1) as driver:
                address = await driver.add_stream(bind_stream(LOCALHOST), "tcp")
                with connect(address):
                    await script.told.get()
                    target = NextHop("tcp", address, "localhost")
                    driver.run(script.order(Connect(target)))
                    assert (await script.told.get(2))[1] == (
                        "unreachable",
                        target,
                        "too many connections",
                    )
                    assert driver.connections == 1

        run(main(), loop)

    def test_when_no_more_files_may_be_open(
        self, loop: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What comes is closed and said, once; what we open ourselves is not held up."""
        monkeypatch.setattr(driver_module, "file_limit", lambda: 4)

        hits: list[str] = []

        class Hits(PlainDoor):
            def hit(self, bound: str) -> None:
                hits.append(bound)

        monkeypatch.setattr(driver_module, "PlainDoor", Hits)

        async def main() -> None:
            script = Script()
            async with driving(script) as driver:
                address = await driver.add_stream(bind_stream(LOCALHOST), "tcp")
                for _ in range(3):
                    with connect(address) as peer:
                        await readable(peer)
                        with suppress(ConnectionResetError):
                            assert await read(peer) == b""
                with bind_stream(LOCALHOST) as other:
                    target = NextHop("tcp", address_of(other), "localhost")
                    driver.run(script.order(Connect(target)))
                    assert (await script.told.get())[0][0] == "opened"

        run(main(), loop)
        assert hits == ["open_files"] * 3
        (line,) = caplog.messages
        assert "nearly all of the 4 files" in line


class TestTls:
    def test_both_ways(self, tmp_path: Path) -> None:
        certificate = Certificate(tmp_path)

        async def main() -> None:
            script = Script()
            context = client_context(certificate.file)
            async with driving(script, client_tls=context) as driver:
                tls = server_context([certificate.certified])
                address = await driver.add_stream(bind_stream(LOCALHOST), "tls", lambda: tls)
                target = NextHop("tls", address, "localhost")
                driver.run(script.order(Connect(target)))
                opened = await script.told.get(2)
                [flow] = [flow for _, flow, to in opened if to == target]
                driver.run(script.order(SendStream(flow, b"secret")))
                assert (await script.told.get(3))[2][2] == b"secret"

        run(main())

    def test_a_wrong_certificate_is_named(self, tmp_path: Path) -> None:
        certificate = Certificate(tmp_path)

        async def main() -> None:
            script = Script()
            context = client_context(certificate.file)
            async with driving(script, client_tls=context) as driver:
                tls = server_context([certificate.certified])
                address = await driver.add_stream(bind_stream(LOCALHOST), "tls", lambda: tls)
                target = NextHop("tls", address, "other.example")
                driver.run(script.order(Connect(target)))
                [(_, _, reason)] = await script.told.get()
                assert reason.startswith("its certificate: ")
                assert "other.example" in reason

        run(main())

    def test_without_a_context_there_is_none(self) -> None:
        async def main() -> None:
            script = Script()
            target = NextHop("wss", Address("127.0.0.1", 443), "localhost")
            async with driving(script) as driver:
                driver.run(script.order(Connect(target)))
                assert await script.told.get() == [("unreachable", target, "we have no TLS")]

        run(main())


class TestNames:
    def test_what_needs_no_question_is_answered_within_the_call(self) -> None:
        async def main() -> None:
            script = Script()
            async with driving(script) as driver:
                driver.run(script.order(Resolve(parse_uri("sip:localhost:5080"), 7)))
                target = NextHop("udp", Address("127.0.0.1", 5080), "localhost")
                assert script.told.items == [("resolved", 7, [target])]

        run(main())

    def test_what_dns_must_be_asked_for_comes_later(self) -> None:
        async def lookup(query: Query) -> Result:
            return Result(("192.0.2.7",) if query.rrtype == "A" else (), 60.0)

        async def main() -> None:
            script = Script()
            async with driving(script, lookup=lookup) as driver:
                driver.run(script.order(Resolve(parse_uri("sip:far.example:5080"), 8)))
                assert not script.told.items
                target = NextHop("udp", Address("192.0.2.7", 5080), "far.example")
                assert await script.told.get() == [("resolved", 8, [target])]

        run(main())

    def test_a_fault_in_the_lookup_leads_nowhere(self, caplog: pytest.LogCaptureFixture) -> None:
        async def lookup(_: Query) -> Result:
            raise ValueError("boom")

        async def main() -> None:
            script = Script()
            async with driving(script, lookup=lookup) as driver:
                driver.run(script.order(Resolve(parse_uri("sip:far.example:5080"), 9)))
                assert await script.told.get() == [("resolved", 9, [])]

        run(main())
        assert "boom" in caplog.text


class SlowStore:
    """A store that keeps nothing until it is let."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.go = asyncio.Event()
        self.kept: list[tuple[Change, ...]] = []
        self.failure = failure

    async def load(self, now: float) -> tuple[list[object], list[object]]:
        return [], []

    async def commit(self, changes: tuple[Change, ...]) -> None:
        await self.go.wait()
        if self.failure is not None:
            raise self.failure
        self.kept.append(changes)

    async def close(self) -> None:
        pass


class TestPersist:
    def test_in_memory_is_done_within_the_call(self) -> None:
        async def main() -> None:
            script, done = Script(), Inbox()
            async with driving(script) as driver:
                driver.run(script.order(Persist((), lambda error, _now: done(error))))
                assert done.items == [(None,)]

        run(main())

    def test_in_a_closed_memory_fails(self) -> None:
        async def main() -> None:
            script, done, store = Script(), Inbox(), MemoryStore()
            await store.close()
            async with driving(script, store=store) as driver:
                driver.run(script.order(Persist((), lambda error, _now: done(error))))
                [(error,)] = done.items
                assert isinstance(error, StoreError)

        run(main())

    def test_elsewhere_is_told_when_it_is_kept(self) -> None:
        async def main() -> None:
            script, done, store = Script(), Inbox(), SlowStore()
            async with driving(script, store=cast(Store, store)) as driver:
                driver.run(script.order(Persist((), lambda error, _now: done(error))))
                assert not done.items
                store.go.set()
                assert await done.get() == [(None,)]

        run(main())

    @pytest.mark.parametrize("failure", [StoreError("the disk is full"), ValueError("boom")])
    def test_a_failure_is_told_and_logged(
        self, failure: Exception, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def main() -> None:
            script, done, store = Script(), Inbox(), SlowStore(failure)
            store.go.set()
            async with driving(script, store=cast(Store, store)) as driver:
                driver.run(script.order(Persist((), lambda error, _now: done(error))))
                [(error,)] = await done.get()
                assert isinstance(error, StoreError)

        run(main())
        assert str(failure) in caplog.text

    def test_a_stop_waits_for_it_and_lets_the_answer_out(self) -> None:
        async def main() -> None:
            script, store = Script(), SlowStore()
            with bind_datagram(LOCALHOST) as peer:
                async with driving(script, store=cast(Store, store)) as driver:
                    local = driver.add_datagram(bind_datagram(LOCALHOST))
                    answer = SendDatagram(Flow(UDP, local, address_of(peer)), b"stored")
                    driver.run(script.order(Persist((), lambda *_: script.commands.append(answer))))
                    store.go.set()
                assert store.kept == [()]
                assert await read(peer) == b"stored"

        run(main())


class TestTimers:
    @pytest.mark.parametrize("loop", LOOPS)
    def test_fires_when_due_and_not_before(self, loop: str) -> None:
        async def main() -> None:
            script, fired = Script(), Inbox()
            async with driving(script) as driver:
                due = driver.clock() + 0.03
                script.timers.append((due, fired))
                driver.run(lambda _now: None)
                [(now,)] = await fired.get()
                assert due <= now < due + 1.0

        run(main(), loop)

    def test_one_that_is_due_earlier_moves_the_wake_up(self) -> None:
        async def main() -> None:
            script, fired = Script(), Inbox()
            async with driving(script) as driver:
                script.timers.append((driver.clock() + 3600.0, fired))
                driver.run(lambda _now: None)
                soon = driver.clock() + 0.02
                script.timers.append((soon, fired))
                driver.run(lambda _now: None)
                [(now,)] = await fired.get()
                assert now < soon + 1.0

        run(main())

    def test_one_that_is_due_later_leaves_the_wake_up(self) -> None:
        async def main() -> None:
            script, fired = Script(), Inbox()
            async with driving(script) as driver:
                script.timers.append((driver.clock() + 0.02, fired))
                driver.run(lambda _now: None)
                script.timers.append((driver.clock() + 0.03, fired))
                wake_up = driver._wakeup
                driver.run(lambda _now: None)
                assert driver._wakeup is wake_up
                await fired.get(2)

        run(main())

    def test_what_is_due_fires_with_the_next_input(self) -> None:
        async def main() -> None:
            script, fired = Script(), Inbox()
            async with driving(script) as driver:
                script.timers.append((0.0, fired))
                driver.run(lambda _now: None)
                assert len(fired.items) == 1

        run(main())

    def test_a_timer_that_sets_another_at_once_does_not_hold_up_the_rest(self) -> None:
        async def main() -> None:
            script, fired = Script(), Inbox()

            def again(now: float) -> None:
                fired(now)
                script.timers.append((now, again))

            async with driving(script) as driver:
                script.timers.append((0.0, again))
                driver.run(lambda _now: None)
                assert len(fired.items) == 1
                times = [now for (now,) in await fired.get(4)]
                assert times[3] - times[0] >= 2 * GRAIN

        run(main())


class TestFaultsOfOurs:
    """A mistake in the core is logged and costs one message, or one connection, not the server."""

    def test_with_what_no_socket_can_send(self, caplog: pytest.LogCaptureFixture) -> None:
        async def main() -> None:
            script = Script()
            async with driving(script) as driver:
                local = driver.add_datagram(bind_datagram(LOCALHOST))
                with bind_datagram(LOCALHOST) as peer:
                    bad = SendDatagram(Flow(UDP, local, Address("127.0.0.1", -1)), b"bad")
                    good = SendDatagram(Flow(UDP, local, address_of(peer)), b"good")
                    driver.run(script.order(bad, good))
                    assert await read(peer) == b"good"

        run(main())
        assert "a fault of ours with udp 127.0.0.1:-1" in caplog.text

    def test_with_a_datagram(self, caplog: pytest.LogCaptureFixture) -> None:
        async def main() -> None:
            script = Script()

            def fail(*_: object) -> None:
                script.then = lambda *_: None
                raise ZeroDivisionError

            script.then = fail
            async with driving(script) as driver:
                local = driver.add_datagram(bind_datagram(LOCALHOST))
                with bind_datagram(LOCALHOST) as peer:
                    peer.sendto(b"bad", local)
                    peer.sendto(b"good", local)
                    assert (await script.told.get(2))[1][1] == b"good"

        run(main())
        assert "ZeroDivisionError" in caplog.text

    def test_with_bytes_of_a_stream_closes_it(self, caplog: pytest.LogCaptureFixture) -> None:
        async def main() -> None:
            script = Script()

            def fail(what: str, *_: object) -> None:
                if what == "data":
                    raise ZeroDivisionError

            script.then = fail
            async with driving(script) as driver:
                address = await driver.add_stream(bind_stream(LOCALHOST), "tcp")
                with connect(address) as peer:
                    peer.send(b"bad")
                    assert await read(peer) == b""
                assert script.told.items[2][0] == "closed"

        run(main())
        assert "ZeroDivisionError" in caplog.text

    def test_with_the_close_that_its_bytes_caused(self, caplog: pytest.LogCaptureFixture) -> None:
        async def main() -> None:
            script = Script()
            closed = asyncio.Event()

            def fail(what: str, flow: Flow, *_: object) -> None:
                if what == "data":
                    driver._connections[flow.generation].close("no good")
                    closed.set()
                    raise ZeroDivisionError

            script.then = fail
            async with driving(script) as driver:
                address = await driver.add_stream(bind_stream(LOCALHOST), "tcp")
                with connect(address) as peer:
                    peer.send(b"bad")
                    await closed.wait()
                    assert await read(peer) == b""

        run(main())

    def test_with_a_new_connection_closes_it(self, caplog: pytest.LogCaptureFixture) -> None:
        async def main() -> None:
            script = Script()

            def fail(what: str, *_: object) -> None:
                if what == "opened":
                    raise ZeroDivisionError

            script.then = fail
            with bind_stream(LOCALHOST) as listening:
                target = NextHop("tcp", address_of(listening), "localhost")
                async with driving(script) as driver:
                    driver.run(script.order(Connect(target)))
                    assert (await script.told.get(2))[1] == (
                        "unreachable",
                        target,
                        "a fault of ours",
                    )
                    assert driver.connections == 0

        run(main())
        assert "ZeroDivisionError" in caplog.text

    def test_with_a_command_nobody_knows(self, caplog: pytest.LogCaptureFixture) -> None:
        async def main() -> None:
            script = Script()
            async with driving(script) as driver:
                driver.run(script.order("what is this"))

        run(main())
        assert "what is this" in caplog.text

    def test_with_a_timer(self, caplog: pytest.LogCaptureFixture) -> None:
        async def main() -> None:
            script, fired = Script(), Inbox()

            def fail(_now: float) -> None:
                raise ZeroDivisionError

            async with driving(script) as driver:
                script.timers.append((0.0, fail))
                driver.run(lambda _now: None)
                script.timers.append((0.0, fired))
                driver.run(lambda _now: None)
                assert fired.items

        run(main())
        assert "ZeroDivisionError" in caplog.text

    def test_with_a_connection_that_python_refuses_to_make(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def main() -> None:
            script = Script()
            with bind_stream(LOCALHOST) as listening:
                target = NextHop("tls", address_of(listening), ".no.such.name")
                async with driving(script, client_tls=client_context()) as driver:
                    driver.run(script.order(Connect(target)))
                    [(what, _, reason)] = await script.told.get()
                    assert (what, reason) == ("unreachable", "a fault of ours")

        run(main())
        assert "server_hostname" in caplog.text


class TestStopping:
    def test_closes_connections_without_asking_the_core_again(self) -> None:
        async def main() -> None:
            script = Script()
            async with driving(script) as driver:
                address = await driver.add_stream(bind_stream(LOCALHOST), "tcp")
                peer = connect(address)
                await script.told.get()
                script.timers.append((driver.clock() + 3600.0, lambda _now: None))
                driver.run(lambda _now: None)
            assert await read(peer) == b""
            peer.close()
            assert [what for what, *_ in script.told.items] == ["opened"]
            with pytest.raises(ConnectionRefusedError):
                connect(address)

        run(main())

    def test_ends_what_waits(self) -> None:
        async def main() -> None:
            script = Script()
            with bind_stream(LOCALHOST) as silent:
                target = NextHop("tls", address_of(silent), "localhost")
                async with driving(script, client_tls=client_context()) as driver:
                    driver.run(script.order(Connect(target)))
            assert not script.told.items

        run(main())

    def test_what_comes_too_late_is_not_told(self) -> None:
        async def main() -> None:
            script, store = Script(), SlowStore()
            async with driving(script, store=cast(Store, store)) as driver:
                pass
            driver._call(script.order("too late"), "a test")
            assert not script.commands

        run(main())

    @pytest.mark.parametrize("loop", LOOPS)
    def test_ends_a_question_that_nobody_answers(self, loop: str) -> None:
        async def main() -> None:
            script = Script()
            with bind_datagram(LOCALHOST) as silent:
                lookup = ask_dns([address_of(silent)])
                async with driving(script, lookup=lookup) as driver:
                    driver.run(script.order(Resolve(parse_uri("sip:far.example"), 1)))
                    await readable(silent)
            assert not script.told.items

        run(main(), loop)

    def test_takes_no_connection_any_more(self) -> None:
        async def main() -> None:
            script = Script()
            async with driving(script) as driver:
                pass
            connection = Connection(driver, "tcp", listener=LOCALHOST)
            assert driver.connection_opened(connection, LOCALHOST, LOCALHOST) is None
            assert not script.told.items

        run(main())

    def test_an_error_of_its_owner_goes_through_as_it_is(self) -> None:
        async def main() -> None:
            async with driving(Script()):
                raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            run(main())

    def test_needs_to_be_entered(self) -> None:
        driver = Driver(
            Script(),
            resolver=Resolver(nothing_known),
            store=MemoryStore(),
            clock=Clock(),
        )
        with bind_datagram(LOCALHOST) as sock, pytest.raises(RuntimeError):
            driver.add_datagram(sock)
