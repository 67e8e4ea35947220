"""Requests and responses, and the draft by which a message is changed for forwarding.

`to_bytes` joins the lines of a message again, so what nobody changed goes out as the octets
that came in. A message does not change; `edit` gives a `Draft`, and `Draft.build` the next
message. No value given to a draft can smuggle in another line. RFC 3261 §7, §16.6.
"""

import re
from typing import Final, Generic, TypeVar, cast

from ringway.message.fields import HeaderFields, unfold
from ringway.message.headers import Via, split_values
from ringway.message.memory import remember
from ringway.message.names import LISTS, canonical_name, pretty_name
from ringway.message.uri import Uri, parse_uri

__all__ = ["BARE_NUL", "Draft", "Message", "Request", "Response", "checked_value", "header_line"]


BARE_NUL: Final = re.compile(r"(?<!\\)\0")
"""A NUL that is no half of a quoted-pair, and so stands nowhere in the grammar."""

_heads: Final[dict[str, tuple[str, str]]] = {}


def header_line(name: str, value: str) -> tuple[str, str]:
    """Return a header's canonical name, and its line.

    Raises:
        ValueError: The name is none, or the value would smuggle another line in.
    """
    head = _heads.get(name)
    if head is None:
        head = remember(_heads, name, (canonical_name(name), f"{pretty_name(name)}: "))
    if "\n" in value or "\r" in value or "\0" in value:
        checked_value(value)
    return head[0], head[1] + value


def checked_value(text: str) -> str:
    """Return the text if it can stand in a start line or header line.

    Raises:
        ValueError: It would end the line, and smuggle another one in; or has a NUL, which may only
            be one half of a quoted-pair (RFC 3261 §25.1).
    """
    if "\n" in text or "\r" in text or ("\0" in text and BARE_NUL.search(text) is not None):
        raise ValueError(f"a line break in a line: {text!r}")
    return text


class Message(HeaderFields):
    """What requests and responses share: a start line, header lines and a body.

    Args:
        start: The start line.
        names: Canonical name of each header line.
        lines: Each header line, without its CRLF at the end.
        body: The body.
        first: The first value of each header, if the parser has found them already.
    """

    __slots__ = ("_start", "body")

    is_request: bool = False

    def __init__(
        self,
        start: str,
        names: list[str],
        lines: list[str],
        body: bytes = b"",
        first: dict[str, str] | None = None,
    ) -> None:
        super().__init__(names, lines, first)
        self._start = start
        self.body = body

    @property
    def start_line(self) -> str:
        """The request line or status line."""
        return self._start

    def to_bytes(self) -> bytes:
        """Return the message for the wire: every line and the body as they are."""
        return _octets(self._start, self._lines, self.body)

    def mark_top_via(self, text: str, via: Via) -> None:
        """Put a value in the place of the topmost Via, in this very message.

        Only for who has just parsed it, before anybody else sees it: a server writes into every
        request where it came from (RFC 3261 §18.2.1). Whoever comes later edits a draft.

        Args:
            text: The value, one line.
            via: The same, parsed.
        """
        position = self._names.index("via")
        rest = _first_and_rest("via", self._lines[position])[1]
        value = f"{checked_value(text)}, {rest}" if rest else checked_value(text)
        self._lines[position] = f"Via: {value}"
        if self._first is not None:
            self._first["via"] = unfold(value)
        self._top_via = via

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._start!r} {self.get('call-id')!r}>"


class Request(Message):
    """A request.

    Args:
        method: The method, case-sensitive.
        uri_text: The Request-URI as it stands.
        names: Canonical name of each header line.
        lines: Each header line, without its CRLF at the end.
        body: The body.
        version: The SIP version.
        first: The first value of each header, if the parser has found them already.
    """

    __slots__ = ("_uri", "method", "uri_text", "version")

    is_request = True

    def __init__(
        self,
        method: str,
        uri_text: str,
        names: list[str],
        lines: list[str],
        body: bytes = b"",
        version: str = "SIP/2.0",
        first: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{method} {uri_text} {version}", names, lines, body, first)
        self.method = method
        self.uri_text = uri_text
        self.version = version
        self._uri: Uri | None = None

    @property
    def uri(self) -> Uri:
        """The Request-URI. Raises ParseError."""
        uri = self._uri
        if uri is None:
            uri = self._uri = parse_uri(self.uri_text)
        return uri

    def without(self, name: str) -> "Request":
        """Return this request without a header; what is parsed already stays parsed.

        Args:
            name: Canonical name of the header, none of those that every message has.
        """
        names, lines = self.copy_lines()
        while name in names:
            position = names.index(name)
            del names[position]
            del lines[position]
        first = self.index().copy()
        first.pop(name, None)
        other = Request(self.method, self.uri_text, names, lines, self.body, self.version, first)
        other.adopt(self.top_via, self.from_, self.to, self.cseq)
        return other

    def edit(self) -> "Draft[Request]":
        """Return a draft of this request, to be changed and built into the next one."""
        return Draft(self)


class Response(Message):
    """A response.

    Args:
        status: The status code.
        reason: The reason phrase; may be empty.
        names: Canonical name of each header line.
        lines: Each header line, without its CRLF at the end.
        body: The body.
        start: The status line, if it is not to be written anew.
        first: The first value of each header, if the parser has found them already.
    """

    __slots__ = ("reason", "status")

    def __init__(
        self,
        status: int,
        reason: str,
        names: list[str],
        lines: list[str],
        body: bytes = b"",
        start: str = "",
        first: dict[str, str] | None = None,
    ) -> None:
        super().__init__(start or f"SIP/2.0 {status} {reason}", names, lines, body, first)
        self.status = status
        self.reason = reason

    def edit(self) -> "Draft[Response]":
        """Return a draft of this response, to be changed and built into the next one."""
        return Draft(self)


M = TypeVar("M", bound=Message)


class Draft(Generic[M]):
    """A copy of a message that can be changed: the lines nobody touches stay as they are.

    Names are taken in any case; a value must be one line. Every method raises ValueError
    for a value with a line break, so that no value can smuggle in another header.
    Call `build` or `to_bytes` when done.

    Attributes:
        message: What it was made from; it does not change.
    """

    __slots__ = ("_body", "_lines", "_names", "_shared", "_uri", "message")

    def __init__(self, message: M) -> None:
        self.message = message
        self._names, self._lines = message.copy_lines()
        self._shared = False  # whether a message that was built has our lists
        self._body = message.body
        self._uri: str | None = None

    def uri(self, text: str | Uri) -> None:
        """Set the Request-URI."""
        if not self.message.is_request:
            raise ValueError("a response has no Request-URI")
        text = str(text)
        if not text or " " in text or "\t" in text:
            raise ValueError(f"not a Request-URI: {text!r}")
        self._uri = checked_value(text)

    def has(self, name: str) -> bool:
        """Say whether a header is there."""
        return canonical_name(name) in self._names

    def prepend(self, name: str, value: str) -> None:
        """Add a line above all lines of that header; above all others if there is none."""
        key, line = header_line(name, value)
        names = self._own_names()
        position = names.index(key) if key in names else 0
        names.insert(position, key)
        self._lines.insert(position, line)

    def append(self, name: str, value: str) -> None:
        """Add a line below all lines of that header; below all others if there is none."""
        key, line = header_line(name, value)
        names = self._own_names()
        position = len(names)
        if key in names:
            position -= names[::-1].index(key)
        names.insert(position, key)
        self._lines.insert(position, line)

    def replace(self, name: str, value: str) -> None:
        """Put one line in the place of all lines of that header; add it if there is none."""
        key, line = header_line(name, value)
        names = self._own_names()
        if key not in names:
            names.append(key)
            self._lines.append(line)
            return
        position = names.index(key)
        if names.count(key) > 1:
            self.remove(key)
            names.insert(position, key)
            self._lines.insert(position, line)
        else:
            self._lines[position] = line

    def replace_first(self, name: str, value: str) -> None:
        """Put a value in the place of the first value of that header, even a joined one.

        Values joined to the first one by commas stay, as they are, in the same line.
        The header is added if it is not there.
        """
        key, line = header_line(name, value)
        names = self._own_names()
        if key not in names:
            names.append(key)
            self._lines.append(line)
            return
        position = names.index(key)
        rest = _first_and_rest(key, self._lines[position])[1]
        self._lines[position] = f"{line}, {rest}" if rest else line

    def replace_top_via(self, text: str) -> None:
        """Put a value in the place of the topmost Via value."""
        self.replace_first("via", text)

    def remove(self, name: str) -> None:
        """Take out all lines of that header."""
        key = canonical_name(name)
        names = self._own_names()
        while key in names:
            position = names.index(key)
            del names[position]
            del self._lines[position]

    def pop_value(self, name: str) -> str | None:
        """Take out the first value of that header, even a joined one.

        Returns:
            The value, unfolded and stripped; None if the header is not there.
        """
        key = canonical_name(name)
        names = self._own_names()
        if key not in names:
            return None
        position = names.index(key)
        value, rest = _first_and_rest(key, self._lines[position])
        if rest:
            self._lines[position] = f"{pretty_name(key)}: {rest}"
        else:
            del names[position]
            del self._lines[position]
        return unfold(value)

    def body(self, data: bytes, content_type: str | None = None) -> None:
        """Set the body and its Content-Length, and the Content-Type if it is given."""
        self._body = data
        self.replace("content-length", str(len(data)))
        if content_type is not None:
            self.replace("content-type", content_type)
        elif not data:
            self.remove("content-type")

    def build(self) -> M:
        """Return the changed message. The draft may be changed on for another one."""
        message: Message = self.message
        self._shared = True
        names = self._names
        lines = self._lines
        if isinstance(message, Request):
            uri = message.uri_text if self._uri is None else self._uri
            request = Request(message.method, uri, names, lines, self._body, message.version)
            return cast("M", request)
        assert isinstance(message, Response)  # noqa: S101 - there is no third kind
        response = Response(
            message.status,
            message.reason,
            names,
            lines,
            self._body,
            message.start_line,
        )
        return cast("M", response)

    def to_bytes(self) -> bytes:
        """Return the changed message for the wire, without building it first."""
        message: Message = self.message
        if self._uri is None or not isinstance(message, Request):
            start = message.start_line
        else:
            start = f"{message.method} {self._uri} {message.version}"
        return _octets(start, self._lines, self._body)

    @property
    def content(self) -> bytes:
        """The body as it is now."""
        return self._body

    def _own_names(self) -> list[str]:
        """Return the names to change, after making names and lines our own."""
        if self._shared:
            self._shared = False
            self._names = self._names.copy()
            self._lines = self._lines.copy()
        return self._names


def _octets(start: str, lines: list[str], body: bytes) -> bytes:
    head = "\r\n".join([start, *lines, "", ""])
    return head.encode("utf-8", "surrogateescape") + body


def _first_and_rest(key: str, line: str) -> tuple[str, str]:
    """Return the first value of a line, and what stands behind the comma after it."""
    value = line.partition(":")[2]
    if key not in LISTS or "," not in value:
        return value, ""
    first = split_values(value)[0]
    rest = value[value.index(first) + len(first) :].lstrip(" \t\r\n")
    return first, rest[1:].lstrip(" \t\r\n")
