"""Requests that nobody answered: why that may be."""

from __future__ import annotations

from tests.unit.explain.observed.findings.looking import (
    AOR,
    healthy,
    hides,
    later,
    register,
    shows,
)
from tests.unit.explain.observed.support import Scene

from ringway.capture.items import Seen
from ringway.transport.flow import Address


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
        shows(scene, "silent-callee")

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

    def test_the_network_says_so(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.unreachable("alice", "bob")
        assert shows(scene, "silent-callee").frames == (*invite.frames, invite.frames[0] + 1)

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
        hides(scene, "silent-callee")


class TestFlowDied:
    def test_shown(self) -> None:
        scene = Scene()
        request, ok = register(scene, "phone", reg_id=1)
        scene.wait(600)
        invite = scene.request("alice", "edge", "INVITE", AOR)
        scene.reply(invite, 100)
        onward = repeated(scene, scene.forward(invite, "phone"))
        found = shows(scene, "flow-died-unnoticed")
        assert set(request.frames + ok.frames + onward.frames) <= set(found.frames)
        assert found.facts["quiet"] == "600"
        hides(scene, "silent-callee")

    def test_over_a_connection(self) -> None:
        scene = Scene(transport="tcp")
        scene.opened("phone", "edge")
        register(scene, "phone", reg_id=1)
        scene.wait(600)
        invite = scene.request("alice", "edge", "INVITE", AOR)
        scene.forward(invite, "phone")
        scene.wait(32)
        scene.ack(scene.reply(invite, 408))
        shows(scene, "flow-died-unnoticed")

    def test_the_phone_was_heard_all_the_while(self) -> None:
        scene = Scene()
        register(scene, "phone", reg_id=1)
        invite = scene.request("alice", "edge", "INVITE", AOR)
        onward = scene.forward(invite, "phone")
        scene.keep_alive("phone", "edge")
        repeated(scene, onward)
        hides(scene, "flow-died-unnoticed")

    def test_the_registration_was_over(self) -> None:
        scene = Scene()
        register(scene, "phone", expires=60)
        scene.wait(600)
        invite = scene.request("alice", "edge", "INVITE", AOR)
        repeated(scene, scene.forward(invite, "phone"))
        hides(scene, "flow-died-unnoticed")
        shows(scene, "silent-callee")

    def test_it_answers(self) -> None:
        scene = Scene()
        register(scene, "phone", reg_id=1)
        scene.wait(600)
        invite = scene.request("alice", "edge", "INVITE", AOR)
        scene.ack(scene.back(scene.reply(scene.forward(invite, "phone"), 200)))
        healthy(scene)


class TestLarge:
    def invite(self, scene: Scene, octets: int) -> Seen:
        return scene.request("alice", "bob", "INVITE", AOR, body=b"v" * octets)

    def test_shown(self) -> None:
        scene = Scene()
        repeated(scene, self.invite(scene, 1400))
        found = shows(scene, "large-datagram-lost")
        assert int(found.facts["octets"]) > 1400
        hides(scene, "silent-callee")

    def test_a_small_one_has_another_reason(self) -> None:
        scene = Scene()
        repeated(scene, self.invite(scene, 600))
        hides(scene, "large-datagram-lost")

    def test_it_arrived(self) -> None:
        scene = Scene()
        invite = self.invite(scene, 1400)
        scene.reply(invite, 100)
        scene.ack(scene.reply(invite, 200))
        hides(scene, "large-datagram-lost")


class TestPrivateContactUsed:
    def scene(self) -> Scene:
        return Scene(
            places={"nat": Address("192.0.2.9", 40000), "inside": Address("192.168.1.9", 5060)}
        )

    def answered(self, scene: Scene, contact: str) -> Seen:
        invite = scene.request("alice", "nat", "INVITE", AOR)
        ok = scene.reply(invite, 200, headers=(("Contact", f"<{contact}>"),))
        scene.ack(ok)
        return ok

    def test_within_a_call(self) -> None:
        scene = self.scene()
        ok = self.answered(scene, "sip:bob@192.168.1.9:5060")
        bye = scene.request("alice", "inside", "BYE", "sip:bob@192.168.1.9", to_tag="x", cseq=2)
        repeated(scene, bye)
        found = shows(scene, "private-contact-used")
        assert set(ok.frames + bye.frames) <= set(found.frames)
        assert found.facts["target"] == "192.168.1.9:5060"

    def test_to_a_phone(self) -> None:
        scene = self.scene()
        register(scene, "nat", contact="sip:bob@192.168.1.9:5060")
        invite = scene.request("alice", "edge", "INVITE", AOR)
        repeated(scene, scene.forward(invite, "inside", uri="sip:bob@192.168.1.9:5060"))
        shows(scene, "private-contact-used")

    def test_to_where_it_came_from(self) -> None:
        scene = self.scene()
        self.answered(scene, "sip:bob@192.168.1.9:5060")
        scene.reply(
            scene.request("alice", "nat", "BYE", "sip:bob@192.168.1.9", to_tag="nat-tag", cseq=2),
            200,
        )
        healthy(scene)

    def test_within_one_network(self) -> None:
        scene = Scene(
            places={"alice": Address("192.168.1.8", 5060), "inside": Address("192.168.1.9", 5060)}
        )
        invite = scene.request("alice", "inside", "INVITE", AOR)
        scene.ack(scene.reply(invite, 200, headers=(("Contact", "<sip:bob@192.168.1.9>"),)))
        repeated(
            scene,
            scene.request("alice", "inside", "BYE", "sip:bob@192.168.1.9", to_tag="x", cseq=2),
        )
        hides(scene, "private-contact-used")
        shows(scene, "silent-callee")


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

    def test_it_rang(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.reply(invite, 100)
        scene.reply(invite, 180)
        scene.wait(30)
        scene.reply(scene.cancel(invite), 200)
        scene.ack(scene.reply(invite, 487))
        hides(scene, "no-progress")
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
