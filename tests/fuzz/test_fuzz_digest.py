"""Keeps the fuzz target alive: a few random inputs in each test run."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.fuzz.fuzz_digest import check

VALUES = [
    (
        b'Digest username="alice", realm="example.com", nonce="n", uri="sip:example.com", '
        b'response="0123456789abcdef0123456789abcdef", algorithm=MD5, cnonce="c", qop=auth, '
        b'nc=00000001, opaque="o"'
    ),
    b'Digest username="alice",realm="example.com",nonce="n",uri="sip:example.com",response="0"',
    b'Digest realm="example.com", nonce="n", algorithm=SHA-256, qop="auth,auth-int", stale=true',
]
PIECES = [
    *(b'"', b"\\", b",", b"=", b"<", b">", b" ", b"\t", b"\x01", b"\xff", b"nc=", b"qop", b"auth"),
    *('"é"'.encode(), b"Digest ", b"Basic ", b'realm="example.com"', b"SHA-512-256", b";", b"*="),
]
MUTATION = st.tuples(
    st.floats(0, 1), st.integers(0, 30), st.sampled_from(PIECES) | st.binary(max_size=6)
)


@settings(deadline=None)
@given(st.integers(0, 3), st.sampled_from(VALUES), st.lists(MUTATION, max_size=6))
@example(0, VALUES[0], [])
@example(1, VALUES[1], [])
@example(2, VALUES[2], [])
@example(3, VALUES[2], [])
def test_mutated(kind: int, value: bytes, mutations: list[tuple[float, int, bytes]]) -> None:
    for where, length, piece in mutations:
        at = int(where * len(value))
        value = value[:at] + piece + value[at + length :]
    check(bytes((kind,)) + value)


@settings(deadline=None)
@given(st.binary(max_size=200))
@example(b"")
@example(b"\0a\nb")
def test_anything(data: bytes) -> None:
    check(data)
