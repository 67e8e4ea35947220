"""Keeps the fuzz target alive: a few random inputs in each test run."""

import struct

from hypothesis import example, given
from hypothesis import strategies as st
from tests.fuzz.fuzz_stun import check

KINDS = [0x0001, 0x0101, 0x0111, 0x0011, 0x0002, 0x00FF]
ATTRIBUTES = [0x0001, 0x0006, 0x0008, 0x0009, 0x0014, 0x0020, 0x0024, 0x7FFF, 0x8022, 0xFFFF]
ATTRIBUTE = st.tuples(st.sampled_from(ATTRIBUTES), st.binary(max_size=12), st.integers(-2, 2))


@given(st.sampled_from(KINDS), st.booleans(), st.lists(ATTRIBUTE, max_size=40))
@example(0x0001, True, [])
def test_attributes(kind: int, cookie: bool, attributes: list[tuple[int, bytes, int]]) -> None:
    body = b""
    for name, value, off in attributes:
        body += struct.pack("!HH", name, max(len(value) + off, 0)) + value
        body += bytes(-len(value) % 4)
    magic = 0x2112A442 if cookie else 7
    check(struct.pack("!HHI", kind, len(body), magic) + b"transaction!" + body)


@given(st.binary(max_size=100))
def test_anything(data: bytes) -> None:
    check(data)
    check(struct.pack("!HHI", 1, len(data), 0x2112A442) + b"transaction!" + data)
