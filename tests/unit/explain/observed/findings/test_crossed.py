"""CANCEL against 200."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import (
    AOR,
    healthy,
    hides,
    later,
    nearly,
    shows,
    talk,
)
from tests.unit.explain.observed.findings.test_dialogs import bye
from tests.unit.explain.observed.support import Scene

from ringway.capture.items import Seen


class TestCancelAgainstAnswer:
    def crossed(self, *, ending: bool) -> Scene:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.reply(invite, 180)
        scene.wait(10)
        cancel = scene.cancel(invite)
        ok = scene.reply(invite, 200)
        scene.reply(cancel, 200)
        scene.ack(ok)
        if ending:
            scene.reply(bye(scene, "alice", "bob"), 200)
        later(scene, 60)
        return scene

    def test_hung_up(self) -> None:
        scene = self.crossed(ending=True)
        shows(scene, "cancel-crossed-answer")
        healthy(scene)
        nearly(scene, "answered-call-left-open")

    def test_left_open(self) -> None:
        scene = self.crossed(ending=False)
        shows(scene, "answered-call-left-open")
        hides(scene, "cancel-crossed-answer")

    @pytest.mark.parametrize(("after", "found"), [(9.6, False), (10.3, True)])
    def test_how_long_it_was_open(self, after: float, *, found: bool) -> None:
        scene = self.crossed(ending=False)
        del scene.items[-2:]
        scene.now = scene.items[3].at
        later(scene, after)
        (shows if found else hides)(scene, "answered-call-left-open")

    @pytest.mark.parametrize(("before", "found"), [(0.45, True), (0.55, False)])
    @pytest.mark.parametrize("ending", [True, False])
    def test_how_close_they_crossed(self, before: float, *, found: bool, ending: bool) -> None:
        """The 200 was first: within half a second it had not arrived yet."""
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        ok = scene.reply(invite, 200)
        scene.wait(before - 0.01)
        scene.reply(scene.cancel(invite), 200)
        scene.ack(ok)
        if ending:
            scene.reply(bye(scene, "alice", "bob"), 200)
        later(scene, 60)
        name = "cancel-crossed-answer" if ending else "answered-call-left-open"
        (shows if found else hides)(scene, name)

    def test_acknowledged_on_another_way(self) -> None:
        """The proxy does not stay in: neither ACK nor BYE come by."""
        scene = self.crossed(ending=False)
        scene.items = [
            each
            for each in scene.items
            if not (isinstance(each, Seen) and b"\r\nCSeq: 1 ACK" in each.data)
        ]
        hides(scene, "answered-call-left-open")
        shows(scene, "cancel-crossed-answer")

    def test_not_even_acknowledged(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        cancel = scene.cancel(invite)
        ok = scene.reply(invite, 200)
        scene.reply(cancel, 200)
        for after in (0.5, 1, 2, 4, 4):
            scene.repeat(ok, after)
        later(scene, 60)
        shows(scene, "answered-call-left-open")

    def test_a_bye_that_came_before_is_another_one(self) -> None:
        scene = Scene()
        scene.reply(bye(scene, "alice", "bob"), 481)
        rest = self.crossed(ending=False)
        scene.items += [each._replace(at=each.at + 1) for each in rest.items]
        shows(scene, "answered-call-left-open")

    def test_the_capture_ended_too_early_to_tell(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        cancel = scene.cancel(invite)
        scene.ack(scene.reply(invite, 200))
        scene.reply(cancel, 200)
        hides(scene, "answered-call-left-open")

    def test_the_loser_of_a_fork_answers_too(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        desk, mobile = scene.forward(invite, "desk"), scene.forward(invite, "mobile")
        scene.ack(scene.back(scene.reply(desk, 200)))
        cancel = scene.cancel(mobile)
        scene.reply(mobile, 200)
        scene.reply(cancel, 200)
        later(scene, 60)
        hides(scene, "answered-call-left-open")
        hides(scene, "cancel-crossed-answer")

    def test_cancelled_long_after_the_answer(self) -> None:
        scene = Scene()
        invite, _ = talk(scene, ending=False)
        scene.wait(20)
        scene.reply(scene.cancel(invite), 481)
        later(scene, 60)
        hides(scene, "cancel-crossed-answer")
        hides(scene, "answered-call-left-open")

    def test_cancelled_in_time(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.reply(invite, 180)
        cancel = scene.cancel(invite)
        scene.reply(cancel, 200)
        scene.ack(scene.reply(invite, 487))
        later(scene, 60)
        nearly(scene, "cancel-crossed-answer")
        healthy(scene)
