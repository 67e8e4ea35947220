"""RFC 3581: responses go back to the port the request came from."""

import pytest
from tests.unit.proxy.world import World

from ringway.message.message import Request
from ringway.message.parser import parse_datagram
from ringway.transport.flow import Address, Flow
from ringway.transport.via import response_flow, stamp_received

SERVER = Address("192.0.2.2", 5060)
NAT = Address("192.0.2.1", 9988)


def invite(via: str) -> Request:
    text = (
        "INVITE sip:user@example.com SIP/2.0\r\n"
        f"Via: {via}\r\n"
        "Max-Forwards: 70\r\n"
        "From: <sip:caller@example.com>;tag=1\r\n"
        "To: <sip:user@example.com>\r\n"
        "Call-ID: c1\r\n"
        "CSeq: 1 INVITE\r\n"
        "Contact: <sip:caller@10.1.1.1:4540>\r\n"
        "Content-Length: 0\r\n\r\n"
    )
    message = parse_datagram(text.encode())
    assert isinstance(message, Request)
    return message


class TestSection4ServerBehaviour:
    @pytest.mark.clause("RFC3581 4")
    @pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "ws", "wss"])
    def test_rport_gets_the_source_port_whatever_the_transport(self, transport: str) -> None:
        message = invite(f"SIP/2.0/{transport.upper()} 10.1.1.1:4540;rport;branch=z9hG4bKa")
        via = stamp_received(message, Flow(transport, SERVER, NAT, 1)).top_via
        assert (via.rport, via.received) == ("9988", "192.0.2.1")
        assert via.branch == "z9hG4bKa"

    @pytest.mark.clause("RFC3581 4")
    def test_received_is_added_even_if_sent_by_says_the_same(self) -> None:
        message = invite("SIP/2.0/UDP 192.0.2.1:9988;rport;branch=z9hG4bKa")
        via = stamp_received(message, Flow("udp", SERVER, NAT)).top_via
        assert (via.rport, via.received) == ("9988", "192.0.2.1")

    @pytest.mark.clause("RFC3581 4")
    def test_an_rport_with_a_value_is_not_changed(self) -> None:
        message = invite("SIP/2.0/UDP 10.1.1.1:4540;rport=1234;branch=z9hG4bKa")
        assert stamp_received(message, Flow("udp", SERVER, NAT)).top_via.rport == "1234"

    @pytest.mark.clause("RFC3581 4")
    def test_without_rport_none_is_added(self) -> None:
        message = invite("SIP/2.0/UDP 10.1.1.1:4540;branch=z9hG4bKa")
        via = stamp_received(message, Flow("udp", SERVER, NAT)).top_via
        assert (via.rport, via.received) == (None, "192.0.2.1")

    @pytest.mark.clause("RFC3581 4")
    def test_the_response_goes_to_received_and_rport_from_where_the_request_came_in(self) -> None:
        flow = Flow("udp", SERVER._replace(port=5070), NAT)
        message = stamp_received(invite("SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKa"), flow)
        assert response_flow(message.top_via, flow) == flow

    @pytest.mark.clause("RFC3581 4")
    def test_maddr_goes_before_rport(self) -> None:
        flow = Flow("udp", SERVER, NAT)
        message = invite("SIP/2.0/UDP 10.1.1.1:4540;maddr=192.0.2.50;rport;branch=z9hG4bKa")
        back = response_flow(stamp_received(message, flow).top_via, flow)
        assert back == Flow("udp", SERVER, Address("192.0.2.50", 4540))


class TestSection6Example:
    @pytest.mark.clause("RFC3581 6")
    def test_through_the_nat_and_back(self) -> None:
        message = invite("SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff")
        flow = Flow("udp", SERVER, NAT)
        via = stamp_received(message, flow).top_via
        assert via.sent_by == "10.1.1.1:4540"
        assert (via.received, via.rport) == ("192.0.2.1", "9988")
        assert response_flow(via, flow) == Flow("udp", SERVER, NAT)


class TestWithoutRport:
    """A phone behind a NAT that does not ask is answered where its NAT lets the answer in."""

    @pytest.mark.parametrize(
        ("sent_by", "port"),
        [
            ("192.168.1.2:5060", NAT.port),
            ("10.1.1.1", NAT.port),
            ("172.31.0.9:4540", NAT.port),
            ("100.64.0.9:4540", NAT.port),
            ("[fd00::1]:4540", NAT.port),
            ("127.0.0.1:4540", NAT.port),
            ("phone.invalid:4540", NAT.port),
            ("198.51.100.7:4540", 4540),
            ("phone.example.com:4540", 4540),
            ("172.32.0.9:4540", 4540),
        ],
    )
    def test_where_the_response_goes(self, sent_by: str, port: int) -> None:
        flow = Flow("udp", SERVER, NAT)
        message = stamp_received(invite(f"SIP/2.0/UDP {sent_by};branch=z9hG4bKa"), flow)
        assert response_flow(message.top_via, flow) == flow._replace(remote=Address(NAT.host, port))

    def test_without_a_nat_the_port_in_the_via_counts(self) -> None:
        flow = Flow("udp", SERVER, Address("10.1.1.1", 40001))
        for value in ("10.1.1.1:4540;branch=z9hG4bKa", "10.1.1.1:4540;received=10.1.1.1"):
            via = stamp_received(invite(f"SIP/2.0/UDP {value}"), flow).top_via
            assert response_flow(via, flow) == flow._replace(remote=Address("10.1.1.1", 4540))

    def test_a_whole_registration(self) -> None:
        world = World()
        phone = world.phone(
            "nat", "198.51.100.7", transport="udp", port=33333, instance="", register=False
        )
        user = "<sip:nat@ringway.test>"
        contact = [("Contact", "<sip:nat@192.168.1.2:5060>")]
        phone.request(
            "REGISTER",
            "sip:ringway.test",
            from_=f"{user};tag=1",
            to=user,
            sent_by="192.168.1.2:5060",
            headers=contact,
        )
        assert phone.statuses == [200]
        world.caller().invite("nat")
        assert phone.methods == ["INVITE"]
