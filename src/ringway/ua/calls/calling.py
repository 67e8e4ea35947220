"""A call that is made (RFC 3261 §13.2).

An INVITE may reach several phones. Each that rings makes an early dialog, with its own numbers and
its own exchange of offer and answer; the first that answers is the call. Another that answers too
gets its ACK and then a BYE, unless the application wants it (§13.2.2.4). The INVITE is over 64*T1
after the first 2xx, and the dialogs of those that only rang with it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from ringway.codes import CANCELLED, Circumstance, Role, Source, explain, synthetic
from ringway.dialog.dialog import Dialog
from ringway.dialog.negotiation import Meaning, Negotiation
from ringway.dialog.reliable import Order, ReliableReceiver, rack
from ringway.dialog.session_timer import SessionTimer
from ringway.endpoint import Timer
from ringway.errors import ParseError
from ringway.message import Request, Response, parse_delta, parse_uri
from ringway.transport.flow import Flow
from ringway.ua.calls.call import Call
from ringway.ua.calls.offers import Description
from ringway.ua.calls.session import Session
from ringway.ua.events import Answered, Ended, Failed, Failure, Redirected, Ringing
from ringway.ua.requests.sending import Follow, Outgoing, Sending
from ringway.ua.screening import EXTENSIONS

if TYPE_CHECKING:
    from ringway.ua.agent import Agent

Headers: TypeAlias = tuple[tuple[str, str], ...]
Forked: TypeAlias = Callable[[Call], bool]
"""Asked whether to keep another call that was answered too; it may set ``emit`` of it."""

_MOST_FORKS: Final = 32
"""Phones of one INVITE that are listened to: each may make us send requests to where it says."""


class OutgoingCall(Call):
    """A call that we make; see `Agent.call`.

    Attributes:
        uri: whom we call; it stays the one for future calls, whatever redirects say but a 301.
        watch: told of each status, its phrase and the time; for who asked us to call.
    """

    def __init__(
        self,
        agent: Agent,
        uri: str,
        offer: Description,
        headers: Headers,
        follow: Follow,
        forked: Forked | None,
    ) -> None:
        super().__init__(agent)
        self.uri = uri
        self.watch: Callable[[int, str, float], None] = _unwatched
        self._offer = offer
        self._forked = forked
        self._forks: dict[str, _Fork] = {}
        self._answered = False
        self._given_up: str | None = None
        expires = {name.lower(): value for name, value in headers}.get("expires")
        self._expires = 0 if expires is None else parse_delta(expires, "expires")
        self._limit: Timer | None = None
        settings = agent.services.settings
        timer = SessionTimer(settings.session_expires, settings.min_se)
        wanted = Outgoing(
            "INVITE",
            uri,
            f"<{parse_uri(uri).without_headers()}>",
            agent.from_(),
            agent.services.unique(),
            (*agent.capabilities(), *timer.request_headers(), *headers),
            offer.body,
            offer.content_type,
            forms_dialog=True,
            extensions=EXTENSIONS,
        )
        self._sending = Sending(agent.services, wanted, self, follow=follow)

    def start(self, now: float) -> None:
        """Send the INVITE; it is given up once its Expires has passed (RFC 3261 §13.2.1)."""
        self._sending.start(now)
        if self._expires and not self.done:
            self._limit = self.agent.services.endpoint.timer(now + self._expires, self._expired)

    def hang_up(self, now: float, reason: str = "") -> None:
        """Give the call up: CANCEL before the answer, BYE after it (RFC 3261 §15)."""
        if self._answered:
            super().hang_up(now, reason)
        elif self._given_up is None and not self.done:
            self._given_up = reason
            self._sending.cancel(now)

    # What comes of the INVITE

    def provisional(self, request: Request, response: Response, flow: Flow, now: float) -> None:
        """Take a provisional response (RFC 3261 §13.2.2.1, RFC 3262 §4)."""
        if response.status == 100 or self._answered:
            return
        body = Description.of(response)
        offer = False
        if response.to_tag:
            fork = self._fork(request, response, flow, now)
            order = Order.AHEAD if fork is None else fork.receiver.take(response)
            if fork is None or order in {Order.REPEATED, Order.AHEAD}:
                return
            self.session = session = fork.session
            meaning = session.offers.negotiation.answered(request, response)
            if meaning is Meaning.ANSWER:
                session.offers.own = self._offer
            if meaning is not Meaning.NOTHING:
                session.offers.theirs = body
            offer = meaning is Meaning.OFFER
            if offer:
                accept = partial(self._prack, session, rack(response))
                session.offers.owe(accept, partial(self._not_pracked, session), now)
            elif order is Order.NEXT:
                self._prack(session, rack(response), Description(), now)
        rule = explain(response.status, Circumstance(Role.CALLER, "INVITE", False, Source.RECEIVED))
        self.watch(response.status, response.reason, now)
        self.tell(
            Ringing(
                response.status,
                response.reason,
                response.to_tag,
                body.body,
                body.kind,
                rule.why,
                offer,
            )
        )

    def succeeded(self, request: Request, response: Response, flow: Flow, now: float) -> None:
        """Take a 2xx, of each phone that answers and each copy of it (RFC 3261 §13.2.2.4)."""
        fork = self._fork(request, response, flow, now)
        if fork is None:
            if not (self._answered or self.done):
                self._unreachable(response, now)
            return
        session = fork.session
        if fork.answered:
            session.acknowledge(request, now, wait=False)
            return
        fork.answered = True
        fork.receiver.finish()
        offers = session.offers
        try:
            session.dialog.confirm(response)
        except ParseError:
            session.dialog.early = False  # its early Contact goes on
        meaning = offers.negotiation.answered(request, response)
        offers.timer.answered(request, response, now)
        if self._offer.body:
            offers.own = self._offer
        if meaning is not Meaning.NOTHING:
            offers.theirs = Description.of(response)
        offers.schedule(now)
        first, self._answered = not self._answered, True
        self._final()
        late = self.done and first  # it has been told that it failed
        wanted = self._given_up is None and not late and (first or self._keeps(session))
        offer = meaning is Meaning.OFFER and wanted
        ack = session.acknowledge(request, now, wait=offer)
        if offer:
            accept = partial(session.answer_in_ack, ack)
            offers.owe(accept, partial(session.refuse_in_ack, ack), now)
        if first:
            self.session = session
            services = self.agent.services
            services.endpoint.timer(now + services.endpoint.settings.timers.transaction, self._over)
        if not wanted:
            session.hang_up(now, self._given_up or "another phone had answered")
            return
        theirs = offers.theirs
        if first:
            self.watch(response.status, response.reason, now)
        event = Answered(theirs.body, theirs.kind, response.to_tag, offer)
        session.call.tell(event)

    def redirected(self, event: Redirected, now: float) -> None:
        """Take note that the INVITE goes elsewhere."""
        self._drop(now)
        self.tell(event)

    def failed(self, failure: Failure, now: float) -> None:
        """Take the end of an INVITE that nobody accepted (RFC 3261 §13.2.2.3)."""
        self._final()
        self._drop(now)
        if self._given_up is not None:
            self.watch(CANCELLED, "", now)
            self.finish(Ended(True, self._given_up, failure))
        else:
            self.watch(failure.status, failure.response.reason if failure.response else "", now)
            self.finish(Failed(failure))

    # From the sessions

    def ended(self, session: Session, event: Ended, now: float) -> None:
        """Take the end of a session; before the answer it is one phone of several."""
        if self._answered:
            super().ended(session, event, now)
        elif session is self.session:
            self.session = None

    # Inside

    def _expired(self, now: float) -> None:
        self.hang_up(now, "nobody answered in time")

    def _final(self) -> None:
        """The INVITE has its final response, or will get none."""
        if self._limit is not None:
            self._limit.cancel()

    def _unreachable(self, response: Response, now: float) -> None:
        """Fail because of a 2xx that names no place for an ACK; who else answers is hung up on."""
        text = f"{self.uri} answered with a Contact or Record-Route that cannot be read"
        self._given_up = text
        self._final()
        self._drop(now)
        failure = Failure(synthetic(Source.TRANSPORT), Source.TRANSPORT, text, response=response)
        self.watch(failure.status, "", now)
        self.finish(Failed(failure))

    def _fork(self, request: Request, response: Response, flow: Flow, now: float) -> _Fork | None:
        """Return the dialog that a response belongs to, a new one if need be."""
        fork = self._forks.get(response.to_tag)
        if fork is None and (len(self._forks) < _MOST_FORKS or self._makes_room(response, now)):
            try:
                dialog = Dialog.from_response(request, response)
            except ParseError:
                return None  # nothing could be sent to it
            session = Session(self.agent, self, dialog, self._sending.slot, flow, request)
            session.offers.negotiation.sent(request)
            fork = self._forks[response.to_tag] = _Fork(session)
        return fork

    def _makes_room(self, response: Response, now: float) -> bool:
        """Forget one that only rings for one that answers; False if that cannot be."""
        rings = [tag for tag, each in self._forks.items() if not each.answered]
        if response.status < 200 or not rings:
            return False
        self._forks.pop(rings[0]).session.drop(now)
        return True

    def _keeps(self, session: Session) -> bool:
        """Ask the application whether it wants another call that was answered."""
        other = Call(self.agent)
        other.session = session
        session.call = other
        return bool(self.agent.guard(self._forked, other))

    def _prack(self, session: Session, number: str, answer: Description, now: float) -> None:
        """Acknowledge a reliable provisional response; with the answer if it had the offer."""
        offers = session.offers
        prack = offers.shape("PRACK", answer)
        offers.negotiation.sent(prack)
        if answer.body:
            offers.own = answer
        session.ask(
            "PRACK",
            now,
            partial(_pracked, offers.negotiation, prack),
            headers=(("RAck", number),),
            body=answer.body,
            content_type=answer.content_type,
        )

    def _not_pracked(self, session: Session, status: int, headers: Headers, now: float) -> None:  # noqa: ARG002
        """An offer that is refused while it rings ends the attempt."""
        if not session.over:
            self.hang_up(now, f"the offer was refused with {status}")

    def _over(self, now: float) -> None:
        """End the dialogs of those that only rang (RFC 3261 §13.2.2.4)."""
        for fork in self._forks.values():
            if not fork.answered:
                fork.session.drop(now)

    def _drop(self, now: float) -> None:
        self.session = None
        forks, self._forks = self._forks, {}
        for fork in forks.values():
            fork.session.drop(now)


class _Fork:
    """One of the phones that an INVITE has reached."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.receiver = ReliableReceiver()
        self.answered = False


def _unwatched(status: int, phrase: str, now: float) -> None:
    """Nobody has asked us to call."""


def _pracked(
    negotiation: Negotiation,
    prack: Request,
    response: Response | None,
    failure: Failure | None,  # noqa: ARG001 - the INVITE's own end tells what came of it
    now: float,  # noqa: ARG001 - see `Done`
) -> None:
    """Take the end of a PRACK: from now on the session may be changed (RFC 6337 §4.3)."""
    if response is None:
        negotiation.failed(prack)
    else:
        negotiation.answered(prack, response)
