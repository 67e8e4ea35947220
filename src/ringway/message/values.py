"""The values of structured headers: Via, name-addr, CSeq, Reason, Warning.

Values do not change; a `with_...` method gives another one. Parameters keep the text of the
wire, quotes included, so that writing a value gives back what was read; `param()` gives the
meaning. `headers.py` takes them apart. RFC 3261 §20 and §25.1, RFC 3581 §3, RFC 3326 §2.
"""

import re
from typing import Final, NamedTuple

from ringway.errors import ParseError
from ringway.message.uri import Params, Uri, host_text, name_value

__all__ = [
    "CSeq",
    "NameAddr",
    "Reason",
    "Via",
    "Warning399",
    "parse_delta",
    "quote",
    "unquote",
]

_MALFORMED_EXPIRES: Final = 3600  # RFC 3261 §10.2.1.1 says what a malformed one means
_MAX_SECONDS: Final = 2**32 - 1  # delta-seconds end here (RFC 3261 §20.19)


class CSeq(NamedTuple):
    """A CSeq value (RFC 3261 §20.16)."""

    number: int
    method: str

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


class NameAddr(NamedTuple):
    """A name-addr or addr-spec with its header parameters (RFC 3261 §20.10, §20.20).

    Attributes:
        display: The display name without quotes and escapes; "" if there is none.
        uri: The URI.
        params: Header parameters in order, names in lower case, values as on the wire.
        uri_text: The URI exactly as it stood between "<" and ">".
        bracketed: Whether it stood between them, or was a bare addr-spec.
    """

    display: str
    uri: Uri
    params: Params = ()
    uri_text: str = ""
    bracketed: bool = True

    def param(self, name: str) -> str | None:
        """Return a parameter's value without quotes, "" for a bare name, None if absent."""
        return _find(self.params, name)

    def has_param(self, name: str) -> bool:
        """Say whether a parameter is there, with or without a value."""
        return _find(self.params, name) is not None

    def with_param(self, name: str, value: str | None = None) -> "NameAddr":
        """Return it with one parameter set (value as for the wire), others kept in order."""
        return self._replace(params=_with_param(self.params, name, value))

    def without_param(self, name: str) -> "NameAddr":
        """Return it without one parameter."""
        return self._replace(params=tuple(pair for pair in self.params if pair[0] != name))

    @property
    def tag(self) -> str:
        """The tag, "" if there is none."""
        return _find(self.params, "tag") or ""

    @property
    def q(self) -> float:
        """The preference from 0 to 1; 1 if it is not given or cannot be read."""
        text = _find(self.params, "q")
        if text is None or _Q.fullmatch(text) is None:
            return 1.0
        return min(float(text), 1.0)

    @property
    def expires(self) -> int | None:
        """The expires parameter in seconds, None if absent, 3600 if malformed (§10.2.1.1)."""
        text = _find(self.params, "expires")
        if text is None:
            return None
        try:
            return parse_delta(text)
        except ParseError:
            return _MALFORMED_EXPIRES

    @property
    def instance(self) -> str:
        """The +sip.instance parameter without quotes, with its "<>"; "" if there is none."""
        return _find(self.params, "+sip.instance") or ""

    def __str__(self) -> str:
        name = quote(self.display) + " " if self.display else ""
        tail = "".join(name_value(";", *pair) for pair in self.params)
        return f"{name}<{self.uri_text or self.uri}>{tail}"


class Via(NamedTuple):
    """One Via value (RFC 3261 §20.42).

    Attributes:
        protocol: "SIP/2.0".
        transport: In lower case; unknown ones are kept.
        host: Host of sent-by in lower case, an IPv6 address without brackets.
        port: Port of sent-by, None if it names none.
        params: In order, names in lower case, values as on the wire.
    """

    protocol: str
    transport: str
    host: str
    port: int | None = None
    params: Params = ()

    def param(self, name: str) -> str | None:
        """Return a parameter's value without quotes, "" for a bare name, None if absent."""
        return _find(self.params, name)

    def with_param(self, name: str, value: str | None = None) -> "Via":
        """Return it with one parameter set, others kept in order."""
        return self._replace(params=_with_param(self.params, name, value))

    @property
    def branch(self) -> str:
        """The branch, "" if there is none (an element of RFC 2543)."""
        return _find(self.params, "branch") or ""

    @property
    def received(self) -> str:
        """The address of the received parameter without brackets, "" if there is none."""
        return (_find(self.params, "received") or "").strip("[]")

    @property
    def rport(self) -> str | None:
        """None if absent, "" if only asked for, else the port as text (RFC 3581 §3)."""
        return _find(self.params, "rport")

    @property
    def maddr(self) -> str:
        """The address of the maddr parameter without brackets, "" if there is none."""
        return (_find(self.params, "maddr") or "").strip("[]")

    @property
    def routing(self) -> tuple[str, str | None, str]:
        """``received``, ``rport`` and ``maddr`` in one go: each request needs all three."""
        received = maddr = ""
        rport: str | None = None
        for name, value in self.params:
            if name == "rport":
                rport = unquote(value or "")
            elif name == "received":
                received = self.received
            elif name == "maddr":
                maddr = self.maddr
        return received, rport, maddr

    @property
    def sent_by(self) -> str:
        """Host and port as they stand in the Via."""
        host = host_text(self.host)
        return host if self.port is None else f"{host}:{self.port}"

    def __str__(self) -> str:
        tail = "".join(name_value(";", *pair) for pair in self.params)
        return f"{self.protocol}/{self.transport.upper()} {self.sent_by}{tail}"


class Reason(NamedTuple):
    """One Reason value: why a request, or a response with Q.850, was sent (RFC 3326 §2)."""

    protocol: str
    params: Params = ()

    @property
    def cause(self) -> int | None:
        """The cause as a number, None if there is none."""
        text = _find(self.params, "cause") or ""
        return int(text) if _SMALL_NUMBER.fullmatch(text) else None

    @property
    def text(self) -> str:
        """What it says to a person, without quotes; "" if nothing."""
        return _find(self.params, "text") or ""

    def __str__(self) -> str:
        return self.protocol + "".join(name_value(";", *pair) for pair in self.params)


class Warning399(NamedTuple):
    """One Warning value: code, who warns, and the text (RFC 3261 §20.43)."""

    code: int
    agent: str
    text: str

    def __str__(self) -> str:
        return f"{self.code:03d} {self.agent} {quote(self.text)}"


def parse_delta(text: str, header: str = "", limit: int = _MAX_SECONDS) -> int:
    """Parse a number of seconds, hops or octets.

    Args:
        text: The value, unfolded.
        header: Name of the header it stands in, for the error.
        limit: What a larger number is cut to.

    Returns:
        The number, at most `limit`.

    Raises:
        ParseError: It is not made of digits alone (400).
    """
    if not text.isascii() or not text.isdigit():
        raise ParseError(f"not a number: {text[:80]!r}", header=header)
    if len(text) <= 9:
        return min(int(text), limit)
    digits = text.lstrip("0") or "0"
    return limit if len(digits) > 10 else min(int(digits), limit)


def quote(text: str) -> str:
    """Return the text as a quoted-string.

    Args:
        text: Any text; a control character in it, such as a line break, becomes a space.

    Returns:
        The text in quotes, what needs it escaped (RFC 3261 §25.1).
    """
    line = _CONTROL.sub(" ", text)
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquote(text: str) -> str:
    """Return what a quoted-string says; a text without quotes is returned as it is.

    Args:
        text: A token or quoted-string.

    Returns:
        The text without quotes and backslashes.
    """
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    inner = text[1:-1]
    return _QUOTED_PAIR.sub(r"\1", inner) if "\\" in inner else inner


_SMALL_NUMBER: Final = re.compile("[0-9]{1,9}")
_Q: Final = re.compile(r"[0-9]{1,9}\.?[0-9]{0,9}|\.[0-9]{1,9}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_QUOTED_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)


def _find(params: Params, name: str) -> str | None:
    for key, value in params:
        if key == name:
            if value is None:
                return ""
            return unquote(value) if value[:1] == '"' else value
    return None


def _with_param(params: Params, name: str, value: str | None) -> Params:
    if any(key == name for key, _ in params):
        return tuple((key, value if key == name else old) for key, old in params)
    return (*params, (name, value))
