"""How long a peer may take to finish what it has begun on a connection.

A message may come byte by byte, as long as it comes: from its first byte to its last there is one
limit, which progress does not renew. The same holds for the handshake of a WebSocket, and for the
first message on a connection that was accepted, so that nobody holds connections by the thousand
and says nothing. Between messages a connection may be silent.
"""

from __future__ import annotations

from collections.abc import Callable

from ringway.endpoint.counters import Counters, count_over
from ringway.endpoint.flows import Connection
from ringway.endpoint.schedule import CallTimer, Schedule
from ringway.endpoint.settings import EndpointSettings
from ringway.transport.flow import Flow

__all__ = ["Deadlines"]


class Deadlines:
    """Closes connections that take too long.

    Args:
        settings: the endpoint's.
        schedule: runs the timers.
        counters: what to count in.
        close: called with the flow, the reason and the time.
    """

    __slots__ = ("_close", "_counters", "_handshake_time", "_message_time", "_schedule")

    def __init__(
        self,
        settings: EndpointSettings,
        schedule: Schedule,
        counters: Counters,
        close: Callable[[Flow, str, float], None],
    ) -> None:
        self._message_time = settings.message_time
        self._handshake_time = settings.handshake_time
        self._schedule = schedule
        self._counters = counters
        self._close = close

    def opened(self, flow: Flow, connection: Connection, now: float, *, accepted: bool) -> None:
        """Limit the handshake of a new connection, or the time to its first message."""
        if not connection.framer.established:
            self._start(flow, connection, "handshake_time", self._handshake_time, now)
        elif accepted:
            self._start(flow, connection, "message_time", self._message_time, now)

    def received(
        self, flow: Flow, connection: Connection, now: float, *, established: bool, done: bool
    ) -> None:
        """Take note of what some bytes have begun and finished.

        Args:
            flow: the connection's.
            connection: the connection.
            now: seconds.
            established: whether it had done its handshake before they came.
            done: whether they finished a message or a keep-alive.
        """
        framer = connection.framer
        fresh = framer.established and not established
        if connection.deadline is not None and (done or fresh):
            connection.deadline.cancel()
            connection.deadline = None
        if connection.deadline is None and (framer.unfinished or (fresh and not done)):
            self._start(flow, connection, "message_time", self._message_time, now)

    def _start(
        self, flow: Flow, connection: Connection, bound: str, seconds: float, now: float
    ) -> None:
        if not seconds:
            return

        def late(now: float) -> None:
            connection.deadline = None
            count_over(self._counters.over, bound)
            self._close(flow, f"nothing complete came within {seconds:g} s", now)

        timer = connection.deadline = CallTimer(now + seconds, late)
        self._schedule.start_after(timer, seconds)
