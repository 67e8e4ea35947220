"""Copies that somebody sent, and copies of one packet."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import AOR, healthy, hides, shows
from tests.unit.explain.observed.findings.test_look import conversation
from tests.unit.explain.observed.support import Scene

from ringway.explain.observed.findings.copies import Copies
from ringway.explain.observed.findings.look import messages


def sent(scene: Scene, number: int = 0) -> list[float]:
    """Return when a message of a scene was sent, in seconds after the first copy."""
    sights = messages(conversation(scene))
    at = sights[number].at
    return [round(each.at - at, 2) for each in Copies(sights).sent(sights[number])]


def copied(*after: float) -> Scene:
    """An INVITE at these times; then, if it was answered, all that follows twice."""
    scene = Scene()
    invite = scene.request("alice", "bob", "INVITE", AOR)
    for one, other in zip((0.0, *after), after, strict=False):
        scene.repeat(invite, round(other - one, 3))
    return scene


def with_answers(skew: float, *, trying: bool = True, times: int = 2) -> Scene:
    """A call that two observers saw, whose clocks differ."""
    scene = Scene()
    invite = scene.request("alice", "bob", "INVITE", AOR)
    said = [scene.reply(invite, 100)] if trying else []
    said.append(scene.reply(invite, 200))
    said.append(scene.ack(said[-1]))
    began = scene.now
    for time in range(1, times):
        scene.now = began + time * skew
        for seen in (invite, *said):
            scene.repeat(seen, 0.01)
    return scene


class TestTimers:
    @pytest.mark.parametrize(
        ("after", "kept"),
        [
            ((), [0]),
            ((0.1,), [0]),
            ((0.29,), [0]),
            ((0.31, 0.93, 2.2), [0, 0.31, 0.93, 2.2]),
            ((0.2, 0.4), [0, 0.4]),
            ((0.5, 1.5, 3.5), [0, 0.5, 1.5, 3.5]),
            ((0.5, 1.5, 3.5, 7.5, 11.5, 15.5), [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5]),
            ((0.5, 0.55, 1.5, 1.55), [0, 0.5, 1.5]),
        ],
    )
    def test_a_request(self, after: tuple[float, ...], kept: list[float]) -> None:
        assert sent(copied(*after)) == kept

    @pytest.mark.parametrize("skew", [0.9, 1.2, 2.2, 3.1])
    def test_a_request_that_two_saw_and_nobody_answered(self, skew: float) -> None:
        times = [0.0, 0.5, 1.5]
        both = sorted([*times[1:], *[skew + each for each in times]])
        assert sent(copied(*both)) == times

    def test_echoes_that_do_not_fit(self) -> None:
        """A copy that has none is a copy."""
        assert sent(copied(0.5, 0.9, 1.4, 2.9)) == [0, 0.5, 0.9, 1.4, 2.9]


class TestTwoObservers:
    @pytest.mark.parametrize("skew", [0.35, 0.5, 0.9, 2.2, 3.1, 30.0])
    def test_everything_comes_in_pairs(self, skew: float) -> None:
        scene = with_answers(skew)
        for number in range(4):
            assert sent(scene, number) == [0]
        healthy(scene)

    def test_a_timer_may_be_why(self) -> None:
        """OPTIONS and its answer twice, 0.5 s apart: that is how it looks if the first is lost."""
        scene = Scene()
        options = scene.request("alice", "bob", "OPTIONS", AOR)
        ok = scene.reply(options, 200)
        scene.repeat(options, 0.51)
        scene.repeat(ok, 0.01)
        shows(scene, "response-lost")

    def test_no_timer_is_why(self) -> None:
        scene = Scene()
        options = scene.request("alice", "bob", "OPTIONS", AOR)
        ok = scene.reply(options, 200)
        scene.repeat(options, 0.91)
        scene.repeat(ok, 0.01)
        healthy(scene)

    def test_one_message_came_once(self) -> None:
        scene = with_answers(0.9)
        scene.items.pop()
        assert sent(scene) == [0, 0.94]
        shows(scene, "response-lost")

    def test_pairs_of_different_widths(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        trying = scene.reply(invite, 100)
        for seen, after in ((invite, 0.9), (trying, 0.4)):
            scene.repeat(seen, after)
        assert sent(scene) == [0, 0.91]

    def test_most_pairs_of_one_width(self) -> None:
        """Two come as their timers want it, the third has another reason."""
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        trying, ok = scene.reply(invite, 100), scene.reply(invite, 200)
        for seen, at in ((invite, 0.5), (trying, 0.51), (ok, 1.2)):
            scene.now = invite.at + at
            scene.repeat(seen, 0.01)
        assert sent(scene) == [0, 0.51]

    def test_all_of_it_three_times(self) -> None:
        """Nothing gets back, so all is sent again and again: that is loss."""
        scene = with_answers(1.0, times=4)
        assert len(sent(scene)) == 4
        shows(scene, "response-lost")

    def test_a_repeat_among_pairs(self) -> None:
        """The request was sent twice, and two saw both; the rest came in pairs."""
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.repeat(invite, 0.5)
        said = [scene.reply(invite, 100), scene.reply(invite, 180), scene.reply(invite, 200)]
        began = scene.now
        for seen, at in ((invite, 2.0), (invite, 2.5)):
            scene.now = began - 0.53 + at
            scene.raw("alice", "bob", seen.data)
        for seen in said:
            scene.raw("bob", "alice", seen.data)
        assert sent(scene) == [0, 0.5]
        hides(scene, "response-lost")

    def test_other_hosts_have_clocks_of_their_own(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        trying = scene.reply(invite, 100)
        onward = scene.forward(invite, "bob")
        scene.reply(onward, 100)
        scene.repeat(invite, 0.9)
        scene.repeat(trying, 0.01)
        scene.repeat(onward, 0.1)
        assert sent(scene) == [0]
        assert sent(scene, 2) == [0, 1.02]
