from typing import Any

import pytest
from tests.unit.registrar.harness import (
    ALICE,
    BEHIND_EDGE,
    BOB,
    CONTACT,
    EDGE,
    INSTANCE,
    LOCAL,
    PHONE,
    TCP,
    TCP_2,
    TLS,
    UDP,
    World,
    register,
)

from ringway.location import Drop, Put
from ringway.registrar import RegistrarSettings
from ringway.transport.flow import Address, Flow

FLOW_1 = f"{CONTACT};reg-id=1{INSTANCE}"
PHONE_2 = "<sip:alice@192.0.2.8>"


class TestSettings:
    @pytest.mark.parametrize(
        ("requested", "chance", "granted"),
        [
            (3600, 0.0, 3600),
            (3600, 0.5, 3420),
            (3600, 0.999, 3241),
            (100_000, 0.0, 7200),
            (100_000, 0.5, 6840),
            (62, 0.999, 60),
            (60, 0.999, 60),
            (30, 0.999, 30),
        ],
    )
    def test_granted(self, requested: int, chance: float, granted: int) -> None:
        settings = RegistrarSettings(domains=frozenset(), rng=lambda: chance)
        assert settings.granted(requested) == granted

    def test_each_contact_gets_its_own_chance(self) -> None:
        chances = iter([0.0, 0.9])
        world = World(rng=lambda: next(chances))
        world.register(CONTACT, PHONE_2)
        assert [each.expires_at - world.now for each in world.bindings()] == [3600, 3276]


class TestFlowOfAPhone:
    """Which phones are reached over the flow they registered on."""

    def flow(self, contact: str = CONTACT, **given: Any) -> Flow | None:
        world = World()
        assert world.register(contact, **given).status == 200
        return world.bindings()[0].flow

    def test_a_phone_that_knows_its_address_is_reached_by_its_contact(self) -> None:
        assert self.flow() is None

    def test_its_port_may_differ_when_it_does_not_ask_for_rport(self) -> None:
        vias = ["UDP 192.0.2.9:5070;branch=z9hG4bK1"]
        assert self.flow(vias=vias) is None
        assert self.flow(vias=[vias[0] + ";rport=5060"]) == UDP

    @pytest.mark.parametrize(
        "via", ["UDP 10.0.0.2;branch=z9hG4bK1", "UDP phone.example.net;branch=z9hG4bK1"]
    )
    def test_a_via_of_another_address_shows_a_nat(self, via: str) -> None:
        assert self.flow(vias=[via]) == UDP

    @pytest.mark.parametrize("host", ["10.0.0.2", "[2001:db8::2]", "x7ab.invalid"])
    def test_so_does_a_contact_of_another_address(self, host: str) -> None:
        assert self.flow(f"<sip:alice@{host}>") == UDP

    def test_a_contact_by_name_does_not(self) -> None:
        assert self.flow("<sip:alice@phone.example.net>") is None

    def test_ipv6_addresses_compare_by_value(self) -> None:
        flow = Flow("udp", LOCAL, Address("2001:db8::9", 5060))
        vias = ["UDP [2001:DB8:0::9];branch=z9hG4bK1;rport"]
        assert self.flow("<sip:alice@[2001:db8:0:0::9]>", flow=flow, vias=vias) is None

    @pytest.mark.parametrize("flow", [TCP, TLS])
    def test_a_connection_leads_to_its_phone(self, flow: Flow) -> None:
        assert self.flow(flow=flow) == flow

    def test_outbound_always_takes_the_flow(self) -> None:
        assert self.flow(FLOW_1) == UDP

    def test_behind_another_proxy_there_is_no_flow(self) -> None:
        assert self.flow(flow=TCP, vias=BEHIND_EDGE) is None
        assert self.flow(flow=TCP, headers=[f"Path: {EDGE}"]) is None

    def test_nor_for_what_is_no_sip_contact(self) -> None:
        assert self.flow("<mailto:alice@example.com>", flow=TCP) is None

    def test_nor_for_a_third_party(self) -> None:
        assert self.flow(flow=TCP, sender=BOB) is None

    def test_a_refresh_from_another_flow_moves_the_binding(self) -> None:
        world = World()
        world.register(CONTACT, flow=TCP)
        world.register(CONTACT, flow=TCP_2, cseq=2)
        assert [each.flow for each in world.bindings()] == [TCP_2]
        assert world.location.on_flow(TCP) == ()


class TestSeveralContacts:
    def test_q_and_user_agent(self) -> None:
        world = World()
        headers = ["User-Agent: Desk phone/1.0"]
        world.register(f"{CONTACT};q=0.3", f"{PHONE_2};q=1.0", headers=headers)
        assert [each.q for each in world.bindings()] == [0.3, 1.0]
        assert {each.user_agent for each in world.bindings()} == {"Desk phone/1.0"}

    def test_one_contact_twice_in_a_register(self) -> None:
        world = World()
        world.register(f"{CONTACT};q=0.3", f"{CONTACT};q=0.6")
        assert [each.q for each in world.bindings()] == [0.6]
        world.register(f"{CONTACT};expires=0", CONTACT, cseq=2)
        assert [each.q for each in world.bindings()] == [1.0]
        world.register(CONTACT, f"{CONTACT};expires=0", cseq=3)
        assert world.bindings() == ()

    def test_removal_of_what_is_not_there(self) -> None:
        world = World()
        assert world.register(f"{CONTACT};expires=0").status == 200
        assert world.story == []

    def test_so_many_and_no_more(self) -> None:
        world = World(max_bindings=2)
        world.register(CONTACT, PHONE_2)
        response = world.register("<sip:alice@192.0.2.7>", cseq=2)
        assert response.status == 403
        assert "remove one first" in (response.get("warning") or "")
        assert len(world.bindings()) == 2
        swap = world.register(f"{CONTACT};expires=0", "<sip:alice@192.0.2.7>", cseq=3)
        assert swap.status == 200

    def test_too_many_contacts_are_refused_before_they_are_compared(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = World(max_bindings=2)
        many = [f"<sip:alice@192.0.2.{number}>" for number in range(1, 6)]
        monkeypatch.setattr("ringway.registrar.plan._same_bindings", None)
        for contacts in (many[:3], [f"{each};expires=0" for each in many]):
            response = world.register(*contacts)
            assert response.status == 403
            assert "may have 2 bindings and this REGISTER" in (response.get("warning") or "")
        assert world.bindings() == ()

    def test_a_limit_that_was_lowered_does_not_stop_refreshes(self) -> None:
        world = World(max_bindings=2)
        world.register(CONTACT, PHONE_2)
        strict = World(max_bindings=1)
        strict.location.apply([Put(each) for each in world.bindings()], strict.now)
        assert strict.register(CONTACT, cseq=2).status == 200
        assert strict.register("<sip:alice@192.0.2.7>", cseq=3).status == 403


class TestBehindEdges:
    def test_phones_do_not_register_here(self) -> None:
        world = World(behind_edges=True)
        assert world.register(CONTACT).status == 403
        through = world.register(CONTACT, headers=[f"Path: {EDGE}"], vias=BEHIND_EDGE)
        assert through.status == 200

    def test_who_only_asks_may_ask_here(self) -> None:
        assert World(behind_edges=True).register().status == 200


class TestStore:
    def test_a_binding_over_our_own_connection_needs_no_disk(self) -> None:
        world = World(disk=False)
        assert world.register(FLOW_1, flow=TCP).status == 200
        assert world.commits == []

    def test_what_does_is_on_disk_before_anybody_knows(self) -> None:
        world = World(disk=False)
        number = world.send(register(CONTACT))
        (command,) = world.commits
        (change,) = command.changes
        assert isinstance(change, Put)
        assert (world.answer(number), world.bindings()) == (None, ())
        world.now += 0.005
        world.finish()
        response = world.answer(number)
        assert response is not None
        assert response.values("contact") == ("<sip:alice@192.0.2.9>;expires=3600",)
        assert world.bindings() == (change.binding,)

    def test_a_durable_binding_that_moves_to_a_connection_leaves_the_disk(self) -> None:
        world = World()
        world.register(FLOW_1, vias=BEHIND_EDGE, headers=[f"Path: {EDGE}"])
        (before,) = world.bindings()
        world.register(FLOW_1, flow=TCP, cseq=2)
        assert world.kept == [Put(before), Drop(before, "")]
        assert [each.flow for each in world.bindings()] == [TCP]

    def test_a_contact_written_anew_replaces_its_row(self) -> None:
        world = World()
        world.register(CONTACT)
        (before,) = world.bindings()
        world.register("<sip:alice@192.0.2.9;x=y>", cseq=2)
        assert world.kept == [Put(before), Drop(before, ""), Put(world.bindings()[0])]

    def test_fetching_needs_no_disk(self) -> None:
        world = World(disk=False)
        assert world.register().status == 200

    def test_a_failed_commit_leaves_no_trace_and_the_next_goes_on(self) -> None:
        world = World()
        world.register(CONTACT)
        before = world.bindings()
        world.disk = False
        failing = world.send(register(f"{CONTACT};expires=0", cseq=2))
        waiting = world.send(register(CONTACT, cseq=2))
        world.finish("the disk is full")
        first = world.answer(failing)
        assert first is not None
        assert (first.status, first.get("retry-after")) == (500, "30")
        assert "disk" not in (first.get("warning") or "")
        assert world.bindings() == before
        assert world.answer(waiting) is None
        world.finish()
        second = world.answer(waiting)
        assert second is not None
        assert second.status == 200
        assert ("refused", 500, "the location store failed: the disk is full") in world.story

    def test_two_phones_of_one_aor_at_the_same_time(self) -> None:
        world = World(disk=False)
        first = world.send(register(CONTACT, call_id="call-1"))
        second = world.send(register(PHONE_2, call_id="call-2"))
        world.finish()
        world.finish()
        for number, contacts in ((first, 1), (second, 2)):
            response = world.answer(number)
            assert response is not None
            assert len(response.values("contact")) == contacts

    def test_the_same_cseq_twice_at_the_same_time(self) -> None:
        world = World(disk=False)
        first = world.send(register(CONTACT, cseq=5))
        second = world.send(register(f"{CONTACT};q=0.1", cseq=5))
        world.finish()
        statuses = [answer.status for n in (first, second) if (answer := world.answer(n))]
        assert statuses == [200, 500]
        assert [each.q for each in world.bindings()] == [1.0]

    def test_one_that_needs_no_disk_waits_its_turn(self) -> None:
        world = World(disk=False)
        world.send(register(CONTACT))
        fetch = world.send(register(call_id="call-2"))
        assert world.answer(fetch) is None
        world.finish()
        response = world.answer(fetch)
        assert response is not None
        assert len(response.values("contact")) == 1

    def test_nobody_waits_behind_too_many(self) -> None:
        world = World(disk=False, max_waiting=3)
        numbers = [world.send(register(CONTACT, cseq=n)) for n in range(1, 6)]
        refused = world.answer(numbers[4])
        assert refused is not None
        assert (refused.status, refused.get("retry-after")) == (503, "5")
        for _ in range(4):
            world.finish()
        statuses = [answer.status for n in numbers if (answer := world.answer(n))]
        assert statuses == [200, 200, 200, 200, 503]

    def test_a_store_that_answers_at_once_does_not_reverse_the_order(self) -> None:
        world = World(disk=False)
        numbers = [world.send(register(CONTACT, cseq=n)) for n in range(1, 6)]
        world.disk = True
        world.finish()
        statuses = [answer.status for n in numbers if (answer := world.answer(n))]
        assert statuses == [200] * 5
        assert world.bindings()[0].cseq == 5

    def test_a_connection_that_closed_while_its_register_waited(self) -> None:
        world = World(disk=False)
        world.send(register(CONTACT))
        world.send(register(FLOW_1, flow=TCP, call_id="call-2"), TCP)
        world.close(TCP)
        world.finish()
        text = f"{TCP} closed before the REGISTER was processed"
        assert ("refused", 500, text) in world.story
        assert [each.flow for each in world.bindings()] == [None]

    def test_a_binding_that_went_while_its_removal_was_written(self) -> None:
        world = World()
        world.register(CONTACT)
        (binding,) = world.bindings()
        world.disk = False
        number = world.send(register(f"{CONTACT};expires=0", cseq=2))
        world.location.remove(binding, "430", world.now)
        world.finish()
        response = world.answer(number)
        assert response is not None
        assert (response.status, response.has("contact")) == (200, False)


class TestStory:
    def test_bound_unbound_refused(self) -> None:
        world = World()
        world.register(FLOW_1, flow=TCP)
        world.register(f"{FLOW_1};expires=0", flow=TCP, cseq=2)
        world.register(CONTACT, call_id="call-2")
        world.register(CONTACT, vias=BEHIND_EDGE, headers=[f"Path: {EDGE}"], cseq=2)
        world.register(CONTACT, aor="sip:alice@elsewhere.example")
        place = "sip:alice@example.com is at sip:alice@192.0.2.9"
        assert world.story == [
            ("bound", 200, f"{place} reg-id 1 over {TCP} for 3600 s"),
            ("unbound", 200, "sip:alice@example.com is no longer at sip:alice@192.0.2.9"),
            ("bound", 200, f"{place} by its Contact for 3600 s"),
            ("bound", 200, f"{place} by {EDGE.strip('<>')} for 3600 s"),
            ("refused", 404, "elsewhere.example is not a domain of this registrar"),
        ]
        last = world.decisions[-1]
        assert (last.aor, last.method, last.flow) == (
            "sip:alice@elsewhere.example",
            "REGISTER",
            UDP,
        )

    def test_nothing_is_noted_while_nobody_listens(self) -> None:
        world = World()
        world.endpoint.listener = None
        world.register(CONTACT)
        assert world.story == []

    def test_unregistered_is_remembered(self) -> None:
        world = World()
        world.register(FLOW_1, flow=TCP)
        world.register("*", cseq=2, headers=["Expires: 0"])
        (lost,) = world.location.lost(ALICE, world.now)
        assert (lost.reason, lost.binding.instance) == ("the phone unregistered", PHONE)

    def test_every_refusal_says_why(self) -> None:
        response = World().register(f"{CONTACT};expires=5")
        assert response.get("warning") == '399 ringway "an expiry of 5 s; the least is 60 s"'

    def test_what_cannot_be_read(self) -> None:
        response = World().register("<sip:alice@192.0.2.9", flow=TCP)
        assert response.status == 400
        assert response.has("warning")
