"""Names and numbers of people, left out: the same one is the same word wherever it stands.

What a digest could be attacked with is left out always, by `ringway.explain.text.escape`; this is
for who wants to show a capture to others. Domains and addresses of machines stay.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["Mask"]

# The user part of a SIP URI, with its password if there is one; the number of a tel URI.
_USER: Final = re.compile(
    r"(\bsips?:)([^@\s;>\"<,?:]{1,300})(?:[;:][^@\s<>\",]{0,300})?@", re.IGNORECASE
)
_TEL: Final = re.compile(r"(\btel:)(\+?[0-9*#().-]{2,})", re.IGNORECASE)
# A display name before an address in angle brackets; a quoted one, or words.
_NAME: Final = re.compile(r"\"(?:[^\"\\]|\\.){1,200}\"(?=\s*<(?:sips?|tel):)", re.IGNORECASE)
_WORDS: Final = re.compile(
    r"(:[ \t]*)[^\s\"<>:][^\"<>\r\n]{0,200}?(?=\s*<(?:sips?|tel):)", re.IGNORECASE
)
# RFC 3261 §25.1: username = "username" EQUAL quoted-string; RFC 8866 §5.2: o=<username> ...
_LOGIN: Final = re.compile(r"(\busername\s*=\s*\")([^\"@\r\n]+)", re.IGNORECASE)
_ORIGIN: Final = re.compile(r"^(o=)([^-\s]\S*)(?= )", re.MULTILINE)
_TOKEN: Final = re.compile(r"[\w.+%~*#-]+")
_SHORTEST: Final = 4
"""Names of fewer characters are left in running text, where they may be anything."""
_MOST: Final = 100_000


class Mask:
    """Replaces user parts, numbers, display names and login names."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        self._given: set[str] = set()

    def __call__(self, text: str) -> str:
        """Return the text without names and numbers of people.

        Names that stood in an address before are replaced wherever they stand.
        """
        text = _NAME.sub('"…"', text)
        text = _WORDS.sub(r"\1…", text)
        text = _USER.sub(lambda found: f"{found[1]}{self._word(found[2])}@", text)
        for pattern in (_TEL, _LOGIN, _ORIGIN):
            text = pattern.sub(lambda found: f"{found[1]}{self._word(found[2])}", text)
        return _TOKEN.sub(self._known, text) if self._words else text

    def learn(self, text: str) -> None:
        """Take in the names that stand in addresses, so that they are replaced elsewhere."""
        for found in _USER.finditer(text):
            self._word(found[2])
        for pattern in (_TEL, _LOGIN, _ORIGIN):
            for found in pattern.finditer(text):
                self._word(found[2])

    def _word(self, name: str) -> str:
        if name in self._given:
            return name
        if name not in self._words:
            if len(self._words) >= _MOST:
                return "user"
            word = self._words[name] = f"user{len(self._words) + 1}"
            self._given.add(word)
        return self._words[name]

    def _known(self, found: re.Match[str]) -> str:
        token = found[0]
        name = token if token in self._words else token.rstrip(".-")
        if len(name) < _SHORTEST or name not in self._words:
            return token
        return self._words[name] + token[len(name) :]
