"""What a finding says, in English and Chinese.

`data/findings.toml` has what is the same in every language: how bad it is and the RFC clause.
`data/en/findings.toml` and `data/zh/findings.toml` have the sentences, whose gaps a finding's facts
fill.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from ringway.codes import Language
from ringway.data_files import read_toml
from ringway.explain.observed.finding import Finding, Severity

_PACKAGE: Final = "ringway.explain.observed"


@dataclass(frozen=True, slots=True)
class Told:
    """A finding as people read it.

    Attributes:
        title: a few words.
        what: what was seen, with its facts.
        why: what it does to calls, and what the rule is.
        todo: what to do about it.
        clause: where the rule stands, as "RFC 5626 §4.5".
    """

    title: str
    what: str
    why: str
    todo: str
    clause: str


@dataclass(frozen=True, slots=True)
class Sentences:
    """What stands in a language's file under a name.

    Attributes:
        title: a few words.
        what: what was seen; `{name}` is a gap for a fact, here and in the next two.
        why: what it does to calls, and what the rule is.
        todo: what to do about it.
        proof: what in a capture proves it, for the table in the docs.
    """

    title: str
    what: str
    why: str
    todo: str
    proof: str


@dataclass(frozen=True, slots=True)
class Rule:
    """What stands in `data/findings.toml` under a name.

    Attributes:
        severity: how bad it is.
        clause: where the rule stands.
    """

    severity: Severity
    clause: str


def told(finding: Finding, language: Language) -> Told:
    """Return what a finding says.

    Args:
        finding: the finding; its facts come out as they are, for the caller to escape;
            one that could not be read is "?".
        language: the language.

    Raises:
        KeyError: no finding has that name.
    """
    text = sentences(language)[finding.name]
    facts = defaultdict(lambda: "?", finding.facts)
    return Told(
        text.title,
        text.what.format_map(facts),
        text.why.format_map(facts),
        text.todo.format_map(facts),
        rules()[finding.name].clause,
    )


@cache
def rules() -> Mapping[str, Rule]:
    """Return every finding there is, by name: how bad it is, and the clause."""
    found = read_toml(_PACKAGE, "findings.toml")
    return {name: Rule(Severity(each["severity"]), each["clause"]) for name, each in found.items()}


@cache
def sentences(language: Language) -> Mapping[str, Sentences]:
    """Return the sentences of every finding in a language, by name."""
    found = read_toml(_PACKAGE, f"{language}/findings.toml")
    return {name: Sentences(**each) for name, each in found.items()}
