"""From a number, word, header, RFC or symptom to codes, in either language at once.

A code is found by the words of its texts in both languages. Each word weighs as much as
the field it stands in, and more the fewer codes have it; a query's score for a code is
the sum over the words they share. That is all, so the script of the web pages, which has
no server to ask, does the same with `index`.

Chinese has no spaces: there, each two characters that follow each other are a word.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from math import log
from typing import Final, NamedTuple

from ringway.codes import TABLE, Language, facts, text
from ringway.data_files import read_toml
from ringway.reference.markup import plain
from ringway.reference.page import brief
from ringway.reference.views import Brief

LONGEST_QUERY: Final = 200
"""Characters of a query that are looked at."""

_PIECE: Final = re.compile(r"[a-z0-9]+(?:[-.'][a-z0-9]+)*|[\u4e00-\u9fff]+")
_NUMBER: Final = re.compile(r"[1-6]\d\d|[1-6]xx")
_EXACT: Final = 1000.0
_SATURATION: Final = 1.2
_WORDS: Final = read_toml("ringway.reference", "search.toml")
_STOP: Final = frozenset(_WORDS["stop"].split())
_SYNONYMS: Final[Mapping[str, str]] = _WORDS["synonyms"]


class Hit(NamedTuple):
    """A code that was found.

    Attributes:
        brief: The code.
        score: How well it fits; only the order of scores means something.
    """

    brief: Brief
    score: float


def search(query: str, language: Language = Language.EN, limit: int = 10) -> tuple[Hit, ...]:
    """Return the codes that fit a query best, the best first.

    Args:
        query: A number ("430", "4xx"), words in either language, a header, an RFC, a
            symptom. Only its first `LONGEST_QUERY` characters count.
        language: The language to show the codes in.
        limit: How many to return at most.
    """
    scores: defaultdict[int, float] = defaultdict(float)
    weights = _weights()
    for token in dict.fromkeys(tokens(query[:LONGEST_QUERY])):
        for status, weight in weights.get(token, {}).items():
            scores[status] += weight
    best = sorted(scores.items(), key=lambda each: (-each[1], each[0]))[:limit]
    return tuple(Hit(brief(status, language), score) for status, score in best)


def index() -> dict[str, object]:
    """Return what a script needs to search without us: JSON, with weights to three digits.

    "codes" are all status codes; "tokens" has for each token the pairs of a code's place
    in "codes" and its weight; "stop" and "synonyms" are what `tokens` uses.
    """
    places = {status: place for place, status in enumerate(TABLE)}
    return {
        "codes": list(TABLE),
        "tokens": {
            token: [[places[status], round(weight, 3)] for status, weight in found.items()]
            for token, found in sorted(_weights().items())
        },
        "stop": sorted(_STOP),
        "synonyms": _SYNONYMS,
    }


def tokens(written: str) -> Iterator[str]:
    """Yield the words of a text as they are looked up; the pages' script does the same.

    Args:
        written: A query, or a text without marks.
    """
    for piece in _PIECE.findall(written.lower()):
        if "\u4e00" <= piece[0] <= "\u9fff":
            yield from (piece[at : at + 2] for at in range(max(1, len(piece) - 1)))
            continue
        parts = [piece, *re.split(r"[-.']", piece)] if re.search(r"[-.']", piece) else [piece]
        for part in parts:
            word = _SYNONYMS.get(part)
            if word is None and part and part not in _STOP:
                word = _stem(part)
            if word:
                yield word


def _stem(word: str) -> str:
    """A word without its English ending, cut by hand: "calls" and "calling" meet "call"."""
    if not word.isalpha():
        return word
    for ending, least in (("ings", 4), ("ing", 4), ("edly", 4), ("ies", 3), ("ed", 3), ("es", 4)):
        if word.endswith(ending) and len(word) - len(ending) >= least:
            stem = word[: -len(ending)]
            if ending == "ies":
                return stem + "y"
            return stem[:-1] if stem[-1] == stem[-2] and stem[-1] not in "ls" else stem
    if word.endswith("s") and not word.endswith("ss") and len(word) > 3:
        word = word[:-1]
    return word[:-1] if word.endswith("e") and len(word) > 4 else word


@cache
def _weights() -> Mapping[str, Mapping[int, float]]:
    """The weight of each word for each code that has it."""
    found: defaultdict[str, dict[int, float]] = defaultdict(dict)
    for status in TABLE:
        counted: defaultdict[str, float] = defaultdict(float)
        for weight, written in _fields(status):
            for token in set(tokens(written)):
                counted[token] += weight
        for token, weight in counted.items():
            found[token][status] = weight
    weights = {token: _weighed(by_code) for token, by_code in found.items()}
    for status in TABLE:
        weights.setdefault(str(status), {})[status] = _EXACT
        weights.setdefault(f"{status // 100}xx", {})[status] = _EXACT
    return weights


def _weighed(by_code: Mapping[int, float]) -> dict[int, float]:
    """Rare words count more, and a word said often does not count without end."""
    rarity = log(1 + len(TABLE) / len(by_code))
    return {
        status: rarity * weight / (weight + _SATURATION * 4) * 10
        for status, weight in by_code.items()
    }


def _fields(status: int) -> Iterator[tuple[float, str]]:
    """The texts of a code, each with its weight."""
    row, known = TABLE[status], facts(status)
    yield 2, " ".join((f"{row.rfc} rfc{row.rfc[4:]}", *known.sections, *known.methods))
    yield 4, " ".join((*row.must_carry, *row.must_carry_one_of, *row.should_carry))
    yield 1, " ".join(known.may_carry)
    for language in Language:
        shown = text(status, language)
        yield 10, shown.phrase
        for keyword in shown.keywords:
            yield 5, keyword
        yield 3, shown.brief
        for weight, parts in (
            (1.5, shown.seen_when),
            (1, (*shown.fix.caller, *shown.fix.callee, *shown.fix.operator)),
            (1, (shown.says, shown.next, shown.send_when)),
            (0.7, shown.means),
            (0.7, shown.mistakes),
        ):
            for part in parts:
                yield weight, plain(part, language)
