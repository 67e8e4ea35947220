"""Names and numbers of people, left out: the same one is the same word wherever it stands.

What a digest could be attacked with is left out always, by `ringway.explain.text.escape`; this is
for who wants to show a capture to others. Domains and addresses of machines stay, and so do words
that nothing marks as a name. What takes long to read is hostile: no pattern looks far back.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["Mask"]

_SCHEMES: Final = r"(?:sips?|tel|im|pres|mailto|xmpp|urn)"
# The user part of a URI, with its password if there is one; the number of a tel URI.
_USER: Final = re.compile(
    r"(?<![a-z0-9])((?:sips?|im|pres|mailto|xmpp):)([^@\s;>\"<,?:]{1,300}+)"
    r"(?:[;:][^@\s<>\",:]{0,300}+(?::[^@\s<>\",:]{0,300}+)?)?@",
    re.IGNORECASE,
)
# The same with what RFC 3261 §25.1 allows and hardly anybody writes.
_RARE_USER: Final = re.compile(r"(?<![a-z0-9])(sips?:)([^@\s>\"<:]{1,300}+)@", re.IGNORECASE)
_TEL: Final = re.compile(r"(?<![a-z0-9])(tel:)([^\s;>\"<,?@]{2,100}+)", re.IGNORECASE)
_ADDRESS: Final = re.compile(rf"<(?={_SCHEMES}:)", re.IGNORECASE)
_HEADER: Final = re.compile(r"[\w-]{1,50}[ \t]*+:[ \t]*+")
# RFC 7616 §3.4: username, username*; RFC 8866 §5.2: o=<username> ...
_LOGIN: Final = re.compile(
    r"(\busername\*?\s*+=\s*+\"?)((?<=\")(?:[^\"\\@\r\n]|\\.){1,300}+|[^\s\",;@]{1,300}+)",
    re.IGNORECASE,
)
_ORIGIN: Final = re.compile(r"^(o=)([^-\s]\S*+)(?= )", re.MULTILINE)
_WORDS: Final = (_USER, _RARE_USER, _TEL, _LOGIN, _ORIGIN)
# What people write about themselves: SDP's s, i, e, p and u, headers of text, a signed caller
# (RFC 8224 §4), and header fields within a URI that have an address.
_FREE: Final = re.compile(
    r"^([siepu]=)(?!-?[ \t]*+\r?$)[^\r\n]++"
    r"|^((?:Subject|s|Organization|User-to-User|[\w-]*(?:caller|callee|name|number|account)[\w-]*)"
    r"[ \t]*+:[ \t]*+)[^\r\n]++"
    r"|(?<![\w-])(eyJ)[\w-]{8,}+\.[\w-]*+(?:\.[\w-]*+)?"
    r"|([?&][\w-]{1,50}=)(?=[^&>\s\"]{0,300}(?:sips?|tel)%3a)[^&>\s\"]++",
    re.IGNORECASE | re.MULTILINE,
)
_TOKEN: Final = re.compile(r"[\w.+%~*#-]+")
_SHORTEST: Final = 4
"""Names of fewer characters are left in running text, where they may be anything."""
_MOST: Final = 100_000
_READABLE: Final = (
    "application/sdp",
    "message/sipfrag",
    "application/simple-message-summary",
)


class Mask:
    """Replaces user parts, numbers, display names and login names."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        self._given: set[str] = set()

    def __call__(self, text: str) -> str:
        """Return the text without names and numbers of people.

        Names that stood in an address before are replaced wherever they stand.
        """
        text = _FREE.sub(lambda found: f"{found[found.lastindex or 0]}…", _nameless(text))
        text = _USER.sub(lambda found: f"{found[1]}{self._word(found[2])}@", text)
        text = _RARE_USER.sub(lambda found: f"{found[1]}{self._word(found[2])}@", text)
        for pattern in (_TEL, _LOGIN, _ORIGIN):
            text = pattern.sub(lambda found: f"{found[1]}{self._word(found[2])}", text)
        return _TOKEN.sub(self._known, text) if self._words else text

    def learn(self, text: str) -> None:
        """Take in the names that stand in addresses, so that they are replaced elsewhere."""
        for pattern in _WORDS:
            for found in pattern.finditer(text):
                self._word(found[2])

    def name(self, text: str) -> str:
        """Return what stands for a name, however short it is."""
        return self(text) if ":" in text or not text else self._word(text)

    def body(self, kind: str, text: str) -> str:
        """Return a message's body; nothing of one that is written by people, or may be.

        Args:
            kind: its Content-Type.
            text: the body.
        """
        if not text or kind.strip().lower().startswith(_READABLE):
            return text
        return "…"

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


def _nameless(text: str) -> str:
    """Leave out the display names before addresses in angle brackets (RFC 3261 §25.1)."""
    pieces = []
    done = 0
    for found in _ADDRESS.finditer(text):
        before = max(text.rfind(">", done, found.start()), text.rfind("<", done, found.start()))
        begin = max(done, before + 1)
        begin = max(begin, _line_start(text, begin, found.start()))
        name = _name_start(text[begin : found.start()], is_next=0 <= before == begin - 1)
        if name >= 0:
            pieces += [text[done : begin + name], _shown(text[begin + name : found.start()])]
            done = found.start()
    return "".join([*pieces, text[done:]])


def _line_start(text: str, begin: int, end: int) -> int:
    """Return where the line with the end begins; a line that goes on is one with those before."""
    while (line := text.rfind("\n", begin, end)) >= 0:
        if text[line + 1 : line + 2] not in (" ", "\t"):
            return line + 1
        end = line
    return begin


def _name_start(text: str, *, is_next: bool) -> int:
    """Return where the name begins in what is before an address, -1 if there is none."""
    header = _HEADER.match(text)
    quote = text.find('"', 0 if header is None else header.end())
    if is_next:
        comma = text.find(",")
        start = -1 if comma < 0 else comma + 1
        start = quote if quote > start >= 0 else start
    elif quote >= 0:
        start = quote
    else:
        start = -1 if header is None else header.end()
    return start if start >= 0 and text[start:].strip() else -1


def _shown(name: str) -> str:
    shown = '"…"' if '"' in name else "…"
    inner = name.lstrip()
    before = name[: len(name) - len(inner)]
    return before + shown + inner[len(inner.rstrip()) :]
