"""Stories of pasted logs: without times, of one side only, and of both sides at once."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable
from pathlib import Path

from tests.unit.explain.observed.support import Scene

from ringway.capture.items import Item, Seen
from ringway.capture.text import read_text
from ringway.cli.explain.as_text import TextOutput
from ringway.codes import Language
from ringway.explain.observed.explain import Explained, Explainer
from ringway.explain.observed.tell import tell
from ringway.explain.observed.tracer import Tracer
from ringway.explain.observed.tree import Leg
from ringway.explain.observed.view import Viewer
from ringway.explain.observed.words import sentence
from ringway.explain.text import plain

XLOG = Path(__file__).parents[2] / "capture" / "text" / "kamailio-xlog.txt"


def explained(items: Iterable[Item]) -> Explained:
    (found,) = Explainer().explain(items)
    return found


def told(found: Explained, language: Language = Language.EN) -> list[str]:
    lines = (*found.story.lines, found.story.verdict)
    return [sentence(line, language) for line in lines]


def call(*, hang_up: bool = False) -> Scene:
    """A call by way of a proxy."""
    scene = Scene()
    invite = scene.request("alice", "edge", "INVITE", "sip:bob@example.com")
    onward = scene.forward(invite, "bob")
    scene.back(scene.reply(onward, 180))
    scene.back(scene.reply(onward, 200))
    if hang_up:
        bye = scene.request("alice", "edge", "BYE", "sip:bob@192.0.2.3", cseq=2, to_tag="bob-tag")
        scene.back(scene.reply(scene.forward(bye, "bob"), 200))
    return scene


def untimed(scene: Scene) -> list[Item]:
    return [each._replace(at=0.0) for each in scene.items if isinstance(each, Seen)]


class TestNoTimes:
    def test_no_time_is_made_up(self) -> None:
        found = explained(untimed(call(hang_up=True)))
        for language in Language:
            text = "\n".join(told(found, language))
            assert re.search(r"\d ?ms|\? 后|after \?|\[|\]|  ", text) is None, text
        lines = told(found)
        assert lines[2] == "It rings at 192.0.2.3:5060 (180 Ringing)."
        assert lines[-1] == "Answered; sip:alice@example.com hung up."

    def test_nor_shown_beside_a_step_or_an_arrow(self) -> None:
        viewer = Viewer(Language.EN)
        talk = viewer.talk(explained(untimed(call())))
        lines = list(TextOutput(viewer, plain, 100, ladder=True).talk(talk))
        assert not re.search(r"\d\.\d\d\d", "\n".join(lines).replace("192.0.2", ""))
        timed = viewer.talk(explained(call().items))
        assert "+0.020" in "\n".join(TextOutput(viewer, plain, 100, ladder=True).talk(timed))

    def test_where_times_are_known_they_are_told(self) -> None:
        lines = told(explained(call(hang_up=True).items))
        assert lines[2].endswith("(180 Ringing) after 20 ms.")
        assert lines[-1].startswith("Answered after ")


class TestNames:
    def test_a_caller_that_cannot_be_read_is_an_address(self) -> None:
        lines = [
            "MESSAGE sip:bob@example.com SIP/2.0",
            "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK2",
            "From: <sip:alice",
            "To: <sip:bob@example.com>;;",
            "Call-ID: c2",
            "CSeq: 1 MESSAGE",
        ]
        title = sentence(explained(read_text(lines)).story.title)
        assert title == "MESSAGE from 192.0.2.1:5060 to ?"


class TestOneSide:
    def test_a_log_of_what_a_server_received(self) -> None:
        with XLOG.open("rb") as file:
            found = explained(read_text(file))
        assert found.story.verdict.name == "verdict-answered"
        assert found.story.verdict.status == 200
        assert "127.0.0.1:25070" in [str(each.address) for each in found.story.places]

    def test_a_refusal_in_it(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "edge", "INVITE", "sip:bob@example.com")
        busy = scene.reply(scene.forward(invite, "bob"), 486)
        assert explained([invite, busy]).story.verdict.status == 486

    def test_what_a_server_keeps_to_itself_is_no_answer(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "edge", "INVITE", "sip:bob@example.com")
        scene.reply(scene.forward(invite, "bob"), 200)
        assert explained(scene.items).story.verdict.status != 200


class TestBothSides:
    def test_a_message_that_both_ends_logged_was_sent_once(self) -> None:
        scene = call(hang_up=True)
        again = [each._replace(at=each.at + 3.2) for each in scene.items if isinstance(each, Seen)]
        both = sorted([*scene.items, *again], key=lambda each: each.at)
        names = [line.name for line in explained(both).story.lines]
        assert not {"repeated", "unheard", "answer-repeated"} & set(names)

    def test_what_was_sent_again_is_told(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "edge", "INVITE", "sip:bob@example.com")
        scene.items += [invite._replace(at=invite.at + late) for late in (0.5, 1.5)]
        scene.now += 1.5
        scene.reply(invite, 200)
        names = [line.name for line in explained(scene.items).story.lines]
        assert "repeated" in names


class TestMemory:
    def test_trees_are_free_at_once(self) -> None:
        tracer = Tracer()
        for item in call().items:
            tracer.feed(item)
        (conversation,) = tracer.close()
        gc.collect()
        gc.disable()
        try:
            tell(conversation, tracer.flows)
            assert not [each for each in gc.get_objects() if isinstance(each, Leg)]
        finally:
            gc.enable()


class TestVerdict:
    def test_a_call_that_was_answered_has_the_status_of_its_answer(self) -> None:
        verdict = explained(call(hang_up=True).items).story.verdict
        assert (verdict.name, verdict.status) == ("verdict-ended", 200)
