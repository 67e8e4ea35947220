"""One phone that gets a request twice: forked to two of its flows, or merged on the way."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import (
    AOR,
    INSTANCE,
    PHONE,
    hides,
    look,
    nearly,
    shows,
)
from tests.unit.explain.observed.findings.test_forks import call, to, two_flows
from tests.unit.explain.observed.support import Headers, Scene


class TestForkedToOneInstance:
    def test_shown(self) -> None:
        scene = two_flows()
        invite = call(scene)
        one, other = to(scene, invite, "edge-1"), to(scene, invite, "edge-2")
        scene.ack(scene.reply(other, 482))
        scene.back(scene.reply(one, 200))
        found = shows(scene, "forked-to-one-instance")
        assert found.frames == (*one.frames, *other.frames)

    @pytest.mark.parametrize(("after", "found"), [(0.4, True), (0.47, True), (0.52, False)])
    def test_so_soon_that_it_is_at_once(self, after: float, *, found: bool) -> None:
        scene = two_flows()
        invite = call(scene)
        to(scene, invite, "edge-1")
        scene.wait(after - 0.01)
        to(scene, invite, "edge-2")
        (shows if found else hides)(scene, "forked-to-one-instance")

    def test_the_first_was_answered_before(self) -> None:
        """As soon, but the first flow had failed: that is one after the other."""
        scene = two_flows()
        invite = call(scene)
        refused = scene.reply(to(scene, invite, "edge-1"), 480)
        to(scene, invite, "edge-2")
        scene.ack(refused)
        nearly(scene, "forked-to-one-instance")

    def test_the_first_was_answered_after(self) -> None:
        scene = two_flows()
        invite = call(scene)
        one = to(scene, invite, "edge-1")
        to(scene, invite, "edge-2")
        scene.ack(scene.reply(one, 480))
        shows(scene, "forked-to-one-instance")

    def test_one_flow_of_each_of_two_calls(self) -> None:
        """Two callers call at the same time, one Call-ID for both: they share no branch."""
        scene = two_flows()
        one = call(scene)
        other = scene.request("carol", "registrar", "INVITE", AOR)
        to(scene, one, "edge-1")
        to(scene, other, "edge-2")
        hides(scene, "forked-to-one-instance")

    def test_a_phone_calls_over_both_of_its_flows(self) -> None:
        """A caller's own two requests are not a fork."""
        scene = Scene()
        contact = (("Contact", f'<{PHONE}>;+sip.instance="<urn:uuid:1>"'),)
        for number, edge in enumerate(("edge-1", "edge-2"), 1):
            sent = scene.request("alice", edge, "INVITE", AOR, cseq=number)
            scene.reply(sent, 180, headers=contact)
        hides(scene, "forked-to-one-instance")

    def test_the_same_request_within_a_nat_and_outside(self) -> None:
        scene = Scene()
        onward = to(scene, call(scene), "edge-1")
        scene.place("behind")
        inner = scene.raw("registrar", "behind", onward.data)
        contact = (("Contact", f'<{PHONE}>;+sip.instance="<urn:uuid:1>"'),)
        for each in (onward, inner):
            scene.reply(each, 180, headers=contact)
        hides(scene, "forked-to-one-instance")

    @pytest.mark.parametrize("status", [180, 183, 200, 299])
    def test_any_answer_of_a_phone_tells(self, status: int) -> None:
        self.told(status, '+sip.instance="<urn:uuid:1>"')

    @pytest.mark.parametrize("status", [100, 302, 480])
    def test_other_answers_do_not(self, status: int) -> None:
        self.told(status, '+sip.instance="<urn:uuid:1>"', found=False)

    def test_phones_without_an_instance(self) -> None:
        self.told(180, "x", found=False)

    def told(self, status: int, param: str, *, found: bool = True) -> None:
        scene = Scene()
        invite = call(scene)
        contact = (("Contact", f"<{PHONE}>;{param}"),)
        for each in (to(scene, invite, "edge-1"), to(scene, invite, "edge-2")):
            scene.reply(each, status, headers=contact)
        (shows if found else hides)(scene, "forked-to-one-instance")

    def test_registered_as_two_users(self) -> None:
        """One phone with two accounts: both lines ring, as they should."""
        scene = Scene()
        for number, aor in enumerate((AOR, "sip:sales@example.com"), 1):
            contact = f"<{PHONE}>;reg-id={number};+sip.instance={INSTANCE};expires=600"
            headers: Headers = (("Contact", contact),)
            request = scene.request(
                f"edge-{number}",
                "registrar",
                "REGISTER",
                "sip:example.com",
                callee=aor,
                call_id=f"register-{number}",
                headers=headers,
            )
            scene.reply(request, 200, headers=(*headers, ("Require", "outbound")))
        invite = call(scene)
        to(scene, invite, "edge-1")
        to(scene, invite, "edge-2")
        hides(scene, "forked-to-one-instance")

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

    @pytest.mark.parametrize("status", [481, 483, 486, 200])
    def test_another_code(self, status: int) -> None:
        scene = Scene()
        invite = call(scene)
        one, other = to(scene, invite, "edge-1"), to(scene, invite, "edge-2")
        scene.forward(one, "phone")
        scene.reply(scene.forward(other, "phone"), status)
        hides(scene, "merged-request")

    def test_the_phone_had_it_once(self) -> None:
        scene = Scene()
        invite = call(scene)
        scene.forward(to(scene, invite, "edge-1"), "other-phone")
        scene.reply(scene.forward(to(scene, invite, "edge-2"), "phone"), 482)
        nearly(scene, "merged-request")

    def test_an_earlier_request_is_another_one(self) -> None:
        scene = Scene()
        scene.ack(scene.reply(scene.request("alice", "phone", "INVITE", AOR), 407))
        again = scene.request("alice", "edge-2", "INVITE", AOR, cseq=2)
        scene.reply(scene.forward(again, "phone"), 482)
        hides(scene, "merged-request")

    def test_who_hands_the_482_on(self) -> None:
        """The answer is told where it was made, not at every hop."""
        scene = Scene()
        invite = call(scene)
        one, other = to(scene, invite, "edge-1"), to(scene, invite, "edge-2")
        scene.forward(one, "phone")
        refused = scene.reply(scene.forward(other, "phone"), 482)
        scene.back(refused)
        assert shows(scene, "merged-request").facts["other"] == str(scene.place("edge-2"))

    def test_a_fork_is_told_instead(self) -> None:
        scene = two_flows()
        invite = call(scene)
        one, other = to(scene, invite, "edge-1"), to(scene, invite, "edge-2")
        scene.forward(one, "phone-1")
        scene.reply(scene.forward(other, "phone-1"), 482)
        assert [each.name for each in look(scene)] == ["forked-to-one-instance"]

    def test_a_loop_is_another_482(self) -> None:
        scene = Scene()
        invite = call(scene)
        onward = scene.forward(invite, "other")
        again = scene.forward(onward, "registrar")
        scene.ack(scene.reply(again, 482))
        hides(scene, "merged-request")
