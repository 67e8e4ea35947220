"""Conversations are told as stories: each step once, with the reason why it was taken."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.unit.explain.observed import scenes
from tests.unit.explain.observed.support import Scene

from ringway.capture.items import Item, Seen
from ringway.codes import Language
from ringway.explain.observed.line import Line, Place, Story, span
from ringway.explain.observed.tell import tell
from ringway.explain.observed.tracer import Tracer
from ringway.explain.observed.words import sentence
from ringway.transport.flow import Address

EDGE = "198.51.100.1:5060"
ALICE = "sip:alice@example.com"
BOB = "sip:bob@example.com"
CAROL = "sip:carol@192.0.2.30:5060"


def stories(items: list[Item]) -> list[Story]:
    tracer = Tracer()
    ended = [each for item in items for each in tracer.feed(item)]
    return [tell(each, tracer.flows) for each in ended + tracer.close()]


def story(scene: Scene) -> Story:
    (only,) = stories(scene.items)
    return only


def names(told: Story) -> list[str]:
    return [line.name for line in told.lines]


def line(told: Story, name: str) -> Line:
    return next(each for each in told.lines if each.name == name)


def text(told: Story) -> list[str]:
    """Return steps and verdict in English, users and the edge by their short names."""
    found = [sentence(each) for each in (*told.lines, told.verdict)]
    for long, short in ((EDGE, "edge"), (ALICE, "alice"), (BOB, "bob"), ("192.0.2.20:5060", "B")):
        found = [each.replace(long, short) for each in found]
    return found


def answered(scene: Scene, *tags: str) -> float:
    """A call that bob answers; return for how long they talk."""
    invite = scene.request("alice", "bob", "INVITE", "sip:bob@example.com", from_tag="a")
    for tag in tags:
        scene.ack(scene.reply(invite, 200, to_tag=tag))
    return 60.0


def bye(scene: Scene, who: str, *, after: float, tag: str) -> Seen:
    """Let alice or bob, whose tag that is, hang up after so many seconds."""
    scene.wait(after)
    other, ours, theirs = ("bob", "a", tag) if who == "alice" else ("alice", tag, "a")
    uri = "sip:{}@example.com"
    return scene.request(
        who,
        other,
        "BYE",
        uri.format(other),
        caller=uri.format(who),
        callee=uri.format(other),
        from_tag=ours,
        to_tag=theirs,
        cseq=9,
    )


class TestCalls:
    def test_a_plain_call(self) -> None:
        assert text(story(scenes.plain_call())) == [
            "alice calls bob: INVITE to udp edge.",
            "edge sends it on to bob (udp B), after 20 ms.",
            "It rings at bob (180 Ringing) after 30 ms.",
            "bob answers (200 OK) after 2.0 s.",
            "alice hangs up: BYE to udp edge.",
            "edge sends it on to bob (udp B), after 10 ms.",
            "bob accepts the BYE (200 OK) after 20 ms.",
            "Answered after 2.1 s; the call lasted 30.0 s, then alice hung up.",
        ]

    def test_its_lines_have_time_packets_and_messages(self) -> None:
        told = story(scenes.plain_call())
        answered = line(told, "answered")
        assert answered.frames == answered.sights[0].frames == (6,)
        assert answered.status == 200
        assert [each.at for each in told.lines] == sorted(each.at for each in told.lines)

    def test_the_legend(self) -> None:
        assert story(scenes.plain_call()).places == (
            Place(Address("192.0.2.1", 5060), ALICE, "caller"),
            Place(Address("198.51.100.1", 5060), EDGE, "proxy"),
            Place(Address("192.0.2.20", 5060), BOB, "callee"),
        )

    @pytest.mark.parametrize("contact", ["bob-0x5575@192.0.2.20:5060", "k6ln10m9@88qu.invalid"])
    def test_a_phone_that_has_a_contact_of_its_own_making(self, contact: str) -> None:
        """Its registration is not in the capture; To says who it is."""
        scene = Scene(places=scenes.PLACES)
        onward = scene.forward(scenes.call(scene), "bob", uri=f"sip:{contact}")
        scene.back(scene.reply(onward, 180, headers=(("Contact", f"<sip:{contact}>"),)))
        assert line(story(scene), "rings").facts["place"] == BOB

    def test_the_callee_hangs_up(self) -> None:
        told = story(scenes.direct_call())
        assert line(told, "hang-up").facts["who"] == BOB
        assert sentence(told.verdict).endswith("then sip:bob@example.com hung up.")

    def test_who_hangs_up_first_has_hung_up(self) -> None:
        """What is sent behind it, as the two cross, is no end of the call."""
        scene = Scene()
        scene.reply(bye(scene, "bob", after=answered(scene, "1"), tag="1"), 200)
        scene.reply(bye(scene, "alice", after=0.1, tag="1"), 481)
        end = story(scene).verdict
        assert (end.facts["who"], end.facts["talk"]) == ("sip:bob@example.com", "1 min")

    def test_two_phones_answer_and_one_is_let_go(self) -> None:
        scene = Scene()
        answered(scene, "1", "2")
        scene.reply(bye(scene, "alice", after=1, tag="2"), 200)
        scene.reply(bye(scene, "bob", after=60, tag="1"), 200)
        end = story(scene).verdict
        assert end.facts["who"] == "sip:bob@example.com"
        assert end.facts["talk"].startswith("1 min")

    def test_an_answer_whose_request_is_not_there_took_nobody_knows_how_long(self) -> None:
        scene = Scene()
        answered(scene, "1")
        del scene.items[0]
        told = story(scene)
        assert told.verdict.facts["ring"] == line(told, "answered").facts["took"] == ""

    def test_busy(self) -> None:
        told = story(scenes.busy())
        assert text(told)[1:] == [
            "edge sends it on to bob (udp B), after 10 ms.",
            "bob refuses the INVITE (486 Busy Here) after 20 ms.",
            "It failed: 486 Busy Here after 40 ms.",
        ]
        assert [(each.name, each.status) for each in told.advice] == [("advise-code", 486)]

    def test_cancelled(self) -> None:
        assert text(story(scenes.cancelled()))[2:] == [
            "It rings at bob (180 Ringing) after 20 ms.",
            "alice gives up after 5.0 s and cancels.",
            "Nobody answered; alice gave up after 5.0 s.",
        ]

    def test_forked_to_two_phones(self) -> None:
        assert text(story(scenes.forked())) == [
            "alice calls bob: INVITE to udp edge.",
            "edge sends it to udp 192.0.2.9:5060.",
            "edge sends it to bob (udp B) at the same time.",
            "It rings at 192.0.2.9:5060 (180 Ringing) after 30 ms.",
            "It rings at bob (180 Ringing) after 50 ms.",
            "bob answers (200 OK) after 3.1 s.",
            "edge cancels it at udp 192.0.2.9:5060.",
            "Answered after 3.1 s; no end of the call was seen.",
        ]

    def test_a_code_that_a_proxy_changes(self) -> None:
        scene = Scene()
        invite = scenes.call(scene)
        failed = scene.reply(scene.forward(invite, "bob"), 503)
        scene.ack(scene.back(failed, status=500))
        told = story(scene)
        assert names(told)[-2:] == ["rejected", "answered-instead"]
        assert told.verdict.status == 500

    def test_two_proxies_are_told_once(self) -> None:
        scene = Scene()
        invite = scenes.call(scene)
        last = scene.forward(scene.forward(invite, "proxy"), "bob")
        scene.ack(scene.back(scene.back(scene.reply(last, 404))))
        told = story(scene)
        assert names(told) == ["call", "forwarded-far", "rejected"]
        assert line(told, "forwarded-far").facts["count"] == "2"

    def test_hops_that_the_capture_does_not_show_count(self) -> None:
        scene = Scene()
        invite = scenes.call(scene)
        hidden = scene.forward(invite, "proxy")
        last = scene.forward(hidden, "bob")
        scene.items.remove(hidden)
        scene.reply(last, 180)
        assert line(story(scene), "forwarded-far").facts["count"] == "2"

    def test_who_has_registered_is_known_by_its_address(self) -> None:
        scene = scenes.two_registrations()
        scene.reply(scene.request("edge-1", "alice", "OPTIONS", "sip:somebody@example.com"), 200)
        *_, told = stories(scene.items)
        assert line(told, "accepted").facts["place"] == ALICE

    def test_what_a_failure_says(self) -> None:
        for header, value, said in (
            ("Reason", "Q.850;cause=20", ["Q.850 20"]),
            ("Warning", '399 edge "not here"', ["not here"]),
            ("Warning", "?", []),
            ("Reason", "SIP", []),
        ):
            scene = Scene()
            scene.reply(scenes.call(scene), 480, headers=((header, value),))
            lines = story(scene).lines
            assert [each.facts["reason"] for each in lines if each.name == "said"] == said

    def test_a_request_uri_that_cannot_be_read_leads_nowhere(self) -> None:
        scene = Scene()
        scene.ack(scene.reply(scenes.call(scene), 302, headers=scenes.CAROL))
        second = scene.request("alice", "carol", "INVITE", "sip:[", callee=BOB, cseq=2)
        scene.forward(second, "bob")
        assert names(story(scene)) == ["call", "redirected", "after-failure", "forwarded"]

    def test_a_nat_is_no_hop(self) -> None:
        scene = Scene()
        inside = scenes.call(scene)
        scene.place("nat", Address("203.0.113.1", 40000))
        outside = scene.raw("nat", "edge", inside.data)
        scene.reply(outside, 404)
        scene.reply(inside, 404)
        assert names(story(scene)) == ["call", "rejected"]


class TestRedirects:
    """RFC 3261 §8.1.3.4, §16.5."""

    def test_followed_by_the_proxy(self) -> None:
        assert text(story(scenes.redirected_by_proxy()))[1:4] == [
            "edge sends it to bob (udp B).",
            f"bob sends the request elsewhere (302 Moved Temporarily): to {CAROL}.",
            f"edge follows the 302 Moved Temporarily: it goes to {CAROL} (udp 192.0.2.30:5060).",
        ]

    def test_followed_by_the_caller(self) -> None:
        told = story(scenes.redirected_caller())
        assert names(told) == ["call", "redirected", "followed", "rings", "answered"]
        assert line(told, "followed").facts["who"] == ALICE
        assert told.verdict.name == "verdict-answered"

    def test_not_followed(self) -> None:
        told = story(scenes.redirect_ignored())
        assert told.verdict.name == "verdict-redirected"
        assert [each.name for each in told.advice] == ["advise-redirect"]

    def test_parameters_do_not_hide_that_it_was_followed(self) -> None:
        scene = Scene()
        contact = (("Contact", "<sip:bob@chicago.example;transport=tcp>"),)
        scene.ack(scene.reply(scenes.call(scene), 302, headers=contact))
        scene.request("alice", "other", "INVITE", "sip:bob@chicago.example", callee=BOB, cseq=2)
        assert names(story(scene))[-1] == "followed"


class TestFlows:
    """RFC 5626 §4.5, §7."""

    def test_430_and_the_other_flow(self) -> None:
        assert text(story(scenes.flow_failed()))[1:6] == [
            "edge sends it to udp 198.51.100.11:5060.",
            "198.51.100.11:5060 says that the flow is gone (430 Flow Failed), after 20 ms.",
            "edge takes the next flow: udp 198.51.100.12:5060.",
            "198.51.100.12:5060 sends it on to bob (udp B), after 10 ms.",
            "It rings at bob (180 Ringing) after 60 ms.",
        ]

    @pytest.mark.parametrize(
        ("scene", "says"),
        [
            (scenes.flow_reset, "198.51.100.11:5060 had broken it off 1.0 s before."),
            (scenes.flow_closed, "198.51.100.11:5060 had closed it 1.0 s before."),
            (scenes.flow_forgotten, "the last that was heard from there came 11.1 s before."),
        ],
    )
    def test_which_flow_the_430_is_about(self, scene: Callable[[], Scene], says: str) -> None:
        told = stories(scene().items)[-1]
        at = names(told).index("flow-failed")
        gone = f"It was flow 1 of alice (tcp 192.0.2.1:5060 → 198.51.100.11:5060); {says}"
        assert text(told)[at + 1] == gone
        assert names(told)[at + 2] == "other-flow"

    def test_a_silent_flow_and_the_next(self) -> None:
        told = story(scenes.silent_flow())
        assert text(told)[2:5] == [
            "edge sent INVITE to udp 192.0.2.9:5060 3 times in 1.5 s, and no answer came.",
            "Nothing has come back for 2.0 s: edge tries bob (udp B) next.",
            "It rings at bob (180 Ringing) after 2.0 s.",
        ]
        assert told.verdict.name == "verdict-answered"
        assert [each.name for each in told.advice] == ["advise-silent"]

    def test_lost_in_mid_call(self) -> None:
        told = story(scenes.lost_in_mid_call())
        assert names(told)[4:] == ["flow-reset", "hang-up", "forwarded", "accepted"]
        assert told.verdict.name == "verdict-ended"

    def test_a_bye_takes_the_other_flow(self) -> None:
        scene = scenes.plain_call()
        bye = next(each for each in scene.items if _method(each) == "BYE")
        assert isinstance(bye, Seen)
        del scene.items[scene.items.index(bye) + 1 :]
        scene.reply(scene.forward(bye, "bob"), 430)
        scene.back(scene.reply(scene.forward(bye, "bob-2"), 200))
        told = story(scene)
        assert names(told)[4:] == ["hang-up", "branch", "flow-failed", "other-flow", "accepted"]
        assert told.verdict.name == "verdict-ended"

    def test_a_lost_connection_is_why_the_next_is_tried(self) -> None:
        scene = Scene("tcp")
        invite = scenes.call(scene)
        scene.forward(invite, "bob")
        scene.closed("bob", "edge", "reset")
        scene.reply(scene.forward(invite, "bob-2"), 180)
        assert names(story(scene)) == ["call", "branch", "flow-reset", "lost-next", "rings"]

    def test_so_is_a_datagram_that_cannot_be_delivered(self) -> None:
        scene = Scene()
        invite = scenes.call(scene)
        scene.forward(invite, "bob")
        scene.unreachable("edge", "bob")
        scene.reply(scene.forward(invite, "bob-2"), 180)
        assert names(story(scene)) == ["call", "branch", "unreachable", "lost-next", "rings"]

    def test_what_happens_after_the_last_message_is_not_of_the_story(self) -> None:
        scene = scenes.lost_in_mid_call()
        scene.wait(5)
        scene.closed("alice", "edge")
        assert names(story(scene)).count("flow-closed") == 0

    def test_one_phone_after_the_other(self) -> None:
        scene = Scene()
        invite = scenes.call(scene)
        scene.reply(scene.forward(invite, "desk"), 180)
        scene.wait(10)
        scene.reply(scene.forward(invite, "bob"), 180)
        told = story(scene)
        assert line(told, "serial").facts["took"] == "10.0 s"


class TestLoss:
    def test_what_had_to_be_repeated(self) -> None:
        told = story(scenes.lossy())
        assert line(told, "repeated").facts["count"] == "3"
        assert line(told, "repeated").facts["to"] == f"{BOB} (udp 192.0.2.20:5060)"
        assert line(told, "answer-repeated").facts["count"] == "2"
        assert [each.name for each in told.advice] == ["advise-loss"]

    def test_why_an_answer_is_repeated_the_findings_tell(self) -> None:
        scene = Scene(places=scenes.PLACES)
        ok = scene.reply(scenes.call(scene), 200)
        scene.repeat(ok, 0.5)
        scene.repeat(ok, 1.0)
        told = story(scene)
        assert "answer-repeated" in names(told)
        assert told.advice == ()

    def test_nobody_answers(self) -> None:
        told = story(scenes.unanswered())
        assert names(told) == ["call", "unheard"]
        assert told.verdict.name == "verdict-silent"
        assert [each.name for each in told.advice] == ["advise-silent"]

    def test_nobody_is_there(self) -> None:
        told = story(scenes.not_there())
        assert names(told) == ["options", "unreachable"]
        says = f"No answer: udp {EDGE} cannot be reached (port unreachable)."
        assert sentence(told.verdict) == says

    def test_a_capture_that_stops_at_once_blames_nobody(self) -> None:
        scene = Scene()
        scenes.call(scene)
        told = story(scene)
        assert (names(told), told.verdict.name) == (["call"], "verdict-unfinished")
        assert told.advice == ()


class TestRegistrations:
    def test_over_two_flows_with_a_password(self) -> None:
        first, second = stories(scenes.two_registrations().items)
        assert names(first) == [
            "register-flow",
            "challenged",
            "authorised",
            "forwarded",
            "registered",
        ]
        assert (line(first, "register-flow").facts["reg_id"], first.verdict.facts["expires"]) == (
            "1",
            "10 min",
        )
        assert line(second, "register-flow").facts["reg_id"] == "2"
        assert [each.role for each in first.places] == ["phone", "proxy", "registrar"]

    def test_again_after_a_loss(self) -> None:
        _, again = stories(scenes.registered_again().items)
        assert again.places[0] == Place(Address("192.0.2.1", 40001), ALICE, "phone")
        assert again.verdict.name == "verdict-registered"

    def test_a_wrong_password(self) -> None:
        scene = Scene()
        for number, headers in enumerate(((), (("Authorization", "Digest x"),)), start=1):
            scene.reply(
                scene.request(
                    "alice", "edge", "REGISTER", "sip:example.com", cseq=number, headers=headers
                ),
                401,
            )
        told = story(scene)
        assert names(told) == ["query", "challenged", "authorised", "challenged-again"]
        assert told.verdict.name == "verdict-refused"
        assert [each.name for each in told.advice] == ["advise-password"]

    def test_no_password(self) -> None:
        told = story(scenes.not_asked_again())
        assert told.verdict.name == "verdict-unauthorised"
        assert [each.name for each in told.advice] == ["advise-credentials"]

    def test_the_time_counts_from_what_the_verdict_is_about(self) -> None:
        scene = Scene()
        for number, expires in ((1, "60"), (2, "0")):
            headers = (("Contact", f"<sip:alice@192.0.2.1>;expires={expires}"),)
            scene.reply(
                scene.request(
                    "alice", "edge", "REGISTER", "sip:example.com", cseq=number, headers=headers
                ),
                200,
            )
            scene.wait(20)
        told = story(scene)
        assert (told.verdict.name, told.verdict.facts["took"]) == ("verdict-unregistered", "10 ms")


class TestParts:
    def test_answers_only(self) -> None:
        items = [each for each in scenes.plain_call().items if _status(each)]
        (told,) = stories(items)
        assert names(told)[0] == "unseen"
        assert told.verdict.name == "verdict-ended"

    def test_one_direction_blames_nobody(self) -> None:
        items = [each for each in scenes.plain_call().items if not _status(each)]
        for each in items[:]:
            items += [each._replace(at=each.at + 4)] if _method(each) == "INVITE" else []
        (told,) = stories(sorted(items, key=lambda item: item.at))
        assert set(names(told)) == {"call", "forwarded", "hang-up"}
        assert told.verdict.name == "verdict-one-sided"

    def test_from_the_middle_on(self) -> None:
        items = scenes.plain_call().items[-4:]
        (told,) = stories(items)
        assert (told.title.name, told.verdict.name) == ("title-middle", "verdict-middle-ended")

    def test_an_ack_alone(self) -> None:
        scene = Scene()
        scene.request("alice", "edge", "ACK", BOB, to_tag="t")
        told = story(scene)
        assert (told.lines, told.verdict.name) == ((), "verdict-middle")

    @pytest.mark.parametrize("make", scenes.ALL)
    def test_no_scene_breaks_when_it_begins_or_ends_anywhere(
        self, make: Callable[[], Scene]
    ) -> None:
        items = make().items[:60]
        for cut in range(len(items)):
            for part in (items[cut:], items[:cut], items[:cut] + items[cut + 1 :], items[::-1]):
                for told in stories(part):
                    for each in (told.title, *told.lines, told.verdict, *told.advice):
                        assert sentence(each, Language.ZH)

    def test_a_long_story_loses_its_middle(self) -> None:
        told = stories(scenes.everything_else().items)[-2]
        assert len(told.lines) == 81
        assert line(told, "more").facts == {"count": "121"}

    def test_headers_that_cannot_be_read_leave_gaps(self) -> None:
        scene = Scene()
        data = scenes.call(scene).data.replace(b"<sip:alice@example.com>", b"<<<")
        scene.items.clear()
        scene.raw("alice", "edge", data)
        assert sentence(story(scene).title) == "192.0.2.1:5060 calls sip:bob@example.com"


def test_time_spans() -> None:
    assert [
        span(each) for each in (-1, 0.0004, 0.012, 2.04, 59.94, 60, 3605, 3660, 7200, 200_000)
    ] == [
        "0 ms",
        "0 ms",
        "12 ms",
        "2.0 s",
        "59.9 s",
        "1 min",
        "1 h",
        "1 h 1 min",
        "2 h",
        "2 d",
    ]


def _method(item: Item) -> str:
    message = item.message if isinstance(item, Seen) else None
    return message.start_line.split(" ")[0] if message is not None else ""


def _status(item: Item) -> bool:
    return _method(item) == "SIP/2.0"
