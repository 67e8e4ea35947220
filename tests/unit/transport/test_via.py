import pytest

from ringway.message.headers import parse_via
from ringway.message.message import Request
from ringway.message.parser import parse_datagram
from ringway.transport.flow import Address, Flow, NextHop
from ringway.transport.via import response_flow, response_target, stamp_received

LOCAL = Address("192.0.2.1", 5060)
SOURCE = Address("192.0.2.7", 40112)
SOURCE6 = Address("2001:db8::7", 40112)


def request(*vias: str) -> Request:
    lines = [
        "OPTIONS sip:a@example.com SIP/2.0",
        *vias,
        "From: <sip:b@example.com>;tag=1",
        "To: <sip:a@example.com>",
        "Call-ID: c1",
        "CSeq: 1 OPTIONS",
        "Max-Forwards: 70",
        "",
        "",
    ]
    message = parse_datagram("\r\n".join(lines).encode())
    assert isinstance(message, Request)
    return message


def via_line(message: Request) -> str:
    return message.to_bytes().split(b"\r\n")[1].decode()


class TestStamp:
    @pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
    @pytest.mark.parametrize(
        ("value", "source", "stamped"),
        [
            # Nothing to change.
            ("192.0.2.7:5060;branch=z9hG4bKa", SOURCE, None),
            ("[2001:db8::7];branch=z9hG4bKa", SOURCE6, None),
            ("[2001:DB8:0::7];branch=z9hG4bKa", SOURCE6, None),
            ("192.0.2.7;rport=99;branch=z9hG4bKa", SOURCE, None),
            ("pc.example.com;received=192.0.2.7;branch=z9hG4bKa", SOURCE, None),
            # A name, or another address.
            (
                "pc.Example.com;branch=z9hG4bKa",
                SOURCE,
                "pc.Example.com;branch=z9hG4bKa;received=192.0.2.7",
            ),
            ("10.0.0.7;branch=z9hG4bKa", SOURCE, "10.0.0.7;branch=z9hG4bKa;received=192.0.2.7"),
            ("10.0.0.7", SOURCE6, "10.0.0.7;received=2001:db8::7"),
            ("[::1]", SOURCE, "[::1];received=192.0.2.7"),
            ("[::1]", SOURCE6, "[::1];received=2001:db8::7"),
            ("[::1]", Address("not:an:address", 1), "[::1];received=not:an:address"),
            ("[::1]", Address("fe80::7%eth0", 1), "[::1];received=fe80::7"),
            # rport is filled in, and brings received with it.
            ("192.0.2.7;rport", SOURCE, "192.0.2.7;rport=40112;received=192.0.2.7"),
            (
                "192.0.2.7;RPORT ;branch=z9hG4bKa",
                SOURCE,
                "192.0.2.7;branch=z9hG4bKa;rport=40112;received=192.0.2.7",
            ),
            (
                "10.0.0.7:5062; rport;branch=z9hG4bKa",
                SOURCE,
                "10.0.0.7:5062;branch=z9hG4bKa;rport=40112;received=192.0.2.7",
            ),
            ("10.0.0.7;xrport", SOURCE, "10.0.0.7;xrport;received=192.0.2.7"),
            # A received of the client's own making says nothing.
            (
                "192.0.2.7;received=203.0.113.1;branch=z9hG4bKa",
                SOURCE,
                "192.0.2.7;branch=z9hG4bKa;received=192.0.2.7",
            ),
            (
                "pc.example.com; Received = 203.0.113.1 ;rport;branch=z9hG4bKa",
                SOURCE,
                "pc.example.com;branch=z9hG4bKa;rport=40112;received=192.0.2.7",
            ),
            (
                'pc.example.com;received="203.0.113.1";branch=z9hG4bKa',
                SOURCE,
                "pc.example.com;branch=z9hG4bKa;received=192.0.2.7",
            ),
            # What only looks like a parameter is left alone.
            (
                'pc.example.com;x=";rport;received=1";y="\\";rport;"',
                SOURCE,
                'pc.example.com;x=";rport;received=1";y="\\";rport;";received=192.0.2.7',
            ),
            (
                'pc.example.com;x=";rport;received=1";rport',
                SOURCE,
                'pc.example.com;x=";rport;received=1";rport=40112;received=192.0.2.7',
            ),
        ],
    )
    @pytest.mark.clause("RFC3261-18.2.1-4")
    @pytest.mark.clause("RFC3261-18.2.1-5")
    @pytest.mark.clause("RFC3261-18.2.1-6")
    def test_via(self, value: str, source: Address, stamped: str | None, transport: str) -> None:
        before = request(f"Via: SIP/2.0/{transport.upper()} {value}")
        plain = before.to_bytes()
        after = stamp_received(before, Flow(transport, LOCAL, source))
        assert after is before
        if stamped is None:
            assert after.to_bytes() == plain
        else:
            assert via_line(after) == f"Via: SIP/2.0/{transport.upper()} {stamped}"
            again = parse_datagram(after.to_bytes())
            assert again.top_via.received == source.host.partition("%")[0]
            # What is known without parsing is what parsing would give.
            assert after.top_via == again.top_via
            assert after.get("via") == again.get("via")

    def test_only_the_topmost(self) -> None:
        before = request(
            "Via: SIP/2.0/UDP a.example;rport, SIP/2.0/UDP b.example;rport",
            "Via: SIP/2.0/UDP c.example;rport",
        )
        after = stamp_received(before, Flow("udp", LOCAL, SOURCE))
        assert after.values("via") == (
            "SIP/2.0/UDP a.example;rport=40112;received=192.0.2.7",
            "SIP/2.0/UDP b.example;rport",
            "SIP/2.0/UDP c.example;rport",
        )

    @pytest.mark.parametrize("transport", ["ws", "wss"])
    def test_a_websocket_hides_what_stands_before_it(self, transport: str) -> None:
        flow = Flow(transport, LOCAL, SOURCE, 1)
        before = request("Via: SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bKa")
        plain = before.to_bytes()
        assert stamp_received(before, flow).to_bytes() == plain
        after = stamp_received(request("Via: SIP/2.0/WSS x.invalid;rport"), flow)
        assert via_line(after) == "Via: SIP/2.0/WSS x.invalid;rport=40112;received=192.0.2.7"


class TestResponseFlow:
    @pytest.mark.parametrize(
        ("value", "remote"),
        [
            ("192.0.2.7", Address("192.0.2.7", 5060)),
            ("192.0.2.7:5070", Address("192.0.2.7", 5070)),
            ("[2001:db8::7]:5070", Address("2001:db8::7", 5070)),
            ("pc.example.com;received=192.0.2.7", Address("192.0.2.7", 5060)),
            ("203.0.113.7:5070;received=192.0.2.7", Address("192.0.2.7", 5070)),
            ("203.0.113.7;received=2001:db8::7", Address("2001:db8::7", 5060)),
            ("203.0.113.7;received=[2001:db8::7]", Address("2001:db8::7", 5060)),
            ("203.0.113.7;received=192.0.2.7;rport=9988", Address("192.0.2.7", 9988)),
            ("203.0.113.7;received=192.0.2.7;rport=65535", Address("192.0.2.7", 65535)),
            ("203.0.113.7;received=192.0.2.7;rport=000001", Address("192.0.2.7", 5060)),
            ("203.0.113.7;received=192.0.2.7;rport", Address("192.0.2.7", 5060)),
            ("203.0.113.7;received=192.0.2.7;rport=0", Address("192.0.2.7", 5060)),
            ("203.0.113.7;received=192.0.2.7;rport=65536", Address("192.0.2.7", 5060)),
            ("203.0.113.7;received=192.0.2.7;rport=999999", Address("192.0.2.7", 5060)),
            ("203.0.113.7;received=192.0.2.7;rport=x", Address("192.0.2.7", 5060)),
            ("203.0.113.7;received=192.0.2.7;rport=\u0664", Address("192.0.2.7", 5060)),
            ("203.0.113.7;rport=9988", Address("203.0.113.7", 5060)),
            (
                "203.0.113.7:5070;maddr=192.0.2.9;received=192.0.2.7;rport=9",
                Address("192.0.2.9", 5070),
            ),
            ("203.0.113.7;maddr=server.example;received=192.0.2.7", None),
            ("pc.example.com", None),
        ],
    )
    @pytest.mark.clause("RFC3261-18.2.2-1")
    @pytest.mark.clause("RFC3261-18.2.2-5")
    @pytest.mark.clause("RFC3261-18.2.2-7")
    @pytest.mark.clause("RFC3261-18.2.2-9")
    def test_udp(self, value: str, remote: Address | None) -> None:
        flow = response_flow(parse_via(f"SIP/2.0/UDP {value}"), Flow("udp", LOCAL, SOURCE))
        assert flow == (None if remote is None else Flow("udp", LOCAL, remote))

    @pytest.mark.parametrize("transport", ["tcp", "tls", "ws", "wss"])
    @pytest.mark.clause("RFC3261-18.2.2-2")
    def test_a_connection_is_kept_to(self, transport: str) -> None:
        flow = Flow(transport, LOCAL, SOURCE, 7)
        via = parse_via("SIP/2.0/TCP pc.example.com:9;maddr=192.0.2.9;received=192.0.2.8")
        assert response_flow(via, flow) is flow


class TestResponseTarget:
    @pytest.mark.parametrize(
        ("transport", "value", "address"),
        [
            ("tcp", "pc.example.com;received=192.0.2.7", Address("192.0.2.7", 5060)),
            ("tcp", "pc.example.com:5070;received=192.0.2.7", Address("192.0.2.7", 5070)),
            ("tls", "pc.example.com", Address("192.0.2.7", 5061)),
        ],
    )
    @pytest.mark.clause("RFC3261-18.2.2-3")
    def test_the_connection_is_closed(self, transport: str, value: str, address: Address) -> None:
        via = parse_via(f"SIP/2.0/{transport.upper()} {value}")
        target = response_target(via, Flow(transport, LOCAL, SOURCE, 7))
        assert target == NextHop(transport, address, "pc.example.com")

    @pytest.mark.parametrize("transport", ["udp", "ws", "wss"])
    def test_there_is_no_other_way(self, transport: str) -> None:
        via = parse_via("SIP/2.0/UDP pc.example.com")
        assert response_target(via, Flow(transport, LOCAL, SOURCE)) is None
