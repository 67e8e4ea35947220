"""Keeps the fuzz target alive: a few random inputs in each test run."""

from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.fuzz_framer import check
from websockets.frames import Frame, Opcode

TEXT = [
    b"\r\n",
    b"\r\n\r\n",
    b"\r",
    b"OPTIONS sip:a SIP/2.0\r\n",
    b"Content-Length: ",
    b"l:3\r\n\r\nabc",
    b"\xff",
    b"0\r\n\r\n",
]
WIRE = [
    Frame(opcode, data, fin).serialize(mask=True)
    for opcode in Opcode
    for data in (b"", b"\r\n\r\n", b"A\r\nl: 2\r\n\r\nab", b"\x03\xe8")
    for fin in (True, False)
    if fin or opcode < Opcode.CLOSE
]


@given(
    st.binary(min_size=2, max_size=2),
    st.lists(st.sampled_from(TEXT + WIRE) | st.binary(max_size=300), max_size=12),
)
def test_target(choice: bytes, parts: list[bytes]) -> None:
    check(choice + b"".join(parts))
