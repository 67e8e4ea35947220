"""Every stream is cut whole, byte by byte, at every single place, and with data behind it."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringway.transport.flow import Address, NextHop
from ringway.transport.framing import (
    PING,
    PONG,
    Frame,
    FrameKind,
    FramingLimits,
    StreamFramer,
    WebSocketFramer,
    client_framer,
    server_framer,
)

LIMITS = FramingLimits(head=200, body=50)


def head(*lines: str) -> bytes:
    return "\r\n".join(("OPTIONS sip:a@example.com SIP/2.0", *lines, "", "")).encode()


def message(*lines: str, body: bytes = b"") -> Frame:
    return Frame(FrameKind.MESSAGE, head(*lines), body)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def cut(data: bytes, size: int, limits: FramingLimits = LIMITS) -> tuple[list[Frame], bool]:
    framer = StreamFramer(limits)
    frames = [frame for piece in pieces(data, size) for frame in framer.feed(piece)]
    return frames, framer.closing


EMPTY = head("Content-Length: 0")
BODY = head("Content-Length: 4") + b"abcd"
FRAME_EMPTY = Frame(FrameKind.MESSAGE, EMPTY)
FRAME_BODY = Frame(FrameKind.MESSAGE, head("Content-Length: 4"), b"abcd")
LONGEST_HEAD = head("Content-Length: 0", "X: " + "x" * (200 - len(EMPTY) - 5))


GOOD = {
    "nothing": (b"", []),
    "a message without a body": (EMPTY, [FRAME_EMPTY]),
    "a message with a body": (BODY, [FRAME_BODY]),
    "several in one piece": (BODY + EMPTY + BODY, [FRAME_BODY, FRAME_EMPTY, FRAME_BODY]),
    "compact name": (head("l: 4") + b"abcd", [Frame(FrameKind.MESSAGE, head("l: 4"), b"abcd")]),
    "any case, spaces, zeros": (
        head("cONTENT-lENGTH \t:  004 ") + b"abcd",
        [Frame(FrameKind.MESSAGE, head("cONTENT-lENGTH \t:  004 "), b"abcd")],
    ),
    "folded": (
        head("Content-Length:\r\n 4") + b"abcd",
        [Frame(FrameKind.MESSAGE, head("Content-Length:\r\n 4"), b"abcd")],
    ),
    "a name that only ends like it": (
        head("X-Content-Length: 9", "Content-Length: 0"),
        [message("X-Content-Length: 9", "Content-Length: 0")],
    ),
    "one in a folded line is not one": (
        head("Subject: a\r\n l: 9", "l: 0"),
        [message("Subject: a\r\n l: 9", "l: 0")],
    ),
    "a body that looks like a head's end": (
        head("l: 8") + b"\r\n\r\n\r\n\r\n" + EMPTY,
        [Frame(FrameKind.MESSAGE, head("l: 8"), b"\r\n\r\n\r\n\r\n"), FRAME_EMPTY],
    ),
    "the longest head": (LONGEST_HEAD, [Frame(FrameKind.MESSAGE, LONGEST_HEAD)]),
    "the longest body": (
        head("l: 50") + bytes(50),
        [Frame(FrameKind.MESSAGE, head("l: 50"), bytes(50))],
    ),
    "a ping": (b"\r\n\r\n", [PONG, PING]),
    "a pong": (b"\r\n", [PONG]),
    "a ping and a half": (b"\r\n" * 3, [PONG, PING, PONG]),
    "two pings": (b"\r\n" * 4, [PONG, PING, PONG, PING]),
    "a ping between messages": (
        EMPTY + b"\r\n\r\n" + BODY,
        [FRAME_EMPTY, PONG, PING, FRAME_BODY],
    ),
    "single CRLFs around a message are no ping": (
        b"\r\n" + EMPTY + b"\r\n" + BODY,
        [PONG, FRAME_EMPTY, PONG, FRAME_BODY],
    ),
    "garbage with a length is the parser's": (
        b"\rX\r\nl: 0\r\n\r\n",
        [Frame(FrameKind.MESSAGE, b"\rX\r\nl: 0\r\n\r\n")],
    ),
}

JUST_TOO_LONG = head("l: 0", "X: " + "x" * (200 - len(head("l: 0")) - 4))
assert len(JUST_TOO_LONG) == LIMITS.head + 1

# What comes out first, and the status and the words of the frame that ends it.
BAD = {
    "no Content-Length": (EMPTY + head("X: 1"), [FRAME_EMPTY], head("X: 1"), 400, "no Content-"),
    "no Content-Length in a stream of HTTP": (
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        [],
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        400,
        "no Content-Length",
    ),
    "TLS": (b"\x16\x03\x01\x00\xf4\x01", [], b"", 0, "speaks TLS"),
    "TLS after a message": (EMPTY + b"\x16", [FRAME_EMPTY], b"", 0, "speaks TLS"),
    "negative": (head("l: -1"), [], head("l: -1"), 400, "Content-Length"),
    "no digits": (head("l:"), [], head("l:"), 400, "Content-Length"),
    "a list": (head("l: 1, 1"), [], head("l: 1, 1"), 400, "Content-Length"),
    "twice": (head("l: 1", "l: 1"), [], head("l: 1", "l: 1"), 400, "more than one"),
    "absurd": (head("l: " + "9" * 40), [], head("l: " + "9" * 40), 400, "Content-Length"),
    "body over the limit": (head("l: 51"), [], head("l: 51"), 513, "more than 50"),
    "head over the limit": (
        head("l: 0", "X: " + "x" * 300),
        [],
        head("l: 0"),
        513,
        "more than 200",
    ),
    "head one byte over the limit": (
        JUST_TOO_LONG,
        [],
        JUST_TOO_LONG,
        513,
        "more than 200",
    ),
    "head without an end": (b"x" * 300, [], b"", 513, "more than 200"),
    "LF alone ends no line": (b"X: 1\n\n" * 50, [], b"", 513, "more than 200"),
}


@pytest.mark.clause("RFC3261-18.3-4")
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("name", GOOD)
class TestGoodStreams:
    def test_frames(self, name: str, size: int) -> None:
        data, frames = GOOD[name]
        assert cut(data, size) == (frames, False)

    def test_with_the_beginning_of_another_message_behind_it(self, name: str, size: int) -> None:
        data, frames = GOOD[name]
        assert cut(data + BODY[:-1], size) == (frames, False)

    def test_with_another_message_behind_it(self, name: str, size: int) -> None:
        data, frames = GOOD[name]
        assert cut(data + BODY, size) == ([*frames, FRAME_BODY], False)


@pytest.mark.clause("RFC3261-18.3-4")
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("name", BAD)
class TestBadStreams:
    def test_gives_the_connection_up(self, name: str, size: int) -> None:
        data, before, kept, status, words = BAD[name]
        for trailing in (b"", EMPTY, b"\r\n\r\n"):
            frames, closing = cut(data + trailing, size)
            assert closing
            *good, last = frames
            assert good == before
            assert (last.kind, last.head, last.body) == (FrameKind.BROKEN, kept, b"")
            assert last.status == status
            assert words in last.reason


def test_a_cut_at_every_place() -> None:
    data = BODY + b"\r\n\r\n" + EMPTY + b"\r\n" + BODY
    frames = [FRAME_BODY, PONG, PING, FRAME_EMPTY, PONG, FRAME_BODY]
    for place in range(len(data) + 1):
        framer = StreamFramer()
        assert framer.feed(data[:place]) + framer.feed(data[place:]) == frames


@given(
    st.lists(st.sampled_from([EMPTY, BODY, b"\r\n", b"\r\n\r\n", b"\n", b"x", head("l: 60")])),
    st.integers(min_value=1, max_value=80),
)
def test_the_cut_never_matters(parts: list[bytes], size: int) -> None:
    data = b"".join(parts)
    assert cut(data, size) == cut(data, max(len(data), 1))


@given(st.binary(max_size=400), st.integers(min_value=1, max_value=80))
def test_any_bytes_at_all(data: bytes, size: int) -> None:
    assert cut(data, size) == cut(data, max(len(data), 1))


def test_nothing_is_searched_twice() -> None:
    """A head that comes byte by byte costs one look at each byte, or it would take minutes."""
    framer = StreamFramer(FramingLimits(head=500_000))
    data = head("l: 0", "X: " + "x" * 400_000)
    frames = [frame for piece in pieces(data, 1) for frame in framer.feed(piece)]
    assert frames == [Frame(FrameKind.MESSAGE, data)]


def test_a_message_that_is_sent_stays_as_it_is() -> None:
    framer = StreamFramer()
    assert framer.wrap(BODY) == BODY
    assert framer.outgoing() == b""


def test_closing_from_our_side() -> None:
    framer = StreamFramer()
    assert not framer.closing
    assert framer.close() == b""
    assert framer.closing
    assert framer.feed(EMPTY) == []


@pytest.mark.parametrize(
    ("transport", "kind"),
    [
        ("tcp", StreamFramer),
        ("tls", StreamFramer),
        ("ws", WebSocketFramer),
        ("wss", WebSocketFramer),
    ],
)
def test_the_framer_of_a_transport(transport: str, kind: type) -> None:
    assert isinstance(server_framer(transport), kind)
    assert isinstance(client_framer(NextHop(transport, Address("192.0.2.1", 80), "x")), kind)


def test_a_ping_comes_out_of_the_other_side_as_one() -> None:
    ours, theirs = StreamFramer(), StreamFramer()
    assert theirs.feed(ours.ping()) == [PONG, PING]
