"""Answers that lack something or say more than their number; bodies of another length."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import AOR, healthy, hides, look, nearly, shows
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
        nearly(scene, "503-without-retry-after")
        healthy(scene)

    @pytest.mark.parametrize("status", [500, 502, 504])
    def test_another_code(self, status: int) -> None:
        scene = Scene()
        scene.ack(scene.reply(scene.request("alice", "server", "INVITE", AOR), status))
        hides(scene, "503-without-retry-after")

    def test_it_is_told_once(self) -> None:
        scene = Scene()
        for number in (1, 2):
            scene.reply(scene.request("alice", "server", "OPTIONS", AOR, cseq=number), 503)
        assert shows(scene, "503-without-retry-after").frames == (1, 2)

    def test_a_proxy_that_makes_it_of_something_else(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        scene.ack(scene.reply(scene.forward(invite, "server"), 480))
        scene.ack(scene.reply(invite, 503))
        found = shows(scene, "503-without-retry-after")
        assert found.facts["server"] == str(scene.place("proxy"))


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

    @pytest.mark.parametrize("status", [404, 482, 484])
    def test_another_code(self, status: int) -> None:
        scene = Scene()
        one = scene.request("alice", "a", "INVITE", AOR)
        scene.reply(scene.forward(scene.forward(one, "b"), "a"), status)
        hides(scene, "forwarding-loop")

    def test_the_server_that_saw_it_most(self) -> None:
        scene = Scene()
        seen = scene.request("alice", "a", "INVITE", AOR)
        for place in ("b", "a", "c", "a"):
            seen = scene.forward(seen, place)
        scene.reply(seen, 483)
        found = shows(scene, "forwarding-loop")
        assert (found.facts["times"], found.facts["server"]) == ("3", str(scene.place("a")))

    def test_another_request_that_came_there(self) -> None:
        """A fork: what took the other way is no round of this one."""
        scene = Scene()
        one = scene.request("alice", "a", "INVITE", AOR)
        scene.forward(one, "b", branch="z9hG4bK-other")
        scene.reply(scene.forward(one, "b"), 483)
        hides(scene, "forwarding-loop")

    def test_within_a_nat_and_outside(self) -> None:
        scene = Scene()
        outside = scene.request("alice", "a", "OPTIONS", AOR)
        scene.raw("alice inside", "a", outside.data)
        scene.reply(outside, 483)
        hides(scene, "forwarding-loop")

    def test_too_long_a_way(self) -> None:
        scene = Scene()
        one = scene.request("alice", "a", "INVITE", AOR)
        scene.reply(scene.forward(scene.forward(one, "b"), "c"), 483)
        nearly(scene, "forwarding-loop")

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
        nearly(scene, "wrong-content-length")

    def test_the_packet_was_captured_in_part(self) -> None:
        scene = Scene()
        seen = self.sent(scene, 9)
        scene.items[-1] = seen._replace(fault="4 octets of it were not captured")
        hides(scene, "wrong-content-length")

    @pytest.mark.parametrize("rest", [b"\r\n", b"\r\n\r\n", b"\0\0", b" \n"])
    def test_empty_lines_behind_the_body(self, rest: bytes) -> None:
        """RFC 3261 §18.3: they are discarded, and nothing is lost."""
        scene = Scene()
        seen = scene.request("alice", "bob", "MESSAGE", AOR, body=b"hello")
        scene.items.clear()
        scene.reply(scene.raw("alice", "bob", seen.data + rest), 200)
        healthy(scene)

    def test_more_behind_the_body(self) -> None:
        scene = Scene()
        seen = scene.request("alice", "bob", "MESSAGE", AOR, body=b"hello")
        scene.items.clear()
        scene.raw("alice", "bob", seen.data + b"\r\na=x")
        assert shows(scene, "wrong-content-length").facts["there"] == "10"

    def test_a_head_without_an_end(self) -> None:
        scene = Scene()
        seen = self.sent(scene, 9)
        scene.items[-1] = seen._replace(data=seen.data.partition(b"\r\n\r\n")[0])
        hides(scene, "wrong-content-length")

    def test_empty_lines_before_it(self) -> None:
        scene = Scene()
        seen = scene.request("alice", "bob", "MESSAGE", AOR, body=b"hello")
        scene.items[-1] = seen._replace(data=b"\r\n\r\n" + seen.data)
        hides(scene, "wrong-content-length")

    @pytest.mark.parametrize("transport", ["tcp", "tls"])
    def test_a_connection_is_cut_by_it(self, transport: str) -> None:
        scene = Scene()
        self.sent(scene, 3, transport)
        hides(scene, "wrong-content-length")

    def test_a_connection_over_which_a_browser_speaks(self) -> None:
        """A WebSocket frames its messages, so that the body is all there."""
        scene = Scene()
        self.sent(scene, 3, "ws")
        shows(scene, "wrong-content-length")

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

    def test_octets_are_left_when_the_connection_ends(self) -> None:
        """The second one has no beginning, and waits for a body that never comes."""
        scene = Scene("tcp")
        self.cut(scene, self.sent(scene, 25, "tcp").data + self.sent(scene, 25, "tcp").data)
        shows(scene, "stream-out-of-step")
        seen = [each.message for each in scene.items if isinstance(each, Seen) and each.message]
        assert [each.start_line for each in seen] == [f"MESSAGE {AOR} SIP/2.0"] * 2

    def test_one_right_behind_the_other(self) -> None:
        scene = Scene("tcp")
        right = self.sent(scene, 5, "tcp").data
        self.cut(scene, right + scene.request("alice", "bob", "OPTIONS", AOR).data)
        nearly(scene, "stream-out-of-step")
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

    @pytest.mark.parametrize("status", [200, 302, 399, 401, 407])
    def test_answers_that_fail_nothing(self, status: int) -> None:
        self.told(status, found=False)

    @pytest.mark.parametrize("status", [400, 402, 406, 408, 603])
    def test_answers_that_do(self, status: int) -> None:
        self.told(status, found=True)

    def told(self, status: int, *, found: bool) -> None:
        scene = Scene()
        invite = scene.request("alice", "gateway", "INVITE", AOR)
        scene.ack(scene.reply(invite, status, headers=(("Reason", "Q.850;cause=20"),)))
        (shows if found else hides)(scene, "reason-given")

    @pytest.mark.parametrize(
        ("said", "words"),
        [
            ("Q.850;cause=20", "Q.850 20"),
            ("Q.850", "Q.850"),
            ('SIP;text="busy"', "SIP busy"),
            ('Q.850;cause=20, SIP;cause=480;text="gone"', "Q.850 20; SIP 480 gone"),
        ],
    )
    def test_its_words(self, said: str, words: str) -> None:
        scene = Scene()
        invite = scene.request("alice", "gateway", "INVITE", AOR)
        scene.ack(scene.reply(invite, 480, headers=(("Reason", said),)))
        assert shows(scene, "reason-given").facts["words"] == words

    def test_what_the_caller_was_told(self) -> None:
        """Further on it may have been another answer."""
        scene = Scene()
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        reason = (("Reason", "Q.850;cause=20"),)
        scene.ack(scene.reply(scene.forward(invite, "gateway"), 480, headers=reason))
        scene.ack(scene.reply(invite, 480))
        hides(scene, "reason-given")

    def test_nothing_said(self) -> None:
        scene = Scene()
        scene.ack(scene.reply(scene.request("alice", "gateway", "INVITE", AOR), 480))
        nearly(scene, "reason-given")

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
        nearly(scene, "one-direction-only")

    def test_nobody_answered(self) -> None:
        scene = Scene()
        scene.repeat(scene.request("alice", "bob", "INVITE", AOR))
        hides(scene, "one-direction-only")

    def test_what_a_proxy_sends(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        onward = scene.forward(invite, "bob")
        scene.reply(invite, 480)
        scene.items.remove(invite)
        found = shows(scene, "one-direction-only")
        assert found.facts["source"] == str(onward.source)

    def test_one_message_proves_nothing(self) -> None:
        scene = Scene()
        scene.request("alice", "bob", "BYE", AOR, to_tag="known")
        hides(scene, "one-direction-only")


class TestOutOfStep:
    """What the reader of a connection says, item by item."""

    def fault(self, transport: str, fault: str, *, message: bool = False) -> Scene:
        scene = Scene()
        seen = scene.request("alice", "bob", "MESSAGE", AOR, transport=transport)
        scene.items[-1] = seen._replace(
            fault=fault, message=seen.message if message else None, data=b"x"
        )
        return scene

    @pytest.mark.parametrize("transport", ["tcp", "tls"])
    def test_no_beginning(self, transport: str) -> None:
        scene = self.fault(transport, "not a request line: x")
        found = shows(scene, "stream-out-of-step")
        assert found.facts["source"] == str(scene.place("alice"))
        assert found.facts["target"] == str(scene.place("bob"))

    @pytest.mark.parametrize("transport", ["udp", "ws"])
    def test_where_nothing_can_be_out_of_step(self, transport: str) -> None:
        hides(self.fault(transport, "not a request line: x"), "stream-out-of-step")

    def test_no_length(self) -> None:
        shows(self.fault("tcp", "Content-Length: x"), "stream-out-of-step")

    def test_a_message_that_is_there(self) -> None:
        scene = self.fault("tcp", "Content-Length: x", message=True)
        hides(scene, "stream-out-of-step")

    def test_another_fault(self) -> None:
        hides(self.fault("tcp", "Via: no branch"), "stream-out-of-step")

    def test_they_are_counted_up_to_a_thousand(self) -> None:
        scene = self.fault("tcp", "not a request line: x")
        scene.items *= 1100
        assert len(look(scene)) == 1000
