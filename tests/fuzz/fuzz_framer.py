"""Fuzzes the framers: no bytes raise, no cut of them changes the frames, nothing grows.

python -m tests.fuzz.fuzz_framer [CORPUS...]      with atheris installed
python -m tests.fuzz.fuzz_framer FILE...          without: runs the files once
"""

from tests.fuzz.target import run_target

from ringway.transport.frames import Frame, FrameKind, Framer, FramingLimits
from ringway.transport.framing import StreamFramer
from ringway.transport.websocket import WebSocketFramer

LIMITS = FramingLimits(head=1024, body=1024)
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n"
)


def run(framer: Framer, data: bytes, size: int) -> tuple[list[Frame], bytes, bool]:
    frames: list[Frame] = []
    written = b""
    for start in range(0, len(data), size):
        frames += framer.feed(data[start : start + size])
        written += framer.outgoing()
    return frames, written, framer.closing


def check(data: bytes) -> None:
    """Run one input: its first byte is the size of the pieces, the second the framer."""
    if len(data) < 2:
        return
    size, kind, data = data[0] or 1, data[1] % 3, data[2:]
    if kind == 2:
        data = HANDSHAKE + data

    def framer() -> Framer:
        return WebSocketFramer.server(LIMITS) if kind else StreamFramer(LIMITS)

    whole = run(framer(), data, max(len(data), 1))
    pieces = run(framer(), data, size)
    if (pieces[0], pieces[2]) != (whole[0], whole[2]):
        raise AssertionError("the cut changes the frames")
    # At its end a WebSocket may answer what it had already read behind the fault, or not.
    if pieces[1] != whole[1] and not whole[2]:
        raise AssertionError("the cut changes what is written")
    for frame in whole[0]:
        too_long = len(frame.head) > LIMITS.head + 4 or len(frame.body) > LIMITS.body
        if too_long and frame.kind is not FrameKind.BROKEN:
            raise AssertionError("a frame over the limits")


if __name__ == "__main__":
    run_target(check)
