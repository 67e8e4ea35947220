"""What a call that is received says before it is answered (RFC 3261 §13.3.1.1, RFC 3262 §3).

The last word is said again every minute, so that no proxy gives up; where it is acknowledged, every
two and a half, and until then with growing intervals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ringway.dialog.reliable import (
    MAX_FIRST,
    Pracked,
    ReliableSender,
    allows_reliable,
    demands_reliable,
    parse_rseq,
)
from ringway.endpoint import ServerTransaction, Timer
from ringway.message import Request, Response
from ringway.ua.services import Services

AGAIN: Final = 60.0
"""Seconds until a provisional response is sent again (RFC 3261 §13.3.1.1)."""
AGAIN_RELIABLY: Final = 150.0
"""The same where none can be lost (RFC 3262 §3)."""


class Progress:
    """The provisional responses to one INVITE.

    Args:
        services: the agent's.
        transaction: the INVITE's.
        request: the INVITE.
        said: called with each response that goes out for the first time, before it does.
        again: called when the last one is to be said anew, acknowledged once more.
        lost: called when one was never acknowledged: refuse the INVITE (RFC 3262 §3).

    Attributes:
        last: what was said last; None before.
    """

    def __init__(
        self,
        services: Services,
        transaction: ServerTransaction,
        request: Request,
        said: Callable[[Response], None],
        again: Callable[[float], None],
        lost: Callable[[float], None],
    ) -> None:
        self.last: Response | None = None
        self._services = services
        self._transaction = transaction
        self._said = said
        self._say_again = again
        self._lost = lost
        self._demanded = demands_reliable(request)
        self._sender: ReliableSender | None = None
        self._again: Timer | None = None
        self._pracks: Timer | None = None
        if allows_reliable(request):
            self._number(1 + int(services.chance() * (MAX_FIRST - 1)))

    @property
    def may_accept(self) -> bool:
        """False while a 2xx must wait for a PRACK (RFC 3262 §5)."""
        return self._sender is None or self._sender.may_accept

    def send(self, response: Response, now: float, *, reliable: bool) -> None:
        """Send a provisional response, if its turn has come.

        Args:
            response: 101 to 199.
            now: seconds.
            reliable: whether to have it acknowledged if the caller can.
        """
        sender = self._sender
        if sender is not None and (reliable or self._demanded):
            numbered = sender.send(response, now)
            if numbered is not None:
                self._send_reliably(numbered, now)
            return
        self._send(response, now)
        self._keep_alive(self._once_more, AGAIN, now)

    def pracked(self, request: Request, now: float) -> Pracked:
        """Take a PRACK; its ``following`` is still to be sent, with `follow`."""
        if self._sender is None:
            return Pracked(481)
        result = self._sender.prack(request, now)
        self._schedule(now)
        return result

    def follow(self, response: Response | None, now: float) -> None:
        """Send what waited for a PRACK, if there is something."""
        if response is not None:
            self._send_reliably(response, now)

    def move(self, transaction: ServerTransaction, now: float) -> None:
        """Go on in another transaction: what was said in the first may not have been heard."""
        self._transaction = transaction
        self._stop()
        if self._sender is not None and self.last is not None:
            self._number(parse_rseq(self.last) + 1)
        self._say_again(now)

    def finish(self) -> None:
        """Say nothing more: the final response goes out."""
        self._stop()
        if self._sender is not None:
            self._sender.finish()

    def _number(self, first: int) -> None:
        self._sender = ReliableSender(first, t1=self._services.endpoint.settings.timers.t1)

    def _stop(self) -> None:
        for timer in (self._again, self._pracks):
            if timer is not None:
                timer.cancel()

    def _send(self, response: Response, now: float) -> None:
        self._said(response)
        self.last = response
        self._services.endpoint.respond(self._transaction, response, now)

    def _send_reliably(self, response: Response, now: float) -> None:
        self._send(response, now)
        self._schedule(now)
        self._keep_alive(self._say_again, AGAIN_RELIABLY, now)

    def _keep_alive(self, what: Callable[[float], None], seconds: float, now: float) -> None:
        if self._again is not None:
            self._again.cancel()
        self._again = self._services.endpoint.timer(now + seconds, what)

    def _once_more(self, now: float) -> None:
        assert self.last is not None  # noqa: S101 - the timer is for it
        self._services.endpoint.respond(self._transaction, self.last, now)
        self._keep_alive(self._once_more, AGAIN, now)

    def _schedule(self, now: float) -> None:
        """Set the clock for what waits for its PRACK."""
        assert self._sender is not None  # noqa: S101 - only with one there are PRACKs
        if self._pracks is not None:
            self._pracks.cancel()
        due = self._sender.next_due()
        if due is not None:
            self._pracks = self._services.endpoint.timer(max(due, now), self._prack_due)

    def _prack_due(self, now: float) -> None:
        assert self._sender is not None  # noqa: S101 - see above
        response = self._sender.fire(now)
        if response is None:
            self._lost(now)
        else:
            self._services.endpoint.respond(self._transaction, response, now)
            self._schedule(now)
