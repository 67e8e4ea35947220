"""Text from the wire, made safe to show, and the hook through which it gets colour.

A peer chooses its URIs, Call-IDs and reason phrases. Shown as they are, they could move a
terminal's cursor, break a log line in two or turn the reading direction around. And a line that
could not be read may be the one with somebody's credentials (RFC 7616 §5): those are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Final

LONGEST: Final = 200
"""Characters of one value that are shown before the rest is left out."""


_TELLTALES: Final = ("nonce", "response", "opaque", "password", "basic ", "bearer ")
# What a digest is made of, or the end of the text before its quote; what follows Basic and Bearer.
_SECRET: Final = re.compile(
    r"""\b((?:next|c)?nonce|response|opaque|password)[ \t]*=[ \t]*+"""
    r"""(?:"(?:[^"\\]|\\.)*+"?|[^\s,;"']++)"""
    r"""|\b(authorization:?[ \t]+(?:basic|bearer)[ \t]+)[^\s,"']++""",
    re.IGNORECASE,
)
# RFC 3261 §19.1.1: "sip:" user ":" password "@"
_PASSWORD: Final = re.compile(r"""(sips?:[^\s@:;<>"]++:)[^\s@<>":/]++(?=@)""", re.IGNORECASE)
# The same, found quicker: a pattern in one case has letters to look for.
_MAYBE_PASSWORD: Final = re.compile(r"""sips?:[^\s@:;<>"]++:[^\s@<>":/]++@""")


class Tone(StrEnum):
    """What a piece of a line is, for whoever colours it."""

    TITLE = "title"
    TIME = "time"
    STEP = "step"
    TEXT = "text"
    FLOW = "flow"
    GOOD = "good"
    PENDING = "pending"
    BAD = "bad"
    WHY = "why"


Paint = Callable[[Tone, str], str]
"""Gets every piece of a line, spaces included, and returns it as the output needs it."""


def plain(_tone: Tone, text: str) -> str:
    """Paint nothing."""
    return text


def masked(text: str) -> str:
    """Return the text without the secrets in it: what a password could be tried against, or is."""
    lower = text.lower()
    if any([telltale in lower for telltale in _TELLTALES]):
        text = _SECRET.sub(_mask, text)
    if _MAYBE_PASSWORD.search(lower) is not None:
        text = _PASSWORD.sub(r"\1…", text)
    return text


def _mask(match: re.Match[str]) -> str:
    return f"{match[1]}=…" if match[1] else f"{match[2]}…"


def escape(text: str, longest: int = LONGEST) -> str:
    r"""Return the text without secrets, and with what does not print written as an escape.

    Args:
        text: anything, surrogate-escaped bytes included (they show as ``\xNN``).
        longest: characters of ``text`` that are kept; the rest becomes "…". 0 keeps all.
    """
    text = masked(text)
    if longest and len(text) > longest:
        text = text[:longest] + "…"
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(ord(char)) for char in text)


def _escaped(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
