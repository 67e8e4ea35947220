import asyncio
import socket
import struct
import time

import pytest
from tests.unit.aio.support import LOOPS, Inbox, run

from ringway.aio import lag as lag_module
from ringway.aio.lag import LagProbe
from ringway.aio.sockets import address_of, bind_datagram
from ringway.aio.timing import Timing
from ringway.aio.udp import DatagramSocket
from ringway.transport.flow import Address

LOCALHOST = Address("127.0.0.1", 0)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lag_module, "INTERVAL", 0.01)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_turn_that_takes_long_is_measured(loop: str) -> None:
    async def main() -> None:
        measured = Inbox()
        probe = LagProbe(asyncio.get_running_loop(), tuple, measured)
        await measured.get()
        measured.items.clear()
        time.sleep(0.2)  # noqa: ASYNC251 - this is the point
        await measured.get()
        longest = max(lag for (lag,) in measured.items)
        assert 0.15 < longest < 1.0
        assert probe.timing.total >= longest
        assert sum(probe.timing.counts) >= 2
        probe.close()

    run(main(), loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_datagram_that_waits_is_measured(loop: str) -> None:
    async def main() -> None:
        inbox = Inbox()
        sock = bind_datagram(LOCALHOST)
        address = address_of(sock)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.sendto(b"early", address)
            time.sleep(0.1)  # noqa: ASYNC251 - it waits in the kernel
            datagrams = DatagramSocket(sock, inbox, lambda *_: None)
            assert datagrams.take_sample() == 0.0
            datagrams.start(asyncio.get_running_loop())
            peer.sendto(b"one", address)
            time.sleep(0.2)  # noqa: ASYNC251
            assert await inbox.get(2)
            assert [data for data, _, _ in inbox.items] == [b"early", b"one"]
            datagrams.take_sample()
            peer.sendto(b"two", address)
            time.sleep(0.2)  # noqa: ASYNC251
            await inbox.get(3)
            peer.sendto(b"three", address)  # is no sample: one for each measurement
            await inbox.get(4)
            waited = datagrams.take_sample()
            assert 0.15 < waited < 1.0
            assert datagrams.take_sample() == 0.0
            datagrams.close()

    run(main(), loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_the_probe_takes_the_longest(loop: str) -> None:
    class Waiting:
        def take_sample(self) -> float:
            return 3.0

    async def main() -> None:
        measured = Inbox()
        probe = LagProbe(asyncio.get_running_loop(), lambda: [Waiting()], measured)  # type: ignore[list-item]
        await measured.get()
        assert measured.items[0] == (3.0,)
        probe.close()

    run(main(), loop)


def test_times_are_counted_by_their_upper_bound() -> None:
    timing = Timing((0.1, 1.0))
    for seconds in (0.0, 0.1, 0.11, 1.0, 5.0):
        timing.add(seconds)
    assert timing.counts == [2, 2, 1]
    assert timing.total == pytest.approx(6.21)


class Clocks:
    """A socket whose kernel has another clock."""

    def __init__(self, ahead: float) -> None:
        stamp = time.time() + ahead
        self.stamp = struct.pack("@ll", int(stamp), int(stamp % 1 * 1e9))

    def recvmsg(self, *_: int) -> tuple[object, ...]:
        other = (socket.SOL_SOCKET, 99, b"")
        return b"x", [other, (socket.SOL_SOCKET, 35, self.stamp)], 0, ("127.0.0.1", 9)


def test_a_clock_that_was_set_back_makes_no_negative_wait() -> None:
    sock = bind_datagram(LOCALHOST)
    datagrams = DatagramSocket(sock, lambda *_: None, lambda *_: None)
    datagrams._sock = Clocks(100.0)  # type: ignore[assignment]
    assert datagrams._read_sample(10) == (b"x", ("127.0.0.1", 9))
    assert datagrams.take_sample() == 0.0
    sock.close()
