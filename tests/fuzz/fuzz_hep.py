"""Fuzzes HEP: what is no HEP raises only ParseError, and a stream is cut the same in any pieces.

python -m tests.fuzz.fuzz_hep [CORPUS...]       with atheris installed
python -m tests.fuzz.fuzz_hep FILE...           without: runs the files once
"""

from tests.fuzz.target import run_target

from ringway.capture.hep import decode_hep, hep_packet, looks_like_hep, read_hep
from ringway.capture.hep_stream import HepStream
from ringway.capture.items import Seen
from ringway.errors import ParseError

LONGEST = 131_072
NOW = 1_800_000_000.0


def check(data: bytes) -> None:
    """Run one input: a datagram, and the octets of a connection."""
    try:
        hep = decode_hep(data)
    except ParseError:
        pass
    else:
        if not looks_like_hep(data):
            raise AssertionError("decoded, and does not look like it")
        if len(hep.payload) > LONGEST:
            raise AssertionError("a payload that was blown up")
    item = read_hep(data, at=NOW)
    if isinstance(item, Seen):
        if not 0 < item.at <= NOW + 10:
            raise AssertionError("a time that is none")
        try:
            packet = hep_packet(item, 1)
        except ValueError:
            pass
        else:
            again = read_hep(packet, at=NOW)
            if not isinstance(again, Seen) or again.data != item.data:
                raise AssertionError("another message when it is sent on")
    whole, pieces = cut(data, len(data) or 1), cut(data, 3)
    if whole != pieces:
        raise AssertionError("a stream that depends on its pieces")


def cut(data: bytes, size: int) -> tuple[list[bytes], bool]:
    """Return the packets of a stream, and whether it was HEP to its end."""
    stream = HepStream()
    found: list[bytes] = []
    try:
        for place in range(0, len(data), size):
            found.extend(stream.feed(data[place : place + size]))
    except ParseError:
        return found, False
    return found, True


if __name__ == "__main__":
    run_target(check)
