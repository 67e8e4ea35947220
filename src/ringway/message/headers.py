"""Taking header values apart: Via, name-addr, CSeq, and the lists and parameters they share.

The one place where a header's value is read. Values come in unfolded. What is read here is
only looked at: a forwarded line goes out as it came in, so nothing is normalised on the way.
RFC 3261 §7.3.1, §20 and §25.1; `values.py` holds what comes out.
"""

import re
from typing import Final

from ringway.errors import ParseError
from ringway.message.memory import remember
from ringway.message.names import TCHARS
from ringway.message.uri import Params, parse_host, parse_uri
from ringway.message.values import (
    CSeq,
    NameAddr,
    Reason,
    Via,
    Warning399,
    parse_delta,
    quote,
    unquote,
)

__all__ = [
    "CSeq",
    "NameAddr",
    "Reason",
    "Via",
    "Warning399",
    "first_value",
    "parse_cseq",
    "parse_delta",
    "parse_name_addr",
    "parse_params",
    "parse_reason",
    "parse_via",
    "parse_warning",
    "quote",
    "split_values",
    "unquote",
]


def parse_via(text: str) -> Via:
    """Parse one Via value.

    Args:
        text: One value, unfolded; not a comma-joined list.

    Returns:
        The value.

    Raises:
        ParseError: It is no correct Via, or one parameter stands in it twice (400).
    """
    sender, semicolon, params = text.partition(";")
    try:
        protocol, transport, host, port = _sender(sender)
        return Via(protocol, transport, host, port, parse_params(";" + params) if semicolon else ())
    except ParseError as error:
        raise ParseError(error.reason, header="via") from error


def parse_name_addr(text: str, header: str = "") -> NameAddr:
    """Parse one name-addr or addr-spec with its parameters.

    An addr-spec without "<>" ends at the first ";", and may hold neither "?" nor ","
    (RFC 3261 §20).

    Args:
        text: One value, unfolded; not a comma-joined list.
        header: Name of the header it stands in, for the error.

    Returns:
        The value.

    Raises:
        ParseError: It is neither, or one parameter stands in it twice (400).
    """
    found = _memo.get(text)
    if found is None:
        try:
            found = remember(_memo, text, _name_addr(text))
        except ParseError as error:
            raise ParseError(error.reason, header=header) from error
    return found


def parse_params(text: str) -> Params:
    """Parse header parameters.

    Args:
        text: The parameters, the ";" in front of the first included; may be empty.

    Returns:
        Name and value pairs in order: names in lower case, values as they stand, quotes
        included, and None for a bare name.

    Raises:
        ParseError: They break the grammar, or a name stands twice (400, RFC 3261 §7.3.1).
    """
    params: list[tuple[str, str | None]] = []
    if _PLAIN_PARAMS.fullmatch(text) is not None:
        for part in text[1:].split(";"):
            name, equal, value = part.partition("=")
            params.append((name.lower(), value if equal else None))
    else:
        position = 0
        end = len(text)
        while position < end:
            match = _PARAM.match(text, position)
            if match is None:
                raise ParseError(f"not a parameter: {text[position : position + 80]!r}")
            params.append((match[1].lower(), match[2]))
            position = match.end()
    if len(params) > 1 and len(dict(params)) != len(params):
        raise ParseError(f"a parameter stands twice: {text[:80]!r}")
    return tuple(params)


def parse_cseq(text: str) -> CSeq:
    """Parse a CSeq value.

    Args:
        text: The value, unfolded.

    Returns:
        The value; its number is below 2**31 (RFC 3261 §8.1.1.5).

    Raises:
        ParseError: It is none, or the number is too large (400).
    """
    found = _cseqs.get(text)
    if found is None:
        match = _CSEQ.fullmatch(text)
        if match is None:
            raise ParseError(f"not a CSeq: {text[:80]!r}", header="cseq")
        digits = match[1].lstrip("0") or "0"
        if len(digits) > 10 or int(digits) >= 2**31:
            raise ParseError("the CSeq number is 2**31 or more", header="cseq")
        found = remember(_cseqs, text, CSeq(int(digits), match[2]))
    return found


def parse_reason(text: str) -> Reason:
    """Parse one Reason value.

    Args:
        text: One value, unfolded.

    Returns:
        The value.

    Raises:
        ParseError: It breaks the grammar (400).
    """
    protocol, semicolon, rest = text.partition(";")
    protocol = protocol.strip(" \t")
    if _TOKEN.fullmatch(protocol) is None:
        raise ParseError(f"not a Reason: {text[:80]!r}", header="reason")
    return Reason(protocol, parse_params(semicolon + rest))


def parse_warning(text: str) -> Warning399:
    """Parse one Warning value.

    Args:
        text: One value, unfolded.

    Returns:
        The value.

    Raises:
        ParseError: It breaks the grammar (400).
    """
    match = _WARNING.fullmatch(text)
    if match is None:
        raise ParseError(f"not a Warning: {text[:80]!r}", header="warning")
    return Warning399(int(match[1]), match[2], unquote(match[3]))


def split_values(text: str) -> list[str]:
    """Split a header's value at the commas between its values.

    Args:
        text: The value of one line, unfolded or not.

    Returns:
        The values, stripped. A comma inside quotes or "<>" splits nothing, an empty
        element is kept as "" so that the reader of the values can refuse it.
    """
    if "," not in text:
        return [text]
    if '"' not in text and "<" not in text:
        return [part.strip(_SPACE) for part in text.split(",")]
    values: list[str] = []
    start = 0
    for match in _COMMA.finditer(text):
        if match[0] == ",":
            values.append(text[start : match.start()].strip(_SPACE))
            start = match.end()
    values.append(text[start:].strip(_SPACE))
    return values


def first_value(text: str) -> str:
    """Return the first of the values that commas join."""
    return split_values(text)[0] if "," in text else text


_SPACE: Final = " \t\r\n"
_WSP: Final = r"[ \t]*"
# A quoted-string. The quantifiers below are possessive where a hostile value could make the
# expression try its way through the text again from every position.
_QUOTED: Final = r'"(?:[^"\\\r\n]|\\[^\r\n])*+"'
# gen-value = token / host / quoted-string; unquoted, more than a token is let through
_VALUE: Final = r'[^\x00-\x20\x7f;,"<>=?@\\][^\x00-\x20\x7f;,"<>?@\\]*'

_TOKEN: Final = re.compile(TCHARS)
# what may hide a comma, closed or not, or a comma
_COMMA: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|<[^>]*+>?|,', re.DOTALL)
# *( SEMI generic-param )
_PARAM: Final = re.compile(
    rf"{_WSP};{_WSP}({TCHARS})(?:{_WSP}={_WSP}({_QUOTED}|{_VALUE}))?{_WSP}",
    re.DOTALL,
)
_PLAIN_PARAMS: Final = re.compile(rf"(?:;{TCHARS}(?:={_VALUE})?)++")
# sent-protocol LWS sent-by
_SENDER: Final = re.compile(
    rf"({TCHARS}){_WSP}/{_WSP}({TCHARS}){_WSP}/{_WSP}({TCHARS})[ \t]+"
    rf"(\[[^\]]*\]|[A-Za-z0-9_.\-]+)(?:{_WSP}:{_WSP}([0-9]{{1,5}}))?{_WSP}"
)
# [ display-name ] LAQUOT addr-spec RAQUOT *( SEMI param ). An unquoted display name may
# hold more than tokens; never a comma or quote (RFC 4475 §3.1.2.15, §3.1.2.6).
_BRACKETED: Final = re.compile(
    rf'(?:({_QUOTED}){_WSP}|([^"<>,;:\\\x00-\x08\x0a-\x1f\x7f]*+))'
    rf'<([^<>"\x00-\x20\x7f]+)>{_WSP}(;.*)?',
    re.DOTALL,
)
_BARE: Final = re.compile(r'([^<>"?,;\x00-\x20\x7f]+)[ \t]*(;.*)?', re.DOTALL)
_CSEQ: Final = re.compile(rf"([0-9]+)[ \t]+({TCHARS})")
_WARNING: Final = re.compile(rf"([0-9]{{3}})[ \t]+([^ \t\"]+)[ \t]+({_QUOTED})", re.DOTALL)

_memo: Final[dict[str, NameAddr]] = {}
_cseqs: Final[dict[str, CSeq]] = {}
_senders: Final[dict[str, tuple[str, str, str, int | None]]] = {}


def _sender(text: str) -> tuple[str, str, str, int | None]:
    """Return protocol, transport, host and port of a Via; each peer repeats its own."""
    found = _senders.get(text)
    if found is None:
        match = _SENDER.fullmatch(text)
        if match is None:
            raise ParseError(f"not a Via value: {text[:80]!r}")
        protocol, version, transport, host, digits = match.groups()
        port = None if digits is None else int(digits)
        if port is not None and port > 65535:
            raise ParseError(f"no such port: {text[:80]!r}")
        sender = (f"{protocol}/{version}", transport.lower(), parse_host(host), port)
        found = remember(_senders, text, sender)
    return found


def _name_addr(text: str) -> NameAddr:
    match = _BRACKETED.fullmatch(text)
    if match is not None:
        quoted, plain, uri_text, params = match.groups()
        display = plain.strip(" \t") if quoted is None else unquote(quoted)
        bracketed = True
    else:
        match = _BARE.fullmatch(text)
        if match is None:
            raise ParseError(f"not an address: {text[:80]!r}")
        display = ""
        bracketed = False
        uri_text, params = match.groups()
    return NameAddr(
        display,
        parse_uri(uri_text),
        parse_params(params) if params else (),
        uri_text,
        bracketed,
    )
