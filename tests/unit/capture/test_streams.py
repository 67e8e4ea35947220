"""What is spoken on a connection: SIP with all its faults, TLS, WebSocket, and all else."""

from collections.abc import Sequence

import pytest
from tests.unit.capture.packets import ACK, FIN, SYN, A, B, Talk, answer, of, sip

from ringway.capture import messages
from ringway.capture.hep import hep_packet
from ringway.capture.items import Closed, Item, KeepAlive, Opened, Seen, Trouble
from ringway.transport.flow import Address
from ringway.transport.frames import Frame
from ringway.transport.framing import StreamFramer

CLIENT, SERVER = Address(A, 40000), Address(B, 5060)
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200)


def said(*data: bytes, start: bool = True) -> list[Item]:
    """What is seen when a client says this, a packet each."""
    talk = Talk()
    if start:
        talk.open()
    for each in data:
        talk.send("a", each)
    return talk.items()


def seen(items: list[Item]) -> list[tuple[str, str]]:
    return [
        (item.message.get("call-id") or "" if item.message else "", item.fault)
        for item in items
        if isinstance(item, Seen)
    ]


class TestMirrored:
    @pytest.mark.parametrize("start", [True, False])
    def test_hep_is_not_read_as_sip(self, start: bool) -> None:
        """What an agent mirrors over TCP is on the wire itself, too."""
        (original,) = (each for each in said(sip()) if isinstance(each, Seen))
        packet = hep_packet(original, 7)
        assert seen(said(packet[:2], packet[2:], packet, start=start)) == []


class TestKeepAlive:
    def test_ping_and_pong(self) -> None:
        talk = Talk().open()
        talk.send("a", sip())
        talk.send("a", b"\r\n\r\n")
        for _ in range(2):
            talk.send("b", b"\r\n")
        talk.send("a", b"\r\n\r\n\r\n\r\n" + sip())
        alive = of(talk.items(), KeepAlive)
        assert [(item[1], item[3], item[6]) for item in alive] == [
            ((5,), CLIENT, False),
            ((6,), SERVER, True),
            ((7,), SERVER, True),
            ((8,), CLIENT, False),
            ((8,), CLIENT, False),
        ]

    @pytest.mark.parametrize("start", [True, False])
    def test_before_any_message(self, start: bool) -> None:
        items = said(b"\r\n\r\n", b"\r\n\r\n", sip(), start=start)
        assert [item[6] for item in of(items, KeepAlive)] == [False, False]
        assert seen(items) == [("one", "")]


class TestFaults:
    def test_no_length(self) -> None:
        items = said(sip(call="a", length=None, body=b"some body") + sip(call="b"))
        assert seen(items) == [("a", "no Content-Length on a stream"), ("b", "")]

    def test_a_length_that_is_too_small(self) -> None:
        items = said(sip(call="a", body=b"abcdefgh", length=3) + sip(call="b"), sip(call="c"))
        fault = (
            "5 octets that begin no message; the Content-Length of the one before may be too small"
        )
        assert seen(items) == [("a", ""), ("", fault), ("b", ""), ("c", "")]

    def test_a_length_that_is_too_large_by_a_message(self) -> None:
        other = sip(call="b")
        items = said(sip(call="a", body=b"abc", length=3 + len(other)), other, sip(call="c"))
        fault = f"Content-Length is {3 + len(other)}, but a message begins behind 3 octets"
        assert seen(items) == [("a", fault), ("b", ""), ("c", "")]

    @pytest.mark.parametrize("pieces", [1, 3])
    def test_a_length_that_is_too_large_by_a_part_of_a_start_line(self, pieces: int) -> None:
        first, second = sip(call="a", body=b"abc", length=13), sip(call="b")
        step = len(second) // pieces + 1
        items = said(first, *(second[n : n + step] for n in range(0, len(second), step)))
        fault = "the Content-Length of the message before is 10 too large"
        assert seen(items) == [("a", ""), ("", fault), ("b", "")]

    @pytest.mark.interpreted
    def test_lengths_that_are_too_large_again_and_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each body has all the messages behind it in it: none is waited for twice."""
        fed = []

        class Counting(StreamFramer):
            def feed(self, data: bytes) -> list[Frame]:
                fed.append(len(data))
                return super().feed(data)

        monkeypatch.setattr(messages, "StreamFramer", Counting)
        one = sip(call="x").replace(b"Content-Length: 0", b"Content-Length: 500000")
        data = one * (3_000_000 // len(one))
        found = seen(said(*(data[at : at + 60_000] for at in range(0, len(data), 60_000))))
        assert sum(fed) < 2 * len(data)
        assert len(found) > (len(data) - 500_000) // len(one)
        fault = "Content-Length is 500000, but a message begins behind 0 octets"
        assert set(found[:-1]) == {("x", fault)}

    def test_a_body_may_carry_a_message(self) -> None:
        body = b"SIP/2.0 200 OK\r\n"
        headers = ["Content-Type: message/sipfrag"]
        items = said(sip("NOTIFY", body=body, headers=headers), sip(call="b"))
        assert seen(items) == [("one", ""), ("b", "")]

    @pytest.mark.parametrize("length", ["Content-Length: x", "Content-Length: 5\r\nl: 6"])
    def test_a_length_that_is_none(self, length: str) -> None:
        items = said(sip(call="a", length=None, headers=[length]) + sip(call="b"))
        assert [call for call, _ in seen(items)] == ["a", "b"]
        assert seen(items)[0][1]

    def test_a_head_without_end(self) -> None:
        items = said(sip()[:-2], b"X: ", b"y" * 60_000, b"y" * 10_000, sip(call="b"))
        assert [call for call, _ in seen(items)] == ["one", "b"]
        assert "head of more than 65536" in seen(items)[0][1]

    def test_a_body_without_end(self) -> None:
        items = said(sip(length=9_999_999), sip(call="b"))
        assert [call for call, _ in seen(items)] == ["one", "b"]

    def test_octets_between_messages_that_never_end(self) -> None:
        items = said(sip(), *[b"\x01" * 1000] * 300, sip(call="b"))
        assert [call for call, _ in seen(items)] == ["one", "", "b"]

    def test_a_tls_octet_in_the_middle(self) -> None:
        items = said(sip(), HELLO, sip(call="b"))
        assert [call for call, _ in seen(items)] == ["one", "", "b"]

    def test_a_method_that_nobody_knows(self) -> None:
        items = said(sip("FROBNICATE"), sip(call="b"))
        assert seen(items) == [("one", ""), ("b", "")]

    def test_a_fault_within(self) -> None:
        items = said(sip().replace(b"To: ", b"Too: "), sip(call="b"))
        assert seen(items) == [("one", "to: no To"), ("b", "")]


def transports(items: Sequence[Item]) -> list[str]:
    return [each.transport for each in of(items, Opened)]


class TestOther:
    def test_a_websocket_begins_with_the_servers_frame(self) -> None:
        data = sip(call="w")
        frame = b"\x81\x7e" + len(data).to_bytes(2) + data
        items = said(frame, frame, start=False)
        assert seen(items) == [("w", ""), ("w", "")]
        assert {item.transport for item in items if isinstance(item, Seen)} == {"ws"}

    @pytest.mark.parametrize("start", [True, False])
    def test_encrypted_connections_are_counted(self, start: bool) -> None:
        items = said(HELLO, sip(), start=start)
        kinds = [Opened, Trouble] if start else [Trouble]
        assert [type(item) for item in items] == kinds
        assert items[-1] == Trouble(
            0.0, (), "1 connection is encrypted with TLS and cannot be read"
        )
        if start:
            assert transports(items) == ["tls"]

    def test_tls_octet_by_octet(self) -> None:
        items = said(*(HELLO[n : n + 1] for n in range(10)))
        assert transports(items) == ["tls"]

    def test_the_end_of_an_encrypted_connection(self) -> None:
        talk = Talk().open()
        talk.send("a", HELLO)
        talk.send("b", flags=ACK | FIN)
        closed = talk.items()[1]
        assert isinstance(closed, Closed)
        assert (closed.transport, closed.source) == ("tls", SERVER)

    @pytest.mark.parametrize(
        "data",
        [
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
            b"POST /sip HTTP/1.1\r\n\r\n" + sip(),
            b"\x00\x01\x02" + bytes(100),
            b"G" * 5000,
            b"GET /" + b"x" * 20_000,
        ],
    )
    def test_what_is_no_sip_is_not_told(self, data: bytes) -> None:
        found = said(data, *[bytes(1000)] * 80)
        if sip() not in data:
            assert found == []
        assert not of(found, Trouble)

    def test_an_opening_keeps_its_place_for_a_second(self) -> None:
        talk = Talk().open()
        other = Talk(port=40001)
        other.at, other.packets = talk.at, talk.packets
        other.open().send("a", sip(call="other"))
        talk.at = other.at
        talk.send("a", sip(call="late"))
        items = talk.items()
        assert [type(item) for item in items] == [Opened, Opened, Seen, Seen]
        assert [item.at for item in items] == sorted(item.at for item in items)

    def test_and_no_longer(self) -> None:
        talk = Talk().open()
        talk.wait(2.0)
        talk.send("b")
        talk.send("a", b"SSH-2.0-OpenSSH_9.2\r\n")
        talk.send("a", flags=ACK | FIN)
        assert [type(item) for item in talk.items()] == [Opened, Closed]

    def test_one_direction_tells_what_the_other_is(self) -> None:
        talk = Talk()
        talk.send("b", b"the end of something")
        talk.send("a", sip())
        talk.send("b", b"more of it\r\n" + answer())
        assert [call for call, _ in seen(talk.items())] == ["one", "one"]

    def test_a_stream_in_many_small_pieces_is_given_up(self) -> None:
        items = said(*[b"ab"] * 300, start=False)
        assert items == []

    def test_a_syn_with_data(self) -> None:
        talk = Talk()
        talk.send("a", sip(), flags=SYN)
        talk.next["a"] += 0
        assert seen(talk.items()) == [("one", "")]
