"""RFC 3261 §17: the four transactions, on the wire and on a virtual clock.

What RFC 6026 replaced is in test_rfc6026.py, the 100 to non-INVITE requests in test_rfc4320.py.
"""

from collections.abc import Callable

import pytest
from tests.harness import Harness, Peer, Recorder, kin, make_request, state_of
from tests.unit.proxy.world import ALICE, DOMAIN, World

from ringway.codes import Source
from ringway.endpoint import (
    AckReceived,
    ClientTransaction,
    RequestReceived,
    ResponseFailed,
    State,
    Timers,
)
from ringway.message import Request


@pytest.fixture
def h() -> Harness:
    return Harness()


@pytest.fixture
def phone(h: Harness) -> Peer:
    return h.peer("udp", "10.0.0.9")


@pytest.fixture
def caller(h: Harness) -> Peer:
    return h.connect("tcp", "10.0.0.8")


def times_of(h: Harness, count: Callable[[], int], seconds: float) -> list[float]:
    """Let time pass; return when the count went up, from now on, to a tenth of a second."""
    times: list[float] = []
    start, seen = h.now, count()
    while h.now - start < seconds - 1e-6:
        h.advance(0.1)
        times += [round(h.now - start, 3)] * (count() - seen)
        seen = count()
    return times


def sent_at(h: Harness, peer: Peer, method: str, seconds: float) -> list[float]:
    return times_of(h, lambda: peer.methods.count(method), seconds)


def answered_at(h: Harness, peer: Peer, seconds: float) -> list[float]:
    return times_of(h, lambda: len(peer.responses), seconds)


def invite(h: Harness, peer: Peer) -> tuple[ClientTransaction, Recorder]:
    return h.send("INVITE", peer)


class TestSection17_1:
    @pytest.mark.clause("RFC3261-17.1-1")
    @pytest.mark.parametrize("method", ["OPTIONS", "REGISTER"])
    def test_requests_other_than_invite_are_answered_at_once(self, method: str) -> None:
        """By the node above; no time passes on the clock."""
        alice = World().caller()
        alice.request(method, f"sip:{DOMAIN}", to=f"<{ALICE}>")
        assert alice.statuses == [200]


class TestSection17_1_1_2:
    """The INVITE client transaction."""

    @pytest.mark.clause("RFC3261-17.1.1.2-1", "RFC3261-17.1.1.2-2")
    def test_begins_in_calling_and_sends(self, h: Harness, phone: Peer) -> None:
        client, _ = invite(h, phone)
        assert state_of(client) is State.CALLING
        assert phone.methods == ["INVITE"]

    @pytest.mark.clause(
        "RFC3261-17.1.1.2-3",
        "RFC3261-17.1.1.2-6",
        "RFC3261-17.1.1.2-7",
        "RFC3261-17.1.1.2-8",
        "RFC3261-17.1.1.2-10",
    )
    def test_timer_a_doubles(self, h: Harness, phone: Peer) -> None:
        invite(h, phone)
        assert sent_at(h, phone, "INVITE", 40) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]

    def test_retransmissions_are_the_same_bytes(self, h: Harness, phone: Peer) -> None:
        invite(h, phone)
        h.advance(10)
        assert len(phone.raw) > 1
        assert set(phone.raw) == {phone.raw[0]}

    @pytest.mark.clause("RFC3261-17.1.1.2-11", "RFC3261-17.1.1.2-12")
    def test_t1_can_be_larger(self) -> None:
        h = Harness(timers=Timers(t1=1.0))
        phone = h.peer("udp", "10.0.0.9")
        _, owner = invite(h, phone)
        assert sent_at(h, phone, "INVITE", 62) == [1, 3, 7, 15, 31]
        assert owner.failures == []
        h.advance(2)
        assert len(owner.failures) == 1

    @pytest.mark.clause("RFC3261-17.1.1.2-4")
    def test_timer_a_does_not_run_on_a_reliable_transport(self, h: Harness, caller: Peer) -> None:
        invite(h, caller)
        h.advance(31)
        assert caller.methods == ["INVITE"]

    @pytest.mark.clause("RFC3261-17.1.1.2-5", "RFC3261-17.1.1.2-13", "RFC3261-17.1.1.2-14")
    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_timer_b(self, h: Harness, transport: str) -> None:
        peer = h.peer("udp", "10.0.0.9") if transport == "udp" else h.connect("tcp", "10.0.0.8")
        client, owner = invite(h, peer)
        h.advance(31.9)
        assert owner.events == []
        h.advance(0.2)
        assert owner.failures == [(Source.TIMER, "no final response in time")]
        assert state_of(client) is State.TERMINATED
        assert "ACK" not in peer.methods
        before = len(peer.methods)
        h.advance(100)
        assert len(peer.methods) == before

    @pytest.mark.clause("RFC3261-17.1.1.2-9", "RFC3261-17.1.1.2-15")
    def test_a_provisional_ends_the_retransmissions(self, h: Harness, phone: Peer) -> None:
        client, owner = invite(h, phone)
        h.advance(1)
        phone.answer(phone.last, 100)
        assert state_of(client) is State.PROCEEDING
        assert sent_at(h, phone, "INVITE", 100) == []
        assert owner.failures == []

    @pytest.mark.clause("RFC3261-17.1.1.2-16", "RFC3261-17.1.1.2-17")
    def test_every_provisional_goes_up(self, h: Harness, phone: Peer) -> None:
        _, owner = invite(h, phone)
        for status in (100, 180, 183, 180):
            phone.answer(phone.requests[0], status)
        assert owner.statuses == [100, 180, 183, 180]

    @pytest.mark.clause("RFC3261-17.1.1.2-18", "RFC3261-17.1.1.2-19", "RFC3261-17.1.1.2-20")
    @pytest.mark.parametrize("provisional", [False, True])
    @pytest.mark.parametrize("status", [300, 404, 503, 699])
    def test_a_rejection_goes_up_and_is_acknowledged(
        self, h: Harness, phone: Peer, provisional: bool, status: int
    ) -> None:
        client, owner = invite(h, phone)
        if provisional:
            phone.answer(phone.last, 180)
            owner.events.clear()
        phone.answer(phone.requests[0], status)
        assert state_of(client) is State.COMPLETED
        assert owner.statuses == [status]
        assert phone.methods == ["INVITE", "ACK"]
        assert sent_at(h, phone, "INVITE", 10) == []

    @pytest.mark.clause("RFC3261-17.1.1.2-19", "RFC3261-17.1.1.2-20", "RFC3261-17.1.1.2-21")
    def test_on_a_reliable_transport_it_is_acknowledged_and_over(
        self, h: Harness, caller: Peer
    ) -> None:
        client, owner = invite(h, caller)
        caller.answer(caller.last, 486)
        assert caller.methods == ["INVITE", "ACK"]
        assert owner.statuses == [486]
        assert state_of(client) is State.TERMINATED

    @pytest.mark.clause("RFC3261-17.1.1.2-20")
    def test_the_ack_keeps_to_the_flow_even_if_the_response_came_by_another(
        self, h: Harness, phone: Peer
    ) -> None:
        other = h.connect("tcp", "10.0.0.7")
        invite(h, phone)
        other.answer(phone.last, 404)
        assert phone.methods == ["INVITE", "ACK"]
        assert other.received == []

    @pytest.mark.clause("RFC3261-17.1.1.2-21", "RFC3261-17.1.1.2-23")
    def test_timer_d(self, h: Harness, phone: Peer) -> None:
        client, _ = invite(h, phone)
        phone.answer(phone.last, 404)
        h.advance(31.9)
        assert state_of(client) is State.COMPLETED
        h.advance(0.2)
        assert state_of(client) is State.TERMINATED

    @pytest.mark.clause("RFC3261-17.1.1.2-22")
    def test_a_final_response_again_gets_the_ack_again(self, h: Harness, phone: Peer) -> None:
        _, owner = invite(h, phone)
        request = phone.last
        for _ in range(3):
            phone.answer(request, 404)
        assert phone.methods == ["INVITE", "ACK", "ACK", "ACK"]
        assert len(set(phone.raw[1:])) == 1
        assert owner.statuses == [404]

    @pytest.mark.clause("RFC3261-17.1.1.2-24")
    @pytest.mark.parametrize("provisional", [False, True])
    def test_a_2xx_goes_up(self, h: Harness, phone: Peer, provisional: bool) -> None:
        client, owner = invite(h, phone)
        if provisional:
            phone.answer(phone.last, 180)
        phone.answer(phone.requests[0], 200)
        assert owner.statuses[-1] == 200
        assert state_of(client) is State.ACCEPTED
        assert sent_at(h, phone, "INVITE", 10) == []

    @pytest.mark.clause("RFC3261-17.1.1.2-25")
    def test_ended_is_gone(self, h: Harness, phone: Peer) -> None:
        _, owner = invite(h, phone)
        request = phone.last
        h.advance(33)
        owner.events.clear()
        phone.answer(request, 200)
        phone.answer(request, 404)
        assert owner.events == []
        assert "ACK" not in phone.methods


class TestSection17_1_1_3:
    """The ACK that the client transaction makes."""

    ROUTES = (("Route", "<sip:p1.test;lr>, <sip:p2.test;lr>"), ("Route", "<sip:p3.test;lr>"))

    def ack(self, h: Harness, phone: Peer) -> tuple[Request, Request]:
        h.send("INVITE", phone, headers=self.ROUTES, body=b"v=0")
        request = phone.requests[0]
        phone.answer(request, 404, to_tag="callee")
        ack = phone.last
        assert isinstance(ack, Request)
        assert ack.method == "ACK"
        return request, ack

    @pytest.mark.clause("RFC3261-17.1.1.3-1")
    def test_none_to_a_2xx(self, h: Harness, phone: Peer) -> None:
        invite(h, phone)
        phone.answer(phone.last, 200)
        h.advance(40)
        assert "ACK" not in phone.methods

    @pytest.mark.clause("RFC3261-17.1.1.3-2")
    def test_what_is_the_invites(self, h: Harness, phone: Peer) -> None:
        request, ack = self.ack(h, phone)
        assert ack.call_id == request.call_id
        assert ack.get("from") == request.get("from")
        assert ack.uri_text == request.uri_text

    @pytest.mark.clause("RFC3261-17.1.1.3-3")
    def test_to_is_the_responses(self, h: Harness, phone: Peer) -> None:
        _, ack = self.ack(h, phone)
        assert ack.to_tag == "callee"

    @pytest.mark.clause("RFC3261-17.1.1.3-4")
    def test_via(self, h: Harness, phone: Peer) -> None:
        request, ack = self.ack(h, phone)
        assert ack.values("via") == request.values("via")[:1]

    @pytest.mark.clause("RFC3261-17.1.1.3-5")
    def test_cseq(self, h: Harness, phone: Peer) -> None:
        _, ack = self.ack(h, phone)
        assert ack.cseq == (1, "ACK")

    @pytest.mark.clause("RFC3261-17.1.1.3-6")
    def test_routes(self, h: Harness, phone: Peer) -> None:
        request, ack = self.ack(h, phone)
        assert ack.values("route") == request.values("route")
        assert len(ack.values("route")) == 3

    @pytest.mark.clause("RFC3261-17.1.1.3-7")
    def test_no_body(self, h: Harness, phone: Peer) -> None:
        _, ack = self.ack(h, phone)
        assert ack.body == b""


class TestSection17_1_2_2:
    """The non-INVITE client transaction."""

    @pytest.mark.clause("RFC3261-17.1.2.2-2", "RFC3261-17.1.2.2-3")
    def test_sends_and_timer_e_doubles_up_to_t2(self, h: Harness, phone: Peer) -> None:
        client, _ = h.send("OPTIONS", phone)
        assert state_of(client) is State.TRYING
        assert phone.methods == ["OPTIONS"]
        times = sent_at(h, phone, "OPTIONS", 40)
        assert times == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]

    def test_nothing_is_sent_again_on_a_reliable_transport(self, h: Harness, caller: Peer) -> None:
        h.send("OPTIONS", caller)
        h.advance(40)
        assert caller.methods == ["OPTIONS"]

    @pytest.mark.clause("RFC3261-17.1.2.2-1", "RFC3261-17.1.2.2-4")
    def test_timer_f_in_trying(self, h: Harness, phone: Peer) -> None:
        client, owner = h.send("OPTIONS", phone)
        h.advance(31.9)
        assert owner.events == []
        h.advance(0.2)
        assert owner.failures == [(Source.TIMER, "no final response in time")]
        assert state_of(client) is State.TERMINATED

    @pytest.mark.clause("RFC3261-17.1.2.2-5", "RFC3261-17.1.2.2-7")
    def test_a_provisional_slows_timer_e_down(self, h: Harness, phone: Peer) -> None:
        client, owner = h.send("OPTIONS", phone)
        phone.answer(phone.last, 100)
        assert owner.statuses == [100]
        assert state_of(client) is State.PROCEEDING
        phone.answer(phone.last, 100)
        assert owner.statuses == [100, 100]
        assert sent_at(h, phone, "OPTIONS", 13) == [0.5, 4.5, 8.5, 12.5]

    @pytest.mark.clause("RFC3261-17.1.2.2-8")
    def test_timer_f_in_proceeding(self, h: Harness, phone: Peer) -> None:
        client, owner = h.send("OPTIONS", phone)
        h.advance(20)
        phone.answer(phone.last, 100)
        h.advance(12.1)
        assert owner.failures == [(Source.TIMER, "no final response in time")]
        assert state_of(client) is State.TERMINATED
        assert sent_at(h, phone, "OPTIONS", 10) == []

    @pytest.mark.clause("RFC3261-17.1.2.2-6", "RFC3261-17.1.2.2-9")
    @pytest.mark.parametrize("provisional", [False, True])
    @pytest.mark.parametrize("status", [200, 302, 404, 500, 603])
    def test_a_final_response_goes_up(
        self, h: Harness, phone: Peer, provisional: bool, status: int
    ) -> None:
        client, owner = h.send("OPTIONS", phone)
        if provisional:
            phone.answer(phone.last, 100)
        phone.answer(phone.requests[0], status)
        assert owner.statuses[-1] == status
        assert state_of(client) is State.COMPLETED
        assert sent_at(h, phone, "OPTIONS", 4) == []

    def test_only_the_first_one(self, h: Harness, phone: Peer) -> None:
        _, owner = h.send("OPTIONS", phone)
        phone.answer(phone.last, 200)
        phone.answer(phone.last, 200)
        phone.answer(phone.last, 100)
        assert owner.statuses == [200]

    @pytest.mark.clause("RFC3261-17.1.2.2-10", "RFC3261-17.1.2.2-11")
    def test_timer_k(self, h: Harness, phone: Peer) -> None:
        client, _ = h.send("OPTIONS", phone)
        phone.answer(phone.last, 200)
        h.advance(4.9)
        assert state_of(client) is State.COMPLETED
        h.advance(0.2)
        assert state_of(client) is State.TERMINATED

    @pytest.mark.clause("RFC3261-17.1.2.2-10", "RFC3261-17.1.2.2-12")
    def test_timer_k_is_zero_on_a_reliable_transport(self, h: Harness, caller: Peer) -> None:
        client, owner = h.send("OPTIONS", caller)
        caller.answer(caller.last, 200)
        assert state_of(client) is State.TERMINATED
        assert owner.statuses == [200]
        caller.answer(caller.last, 200)
        assert owner.statuses == [200]


class TestSection17_1_3:
    """Which response belongs to which request."""

    @pytest.mark.clause("RFC3261-17.1.3-1")
    def test_by_branch(self, h: Harness, phone: Peer) -> None:
        _, one = h.send("OPTIONS", phone)
        _, two = h.send("OPTIONS", phone)
        phone.answer(phone.requests[1], 200)
        assert (one.statuses, two.statuses) == ([], [200])

    @pytest.mark.clause("RFC3261-17.1.3-1")
    def test_by_method(self, h: Harness, phone: Peer) -> None:
        client, owner = invite(h, phone)
        phone.answer(phone.last, 180)
        h.endpoint.cancel(client, h.now)
        h.pump()
        assert phone.methods == ["INVITE", "CANCEL"]
        phone.answer(phone.requests[1], 200)
        assert owner.statuses == [180]
        phone.answer(phone.requests[0], 487)
        assert owner.statuses == [180, 487]

    @pytest.mark.clause("RFC3261-17.1.3-1")
    def test_whatever_flow_it_comes_by(self, h: Harness, phone: Peer) -> None:
        _, owner = invite(h, phone)
        h.peer("udp", "10.9.9.9", 1234).answer(phone.last, 180)
        h.connect("tcp", "10.0.0.6").answer(phone.last, 200)
        assert owner.statuses == [180, 200]


class TestSection17_1_4:
    """Transport errors of requests."""

    @pytest.mark.clause("RFC3261-17.1.4-1")
    @pytest.mark.parametrize("heard", [False, True])
    @pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
    def test_closed_connection(self, h: Harness, caller: Peer, method: str, heard: bool) -> None:
        client, owner = h.send(method, caller)
        if heard:
            caller.answer(caller.last, 100)
        caller.close("reset")
        assert owner.failures == [(Source.TRANSPORT, "reset")]
        assert state_of(client) is State.TERMINATED

    @pytest.mark.clause("RFC3261-17.1.4-1")
    @pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
    def test_unreachable_port(self, h: Harness, phone: Peer, method: str) -> None:
        client, owner = h.send(method, phone)
        phone.unreachable()
        assert owner.failures == [(Source.TRANSPORT, "port unreachable")]
        assert state_of(client) is State.TERMINATED
        assert sent_at(h, phone, method, 40) == []


class TestSection17_2_1:
    """The INVITE server transaction."""

    @pytest.mark.clause("RFC3261-17.2.1-3")
    def test_the_invite_goes_up_once(self, h: Harness, phone: Peer) -> None:
        transaction = h.receive(phone, "INVITE")
        assert state_of(transaction) is State.PROCEEDING
        phone.send(make_request("INVITE", branch="z9hG4bK-10.0.0.9-1"))
        assert len(h.events) == 1

    @pytest.mark.clause("RFC3261-17.2.1-2")
    def test_a_100_adds_no_tag(self, h: Harness, phone: Peer) -> None:
        h.reply(h.receive(phone, "INVITE"), 100)
        assert phone.last.to_tag == ""
        assert phone.statuses == [100]

    @pytest.mark.clause("RFC3261-17.2.1-4")
    def test_provisionals_are_sent(self, h: Harness, phone: Peer) -> None:
        transaction = h.receive(phone, "INVITE")
        for status in (100, 180, 183):
            h.reply(transaction, status)
        assert phone.statuses == [100, 180, 183]
        assert state_of(transaction) is State.PROCEEDING
        assert answered_at(h, phone, 60) == []

    @pytest.mark.clause("RFC3261-17.2.1-5")
    def test_a_retransmission_gets_the_latest_provisional(self, h: Harness, phone: Peer) -> None:
        request = phone.request("INVITE")
        event = h.events[0]
        assert isinstance(event, RequestReceived)
        phone.send(request)
        assert phone.statuses == []
        h.reply(event.transaction, 100)
        phone.send(request)
        h.reply(event.transaction, 180)
        phone.send(request)
        assert phone.statuses == [100, 100, 180, 180]
        assert phone.raw[2] == phone.raw[3]

    @pytest.mark.clause("RFC3261-17.2.1-6", "RFC3261-17.2.1-7")
    def test_a_2xx(self, h: Harness, phone: Peer) -> None:
        transaction = h.receive(phone, "INVITE")
        h.reply(transaction, 200)
        assert phone.statuses == [200]
        assert state_of(transaction) is State.ACCEPTED
        assert answered_at(h, phone, 31.9) == []
        assert state_of(transaction) is State.ACCEPTED
        h.advance(0.2)
        assert state_of(transaction) is State.TERMINATED

    @pytest.mark.clause("RFC3261-17.2.1-8")
    def test_a_rejection_is_repeated_until_acknowledged(self, h: Harness, phone: Peer) -> None:
        request = phone.request("INVITE")
        event = h.events[0]
        assert isinstance(event, RequestReceived)
        h.reply(event.transaction, 486)
        assert state_of(event.transaction) is State.COMPLETED
        assert answered_at(h, phone, 16) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5]
        phone.ack(request, phone.last)
        assert answered_at(h, phone, 40) == []

    @pytest.mark.clause("RFC3261-17.2.1-8")
    def test_not_on_a_reliable_transport(self, h: Harness, caller: Peer) -> None:
        transaction = h.receive(caller, "INVITE")
        h.reply(transaction, 486)
        h.advance(31)
        assert caller.statuses == [486]
        assert state_of(transaction) is State.COMPLETED

    @pytest.mark.clause("RFC3261-17.2.1-9", "RFC3261-17.2.1-12")
    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_timer_h(self, h: Harness, transport: str) -> None:
        peer = h.peer("udp", "10.0.0.9") if transport == "udp" else h.connect("tcp", "10.0.0.8")
        transaction = h.receive(peer, "INVITE")
        h.reply(transaction, 486)
        h.advance(31.9)
        assert state_of(transaction) is State.COMPLETED
        assert len(h.events) == 1 + (transport == "tcp")
        h.advance(0.2)
        assert state_of(transaction) is State.TERMINATED
        assert h.events[-1] == ResponseFailed(transaction, Source.TIMER, "no ACK came")
        assert answered_at(h, peer, 10) == []

    @pytest.mark.clause("RFC3261-17.2.1-10")
    def test_a_retransmission_gets_the_final_response(self, h: Harness, phone: Peer) -> None:
        request = phone.request("INVITE")
        event = h.events[0]
        assert isinstance(event, RequestReceived)
        h.reply(event.transaction, 486)
        phone.send(request)
        assert phone.statuses == [486, 486]
        assert phone.raw[0] == phone.raw[1]

    @pytest.mark.clause("RFC3261-17.2.1-11", "RFC3261-17.2.1-13", "RFC3261-17.2.1-14")
    def test_an_ack_and_timer_i(self, h: Harness, phone: Peer) -> None:
        request = phone.request("INVITE")
        event = h.events[0]
        assert isinstance(event, RequestReceived)
        h.reply(event.transaction, 486)
        phone.ack(request, phone.last)
        assert state_of(event.transaction) is State.CONFIRMED
        phone.ack(request, phone.last)
        phone.send(request)
        assert phone.statuses == [486]
        h.advance(4.9)
        assert state_of(event.transaction) is State.CONFIRMED
        h.advance(0.2)
        assert state_of(event.transaction) is State.TERMINATED
        assert len(h.events) == 1
        phone.send(request)
        assert len(h.events) == 2

    @pytest.mark.clause("RFC3261-17.2.1-13")
    def test_timer_i_is_zero_on_a_reliable_transport(self, h: Harness, caller: Peer) -> None:
        request = caller.request("INVITE")
        event = h.events[-1]
        assert isinstance(event, RequestReceived)
        h.reply(event.transaction, 486)
        caller.ack(request, caller.last)
        assert state_of(event.transaction) is State.TERMINATED

    def test_a_second_final_response_is_dropped(self, h: Harness, phone: Peer) -> None:
        transaction = h.receive(phone, "INVITE")
        h.reply(transaction, 486)
        h.reply(transaction, 404)
        h.reply(transaction, 180)
        assert phone.statuses == [486]

    def test_an_ack_before_any_final_response_does_nothing(self, h: Harness, phone: Peer) -> None:
        request = phone.request("INVITE")
        phone.send(kin(request, "ACK"))
        assert len(h.events) == 1
        assert phone.received == []


class TestSection17_2_2:
    """The non-INVITE server transaction."""

    def test_goes_up_once(self, h: Harness, phone: Peer) -> None:
        request = phone.request("OPTIONS")
        phone.send(request)
        assert len(h.events) == 1
        assert phone.received == []

    @pytest.mark.clause("RFC3261-17.2.2-1", "RFC3261-17.2.2-2", "RFC3261-17.2.2-3")
    def test_provisionals(self, h: Harness, caller: Peer) -> None:
        transaction = h.receive(caller, "OPTIONS")
        assert state_of(transaction) is State.TRYING
        h.reply(transaction, 100)
        assert state_of(transaction) is State.PROCEEDING
        h.reply(transaction, 100)
        assert caller.statuses == [100, 100]

    @pytest.mark.clause("RFC3261-17.2.2-4")
    def test_a_retransmission_gets_the_latest_provisional(self, h: Harness, phone: Peer) -> None:
        request = phone.request("OPTIONS")
        h.advance(3.6)
        assert phone.statuses == [100]
        phone.send(request)
        assert phone.statuses == [100, 100]
        assert phone.raw[0] == phone.raw[1]

    @pytest.mark.clause("RFC3261-17.2.2-5")
    @pytest.mark.parametrize("wait", [0.0, 4.0])
    def test_a_final_response(self, h: Harness, phone: Peer, wait: float) -> None:
        transaction = h.receive(phone, "OPTIONS")
        h.advance(wait)
        h.reply(transaction, 200)
        assert phone.statuses[-1] == 200
        assert state_of(transaction) is State.COMPLETED
        assert answered_at(h, phone, 20) == []

    @pytest.mark.clause("RFC3261-17.2.2-6", "RFC3261-17.2.2-9", "RFC3261-17.2.2-10")
    def test_timer_j(self, h: Harness, phone: Peer) -> None:
        request = phone.request("OPTIONS")
        event = h.events[0]
        assert isinstance(event, RequestReceived)
        h.reply(event.transaction, 200)
        h.advance(31.9)
        assert state_of(event.transaction) is State.COMPLETED
        h.advance(0.2)
        assert state_of(event.transaction) is State.TERMINATED
        phone.send(request)
        assert len(h.events) == 2

    @pytest.mark.clause("RFC3261-17.2.2-6")
    def test_timer_j_is_zero_on_a_reliable_transport(self, h: Harness, caller: Peer) -> None:
        transaction = h.receive(caller, "OPTIONS")
        h.reply(transaction, 200)
        assert state_of(transaction) is State.TERMINATED

    @pytest.mark.clause("RFC3261-17.2.2-7", "RFC3261-17.2.2-8")
    def test_a_retransmission_gets_the_final_response(self, h: Harness, phone: Peer) -> None:
        request = phone.request("OPTIONS")
        event = h.events[0]
        assert isinstance(event, RequestReceived)
        h.reply(event.transaction, 200)
        h.reply(event.transaction, 500)
        phone.send(request)
        assert phone.statuses == [200, 200]
        assert phone.raw[0] == phone.raw[1]


class TestSection17_2_3:
    """Which request belongs to which transaction."""

    @pytest.mark.clause("RFC3261-17.2.3-1")
    def test_branch_sent_by_and_method(self, h: Harness, phone: Peer) -> None:
        phone.send(make_request("INVITE"))
        phone.send(make_request("INVITE", call_id="no-matter"))
        assert len(h.events) == 1
        phone.send(make_request("OPTIONS"))
        phone.send(make_request("INVITE", sent_by="10.0.0.9:5070"))
        phone.send(make_request("INVITE", branch="z9hG4bK-2"))
        assert len(h.events) == 4

    @pytest.mark.clause("RFC3261-17.2.3-1")
    def test_whatever_flow_it_comes_by(self, h: Harness, phone: Peer) -> None:
        transaction = h.receive(phone, "INVITE", branch="z9hG4bK-1")
        h.reply(transaction, 180)
        h.peer("udp", "10.9.9.9").send(make_request("INVITE"))
        assert phone.statuses == [180, 180]

    @pytest.mark.clause("RFC3261-17.2.3-2")
    def test_without_the_cookie(self, h: Harness, phone: Peer) -> None:
        old = make_request("INVITE", branch="")
        phone.send(old)
        phone.send(old)
        assert len(h.events) == 1
        phone.send(make_request("INVITE", branch="", cseq=2))
        phone.send(make_request("INVITE", branch="", call_id="other"))
        assert len(h.events) == 3

    @pytest.mark.clause("RFC3261-17.2.3-2")
    def test_an_ack_without_the_cookie_names_the_response_by_its_tag(
        self, h: Harness, phone: Peer
    ) -> None:
        transaction = h.receive(phone, "INVITE", branch="", call_id="old")
        h.reply(transaction, 486)
        request = make_request("INVITE", branch="", call_id="old")
        phone.send(kin(request, "ACK", to="<sip:bob@ringway.test>;tag=another"))
        assert state_of(transaction) is State.COMPLETED
        assert isinstance(h.events[-1], AckReceived)
        phone.ack(request, phone.last)
        assert state_of(transaction) is State.CONFIRMED
        assert len(h.events) == 2


class TestSection17_2_4:
    """Transport errors of responses."""

    @pytest.mark.clause("RFC3261-17.2.4-1")
    def test_is_told_and_the_invite_transaction_stays(self, h: Harness, caller: Peer) -> None:
        transaction = h.receive(caller, "INVITE")
        caller.close()
        h.reply(transaction, 180)
        failed = h.events[-1]
        assert isinstance(failed, ResponseFailed)
        assert failed[:2] == (transaction, Source.TRANSPORT)
        assert state_of(transaction) is State.PROCEEDING

    @pytest.mark.clause("RFC3261-17.2.4-1")
    @pytest.mark.parametrize("status", [100, 200])
    def test_another_transaction_ends(self, h: Harness, status: int) -> None:
        browser = h.connect("ws", "10.0.0.7")
        transaction = h.receive(browser, "OPTIONS")
        browser.close()
        h.reply(transaction, status)
        assert isinstance(h.events[-1], ResponseFailed)
        assert state_of(transaction) is State.TERMINATED
