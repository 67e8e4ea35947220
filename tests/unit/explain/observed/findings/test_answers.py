"""Answers that lack something or say more than their number; bodies of another length."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import AOR, healthy, hides, shows
from tests.unit.explain.observed.support import Scene

from ringway.capture.items import Item, Seen
from ringway.capture.messages import MessageCutter, Place
from ringway.capture.output import Output


class TestOverload:
    def test_shown(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "server", "INVITE", AOR)
        refused = scene.reply(invite, 503)
        scene.ack(refused)
        found = shows(scene, "503-without-retry-after")
        assert found.frames == (*invite.frames, *refused.frames)

    def test_it_is_told_where_it_began(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        onward = scene.forward(invite, "server")
        refused = scene.reply(onward, 503)
        scene.back(refused)
        assert set(refused.frames) <= set(shows(scene, "503-without-retry-after").frames)

    def test_with_it(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "server", "INVITE", AOR)
        scene.ack(scene.reply(invite, 503, headers=(("Retry-After", "30"),)))
        hides(scene, "503-without-retry-after")
        healthy(scene)


class TestLoop:
    def test_shown(self) -> None:
        scene = Scene()
        one = scene.request("alice", "a", "INVITE", AOR)
        two = scene.forward(one, "b")
        three = scene.forward(two, "a")
        four = scene.forward(three, "b")
        end = scene.reply(four, 483)
        found = shows(scene, "forwarding-loop")
        assert set(end.frames) <= set(found.frames)
        assert found.facts["times"] == "2"

    def test_too_long_a_way(self) -> None:
        scene = Scene()
        one = scene.request("alice", "a", "INVITE", AOR)
        scene.reply(scene.forward(scene.forward(one, "b"), "c"), 483)
        hides(scene, "forwarding-loop")

    def test_a_retry_is_no_round(self) -> None:
        scene = Scene()
        scene.ack(scene.reply(scene.request("alice", "a", "INVITE", AOR), 407))
        scene.ack(scene.reply(scene.request("alice", "a", "INVITE", AOR, cseq=2), 483))
        hides(scene, "forwarding-loop")


class TestContentLength:
    def sent(self, scene: Scene, said: int, transport: str = "udp") -> Seen:
        seen = scene.request("alice", "bob", "MESSAGE", AOR, body=b"hello", transport=transport)
        scene.items.pop()
        wrong = seen.data.replace(b"Content-Length: 5", b"Content-Length: %d" % said)
        return scene.raw("alice", "bob", wrong, transport=transport)

    def test_too_large(self) -> None:
        scene = Scene()
        seen = self.sent(scene, 9)
        found = shows(scene, "wrong-content-length")
        assert found.frames == seen.frames
        assert (found.facts["said"], found.facts["there"]) == ("9", "5")

    def test_too_small(self) -> None:
        scene = Scene()
        self.sent(scene, 3)
        shows(scene, "wrong-content-length")

    def test_right_and_not_there(self) -> None:
        scene = Scene()
        self.sent(scene, 5)
        scene.items.pop()
        seen = scene.request("alice", "bob", "MESSAGE", AOR, body=b"hello")
        scene.items.pop()
        scene.reply(
            scene.raw("alice", "bob", seen.data.replace(b"Content-Length: 5\r\n", b"")), 200
        )
        healthy(scene)

    def test_the_packet_was_captured_in_part(self) -> None:
        scene = Scene()
        seen = self.sent(scene, 9)
        scene.items[-1] = seen._replace(fault="4 octets of it were not captured")
        hides(scene, "wrong-content-length")

    def test_a_connection_is_cut_by_it(self) -> None:
        scene = Scene()
        self.sent(scene, 3, "tcp")
        hides(scene, "wrong-content-length")

    def cut(self, scene: Scene, data: bytes) -> None:
        """Read octets as the reader of connections does, the whole in one packet."""
        out = Output()
        cutter = MessageCutter(
            Place("tcp", scene.place("alice"), scene.place("bob")), out, from_start=True
        )
        cutter.feed(data, 1, scene.now)
        cutter.end("the end")
        items: list[Item] = list(out.end())
        scene.items[:] = items

    def test_the_next_message_begins_within(self) -> None:
        scene = Scene("tcp")
        wrong = self.sent(scene, 60, "tcp").data
        self.cut(scene, wrong + scene.request("alice", "bob", "OPTIONS", AOR).data)
        found = shows(scene, "wrong-content-length")
        assert (found.facts["said"], found.facts["there"]) == ("60", "5")

    @pytest.mark.parametrize("said", [3, 30])
    def test_octets_are_left(self, said: int) -> None:
        scene = Scene("tcp")
        wrong = self.sent(scene, said, "tcp").data
        self.cut(scene, wrong + scene.request("alice", "bob", "OPTIONS", AOR).data)
        shows(scene, "stream-out-of-step")

    def test_one_right_behind_the_other(self) -> None:
        scene = Scene("tcp")
        right = self.sent(scene, 5, "tcp").data
        self.cut(scene, right + scene.request("alice", "bob", "OPTIONS", AOR).data)
        hides(scene, "stream-out-of-step")
        hides(scene, "wrong-content-length")


class TestReason:
    def test_shown(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "gateway", "INVITE", AOR)
        headers = (
            ("Reason", 'Q.850;cause=20;text="Subscriber absent"'),
            ("Warning", '399 gateway "no phone is registered"'),
        )
        refused = scene.reply(invite, 480, phrase="Temporarily Unavailable", headers=headers)
        scene.ack(refused)
        found = shows(scene, "reason-given")
        assert found.frames == refused.frames
        assert found.facts["words"] == "Q.850 20 Subscriber absent; no phone is registered"
        healthy(scene)

    def test_nothing_said(self) -> None:
        scene = Scene()
        scene.ack(scene.reply(scene.request("alice", "gateway", "INVITE", AOR), 480))
        hides(scene, "reason-given")

    def test_what_cannot_be_read(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "gateway", "INVITE", AOR)
        scene.ack(scene.reply(invite, 480, headers=(("Reason", '"'), ("Warning", "x"))))
        hides(scene, "reason-given")


class TestOneDirection:
    def test_what_alice_sent(self) -> None:
        scene = Scene()
        scene.request("alice", "bob", "INVITE", AOR)
        scene.request("alice", "bob", "ACK", AOR, to_tag="known")
        shows(scene, "one-direction-only")
        healthy(scene)

    def test_answers_only(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.items.clear()
        scene.reply(invite, 180)
        scene.reply(invite, 200)
        shows(scene, "one-direction-only")

    def test_both(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        scene.ack(scene.reply(invite, 200))
        hides(scene, "one-direction-only")

    def test_nobody_answered(self) -> None:
        scene = Scene()
        scene.repeat(scene.request("alice", "bob", "INVITE", AOR))
        hides(scene, "one-direction-only")
