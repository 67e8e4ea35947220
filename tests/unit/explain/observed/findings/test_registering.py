"""Agents that register too often, or not again after their flow was lost."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import (
    INSTANCE,
    PHONE,
    healthy,
    hides,
    later,
    register,
    shows,
)
from tests.unit.explain.observed.support import Scene

from ringway.explain.observed.findings import registering


class TestNotAgain:
    def lost(self, *, transport: str = "tcp", reg_id: int = 1, contact: str = PHONE) -> Scene:
        scene = Scene(transport=transport)
        scene.opened("phone", "edge")
        register(scene, "phone", reg_id=reg_id, contact=contact)
        scene.wait(60)
        scene.closed("edge", "phone", "reset")
        return scene

    def test_shown(self) -> None:
        scene = self.lost()
        later(scene, 120)
        found = shows(scene, "not-reregistered")
        assert found.frames == (2, 3, 4)
        assert found.facts["by"] == str(scene.place("edge"))

    @pytest.mark.parametrize("transport", ["ws", "wss"])
    def test_a_browser(self, transport: str) -> None:
        scene = self.lost(transport=transport, reg_id=0)
        later(scene, 120)
        shows(scene, "not-reregistered")

    def test_it_came_again(self) -> None:
        scene = self.lost()
        scene.wait(2)
        scene.opened("phone-new", "edge")
        register(scene, "phone-new", reg_id=1, cseq=2)
        later(scene, 120)
        healthy(scene)

    def test_it_tried_in_vain(self) -> None:
        scene = self.lost()
        scene.wait(2)
        register(scene, "phone-new", reg_id=1, cseq=2, status=500)
        later(scene, 120)
        hides(scene, "not-reregistered")

    def test_the_other_flow_is_none_of_it(self) -> None:
        scene = self.lost()
        scene.wait(2)
        register(scene, "phone-two", "edge-2", reg_id=2, call_id="other")
        later(scene, 120)
        shows(scene, "not-reregistered")

    def test_too_early_to_tell(self) -> None:
        scene = self.lost()
        later(scene, 20)
        healthy(scene)

    def test_what_is_forgotten_is_not_judged(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(registering, "_AGENTS", 1)
        scene = self.lost()
        scene.wait(2)
        register(scene, "phone-new", reg_id=1, cseq=2, status=500)
        scene.wait(100)
        for number in range(3):
            register(scene, f"else-{number}", call_id=f"else-{number}")
        later(scene, 120)
        hides(scene, "not-reregistered")

    def test_it_had_taken_its_leave(self) -> None:
        scene = Scene(transport="tcp")
        scene.opened("phone", "edge")
        register(scene, "phone", reg_id=1)
        register(scene, "phone", reg_id=1, expires=0, cseq=2)
        scene.closed("phone", "edge")
        later(scene, 120)
        healthy(scene)

    def test_a_phone_that_listens_needs_no_flow(self) -> None:
        scene = self.lost(reg_id=0, contact="sip:bob@192.0.2.50:5060")
        later(scene, 120)
        healthy(scene)

    def test_a_phone_whose_contact_was_its_connection(self) -> None:
        scene = self.lost(reg_id=0, contact="sip:bob@192.0.2.1:5060;transport=tcp")
        later(scene, 120)
        shows(scene, "not-reregistered")


class TestStorm:
    def storm(self, times: int, apart: float, status: int = 500, expires: int = 3600) -> Scene:
        scene = Scene()
        for number in range(times):
            register(scene, "phone", reg_id=1, status=status, cseq=number + 1, expires=expires)
            scene.wait(apart)
        return scene

    def test_shown(self) -> None:
        scene = self.storm(8, 1)
        found = shows(scene, "registration-storm")
        assert len(found.frames) == 16
        assert found.facts["times"] == "8"
        assert found.status == 500

    def test_though_it_succeeds(self) -> None:
        shows(self.storm(6, 0.5, 200), "registration-storm")

    def test_five_are_none(self) -> None:
        healthy(self.storm(5, 1))

    def test_as_slow_as_the_rule_says(self) -> None:
        healthy(self.storm(20, 30))

    def test_a_short_expiry_wants_it(self) -> None:
        healthy(self.storm(20, 5, 200, expires=10))

    def test_many_phones_of_one_user(self) -> None:
        scene = Scene()
        for number in range(8):
            register(scene, f"phone-{number}")
        healthy(scene)

    def test_challenges_are_not_counted(self) -> None:
        scene = Scene()
        for number in range(5):
            register(scene, "phone", reg_id=1, status=401, cseq=2 * number + 1)
            again = scene.request(
                "phone",
                "edge",
                "REGISTER",
                "sip:example.com",
                caller="sip:bob@example.com",
                callee="sip:bob@example.com",
                call_id="register-phone-edge",
                cseq=2 * number + 2,
                headers=(
                    ("Contact", f"<sip:bob@x>;reg-id=1;+sip.instance={INSTANCE}"),
                    ("Authorization", 'Digest realm="x", nonce="n", response="0"'),
                ),
            )
            scene.reply(again, 200)
            scene.wait(5)
        hides(scene, "registration-storm")
