"""The flows of one phone: 430, and flows that were not tried."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import (
    AOR,
    INSTANCE,
    PHONE,
    healthy,
    hides,
    nearly,
    register,
    shows,
)
from tests.unit.explain.observed.support import Headers, Scene

from ringway.capture.items import Seen


def two_flows() -> Scene:
    """Bob's phone is registered over two edges; all hops are captured at the registrar."""
    scene = Scene()
    for reg_id, edge in ((1, "edge-1"), (2, "edge-2")):
        phone = f"phone-{reg_id}"
        request, _ = register(scene, phone, edge, reg_id=reg_id, call_id=f"register-{reg_id}")
        onward = scene.forward(request, "registrar")
        contact = request.message.get("contact") if request.message else ""
        scene.reply(onward, 200, headers=(("Contact", contact or ""), ("Require", "outbound")))
    return scene


def call(scene: Scene) -> Seen:
    return scene.request("alice", "registrar", "INVITE", AOR)


def to(scene: Scene, invite: Seen, edge: str) -> Seen:
    return scene.forward(invite, edge, uri=PHONE)


class TestReachedCaller:
    def test_shown(self) -> None:
        scene = Scene()
        invite = call(scene)
        onward = to(scene, invite, "edge-1")
        scene.ack(scene.reply(onward, 430))
        last = scene.reply(invite, 430)
        scene.ack(last)
        found = shows(scene, "430-reached-caller")
        assert found.status == 430
        assert found.frames == (*invite.frames, *last.frames)
        assert found.call_id == "call-1"

    def test_turned_into_480(self) -> None:
        scene = Scene()
        invite = call(scene)
        scene.ack(scene.reply(to(scene, invite, "edge-1"), 430))
        scene.ack(scene.reply(invite, 480))
        nearly(scene, "430-reached-caller")

    def test_between_proxies_it_belongs(self) -> None:
        scene = Scene()
        invite = call(scene)
        scene.ack(scene.reply(to(scene, invite, "edge-1"), 430))
        ok = scene.reply(to(scene, invite, "edge-2"), 200)
        scene.back(ok)
        hides(scene, "430-reached-caller")

    @pytest.mark.parametrize("status", [429, 431, 408, 480])
    def test_another_code(self, status: int) -> None:
        scene = Scene()
        scene.ack(scene.reply(call(scene), status))
        hides(scene, "430-reached-caller")

    def test_it_is_told_once(self) -> None:
        scene = Scene()
        for number in (1, 2):
            invite = scene.request("alice", "registrar", "INVITE", AOR, cseq=number)
            scene.ack(scene.reply(invite, 430))
        shows(scene, "430-reached-caller")

    def test_in_a_call(self) -> None:
        """The edge of who sends it says so; the agent takes its other flow."""
        scene = Scene()
        for cseq, status in ((2, 430), (3, 200)):
            info = scene.request("alice", "edge-1", "INFO", AOR, cseq=cseq, to_tag="bob-tag")
            scene.reply(info, status)
        hides(scene, "430-reached-caller")

    def test_a_pbx_that_calls_a_phone_of_its_own(self) -> None:
        """The same answer, but the caller has the bindings: it is who tries the next flow."""
        scene = Scene()
        register(scene, "edge-1", "registrar", reg_id=1)
        sent = scene.request("registrar", "edge-1", "INVITE", AOR)
        scene.ack(scene.reply(sent, 430))
        hides(scene, "430-reached-caller")

    def test_a_pbx_that_calls_somebody_else(self) -> None:
        scene = Scene()
        register(scene, "edge-1", "registrar", reg_id=1)
        sent = scene.request("registrar", "edge-1", "INVITE", "sip:carol@example.com")
        scene.ack(scene.reply(sent, 430))
        shows(scene, "430-reached-caller")


class TestNotTried:
    def test_shown(self) -> None:
        scene = two_flows()
        invite = call(scene)
        first = scene.reply(to(scene, invite, "edge-1"), 430)
        scene.ack(first)
        end = scene.reply(invite, 480)
        scene.ack(end)
        found = shows(scene, "other-flows-not-tried")
        assert found.facts["left"] == "reg-id 2"
        assert set(first.frames + end.frames) <= set(found.frames)

    @pytest.mark.parametrize("status", [430, 408])
    @pytest.mark.parametrize("end", [300, 408, 480, 500])
    def test_what_sends_a_proxy_on(self, status: int, end: int) -> None:
        scene = two_flows()
        invite = call(scene)
        scene.ack(scene.reply(to(scene, invite, "edge-1"), status))
        scene.ack(scene.reply(invite, end))
        found = shows(scene, "other-flows-not-tried")
        assert (found.status, found.facts["tried"]) == (status, "reg-id 1")

    @pytest.mark.parametrize("status", [404, 407, 409, 429, 431, 480, 500, 503, 603])
    def test_what_does_not(self, status: int) -> None:
        scene = two_flows()
        invite = call(scene)
        scene.ack(scene.reply(to(scene, invite, "edge-1"), status))
        scene.ack(scene.reply(invite, 480))
        hides(scene, "other-flows-not-tried")

    def test_the_call_was_answered_elsewhere(self) -> None:
        """The flow failed, and the other one was not tried, but another phone picked up."""
        scene = two_flows()
        invite = call(scene)
        desk = scene.forward(invite, "desk", uri="sip:bob@192.0.2.88")
        scene.ack(scene.reply(to(scene, invite, "edge-1"), 430))
        scene.ack(scene.back(scene.reply(desk, 200)))
        hides(scene, "other-flows-not-tried")

    def test_nobody_knows_how_it_ended(self) -> None:
        scene = two_flows()
        invite = call(scene)
        scene.ack(scene.reply(to(scene, invite, "edge-1"), 430))
        hides(scene, "other-flows-not-tried")

    def test_the_other_flow_was_tried_from_another_address(self) -> None:
        scene = two_flows()
        invite = call(scene)
        scene.ack(scene.reply(to(scene, invite, "edge-1"), 430))
        inner = scene.forward(invite, "edge-2", source="inside", uri=PHONE)
        scene.ack(scene.reply(inner, 430))
        scene.ack(scene.reply(invite, 480))
        hides(scene, "other-flows-not-tried")

    def test_the_other_phone_is_none_of_it(self) -> None:
        """Another phone of the user has a flow left; this one has none."""
        scene = Scene()
        register(scene, "edge-1", "registrar", reg_id=1, call_id="one")
        scene.forward(scene.request("x", "edge-2", "OPTIONS", AOR, call_id="y"), "registrar")
        other = (
            "Contact",
            '<sip:bob@192.0.2.99>;reg-id=2;+sip.instance="<urn:uuid:2>";expires=600',
        )
        request = scene.request(
            "edge-2",
            "registrar",
            "REGISTER",
            "sip:example.com",
            callee=AOR,
            call_id="two",
            headers=(other,),
        )
        scene.reply(request, 200, headers=(other, ("Require", "outbound")))
        invite = call(scene)
        scene.ack(scene.reply(to(scene, invite, "edge-1"), 430))
        scene.ack(scene.reply(invite, 480))
        hides(scene, "other-flows-not-tried")

    def test_a_phone_without_outbound_has_one_way(self) -> None:
        scene = Scene()
        for edge, contact in (("edge-1", PHONE), ("edge-2", "sip:bob@192.0.2.78")):
            request, _ = register(scene, f"p-{edge}", edge, contact=contact, call_id=edge)
            onward = scene.forward(request, "registrar")
            scene.reply(onward, 200, headers=(("Contact", f"<{contact}>;expires=600"),))
        invite = call(scene)
        scene.ack(scene.reply(to(scene, invite, "edge-1"), 430))
        scene.ack(scene.reply(invite, 480))
        hides(scene, "other-flows-not-tried")

    def test_two_calls_in_one_conversation(self) -> None:
        """The first was tried over both flows; the attempt that failed is of the second."""
        scene = two_flows()
        first = call(scene)
        for edge in ("edge-1", "edge-2"):
            scene.ack(scene.reply(to(scene, first, edge), 430))
        scene.ack(scene.reply(first, 480))
        second = scene.request("alice", "registrar", "INVITE", AOR, cseq=2)
        scene.ack(scene.reply(to(scene, second, "edge-1"), 430))
        scene.ack(scene.reply(second, 480))
        shows(scene, "other-flows-not-tried")

    def test_the_other_flow_was_tried(self) -> None:
        scene = two_flows()
        invite = call(scene)
        scene.ack(scene.reply(to(scene, invite, "edge-1"), 430))
        scene.ack(scene.reply(to(scene, invite, "edge-2"), 430))
        scene.ack(scene.reply(invite, 480))
        nearly(scene, "other-flows-not-tried")

    def test_a_busy_phone_is_busy_on_every_flow(self) -> None:
        scene = two_flows()
        invite = call(scene)
        scene.ack(scene.reply(to(scene, invite, "edge-1"), 486))
        scene.ack(scene.reply(invite, 486))
        hides(scene, "other-flows-not-tried")

    def test_the_other_flow_had_closed(self) -> None:
        scene = Scene(transport="tcp")
        for reg_id, edge in ((1, "edge-1"), (2, "edge-2")):
            phone = f"phone-{reg_id}"
            scene.opened(phone, edge)
            register(scene, phone, edge, reg_id=reg_id, call_id=f"register-{reg_id}")
        scene.closed("phone-2", "edge-2")
        invite = scene.request("alice", "edge-1", "INVITE", AOR)
        onward = scene.forward(invite, "phone-1", uri=PHONE)
        scene.ack(scene.reply(onward, 408))
        scene.ack(scene.reply(invite, 408))
        hides(scene, "other-flows-not-tried")

    def test_the_registration_had_expired(self) -> None:
        scene = two_flows()
        scene.wait(3700)
        invite = call(scene)
        scene.ack(scene.reply(to(scene, invite, "edge-1"), 430))
        scene.ack(scene.reply(invite, 480))
        hides(scene, "other-flows-not-tried")


class TestWhoseFlow:
    """Which registration a request is for, by what a failure leaves untried."""

    def left(self, scene: Scene, invite: Seen, onward: Seen) -> str:
        scene.ack(scene.reply(onward, 430))
        scene.ack(scene.reply(invite, 480))
        return shows(scene, "other-flows-not-tried").facts["left"]

    def registered(self, scene: Scene, edge: str, reg_id: int, path: str, contact: str) -> None:
        binding = f"<{contact}>;reg-id={reg_id};+sip.instance={INSTANCE};expires=600"
        headers: Headers = (("Contact", binding), ("Path", f"<{path}>"))
        request = scene.request(
            f"phone-{reg_id}",
            edge,
            "REGISTER",
            "sip:example.com",
            callee=AOR,
            call_id=f"register-{reg_id}",
            headers=headers[:1],
        )
        onward = scene.forward(request, "registrar", headers=headers[1:])
        scene.back(scene.reply(onward, 200, headers=(*headers[:1], ("Require", "outbound"))))

    def both_over_one_edge(self) -> Scene:
        scene = Scene()
        for number in (1, 2):
            self.registered(scene, "edge", number, f"sip:token-{number}@edge;lr;ob", PHONE)
        return scene

    @pytest.mark.parametrize(("number", "left"), [(1, "reg-id 2"), (2, "reg-id 1")])
    def test_the_route_tells(self, number: int, left: str) -> None:
        scene = self.both_over_one_edge()
        invite = call(scene)
        route = (("Route", f"<sip:token-{number}@edge;lr;ob>"),)
        onward = scene.forward(invite, "edge", uri=PHONE, headers=route)
        assert self.left(scene, invite, onward) == left

    def test_without_a_route_it_may_be_either(self) -> None:
        scene = self.both_over_one_edge()
        invite = call(scene)
        scene.ack(scene.reply(to(scene, invite, "edge"), 430))
        scene.ack(scene.reply(invite, 480))
        hides(scene, "other-flows-not-tried")

    def test_the_contact_tells(self) -> None:
        scene = Scene()
        for number in (1, 2):
            contact = f"sip:bob@192.0.2.77:{5060 + number}"
            self.registered(scene, "edge", number, "sip:edge;lr;ob", contact)
        invite = call(scene)
        onward = scene.forward(invite, "edge", uri="sip:bob@192.0.2.77:5062")
        assert self.left(scene, invite, onward) == "reg-id 1"

    def test_the_phones_own_hop_tells(self) -> None:
        scene = two_flows()
        invite = scene.request("alice", "edge-2", "INVITE", AOR)
        onward = scene.forward(invite, "phone-2", uri="sip:somebody@else.example.com")
        assert self.left(scene, invite, onward) == "reg-id 1"

    def test_a_request_to_the_edge_is_for_nobodys_flow(self) -> None:
        """What a phone sends over its own flow does not go to the phone."""
        scene = two_flows()
        invite = scene.request("phone-1", "edge-1", "INVITE", PHONE)
        onward = scene.forward(invite, "registrar", uri=PHONE)
        scene.ack(scene.reply(onward, 430))
        scene.ack(scene.reply(invite, 480))
        hides(scene, "other-flows-not-tried")

    def test_a_flow_that_came_later_was_not_there(self) -> None:
        scene = Scene()
        self.registered(scene, "edge-1", 1, "sip:edge-1;lr;ob", PHONE)
        invite = call(scene)
        scene.ack(scene.reply(to(scene, invite, "edge-1"), 430))
        self.registered(scene, "edge-2", 2, "sip:edge-2;lr;ob", PHONE)
        scene.ack(scene.reply(invite, 480))
        hides(scene, "other-flows-not-tried")


def test_a_call_over_the_second_flow_is_healthy() -> None:
    scene = two_flows()
    invite = call(scene)
    first = to(scene, invite, "edge-1")
    scene.ack(scene.reply(first, 430))
    second = to(scene, invite, "edge-2")
    scene.back(scene.reply(second, 180))
    ok = scene.back(scene.reply(second, 200))
    scene.ack(ok)
    healthy(scene)
