"""Staying in the path: Record-Route for dialogs, Path for registrations.

RFC 3261 §16.6 step 4, RFC 5626 §5.1 and §5.3, RFC 5658. A dialog between two sides that differ, or
of which one is a flow or a known phone, gets two Record-Routes: the far side's on top, ours towards
the caller below. Each names its side in a sealed token, so that a later request finds the flow, or
when that is gone another flow of the same phone; where there is nothing to name, a mark says that
this call goes through here.

A Route without a flow of ours would be an invitation to relay for whoever has seen it, so it leads
to one place only: where the other side of the call is. The callee is shown a way to the caller, the
Contact or the Record-Route it came with. The way to the callee is known when it answers: then it is
put into the Record-Route of the response, which only the caller sees (a proxy may change its own
value, §16.7 step 8), and the way to the caller taken out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from ringway.endpoint import Endpoint
from ringway.errors import ParseError, TokenGone, TokenTampered
from ringway.location import Binding, Location
from ringway.message import Draft, NameAddr, Request, Response, Uri, parse_uri
from ringway.message.headers import first_value, parse_name_addr
from ringway.message.memory import keep
from ringway.proxy.route import place_of
from ringway.proxy.validation import is_first_hop
from ringway.proxy.way import Way
from ringway.transport.flow import Address, Flow, NextHop
from ringway.transport.token import Purpose, Sealer, purpose_of

DIALOGLESS: Final = frozenset(
    {"BYE", "INFO", "MESSAGE", "OPTIONS", "PRACK", "PUBLISH", "REGISTER", "UPDATE"}
)
"""Methods that are known to form no dialog; any other is record-routed (§16.6 step 4)."""

_ONE_MARK: Final = re.compile("<sip:D[^@]{16}@")
"""A Record-Route of ours with a dialog mark."""

_LONGEST: Final = 200
_places: Final[dict[str, str]] = {}

_BEHIND: Final = re.compile("[;>]")
"""What follows user, host and port in a Record-Route of ours."""


class Side(NamedTuple):
    """One side of a dialog: the flow to it if we own one, and whose phone it is if we know.

    Attributes:
        transport: the transport this side is reached by.
        flow: set when only this flow reaches the phone.
        aor: the phone's address-of-record, "" if unknown.
        instance: the phone's instance-id, "" if unknown.
        seen: a flow to this side, to name the listener by; it need not be the only way.
        place: without a flow, the host and port of the next hop towards this side.
    """

    transport: str
    flow: Flow | None = None
    aor: str = ""
    instance: str = ""
    seen: Flow | None = None
    place: str = ""

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
    place = _place(request, contact) if flow is None else ""
    for binding in location.on_flow(source) if direct else ():
        if binding.aor == aor:
            return Side(source.transport, flow, binding.aor, binding.instance, source, place)
    instance = contact.instance if contact is not None else ""
    if instance and location.find_instance(aor, instance, now):
        return Side(source.transport, flow, aor, instance, source, place)
    for binding in location.bindings(aor, now) if contact is not None else ():
        if binding.instance and contact is not None and _is_at(contact.uri, binding):
            return Side(source.transport, flow, aor, binding.instance, source, place)
    return Side(source.transport, flow, seen=source, place=place)


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
    if near.plain and far.plain and _reached_at(near, endpoint) == _reached_at(far, endpoint):
        return (first,)
    return (first, f"<{_route_uri(far, call_id, endpoint, sealer, secure=secure)}>")


def turn_around(
    draft: Draft[Response], response: Response, written: tuple[str, ...], sealer: Sealer
) -> None:
    """Make a response show the caller the way to the callee, and no longer that to the caller.

    Args:
        draft: the response as it goes on.
        response: as it came.
        written: the Record-Route values of ours, that for the caller's side first; of several
            branches more than one for the callee's.
        sealer: seals the tokens.
    """
    text = response.get("record-route")
    if text is None:
        return
    if text == written[0] and _ONE_MARK.match(text) and not response.several("record-route"):
        # As in nearly every call: one value, as we have written it.
        mark = sealer.mark_dialog(response.call_id, _place_of_contact(response))
        draft.replace("Record-Route", f"{text[:5]}{mark}{text[22:]}")
        return
    values = list(response.values("record-route"))
    near = _find(values, written[0])
    if near < 0:
        return
    far = near
    if near and any(_find(values[near - 1 : near], each) == 0 for each in written[1:]):
        far -= 1
        values[near] = _leading_to("", values[near], response.call_id, sealer)
    place = _place_of_value(values[far - 1]) if far else _place_of_contact(response)
    values[far] = _leading_to(place, values[far], response.call_id, sealer)
    if len(values) == 1:
        draft.replace("Record-Route", values[0])
        return
    draft.remove("record-route")
    for value in values:
        draft.append("Record-Route", value)


def dialog_route(mark: str, source: Flow, endpoint: Endpoint) -> str:
    """Return the Record-Route value with a dialog mark, for a flow to one side of the call."""
    return f"<{endpoint.route_uri(source.transport, mark, source)}>"


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
        token = sealer.mark_dialog(call_id, side.place)
    else:
        token = sealer.seal_record_route(
            side.flow, call_id, aor=side.aor, instance=side.instance, place=side.place
        )
    uri = endpoint.route_uri(side.transport, token, side.seen)
    if secure:  # sips says TLS by itself; naming it again is deprecated (RFC 3261 §26.2.2)
        uri = "sips:" + uri.partition(":")[2].replace(";transport=tls", "")
    return uri


def _reached_at(side: Side, endpoint: Endpoint) -> str:
    """Return the URI at which requests for a side come back, without a token."""
    return endpoint.route_uri(side.transport, "", side.seen)


def _leading_to(place: str, value: str, call_id: str, sealer: Sealer) -> str:
    """Return a Record-Route value of ours with another place; one with a flow stays as it is."""
    token = _user_part(value)
    purpose = purpose_of(token)
    if purpose is Purpose.DIALOG:
        return value.replace(token, sealer.mark_dialog(call_id, place), 1)
    try:
        side = sealer.open(token, Purpose.RECORD_ROUTE, call_id)
    except (TokenGone, TokenTampered):  # the keys have changed meanwhile
        return value
    if side.flow is not None:
        return value
    fresh = sealer.seal_record_route(
        None, call_id, aor=side.aor, instance=side.instance, place=place
    )
    return value.replace(token, fresh, 1)


def _find(values: Sequence[str], written: str) -> int:
    """Return where a value of ours stands, the lowest such place; -1 if it does not.

    Whoever copied it may have changed the order of its parameters, or put a name in front.
    """
    known = _BEHIND.split(written.partition(":")[2], 1)[0]
    return next((i for i in reversed(range(len(values))) if known in values[i]), -1)


def _user_part(value: str) -> str:
    return value.partition(":")[2].partition("@")[0]


def _place(request: Request, contact: NameAddr | None) -> str:
    """Return where requests towards the sender go on to: its proxy, or its Contact (§12.1.1)."""
    value = request.get("record-route")
    if value is not None:
        return _place_of_value(first_value(value))
    return place_of(contact.uri) if contact is not None else ""


def _place_of_contact(response: Response) -> str:
    """Return where requests to the callee go on to when no proxy stands before it."""
    text = response.get("contact")
    return "" if text is None else _place_of_value(first_value(text))


def _place_of_value(text: str) -> str:
    """Return the place of a Contact or Record-Route; the same few come again and again."""
    place = _places.get(text)
    if place is None:
        try:
            place = place_of(parse_name_addr(text).uri)
        except ParseError:
            place = ""
        if len(text) <= _LONGEST:
            keep(_places, text, place)
    return place


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
