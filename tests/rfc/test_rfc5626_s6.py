"""RFC 5626 §6: outbound, the registrar's side."""

import pytest
from tests.unit.registrar.harness import (
    BEHIND_EDGE,
    BOB,
    CONTACT,
    EDGE,
    INSTANCE,
    PHONE,
    TCP,
    TCP_2,
    UDP,
    World,
    register,
)
from tests.unit.registrar.node import Node

from ringway.endpoint import SendDatagram, SendStream

FLOW_1 = f"{CONTACT};reg-id=1{INSTANCE}"
FLOW_2 = f"{CONTACT};reg-id=2{INSTANCE}"
NO_OB = "<sip:edge.example.com;lr>"
CORE = "<sip:core.example.com;lr>"


class TestSection6FirstHop:
    @pytest.mark.clause("RFC5626-6-2", "RFC5626-6-10", "RFC5626-6-11")
    def test_one_via_is_a_direct_flow(self) -> None:
        world = World()
        response = world.register(FLOW_1, flow=TCP)
        assert response.values("require") == ("outbound",)
        (binding,) = world.bindings()
        assert (binding.flow, binding.outbound, binding.key) == (TCP, True, (PHONE, 1))

    @pytest.mark.clause("RFC5626-6-11")
    def test_a_direct_udp_flow_is_stored_too(self) -> None:
        world = World()
        world.register(FLOW_1, flow=UDP)
        assert [each.flow for each in world.bindings()] == [UDP]

    @pytest.mark.clause("RFC5626-6-1", "RFC5626-6-3", "RFC5626-6-10")
    def test_behind_an_edge_with_ob(self) -> None:
        world = World()
        response = world.register(FLOW_1, flow=TCP, vias=BEHIND_EDGE, headers=[f"Path: {EDGE}"])
        assert response.values("require") == ("outbound",)
        (binding,) = world.bindings()
        assert (binding.flow, binding.key) == (None, (PHONE, 1))
        assert binding.path == (EDGE.strip("<>"),)

    @pytest.mark.clause("RFC5626-6-3", "RFC5626-6-4")
    def test_the_first_hops_path_is_the_bottom_one(self) -> None:
        above = World().register(FLOW_1, vias=BEHIND_EDGE, headers=[f"Path: {CORE}, {EDGE}"])
        assert above.status == 200
        below = World().register(FLOW_1, vias=BEHIND_EDGE, headers=[f"Path: {EDGE}, {NO_OB}"])
        assert below.status == 439

    @pytest.mark.clause("RFC5626-6-4", "RFC5626-6-5")
    @pytest.mark.parametrize("headers", [[], [f"Path: {NO_OB}"]])
    def test_a_first_hop_without_outbound_gets_439(self, headers: list[str]) -> None:
        world = World()
        assert world.register(FLOW_1, vias=BEHIND_EDGE, headers=headers).status == 439
        assert world.bindings() == ()

    @pytest.mark.clause("RFC5626-6-4", "RFC5626-6-5", "RFC5626-6-7")
    @pytest.mark.parametrize("headers", [[], [f"Path: {NO_OB}"]])
    def test_or_has_its_reg_id_ignored_if_it_does_not_support_outbound(
        self, headers: list[str]
    ) -> None:
        world = World()
        response = world.register(FLOW_1, vias=BEHIND_EDGE, headers=headers, supported="path")
        assert response.status == 200
        assert not response.has("require")
        assert "reg-id" not in response.values("contact")[0]
        (binding,) = world.bindings()
        assert (binding.outbound, binding.reg_id, binding.instance) == (False, 0, PHONE)

    @pytest.mark.clause("RFC5626-6-5")
    def test_without_a_reg_id_the_first_hop_does_not_matter(self) -> None:
        assert World().register(CONTACT, vias=BEHIND_EDGE).status == 200
        assert World().register(CONTACT + INSTANCE, vias=BEHIND_EDGE).status == 200


class TestSection6RegId:
    def test_without_an_instance_it_is_ignored(self) -> None:
        world = World()
        response = world.register(f"{CONTACT};reg-id=1", flow=TCP)
        assert not response.has("require")
        assert [each.key for each in world.bindings()] == [("sip:alice@192.0.2.9", 0)]

    @pytest.mark.clause("RFC5626-6-6")
    def test_several_live_contacts(self) -> None:
        world = World()
        assert world.register(FLOW_1, "<sip:alice@192.0.2.8>", flow=TCP).status == 400
        assert world.register(FLOW_1, FLOW_2, flow=TCP).status == 400
        assert world.bindings() == ()

    @pytest.mark.clause("RFC5626-6-6")
    def test_one_live_contact_may_remove_others(self) -> None:
        world = World()
        world.register("<sip:alice@192.0.2.8>", call_id="call-0")
        assert world.register(FLOW_1, "<sip:alice@192.0.2.8>;expires=0", flow=TCP).status == 200
        assert [each.reg_id for each in world.bindings()] == [1]

    def test_several_live_contacts_with_an_ignored_reg_id(self) -> None:
        contacts = [f"{CONTACT};reg-id=1", "<sip:alice@192.0.2.8>"]
        assert World().register(*contacts, flow=TCP).status == 200

    @pytest.mark.parametrize("reg_id", ["0", "2147483648", "99999999999", "-1", "x", '""'])
    def test_out_of_range(self, reg_id: str) -> None:
        assert World().register(f"{CONTACT};reg-id={reg_id}{INSTANCE}", flow=TCP).status == 400

    def test_the_largest(self) -> None:
        world = World()
        assert world.register(f"{CONTACT};reg-id=2147483647{INSTANCE}", flow=TCP).status == 200
        assert world.bindings()[0].reg_id == 2**31 - 1

    @pytest.mark.clause("RFC5626-6-7")
    @pytest.mark.parametrize("contact", [CONTACT, CONTACT + INSTANCE])
    def test_without_it_outbound_is_not_required(self, contact: str) -> None:
        response = World().register(contact, flow=TCP)
        assert not response.has("require")
        assert not response.has("flow-timer")

    @pytest.mark.clause("RFC5626-6-10")
    def test_a_phone_that_does_not_support_outbound_is_not_required_to(self) -> None:
        world = World()
        response = world.register(FLOW_1, flow=TCP, supported="path")
        assert (response.status, response.has("require")) == (200, False)
        assert [each.key for each in world.bindings()] == [(PHONE, 1)]

    @pytest.mark.clause("RFC5626-6-10")
    def test_also_when_the_flow_is_taken_out(self) -> None:
        world = World()
        world.register(FLOW_1, flow=TCP)
        response = world.register(f"{FLOW_1};expires=0", flow=TCP, cseq=2)
        assert response.values("require") == ("outbound",)
        assert world.bindings() == ()

    def test_a_contact_without_ob_is_outbound_all_the_same(self) -> None:
        contact = f"<sip:alice-0x5612@192.0.2.9:40001;transport=tcp>{INSTANCE};reg-id=1"
        assert World().register(contact, flow=TCP).values("require") == ("outbound",)

    def test_in_a_third_party_registration_it_is_ignored(self) -> None:
        """RFC 5626 §4.2.3: who registers is not at the other end of the flow that is meant."""
        world = World()
        response = world.register(FLOW_1, flow=TCP, sender=BOB)
        assert (response.status, response.has("require")) == (200, False)
        (binding,) = world.bindings()
        assert (binding.outbound, binding.flow) == (False, None)


class TestSection6Bindings:
    @pytest.mark.clause("RFC5626-6-8")
    def test_with_and_without_outbound_side_by_side(self) -> None:
        world = World()
        world.register(CONTACT, call_id="call-0")
        world.register(FLOW_1, flow=TCP, call_id="call-1")
        world.register(FLOW_2, flow=TCP_2, call_id="call-2")
        response = world.register()
        assert len(response.values("contact")) == 3
        assert [each.key for each in world.bindings()] == [
            ("sip:alice@192.0.2.9", 0),
            (PHONE, 1),
            (PHONE, 2),
        ]
        world.register(f"{CONTACT};expires=0", call_id="call-3")
        assert [each.reg_id for each in world.bindings()] == [1, 2]

    @pytest.mark.clause("RFC5626-6-9")
    def test_contact_parameters_are_stored_and_returned(self) -> None:
        world = World()
        contact = f'{FLOW_1};q=0.25;expires=300;audio;methods="INVITE,BYE";+x="<a;b>"'
        response = world.register(contact, flow=TCP)
        assert response.values("contact") == (
            f'{CONTACT};expires=300;q=0.25{INSTANCE};reg-id=1;audio;methods="INVITE,BYE";+x="<a;b>"',
        )

    @pytest.mark.clause("RFC5626-6-12")
    def test_a_new_flow_replaces_the_old_one(self) -> None:
        world = World()
        world.register(FLOW_1, flow=TCP)
        world.now += 10.0
        moved = f"<sip:alice@198.51.100.4>;reg-id=1{INSTANCE}"
        world.register(moved, flow=TCP_2, call_id="call-2")
        (binding,) = world.bindings()
        assert (binding.flow, binding.registered_at) == (TCP_2, world.now)
        assert binding.contact == "sip:alice@198.51.100.4"
        assert world.location.invalidate_flow(TCP, "closed", world.now) == ()

    @pytest.mark.clause("RFC5626-6-12")
    def test_a_new_edge_replaces_the_old_one(self) -> None:
        world = World()
        other = "<sip:TOKEN@edge-2.example.com;lr;ob>"
        world.register(FLOW_1, vias=BEHIND_EDGE, headers=[f"Path: {EDGE}"])
        world.register(FLOW_1, vias=BEHIND_EDGE, headers=[f"Path: {other}"], cseq=2)
        assert [each.path for each in world.bindings()] == [(other.strip("<>"),)]

    @pytest.mark.clause("RFC5626-6-12")
    def test_a_late_register_does_not_bring_the_old_flow_back(self) -> None:
        world = World()
        world.register(FLOW_1, flow=TCP_2, cseq=2)
        assert world.register(FLOW_1, flow=TCP, cseq=1).status == 500
        assert [each.flow for each in world.bindings()] == [TCP_2]


class TestSection6FlowTimer:
    def test_when_we_are_the_first_hop(self) -> None:
        assert World(flow_timer=110).register(FLOW_1, flow=TCP).get("flow-timer") == "110"

    def test_not_behind_an_edge(self) -> None:
        response = World().register(FLOW_1, vias=BEHIND_EDGE, headers=[f"Path: {EDGE}"])
        assert response.has("require")
        assert not response.has("flow-timer")

    def test_not_without_outbound(self) -> None:
        assert not World().register(FLOW_1, flow=TCP, supported="path").has("flow-timer")

    def test_not_if_it_is_switched_off(self) -> None:
        assert not World(flow_timer=None).register(FLOW_1, flow=TCP).has("flow-timer")


class TestSection6KeepAlive:
    @pytest.mark.clause("RFC5626-6-13")
    def test_a_double_crlf_is_answered_on_a_connection(self) -> None:
        node = Node()
        flow = node.connect(40001)
        node.response(register(FLOW_1, flow=flow), flow)
        assert node.send(b"\r\n\r\n", flow) == [SendStream(flow, b"\r\n")]

    @pytest.mark.clause("RFC5626-6-13")
    def test_stun_is_answered_on_udp(self) -> None:
        node = Node()
        request = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(range(12))
        (command,) = node.send(request, UDP)
        assert isinstance(command, SendDatagram)
        assert (command.flow, command.data[:2]) == (UDP, b"\x01\x01")
