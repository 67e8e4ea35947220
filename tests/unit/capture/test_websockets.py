"""SIP over WebSocket as somebody sees it who only listens (RFC 6455, RFC 7118, RFC 7692)."""

import struct
import zlib

import pytest
from tests.unit.capture.packets import ACK, FIN, A, B, Talk, answer, of, sip

from ringway.capture.items import Closed, Item, KeepAlive, Opened, Seen, Trouble
from ringway.transport.flow import Address

CLIENT, SERVER = Address(A, 40000), Address(B, 5060)
ASK = (
    b"GET /ws HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)
AGREE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: sip\r\n"
)
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(
    data: bytes, kind: int = TEXT, *, mask: bool = False, fin: bool = True, rsv: int = 0
) -> bytes:
    head = bytes([fin << 7 | rsv << 6 | kind])
    key = b"\x01\x02\x03\x04" if mask else b""
    bit = mask << 7
    if len(data) < 126:
        head += bytes([bit | len(data)])
    elif len(data) < 65536:
        head += struct.pack("!BH", bit | 126, len(data))
    else:
        head += struct.pack("!BQ", bit | 127, len(data))
    if mask:
        data = bytes(octet ^ key[n % 4] for n, octet in enumerate(data))
    return head + key + data


def opened(extension: bytes = b"") -> Talk:
    talk = Talk().open()
    talk.send("a", ASK)
    talk.send("b", AGREE + extension + b"\r\n")
    return talk


def calls(items: list[Item]) -> list[str]:
    found = [item for item in items if isinstance(item, Seen)]
    return [item.message.get("call-id") or "" if item.message else "" for item in found]


def test_messages_of_both_sides() -> None:
    talk = opened()
    talk.send("a", frame(sip(call="up"), mask=True))
    talk.send("b", frame(answer(), BINARY))
    talk.send("a", frame(b"\x03\xe8", CLOSE, mask=True))
    talk.send("a", flags=ACK | FIN)
    items = talk.items()
    assert items[0] == Opened(100.03, (1, 2, 3), "ws", CLIENT, SERVER)
    assert [item[1:5] for item in of(items, Seen)] == [
        ((6,), "ws", CLIENT, SERVER),
        ((7,), "ws", SERVER, CLIENT),
    ]
    assert calls(items) == ["up", "one"]
    assert items[-1] == Closed(100.09, (9,), "ws", CLIENT, SERVER, "closed")
    assert not of(items, Trouble)


@pytest.mark.parametrize("step", [1, 7, 100])
def test_any_cut(step: int) -> None:
    up = ASK + frame(sip(call="up", body=b"x" * 200), mask=True) + frame(b"\r\n\r\n", mask=True)
    down = AGREE + b"\r\n" + frame(answer())
    talk = Talk().open()
    for side, data in (("a", up), ("b", down)):
        for begin in range(0, len(data), step):
            talk.send(side, data[begin : begin + step])
    items = talk.items()
    if step == 1:  # a handshake in hundreds of packets is given up
        assert not of(items, Trouble)
    else:
        assert calls(items) == ["up", "one"]
        assert len(of(items, KeepAlive)) == 1


def test_fragments_and_pings_between_them() -> None:
    talk = opened()
    data = sip(call="split")
    talk.send("a", frame(data[:50], mask=True, fin=False))
    talk.send("a", frame(b"", PING, mask=True))
    talk.send("b", frame(b"", PONG))
    talk.send("a", frame(data[50:], 0, mask=True))
    items = talk.items()
    assert [(item[1], item[5], item[6]) for item in of(items, KeepAlive)] == [
        ((6, 7), "websocket", False),
        ((8,), "websocket", True),
    ]
    (seen,) = of(items, Seen)
    assert seen[1] == (6, 7, 9)


def test_empty_lines_are_keep_alives() -> None:
    talk = opened()
    talk.send("a", frame(b"\r\n\r\n", mask=True))
    talk.send("b", frame(b"\r\n"))
    assert [(item[5], item[6]) for item in of(talk.items(), KeepAlive)] == [
        ("crlf", False),
        ("crlf", True),
    ]


def test_what_is_no_sip_is_passed_over() -> None:
    talk = opened()
    talk.send("a", frame(b'{"a": 1}', mask=True))
    talk.send("a", frame(sip(), mask=True))
    assert calls(talk.items()) == ["one"]


class TestCompressed:
    @pytest.mark.parametrize(
        ("parameters", "bits", "forgets"),
        [
            (b"", 15, False),
            (b"; server_no_context_takeover; client_no_context_takeover", 15, True),
            (b"; server_max_window_bits=10; client_max_window_bits=10", 10, False),
            (b"; server_max_window_bits=99", 15, False),
        ],
    )
    def test_it_is_unpacked(self, parameters: bytes, bits: int, forgets: bool) -> None:
        talk = opened(b"Sec-WebSocket-Extensions: permessage-deflate" + parameters + b"\r\n")
        packers = {side: zlib.compressobj(wbits=-bits) for side in "ab"}
        for n in range(3):
            for side in "ab":
                if forgets:
                    packers[side] = zlib.compressobj(wbits=-bits)
                data = packers[side].compress(sip(call=f"{side}{n}", body=b"y" * 3000))
                if forgets:  # it may then end the stream (RFC 7692 section 7.2.3.4)
                    data += packers[side].flush(zlib.Z_FINISH) + b"\0"
                else:
                    data = (data + packers[side].flush(zlib.Z_SYNC_FLUSH))[:-4]
                talk.send(side, frame(data, mask=side == "a", rsv=1))
        items = talk.items()
        assert calls(items) == ["a0", "b0", "a1", "b1", "a2", "b2"]
        assert not of(items, Trouble)

    def test_a_bomb(self) -> None:
        talk = opened(b"Sec-WebSocket-Extensions: permessage-deflate\r\n")
        packer = zlib.compressobj(wbits=-15)
        data = packer.compress(bytes(50_000_000)) + packer.flush(zlib.Z_SYNC_FLUSH)
        for begin in range(0, len(data), 30_000):
            piece = frame(data, mask=True, rsv=1)[begin : begin + 30_000]
            talk.send("a", piece)
        (trouble,) = of(talk.items(), Trouble)
        assert "a WebSocket cannot be read" in trouble[2]

    def test_what_is_behind_a_gap_is_lost(self) -> None:
        talk = opened(b"Sec-WebSocket-Extensions: permessage-deflate\r\n")
        talk.lose("a", b"x" * 10)
        talk.send("a", frame(sip(), mask=True))
        items = talk.items()
        assert calls(items) == []
        assert [item[2].partition(":")[0] for item in of(items, Trouble)] == [
            "octets of a connection were not captured",
            "a compressed WebSocket cannot be read behind a gap",
        ]


class TestFaults:
    def test_refused(self) -> None:
        talk = Talk().open()
        talk.send("a", ASK)
        talk.send("b", b"HTTP/1.1 403 Forbidden\x1b[2J\r\n\r\n")
        talk.send("b", flags=ACK | FIN)
        items = talk.items()
        assert [type(item) for item in items] == [Opened, Trouble, Closed]
        assert items[1] == Trouble(
            100.05, (5,), "a WebSocket was refused: 'HTTP/1.1 403 Forbidden\\x1b[2J'"
        )

    def test_under_way(self) -> None:
        talk = Talk()
        talk.send("a", b"the end of a frame")
        talk.send("a", frame(sip(call="up", body=b"z" * 300), mask=True))
        talk.send("b", frame(answer()))
        assert calls(talk.items()) == ["up", "one"]

    @pytest.mark.parametrize("kind", [PING, PONG])
    @pytest.mark.parametrize("mask", [True, False])
    def test_under_way_with_a_ping(self, kind: int, mask: bool) -> None:
        talk = Talk()
        talk.send("a", frame(b"abc", kind, mask=mask))
        (item,) = talk.items()
        assert isinstance(item, KeepAlive)
        assert (item.transport, item.kind, item.answer) == ("ws", "websocket", kind == PONG)

    def test_a_gap(self) -> None:
        talk = opened()
        whole = frame(sip(call="lost"), mask=True)
        talk.send("a", whole[:60])
        talk.lose("a", whole[60:100])
        talk.send("a", whole[100:])
        talk.send("a", frame(sip(call="next"), mask=True))
        items = talk.items()
        assert calls(items) == ["next"]

    def test_a_fragment_before_a_gap_is_told(self) -> None:
        talk = opened()
        talk.send("a", frame(sip()[:90], mask=True, fin=False))
        talk.lose("a", b"x")
        talk.send("a", frame(sip(call="next"), mask=True))
        first, second = of(talk.items(), Seen)
        assert first[6] == "1 octets behind these were not captured"
        assert second[6] == ""

    @pytest.mark.parametrize("bad", [frame(b"x", 3), frame(b"x", rsv=1), frame(b"x" * 126, PING)])
    def test_frames_that_are_none(self, bad: bytes) -> None:
        talk = opened()
        talk.send("b", bad)
        talk.send("b", frame(answer()))
        items = talk.items()
        (trouble,) = of(items, Trouble)
        assert trouble[2].startswith("a WebSocket cannot be read: ")
        assert calls(items) == ["one"]

    def test_too_many_fragments(self) -> None:
        talk = opened()
        for _ in range(40):
            talk.send("b", frame(bytes(60_000), fin=False))
        assert [type(item) for item in talk.items()] == [Opened]

    def test_a_handshake_that_does_not_end(self) -> None:
        talk = Talk().open()
        talk.send("a", ASK)
        for _ in range(80):
            talk.send("b", b"HTTP/1.1 101 " + b"x" * 1000)
        assert [type(item) for item in talk.items()] == [Opened]
