"""What Ringway does on a response, read from the table and put into words.

Nothing is written here by hand about a single code, so what people read cannot drift
from what the engine does.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final

from ringway.codes import (
    CANCELLED,
    TABLE,
    Circumstance,
    Effect,
    Language,
    Role,
    Rule,
    Source,
    Translation,
    explain,
    facts,
    synthetic,
)
from ringway.reference.labels import labels, reasons
from ringway.reference.views import Deed, LeavesAs

_PASSING: Final = (Effect.INVALIDATE_BINDING, Effect.GIVE_UP)


def deeds(status: int, language: Language) -> tuple[Deed, ...]:
    """Return what each role of Ringway does on a code, by circumstance.

    Args:
        status: A status code of the table.
        language: The language to say it in.
    """
    found: list[Deed] = []
    words = labels(language)
    never_sent = any(each == Translation(None, each.why) for each in TABLE[status].translations)
    for role in Role:
        rules = _rules(status, role)
        if role in (Role.EDGE, Role.REGISTRAR) and not _of_its_own(rules, role):
            continue
        found.extend(
            Deed(
                role=words[f"role_{role}"],
                when=_when(rule, language, alone=len(rules) == 1),
                effects=tuple(map(str, rule.effects)),
                does=words["does_end"] if never_sent else does(rule.effects, language),
                why=reasons(language).get(rule.why, rule.why),
            )
            for rule in rules
        )
    return tuple(found)


def first_deed(status: int, role: Role) -> tuple[Effect, ...]:
    """Return the effects for a request outside a dialog that a code answered on the wire.

    Args:
        status: A status code of the table.
        role: Who looks at it.
    """
    methods = facts(status).methods
    method = "INVITE" if "INVITE" in methods or "*" in methods else methods[0]
    return explain(status, Circumstance(role, method, False, Source.RECEIVED)).effects


def does(effects: tuple[Effect, ...], language: Language) -> str:
    """Return effects as a sentence without its full stop.

    Those done in passing come first; of the others each is for when the one before it is
    not possible.
    """
    words = labels(language)
    passing = [each for each in effects[:-1] if each in _PASSING]
    taking = [each for each in effects if each not in passing]
    chain = words["does_else"].join(words[f"does_{each}"] for each in taking)
    return words["does_then"].join([*(words[f"does_{each}"] for each in passing), chain])


def leaves_as(status: int, language: Language) -> tuple[LeavesAs, ...]:
    """Return what a proxy of ours passes on instead of a code, by circumstance."""
    found = TABLE[status].translations
    return tuple(
        LeavesAs(
            when=_leaves_when(each, language, alone=len(found) == 1),
            status=each.status,
            why=reasons(language).get(each.why, each.why),
        )
        for each in found
    )


def reasons_of_the_table() -> frozenset[str]:
    """Return every reason that a page can show, as the table has it."""
    return frozenset(
        [rule.why for status in TABLE for role in Role for rule in _rules(status, role)]
        + [each.why for code in TABLE.values() for each in code.translations]
    )


def _rules(status: int, role: Role) -> tuple[Rule, ...]:
    """The rules that a role can come upon with a code, each once, in the table's order."""
    return tuple(dict.fromkeys(explain(status, each) for each in _circumstances(status, role)))


def _circumstances(status: int, role: Role) -> Iterator[Circumstance]:
    methods = facts(status).methods
    every = ("INVITE", "REGISTER", "OPTIONS")
    sources = [Source.RECEIVED]
    if role is Role.PROXY:
        sources.append(Source.OWN_EDGE)
    sources += [each for each in (Source.TIMER, Source.TRANSPORT) if synthetic(each) == status]
    if status == CANCELLED:
        sources.append(Source.TIMER)
    for source, in_dialog in product(sources, (False, True)):
        # Any request can meet silence or a broken connection.
        silent = source in (Source.TIMER, Source.TRANSPORT)
        for method in every if silent or "*" in methods else methods:
            if method != "CANCEL" and not (in_dialog and method == "REGISTER"):
                yield Circumstance(role, method, in_dialog, source)


def _of_its_own(rules: tuple[Rule, ...], role: Role) -> bool:
    """Whether a rule is made for this role, and not for proxies or callers as well."""
    return any(rule.roles is not None and rule.roles == {role} for rule in rules)


def _when(rule: Rule, language: Language, *, alone: bool) -> str:
    words = labels(language)
    parts: list[str] = []
    if rule.methods is not None:
        parts.append(words["when_methods"].format(", ".join(sorted(rule.methods))))
    if rule.in_dialog is not None:
        parts.append(words["when_in_dialog" if rule.in_dialog else "when_outside_dialog"])
    if rule.sources is not None:
        parts += [
            words[f"when_{source}"]
            for source in (Source.TIMER, Source.TRANSPORT, Source.OWN_EDGE)
            if source in rule.sources and Source.RECEIVED not in rule.sources
        ]
    if not parts:
        return "" if alone else words["when_otherwise"]
    return words["and"].join(parts)


def _leaves_when(each: Translation, language: Language, *, alone: bool) -> str:
    words = labels(language)
    parts: list[str] = []
    if each.toward is not None:
        parts.append(words[f"toward_{each.toward}"])
    if each.invite is not None:
        parts.append(words["when_invite" if each.invite else "when_not_invite"])
    if each.authoritative:
        parts.append(words["when_authoritative"])
    if each.roles is not None:
        parts += [words["when_role"].format(words[f"role_{role}"]) for role in sorted(each.roles)]
    if each.sources is not None:
        parts += [words[f"when_{source}"] for source in sorted(each.sources)]
    if not parts:
        return words["always" if alone else "when_otherwise"]
    return words["and"].join(parts)
