"""Credentials that were refused, and a client that tries them again and again (RFC 3261 §22.1).

A challenge to a request without credentials, or with an answer to an older nonce, is how digest
works. Only an answer to the very last challenge that is refused without `stale=true` was wrong.
"""

from __future__ import annotations

from ringway.explain.observed.finding import Finding
from ringway.explain.observed.findings.case import Case
from ringway.explain.observed.findings.credentials import Credentials, challenges_of, credentials_of
from ringway.explain.observed.findings.look import by_caller, frames_of
from ringway.explain.observed.findings.make import made
from ringway.explain.observed.model import Exchange


def find(case: Case) -> list[Finding]:
    """Return the realms whose credentials were refused, and the clients that would not stop."""
    wrong: dict[tuple[str, str, str, str], list[Exchange]] = {}
    asked: dict[tuple[str, str, str], str] = {}
    good: set[str] = set()
    for exchange in case.conversation.exchanges:
        request, final = exchange.request, exchange.final
        if request is None or final is None or not by_caller(exchange):
            continue
        host = exchange.hop.source.host
        challenges = challenges_of(final.message) if exchange.status in {401, 407} else []
        again = {(one.realm, one.algorithm): one.stale for one in challenges}
        for each in credentials_of(request.message):
            realm = (each.realm, each.algorithm)
            if asked.get((host, *realm)) != each.nonce or each.nonce in good:
                continue
            if again.get(realm) is False:
                wrong.setdefault((host, *realm, each.username), []).append(exchange)
            elif realm not in again:
                good.add(each.nonce)
                wrong.pop((host, *realm, each.username), None)
        for one in challenges:
            asked[host, one.realm, one.algorithm] = one.nonce
    return [
        _finding(case, Credentials("", realm, username, "", algorithm), exchanges)
        for (_, realm, algorithm, username), exchanges in wrong.items()
    ]


def _finding(case: Case, who: Credentials, exchanges: list[Exchange]) -> Finding:
    first = exchanges[0]
    return made(
        "authentication-loop" if len(exchanges) > 1 else "credentials-refused",
        first.at,
        frames_of(*[sight for each in exchanges for sight in (each.request, each.final)]),
        status=first.status,
        conversation=case.conversation,
        client=first.hop.source,
        realm=who.realm,
        user=who.username,
        method=first.method,
        times=len(exchanges),
    )
