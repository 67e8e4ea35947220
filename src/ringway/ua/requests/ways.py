"""The ways on which one request can reach one target: flows of ours, or servers DNS names.

With outbound proxies a request goes over the flow of a slot, the best one first (RFC 5626 §4.3);
without, to the next hops of RFC 3263, one after another. Within a dialog it goes over the flow of
the dialog's own slot and no other; while that is gone the request waits for its replacement.
Servers that want to be left alone are passed over (RFC 3261 §21.5.4); within a dialog they come
last, because the dialog has no others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from ringway.endpoint import Endpoint, Timer
from ringway.message import Uri, parse_name_addr
from ringway.transport.flow import Flow, NextHop
from ringway.ua.requests.redirects import Target
from ringway.ua.services import Services

if TYPE_CHECKING:
    from ringway.dialog.dialog import Dialog
    from ringway.ua.flows.outbound import Slot

_NO_FLOW: Final = "no flow to an outbound proxy is registered"
_RESTING: Final = "every server has asked to be left alone for a while"
_NO_SECURE_FLOW: Final = "no registered flow is secure, as a SIPS URI needs"


class Way(NamedTuple):
    """Where one attempt goes.

    Attributes:
        to: a flow, or a next hop.
        slot: whose flow it is; None if it is no slot's.
        routes: the Route values it gives the request outside a dialog, each as ``<uri>``.
    """

    to: Flow | NextHop
    slot: Slot | None = None
    routes: tuple[str, ...] = ()

    def flow(self, endpoint: Endpoint) -> Flow | None:
        """Return the flow it takes, None while it would have to be opened."""
        return self.to if isinstance(self.to, Flow) else endpoint.flow_to(self.to)


Found: TypeAlias = Callable[[Way | None, float], None]


class _Lead(NamedTuple):
    """What the next hops are found by."""

    uri: Uri
    routes: tuple[str, ...] = ()


class Ways:
    """The ways to one target, each tried once.

    Args:
        services: the agent's.
        target: the target.
        found: called with the way to take, or with None when there is none; see ``refusal``.
        slot: the slot to use, None for the best.
        dialog: the dialog of the request, None outside one.
        route: the topmost pre-loaded Route of the request, empty if it has none.

    Attributes:
        refusal: why there is no way, one plain line.
        rest: seconds until a server may be asked again that was passed over; 0 if none was.
    """

    def __init__(
        self,
        services: Services,
        target: Target,
        found: Found,
        *,
        slot: Slot | None = None,
        dialog: Dialog | None = None,
        route: str = "",
    ) -> None:
        self.refusal = ""
        self.rest = 0.0
        self._services = services
        self._target = target
        self._found = found
        self._slot = slot
        self._dialog = dialog
        self._route = route
        self._tried: list[Slot] = []
        self._gone: Flow | None = None
        self._waited = False
        self._leads: list[_Lead] = []
        self._lead: _Lead | None = None
        self._hops: list[NextHop] = []
        self._timer: Timer | None = None
        self._stopped = False

    def start(self, now: float) -> None:
        """Find the first way; it may be found within this call.

        Raises:
            ParseError: what the next hop is found by cannot be read.
        """
        if self._dialog is not None and self._slot is not None and not self._slot.direct:
            self._go_or_wait(self._slot, now)
        elif self._dialog is None and self._over_flows:
            self._found(self._next_slot(now), now)
        else:
            self._leads = self._all_leads()
            self._next_hop(now)

    @property
    def more_servers(self) -> bool:
        """True when RFC 3263 has named a further server (§4.3)."""
        return bool(self._hops or self._leads)

    def next_server(self, now: float) -> None:
        """Find the next server; see ``more_servers``."""
        self._next_hop(now)

    @property
    def more_flows(self) -> bool:
        """True when there may be another flow: within a dialog once, the one that replaces it."""
        if self._dialog is None:
            outbound = self._services.outbound
            return self._over_flows and outbound.best(self._tried) is not None
        return self._slot is not None and not self._slot.direct and not self._waited

    def next_flow(self, now: float) -> None:
        """Find another flow; see ``more_flows``."""
        self._waited = True
        if self._dialog is not None and self._slot is not None:
            self._go_or_wait(self._slot, now)
        else:
            self._found(self._next_slot(now), now)

    def stop(self) -> None:
        """Find nothing further."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()

    @property
    def _over_flows(self) -> bool:
        return any(not slot.direct for slot in self._services.outbound.slots)

    def _next_slot(self, now: float) -> Way | None:
        """Return the way over the best flow that was not tried (RFC 5626 §4.3)."""
        services, secure = self._services, self._target.uri.secure
        self.refusal = "no other flow is registered" if self._tried else _NO_FLOW
        while True:
            slot = services.outbound.best(self._tried)
            if self._slot is not None and not self._tried and self._slot.registered:
                slot = self._slot
            if slot is None or slot.flow is None:
                return None
            self._tried.append(slot)
            left = services.resting.left(slot.flow, now)
            if left:
                self.rest = min(left, self.rest or left)
                self.refusal = _RESTING
            elif secure and not slot.flow.secure:
                self.refusal = _NO_SECURE_FLOW
            else:
                return Way(slot.flow, slot, slot.routes)

    def _go_or_wait(self, slot: Slot, now: float) -> None:
        """Use the flow of the dialog's slot, or the one that will replace it."""
        services = self._services
        flow = slot.flow
        live = slot.registered and flow is not None and services.endpoint.is_live(flow)
        if live and flow is not None and flow != self._gone:
            self._gone = flow
            self._found(Way(flow, slot), now)
            return
        wait = services.settings.flow_wait
        self.refusal = f"its connection is gone, and no other has replaced it within {wait:g} s"
        self._timer = services.outbound.wait(slot, self._replaced, now, wait)

    def _replaced(self, flow: Flow | None, now: float) -> None:
        """Take the end of the wait for another flow."""
        self._gone = flow
        self._found(None if flow is None else Way(flow, self._slot), now)

    def _all_leads(self) -> list[_Lead]:
        """Return what to ask DNS for, best first (RFC 3261 §8.1.2)."""
        target, dialog = self._target, self._dialog
        if dialog is not None:
            # A redirect keeps the route set, and without one the new target is the next hop.
            at_target = target.status and not dialog.route_set
            return [_Lead(target.uri if at_target else dialog.next_hop_uri())]
        services = self._services
        settings, slots = services.settings, services.outbound.slots
        if settings.outbound and not settings.registers:
            found: list[tuple[str, ...]] = [(route_text(uri),) for uri in settings.outbound]
        else:
            found = [slots[0].routes if slots else ()]
        behind = route_text(target.proxy) if target.proxy is not None else self._route
        leads: list[_Lead] = []
        for routes in found:
            first = routes[0] if routes else behind
            uri = parse_name_addr(first).uri if first else target.uri
            if target.uri.secure and not uri.secure:
                uri = replace(uri, scheme="sips")
            leads.append(_Lead(uri, routes))
        return leads

    def _next_hop(self, now: float) -> None:
        """Take the next hop, or ask for those of the next lead."""
        if self._hops and self._lead is not None:
            hop = self._hops.pop(0)
            self._found(Way(hop, self._slot_of(hop), self._lead.routes), now)
        elif self._leads:
            self._lead = self._leads.pop(0)
            self._services.endpoint.resolve(self._lead.uri, self._resolved, now)
        else:
            self._found(None, now)

    def _resolved(self, hops: list[NextHop], now: float) -> None:
        """Take the next hops of a lead, without those that rest; the dialog's come last."""
        if self._stopped:
            return
        resting: list[NextHop] = []
        for hop in hops:
            left = self._services.resting.left(hop, now)
            if left:
                resting.append(hop)
                self.rest = min(left, self.rest or left)
            else:
                self._hops.append(hop)
        if self._dialog is not None:
            self._hops += resting
        lead = self._lead
        if not self._hops and lead is not None:
            self.refusal = _RESTING if resting else f"DNS names no server for {lead.uri.hostport}"
        self._next_hop(now)

    def _slot_of(self, hop: NextHop) -> Slot | None:
        """Return the slot without a proxy whose flow leads to this hop."""
        flow = self._services.endpoint.flow_to(hop)
        for slot in self._services.outbound.slots:
            if flow is not None and slot.flow == flow:
                return slot
        return None


def route_text(uri: Uri) -> str:
    """Return a proxy's URI as a Route value, for loose routing (RFC 3261 §16.12)."""
    return f"<{uri if uri.lr else uri.with_param('lr')}>"
