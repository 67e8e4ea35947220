"""Offers within a dialog: re-INVITE and UPDATE of both sides, and the session timer.

RFC 3261 §14, RFC 3311 §5, RFC 4028 §7 to §10. Whose turn it is says `Negotiation`; what a session
is made of is the application's. A refresh, which changes nothing, is answered without asking it,
with our description as it was; so is an offer that the application leaves alone for too long,
because the far end can do nothing else in the meantime.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from ringway.codes import Circumstance, Effect, Role, Source, effects
from ringway.dialog.negotiation import Meaning, Negotiation, glare_wait
from ringway.dialog.reliable import has_session
from ringway.dialog.session_timer import SessionTimer
from ringway.endpoint import ServerTransaction, Timer
from ringway.errors import ParseError
from ringway.message import Request, Response, build_request, build_response
from ringway.transport.flow import Flow
from ringway.ua.events import CallEvent, Changed, Failure, NotChanged, Offered, Redirected

if TYPE_CHECKING:
    from ringway.ua.calls.session import Session
    from ringway.ua.requests.sending import Sending

Headers: TypeAlias = tuple[tuple[str, str], ...]

PATIENCE: Final = 10.0
"""Seconds that an application has to answer an offer; then its last description is repeated."""

_LONGEST: Final = 60.0
"""Seconds that a change waits at most before it is tried once more."""

_GLARE: Final = 491
"""The one response that asks to be tried again without saying when (RFC 3261 §14.1)."""


class Description(NamedTuple):
    """A session description, as bytes."""

    body: bytes = b""
    content_type: str | None = None

    @classmethod
    def of(cls, message: Request | Response) -> Description:
        """Return the one that a message carries."""
        if not has_session(message):
            return cls()
        return cls(message.body, message.get("content-type"))

    @property
    def kind(self) -> str:
        """The content type, empty if there is none."""
        return self.content_type or ""


def described(body: bytes, content_type: str | None) -> Description:
    """Return a description as an application gives it; SDP unless it says otherwise."""
    return Description(body, content_type or ("application/sdp" if body else None))


class Owed(NamedTuple):
    """An answer that we owe: what to do when the application gives it, or refuses."""

    accept: Callable[[Description, float], None]
    refuse: Callable[[int, Headers, float], None]
    timer: Timer | None


class Offers:
    """What may be offered and what is owed in one dialog.

    Attributes:
        negotiation: whose turn it is.
        timer: how long the session lives.
        own: our description that counts now.
        theirs: the far end's.
    """

    def __init__(self, session: Session) -> None:
        settings = session.services.settings
        self.negotiation = Negotiation()
        self.timer = SessionTimer(settings.session_expires, settings.min_se)
        self.own = Description()
        self.theirs = Description()
        self._session = session
        self._owed: Owed | None = None
        self._asking: Sending | None = None
        self._due: Timer | None = None

    # From the application

    def accept(self, description: Description, now: float) -> bool:
        """Give the answer that is owed; False if none is.

        Args:
            description: ours; an empty one repeats the last.
            now: seconds.
        """
        owed = self._settle()
        if owed is not None:
            owed.accept(description if description.body else self.own, now)
        return owed is not None

    def refuse(self, status: int, headers: Headers, now: float) -> bool:
        """Refuse the offer that waits; False if none does."""
        owed = self._settle()
        if owed is not None:
            owed.refuse(status, headers, now)
        return owed is not None

    def ask(self, method: str, description: Description, now: float, *, report: bool) -> bool:
        """Send a re-INVITE or UPDATE.

        Args:
            method: INVITE or UPDATE.
            description: the offer; empty to be offered something, or to offer nothing.
            now: seconds.
            report: whether the application hears what comes of it.

        Returns:
            False if it may not be sent now: another exchange is under way (RFC 3261 §14.1).
        """
        early = method == "INVITE" and self._session.dialog.early
        if early or not self.negotiation.may_send(method, offer=bool(description.body)):
            return False
        _Change(self, self._session, method, description, report=report).start(now)
        return True

    # From the session

    def offered(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """Take a re-INVITE or UPDATE (RFC 3261 §14.2, RFC 3311 §5.2)."""
        session = self._session
        chance = session.services.chance()
        refusal = self.negotiation.refusal(request, chance) or self.timer.check(request)
        if refusal is not None:
            session.reply(transaction, refusal.status, now, refusal.headers)
            return
        self.negotiation.received(request)
        accept = partial(self._accept, transaction, request)
        refuse = partial(self._refuse, transaction, request)
        if request.method == "INVITE":
            session.services.endpoint.answer_quietly(transaction, now)
            session.agent.answering(transaction, self)
        offer = Description.of(request)
        unchanged = offer == self.theirs and self.own.body and offer.body
        if unchanged or (request.method == "UPDATE" and not offer.body):
            accept(self.own, now)
        else:
            self.owe(accept, refuse, now, PATIENCE)
            session.call.tell(Offered(request.method, offer.body, offer.kind))

    def cancelled(self, request: Request, now: float) -> None:  # noqa: ARG002 - a Cancellable
        """Take a CANCEL of the re-INVITE that waits (RFC 3261 §9.2)."""
        self.refuse(487, (), now)

    def owe(
        self,
        accept: Callable[[Description, float], None],
        refuse: Callable[[int, Headers, float], None],
        now: float,
        patience: float = 0.0,
    ) -> None:
        """Take note of an answer that the application is to give.

        Args:
            accept: called with it.
            refuse: called with the status if it does not want to.
            now: seconds.
            patience: seconds after which the last description is repeated; 0 for never.
        """
        timer = None
        if patience:
            endpoint = self._session.services.endpoint
            timer = endpoint.timer(now + patience, self._nobody_answered)
        self._owed = Owed(accept, refuse, timer)

    def schedule(self, now: float) -> None:
        """Set the clock after the session timer has changed."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        at = None if self._session.over else self.timer.next_due()
        if at is not None:
            self._due = self._session.services.endpoint.timer(max(at, now), self._timer_due)

    def shape(self, method: str, description: Description) -> Request:
        """Return what the negotiation looks at, before a request itself is made."""
        dialog = self._session.dialog
        return build_request(
            method,
            dialog.remote_target,
            from_=dialog.local,
            to=dialog.remote,
            call_id=dialog.call_id,
            cseq=0,
            body=description.body,
            content_type=description.content_type,
        )

    def end(self, now: float) -> None:
        """End with the session; what waits is answered with 487 (RFC 3261 §15.1.2).

        A re-INVITE of ours is cancelled, or it would wait for ever on who knows nothing of it.
        """
        self.refuse(487, (), now)
        if self._asking is not None:
            self._asking.cancel(now)
        self.timer.stop()
        self.schedule(now)

    # From a change of ours

    def asks(self, method: str, sending: Sending | None) -> None:
        """Take note of a re-INVITE of ours that waits for its answer; None when it has come."""
        if method == "INVITE":
            self._asking = sending

    # Inside

    def _settle(self) -> Owed | None:
        owed, self._owed = self._owed, None
        if owed is not None and owed.timer is not None:
            owed.timer.cancel()
        return owed

    def _nobody_answered(self, now: float) -> None:
        self.accept(self.own, now)

    def _accept(
        self,
        transaction: ServerTransaction,
        request: Request,
        description: Description,
        now: float,
    ) -> None:
        session = self._session
        agent = session.agent
        due = self.negotiation.due(request, build_response(request, 200))
        body = description if due in {Meaning.OFFER, Meaning.ANSWER} else Description()
        headers = (
            ("Contact", session.contact()),
            *agent.capabilities(),
            *agent.software(),
            *self.timer.accept(request, now),
        )
        response = build_response(
            request, 200, headers=headers, body=body.body, content_type=body.content_type
        )
        session.dialog.refresh(request)
        self.negotiation.responded(request, response)
        if body.body:
            self.own = body
        if has_session(request):
            self.theirs = Description.of(request)
        self.schedule(now)
        if request.method == "INVITE":
            agent.answering(transaction, None)
            session.confirm(transaction, response, self._confirmed, now)
        else:
            session.services.endpoint.respond(transaction, response, now)

    def _confirmed(self, ack: Request | None, now: float) -> None:  # noqa: ARG002 - see `confirm`
        """Take the ACK of a re-INVITE: the answer, if we made the offer."""
        if ack is None:
            self.negotiation.unacknowledged()
        elif self.negotiation.received(ack) is Meaning.ANSWER:
            self.theirs = Description.of(ack)
            self._session.call.tell(Changed(self.theirs.body, self.theirs.kind))

    def _refuse(
        self,
        transaction: ServerTransaction,
        request: Request,
        status: int,
        headers: Headers,
        now: float,
    ) -> None:
        self.negotiation.responded(request, build_response(request, status))
        self._session.agent.answering(transaction, None)
        headers = self._session.agent.warned(status, headers)
        self._session.reply(transaction, status, now, headers)

    def _timer_due(self, now: float) -> None:
        """Refresh the session, or give it up (RFC 4028 §10)."""
        self._due = None
        timer = self.timer
        if timer.give_up_at is not None and timer.give_up_at <= now:
            self._session.hang_up(now, "the session was not refreshed")
            return
        method = timer.method
        offer = self.own if method == "INVITE" else Description()
        if not self.ask(method, offer, now, report=False):
            later = self._session.services.endpoint.settings.timers.t2
            self._due = self._session.services.endpoint.timer(now + later, self._timer_due)


class _Change:
    """A re-INVITE or UPDATE of ours."""

    def __init__(
        self,
        offers: Offers,
        session: Session,
        method: str,
        description: Description,
        *,
        report: bool,
    ) -> None:
        self._offers = offers
        self._session = session
        self._method = method
        self._description = description
        self._report = report
        self._again = True
        self._answered = False

    def start(self, now: float) -> None:
        """Send it."""
        session, offers, wanted = self._session, self._offers, self._description
        headers = (*session.agent.capabilities(), *offers.timer.request_headers())
        offers.negotiation.sent(offers.shape(self._method, wanted))
        offers.schedule(now)
        sending = session.sending(self._method, self, headers, wanted.body, wanted.content_type)
        offers.asks(self._method, sending)
        sending.start(now)

    def provisional(self, request: Request, response: Response, flow: Flow, now: float) -> None:
        """Nothing to do: nobody is alerted."""

    def redirected(self, event: Redirected, now: float) -> None:
        """Nothing to do: it stays the same request."""

    def succeeded(self, request: Request, response: Response, flow: Flow, now: float) -> None:  # noqa: ARG002
        """Take the 2xx, and each copy of it."""
        session, offers = self._session, self._offers
        if self._answered:
            session.acknowledge(request, now, wait=False)
            return
        self._answered = True
        offers.asks(self._method, None)
        meaning = offers.negotiation.answered(request, response)
        offers.timer.answered(request, response, now)
        with suppress(ParseError):  # then its old Contact goes on
            session.dialog.refresh(response)
        offers.schedule(now)
        if self._description.body:
            offers.own = self._description
        theirs = Description.of(response)
        if theirs.body:
            offers.theirs = theirs
        offer = meaning is Meaning.OFFER
        if self._method == "INVITE":
            ack = session.acknowledge(request, now, wait=offer)
            if offer:
                accept = partial(session.answer_in_ack, ack)
                offers.owe(accept, partial(session.refuse_in_ack, ack), now, PATIENCE)
        if self._report:
            session.call.tell(Changed(theirs.body, theirs.kind, offer))

    def failed(self, failure: Failure, now: float) -> None:
        """Take the end of it; the session stays as it was (RFC 3261 §14.1)."""
        session, offers = self._session, self._offers
        offers.asks(self._method, None)
        offers.negotiation.failed(offers.shape(self._method, self._description))
        wait = self._wait(failure)
        offers.timer.refused(failure.response, now, wait=wait or 0.0)
        offers.schedule(now)
        if session.over:
            return
        if wait is not None and self._again and self._report:
            self._again = False
            session.services.endpoint.timer(now + wait, self._once_more)
            return
        self._tell(NotChanged(failure))
        session.judge(self._method, failure, now)

    def _wait(self, failure: Failure) -> float | None:
        """Return the seconds until it may be tried once more, None for not at all."""
        circumstance = Circumstance(Role.CALLER, self._method, True, failure.source)
        if Effect.RETRY_AFTER not in effects(failure.status, circumstance):
            return None
        if failure.retry_after is not None:
            return failure.retry_after if failure.retry_after <= _LONGEST else None
        if failure.status != _GLARE:
            return None
        session = self._session
        return glare_wait(session.services.chance(), owner=session.dialog.caller)

    def _once_more(self, now: float) -> None:
        if self._session.over:
            return
        if self._offers.negotiation.may_send(self._method, offer=bool(self._description.body)):
            self.start(now)
        else:
            text = "the far end is changing the session itself"
            self._tell(NotChanged(Failure(_GLARE, Source.TIMER, text)))

    def _tell(self, event: CallEvent) -> None:
        if self._report:
            self._session.call.tell(event)
