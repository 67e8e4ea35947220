"""Staying in the path: Record-Route for dialogs, Path for registrations.

RFC 3261 §16.6 step 4, RFC 5626 §5.1 and §5.3, RFC 5658. A dialog between two sides that differ, or
of which one is a flow or a known phone, gets two Record-Routes: the far side's on top, ours towards
the caller below. Each names its side in a sealed token, so that a later request finds the flow, or
when that is gone another flow of the same phone; where there is nothing to name, a mark says that
this call goes through here.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ringway.endpoint import Endpoint
from ringway.errors import ParseError
from ringway.location import Binding, Location
from ringway.message import NameAddr, Request, Uri, parse_uri
from ringway.proxy.validation import is_first_hop
from ringway.proxy.way import Way
from ringway.transport.flow import Address, Flow, NextHop
from ringway.transport.token import Sealer

DIALOGLESS: Final = frozenset(
    {"BYE", "INFO", "MESSAGE", "OPTIONS", "PRACK", "PUBLISH", "REGISTER", "UPDATE"}
)
"""Methods that are known to form no dialog; any other is record-routed (§16.6 step 4)."""


class Side(NamedTuple):
    """One side of a dialog: the flow to it if we own one, and whose phone it is if we know.

    Attributes:
        transport: the transport this side is reached by.
        flow: set when only this flow reaches the phone.
        aor: the phone's address-of-record, "" if unknown.
        instance: the phone's instance-id, "" if unknown.
        seen: a flow to this side, to name the listener by; it need not be the only way.
    """

    transport: str
    flow: Flow | None = None
    aor: str = ""
    instance: str = ""
    seen: Flow | None = None

    @property
    def listener(self) -> tuple[str, Address | None]:
        """What the URI by which requests come back here is made from."""
        return self.transport, None if self.seen is None else self.seen.local

    @property
    def plain(self) -> bool:
        """True when a later request finds this side without our help."""
        return self.flow is None and not self.instance


def source_side(request: Request, source: Flow, location: Location, aor: str, now: float) -> Side:
    """Describe the side a request came from.

    Args:
        request: as received, our Via not yet on it.
        source: the flow it came over.
        location: knows the flows and instances of registered phones.
        aor: the caller's address-of-record by its From.
        now: seconds.
    """
    contact = _contact(request)
    direct = is_first_hop(request)
    flow = source if direct and _only_by_flow(request, contact, source) else None
    for binding in location.on_flow(source) if direct else ():
        if binding.aor == aor:
            return Side(source.transport, flow, binding.aor, binding.instance, source)
    instance = contact.instance if contact is not None else ""
    if instance and location.find_instance(aor, instance, now):
        return Side(source.transport, flow, aor, instance, source)
    for binding in location.bindings(aor, now) if contact is not None else ():
        if binding.instance and contact is not None and _is_at(contact.uri, binding):
            return Side(source.transport, flow, aor, binding.instance, source)
    return Side(source.transport, flow, seen=source)


def target_side(way: Way, to: Flow | NextHop, aor: str, instance: str, endpoint: Endpoint) -> Side:
    """Describe the side a request goes to."""
    seen = to if isinstance(to, Flow) else endpoint.flow_to(to)
    return Side(to.transport, way.flow, aor if instance else "", instance, seen)


def record_routes(
    near: Side, far: Side, call_id: str, endpoint: Endpoint, sealer: Sealer, *, secure: bool
) -> tuple[str, ...]:
    """Return the Record-Route values to prepend, the last one ending on top.

    Args:
        near: the side the request came from.
        far: the side it goes to.
        call_id: binds the tokens to this call.
        endpoint: knows our advertised addresses.
        sealer: seals the tokens.
        secure: True when the request goes on with sips, which the dialog must then keep.
    """
    first = f"<{_route_uri(near, call_id, endpoint, sealer, secure=secure)}>"
    plain = near.plain and far.plain
    if plain and near.listener == far.listener:
        return (first,)
    second = f"<{_route_uri(far, call_id, endpoint, sealer, secure=secure)}>"
    return (first,) if plain and first == second else (first, second)


def plain_record_route(source: Flow, call_id: str, endpoint: Endpoint, sealer: Sealer) -> str:
    """Return the Record-Route value of a call whose sides need no flow of ours.

    Args:
        source: a flow to one of its sides.
        call_id: what the mark in it is bound to.
        endpoint: knows our advertised addresses.
        sealer: makes the mark.
    """
    return f"<{endpoint.route_uri(source.transport, sealer.mark_dialog(call_id), source)}>"


def path_value(source: Flow, to: Flow | NextHop, endpoint: Endpoint, sealer: Sealer) -> str:
    """Return the Path value by which an edge stays reachable for a flow (RFC 5626 §5.1).

    Args:
        source: the phone's flow.
        to: the registrar, which comes back over the transport it is reached by.
        endpoint: knows our advertised addresses.
        sealer: seals the token.
    """
    seen = to if isinstance(to, Flow) else endpoint.flow_to(to)
    return f"<{endpoint.route_uri(to.transport, sealer.seal_path(source), seen)};ob>"


def _route_uri(
    side: Side, call_id: str, endpoint: Endpoint, sealer: Sealer, *, secure: bool
) -> str:
    if side.plain:
        token = sealer.mark_dialog(call_id)
    else:
        token = sealer.seal_record_route(side.flow, call_id, aor=side.aor, instance=side.instance)
    uri = endpoint.route_uri(side.transport, token, side.seen)
    if secure:  # sips says TLS by itself; naming it again is deprecated (RFC 3261 §26.2.2)
        uri = "sips:" + uri.partition(":")[2].replace(";transport=tls", "")
    return uri


def _only_by_flow(request: Request, contact: NameAddr | None, source: Flow) -> bool:
    """True when the sender can be reached only over the flow it uses now."""
    if source.reliable:
        return True
    if contact is None:
        return False
    uri = contact.uri
    via = request.top_via
    nat = uri.host != source.remote.host or via.host != uri.host
    return nat or uri.has_param("ob") or (via.rport is not None and via.port != source.remote.port)


def _is_at(uri: Uri, binding: Binding) -> bool:
    """True when a Contact is the registered one; phones put ``ob`` into either or both."""
    if uri.user != binding.contact.partition(":")[2].partition("@")[0]:
        return False
    try:
        registered = parse_uri(binding.contact)
    except ParseError:
        return False
    return registered.without_params("ob").equals(uri.without_params("ob"))


def _contact(request: Request) -> NameAddr | None:
    """Return the sender's Contact; one that cannot be read is for the far end to judge."""
    try:
        contacts = request.contacts
    except ParseError:
        return None
    return contacts[0] if contacts else None
