"""RFC 6026: INVITE transactions outlive a 2xx, and stray responses go nowhere."""

import pytest
from tests.harness import Harness, Peer, kin, make_request, state_of

from ringway.codes import Source
from ringway.endpoint import AckReceived, RequestReceived, ResponseFailed, State
from ringway.message import build_response


@pytest.fixture
def h() -> Harness:
    return Harness()


@pytest.fixture
def phone(h: Harness) -> Peer:
    return h.peer("udp", "10.0.0.9")


@pytest.mark.clause("RFC6026 7.1")
class TestSection7_1:
    """The server transaction: Accepted and Timer L."""

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_a_2xx_leads_to_accepted_for_64_t1(self, h: Harness, transport: str) -> None:
        peer = h.peer("udp", "10.0.0.9") if transport == "udp" else h.connect("tcp", "10.0.0.8")
        transaction = h.receive(peer, "INVITE")
        h.reply(transaction, 200)
        h.advance(31.9)
        assert state_of(transaction) is State.ACCEPTED
        h.advance(0.2)
        assert state_of(transaction) is State.TERMINATED

    def test_retransmissions_of_the_invite_are_absorbed(self, h: Harness, phone: Peer) -> None:
        request = phone.request("INVITE")
        event = h.events[0]
        assert isinstance(event, RequestReceived)
        h.reply(event.transaction, 200)
        phone.send(request)
        assert phone.statuses == [200]
        assert len(h.events) == 1

    def test_the_2xx_is_not_repeated_by_the_transaction(self, h: Harness, phone: Peer) -> None:
        h.reply(h.receive(phone, "INVITE"), 200)
        h.advance(40)
        assert phone.statuses == [200]

    def test_each_2xx_of_the_user_is_sent(self, h: Harness, phone: Peer) -> None:
        """Also after the request was let go: a proxy forwards what the phones repeat."""
        request = phone.request("INVITE")
        event = h.events[0]
        assert isinstance(event, RequestReceived)
        for tag in ("one", "two", "one"):
            h.respond(event.transaction, build_response(request, 200, to_tag=tag))
        assert [response.to_tag for response in phone.responses] == ["one", "two", "one"]
        h.respond(event.transaction, build_response(request, 486, to_tag="three"))
        assert phone.statuses == [200, 200, 200]

    def test_an_ack_goes_up(self, h: Harness, phone: Peer) -> None:
        """Its branch is its own, but that of an RFC 2543 client matches the INVITE (§6)."""
        for branch in ("", "z9hG4bK-same"):
            h.events.clear()
            request = phone.request("INVITE", branch=branch, call_id=f"c{branch}")
            event = h.events[0]
            assert isinstance(event, RequestReceived)
            h.reply(event.transaction, 200)
            phone.send(kin(request, "ACK", to=phone.last.get("to")))
            assert isinstance(h.events[1], AckReceived)
            assert state_of(event.transaction) is State.ACCEPTED

    @pytest.mark.parametrize("status", [180, 200, 486])
    def test_a_transport_error_changes_no_state(self, h: Harness, status: int) -> None:
        browser = h.connect("ws", "10.0.0.8")
        transaction = h.receive(browser, "INVITE")
        browser.close()
        h.reply(transaction, status)
        states = {180: State.PROCEEDING, 200: State.ACCEPTED, 486: State.COMPLETED}
        assert state_of(transaction) is states[status]
        failed = h.events[-1]
        assert isinstance(failed, ResponseFailed)
        assert failed.source is Source.TRANSPORT


@pytest.mark.clause("RFC6026 7.2")
class TestSection7_2:
    """The client transaction: Accepted and Timer M."""

    def test_every_2xx_goes_up_for_64_t1(self, h: Harness, phone: Peer) -> None:
        client, owner = h.send("INVITE", phone)
        request = phone.last
        for tag in ("one", "two", "one"):
            phone.answer(request, 200, to_tag=tag)
            h.advance(10)
        assert owner.statuses == [200, 200, 200]
        assert state_of(client) is State.ACCEPTED
        h.advance(2.1)
        assert state_of(client) is State.TERMINATED
        phone.answer(request, 200)
        assert owner.statuses == [200, 200, 200]

    def test_on_a_reliable_transport_too(self, h: Harness) -> None:
        server = h.connect("tcp", "10.0.0.8")
        _, owner = h.send("INVITE", server)
        server.answer(server.last, 200)
        h.advance(31)
        server.answer(server.last, 200)
        assert owner.statuses == [200, 200]

    def test_even_when_its_flow_is_gone(self, h: Harness) -> None:
        server = h.connect("tcp", "10.0.0.8")
        _, owner = h.send("INVITE", server)
        server.answer(server.last, 200)
        server.close()
        h.connect("tcp", "10.0.0.8", 2).answer(server.last, 200, to_tag="fork")
        assert owner.statuses == [200, 200]
        assert owner.failures == []

    def test_no_ack(self, h: Harness, phone: Peer) -> None:
        h.send("INVITE", phone)
        phone.answer(phone.last, 200)
        phone.answer(phone.last, 200)
        h.advance(40)
        assert phone.methods == ["INVITE"]

    def test_other_responses_are_absorbed(self, h: Harness, phone: Peer) -> None:
        _, owner = h.send("INVITE", phone)
        for status in (200, 180, 486):
            phone.answer(phone.requests[0], status)
        assert owner.statuses == [200]
        assert phone.methods == ["INVITE"]


@pytest.mark.clause("RFC6026 7.3")
class TestSection7_3:
    """Stray responses."""

    @pytest.mark.parametrize("status", [100, 180, 200, 486])
    def test_go_nowhere(self, h: Harness, phone: Peer, status: int) -> None:
        stray = make_request("INVITE", sent_by="10.0.0.1:5060", branch="z9hG4bKstray")
        h.send("OPTIONS", phone)  # sent-by is ours, the branch is not
        phone.take()
        phone.send(build_response(stray, status, to_tag="x"))
        assert h.events == []
        assert phone.received == []
