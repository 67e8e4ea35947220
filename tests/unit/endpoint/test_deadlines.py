"""How long a peer may take for what it has begun."""

from __future__ import annotations

import pytest
from tests.harness import HOST, Harness, Peer, make_request

from ringway.endpoint import RequestReceived
from ringway.transport.flow import Address, NextHop
from ringway.transport.framing import client_framer

START = b"OPTIONS sip:ringway.test SIP/2.0\r\n"


@pytest.fixture
def h() -> Harness:
    return Harness(message_time=30.0, handshake_time=10.0)


def over(h: Harness) -> dict[str, int]:
    return h.endpoint.counters.over


def shake_hands(h: Harness, *, until: int | None = None, more: bytes = b"") -> Peer:
    """Open a WebSocket, sending so many bytes of the handshake, and more along with them."""
    peer = Peer(h, "ws", Address("10.0.0.9", 40000))
    peer.framer = client_framer(NextHop("ws", Address(HOST, 80), HOST))
    peer.flow = h.endpoint.flow_opened("ws", Address(HOST, 80), peer.address, h.now)
    h.flows[peer.flow] = peer
    peer.send_raw(peer.framer.outgoing()[:until] + more)
    return peer


class TestMessages:
    def test_one_that_does_not_end_closes_the_connection(self, h: Harness) -> None:
        phone = h.connect("tcp", "10.0.0.9")
        phone.send_raw(START)
        h.advance(29.9)
        assert not phone.closed
        h.advance(0.2)
        assert phone.closed
        assert over(h) == {"message_time": 1}
        assert h.endpoint.next_timer() is None

    def test_progress_does_not_renew_the_limit(self, h: Harness) -> None:
        phone = h.connect("tcp", "10.0.0.9")
        phone.request("OPTIONS")
        phone.send_raw(START)
        for _ in range(29):
            h.advance(1)
            phone.send_raw(b"X: y\r\n")
        assert not phone.closed
        h.advance(1.1)
        assert phone.closed

    def test_a_body_that_does_not_come_either(self, h: Harness) -> None:
        phone = h.connect("tcp", "10.0.0.9")
        phone.send_raw(START + b"Content-Length: 10\r\n\r\nabc")
        h.advance(31)
        assert phone.closed

    def test_the_next_message_has_its_own_limit(self, h: Harness) -> None:
        phone = h.connect("tcp", "10.0.0.9")
        data = phone.request("OPTIONS").to_bytes()
        half = len(data) // 2
        phone.send_raw(data[:half])
        h.advance(20)
        phone.send_raw(data[half:] + data[:half])
        h.advance(20)
        assert not phone.closed
        h.advance(11)
        assert phone.closed

    def test_between_messages_there_is_none(self, h: Harness) -> None:
        phone = h.connect("tcp", "10.0.0.9")
        phone.send_raw(b"\r\n\r\n")
        h.advance(3600)
        assert not phone.closed
        assert over(h) == {}

    def test_who_connects_and_says_nothing_is_closed(self, h: Harness) -> None:
        phone = h.connect("tcp", "10.0.0.9")
        h.advance(31)
        assert phone.closed

    def test_who_we_connect_to_may_be_silent(self, h: Harness) -> None:
        server = h.peer("tcp", "10.0.0.7")
        h.send("OPTIONS", server)
        h.advance(3600)
        assert not server.closed

    def test_a_connection_that_closes_before_leaves_no_timer(self, h: Harness) -> None:
        phone = h.connect("tcp", "10.0.0.9")
        phone.send_raw(START)
        phone.close()
        assert h.endpoint.next_timer() is None

    def test_without_a_limit(self) -> None:
        h = Harness()
        phone = h.connect("tcp", "10.0.0.9")
        phone.send_raw(START)
        h.advance(3600)
        assert not phone.closed


class TestWebSockets:
    @pytest.mark.parametrize("until", [0, 40])
    def test_a_handshake_that_does_not_end_closes_the_connection(
        self, h: Harness, until: int
    ) -> None:
        phone = shake_hands(h, until=until)
        h.advance(9.9)
        assert not phone.closed
        h.advance(0.2)
        assert phone.closed
        assert over(h) == {"handshake_time": 1}

    def test_after_it_the_first_message_has_its_limit(self, h: Harness) -> None:
        phone = shake_hands(h)
        h.advance(29)
        assert not phone.closed
        h.advance(2)
        assert phone.closed
        assert over(h) == {"message_time": 1}

    def test_a_phone_that_speaks_may_be_silent_then(self, h: Harness) -> None:
        phone = shake_hands(h)
        phone.request("OPTIONS")
        h.advance(3600)
        assert not phone.closed

    def test_nor_has_one_a_limit_that_speaks_with_its_handshake(self, h: Harness) -> None:
        message = make_request("OPTIONS", "sip:ringway.test").to_bytes()
        frame = b"\x82\xfe" + len(message).to_bytes(2, "big") + bytes(4) + message
        phone = shake_hands(h, more=frame)
        assert isinstance(h.events[-1], RequestReceived)
        h.advance(3600)
        assert not phone.closed

    @pytest.mark.parametrize("cut", [1, 5, 60, -1])
    def test_a_part_of_a_frame_closes_the_connection(self, h: Harness, cut: int) -> None:
        phone = shake_hands(h)
        request = phone.request("OPTIONS")
        assert phone.framer is not None
        phone.send_raw(phone.framer.wrap(request.to_bytes())[:cut])
        h.advance(31)
        assert phone.closed

    def test_fragments_that_do_not_end_do_too(self, h: Harness) -> None:
        phone = shake_hands(h)
        phone.request("OPTIONS")
        fragment = b"\x01\x83abcd" + bytes(x ^ y for x, y in zip(b"OPT", b"abc", strict=True))
        phone.send_raw(fragment)
        h.advance(29)
        phone.send_raw(b"\x00" + fragment[1:])
        assert not phone.closed
        h.advance(2)
        assert phone.closed
