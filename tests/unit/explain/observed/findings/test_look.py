"""What detectors ask of messages, exchanges and conversations."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import AOR
from tests.unit.explain.observed.support import Scene

from ringway.capture.items import Seen
from ringway.explain.observed.findings import look
from ringway.explain.observed.findings.case import Case
from ringway.explain.observed.model import Conversation, Copy, Hop, Sight
from ringway.explain.observed.tracer import Tracer
from ringway.message import Request


def conversation(scene: Scene) -> Conversation:
    """Return the only conversation of a scene."""
    return case(scene).conversation


def case(scene: Scene) -> Case:
    tracer = Tracer()
    ended = [each for item in scene.items for each in tracer.feed(item)]
    (found,) = [*ended, *tracer.close()]
    return Case(found, tracer.flows)


def sight(seen: Seen) -> Sight:
    assert seen.message is not None
    hop = Hop(seen.transport, seen.source, seen.target)
    return Sight(seen.message, hop, [Copy(seen.at, seen.frames)], seen.data)


def request(**headers: str) -> Seen:
    scene = Scene()
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return scene.request("alice", "bob", "INVITE", AOR, headers=named)


class TestMessages:
    def test_frames(self) -> None:
        first, second = sight(request()), sight(request())
        second.copies = [Copy(2.0, (7, 5)), Copy(3.0, (9,))]
        assert look.frames_of(second, None, first, first) == (1, 5, 7)
        assert look.all_frames(second.copies) == (5, 7, 9)

    def test_vias_that_cannot_be_read_are_left_out(self) -> None:
        scene = Scene()
        onward = scene.forward(scene.request("alice", "proxy", "INVITE", AOR), "bob")
        data = onward.data.replace(b"Via: SIP/2.0/UDP 192.0.2.2", b"Via: nonsense,SIP/2.0/UDP p")
        seen = sight(scene.raw("proxy", "bob", data))
        assert [each.host for each in look.vias(seen.message)] == ["p", "192.0.2.1"]
        assert look.branches(seen) == ("z9hG4bK-2", "z9hG4bK-1")
        assert look.via_count(seen) == 3

    def test_a_via_without_branch(self) -> None:
        seen = request()
        old = Scene().raw("alice", "bob", seen.data.replace(b";branch=z9hG4bK-1", b""))
        assert look.branches(sight(old)) == ("",)

    def test_addresses_that_cannot_be_read_are_left_out(self) -> None:
        message = request(Contact="<sip:a@b>, sip:, <sip:c@d>").message
        assert message is not None
        assert [each.uri_text for each in look.addresses(message, "contact")] == [
            "sip:a@b",
            "sip:c@d",
        ]
        told = look.contact(message)
        assert told is not None
        assert told.uri_text == "sip:a@b"
        assert look.uris(["<sip:p;lr>", "<"]) == ["sip:p;lr"]

    def test_no_contact(self) -> None:
        message = request().message
        assert message is not None
        assert look.contact(message) is None

    def test_request_uri(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "bob", "INVITE", AOR)
        assert str(look.uri_of(sight(invite))) == AOR
        assert look.uri_of(sight(scene.reply(invite, 200))) is None
        assert look.uri_of(None) is None
        assert look.uri("<") is None

    @pytest.mark.parametrize(
        ("one", "other", "alike"),
        [
            (AOR, AOR, True),
            (AOR, f"{AOR}?Subject=x", True),
            (AOR, "sip:bob@example.net", False),
            (AOR, "<", False),
            ("<", AOR, False),
            ("<", "<", False),
        ],
    )
    def test_same(self, one: str, other: str, *, alike: bool) -> None:
        assert look.same(look.uri(one), look.uri(other)) is alike

    def test_tags_and_people(self) -> None:
        scene = Scene()
        seen = scene.request("alice", "bob", "BYE", AOR, to_tag="t")
        assert isinstance(seen.message, Request)
        assert (look.tag(seen.message, "from"), look.tag(seen.message, "to")) == ("alice-tag", "t")
        assert look.person(seen.message, "to") == AOR
        broken = scene.raw("alice", "bob", seen.data.replace(b"To: <", b"To: <<"))
        assert broken.message is not None
        assert look.tag(broken.message, "to") == ""
        assert look.person(broken.message, "to") == ""

    @pytest.mark.parametrize(
        ("number", "text"),
        [(0.04, "0"), (2.0, "2"), (2.25, "2.2"), (9.94, "9.9"), (10.4, "10"), (3599.6, "3600")],
    )
    def test_seconds(self, number: float, text: str) -> None:
        assert look.seconds(number) == text


class TestStarts:
    def test_outside_dialogs_only(self) -> None:
        scene = Scene()
        scene.request("alice", "bob", "INVITE", AOR)
        scene.request("alice", "bob", "INVITE", AOR, cseq=2, to_tag="t")
        scene.request("alice", "bob", "MESSAGE", AOR, cseq=3)
        found = conversation(scene)
        assert [each.number for each in look.starts(found)] == [1]
        assert [each.number for each in look.starts(found, "MESSAGE")] == [3]

    def test_answers_alone_do_not_tell(self) -> None:
        scene = Scene()
        scene.reply(scene.request("alice", "bob", "INVITE", AOR), 180)
        del scene.items[0]
        assert look.starts(conversation(scene)) == []

    def test_who_made_it(self) -> None:
        scene = Scene()
        scene.forward(scene.request("alice", "proxy", "INVITE", AOR), "bob")
        assert [look.by_caller(each) for each in conversation(scene).exchanges] == [True, False]


class TestOneSided:
    def scene(self) -> Scene:
        scene = Scene()
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        ok = scene.reply(scene.forward(invite, "bob"), 200)
        scene.ack(scene.back(ok))
        return scene

    def kept(self, *numbers: int) -> bool:
        scene = self.scene()
        scene.items = [scene.items[number] for number in numbers]
        return look.one_sided(conversation(scene))

    def test_both_directions(self) -> None:
        assert not self.kept(0, 1, 2, 3, 4)
        assert not self.kept(1, 2)

    def test_answers_only(self) -> None:
        assert self.kept(2, 3)

    def test_requests_that_know_of_an_answer(self) -> None:
        assert self.kept(0, 4)

    def test_requests_that_do_not(self) -> None:
        assert not self.kept(0, 1)

    def test_what_a_proxy_sends(self) -> None:
        assert self.kept(1, 3)

    def test_what_a_proxy_gets(self) -> None:
        assert self.kept(0, 2)


class TestWays:
    """Which exchange was sent on as which: `Case.forwarded`, `Case.above`."""

    def test_over_two_hops(self) -> None:
        scene = Scene()
        one = scene.request("alice", "p", "INVITE", AOR)
        scene.forward(scene.forward(one, "q"), "bob")
        found = case(scene)
        first, second, third = found.conversation.exchanges
        assert found.forwarded(first) == [second, third]
        assert found.forwarded(second) == [third]
        assert found.forwarded(third) == []
        assert [found.above(each) for each in (first, second, third)] == [[], [first], [second]]

    def test_from_another_address(self) -> None:
        scene = Scene()
        scene.forward(scene.request("alice", "p", "INVITE", AOR), "bob", source="inside")
        found = case(scene)
        first, second = found.conversation.exchanges
        assert found.forwarded(first) == [second]
        assert found.above(second) == [first]

    def test_a_cancel_has_the_branch_of_its_invite(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "p", "INVITE", AOR)
        onward = scene.forward(invite, "bob")
        scene.forward(scene.cancel(invite), "bob", branch="z9hG4bK-2")
        assert onward.message is not None
        found = case(scene)
        first, second, cancel, last = found.conversation.exchanges
        assert found.forwarded(first) == [second]
        assert found.above(last) == [cancel]

    def test_without_branches_nobody_knows(self) -> None:
        scene = Scene()
        seen = scene.request("alice", "p", "INVITE", AOR)
        scene.items.clear()
        via = b"Via: SIP/2.0/UDP p\r\n"
        old = seen.data.replace(b";branch=z9hG4bK-1", b"")
        scene.raw("alice", "p", old)
        scene.raw("p", "bob", old.replace(b"Via: ", via + b"Via: ", 1))
        found = case(scene)
        for each in found.conversation.exchanges:
            assert found.forwarded(each) == []
            assert found.above(each) == []
