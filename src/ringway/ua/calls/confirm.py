"""The three-way handshake of an INVITE, both sides (RFC 3261 §13.2.2.4, §13.3.1.4).

A 2xx and its ACK go from end to end, so the transactions below do not repeat them: who answers
repeats the 2xx until the ACK comes, over any transport, and who called sends the ACK for each copy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from ringway.endpoint import Endpoint, ServerTransaction, Timer
from ringway.message import Request, Response
from ringway.transport.flow import Flow, NextHop

if TYPE_CHECKING:
    from ringway.ua.calls.session import Session

Headers: TypeAlias = tuple[tuple[str, str], ...]


class Confirmation:
    """A 2xx of ours that waits for its ACK; it is sent when this is made.

    Args:
        endpoint: sends it.
        transaction: the INVITE's.
        response: the 2xx.
        done: called once, with the ACK; or with None after 64*T1, when a BYE is due.
        now: seconds.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        transaction: ServerTransaction,
        response: Response,
        done: Callable[[Request | None, float], None],
        now: float,
    ) -> None:
        timers = endpoint.settings.timers
        self._endpoint = endpoint
        self._transaction = transaction
        self._response = response
        self._done = done
        self._number = response.cseq.number
        self._interval = timers.t1
        self._end = now + timers.transaction
        self._timer: Timer
        self._send(now)

    def acknowledged(self, ack: Request, now: float) -> bool:
        """Take an ACK of the dialog; False if it is for another INVITE."""
        if ack.cseq.number != self._number:
            return False
        self.stop()
        self._done(ack, now)
        return True

    def stop(self) -> None:
        """Wait no longer."""
        self._timer.cancel()

    def _send(self, now: float) -> None:
        self._endpoint.respond(self._transaction, self._response, now)
        at = min(now + self._interval, self._end)
        self._interval = min(self._interval * 2, self._endpoint.settings.timers.t2)
        self._timer = self._endpoint.timer(at, self._due)

    def _due(self, now: float) -> None:
        if now < self._end:
            self._send(now)
            return
        self._done(None, now)


class Acknowledgement:
    """The ACK for a 2xx to an INVITE of ours.

    It may wait for the answer to the offer that the 2xx carried, and for a flow to go over.

    Args:
        session: the dialog.
        invite: the INVITE as it was answered; its credentials go into the ACK.
    """

    def __init__(self, session: Session, invite: Request) -> None:
        self._session = session
        self._number = invite.cseq.number
        self._credentials = tuple(
            (name, value)
            for name in ("Authorization", "Proxy-Authorization")
            for value in invite.values(name)
        )
        self._ack: Request | None = None
        self._waiting: Timer | None = None

    @property
    def request(self) -> Request:
        """The ACK, once it was sent for the first time."""
        assert self._ack is not None  # noqa: S101 - see above
        return self._ack

    def send(self, now: float, body: bytes = b"", content_type: str | None = None) -> None:
        """Send it for the first time.

        Args:
            now: seconds.
            body: the answer, if the 2xx had the offer.
            content_type: of the answer.
        """
        self._ack = self._session.dialog.ack(
            self._number, headers=self._credentials, body=body, content_type=content_type
        )
        self.again(now)

    def again(self, now: float) -> None:
        """Send it for another copy of the 2xx; nothing happens while it is not ready."""
        if self._ack is None or self._waiting is not None:
            return
        session = self._session
        endpoint, slot = session.services.endpoint, session.slot
        if slot is None or slot.direct:
            endpoint.resolve(session.dialog.next_hop_uri(), self._found, now)
        elif slot.flow is not None and endpoint.is_live(slot.flow):
            self._over(slot.flow, now)
        else:
            seconds = session.services.settings.flow_wait
            self._waiting = session.services.outbound.wait(slot, self._replaced, now, seconds)

    def _found(self, hops: list[NextHop], now: float) -> None:
        self._over(hops[0] if hops else self._session.flow, now)

    def _replaced(self, flow: Flow | None, now: float) -> None:
        self._waiting = None
        if flow is not None:
            self._over(flow, now)

    def _over(self, to: Flow | NextHop, now: float) -> None:
        self._session.services.endpoint.send_stateless(self.request, to, now)
