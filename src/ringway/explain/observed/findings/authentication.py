"""Credentials that were refused, and a client that tries them again and again (RFC 3261 §22.1).

A challenge to a request without credentials, or with an answer to an older nonce, is how digest
works. Only an answer to the very last challenge that is refused without `stale=true` was wrong.
"""

from __future__ import annotations

from typing import NamedTuple

from ringway.explain.observed.finding import Finding
from ringway.explain.observed.findings.case import Case
from ringway.explain.observed.findings.credentials import (
    Challenge,
    Credentials,
    challenges_of,
    credentials_of,
)
from ringway.explain.observed.findings.look import by_caller, frames_of
from ringway.explain.observed.findings.make import made
from ringway.explain.observed.model import Exchange


class _Realm(NamedTuple):
    """Who asks whom: a proxy and the server behind it may do so under one name."""

    host: str
    realm: str
    algorithm: str
    for_proxy: bool


def find(case: Case) -> list[Finding]:
    """Return the realms whose credentials were refused, and the clients that would not stop."""
    wrong: dict[tuple[_Realm, str], list[Exchange]] = {}
    asked: dict[_Realm, str] = {}
    good: set[str] = set()
    for exchange in case.conversation.exchanges:
        request, final = exchange.request, exchange.final
        if request is None or final is None or not by_caller(exchange):
            continue
        host = exchange.hop.source.host
        challenges = challenges_of(final.message) if exchange.status in {401, 407} else []
        again = {_realm(host, one): one.stale for one in challenges}
        for each in credentials_of(request.message):
            realm = _realm(host, each)
            if asked.get(realm) != each.nonce or each.nonce in good:
                continue
            if again.get(realm) is False:
                wrong.setdefault((realm, each.username), []).append(exchange)
            elif realm not in again:
                good.add(each.nonce)
                wrong.pop((realm, each.username), None)
        for one in challenges:
            asked[_realm(host, one)] = one.nonce
    return [
        _finding(case, realm.realm, user, exchanges) for (realm, user), exchanges in wrong.items()
    ]


def _realm(host: str, said: Credentials | Challenge) -> _Realm:
    return _Realm(host, said.realm, said.algorithm, said.for_proxy)


def _finding(case: Case, realm: str, user: str, exchanges: list[Exchange]) -> Finding:
    first = exchanges[0]
    return made(
        "authentication-loop" if len(exchanges) > 1 else "credentials-refused",
        first.at,
        frames_of(*[sight for each in exchanges for sight in (each.request, each.final)]),
        status=first.status,
        conversation=case.conversation,
        client=first.hop.source,
        realm=realm,
        user=user,
        method=first.method,
        times=len(exchanges),
    )
