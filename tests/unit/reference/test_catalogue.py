"""`ringway.codes`, as a program uses it."""

import pytest

import ringway
from ringway.codes import TABLE


class TestCodes:
    def test_it_has_every_code(self) -> None:
        assert list(ringway.codes) == list(TABLE)
        assert len(ringway.codes) == 75
        assert 430 in ringway.codes

    def test_a_code(self) -> None:
        entry = ringway.codes[430]
        assert (entry.status, entry.phrase, str(entry)) == (430, "Flow Failed", "430 Flow Failed")
        assert entry.row is TABLE[430]
        assert entry.page("zh").term == "流失败"

    def test_a_comparison(self) -> None:
        found = ringway.codes[430].compare(302, "zh")
        assert (found.first.status, found.second.status) == (430, 302)

    def test_a_search(self) -> None:
        assert ringway.codes.search("flow failed")[0].status == 430

    def test_an_unknown_code(self) -> None:
        with pytest.raises(KeyError):
            ringway.codes[499]
        assert ringway.codes.read_as(499).status == 400

    def test_an_unknown_language(self) -> None:
        with pytest.raises(ValueError, match="fr"):
            ringway.codes[430].page("fr")
