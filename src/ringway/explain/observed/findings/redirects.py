"""Redirects followed in a loop, or twice, or with the credentials for somebody else.

RFC 3261 §8.1.3.4 lets each URI be tried once for one target set; §16.7 step 4 has a proxy take out
the Contacts it has recursed on; credentials are for one realm (§22.1). What nobody followed, and
what was remembered too long, shows only over several calls: `following.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ringway.explain.observed.finding import Finding
from ringway.explain.observed.findings.case import Case
from ringway.explain.observed.findings.credentials import Credentials, credentials_of
from ringway.explain.observed.findings.look import (
    RETRIED,
    addresses,
    by_caller,
    frames_of,
    same,
    starts,
    uri_of,
)
from ringway.explain.observed.findings.make import made
from ringway.explain.observed.model import Exchange, Sight
from ringway.message import NameAddr

_MOST: Final = 100  # attempts of a conversation that are looked at


def redirected(exchange: Exchange) -> tuple[NameAddr, ...]:
    """Return the Contacts of the 301 or 302 that ended an exchange."""
    final = exchange.final
    if final is None or exchange.status not in {301, 302}:
        return ()
    return addresses(final.message, "contact")


def find(case: Case) -> list[Finding]:
    """Return what went wrong when redirects were followed."""
    found = []
    for method in ("INVITE", "MESSAGE", "SUBSCRIBE", "OPTIONS", "REGISTER"):
        tried = starts(case.conversation, method)[:_MOST]
        if any(redirected(each) for each in tried):
            found += [*_again(case, tried), *_recursed(case, tried)]
            found += _leaked(case, tried)
    return found


def _again(case: Case, tried: list[Exchange]) -> Iterator[Finding]:
    """One client tries a URI a second time because a redirect names it (§8.1.3.4)."""
    redirects: list[tuple[Exchange, Sight, tuple[NameAddr, ...]]] = []
    for number, exchange in enumerate(tried):
        source, uri = exchange.hop.source, uri_of(exchange.request)
        mine = [each for each in redirects if each[0].hop.source.host == source.host]
        earlier = [
            each
            for each in tried[:number]
            if each.hop.target == exchange.hop.target
            and each.hop.source.host == source.host
            and case.branches(each)[1:] == case.branches(exchange)[1:]
            and same(uri_of(each.request), uri)
        ]
        named = [each for each, _, found in mine if any(same(to.uri, uri) for to in found)]
        if earlier and named and exchange.request is not None:
            before, said = earlier[-1], named[-1]
            in_loop = before.status in {301, 302}
            if in_loop or (before.status not in RETRIED and before.at > said.at):
                yield made(
                    "redirect-loop" if in_loop else "redirect-followed-twice",
                    exchange.at,
                    frames_of(before.request, said.final, exchange.request),
                    status=said.status,
                    conversation=case.conversation,
                    client=source,
                    uri=uri,
                )
                return
        contacts = redirected(exchange)
        if exchange.final is not None and contacts:
            redirects.append((exchange, exchange.final, contacts))


def _recursed(case: Case, tried: list[Exchange]) -> Iterator[Finding]:
    """A proxy follows a redirect and hands it on, so that the caller follows it too (§16.7)."""
    for exchange in tried:
        final = exchange.final
        if final is None or not by_caller(exchange):
            continue
        for to in redirected(exchange):
            by_proxy = _tries(case, tried, exchange.branch, to, before=final.at)
            after = [
                each
                for each in tried
                if each.at > final.at
                and by_caller(each)
                and each.hop.source.host == exchange.hop.source.host
                and same(uri_of(each.request), to.uri)
            ]
            if by_proxy and after:
                yield made(
                    "redirect-followed-twice",
                    after[0].at,
                    frames_of(by_proxy[0].request, final, after[0].request),
                    status=exchange.status,
                    conversation=case.conversation,
                    client=f"{by_proxy[0].hop.source}, {exchange.hop.source}",
                    uri=to.uri_text,
                )
                return


def _tries(
    case: Case, tried: list[Exchange], branch: str, to: NameAddr, before: float
) -> list[Exchange]:
    """Return the attempts at a URI for a request with this branch, forwarded by somebody."""
    return [
        each
        for each in tried
        if each.at < before
        and branch in case.branches(each)[1:]
        and same(uri_of(each.request), to.uri)
    ]


def _leaked(case: Case, tried: list[Exchange]) -> Iterator[Finding]:
    """Credentials for the old target go to the new one, which never asked for them (§22.1)."""
    for exchange in tried:
        final = exchange.final
        if final is None or exchange.request is None:
            continue
        for to in redirected(exchange):
            for later in tried:
                if (
                    later.at < final.at
                    or later.request is None
                    or later.hop.source.host != exchange.hop.source.host
                    or not same(uri_of(later.request), to.uri)
                ):
                    continue
                had = credentials_of(exchange.request.message)
                kept = [each for each in credentials_of(later.request.message) if each in had]
                for each in kept:
                    if _strange(each, exchange, later, to):
                        yield made(
                            "redirect-leaked-credentials",
                            later.at,
                            frames_of(exchange.request, final, later.request),
                            status=exchange.status,
                            conversation=case.conversation,
                            client=later.hop.source,
                            target=later.hop.target if each.for_proxy else to.uri.host,
                            realm=each.realm,
                            header=each.header,
                        )
                        return


def _strange(each: Credentials, before: Exchange, after: Exchange, to: NameAddr) -> bool:
    """Say whether credentials reached somebody they are not for.

    Those for a proxy are for who asked: the next hop. Those for a server are for the domain; a name
    below the realm's still belongs to it.
    """
    realm, old, new = each.realm.lower(), uri_of(before.request), to.uri.host
    if realm == new or new.endswith("." + realm) or realm.endswith("." + new):
        return False
    if each.for_proxy:
        return before.hop.target != after.hop.target
    return old is not None and old.host != new
