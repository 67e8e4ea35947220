"""Redirects that nobody followed, and redirects that were followed longer than they held.

RFC 3261 §8.1.3.4: a client should follow; §21.3.3: a 302 without an expiry holds once, one with it
for that time. Both show only over several calls. A call that goes elsewhere than its To says, and
whose own redirect is nowhere, was sent there from memory.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from ringway.errors import ParseError
from ringway.explain.observed.finding import Finding
from ringway.explain.observed.findings.look import (
    addresses,
    by_caller,
    frames_of,
    same,
    seconds,
    starts,
    uri_of,
)
from ringway.explain.observed.findings.make import made
from ringway.explain.observed.findings.redirects import redirected
from ringway.explain.observed.model import Conversation, Exchange
from ringway.message import NameAddr, Uri

_KEPT: Final = 10_000
_HOSTS: Final = 10_000
_CONTACTS: Final = 10  # of one redirect that are looked at
_PEERS: Final = 2
_CLIENTS: Final = 4  # of one call: it is seen within a NAT and outside
_LATER: Final = 100  # calls to one place that are looked at for one redirect
_PATIENCE: Final = 10.0  # as long the capture must go on for anybody to say that nothing followed
_HUNT: Final = 180.0  # timer C: as long as one Contact may ring before the next is tried
_SLACK: Final = 5.0
_HANDED_ON_WITHIN: Final = 2.0
_DIGITS: Final = 7  # of a number, that stay when a PBX writes it its own way


class _Redirect(NamedTuple):
    at: float
    frames: tuple[int, ...]
    status: int
    client: str
    server: str
    original: Uri | None
    contacts: tuple[NameAddr, ...]
    expires: int | None
    call_id: str
    settled: bool


class _Call(NamedTuple):
    at: float
    frames: tuple[int, ...]
    client: str
    uri: Uri | None
    to: Uri | None
    call_id: str


class Following:
    """Watches what becomes of redirects over all calls: feed it conversations, ask at the end."""

    def __init__(self) -> None:
        self._redirects: deque[_Redirect] = deque(maxlen=_KEPT)
        self._calls: deque[_Call] = deque(maxlen=_KEPT)
        self._forgotten = 0.0  # when the latest call was that is not known any more
        self._sights = _Sights()

    def conversation(self, conversation: Conversation) -> None:
        """Take in a conversation."""
        self._sights.see(conversation)
        tried = [each for each in starts(conversation) if by_caller(each)]
        first: dict[str, Exchange] = {}
        for exchange in tried:
            first.setdefault(exchange.hop.source.host, exchange)
        for exchange in islice(first.values(), _CLIENTS):
            if len(self._calls) == self._calls.maxlen:
                self._forgotten = max(self._forgotten, self._calls[0].at)
            self._calls.append(_call(conversation, exchange))
        for number, exchange in enumerate(tried):
            contacts = redirected(exchange)
            if contacts:
                settled = _settled(tried, number, contacts)
                self._redirects.append(_redirect(conversation, exchange, contacts, settled=settled))

    def close(self, end: float) -> Iterator[Finding]:
        """Return what was found.

        Args:
            end: when the capture ended.
        """
        calls, told = _Calls(self._calls), _Told(self._redirects)
        followers: dict[int, list[_Call]] = {}
        for redirect in self._redirects:
            found = () if redirect.settled else _followers(redirect, calls)
            followers[id(redirect)] = list(found)
        following = {id(call) for found in followers.values() for call in found}
        for redirect in self._redirects:
            known = redirect.settled or followers[id(redirect)] or redirect.at < self._forgotten
            if not known and not told.handed_on(redirect) and self._sights.would_show(redirect):
                yield from _not_followed(redirect, end)
            yield from _remembered(redirect, calls, told, following)


class _Sights:
    """Who is seen to talk with whom: what is not captured at a client does not show what it did."""

    def __init__(self) -> None:
        self._peers: OrderedDict[str, set[str]] = OrderedDict()
        self._phones: OrderedDict[tuple[str, str], None] = OrderedDict()

    def see(self, conversation: Conversation) -> None:
        """Take in a conversation."""
        for exchange in conversation.exchanges:
            source, target = exchange.hop.source.host, exchange.hop.target.host
            for one, other in ((source, target), (target, source)):
                peers = self._peers.setdefault(one, set())
                if len(peers) < _PEERS:
                    peers.add(other)
            if exchange.method == "REGISTER":
                self._phones[source, target] = None
        for known in (self._peers, self._phones):
            while len(known) > _HOSTS:
                known.popitem(last=False)

    def would_show(self, redirect: _Redirect) -> bool:
        """Say whether a call that follows would have been seen.

        Not if the capture was made at who redirects: a phone of the client's, or a server that has
        other clients, unless every Contact leads back to it.
        """
        client, server = redirect.client, redirect.server
        if client == server or self._peers.get(client, set()) - {server}:
            return True
        if (server, client) in self._phones:
            return False
        back = {server, redirect.original.host if redirect.original else ""}
        leads_back = all(each.uri.host in back for each in redirect.contacts)
        return leads_back or not self._peers.get(server, set()) - {client}


class _Calls:
    """The calls to each place in the order of time, of each client and of all."""

    def __init__(self, calls: Iterable[_Call]) -> None:
        self._by_client: dict[tuple[str, str], list[_Call]] = {}
        for call in sorted(calls, key=_at):
            for client in (call.client, ""):
                self._by_client.setdefault((client, _place(call.uri)), []).append(call)

    def after(self, redirect: _Redirect, to: NameAddr, client: str = "") -> list[_Call]:
        """Return the next calls to where a redirect leads, of one client or of all."""
        calls = self._by_client.get((client, _place(to.uri)), [])
        first = bisect_right(calls, redirect.at, key=_at)
        found = calls[first : first + _LATER]
        return [each for each in found if each.call_id != redirect.call_id]


class _Told:
    """Who redirects, where to, and who is redirected, in the order of time."""

    def __init__(self, redirects: Iterable[_Redirect]) -> None:
        self._told: dict[tuple[str, ...], list[_Redirect]] = {}
        for each in sorted(redirects, key=_at):
            keys = {("by", each.server), ("of", each.client, _place(each.original))}
            for key in keys | {("to", contact.uri_text) for contact in each.contacts}:
                self._told.setdefault(key, []).append(each)

    def handed_on(self, redirect: _Redirect) -> bool:
        """Say whether the client is a server to somebody, whom it redirects in its turn."""
        keys = {("to", each.uri_text) for each in redirect.contacts} | {("by", redirect.client)}
        return any(
            each.call_id != redirect.call_id and each.status == redirect.status
            for key in keys
            for each in self._between(key, redirect.at, redirect.at + _HANDED_ON_WITHIN)
        )

    def again(self, redirect: _Redirect, until: float) -> bool:
        """Say whether the client was redirected once more from the same place before a time."""
        key = ("of", redirect.client, _place(redirect.original))
        return any(self._between(key, redirect.at, until))

    def _between(self, key: tuple[str, ...], after: float, until: float) -> list[_Redirect]:
        told = self._told.get(key, [])
        return told[bisect_right(told, after, key=_at) : bisect_right(told, until, key=_at)]


def _at(each: _Call | _Redirect) -> float:
    return each.at


def _place(uri: Uri | None) -> str:
    """Return what a PBX leaves of a URI that it writes its own way: the end of a number, a user."""
    if uri is None:
        return ""
    user = uri.user or uri.host
    digits = "".join(each for each in user if each.isdigit())
    return digits[-_DIGITS:] if len(digits) >= _DIGITS else user


def _followers(redirect: _Redirect, calls: _Calls) -> Iterator[_Call]:
    """Yield the call that follows to each Contact, or at least to the user in it.

    A PBX takes the user of the Contact for one of its own, and calls the phone of that user. From
    another address of the client, only the very URI tells.
    """
    for to in redirect.contacts:
        mine, anybody = calls.after(redirect, to, redirect.client), calls.after(redirect, to)
        ours, theirs = (
            [each for each in found if same(each.uri, to.uri)] for found in (mine, anybody)
        )
        likely = ours or mine or theirs
        yield from [each for each in likely if each.at - redirect.at < _HUNT][:1]


def _not_followed(redirect: _Redirect, end: float) -> Iterator[Finding]:
    new = [
        each.uri_text
        for each in redirect.contacts
        if each.uri.is_sip and not same(each.uri, redirect.original)
    ]
    if new and end - redirect.at >= _PATIENCE:
        yield made(
            "redirect-not-followed",
            redirect.at,
            redirect.frames,
            status=redirect.status,
            client=redirect.client,
            uri=redirect.original,
            contact=", ".join(new),
            answer=redirect.status,
            seconds=seconds(min(end - redirect.at, _HUNT)),
            call_id=redirect.call_id,
        )


def _remembered(
    redirect: _Redirect, calls: _Calls, told: _Told, following: set[int]
) -> Iterator[Finding]:
    """Yield the first call that goes to the Contact for the original URI, and asks nobody."""
    if redirect.status != 302:
        return
    for to in redirect.contacts:
        for call in calls.after(redirect, to, redirect.client):
            if not same(call.to, redirect.original) or same(call.uri, redirect.original):
                continue
            age = call.at - redirect.at
            lasts = redirect.expires is not None and age <= redirect.expires + _SLACK
            follows = id(call) in following or told.again(redirect, call.at)
            if lasts or follows or not same(call.uri, to.uri):
                continue
            yield made(
                "redirect-cached" if redirect.expires is None else "redirect-cached-too-long",
                call.at,
                tuple(sorted({*redirect.frames, *call.frames})),
                status=302,
                client=call.client,
                uri=redirect.original,
                contact=call.uri,
                seconds=seconds(age),
                expires=redirect.expires,
            )
            return


def _settled(tried: list[Exchange], number: int, contacts: tuple[NameAddr, ...]) -> bool:
    """Say whether a call itself shows that nothing else has to follow.

    Who goes on in it has followed; who hung up meanwhile need not; and nobody may go where he has
    been before (RFC 3261 §8.1.3.4).
    """
    redirect = tried[number]
    goes_on = any(each.branch != redirect.branch for each in tried[number + 1 :])
    been = [uri_of(each.request) for each in tried[max(0, number - _CONTACTS) : number + 1]]
    nowhere = all(any(same(each.uri, uri) for uri in been) for each in contacts[:_CONTACTS])
    return goes_on or nowhere or redirect.cancelled is not None


def _redirect(
    conversation: Conversation,
    exchange: Exchange,
    contacts: tuple[NameAddr, ...],
    *,
    settled: bool,
) -> _Redirect:
    final = exchange.final or exchange.first
    try:
        expires = final.message.expires
    except ParseError:
        expires = None
    told = [each.expires for each in contacts if each.expires is not None]
    return _Redirect(
        final.at,
        frames_of(exchange.request, final),
        exchange.status,
        exchange.hop.source.host,
        exchange.hop.target.host,
        uri_of(exchange.request),
        contacts[:_CONTACTS],
        max(told, default=expires),
        conversation.call_id,
        settled,
    )


def _call(conversation: Conversation, exchange: Exchange) -> _Call:
    to = addresses(exchange.first.message, "to")
    return _Call(
        exchange.at,
        frames_of(exchange.request),
        exchange.hop.source.host,
        uri_of(exchange.request),
        to[0].uri if to else None,
        conversation.call_id,
    )
