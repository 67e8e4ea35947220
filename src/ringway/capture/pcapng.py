"""The capture file of Wireshark's programs: blocks, in sections, from several interfaces.

Packets come in enhanced, simple and the old packet blocks; of options only those are read that
change what a time means, and how many packets the capture itself lost. All other blocks are passed
over. Where a block makes no sense, the next one that does is searched for, close by.
Format: draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from ringway.capture.octets import Octets
from ringway.capture.output import Output
from ringway.capture.pcap import MOST_OCTETS, Packet

_SECTION: Final = 0x0A0D0D0A  # the same in either byte order
_INTERFACE: Final = 1
_PACKET: Final = 2  # the old one
_SIMPLE: Final = 3
_STATISTICS: Final = 5
_ENHANCED: Final = 6
_PACKETS: Final = frozenset({_PACKET, _SIMPLE, _ENHANCED})
_READ: Final = frozenset({_INTERFACE, _STATISTICS, *_PACKETS})
_KNOWN: Final = frozenset({_SECTION, 4, 9, 10, *_READ})

_IF_TSRESOL: Final = 9
_IF_TSOFFSET: Final = 14
_ISB_IFDROP: Final = 5

_FRAME: Final = 12  # type, length, and the length again at the end
_LONGEST_READ: Final = MOST_OCTETS + (1 << 16)
_MOST_INTERFACES: Final = 4096
_SEARCHED: Final = 4 * MOST_OCTETS
_ORDERS: Final = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}


class _Interface(NamedTuple):
    link: int
    longest: int  # 0 for no limit
    fractions: int  # of a second
    offset: int  # seconds


def is_pcapng(data: bytes) -> bool:
    """Tell whether these first octets begin a pcapng file."""
    return data[:4] == b"\x0a\x0d\x0d\x0a"


def read_pcapng(octets: Octets, out: Output) -> Iterator[Packet]:
    """Read the packets of a pcapng file.

    Args:
        octets: the file, at its begin; `is_pcapng` is true for it.
        out: where troubles go.
    """
    return _Reader(octets, out).packets()


class _Reader:
    """What is known of the section that is being read."""

    def __init__(self, octets: Octets, out: Output) -> None:
        self._octets = octets
        self._out = out
        self._order = "<"
        self._interfaces: list[_Interface] = []
        self._number = 0
        self._last = 0.0

    def packets(self) -> Iterator[Packet]:
        octets = self._octets
        while octets.fill(_FRAME):
            kind, length = self._head()
            if length < _FRAME or length % 4 or (length > _LONGEST_READ and kind in _PACKETS):
                if not self._find_next():
                    return
            elif kind not in _READ or length > _LONGEST_READ:
                if not octets.skip(length):
                    self._out.trouble(0.0, (), f"the file ends behind packet {self._number}")
                    return
            elif not octets.fill(length):
                break
            elif octets.data[octets.position + 4 : octets.position + 8] != self._last_of(length):
                if not self._find_next():
                    return
            else:
                start = octets.position
                octets.position += length
                packet = self._block(kind, octets.data[start + 8 : start + length - 4])
                if packet is not None:
                    yield packet
        if octets.left:
            self._out.trouble(0.0, (), f"the file ends within what follows packet {self._number}")

    def _head(self) -> tuple[int, int]:
        """Return the type and length of the next block; a section's tells the byte order."""
        octets = self._octets
        kind, length = struct.unpack_from(self._order + "II", octets.data, octets.position)
        if kind != _SECTION:
            return kind, length
        order = _ORDERS.get(octets.data[octets.position + 8 : octets.position + 12])
        if order is None:
            return kind, 0
        self._order = order
        self._interfaces.clear()
        (length,) = struct.unpack_from(order + "I", octets.data, octets.position + 4)
        return kind, length

    def _last_of(self, length: int) -> bytes:
        end = self._octets.position + length
        return self._octets.data[end - 4 : end]

    def _block(self, kind: int, body: bytes) -> Packet | None:
        """Take a whole block; return the packet that it holds, if any."""
        if kind == _ENHANCED:
            self._number += 1
            if len(body) < 20:
                return self._unreadable()
            number, high, low, held, length = struct.unpack_from(self._order + "5I", body)
            return self._packet(number, high << 32 | low, body[20 : 20 + held], held, length)
        if kind == _PACKET:
            self._number += 1
            if len(body) < 20:
                return self._unreadable()
            number, _, high, low, held, length = struct.unpack_from(self._order + "HH4I", body)
            return self._packet(number, high << 32 | low, body[20 : 20 + held], held, length)
        if kind == _SIMPLE:
            self._number += 1
            if len(body) < 4 or not self._interfaces:
                return self._unreadable()
            (length,) = struct.unpack_from(self._order + "I", body)
            held = min(length, self._interfaces[0].longest or length)
            return Packet(self._last, self._interfaces[0].link, body[4 : 4 + held], length)
        if kind == _INTERFACE:
            self._add_interface(body)
        elif len(body) >= 12:
            lost = self._options(body[12:]).get(_ISB_IFDROP, b"")
            if len(lost) == 8 and any(lost):
                count = int.from_bytes(lost, "little" if self._order == "<" else "big")
                self._out.trouble(self._last, (), "the capture lost packets", f"{count}")
        return None

    def _packet(self, number: int, ticks: int, data: bytes, held: int, length: int) -> Packet:
        if number >= len(self._interfaces) or held != len(data):
            return self._unreadable()
        interface = self._interfaces[number]
        self._last = ticks / interface.fractions + interface.offset
        return Packet(self._last, interface.link, data, length)

    def _unreadable(self) -> Packet:
        """Return an empty packet, so that the packets after it keep their numbers."""
        self._out.trouble(self._last, (self._number,), "a packet whose block is damaged")
        return Packet(self._last, -1, b"", 0)

    def _add_interface(self, body: bytes) -> None:
        if len(body) < 8 or len(self._interfaces) >= _MOST_INTERFACES:
            self._out.trouble(0.0, (), "the description of an interface is damaged")
            return
        link, _, longest = struct.unpack_from(self._order + "HHI", body)
        options = self._options(body[8:])
        fractions = 10**6
        resolution = options.get(_IF_TSRESOL, b"")
        if resolution:
            power = resolution[0] & 0x7F
            fractions = 2**power if resolution[0] & 0x80 else 10 ** min(power, 30)
        offset = options.get(_IF_TSOFFSET, b"")
        seconds = 0
        if len(offset) == 8:
            (seconds,) = struct.unpack(self._order + "q", offset)
        self._interfaces.append(_Interface(link, longest, fractions, seconds))

    def _options(self, data: bytes) -> dict[int, bytes]:
        """Read options until they end, or make no sense any more."""
        options: dict[int, bytes] = {}
        place = 0
        while place + 4 <= len(data):
            code, length = struct.unpack_from(self._order + "HH", data, place)
            if not code:
                break
            options[code] = data[place + 4 : place + 4 + length]
            place += 4 + length + -length % 4
        return options

    def _find_next(self) -> bool:
        """Go on to the next block that can be believed; False if there is none close by."""
        octets = self._octets
        if octets.left < _SEARCHED // 4:
            octets.fill(_SEARCHED)
        data = octets.data
        begin = octets.position
        for place in range(begin + 1, len(data) - _FRAME + 1):
            kind, length = struct.unpack_from(self._order + "II", data, place)
            if kind not in _KNOWN or length % 4 or not _FRAME <= length <= len(data) - place:
                continue
            if data[place + 4 : place + 8] == data[place + length - 4 : place + length]:
                self._damaged(f"{place - begin} octets after packet {self._number}")
                octets.position = place
                return True
        self._damaged(f"the rest after packet {self._number} cannot be read")
        return False

    def _damaged(self, detail: str) -> None:
        self._out.trouble(0.0, (), "the file is damaged", detail)
