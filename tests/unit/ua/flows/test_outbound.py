"""Several flows of one agent: RFC 5626 §4.2.1, §4.5, and registrars that do no outbound."""

from __future__ import annotations

import pytest
from tests.unit.ua.edges import Edge, World, grant, refuse

from ringway.message import Request, parse_uri
from ringway.transport.flow import Flow, NextHop
from ringway.ua.events import FlowLost, Registered, RegistrationFailed, Unregistered

ONE = "sip:10.0.0.11;transport=tcp"
TWO = "sip:10.0.0.12;transport=tcp"


def pair(*uris: str) -> tuple[World, Edge, Edge]:
    w = World(*(uris or (ONE, TWO)))
    return w, w.edges[0], w.edges[1]


def started(*uris: str) -> tuple[World, Edge, Edge]:
    w, one, two = pair(*uris)
    w.start()
    w.take()
    return w, one, two


def plainly(edge: Edge, request: Request) -> None:
    """Answer as a registrar does that knows nothing of outbound."""
    edge.headers = []
    grant(edge, request)


class TestSeveral:
    def test_one_registration_over_each(self) -> None:
        w, one, two = pair()
        w.start()
        first, second = one.last, two.last
        assert first.call_id != second.call_id
        assert [each.contacts[0].param("reg-id") for each in (first, second)] == ["1", "2"]
        assert first.contacts[0].instance == second.contacts[0].instance
        assert [type(each) for each in w.told] == [Registered, Registered]

    def test_four(self) -> None:
        w = World(*(f"sip:10.0.0.{number};transport=tcp" for number in range(11, 15)))
        w.start()
        assert [slot.registered for slot in w.slots] == [True] * 4

    def test_two_to_one_address_are_two_connections(self) -> None:
        w = World(ONE, "sip:edge.example.com;transport=tcp")
        edge = w.edges[0]
        w.edges[1:] = []
        w.dns["edge.example.com"] = [NextHop("tcp", edge.peer.address, "10.0.0.11")]
        edge.reaction = None
        w.start()
        assert len(w.connects) == 2

    def test_over_udp_they_need_two_servers(self) -> None:
        w = World("sip:10.0.0.11", "sip:edge.example.com")
        edge = w.edges[0]
        w.edges[1:] = []
        w.dns["edge.example.com"] = [NextHop("udp", edge.peer.address, "edge.example.com")]
        w.start()
        assert [slot.registered for slot in w.slots] == [True, False]
        (event,) = [each for each in w.told if isinstance(each, RegistrationFailed)]
        assert "nothing that can be used" in event.failure.text

    def test_who_does_not_register_has_none(self) -> None:
        w = World(ONE, registers=False)
        w.start()
        assert w.slots == ()
        assert w.outbound.best() is None
        assert w.stop() == [w.now]


class TestBest:
    def test_the_first_that_works(self) -> None:
        w, one, _ = started()
        first, second = w.slots
        assert w.outbound.best() is first
        assert w.outbound.best(without=(first,)) is second
        assert w.outbound.best(without=w.slots) is None
        one.peer.close()
        assert w.outbound.best() is second

    def test_not_one_whose_flow_is_gone_unnoticed(self) -> None:
        w, _, _ = started()
        first, second = w.slots
        assert first.flow is not None
        first.flow = first.flow._replace(generation=99)
        assert w.outbound.best() is second

    def test_whose_flow(self) -> None:
        w, _, _ = started()
        first, second = w.slots
        assert first.flow is not None
        assert second.flow is not None
        assert w.outbound.of(first.flow) is first
        assert w.outbound.of(second.flow) is second
        stranger = Flow("tcp", first.flow.local, first.flow.remote, 99)
        assert w.outbound.of(stranger) is None
        w.outbound.flow_closed(stranger, "gone", w.now)
        w.outbound.pong(stranger, w.now)
        w.outbound.stun(stranger, None, w.now)
        assert w.told == []


class TestBase:
    def test_it_depends_on_the_other_flow(self) -> None:
        w, one, two = started()
        one.peer.accepting = two.peer.accepting = False
        one.peer.close()
        w.advance(2.5)
        event = w.told[-1]
        assert isinstance(event, RegistrationFailed)
        assert event.retry_in == 135  # 75 % of 180: the other one works
        two.peer.close()
        w.advance(2.5)
        event = w.told[-1]
        assert isinstance(event, RegistrationFailed)
        assert (event.reg_id, event.retry_in) == (2, 45)  # 75 % of 60: nothing works

    def test_one_of_several_uris_that_fails_at_the_start(self) -> None:
        w, one, _ = pair()
        one.peer.accepting = None
        w.start()
        w.endpoint.connect_failed(w.connects[0], "refused", w.now)
        event = w.told[-1]
        assert isinstance(event, RegistrationFailed)
        assert event.retry_in == 135


class TestNetworkChanged:
    def test_every_flow_is_made_anew_at_once(self) -> None:
        w, one, two = started()
        old = [slot.flow for slot in w.slots]
        w.network_changed()
        lost = [each for each in w.told if isinstance(each, FlowLost)]
        assert [(each.reason, each.retry_in) for each in lost] == [("the network changed", 0)] * 2
        assert [slot.registered for slot in w.slots] == [True, True]
        assert not set(old) & {slot.flow for slot in w.slots}
        assert [len(edge.registers) for edge in (one, two)] == [2, 2]

    def test_it_ends_waits_once(self) -> None:
        w, one, two = pair()
        one.peer.accepting = two.peer.accepting = False
        w.start()
        w.network_changed()
        assert len(w.connects) == 4
        w.advance(80)
        assert len(w.connects) == 4  # 30 to 60 s would have been the first wait; this is the second
        w.advance(200)
        assert len(w.connects) > 4

    def test_what_is_under_way_is_given_up(self) -> None:
        w, one, two = pair()
        one.reaction = two.reaction = None
        w.start()
        one.reaction = two.reaction = grant
        one.answered = two.answered = 1
        w.network_changed()
        assert [slot.registered for slot in w.slots] == [True, True]
        assert w.told == [each for each in w.told if isinstance(each, Registered)]

    def test_not_after_the_end(self) -> None:
        w, one, _ = started()
        w.stop()
        w.network_changed()
        assert [each.expires for each in one.registers] == [3600, 0]
        w.start()
        assert w.slots[0].registered


class TestWait:
    def test_for_the_flow_that_replaces_it(self) -> None:
        w, one, _ = started()
        slot = w.slots[0]
        one.peer.close()
        got: list[Flow | None] = []
        w.outbound.wait(slot, lambda flow, _: got.append(flow), w.now, 32)
        w.advance(2.4)
        assert got == []
        w.advance(0.2)
        assert got == [slot.flow]
        w.advance(100)
        assert len(got) == 1

    def test_not_for_that_of_another(self) -> None:
        w, one, two = started()
        one.peer.accepting = False
        one.peer.close()
        two.peer.close()
        got: list[Flow | None] = []
        w.outbound.wait(w.slots[0], lambda flow, _: got.append(flow), w.now, 32)
        w.advance(31.9)
        assert got == []
        w.advance(0.1)
        assert got == [None]

    def test_a_refresh_is_no_new_flow(self) -> None:
        w, _, _ = started()
        got: list[Flow | None] = []
        w.outbound.wait(w.slots[0], lambda flow, _: got.append(flow), w.now, 3200)
        w.advance(3100)
        assert got == []

    def test_it_can_be_called_off(self) -> None:
        w, one, _ = started()
        got: list[Flow | None] = []
        one.peer.close()
        timer = w.outbound.wait(w.slots[0], lambda flow, _: got.append(flow), w.now, 32)
        timer.cancel()
        w.outbound.wait(w.slots[0], lambda flow, _: got.append(flow), w.now, 32).cancel()
        w.advance(100)
        assert got == []

    def test_a_flow_that_seems_to_work_is_tried(self) -> None:
        w, one, _ = started()
        old = w.slots[0].flow
        one.pongs = False
        got: list[Flow | None] = []
        w.outbound.wait(w.slots[0], lambda flow, _: got.append(flow), w.now, 32)
        w.advance(10)
        assert isinstance(w.told[-1], FlowLost)
        w.advance(3)
        assert got == [w.slots[0].flow] != [old]


class TestNoOutbound:
    """One plain registration: RFC 5626 §4.2.1."""

    def test_the_first_to_come_through_stays(self) -> None:
        w, one, two = pair()
        one.reaction = two.reaction = plainly
        w.start()
        first, second = w.slots
        (event,) = w.told
        assert isinstance(event, Registered)
        assert (event.reg_id, event.outbound, event.proxy) == (0, False, ONE)
        assert "one registration" in event.note
        assert (first.plain, second.registered, second.standing_by) == (True, False, True)
        assert (one.peer.closed, two.peer.closed) == (False, True)
        w.advance(7200)
        assert {each.expires for each in one.registers} == {3600}
        assert len(two.registers) <= 1

    def test_a_rival_with_another_contact_is_taken_back(self) -> None:
        w, one, two = pair("sip:10.0.0.11:80;transport=ws", "sip:10.0.0.12:80;transport=ws")
        one.reaction = plainly
        two.reaction = None
        w.start()
        two.answered = 0
        two.reaction = plainly
        w.pump()
        assert [each.expires for each in two.registers] == [3600, 0]
        assert two.peer.closed
        assert len(w.told) == 1

    def test_one_with_the_same_contact_is_not(self) -> None:
        w, one, two = pair()
        one.reaction = plainly
        two.reaction = None
        w.start()
        two.answered = 0
        two.reaction = plainly
        w.pump()
        assert [each.expires for each in two.registers] == [3600]
        assert two.peer.closed

    def test_the_other_takes_over(self) -> None:
        w, one, two = pair()
        one.reaction = two.reaction = plainly
        w.start()
        w.advance(120)
        one.peer.accepting = False
        one.peer.close()
        w.advance(2.5)  # its own try fails
        assert not w.slots[1].registered
        w.advance(2.5)
        assert w.slots[1].registered
        one.peer.accepting = True
        w.advance(7200)
        assert [slot.registered for slot in w.slots] == [False, True]
        assert w.slots[0].standing_by

    def test_a_try_that_fails_while_the_other_stands(self) -> None:
        w, one, two = pair()
        one.reaction = plainly
        two.reaction = None
        w.start()
        w.advance(33)
        event = w.told[-1]
        assert isinstance(event, RegistrationFailed)
        assert (event.reg_id, event.retry_in) == (2, None)
        assert w.slots[1].standing_by
        w.advance(7200)
        assert len(two.registers) == 1

    def test_all_fail_and_all_go_on(self) -> None:
        w, one, two = pair()
        one.reaction = two.reaction = plainly
        w.start()
        one.peer.accepting = two.peer.accepting = False
        one.peer.close()
        w.advance(600)
        one.peer.accepting = True
        w.advance(3600)
        assert [slot.registered for slot in w.slots] == [True, False]

    def test_a_first_hop_without_beside_one_with(self) -> None:
        w, one, _ = pair()
        one.reaction = refuse(439)
        w.start()
        assert [slot.registered for slot in w.slots] == [False, True]
        # It was alone when it was asked, and tried without.
        assert [each.contacts[0].param("reg-id") for each in one.registers] == ["1", None]

    def test_outbound_wins_over_none(self) -> None:
        w, one, two = pair("sip:10.0.0.11:80;transport=ws", "sip:10.0.0.12:80;transport=ws")

        def reaction(edge: Edge, request: Request) -> None:
            if request.contacts[0].has_param("reg-id"):
                edge.answer(request, 439)
            else:
                plainly(edge, request)

        one.reaction = reaction
        two.reaction = None
        w.start()
        assert w.slots[0].plain
        two.answered = 0
        two.reaction = grant
        w.pump()
        assert [slot.registered for slot in w.slots] == [False, True]
        assert one.last.expires == 0
        assert w.told[-1] == Unregistered(1, str(w.slots[0].proxy))

    def test_a_rival_of_outbound_stands_by_until_that_is_lost(self) -> None:
        w, one, two = pair()
        one.reaction = None
        w.start()
        one.answered = 0
        one.reaction = refuse(439)
        w.pump()
        assert len(one.registers) == 1
        assert w.slots[0].standing_by
        event = w.told[-1]
        assert isinstance(event, RegistrationFailed)
        assert (event.reg_id, event.retry_in) == (1, None)
        two.peer.accepting = False
        two.peer.close()
        w.advance(600)
        assert len(one.registers) > 1
        one.reaction = plainly
        w.advance(3600)
        assert w.slots[0].plain

    def test_a_registrar_that_learns_it(self) -> None:
        w, one, two = pair()
        one.reaction = two.reaction = plainly
        w.start()
        w.advance(120)
        one.reaction = two.reaction = grant
        one.headers = two.headers = [("Require", "outbound")]
        one.peer.close()
        w.advance(10)
        assert [slot.registered for slot in w.slots] == [True, True]
        assert not any(slot.plain for slot in w.slots)

    def test_the_end_of_a_plain_one(self) -> None:
        w, one, two = pair()
        one.reaction = two.reaction = plainly
        w.start()
        assert w.stop() == [w.now]
        assert one.last.expires == 0


@pytest.mark.parametrize("text", ["sip:10.0.0.11", "sip:10.0.0.11:5060;transport=tcp;keep=crlf"])
def test_uris_are_shown_as_they_are_used(text: str) -> None:
    w = World(text)
    assert "keep" not in str(w.slots[0].proxy)
    assert w.slots[0].proxy.host == parse_uri(text).host
