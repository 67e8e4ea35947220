"""Requests that nobody answered: why that may be."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import (
    AOR,
    healthy,
    hides,
    later,
    look,
    nearly,
    register,
    shows,
)
from tests.unit.explain.observed.support import Scene

from ringway.capture.items import Seen


def repeated(scene: Scene, seen: Seen, times: int = 5) -> Seen:
    """Send a request as its timer does, so many times in all."""
    for number in range(times - 1):
        scene.repeat(seen, 0.5 * 2**number)
    return seen


class TestSilent:
    def test_shown(self) -> None:
        scene = Scene()
        invite = repeated(scene, scene.request("alice", "bob", "INVITE", AOR))
        found = shows(scene, "silent-callee")
        assert len(found.frames) == 5
        assert found.frames[0] == invite.frames[0]
        assert found.facts["seconds"] == "7.5"

    def test_behind_a_proxy_it_is_the_last_hop(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        scene.reply(invite, 100)
        repeated(scene, scene.forward(invite, "bob"))
        found = shows(scene, "silent-callee")
        assert found.facts["target"] == str(scene.place("bob"))

    def test_behind_a_proxy_that_keeps_no_state(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        onward = scene.forward(invite, "bob")
        for number in range(4):
            scene.repeat(invite, 0.5 * 2**number)
            scene.repeat(onward, 0.02)
        assert shows(scene, "silent-callee").facts["target"] == str(scene.place("bob"))

    def test_each_place_is_told_once(self) -> None:
        scene = Scene()
        for number in (1, 2):
            repeated(scene, scene.request("alice", "bob", "OPTIONS", AOR, cseq=number))
        assert shows(scene, "silent-callee").frames == (1, 2, 3, 4, 5)

    def test_nobody_answers_an_ack(self) -> None:
        scene = Scene()
        ok = scene.reply(scene.request("alice", "bob", "INVITE", AOR), 200)
        repeated(scene, scene.ack(ok, target="somewhere"))
        hides(scene, "silent-callee")

    def test_over_a_connection_the_proxy_gives_up(self) -> None:
        scene = Scene(transport="tcp")
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        scene.reply(invite, 100)
        onward = scene.forward(invite, "bob")
        scene.wait(32)
        scene.ack(scene.reply(invite, 408))
        assert shows(scene, "silent-callee").frames == onward.frames

    def test_the_caller_would_not_wait(self) -> None:
        scene = Scene(transport="tcp")
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.wait(1)
        scene.cancel(invite)
        later(scene, 60)
        hides(scene, "silent-callee")

    def test_what_is_not_repeated_was_answered(self) -> None:
        scene = Scene()
        scene.request("alice", "bob", "INVITE", AOR)
        later(scene, 60)
        hides(scene, "silent-callee")

    def test_over_a_connection_without_a_sign(self) -> None:
        scene = Scene(transport="tcp")
        scene.request("alice", "bob", "INVITE", AOR)
        later(scene, 300)
        hides(scene, "silent-callee")

    def test_half_a_capture(self) -> None:
        scene = Scene(transport="tcp")
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.wait(30)
        scene.cancel(invite)
        scene.request("alice", "bob", "ACK", AOR, to_tag="known")
        hides(scene, "silent-callee")
        shows(scene, "one-direction-only")

    def test_in_the_middle_of_a_call(self) -> None:
        scene = Scene()
        repeated(scene, scene.request("alice", "bob", "BYE", AOR, to_tag="known"))
        shows(scene, "silent-callee")

    def test_answered_late(self) -> None:
        scene = Scene()
        invite = repeated(scene, scene.request("alice", "bob", "INVITE", AOR))
        scene.ack(scene.reply(invite, 200))
        nearly(scene, "silent-callee")

    @pytest.mark.parametrize(("times", "found"), [(3, False), (4, True)])
    def test_how_often(self, times: int, *, found: bool) -> None:
        scene = Scene()
        repeated(scene, scene.request("alice", "bob", "INVITE", AOR), times)
        (shows if found else hides)(scene, "silent-callee")

    @pytest.mark.parametrize("method", ["ACK", "CANCEL"])
    def test_what_others_tell(self, method: str) -> None:
        """A CANCEL goes where its INVITE went."""
        scene = Scene()
        repeated(scene, scene.request("alice", "bob", method, AOR))
        hides(scene, "silent-callee")

    @pytest.mark.parametrize("status", [408, 480, 500, 503, 504])
    @pytest.mark.parametrize(("after", "found"), [(2.9, False), (3.1, True)])
    def test_how_a_proxy_gives_up(self, status: int, after: float, *, found: bool) -> None:
        scene = Scene(transport="tcp")
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        scene.forward(invite, "bob")
        scene.wait(after - 0.01)
        scene.ack(scene.reply(invite, status, headers=(("Retry-After", "9"),)))
        (shows if found else hides)(scene, "silent-callee")

    @pytest.mark.parametrize("status", [404, 407, 409, 481, 486, 502, 505, 603])
    def test_how_it_does_not(self, status: int) -> None:
        scene = Scene(transport="tcp")
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        scene.forward(invite, "bob")
        scene.wait(30)
        scene.ack(scene.reply(invite, status))
        hides(scene, "silent-callee")

    def test_the_caller_waited_long(self) -> None:
        scene = Scene(transport="tcp")
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.wait(10)
        scene.cancel(invite)
        later(scene, 60)
        assert shows(scene, "silent-callee").facts["seconds"] == "10"

    def test_it_rings_out_of_sight(self) -> None:
        """What goes to bob is captured, what comes back is not; upstream it rings."""
        scene = Scene(transport="tcp")
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        onward = scene.forward(invite, "bob")
        scene.back(scene.reply(onward, 180))
        scene.items = [each for each in scene.items if each.frames != (3,)]
        scene.wait(30)
        scene.ack(scene.reply(invite, 480))
        hides(scene, "silent-callee")

    def test_the_other_branch_rings(self) -> None:
        """It rings at the desk; bob's phone is silent all the same."""
        scene = Scene(transport="tcp")
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        scene.forward(invite, "bob")
        desk = scene.forward(invite, "desk")
        scene.back(scene.reply(desk, 180))
        scene.wait(30)
        scene.ack(scene.reply(desk, 480))
        scene.ack(scene.reply(invite, 480))
        assert shows(scene, "silent-callee").facts["target"] == str(scene.place("bob"))

    def test_two_places(self) -> None:
        scene = Scene()
        for place in ("bob", "desk"):
            repeated(scene, scene.request("alice", place, "OPTIONS", AOR))
        assert len(look(scene)) == 2


class TestUndeliverable:
    def test_shown(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.unreachable("alice", "bob")
        found = shows(scene, "undeliverable")
        assert found.frames == (*invite.frames, invite.frames[0] + 1)
        assert found.facts["reason"] == "port unreachable"
        hides(scene, "silent-callee")

    @pytest.mark.parametrize(("after", "found"), [(31, True), (33, False)])
    def test_how_soon_the_network_says_so(self, after: float, *, found: bool) -> None:
        """Later it speaks of something else."""
        scene = Scene()
        scene.request("alice", "bob", "INVITE", AOR)
        scene.wait(after - 0.01)
        scene.unreachable("alice", "bob")
        (shows if found else hides)(scene, "undeliverable")

    def test_the_network_said_so_before(self) -> None:
        scene = Scene()
        scene.unreachable("alice", "bob")
        scene.request("alice", "bob", "INVITE", AOR)
        hides(scene, "undeliverable")

    def test_it_was_answered_all_the_same(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.unreachable("alice", "bob")
        scene.repeat(invite, 0.5)
        scene.ack(scene.reply(invite, 200))
        nearly(scene, "undeliverable")

    def test_the_address_was_registered(self) -> None:
        scene = Scene()
        register(scene, "phone", reg_id=1)
        scene.wait(600)
        invite = scene.request("alice", "edge", "INVITE", AOR)
        scene.forward(invite, "phone")
        scene.unreachable("edge", "phone")
        hides(scene, "undeliverable")
        shows(scene, "flow-died-unnoticed")


class TestNoProgress:
    def test_shown(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        trying = scene.reply(invite, 100)
        scene.wait(30)
        cancel = scene.cancel(invite)
        scene.reply(cancel, 200)
        end = scene.reply(invite, 487)
        scene.ack(end)
        found = shows(scene, "no-progress")
        assert found.frames == tuple(
            frame for each in (invite, trying, cancel, end) for frame in each.frames
        )

    @pytest.mark.parametrize(("after", "found"), [(19.9, False), (20.2, True)])
    def test_how_long(self, after: float, *, found: bool) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.reply(invite, 100)
        scene.wait(after - 0.02)
        scene.reply(scene.cancel(invite), 200)
        scene.ack(scene.reply(invite, 487))
        (shows if found else hides)(scene, "no-progress")

    @pytest.mark.parametrize("status", [408, 407, 409, 480, 504])
    def test_how_it_ends(self, status: int) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.reply(invite, 100)
        scene.wait(30)
        scene.ack(scene.reply(invite, status))
        (shows if status == 408 else hides)(scene, "no-progress")

    def test_whoever_waits_behind_it_is_told(self) -> None:
        """The proxy has sent it on: where it went, it got stuck."""
        scene = Scene()
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        scene.reply(invite, 100)
        onward = scene.forward(invite, "bob")
        scene.reply(onward, 100)
        scene.wait(30)
        for each in (invite, onward):
            scene.reply(scene.cancel(each), 200)
            scene.ack(scene.reply(each, 487))
        found = shows(scene, "no-progress")
        assert found.facts["target"] == str(scene.place("bob"))
        assert found.facts["seconds"] == "30"

    def test_other_requests_may_take_their_time(self) -> None:
        scene = Scene()
        sent = scene.request("alice", "bob", "SUBSCRIBE", AOR)
        scene.reply(sent, 100)
        scene.wait(30)
        scene.reply(sent, 408)
        hides(scene, "no-progress")

    def test_it_rang(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.reply(invite, 100)
        scene.reply(invite, 180)
        scene.wait(30)
        scene.reply(scene.cancel(invite), 200)
        scene.ack(scene.reply(invite, 487))
        nearly(scene, "no-progress")
        healthy(scene)

    def test_the_caller_was_quick(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.reply(invite, 100)
        scene.wait(5)
        scene.reply(scene.cancel(invite), 200)
        scene.ack(scene.reply(invite, 487))
        hides(scene, "no-progress")
        healthy(scene)
