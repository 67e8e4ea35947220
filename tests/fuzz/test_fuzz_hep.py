"""Keeps the fuzz target alive: a few random inputs in each test run."""

import struct

from hypothesis import example, given
from hypothesis import strategies as st
from tests.fuzz.fuzz_hep import check

SIP = b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TLS c;branch=z9hG4bK\r\nCSeq: 1 OPTIONS\r\n\r\n"
KINDS = [*range(1, 19), 0x20, 0xFFFF]
VALUES = st.sampled_from([b"", b"\1", b"\6", b"\x11", bytes(4), bytes(16), b"\xff" * 8, SIP])
CHUNK = st.tuples(st.sampled_from([0, 0, 0, 1]), st.sampled_from(KINDS), VALUES, st.integers(-1, 1))


def packet(chunks: list[tuple[int, int, bytes, int]], off: int) -> bytes:
    body = b"".join(
        struct.pack("!HHH", vendor, kind, max(len(value) + 6 + wrong // 2, 0)) + value
        for vendor, kind, value, wrong in chunks
    )
    return b"HEP3" + struct.pack("!H", max(len(body) + 6 + off, 0)) + body


@given(st.lists(CHUNK, max_size=12), st.integers(-2, 2))
@example([(0, 11, b"\1", 0), (0, 3, b"1234", 0), (0, 4, b"1234", 0), (0, 15, SIP, 0)], 0)
def test_chunks(chunks: list[tuple[int, int, bytes, int]], off: int) -> None:
    check(packet(chunks, off))
    check(packet(chunks, 0) + packet(chunks, off))


@given(st.sampled_from([1, 2]), st.sampled_from([2, 10]), st.binary(max_size=80))
def test_old_versions(version: int, family: int, rest: bytes) -> None:
    size = 8 + (8 if family == 2 else 32) + (12 if version == 2 else 0)
    check(bytes([version, size, family, 17]) + rest + SIP)


@given(st.binary(max_size=100))
def test_anything(data: bytes) -> None:
    check(data)
    check(b"HEP3" + data)
