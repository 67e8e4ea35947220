"""The WebSocket framer against itself and against frames made by hand, cut at any place."""

from collections.abc import Iterator

import pytest
from websockets.frames import Frame as Wire
from websockets.frames import Opcode

from ringway.transport.frames import PING, PONG, SPEAKS_TLS, Frame, FrameKind, FramingLimits
from ringway.transport.websocket import WebSocketFramer

LIMITS = FramingLimits(head=200, body=50)
KEY = b"the sample nonce"
HANDSHAKE = (
    b"GET / HTTP/1.1\r\n"
    b"Host: sip-ws.example.com\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Origin: http://www.example.com\r\n"
    b"Sec-WebSocket-Protocol: sip\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"\r\n"
)
ACCEPTED = (
    b"HTTP/1.1 101 Switching Protocols\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    b"Sec-WebSocket-Protocol: sip\r\n"
    b"\r\n"
)


def head(*lines: str) -> bytes:
    return "\r\n".join(("OPTIONS sip:a@example.com SIP/2.0", *lines, "", "")).encode()


HEAD = head("X: 1")
LONGEST = head("X: " + "x" * (200 - len(head("X: "))))


def wire(
    data: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True, mask: bool = True
) -> bytes:
    return Wire(opcode, data, fin).serialize(mask=mask)


def good(head_bytes: bytes, body: bytes = b"") -> Frame:
    return Frame(FrameKind.MESSAGE, head_bytes, body)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def serve(
    data: bytes, size: int, origins: tuple[str, ...] = ()
) -> tuple[list[Frame], bytes, WebSocketFramer]:
    """Feed a server; return the frames, what it wrote, and the framer."""
    framer = WebSocketFramer.server(LIMITS, origins)
    frames: list[Frame] = []
    written = b""
    for piece in pieces(data, size):
        frames += framer.feed(piece)
        written += framer.outgoing()
    return frames, written, framer


GOOD = {
    "nothing": (b"", []),
    "a message": (wire(HEAD), [good(HEAD)]),
    "a message in a binary frame": (wire(HEAD, Opcode.BINARY), [good(HEAD)]),
    "the body is the rest": (wire(HEAD + b"abc"), [good(HEAD, b"abc")]),
    "a body that is not UTF-8": (wire(HEAD + b"\xff", Opcode.BINARY), [good(HEAD, b"\xff")]),
    "text that is UTF-8": (wire(HEAD + "é".encode()), [good(HEAD, "é".encode())]),
    "a Content-Length that fits": (wire(head("l: 3") + b"abc"), [good(head("l: 3"), b"abc")]),
    "empty lines around": (
        wire(b"\r\n" + head("l: 3") + b"abc\r\n\r\n"),
        [good(head("l: 3"), b"abc")],
    ),
    "the longest head and body": (wire(LONGEST + bytes(50)), [good(LONGEST, bytes(50))]),
    "two messages": (wire(HEAD) + wire(HEAD + b"x"), [good(HEAD), good(HEAD, b"x")]),
    "fragments": (
        wire(HEAD[:5], fin=False)
        + wire(b"", Opcode.CONT, fin=False)
        + wire(HEAD[5:9], Opcode.CONT, fin=False)
        + wire(HEAD[9:], Opcode.CONT),
        [good(HEAD)],
    ),
    "a character cut by a fragment": (
        wire(HEAD + b"\xc3", fin=False) + wire(b"\xa9", Opcode.CONT),
        [good(HEAD, "é".encode())],
    ),
    "a ping of RFC 5626": (wire(b"\r\n\r\n"), [PING]),
    "a pong of RFC 5626": (wire(b"\r\n"), [PONG]),
    "a ping of RFC 5626 in a binary frame": (wire(b"\r\n\r\n", Opcode.BINARY), [PING]),
    "a pong of WebSocket": (wire(b"x", Opcode.PONG), []),
}

# The connection lives on after these: status, words and head of the broken frame.
ANSWERED = {
    "two messages in one": (head("l: 0") + HEAD, 400, "more than one", head("l: 0")),
    "a body longer than it says": (head("l: 1") + b"ab", 400, "more than one", head("l: 1")),
    "a body shorter than it says": (head("l: 4") + b"abc", 400, "body of 3 bytes", head("l: 4")),
    "a Content-Length that is none": (head("l: x"), 400, "Content-Length", head("l: x")),
    "two Content-Lengths": (head("l: 0", "l: 0"), 400, "more than one", head("l: 0", "l: 0")),
    "a long body": (HEAD + bytes(51), 513, "more than 50", HEAD),
    "a long body announced": (head("l: 51") + bytes(51), 513, "more than 50", head("l: 51")),
    "a long head": (head("X: " + "x" * 200), 513, "more than 200", head("X: " + "x" * 200)),
}

# The connection ends after these: close code and words.
FATAL = {
    "an empty message": (wire(b""), 1003, "not a SIP message"),
    "no SIP": (wire(b"hello"), 1003, "not a SIP message"),
    "many empty lines": (wire(b"\r\n" * 3), 1003, "not a SIP message"),
    "text that is not UTF-8": (wire(HEAD + b"\xff"), 1007, "not UTF-8"),
    "a frame without a mask": (wire(HEAD, mask=False), 1002, "mask"),
    "an unknown opcode": (b"\x83\x80abcd", 1002, "opcode"),
    "a fragment of nothing": (wire(HEAD, Opcode.CONT), 1002, "continuation"),
    "more than head and body may have": (wire(bytes(251)), 1009, "251"),
    "the same in fragments": (wire(bytes(200), fin=False) + wire(bytes(51), Opcode.CONT), 1009, ""),
}

REFUSED = {
    "no subprotocol": (HANDSHAKE.replace(b"Sec-WebSocket-Protocol: sip\r\n", b""), 400),
    "another subprotocol": (HANDSHAKE.replace(b"Protocol: sip", b"Protocol: chat"), 400),
    "no key": (HANDSHAKE.replace(b"Key:", b"Lock:"), 400),
    "no upgrade": (HANDSHAKE.replace(b"Upgrade: websocket\r\n", b""), 426),
    "another method": (HANDSHAKE.replace(b"GET", b"PUT"), 405),
}


@pytest.mark.parametrize("size", [1, 3, 1000])
class TestServer:
    @pytest.mark.parametrize("name", GOOD)
    def test_frames(self, name: str, size: int) -> None:
        data, expected = GOOD[name]
        for trailing, more in [(b"", []), (wire(HEAD)[:-1], []), (wire(HEAD), [good(HEAD)])]:
            frames, written, framer = serve(HANDSHAKE + data + trailing, size)
            assert frames == expected + more
            assert written == ACCEPTED
            assert not framer.closing

    @pytest.mark.parametrize("name", ANSWERED)
    def test_a_bad_message_leaves_the_connection_alone(self, name: str, size: int) -> None:
        data, status, words, kept = ANSWERED[name]
        frames, written, framer = serve(HANDSHAKE + wire(data) + wire(HEAD), size)
        bad, after = frames
        assert (bad.kind, bad.status, bad.head) == (FrameKind.BROKEN, status, kept)
        assert words in bad.reason
        assert after == good(HEAD)
        assert written == ACCEPTED
        assert not framer.closing

    @pytest.mark.parametrize("name", FATAL)
    def test_what_ends_the_connection(self, name: str, size: int) -> None:
        data, code, words = FATAL[name]
        frames, written, framer = serve(HANDSHAKE + wire(HEAD) + data + wire(HEAD), size)
        before, bad = frames
        assert before == good(HEAD)
        status = 513 if code == 1009 else 0  # without a head there is nobody to answer
        assert (bad.kind, bad.status, bad.head) == (FrameKind.BROKEN, status, b"")
        assert words in bad.reason
        assert framer.closing
        close = written.removeprefix(ACCEPTED)
        assert (close[0], close[2:4]) == (0x88, code.to_bytes(2, "big"))
        assert framer.feed(wire(HEAD)) == []
        assert framer.wrap(HEAD) == b""
        assert framer.close() == b""

    def test_a_ping_is_answered_in_its_place(self, size: int) -> None:
        data = HANDSHAKE + wire(HEAD) + wire(b"hey", Opcode.PING) + wire(HEAD)
        frames, written, framer = serve(data, size)
        assert frames == [good(HEAD), good(HEAD)]
        assert written == ACCEPTED + wire(b"hey", Opcode.PONG, mask=False)
        assert not framer.closing

    def test_the_peer_closes(self, size: int) -> None:
        close = wire(b"\x03\xe8", Opcode.CLOSE)
        frames, written, framer = serve(HANDSHAKE + wire(HEAD) + close + wire(HEAD), size)
        assert frames == [good(HEAD)]
        assert written == ACCEPTED + wire(b"\x03\xe8", Opcode.CLOSE, mask=False)
        assert framer.closing

    @pytest.mark.parametrize("name", REFUSED)
    def test_a_handshake_is_refused(self, name: str, size: int) -> None:
        data, status = REFUSED[name]
        frames, written, framer = serve(data + wire(HEAD), size)
        assert [(frame.kind, frame.status) for frame in frames] == [(FrameKind.BROKEN, 0)]
        assert frames[0].reason.startswith("WebSocket: ")
        assert written.startswith(b"HTTP/1.1 %d " % status)
        assert b"Date" not in written
        assert framer.closing

    @pytest.mark.parametrize(
        ("origin", "allowed"),
        [
            (b"Origin: http://www.example.com\r\n", True),
            (b"", True),
            (b"Origin: http://www.example.org\r\n", False),
            (b"Origin: null\r\n", False),
        ],
    )
    def test_origins(self, origin: bytes, allowed: bool, size: int) -> None:
        data = HANDSHAKE.replace(b"Origin: http://www.example.com\r\n", origin)
        _, written, framer = serve(data, size, ("http://www.example.com", "http://b.example"))
        assert framer.closing is not allowed
        assert written.startswith(b"HTTP/1.1 101 " if allowed else b"HTTP/1.1 403 ")

    @pytest.mark.parametrize(
        ("origin", "allowed"),
        [
            (b"", True),
            (b"Origin: http://localhost:3000\r\n", True),
            (b"Origin: http://192.0.2.1\r\n", True),
            (b"Origin: http://www.example.com\r\n", False),
            (b"Origin: http://localhost\r\nOrigin: http://www.example.com\r\n", False),
            (b"Origin: http://www.example.com\r\nOrigin: http://localhost\r\n", False),
            (b"Origin: null\r\n", False),
            (b"Origin:\r\n", False),
        ],
    )
    def test_pages_that_are_near(self, origin: bytes, allowed: bool, size: int) -> None:
        data = HANDSHAKE.replace(b"Origin: http://www.example.com\r\n", origin)
        framer = WebSocketFramer.server(LIMITS, hosts={"192.0.2.1"})
        written = b""
        for piece in pieces(data, size):
            assert framer.feed(piece) == []
            written += framer.outgoing()
        assert framer.closing is not allowed
        assert written.startswith(b"HTTP/1.1 101 " if allowed else b"HTTP/1.1 403 ")

    def test_no_http(self, size: int) -> None:
        frames, written, framer = serve(HEAD, size)
        assert [frame.kind for frame in frames] == [FrameKind.BROKEN]
        assert written == b""
        assert framer.closing

    def test_tls(self, size: int) -> None:
        frames, written, framer = serve(b"\x16\x03\x01\x00\xf4\x01", size)
        assert frames == [SPEAKS_TLS]
        assert not written
        assert framer.closing

    def test_a_handshake_too_long(self, size: int) -> None:
        _, written, framer = serve(HANDSHAKE[:-2] + b"X: " + b"x" * 10_000 + b"\r\n", size)
        assert written.startswith(b"HTTP/1.1 431 ")
        assert framer.closing


class TestServerWrites:
    def open(self) -> WebSocketFramer:
        framer = WebSocketFramer.server(LIMITS)
        framer.feed(HANDSHAKE)
        framer.outgoing()
        return framer

    def test_text_if_it_is_utf8(self) -> None:
        framer = self.open()
        assert framer.wrap(HEAD) == wire(HEAD, mask=False)
        accent = HEAD + "é".encode()
        assert framer.wrap(accent) == wire(accent, mask=False)

    def test_binary_if_it_is_not(self) -> None:
        data = HEAD + b"\xff"
        assert self.open().wrap(data) == wire(data, Opcode.BINARY, mask=False)

    def test_nothing_overtakes(self) -> None:
        framer = self.open()
        framer.feed(wire(b"hey", Opcode.PING))
        pong = wire(b"hey", Opcode.PONG, mask=False)
        assert framer.wrap(HEAD) == pong + wire(HEAD, mask=False)

    def test_going_away(self) -> None:
        framer = self.open()
        assert framer.close() == wire(b"\x03\xe9", Opcode.CLOSE, mask=False)
        assert framer.closing
        assert framer.close() == b""
        assert framer.feed(wire(HEAD)) == []

    def test_closing_before_the_handshake(self) -> None:
        framer = WebSocketFramer.server()
        assert framer.close() == b""
        assert framer.closing


def client(**more: object) -> WebSocketFramer:
    return WebSocketFramer.client("sip-ws.example.com", secure=False, key=KEY, limits=LIMITS)


@pytest.mark.parametrize("size", [1, 3, 1000])
class TestClient:
    def test_a_conversation(self, size: int) -> None:
        ours = client()
        theirs = WebSocketFramer.server(LIMITS)
        assert ours.wrap(HEAD) == b""  # waits for the handshake
        got: list[Frame] = []
        answers: list[Frame] = []
        to_server = ours.outgoing()
        for _ in range(3):
            to_client = b""
            for piece in pieces(to_server, size):
                for frame in theirs.feed(piece):
                    got.append(frame)
                    to_client += theirs.wrap(frame.head)
                to_client += theirs.outgoing()
            to_server = b""
            for piece in pieces(to_client, size):
                answers += ours.feed(piece)
                to_server += ours.outgoing()
        assert got == answers == [good(HEAD)]
        assert not ours.closing
        assert not theirs.closing

    def test_a_ping_is_answered_with_a_pong(self, size: int) -> None:
        ours = client()
        theirs = WebSocketFramer.server(LIMITS)
        assert ours.ping() == b""  # not before the handshake is done
        theirs.feed(ours.outgoing())
        ours.feed(theirs.outgoing())
        assert theirs.feed(ours.ping()) == []
        answer = theirs.outgoing()
        assert [frame for piece in pieces(answer, size) for frame in ours.feed(piece)] == [PONG]
        ours.close()
        assert ours.ping() == b""

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (ACCEPTED.replace(b"Sec-WebSocket-Protocol: sip\r\n", b""), "subprotocol"),
            (ACCEPTED.replace(b": sip\r\n", b": chat\r\n"), "subprotocol"),
            (ACCEPTED.replace(b"s3pP", b"xxxx"), "Accept"),
            (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", "404"),
            (b"SIP/2.0 200 OK\r\n\r\n", "HTTP"),
        ],
    )
    def test_a_server_that_does_not_speak_sip(self, answer: bytes, words: str, size: int) -> None:
        framer = client()
        framer.wrap(HEAD)
        framer.outgoing()
        frames = [frame for piece in pieces(answer, size) for frame in framer.feed(piece)]
        assert [(frame.kind, frame.status) for frame in frames] == [(FrameKind.BROKEN, 0)]
        assert words in frames[0].reason
        assert framer.closing
        assert HEAD not in framer.outgoing()
        assert framer.wrap(HEAD) == b""


@pytest.mark.parametrize(
    ("secure", "port", "host"),
    [
        (False, 0, b"Host: x.example\r\n"),
        (False, 80, b"Host: x.example\r\n"),
        (False, 8080, b"Host: x.example:8080\r\n"),
        (True, 0, b"Host: x.example\r\n"),
        (True, 443, b"Host: x.example\r\n"),
        (True, 80, b"Host: x.example:80\r\n"),
    ],
)
def test_the_handshake_of_a_client(secure: bool, port: int, host: bytes) -> None:
    framer = WebSocketFramer.client("x.example", secure=secure, port=port, path="/sip")
    request = framer.outgoing()
    assert request.startswith(b"GET /sip HTTP/1.1\r\n")
    assert host in request
    assert b"Sec-WebSocket-Protocol: sip\r\n" in request
    assert b"Extensions" not in request
