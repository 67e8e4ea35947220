"""Octets that may be SIP, told from all else by their start line, never by a port (RFC 3261 §7)."""

from __future__ import annotations

import re
from typing import Final

from ringway.message.names import METHODS

_METHODS: Final = b"|".join(sorted(method.encode() for method in METHODS))

START_LINE: Final = re.compile(
    rb"(?:SIP/2\.0 [1-6][0-9][0-9](?: [^\r\n]{0,512})?"
    rb"|(?:" + _METHODS + rb") [^\s]{1,1024} SIP/2\.0)\r\n"
)
"""A whole start line of a known method, to be found anywhere in a stream."""

_BEGIN: Final = re.compile(
    rb"(?:\r\n){0,8}(?:SIP/[0-9]|[A-Za-z0-9.!%*_+`'~-]{1,64}[ \t]{1,8}"
    rb"[^\r\n]{0,2048}SIP/[0-9][0-9.]{0,8}[ \t]{0,8}(?:\r|\n|\Z))",
    re.IGNORECASE,
)
_CUT_BEGIN: Final = re.compile(rb"(?:" + _METHODS + rb") +(?:sips?|tel):[^\r\n]*\Z", re.IGNORECASE)
_TEXT: Final = frozenset(
    b"\r\n0123456789!%'*+-._`~ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)


def begins_sip(data: bytes) -> bool:
    """Tell whether a datagram, or what is left of one, is meant as a SIP message."""
    if not data or data[0] not in _TEXT:
        return False
    return _BEGIN.match(data) is not None or _CUT_BEGIN.match(data) is not None
