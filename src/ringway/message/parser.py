"""The one parser: octets in, a validated request or response out.

What frames a message is judged strictly: line ends, the empty line, one Content-Length
that fits. What only describes it is judged leniently, because it is forwarded unread.
A fault does not stop the reading: a request goes on to be indexed as far as it can, so
that the response to it can carry its Via, From, To, Call-ID and CSeq. A response with a
fault is dropped, and so is what cannot be answered: an ACK, and a request without a Via.
RFC 3261 §7, §8.1.1, §8.2.6.2, §16.3, §18.3; the cases of RFC 4475.
"""

import re
from typing import Final

from ringway.errors import ParseError
from ringway.message.fields import unfold
from ringway.message.headers import first_value, parse_cseq, parse_name_addr, parse_via
from ringway.message.memory import remember
from ringway.message.message import BARE_NUL, Message, Request, Response
from ringway.message.names import METHODS, NAMES, SINGLES, canonical_name, is_token, pretty_name

__all__ = [
    "MAX_HEAD",
    "MAX_HEADERS",
    "body_length",
    "parse_datagram",
    "parse_stream_message",
    "validate",
]

MAX_HEAD: Final = 65536
MAX_HEADERS: Final = 256


def parse_datagram(
    data: bytes, *, max_head: int = MAX_HEAD, max_headers: int = MAX_HEADERS
) -> Request | Response:
    """Parse and validate one datagram, or one WebSocket message.

    Empty lines before the start line are skipped. Octets behind the body are dropped and
    never forwarded (RFC 3261 §18.3, RFC 4475 §3.1.1.8). Without a Content-Length the body
    is the rest.

    Args:
        data: The datagram.
        max_head: Largest head in octets; a larger one is answered with 513.
        max_headers: Largest number of header lines; more are answered with 513.

    Returns:
        The message.

    Raises:
        ParseError: It is no correct message. With `status` and `message`, send the
            response (`build_response`); with status None, drop it.
    """
    limits = (max_head, max_headers)
    start = 0
    while data.startswith(b"\r\n", start):
        start += 2
    end = data.find(b"\r\n\r\n", start)
    if end < 0:
        fault = "no empty line ends the head"
        return _parse(data[start:], b"", limits, datagram=True, fault=fault)
    return _parse(data[start:end], data[end + 4 :], limits, datagram=True)


def parse_stream_message(
    head: bytes, body: bytes, *, max_head: int = MAX_HEAD, max_headers: int = MAX_HEADERS
) -> Request | Response:
    """Parse and validate one message that was cut out of a stream.

    Args:
        head: From the start line to the empty line; that line may be left out.
        body: As many octets as Content-Length says; see `body_length`.
        max_head: Largest head in octets; a larger one is answered with 513.
        max_headers: Largest number of header lines; more are answered with 513.

    Returns:
        The message.

    Raises:
        ParseError: As for `parse_datagram`; a Content-Length that is missing or does not
            fit the body is one more fault (RFC 3261 §18.3).
    """
    start = 0
    while head.startswith(b"\r\n", start):
        start += 2
    end = len(head) - 4 if head.endswith(b"\r\n\r\n") else len(head)
    # Compiled, a slice that ends before it begins is an error: heads of empty lines only.
    return _parse(head[start : max(start, end)], body, (max_head, max_headers), datagram=False)


def body_length(head: bytes) -> int | None:
    """Find the Content-Length of a head in a stream, to cut the message out.

    Args:
        head: From the start line to the empty line.

    Returns:
        The number of octets of the body, None if there is no Content-Length.

    Raises:
        ParseError: There is more than one, or it is no sane number: the stream cannot be
            read on and must be closed (400).
    """
    found = _LENGTH.findall(head)
    if not found:
        return None
    if len(found) > 1:
        raise ParseError("more than one Content-Length", header="content-length")
    return _length(unfold(found[0].decode("latin-1")))


def validate(message: Request | Response) -> None:
    """Check the headers every message must have, and nothing else (RFC 3261 §8.1.1).

    The parse functions do this; it is here for messages made in another way.

    Args:
        message: The message.

    Raises:
        ParseError: One is missing, or cannot be read (400; None for a response).
    """
    try:
        _validate(message, message.index())
    except ParseError as error:
        raise _refusal(message, error) from error


# content-length or its compact form, up to a line end that no fold follows
_LENGTH: Final = re.compile(
    rb"\r\n(?:content-length|l)[ \t]*:((?:[^\r\n]|\r\n[ \t])*+)", re.IGNORECASE
)
_LINE_END: Final = re.compile(r"\r\n(?![ \t])")
_STATUS_LINE: Final = re.compile(
    r"(SIP/[0-9]+\.[0-9]+) ([1-6][0-9][0-9])(?: (.*))?", re.IGNORECASE | re.ASCII
)
_VERSION: Final = re.compile(r"SIP/[0-9]+\.[0-9]+", re.IGNORECASE | re.ASCII)
# a CR or LF that does not fold the line, and a NUL that is not in quotes
_STRAY: Final = re.compile(rf"\r(?!\n[ \t])|(?<!\r)\n|\n(?![ \t])|{BARE_NUL.pattern}")
_WHITE: Final = (" ", "\t")
_FOLDED: Final = ParseError("a folded line")
_BROADCAST: Final = "255.255.255.255"
_MAX_LENGTH_DIGITS: Final = 9

_status_lines: Final[dict[str, tuple[int, str]]] = {}


def _parse(
    head: bytes, body: bytes, limits: tuple[int, int], *, datagram: bool, fault: str = ""
) -> Request | Response:
    max_head, max_headers = limits
    error: ParseError | None = ParseError(fault) if fault else None
    if len(head) > max_head:
        error = ParseError("the head is too large", status=513)
        head = head[: max(head.rfind(b"\r\n", 0, max_head), 0)]
    text = head.decode("utf-8", "surrogateescape")
    lines = text.split("\r\n")
    breaks = len(lines) - 1
    if text.count("\n") != breaks or text.count("\r") != breaks:
        error = error or ParseError("a line break that is not CRLF")
    if "\0" in text and BARE_NUL.search(text) is not None:
        error = error or ParseError("a NUL that is not in quotes")
    start = lines.pop(0)
    names: list[str] = []
    first: dict[str, str] = {}
    found = _index(lines, names, first)
    if found is not None:
        if found is _FOLDED:
            lines = _LINE_END.split(text)
            start = lines.pop(0)
            names.clear()
            first.clear()
            found = _index_oddities(lines, names, first)
        error = error or found
    if len(lines) > max_headers:
        error = error or ParseError(f"more than {max_headers} header lines", status=513)

    message, wrong_start = _start(start, names, lines, first)
    # The start line comes first: an unknown version is a 505 whatever else is wrong.
    error = wrong_start or error
    if error is None:
        try:
            _validate(message, first)
            if _BROADCAST in text:
                _refuse_broadcast(message)
            message.body = _cut_body(message, body, datagram=datagram)
        except ParseError as late:
            # In a variable it would hold this frame, and this frame it: all that led here stayed.
            raise _refusal(message, late) from None
        else:
            return message
    raise _refusal(message, error)


def _index(lines: list[str], names: list[str], first: dict[str, str]) -> ParseError | None:
    """Name each header line, "" for one that is none, and keep each header's first value.

    The usual message first: every name spelled as usual, no value empty, no line folded, nothing
    there twice that must not be. Anything else is looked at line by line.
    """
    values: list[str] = []
    for line in lines:
        name, _, value = line.partition(":")
        names.append(NAMES.get(name, ""))
        values.append(value.strip(" \t"))
    if "" not in names and "" not in values:
        first.update(zip(reversed(names), reversed(values), strict=True))
        if len(first) == len(names):
            return None
        singles = [name for name in names if name in SINGLES]
        if len(singles) == len(set(singles)):
            return None
    names.clear()
    first.clear()
    return _index_oddities(lines, names, first)


def _index_oddities(lines: list[str], names: list[str], first: dict[str, str]) -> ParseError | None:
    fault: ParseError | None = None
    for line in lines:
        name, colon, value = line.partition(":")
        key = NAMES.get(name)
        if key is None or not colon:
            if line[:1] in _WHITE:
                return _FOLDED
            name = name.rstrip(" \t")
            key = canonical_name(name)
            if not colon or not is_token(name):
                fault = fault or ParseError(f"not a header line: {line[:80]!r}")
                key = ""
        names.append(key)
        if key not in first:
            first[key] = unfold(value) if "\n" in value else value.strip(" \t")
        elif key in SINGLES:
            fault = fault or ParseError(f"more than one {key}", header=key)
    return fault


def _start(
    start: str, names: list[str], lines: list[str], first: dict[str, str]
) -> tuple[Request | Response, ParseError | None]:
    known = _status_lines.get(start)
    if known is not None:
        return Response(*known, names, lines, b"", start, first), None
    if start[:4].upper() == "SIP/":
        match = _STATUS_LINE.fullmatch(start)
        if match is None or match[1].upper() != "SIP/2.0":
            raise ParseError(f"not a status line: {start[:80]!r}", status=None)
        status, reason = remember(_status_lines, start, (int(match[2]), match[3] or ""))
        return Response(status, reason, names, lines, b"", start, first), None
    words = start.split(" ")
    if len(words) == 3:
        method, uri, version = words
        if version == "SIP/2.0" and "\n" not in start and (method in METHODS or is_token(method)):
            return Request(method, uri, names, lines, b"", version, first), None
    # Something is wrong. What could be meant is kept for the response.
    words = start.split()
    if len(words) < 2 or not is_token(words[0]):
        raise ParseError(f"not a start line: {start[:80]!r}", status=None)
    request = Request(words[0], words[1], names, lines, first=first)
    version = words[-1].upper()
    if len(words) == 3 and _VERSION.fullmatch(version) is not None:
        if version != "SIP/2.0":
            return request, ParseError(f"not SIP/2.0: {version}", status=505)
        if start == f"{words[0]} {words[1]} {words[2]}":
            return Request(words[0], words[1], names, lines, b"", words[2], first), None
    return request, ParseError(f"not a request line: {start[:80]!r}")


def _validate(message: Request | Response, first: dict[str, str]) -> None:
    try:
        via_text = first["via"]
        from_text = first["from"]
        to_text = first["to"]
        call_id = first["call-id"]
        cseq_text = first["cseq"]
    except KeyError as missing:
        name = str(missing.args[0])
        raise ParseError(f"no {pretty_name(name)}", header=name) from None
    via = parse_via(first_value(via_text) if "," in via_text else via_text)
    from_ = parse_name_addr(from_text, "from")
    to = parse_name_addr(to_text, "to")
    cseq = parse_cseq(cseq_text)
    message.adopt(via, from_, to, cseq)
    if not call_id or " " in call_id or "\t" in call_id:
        raise ParseError(f"not a Call-ID: {call_id!r}", header="call-id")
    if isinstance(message, Request):
        if cseq.method != message.method:
            # RFC 4475 §3.1.2.18: for a method nobody knows 501 says more than 400.
            status = 400 if message.method in METHODS else 501
            raise ParseError(
                f"CSeq says {cseq.method}, the request line {message.method}",
                status=status,
                header="cseq",
            )
        if "max-forwards" in first:
            message.max_forwards  # noqa: B018 - reading it is the check
        if message.uri.headers:
            raise ParseError("header fields in the Request-URI")


def _refuse_broadcast(message: Request | Response) -> None:
    """Drop a response that wants to go on to the broadcast address (RFC 4475 §3.3.10)."""
    if not message.is_request:
        for via in message.vias[1:]:
            if _BROADCAST in (via.host, via.received, via.maddr):
                raise ParseError("a response to the broadcast address", header="via")


def _cut_body(message: Message, body: bytes, *, datagram: bool) -> bytes:
    text = message.get("content-length")
    if text == str(len(body)):
        return body
    if text is None:
        if datagram:
            return body
        raise ParseError("no Content-Length in a stream", header="content-length")
    length = _length(text)
    if length == len(body):
        return body
    if length > len(body) or not datagram:
        raise ParseError(
            f"Content-Length is {length}, the body has {len(body)} octets",
            header="content-length",
        )
    return body[:length]


def _length(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > _MAX_LENGTH_DIGITS:
        raise ParseError(f"not a Content-Length: {text[:80]!r}", header="content-length")
    return int(text)


def _refusal(message: Request | Response, error: ParseError) -> ParseError:
    """Return the error with what is needed to answer it, or with the advice to drop."""
    if not isinstance(message, Request):
        return ParseError(error.reason, status=None, header=error.header)
    names: list[str] = []
    lines: list[str] = []
    for name, line in message.lines():
        # A line with a stray CR or LF would be two lines in the response; none can be written.
        if name and _STRAY.search(line) is None:
            names.append(name)
            lines.append(line)
    answerable = message.method != "ACK" and "via" in names
    return ParseError(
        error.reason,
        status=error.status if answerable else None,
        header=error.header,
        message=Request(message.method, message.uri_text, names, lines, version=message.version),
    )
