"""What somebody saw on the wire, in the order it was seen.

Every source ends here: capture files, pasted logs, HEP, our own event log. `frames` are the numbers
of the packets, or lines, that prove it, counted from 1 as Wireshark does.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from ringway.endpoint.decision import Decision
from ringway.message import Request, Response
from ringway.transport.flow import Address


class Seen(NamedTuple):
    """A SIP message.

    Attributes:
        at: when its last octet was seen, in seconds since the epoch.
        frames: the packets it came in.
        transport: udp, tcp, tls, ws or wss.
        source: who sent it.
        target: to whom.
        message: as far as it could be read; None if not at all.
        fault: what is wrong with it; empty if nothing is.
        data: its octets.
    """

    at: float
    frames: tuple[int, ...]
    transport: str
    source: Address
    target: Address
    message: Request | Response | None
    fault: str
    data: bytes


class Opened(NamedTuple):
    """A connection was opened.

    Attributes:
        at: when the handshake was complete.
        frames: the packets of the handshake.
        transport: tcp, tls, ws or wss.
        source: who opened it.
        target: to whom.
    """

    at: float
    frames: tuple[int, ...]
    transport: str
    source: Address
    target: Address


class Closed(NamedTuple):
    """A connection came to its end, or was refused.

    Attributes:
        at: when.
        frames: the packets.
        transport: tcp, tls, ws or wss.
        source: who closed it.
        target: the other side.
        how: closed, reset, or refused.
    """

    at: float
    frames: tuple[int, ...]
    transport: str
    source: Address
    target: Address
    how: str


class KeepAlive(NamedTuple):
    """A sign of life between messages (RFC 5626 §3.5, §4.4, RFC 7118 §6).

    Attributes:
        at: when.
        frames: the packets.
        transport: of the flow.
        source: who sent it.
        target: to whom.
        kind: crlf, stun, websocket, tcp, or zeros: a few zeros over UDP, which some servers send.
        answer: True for a pong.
        mapped: the address that a STUN answer tells; None elsewhere.
    """

    at: float
    frames: tuple[int, ...]
    transport: str
    source: Address
    target: Address
    kind: str
    answer: bool
    mapped: Address | None = None


class Unreachable(NamedTuple):
    """The network said that a datagram could not be delivered (ICMP).

    Attributes:
        at: when.
        frames: the packet.
        source: who had sent the datagram.
        target: where it could not go.
        reason: what the network said.
    """

    at: float
    frames: tuple[int, ...]
    source: Address
    target: Address
    reason: str


class Decided(NamedTuple):
    """A server of ours decided something, and wrote it down.

    Attributes:
        at: when.
        frames: the line of its log.
        decision: what.
    """

    at: float
    frames: tuple[int, ...]
    decision: Decision


class Tick(NamedTuple):
    """The time, told now and then by who listens live: that nothing is said is news, too.

    Attributes:
        at: the time now.
        frames: none, it is no packet.
    """

    at: float
    frames: tuple[int, ...] = ()


class Trouble(NamedTuple):
    """Something that could not be read: what, and where.

    Attributes:
        at: when; 0 if not known.
        frames: the packets or lines; empty if it concerns the rest of the file.
        text: one plain line.
    """

    at: float
    frames: tuple[int, ...]
    text: str


Item: TypeAlias = Seen | Opened | Closed | KeepAlive | Unreachable | Decided | Tick | Trouble
