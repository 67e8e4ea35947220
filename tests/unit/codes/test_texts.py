"""The data files: all there, in both languages, and true to the table and to the RFCs."""

import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from http import HTTPStatus
from itertools import product
from pathlib import Path

import pytest

from ringway.codes import (
    TABLE,
    Circumstance,
    Fix,
    Language,
    Outlook,
    Role,
    Source,
    Text,
    effects,
    facts,
    text,
)
from ringway.message import Response, parse_datagram

CORPORA = Path(__file__).parents[4] / "shared" / "corpora" / "rfc"
METHODS = {
    "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH",
    "REFER", "REGISTER", "SUBSCRIBE", "UPDATE",
}  # fmt: skip
PLAIN = ("phrase", "brief")
CLAUSES = ("says", "next", "send_when", "not_when")
CJK = re.compile(r"[\u4e00-\u9fff]")
MARK = re.compile(r"\{([^{}]*)\}")


def texts_of(shown: Text) -> Iterator[tuple[str, str]]:
    """Every piece of text, with the name of its field."""
    for field in fields(shown):
        value = getattr(shown, field.name)
        for part in (
            [value]
            if not isinstance(value, Fix | Outlook)
            else [getattr(value, each.name) for each in fields(value)]
        ):
            for piece in part if isinstance(part, tuple) else (part,):
                yield field.name, piece


@cache
def effects_of(status: int) -> frozenset[str]:
    """Every effect that the table gives to a code in some circumstance."""
    methods = ("INVITE", "REGISTER", "BYE", "OPTIONS")
    return frozenset(
        str(effect)
        for role, method, in_dialog, source in product(Role, methods, (False, True), Source)
        for effect in effects(status, Circumstance(role, method, in_dialog, source))
    )


def counts(shown: Text) -> dict[str, int]:
    return {
        "means": len(shown.means),
        "seen_when": len(shown.seen_when),
        "mistakes": len(shown.mistakes),
        "caller": len(shown.fix.caller),
        "callee": len(shown.fix.callee),
        "operator": len(shown.fix.operator),
    }


@pytest.mark.parametrize("status", TABLE)
class TestFacts:
    def test_methods_and_who_acts(self, status: int) -> None:
        found = facts(status)
        assert found.methods == ("*",) or set(found.methods) <= METHODS
        assert found.methods
        assert set(found.acts) <= {"caller", "proxy", "callee", "operator"}

    def test_header_fields_are_named_once(self, status: int) -> None:
        row, may = TABLE[status], facts(status).may_carry
        assert all(re.fullmatch(r"[A-Z][A-Za-z0-9-]+", name) for name in may)
        assert len(set(may)) == len(may)
        assert not set(may) & {*row.must_carry, *row.must_carry_one_of, *row.should_carry}

    def test_sections_are_further_ones(self, status: int) -> None:
        row, sections = TABLE[status], facts(status).sections
        assert all(re.fullmatch(r"RFC \d{4} §[0-9A-Z][0-9.]*[0-9]?", each) for each in sections)
        assert f"{row.rfc} §{row.section}" not in sections
        assert len(set(sections)) == len(sections)

    def test_sections_exist(self, status: int) -> None:
        if not CORPORA.is_dir():
            pytest.skip("the RFC texts are not here")
        for each in facts(status).sections:
            rfc, section = each.removeprefix("RFC ").split(" §")
            path = CORPORA / f"rfc{rfc}.txt"
            if path.is_file():
                heading = rf"^ *{re.escape(section)}\.? +\S"
                assert re.search(heading, path.read_text(), re.MULTILINE), each

    def test_related_codes_lead_somewhere(self, status: int) -> None:
        related = facts(status).related
        assert related
        assert status not in related
        assert set(related) <= set(TABLE)
        assert list(related) == sorted(set(related))

    def test_http_code_is_one(self, status: int) -> None:
        http = facts(status).http
        assert http == 0 or HTTPStatus(http)

    def test_example_is_a_response_with_the_line_that_decides(self, status: int) -> None:
        row, found = TABLE[status], facts(status)
        assert found.example.splitlines().count(found.decides) == 1
        head, _, body = found.example.partition("\n\n")
        wire = "".join(line + "\r\n" for line in (*head.splitlines(), "", *body.splitlines()))
        message = parse_datagram(wire.encode())
        assert isinstance(message, Response)
        assert (message.status, message.reason) == (status, row.phrase)
        names = {line.partition(":")[0] for line in head.splitlines()}
        assert set(row.must_carry) <= names
        assert not row.must_carry_one_of or set(row.must_carry_one_of) & names
        length = re.search(r"^Content-Length: (\d+)$", head, re.MULTILINE)
        assert length is not None
        assert int(length[1]) == len(wire.encode().partition(b"\r\n\r\n")[2])
        assert max(map(len, found.example.splitlines())) <= 100


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("status", TABLE)
class TestTexts:
    def test_there_is_enough_of_it(self, status: int, language: Language) -> None:
        shown = text(status, language)
        assert len(shown.means) >= 2
        assert len(shown.seen_when) >= 3
        assert len(shown.mistakes) >= 2
        assert len(shown.fix.caller) + len(shown.fix.callee) + len(shown.fix.operator) >= 3
        assert len(shown.keywords) >= 6
        assert len(set(shown.keywords)) == len(shown.keywords)

    def test_it_is_in_its_language(self, status: int, language: Language) -> None:
        for name, piece in texts_of(text(status, language)):
            if language is Language.EN:
                assert not CJK.search(piece), name
            elif name != "keywords":
                assert CJK.search(piece), f"{name}: {piece}"
                assert not re.search(r"[\u4e00-\u9fff][,;:?!]", piece), f"{name}: {piece}"

    def test_sentences_end_and_clauses_do_not(self, status: int, language: Language) -> None:
        shown = text(status, language)
        end = "." if language is Language.EN else "。"
        assert shown.brief.endswith(end)
        for name in CLAUSES:
            assert not getattr(shown, name).endswith((".", "。")), name
            if language is Language.EN:
                word = getattr(shown, name).split()[0]
                assert word[0].islower() or word[1:2].isupper() or word[0] in "`{0123456789", name
        for piece in (*shown.means, *shown.seen_when, *shown.mistakes, shown.example):
            assert piece.endswith((end, end + "\u201d", "?", "？", "\u201d" + end)), piece

    def test_what_is_marked_is_there(self, status: int, language: Language) -> None:
        for name, piece in texts_of(text(status, language)):
            assert piece.count("`") % 2 == 0, piece
            if name in PLAIN:
                assert not re.search(r"[`{}]", piece), name
            for mark in MARK.findall(re.sub(r"`[^`]*`", "", piece)):
                if mark.isdigit():
                    assert int(mark) in TABLE, f"{name}: {{{mark}}} leads nowhere"
                    assert int(mark) != status, f"{name}: {{{mark}}} leads to this very page"
                else:
                    assert mark in effects_of(status), f"{name}: the table has no {{{mark}}}"

    def test_effects_are_marked(self, status: int, language: Language) -> None:
        """So that each can be held against the table."""
        words = "next flow|next server" if language is Language.EN else "下一条流|下一台服务器"
        for name, piece in texts_of(text(status, language)):
            if name in ("keywords", "mistakes"):
                continue
            for found in re.findall(words, MARK.sub("", piece)):
                effect = {"下一条流": "next flow", "下一台服务器": "next server"}.get(found, found)
                assert effect in effects_of(status), f"{name}: {piece}"


@pytest.mark.parametrize("status", TABLE)
class TestBothLanguages:
    def test_they_say_the_same_amount(self, status: int) -> None:
        assert counts(text(status, Language.EN)) == counts(text(status, Language.ZH))

    def test_english_has_the_phrase_of_the_table(self, status: int) -> None:
        assert text(status, Language.EN).phrase == TABLE[status].phrase


class TestTheFiles:
    @pytest.mark.parametrize("folder", ["facts", *Language])
    def test_none_is_left_over(self, folder: str) -> None:
        data = Path(__file__).parents[3] / "src" / "ringway" / "codes" / "data" / folder
        assert {each.stem for each in data.glob("[0-9]*.toml")} == {str(each) for each in TABLE}
