"""Route sets that were ignored, ACKs that never came."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import AOR, healthy, hides, nearly, shows, talk
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
        for source in ("bob", "alice"):
            scene.reply(bye(scene, source, "proxy", (("Route", ROUTE),)), 481)
        nearly(scene, "route-ignored")

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

    def test_an_ack_that_arrived(self) -> None:
        """It has no Route, but the 200 is not sent again; a later 200 is another one."""
        scene = Scene()
        _, ok = through_a_proxy(scene)
        back = scene.back(ok)
        scene.ack(back, target="somewhere")
        again = scene.request("alice", "proxy", "INVITE", AOR, to_tag="bob-tag", cseq=2)
        second = scene.reply(again, 200)
        scene.ack(second, headers=(("Route", ROUTE),))
        scene.wait(10)
        hides(scene, "route-ignored")

    def test_an_ack_to_another_answer(self) -> None:
        """The answer of another phone of the fork is sent again, not the one it is for."""
        scene = Scene()
        onward, ok = through_a_proxy(scene)
        back = scene.back(ok)
        scene.ack(back, target="somewhere")
        other = scene.back(scene.reply(onward, 200, to_tag="desk-tag"))
        scene.repeat(other, 1)
        scene.repeat(other, 1)
        hides(scene, "route-ignored")

    def test_an_ack_to_an_earlier_invite(self) -> None:
        """What is sent again is the answer to the next one."""
        scene = Scene()
        _, ok = through_a_proxy(scene)
        scene.ack(scene.back(ok), target="somewhere")
        again = scene.request("alice", "proxy", "INVITE", AOR, to_tag="bob-tag", cseq=2)
        second = scene.reply(again, 200)
        scene.repeat(second, 1)
        scene.repeat(second, 1)
        scene.ack(second, headers=(("Route", ROUTE),))
        hides(scene, "route-ignored")

    @pytest.mark.parametrize("status", [180, 183, 200])
    def test_every_answer_of_a_dialog_tells_the_route_set(self, status: int) -> None:
        scene = Scene()
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        onward = scene.forward(invite, "bob", headers=(("Record-Route", ROUTE),))
        scene.back(scene.reply(onward, status))
        prack = scene.request("alice", "bob", "PRACK", AOR, to_tag="bob-tag", cseq=2)
        scene.reply(prack, 481)
        assert shows(scene, "route-ignored").facts["method"] == "PRACK"

    def test_a_repeat_was_on_its_way(self) -> None:
        scene = Scene()
        _, ok = through_a_proxy(scene)
        back = scene.back(ok)
        scene.ack(back, target="somewhere")
        scene.repeat(back, 0.45)
        hides(scene, "route-ignored")

    @pytest.mark.parametrize("status", [404, 408, 480, 481])
    def test_what_those_say_who_do_not_know_the_call(self, status: int) -> None:
        self.refused(status, found=True)

    @pytest.mark.parametrize("status", [403, 405, 407, 409, 479, 482, 486, 500])
    def test_what_others_say(self, status: int) -> None:
        self.refused(status, found=False)

    def refused(self, status: int, *, found: bool) -> None:
        scene = Scene()
        _, ok = through_a_proxy(scene)
        scene.ack(scene.back(ok), headers=(("Route", ROUTE),))
        ending = bye(scene, "bob", "alice")
        scene.reply(ending, 100)
        scene.reply(ending, status)
        (shows if found else hides)(scene, "route-ignored")

    @pytest.mark.parametrize(("times", "found"), [(1, False), (2, True)])
    def test_how_often_nobody_answers(self, times: int, *, found: bool) -> None:
        scene = Scene()
        _, ok = through_a_proxy(scene)
        scene.ack(scene.back(ok), headers=(("Route", ROUTE),))
        ending = bye(scene, "bob", "alice")
        for number in range(times):
            scene.repeat(ending, 0.5 * 2**number)
        (shows if found else hides)(scene, "route-ignored")

    def test_to_a_proxy_of_the_route_set(self) -> None:
        """A strict router is named in the Request-URI; any of them may be."""
        scene = Scene()
        two = (("Record-Route", f"<sip:192.0.2.9;lr>, {ROUTE}"),)
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        onward = scene.forward(invite, "bob", headers=two)
        scene.ack(scene.back(scene.reply(onward, 200)), headers=(("Route", ROUTE),))
        for number, host in enumerate(("192.0.2.2", "192.0.2.9"), 2):
            ending = scene.request(
                "alice", "proxy", "BYE", f"sip:{host}", callee=AOR, to_tag="bob-tag", cseq=number
            )
            scene.reply(ending, 481)
        hides(scene, "route-ignored")

    def test_what_it_said_before_it_had_a_route_set(self) -> None:
        """A request of the called within the dialog, before any INVITE that was seen."""
        scene = Scene()
        scene.reply(bye(scene, "bob", "alice"), 481)
        _, ok = through_a_proxy(scene)
        scene.ack(scene.back(ok), headers=(("Route", ROUTE),))
        hides(scene, "route-ignored")

    def test_the_answer_of_another_dialog(self) -> None:
        """Only the other phone's answer has a Record-Route."""
        scene = Scene()
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        routed = scene.forward(invite, "desk", headers=(("Record-Route", ROUTE),))
        plain = scene.forward(invite, "bob")
        scene.back(scene.reply(routed, 180))
        scene.ack(scene.back(scene.reply(plain, 200)))
        scene.reply(bye(scene, "alice", "bob"), 481)
        hides(scene, "route-ignored")

    def test_an_answer_that_makes_no_dialog(self) -> None:
        """A failure tells no route set, though Record-Route may be in it."""
        scene = Scene()
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        onward = scene.forward(invite, "bob", headers=(("Record-Route", ROUTE),))
        scene.ack(scene.back(scene.reply(onward, 302)))
        scene.reply(bye(scene, "alice", "bob"), 481)
        hides(scene, "route-ignored")

    def test_the_caller_learns_it_from_its_own_hop(self) -> None:
        """A Record-Route that an element between takes out again is not the caller's."""
        scene = Scene()
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        onward = scene.forward(invite, "bob", headers=(("Record-Route", ROUTE),))
        last = scene.back(scene.reply(onward, 200))
        scene.items.remove(last)
        bare = last.data.replace(f"Record-Route: {ROUTE}\r\n".encode(), b"")
        scene.ack(scene.raw("proxy", "alice", bare))
        scene.reply(bye(scene, "alice", "bob"), 481)
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

    @pytest.mark.parametrize("status", [200, 299, 302, 486, 600])
    @pytest.mark.parametrize(("times", "found"), [(2, False), (3, True)])
    def test_which_answers_and_how_often(self, status: int, times: int, *, found: bool) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        answer = scene.reply(invite, status)
        for number in range(times - 1):
            scene.repeat(answer, 0.5 * 2**number)
        if not found:
            hides(scene, "ack-missing")
            return
        told = shows(scene, "ack-missing")
        assert (told.status, told.facts["seconds"]) == (status, "1.5")

    def test_answers_only(self) -> None:
        """Where the ACK goes, nobody looked."""
        scene = Scene()
        ok = scene.reply(scene.request("alice", "bob", "INVITE", AOR), 200)
        scene.repeat(ok)
        scene.repeat(ok, 1)
        del scene.items[0]
        hides(scene, "ack-missing")

    def test_an_ack_to_another_phone(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        one, other = scene.forward(invite, "bob"), scene.forward(invite, "desk")
        first = scene.back(scene.reply(one, 200))
        scene.ack(first)
        second = scene.back(scene.reply(other, 200))
        scene.repeat(second)
        scene.repeat(second, 1)
        shows(scene, "ack-missing")

    def test_it_came_in_the_end(self) -> None:
        scene = Scene()
        ok = scene.reply(scene.request("alice", "bob", "INVITE", AOR), 200)
        for after in (0.5, 1, 2):
            scene.repeat(ok, after)
        scene.ack(ok)
        nearly(scene, "ack-missing")

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
