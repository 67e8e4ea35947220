"""Redirects that were followed longer than they held."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import AOR, healthy, hides, later, nearly, shows
from tests.unit.explain.observed.findings.test_redirects import MOBILE, follow, redirect
from tests.unit.explain.observed.support import Scene


class TestRemembered:
    def test_shown(self) -> None:
        scene = Scene()
        invite, moved = redirect(scene)
        follow(scene)
        scene.wait(600)
        again = follow(scene, call_id="second", cseq=1)
        found = shows(scene, "redirect-cached")
        assert found.status == 302
        assert found.frames == (*invite.frames, *moved.frames, *again.frames)

    def test_asked_again(self) -> None:
        scene = Scene()
        redirect(scene)
        follow(scene)
        scene.wait(600)
        redirect(scene, call_id="second")
        follow(scene, call_id="second")
        later(scene, 20)
        healthy(scene)
        nearly(scene, "redirect-cached")

    def test_dialled_directly(self) -> None:
        scene = Scene()
        redirect(scene)
        follow(scene)
        scene.wait(600)
        scene.ack(
            scene.reply(scene.request("alice", "mobile", "INVITE", MOBILE, call_id="second"), 200)
        )
        hides(scene, "redirect-cached")

    def test_a_301_may_be_remembered(self) -> None:
        scene = Scene()
        redirect(scene, status=301)
        follow(scene)
        scene.wait(600)
        follow(scene, call_id="second", cseq=1)
        hides(scene, "redirect-cached")

    def test_within_its_time(self) -> None:
        scene = Scene()
        redirect(scene, expires="3600")
        follow(scene)
        scene.wait(600)
        follow(scene, call_id="second", cseq=1)
        later(scene, 20)
        nearly(scene, "redirect-cached-too-long")
        healthy(scene)

    def test_after_its_time(self) -> None:
        scene = Scene()
        redirect(scene, expires="60")
        follow(scene)
        scene.wait(600)
        follow(scene, call_id="second", cseq=1)
        found = shows(scene, "redirect-cached-too-long")
        assert found.facts["expires"] == "60"

    @pytest.mark.parametrize(("age", "found"), [(60, False), (63, False), (67, True)])
    def test_a_little_late(self, age: float, *, found: bool) -> None:
        scene = Scene()
        _, moved = redirect(scene, expires="60")
        follow(scene)
        scene.now = moved.at + age
        follow(scene, call_id="second", cseq=1)
        (shows if found else hides)(scene, "redirect-cached-too-long")

    def test_each_contact_may_say_it(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "server", "INVITE", AOR)
        other = "<sip:bob@home.example.net>;expires=70"
        told = (("Contact", f"<{MOBILE}>;expires=900, {other}"), ("Expires", "60"))
        scene.ack(scene.reply(invite, 302, headers=told))
        follow(scene)
        scene.wait(600)
        follow(scene, call_id="second", cseq=1)
        hides(scene, "redirect-cached-too-long")

    def test_each_call_has_a_call_id_of_its_own(self) -> None:
        """Asked and followed, twice; then called without being asked."""
        scene = Scene()
        for number in range(3):
            if number < 2:
                redirect(scene, call_id=f"asked-{number}")
            follow(scene, call_id=f"followed-{number}", cseq=1)
            if number < 2:
                hides(scene, "redirect-cached")
            scene.wait(600)
        assert shows(scene, "redirect-cached").facts["seconds"] == "600"

    def test_asked_once_more_and_told_for_how_long(self) -> None:
        """The newer redirect counts."""
        scene = Scene()
        redirect(scene)
        follow(scene)
        scene.wait(600)
        redirect(scene, call_id="second", expires="3600")
        follow(scene, call_id="second")
        scene.wait(600)
        follow(scene, call_id="third", cseq=1)
        hides(scene, "redirect-cached")
        hides(scene, "redirect-cached-too-long")

    def test_another_client_has_its_own_memory(self) -> None:
        scene = Scene()
        redirect(scene)
        follow(scene)
        scene.wait(600)
        other = scene.request("carol", "mobile", "INVITE", MOBILE, callee=AOR, call_id="second")
        scene.ack(scene.reply(other, 200))
        hides(scene, "redirect-cached")

    def test_a_call_for_somebody_else(self) -> None:
        scene = Scene()
        redirect(scene)
        follow(scene)
        scene.wait(600)
        other = scene.request(
            "alice", "mobile", "INVITE", MOBILE, callee="sip:mary@example.com", call_id="second"
        )
        scene.ack(scene.reply(other, 200))
        hides(scene, "redirect-cached")

    def test_the_same_user_elsewhere(self) -> None:
        scene = Scene()
        redirect(scene)
        follow(scene)
        scene.wait(600)
        follow(scene, "sip:bob@third.example.net", call_id="second", cseq=1)
        hides(scene, "redirect-cached")

    def test_one_contact_after_the_other(self) -> None:
        """The second rings once the first has rung out: it is still the same redirect."""
        scene = Scene()
        invite = scene.request("alice", "server", "INVITE", AOR)
        both = (("Contact", f"<{MOBILE}>"), ("Contact", "<sip:bob@home.example.net>"))
        scene.ack(scene.reply(invite, 302, headers=both))
        follow(scene, call_id="first", cseq=1)
        scene.wait(60)
        follow(scene, "sip:bob@home.example.net", call_id="second", cseq=1)
        hides(scene, "redirect-cached")
        scene.wait(60)
        follow(scene, call_id="third", cseq=1)
        shows(scene, "redirect-cached")
