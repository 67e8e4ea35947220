"""Fuzzes the WebSocket handshake: nothing raises, and nobody gets in whom it must keep out.

python -m tests.fuzz.fuzz_handshake [CORPUS...]      with atheris installed
python -m tests.fuzz.fuzz_handshake FILE...          without: runs the files once
"""

from tests.fuzz.target import run_target

from ringway.transport.frames import FramingLimits
from ringway.transport.websocket import WebSocketFramer

LIMITS = FramingLimits(head=1024, body=1024)
ORIGIN = "https://phone.example.com"
MOST = 2048
"""Bytes that may be written before anybody is in."""


def check(data: bytes) -> None:
    """Run one input: what a browser, or somebody else, says first."""
    framer = WebSocketFramer.server(LIMITS, origins=(ORIGIN,))
    framer.feed(data)
    written = framer.outgoing()
    head = data.partition(b"\r\n\r\n")[0].lower()
    if written.startswith(b"HTTP/1.1 101"):
        lines = [line.replace(b" ", b"").replace(b"\t", b"") for line in head.split(b"\r\n")]
        origins = [line for line in lines if line.startswith(b"origin:")]
        if any(line != b"origin:" + ORIGIN.encode() for line in origins):
            raise AssertionError("a page got in that must not")
        if not any(line.startswith(b"sec-websocket-key:") for line in lines):
            raise AssertionError("somebody got in without a key")
    elif len(written) > MOST:
        raise AssertionError("a long answer to who is not in")
    if framer.closing and framer.feed(data):
        raise AssertionError("something comes out of what is closed")


if __name__ == "__main__":
    run_target(check)
