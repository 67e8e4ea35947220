"""The page of one code: its row, its facts and its text put together."""

from functools import cache
from http import HTTPStatus
from typing import Final

from ringway.codes import TABLE, Cache, Code, Language, Sender, facts, text
from ringway.reference import q850
from ringway.reference.deeds import deeds, leaves_as
from ringway.reference.labels import labels
from ringway.reference.markup import section_url
from ringway.reference.views import Brief, Cause, CodePage, Http, Section

_CACHE: Final = {
    Cache.NEVER: "cache_never",
    Cache.WITH_EXPIRY: "cache_with_expiry",
    Cache.PERMANENT: "cache_permanent",
}


def row_of(status: int) -> Code:
    """Return the row of a code.

    Args:
        status: A status code.

    Raises:
        ValueError: if no such code is registered.
    """
    row = TABLE.get(status)
    if row is None:
        near = [str(each) for each in TABLE if each // 10 == status // 10]
        hint = f"near it are {', '.join(near)}" if near else "see `ringway codes` for all"
        msg = f"{status} is not a SIP response code that IANA has registered; {hint}"
        raise ValueError(msg)
    return row


@cache
def brief(status: int, language: Language) -> Brief:
    """Return a code as it stands in a list.

    Args:
        status: A status code.
        language: The language to show it in.

    Raises:
        ValueError: if no such code is registered.
    """
    row, shown = row_of(status), text(status, language)
    return Brief(status, row.phrase, shown.phrase, shown.brief)


def briefs(language: Language) -> tuple[Brief, ...]:
    """Return every code as it stands in a list, in order."""
    return tuple(brief(status, language) for status in TABLE)


def sent_by(row: Code, language: Language) -> tuple[str, ...]:
    """Return who may be the first to send a code, in the order of `Sender`."""
    words = labels(language)
    return tuple(words[f"sender_{each}"] for each in Sender if each in row.may_be_sent_by)


def cacheable(row: Code, language: Language) -> str:
    """Return for how long the Contacts of a code may be used again."""
    return labels(language)[_CACHE[row.cacheable]]


@cache
def code_page(status: int, language: Language) -> CodePage:
    """Return everything about one code.

    Args:
        status: A status code.
        language: The language to show it in.

    Raises:
        ValueError: if no such code is registered.
    """
    row, known, shown = row_of(status), facts(status), text(status, language)
    words = labels(language)
    example = tuple(known.example.splitlines())
    return CodePage(
        language=language,
        status=status,
        phrase=row.phrase,
        term=shown.phrase,
        status_class=f"{status // 100}xx",
        class_name=words[f"class_{status // 100}"],
        brief=shown.brief,
        means=shown.means,
        seen_when=shown.seen_when,
        fix=shown.fix,
        deeds=deeds(status, language),
        leaves_as=leaves_as(status, language),
        outlook=shown.outlook,
        mistakes=shown.mistakes,
        example=example,
        decides=example.index(known.decides),
        example_note=shown.example,
        methods=known.methods,
        sent_by=sent_by(row, language),
        must_carry=row.must_carry,
        must_carry_one_of=row.must_carry_one_of,
        should_carry=row.should_carry,
        may_carry=known.may_carry,
        cacheable=cacheable(row, language),
        send_when=shown.send_when,
        not_when=shown.not_when,
        sections=tuple(
            Section(name, section_url(name))
            for name in (f"{row.rfc} §{row.section}", *known.sections)
        ),
        related=tuple(brief(each, language) for each in known.related),
        http=Http(known.http, HTTPStatus(known.http).phrase) if known.http else None,
        q850=_cause(q850.FROM_SIP.get(status)),
        from_q850=tuple(
            Cause(each, q850.NAMES[each]) for each, to in q850.TO_SIP.items() if to == status
        ),
        keywords=shown.keywords,
    )


def _cause(number: int | None) -> Cause | None:
    return None if number is None else Cause(number, q850.NAMES[number])
