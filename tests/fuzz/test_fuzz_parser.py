"""Keeps the fuzz target alive: valid messages, mutated, in each test run."""

from hypothesis import example, given
from hypothesis import strategies as st
from tests.fuzz.fuzz_parser import check

INVITE = (
    b"INVITE sip:bob@example.com;user=phone SIP/2.0\r\n"
    b'Via: SIP/2.0/UDP 10.0.0.9:5062;rport;branch=z9hG4bKa;x="a,;b",SIP/2.0/TCP [2001:db8::1]\r\n'
    b"v: SIP/2.0/WS phone.invalid;branch=z9hG4bKb\r\n"
    b"Max-Forwards: 70\r\nRoute: <sip:10.0.0.1;lr>,\r\n <sip:10.0.0.2;lr>\r\n"
    b'f: "Alice \\"A\\" Liddell" <sip:alice@example.com>;tag=1\r\nTo: sip:bob@example.com\r\n'
    b"i: a84b4c76e66710@pc33\r\nCSeq: 314159 INVITE\r\nExpires: 60\r\n"
    b'm: <sip:alice@10.0.0.9?Subject=x>;+sip.instance="<urn:uuid:1>";reg-id=1;q=0.5\r\n'
    b"Supported: outbound, path\r\nRequire:\r\nl: 4\r\n\r\nv=0\n"
)
RESPONSE = (
    b"SIP/2.0 480 Temporarily Unavailable\r\nVia: SIP/2.0/TCP 10.0.0.1;branch=z9hG4bKa\r\n"
    b"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 BYE\r\n"
    b'Warning: 399 x "gone"\r\nRetry-After: 18 (soon);duration=3\r\nContent-Length: 0\r\n\r\n'
)
REGISTER = INVITE.replace(b"INVITE", b"REGISTER").replace(b"m: <", b"Path: <sip:e;ob>\r\nm: <")
PIECES = [
    *(b"\r\n", b"\r", b"\n", b"\0", b"\xff\xfe", b'"', b"<", b">", b"\\", b";", b",", b":", b"["),
    *(b" ", b"\t", b"@", b"%", b"=", b"*", b"SIP/2.0", b"\r\n ", b"\r\n\r\n", b"999999999999"),
    *(b"-1", b";tag=", b"sip:", b"Via: ", b"CSeq: 0 X\r\n", "é".encode(), b"\xed\xb2\x80"),
]
MUTATION = st.tuples(
    st.floats(0, 1), st.integers(0, 40), st.sampled_from(PIECES) | st.binary(max_size=8)
)


@given(st.sampled_from([INVITE, RESPONSE, REGISTER]), st.lists(MUTATION, max_size=6))
@example(INVITE, [])
@example(RESPONSE, [])
@example(REGISTER, [])
def test_mutated(message: bytes, mutations: list[tuple[float, int, bytes]]) -> None:
    for where, length, piece in mutations:
        at = int(where * len(message))
        message = message[:at] + piece + message[at + length :]
    check(message)


@given(st.binary(max_size=300))
def test_anything(data: bytes) -> None:
    check(data)
