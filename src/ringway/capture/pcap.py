"""The classic capture file of libpcap: a head, then packets, each with a head of its own.

Either byte order, micro- or nanoseconds, and the longer packet heads of a variant that some old
systems write. Where a packet's head makes no sense, the next one that does is searched for, close
by; what was jumped over is told. Format: draft-ietf-opsawg-pcap.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from ringway.capture.octets import Octets
from ringway.capture.output import Output

MOST_OCTETS: Final = 1 << 18
"""The longest packet that is believed."""

_FILE_HEAD: Final = 24
_SEARCHED: Final = 4 * MOST_OCTETS
_DAY: Final = 86400

# Magic number: (byte order, fractions of a second, length of a packet's head).
_FORMS: Final[dict[bytes, tuple[str, int, int]]] = {
    b"\xa1\xb2\xc3\xd4": (">", 10**6, 16),
    b"\xd4\xc3\xb2\xa1": ("<", 10**6, 16),
    b"\xa1\xb2\x3c\x4d": (">", 10**9, 16),
    b"\x4d\x3c\xb2\xa1": ("<", 10**9, 16),
    b"\xa1\xb2\xcd\x34": (">", 10**6, 24),
    b"\x34\xcd\xb2\xa1": ("<", 10**6, 24),
}


class Packet(NamedTuple):
    """A packet as it stands in a capture file.

    Attributes:
        at: when it was captured, in seconds since the epoch; 0 if not known.
        link: its link layer, a LINKTYPE number.
        data: what was captured of it.
        length: how long it was.
    """

    at: float
    link: int
    data: bytes
    length: int


def is_pcap(data: bytes) -> bool:
    """Tell whether these first octets begin a pcap file."""
    return data[:4] in _FORMS


def read_pcap(octets: Octets, out: Output) -> Iterator[Packet]:
    """Read the packets of a pcap file.

    Args:
        octets: the file, at its begin; `is_pcap` is true for it.
        out: where troubles go.
    """
    if not octets.fill(_FILE_HEAD):
        out.trouble(0.0, (), "the file ends within its head")
        return
    order, fractions, size = _FORMS[octets.data[octets.position : octets.position + 4]]
    link = struct.unpack_from(order + "I", octets.data, octets.position + 20)[0] & 0xFFFF
    octets.position += _FILE_HEAD
    head = struct.Struct(order + "IIII")
    number = 0
    seconds = 0
    while octets.fill(size):
        start = octets.position
        last = seconds
        seconds, fraction, held, length = head.unpack_from(octets.data, start)
        if held > MOST_OCTETS or fraction >= fractions:
            if not _find_next(octets, head, size, fractions, last, number, out):
                return
            seconds = last
            continue
        if not octets.fill(size + held):
            break
        start = octets.position + size
        octets.position = start + held
        number += 1
        yield Packet(
            seconds + fraction / fractions, link, octets.data[start : start + held], length
        )
    if octets.left:
        out.trouble(0.0, (), f"the file ends within packet {number + 1}")


def _find_next(
    octets: Octets,
    head: struct.Struct,
    size: int,
    fractions: int,
    last: int,
    number: int,
    out: Output,
) -> bool:
    """Go on to the next head of a packet that can be believed; False if there is none close by."""
    if octets.left < _SEARCHED // 4:
        octets.fill(_SEARCHED)
    data = octets.data
    begin = octets.position

    def next_head(place: int) -> int:
        """Return where the head after this one is, -1 if this is none."""
        seconds, fraction, held, length = head.unpack_from(data, place)
        if fraction >= fractions or not 0 < held <= length <= MOST_OCTETS:
            return -1
        if last and abs(seconds - last) > _DAY:
            return -1
        return place + size + int(held)

    for place in range(begin + 1, len(data) - size + 1):
        after = next_head(place)
        if after < 0 or after > len(data):
            continue
        if after + size > len(data) or next_head(after) >= 0:
            octets.position = place
            out.trouble(
                0.0, (), "the file is damaged", f"{place - begin} octets after packet {number}"
            )
            return True
    out.trouble(0.0, (), f"the file is damaged after packet {number}, the rest cannot be read")
    return False
