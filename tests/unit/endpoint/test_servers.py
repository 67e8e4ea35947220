"""What server transactions do beyond RFC 3261 §17: CANCEL, ACK to a 2xx, memory."""

import pytest
from tests.harness import Harness, Peer, make_request, state_of

from ringway.endpoint import (
    AckReceived,
    CancelReceived,
    FlowClosed,
    RequestReceived,
    ResponseFailed,
    ServerTransaction,
    State,
)
from ringway.message import Request, build_response
from ringway.transport.flow import Address, NextHop


@pytest.fixture
def h() -> Harness:
    return Harness()


@pytest.fixture
def phone(h: Harness) -> Peer:
    return h.peer("udp", "10.0.0.9")


def invite(h: Harness, phone: Peer, branch: str = "z9hG4bK-i") -> tuple[Request, ServerTransaction]:
    request = phone.request("INVITE", branch=branch)
    event = h.events[-1]
    assert isinstance(event, RequestReceived)
    return request, event.transaction


class TestRequest:
    def test_event(self, h: Harness, phone: Peer) -> None:
        request, transaction = invite(h, phone)
        event = h.events[0]
        assert isinstance(event, RequestReceived)
        assert event.request.to_bytes() == request.to_bytes()
        assert event.flow == phone.flow == transaction.flow
        assert transaction.method == "INVITE"
        assert transaction.request is event.request
        assert not transaction.answered

    def test_the_transaction_has_the_stamped_request(self, h: Harness, phone: Peer) -> None:
        transaction = h.receive(phone, "OPTIONS", via_params=";rport")
        assert transaction.request is not None
        assert transaction.request.top_via.rport == "5060"

    def test_without_a_user_nothing_happens(self, h: Harness, phone: Peer) -> None:
        h.endpoint.user = None
        assert h.endpoint.user is None
        phone.request("INVITE")
        phone.request("ACK")
        h.connect("tcp", "10.0.0.8").close()
        assert h.events == []


class TestReply:
    def test_tag_and_headers(self, phone: Peer) -> None:
        h = Harness(software="ringway/1")
        phone = h.peer("udp", "10.0.0.9")
        h.reply(h.receive(phone, "OPTIONS"), 405, headers=(("Allow", "INVITE"),))
        assert phone.last.to_tag.startswith("u")
        assert phone.last.get("allow") == "INVITE"
        assert phone.last.get("server") == "ringway/1"
        assert phone.last.content_length == 0

    def test_one_tag_for_all_responses(self, h: Harness, phone: Peer) -> None:
        """RFC 3261 §8.2.6.2."""
        _, transaction = invite(h, phone)
        for status in (100, 180, 183, 486):
            h.reply(transaction, status)
        tags = [response.to_tag for response in phone.responses]
        assert tags == ["", "u1", "u1", "u1"]
        h.reply(h.receive(phone, "OPTIONS"), 200)
        assert phone.last.to_tag == "u2"

    def test_reason(self, h: Harness, phone: Peer) -> None:
        h.endpoint.reply(h.receive(phone, "OPTIONS"), 480, h.now, reason="Nobody Home")
        h.pump()
        assert phone.responses[0].reason == "Nobody Home"

    def test_after_a_final_response_nothing(self, h: Harness, phone: Peer) -> None:
        _, transaction = invite(h, phone)
        h.reply(transaction, 200)
        assert transaction.answered
        h.reply(transaction, 200)
        assert phone.statuses == [200]


class TestRespond:
    def test_a_2xx_goes_out_even_after_a_rejection(self, h: Harness, phone: Peer) -> None:
        """A proxy must forward it (RFC 3261 §16.7 step 5); what is repeated stays."""
        request, transaction = invite(h, phone)
        h.respond(transaction, build_response(request, 486, to_tag="one"))
        h.respond(transaction, build_response(request, 200, to_tag="two"))
        assert phone.statuses == [486, 200]
        h.advance(0.6)
        assert phone.statuses == [486, 200, 486]
        phone.ack(request, phone.responses[0])
        h.respond(transaction, build_response(request, 200, to_tag="two"))
        assert len(phone.statuses) == 3

    def test_unchanged_bytes(self, h: Harness, phone: Peer) -> None:
        request, transaction = invite(h, phone)
        response = build_response(request, 183, to_tag="x", body=b"v=0")
        h.respond(transaction, response)
        assert phone.raw == [response.to_bytes()]


class TestLetGo:
    """An INVITE has come again over another flow: nobody answers the first (RFC 5626 §7)."""

    @pytest.mark.parametrize("rings", [False, True])
    def test_nothing_is_left_and_nothing_said(self, h: Harness, phone: Peer, rings: bool) -> None:
        _, transaction = invite(h, phone)
        h.endpoint.answer_quietly(transaction, h.now)
        if rings:
            h.endpoint.reply(transaction, 180, h.now)
        h.endpoint.let_go(transaction, h.now)
        h.advance(1)
        assert h.endpoint.transactions == 0
        h.endpoint.reply(transaction, 486, h.now)
        h.pump()
        assert phone.statuses == ([180] if rings else [])
        assert h.endpoint.next_timer() is None


class TestAck:
    def test_to_a_2xx_goes_up(self, h: Harness, phone: Peer) -> None:
        request, transaction = invite(h, phone)
        h.reply(transaction, 200)
        ack = make_request("ACK", branch="z9hG4bK-own", call_id=request.call_id)
        phone.send(ack)
        phone.send(ack)
        assert phone.flow is not None
        for event in h.events[1:]:
            assert isinstance(event, AckReceived)
            assert event.request.to_bytes() == ack.to_bytes()
            assert event.flow == phone.flow
        assert len(h.events) == 3

    def test_makes_no_transaction(self, h: Harness, phone: Peer) -> None:
        phone.request("ACK")
        assert len(h.endpoint._servers) == 0
        h.advance(60)
        assert phone.received == []


class TestCancel:
    """RFC 3261 §9.2."""

    def test_after_a_response_that_cannot_be_read_any_more(self, h: Harness, phone: Peer) -> None:
        """A proxy passes on what came back, and the Via that is on top then was damaged."""
        request, transaction = invite(h, phone)
        draft = build_response(request, 180, to_tag="far").edit()
        draft.replace_top_via("SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bK-i;(=1")
        h.loses = lambda data: b";(" in data
        h.endpoint.respond(transaction, draft, h.now)
        h.pump()
        phone.cancel(request)
        assert phone.responses[-1].cseq.method == "CANCEL"
        assert phone.responses[-1].status == 200

    def test_a_response_that_cannot_be_read_has_nowhere_else_to_go(self, h: Harness) -> None:
        """Its own connection is gone, and its Via says no other place."""
        phone = h.connect("tcp", "10.0.0.8")
        _, transaction = invite(h, phone)
        phone.close()
        draft = build_response(make_request("INVITE"), 180, to_tag="far").edit()
        draft.replace_top_via("SIP/2.0/TCP 10.0.0.8:5060;branch=z9hG4bK-i;(=1")
        h.endpoint.respond(transaction, draft, h.now)
        h.pump()
        assert h.connects == []
        assert [type(event).__name__ for event in h.events][-1] == "ResponseFailed"

    def test_a_match_is_answered_and_told(self, h: Harness, phone: Peer) -> None:
        request, transaction = invite(h, phone)
        cancel = phone.cancel(request)
        event = h.events[-1]
        assert isinstance(event, CancelReceived)
        assert event.transaction is transaction
        assert event.request.to_bytes() == cancel.to_bytes()
        assert phone.statuses == [200]
        assert phone.last.cseq.method == "CANCEL"
        assert phone.last.to_tag

    def test_with_the_tag_of_the_invites_responses(self, h: Harness, phone: Peer) -> None:
        request, transaction = invite(h, phone)
        h.reply(transaction, 180)
        phone.cancel(request)
        assert phone.responses[1].to_tag == phone.responses[0].to_tag

    def test_and_of_a_2xx_of_ours(self, h: Harness, phone: Peer) -> None:
        request, transaction = invite(h, phone)
        h.reply(transaction, 200)
        phone.cancel(request)
        assert phone.responses[1].to_tag == phone.responses[0].to_tag

    def test_its_retransmission_is_answered_again(self, h: Harness, phone: Peer) -> None:
        request, _ = invite(h, phone)
        for _ in range(2):
            phone.cancel(request)
        assert phone.statuses == [200, 200]
        assert phone.raw[0] == phone.raw[1]
        assert len(h.events) == 2

    @pytest.mark.parametrize("status", [200, 486])
    def test_after_the_final_response_too(self, h: Harness, phone: Peer, status: int) -> None:
        request, transaction = invite(h, phone)
        h.reply(transaction, status)
        before = state_of(transaction)
        phone.cancel(request)
        event = h.events[-1]
        assert isinstance(event, CancelReceived)
        assert event.transaction is transaction
        assert transaction.answered
        assert phone.statuses == [status, 200]
        assert state_of(transaction) is before

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_no_match_is_the_users_to_answer(self, h: Harness, transport: str) -> None:
        phone = h.peer("udp", "10.0.0.9") if transport == "udp" else h.connect("tcp", "10.0.0.8")
        phone.request("CANCEL")
        event = h.events[-1]
        assert isinstance(event, CancelReceived)
        assert event.transaction is None
        assert phone.received == []
        h.reply(event.cancel, 481)
        assert phone.statuses == [481]

    def test_no_match_and_no_answer_is_forgotten(self, h: Harness, phone: Peer) -> None:
        phone.request("CANCEL")
        event = h.events[-1]
        assert isinstance(event, CancelReceived)
        h.advance(40)
        assert state_of(event.cancel) is State.TERMINATED
        assert len(h.endpoint._servers) == 0

    def test_over_another_connection(self, h: Harness) -> None:
        """It matches by branch; its own answer goes back where it came from."""
        one, two = h.connect("tcp", "10.0.0.8", 1), h.connect("tcp", "10.0.0.8", 2)
        request, transaction = invite(h, one)
        two.cancel(request)
        event = h.events[-1]
        assert isinstance(event, CancelReceived)
        assert event.transaction is transaction
        assert (one.statuses, two.statuses) == ([], [200])

    def test_of_an_rfc2543_client(self, h: Harness, phone: Peer) -> None:
        request, transaction = invite(h, phone, branch="")
        phone.cancel(request)
        event = h.events[-1]
        assert isinstance(event, CancelReceived)
        assert event.transaction is transaction


class TestNamedClients:
    """Over UDP, by a client whose sent-by is a name (RFC 3261 §18.2.2)."""

    def test_one_of_several_ends(self, h: Harness, phone: Peer) -> None:
        for number in range(2):
            transaction = h.receive(
                phone, "OPTIONS", sent_by="phone.test", branch=f"z9hG4bK{number}"
            )
            if not number:
                h.reply(transaction, 200)
        h.advance(33)
        assert len(h.endpoint._servers._named) == 1
        phone.unreachable()
        assert h.endpoint._servers._named == {}
        h.advance(40)
        assert len(h.endpoint._servers) == 0

    def test_what_has_sent_nothing_has_nothing_to_redirect(self, h: Harness, phone: Peer) -> None:
        h.receive(phone, "INVITE", sent_by="phone.test")
        phone.unreachable()
        assert [type(event) for event in h.events] == [RequestReceived, FlowClosed]

    def test_an_address_of_a_family_we_have_no_socket_for(self, h: Harness, phone: Peer) -> None:
        transaction = h.receive(phone, "INVITE", sent_by="phone.test")
        h.reply(transaction, 486)
        h.dns["phone.test"] = [NextHop("udp", Address("2001:db8::9", 5060), "phone.test")]
        phone.unreachable()
        assert isinstance(h.events[-1], ResponseFailed)

    def test_no_address_but_a_name(self, h: Harness, phone: Peer) -> None:
        """A maddr that is a name goes through DNS, as sent-by does."""
        h.dns["phone.test"] = [NextHop("udp", phone.address, "phone.test")]
        h.reply(
            h.receive(phone, "OPTIONS", sent_by="phone.test", via_params=";maddr=phone.test"), 200
        )
        assert phone.statuses == [200]


class TestRepr:
    def test_says_what_it_is(self, h: Harness, phone: Peer) -> None:
        transaction = h.receive(phone, "OPTIONS")
        assert repr(transaction) == f"<server OPTIONS {phone.flow} TRYING>"
        client, _ = h.send("INVITE", phone)
        assert repr(client) == f"<client INVITE {client.branch} CALLING>"


class TestMemory:
    def test_the_request_goes_with_the_final_response(self, h: Harness, phone: Peer) -> None:
        for method, status in (("INVITE", 200), ("INVITE", 486), ("OPTIONS", 200)):
            transaction = h.receive(phone, method)
            h.reply(transaction, status)
            assert transaction.request is None

    def test_bytes_that_nobody_can_ask_for_go(self, h: Harness, phone: Peer) -> None:
        request, transaction = invite(h, phone)
        h.reply(transaction, 180)
        assert transaction.buffer
        h.reply(transaction, 486)
        assert transaction.buffer
        phone.ack(request, phone.last)
        assert transaction.buffer == b""
        accepted = h.receive(phone, "INVITE")
        h.reply(accepted, 200)
        assert accepted.buffer == b""

    def test_nothing_is_left_in_the_end(self, h: Harness, phone: Peer) -> None:
        caller = h.connect("tcp", "10.0.0.8")
        for peer in (phone, caller):
            for number, status in enumerate((200, 486)):
                for method in ("INVITE", "OPTIONS"):
                    transaction = h.receive(
                        peer,
                        method,
                        sent_by="phone.test",
                        branch=f"z9hG4bK{number}{method}{peer.transport}",
                    )
                    h.reply(transaction, 180)
                    h.reply(transaction, status)
        h.advance(70)
        servers = h.endpoint._servers
        assert len(servers) == 0
        assert servers._named == {}
        assert h.endpoint.next_timer() is None
