"""Keeps the fuzz target alive: handshakes, changed, in each test run."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.fuzz.fuzz_framer import HANDSHAKE
from tests.fuzz.fuzz_handshake import ORIGIN, check

GOOD = HANDSHAKE.replace(b"Host: x\r\n", b"Host: x\r\nOrigin: " + ORIGIN.encode() + b"\r\n")
EVIL = GOOD.replace(b"phone.", b"evil.")
PIECES = [
    *(b"\r\n", b"\n", b"\r", b":", b" ", b"\t", b"\0", b"\xff", b",", b"\r\n ", b"\r\n\r\n"),
    *(b"Origin: null\r\n", b"Origin: https://evil\r\n", b"Sec-WebSocket-Protocol: x\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"Content-Length: 9\r\n", b"Upgrade", b"websocket"),
]
CHANGE = st.tuples(
    st.floats(0, 1), st.integers(0, 30), st.sampled_from(PIECES) | st.binary(max_size=6)
)


@settings(deadline=None)
@given(st.sampled_from([HANDSHAKE, GOOD, EVIL]), st.lists(CHANGE, max_size=5))
@example(HANDSHAKE, [])
@example(GOOD, [])
@example(EVIL, [])
def test_changed(data: bytes, changes: list[tuple[float, int, bytes]]) -> None:
    for where, length, piece in changes:
        at = int(where * len(data))
        data = data[:at] + piece + data[at + length :]
    check(data)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_anything(data: bytes) -> None:
    check(data)
