"""One TCP, TLS, WS or WSS connection, accepted or made: bytes in, bytes out, and its end.

The endpoint frames and understands the bytes; here is only what a socket needs. The end of a
connection is told once and in the turn of the loop that saw it, because a dead flow is known by
its close and by nothing slower (RFC 5626 §4.4, §7). So a half-closed connection counts as closed,
a peer that vanishes is found by keep-alive probes and by what stays unacknowledged, and one that
stops reading is dropped before it fills our memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from typing import Final, Protocol, cast

from ringway.transport.flow import Address, Flow, NextHop

__all__ = ["WRITE_LIMIT", "Connection", "Owner", "describe"]

WRITE_LIMIT: Final = 1024 * 1024
"""Bytes that may wait for a peer to read them."""

PROBE_AFTER: Final = 60
"""Seconds of silence before the system probes a connection."""

PROBE_EVERY: Final = 10
PROBES: Final = 3

UNACKNOWLEDGED: Final = 30
"""Seconds that sent data may stay unacknowledged before the connection is dead."""

# Name in the socket module, value; a system without the option does without.
_OPTIONS: Final = (
    ("TCP_NODELAY", 1),
    ("TCP_KEEPIDLE", PROBE_AFTER),
    ("TCP_KEEPINTVL", PROBE_EVERY),
    ("TCP_KEEPCNT", PROBES),
    ("TCP_USER_TIMEOUT", UNACKNOWLEDGED * 1000),
)


class Owner(Protocol):
    """Whom a connection reports to."""

    def connection_opened(
        self, connection: Connection, local: Address, remote: Address
    ) -> Flow | None:
        """Take a connection that is up and return its flow, or None to refuse it."""

    def connection_received(self, flow: Flow, data: bytes) -> None:
        """Take the bytes that came in."""

    def connection_closed(self, flow: Flow, reason: str) -> None:
        """Forget a connection that is no more; called once for each flow."""


class Connection(asyncio.Protocol):
    """The protocol object of one connection.

    Args:
        owner: who is told what happens.
        kind: tcp, tls, ws or wss.
        listener: the address of the listener that accepted it; None when we made it.
        target: where we connected to; None when we accepted.
    """

    __slots__ = ("_owner", "_transport", "flow", "kind", "listener", "target")

    def __init__(
        self,
        owner: Owner,
        kind: str,
        *,
        listener: Address | None = None,
        target: NextHop | None = None,
    ) -> None:
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self.kind = kind
        self.listener = listener
        self.target = target
        self.flow: Flow | None = None

    def send(self, data: bytes) -> None:
        """Write `data`; a peer that does not read it is cut off."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(data)
        if transport.get_write_buffer_size() > WRITE_LIMIT:
            self.abort("the peer stopped reading")

    def close(self, reason: str) -> None:
        """Close when what is written has gone out; the owner is told now."""
        if self._transport is not None:
            self._transport.close()
        self._end(reason)

    def abort(self, reason: str) -> None:
        """Close at once, whatever waits to be written; the owner is told now."""
        if self._transport is not None:
            self._transport.abort()
        self._end(reason)

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Set the socket's options and report the connection."""
        # No isinstance: uvloop's TLS transport is one without saying so.
        self._transport = transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        here = transport.get_extra_info("sockname")
        if not peer or not here:  # gone before it was accepted
            transport.abort()
            return
        sock = transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in _OPTIONS:
                if hasattr(socket, name):
                    sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        local = self.listener or Address(here[0], here[1])
        self.flow = self._owner.connection_opened(self, local, Address(peer[0], peer[1]))
        if self.flow is None:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Report bytes."""
        if self.flow is not None:
            self._owner.connection_received(self.flow, data)

    def eof_received(self) -> bool | None:
        """Report the end: a peer that will not send again cannot be called."""
        self._end("closed by the peer")
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the end, if it has not been."""
        self._transport = None
        self._end(describe(exc) if exc else "closed")

    def _end(self, reason: str) -> None:
        flow, self.flow = self.flow, None
        if flow is not None:
            self._owner.connection_closed(flow, reason)


def describe(error: Exception) -> str:
    """What an error of a connection means, in a few words."""
    if isinstance(error, OSError) and error.errno and not isinstance(error, ssl.SSLError):
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__
