"""Whether a request may be forwarded at all: RFC 3261 §16.3, loops after RFC 5393 §4.2.

The parser has already refused what is malformed (400, 505). What is left is what only a proxy
asks: can it route this scheme, has the request hops left, was it here before, does it demand an
extension.
"""

from __future__ import annotations

import zlib
from contextlib import suppress
from typing import Final, NamedTuple

from ringway.endpoint import Endpoint
from ringway.errors import ParseError
from ringway.message import Request, parse_via

DEFAULT_MAX_FORWARDS: Final = 70
ROUTABLE: Final = frozenset({"sip", "sips", "tel"})


class Rejection(NamedTuple):
    """Why a request goes no further.

    Attributes:
        status: the response to send.
        text: one plain line for the story.
        headers: header fields the response carries.
        why: the table's word for it; "" when the response is our own.
    """

    status: int
    text: str
    headers: tuple[tuple[str, str], ...] = ()
    why: str = ""


def loop_mark(request: Request) -> str:
    """Return the branch's second part: a digest of what decides where the request goes.

    RFC 5393 §4.2.1: a request that comes back with the same mark goes in circles, one with
    another mark merely passes by again. The method has no part in it, nor has any Via.
    """
    parts = (
        request.uri_text,
        request.from_.tag,
        request.to.tag,
        request.call_id,
        str(request.cseq.number),
        ",".join(request.values("route")),
        request.get("proxy-require") or "",
        request.get("proxy-authorization") or "",
    )
    text = "\0".join(parts).encode("utf-8", "surrogateescape")
    return f"{zlib.crc32(text):08x}"


def is_first_hop(request: Request) -> bool:
    """True when no proxy stands between the sender and us: one Via, the sender's own."""
    return not request.several("via")


def hops_left(request: Request) -> int:
    """Return the Max-Forwards that the request goes on with (RFC 3261 §16.6 step 3)."""
    hops = request.max_forwards
    return DEFAULT_MAX_FORWARDS if hops is None else hops - 1


def check_forwardable(request: Request, endpoint: Endpoint, mark: str) -> Rejection | None:
    """Return why the request must not be forwarded, or None.

    Args:
        request: as it was received.
        endpoint: knows which Via entries are our own.
        mark: this request's own ``loop_mark``.
    """
    scheme = request.uri.scheme
    if scheme not in ROUTABLE:
        return Rejection(416, f"the Request-URI's scheme {scheme} cannot be routed")
    if request.max_forwards == 0:
        return Rejection(483, "Max-Forwards has reached 0")
    if _has_looped(request, endpoint, mark):
        return Rejection(482, "the request came back unchanged")
    demanded = request.proxy_require
    if demanded:
        unsupported = ", ".join(demanded)
        return Rejection(
            420, f"Proxy-Require asks for {unsupported}", (("Unsupported", unsupported),)
        )
    return None


def has_passed(request: Request, endpoint: Endpoint) -> bool:
    """True when a request has been here before, whatever it asked for then (a spiral)."""
    if is_first_hop(request):
        return False
    for text in request.values("via"):
        with suppress(ParseError):  # others' Via values are none of our business
            via = parse_via(text)
            if endpoint.is_self(via.host, via.port, via.transport):
                return True
    return False


def _has_looped(request: Request, endpoint: Endpoint, mark: str) -> bool:
    ending = "." + mark
    for text in request.values("via"):
        if ending in text:  # others' Via values are none of our business (RFC 5393 §4.2.4)
            via = parse_via(text)
            if via.branch.endswith(ending) and endpoint.is_self(via.host, via.port, via.transport):
                return True
    return False
