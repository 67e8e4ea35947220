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
from zlib import crc32

LONGEST: Final = 200
"""Characters of one value that are shown before the rest is left out."""


_TELLTALES: Final = (
    "nonce", "response", "opaque", "auth", "auts", "k=", "passw", "pwd", "gssapi", "inline:",
    "key", "token", "secret", "cookie",
)  # fmt: skip
# White space, or where a folded line goes on (RFC 3261 §7.3.1).
_LWS: Final = r"(?:[ \t]|\r?\n[ \t])*+"
_LINE: Final = r"[^\r\n]++(?:\r?\n[ \t][^\r\n]*+)*+"
_SECRET: Final = re.compile(
    # What a digest is made of, or the end of the text before its quote; keys of AKA (RFC 3310).
    r"(?<![^\W_])((?:next|c)?nonce|response|rspauth|opaque|ck|ik|auts|gssapi-data"
    rf"|passw(?:or)?d|pwd|secret|token|api_?key){_LWS}={_LWS}"
    r"""(?:"(?:[^"\\]|\\.)*+"?|[^\s,;"<>&]++)"""
    # All credentials but those of digest, behind their scheme; those in a URI (RFC 3261 §19.1.1).
    rf"|\b(authorization[ \t]*+:{_LWS}(?!digest\b)(?:[\w-]++(?:[ \t]|\r?\n[ \t])++)?){_LINE}"
    r"|\b(authorization(?:[\s:]|\\[rnt])++(?:basic|bearer)(?:\s|\\[rnt])++)[^\s,\"']++"
    r"|\b(authorization=)[^\s&>\"]++"
    # What applications put beside them.
    rf"|^((?:set-)?cookie[ \t]*+:{_LWS}){_LINE}"
    rf"|^([\w-]*(?:token|secret|passw(?:or)?d|api-?key)[ \t]*+:{_LWS}){_LINE}"
    r"""|\b(passw(?:or)?d["']?[ \t]*+[:>][ \t]*+)(?:"[^"\r\n]*+"?|[^\s,;"<>&]++)"""
    # The keys of media: RFC 4568 §9.2, RFC 8839 §5.4, RFC 4566 §5.12, RFC 4567 §3.1.
    r"|\b(inline:[ \t]*+|ice-pwd:[ \t]*+|k=(?:clear|base64|uri):|key-mgmt:[\w-]++[ \t]++)[^\s|]++",
    re.IGNORECASE | re.MULTILINE,
)
# RFC 3261 §19.1.1: "sip:" user ":" password "@"
_PASSWORD: Final = re.compile(r"""(sips?:[^\s@:<>",]++:)[^\s@<>":]++(?=@)""", re.IGNORECASE)
# The same, found quicker: a pattern in one case has letters to look for.
_MAYBE_PASSWORD: Final = re.compile(r"""sips?:[^\s@:<>",]++:[^\s@<>":]++@""")


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


def masked_message(data: bytes) -> str:
    """Return a SIP message without the secrets in it.

    It can still be read as a message: its body is as long as it was, and what stands for a nonce is
    the same for the same nonce, so that who asks twice with one can be told. Octets that are no
    UTF-8 are surrogate-escaped.
    """
    text = data.decode("utf-8", "surrogateescape")
    lower = text.lower()
    if not (any([each in lower for each in _TELLTALES]) or _MAYBE_PASSWORD.search(lower)):
        return text
    head, gap, body = text.partition("\r\n\r\n")
    head = _PASSWORD.sub(r"\1…", _SECRET.sub(_hidden, head))
    return head + gap + _PASSWORD.sub(_starred, _SECRET.sub(_starred, body))


def _mask(match: re.Match[str]) -> str:
    return f"{match[1]}=…" if match[1] else f"{match[match.lastindex or 0]}…"


def _hidden(match: re.Match[str]) -> str:
    name = match[1]
    if not name:
        return _mask(match)
    value = match[0].encode("utf-8", "surrogateescape") if "nonce" in name.lower() else b""
    return f'{name}="{crc32(value):08x}"'


def _starred(match: re.Match[str]) -> str:
    """Return a secret with a star for each octet of its value."""
    before = match[match.lastindex or 0]
    value = match[0][len(before) :].encode("utf-8", "surrogateescape")
    return before + "*" * len(value)


def escape(text: str, longest: int = LONGEST) -> str:
    r"""Return the text without secrets, and with what does not print written as an escape.

    Args:
        text: anything, surrogate-escaped bytes included (they show as ``\xNN``).
        longest: characters of ``text`` that are kept; the rest becomes "…". 0 keeps all.
    """
    text = masked(text)
    if longest and len(text) > longest:
        text = text[:longest] + "…"
    return printable(text)


def printable(text: str) -> str:
    """Return the text with what does not print written as an escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(ord(char)) for char in text)


def _escaped(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
