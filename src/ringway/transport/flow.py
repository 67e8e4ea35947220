"""Where messages come from and go to: addresses, flows and next hops.

A flow is more than a pair of addresses. Its generation tells a connection from a later one between
the same two addresses, so a flow token or a binding never reaches whoever came next to sit on that
port (RFC 5626 §2, §5.2). UDP has no connections: its flows are the address pair, generation 0.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import Final, NamedTuple

UDP: Final = "udp"
TCP: Final = "tcp"
TLS: Final = "tls"
WS: Final = "ws"
WSS: Final = "wss"

TRANSPORTS: Final = (UDP, TCP, TLS, WS, WSS)
"""Every transport Ringway speaks, lower case, as in a Via or a ``transport`` parameter."""

SECURE_TRANSPORTS: Final = frozenset({TLS, WSS})
WEBSOCKET_TRANSPORTS: Final = frozenset({WS, WSS})

# RFC 3261 §19.1.2 for SIP; RFC 7118 §4.1 leaves WebSocket at the ports of RFC 6455 §3.
DEFAULT_PORTS: Final[dict[str, int]] = {UDP: 5060, TCP: 5060, TLS: 5061, WS: 80, WSS: 443}

_OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4: Final = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")


# A server's run numbers its generations from a multiple of this plus one; people see 1, 2, 3.
_WITHIN_A_RUN: Final = 0xFFFFFFFF


class Address(NamedTuple):
    """An IP address and a port.

    Attributes:
        host: the address as text, IPv6 without brackets.
        port: 1 to 65535; 0 only where a listener asks for any free port.
    """

    host: str
    port: int

    def __str__(self) -> str:
        if ":" in self.host:
            return f"[{self.host}]:{self.port}"
        return f"{self.host}:{self.port}"


class Flow(NamedTuple):
    """One bidirectional stream of messages between two addresses (RFC 5626 §2).

    Attributes:
        transport: one of ``TRANSPORTS``.
        local: our side.
        remote: the peer's side, as seen by our socket.
        generation: unique for each connection, over restarts too; 0 for UDP.
    """

    transport: str
    local: Address
    remote: Address
    generation: int = 0

    @property
    def reliable(self) -> bool:
        """True when the transport delivers in order or fails: everything but UDP."""
        return self.transport != UDP

    @property
    def secure(self) -> bool:
        """True over TLS, a WebSocket over TLS included."""
        return self.transport in SECURE_TRANSPORTS

    @property
    def websocket(self) -> bool:
        """True for WS and WSS (RFC 7118)."""
        return self.transport in WEBSOCKET_TRANSPORTS

    def __str__(self) -> str:
        text = f"{self.transport} {self.remote}"
        if not self.generation:
            return text
        return f"{text} #{self.generation & _WITHIN_A_RUN}"


class NextHop(NamedTuple):
    """A next hop that RFC 3263 found: where a request can be sent.

    Attributes:
        transport: one of ``TRANSPORTS``.
        address: where to send or connect to.
        name: the host the URI named, which a TLS certificate must match (RFC 5922 §7).
    """

    transport: str
    address: Address
    name: str

    @property
    def reliable(self) -> bool:
        """True for every transport but UDP."""
        return self.transport != UDP

    @property
    def secure(self) -> bool:
        """True when the hop is protected by TLS."""
        return self.transport in SECURE_TRANSPORTS

    def __str__(self) -> str:
        return f"{self.transport} {self.address}"


def is_ipv4(host: str) -> bool:
    """Tell whether a host is an IPv4 address in its one usual spelling."""
    return _IPV4.fullmatch(host) is not None


def is_numeric(host: str) -> bool:
    """Tell whether a host is an IPv4 or IPv6 address, without brackets or zone."""
    if ":" not in host:
        return _IPV4.fullmatch(host) is not None
    try:
        IPv6Address(host)
    except ValueError:
        return False
    return "%" not in host
