"""The client's side of digest: answers challenges, and counts the requests of each nonce.

A user agent asks `answer` when a 401 or 407 came, and `again` for requests after that, which saves
them the challenge. Credentials that were rejected are not tried again, unless only the nonce was
stale (RFC 3261 §22.1). RFC 3261 §22.2 and §22.3, RFC 7616 §3.4 and §3.7, RFC 8760 §2.4.

Anybody a request reaches may challenge it, and may name any realm: an answer lets them guess the
password at leisure. So an account without a realm is for those we meant to ask, and once the
registrar has named its realms, for these alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeAlias

from ringway.auth.algorithms import Algorithm, make_ha1, make_response
from ringway.auth.digest import Credentials, DigestChallenge, parse_challenge, parse_credentials
from ringway.errors import ParseError
from ringway.message import Request, Response

__all__ = ["Account", "Answerer", "Challenger"]

Headers: TypeAlias = tuple[tuple[str, str], ...]
_Key: TypeAlias = tuple[str, str]
"""Header of the credentials and realm."""

_HEADERS: Final = {
    "www-authenticate": "Authorization",
    "proxy-authenticate": "Proxy-Authorization",
}
# A server that invents realms must not make us remember them all.
_MOST: Final = 32


class Challenger(Enum):
    """Who may have sent a challenge."""

    REGISTRAR = "registrar"
    """The one we register with: its realms are remembered as ours."""
    ASKED = "asked"
    """Whoever is on the way to somebody we chose to ask."""
    STRANGER = "stranger"
    """Somebody that others have led us to."""


@dataclass(frozen=True, slots=True)
class Account:
    """A name and password.

    Attributes:
        username: The name.
        password: The password.
        realm: What they are for; "" answers any realm that has no account of its own, once the
            registrar has challenged only its realms, and never a stranger.
    """

    username: str
    password: str = field(repr=False)
    realm: str = ""


@dataclass(slots=True)
class _Session:
    """A challenge that was answered, and how often (RFC 7616 §3.4: nc)."""

    challenge: DigestChallenge
    algorithm: Algorithm
    username: str
    ha1: str = field(repr=False)
    count: int = 0


class Answerer:
    """Answers challenges for one user agent.

    Args:
        accounts: Names and passwords; the first of a realm counts.
        cnonce: Gives another unguessable string of token characters at each call.
        algorithms: What may be answered with; without MD5 nobody on the way can talk us down to
            it (RFC 8760 §3).
    """

    __slots__ = ("_accounts", "_algorithms", "_cnonce", "_home", "_sessions")

    def __init__(
        self,
        accounts: Iterable[Account],
        cnonce: Callable[[], str],
        algorithms: Iterable[Algorithm] = tuple(Algorithm),
    ) -> None:
        self._accounts: dict[str, Account] = {}
        for account in accounts:
            self._accounts.setdefault(account.realm, account)
        self._cnonce = cnonce
        self._algorithms = frozenset(algorithms)
        self._sessions: dict[_Key, _Session] = {}
        self._home: dict[str, None] = {}

    def answer(
        self,
        request: Request,
        response: Response,
        challenger: Challenger = Challenger.ASKED,
    ) -> Headers:
        """Answer the challenges of a 401 or 407.

        In each realm the topmost challenge is answered whose algorithm we have (RFC 8760 §2.4).
        Send the request again with these headers in the place of any of the same name, a new
        branch and the next CSeq number (RFC 3261 §22.2).

        Args:
            request: The request that was challenged, as it was sent.
            response: The 401 or 407.
            challenger: Who may have sent it.

        Returns:
            The headers, (name, value), those for realms that the request had credentials for
            already included; empty if nothing can be answered, and the response is final.
        """
        answered: list[_Key] = []
        for name, header in _HEADERS.items():
            for challenge in self._topmost(response, name, challenger):
                key = (header, challenge.realm)
                if not challenge.stale and key in _keys(request):
                    self._sessions.pop(key, None)
                    continue
                self._keep(key, challenge)
                answered.append(key)
                if challenger is Challenger.REGISTRAR and len(self._home) < _MOST:
                    self._home[challenge.realm] = None
        if not answered:
            return ()
        # Who is in front of the challenger wants to see the credentials that got us there.
        before = [each for each in _keys(request) if each not in answered]
        return self._headers([*before, *answered], request)

    def again(self, request: Request, previous: Request) -> Headers:
        """Make credentials for a request that goes the way of an earlier one.

        Args:
            request: The request to send, without credentials.
            previous: One of the same dialog or registration, as it was sent and taken.

        Returns:
            The headers, for the realms that the earlier request had credentials for.
        """
        return self._headers(_keys(previous), request)

    def _topmost(
        self, response: Response, name: str, challenger: Challenger
    ) -> list[DigestChallenge]:
        """Return the first challenge of each realm that we can answer; others are ignored."""
        found: dict[str, DigestChallenge] = {}
        for text in response.values(name):
            try:
                challenge = parse_challenge(text, name)
            except ParseError:
                continue
            if challenge is not None and self._can_answer(challenge, challenger):
                found.setdefault(challenge.realm, challenge)
        return list(found.values())

    def _can_answer(self, challenge: DigestChallenge, challenger: Challenger) -> bool:
        return (
            challenge.known_algorithm in self._algorithms
            and (not challenge.qop or "auth" in challenge.qop)
            and self._account(challenge.realm) is not None
            and (challenge.realm in self._accounts or self._is_ours(challenge.realm, challenger))
        )

    def _is_ours(self, realm: str, challenger: Challenger) -> bool:
        """True when the account without a realm may answer."""
        if challenger is Challenger.ASKED:
            return not self._home or realm in self._home
        return challenger is Challenger.REGISTRAR

    def _account(self, realm: str) -> Account | None:
        return self._accounts.get(realm) or self._accounts.get("")

    def _keep(self, key: _Key, challenge: DigestChallenge) -> None:
        account = self._account(challenge.realm)
        algorithm = challenge.known_algorithm
        assert account is not None  # noqa: S101 - only what can be answered comes here
        assert algorithm is not None  # noqa: S101 - as above
        ha1 = make_ha1(algorithm, account.username, challenge.realm, account.password)
        self._sessions.pop(key, None)
        self._sessions[key] = _Session(challenge, algorithm, account.username, ha1)
        if len(self._sessions) > _MOST:
            del self._sessions[next(iter(self._sessions))]

    def _headers(self, keys: Iterable[_Key], request: Request) -> Headers:
        return tuple(
            (key[0], self._credentials(self._sessions[key], request))
            for key in keys
            if key in self._sessions
        )

    def _credentials(self, session: _Session, request: Request) -> str:
        challenge = session.challenge
        qop = nc = cnonce = ""
        # A server of RFC 2069 would not know what to do with a qop it did not offer.
        if challenge.qop:
            session.count += 1
            qop, nc, cnonce = "auth", f"{session.count:08x}", self._cnonce()
        response = make_response(
            session.algorithm,
            session.ha1,
            method=request.method,
            uri=request.uri_text,
            nonce=challenge.nonce,
            nc=nc,
            cnonce=cnonce,
            qop=qop,
        )
        credentials = Credentials(
            session.username,
            challenge.realm,
            challenge.nonce,
            request.uri_text,
            response,
            challenge.algorithm,
            qop,
            nc,
            cnonce,
            challenge.opaque,
        )
        return str(credentials)


def _keys(request: Request) -> list[_Key]:
    """Return what a request has credentials for, each once."""
    keys: dict[_Key, None] = {}
    for header in _HEADERS.values():
        for text in request.values(header):
            credentials = parse_credentials(text, header)
            if credentials is not None:
                keys[header, credentials.realm] = None
    return list(keys)
