"""The proxy: takes requests that are not for us, finds where they go, and keeps their contexts.

RFC 3261 §16, RFC 5626 §5 and §7, RFC 5393. Where a request goes is decided here, in this order: a
Route of ours that names a side, another Route, our location service, an edge's registrar, the
Request-URI itself. How it gets there and what comes back is the response context's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from ringway.codes import Rank, Role, Source, Toward, own_answer, rank, synthetic, translation
from ringway.endpoint import (
    AckReceived,
    CancelReceived,
    Decision,
    Endpoint,
    FlowClosed,
    Kind,
    RequestReceived,
)
from ringway.location import Binding, Location, Persist, aor_of, durable_drops
from ringway.message import Draft, Request, Response, Uri, Warning399
from ringway.proxy.context import Plan, ResponseContext
from ringway.proxy.identity import asserts, conceal, credible, is_private
from ringway.proxy.outcome import Outcome
from ringway.proxy.record import dialog_route
from ringway.proxy.recursion import Recursion
from ringway.proxy.route import Routed, take_own_routes
from ringway.proxy.settings import ProxySettings, Relay
from ringway.proxy.stateless import Acknowledger
from ringway.proxy.validation import Rejection, check_forwardable, is_first_hop, loop_mark
from ringway.proxy.way import TargetSpec, Way, binding_way, targets_of, tiers_of, ways_of
from ringway.transport.flow import Flow, NextHop
from ringway.transport.nexthop import is_numeric
from ringway.transport.token import Purpose, Sealer

Redirect = tuple[int, tuple[tuple[str, str], ...]]
"""A redirect to answer with: status and header fields."""

_ALONG: Final = Plan(tiers=((TargetSpec((Way(keep_routes=True),)),),))
"""The plan for what goes where its Routes or its Request-URI say."""

M = TypeVar("M", Request, Response)

Fallback = Callable[[ResponseContext, Outcome, float], Redirect | None]
"""Asked before a failure is told to the caller; what it returns is sent instead."""


class Proxy:
    """Forwards requests and keeps the response contexts.

    Args:
        endpoint: sends, and tells of what comes back.
        location: the bindings; empty at a mere edge.
        sealer: seals and opens flow tokens.
        settings: the operator's choices.
        fallback: redirects for who is busy, away or not answering.
        waits_for_answer: says whether an AOR has such a redirect for no answer.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        location: Location,
        sealer: Sealer,
        settings: ProxySettings,
        fallback: Fallback | None = None,
        waits_for_answer: Callable[[str, float], bool] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.location = location
        self.sealer = sealer
        self.settings = settings
        self.recursion = Recursion(settings, self.targets)
        self.fallback = fallback
        self.waits_for_answer = waits_for_answer
        self.refuses_path: Callable[[Flow, float], Rejection | None] | None = None
        """Says who may not send along a Path of ours, and why; None lets everybody."""
        self.believes: Callable[[Flow | NextHop], bool] | None = None
        """Says who may assert an identity and know of others'; None believes everybody."""
        self._contexts: dict[object, ResponseContext] = {}
        self._acknowledger = Acknowledger(self)

    def configure(self, settings: ProxySettings) -> None:
        """Take other settings for what comes from now on."""
        self.settings = settings
        self.recursion.configure(settings)

    def __len__(self) -> int:
        """The number of requests that wait for their final response."""
        return len(self._contexts)

    # requests

    def preprocess(self, request: Request, source: Flow, now: float) -> Routed:
        """Take our own Routes off a request (RFC 3261 §16.4).

        Raises:
            TokenTampered, TokenGone, ParseError: as ``take_own_routes``.
        """
        return take_own_routes(
            self.credible(request, source),
            source,
            self.is_ours,
            self._written,
            self.sealer,
            self.location,
            now,
        )

    def credible(self, message: M, source: Flow) -> M:
        """Take out an identity that its sender cannot assert (RFC 3325 §5, §6)."""
        if self.believes is None or not asserts(message) or self.believes(source):
            return message
        return credible(message)

    def conceal(self, draft: Draft[M], message: M, to: Flow | NextHop) -> None:
        """Take out an identity that where a message goes may not know (RFC 3325 §7)."""
        if self.believes is not None and is_private(message) and not self.believes(to):
            conceal(draft)

    def path_refusal(self, routed: Routed, source: Flow, now: float) -> Rejection | None:
        """Return why a request may not go where a Path of ours leads, None if it may."""
        side = routed.side
        if side is None or side.purpose is not Purpose.PATH or self.refuses_path is None:
            return None
        return self.refuses_path(source, now)

    def forward(self, event: RequestReceived, routed: Routed, now: float) -> None:
        """Forward a request, or refuse it: RFC 3261 §16.3, §16.5, §16.6.

        Args:
            event: the request as it was received.
            routed: what ``preprocess`` made of it.
            now: seconds.
        """
        mark = loop_mark(event.request)
        plan = check_forwardable(event.request, self.endpoint, mark) or self._plan(
            event, routed, now
        )
        if isinstance(plan, Rejection):
            self.reject(event, plan, now)
        else:
            context = ResponseContext(
                self, event.transaction, routed.request, event.flow, plan, mark
            )
            self._start(context, event, now)

    def follow(
        self, event: RequestReceived, routed: Routed, redirect: Response, now: float
    ) -> bool:
        """Follow a redirect of our own instead of sending it, if policy lets us.

        Returns:
            False when nothing was done: the caller answers with the redirect.
        """
        mark = loop_mark(event.request)
        if check_forwardable(event.request, self.endpoint, mark) is not None:
            return False
        plan = Plan(tiers=(), authoritative=True, aor=self.aor(routed.request.uri))
        context = ResponseContext(self, event.transaction, routed.request, event.flow, plan, mark)
        followed = self.recursion.follow(context, TargetSpec((Way(),)), redirect, now)
        if followed is None or not followed.tiers:
            return False
        context.add_tiers(followed.tiers)
        outcome = Outcome(redirect.status, Source.RECEIVED, followed.text)
        self._start(context, event, now, outcome)
        return True

    def _start(
        self,
        context: ResponseContext,
        event: RequestReceived,
        now: float,
        followed: Outcome | None = None,
    ) -> None:
        request = context.request
        if context.plan.withholds:
            # RFC 3261 §17.2.1 and RFC 4320 §4.1 demand a 100. Only who asked for it by the mark in
            # the Route hears none: a registrar of ours, which has its own way with its caller.
            self.endpoint.withhold_trying(event.transaction)
        elif context.is_invite and (
            context.plan.unproven or self.endpoint.is_stranger(event.transaction)
        ):
            self.endpoint.answer_quietly(event.transaction, now)
        elif context.is_invite:
            self.endpoint.reply(event.transaction, 100, now)
        self._contexts[event.transaction] = context
        if self.endpoint.noting:
            who = f"{request.from_.uri_text} asks for {request.uri_text}"
            context.note(Kind.REQUEST, f"{request.method}: {who}", now)
            if followed is not None:
                context.note(Kind.RECURSE, followed.text, now, followed)
        context.start(now)

    def reject(self, event: RequestReceived, rejection: Rejection, now: float) -> None:
        """Answer a request that goes no further."""
        self.endpoint.refuse(event.transaction, rejection.status, now, headers=rejection.headers)
        if self.endpoint.noting:
            self.endpoint.note(
                Decision(
                    at=now,
                    kind=_kind(rejection.status),
                    text=rejection.text,
                    call_id=event.request.call_id,
                    method=event.request.method,
                    status=rejection.status,
                    flow=event.flow,
                    why=rejection.why or own_answer(rejection.status),
                )
            )

    def acknowledge(self, event: AckReceived, now: float) -> None:
        """Pass on the ACK to a 2xx (RFC 3261 §16.11: without a transaction)."""
        self._acknowledger.forward(event, now)

    def cancel(self, event: CancelReceived, now: float) -> None:
        """Cancel what a CANCEL names; the endpoint has answered it (RFC 3261 §16.10)."""
        if event.transaction is None:
            self.endpoint.reply(event.cancel, 481, now)
            return
        context = self._contexts.get(event.transaction)
        if context is not None:
            context.cancel(now)

    def abandon(self, headers: tuple[tuple[str, str], ...], text: str, now: float) -> None:
        """Give up every request that waits for its final response.

        Args:
            headers: of the 503 that the callers get.
            text: why, one plain line for the story.
            now: seconds.
        """
        for context in list(self._contexts.values()):
            context.abandon(headers, text, now)

    def flow_closed(self, event: FlowClosed, now: float) -> None:
        """Take every binding on the flow out of service (RFC 5626 §7)."""
        removed = self.location.invalidate_flow(event.flow, event.reason, now)
        self._unbound(removed, event.reason, now)

    # what response contexts ask

    def targets(self, uri: Uri, now: float) -> list[TargetSpec]:
        """Return what a URI stands for: registered phones if it is ours, else itself."""
        if not self.is_ours(uri):
            return [TargetSpec((Way(uri=str(uri)),))]
        return targets_of(self.location.bindings(self.aor(uri), now))

    def aor(self, uri: Uri) -> str:
        """Return the address-of-record that a URI names, by whichever of our hosts."""
        return aor_of(uri, self.settings.synonyms)

    def _written(self, mark: str, source: Flow) -> str:
        return dialog_route(mark, source, self.endpoint)

    def is_ours(self, uri: Uri) -> bool:
        """True when we are responsible for the URI's domain (RFC 3261 §16.5).

        A domain is ours at any port. An address is only at the ports we listen on, for others may
        be on the same machine. A maddr left in the URI names somebody else (§16.4).
        """
        if not uri.is_sip or uri.has_param("maddr"):
            return False
        host = uri.host.removesuffix(".")
        if host in self.settings.domains and not is_numeric(host):
            return True
        return self.endpoint.is_self(host, uri.port, uri.transport)

    def is_open(self, way: Way) -> bool:
        """True when nothing is known that speaks against a way."""
        return way.flow is None or self.endpoint.is_live(way.flow)

    def newcomers(self, aor: str, tried: list[Way], now: float) -> list[list[TargetSpec]]:
        """Return targets of an AOR that can be reached by ways not yet tried."""
        keys = {way.key for way in tried}
        bindings = self.location.bindings(aor, now)
        ways = [binding_way(binding) for binding in bindings]
        fresh = [way.binding for way in ways if way.key not in keys and self.is_open(way)]
        return tiers_of(targets_of([binding for binding in fresh if binding is not None]))

    def recovered(self, invite: Request, way: Way) -> None:
        """Let the ACK follow an INVITE whose own flow was gone."""
        self._acknowledger.recovered(invite, way)

    def invalidate(self, binding: Binding, why: str, now: float) -> None:
        """Delete a binding whose flow failed, unless it was refreshed since."""
        if self.location.remove(binding, why, now):
            self._unbound((binding,), why, now)

    def fall_back(self, context: ResponseContext, best: Outcome, now: float) -> Redirect | None:
        """Return the redirect that is set for this failure, if there is one."""
        if self.fallback is None or not context.plan.aor:
            return None
        return self.fallback(context, best, now)

    def rings_on(self, context: ResponseContext, now: float) -> bool:
        """True when something waits behind a phone that only rings."""
        return self.waits_for_answer is not None and self.waits_for_answer(context.plan.aor, now)

    def finished(self, context: ResponseContext) -> None:
        """Forget a context whose caller has been answered; late 2xx still pass through it."""
        self._contexts.pop(context.transaction, None)

    def explain(self, reason: str, *, unreachable: bool) -> tuple[tuple[str, str], ...]:
        """Return the fields that tell why a request failed here (RFC 3326 §2, RFC 6432 §3)."""
        warning = ("Warning", str(Warning399(399, self.settings.warn_agent, reason[:200])))
        return (("Reason", "Q.850;cause=20"), warning) if unreachable else (warning,)

    # the plan

    def _plan(self, event: RequestReceived, routed: Routed, now: float) -> Plan | Rejection:
        request = routed.request
        if routed.side is not None:
            side = routed.side
            ways: tuple[Way, ...] = (Way(keep_routes=True, flow=side.flow),)
            if side.flow is None and not routed.vouched:  # only to the phone, wherever it is now
                known = self.location.find_instance(side.aor, side.instance, now)
                ways = ways_of(known, in_dialog=True)
            spec = TargetSpec(ways, aor=side.aor, instance=side.instance)
            return Plan(tiers=((spec,),), role=Role.EDGE, withholds=routed.withholds)
        routes = request.routes
        next_hop = routes[0].uri if routes else request.uri
        ours = self.is_ours(next_hop)
        if routed.vouched and request.to_tag and not ours:
            return _ALONG
        may_leave = routed.relay or self.may_relay(event.flow)
        if may_leave and request.to_tag and request.method == "INVITE":
            self._acknowledger.passed(request)
        if routes:
            if self._is_registrar(next_hop) or may_leave:
                return _ALONG
            return Rejection(403, f"{next_hop.host} is no proxy of ours")
        if self.settings.role is Role.EDGE:
            return self._edge_plan(event)
        if ours:
            return self._location_plan(request, now)
        if not next_hop.is_sip:
            return Rejection(404, f"nobody here knows {next_hop}")
        if may_leave:
            return _ALONG
        return Rejection(403, f"{next_hop.host} is not one of our domains")

    def _edge_plan(self, event: RequestReceived) -> Plan | Rejection:
        """An edge hands to its registrar what its own phones send (RFC 5626 §5.1)."""
        registrar = self.settings.registrar
        if registrar is None:
            return Rejection(404, "this edge has no registrar to ask")
        request = event.request
        adds_path = request.method == "REGISTER" and is_first_hop(request)
        tier = (TargetSpec((Way(hop=str(registrar)),)),)
        return Plan(tiers=(tier,), adds_path=adds_path, unproven=True)

    def _location_plan(self, request: Request, now: float) -> Plan:
        aor = self.aor(request.uri)
        secure = request.uri.secure
        bindings = self.location.bindings(aor, now)
        if secure:
            bindings = tuple([binding for binding in bindings if binding.secure])
        tiers = self.recursion.recall(tiers_of(targets_of(bindings)), now, secure=secure)
        watch = bool(bindings) and not secure
        return Plan(tiers=tuple(map(tuple, tiers)), authoritative=True, aor=aor, watch=watch)

    def _is_registrar(self, uri: Uri) -> bool:
        registrar = self.settings.registrar
        return registrar is not None and (uri.host, uri.port) == (registrar.host, registrar.port)

    def may_relay(self, source: Flow) -> bool:
        """True when what comes over this flow may leave for domains that are not ours."""
        relay = self.settings.relay
        return relay is Relay.ANY or (
            relay is Relay.REGISTERED and bool(self.location.on_flow(source))
        )

    def absence(self, aor: str, now: float) -> str:
        """Return why nobody is there, in one line."""
        lost = self.location.lost(aor, now)
        if not lost:
            return f"{aor} is not registered"
        last = lost[-1]
        return f"{aor} has no binding left: {last.reason}, {now - last.at:.1f} s ago"

    def gone(self, event: RequestReceived, why: str, now: float) -> None:
        """Answer a request whose flow token names nothing that is left (RFC 5626 §5.3.1)."""
        toward = Toward.AGENT if is_first_hop(event.request) else Toward.PROXY
        row = translation(
            synthetic(Source.TRANSPORT),
            event.request.method,
            toward,
            role=Role.EDGE,
            source=Source.TRANSPORT,
        )
        if row is not None and row.status is not None:
            self.reject(event, Rejection(row.status, why, why=row.why), now)

    def _unbound(self, removed: Iterable[Binding], why: str, now: float) -> None:
        removed = tuple(removed)
        drops = durable_drops(removed, why)
        if drops:
            self.endpoint.emit(Persist(drops, lambda _error, _now: None))
        if self.endpoint.noting:
            for binding in removed:
                text = f"{binding.aor} is out of service at {binding.contact}: {why}"
                self.endpoint.note(
                    Decision(
                        at=now,
                        kind=Kind.UNBOUND,
                        text=text,
                        aor=binding.aor,
                        flow=binding.flow,
                        call_id=binding.call_id,
                    )
                )


def _kind(status: int) -> Kind:
    """A challenge is no refusal: every healthy registration begins with one."""
    return Kind.CHALLENGE if rank(status) == Rank.CHALLENGE else Kind.REJECT
