"""Sockets bound the way every listener needs them: one family each, non-blocking, roomy.

A listener is one address family: an IPv6 wildcard socket does not take IPv4 as well, so an address
seen by a socket is always the address on the wire. A datagram socket never shares its port, because
two servers answering in turn on one port is the hardest fault to find.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from typing import Final

from ringway.transport.flow import Address

__all__ = [
    "BACKLOG",
    "address_of",
    "adopt",
    "bind_datagram",
    "bind_stream",
    "primary_host",
]

BUFFER_SIZE: Final = 4 * 1024 * 1024
"""Bytes asked of the kernel for a datagram socket each way; it grants what it may."""

BACKLOG: Final = 4096
"""Connections that may wait to be accepted; the system may allow fewer."""

# Linux names that the socket module has only in later Pythons, or not at all.
_SO_SNDBUFFORCE: Final = 32
_SO_RCVBUFFORCE: Final = 33
_IP_RECVERR: Final = 11
_IPV6_RECVERR: Final = 25

# Documentation addresses (RFC 5737, RFC 3849): a connected datagram socket sends nothing.
_ELSEWHERE: Final = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


def bind_datagram(address: Address) -> socket.socket:
    """Bind a UDP socket that queues ICMP errors where the system can.

    Args:
        address: where to listen; port 0 takes any free port.

    Raises:
        OSError: The address is not ours, or the port is taken.
    """
    sock = _bind(address, socket.SOCK_DGRAM)
    _make_roomy(sock)
    return sock


def bind_stream(address: Address) -> socket.socket:
    """Bind and listen on a TCP socket.

    Args:
        address: where to listen; port 0 takes any free port.

    Raises:
        OSError: The address is not ours, or the port is taken.
    """
    sock = _bind(address, socket.SOCK_STREAM)
    sock.listen(BACKLOG)
    return sock


def adopt(sock: socket.socket) -> None:
    """Make a socket that somebody else has bound like one from here."""
    sock.setblocking(False)
    if sock.type == socket.SOCK_DGRAM:
        _make_roomy(sock)
    else:
        sock.listen(BACKLOG)


def _make_roomy(sock: socket.socket) -> None:
    """Let a datagram socket hold much, and queue the ICMP errors of its peers."""
    for forced, plain in (
        (_SO_RCVBUFFORCE, socket.SO_RCVBUF),
        (_SO_SNDBUFFORCE, socket.SO_SNDBUF),
    ):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, plain, BUFFER_SIZE)
        if sys.platform.startswith("linux"):  # beyond the system's limit, where we may
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, forced, BUFFER_SIZE)
    if sys.platform.startswith("linux"):
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)


def address_of(sock: socket.socket) -> Address:
    """The address that `sock` is bound to, with the port the system chose."""
    host, port = sock.getsockname()[:2]
    return Address(host, port)


def primary_host(wildcard: str) -> str | None:
    """The address a wildcard listener is most likely reached at, None if there is none.

    It is the source address of the default route; nothing is sent to find it.

    Args:
        wildcard: 0.0.0.0 or ::, which says the family.
    """
    family = socket.AF_INET6 if ":" in wildcard else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((_ELSEWHERE[family], 9))
        except OSError:
            return None
        return str(sock.getsockname()[0])


def _bind(address: Address, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
        sock.setblocking(False)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock
