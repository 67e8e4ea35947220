"""One registration over one flow (RFC 5626 §4.2, RFC 3261 §10.2).

A slot is registered or not; beside that a try may be under way (`Try`), or the next one is
waited for (`Wait`). A flow is the slot's from the 2xx on. It is given up when it is closed, when a
keep-alive or a refresh over it stays unanswered, or when the network changes, but not because a
refresh is refused (§4.2.2): then it goes on, and the registration with it for as long as it lasts.

Where the registrar, or the first hop, does no outbound, flows would fight for one binding or make
rivals of it. So only one slot registers then, and the others stand by until it fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from ringway.codes import Source, synthetic
from ringway.endpoint import Timer
from ringway.message import Request, Response, Uri
from ringway.transport.flow import UDP, Address, Flow
from ringway.ua.events import Failure, FlowLost, Registered, RegistrationFailed, Unregistered
from ringway.ua.flows.keep_alive import KeepAlive
from ringway.ua.flows.recovery import Recovery, Wait
from ringway.ua.flows.register import Grant, contact, read_grant, registrar_uri
from ringway.ua.flows.registering import Try
from ringway.ua.flows.registrant import Registrant

if TYPE_CHECKING:
    from ringway.ua.services import Services

_NO_OUTBOUND: Final = "the registrar does no outbound: one registration over one flow, no spare"
_FIRST_HOP: Final = "the first hop does no outbound: one registration over one flow, no spare"
_NO_INSTANCE: Final = "without an instance-id there is no outbound"
_NO_TIME: Final = "the registrar grants no time at all"
_CHANGED: Final = "the network changed"


class Group(Protocol):
    """What a slot asks of the slots beside it, and tells them."""

    def alone(self, slot: Slot) -> bool:
        """Say whether no other slot is registered."""

    def settled(self, slot: Slot) -> bool:
        """Say whether another slot holds the one registration that is possible."""

    def shares(self, flow: Flow, slot: Slot) -> bool:
        """Say whether another slot uses the same flow."""

    def shares_contact(self, uri: Uri, slot: Slot) -> bool:
        """Say whether another slot is registered with the same Contact."""

    def took(self, slot: Slot, now: float, *, anew: bool) -> None:
        """Take note that a slot has registered, over a new flow or not."""

    def missed(self, slot: Slot, now: float) -> None:
        """Take note that a try of a slot failed."""


class Slot:
    """One outbound proxy, one reg-id, and the flow there is to it now.

    Args:
        services: what the parts of the agent share.
        recovery: owns the waits.
        group: the slots beside this one.
        proxy: the outbound proxy; None to go where the registrar's name leads. Its parameter
            ``keep``, with ``crlf`` or ``stun``, says that it answers such keep-alives.
        reg_id: 1 and up; the same over restarts (RFC 5626 §4.2.1).

    Attributes:
        reg_id: as given.
        proxy: the outbound proxy, or the registrar where there is none.
        direct: True where there is no outbound proxy.
        flow: the flow; None while there is none.
        registered: True while a registration over this flow stands.
        plain: True when that is one without outbound.
        standing_by: True while it leaves the one registration that is possible to another slot.
    """

    def __init__(
        self, services: Services, recovery: Recovery, group: Group, proxy: Uri | None, reg_id: int
    ) -> None:
        given = registrar_uri(services.settings) if proxy is None else proxy
        keeps = given.param("keep")
        known = given if keeps is None else given.without_params("keep")
        self.reg_id = reg_id
        self.proxy = known
        self.direct = proxy is None
        self.flow: Flow | None = None
        self.registered = False
        self.plain = False
        self.standing_by = False
        self._services = services
        self._group = group
        self._keeps = (keeps or "").lower()
        self._registrant = Registrant(services, self, None if proxy is None else known, reg_id)
        self._wait = Wait(recovery, str(known), self._try)
        self._keep_alive = KeepAlive(
            services.endpoint, services.chance, self._keep_alive_answered, self._lose
        )
        self._granted: Grant | None = None
        self._taken: Request | None = None
        self._attempt: Try | None = None
        self._expiry: Timer | None = None
        self._was_registered = False

    def __repr__(self) -> str:
        return f"<slot {self.reg_id} {self.proxy} {self.flow}>"

    @property
    def holds_the_only_one(self) -> bool:
        """True while its registration is the one that the registrar can keep of this agent."""
        return self.plain and not self._registrant.first_hop_lacks

    @property
    def routes(self) -> tuple[str, ...]:
        """What a request over it carries as Route, each as ``<uri>`` (RFC 3608 §6.1).

        The proxy, then the Service-Route; that alone if it begins with the proxy.
        """
        service = () if self._granted is None else self._granted.service_route
        if not service:
            return self._registrant.route
        first = service[0]
        same = (first.host, first.port) == (self.proxy.host, self.proxy.port)
        before = () if same else self._registrant.route
        return (*before, *(f"<{uri}>" for uri in service))

    def uses(self, flow: Flow) -> bool:
        """Say whether this is its flow, or that of the try under way."""
        return flow == self.flow or (self._attempt is not None and flow == self._attempt.flow)

    def has_contact(self, uri: Uri) -> bool:
        """Say whether it is registered with this Contact."""
        flow = self.flow
        return (
            self.registered and flow is not None and self._registrant.contact_uri(flow).equals(uri)
        )

    def contact(self) -> str:
        """Return the Contact for a request or response that forms a dialog (RFC 5626 §4.3).

        It is the public GRUU where the registrar gave us one (RFC 5627 §4.4). Call it while there
        is a flow.
        """
        uri = "" if self._granted is None else self._granted.gruu
        if not uri:
            assert self.flow is not None  # noqa: S101 - as said
            uri = str(self._registrant.contact_uri(self.flow))
        return contact(f"{uri};ob", self._services.settings.instance)

    # From the group

    def start(self, now: float) -> None:
        """Register, whatever wait is running."""
        self.standing_by = False
        self._wait.begin(now)

    def change_network(self, now: float) -> None:
        """Give up the flow, and what was learnt of the way; `start` it next."""
        self._abandon(now)
        self._registrant.forget()
        was = self.registered
        self._drop(_CHANGED, now)
        if was:
            self._services.emit(FlowLost(self.reg_id, str(self.proxy), _CHANGED, 0.0))

    def resume(self, now: float) -> None:
        """Stand by no longer."""
        self.standing_by = False
        self._wait.soon(now)

    def stand_by(self, now: float) -> None:
        """Leave the registration to another slot; take back what stands."""
        self.standing_by = True
        self._wait.hold()
        if self.registered and self.flow is not None:
            flow = self.flow
            self._forget()
            self._take_back(flow, now, announced=True, spare=True)

    def flow_closed(self, reason: str, now: float) -> None:
        """Take the end of the flow."""
        self._lose(reason, now)

    def probe(self, now: float) -> None:
        """Find out whether the flow works."""
        self._keep_alive.probe(now)

    def pong(self, now: float) -> None:
        """Take the answer to a keep-alive over a connection."""
        self._keep_alive.pong(now)

    def stun(self, mapped: Address | None, now: float) -> None:
        """Take what came of a keep-alive over UDP."""
        self._keep_alive.stun(mapped, now)

    def stop(self, now: float, done: Callable[[float], None]) -> None:
        """Unregister, close the flow, and call back; perhaps within this call."""
        flow = self.flow
        if self._attempt is not None:  # the registrar may have it already
            flow = self._attempt.release() or flow
            self._attempt = None
        stood = self.registered
        self._wait.hold()
        self._forget()
        if flow is None or not self._services.endpoint.is_live(flow):
            done(now)
        else:
            self._take_back(flow, now, done, announced=stood, spare=False)

    def give_up(self, now: float) -> None:
        """Stop without unregistering, or in the middle of that."""
        self._wait.hold()
        flows = (self.flow, None if self._attempt is None else self._attempt.flow)
        self._abandon(now)
        self._forget()
        for flow in flows:
            if flow is not None:
                self._services.endpoint.close_flow(flow, "the user agent stops", now)

    # For the registrant

    def alone(self) -> bool:
        """Say whether no other slot is registered."""
        return self._group.alone(self)

    def shares(self, flow: Flow) -> bool:
        """Say whether another slot uses the same flow."""
        return self._group.shares(flow, self)

    def _try(self, now: float) -> None:
        self._abandon(now)
        self._attempt = Try(
            self._services,
            self._registrant,
            self._taken,
            self.flow,
            None,
            self._succeeded,
            self._refused,
        )
        self._attempt.start(now)

    # What comes of it

    def _succeeded(self, attempt: Try, response: Response, now: float) -> None:
        flow, request = attempt.flow, attempt.request
        assert flow is not None  # noqa: S101 - something came over it
        assert request is not None  # noqa: S101 - and answered this
        self._attempt = None
        ours = self._registrant
        instance = self._services.settings.instance
        grant = read_grant(response, ours.contact_uri(flow), instance, ours.reg_id, ours.expires)
        if grant.expires < 1:
            attempt.abandon(now)
            text = f"{response.status} {response.reason}: {_NO_TIME}"
            self._refused(attempt, Failure(response.status, Source.RECEIVED, text), now)
            return
        self._taken = request
        if not grant.outbound and not self._group.alone(self):
            self._withdraw(attempt, now)
            return
        before = self.flow
        anew = not self.registered or flow != before
        self.flow = flow
        self.registered = self._was_registered = True
        self.standing_by = False
        self.plain = not grant.outbound
        self._granted = grant
        ours.refused_by = None
        ours.rival = False
        if before is not None and before != flow:
            self._keep_alive.stop()
            self._services.endpoint.close_flow(before, "replaced by another", now)
        told = self._keeps == ("stun" if flow.transport == UDP else "crlf")
        self._keep_alive.start(
            flow, now, expects=grant.keeps_alive or told, flow_timer=grant.flow_timer
        )
        expects = self._keep_alive.expects
        self._wait.registered(now, grant.expires, keeps_alive=expects, new=anew)
        self._expire_at(now + grant.expires)
        self._services.emit(self._event(flow, grant, refreshed=not anew))
        self._group.took(self, now, anew=anew)

    def _event(self, flow: Flow, grant: Grant, *, refreshed: bool) -> Registered:
        note = ""
        if not grant.outbound:
            instance = self._services.settings.instance
            note = _FIRST_HOP if self._registrant.first_hop_lacks else _NO_OUTBOUND
            note = note if instance else _NO_INSTANCE
        reg_id = self.reg_id if grant.outbound else 0
        return Registered(
            reg_id, str(self.proxy), flow, grant.expires, grant.outbound, refreshed, note
        )

    def _refused(self, attempt: Try, failure: Failure, now: float) -> None:
        """Take the failure of a try; the flow stays if it was only the registrar's word."""
        self._attempt = None
        if failure.source is Source.RECEIVED and attempt.fresh:
            self._registrant.refused_by = attempt.hop
        elif failure.source is not Source.RECEIVED and not attempt.fresh:
            if self.registered:
                self._lose(failure.text, now)
                return
            self._drop(failure.text, now)
        hopeless = attempt.unanswerable and not self._was_registered
        spare = self.standing_by or self._registrant.rival or self._group.settled(self)
        self._registrant.rival = False
        self.standing_by = spare and not self.registered
        delay = None
        if hopeless or self.standing_by:
            self._wait.hold()
        else:
            delay = self._wait.failed(
                now, retry_after=failure.retry_after, same_flow=self.flow is not None
            )
        self._services.emit(RegistrationFailed(self.reg_id, str(self.proxy), failure, delay))
        self._group.missed(self, now)

    def _withdraw(self, attempt: Try, now: float) -> None:
        """Take back a registration that would rival another slot's (RFC 5626 §4.2.1)."""
        flow = attempt.flow
        assert flow is not None  # noqa: S101 - something came over it
        self._forget()
        self.standing_by = True
        self._wait.hold()
        self._take_back(flow, now, announced=False, spare=True)

    def _take_back(
        self,
        flow: Flow,
        now: float,
        done: Callable[[float], None] = lambda _: None,
        *,
        announced: bool,
        spare: bool,
    ) -> None:
        """Unregister over a flow and close it.

        Args:
            flow: the flow.
            now: seconds.
            done: called at the end.
            announced: True if the application knows of the registration.
            spare: True when the binding may be another slot's too, which then keeps it.
        """

        def ended(now: float) -> None:
            self._attempt = None
            self._services.endpoint.close_flow(flow, "unregistered", now)
            done(now)

        def unregistered(_attempt: Try, _response: Response, now: float) -> None:
            if announced:
                self._services.emit(Unregistered(self.reg_id, str(self.proxy)))
            ended(now)

        def refused(_attempt: Try, _failure: Failure, now: float) -> None:
            ended(now)

        self._abandon(now)
        if spare and self._group.shares_contact(self._registrant.contact_uri(flow), self):
            ended(now)
            return
        self._attempt = Try(
            self._services, self._registrant, self._taken, flow, 0, unregistered, refused
        )
        self._attempt.start(now)

    def _keep_alive_answered(self, now: float) -> None:  # noqa: ARG002 - what is called back
        self._wait.answered()

    def _lose(self, reason: str, now: float) -> None:
        """The flow works no more."""
        trying = self._attempt is not None
        self._abandon(now)
        was = self.registered
        self._drop(reason, now)
        if was:
            delay = self._wait.lost(now)
            self._services.emit(FlowLost(self.reg_id, str(self.proxy), reason, delay))
        elif trying:
            failure = Failure(synthetic(Source.TRANSPORT), Source.TRANSPORT, reason)
            delay = self._wait.failed(now)
            self._services.emit(RegistrationFailed(self.reg_id, str(self.proxy), failure, delay))

    def _ran_out(self, now: float) -> None:
        """The registration has come to its end, whatever there is of the flow."""
        self._expiry = None
        self.registered = self.plain = False
        delay = self._wait.remaining(now)
        reason = "the registration ran out before it could be refreshed"
        self._services.emit(FlowLost(self.reg_id, str(self.proxy), reason, delay))

    def _expire_at(self, at: float) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        self._expiry = self._services.endpoint.timer(at, self._ran_out)

    def _drop(self, reason: str, now: float) -> None:
        flow = self.flow
        self._forget()
        if flow is not None:
            self._services.endpoint.close_flow(flow, reason, now)

    def _forget(self) -> None:
        """Let go of the flow and what hung on it."""
        self.flow = None
        self.registered = self.plain = False
        self._granted = None
        self._keep_alive.stop()
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def _abandon(self, now: float) -> None:
        if self._attempt is not None:
            self._attempt.abandon(now)
            self._attempt = None
