"""The marks in the texts: `SIP`, *stress*, **heads**, {480}, {next flow}, RFC sections.

`spans` cuts a text into pieces for whoever shows it; `plain` is for where there is no
colour and no link.
"""

import re
from enum import StrEnum
from typing import Final, NamedTuple

from ringway.codes import Language
from ringway.reference.labels import labels


class Kind(StrEnum):
    """What a piece of a text is."""

    TEXT = "text"
    SIP = "sip"
    """A piece of SIP, of a configuration or a command."""
    CODE = "code"
    """A status code to link to; the text is the number."""
    EFFECT = "effect"
    """An effect of the table; the text is its name in the table."""
    STRONG = "strong"
    EMPHASIS = "emphasis"
    RFC = "rfc"
    """A section of an RFC, as "RFC 5626 §7"; `section_url` says where it is."""


class Span(NamedTuple):
    """A piece of a text.

    Attributes:
        kind: What it is.
        text: What it says.
    """

    kind: Kind
    text: str


_MARK: Final = re.compile(
    r"`(?P<sip>[^`]*)`|\*\*(?P<strong>[^*]+)\*\*|\*(?P<emphasis>[^*\s][^*]*)\*"
    r"|\{(?P<code>\d{3})\}|\{(?P<effect>[a-z ]+)\}"
    r"|(?P<rfc>RFC \d+(?: §[0-9A-Z](?:\.?[0-9A-Z])*)?)"
)


def spans(text: str) -> tuple[Span, ...]:
    """Return a text in pieces, in order."""
    found: list[Span] = []
    end = 0
    for match in _MARK.finditer(text):
        if match.start() > end:
            found.append(Span(Kind.TEXT, text[end : match.start()]))
        kind = Kind(str(match.lastgroup))
        found.append(Span(kind, match[kind]))
        end = match.end()
    if end < len(text):
        found.append(Span(Kind.TEXT, text[end:]))
    return tuple(found)


def plain(text: str, language: Language) -> str:
    """Return a text without its marks.

    Args:
        text: The text.
        language: The language that its effects are named in.
    """
    words = labels(language)
    return "".join(
        words[f"effect_{each.text}"] if each.kind is Kind.EFFECT else each.text
        for each in spans(text)
    )


def section_url(name: str) -> str:
    """Return where a section is to be read.

    Args:
        name: As "RFC 5626 §11.5", or "RFC 5626".
    """
    rfc, _, section = name.removeprefix("RFC ").partition(" §")
    if not section:
        return f"https://www.rfc-editor.org/rfc/rfc{rfc}"
    kind = "appendix" if section[0].isalpha() else "section"
    return f"https://www.rfc-editor.org/rfc/rfc{rfc}#{kind}-{section}"
