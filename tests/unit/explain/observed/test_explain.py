"""From items to conversations with stories and findings, and what is shown of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.unit.explain.observed import scenes
from tests.unit.explain.observed.captures import DIGEST, healthy, hostile, troubled
from tests.unit.explain.observed.support import START, Scene

from ringway.capture.items import Item, Trouble
from ringway.codes import Language
from ringway.explain.observed import explain
from ringway.explain.observed.explain import Explained, Explainer
from ringway.explain.observed.finding import Finding, Severity
from ringway.explain.observed.labels import labels
from ringway.explain.observed.mask import Mask
from ringway.explain.observed.summary import Summary
from ringway.explain.observed.view import Talk, Viewer, clock, numbers
from ringway.message import Request


def explained(scene: Scene) -> list[Explained]:
    return list(Explainer().explain(scene.items))


def talks(scene: Scene, viewer: Viewer | None = None) -> list[Talk]:
    shown = viewer or Viewer(Language.EN)
    return [shown.talk(each) for each in explained(scene)]


class TestExplainer:
    def test_each_conversation_has_its_story_and_findings(self) -> None:
        registration, call = explained(troubled())
        assert registration.conversation.call_id == "reg-1"
        assert registration.findings == ()
        assert call.story.verdict.status == 430
        names = [finding.name for finding in call.findings]
        assert "430-reached-caller" in names
        times = [finding.at for finding in call.findings]
        assert times == sorted(times)

    def test_a_healthy_call_has_none(self) -> None:
        (call,) = explained(healthy())
        assert call.findings == ()

    def test_a_conversation_comes_as_soon_as_it_is_over(self) -> None:
        first, later = healthy("one"), healthy("two", at=START + 500)
        fed: list[Item] = []

        def items() -> Iterator[Item]:
            for item in [*first.items, *later.items]:
                fed.append(item)
                yield item

        told = Explainer().explain(items())
        assert next(told).conversation.call_id == "one"
        assert len(fed) == len(first.items) + 1

    def test_counts_messages_and_keeps_troubles(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(explain, "_MOST_TROUBLES", 2)
        scene = healthy()
        messages = len(scene.items)
        for number in range(5):
            scene.trouble(f"trouble {number}")
        explainer = Explainer()
        list(explainer.explain(scene.items))
        assert explainer.messages == messages
        assert [each.text for each in explainer.troubles] == ["trouble 0", "trouble 1"]

    def test_nothing(self) -> None:
        explainer = Explainer()
        assert list(explainer.explain([Trouble(0.0, (), "empty")])) == []
        assert explainer.across == ()


class TestTalk:
    def test_what_is_shown(self) -> None:
        _, call = talks(troubled())
        assert call.kind == "call"
        assert "sip:alice@example.com" in call.title
        assert call.steps[0].after == 0
        assert call.ended > call.at
        assert call.codes == (100, 302, 430)
        assert [fault.severity for fault in call.faults].count(Severity.WRONG) >= 1
        assert len(call.ladder().rungs) == 10

    def test_advice_stands_only_where_no_finding_says_more(self) -> None:
        (busy,) = talks(scenes.busy())
        assert [each.name for each in busy.advice] == ["advise-code"]
        _, call = talks(troubled())
        assert call.faults
        assert call.advice == ()

    def test_what_the_capture_did_not_show_to_its_end(self) -> None:
        """It ended, whatever else is still waited for; or it did not."""
        (failed,) = talks(scenes.busy())
        assert not replace(failed, complete=False).cut
        (answered,) = talks(scenes.flow_failed())
        assert answered.verdict.name == "verdict-answered"
        assert replace(answered, complete=False).cut

    def test_several_people_at_one_host_have_no_column(self) -> None:
        (call,) = talks(scenes.plain_call())
        assert call.column("192.0.2.20") == "bob@example.com"
        both = (*call.people, replace(call.people[0], address="192.0.2.20:5070"))
        assert replace(call, people=both).column("192.0.2.20") == ""

    def test_in_chinese(self) -> None:
        _, call = talks(troubled(), Viewer(Language.ZH))
        assert "呼叫" in call.title
        assert any("430" in fault.title for fault in call.faults)

    def test_what_could_move_a_cursor_is_escaped(self) -> None:
        scene = healthy(call_id="a\x1b[31mb\u202ec")
        (call,) = talks(scene)
        assert call.call_id == "a\\x1b[31mb\\u202ec"

    def test_a_message_shows_no_secrets(self) -> None:
        viewer = Viewer(Language.EN)
        _, call = talks(troubled(), viewer)
        lines, missing = viewer.message(call.ladder().rungs[0].sight, 8000)
        assert lines[0] == "INVITE sip:bob@example.com SIP/2.0"
        assert lines[-1] == "v=0"
        assert "n0nce" in DIGEST
        assert not any("n0nce" in line or "deadbeef" in line for line in lines)
        assert missing == 0

    def test_a_secret_on_a_folded_line_is_left_out(self) -> None:
        scene = Scene()
        scene.request(
            "alice",
            "bob",
            "OPTIONS",
            "sip:bob@192.0.2.2",
            headers=(("Authorization", 'Digest realm="x",\r\n nonce=\r\n "n0nce"'),),
        )
        viewer = Viewer(Language.EN)
        (talk,) = talks(scene, viewer)
        lines, _ = viewer.message(talk.ladder().rungs[0].sight, 8000)
        assert any(line.startswith("Authorization") for line in lines)
        assert not any("n0nce" in line for line in lines)

    def test_a_long_message_is_cut_behind_what_is_secret(self) -> None:
        scene = Scene()
        scene.request("a", "b", "OPTIONS", "sip:bob@192.0.2.2", caller="sip:alice:s3cret@x")
        viewer = Viewer(Language.EN)
        (talk,) = talks(scene, viewer)
        sight = talk.ladder().rungs[0].sight
        for longest in range(1, len(sight.data)):
            lines, missing = viewer.message(sight, longest)
            assert not any("s3" in line for line in lines), longest
            assert missing > 0 or longest > 200

    def test_names_are_masked_wherever_they_stand(self) -> None:
        viewer = Viewer(Language.EN, Mask())
        for talk in talks(troubled(), viewer):
            said = [talk.title, talk.verdict.text, *(step.text for step in talk.steps)]
            said += [each.name for each in talk.people]
            said += [fault.what for fault in talk.faults]
            for rung in talk.ladder().rungs:
                assert isinstance(rung.sight.message, Request) or rung.status
                said += viewer.message(rung.sight, 8000)[0]
            for name in ("alice", "carol", "sip:bob"):
                assert not [each for each in said if name in each.replace(f"{name}-tag", "")], name

    def test_names_are_masked_before_the_address_they_stand_in(self) -> None:
        (talk,) = talks(healthy(call_id="alice@192.0.2.1"), Viewer(Language.EN, Mask()))
        assert talk.call_id == "user2@192.0.2.1"

    def test_what_people_write_is_left_out_of_a_masked_message(self) -> None:
        scene = Scene()
        scene.request(
            "alice",
            "bob",
            "MESSAGE",
            "sip:bob@example.com",
            headers=(("Content-Type", "text/plain"),),
            body=b"Al was here",
        )
        viewer = Viewer(Language.EN, Mask())
        (talk,) = talks(scene, viewer)
        lines, _ = viewer.message(talk.ladder().rungs[0].sight, 8000)
        assert lines[-1] == "…"

    def test_a_short_name_in_a_finding_is_masked(self) -> None:
        finding = Finding(
            "credentials-refused",
            Severity.WRONG,
            1.0,
            (1,),
            {"client": "192.0.2.1", "realm": "r", "user": "201"},
        )
        assert "201" in Viewer(Language.EN).fault(finding).what
        assert "201" not in Viewer(Language.EN, Mask()).fault(finding).what

    def test_hostile_text_is_told(self) -> None:
        (talk,) = talks(hostile())
        assert talk.kind == "message"
        assert talk.call_id.startswith("</pre><script>")


class TestSummary:
    def test_the_worst_comes_first(self) -> None:
        summary = Summary()
        for talk in talks(troubled()) * 2:
            summary.count(talk)
        groups = list(summary.groups())
        order = [list(Severity).index(first.severity) for first, _ in groups]
        assert order == sorted(order)
        assert {count for _, count in groups} == {2}
        assert summary.kinds == {"registration": 2, "call": 2}
        assert summary.wrong
        assert not Summary().wrong


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (0.0, ""),
        (3661.5, "01:01:01.500"),
        (86400.0 * 800, "03-11 00:00:00.000"),
        (1_700_000_000.0, "2023-11-14 22:13:20.000 UTC"),
        (1e30, "?"),
        (float("nan"), "?"),
    ],
)
def test_clock(at: float, shown: str) -> None:
    assert clock(at) == shown


def test_numbers() -> None:
    assert numbers((5, 3, 4, 9)) == "#3–#5, #9"  # noqa: RUF001
    assert numbers(()) == ""
    assert numbers(tuple(range(0, 60, 2))).endswith("#22 …")


def test_labels_are_the_same_in_every_language() -> None:
    english, chinese = labels(Language.EN), labels(Language.ZH)
    assert english.keys() == chinese.keys()
    for name, text in english.items():
        gaps = {gap for gap in ("{0}", "{1}", "{2}", "{3}") if gap in text}
        assert gaps == {gap for gap in ("{0}", "{1}", "{2}", "{3}") if gap in chinese[name]}, name
