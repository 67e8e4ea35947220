"""Messages that were sent again, and where they got lost."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import AOR, healthy, hides, nearly, shows, talk
from tests.unit.explain.observed.support import Scene

from ringway.capture.items import Seen


class TestRequestLost:
    def test_shown(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        again = scene.repeat(invite)
        last = scene.repeat(invite, 1)
        trying = scene.reply(invite, 100)
        scene.ack(scene.reply(invite, 200))
        found = shows(scene, "request-lost")
        assert found.frames == tuple(
            frame for each in (invite, again, last, trying) for frame in each.frames
        )
        assert found.facts["times"] == "2"

    def test_a_slow_answer_is_no_loss(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.repeat(invite)
        scene.wait(0.4)
        scene.reply(invite, 100)
        scene.ack(scene.reply(invite, 200))
        nearly(scene, "request-lost")

    def test_the_final_answer_is_told_again(self) -> None:
        """That is for want of an ACK, and tells nothing of the request."""
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.repeat(invite)
        scene.reply(invite, 100)
        ok = scene.reply(invite, 200)
        scene.repeat(ok)
        scene.ack(ok)
        shows(scene, "request-lost")

    def test_one_packet_captured_twice(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.repeat(invite, 0.05)
        scene.reply(invite, 100)
        scene.ack(scene.reply(invite, 200))
        healthy(scene)

    def test_connections_lose_nothing(self) -> None:
        scene = Scene(transport="tcp")
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.repeat(invite)
        scene.reply(invite, 100)
        scene.ack(scene.reply(invite, 200))
        hides(scene, "request-lost")

    def test_a_register_may_take_its_time(self) -> None:
        scene = Scene()
        request = scene.request("alice", "bob", "REGISTER", AOR)
        scene.repeat(request)
        scene.reply(request, 100)
        scene.reply(request, 200)
        hides(scene, "request-lost")

    @pytest.mark.parametrize(("wait", "found"), [(0.27, True), (0.33, False)])
    def test_how_soon_the_answer_comes(self, wait: float, *, found: bool) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.repeat(invite)
        scene.wait(wait - 0.01)
        scene.reply(invite, 100)
        scene.ack(scene.reply(invite, 200))
        (shows if found else hides)(scene, "request-lost")

    def test_a_slow_phone_says_nothing_before_it_rings(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.repeat(invite)
        scene.reply(invite, 180)
        scene.ack(scene.reply(invite, 200))
        hides(scene, "request-lost")

    @pytest.mark.parametrize(("after", "found"), [(0.5, False), (1.9, False), (60, True)])
    def test_every_copy_is_answered(self, after: float, *, found: bool) -> None:
        """A long way: nothing is lost. A 180 that is told again each minute is none of it."""
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.repeat(invite)
        scene.reply(invite, 100)
        ringing = scene.reply(invite, 180)
        scene.repeat(ringing, after)
        scene.ack(scene.reply(invite, 200))
        (shows if found else hides)(scene, "request-lost")

    def test_copies_behind_the_answer_do_not_count(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.repeat(invite)
        scene.reply(invite, 100)
        scene.repeat(invite, 1)
        scene.ack(scene.reply(invite, 200))
        found = shows(scene, "request-lost")
        assert (found.facts["times"], found.facts["seconds"]) == ("1", "0.5")
        assert found.frames == (1, 2, 3)


class TestResponseLost:
    def test_shown(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        trying = scene.reply(invite, 100)
        late = scene.repeat(invite, 1)
        found = shows(scene, "response-lost")
        assert found.frames == (*invite.frames, *trying.frames, *late.frames)
        assert found.facts["target"] == "192.0.2.1:5060"

    @pytest.mark.parametrize(("after", "found"), [(0.47, False), (0.53, True)])
    def test_how_long_a_repeat_may_be_on_its_way(self, after: float, *, found: bool) -> None:
        scene = Scene()
        options = scene.request("alice", "bob", "OPTIONS", AOR)
        scene.reply(options, 200)
        scene.repeat(options, after)
        (shows if found else hides)(scene, "response-lost")

    @pytest.mark.parametrize(("wait", "found"), [(0.3, True), (0.5, False)])
    def test_a_long_way_to_the_caller(self, wait: float, *, found: bool) -> None:
        """Captured at the called side: how late the ACK comes tells how long the way is."""
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.reply(invite, 100)
        scene.repeat(invite, 0.52)
        scene.wait(2)
        ok = scene.reply(invite, 200)
        scene.wait(wait - 0.01)
        scene.ack(ok)
        (shows if found else hides)(scene, "response-lost")

    @pytest.mark.parametrize("status", [401, 407])
    @pytest.mark.parametrize(("wait", "found"), [(0.3, True), (0.5, False)])
    def test_a_long_way_to_who_is_challenged(
        self, status: int, wait: float, *, found: bool
    ) -> None:
        scene = Scene()
        request = scene.request("alice", "bob", "REGISTER", AOR)
        asked = scene.reply(request, status)
        scene.now = asked.at + wait - 0.01
        again = scene.request("alice", "bob", "REGISTER", AOR, cseq=2)
        scene.now = asked.at + 0.54
        scene.repeat(request, 0.01)
        scene.reply(again, 200)
        (shows if found else hides)(scene, "response-lost")

    def test_the_next_request_is_none_of_it(self) -> None:
        """A ping each half minute does not tell how long the way is."""
        scene = Scene()
        options = scene.request("alice", "bob", "OPTIONS", AOR)
        scene.reply(options, 200)
        scene.repeat(options, 1)
        scene.wait(30)
        scene.reply(scene.request("alice", "bob", "OPTIONS", AOR, cseq=2), 200)
        shows(scene, "response-lost")

    def test_far_away_and_lost_all_the_same(self) -> None:
        """More than one late copy is not only the way."""
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.reply(invite, 100)
        scene.repeat(invite, 0.52)
        scene.repeat(invite, 1)
        ok = scene.reply(invite, 200)
        scene.wait(0.6)
        scene.ack(ok)
        assert shows(scene, "response-lost").facts["times"] == "2"

    def test_a_final_answer_to_another_request(self) -> None:
        scene = Scene()
        options = scene.request("alice", "bob", "OPTIONS", AOR)
        scene.reply(options, 200)
        scene.repeat(options, 1)
        shows(scene, "response-lost")

    def test_a_repeat_was_on_its_way(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.wait(0.4)
        scene.reply(invite, 100)
        scene.repeat(invite, 0.05)
        scene.ack(scene.reply(invite, 200))
        nearly(scene, "response-lost")

    def test_a_provisional_answer_does_not_stop_other_requests(self) -> None:
        scene = Scene()
        options = scene.request("alice", "bob", "OPTIONS", AOR)
        scene.reply(options, 100)
        scene.repeat(options, 4)
        scene.reply(options, 200)
        hides(scene, "response-lost")


class TestAckLost:
    def test_shown(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        ok = scene.reply(invite, 200)
        ack = scene.ack(ok)
        late = [scene.repeat(ok, 1), scene.repeat(ok, 2)]
        found = shows(scene, "ack-lost")
        assert found.frames == tuple(frame for each in (ok, ack, *late) for frame in each.frames)
        assert found.facts["target"] == "192.0.2.2:5060"

    def test_the_ack_was_sent_again_for_it(self) -> None:
        scene = Scene()
        ok = scene.reply(scene.request("alice", "bob", "INVITE", AOR), 200)
        ack = scene.ack(ok)
        scene.repeat(ok, 1)
        scene.repeat(ack, 0.5)
        shows(scene, "ack-lost")

    def test_once_where_the_answer_goes_on_from_hop_to_hop(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        answer = scene.reply(scene.forward(invite, "bob"), 200)
        onward = scene.back(answer)
        scene.ack(onward)
        for after in (0.5, 1.0, 2.0):
            scene.repeat(answer, after)
            scene.repeat(onward, 0.03)
        shows(scene, "ack-lost")

    @pytest.mark.parametrize(("after", "found"), [(0.47, False), (0.53, True)])
    def test_how_late(self, after: float, *, found: bool) -> None:
        scene = Scene()
        ok = scene.reply(scene.request("alice", "bob", "INVITE", AOR), 200)
        ack = scene.ack(ok)
        scene.repeat(ok, after)
        scene.repeat(ack, 0.5)
        (shows if found else hides)(scene, "ack-lost")

    def test_the_ack_to_another_invite(self) -> None:
        scene = Scene()
        first = scene.reply(scene.request("alice", "bob", "INVITE", AOR), 200)
        scene.ack(first)
        again = scene.request("alice", "bob", "INVITE", AOR, to_tag="bob-tag", cseq=2)
        ok = scene.reply(again, 200)
        scene.repeat(ok, 1)
        scene.repeat(ok, 2)
        hides(scene, "ack-lost")

    def test_the_bye_is_answered_twice(self) -> None:
        scene = Scene()
        talk(scene)
        last = scene.items[-1]
        assert isinstance(last, Seen)
        scene.repeat(last, 1)
        scene.repeat(last, 1)
        hides(scene, "ack-lost")

    def test_a_failure(self) -> None:
        scene = Scene()
        busy = scene.reply(scene.request("alice", "bob", "INVITE", AOR), 486)
        scene.ack(busy)
        scene.repeat(busy, 1)
        scene.repeat(busy, 2)
        assert shows(scene, "ack-lost").status == 486

    def test_ringing_is_not_acknowledged(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        ringing = scene.reply(invite, 180)
        scene.ack(scene.reply(invite, 200))
        scene.repeat(ringing, 1)
        scene.repeat(ringing, 1)
        hides(scene, "ack-lost")

    def test_one_late_copy_proves_nothing(self) -> None:
        scene = Scene()
        ok = scene.reply(scene.request("alice", "bob", "INVITE", AOR), 200)
        scene.ack(ok)
        scene.repeat(ok, 1)
        hides(scene, "ack-lost")

    def test_the_ack_was_on_its_way(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        ok = scene.reply(invite, 200)
        scene.wait(0.4)
        ack = scene.ack(ok)
        scene.repeat(ok, 0.1)
        scene.repeat(ack, 0.1)
        nearly(scene, "ack-lost")


def test_a_call_over_udp_is_healthy() -> None:
    scene = Scene()
    talk(scene)
    healthy(scene)
