"""Via at the server side: marking a request with where it came from, and the way back.

The sent-by of a Via is what the client believes its address to be; behind a NAT it is wrong. So
the source address is written into ``received`` (RFC 3261 §18.2.1) and, if the client asks, the
source port into ``rport`` (RFC 3581 §4), before anyone else reads the request. A ``received`` that
came in says nothing, and believing it would let a client aim responses at others: it is replaced.
The value is edited as text, for the client gets it back in the response and knows it by its text.

A phone behind a NAT that does not ask for ``rport`` would get no answer at all if the port in its
Via were believed: so where its sent-by cannot be reached from elsewhere, the source port counts.

A WebSocket's response can only take the WebSocket, and the source is often that of an HTTP proxy
of ours, so nothing is added there unless ``rport`` asks for it (RFC 7118 §5.3).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from ringway.message.headers import Via, first_value
from ringway.message.message import Request
from ringway.transport.flow import DEFAULT_PORTS, UDP, Address, Flow, NextHop, is_numeric

_ASKS: Final = ("rport", None)
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
# via-received = "received" EQUAL address; response-port = "rport" [ EQUAL 1*DIGIT ], outside quotes
_RECEIVED: Final = re.compile(
    rf'{_QUOTED}|(;[ \t]*received[ \t]*=[ \t]*(?:{_QUOTED}|[^;"]*))', re.IGNORECASE
)
# Private, shared, link-local and loopback: RFC 1918, 6598, 3927, 1122, 4193, 4291.
_NOWHERE: Final = tuple(
    ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"),
        *("127.0.0.0/8", "0.0.0.0/8", "fc00::/7", "fe80::/10", "::1/128", "::/128"),
    )
)
_RPORT_FLAG: Final = re.compile(rf"{_QUOTED}|(;[ \t]*rport[ \t]*(?=;|$))", re.IGNORECASE)


def stamp_received(request: Request, flow: Flow) -> Request:
    """Mark the topmost Via of a request with where it came from.

    The request itself is changed, so this must happen before anybody else sees it.

    Args:
        request: the request as it came in.
        flow: what it came in on.

    Returns:
        The request; as it was if there is nothing to change, as for a client without a NAT.

    Raises:
        ParseError: the topmost Via cannot be read.
    """
    via = request.top_via
    source = flow.remote
    asked = _ASKS in via.params
    if not asked and (flow.websocket or _is_honest(via, source.host)):
        return request
    text = first_value(request.get("via") or "")
    params = [pair for pair in via.params if pair[0] != "received"]
    if len(params) < len(via.params):
        text = _RECEIVED.sub(_without, text)
    if asked:
        text = f"{_without_rport(text)};rport={source.port}"
        params.remove(_ASKS)
        params.append(("rport", str(source.port)))
    host = source.host.partition("%")[0]
    params.append(("received", host))
    request.mark_top_via(f"{text};received={host}", via._replace(params=tuple(params)))
    return request


def response_flow(
    via: Via, flow: Flow, believed: Callable[[Flow], bool] | None = None
) -> Flow | None:
    """Return where a response goes first (RFC 3261 §18.2.2, RFC 3581 §4).

    Args:
        via: the topmost Via of the response, as ``stamp_received`` left it in the request.
        flow: what the request came in on.
        believed: says whether the maddr of a Via from this flow counts; None for all. It may name
            anybody, so a stranger could have us send to a third party (it is meant for multicast,
            which we do not take); one that does not count leaves the source.

    Returns:
        The same connection for a reliable transport; if that is closed see ``response_target``.
        For UDP a flow from the same local address, the flow itself if it goes back where the
        request came from, as nearly always. None if only DNS can tell: then ask
        ``nexthop.locate_response``, as after a failure.
    """
    if flow.transport != UDP:
        return flow
    received, rport, named = via.routing
    port = via.port or DEFAULT_PORTS[UDP]
    if named and (believed is None or believed(flow)):
        host = named
    elif received:
        host = received
        behind_nat = not rport and host != via.host and _is_nowhere(via.host)
        port = flow.remote.port if behind_nat else _port(rport) or port
    else:
        host = via.host
    if (host, port) == flow.remote:
        return flow
    return flow._replace(remote=Address(host, port)) if is_numeric(host) else None


def response_target(via: Via, flow: Flow) -> NextHop | None:
    """Return what to connect to when the connection a response should take is closed.

    Args:
        via: the topmost Via of the response.
        flow: the connection that is no more.

    Returns:
        The source address with the port in sent-by or the default one (RFC 3261 §18.2.2); if that
        fails too ask ``nexthop.locate_response``. None for UDP, and for WebSocket, whose client
        cannot be connected to (RFC 7118 §5).
    """
    if flow.websocket or not flow.reliable:
        return None
    port = via.port or DEFAULT_PORTS[flow.transport]
    return NextHop(flow.transport, Address(flow.remote.host, port), via.host)


def _is_nowhere(host: str) -> bool:
    """Tell whether a host only means something where it was written: behind a NAT, as a rule."""
    try:
        address = ip_address(host)
    except ValueError:
        return host.endswith(".invalid")
    return any(address in network for network in _NOWHERE)


def _is_honest(via: Via, source: str) -> bool:
    """Tell whether sent-by is the source address and no ``received`` says otherwise."""
    return _same_host(via.received or via.host, source)


def _without_rport(text: str) -> str:
    """Return a Via value without its empty ``rport``."""
    if '"' not in text:  # then every semicolon parts two parameters, and the usual form is found
        before, found, behind = f"{text};".partition(";rport;")
        if found:
            return f"{before};{behind}"[:-1]
    return _RPORT_FLAG.sub(_without, text)


def _same_host(host: str, source: str) -> bool:
    if host == source:
        return True
    if ":" not in host or ":" not in source:
        return False
    try:
        return IPv6Address(host) == IPv6Address(source)  # one address, several spellings
    except ValueError:
        return False


def _without(match: re.Match[str]) -> str:
    return "" if match[1] else match[0]


def _port(text: str | None) -> int:
    """Return the port that ``rport`` carries, 0 if it carries none."""
    if text is None or len(text) > 5 or not text.isascii() or not text.isdigit():
        return 0
    return int(text) if int(text) <= 65535 else 0
