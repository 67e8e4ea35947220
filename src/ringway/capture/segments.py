"""One direction of a TCP connection: where its next octet is, and the segments before their turn.

Sequence numbers come round after 4 GB, places do not: they count on (RFC 9293 §3.4).
"""

from __future__ import annotations

from typing import NamedTuple


class Held(NamedTuple):
    """A segment, sorted by place.

    Attributes:
        place: of its first octet.
        number: the packet's.
        at: when it was captured.
        data: what was captured of it.
        size: how many octets it had.
        fin: whether it is the last one.
    """

    place: int
    number: int
    at: float
    data: bytes
    size: int
    fin: bool


class Side:
    """What one side sends. Places count its octets from where it was first seen."""

    __slots__ = (
        "acknowledged",
        "first",
        "held",
        "held_octets",
        "held_since",
        "latest",
        "next",
        "place",
    )

    def __init__(self) -> None:
        self.first = -1  # its SYN's sequence number
        self.next = -1  # the sequence number that comes next
        self.place = 0
        self.acknowledged = 0  # the other side has all before this place
        self.held: list[Held] = []
        self.held_octets = 0
        self.held_since = 0.0
        self.latest = 0.0  # the receiver has nothing before what is before it has come

    def begin(self, sequence: int) -> None:
        """Start, or start again, at a sequence number."""
        self.next = sequence & 0xFFFFFFFF
        self.acknowledged = self.place

    def ahead(self, sequence: int) -> int:
        """Tell how far a sequence number is ahead of the next octet (RFC 9293 §3.4)."""
        return ((sequence - self.next + 0x80000000) & 0xFFFFFFFF) - 0x80000000
