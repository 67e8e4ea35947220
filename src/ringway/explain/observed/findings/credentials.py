"""Digest credentials and challenges, as far as findings need them (RFC 3261 §22, RFC 8760)."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ringway.message import Request, Response

_PARAM: Final = re.compile(
    r'([A-Za-z][A-Za-z0-9_-]*)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*+)"|([^\s,"]++))'
)


class Credentials(NamedTuple):
    """What an Authorization or Proxy-Authorization says.

    Attributes:
        header: its name.
        realm: for whom they are.
        username: whose they are.
        nonce: the challenge they answer.
        algorithm: in upper case, MD5 if it is not said.
    """

    header: str
    realm: str
    username: str
    nonce: str
    algorithm: str

    @property
    def for_proxy(self) -> bool:
        """Whether a proxy is meant, and not the server at the end."""
        return self.header == "Proxy-Authorization"


class Challenge(NamedTuple):
    """What a WWW-Authenticate or Proxy-Authenticate says.

    Attributes:
        realm: who asks.
        nonce: to be answered.
        algorithm: in upper case, MD5 if it is not said.
        stale: True if only the nonce was too old.
        for_proxy: whether a proxy asks.
    """

    realm: str
    nonce: str
    algorithm: str
    stale: bool
    for_proxy: bool


def credentials_of(message: Request | Response) -> list[Credentials]:
    """Return the credentials in a request."""
    found = []
    for header in ("Authorization", "Proxy-Authorization"):
        for value in message.values(header.lower()):
            params = _params(value)
            if params.get("realm") and params.get("nonce"):
                found.append(
                    Credentials(
                        header,
                        params["realm"],
                        params.get("username", ""),
                        params["nonce"],
                        params.get("algorithm", "MD5").upper(),
                    )
                )
    return found


def challenges_of(message: Request | Response) -> list[Challenge]:
    """Return the challenges in a 401 or 407."""
    found = []
    for header in ("www-authenticate", "proxy-authenticate"):
        for value in message.values(header):
            params = _params(value)
            if params.get("realm") and params.get("nonce"):
                found.append(
                    Challenge(
                        params["realm"],
                        params["nonce"],
                        params.get("algorithm", "MD5").upper(),
                        params.get("stale", "").lower() == "true",
                        header == "proxy-authenticate",
                    )
                )
    return found


def _params(value: str) -> dict[str, str]:
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        return {}
    return {name.lower(): quoted or plain for name, quoted, plain in _PARAM.findall(rest)}
