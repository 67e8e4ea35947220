"""Who we are to others: the names in our Via, Record-Route and Contact, and how we know them again.

RFC 3261 §18.1.1 and §18.1.2 (sent-by), §16.4 (a Route that is ours).
"""

from __future__ import annotations

from typing import Final

from ringway.endpoint.settings import EndpointSettings, Listener
from ringway.message import Uri, Via
from ringway.message.memory import keep
from ringway.transport.flow import (
    DEFAULT_PORTS,
    TLS,
    TRANSPORTS,
    UDP,
    WEBSOCKET_TRANSPORTS,
    Address,
    NextHop,
    is_numeric,
)
from ringway.transport.nexthop import numeric_target

_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound

_SUPPORTED: Final = frozenset(TRANSPORTS)
_LONGEST: Final = 64
"""Hosts and transports of more characters are looked at each time and never remembered."""


class Identity:
    """The addresses and names of one endpoint.

    Args:
        settings: the endpoint's.
    """

    __slots__ = (
        "_aliases",
        "_datagram_locals",
        "_hops",
        "_listeners",
        "_own",
        "_ports",
        "_prefixes",
        "_selves",
        "_sent_by",
        "_settings",
        "_uris",
    )

    def __init__(self, settings: EndpointSettings) -> None:
        self._settings = settings
        self._listeners: dict[tuple[str, Address], Listener] = {}
        self._prefixes: dict[tuple[str, Address | None], str] = {}
        self._selves: dict[tuple[str, int | None, str], bool] = {}
        self._uris: dict[tuple[str, Address | None], str] = {}
        self._hops: dict[tuple[str, str, int | None, str], list[NextHop]] = {}
        self._sent_by: set[tuple[str, int | None]] = set()
        self._ports: set[int] = set()
        self._own: set[tuple[str, int]] = set()
        self._aliases: set[str] = {_plain(host) for host in settings.aliases}
        for listener in settings.local:
            self._listeners.setdefault((listener.transport, listener.address), listener)
            for address in (listener.address, listener.advertised):
                if address is not None:
                    self._ports.add(address.port)
                    self._own.add((_plain(address.host), address.port))
        self._datagram_locals: dict[tuple[bool, bool], Address] = {}
        for six in (False, True):
            for loopback in (False, True):
                local = _datagram_local(settings, six=six, loopback=loopback)
                if local is not None:
                    self._datagram_locals[six, loopback] = local

    def via_prefix(self, transport: str, local: Address | None) -> str:
        """Return our Via value up to the branch.

        Args:
            transport: what the request goes over.
            local: our side of the flow it goes over, None if that is not known yet.
        """
        prefix = self._prefixes.get((transport, local))
        if prefix is None:
            host, port = self._public(transport, local)
            self._sent_by.add((_plain(host), port))
            name = transport.upper()
            prefix = f"SIP/2.0/{name} {_authority(host, port)};rport;branch="
            keep(self._prefixes, (transport, local), prefix)
        return prefix

    def wrote(self, via: Via) -> bool:
        """Say whether a Via's sent-by is one that we put into requests (RFC 3261 §18.1.2)."""
        return (via.host, via.port) in self._sent_by

    def numeric_hops(self, uri: Uri) -> list[NextHop] | None:
        """Return the next hop of a URI whose host is an address; None if DNS has to be asked.

        Calls go to the same few hosts, so what was found is remembered.
        """
        transport = uri.transport
        key = (uri.scheme, uri.host, uri.port, transport)
        maddr = uri.param("maddr")
        hops = None if maddr else self._hops.get(key)
        if hops is None and is_numeric(maddr or uri.host):
            target = numeric_target(uri, _SUPPORTED)
            hops = [] if target is None else [target]
            if not maddr and len(transport) <= _LONGEST:
                keep(self._hops, key, hops)
        return hops

    def is_self(self, host: str, port: int | None, transport: str) -> bool:
        """Say whether a URI's or Via's host and port mean us."""
        key = (host, port, transport)
        found = self._selves.get(key)
        if found is None:
            found = self._is_self(_plain(host), port, transport)
            if len(host) <= _LONGEST and len(transport) <= _LONGEST:
                keep(self._selves, key, found)
        return found

    def uri(self, transport: str, user: str, local: Address | None) -> str:
        """Return a SIP URI at which we are reached over a transport."""
        tail = self._uris.get((transport, local))
        if tail is None:
            tail = _authority(*self._public(transport, local))
            if transport != UDP:
                # RFC 7118 §5.2: ws stands for WebSocket with and without TLS.
                name = "ws" if transport in WEBSOCKET_TRANSPORTS else transport
                tail = f"{tail};transport={name}"
            keep(self._uris, (transport, local), tail)
        return f"sip:{user}@{tail}" if user else f"sip:{tail}"

    def datagram_local(self, remote: str) -> Address | None:
        """Return the UDP listener to send from to an address, None if there is none."""
        return self._datagram_locals.get((":" in remote, _is_loopback(remote)))

    def _is_self(self, host: str, port: int | None, transport: str) -> bool:
        if host in self._aliases:
            return port is None or port in self._ports
        if port is None:
            port = DEFAULT_PORTS.get(transport or UDP, 5060)
        return (host, port) in self._own

    def _public(self, transport: str, local: Address | None) -> tuple[str, int]:
        """Return host and port by which others reach us, for a flow or for a transport."""
        listener = self._listener(transport, local)
        if listener is None:
            return local if local is not None else ("localhost", DEFAULT_PORTS[transport])
        if listener.advertised is not None:
            return listener.advertised
        host = listener.address.host
        if host in _WILDCARDS:
            known = local is not None and local.host not in _WILDCARDS
            host = local.host if local is not None and known else _WILDCARDS[host]
        return host, listener.address.port

    def _listener(self, transport: str, local: Address | None) -> Listener | None:
        if local is not None:
            exact = self._listeners.get((transport, local))
            if exact is not None:
                return exact
        same = [each for each in self._settings.local if each.transport == transport]
        if not same and transport != TLS:  # a name for requests over what we do not listen on
            same = list(self._settings.local)
        if local is not None:
            for listener in same:
                if listener.address.host in {local.host, *_WILDCARDS}:
                    return listener
        return same[0] if same else None


def _datagram_local(settings: EndpointSettings, *, six: bool, loopback: bool) -> Address | None:
    """Choose the UDP listener for a kind of address: of its family, and of its scope if we can."""
    fitting = [
        listener.address
        for listener in settings.local
        if listener.transport == UDP and (":" in listener.address.host) == six
    ]
    for address in fitting:
        if address.host in _WILDCARDS or _is_loopback(address.host) == loopback:
            return address
    return fitting[0] if fitting else None


def _plain(host: str) -> str:
    """Return a host as it is compared: lower case, IPv6 without brackets (RFC 3261 §19.1.4)."""
    return host.lower().strip("[]")


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_loopback(host: str) -> bool:
    return host.startswith("127.") or host == "::1"
