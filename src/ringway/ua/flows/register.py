"""What a REGISTER of ours says, and what the answer to it grants.

RFC 3261 §10.2 (REGISTER), RFC 5626 §4.2 (reg-id and instance-id, Flow-Timer), RFC 3327 §5.1 (Path),
RFC 3608 §6.1 (Service-Route), RFC 5627 §4.2 (GRUU), RFC 7118 §5.2 (Contact over WebSocket).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, NamedTuple

from ringway.endpoint import Endpoint
from ringway.errors import ParseError
from ringway.message import (
    NameAddr,
    Request,
    Response,
    Uri,
    build_request,
    parse_uri,
    quote,
)
from ringway.transport.flow import Flow
from ringway.ua.settings import AgentSettings


class Grant(NamedTuple):
    """What a 2xx grants.

    Attributes:
        expires: seconds.
        outbound: True when registrar and first hop do RFC 5626.
        keeps_alive: True when the server says that it answers keep-alives (RFC 5626 §8).
        flow_timer: the Flow-Timer, in seconds; None without one.
        service_route: URIs of the Service-Route.
        gruu: the public GRUU; empty without one.
    """

    expires: int
    outbound: bool
    keeps_alive: bool
    flow_timer: int | None
    service_route: tuple[Uri, ...]
    gruu: str


def registrar_uri(settings: AgentSettings) -> Uri:
    """Return where REGISTER is addressed to: no user part (RFC 3261 §10.2)."""
    if settings.registrar is not None:
        return settings.registrar
    return Uri(settings.aor.scheme, host=settings.aor.host, port=settings.aor.port)


# No label of a host has "_", or "-" at its begin or end (RFC 3261 §25.1).
_LABEL: Final = str.maketrans("-_", "xy")


def contact_uri(endpoint: Endpoint, settings: AgentSettings, flow: Flow, name: str) -> Uri:
    """Return the URI at which a flow reaches us.

    Args:
        endpoint: knows the listeners.
        settings: the agent's.
        flow: the flow.
        name: of nobody else, in base64url; for a host that only the flow leads to (RFC 7118 §5.2).
    """
    user = settings.aor.user or ""
    if flow.websocket:
        host = f"{name.translate(_LABEL)}.invalid"
        uri = Uri("sip", user or None, host=host, params=(("transport", "ws"),))
    else:
        uri = parse_uri(endpoint.contact_uri(flow.transport, user, flow))
    if settings.aor.secure:
        uri = replace(uri, scheme="sips")
        if uri.transport == "tls":
            uri = uri.with_param("transport", "tcp")
    return uri


def loose(uri: Uri) -> Uri:
    """Return a proxy's URI as it stands in a Route (RFC 3261 §16.12)."""
    return uri.without_headers().with_param("lr")


def contact(uri: str, instance: str, reg_id: int = 0) -> str:
    """Return a Contact with the instance-id, and with the reg-id unless it is 0."""
    text = f"<{uri}>"
    if instance:
        text += f";+sip.instance={quote(f'<{instance}>')}"
        if reg_id:
            text += f";reg-id={reg_id}"
    return text


def build_register(
    settings: AgentSettings,
    uri: Uri,
    *,
    tag: str,
    call_id: str,
    cseq: int,
    contact: str,
    expires: int,
    outbound: bool,
    routes: Iterable[str],
) -> Request:
    """Return a REGISTER."""
    headers = [("Route", each) for each in routes]
    headers += [
        ("Contact", contact),
        ("Expires", str(expires)),
        ("Supported", "path, outbound, gruu" if outbound else "path, gruu"),
        ("Allow", ", ".join(settings.methods)),
    ]
    if settings.software:
        headers.append(("User-Agent", settings.software))
    display = f"{quote(settings.display)} " if settings.display else ""
    who = f"{display}<{settings.aor}>"
    return build_request(
        "REGISTER",
        uri,
        from_=f"{who};tag={tag}",
        to=who,
        call_id=call_id,
        cseq=cseq,
        headers=headers,
    )


def read_grant(response: Response, uri: Uri, instance: str, reg_id: int, asked: int) -> Grant:
    """Read a 2xx.

    Args:
        response: the 2xx.
        uri: our Contact.
        instance: our instance-id; empty without one.
        reg_id: of our Contact, 0 without one.
        asked: the expiry that was asked for.
    """
    ours = _ours(_contacts(response), uri, instance, reg_id)
    expires = None if ours is None else ours.expires
    if expires is None:
        expires = _number(response, "expires")
    outbound = reg_id > 0 and "outbound" in response.require
    path = _uris(response, "path")
    gruu = None if ours is None else ours.param("pub-gruu")
    timer = _number(response, "flow-timer")
    return Grant(
        asked if expires is None else min(expires, asked),
        outbound,
        outbound or (bool(path) and path[-1].has_param("ob")),
        timer if outbound else None,
        _uris(response, "service-route"),
        _sound(gruu or ""),
    )


def min_expires(response: Response) -> int | None:
    """Return the Min-Expires of a 423, None if it cannot be read."""
    return _number(response, "min-expires")


def retry_after(response: Response) -> int | None:
    """Return the Retry-After, None without one that can be read."""
    try:
        return response.retry_after
    except ParseError:
        return None


def _ours(contacts: tuple[NameAddr, ...], uri: Uri, instance: str, reg_id: int) -> NameAddr | None:
    """Return our own binding among all of the address-of-record."""
    for each in contacts:
        if reg_id and each.instance == f"<{instance}>" and each.param("reg-id") == str(reg_id):
            return each
    for each in contacts:
        if each.uri.equals(uri):
            return each
    return None


def _contacts(response: Response) -> tuple[NameAddr, ...]:
    try:
        return response.contacts
    except ParseError:
        return ()


def _uris(response: Response, name: str) -> tuple[Uri, ...]:
    try:
        return tuple(each.uri for each in response.addresses(name))
    except ParseError:
        return ()


def _number(response: Response, name: str) -> int | None:
    try:
        return response.number(name)
    except ParseError:
        return None


def _sound(text: str) -> str:
    """Return a URI that may stand in a Contact of ours, empty if it is none."""
    try:
        uri = parse_uri(text)
    except ParseError:
        return ""
    return text if uri.is_sip and not uri.headers else ""
