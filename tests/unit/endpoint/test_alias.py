"""RFC 5923: a connection that a client opened takes requests to that client."""

from tests.harness import HOST, Harness, Peer, Recorder

from ringway.message import build_request
from ringway.transport.flow import Address, NextHop
from ringway.transport.framing import client_framer


def connect(h: Harness, *names: str, transport: str = "tls", port: int = 40000) -> Peer:
    """Somebody who has opened a connection and shown a certificate with these names."""
    local = Address(HOST, 5061)
    peer = Peer(h, transport, Address("10.0.0.2", port))
    peer.framer = client_framer(NextHop(transport, local, HOST))
    peer.flow = h.endpoint.flow_opened(transport, local, peer.address, h.now, names=names)
    h.flows[peer.flow] = peer
    h.pump()
    return peer


def send(h: Harness, target: NextHop) -> None:
    """Let the endpoint send a request to a next hop."""
    request = build_request(
        "OPTIONS",
        f"sip:{target.name}",
        from_="<sip:a@ringway.test>;tag=a",
        to=f"<sip:{target.name}>",
        call_id=f"out-{h.unique()}",
        cseq=1,
    )
    h.endpoint.send_request(request, target, Recorder(), h.now)
    h.pump()


TRUNK = NextHop("tls", Address("10.0.0.2", 5061), "trunk.example")


class TestSection82:
    def test_a_connection_with_an_alias_is_reused_for_its_name(self) -> None:
        h = Harness()
        peer = connect(h, "trunk.example")
        peer.request("OPTIONS", sent_by="trunk.example", via_params=";alias")
        send(h, TRUNK)
        assert peer.methods == ["OPTIONS"]
        assert not h.connects

    def test_the_port_is_that_of_the_via(self) -> None:
        h = Harness()
        peer = connect(h, "trunk.example")
        peer.request("OPTIONS", sent_by="trunk.example:5071", via_params=";alias")
        send(h, TRUNK._replace(address=Address("10.0.0.2", 5071)))
        assert peer.methods == ["OPTIONS"]
        send(h, TRUNK)
        assert h.connects == [TRUNK]

    def test_not_for_another_name(self) -> None:
        h = Harness()
        peer = connect(h, "trunk.example")
        peer.request("OPTIONS", sent_by="trunk.example", via_params=";alias")
        other = TRUNK._replace(name="other.example")
        send(h, other)
        assert h.connects == [other]
        assert not peer.methods

    def test_not_from_another_address(self) -> None:
        h = Harness()
        peer = connect(h, "trunk.example")
        peer.request("OPTIONS", sent_by="10.0.0.9", via_params=";alias")
        target = TRUNK._replace(address=Address("10.0.0.9", 5061))
        send(h, target)
        assert h.connects == [target]

    def test_not_unless_asked_for(self) -> None:
        h = Harness()
        peer = connect(h, "trunk.example")
        peer.request("OPTIONS", sent_by="trunk.example")
        send(h, TRUNK)
        assert h.connects == [TRUNK]

    def test_a_new_connection_once_it_is_closed(self) -> None:
        h = Harness()
        peer = connect(h, "trunk.example")
        peer.request("OPTIONS", sent_by="trunk.example", via_params=";alias")
        peer.close()
        send(h, TRUNK)
        assert h.connects == [TRUNK]

    def test_the_first_connection_keeps_the_alias(self) -> None:
        h = Harness()
        first, second = connect(h, "trunk.example"), connect(h, "trunk.example", port=40001)
        for peer in (first, second):
            peer.request("OPTIONS", sent_by="trunk.example", via_params=";alias")
        second.close()
        send(h, TRUNK)
        assert first.methods == ["OPTIONS"]


class TestSection92:
    def test_nothing_without_a_certificate(self) -> None:
        h = Harness()
        peer = connect(h)
        peer.request("OPTIONS", sent_by="trunk.example", via_params=";alias")
        send(h, TRUNK)
        assert h.connects == [TRUNK]
        assert peer.statuses == []
        assert not peer.methods


class TestNames:
    def test_are_known_while_the_flow_is_open(self) -> None:
        h = Harness()
        peer = connect(h, "trunk.example", "b.example")
        flow = peer.flow
        assert flow is not None
        assert h.endpoint.certificate_names(flow) == ("trunk.example", "b.example")
        peer.close()
        assert h.endpoint.certificate_names(flow) == ()
