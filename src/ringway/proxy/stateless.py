"""ACK to a 2xx: forwarded without a transaction, once, the way the dialog goes (RFC 3261 §16.11).

Nobody answers an ACK, so a flow that is gone must be replaced before it is sent: by the way the
INVITE it belongs to was recovered, or by another flow of the same phone. When there is none the
ACK is dropped and the 2xx will come again.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from ringway.endpoint import AckReceived, Decision, Kind
from ringway.errors import ParseError, TokenGone, TokenTampered
from ringway.location import Binding
from ringway.message import Draft, Request
from ringway.proxy.named import path_flow, route_flow
from ringway.proxy.outgoing import next_hop
from ringway.proxy.route import Routed
from ringway.proxy.strict import heed_strict_router
from ringway.proxy.validation import hops_left
from ringway.proxy.way import Way, ways_of
from ringway.transport.flow import Flow, NextHop

if TYPE_CHECKING:
    from ringway.proxy.proxy import Proxy

MAX_RECOVERED: Final = 1_000


class Acknowledger:
    """Forwards ACKs for the proxy."""

    __slots__ = ("_passed", "_proxy", "_recovered")

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._recovered: OrderedDict[tuple[str, str, int], Way] = OrderedDict()
        self._passed: OrderedDict[tuple[str, str, int], None] = OrderedDict()

    def forward(self, event: AckReceived, now: float) -> None:
        """Send the ACK on, or drop it and say why."""
        try:
            routed = self._proxy.preprocess(event.request, event.flow, now)
            if event.request.max_forwards == 0:
                self._drop(event, "Max-Forwards has reached 0", now)
            elif not self._may_pass(event, routed, now):
                self._drop(event, "it names no dialog that goes through here", now)
            else:
                self._send(event, routed, now)
        except (ParseError, TokenGone, TokenTampered) as error:
            self._drop(event, str(error), now)

    def recovered(self, invite: Request, way: Way) -> None:
        """Remember where an INVITE inside a dialog went when its own flow was gone."""
        self._recovered[_key(invite)] = way
        while len(self._recovered) > MAX_RECOVERED:
            self._recovered.popitem(last=False)

    def passed(self, invite: Request) -> None:
        """Let the ACK follow an INVITE that may leave: nobody can challenge an ACK."""
        self._passed[_key(invite)] = None
        while len(self._passed) > MAX_RECOVERED:
            self._passed.popitem(last=False)

    def _may_pass(self, event: AckReceived, routed: Routed, now: float) -> bool:
        """True for an ACK of a dialog through here, or of one that may leave."""
        request = routed.request
        if routed.side is not None:
            return self._proxy.path_refusal(routed, event.flow, now) is None
        if not request.has("route") and self._proxy.is_ours(request.uri):
            return False
        if routed.vouched or _key(request) in self._passed:
            return True
        return self._proxy.may_relay(event.flow)

    def _send(self, event: AckReceived, routed: Routed, now: float) -> None:
        endpoint = self._proxy.endpoint
        way = self._way(routed, now)
        if way is None:
            self._drop(event, "its flow is gone and the phone has no other", now)
            return
        if way.binding is not None:
            endpoint.counters.recovered += 1
            self._note(
                event, Kind.RECOVER, "ACK: its flow is gone, it takes another", way.flow, now
            )
        request = self._forwarded(routed.request, way)
        if way.flow is not None:
            self._proxy.conceal(request, routed.request, way.flow)
            endpoint.send_stateless(request, way.flow, now)
            return

        def send(hops: list[NextHop], when: float) -> None:
            if hops:
                self._proxy.conceal(request, routed.request, hops[0])
                endpoint.send_stateless(request, hops[0], when)
            else:
                self._drop(event, f"no address for {uri}", when)

        uri = next_hop(routed.request, way)
        endpoint.resolve(uri, send, now)

    def _way(self, routed: Routed, now: float) -> Way | None:
        """Return the way the ACK takes; None when none is left."""
        side = routed.side
        if side is None:
            return Way(keep_routes=True)
        proxy = self._proxy
        remembered = self._recovered.get(_key(routed.request))
        if remembered is not None and proxy.is_open(remembered):
            return remembered
        if side.flow is not None and proxy.endpoint.is_live(side.flow):
            return Way(keep_routes=True, flow=side.flow)
        bindings = proxy.location.find_instance(side.aor, side.instance, now)
        if side.flow is None and routed.vouched and not self._moved(routed.request, bindings):
            return Way(keep_routes=True)
        return next(filter(proxy.is_open, ways_of(bindings, in_dialog=True)), None)

    def _moved(self, request: Request, bindings: tuple[Binding, ...]) -> bool:
        """True when the phone is no longer at the edge's flow that the next Routes name.

        Only an edge whose tokens we can read tells; one that we cannot read is believed.
        """
        sealer = self._proxy.sealer
        named = route_flow(request, sealer)
        if named is None or not bindings:
            return False
        return named not in [path_flow(binding.path, sealer) for binding in bindings]

    def _forwarded(self, request: Request, way: Way) -> Draft[Request]:
        draft = request.edit()
        draft.replace("Max-Forwards", str(hops_left(request)))
        if not request.has("max-breadth"):
            draft.append("Max-Breadth", str(self._proxy.settings.max_breadth))
        if not way.keep_routes and request.has("route"):
            draft.remove("route")
        for route in reversed(way.routes):
            draft.prepend("Route", f"<{route}>")
        heed_strict_router(draft, request, way)
        return draft

    def _drop(self, event: AckReceived, why: str, now: float) -> None:
        self._note(event, Kind.DROPPED, f"ACK dropped: {why}", event.flow, now)

    def _note(
        self, event: AckReceived, kind: Kind, text: str, flow: Flow | None, now: float
    ) -> None:
        endpoint = self._proxy.endpoint
        if endpoint.noting:
            endpoint.note(
                Decision(
                    at=now,
                    kind=kind,
                    text=text,
                    call_id=event.request.call_id,
                    method="ACK",
                    flow=flow,
                )
            )


def _key(request: Request) -> tuple[str, str, int]:
    """What an INVITE and the ACK to its 2xx have in common."""
    return (request.call_id, request.from_tag, request.cseq.number)
