"""The page of two codes: what each says, how they differ, when to use which.

Every pair has one. The axes are read from the table and from each code's own text; what
people mix up most has a text of its own besides, see `pairs.py`.
"""

from collections.abc import Callable, Mapping
from typing import Final

from ringway.codes import Effect, Language, Role, facts, text
from ringway.reference.deeds import does, first_deed
from ringway.reference.labels import labels
from ringway.reference.page import cacheable, row_of, sent_by
from ringway.reference.pairs import pair
from ringway.reference.views import Comparison, Difference, Side

_PASSED_ON: Final = frozenset(
    {Effect.FORWARD, Effect.GIVE_UP, Effect.INVALIDATE_BINDING, Effect.END_DIALOG}
)


def compare(first: int, second: int, language: Language = Language.EN) -> Comparison:
    """Return two codes side by side.

    Args:
        first: A status code.
        second: Another one.
        language: The language to show them in.

    Raises:
        ValueError: if one is not registered, or both are the same.
    """
    row_of(first)
    row_of(second)
    if first == second:
        msg = f"{first} and {second} are the same code; name two different ones"
        raise ValueError(msg)
    written = pair(first, second, language)
    differences = _differences(first, second, language)
    return Comparison(
        language=language,
        summary=written.summary if written else _summary(first, second, language),
        first=_side(first, language),
        second=_side(second, language),
        key_differences=written.differences if written else (),
        differences=tuple(sorted(differences, key=lambda each: each.first == each.second)),
        choose=(
            *(written.choose if written else ()),
            *(_use(status, language) for status in (first, second)),
        ),
    )


def _side(status: int, language: Language) -> Side:
    shown = text(status, language)
    return Side(
        status=status,
        phrase=row_of(status).phrase,
        term=shown.phrase,
        brief=shown.brief,
        means=shown.means,
        seen_when=shown.seen_when,
        fix=shown.fix,
        send_when=shown.send_when,
        not_when=shown.not_when,
    )


def _summary(first: int, second: int, language: Language) -> str:
    words = labels(language)
    one, two = text(first, language), text(second, language)
    classes = [words[f"class_{each // 100}"] for each in (first, second)]
    template = "summary_classes" if first // 100 != second // 100 else "summary_class"
    return words["between_sentences"].join(
        [
            words["summary_says"].format(f"{first} {row_or_term(first, language)}", one.says),
            words["summary_says"].format(f"{second} {row_or_term(second, language)}", two.says),
            words[template].format(
                first, second, classes[0], classes[1], f"{first // 100}xx", f"{second // 100}xx"
            ),
            words["summary_next"].format(first, one.next),
            words["summary_next"].format(second, two.next),
        ]
    )


def row_or_term(status: int, language: Language) -> str:
    """Return the phrase of a code, with the usual term of the language before it if it has one."""
    phrase, term = row_of(status).phrase, text(status, language).phrase
    return phrase if term == phrase else labels(language)["term"].format(term, phrase)


def _use(status: int, language: Language) -> str:
    shown = text(status, language)
    return labels(language)["use"].format(status, shown.send_when, shown.not_when)


def _differences(first: int, second: int, language: Language) -> list[Difference]:
    words = labels(language)
    return [
        Difference(words[f"axis_{axis}"], of(first, language), of(second, language))
        for axis, of in _AXES.items()
    ]


def _class(status: int, language: Language) -> str:
    return labels(language)["class"].format(
        f"{status // 100}xx", labels(language)[f"class_{status // 100}"]
    )


def _sent_by(status: int, language: Language) -> str:
    return labels(language)["list"].join(sent_by(row_of(status), language))


def _acts(status: int, language: Language) -> str:
    words = labels(language)
    acts = facts(status).acts
    return words["list"].join(words[f"acts_{each}"] for each in acts) or words["acts_nobody"]


def _retried(status: int, language: Language) -> str:
    """What a proxy or the caller sends again, and where, for a request outside a dialog."""
    words = labels(language)
    said = []
    for role in (Role.PROXY, Role.CALLER):
        again = tuple(each for each in first_deed(status, role) if each not in _PASSED_ON)
        if again:
            said.append(words["by"].format(words[f"role_{role}"], does(again, language)))
    return words["semicolon"].join(said) or words["retried_nothing"]


def _ringway(status: int, language: Language) -> str:
    words = labels(language)
    return words["semicolon"].join(
        words["by"].format(words[f"role_{role}"], does(first_deed(status, role), language))
        for role in (Role.PROXY, Role.CALLER)
    )


_AXES: Final[Mapping[str, Callable[[int, Language], str]]] = {
    "class": _class,
    "sent_by": _sent_by,
    "acts": _acts,
    "goes_on": lambda status, language: text(status, language).outlook.goes_on,
    "retried": _retried,
    "cached": lambda status, language: cacheable(row_of(status), language),
    "caller_sees": lambda status, language: text(status, language).outlook.caller_sees,
    "chance": lambda status, language: text(status, language).outlook.chance,
    "ringway": _ringway,
}
