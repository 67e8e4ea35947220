"""What client transactions do beyond RFC 3261 §17: CANCEL, being kept, lost flows."""

import gc
import weakref

import pytest
from tests.harness import LISTENERS, Harness, Peer, Recorder, make_request, state_of

from ringway.codes import Source
from ringway.endpoint import (
    ClientTransaction,
    Event,
    RequestFailed,
    ResponseReceived,
    SendDatagram,
    State,
)
from ringway.message import build_response
from ringway.transport.flow import Address, Flow, NextHop


@pytest.fixture
def h() -> Harness:
    return Harness()


@pytest.fixture
def phone(h: Harness) -> Peer:
    return h.peer("udp", "10.0.0.9")


def cancel(h: Harness, client: ClientTransaction) -> None:
    h.endpoint.cancel(client, h.now)
    h.pump()


def keep(h: Harness, client: ClientTransaction, linger: float | None = None) -> None:
    h.endpoint.stop_retransmitting(client, linger=linger)
    h.pump()


def resume(h: Harness, client: ClientTransaction) -> None:
    h.endpoint.resume(client, h.now)
    h.pump()


class TestSend:
    def test_returns_what_the_owner_will_be_told_of(self, h: Harness, phone: Peer) -> None:
        client, owner = h.send("INVITE", phone)
        assert client.method == "INVITE"
        assert client.branch == phone.last.top_via.branch
        assert client.flow == phone.flow
        assert client.request is not None
        assert client.request.to_bytes() == phone.raw[0]
        phone.answer(phone.last, 180)
        event = owner.events[0]
        assert isinstance(event, ResponseReceived)
        assert event.client is client
        assert event.flow == phone.flow
        assert client.heard

    def test_a_draft_is_sent_as_well(self, h: Harness, phone: Peer) -> None:
        draft = make_request("OPTIONS").edit()
        draft.replace("max-forwards", "5")
        client = h.endpoint.send_request(
            draft, NextHop("udp", phone.address, "p"), None, h.now, branch_suffix="mark"
        )
        h.pump()
        assert phone.last.max_forwards == 5
        assert [via.branch for via in phone.last.vias] == [client.branch, "z9hG4bK-1"]
        assert client.branch.startswith("z9hG4bK")
        assert client.branch.endswith(".mark")

    def test_branches_differ(self, h: Harness, phone: Peer) -> None:
        assert h.send("OPTIONS", phone)[0].branch != h.send("OPTIONS", phone)[0].branch

    @pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
    def test_a_shorter_timeout(self, h: Harness, phone: Peer, method: str) -> None:
        _, owner = h.send(method, phone, timeout=2.0)
        h.advance(1.9)
        assert owner.events == []
        h.advance(0.2)
        assert owner.failures == [(Source.TIMER, "no final response in time")]

    def test_a_closed_flow_fails_but_not_within_the_call(self, h: Harness) -> None:
        caller = h.connect("tcp", "10.0.0.8")
        caller.close()
        assert caller.flow is not None
        owner = Recorder()
        h.endpoint.send_request(make_request("INVITE"), caller.flow, owner, h.now)
        assert owner.events == []
        assert h.endpoint.next_timer() == h.now
        h.pump()
        assert owner.failures == [(Source.TRANSPORT, "the flow is not there")]

    def test_no_socket_for_the_address_family(self, h: Harness) -> None:
        owner = Recorder()
        target = NextHop("udp", Address("2001:db8::9", 5060), "p")
        h.endpoint.send_request(make_request("OPTIONS"), target, owner, h.now)
        h.pump()
        assert [source for source, _ in owner.failures] == [Source.TRANSPORT]

    def test_no_udp_at_all(self) -> None:
        h = Harness(listeners=tuple(each for each in LISTENERS if each.transport != "udp"))
        phone = h.peer("udp", "10.0.0.9")
        _, owner = h.send("MESSAGE", phone, body=b"x" * 1300)
        assert owner.failures == [(Source.TRANSPORT, "the flow is not there")]
        assert h.connects == []

    def test_refusals_of_tcp_are_not_remembered_without_limit(self, h: Harness) -> None:
        for number in range(1002):
            target = NextHop("udp", Address(f"10.1.{number // 250}.{number % 250}", 5060), "p")
            h.endpoint.send_request(make_request("MESSAGE", body=b"x" * 1300), target, None, h.now)
        h.pump()
        assert len(h.connects) == 1002
        assert len(h.endpoint._clients._no_tcp) == 2

    def test_time_runs_while_connecting(self, h: Harness) -> None:
        server = h.peer("tcp", "10.0.0.5")
        server.accepting = None
        _, owner = h.send("INVITE", server)
        h.advance(33)
        assert [source for source, _ in owner.failures] == [Source.TIMER]
        h.accept(server, h.connects[0])
        assert server.received == []
        h.endpoint.connect_failed(h.connects[0], "too late", h.now)
        assert len(owner.events) == 1

    def test_a_refused_connection_after_the_end_says_nothing(self, h: Harness) -> None:
        server = h.peer("tcp", "10.0.0.5")
        server.accepting = None
        _, owner = h.send("INVITE", server, timeout=1.0)
        h.advance(2)
        h.endpoint.connect_failed(h.connects[0], "too late", h.now)
        assert len(owner.events) == 1


class TestStateless:
    def test_a_request_gets_our_via(self, h: Harness, phone: Peer) -> None:
        target = NextHop("udp", phone.address, "p")
        h.endpoint.send_stateless(make_request("ACK"), target, h.now, branch_suffix="mark")
        h.pump()
        assert phone.methods == ["ACK"]
        assert len(phone.last.vias) == 2
        assert phone.last.top_via.branch.endswith(".mark")
        h.advance(10)
        assert len(phone.received) == 1

    def test_a_response_does_not(self, h: Harness, phone: Peer) -> None:
        assert phone.flow is not None
        response = build_response(make_request("OPTIONS"), 200)
        h.endpoint.send_stateless(response, phone.flow, h.now)
        h.endpoint.send_stateless(response.edit(), phone.flow, h.now)
        h.pump()
        assert phone.raw == [response.to_bytes()] * 2

    def test_over_a_connection_yet_to_be_opened(self, h: Harness) -> None:
        server = h.peer("tcp", "10.0.0.5")
        target = NextHop("tcp", server.address, "p")
        h.endpoint.send_stateless(make_request("ACK"), target, h.now)
        h.pump()
        assert server.methods == ["ACK"]
        assert server.last.top_via.transport == "tcp"

    def test_lost_where_nobody_is(self, h: Harness) -> None:
        nobody = NextHop("tcp", Address("10.0.0.66", 5060), "p")
        h.endpoint.send_stateless(make_request("ACK"), nobody, h.now)
        h.pump()
        six = NextHop("udp", Address("2001:db8::9", 5060), "p")
        h.endpoint.send_stateless(make_request("ACK"), six, h.now)
        assert h.endpoint.take_commands() == []


class TestCancel:
    """RFC 3261 §9.1."""

    def test_after_a_provisional(self, h: Harness, phone: Peer) -> None:
        client, owner = h.send("INVITE", phone, headers=(("Route", "<sip:p.test;lr>"),))
        phone.answer(phone.last, 180)
        cancel(h, client)
        invite, sent = phone.requests
        assert sent.method == "CANCEL"
        assert sent.uri_text == invite.uri_text
        assert sent.values("via") == invite.values("via")
        for name in ("call-id", "from", "to", "route"):
            assert sent.get(name) == invite.get(name)
        assert sent.cseq == (1, "CANCEL")
        phone.answer(sent, 200)
        phone.answer(invite, 487)
        assert owner.statuses == [180, 487]
        assert phone.methods == ["INVITE", "CANCEL", "ACK"]

    def test_waits_for_a_provisional(self, h: Harness, phone: Peer) -> None:
        client, owner = h.send("INVITE", phone)
        cancel(h, client)
        assert phone.methods == ["INVITE"]
        h.advance(1)
        assert phone.methods == ["INVITE"] * 2
        phone.answer(phone.last, 100)
        assert phone.methods == ["INVITE"] * 2 + ["CANCEL"]
        phone.answer(phone.requests[0], 180)
        assert phone.methods.count("CANCEL") == 1
        assert owner.statuses == [100, 180]

    def test_is_repeated_until_answered(self, h: Harness, phone: Peer) -> None:
        client, _ = h.send("INVITE", phone)
        phone.answer(phone.last, 180)
        cancel(h, client)
        h.advance(1.6)
        assert phone.methods.count("CANCEL") == 3
        phone.answer(phone.last, 200)
        h.advance(20)
        assert phone.methods.count("CANCEL") == 3

    def test_carries_headers(self, h: Harness, phone: Peer) -> None:
        client, _ = h.send("INVITE", phone)
        reason = 'SIP;cause=200;text="Call completed elsewhere"'
        h.endpoint.cancel(client, h.now, headers=(("Reason", reason),))
        phone.answer(phone.last, 180)
        assert phone.last.get("reason") == reason

    @pytest.mark.parametrize("status", [200, 486])
    def test_not_after_a_final_response(self, h: Harness, phone: Peer, status: int) -> None:
        client, _ = h.send("INVITE", phone)
        phone.answer(phone.last, status)
        cancel(h, client)
        assert "CANCEL" not in phone.methods

    def test_a_final_response_makes_it_needless(self, h: Harness, phone: Peer) -> None:
        client, owner = h.send("INVITE", phone)
        cancel(h, client)
        phone.answer(phone.last, 200)
        assert "CANCEL" not in phone.methods
        assert owner.statuses == [200]

    def test_not_for_other_methods(self, h: Harness, phone: Peer) -> None:
        client, _ = h.send("OPTIONS", phone)
        phone.answer(phone.last, 100)
        cancel(h, client)
        assert phone.methods == ["OPTIONS"]

    def test_without_a_final_response_it_ends(self, h: Harness, phone: Peer) -> None:
        client, owner = h.send("INVITE", phone)
        phone.answer(phone.last, 180)
        h.advance(60)
        cancel(h, client)
        h.advance(31.9)
        assert owner.failures == []
        h.advance(0.2)
        assert owner.failures == [(Source.TIMER, "no final response in time")]
        assert state_of(client) is State.TERMINATED

    def test_is_not_sent_to_nowhere(self, h: Harness) -> None:
        """Cancelled in the event that tells of the lost flow: there is nothing to cancel it by."""
        phone = h.connect("tcp", "10.0.0.8")
        client, owner = h.send("INVITE", phone)
        phone.answer(phone.last, 180)
        owner.reaction = lambda _, now: h.endpoint.cancel(client, now)
        phone.close()
        assert phone.methods == ["INVITE"]
        assert state_of(client) is State.TERMINATED

    def test_before_it_was_sent(self, h: Harness) -> None:
        server = h.peer("tcp", "10.0.0.5")
        server.accepting = None
        client, owner = h.send("INVITE", server)
        cancel(h, client)
        h.accept(server, h.connects[0])
        assert server.received == []
        assert owner.failures == [(Source.TRANSPORT, "cancelled before it was sent")]


class TestKept:
    """After `stop_retransmitting`."""

    @pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
    def test_sends_nothing_more(self, h: Harness, phone: Peer, method: str) -> None:
        client, owner = h.send(method, phone)
        h.advance(2)
        sent = len(phone.received)
        keep(h, client)
        assert state_of(client) is State.KEPT
        h.advance(31)
        assert len(phone.received) == sent
        assert owner.events == []

    @pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
    @pytest.mark.parametrize("linger", [None, 5.0, 100.0])
    def test_ends_after_a_while(
        self, h: Harness, phone: Peer, method: str, linger: float | None
    ) -> None:
        client, owner = h.send(method, phone)
        keep(h, client, linger)
        wait = linger or 32.0
        h.advance(wait - 0.1)
        assert owner.events == []
        h.advance(0.2)
        assert owner.failures == [(Source.TIMER, "no final response in time")]
        assert state_of(client) is State.TERMINATED

    def test_a_late_2xx_is_delivered(self, h: Harness, phone: Peer) -> None:
        client, owner = h.send("INVITE", phone)
        keep(h, client)
        h.advance(20)
        phone.answer(phone.requests[0], 200)
        phone.answer(phone.requests[0], 200)
        assert owner.statuses == [200, 200]
        assert state_of(client) is State.ACCEPTED

    def test_a_late_rejection_is_acknowledged(self, h: Harness, phone: Peer) -> None:
        client, owner = h.send("INVITE", phone)
        keep(h, client)
        phone.answer(phone.last, 486)
        assert owner.statuses == [486]
        assert phone.methods == ["INVITE", "ACK"]

    def test_a_late_provisional_makes_an_invite_wait_on(self, h: Harness, phone: Peer) -> None:
        client, owner = h.send("INVITE", phone)
        keep(h, client)
        h.advance(20)
        phone.answer(phone.last, 180)
        h.advance(120)
        assert owner.failures == []
        phone.answer(phone.requests[0], 200)
        assert owner.statuses == [180, 200]

    def test_a_late_provisional_is_answered_with_cancel(self, h: Harness, phone: Peer) -> None:
        client, _ = h.send("INVITE", phone)
        keep(h, client)
        cancel(h, client)
        assert phone.methods == ["INVITE"]
        phone.answer(phone.last, 180)
        assert phone.methods == ["INVITE", "CANCEL"]

    def test_or_from_within_the_event(self, h: Harness, phone: Peer) -> None:
        client, owner = h.send("INVITE", phone)
        keep(h, client)
        owner.reaction = lambda _, now: h.endpoint.cancel(client, now)
        phone.answer(phone.last, 180)
        assert phone.methods == ["INVITE", "CANCEL"]

    def test_other_requests_get_late_responses_too(self, h: Harness, phone: Peer) -> None:
        client, owner = h.send("OPTIONS", phone)
        phone.answer(phone.last, 100)
        keep(h, client)
        phone.answer(phone.last, 100)
        phone.answer(phone.last, 200)
        phone.answer(phone.last, 200)
        assert owner.statuses == [100, 100, 200]
        h.advance(5.1)
        assert state_of(client) is State.TERMINATED

    def test_twice_is_once(self, h: Harness, phone: Peer) -> None:
        client, owner = h.send("INVITE", phone)
        keep(h, client)
        h.advance(20)
        keep(h, client)
        h.advance(12.1)
        assert len(owner.failures) == 1

    def test_not_after_a_provisional_or_the_end(self, h: Harness, phone: Peer) -> None:
        client, _ = h.send("INVITE", phone)
        phone.answer(phone.last, 180)
        keep(h, client)
        assert state_of(client) is State.PROCEEDING
        phone.answer(phone.last, 486)
        h.advance(33)
        assert state_of(client) is State.TERMINATED
        keep(h, client)
        assert state_of(client) is State.TERMINATED

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_in_the_event_of_a_final_response(self, h: Harness, transport: str) -> None:
        """An edge gave a silent flow up with 408; the phone may still answer."""
        edge = h.peer("udp", "10.0.0.9") if transport == "udp" else h.connect("tcp", "10.0.0.8")
        client, owner = h.send("INVITE", edge)
        owner.reaction = lambda _event, _now: h.endpoint.stop_retransmitting(client)
        edge.answer(edge.last, 408)
        assert edge.methods == ["INVITE", "ACK"]
        assert state_of(client) is State.KEPT
        owner.reaction = None
        h.advance(20)
        edge.answer(edge.requests[0], 200)
        assert owner.statuses == [408, 200]
        assert state_of(client) is State.ACCEPTED

    def test_a_provisional_after_that_cannot_be_cancelled(self, h: Harness, phone: Peer) -> None:
        client, _ = h.send("INVITE", phone)
        phone.answer(phone.last, 408)
        keep(h, client)
        cancel(h, client)
        phone.answer(phone.requests[0], 180)
        assert phone.methods == ["INVITE", "ACK"]

    def test_a_request_that_waits_for_its_connection_is_not_sent(self, h: Harness) -> None:
        server = h.peer("tcp", "10.0.0.5")
        server.accepting = None
        client, _ = h.send("INVITE", server)
        keep(h, client)
        h.accept(server, h.connects[0])
        assert server.received == []

    @pytest.mark.parametrize("rang", [False, True])
    def test_in_the_event_of_a_lost_flow(self, h: Harness, rang: bool) -> None:
        """The phone comes back over another flow and still answers the first INVITE."""
        phone = h.connect("tcp", "10.0.0.8", 1)
        client, owner = h.send("INVITE", phone)
        if rang:
            phone.answer(phone.last, 180)
        owner.events.clear()
        owner.reaction = lambda event, _: (
            h.endpoint.stop_retransmitting(client) if isinstance(event, RequestFailed) else None
        )
        phone.close("reset")
        assert owner.failures == [(Source.TRANSPORT, "reset")]
        assert state_of(client) is State.KEPT
        h.advance(10)
        back = h.connect("tcp", "10.0.0.8", 2)
        back.answer(phone.requests[0], 180)
        back.answer(phone.requests[0], 486)
        assert owner.statuses == [180, 486]
        assert back.methods == ["ACK"]

    def test_its_flow_may_close(self, h: Harness) -> None:
        phone = h.connect("tcp", "10.0.0.8", 1)
        client, owner = h.send("INVITE", phone)
        keep(h, client)
        phone.close()
        assert owner.events == []
        h.connect("tcp", "10.0.0.8", 2).answer(phone.requests[0], 200)
        assert owner.statuses == [200]

    def test_cancel_goes_where_the_provisional_came_from(self, h: Harness) -> None:
        phone = h.connect("tcp", "10.0.0.8", 1)
        client, _ = h.send("INVITE", phone)
        keep(h, client)
        phone.close()
        cancel(h, client)
        back = h.connect("tcp", "10.0.0.8", 2)
        back.answer(phone.requests[0], 180)
        assert back.methods == ["CANCEL"]


class TestLostFlow:
    def test_every_request_on_it_fails_in_the_same_call(self, h: Harness) -> None:
        phone = h.connect("tcp", "10.0.0.8")
        told: list[Event] = []
        owners = [h.send(method, phone)[1] for method in ("INVITE", "OPTIONS", "INVITE")]
        phone.answer(phone.requests[2], 180)
        for owner in [*owners, h.recorder]:
            owner.reaction = lambda event, _: told.append(event)
        assert phone.flow is not None
        h.endpoint.flow_closed(phone.flow, "reset", h.now)
        assert [type(event).__name__ for event in told] == ["RequestFailed"] * 3 + ["FlowClosed"]

    def test_it_is_dead_when_the_owner_is_told(self, h: Harness) -> None:
        phone = h.connect("tcp", "10.0.0.8")
        _, owner = h.send("INVITE", phone)
        live: list[bool] = []
        flow = phone.flow
        assert flow is not None
        owner.reaction = lambda _event, _now: live.append(h.endpoint.is_live(flow))
        phone.close()
        assert live == [False]

    def test_what_has_its_final_response_does_not_fail(self, h: Harness) -> None:
        phone = h.connect("tcp", "10.0.0.8")
        _, owner = h.send("INVITE", phone)
        phone.answer(phone.last, 200)
        phone.close()
        assert owner.failures == []

    def test_a_request_without_owner_fails_silently(self, h: Harness) -> None:
        phone = h.connect("tcp", "10.0.0.8")
        assert phone.flow is not None
        client = h.endpoint.send_request(make_request("OPTIONS"), phone.flow, None, h.now)
        h.pump()
        keep(h, client)
        assert state_of(client) is State.TRYING
        phone.answer(phone.last, 100)
        phone.close()
        assert state_of(client) is State.TERMINATED

    def test_owners_may_send_again_from_within(self, h: Harness, phone: Peer) -> None:
        other = h.connect("tcp", "10.0.0.8")
        _, owner = h.send("INVITE", other)
        again = Recorder()
        target = NextHop("udp", phone.address, "p")

        def send_again(_event: Event, now: float) -> None:
            h.endpoint.send_request(make_request("INVITE"), target, again, now)

        owner.reaction = send_again
        other.close()
        assert phone.methods == ["INVITE"]

    def test_a_cancel_without_owner_fails_silently(self, h: Harness) -> None:
        phone = h.connect("tcp", "10.0.0.8")
        client, owner = h.send("INVITE", phone)
        phone.answer(phone.last, 180)
        cancel(h, client)
        phone.close()
        assert len(owner.failures) == 1

    def test_icmp_for_somebody_else(self, h: Harness, phone: Peer) -> None:
        _, owner = h.send("INVITE", phone)
        h.endpoint.datagram_failed(
            Flow("udp", h.udp, Address("10.0.0.10", 5060)), "port unreachable", h.now
        )
        assert owner.failures == []

    def test_icmp_without_a_user(self, h: Harness, phone: Peer) -> None:
        h.endpoint.user = None
        _, owner = h.send("INVITE", phone)
        phone.unreachable()
        assert len(owner.failures) == 1

    def test_icmp_after_the_final_response(self, h: Harness, phone: Peer) -> None:
        client, owner = h.send("INVITE", phone)
        phone.answer(phone.last, 486)
        phone.unreachable()
        assert owner.failures == []
        assert state_of(client) is State.COMPLETED


class TestLateAck:
    def test_follows_the_response_when_the_flow_is_gone(self, h: Harness) -> None:
        one = h.connect("tcp", "10.0.0.8", 1)
        client, _ = h.send("INVITE", one)
        keep(h, client)
        one.close()
        two = h.connect("tcp", "10.0.0.8", 2)
        two.answer(one.requests[0], 486)
        assert two.methods == ["ACK"]

    def test_before_anything_was_sent(self, h: Harness) -> None:
        """A response to a request that still waits for its connection: somebody guesses."""
        server = h.peer("tcp", "10.0.0.5")
        server.accepting = None
        client, owner = h.send("INVITE", server)
        assert client.request is not None
        other = h.peer("udp", "10.0.0.9")
        other.answer(client.request, 486)
        assert owner.statuses == [486]
        assert other.methods == ["ACK"]


class TestMemory:
    def test_the_request_goes_with_the_final_response(self, h: Harness, phone: Peer) -> None:
        for method, status in (("INVITE", 200), ("INVITE", 486), ("OPTIONS", 200)):
            client, _ = h.send(method, phone)
            phone.answer(phone.last, status)
            assert client.request is None
            if status == 200:
                assert client.buffer == b""

    def test_the_bytes_go_when_they_cannot_be_asked_for(self, h: Harness, phone: Peer) -> None:
        client, _ = h.send("INVITE", phone)
        assert client.buffer
        phone.answer(phone.last, 180)
        assert client.buffer == b""

    def test_nothing_is_left_in_the_end(self, h: Harness, phone: Peer) -> None:
        caller = h.connect("tcp", "10.0.0.8")
        for peer in (phone, caller):
            for method in ("INVITE", "OPTIONS"):
                client, _ = h.send(method, peer)
                peer.answer(peer.last, 180)
                cancel(h, client)
                for request in peer.requests:
                    peer.answer(request, 486)
        h.advance(70)
        clients = h.endpoint._clients
        assert len(clients) == 0
        assert clients._in_flight == {}
        assert h.endpoint.next_timer() is None

    def test_nothing_is_left_on_the_flow_of_a_late_response(self, h: Harness) -> None:
        """A final response comes again over another flow: nothing depends on that one."""
        phone = h.connect("tcp", "10.0.0.8", 1)
        h.send("INVITE", phone)
        response = phone.answer(phone.last, 200)
        phone.close("reset")
        h.connect("tcp", "10.0.0.8", 2).send(response)
        h.advance(40)
        clients = h.endpoint._clients
        assert len(clients) == 0
        assert clients._in_flight == {}

    def test_no_cycle_keeps_a_transaction(self, h: Harness, phone: Peer) -> None:
        client, owner = h.send("INVITE", phone)
        request = phone.last
        phone.answer(request, 180)
        phone.answer(request, 200)
        owner.events.clear()
        seen = weakref.ref(owner)
        del client, owner
        gc.disable()
        try:
            h.advance(33)
            assert seen() is None
        finally:
            gc.enable()


def test_events_of_a_request_in_flight_survive_a_raising_owner(h: Harness, phone: Peer) -> None:
    """A fault of a role must not leave the transaction without its timers."""
    client, owner = h.send("INVITE", phone)

    def fault(_event: Event, _now: float) -> None:
        raise RuntimeError

    owner.reaction = fault
    with pytest.raises(RuntimeError):
        phone.answer(phone.last, 486)
    owner.reaction = None
    h.advance(33)
    assert state_of(client) is State.TERMINATED
    assert len(h.endpoint._clients) == 0


def test_commands_name_the_flow(h: Harness, phone: Peer) -> None:
    h.endpoint.send_request(
        make_request("OPTIONS"), NextHop("udp", phone.address, "p"), None, h.now
    )
    (command,) = h.endpoint.take_commands()
    assert isinstance(command, SendDatagram)
    assert command.flow == Flow("udp", h.udp, phone.address)


class TestResumed:
    """After `resume`: what was kept is asked for again."""

    @pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
    def test_is_sent_again(self, h: Harness, phone: Peer, method: str) -> None:
        client, _ = h.send(method, phone)
        h.advance(2)
        keep(h, client)
        h.advance(20)
        sent = len(phone.raw)
        resume(h, client)
        h.advance(1.6)
        assert len(phone.raw) == sent + 2  # 0.5 and 1.5 s after
        assert set(phone.raw) == {phone.raw[0]}

    @pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
    def test_ends_as_a_new_one_does(self, h: Harness, phone: Peer, method: str) -> None:
        client, owner = h.send(method, phone)
        keep(h, client, 200.0)
        h.advance(20)
        resume(h, client)
        h.advance(31.9)
        assert owner.events == []
        h.advance(0.2)
        assert owner.failures == [(Source.TIMER, "no final response in time")]
        assert state_of(client) is State.TERMINATED

    def test_what_comes_then_counts(self, h: Harness, phone: Peer) -> None:
        client, owner = h.send("INVITE", phone)
        keep(h, client)
        resume(h, client)
        phone.answer(phone.requests[0], 180)
        sent = len(phone.raw)
        h.advance(100)
        phone.answer(phone.requests[0], 486)
        assert owner.statuses == [180, 486]
        assert phone.methods[sent:] == ["ACK"]

    @pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
    def test_over_a_connection_nothing_is_sent_twice(self, h: Harness, method: str) -> None:
        phone = h.connect("tcp", "10.0.0.8")
        client, owner = h.send(method, phone)
        keep(h, client)
        resume(h, client)
        h.advance(31.9)
        assert phone.methods == [method]
        h.advance(0.2)
        assert owner.failures == [(Source.TIMER, "no final response in time")]

    def test_over_a_new_connection_it_is(self, h: Harness) -> None:
        server = h.peer("tcp", "10.0.0.5")
        client, owner = h.send("INVITE", server)
        keep(h, client)
        server.close()
        resume(h, client)
        assert server.methods == ["INVITE", "INVITE"]
        assert server.requests[0].top_via.branch == server.requests[1].top_via.branch
        server.answer(server.last, 180)
        assert owner.statuses == [180]

    def test_that_cannot_be_had(self, h: Harness) -> None:
        server = h.peer("tcp", "10.0.0.5")
        client, owner = h.send("INVITE", server)
        keep(h, client)
        server.close()
        server.accepting = False
        resume(h, client)
        assert owner.failures == [(Source.TRANSPORT, "connection refused")]

    def test_not_what_has_its_final_response(self, h: Harness, phone: Peer) -> None:
        client, owner = h.send("INVITE", phone)
        owner.reaction = lambda _event, _now: h.endpoint.stop_retransmitting(client)
        phone.answer(phone.last, 408)
        sent = len(phone.raw)
        resume(h, client)
        h.advance(31)
        assert len(phone.raw) == sent
        assert state_of(client) is State.KEPT

    def test_not_what_was_heard_meanwhile(self, h: Harness, phone: Peer) -> None:
        client, owner = h.send("INVITE", phone)
        keep(h, client)
        phone.answer(phone.last, 180)
        resume(h, client)
        h.advance(100)
        assert phone.methods == ["INVITE"]
        assert owner.failures == []


class TestClosedNextHop:
    """The connection to a server closes that has spoken: it may answer over a new one (§18.2.2)."""

    @pytest.fixture
    def server(self, h: Harness) -> Peer:
        return h.peer("tcp", "10.0.0.5")

    @pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
    def test_its_answer_is_waited_for(self, h: Harness, server: Peer, method: str) -> None:
        client, owner = h.send(method, server)
        server.answer(server.last, 100)
        server.close()
        assert owner.failures == []
        assert len(h.connects) == 2
        back = h.connect("tcp", "10.0.0.5", 41000)
        back.answer(server.requests[0], 486)
        assert owner.statuses == [100, 486]
        acks = ["ACK"] if method == "INVITE" else []
        assert server.methods == [method, *acks]
        assert back.methods == []
        assert state_of(client) in {State.COMPLETED, State.TERMINATED}

    def test_a_cancel_takes_the_new_connection(self, h: Harness, server: Peer) -> None:
        client, owner = h.send("INVITE", server)
        server.answer(server.last, 180)
        server.close()
        cancel(h, client)
        assert server.methods == ["INVITE", "CANCEL"]
        assert server.last.top_via.branch == server.requests[0].top_via.branch
        server.answer(server.last, 200)
        server.answer(server.requests[0], 487)
        assert owner.statuses == [180, 487]
        assert server.methods == ["INVITE", "CANCEL", "ACK"]

    def test_a_cancel_waits_for_the_new_connection(self, h: Harness, server: Peer) -> None:
        client, _ = h.send("INVITE", server)
        server.answer(server.last, 180)
        server.accepting = None
        server.close()
        cancel(h, client)
        assert server.methods == ["INVITE"]
        assert len(h.connects) == 2  # one for both
        h.accept(server, h.connects[-1])
        assert server.methods == ["INVITE", "CANCEL"]

    def test_a_cancel_on_its_way_goes_again(self, h: Harness, server: Peer) -> None:
        client, owner = h.send("INVITE", server)
        server.answer(server.last, 180)
        cancel(h, client)
        server.close()
        assert server.methods == ["INVITE", "CANCEL", "CANCEL"]
        assert server.requests[1].to_bytes() == server.requests[2].to_bytes()
        assert owner.failures == []

    def test_an_answer_that_comes_before_the_new_connection(self, h: Harness, server: Peer) -> None:
        client, owner = h.send("INVITE", server)
        server.answer(server.last, 180)
        server.accepting = None
        server.close()
        back = h.connect("tcp", "10.0.0.5", 41000)
        back.answer(server.requests[0], 183)
        cancel(h, client)
        assert back.methods == ["CANCEL"]
        back.answer(server.requests[0], 487)
        assert back.methods == ["CANCEL", "ACK"]
        h.accept(server, h.connects[-1])
        assert server.methods == ["INVITE"]
        assert owner.statuses == [180, 183, 487]

    def test_a_server_that_is_gone_has_failed(self, h: Harness, server: Peer) -> None:
        client, owner = h.send("INVITE", server)
        server.answer(server.last, 180)
        server.accepting = False
        server.close()
        assert owner.failures == [(Source.TRANSPORT, "connection refused")]
        assert state_of(client) is State.TERMINATED

    @pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
    def test_one_that_closes_what_it_accepts_is_not_dialled_without_a_pause(
        self, h: Harness, server: Peer, method: str
    ) -> None:
        client, owner = h.send(method, server)
        server.answer(server.last, 100)
        server.close()
        for _ in range(3):
            dialled = len(h.connects)
            server.close()
            h.advance(3.9)
            assert len(h.connects) == dialled
            h.advance(0.2)
            assert len(h.connects) == dialled + 1
        back = h.connect("tcp", "10.0.0.5", 41000)
        server.close()
        back.answer(server.requests[0], 200)
        h.advance(5)
        assert owner.statuses == [100, 200]
        assert client.state >= State.COMPLETED

    @pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
    def test_one_that_has_said_nothing_has_failed(
        self, h: Harness, server: Peer, method: str
    ) -> None:
        client, owner = h.send(method, server)
        server.close("reset")
        assert owner.failures == [(Source.TRANSPORT, "reset")]
        assert state_of(client) is State.TERMINATED
        assert len(h.connects) == 1

    def test_a_phone_has_failed_whatever_it_said(self, h: Harness) -> None:
        phone = h.connect("tcp", "10.0.0.8")
        _, owner = h.send("INVITE", phone)
        phone.answer(phone.last, 180)
        phone.close("reset")
        assert owner.failures == [(Source.TRANSPORT, "reset")]

    def test_over_udp_a_sending_has_failed(self, h: Harness, phone: Peer) -> None:
        _, owner = h.send("INVITE", phone)
        phone.answer(phone.last, 180)
        phone.unreachable("port unreachable")
        assert owner.failures == [(Source.TRANSPORT, "port unreachable")]

    def test_a_long_request_that_went_over_tcp(self, h: Harness) -> None:
        server = h.peer("tcp", "10.0.0.5")
        target = NextHop("udp", server.address, "server")
        client, owner = h.send("INVITE", target, body=b"x" * 2000)
        server.answer(server.last, 180)
        server.close()
        cancel(h, client)
        assert server.methods == ["INVITE", "CANCEL"]
        assert {each.transport for each in h.connects} == {"tcp"}
        assert owner.failures == []

    def test_whose_new_connection_takes_long(self, h: Harness) -> None:
        """The patience with TCP was for the first connection."""
        server = h.peer("tcp", "10.0.0.5")
        client, owner = h.send("INVITE", NextHop("udp", server.address, "s"), body=b"x" * 2000)
        server.answer(server.last, 180)
        server.accepting = None
        server.close()
        h.advance(10)
        assert owner.failures == []
        h.endpoint.connect_failed(h.connects[-1], "timed out", h.now)
        assert owner.failures == [(Source.TRANSPORT, "timed out")]
        assert state_of(client) is State.TERMINATED

    def test_a_connection_that_is_there_already(self, h: Harness, server: Peer) -> None:
        """Opened meanwhile for another request."""
        client, _ = h.send("INVITE", server)
        server.answer(server.last, 180)
        server.accepting = None
        server.close()
        h.accept(server, h.connects[-1])
        first = server.flow
        assert client.flow == first
        other, _ = h.send("OPTIONS", NextHop("tcp", server.address, "10.0.0.5"))
        assert other.flow == first
        assert len(h.connects) == 2

    def test_what_is_kept_is_cancelled_over_a_new_connection(
        self, h: Harness, server: Peer
    ) -> None:
        client, _ = h.send("INVITE", server)
        keep(h, client)
        server.close()
        cancel(h, client)
        assert server.methods == ["INVITE"]
        back = h.connect("tcp", "10.0.0.5", 41000)
        back.answer(server.requests[0], 180)
        assert back.methods == ["CANCEL"]

    def test_nothing_is_left(self, h: Harness, server: Peer) -> None:
        client, _ = h.send("INVITE", server)
        server.answer(server.last, 180)
        server.close()
        server.answer(server.requests[0], 486)
        server.close()
        h.advance(40)
        assert state_of(client) is State.TERMINATED
        assert len(h.endpoint._clients) == 0
        assert h.endpoint._clients._in_flight == {}
