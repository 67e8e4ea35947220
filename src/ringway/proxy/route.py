"""Route preprocessing: which Routes are ours, what their tokens say, which way the request goes.

RFC 3261 §16.4 and §16.12, RFC 5626 §5.3. A dialog through two sides of ours carries two
Record-Routes; the sender's side always comes first in a Route set, so the second one is where the
request goes. With a single one the flow decides: a request that came over the token's own flow, or
over a current flow of the token's phone, is leaving; anything else is for the token's flow.

What names no flow opens one way and no other: to where the other side of that call was when the
token or mark was written, see ``ringway.proxy.record``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

from ringway.errors import ParseError, TokenGone, TokenTampered
from ringway.location import Location
from ringway.message import Request, Uri
from ringway.transport.flow import DEFAULT_PORTS, TLS, UDP, Flow
from ringway.transport.token import FlowToken, Purpose, Sealer, digest_place, purpose_of

ALTERNATIVES: Final = "flow-alt"
"""URI parameter on a Route: the sender knows other flows of this phone, so that only a word of the
phone itself shall stop its clock."""

MAX_OWN_ROUTES: Final = 8
"""Routes of ours that one request may have in a row: a dialog through here twice has four."""

IsOurs = Callable[[Uri], bool]

Written = Callable[[str, Flow], str]

_MARK: Final = slice(5, 22)
"""Where a dialog mark stands in a Route as we write it: ``<sip:MARK@…>``."""


class Routed(NamedTuple):
    """A request without our own Routes, and what these said.

    Attributes:
        request: the request as it goes on.
        side: the side of the dialog or the flow it is for; None when Route or Request-URI decides.
        vouched: True when a Route of ours proves that this call goes through here, and on to the
            request's next hop; an address of ours alone proves nothing, whoever wants us to relay
            can write one.
        withholds: True when the sender asked for no 100 of ours before the phone has spoken.
        relay: True when it was decided that the request may leave for other domains.
    """

    request: Request
    side: FlowToken | None = None
    vouched: bool = False
    withholds: bool = False
    relay: bool = False


def take_own_routes(
    request: Request,
    source: Flow,
    is_ours: IsOurs,
    written: Written,
    sealer: Sealer,
    location: Location,
    now: float,
) -> Routed:
    """Remove the Routes that name us and decide the direction.

    Args:
        request: the request as it was received.
        source: the flow it came over.
        is_ours: says whether a URI names us.
        written: gives the Record-Route with a mark that we write for a call over a flow.
        sealer: opens the tokens.
        location: knows the flows of a phone.
        now: seconds.

    Raises:
        TokenTampered: a token's seal is broken; the answer is 403 (RFC 5626 §5.3).
        TokenGone: a token of a key or a node that is no more; the answer is 430.
        ParseError: a Route or the Request-URI does not parse, or too many Routes are ours.
    """
    if request.uri.has_param("maddr"):
        request = _strip_maddr(request, source, is_ours)
    text = request.get("route")
    if text is None:
        return Routed(request)
    uri = request.uri
    alone = not uri.params and not request.several("route")
    if alone and text == written(text[_MARK], source):
        # As we have written it, as in nearly every call: nothing to take apart.
        vouched = sealer.vouches(text[_MARK], request.call_id, place_of(uri))
        return Routed(request.without("route"), vouched=vouched)
    return _take_apart(
        _undo_strict_routing(request, is_ours), source, is_ours, sealer, location, now
    )


def _take_apart(
    request: Request,
    source: Flow,
    is_ours: IsOurs,
    sealer: Sealer,
    location: Location,
    now: float,
) -> Routed:
    """Read the Routes that name us and take them off."""
    own: list[Uri] = []
    for route in request.routes:
        if not is_ours(route.uri):
            break
        own.append(route.uri)
        if len(own) > MAX_OWN_ROUTES:  # taking each off costs as much as all of them are long
            raise ParseError("too many Routes in a row name this server", header="route")
    if not own:
        return Routed(request)
    draft = request.edit()
    for _ in own:
        draft.pop_value("route")
    stripped = draft.build()
    last = own[-1]
    if not last.user:
        return Routed(stripped)
    purpose = purpose_of(last.user)
    if purpose is None:
        raise TokenTampered("the user part of the Route is no flow token")
    place = place_of(stripped.routes[0].uri if stripped.has("route") else stripped.uri)
    if purpose is Purpose.DIALOG:
        return Routed(stripped, vouched=sealer.vouches(last.user, request.call_id, place))
    side = sealer.open(last.user, purpose, request.call_id)
    if side.node and side.node != sealer.node:
        raise TokenGone(f"the token belongs to node {side.node}")
    if len(own) == 1 and _leaves(side, source, location, now):
        return Routed(stripped)  # who it comes from says nothing of where it may go
    vouched = side.flow is None and bool(place) and side.place == digest_place(place)
    if side.flow is None and not (vouched or location.find_instance(side.aor, side.instance, now)):
        return Routed(stripped)
    return Routed(stripped, side, vouched, withholds=last.has_param(ALTERNATIVES))


def place_of(uri: Uri) -> str:
    """Return the host and port that a URI leads to; empty if it is no SIP URI."""
    if not uri.is_sip:
        return ""
    maddr = uri.param("maddr") if uri.params else None
    return uri.hostport if maddr is None else f"{maddr}:{uri.port}"


def _leaves(side: FlowToken, source: Flow, location: Location, now: float) -> bool:
    """True when the request comes from the phone the token names (RFC 5626 §5.3)."""
    if side.flow == source:
        return True
    if not side.instance:
        return False
    known = location.find_instance(side.aor, side.instance, now)
    return any(binding.flow == source for binding in known)


def _undo_strict_routing(request: Request, is_ours: IsOurs) -> Request:
    """Undo what a strict router did: our Route back on top, the last Route to its place (§16.4)."""
    uri = request.uri
    if not (uri.lr and is_ours(uri) and (uri.user is None or purpose_of(uri.user))):
        return request
    routes = request.routes
    draft = request.edit()
    draft.remove("route")
    for text in (f"<{request.uri_text}>", *map(str, routes[:-1])):
        draft.append("Route", text)
    draft.uri(routes[-1].uri_text)
    return draft.build()


def _strip_maddr(request: Request, source: Flow, is_ours: IsOurs) -> Request:
    """Take off a maddr that means us, with the port and transport that led here (§16.4)."""
    uri = request.uri
    plain = replace(uri, port=None).without_params("maddr", "transport")
    transport = uri.transport or (TLS if uri.secure else UDP)
    port = uri.port or DEFAULT_PORTS.get(transport)
    here = (transport, port) == (source.transport, source.local.port)
    maddr = Uri(uri.scheme, host=(uri.param("maddr") or "").strip("[]").lower(), port=port)
    if not (here and uri.is_sip and is_ours(maddr)):
        return request
    draft = request.edit()
    draft.uri(plain)
    return draft.build()
