"""The flows of one phone: 430, flows that were not tried, flows that were tried at once."""

from __future__ import annotations

from tests.unit.explain.observed.findings.looking import (
    AOR,
    PHONE,
    healthy,
    hides,
    register,
    shows,
)
from tests.unit.explain.observed.support import Scene

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

    def test_between_proxies_it_belongs(self) -> None:
        scene = Scene()
        invite = call(scene)
        scene.ack(scene.reply(to(scene, invite, "edge-1"), 430))
        ok = scene.reply(to(scene, invite, "edge-2"), 200)
        scene.back(ok)
        hides(scene, "430-reached-caller")


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

    def test_the_other_flow_was_tried(self) -> None:
        scene = two_flows()
        invite = call(scene)
        scene.ack(scene.reply(to(scene, invite, "edge-1"), 430))
        scene.ack(scene.reply(to(scene, invite, "edge-2"), 430))
        scene.ack(scene.reply(invite, 480))
        hides(scene, "other-flows-not-tried")

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


class TestForkedToOneInstance:
    def test_shown(self) -> None:
        scene = two_flows()
        invite = call(scene)
        one, other = to(scene, invite, "edge-1"), to(scene, invite, "edge-2")
        scene.ack(scene.reply(other, 482))
        scene.back(scene.reply(one, 200))
        found = shows(scene, "forked-to-one-instance")
        assert found.frames == (*one.frames, *other.frames)

    def test_known_by_the_answers(self) -> None:
        scene = Scene()
        invite = call(scene)
        contact = (("Contact", f'<{PHONE}>;+sip.instance="<urn:uuid:1>"'),)
        one, other = to(scene, invite, "edge-1"), to(scene, invite, "edge-2")
        scene.reply(one, 180, headers=contact)
        scene.reply(other, 180, headers=contact)
        shows(scene, "forked-to-one-instance")

    def test_one_after_the_other(self) -> None:
        scene = two_flows()
        invite = call(scene)
        scene.ack(scene.reply(to(scene, invite, "edge-1"), 430))
        ok = scene.reply(to(scene, invite, "edge-2"), 200)
        scene.back(ok)
        hides(scene, "forked-to-one-instance")

    def test_two_phones(self) -> None:
        scene = Scene()
        invite = call(scene)
        one, other = to(scene, invite, "edge-1"), to(scene, invite, "edge-2")
        scene.reply(one, 180, headers=(("Contact", '<sip:a@b>;+sip.instance="<urn:uuid:1>"'),))
        scene.reply(other, 180, headers=(("Contact", '<sip:a@c>;+sip.instance="<urn:uuid:2>"'),))
        hides(scene, "forked-to-one-instance")


class TestMerged:
    def test_shown(self) -> None:
        scene = Scene()
        invite = call(scene)
        one, other = to(scene, invite, "edge-1"), to(scene, invite, "edge-2")
        first = scene.forward(one, "phone")
        second = scene.forward(other, "phone")
        refused = scene.reply(second, 482)
        found = shows(scene, "merged-request")
        assert found.frames == (*first.frames, *second.frames, *refused.frames)

    def test_a_loop_is_another_482(self) -> None:
        scene = Scene()
        invite = call(scene)
        onward = scene.forward(invite, "other")
        again = scene.forward(onward, "registrar")
        scene.ack(scene.reply(again, 482))
        hides(scene, "merged-request")


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
