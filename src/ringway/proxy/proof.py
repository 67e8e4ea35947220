"""What an edge learns of a phone's credentials: only its registrar can check them.

It matters to the gate alone, which counts who fails: a phone that is asked again because its nonce
is old has tried no password (RFC 7616 §3.3), and one that has registered has answered its
challenge.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from ringway.auth.digest import parse_challenge
from ringway.endpoint.gate import Proof
from ringway.errors import ParseError
from ringway.message import Request, Response

__all__ = ["shown_by"]

_CHALLENGES: Final = {401: "www-authenticate", 407: "proxy-authenticate"}


def shown_by(request: Request, response: Response) -> Proof:
    """Return what a registrar's final response says of the credentials of a request."""
    header = _CHALLENGES.get(response.status)
    if header is not None:
        return Proof.LACKING if _is_stale(response, header) else Proof.UNCHECKED
    success = 200 <= response.status < 300
    if success and request.method == "REGISTER" and request.has("authorization"):
        return Proof.RIGHT
    return Proof.UNCHECKED


def _is_stale(response: Response, header: str) -> bool:
    for value in response.values(header):
        with suppress(ParseError):
            challenge = parse_challenge(value, header)
            if challenge is not None and challenge.stale:
                return True
    return False
