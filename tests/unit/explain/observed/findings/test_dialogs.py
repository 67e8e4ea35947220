"""Route sets that were ignored, ACKs that never came, CANCEL against 200."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import AOR, healthy, hides, later, shows, talk
from tests.unit.explain.observed.support import Headers, Scene

from ringway.capture.items import Seen

ROUTE = "<sip:192.0.2.2;lr>"


def through_a_proxy(scene: Scene) -> tuple[Seen, Seen]:
    """Let alice call bob through a proxy that stays in; return the INVITE bob got, and his 200."""
    invite = scene.request(
        "alice", "proxy", "INVITE", AOR, headers=(("Contact", "<sip:alice@192.0.2.1>"),)
    )
    scene.reply(invite, 100)
    onward = scene.forward(invite, "bob", headers=(("Record-Route", ROUTE),))
    ok = scene.reply(onward, 200, headers=(("Contact", "<sip:bob@192.0.2.3>"),))
    return onward, ok


def bye(scene: Scene, source: str, target: str, headers: Headers = ()) -> Seen:
    ends = ("alice", "bob")
    other = ends[source == "alice"]
    uris = {"alice": "sip:alice@example.com", "bob": AOR}
    return scene.request(
        source,
        target,
        "BYE",
        f"sip:{other}@{scene.place(other).host}",
        caller=uris[source],
        callee=uris[other],
        to_tag=f"{other}-tag",
        cseq=2,
        headers=headers,
    )


class TestRouteIgnored:
    @pytest.mark.parametrize("status", [404, 481])
    def test_bye_of_the_called(self, status: int) -> None:
        scene = Scene()
        onward, ok = through_a_proxy(scene)
        scene.ack(scene.back(ok), headers=(("Route", ROUTE),))
        ending = bye(scene, "bob", "alice")
        answer = scene.reply(ending, status)
        found = shows(scene, "route-ignored")
        assert found.frames == (*onward.frames, *ending.frames, *answer.frames)
        assert (found.status, found.facts["method"]) == (status, "BYE")

    def test_bye_of_the_caller_that_nobody_hears(self) -> None:
        scene = Scene()
        _, ok = through_a_proxy(scene)
        back = scene.back(ok)
        scene.ack(back, headers=(("Route", ROUTE),))
        ending = bye(scene, "alice", "bob")
        scene.repeat(ending)
        scene.repeat(ending, 1)
        found = shows(scene, "route-ignored")
        assert found.frames == (*back.frames, *ending.frames)

    def test_ack(self) -> None:
        scene = Scene()
        _, ok = through_a_proxy(scene)
        back = scene.back(ok)
        ack = scene.ack(back, target="somewhere")
        scene.repeat(back)
        scene.repeat(back, 1)
        found = shows(scene, "route-ignored")
        assert found.frames == (*back.frames, *ack.frames)
        assert found.facts["method"] == "ACK"

    def test_the_route_set_was_used(self) -> None:
        scene = Scene()
        _, ok = through_a_proxy(scene)
        scene.ack(scene.back(ok), headers=(("Route", ROUTE),))
        scene.reply(bye(scene, "alice", "proxy", (("Route", ROUTE),)), 481)
        hides(scene, "route-ignored")

    def test_no_proxy_stayed_in(self) -> None:
        scene = Scene()
        talk(scene, ending=False)
        scene.reply(bye(scene, "alice", "bob"), 481)
        hides(scene, "route-ignored")

    def test_behind_the_proxy_the_route_is_used_up(self) -> None:
        scene = Scene()
        _, ok = through_a_proxy(scene)
        scene.ack(scene.back(ok), headers=(("Route", ROUTE),))
        ending = bye(scene, "alice", "proxy", (("Route", ROUTE),))
        onward = scene.forward(ending, "bob", drop=("route",))
        scene.back(scene.reply(onward, 481))
        hides(scene, "route-ignored")

    def test_a_strict_router_stands_in_the_request_uri(self) -> None:
        scene = Scene()
        _, ok = through_a_proxy(scene)
        scene.ack(scene.back(ok), headers=(("Route", ROUTE),))
        ending = scene.request(
            "alice", "proxy", "BYE", "sip:192.0.2.2", callee=AOR, to_tag="bob-tag", cseq=2
        )
        scene.reply(ending, 481)
        hides(scene, "route-ignored")

    def test_it_is_told_once(self) -> None:
        scene = Scene()
        _, ok = through_a_proxy(scene)
        scene.ack(scene.back(ok), headers=(("Route", ROUTE),))
        for _ in range(2):
            scene.reply(bye(scene, "alice", "bob"), 481)
        shows(scene, "route-ignored")

    @pytest.mark.parametrize("status", [200, 401, 407])
    def test_it_worked_all_the_same(self, status: int) -> None:
        scene = Scene()
        _, ok = through_a_proxy(scene)
        scene.ack(scene.back(ok))
        scene.reply(bye(scene, "alice", "bob"), status)
        hides(scene, "route-ignored")


class TestAckMissing:
    def test_shown(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        ok = scene.reply(invite, 200)
        copies = [ok, scene.repeat(ok), scene.repeat(ok, 1), scene.repeat(ok, 2)]
        found = shows(scene, "ack-missing")
        assert found.frames == tuple(frame for each in copies for frame in each.frames)
        assert found.facts["times"] == "4"

    def test_it_came_on_another_hop(self) -> None:
        scene = Scene()
        _, ok = through_a_proxy(scene)
        scene.repeat(ok)
        scene.repeat(ok, 1)
        scene.ack(scene.back(ok), headers=(("Route", ROUTE),))
        hides(scene, "ack-missing")

    def test_the_ack_to_another_answer_is_none(self) -> None:
        scene = Scene()
        talk(scene, ending=False)
        again = scene.request("alice", "bob", "INVITE", AOR, to_tag="bob-tag", cseq=2, headers=())
        ok = scene.reply(again, 200)
        scene.repeat(ok)
        scene.repeat(ok, 1)
        shows(scene, "ack-missing")
        hides(scene, "ack-lost")

    def test_ringing_may_be_told_again(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        ringing = scene.reply(invite, 180)
        for _ in range(3):
            scene.repeat(ringing, 60)
        scene.ack(scene.reply(invite, 200))
        healthy(scene)

    def test_one_packet_captured_twice(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        ok = scene.reply(invite, 200)
        for _ in range(3):
            scene.repeat(ok, 0.03)
        hides(scene, "ack-missing")


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

    def test_left_open(self) -> None:
        scene = self.crossed(ending=False)
        shows(scene, "answered-call-left-open")
        hides(scene, "cancel-crossed-answer")

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
        hides(scene, "cancel-crossed-answer")
        healthy(scene)
