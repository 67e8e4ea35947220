"""What people read about a code, in each language.

One file for each code and language, `data/en/430.toml`, read when somebody asks.

In these texts a piece between backticks is SIP or a command, `{480}` is a link to that
code, and `{next flow}` names an effect, which the table must give to the code: so the
prose cannot say what the engine does not do. "RFC 5626 §7" becomes a link by itself.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from ringway.data_files import read_data


class Language(StrEnum):
    """A language that the reference is written in."""

    EN = "en"
    """English."""
    ZH = "zh"
    """Simplified Chinese."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """What each side can do about it, a step to an entry; empty where it can do nothing.

    Attributes:
        caller: The side that sent the request.
        callee: The side that it was for.
        operator: Who runs the servers between them.
    """

    caller: tuple[str, ...]
    callee: tuple[str, ...]
    operator: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What becomes of the call: the answers that are compared line by line.

    Attributes:
        goes_on: Whether the request goes on, and where.
        caller_sees: What the caller gets to see or hear.
        chance: Whether the call still has a chance.
    """

    goes_on: str
    caller_sees: str
    chance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What people read about one code, in one language.

    Attributes:
        phrase: The usual term in this language; in English the reason phrase.
        brief: What it means, in one sentence.
        says: What it says, a clause that goes on from "302 says that ...".
        next: What happens then, a clause that goes on from "After a 302 ...".
        means: What it means, a paragraph to an entry.
        seen_when: When you see it, a case to an entry.
        fix: How to fix it.
        mistakes: What real equipment gets wrong about it.
        example: Why the marked line of the example decides.
        send_when: A clause that goes on from "Send it when ...".
        not_when: A clause that goes on from "Do not send it when ...".
        outlook: What becomes of the call.
        keywords: Words and symptoms that people search with.
    """

    phrase: str
    brief: str
    says: str
    next: str
    means: tuple[str, ...]
    seen_when: tuple[str, ...]
    fix: Fix
    mistakes: tuple[str, ...]
    example: str
    send_when: str
    not_when: str
    outlook: Outlook
    keywords: tuple[str, ...]


@cache
def text(status: int, language: Language = Language.EN) -> Text:
    """Return what people read about a code.

    Args:
        status: A status code of the table.
        language: The language to read it in.

    Raises:
        FileNotFoundError: if the table has no such code.
        ValueError: if its file does not fit `Text`.
    """
    return read_data(Text, "ringway.codes", f"{language}/{status}.toml")
