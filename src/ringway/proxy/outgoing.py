"""The request as it goes out: RFC 3261 §16.6 steps 1 to 7, RFC 5393 §5.3.3.

Nothing here sends or waits. What is not named by those steps leaves as it came in, byte for byte.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ringway.message import Draft, Request, Uri, parse_uri
from ringway.proxy.record import DIALOGLESS, path_value, record_routes, source_side, target_side
from ringway.proxy.route import ALTERNATIVES
from ringway.proxy.strict import heed_strict_router
from ringway.proxy.validation import hops_left
from ringway.proxy.way import Way
from ringway.transport.flow import Flow, NextHop

if TYPE_CHECKING:
    from ringway.proxy.context import ResponseContext
    from ringway.proxy.target import Target


def next_hop(request: Request, way: Way) -> Uri:
    """Return the URI that names the next hop (RFC 3261 §16.6 steps 6 and 7).

    Args:
        request: with the Routes that are not ours.
        way: the way it takes.

    Raises:
        ParseError: it cannot be read.
    """
    target = parse_uri(way.uri) if way.uri else request.uri
    if way.hop:
        uri = parse_uri(way.hop)
    elif way.routes:
        uri = parse_uri(way.routes[0])
    elif way.keep_routes and request.has("route"):
        uri = request.routes[0].uri
    else:
        return target
    return replace(uri, scheme="sips") if target.secure and uri.is_sip else uri


def outgoing(
    context: ResponseContext, target: Target, way: Way, to: Flow | NextHop, now: float
) -> Draft[Request]:
    """Return the request as it goes this way; the Via is the endpoint's.

    Raises:
        ParseError, ValueError: the way leads through something that is no URI.
    """
    request = context.request
    draft = request.edit()
    if way.uri:
        draft.uri(way.uri)
    draft.replace("Max-Forwards", str(hops_left(request)))
    if not way.keep_routes and request.has("route"):
        draft.remove("route")
    for route in reversed(_marked(target, way, now)):
        draft.prepend("Route", f"<{route}>")
    if way.keep_routes and target.route_flow is not None and target.has_rival(now):
        _mark_last(draft, request)
    if context.plan.adds_path:
        proxy = context.proxy
        draft.prepend("Path", path_value(context.source, to, proxy.endpoint, proxy.sealer))
        if "path" not in request.require:  # without it nobody comes back here (RFC 3327 §5.2)
            draft.append("Require", "path")
    if request.method not in DIALOGLESS:
        for value in _record_routes(context, target, way, to, now):
            draft.prepend("Record-Route", value)
    draft.replace("Max-Breadth", str(target.breadth))
    if target.spec.redirect_status:
        context.proxy.recursion.prepare(draft, request, target.spec)
    heed_strict_router(draft, request, way)
    context.proxy.conceal(draft, request, to)
    return draft


def _marked(target: Target, way: Way, now: float) -> tuple[str, ...]:
    """Return the Routes of a way; the edge that owns the flow learns of the phone's others.

    It is the last one: the first hop from the phone wrote its Path first (RFC 3327 §5.2).
    """
    if not way.routes or not target.has_rival(now):
        return way.routes
    return (*way.routes[:-1], f"{way.routes[-1]};{ALTERNATIVES}")


def _mark_last(draft: Draft[Request], request: Request) -> None:
    """Mark the Route that a request within a dialog came with, as a Path is marked.

    In a dialog as well, the phone's edge wrote the last one.
    """
    *others, last = request.routes
    draft.remove("route")
    for route in others:
        draft.append("Route", str(route))
    draft.append("Route", f"<{last.uri_text};{ALTERNATIVES}>")


def _record_routes(
    context: ResponseContext, target: Target, way: Way, to: Flow | NextHop, now: float
) -> tuple[str, ...]:
    proxy, request = context.proxy, context.request
    near = context.near
    if near is None:
        aor = proxy.aor(request.from_.uri)
        near = context.near = source_side(request, context.source, proxy.location, aor, now)
    spec = target.spec
    far = target_side(way, to, spec.aor, spec.instance, proxy.endpoint)
    secure = (way.uri or request.uri_text)[:5].lower() == "sips:" or any(
        route[:5].lower() == "sips:" for route in way.routes[:1]
    )
    values = record_routes(near, far, request.call_id, proxy.endpoint, proxy.sealer, secure=secure)
    if near.flow is None or far.flow is None:  # the caller is shown another way than the callee
        context.recorded = (values[0], *dict.fromkeys((*context.recorded[1:], *values[1:])))
    return values
