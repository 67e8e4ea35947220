"""Strings for branches and tags: unguessable, and never the same again (RFC 3261 §8.1.1.7, §19.3).

A call takes three, and asking the system for each is dearer than making a message; so it is asked
for many at once. They are used once and forgotten, so nothing is lost by drawing them early.
"""

from __future__ import annotations

import secrets
from typing import Final

__all__ = ["Unique"]

_OCTETS: Final = 9  # 72 bits: two of a billion are equal once in ten thousand servers
_LENGTH: Final = 12  # in base64
_AT_ONCE: Final = 512


class Unique:
    """Gives another string of token characters at each call."""

    __slots__ = ("_drawn",)

    def __init__(self) -> None:
        self._drawn: list[str] = []

    def __call__(self) -> str:
        """Return a string that nobody has had before."""
        drawn = self._drawn
        if not drawn:
            text = secrets.token_urlsafe(_OCTETS * _AT_ONCE)
            drawn.extend(text[at : at + _LENGTH] for at in range(0, len(text), _LENGTH))
        return drawn.pop()
