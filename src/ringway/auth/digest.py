"""The header values of digest: challenges and credentials, taken apart and put together.

Both are a scheme and a comma-joined list of parameters, so neither header may join several values
in one line (RFC 3261 §7.3.1). Read is more than the grammar allows, where phones in use need it and
no second reading is possible: any parameter with or without quotes, empty list elements, names in
any case. A parameter that stands twice is refused: two readers might take different ones.
RFC 7616 §3.3, §3.4; RFC 3261 §20.7, §20.27, §20.28, §20.44 and §25.1; RFC 8760 §2.7.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from ringway.auth.algorithms import Algorithm, find_algorithm
from ringway.errors import ParseError
from ringway.message import is_token, quote, split_values, unquote
from ringway.message.names import TCHARS

__all__ = ["Credentials", "DigestChallenge", "parse_challenge", "parse_credentials"]


@dataclass(frozen=True, slots=True)
class DigestChallenge:
    """One value of WWW-Authenticate or Proxy-Authenticate (RFC 7616 §3.3).

    Attributes:
        realm: What the user's name and password are for.
        nonce: What the response has to be made with.
        algorithm: Its name; "" if it is left out, which means MD5.
        qop: The qualities of protection to choose from; empty for a server of RFC 2069.
        opaque: What the client gives back as it is; None if there is none.
        stale: Whether only the nonce was wrong, so that the same password will do.
    """

    realm: str
    nonce: str
    algorithm: str = ""
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False

    @property
    def known_algorithm(self) -> Algorithm | None:
        """The algorithm, None if we do not have it."""
        return find_algorithm(self.algorithm)

    def __str__(self) -> str:
        parts = [f"realm={quote(self.realm)}", f"nonce={quote(self.nonce)}"]
        if self.opaque is not None:
            parts.append(f"opaque={quote(self.opaque)}")
        if self.stale:
            parts.append("stale=true")
        if self.algorithm:
            parts.append(f"algorithm={self.algorithm}")
        if self.qop:
            parts.append(f'qop="{",".join(self.qop)}"')
        return "Digest " + ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Credentials:
    """One value of Authorization or Proxy-Authorization (RFC 7616 §3.4).

    All are as on the wire but without quotes; "" stands for what is empty or left out.

    Attributes:
        username: Who it is; compared as it stands, since the response was made with it so.
        realm: What the name and password are for.
        nonce: The server's nonce.
        uri: The Request-URI, as the client saw it.
        response: The proof, in hexadecimal.
        algorithm: Its name; "" means MD5.
        qop: The quality of protection that the client chose.
        nc: How many requests the client has sent with this nonce, 8 hexadecimal digits.
        cnonce: The client's nonce.
        opaque: What the challenge had; None if it is left out.
    """

    username: str
    realm: str
    nonce: str
    uri: str
    response: str = field(repr=False)
    algorithm: str = ""
    qop: str = ""
    nc: str = ""
    cnonce: str = ""
    opaque: str | None = None

    @property
    def known_algorithm(self) -> Algorithm | None:
        """The algorithm, None if we do not have it."""
        return find_algorithm(self.algorithm)

    @property
    def count(self) -> int | None:
        """The nonce count as a number, None if it is none (RFC 7616 §3.4: nc-value = 8LHEX)."""
        return int(self.nc, 16) if _COUNT.fullmatch(self.nc) else None

    def __str__(self) -> str:
        parts = [
            f"username={quote(self.username)}",
            f"realm={quote(self.realm)}",
            f"nonce={quote(self.nonce)}",
            f"uri={quote(self.uri)}",
            f"response={quote(self.response)}",
        ]
        parts += [
            text
            for value, text in (
                (self.algorithm, f"algorithm={self.algorithm}"),
                (self.cnonce, f"cnonce={quote(self.cnonce)}"),
                (self.qop, f"qop={self.qop}"),
                (self.nc, f"nc={self.nc}"),
            )
            if value
        ]
        if self.opaque is not None:
            parts.append(f"opaque={quote(self.opaque)}")
        return "Digest " + ", ".join(parts)


def parse_challenge(text: str, header: str = "www-authenticate") -> DigestChallenge | None:
    """Parse one challenge.

    Args:
        text: The value of one line, unfolded.
        header: Canonical name of the header it stands in, for the error.

    Returns:
        The challenge; None if its scheme is not Digest.

    Raises:
        ParseError: It breaks the grammar, or has no realm or nonce.
    """
    params = _parse(text, header)
    if params is None:
        return None
    for name in ("realm", "nonce"):
        if name not in params:
            raise ParseError(f"a challenge without {name}", header=header)
    options = (each.strip(" \t").lower() for each in params.get("qop", "").split(","))
    return DigestChallenge(
        params["realm"],
        params["nonce"],
        _token(params, "algorithm", header),
        tuple(each for each in options if is_token(each)),
        params.get("opaque"),
        params.get("stale", "").lower() == "true",
    )


def parse_credentials(text: str, header: str = "authorization") -> Credentials | None:
    """Parse credentials; whether they are complete is for who knows that they are his.

    Args:
        text: The value of one line, unfolded.
        header: Canonical name of the header it stands in, for the error.

    Returns:
        The credentials; None if their scheme is not Digest.

    Raises:
        ParseError: They break the grammar (400).
    """
    params = _parse(text, header)
    if params is None:
        return None
    return Credentials(
        params.get("username", ""),
        params.get("realm", ""),
        params.get("nonce", ""),
        params.get("uri", ""),
        params.get("response", ""),
        _token(params, "algorithm", header),
        _token(params, "qop", header),
        _token(params, "nc", header),
        params.get("cnonce", ""),
        params.get("opaque"),
    )


_COUNT: Final = re.compile(r"[0-9A-Fa-f]{8}")
# ("Digest" / other scheme) LWS *auth-param
_SCHEME: Final = re.compile(rf"({TCHARS})(?:[ \t]+(.*))?", re.DOTALL)
# auth-param = token EQUAL ( token / quoted-string ); unquoted, more than a token is let through
_PARAM: Final = re.compile(
    rf'({TCHARS})[ \t]*=[ \t]*("(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*+"|[^"\x00-\x20\x7f]*+)'
)


def _parse(text: str, header: str) -> dict[str, str] | None:
    """Return the parameters by lower-case name, without quotes; None for another scheme."""
    match = _SCHEME.fullmatch(text)
    if match is None:
        raise ParseError("no authentication scheme", header=header)
    if match[1].lower() != "digest":
        return None
    params: dict[str, str] = {}
    for each in split_values(match[2] or ""):
        part = each.strip(" \t")
        if not part:
            continue
        param = _PARAM.fullmatch(part)
        if param is None:
            # The text may be a secret, so it is not shown.
            raise ParseError("not a parameter of digest", header=header)
        name = param[1].lower()
        if name in params:
            raise ParseError(f"{name[:80]} stands twice", header=header)
        params[name] = unquote(param[2])
    return params


def _token(params: dict[str, str], name: str, header: str) -> str:
    """Return a parameter that goes out without quotes, whether or not it came in with them."""
    text = params.get(name, "").strip(" ")
    if text and not is_token(text):
        raise ParseError(f"{name} is no token", header=header)
    return text
