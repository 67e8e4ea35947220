"""Keep-alives of ours that wait for their answer (RFC 5626 §4.4, §8).

Over a connection a ping goes out and a pong comes back; who sent it decides how long to wait. Over
UDP it is a STUN Binding request, repeated as RFC 5389 §7.2.1 says: seven times in all, after RTO,
2*RTO and so on, and given up 16*RTO after the last; RTO is T1. An answer counts only where
something was sent, and only once.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Final

from ringway.endpoint.events import PongReceived, StunReceived
from ringway.endpoint.flows import Flows
from ringway.endpoint.schedule import CallTimer, Schedule, Timer
from ringway.transport.flow import UDP, Flow
from ringway.transport.stun import binding_request, mapped_address, transaction_of

_TRIES: Final = 7
_LAST_WAIT: Final = 16


class KeepAlives:
    """The keep-alives of one endpoint.

    Args:
        flows: carries them.
        schedule: runs the timers.
        unique: makes transaction ids.
        rto: seconds before the first repetition over UDP.
        tell: takes the events.
    """

    __slots__ = ("_flows", "_pings", "_requests", "_rto", "_schedule", "_tell", "_unique")

    def __init__(
        self,
        flows: Flows,
        schedule: Schedule,
        unique: Callable[[], str],
        rto: float,
        tell: Callable[[PongReceived | StunReceived, float], None],
    ) -> None:
        self._flows = flows
        self._schedule = schedule
        self._unique = unique
        self._rto = rto
        self._tell = tell
        self._pings: dict[Flow, int] = {}
        self._requests: dict[Flow, _Request] = {}

    def send(self, flow: Flow, now: float) -> None:
        """Send one; over UDP nothing if one is still under way."""
        if flow.transport != UDP:
            if self._flows.ping(flow):
                self._pings[flow] = self._pings.get(flow, 0) + 1
        elif flow not in self._requests:
            transaction = blake2b(self._unique().encode(), digest_size=12).digest()
            request = self._requests[flow] = _Request(transaction)
            self._try(flow, request, now)

    def pong_received(self, flow: Flow, now: float) -> bool:
        """Take a pong; False if none was waited for."""
        waiting = self._pings.get(flow)
        if waiting is None:
            return False
        if waiting > 1:
            self._pings[flow] = waiting - 1
        else:
            del self._pings[flow]
        self._tell(PongReceived(flow), now)
        return True

    def stun_received(self, flow: Flow, data: bytes, now: float) -> None:
        """Take STUN that is no Binding request."""
        request = self._requests.get(flow)
        if request is None or transaction_of(data) != request.transaction:
            return
        self.forget(flow)
        self._tell(StunReceived(flow, mapped_address(data, request.transaction)), now)

    def forget(self, flow: Flow) -> None:
        """Wait for nothing any more over this flow."""
        self._pings.pop(flow, None)
        request = self._requests.pop(flow, None)
        if request is not None and request.timer is not None:
            request.timer.cancel()

    def _try(self, flow: Flow, request: _Request, now: float) -> None:
        """Send a Binding request for the first time or once more."""
        self._flows.send(flow, binding_request(request.transaction))
        request.tries += 1
        last = request.tries == _TRIES
        wait = self._rto * (_LAST_WAIT if last else 2 ** (request.tries - 1))

        def due(now: float) -> None:
            if last:
                del self._requests[flow]
                self._tell(StunReceived(flow, None), now)
            else:
                self._try(flow, request, now)

        request.timer = CallTimer(now + wait, due)
        self._schedule.start(request.timer, now)


class _Request:
    """A Binding request that waits for its response."""

    __slots__ = ("timer", "transaction", "tries")

    def __init__(self, transaction: bytes) -> None:
        self.transaction = transaction
        self.tries = 0
        self.timer: Timer | None = None
