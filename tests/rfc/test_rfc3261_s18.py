"""RFC 3261 §18 and RFC 3581: where requests and responses go, and how they are told apart."""

import pytest
from tests.harness import LISTENERS, Harness, Peer, make_request, state_of

from ringway.codes import Source
from ringway.endpoint import (
    AckReceived,
    FlowClosed,
    FlowOpened,
    Kind,
    Listener,
    RequestReceived,
    ResponseFailed,
    State,
)
from ringway.message import Request, build_response
from ringway.server.config.settings import DEFAULT_LISTEN
from ringway.transport.flow import Address, NextHop

LONG = b"x" * 1300


@pytest.fixture
def h() -> Harness:
    return Harness()


@pytest.fixture
def phone(h: Harness) -> Peer:
    return h.peer("udp", "10.0.0.9")


def requests_of(h: Harness) -> list[Request]:
    return [each.request for each in h.events if isinstance(each, RequestReceived)]


class TestSection18:
    """Connections."""

    @pytest.mark.clause("RFC3261-18-1", "RFC3261-18-2")
    def test_stay_open(self, h: Harness) -> None:
        caller = h.connect("tcp", "10.0.0.8")
        h.reply(h.receive(caller, "OPTIONS"), 200)
        h.advance(600)
        assert caller.flow is not None
        assert h.endpoint.is_live(caller.flow)
        assert not caller.closed

    @pytest.mark.clause("RFC3261-18-3")
    @pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "ws", "wss"])
    def test_every_transport_carries_requests_both_ways(self, h: Harness, transport: str) -> None:
        peer = h.peer("udp", "10.0.0.9") if transport == "udp" else h.connect(transport, "10.0.0.9")
        h.reply(h.receive(peer, "OPTIONS"), 200)
        assert peer.statuses == [200]
        _, owner = h.send("OPTIONS", peer)
        assert peer.requests[0].top_via.transport == transport
        peer.answer(peer.last, 200)
        assert owner.statuses == [200]


class TestSection18_1_1:
    """Sending requests."""

    @pytest.mark.clause("RFC3261-18-4", "RFC3261-18.1.1-1", "RFC3261-18.1.1-2")
    def test_a_long_request_goes_over_tcp(self, h: Harness, phone: Peer) -> None:
        tcp = h.peer("tcp", "10.0.0.9")
        _, owner = h.send("MESSAGE", phone, body=LONG)
        assert h.connects == [NextHop("tcp", tcp.address, "10.0.0.9")]
        assert tcp.methods == ["MESSAGE"]
        assert tcp.last.top_via.transport == "tcp"
        assert len(tcp.last.values("via")) == 1
        assert phone.received == []
        tcp.answer(tcp.last, 200)
        assert owner.statuses == [200]

    def test_over_an_open_connection_if_there_is_one(self, h: Harness, phone: Peer) -> None:
        tcp = h.connect("tcp", "10.0.0.9", 5060)
        h.send("MESSAGE", phone, body=LONG)
        assert h.connects == []
        assert tcp.last.top_via.transport == "tcp"

    def test_nothing_is_sent_again_over_tcp(self, h: Harness, phone: Peer) -> None:
        tcp = h.peer("tcp", "10.0.0.9")
        h.send("MESSAGE", phone, body=LONG)
        h.advance(31)
        assert tcp.methods == ["MESSAGE"]
        assert phone.received == []

    def test_1300_bytes_go_over_udp(self, h: Harness, phone: Peer) -> None:
        h.send("MESSAGE", phone, body=b"")
        overhead = len(phone.raw[0]) + len("1000") - len("0")
        h.send("MESSAGE", phone, body=b"x" * (1300 - overhead))
        assert len(phone.raw[1]) == 1300
        assert h.connects == []
        h.send("MESSAGE", phone, body=b"x" * (1301 - overhead))
        assert len(h.connects) == 1

    def test_to_a_flow_it_goes_over_the_flow(self, h: Harness, phone: Peer) -> None:
        """A NAT lets nothing else in (RFC 5626 §5.3)."""
        flow = phone.flow
        assert flow is not None
        h.endpoint.send_request(make_request("MESSAGE", body=LONG), flow, None, h.now)
        h.pump()
        assert phone.methods == ["MESSAGE"]
        assert h.connects == []

    @pytest.mark.clause("RFC3261-18.1.1-4")
    @pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
    def test_over_udp_after_all_if_tcp_is_refused(
        self, h: Harness, phone: Peer, method: str
    ) -> None:
        _, owner = h.send(method, phone, body=LONG)
        assert phone.methods == [method]
        assert phone.last.top_via.transport == "udp"
        assert len(phone.last.values("via")) == 1
        h.advance(0.6)
        assert phone.methods == [method] * 2
        phone.answer(phone.requests[0], 404)
        assert owner.statuses == [404]

    def test_a_refusal_is_remembered_for_a_while(self, h: Harness, phone: Peer) -> None:
        for _ in range(2):
            h.send("MESSAGE", phone, body=LONG)
        assert len(h.connects) == 1
        h.advance(601)
        h.send("MESSAGE", phone, body=LONG)
        assert len(h.connects) == 2

    def test_a_swallowed_attempt_ends_in_udp_too(self, h: Harness, phone: Peer) -> None:
        h.peer("tcp", "10.0.0.9").accepting = None
        h.send("MESSAGE", phone, body=LONG)
        h.advance(3.9)
        assert phone.received == []
        h.advance(0.2)
        assert phone.methods == ["MESSAGE"]

    def test_a_connection_that_comes_too_late_is_not_used(self, h: Harness, phone: Peer) -> None:
        tcp = h.peer("tcp", "10.0.0.9")
        tcp.accepting = None
        h.send("MESSAGE", phone, body=LONG)
        h.advance(5)
        h.accept(tcp, h.connects[0])
        assert tcp.received == []

    @pytest.mark.clause("RFC3261-18.1.1-3")
    def test_the_largest_datagram_is_taken(self, h: Harness, phone: Peer) -> None:
        request = make_request("MESSAGE", body=b"x" * 65_000)
        phone.send(request)
        assert requests_of(h)[0].body == request.body

    @pytest.mark.clause("RFC3261-18.1.1-6")
    def test_sent_by(self, h: Harness, phone: Peer) -> None:
        h.send("OPTIONS", phone)
        via = phone.last.top_via
        assert (via.host, via.port, via.rport) == ("10.0.0.1", 5060, "")
        assert via.branch.startswith("z9hG4bK")

    @pytest.mark.clause("RFC3261-18.1.1-7")
    def test_sent_by_can_be_a_name(self) -> None:
        local = Address("10.0.0.1", 5060)
        h = Harness(listeners=(Listener("udp", local, Address("sip.ringway.test", 5080)),))
        phone = h.peer("udp", "10.0.0.9")
        _, owner = h.send("OPTIONS", phone)
        assert phone.last.top_via.sent_by == "sip.ringway.test:5080"
        phone.answer(phone.last, 200)
        assert owner.statuses == [200]

    @pytest.mark.clause("RFC3261-18.1.1-8")
    def test_the_response_may_come_over_the_same_connection(self, h: Harness) -> None:
        server = h.peer("tcp", "10.0.0.5")
        _, owner = h.send("OPTIONS", server)
        server.answer(server.last, 200)
        assert owner.statuses == [200]

    @pytest.mark.clause(
        "RFC3261-18.1.1-9", "RFC3261-18.1.1-10", "RFC3261-18.1.1-11", "RFC3261-18.1.1-12"
    )
    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_the_response_may_come_to_sent_by(self, h: Harness, transport: str) -> None:
        """Our sent-by is the address and port of a listener of that transport."""
        server = h.peer(transport, "10.0.0.5")
        _, owner = h.send("OPTIONS", server)
        via = server.last.top_via
        assert Listener(transport, Address(via.host, via.port or 0)) in LISTENERS
        back = h.peer("udp", "10.0.0.5", 9) if transport == "udp" else h.connect("tcp", "10.0.0.5")
        back.answer(server.last, 200)
        assert owner.statuses == [200]

    @pytest.mark.clause("RFC3261-18.1.1-14")
    def test_an_open_connection_is_used_again(self, h: Harness) -> None:
        server = h.peer("tcp", "10.0.0.5")
        target = NextHop("tcp", server.address, "p.test")
        for _ in range(3):
            h.endpoint.send_request(make_request("OPTIONS"), target, None, h.now)
            h.pump()
        assert len(h.connects) == 1
        assert len(server.received) == 3

    def test_one_that_the_peer_opened_too(self, h: Harness) -> None:
        server = h.connect("tcp", "10.0.0.5", 5060)
        h.endpoint.send_request(
            make_request("OPTIONS"), NextHop("tcp", server.address, "p.test"), None, h.now
        )
        h.pump()
        assert h.connects == []
        assert len(server.received) == 1

    def test_tls_only_under_the_name_it_was_opened_for(self, h: Harness) -> None:
        server = h.peer("tls", "10.0.0.5", 5061)
        for name in ("one.test", "two.test", "one.test"):
            h.endpoint.send_request(
                make_request("OPTIONS"), NextHop("tls", server.address, name), None, h.now
            )
            h.pump()
        assert [target.name for target in h.connects] == ["one.test", "two.test"]

    def test_requests_wait_together_for_a_connection(self, h: Harness) -> None:
        server = h.peer("tcp", "10.0.0.5")
        server.accepting = None
        for _ in range(3):
            h.send("OPTIONS", server)
        assert len(h.connects) == 1
        h.accept(server, h.connects[0])
        assert len(server.received) == 3

    def test_content_length_is_added_for_a_stream(self, h: Harness) -> None:
        server = h.connect("tcp", "10.0.0.5")
        assert server.flow is not None
        draft = make_request("MESSAGE", body=b"hello").edit()
        draft.remove("content-length")
        h.endpoint.send_request(draft, server.flow, None, h.now)
        h.pump()
        assert server.last.content_length == 5
        assert server.last.body == b"hello"


class TestSection18_1_2:
    """Receiving responses."""

    @pytest.mark.clause("RFC3261-18.1.2-1")
    def test_a_foreign_sent_by_is_dropped(self, h: Harness, phone: Peer) -> None:
        _, owner = h.send("OPTIONS", phone)
        draft = build_response(phone.requests[0], 200).edit()
        via = phone.last.top_via
        draft.replace_top_via(str(via._replace(host="10.6.6.6")))
        phone.send(draft.build())
        assert owner.events == []
        phone.answer(phone.last, 200)
        assert owner.statuses == [200]

    @pytest.mark.clause("RFC3261-18.1.2-2")
    def test_a_match_goes_to_its_transaction(self, h: Harness, phone: Peer) -> None:
        _, owner = h.send("OPTIONS", phone)
        phone.answer(phone.last, 200)
        assert owner.statuses == [200]

    @pytest.mark.clause("RFC3261-18.1.2-3")
    def test_no_match_is_dropped(self, h: Harness, phone: Peer) -> None:
        stray = make_request("INVITE", sent_by="10.0.0.1:5060", branch="z9hG4bKnone")
        phone.send(build_response(stray, 200))
        assert h.events == []
        assert phone.received == []
        assert [each.kind for each in h.decisions] == [Kind.DROPPED]
        assert h.decisions[0].status == 200


class TestSection18_2_1:
    """Receiving requests."""

    @pytest.mark.clause("RFC3261-18.2.1-1")
    @pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "ws"])
    def test_our_uris_lead_to_our_listeners(self, h: Harness, transport: str) -> None:
        for uri in (h.endpoint.route_uri(transport), h.endpoint.contact_uri(transport, "x")):
            where = uri.partition(":")[2].rpartition("@")[2].partition(";")[0]
            host, _, port = where.partition(":")
            assert Listener(transport, Address(host, int(port))) in LISTENERS

    @pytest.mark.clause("RFC3261-18.2.1-4", "RFC3261-18.2.1-5", "RFC3261-18.2.1-6")
    @pytest.mark.parametrize("sent_by", ["phone.test", "192.168.0.2:5060", "phone.test:5060"])
    def test_received_is_added(self, h: Harness, phone: Peer, sent_by: str) -> None:
        phone.send(make_request("OPTIONS", sent_by=sent_by))
        assert requests_of(h)[0].top_via.received == "10.0.0.9"

    @pytest.mark.clause("RFC3261-18.2.1-4")
    def test_not_where_it_says_the_truth(self, h: Harness, phone: Peer) -> None:
        phone.send(make_request("OPTIONS"))
        assert requests_of(h)[0].top_via.received == ""

    @pytest.mark.clause("RFC3261-18.2.1-2", "RFC3261-18.2.1-3")
    def test_without_a_configuration_udp_and_tcp_share_the_standard_port(self) -> None:
        listened = {(each.transport, each.address.port) for each in DEFAULT_LISTEN}
        assert listened == {("udp", 5060), ("tcp", 5060)}
        assert len({each.address.host for each in DEFAULT_LISTEN}) == 1

    def test_rport(self, h: Harness) -> None:
        """RFC 3581 §4: both are filled in, whatever sent-by says."""
        phone = h.peer("udp", "10.0.0.9", 40000)
        phone.send(make_request("OPTIONS", via_params=";rport"))
        via = requests_of(h)[0].top_via
        assert (via.received, via.rport) == ("10.0.0.9", "40000")

    def test_an_ack_is_stamped_too(self, h: Harness, phone: Peer) -> None:
        phone.send(make_request("ACK", sent_by="phone.test"))
        event = h.events[0]
        assert isinstance(event, AckReceived)
        assert event.request.top_via.received == "10.0.0.9"


class TestSection18_2_2:
    """Sending responses."""

    @pytest.mark.clause("RFC3261-18.2.2-1", "RFC3261-18.2.2-2")
    def test_over_the_same_connection(self, h: Harness) -> None:
        one, two = h.connect("tcp", "10.0.0.8", 1), h.connect("tcp", "10.0.0.8", 2)
        transaction = h.receive(one, "INVITE", sent_by="10.0.0.8")
        h.reply(transaction, 180)
        h.reply(transaction, 200)
        assert one.statuses == [180, 200]
        assert two.received == []

    @pytest.mark.clause("RFC3261-18.2.2-3")
    def test_over_a_new_one_if_that_is_closed(self, h: Harness) -> None:
        caller = h.connect("tcp", "10.0.0.8")
        transaction = h.receive(caller, "INVITE", sent_by="caller.test:5070")
        caller.close()
        again = h.peer("tcp", "10.0.0.8", 5070)
        h.reply(transaction, 180)
        h.reply(transaction, 200)
        assert h.connects == [NextHop("tcp", Address("10.0.0.8", 5070), "caller.test")]
        assert again.statuses == [180, 200]

    def test_the_default_port_if_sent_by_names_none(self, h: Harness) -> None:
        caller = h.connect("tls", "10.0.0.8")
        transaction = h.receive(caller, "INVITE", sent_by="caller.test")
        caller.close()
        h.reply(transaction, 180)
        assert h.connects == [NextHop("tls", Address("10.0.0.8", 5061), "caller.test")]

    def test_over_one_that_is_open_already(self, h: Harness) -> None:
        caller = h.connect("tcp", "10.0.0.8")
        transaction = h.receive(caller, "INVITE", sent_by="10.0.0.8:5070")
        again = h.connect("tcp", "10.0.0.8", 5070)
        caller.close()
        h.reply(transaction, 180)
        assert h.connects == []
        assert again.statuses == [180]

    @pytest.mark.clause("RFC3261-18.2.2-4")
    def test_dns_knows_another_address(self, h: Harness) -> None:
        caller = h.connect("tcp", "10.0.0.8")
        transaction = h.receive(caller, "INVITE", sent_by="caller.test:5070")
        caller.close()
        backup = h.peer("tcp", "10.0.0.18", 5070)
        h.dns["caller.test"] = [
            NextHop("tcp", Address(host, 5070), "caller.test")
            for host in ("10.0.0.8", "10.0.0.17", "10.0.0.18")
        ]
        h.reply(transaction, 486)
        assert [target.address.host for target in h.connects] == [
            "10.0.0.8",
            "10.0.0.17",
            "10.0.0.18",
        ]
        assert backup.statuses == [486]
        assert not any(isinstance(each, ResponseFailed) for each in h.events)

    def test_no_address_is_left(self, h: Harness) -> None:
        caller = h.connect("tcp", "10.0.0.8")
        transaction = h.receive(caller, "INVITE", sent_by="caller.test:5070")
        caller.close()
        h.reply(transaction, 486)
        assert h.events[-1] == ResponseFailed(transaction, Source.TRANSPORT, "connection refused")
        assert state_of(transaction) is State.COMPLETED

    def test_nobody_connects_to_a_browser(self, h: Harness) -> None:
        browser = h.connect("ws", "10.0.0.8")
        transaction = h.receive(browser, "INVITE", sent_by="df7jal23ls0d.invalid")
        browser.close()
        h.reply(transaction, 486)
        assert h.connects == []
        assert isinstance(h.events[-1], ResponseFailed)

    @pytest.mark.clause("RFC3261-18.2.2-5")
    def test_maddr(self, h: Harness, phone: Peer) -> None:
        other = h.peer("udp", "10.0.0.77")
        h.reply(h.receive(phone, "OPTIONS", via_params=";maddr=10.0.0.77"), 200)
        assert other.statuses == [200]
        assert phone.received == []

    @pytest.mark.clause("RFC3261-18.2.2-7")
    def test_received_and_the_port_of_sent_by(self, h: Harness) -> None:
        phone = h.peer("udp", "10.0.0.9", 40000)
        other = h.peer("udp", "10.0.0.9", 5070)
        h.reply(h.receive(phone, "OPTIONS", sent_by="phone.test:5070"), 200)
        assert other.statuses == [200]
        assert phone.received == []

    @pytest.mark.clause("RFC3261-18.2.2-7")
    def test_received_and_rport(self, h: Harness) -> None:
        """RFC 3581 §4."""
        phone = h.peer("udp", "10.0.0.9", 40000)
        h.reply(h.receive(phone, "OPTIONS", sent_by="phone.test", via_params=";rport"), 200)
        assert phone.statuses == [200]

    @pytest.mark.clause("RFC3261-18.2.2-8")
    def test_dns_knows_another_address_after_an_icmp_error(self, h: Harness, phone: Peer) -> None:
        transaction = h.receive(phone, "INVITE", sent_by="phone.test:5060")
        other = h.peer("udp", "10.0.0.19")
        h.dns["phone.test"] = [
            NextHop("udp", Address(host, 5060), "phone.test") for host in ("10.0.0.9", "10.0.0.19")
        ]
        h.reply(transaction, 486)
        phone.unreachable()
        assert other.statuses == [486]
        h.advance(0.6)
        assert other.statuses == [486, 486]

    def test_and_if_it_knows_none_the_user_is_told(self, h: Harness, phone: Peer) -> None:
        transaction = h.receive(phone, "INVITE", sent_by="phone.test:5060")
        h.reply(transaction, 180)
        phone.unreachable()
        assert isinstance(h.events[-1], ResponseFailed)
        assert state_of(transaction) is State.PROCEEDING

    @pytest.mark.clause("RFC3261-18.2.2-9")
    def test_sent_by(self, h: Harness, phone: Peer) -> None:
        other = h.peer("udp", "10.0.0.9", 5070)
        h.reply(h.receive(phone, "OPTIONS", sent_by="10.0.0.9:5070"), 200)
        assert other.statuses == [200]

    def test_from_the_socket_the_request_came_to(self) -> None:
        """RFC 3581 §4: a NAT lets nothing else in."""
        first, second = Address("10.0.0.1", 5060), Address("10.0.0.1", 5080)
        h = Harness(listeners=(Listener("udp", first), Listener("udp", second)))
        h.udp = second
        phone = h.peer("udp", "10.0.0.9")
        h.receive(phone, "OPTIONS")
        event = h.events[0]
        assert isinstance(event, RequestReceived)
        h.endpoint.reply(event.transaction, 200, h.now)
        (command,) = h.endpoint.take_commands()
        assert getattr(command, "flow", None) == event.flow
        assert event.flow.local == second


class TestSection18_3:
    """Framing."""

    @pytest.mark.clause("RFC3261-18.3-1")
    def test_bytes_after_the_body_of_a_datagram_are_cut_off(self, h: Harness, phone: Peer) -> None:
        phone.send(make_request("MESSAGE", body=b"hello").to_bytes() + b"junk")
        assert requests_of(h)[0].body == b"hello"

    @pytest.mark.clause("RFC3261-18.3-2")
    def test_a_short_response_is_dropped(self, h: Harness, phone: Peer) -> None:
        _, owner = h.send("OPTIONS", phone)
        phone.send(build_response(phone.requests[0], 200, body=b"hello").to_bytes()[:-1])
        assert owner.events == []

    @pytest.mark.clause("RFC3261-18.3-3")
    def test_a_short_request_gets_400(self, h: Harness, phone: Peer) -> None:
        phone.send(make_request("MESSAGE", body=b"hello").to_bytes()[:-1])
        assert phone.statuses == [400]
        assert h.events == []

    @pytest.mark.clause("RFC3261-18.3-4")
    @pytest.mark.parametrize("cut", ["whole", "bytewise", "trailing"])
    def test_content_length_delimits_on_a_stream(self, h: Harness, cut: str) -> None:
        caller = h.connect("tcp", "10.0.0.8")
        one = make_request("MESSAGE", branch="z9hG4bK-1", transport="tcp", body=b"hello")
        two = make_request("MESSAGE", branch="z9hG4bK-2", transport="tcp", body=b"you")
        data = one.to_bytes() + two.to_bytes()
        if cut == "bytewise":
            for position in range(len(data)):
                caller.send(data[position : position + 1])
        else:
            caller.send(data + (b"MESS" if cut == "trailing" else b""))
        assert [request.body for request in requests_of(h)] == [b"hello", b"you"]

    @pytest.mark.clause("RFC3261-18.3-4")
    def test_without_it_the_connection_is_given_up(self, h: Harness) -> None:
        caller = h.connect("tcp", "10.0.0.8")
        draft = make_request("MESSAGE", transport="tcp").edit()
        draft.remove("content-length")
        caller.send(draft.build())
        assert caller.statuses == [400]
        assert caller.closed
        assert isinstance(h.events[-1], FlowClosed)


class TestSection18_4:
    """Errors."""

    @pytest.mark.clause("RFC3261-18.4-1")
    def test_icmp(self, h: Harness, phone: Peer) -> None:
        other = h.peer("udp", "10.0.0.9", 5070)
        _, failed = h.send("OPTIONS", phone)
        _, fine = h.send("OPTIONS", other)
        phone.unreachable()
        assert failed.failures == [(Source.TRANSPORT, "port unreachable")]
        assert fine.failures == []

    @pytest.mark.clause("RFC3261-18.4-3")
    def test_connection_failure(self, h: Harness) -> None:
        nobody = h.peer("tcp", "10.0.0.66")
        nobody.accepting = False
        client, owner = h.send("INVITE", nobody)
        assert owner.failures == [(Source.TRANSPORT, "connection refused")]
        assert state_of(client) is State.TERMINATED

    def test_events_of_a_connection(self, h: Harness) -> None:
        caller = h.connect("tcp", "10.0.0.8")
        assert caller.flow is not None
        caller.close("reset")
        assert h.events == [FlowOpened(caller.flow), FlowClosed(caller.flow, "reset")]
        assert [each.kind for each in h.decisions] == [Kind.FLOW_OPENED, Kind.FLOW_CLOSED]
