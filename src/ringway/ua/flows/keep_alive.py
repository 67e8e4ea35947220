"""Whether a flow still works: keep-alives, and the judgement of what comes back (RFC 5626 §4.4).

Over a connection a ping every 95 to 120 s must be answered within 10 s (§4.4.1); over UDP a STUN
request every 24 to 29 s must be, with the same mapped address as before (§4.4.2). A Flow-Timer is a
maximum, of which each interval is a random 80 to 100 %. The first one goes out as soon as the flow
carries a registration: the flow counts as successful only once it is answered (§4.5).

What may be expected depends on what the server has said it does (§4.4, §8): an outbound
registration or ``ob`` in the Path says all of it; ``;keep=crlf`` or ``;keep=stun`` on the URI of an
outbound proxy is the user's word for it. A WebSocket answers a Ping in any case (RFC 6455 §5.5.2).
Without any of that a connection gets its pings, which no server minds (RFC 3261 §7.5), and nothing
is expected; UDP gets nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ringway.endpoint import Endpoint, Timer
from ringway.transport.flow import UDP, Address, Flow

PONG_TIME: Final = 10.0
"""Seconds that a pong may take (RFC 5626 §4.4.1)."""

_CONNECTION: Final = (95.0, 120.0)
_DATAGRAM: Final = (24.0, 29.0)
_SHORTEST_PART: Final = 0.8


class KeepAlive:
    """The keep-alives over the flow of one slot.

    Args:
        endpoint: sends them.
        chance: a number from 0 up to 1, another at each call.
        answered: called when one is answered.
        failed: called with what is wrong when the flow has failed; nothing comes after that.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        chance: Callable[[], float],
        answered: Callable[[float], None],
        failed: Callable[[str, float], None],
    ) -> None:
        self._endpoint = endpoint
        self._chance = chance
        self._answered = answered
        self._failed = failed
        self._flow: Flow | None = None
        self._expects = False
        self._bounds = _CONNECTION
        self._mapped: Address | None = None
        self._next: Timer | None = None
        self._limit: Timer | None = None

    @property
    def expects(self) -> bool:
        """True where answers are to come."""
        return self._flow is not None and self._expects

    def start(self, flow: Flow, now: float, *, expects: bool, flow_timer: int | None) -> None:
        """Begin with a flow, or go on with what its refreshed registration says.

        Args:
            flow: carries a registration.
            now: seconds.
            expects: True if the server is known to answer.
            flow_timer: the Flow-Timer of the response, in seconds; None without one.
        """
        new = flow != self._flow
        if new:
            self.stop()
            self._flow = flow
        self._expects = expects or flow.websocket
        if flow_timer:
            self._bounds = (flow_timer * _SHORTEST_PART, float(flow_timer))
        else:
            self._bounds = _DATAGRAM if flow.transport == UDP else _CONNECTION
        if not self._sends():
            self.stop()
        elif new and self._expects:
            self._send(now)
        else:
            self._plan(now)

    def stop(self) -> None:
        """Forget the flow."""
        for timer in (self._next, self._limit):
            if timer is not None:
                timer.cancel()
        self._flow = self._next = self._limit = self._mapped = None

    def probe(self, now: float) -> None:
        """Try the flow now: somebody has cause to doubt it."""
        if self.expects:
            self._send(now)

    def pong(self, now: float) -> None:
        """Take an answer over a connection."""
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
        if self.expects:
            self._answered(now)

    def stun(self, mapped: Address | None, now: float) -> None:
        """Take what came of a request over UDP."""
        if not self.expects:
            return
        before = self._mapped
        if mapped is None:
            self._fail("a keep-alive brought an error, or no answer at all", now)
        elif before is not None and mapped != before:
            self._fail(f"our address was {before} and is now {mapped}", now)
        else:
            self._mapped = mapped
            self._answered(now)

    def _sends(self) -> bool:
        return self._flow is not None and (self._expects or self._flow.reliable)

    def _send(self, now: float) -> None:
        flow = self._flow
        assert flow is not None  # noqa: S101 - timers end with the flow
        self._endpoint.keep_alive(flow, now)
        if self._expects and flow.reliable and self._limit is None:
            self._limit = self._endpoint.timer(now + PONG_TIME, self._late)
        self._plan(now)

    def _plan(self, now: float) -> None:
        if self._next is not None:
            self._next.cancel()
        low, high = self._bounds
        self._next = self._endpoint.timer(now + low + (high - low) * self._chance(), self._send)

    def _late(self, now: float) -> None:
        self._fail(f"no answer to a keep-alive within {PONG_TIME:.0f} s", now)

    def _fail(self, reason: str, now: float) -> None:
        self.stop()
        self._failed(reason, now)
