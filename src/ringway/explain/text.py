"""Text from the wire, made safe to show, and the hook through which it gets colour.

A peer chooses its URIs, Call-IDs and reason phrases. Shown as they are, they could move a
terminal's cursor, break a log line in two or turn the reading direction around.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final

LONGEST: Final = 200
"""Characters of one value that are shown before the rest is left out."""


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


def escape(text: str, longest: int = LONGEST) -> str:
    r"""Return the text with everything that does not print written as an escape.

    Args:
        text: anything, surrogate-escaped bytes included (they show as ``\xNN``).
        longest: characters of ``text`` that are kept; the rest becomes "…". 0 keeps all.
    """
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
