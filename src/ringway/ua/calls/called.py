"""A call that is received (RFC 3261 §13.3, RFC 3262 §3).

The application rings, answers, rejects or redirects. Until it does the INVITE is kept alive: its
100 after 200 ms, the last provisional response again every minute, so that no proxy gives up
(§13.3.1.1). It ends by itself when the caller cancels, when its Expires is over, and after
``ring_time``.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from ringway.dialog.dialog import Dialog
from ringway.dialog.negotiation import Meaning
from ringway.dialog.reliable import has_session
from ringway.dialog.secure import must_be_sips, with_sips
from ringway.endpoint import RequestReceived, ServerTransaction
from ringway.message import Request, Response, build_response
from ringway.ua.calls.call import Call
from ringway.ua.calls.offers import PATIENCE, Description, described
from ringway.ua.calls.progress import Progress
from ringway.ua.calls.session import Session
from ringway.ua.events import Answered, Changed, Ended, FlowReplaced, Offered

if TYPE_CHECKING:
    from ringway.ua.agent import Agent

Headers: TypeAlias = tuple[tuple[str, str], ...]


class IncomingCall(Call):
    """A call that waits for its answer, and then is up.

    Attributes:
        request: the INVITE.
        replaces: the call of ours that it is to take the place of (RFC 3891); None if none is. It
            is ended when this one is answered.

    Raises:
        ParseError: the INVITE has a Contact or Record-Route that cannot be read.
    """

    def __init__(
        self, agent: Agent, event: RequestReceived, replaced: Session | None, now: float
    ) -> None:
        super().__init__(agent)
        transaction, request, flow = event
        self.request = request
        self.replaces = None if replaced is None else replaced.call
        services = agent.services
        transaction.tag = services.unique()
        early = build_response(request, 180, to_tag=transaction.tag)
        dialog = Dialog.from_request(request, early)
        expires = request.expires
        sips = must_be_sips(request, received=True)
        self._replaced = replaced
        self._transaction = transaction
        self._answered = False
        slot = services.outbound.of(flow)
        self._session = self.session = session = Session(agent, self, dialog, slot, flow, request)
        self._sips = sips
        self._lines = self._common_lines()
        session.offers.negotiation.received(request)
        session.offers.theirs = Description.of(request)
        self._progress = Progress(
            services, transaction, request, self._said, self._say_again, self._not_pracked
        )
        self._waiting: tuple[Description, Headers] | None = None
        agent.answering(transaction, self)
        services.endpoint.answer_quietly(transaction, now)
        ring_time = services.settings.ring_time
        late = (487, "the invitation expired") if expires is not None else (480, "nobody answered")
        if expires is None or expires > ring_time:
            late, expires = (480, "nobody answered"), int(ring_time)
        self._limit = services.endpoint.timer(now + expires, partial(self._too_late, late))

    @property
    def waits(self) -> bool:
        """True until it is answered, rejected or over."""
        return not (self._answered or self.done)

    def ring(
        self,
        now: float,
        status: int = 180,
        body: bytes = b"",
        *,
        content_type: str | None = None,
        reliable: bool | None = None,
        headers: Headers = (),
    ) -> bool:
        """Say that it rings, or how it goes on (RFC 3261 §13.3.1.1).

        Args:
            now: seconds.
            status: 101 to 199.
            body: the answer, early; or the offer, if the INVITE had none and it is sent reliably.
            content_type: of the body; SDP if None.
            reliable: True to have it acknowledged where the caller can (RFC 3262); None to do so
                if it has a body, or if the caller asks for it.
            headers: further fields.

        Returns:
            False if the call does not wait any more.

        Raises:
            ValueError: the status is no 101 to 199.
        """
        if not 100 < status < 200:
            raise ValueError(f"{status} is no progress")
        if not self.waits or self._waiting is not None:
            return False
        description = described(body, content_type)
        response = self._response(status, description, headers)
        self._progress.send(response, now, reliable=bool(body) if reliable is None else reliable)
        return True

    def answer(
        self,
        now: float,
        body: bytes = b"",
        *,
        content_type: str | None = None,
        headers: Headers = (),
    ) -> bool:
        """Answer the call (RFC 3261 §13.3.1.4); ``Answered`` follows with the ACK.

        A reliable provisional response with a body is waited for first (RFC 3262 §5).

        Args:
            now: seconds.
            body: the answer; or the offer, if the INVITE had none.
            content_type: of the body; SDP if None.
            headers: further fields.

        Returns:
            False if the call does not wait any more.
        """
        if not self.waits:
            return False
        description = described(body, content_type)
        if not self._progress.may_accept:
            self._waiting = (description, headers)
            return True
        session = self._session
        offers = session.offers
        due = offers.negotiation.due(self.request, build_response(self.request, 200))
        if due is Meaning.NOTHING:
            description = Description()
        timer = offers.timer.accept(self.request, now)
        response = self._response(200, description, (*timer, *headers))
        self._settle()
        self._answered = True
        session.dialog.confirm(response)
        offers.negotiation.responded(self.request, response)
        if description.body:
            offers.own = description
        offers.schedule(now)
        session.confirm(self._transaction, response, self._confirmed, now)
        if self._replaced is not None:
            self._replaced.call.hang_up(now, "replaced by another call")
        return True

    def reject(self, now: float, status: int = 486, headers: Headers = ()) -> bool:
        """Reject the call (RFC 3261 §13.3.1.3).

        Args:
            now: seconds.
            status: 300 to 699; 486 for busy, 603 to speak for all devices of the user.
            headers: further fields.

        Returns:
            False if the call does not wait any more.

        Raises:
            ValueError: the status does not reject anything.
        """
        if not 300 <= status <= 699:
            raise ValueError(f"{status} rejects nothing")
        return self._end(status, Ended(True, f"rejected with {status}"), now, headers)

    def redirect(self, now: float, contacts: Iterable[str], status: int = 302) -> bool:
        """Say where the caller should go instead (RFC 3261 §13.3.1.2).

        Args:
            now: seconds.
            contacts: URIs, or Contact values with ``q`` and ``expires``.
            status: 300, 301, 302 or 305.

        Returns:
            False if the call does not wait any more.

        Raises:
            ValueError: no contacts, or another status.
        """
        values = [each if "<" in each else f"<{each}>" for each in contacts]
        if not values or status not in {300, 301, 302, 305}:
            raise ValueError("a redirect is a 300, 301, 302 or 305, with a Contact")
        lines = tuple(("Contact", value) for value in values)
        return self._end(status, Ended(True, f"redirected with {status}"), now, lines)

    def hang_up(self, now: float, reason: str = "") -> None:
        """End the call: with 480 if it was not answered (RFC 3261 §15)."""
        if self.waits:
            self._end(480, Ended(True, reason), now)
        else:
            super().hang_up(now, reason)

    # From the agent and the session

    def is_same(self, request: Request) -> bool:
        """Say whether an INVITE is a copy of this one's (RFC 3261 §8.2.2.2)."""
        ours = self.request
        same = ours.call_id == request.call_id  # most differ here already
        return same and (ours.from_tag, ours.cseq) == (request.from_tag, request.cseq)

    def moved(self, event: RequestReceived, now: float) -> None:
        """Go on with a copy of the INVITE: the connection of the first is gone (RFC 5626 §7).

        Raises:
            ParseError: a Record-Route of the copy cannot be read; nothing has changed.
        """
        transaction, request, flow = event
        services, session = self.agent.services, self._session
        session.move(services.outbound.of(flow), flow, request)
        transaction.tag = self._transaction.tag
        self.agent.answering(self._transaction, None)
        self.agent.answering(transaction, self)
        services.endpoint.let_go(self._transaction, now)
        self._transaction, self.request = transaction, request
        self._lines = self._common_lines()
        services.endpoint.answer_quietly(transaction, now)
        self._progress.move(transaction, now)
        self.tell(FlowReplaced(flow))

    def cancelled(self, request: Request, now: float) -> None:
        """Take a CANCEL (RFC 3261 §9.2)."""
        reasons = request.values("reason")
        self._end(487, Ended(False, reasons[0] if reasons else "cancelled by the caller"), now)

    def ended(self, session: Session, event: Ended, now: float) -> None:
        """Take the end of the session; a BYE before the answer rejects the INVITE (§15.1.2)."""
        if not self._end(487, event, now):
            super().ended(session, event, now)

    def pracked(
        self, session: Session, transaction: ServerTransaction, request: Request, now: float
    ) -> None:
        """Take a PRACK (RFC 3262 §3, §5)."""
        offers = session.offers
        result = self._progress.pracked(request, now)
        if result.status != 200:
            session.reply(transaction, result.status, now)
            return
        meaning = offers.negotiation.received(request)
        theirs = Description.of(request)
        if meaning is Meaning.OFFER:
            accept = partial(self._answer_prack, transaction, request)
            offers.owe(accept, partial(self._refuse_prack, transaction, request), now, PATIENCE)
            self.tell(Offered("PRACK", theirs.body, theirs.kind))
        else:
            session.reply(transaction, 200, now)
            if meaning is Meaning.ANSWER:
                offers.theirs = theirs
                self.tell(Changed(theirs.body, theirs.kind))
        self._progress.follow(result.following, now)
        waiting = self._waiting
        if waiting is not None and self._progress.may_accept:
            self._waiting = None
            description, headers = waiting
            self.answer(
                now, description.body, content_type=description.content_type, headers=headers
            )

    # Inside

    def _common_lines(self) -> Headers:
        """Return what every response that makes or confirms the dialog has (§12.1.1)."""
        contact = self._session.contact()
        return (
            *(("Record-Route", value) for value in self.request.values("record-route")),
            ("Contact", with_sips(contact) if self._sips else contact),
            *self.agent.capabilities(),
            *self.agent.software(),
        )

    def _response(self, status: int, description: Description, headers: Headers) -> Response:
        return build_response(
            self.request,
            status,
            to_tag=self._transaction.tag,
            headers=(*self._lines, *headers),
            body=description.body,
            content_type=description.content_type,
        )

    def _said(self, response: Response) -> None:
        """Take note of a provisional response."""
        offers = self._session.offers
        offers.negotiation.responded(self.request, response)
        if has_session(response):
            offers.own = Description.of(response)

    def _say_again(self, now: float) -> None:
        """Say anew what was said last."""
        last = self._progress.last
        if last is not None:
            response = self._response(last.status, Description.of(last), ())
            self._progress.send(response, now, reliable=last.has("rseq"))

    def _not_pracked(self, now: float) -> None:
        self._end(504, Ended(True, "no PRACK came"), now)

    def _answer_prack(
        self,
        transaction: ServerTransaction,
        request: Request,
        answer: Description,
        now: float,
    ) -> None:
        offers = self._session.offers
        response = build_response(
            request,
            200,
            headers=self.agent.software(),
            body=answer.body,
            content_type=answer.content_type,
        )
        offers.negotiation.responded(request, response)
        offers.own, offers.theirs = answer, Description.of(request)
        self.agent.services.endpoint.respond(transaction, response, now)

    def _refuse_prack(
        self,
        transaction: ServerTransaction,
        request: Request,
        status: int,
        headers: Headers,
        now: float,
    ) -> None:
        self._session.offers.negotiation.responded(request, build_response(request, status))
        self._session.reply(transaction, status, now, self.agent.warned(status, headers))

    def _confirmed(self, ack: Request | None, now: float) -> None:  # noqa: ARG002 - see `confirm`
        offers = self._session.offers
        if ack is None:
            offers.negotiation.unacknowledged()
            return
        answer = Description()
        if offers.negotiation.received(ack) is Meaning.ANSWER:
            answer = offers.theirs = Description.of(ack)
        self.tell(Answered(answer.body, answer.kind, ack.from_tag))

    def _too_late(self, late: tuple[int, str], now: float) -> None:
        status, reason = late
        self._end(status, Ended(status == 480, reason), now)

    def _end(self, status: int, event: Ended, now: float, headers: Headers = ()) -> bool:
        """End a call that waits; False if it does not."""
        if not self.waits:
            return False
        self._settle()
        self.done = True
        lines = (*self.agent.software(), *self.agent.warned(status, headers))
        self.agent.services.endpoint.reply(self._transaction, status, now, headers=lines)
        self._session.drop(now)
        self.agent.guard(self.emit, event)
        return True

    def _settle(self) -> None:
        """The INVITE has its final response."""
        self.agent.answering(self._transaction, None)
        self._progress.finish()
        self._limit.cancel()
