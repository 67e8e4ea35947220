"""TCP in a capture: segments put in order, and when connections open and end (RFC 9293).

Each direction is followed by itself. A segment that comes before its turn waits, within bounds,
until what is before it has come; if the other side acknowledges what the capture has not seen, or
the bounds are reached, it is missing, and reading goes on behind the gap. Where segments overlap,
what came first stays. A connection whose begin was not captured is picked up at its next octets.
"""

from __future__ import annotations

from bisect import insort
from collections import OrderedDict
from typing import Final

from ringway.capture.ip import Payload, address_of
from ringway.capture.items import Closed, KeepAlive, Opened
from ringway.capture.output import Opening, Output
from ringway.capture.segments import Held, Side
from ringway.capture.streams import Conversation
from ringway.transport.flow import Address

_FIN: Final = 1
_SYN: Final = 2
_RST: Final = 4
_ACK: Final = 16

_MOST_CONNECTIONS: Final = 8192
_MOST_HELD: Final = 1 << 18  # octets of one direction that wait for their turn
_MOST_SEGMENTS: Final = 256
_OVERHEAD: Final = 256  # octets of memory that holding a segment takes besides its data
_MOST_HELD_IN_ALL: Final = 32 << 20  # octets of all connections, messages under way included
_GRACE: Final = 0.2  # seconds that a packet may be captured late, after its acknowledgement
_PATIENCE: Final = 60.0  # seconds that a missing segment is waited for
_FAR: Final = 1 << 24  # octets; no window is that large here, so it is another connection


class _Connection:
    """A connection; side 0 is the smaller of its two addresses."""

    __slots__ = (
        "addresses",
        "conversation",
        "counted",
        "handshake",
        "opened",
        "opener",
        "over",
        "probed",
        "sides",
        "since",
    )

    def __init__(self, at: float, addresses: tuple[Address, Address], out: Output) -> None:
        self.since = at
        self.addresses = addresses
        self.sides = (Side(), Side())
        self.conversation = Conversation(addresses, out)
        self.counted = 0  # octets that the conversation holds
        self.opener = -1
        self.handshake: tuple[int, ...] = ()
        self.opened = False
        self.over = False
        self.probed = -1  # the side whose keep-alive probe waits for an answer


class TcpReader:
    """Follows the connections in a capture.

    Args:
        out: where what is in them goes.
    """

    __slots__ = ("_connections", "_held", "_out", "encrypted")

    def __init__(self, out: Output) -> None:
        self._out = out
        self._connections: OrderedDict[tuple[Address, Address], _Connection] = OrderedDict()
        self._held = 0
        self.encrypted: int = 0
        """Connections that speak TLS, of those that are not followed any more."""

    def take(self, at: float, payload: Payload) -> None:
        """Read a segment.

        Args:
            at: when it was captured.
            payload: a packet's, of protocol TCP.
        """
        segment = payload.data
        if len(segment) < 20:
            return
        flags = segment[13]
        header = (segment[12] >> 4) * 4
        size = payload.length - header
        if header < 20 or size < 0:
            return
        source = address_of(payload.source, segment[0], segment[1])
        target = address_of(payload.target, segment[2], segment[3])
        side = int(source > target)
        key = (target, source) if side else (source, target)
        connection = self._connections.get(key)
        if connection is None:
            if flags & _RST or not (size or flags & _SYN):
                return
            connection = self._new(at, key)
        else:
            self._connections.move_to_end(key)
        sequence = int.from_bytes(segment[4:8], "big")
        number = payload.frames[-1]
        if flags & _SYN and not flags & _RST:
            connection = self._begin(connection, key, side, sequence, flags, number, at)
            sequence = (sequence + 1) & 0xFFFFFFFF
        if connection.over and not flags & _RST:
            return
        if flags & _ACK:
            acknowledged = int.from_bytes(segment[8:12], "big")
            self._acknowledge(connection, side, acknowledged, flags, number, at)
        if flags & _RST:
            self._reset(connection, side, number, at)
            return
        if size <= 1 and not flags & (_SYN | _FIN):
            self._look_for_probe(connection, side, sequence, size, number, at)
        for each in (0, 1):
            if connection.sides[each].held:
                self._look_for_gap(connection, each, at)
        if size or flags & _FIN:
            data = segment[header : header + size]
            held = Held(0, number, at, data, size, bool(flags & _FIN))
            self._arrange(connection, side, sequence, held)
        while self._held > _MOST_HELD_IN_ALL and self._connections:
            self._forget()

    def end(self) -> None:
        """Bring what still waits to its end."""
        while self._connections:
            self._forget()

    def _new(self, at: float, key: tuple[Address, Address]) -> _Connection:
        while len(self._connections) >= _MOST_CONNECTIONS:
            self._forget()
        connection = self._connections[key] = _Connection(at, key, self._out)
        return connection

    def _forget(self) -> None:
        """Stop following the connection that was silent longest."""
        _, connection = self._connections.popitem(last=False)
        self._end(connection)

    def _end(self, connection: _Connection) -> None:
        for side in (0, 1):
            while connection.sides[side].held:
                self._jump(connection, side)
        connection.conversation.end("the capture ends within it")
        self._held -= connection.counted
        connection.counted = 0
        if connection.conversation.encrypted:
            self.encrypted += 1
        if connection.opener >= 0 and not connection.opened and not connection.over:
            first = connection.addresses[connection.opener]
            second = connection.addresses[1 - connection.opener]
            self._out.trouble(
                connection.since,
                connection.handshake,
                "a connection was asked for, and did not come about in the capture",
                f"{first} to {second}",
            )

    def _begin(
        self,
        connection: _Connection,
        key: tuple[Address, Address],
        side: int,
        sequence: int,
        flags: int,
        number: int,
        at: float,
    ) -> _Connection:
        """Take a SYN; it may begin another connection between the same addresses."""
        sender = connection.sides[side]
        known = sender.first >= 0 or sender.next >= 0
        if connection.over or (known and sender.first != sequence):
            del self._connections[key]
            self._end(connection)
            connection = self._new(at, key)
            sender = connection.sides[side]
        if sender.first != sequence:
            sender.first = sequence
            sender.begin(sequence + 1)
            connection.opener = 1 - side if flags & _ACK else side
            connection.conversation.begins(side)
        if len(connection.handshake) < 8:
            connection.handshake += (number,)
        return connection

    def _acknowledge(
        self,
        connection: _Connection,
        side: int,
        acknowledged: int,
        flags: int,
        number: int,
        at: float,
    ) -> None:
        """See what the other side has, and whether the handshake is done with it."""
        if side == connection.opener and not connection.opened and not flags & (_SYN | _RST):
            connection.opened = True
            source, target = connection.addresses[side], connection.addresses[1 - side]
            frames = (*connection.handshake, number)
            opening = Opening(Opened(at, frames, "tcp", source, target))
            connection.conversation.opening = opening
            self._out.put(opening)
        other = connection.sides[1 - side]
        if other.next >= 0:
            place = other.place + other.ahead(acknowledged)
            other.acknowledged = max(other.acknowledged, place)

    def _reset(self, connection: _Connection, side: int, number: int, at: float) -> None:
        if connection.over:
            return
        refused = (
            connection.opener == 1 - side
            and not connection.opened
            and connection.sides[side].first < 0
        )
        if refused:
            source, target = connection.addresses[side], connection.addresses[1 - side]
            frames = (*connection.handshake, number)
            self._out.put(Closed(at, frames, "tcp", source, target, "refused"))
            connection.over = True
        else:
            self._over(connection, side, number, at, "reset")

    def _over(self, connection: _Connection, side: int, number: int, at: float, how: str) -> None:
        """Tell of the end, once, if the connection is of interest."""
        for each in (0, 1):
            while how == "reset" and connection.sides[each].held:
                self._jump(connection, each)
        if how == "reset":
            connection.conversation.end("the connection ended within it")
            connection.over = True
            self._count(connection)
        transport = connection.conversation.ended()
        if transport:
            source, target = connection.addresses[side], connection.addresses[1 - side]
            self._out.put(Closed(at, (number,), transport, source, target, how))

    def _look_for_probe(
        self,
        connection: _Connection,
        side: int,
        sequence: int,
        size: int,
        number: int,
        at: float,
    ) -> None:
        """See whether a segment is a keep-alive of TCP, or the answer to one (RFC 9293 §3.8.4)."""
        transport = connection.conversation.transport
        sender = connection.sides[side]
        if not transport or sender.next < 0:
            return
        source, target = connection.addresses[side], connection.addresses[1 - side]
        if sender.ahead(sequence) == -1:
            connection.probed = side
            self._out.put(KeepAlive(at, (number,), transport, source, target, "tcp", answer=False))
        elif connection.probed == 1 - side and not size:
            connection.probed = -1
            self._out.put(KeepAlive(at, (number,), transport, source, target, "tcp", answer=True))

    def _arrange(self, connection: _Connection, side: int, sequence: int, held: Held) -> None:
        """Put a segment where it belongs, and pass on what has its turn."""
        sender = connection.sides[side]
        if sender.next < 0:
            sender.begin(sequence)
        ahead = sender.ahead(sequence)
        if not -_FAR < ahead < _FAR:
            self._gap(connection, side, held, 0)
            self._held -= sender.held_octets
            sender.held.clear()
            sender.held_octets = 0
            sender.begin(sequence)
            ahead = 0
        if ahead <= 0:
            self._deliver(connection, side, held._replace(place=sender.place + ahead))
            self._drain(connection, side)
        elif connection.conversation.ignored:
            self._deliver(connection, side, held._replace(place=sender.place + ahead))
        else:
            if not sender.held:
                sender.held_since = held.at
            insort(sender.held, held._replace(place=sender.place + ahead))
            sender.held_octets += len(held.data) + _OVERHEAD
            self._held += len(held.data) + _OVERHEAD

    def _drain(self, connection: _Connection, side: int) -> None:
        """Pass on the segments whose turn has come."""
        sender = connection.sides[side]
        if sender.held and sender.held[0].place <= sender.place:
            while sender.held and sender.held[0].place <= sender.place:
                self._deliver(connection, side, self._first_held(sender))
            sender.held_since = sender.held[0].at if sender.held else 0.0

    def _first_held(self, sender: Side) -> Held:
        held = sender.held.pop(0)
        sender.held_octets -= len(held.data) + _OVERHEAD
        self._held -= len(held.data) + _OVERHEAD
        return held

    def _deliver(self, connection: _Connection, side: int, held: Held) -> None:
        """Pass a segment's new octets on; its place is not behind the next octet."""
        sender = connection.sides[side]
        old = sender.place - held.place
        size = held.size - max(old, 0)
        if size < 0 or (size == 0 and not held.fin):
            return
        data = held.data[old:] if old > 0 else held.data
        moved = held.place + held.size - sender.place
        sender.place += moved
        sender.next = (sender.next + moved) & 0xFFFFFFFF
        conversation = connection.conversation
        at = sender.latest = max(sender.latest, held.at)
        if data:
            conversation.feed(side, data, held.number, at)
        if size > len(data):
            conversation.gap(side, at, held.number, size - len(data))
        if held.fin:
            conversation.end("the connection ended within it", side)
        self._count(connection)
        if held.fin:
            self._over(connection, side, held.number, at, "closed")

    def _look_for_gap(self, connection: _Connection, side: int, at: float) -> None:
        """Give up what is missing, if it will not come any more."""
        sender = connection.sides[side]
        waited = at - sender.held_since
        while sender.held and (
            len(sender.held) > _MOST_SEGMENTS
            or sender.held_octets > _MOST_HELD
            or waited > _PATIENCE
            or (waited > _GRACE and sender.acknowledged >= sender.held[0].place)
        ):
            self._jump(connection, side)

    def _jump(self, connection: _Connection, side: int) -> None:
        """Go on behind a gap."""
        sender = connection.sides[side]
        held = self._first_held(sender)
        missing = held.place - sender.place
        if missing > 0:
            sender.place += missing
            sender.next = (sender.next + missing) & 0xFFFFFFFF
            self._gap(connection, side, held, missing)
        self._deliver(connection, side, held)
        self._drain(connection, side)

    def _gap(self, connection: _Connection, side: int, held: Held, missing: int) -> None:
        connection.conversation.gap(side, held.at, held.number, missing)
        self._count(connection)

    def _count(self, connection: _Connection) -> None:
        """Count what the conversation holds."""
        held = connection.conversation.held
        self._held += held - connection.counted
        connection.counted = held
