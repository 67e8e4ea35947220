"""Any two codes compared."""

from itertools import permutations

import pytest

from ringway.codes import TABLE, Language, text
from ringway.reference.compare import compare
from ringway.reference.labels import labels
from ringway.reference.markup import plain

AXES = [
    "class", "sent_by", "acts", "goes_on", "retried", "cached", "caller_sees", "chance", "ringway",
]  # fmt: skip


class TestEveryPair:
    @pytest.mark.parametrize("language", Language)
    def test_all_are_whole(self, language: Language) -> None:
        for first, second in permutations(TABLE, 2):
            found = compare(first, second, language)
            assert (found.first.status, found.second.status) == (first, second)
            assert str(first) in found.summary
            assert str(second) in found.summary
            assert len(found.choose) >= 2
            assert {each.axis for each in found.differences} == {
                labels(language)[f"axis_{axis}"] for axis in AXES
            }
            assert all(each.first and each.second for each in found.differences)

    def test_the_other_order_turns_all_around(self) -> None:
        one, other = compare(302, 430), compare(430, 302)
        assert (one.first, one.second) == (other.second, other.first)
        assert {(each.axis, each.first, each.second) for each in one.differences} == {
            (each.axis, each.second, each.first) for each in other.differences
        }

    def test_what_differs_comes_first(self) -> None:
        for first, second in [(302, 430), (401, 407), (480, 486)]:
            same = [each.first == each.second for each in compare(first, second).differences]
            assert same == sorted(same)


class TestSummary:
    def test_without_a_written_text_both_speak(self) -> None:
        found = compare(204, 608, Language.EN)
        assert text(204, Language.EN).says in found.summary
        assert text(608, Language.EN).next in found.summary
        assert not found.key_differences

    def test_302_and_430_are_told_apart(self) -> None:
        said = plain(compare(302, 430).summary, Language.EN)
        assert "somewhere else for now" in said
        assert "keep the original address" in said
        assert "the address is right" in said
        found = compare(302, 430, Language.ZH)
        assert "暂时在别处" in found.summary
        assert found.key_differences


class TestRefusal:
    def test_an_unregistered_code(self) -> None:
        with pytest.raises(ValueError, match="431 is not a SIP response code"):
            compare(302, 431)

    def test_the_same_code_twice(self) -> None:
        with pytest.raises(ValueError, match="the same code"):
            compare(302, 302)
