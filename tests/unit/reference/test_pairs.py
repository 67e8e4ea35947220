"""What is written by hand about pairs: in both languages, and true to the table."""

import re

import pytest

from ringway.codes import TABLE, Circumstance, Language, Role, Source, effects
from ringway.reference.markup import Kind, spans
from ringway.reference.pairs import Pair, pair, written_pairs

PAIRS = sorted(written_pairs(Language.EN))
CJK = re.compile(r"[\u4e00-\u9fff]")


def pieces(shown: Pair) -> tuple[str, ...]:
    return (shown.summary, *shown.differences, *shown.choose)


def effects_of(status: int) -> set[str]:
    return {
        str(effect)
        for role in Role
        for source in Source
        for in_dialog in (False, True)
        for method in ("INVITE", "REGISTER")
        for effect in effects(status, Circumstance(role, method, in_dialog, source))
    }


def test_every_pair_is_in_both_languages() -> None:
    assert written_pairs(Language.EN) == written_pairs(Language.ZH)


def test_a_pair_is_named_lower_code_first() -> None:
    assert all(low < high and {low, high} <= set(TABLE) for low, high in PAIRS)


def test_the_two_that_the_project_is_about_are_there() -> None:
    assert (302, 430) in PAIRS


def test_both_orders_have_the_same_text() -> None:
    assert pair(430, 302, Language.EN) == pair(302, 430, Language.EN) is not None


def test_a_pair_nobody_wrote_about_has_none() -> None:
    assert pair(204, 608, Language.EN) is None


@pytest.mark.parametrize(("low", "high"), PAIRS)
class TestEachPair:
    def test_it_says_the_same_amount_in_both_languages(self, low: int, high: int) -> None:
        en, zh = pair(low, high, Language.EN), pair(low, high, Language.ZH)
        assert en is not None
        assert zh is not None
        assert (len(en.differences), len(en.choose)) == (len(zh.differences), len(zh.choose))
        assert len(en.differences) >= 3
        assert en.choose

    @pytest.mark.parametrize("language", Language)
    def test_it_is_in_its_language(self, low: int, high: int, language: Language) -> None:
        shown = pair(low, high, language)
        assert shown is not None
        for piece in pieces(shown):
            assert bool(CJK.search(piece)) is (language is Language.ZH), piece
            assert not re.search(r"[\u4e00-\u9fff][,;:?!]", piece), piece

    @pytest.mark.parametrize("language", Language)
    def test_its_summary_names_both(self, low: int, high: int, language: Language) -> None:
        shown = pair(low, high, language)
        assert shown is not None
        for status in (low, high):
            assert f"{status}" in shown.summary
            assert TABLE[status].phrase in shown.summary

    @pytest.mark.parametrize("language", Language)
    def test_its_marks_lead_somewhere(self, low: int, high: int, language: Language) -> None:
        shown = pair(low, high, language)
        assert shown is not None
        for piece in pieces(shown):
            for kind, said in spans(piece):
                if kind is Kind.CODE:
                    assert int(said) in TABLE
                if kind is Kind.EFFECT:
                    assert said in effects_of(low) | effects_of(high), piece
                if kind is Kind.TEXT:
                    assert not re.search(r"[{}`*]", said), piece

    @pytest.mark.parametrize("language", Language)
    def test_it_serves_both_orders(self, low: int, high: int, language: Language) -> None:
        shown = pair(low, high, language)
        assert shown is not None
        for piece in pieces(shown):
            assert not re.search(r"\b(former|latter)\b|前者|后者", piece), piece
