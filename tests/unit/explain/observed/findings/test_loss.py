"""Messages that were sent again, and where they got lost."""

from __future__ import annotations

from tests.unit.explain.observed.findings.looking import AOR, healthy, hides, shows, talk
from tests.unit.explain.observed.support import Scene


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
        scene.ack(scene.reply(invite, 200))
        hides(scene, "request-lost")

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
        scene.ack(scene.reply(invite, 200))
        hides(scene, "request-lost")

    def test_a_register_may_take_its_time(self) -> None:
        scene = Scene()
        request = scene.request("alice", "bob", "REGISTER", AOR)
        scene.repeat(request)
        scene.reply(request, 200)
        hides(scene, "request-lost")


class TestResponseLost:
    def test_shown(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        trying = scene.reply(invite, 100)
        late = scene.repeat(invite, 1)
        found = shows(scene, "response-lost")
        assert found.frames == (*invite.frames, *trying.frames, *late.frames)
        assert found.facts["target"] == "192.0.2.1:5060"

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
        hides(scene, "response-lost")

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
        hides(scene, "ack-lost")


def test_a_call_over_udp_is_healthy() -> None:
    scene = Scene()
    talk(scene)
    healthy(scene)
