"""IPv4 and IPv6 in a capture: what protocol a packet carries, and fragments put together.

Extension headers are passed over (RFC 8200 §4), a packet within a packet is opened. Fragments wait
for each other within bounds of number, octets and the capture's time; where two overlap, what came
first stays. No checksum is looked at: network cards fill them in after the capture has seen them.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Final, NamedTuple

from ringway.capture.link import IPV4, IPV6
from ringway.capture.output import Output
from ringway.transport.flow import Address

TCP: Final = 6
UDP: Final = 17
ICMP: Final = 1
ICMPV6: Final = 58

_IPV4_WITHIN: Final = 4
_IPV6_WITHIN: Final = 41
_FRAGMENT: Final = 44
_AUTHENTICATION: Final = 51
_NO_MORE: Final = 59
_EXTENSIONS: Final = frozenset({0, 43, 60, 135, 139, 140})
_DEEPEST: Final = 8

_PATIENCE: Final = 60.0  # seconds (RFC 8200 §4.5)
_MOST_OCTETS: Final = 4 << 20
_MOST_DATAGRAMS: Final = 1024
_MOST_FRAGMENTS: Final = 128  # of one datagram
_LONGEST: Final = 0x10000
_INCOMPLETE: Final = "fragments of a datagram are missing"


class Payload(NamedTuple):
    """What an IP packet carries, put together if it came in fragments.

    Attributes:
        frames: the packets it came in.
        protocol: TCP, UDP, ICMP, ICMPV6 or another number.
        source: its sender, 4 or 16 octets.
        target: to whom.
        data: what was captured.
        length: how long it was.
    """

    frames: tuple[int, ...]
    protocol: int
    source: bytes
    target: bytes
    data: bytes
    length: int


@lru_cache(maxsize=4096)
def host_text(packed: bytes) -> str:
    """Return an address of 4 or 16 octets as text."""
    if len(packed) == 4:
        return "{}.{}.{}.{}".format(*packed)
    return str(IPv6Address(packed))


@lru_cache(maxsize=8192)
def address_of(packed: bytes, high: int, low: int) -> Address:
    """Return the address of 4 or 16 octets, and of the two octets of a port."""
    return Address(host_text(packed), high << 8 | low)


class _Datagram:
    """The fragments of one datagram: (offset, data), and how long the whole is."""

    __slots__ = ("began", "frames", "held", "length", "pieces")

    def __init__(self, began: float) -> None:
        self.began = began
        self.frames: list[int] = []
        self.pieces: list[tuple[int, bytes]] = []
        self.held = 0
        self.length = -1

    def whole(self) -> bytes | None:
        """Return the datagram once nothing of it is missing."""
        if self.length < 0 or self.held < self.length:
            return None
        data = bytearray()
        for offset, piece in sorted(self.pieces, key=lambda piece: piece[0]):
            if offset > len(data):
                return None
            data += piece[len(data) - offset :]
        return bytes(data[: self.length]) if len(data) >= self.length else None


class IpReader:
    """Finds what IP packets carry.

    Args:
        out: where troubles go.
    """

    __slots__ = ("_fragments", "_held", "_out")

    def __init__(self, out: Output) -> None:
        self._out = out
        self._fragments: OrderedDict[tuple[bytes, bytes, int, int], _Datagram] = OrderedDict()
        self._held = 0

    def take(
        self, number: int, at: float, kind: int, data: bytes, start: int, absent: int
    ) -> Payload | None:
        """Read one packet.

        Args:
            number: the packet's number.
            at: when it was captured.
            kind: IPV4 or IPV6.
            data: the captured packet.
            start: where its IP header begins.
            absent: how many octets of it were not captured.

        Returns:
            What it carries; None if there is nothing, or the rest of it is still to come.
        """
        if kind == IPV4:
            return self._version4(number, at, data, start, absent, 0)
        return self._version6(number, at, data, start, absent, 0)

    def end(self) -> None:
        """Tell of the fragments that still wait."""
        while self._fragments:
            self._give_up()

    def _version4(
        self, number: int, at: float, data: bytes, start: int, absent: int, depth: int
    ) -> Payload | None:
        there = len(data) - start
        if there < 20 or data[start] >> 4 != 4:
            return None
        header = (data[start] & 0x0F) * 4
        # A card that cuts segments itself is handed packets without a length.
        length = (data[start + 2] << 8 | data[start + 3]) or there + absent
        if header < 20 or header > there or length < header:
            return None
        source, target = data[start + 12 : start + 16], data[start + 16 : start + 20]
        protocol = data[start + 9]
        part = data[start + 6] << 8 | data[start + 7]
        body = data[start + header : start + length]
        length -= header
        if part & 0x3FFF:
            identity = data[start + 4] << 8 | data[start + 5]
            return self._fragment(
                (number, at, depth),
                (source, target, identity, protocol),
                (part & 0x1FFF) * 8,
                bool(part & 0x2000),
                body,
                length,
            )
        return self._opened(at, Payload((number,), protocol, source, target, body, length), depth)

    def _version6(
        self, number: int, at: float, data: bytes, start: int, absent: int, depth: int
    ) -> Payload | None:
        there = len(data) - start
        if there < 40 or data[start] >> 4 != 6:
            return None
        length = (data[start + 4] << 8 | data[start + 5]) or there + absent - 40
        source, target = data[start + 8 : start + 24], data[start + 24 : start + 40]
        body = data[start + 40 : start + 40 + length]
        payload = Payload((number,), data[start + 6], source, target, body, length)
        return self._extended(at, payload, depth)

    def _extended(self, at: float, payload: Payload, depth: int) -> Payload | None:
        """Pass over extension headers (RFC 8200 §4)."""
        protocol, body = payload.protocol, payload.data
        place = 0
        for _ in range(_DEEPEST):
            if protocol in _EXTENSIONS or protocol == _AUTHENTICATION:
                if len(body) < place + 8:
                    return None
                words = body[place + 1]
                # RFC 4302 §2.2 counts in units of four octets.
                size = (words + 2) * 4 if protocol == _AUTHENTICATION else (words + 1) * 8
                protocol = body[place]
                place += size
            elif protocol == _FRAGMENT:
                if len(body) < place + 8:
                    return None
                part = body[place + 2] << 8 | body[place + 3]
                rest = body[place + 8 :]
                length = payload.length - place - 8
                protocol = body[place]
                if part & 0xFFF9:
                    identity = int.from_bytes(body[place + 4 : place + 8], "big")
                    return self._fragment(
                        (payload.frames[0], at, depth),
                        (payload.source, payload.target, identity, protocol),
                        part & 0xFFF8,
                        bool(part & 1),
                        rest,
                        length,
                    )
                place += 8
            else:
                break
        if protocol == _NO_MORE or place > len(body):
            return None
        rest = body[place:] if place else body
        return self._opened(
            at, payload._replace(protocol=protocol, data=rest, length=payload.length - place), depth
        )

    def _opened(self, at: float, payload: Payload, depth: int) -> Payload | None:
        """Open a packet that is within this one."""
        protocol = payload.protocol
        if protocol == _AUTHENTICATION and len(payload.source) == 4 and depth < _DEEPEST:
            return self._extended(at, payload, depth + 1)
        if protocol not in (_IPV4_WITHIN, _IPV6_WITHIN) or depth >= _DEEPEST:
            return payload
        read = self._version4 if protocol == _IPV4_WITHIN else self._version6
        absent = max(payload.length - len(payload.data), 0)
        within = read(payload.frames[0], at, payload.data, 0, absent, depth + 1)
        if within is None or len(within.frames) > 1:
            return within
        return within._replace(frames=payload.frames)

    def _fragment(
        self,
        seen: tuple[int, float, int],
        key: tuple[bytes, bytes, int, int],
        offset: int,
        more: bool,
        data: bytes,
        length: int,
    ) -> Payload | None:
        """Keep a fragment; return the datagram when it is the last one of it."""
        number, at, depth = seen
        fragments = self._fragments
        while fragments:
            waited = at - next(iter(fragments.values())).began
            if 0 <= waited < _PATIENCE and len(fragments) < _MOST_DATAGRAMS:
                break
            self._give_up()
        if len(data) < length:
            self._out.trouble(at, (number,), "a fragment was captured only in part")
        if offset + len(data) > _LONGEST:
            return None
        datagram = fragments.get(key)
        if datagram is None:
            datagram = fragments[key] = _Datagram(at)
        if len(datagram.pieces) >= _MOST_FRAGMENTS:
            return None
        datagram.frames.append(number)
        datagram.pieces.append((offset, data))
        datagram.held += len(data)
        self._held += len(data)
        if not more:
            datagram.length = offset + len(data)
        whole = datagram.whole()
        if whole is None:
            while self._held > _MOST_OCTETS:
                self._give_up()
            return None
        del fragments[key]
        self._held -= datagram.held
        payload = Payload(tuple(datagram.frames), key[3], key[0], key[1], whole, len(whole))
        if len(key[0]) == 16:
            return self._extended(at, payload, depth + 1) if depth < _DEEPEST else None
        return self._opened(at, payload, depth + 1)

    def _give_up(self) -> None:
        """Forget the fragments that wait longest."""
        key, datagram = self._fragments.popitem(last=False)
        self._held -= datagram.held
        self._out.trouble(
            datagram.began,
            tuple(datagram.frames),
            _INCOMPLETE,
            f"{host_text(key[0])} to {host_text(key[1])}",
        )


__all__ = [
    "ICMP",
    "ICMPV6",
    "IPV4",
    "IPV6",
    "TCP",
    "UDP",
    "IpReader",
    "Payload",
    "address_of",
    "host_text",
]
