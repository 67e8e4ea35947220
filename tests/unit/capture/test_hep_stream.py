"""HEP over TCP, in whatever pieces it comes."""

import pytest
from tests.unit.capture.test_hep import seen

from ringway.capture.hep import hep_packet
from ringway.capture.hep_stream import HepStream
from ringway.errors import ParseError

FIRST, SECOND = hep_packet(seen(), 1), hep_packet(seen("tls"), 2, b"key")


@pytest.mark.parametrize("size", [1, 2, 5, 7, 100, 10_000])
def test_pieces(size: int) -> None:
    stream = HepStream()
    data = FIRST + SECOND + b"HEP3\0\6"
    found: list[bytes] = []
    for place in range(0, len(data), size):
        found += stream.feed(data[place : place + size])
    assert found == [FIRST, SECOND, b"HEP3\0\6"]
    assert not stream.within


def test_a_packet_that_is_not_whole() -> None:
    stream = HepStream()
    assert list(stream.feed(FIRST[:-1])) == []
    assert stream.within
    assert list(stream.feed(FIRST[-1:])) == [FIRST]
    assert not stream.within


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"G", "octets that begin no HEP packet"),
        (b"HEP4\0\6", "octets that begin no HEP packet"),
        (b"\2\x10\2\x11", "octets that begin no HEP packet"),
        (b"HEP3\0\0", "a HEP packet with a length of 0"),
        (b"HEP3\0\5", "a HEP packet with a length of 5"),
    ],
)
def test_what_is_no_hep(data: bytes, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        list(HepStream().feed(data))
    packets = HepStream().feed(FIRST + data)
    assert next(packets) == FIRST  # those before the fault count
    with pytest.raises(ParseError, match=reason):
        next(packets)
