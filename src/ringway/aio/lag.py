"""How long what has arrived waits before the event loop looks at it.

Two clocks tell. A timer that comes late says how long one turn of the loop takes, and so how long
the bytes of connections wait. Datagrams queue in the socket, which no timer notices: there the
kernel's time stamp of one datagram for each measurement says how old it is when it is read.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final

from ringway.aio.timing import Timing
from ringway.aio.udp import DatagramSocket

__all__ = ["BOUNDS", "INTERVAL", "LagProbe"]

INTERVAL: Final = 0.1
"""Seconds between two measurements."""

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the buckets, in seconds."""


class LagProbe:
    """Measures until it is closed.

    Args:
        loop: what is measured.
        sockets: the datagram sockets it reads, as they are now.
        measured: told of each measurement, in seconds.
    """

    __slots__ = ("_due", "_handle", "_loop", "_measured", "_sockets", "timing")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sockets: Callable[[], Iterable[DatagramSocket]],
        measured: Callable[[float], None],
    ) -> None:
        self._loop = loop
        self._sockets = sockets
        self._measured = measured
        self.timing = Timing(BOUNDS)
        """Every measurement so far."""
        self._handle = self._wait()

    def close(self) -> None:
        """Measure no more."""
        self._handle.cancel()

    def _wait(self) -> asyncio.TimerHandle:
        # The loop's own clock stands still within a turn.
        self._due = time.monotonic() + INTERVAL
        return self._loop.call_later(INTERVAL, self._tick)

    def _tick(self) -> None:
        lag = max(time.monotonic() - self._due, 0.0)
        for sock in self._sockets():
            lag = max(lag, sock.take_sample())
        self.timing.add(lag)
        self._handle = self._wait()
        self._measured(lag)
