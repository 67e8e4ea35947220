import tracemalloc
from dataclasses import replace
from typing import Any

import pytest

from ringway.location import (
    Binding,
    Drop,
    Location,
    Put,
    RedirectRule,
    When,
    durable_drops,
)
from ringway.location import location as location_module
from ringway.transport.flow import Address, Flow

ALICE = "sip:alice@example.com"
BOB = "sip:bob@example.com"
PHONE = "<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"
LOCAL = Address("192.0.2.1", 5060)
TCP_1 = Flow("tcp", LOCAL, Address("192.0.2.9", 40001), 1)
TCP_2 = Flow("tcp", LOCAL, Address("192.0.2.9", 40002), 2)
UDP = Flow("udp", LOCAL, Address("192.0.2.9", 5060))


def binding(aor: str = ALICE, contact: str = "sip:alice@192.0.2.9", **given: Any) -> Binding:
    fields: dict[str, Any] = {"expires_at": 100.0, "call_id": "c1", "cseq": 1, "registered_at": 0.0}
    return Binding(aor=aor, contact=contact, **(fields | given))


def flow_binding(reg_id: int, flow: Flow | None = TCP_1, **given: Any) -> Binding:
    return binding(instance=PHONE, reg_id=reg_id, outbound=True, flow=flow, **given)


def holding(*bindings: Binding) -> Location:
    location = Location()
    location.apply([Put(each) for each in bindings], 0.0)
    return location


class TestBinding:
    def test_outbound_key_is_instance_and_reg_id(self) -> None:
        assert flow_binding(2).key == (PHONE, 2)

    def test_other_key_is_the_contact_even_with_an_instance(self) -> None:
        assert binding(instance=PHONE, reg_id=2).key == ("sip:alice@192.0.2.9", 0)

    def test_only_a_connection_of_this_process_is_not_durable(self) -> None:
        assert binding().durable
        assert flow_binding(1, UDP).durable
        assert not flow_binding(1, TCP_1).durable

    def test_secure_by_contact_or_by_flow(self) -> None:
        assert binding(contact="SIPS:alice@192.0.2.9").secure
        assert binding(flow=Flow("wss", LOCAL, Address("192.0.2.9", 4), 3)).secure
        assert not binding(flow=TCP_1).secure
        assert not binding().secure

    def test_rule_key(self) -> None:
        rule = RedirectRule(ALICE, (("sip:a@b", 1.0),), when=When.BUSY)
        assert rule.key == (ALICE, "busy")


class TestReading:
    def test_unknown_aor_has_none(self) -> None:
        assert Location().bindings(ALICE, 0.0) == ()
        assert Location().get(ALICE, ("x", 0)) is None

    def test_the_stored_tuple_itself_is_returned(self) -> None:
        location = holding(flow_binding(1), flow_binding(2, TCP_2))
        assert location.bindings(ALICE, 1.0) is location.bindings(ALICE, 2.0)

    def test_lookup_allocates_nothing(self) -> None:
        location = holding(flow_binding(1), flow_binding(2, TCP_2))
        location.bindings(ALICE, 1.0)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for _ in range(100):
            location.bindings(ALICE, 1.0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak - before < 512  # the loop's own objects, nothing a lookup

    def test_lapsed_bindings_are_left_out_before_they_are_taken_out(self) -> None:
        late = flow_binding(2, TCP_2, expires_at=200.0)
        location = holding(flow_binding(1), late)
        assert location.bindings(ALICE, 100.0) == (late,)
        assert len(location) == 2

    def test_find_instance(self) -> None:
        other = binding(contact="sip:x@y", instance="<urn:uuid:2>")
        location = holding(flow_binding(1), flow_binding(2, TCP_2), other)
        assert [each.reg_id for each in location.find_instance(ALICE, PHONE, 0.0)] == [1, 2]

    def test_aors_with_a_current_binding(self) -> None:
        location = holding(binding(), binding(BOB, expires_at=10.0))
        assert list(location.aors(0.0)) == [ALICE, BOB]
        assert list(location.aors(50.0)) == [ALICE]

    def test_loaded_bindings_are_there_at_once(self) -> None:
        assert Location([binding()]).bindings(ALICE, 0.0) == (binding(),)


class TestChanging:
    def test_same_key_replaces_in_place(self) -> None:
        location = holding(flow_binding(1), flow_binding(2, TCP_2))
        moved = flow_binding(1, TCP_2, cseq=2)
        location.apply([Put(moved)], 1.0)
        assert location.bindings(ALICE, 1.0) == (moved, flow_binding(2, TCP_2))
        assert location.on_flow(TCP_1) == ()
        assert len(location.on_flow(TCP_2)) == 2

    def test_drop_takes_the_one_with_its_key(self) -> None:
        location = holding(flow_binding(1), flow_binding(2, TCP_2))
        location.apply([Drop(flow_binding(1), "unregistered")], 1.0)
        assert [each.reg_id for each in location.bindings(ALICE, 1.0)] == [2]
        assert len(location) == 1

    def test_drop_of_what_is_not_there_changes_nothing(self) -> None:
        location = holding(binding())
        location.apply([Drop(binding(contact="sip:x@y"), "gone"), Drop(binding(BOB), "gone")], 1.0)
        assert location.bindings(ALICE, 1.0) == (binding(),)
        assert location.lost(BOB, 1.0) == ()

    def test_remove_spares_what_was_refreshed_since(self) -> None:
        old = flow_binding(1)
        location = holding(old)
        location.apply([Put(replace(old, cseq=2, expires_at=500.0))], 1.0)
        assert not location.remove(old, "430", 2.0)
        assert location.remove(replace(old, cseq=2, expires_at=500.0), "430", 2.0)
        assert location.bindings(ALICE, 2.0) == ()
        assert not location.remove(old, "430", 2.0)

    def test_durable_drops(self) -> None:
        over_udp = flow_binding(2, UDP)
        assert durable_drops([flow_binding(1), over_udp], "x") == (Drop(over_udp, "x"),)


class TestFlows:
    """RFC 5626 §7: a closed flow invalidates every binding on it, regardless of AOR."""

    def test_all_aors_of_the_flow_go_and_others_stay(self) -> None:
        carol = "sip:carol@example.com"
        location = holding(
            flow_binding(1), flow_binding(2, TCP_2), flow_binding(1, aor=BOB), binding(carol)
        )
        removed = location.invalidate_flow(TCP_1, "connection reset", 5.0)
        assert {each.aor for each in removed} == {ALICE, BOB}
        assert [each.reg_id for each in location.bindings(ALICE, 5.0)] == [2]
        assert location.bindings(BOB, 5.0) == ()
        assert location.bindings(carol, 5.0) != ()
        assert location.on_flow(TCP_1) == ()
        assert location.invalidate_flow(TCP_1, "again", 6.0) == ()

    def test_a_later_connection_of_the_same_addresses_is_another_flow(self) -> None:
        location = holding(flow_binding(1))
        assert location.invalidate_flow(TCP_1._replace(generation=9), "closed", 1.0) == ()

    def test_three_aors_share_a_flow_and_leave_one_by_one(self) -> None:
        names = [f"sip:u{n}@example.com" for n in range(3)]
        location = holding(*[flow_binding(1, aor=name) for name in names])
        for gone, name in enumerate(names, 1):
            location.apply([Drop(flow_binding(1, aor=name), "bye")], 1.0)
            assert len(location.on_flow(TCP_1)) == 3 - gone

    def test_two_bindings_of_one_aor_on_one_flow(self) -> None:
        first, second = binding(flow=TCP_1), binding(contact="sip:b@c", flow=TCP_1)
        location = holding(first, second)
        assert location.on_flow(TCP_1) == (first, second)
        location.apply([Drop(first, "bye")], 1.0)
        assert location.on_flow(TCP_1) == (second,)

    def test_refresh_on_the_same_flow_keeps_the_index(self) -> None:
        location = holding(flow_binding(1))
        location.apply([Put(flow_binding(1, cseq=2))], 1.0)
        assert location.on_flow(TCP_1) == (flow_binding(1, cseq=2),)

    def test_a_binding_that_leaves_its_flow_is_off_the_index(self) -> None:
        location = holding(flow_binding(1))
        location.apply([Put(flow_binding(1, None, path=("sip:edge.example.com;lr",)))], 1.0)
        assert location.on_flow(TCP_1) == ()
        assert location.invalidate_flow(TCP_1, "closed", 2.0) == ()
        assert len(location.bindings(ALICE, 2.0)) == 1

    def test_nothing_stays_behind_in_the_index(self) -> None:
        location = holding(flow_binding(1), flow_binding(1, aor=BOB))
        location.apply([Put(flow_binding(1, TCP_2)), Drop(flow_binding(1, TCP_2), "bye")], 1.0)
        assert location.on_flow(TCP_1) == (flow_binding(1, aor=BOB),)
        location.apply([Drop(flow_binding(1, aor=BOB), "bye")], 1.0)
        assert (location._by_flow, location._by_aor) == ({}, {})


class TestExpiry:
    def test_nothing_to_wait_for(self) -> None:
        assert Location().next_expiry() is None
        assert Location().expire(1e9) == ()

    def test_expire_takes_out_what_lapsed_and_goes_on(self) -> None:
        late = flow_binding(2, TCP_2, expires_at=300.0)
        location = holding(flow_binding(1), late)
        assert location.next_expiry() == 100.0
        assert location.expire(99.0) == ()
        assert location.expire(100.0) == (flow_binding(1),)
        assert location.next_expiry() == 300.0
        assert location.expire(300.0) == (late,)
        assert location.next_expiry() is None
        assert len(location) == 0

    def test_refresh_puts_expiry_off(self) -> None:
        location = holding(binding())
        location.apply([Put(binding(expires_at=500.0))], 50.0)
        assert location.expire(100.0) == ()
        assert location.next_expiry() == 500.0

    def test_a_shorter_expiry_is_noticed(self) -> None:
        location = holding(binding())
        location.apply([Put(binding(expires_at=20.0))], 1.0)
        assert location.next_expiry() == 20.0
        assert len(location.expire(20.0)) == 1
        assert location.expire(100.0) == ()  # the old entry finds nobody

    @pytest.mark.interpreted
    def test_a_flood_is_taken_in_parts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(location_module, "EXPIRE_BATCH", 2)
        location = holding(*[binding(f"sip:u{n}@example.com") for n in range(5)])
        sizes = [len(location.expire(100.0)) for _ in range(4)]
        assert sizes == [2, 2, 1, 0]

    def test_the_agenda_stays_small_when_a_phone_comes_and_goes(self) -> None:
        location = holding(binding(BOB, expires_at=7000.0))
        for n in range(5000):
            location.apply([Put(flow_binding(1, expires_at=3600.0 + n))], float(n))
            location.invalidate_flow(TCP_1, "closed", float(n))
        assert len(location._agenda) <= 1100
        location.apply([Put(flow_binding(1, expires_at=6000.0))], 5000.0)
        location.expire(6000.0)
        assert location.bindings(ALICE, 5999.0) == ()
        assert len(location) == 1


class TestLost:
    def test_says_why(self) -> None:
        location = holding(flow_binding(1))
        location.invalidate_flow(TCP_1, "the connection was closed", 5.0)
        (lost,) = location.lost(ALICE, 6.0)
        assert (lost.reason, lost.at, lost.binding) == (
            "the connection was closed",
            5.0,
            flow_binding(1),
        )

    def test_replaced_is_not_lost(self) -> None:
        location = holding(binding())
        location.apply([Drop(binding(), ""), Put(binding(contact="sip:x@y"))], 1.0)
        assert location.lost(ALICE, 1.0) == ()

    def test_forgotten_after_an_hour(self) -> None:
        location = holding(binding())
        location.expire(100.0)
        assert [each.reason for each in location.lost(ALICE, 3699.0)] == ["it expired"]
        assert location.lost(ALICE, 3700.0) == ()

    def test_the_instance_that_came_back_is_not_lost(self) -> None:
        location = holding(flow_binding(1), binding())
        location.apply([Drop(flow_binding(1), "a"), Drop(binding(), "b")], 1.0)
        location.apply([Put(flow_binding(2, TCP_2))], 2.0)
        assert [each.reason for each in location.lost(ALICE, 2.0)] == ["b"]
        location.apply([Put(binding())], 3.0)
        assert location.lost(ALICE, 3.0) == ()

    def test_at_most_four_of_an_aor(self) -> None:
        location = Location()
        for n in range(6):
            each = binding(contact=f"sip:a@192.0.2.{n}")
            location.apply([Put(each), Drop(each, str(n))], 1.0)
        assert [each.reason for each in location.lost(ALICE, 1.0)] == ["2", "3", "4", "5"]

    @pytest.mark.interpreted
    def test_at_most_so_many_aors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(location_module, "LOST_AORS", 2)
        location = Location()
        for name in ("a", "b", "a", "c"):
            each = binding(f"sip:{name}@example.com")
            location.apply([Put(each), Drop(each, "gone")], 1.0)
        kept = [name for name in "abc" if location.lost(f"sip:{name}@example.com", 1.0)]
        assert kept == ["a", "c"]
