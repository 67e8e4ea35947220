"""RFC 7118: SIP over WebSocket."""

import pytest
from tests.unit.transport.zones import Zone, naptr, search, srv
from websockets.frames import Frame as Wire
from websockets.frames import Opcode

from ringway.message.message import Request
from ringway.message.parser import parse_datagram
from ringway.message.uri import parse_uri
from ringway.transport.flow import DEFAULT_PORTS, Address, Flow
from ringway.transport.frames import PING, PING_BYTES, PONG, PONG_BYTES, FrameKind
from ringway.transport.nexthop import numeric_target
from ringway.transport.via import response_flow, response_target, stamp_received
from ringway.transport.websocket import WebSocketFramer

# The handshake of §4.1.
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
# A REGISTER as in §8.1, which has no Content-Length.
REGISTER = (
    b"REGISTER sip:proxy.example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bKasudf\r\n"
    b"From: sip:alice@example.com;tag=65bnmj.34asd\r\n"
    b"To: sip:alice@example.com\r\n"
    b"Call-ID: aiuy7k9njasd\r\n"
    b"CSeq: 1 REGISTER\r\n"
    b"Max-Forwards: 70\r\n"
    b"Supported: path, outbound, gruu\r\n"
    b"Contact: <sip:alice@df7jal23ls0d.invalid;transport=ws>;reg-id=1"
    b';+sip.instance="<urn:uuid:f81-7dec-14a06cf1>"\r\n'
    b"\r\n"
)


def wire(data: bytes, opcode: Opcode = Opcode.TEXT, *, mask: bool = True) -> bytes:
    return Wire(opcode, data).serialize(mask=mask)


def connected() -> WebSocketFramer:
    framer = WebSocketFramer.server()
    assert framer.feed(HANDSHAKE) == []
    assert framer.outgoing().startswith(b"HTTP/1.1 101 ")
    return framer


class TestSection4_1Handshake:
    @pytest.mark.clause("RFC7118 4.1")
    def test_the_client_asks_for_sip(self) -> None:
        request = WebSocketFramer.client("sip-ws.example.com", secure=True).outgoing()
        assert b"\r\nSec-WebSocket-Protocol: sip\r\n" in request

    @pytest.mark.clause("RFC7118 4.1")
    def test_the_server_says_sip(self) -> None:
        framer = WebSocketFramer.server()
        framer.feed(HANDSHAKE)
        response = framer.outgoing()
        assert b"\r\nSec-WebSocket-Protocol: sip\r\n" in response
        assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in response

    @pytest.mark.clause("RFC7118 4.1")
    @pytest.mark.parametrize("offer", [b"", b"Sec-WebSocket-Protocol: chat\r\n"])
    def test_a_client_that_does_not_is_refused(self, offer: bytes) -> None:
        framer = WebSocketFramer.server()
        framer.feed(HANDSHAKE.replace(b"Sec-WebSocket-Protocol: sip\r\n", offer))
        assert framer.outgoing().startswith(b"HTTP/1.1 400 ")
        assert framer.closing

    @pytest.mark.clause("RFC7118 4.1")
    def test_sip_among_others_is_chosen(self) -> None:
        framer = WebSocketFramer.server()
        framer.feed(HANDSHAKE.replace(b"Protocol: sip", b"Protocol: chat, sip"))
        assert b"\r\nSec-WebSocket-Protocol: sip\r\n" in framer.outgoing()

    @pytest.mark.clause("RFC7118 4.1")
    def test_nothing_but_sip_is_carried(self) -> None:
        framer = connected()
        (frame,) = framer.feed(wire(b"hello"))
        assert (frame.kind, frame.status) == (FrameKind.BROKEN, 0)
        assert framer.closing


class TestSection4_2Encoding:
    @pytest.mark.clause("RFC7118 4.2")
    @pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY])
    def test_text_and_binary_are_both_taken(self, opcode: Opcode) -> None:
        (frame,) = connected().feed(wire(REGISTER, opcode))
        assert (frame.kind, frame.head) == (FrameKind.MESSAGE, REGISTER)

    @pytest.mark.clause("RFC7118 4.2")
    def test_what_is_not_utf8_goes_in_binary(self) -> None:
        framer = connected()
        assert framer.wrap(REGISTER + b"\xff")[0] == 0x82
        assert framer.wrap(REGISTER + "é".encode())[0] == 0x81


class TestSection5Transport:
    @pytest.mark.clause("RFC7118 5")
    def test_it_is_reliable(self) -> None:
        for transport in ("ws", "wss"):
            assert Flow(transport, Address("::1", 80), Address("::1", 1), 1).reliable

    @pytest.mark.clause("RFC7118 5")
    def test_one_message_in_each(self) -> None:
        framer = connected()
        (frame,) = framer.feed(wire(REGISTER.replace(b"\r\n\r\n", b"\r\nl: 0\r\n\r\n") + REGISTER))
        assert (frame.kind, frame.status) == (FrameKind.BROKEN, 400)
        assert "more than one" in frame.reason

    @pytest.mark.clause("RFC7118 5")
    def test_content_length_is_not_needed(self) -> None:
        (frame,) = connected().feed(wire(REGISTER + b"body"))
        assert (frame.head, frame.body) == (REGISTER, b"body")
        message = parse_datagram(frame.head + frame.body)
        assert message.body == b"body"


class TestSection5_2Uri:
    @pytest.mark.clause("RFC7118 5.2")
    @pytest.mark.parametrize(
        ("uri", "target"),
        [
            ("sip:192.0.2.1;transport=ws", "ws 192.0.2.1:80"),
            ("sips:192.0.2.1;transport=ws", "wss 192.0.2.1:443"),
            ("sips:192.0.2.1:5063;transport=WS", "wss 192.0.2.1:5063"),
        ],
    )
    def test_transport_ws_is_for_both(self, uri: str, target: str) -> None:
        assert str(numeric_target(parse_uri(uri))) == target


class TestSection5_3Received:
    FLOW = Flow("wss", Address("192.0.2.1", 443), Address("10.0.0.80", 50000), 3)

    def register(self) -> Request:
        message = parse_datagram(REGISTER)
        assert isinstance(message, Request)
        return message

    @pytest.mark.clause("RFC7118 5.3")
    def test_the_address_of_an_intermediary_stays_hidden(self) -> None:
        message = self.register()
        plain = message.to_bytes()
        assert stamp_received(message, self.FLOW).to_bytes() == plain

    @pytest.mark.clause("RFC7118 5.3")
    def test_responses_take_the_websocket_or_none(self) -> None:
        via = self.register().top_via
        assert response_flow(via, self.FLOW) is self.FLOW
        assert response_target(via, self.FLOW) is None


class TestSection5_5Locating:
    @pytest.mark.clause("RFC7118 5.5")
    def test_naptr_services(self) -> None:
        zone: Zone = {
            ("example.com", "NAPTR"): (
                naptr(10, "SIP+D2W", "_sip._ws.example.com"),
                naptr(20, "SIPS+D2W", "_sips._ws.example.com"),
            ),
            ("_sip._ws.example.com", "SRV"): (srv("192.0.2.1", 8080),),
            ("_sips._ws.example.com", "SRV"): (srv("192.0.2.1", 8443),),
        }
        assert search("sip:example.com", zone)[0] == ["ws 192.0.2.1:8080"]
        assert search("sips:example.com", zone)[0] == ["wss 192.0.2.1:8443"]

    @pytest.mark.clause("RFC7118 5.5")
    def test_default_ports(self) -> None:
        assert (DEFAULT_PORTS["ws"], DEFAULT_PORTS["wss"]) == (80, 443)
        zone: Zone = {("example.com", "A"): ("192.0.2.1",)}
        assert search("sip:example.com;transport=ws", zone)[0] == ["ws 192.0.2.1:80"]
        assert search("sips:example.com;transport=ws", zone)[0] == ["wss 192.0.2.1:443"]


class TestSection6KeepAlive:
    @pytest.mark.clause("RFC7118 6")
    def test_a_websocket_ping_gets_its_pong(self) -> None:
        framer = connected()
        assert framer.feed(wire(b"x", Opcode.PING)) == []
        assert framer.outgoing() == wire(b"x", Opcode.PONG, mask=False)

    @pytest.mark.clause("RFC7118 6")
    def test_the_keep_alive_of_rfc_5626(self) -> None:
        framer = connected()
        assert framer.feed(wire(PING_BYTES)) == [PING]
        assert framer.feed(wire(PONG_BYTES)) == [PONG]
        assert framer.wrap(PONG_BYTES) == wire(PONG_BYTES, mask=False)
