"""A strict router as next hop: it wants itself in the Request-URI (RFC 3261 §16.6 step 6)."""

from __future__ import annotations

from ringway.message import Draft, Request, parse_uri
from ringway.proxy.way import Way


def heed_strict_router(draft: Draft[Request], request: Request, way: Way) -> None:
    """Let a first Route without ``lr`` change places with the Request-URI.

    Args:
        draft: the request as it goes out, its Routes and Request-URI already in place.
        request: what the draft was made from.
        way: the way it takes.

    Raises:
        ParseError: the first Route cannot be read.
    """
    if way.routes:
        first, text = parse_uri(way.routes[0]), way.routes[0]
    elif way.keep_routes and request.has("route"):
        first, text = request.routes[0].uri, request.routes[0].uri_text
    else:
        return
    if not first.lr:
        draft.pop_value("route")
        draft.append("Route", f"<{way.uri or request.uri_text}>")
        draft.uri(text)
