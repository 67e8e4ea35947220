"""What an endpoint is told about itself: where it listens, what it is called, how long it waits."""

from __future__ import annotations

from dataclasses import dataclass, field

from ringway.transaction import Timers
from ringway.transport.flow import Address
from ringway.transport.frames import FramingLimits


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that takes messages.

    Attributes:
        transport: one of ``ringway.transport.flow.TRANSPORTS``.
        address: what it is bound to, port and all.
        advertised: the address others reach it at, if that is another one; the host may be a name.
    """

    transport: str
    address: Address
    advertised: Address | None = None


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Settings of an endpoint.

    Attributes:
        local: the listeners; the first one that fits is the one to send from.
        aliases: host names and addresses that are us, besides those of the listeners.
        software: for the Server header of responses the endpoint makes; empty for none.
        timers: T1, T2, T4.
        max_datagram: requests above so many bytes try TCP before UDP (RFC 3261 §18.1.1).
        limits: how much a connection may make us hold.
        origins: web origins that may open a WebSocket; empty for all.
        page_hosts: hosts whose web pages may, besides those of this machine and of the address that
            the connection came to; None for all.
        message_time: seconds that a peer has to finish a message it has begun, and to send
            anything at all on a connection it opened; 0 for no limit.
        handshake_time: seconds that a peer has for the handshake of a WebSocket it opened; 0 for no
            limit.
    """

    local: tuple[Listener, ...]
    aliases: frozenset[str] = frozenset()
    software: str = ""
    timers: Timers = field(default_factory=Timers)
    max_datagram: int = 1300
    limits: FramingLimits = field(default_factory=FramingLimits)
    origins: tuple[str, ...] = ()
    page_hosts: frozenset[str] | None = None
    message_time: float = 0.0
    handshake_time: float = 0.0
