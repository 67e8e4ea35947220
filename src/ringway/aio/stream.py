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

from ringway.aio.identities import identities, speaks_for
from ringway.transport.flow import Address, Flow, NextHop

__all__ = ["STOPPED_READING", "WRITE_LIMIT", "Connection", "Owner", "describe", "liveness"]

WRITE_LIMIT: Final = 1024 * 1024
"""Bytes that may wait for a peer to read them, if the owner says nothing else."""

STOPPED_READING: Final = "the peer stopped reading"

LINGER: Final = 5.0
"""Seconds that a peer has to read the last of what it was sent."""

FLOW_TIMER: Final = 120.0
"""Seconds between two keep-alives of a phone, if the owner says nothing else."""

PROBES: Final = 3
"""Probes in a row without an answer, upon which a connection is dead."""

Options = tuple[tuple[str, int], ...]


def liveness(flow_timer: float = FLOW_TIMER) -> Options:
    """How the system finds out that a peer has vanished, within three quarters of `flow_timer`.

    Probes begin after half of it in silence. Sent data may stay unacknowledged as long as the
    probes take, and no less: Linux ends a connection whose probe is unanswered when that time is
    over, so with less a single lost probe would end a good one.

    Args:
        flow_timer: seconds, the Flow-Timer that phones are told (RFC 5626 §4.4); 0 tells none.

    Returns:
        (name in the socket module, value) pairs for `setsockopt` at the level of TCP.
    """
    flow_timer = flow_timer or FLOW_TIMER
    after = max(1, round(flow_timer / 2))
    every = max(1, round(flow_timer / 12))
    return (
        ("TCP_NODELAY", 1),
        ("TCP_KEEPIDLE", after),
        ("TCP_KEEPINTVL", every),
        ("TCP_KEEPCNT", PROBES),
        ("TCP_USER_TIMEOUT", 1000 * (after + PROBES * every) - 500 * every),
    )


class Owner(Protocol):
    """Whom a connection reports to.

    Attributes:
        write_limit: bytes that may wait for a peer to read them.
        tcp_options: from `liveness`; a system without one of them does without.
    """

    write_limit: int
    tcp_options: Options

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

    __slots__ = (
        "_owner",
        "_transport",
        "counted",
        "flow",
        "kind",
        "listener",
        "names",
        "number",
        "stranger",
        "target",
    )

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
        self.names: tuple[str, ...] = ()
        """The SIP domains that the peer's certificate proves (RFC 5922 §7.1)."""
        self.number = -1
        """Of its descriptor: the system gives the lowest that is free."""
        self.counted = False
        """Whether the door has it in its count."""
        self.stranger = ""
        """Why the server we reached is not the one we looked for; empty if it is."""

    def send(self, data: bytes) -> None:
        """Write `data`; a peer that does not read it is cut off."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(data)
        if transport.get_write_buffer_size() > self._owner.write_limit:
            self.abort(STOPPED_READING)

    def close(self, reason: str) -> None:
        """Close when what is written has gone out; the owner is told now."""
        transport = self._transport
        if transport is not None:
            transport.close()
            if transport.get_write_buffer_size():
                asyncio.get_running_loop().call_later(LINGER, transport.abort)
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
        self.number = sock.fileno()
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in self._owner.tcp_options:
                if hasattr(socket, name):
                    sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self._look_at_certificate(tls)
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

    def _look_at_certificate(self, tls: ssl.SSLObject) -> None:
        certificate = tls.getpeercert()  # empty where it was not asked for or not verified
        self.names = identities(certificate)
        if self.target is None or tls.context.verify_mode is ssl.CERT_NONE:
            return
        if not speaks_for(certificate, self.target.name):
            whose = ", ".join(self.names[:5]) or "no SIP domain"
            self.stranger = f"its certificate: for {whose}, not for {self.target.name}"

    def _end(self, reason: str) -> None:
        flow, self.flow = self.flow, None
        if flow is not None:
            self._owner.connection_closed(flow, reason)


def describe(error: Exception) -> str:
    """What an error of a connection means, in a few words."""
    if isinstance(error, OSError) and error.errno and not isinstance(error, ssl.SSLError):
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__
