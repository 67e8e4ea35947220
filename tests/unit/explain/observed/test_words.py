"""Every sentence is there in every language, and its gaps are filled."""

import re
import string
from itertools import chain

import pytest
from tests.unit.explain.observed import scenes

from ringway.codes import Language
from ringway.endpoint.decision import Kind
from ringway.explain.observed.line import Line
from ringway.explain.observed.tell import tell
from ringway.explain.observed.tracer import Tracer
from ringway.explain.observed.words import TIMES, role, sentence, sentences

LANGUAGES = list(Language)
ROLES = ("caller", "callee", "phone", "proxy", "registrar", "server")


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def told() -> list[Line]:
    lines: list[Line] = []
    for make in scenes.ALL:
        tracer = Tracer()
        items = make().items
        ended = [each for item in items for each in tracer.feed(item)]
        for each in ended + tracer.close():
            story = tell(each, tracer.flows)
            lines += chain((story.title, story.verdict), story.lines, story.advice)
    return lines


def test_every_language_has_the_same_names_and_gaps() -> None:
    english = sentences(Language.EN)
    for language in LANGUAGES:
        assert {name: gaps(text) for name, text in sentences(language).items()} == {
            name: gaps(text) for name, text in english.items()
        }


def test_chinese_is_chinese() -> None:
    for name, text in sentences(Language.ZH).items():
        assert re.search("[\u4e00-\u9fff]", text), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_gap_of_a_told_sentence_stays_open(language: Language) -> None:
    for line in told():
        known = {name for name, text in line.facts.items() if text}
        times = frozenset(known & {*TIMES})
        open_gaps = gaps(sentences(language, times)[line.name]) - known
        assert not open_gaps, line.name


def test_every_role_has_a_word() -> None:
    for name in ROLES:
        for language in LANGUAGES:
            assert role(name, language)


def test_what_is_not_known_is_a_question_mark() -> None:
    line = Line(0.0, (), "title-call", {"who": ""})
    assert sentence(line) == "? calls ?"
    assert sentence(line, Language.ZH) == "? 呼叫 ?"


def test_a_time_that_is_not_known_is_left_out() -> None:
    line = Line(0.0, (), "verdict-ended", {"who": "al", "ring": "", "talk": "9 s"})
    assert sentence(line) == "Answered; the call lasted 9 s, then al hung up."
    assert sentence(line, Language.ZH) == "接通，通话 9 s，由 al 挂断。"


def test_braces_in_facts_are_text() -> None:
    line = Line(0.0, (), "title-call", {"who": "{whom}", "whom": "{0}"})
    assert sentence(line) == "{whom} calls {0}"


def test_the_scenes_use_every_sentence() -> None:
    """So that the tests above mean something."""
    used = {line.name for line in told()} | {f"role-{name}" for name in ROLES}
    used |= {f"decided-{kind}" for kind in Kind} - {"decided-flow-opened", "decided-flow-closed"}
    assert set(sentences(Language.EN)) == used
