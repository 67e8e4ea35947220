"""The sentences of findings: the same in both languages, none missing, none too many."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from ringway.codes import Language
from ringway.explain.observed import findings
from ringway.explain.observed.finding import Finding, Severity
from ringway.explain.observed.findings.texts import rules, sentences, told

CODE = "".join(
    file.read_text(encoding="utf-8") for file in Path(findings.__file__).parent.glob("*.py")
)
HERE = Path(__file__).parent
TESTS = "".join(file.read_text(encoding="utf-8") for file in HERE.glob("test_*.py"))


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", list(Language))
def test_every_finding_has_its_sentences(language: Language) -> None:
    assert sentences(language).keys() == rules().keys()


@pytest.mark.parametrize("name", list(rules()))
def test_a_finding(name: str) -> None:
    english, chinese = (sentences(language)[name] for language in Language)
    assert gaps(english.what) == gaps(chinese.what)
    for field in ("why", "todo"):
        for text in (english, chinese):
            assert gaps(getattr(text, field)) <= gaps(english.what) | {"method"}
    for field in ("title", "what", "why", "todo", "proof"):
        assert re.search(r"[\u3000-\uffef]", getattr(chinese, field))
        assert not re.search(r"[\u3000-\uffef]", getattr(english, field))
    assert re.fullmatch(r"RFC \d{4} §[\d.]+(?:, (?:RFC \d{4} )?§[\d.]+)*", rules()[name].clause)
    assert f'"{name}"' in CODE


@pytest.mark.parametrize("name", list(rules()))
def test_it_has_a_test_that_shows_it_and_one_that_does_not(name: str) -> None:
    for says in ("shows", "nearly"):
        assert re.search(rf'\b{says}\([^"]*"{name}"', TESTS)


def test_facts_fill_the_gaps() -> None:
    finding = Finding(
        "reason-given", Severity.NOTE, 0.0, (1,), {"answer": "480", "words": "nobody there"}
    )
    assert told(finding, Language.EN).what == "480: nobody there"
    assert told(finding, Language.ZH).what == "480：nobody there"
    assert told(finding, Language.ZH).clause == "RFC 3326 §2, RFC 3261 §20.43"
