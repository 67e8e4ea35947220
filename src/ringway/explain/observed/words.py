"""The sentences of stories, in each language: `data/en/story.toml`, `data/zh/story.toml`.

A sentence is a template: `{who}` is a gap that a line's facts fill, with "?" if nothing is known.
What stands in square brackets is left out where a time in it is not known.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from ringway.codes import Language
from ringway.data_files import read_toml
from ringway.explain.observed.line import Line

TIMES: Final = ("took", "ring", "talk")
"""The facts that are time spans."""

_TIMED: Final = re.compile(r"\[([^\]]*)\]")
_ALL: Final = frozenset(TIMES)


def sentence(line: Line, language: Language = Language.EN) -> str:
    """Return a line as a sentence, its facts as they are: who prints it escapes it.

    Raises:
        KeyError: no sentence has the line's name.
    """
    facts = {name: text or "?" for name, text in line.facts.items()}
    times = frozenset([name for name in TIMES if line.facts.get(name)])
    return sentences(language, times)[line.name].format_map(defaultdict(lambda: "?", facts))


def role(name: str, language: Language = Language.EN) -> str:
    """Return the word for what a place is in a story.

    Raises:
        KeyError: there is no such role.
    """
    return sentences(language)[f"role-{name}"]


@cache
def sentences(language: Language, times: frozenset[str] = _ALL) -> Mapping[str, str]:
    """Return all templates by name, without what needs other times than these."""
    found = read_toml("ringway.explain.observed", f"{language}/story.toml")
    unknown = [f"{{{name}}}" for name in TIMES if name not in times]

    def kept(part: re.Match[str]) -> str:
        return "" if any(gap in part[1] for gap in unknown) else part[1]

    return MappingProxyType({name: _TIMED.sub(kept, str(text)) for name, text in found.items()})
