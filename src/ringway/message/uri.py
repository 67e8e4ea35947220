"""URIs as SIP uses them: sip, sips and tel taken apart, every other scheme left opaque.

A scheme nobody here knows is no fault of syntax: the proxy answers it with 416, not the
parser with 400. Parts stay as they were on the wire, escapes included, because a proxy
must not unescape what it forwards; the comparison unescapes (RFC 3261 §19.1.2, §19.1.4).
More is accepted than the grammar allows where phones in use need it and no second reading
is possible: "#" and other odd characters in the user part, a "_" in a host name, an empty
parameter. RFC 3261 §19.1, RFC 3966 §3 and §5, RFC 5118 §4 and RFC 5954 for IPv6.
"""

import re
from dataclasses import dataclass, replace
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from ringway.errors import ParseError
from ringway.message.memory import remember

__all__ = ["Params", "Uri", "host_text", "parse_host", "parse_uri", "unescape"]

Params = tuple[tuple[str, str | None], ...]

_SIP: Final = frozenset({"sip", "sips"})
# These in one URI only make it another URI (RFC 3261 §19.1.4).
_TELLING: Final = frozenset({"user", "ttl", "method", "maddr", "transport"})


@dataclass(frozen=True, slots=True)
class Uri:
    """A URI in its parts.

    Attributes:
        scheme: In lower case.
        user: As on the wire, escapes kept; None if there is none. The number of a tel URI.
        password: As on the wire; None if there is none.
        host: In lower case, an IPv6 address without its brackets; "" for tel and others.
        port: None if the URI names none.
        params: URI parameters in order, names in lower case, None for a bare name.
        headers: What stands behind the "?", names and values still escaped.
        opaque: Everything behind the colon, for a scheme that is not taken apart.
    """

    scheme: str
    user: str | None = None
    password: str | None = None
    host: str = ""
    port: int | None = None
    params: Params = ()
    headers: tuple[tuple[str, str], ...] = ()
    opaque: str = ""

    def param(self, name: str) -> str | None:
        """Return a parameter's value, "" for a bare name, None if it is not there."""
        for key, value in self.params:
            if key == name:
                return value or ""
        return None

    def has_param(self, name: str) -> bool:
        """Say whether a parameter is there, with or without a value."""
        return self.param(name) is not None if self.params else False

    def with_param(self, name: str, value: str | None = None) -> "Uri":
        """Return the URI with one parameter set: in its place if it is there, else last."""
        if self.has_param(name):
            return self.with_params(
                tuple((key, value if key == name else old) for key, old in self.params)
            )
        return self.with_params((*self.params, (name, value)))

    def with_params(self, params: Params) -> "Uri":
        """Return the URI with these parameters instead of its own."""
        return replace(self, params=params)

    def without_params(self, *names: str) -> "Uri":
        """Return the URI without the named parameters; without any if none is named."""
        if not names:
            return self.with_params(())
        return self.with_params(tuple(pair for pair in self.params if pair[0] not in names))

    def without_headers(self) -> "Uri":
        """Return the URI without what stands behind the "?"."""
        return replace(self, headers=())

    @property
    def secure(self) -> bool:
        """Whether every hop must be protected: sips."""
        return self.scheme == "sips"

    @property
    def is_sip(self) -> bool:
        """Whether it is a sip or sips URI."""
        return self.scheme in _SIP

    @property
    def transport(self) -> str:
        """The transport parameter in lower case, "" if there is none."""
        if not self.params:
            return ""
        return (self.param("transport") or "").lower()

    @property
    def lr(self) -> bool:
        """Whether this is a loose router (RFC 3261 §16.12)."""
        return self.has_param("lr")

    @property
    def hostport(self) -> str:
        """Host and port as they stand in the URI."""
        host = host_text(self.host)
        return host if self.port is None else f"{host}:{self.port}"

    def __str__(self) -> str:
        """Return the URI as text for the wire."""
        tail = "".join(name_value(";", *pair) for pair in self.params)
        if self.scheme == "tel":
            return f"tel:{self.user}{tail}"
        if self.scheme not in _SIP:
            return f"{self.scheme}:{self.opaque}"
        who = ""
        if self.user is not None:
            who = self.user if self.password is None else f"{self.user}:{self.password}"
            who += "@"
        if self.headers:
            tail += "?" + "&".join(f"{name}={value}" for name, value in self.headers)
        return f"{self.scheme}:{who}{self.hostport}{tail}"

    def equals(self, other: "Uri") -> bool:
        """Compare as RFC 3261 §19.1.4 does (RFC 3966 §5 for tel).

        Equality is not transitive, so it is no `==` and no key for a dict.

        Args:
            other: The URI to compare with.

        Returns:
            True if both name the same resource.
        """
        if self.scheme != other.scheme or self.opaque != other.opaque:
            return False
        if self.scheme == "tel":
            return _digits(self.user) == _digits(other.user) and _tel_params(self) == _tel_params(
                other
            )
        return (
            _plain(self.user) == _plain(other.user)
            and _plain(self.password) == _plain(other.password)
            and _same_host(self.host) == _same_host(other.host)
            and self.port == other.port
            and _params_agree(self, other)
            and _header_set(self) == _header_set(other)
        )


def parse_uri(text: str) -> Uri:
    """Take a URI apart.

    Args:
        text: The URI alone, without "<>" and without white space around it.

    Returns:
        The URI. An unknown scheme gives a `Uri` with that scheme and the rest in
        `opaque`; the caller decides whether that means 416.

    Raises:
        ParseError: It is no URI, or no correct sip, sips or tel URI (400).
    """
    uri = _memo.get(text)
    if uri is None:
        uri = remember(_memo, text, _parse(text))
    return uri


def parse_host(text: str) -> str:
    """Check a host and bring it to the form it is compared and connected in.

    Args:
        text: A host name, an IPv4 address, or an IPv6 address in brackets.

    Returns:
        The host in lower case, an IPv6 address without brackets. The third colon that
        the grammar of RFC 3261 lets in is taken out (RFC 5118 §4.10).

    Raises:
        ParseError: It is none of the three (400).
    """
    if text[:1] != "[":
        if _HOSTNAME.fullmatch(text) is None:
            raise ParseError(f"not a host: {text[:80]!r}")
        return text.lower()
    address = text[1:-1].lower().replace(":::", "::")
    if _IPV6.fullmatch(text) is not None:
        try:
            IPv6Address(address)
        except AddressValueError:
            pass
        else:
            return address
    raise ParseError(f"not an IPv6 address: {text[:80]!r}")


def host_text(host: str) -> str:
    """Return a host as it stands in a URI or Via: an IPv6 address gets its brackets."""
    return f"[{host}]" if ":" in host else host


def unescape(text: str) -> str:
    """Undo the %HH escapes of a URI part; what is no correct escape stays as it is.

    Args:
        text: A user part, parameter or header value as on the wire.

    Returns:
        The text meant. Octets that are no UTF-8 become surrogate escapes.
    """
    if "%" not in text:
        return text
    octets = text.encode("utf-8", "surrogateescape")
    return _ESCAPE.sub(lambda m: bytes((int(m[1], 16),)), octets).decode("utf-8", "surrogateescape")


def name_value(separator: str, name: str, value: str | None) -> str:
    """Return one parameter as text, its separator in front."""
    return f"{separator}{name}" if value is None else f"{separator}{name}={value}"


_memo: Final[dict[str, Uri]] = {}

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")
# No controls, spaces, or what would end the URI where it stands in a header.
_OPAQUE: Final = re.compile(r'[^\x00-\x20\x7f<>"]+')
# user = 1*( unreserved / escaped / user-unreserved ), and what phones put there besides
_USER: Final = re.compile(r'[^\x00-\x20\x7f<>"@:\\]+')
_PASSWORD: Final = re.compile(r'[^\x00-\x20\x7f<>"@\\]*')
_HOSTNAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")
_IPV6: Final = re.compile(r"\[[0-9A-Fa-f:.]+\]")
# hostport [uri-parameters] ["?" headers]
_REST: Final = re.compile(
    r"(\[[^\]]*\]|[A-Za-z0-9_.\-]+)(?::([0-9]{1,5}))?"
    r'((?:;[^\x00-\x20\x7f<>"@;?,\\]*+)*+)'
    r'(?:\?([^\x00-\x20\x7f<>"@,\\]*))?'
)
# global-number / local-number with visual separators, then parameters
_TEL: Final = re.compile(
    r"(\+?[0-9A-Fa-f*#\-.()]+)"
    r'((?:;[^\x00-\x20\x7f<>"@;?,\\]++)*+)'
)
_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_RESERVED_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_RESERVED: Final = frozenset(";/?:@&=+$,")
_SEPARATORS: Final = str.maketrans("", "", "-.()")


def _parse(text: str) -> Uri:
    scheme, colon, rest = text.partition(":")
    if not colon or _SCHEME.fullmatch(scheme) is None:
        raise ParseError(f"a URI without a scheme: {text[:80]!r}")
    scheme = scheme.lower()
    if scheme in _SIP:
        return _parse_sip(scheme, rest, text)
    if scheme == "tel":
        match = _TEL.fullmatch(rest)
        if match is None or not _digits(match[1]).strip("+"):
            raise ParseError(f"not a telephone number: {text[:80]!r}")
        return Uri("tel", user=match[1], params=_split_params(match[2]))
    if _OPAQUE.fullmatch(rest) is None:
        raise ParseError(f"not a URI: {text[:80]!r}")
    return Uri(scheme, opaque=rest)


def _parse_sip(scheme: str, rest: str, text: str) -> Uri:
    user: str | None = None
    password: str | None = None
    # "@" stands nowhere else unescaped, so the first one ends the userinfo.
    userinfo, at, hostpart = rest.partition("@")
    if at:
        user, colon, secret = userinfo.partition(":")
        if _USER.fullmatch(user) is None:
            raise ParseError(f"not a user part: {text[:80]!r}")
        if colon:
            if _PASSWORD.fullmatch(secret) is None:
                raise ParseError(f"not a password in a URI: {text[:80]!r}")
            password = secret
    else:
        hostpart = rest
    match = _REST.fullmatch(hostpart)
    if match is None:
        raise ParseError(f"not a SIP URI: {text[:80]!r}")
    host, port_text, params, headers = match.groups()
    port = None
    if port_text is not None:
        port = int(port_text)
        if port > 65535:
            raise ParseError(f"no such port: {text[:80]!r}")
    return Uri(
        scheme,
        user,
        password,
        parse_host(host),
        port,
        _split_params(params) if params else (),
        _split_headers(headers) if headers else (),
    )


def _split_params(text: str) -> Params:
    params: list[tuple[str, str | None]] = []
    for part in text.split(";"):
        if part:
            name, equal, value = part.partition("=")
            params.append((name.lower(), value if equal else None))
    return tuple(params)


def _split_headers(text: str) -> tuple[tuple[str, str], ...]:
    headers: list[tuple[str, str]] = []
    for part in text.split("&"):
        if part:
            name, _, value = part.partition("=")
            headers.append((name, value))
    return tuple(headers)


def _plain(text: str | None) -> str | None:
    """Unescape what is equal to its escape: everything but the reserved characters."""
    if text is None or "%" not in text:
        return text

    def undo(match: re.Match[str]) -> str:
        char = chr(int(match[1], 16))
        if char in _RESERVED or not char.isascii():
            return match[0].upper()
        return char

    return _RESERVED_ESCAPE.sub(undo, text)


def _folded(text: str | None) -> str:
    plain = _plain(text)
    return "" if plain is None else plain.lower()


def _same_host(host: str) -> str:
    """Return one text for all spellings of an IPv6 address (RFC 5954 §4.2)."""
    return str(IPv6Address(host)) if ":" in host else host


def _params_agree(left: Uri, right: Uri) -> bool:
    ours = {_folded(name): _folded(value) for name, value in reversed(left.params)}
    theirs = {_folded(name): _folded(value) for name, value in reversed(right.params)}
    for name in ours.keys() | theirs.keys():
        if name in ours and name in theirs:
            if ours[name] != theirs[name]:
                return False
        elif name in _TELLING:
            return False
    return True


def _header_set(uri: Uri) -> list[tuple[str, str]]:
    return sorted((_folded(name), _plain(value) or "") for name, value in uri.headers)


def _digits(number: str | None) -> str:
    return (number or "").translate(_SEPARATORS).lower()


def _tel_params(uri: Uri) -> dict[str, str]:
    found = {name: _folded(value) for name, value in uri.params}
    context = found.get("phone-context", "")
    if context.startswith("+"):
        found["phone-context"] = _digits(context)
    return found
