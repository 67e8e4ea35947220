import asyncio
import errno
import socket
import struct
import sys
import time

import pytest
from tests.ports import free_port
from tests.unit.aio.support import LOOPS, Inbox, run

from ringway.aio.sockets import address_of, bind_datagram
from ringway.aio.udp import BATCH, OLDEST, DatagramSocket
from ringway.transport.flow import UDP, Address, Flow

LOCALHOST = Address("127.0.0.1", 0)
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux queues ICMP errors")


def open_pair(
    received: Inbox, failed: Inbox, at: Address = LOCALHOST
) -> tuple[DatagramSocket, socket.socket]:
    sock = DatagramSocket(bind_datagram(at), received, failed)
    sock.start(asyncio.get_running_loop())
    return sock, bind_datagram(at)


def nobody(at: Address = LOCALHOST) -> Address:
    """An address where nobody listens."""
    return Address(at.host, free_port(at.host))


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_sends_and_receives(loop: str, host: str) -> None:
    async def main() -> None:
        received = Inbox()
        sock, peer = open_pair(received, Inbox(), Address(host, 0))
        peer.sendto(b"one", sock.local)
        assert await received.get() == [(b"one", sock.local, address_of(peer))]
        sock.send(b"two", address_of(peer))
        peer.setblocking(True)
        assert peer.recv(100) == b"two"
        sock.close()
        peer.close()

    run(main(), loop)


def test_reads_all_that_has_come_in_whatever_number() -> None:
    async def main() -> None:
        received = Inbox()
        sock, peer = open_pair(received, Inbox())
        count = 2 * BATCH + 1
        for number in range(count):
            peer.sendto(b"%d" % number, sock.local)
        items = await received.get(count)
        assert [data for data, _, _ in items] == [b"%d" % number for number in range(count)]
        sock.close()
        peer.close()

    run(main())


def test_stops_when_a_datagram_makes_its_owner_close_it() -> None:
    async def main() -> None:
        inbox = Inbox()

        def received(*items: object) -> None:
            sock.close()
            inbox(*items)

        sock = DatagramSocket(bind_datagram(LOCALHOST), received, Inbox())
        peer = bind_datagram(LOCALHOST)
        peer.sendto(b"one", sock.local)
        peer.sendto(b"two", sock.local)
        sock.start(asyncio.get_running_loop())
        await inbox.get()
        assert [data for data, _, _ in inbox.items] == [b"one"]
        peer.close()

    run(main())


@linux
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
class TestIcmpErrors:
    def test_names_the_peer_that_is_gone(self, loop: str, host: str) -> None:
        async def main() -> None:
            failed = Inbox()
            sock, peer = open_pair(Inbox(), failed, Address(host, 0))
            gone = nobody(Address(host, 0))
            sock.send(b"hello?", gone)
            flow = Flow(UDP, sock.local, gone)
            assert await failed.get() == [(flow, "connection refused")]
            sock.close()
            peer.close()

        run(main(), loop)

    def test_still_hears_everyone_else_afterwards(self, loop: str, host: str) -> None:
        async def main() -> None:
            received, failed = Inbox(), Inbox()
            sock, peer = open_pair(received, failed, Address(host, 0))
            for number in range(1, 4):
                sock.send(b"hello?", nobody(Address(host, 0)))
                await failed.get(number)
                peer.sendto(b"still here", sock.local)
                await received.get(number)
            sock.close()
            peer.close()

        run(main(), loop)

    def test_sends_to_others_although_an_error_waits(self, loop: str, host: str) -> None:
        async def main() -> None:
            failed = Inbox()
            sock, peer = open_pair(Inbox(), failed, Address(host, 0))
            peer.setblocking(True)
            gone = nobody(Address(host, 0))
            sock.send(b"hello?", gone)
            sock.send(b"are you there?", address_of(peer))  # finds the error of the first
            assert peer.recv(100) == b"are you there?"
            assert [flow.remote for flow, _ in await failed.get()] == [gone]
            sock.close()
            peer.close()

        run(main(), loop)

    def test_hears_what_a_peer_said_before_it_was_gone(self, loop: str, host: str) -> None:
        """An answer that waits in the socket comes before the news that its sender has left."""

        async def main() -> None:
            heard = Inbox()
            sock, peer = open_pair(heard, heard, Address(host, 0))
            theirs = address_of(peer)
            flow = Flow(UDP, sock.local, theirs)
            peer.sendto(b"200 OK", sock.local)
            peer.close()
            sock.send(b"BYE again", theirs)
            sock.send(b"and again", theirs)  # finds the error of the first
            items = await heard.get(2)
            assert items[0] == (b"200 OK", sock.local, theirs)
            assert items[1] == (flow, "connection refused")
            sock.close()

        run(main(), loop)

    def test_reports_a_peer_that_is_gone_although_others_never_pause(
        self, loop: str, host: str
    ) -> None:
        async def main() -> None:
            failed = Inbox()
            peer = bind_datagram(Address(host, 0))
            gone = nobody(Address(host, 0))

            def received(*_: object) -> None:
                peer.sendto(b"more", sock.local)

            sock = DatagramSocket(bind_datagram(Address(host, 0)), received, failed)
            sock.start(asyncio.get_running_loop())
            for _ in range(3):
                peer.sendto(b"more", sock.local)
            sock.send(b"hello?", gone)
            assert await failed.get() == [(Flow(UDP, sock.local, gone), "connection refused")]
            sock.close()
            peer.close()

        run(main(), loop)


def test_reports_a_peer_that_our_own_system_cannot_reach() -> None:
    async def main() -> None:
        failed = Inbox()
        sock, peer = open_pair(Inbox(), failed)
        elsewhere = Address("192.0.2.1", 5060)  # not from a loopback address
        sock.send(b"hello?", elsewhere)
        [(flow, reason)] = failed.items
        assert flow == Flow(UDP, sock.local, elsewhere)
        assert reason
        sock.close()
        peer.close()

    run(main())


def error(number: int, origin: int) -> bytes:
    return struct.pack("=IBBBBII", number, origin, 3, 3, 0, 0, 0)


@pytest.mark.parametrize(
    ("payload", "peer", "reports"),
    [
        (error(errno.ECONNREFUSED, 2), ("127.0.0.1", 5060), 1),
        (error(errno.EHOSTUNREACH, 3), ("127.0.0.1", 5060), 1),
        (error(errno.EMSGSIZE, 2), ("127.0.0.1", 5060), 0),  # a smaller packet will get there
        (error(errno.ECONNREFUSED, 1), ("127.0.0.1", 5060), 0),  # said by our own system
        (error(errno.ECONNREFUSED, 2), (), 0),
        (b"short", ("127.0.0.1", 5060), 0),
    ],
)
def test_reports_only_what_says_that_the_peer_is_gone(
    payload: bytes, peer: tuple[object, ...], reports: int
) -> None:
    failed = Inbox()
    sock = DatagramSocket(bind_datagram(LOCALHOST), Inbox(), failed)
    sock._note_gone(payload, peer)
    sock._report_gone()
    assert len(failed.items) == reports
    sock.close()


def test_a_full_buffer_drops_the_datagram(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __init__(self, sock: socket.socket) -> None:
            self.getsockname = sock.getsockname
            self.close = sock.close

        def sendto(self, _data: bytes, _remote: Address) -> None:
            raise BlockingIOError(errno.EAGAIN, "full")

    sock = DatagramSocket(bind_datagram(LOCALHOST), Inbox(), Inbox())
    real, sock._sock = sock._sock, Full(sock._sock)  # type: ignore[assignment] # a stand-in
    sock.send(b"lost", Address("127.0.0.1", 9))
    assert sock.dropped == 1
    sock._send_again(b"lost again", Address("127.0.0.1", 9))
    assert sock.dropped == 2
    real.close()


def test_a_datagram_that_is_too_long_says_nothing_about_the_peer() -> None:
    async def main() -> None:
        failed = Inbox()
        sock, peer = open_pair(Inbox(), failed)
        sock.send(bytes(70_000), address_of(peer))
        assert not failed.items
        assert sock.dropped == 1
        sock.close()
        peer.close()

    run(main())


@linux
def test_a_wake_up_with_nothing_to_read_is_for_errors() -> None:
    failed = Inbox()
    sock = DatagramSocket(bind_datagram(LOCALHOST), Inbox(), failed)
    with bind_datagram(LOCALHOST) as peer:
        gone = address_of(peer)
    sock._sock.sendto(b"hello?", gone)
    with pytest.raises(ConnectionRefusedError):
        sock._sock.recv(100)  # takes the error off the socket; the queue keeps it
    sock._loop = asyncio.new_event_loop()
    sock._readable()
    assert [flow.remote for flow, _ in failed.items] == [gone]
    sock._loop.close()
    sock._loop = None
    sock.close()


@linux
def test_errors_found_while_reading_do_not_keep_datagrams_waiting() -> None:
    class Refused:
        def __init__(self, sock: socket.socket) -> None:
            self.first = True
            self._sock = sock
            self.recvmsg = sock.recvmsg

        def recvfrom(self, size: int) -> object:
            if self.first:
                self.first = False
                raise ConnectionRefusedError
            return self._sock.recvfrom(size)

    received = Inbox()
    sock = DatagramSocket(bind_datagram(LOCALHOST), received, Inbox())
    real, sock._sock = sock._sock, Refused(sock._sock)  # type: ignore[assignment] # a stand-in
    with bind_datagram(LOCALHOST) as peer:
        peer.sendto(b"one", sock.local)
        sock._loop = asyncio.new_event_loop()
        sock._readable()
        assert [data for data, *_ in received.items] == [b"one"]
        sock._loop.close()
    real.close()


class TestASystemWithoutQueuedErrors:
    @pytest.mark.parametrize("loop", LOOPS)
    def test_sends_and_receives(self, loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "platform", "darwin")

        async def main() -> None:
            received, failed = Inbox(), Inbox()
            sock, peer = open_pair(received, failed)
            sock.send(b"hello?", nobody())
            sock._read_errors()
            peer.sendto(b"one", sock.local)
            assert await received.get() == [(b"one", sock.local, address_of(peer))]
            sock.close()
            sock.close()
            peer.close()
            assert not failed.items

        run(main(), loop)


def test_one_that_never_started_is_just_closed() -> None:
    sock = DatagramSocket(bind_datagram(LOCALHOST), Inbox(), Inbox())
    sock.close()


def test_a_queue_of_errors_is_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    class Queue:
        def __init__(self) -> None:
            self.reads = 0

        def recvmsg(self, *_: object) -> tuple[bytes, list[object], int, tuple[str, int]]:
            self.reads += 1
            return b"", [(0, 11, error(errno.ECONNREFUSED, 2))], 0, ("127.0.0.1", self.reads)

    failed = Inbox()
    sock = DatagramSocket(bind_datagram(LOCALHOST), Inbox(), failed)
    real, sock._sock = sock._sock, Queue()  # type: ignore[assignment] # a stand-in
    sock._read_errors()
    sock._report_gone()
    assert len(failed.items) == BATCH
    real.close()


@linux
@pytest.mark.parametrize("step", [-86_400.0, 2 * OLDEST, 86_400.0])
def test_a_clock_that_is_set_is_not_taken_for_a_wait(
    step: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        received = Inbox()
        sock, peer = open_pair(received, Inbox())
        sock.take_sample()
        wall = time.time
        monkeypatch.setattr(time, "time", lambda: wall() + step)
        peer.sendto(b"one", sock.local)
        await received.get()
        assert sock.take_sample() < OLDEST
        sock.close()
        peer.close()

    run(main())
