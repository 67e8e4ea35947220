"""Which flow of an edge a Route or a Path names, as far as its token can be read here.

Edges that share our keys tell, others do not (RFC 5626 §5.2).
"""

from __future__ import annotations

from contextlib import suppress

from ringway.errors import ParseError, TokenGone, TokenTampered
from ringway.message import Request, Uri, parse_uri
from ringway.transport.flow import Flow
from ringway.transport.token import Purpose, Sealer


def route_flow(request: Request, sealer: Sealer) -> Flow | None:
    """Return the flow to the phone that the Routes of a request within a dialog lead to.

    Raises:
        ParseError: a Route cannot be read.
    """
    for route in request.routes:
        flow = _flow_at(route.uri, Purpose.RECORD_ROUTE, request.call_id, sealer)
        if flow is not None:
            return flow
    return None


def path_flow(path: tuple[str, ...], sealer: Sealer) -> Flow | None:
    """Return the flow to the phone that a Path leads to; the first hop wrote the last value."""
    with suppress(ParseError):
        return _flow_at(parse_uri(path[-1]), Purpose.PATH, "", sealer) if path else None
    return None


def _flow_at(uri: Uri, purpose: Purpose, call_id: str, sealer: Sealer) -> Flow | None:
    try:
        return sealer.open(uri.user or "", purpose, call_id).flow
    except (TokenGone, TokenTampered):
        return None
