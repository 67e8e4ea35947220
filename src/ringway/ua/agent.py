"""The user agent core: what the endpoint receives goes to the part it is for.

RFC 3261 §8.2, §12.2.2.

A request with a To tag belongs to a dialog or is refused with 481; one without makes a call, or is
for the application. Connections and keep-alives are the outbound registrations' business. Calls
that are made and received enter their dialogs here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Protocol, TypeAlias

from ringway.dialog.dialog import Dialog, Key, key_of_request
from ringway.dialog.session_timer import SessionTimer
from ringway.endpoint import (
    AckReceived,
    CancelReceived,
    FlowClosed,
    PongReceived,
    RequestReceived,
    ServerTransaction,
    StunReceived,
    UserEvent,
)
from ringway.errors import ParseError
from ringway.message import NameAddr, Request, Response, Warning399, quote
from ringway.transport.flow import Flow
from ringway.ua.calls.called import IncomingCall
from ringway.ua.calls.calling import Forked, OutgoingCall
from ringway.ua.calls.offers import described
from ringway.ua.calls.replaces import find_replaced
from ringway.ua.calls.session import Session
from ringway.ua.events import AgentEvent, CallEvent, CallOffered, RequestOffered
from ringway.ua.incoming import IncomingRequest
from ringway.ua.requests.sending import Asker, Follow, Outgoing, Sending
from ringway.ua.screening import ACCEPT, EXTENSIONS, Screening
from ringway.ua.services import Services

Headers: TypeAlias = tuple[tuple[str, str], ...]

_WITHIN: Final = frozenset({"BYE", "PRACK", "UPDATE", "INFO", "NOTIFY", "SUBSCRIBE"})
"""What makes no sense outside a dialog (RFC 3261 §15.1.2, RFC 3262, 3311, 6086 §4.2.2, 6665)."""


class Cancellable(Protocol):
    """Who answers an INVITE that may be cancelled."""

    def cancelled(self, request: Request, now: float) -> None:
        """Answer the INVITE with 487 (RFC 3261 §9.2)."""


class Farewells:
    """How many BYEs of ours wait for their answer; their calls are over already."""

    def __init__(self) -> None:
        self._open = 0
        self._quiet: Callable[[float], None] | None = None

    def begin(self) -> None:
        """Count one more."""
        self._open += 1

    def end(self, now: float) -> None:
        """Count one less."""
        self._open -= 1
        if not self._open and self._quiet is not None:
            self._quiet(now)

    def when_quiet(self, callback: Callable[[float], None], now: float) -> None:
        """Call back when none is left, within this call if there is none."""
        if self._open:
            self._quiet = callback
        else:
            callback(now)


class Agent:
    """One user agent: the endpoint's user.

    Args:
        services: what its parts share; the agent becomes the user of its endpoint.

    Attributes:
        services: the same.
        trouble: told of an exception that the application's own code raised; the agent goes on.
        dialogs: the dialogs there are.
        farewells: BYEs of ours that wait for their answer; their calls are over.
    """

    def __init__(
        self, services: Services, trouble: Callable[[Exception], None] = lambda _: None
    ) -> None:
        self.services = services
        self.trouble = trouble
        self.dialogs: dict[Key, Session] = {}
        self.farewells = Farewells()
        self._ended: dict[Key, Dialog] = {}
        self._answering: dict[ServerTransaction, Cancellable] = {}
        self._screening = Screening(services.settings, services.endpoint)
        self._emit = services.emit
        services.emit = self.emit
        services.endpoint.user = self

    # From the application

    def call(
        self,
        uri: str,
        now: float,
        *,
        body: bytes = b"",
        content_type: str | None = None,
        headers: Headers = (),
        follow: Follow = None,
        emit: Callable[[CallEvent], None] | None = None,
        forked: Forked | None = None,
    ) -> OutgoingCall:
        """Call somebody (RFC 3261 §13.2).

        Args:
            uri: whom.
            now: seconds.
            body: the offer; empty to have the far end make one.
            content_type: of the offer; ``application/sdp`` if there is one and this is None.
            headers: further fields of the INVITE.
            follow: which redirects to follow; see `Sending`.
            emit: told what happens to the call; may be set later, as ``OutgoingCall.emit``, but
                events before that are lost.
            forked: asked whether to keep the call of another phone that answered too; None keeps
                none (RFC 3261 §13.2.2.4).

        Returns:
            The call; it ends with ``Failed`` or ``Ended``.

        Raises:
            ParseError: the URI, or an Expires among the headers, cannot be read.
            ValueError: a text would break the line it stands in.
        """
        follow = self._guarded(follow)
        call = OutgoingCall(self, uri, described(body, content_type), headers, follow, forked)
        call.emit = emit
        call.start(now)
        return call

    def send(
        self,
        method: str,
        uri: str,
        now: float,
        asker: Asker,
        *,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str | None = None,
        follow: Follow = None,
    ) -> Sending:
        """Send a request outside of dialogs, as MESSAGE and OPTIONS.

        Args:
            method: the method.
            uri: to whom.
            now: seconds.
            asker: told what comes of it.
            headers: further fields.
            body: the body.
            content_type: its type.
            follow: which redirects to follow; see `Sending`.
        """
        wanted = Outgoing(
            method,
            uri,
            f"<{uri}>",
            self.from_(),
            self.services.unique(),
            headers,
            body,
            content_type,
            extensions=EXTENSIONS,
        )
        sending = Sending(self.services, wanted, asker, follow=self._guarded(follow))
        sending.start(now)
        return sending

    # From the endpoint

    def handle(self, event: UserEvent, now: float) -> None:
        """Take what the endpoint tells its user."""
        if isinstance(event, RequestReceived):
            self._received(event, now)
        elif isinstance(event, AckReceived):
            session = self.dialogs.get(key_of_request(event.request))
            if session is not None:
                session.acknowledged(event.request, now)
        elif isinstance(event, CancelReceived):
            self._cancelled(event, now)
        elif isinstance(event, FlowClosed):
            self.services.outbound.flow_closed(event.flow, event.reason, now)
            for session in list(self.dialogs.values()):
                session.flow_closed(event.flow, now)
        elif isinstance(event, PongReceived):
            self.services.outbound.pong(event.flow, now)
        elif isinstance(event, StunReceived):
            self.services.outbound.stun(event.flow, event.mapped, now)

    # From calls

    def enter(self, session: Session) -> None:
        """Take note of a dialog."""
        self.dialogs[session.dialog.key] = session

    def leave(self, session: Session, now: float) -> None:
        """Forget a dialog; for a while it is known to have been one (RFC 3891 §3)."""
        key = session.dialog.key
        if self.dialogs.get(key) is session:
            del self.dialogs[key]
            self._ended[key] = session.dialog
            endpoint = self.services.endpoint
            life = endpoint.settings.timers.transaction
            endpoint.timer(now + life, lambda _: self._forget(key))

    def answering(self, transaction: ServerTransaction, who: Cancellable | None) -> None:
        """Say who answers an INVITE; None once it is answered."""
        if who is None:
            self._answering.pop(transaction, None)
        else:
            self._answering[transaction] = who

    def emit(self, event: AgentEvent) -> None:
        """Tell the application something that belongs to no call."""
        self.guard(self._emit, event)

    def guard(self, callback: Callable[..., object] | None, *what: object) -> object:
        """Call the application's own code; what it raises goes to ``trouble`` and no further."""
        if callback is None:
            return None
        try:
            return callback(*what)
        except Exception as error:  # noqa: BLE001 - it is not ours
            self.trouble(error)
            return None

    def from_(self) -> str:
        """Return a From with a new tag (RFC 3261 §8.1.1.3)."""
        settings = self.services.settings
        display = f"{quote(settings.display)} " if settings.display else ""
        return f"{display}<{settings.aor}>;tag={self.services.unique()}"

    def contact(self, flow: Flow) -> str:
        """Return our Contact for what goes over a flow that is no slot's (RFC 3261 §12.1.1)."""
        user = self.services.settings.aor.user or ""
        return f"<{self.services.endpoint.contact_uri(flow.transport, user, flow)}>"

    def capabilities(self) -> Headers:
        """Return Allow, Supported and who we are, for requests and responses that begin a call."""
        settings = self.services.settings
        return (
            ("Allow", ", ".join(settings.methods)),
            ("Supported", ", ".join(EXTENSIONS)),
        )

    def warned(self, status: int, headers: Headers) -> Headers:
        """Return the headers of a refusal; a 488 says at least that much (RFC 3261 §21.4.26)."""
        if status != 488 or any(name.lower() == "warning" for name, _ in headers):
            return headers
        host = self.services.settings.aor.host
        text = Warning399(399, host, "the session that was offered is not wanted")
        return (*headers, ("Warning", str(text)))

    def software(self) -> Headers:
        """Return the Server header of responses, if we say who we are."""
        software = self.services.settings.software
        return (("Server", software),) if software else ()

    # Inside

    def _received(self, event: RequestReceived, now: float) -> None:
        transaction, request, _ = event
        endpoint = self.services.endpoint
        contacts = [slot.contact() for slot in self.services.outbound.slots if slot.registered]
        refusal = self._screening.refuses(transaction, request, contacts, now)
        if refusal is not None:
            self._refuse(transaction, refusal.status, now, refusal.headers)
        elif request.to_tag:
            session = self.dialogs.get(key_of_request(request))
            if session is not None:
                session.received(event, now)
            else:
                self._refuse(transaction, 481, now)
        elif request.method == "INVITE":
            self._invited(event, now)
        elif request.method == "OPTIONS":
            headers = (*self.capabilities(), ("Accept", ACCEPT), *self.software())
            endpoint.reply(transaction, 200, now, headers=headers)
        elif request.method in _WITHIN:
            self._refuse(transaction, 481, now)
        elif request.method == "REFER":
            # Whoever is in no call with us does not make us call others (RFC 3515 §5.2).
            self._refuse(transaction, 403, now)
        else:
            self.emit(RequestOffered(IncomingRequest(self.services, transaction, request)))

    def _invited(self, event: RequestReceived, now: float) -> None:
        transaction, request, _ = event
        call = self._known_call(request)
        if call is not None:
            self._moved(call, event, now)
            return
        settings = self.services.settings
        refusal = SessionTimer(settings.session_expires, settings.min_se).check(request)
        status, headers = (0, ()) if refusal is None else refusal
        if len(self._answering) >= settings.most_waiting:
            status = status or 486
        replaced = None
        if not status and request.has("replaces"):
            alive = [each.dialog for each in self.dialogs.values() if not each.over]
            over = [each.dialog for each in self.dialogs.values() if each.over]
            found = find_replaced(request, alive, [*over, *self._ended.values()])
            if isinstance(found, Dialog):
                replaced = self.dialogs[found.key]
                status = self._may_replace(replaced, request)
            else:
                status = found or 0
        if not status:
            try:
                call = IncomingCall(self, event, replaced, now)
            except ParseError:
                status = 400
        if call is None:
            self._refuse(transaction, status, now, headers)
        else:
            self.emit(CallOffered(call))

    def _moved(self, call: IncomingCall, event: RequestReceived, now: float) -> None:
        try:
            call.moved(event, now)
        except ParseError:
            self._refuse(event.transaction, 400, now)

    def _refuse(
        self, transaction: ServerTransaction, status: int, now: float, headers: Headers = ()
    ) -> None:
        """Refuse a request; over datagrams once for each copy of it (RFC 3261 §26.3.2.4)."""
        endpoint = self.services.endpoint
        if transaction.method == "INVITE" and not transaction.reliable:
            endpoint.answer_quietly(transaction, now)
        endpoint.reply(transaction, status, now, headers=(*self.software(), *headers))

    def _guarded(self, follow: Follow) -> Follow:
        """Return what follows nothing where the application's own code raises."""
        if not callable(follow):
            return follow
        choose = follow

        def chosen(response: Response, contacts: tuple[NameAddr, ...]) -> Iterable[NameAddr]:
            found: list[NameAddr] = []
            self.guard(lambda: found.extend(choose(response, contacts) or ()))
            return found

        return chosen

    def _known_call(self, request: Request) -> IncomingCall | None:
        """Return the call that waits and whose INVITE has come again over another flow."""
        for each in self._answering.values():
            if isinstance(each, IncomingCall) and each.waits and each.is_same(request):
                return each
        return None

    def _may_replace(self, session: Session, request: Request) -> int:
        """Return 403 unless an INVITE may replace a dialog, else 0 (RFC 3891 §3).

        The other side of the dialog may, and whoever it has referred to us.
        """
        try:
            referred = request.addresses("referred-by")
        except ParseError:
            return 400
        speaker = referred[0].uri if referred else request.from_.uri
        return 0 if session.is_with(speaker) else 403

    def _forget(self, key: Key) -> None:
        self._ended.pop(key, None)

    def _cancelled(self, event: CancelReceived, now: float) -> None:
        who = None if event.transaction is None else self._answering.get(event.transaction)
        if event.transaction is None:
            self.services.endpoint.reply(event.cancel, 481, now, headers=self.software())
        elif who is not None:
            who.cancelled(event.request, now)
