"""Redirects that nobody followed, and redirects that were followed longer than they held.

RFC 3261 §8.1.3.4: a client should follow; §21.3.3: a 302 without an expiry holds once, one with it
for that time. Both show only over several calls. A call that goes elsewhere than its To says, and
whose own redirect is nowhere, was sent there from memory.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from ringway.errors import ParseError
from ringway.explain.observed.finding import Finding
from ringway.explain.observed.findings.look import (
    addresses,
    by_caller,
    frames_of,
    one_sided,
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
_NEXT: Final = 100  # calls that are looked at for one redirect
_FOLLOWED_WITHIN: Final = 10.0
_SLACK: Final = 5.0
_HANDED_ON_WITHIN: Final = 2.0


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
    followed: bool


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

    def conversation(self, conversation: Conversation) -> None:
        """Take in a conversation."""
        tried = [each for each in starts(conversation) if by_caller(each)]
        if not tried or one_sided(conversation):
            return
        if len(self._calls) == self._calls.maxlen:
            self._forgotten = max(self._forgotten, self._calls[0].at)
        self._calls.append(_call(conversation, tried[0]))
        for number, exchange in enumerate(tried):
            contacts = redirected(exchange)
            if contacts:
                later = any(
                    each.hop.source.host == exchange.hop.source.host for each in tried[number + 1 :]
                )
                self._redirects.append(_redirect(conversation, exchange, contacts, followed=later))

    def close(self, end: float) -> Iterator[Finding]:
        """Return what was found.

        Args:
            end: when the capture ended.
        """
        calls = _Calls(self._calls)
        told: dict[tuple[str, int], list[float]] = {}
        for redirect in self._redirects:
            told.setdefault((redirect.server, redirect.status), []).append(redirect.at)
        for redirect in self._redirects:
            follow = None if redirect.followed else _follow(redirect, calls.after(redirect))
            known = redirect.followed or follow is not None or redirect.at < self._forgotten
            if not known and not _handed_on(redirect, told):
                yield from _not_followed(redirect, end)
            astray = calls.after(redirect, astray=True)
            yield from _remembered(redirect, [each for each in astray if each is not follow])


class _Calls:
    """The calls of each client in the order of time, and those that do not go where To says."""

    def __init__(self, calls: Iterable[_Call]) -> None:
        self._all: dict[str, list[_Call]] = {}
        self._astray: dict[str, list[_Call]] = {}
        for call in sorted(calls, key=_at):
            self._all.setdefault(call.client, []).append(call)
            if not same(call.uri, call.to):
                self._astray.setdefault(call.client, []).append(call)

    def after(self, redirect: _Redirect, *, astray: bool = False) -> list[_Call]:
        """Return the next calls of the client that was redirected."""
        calls = (self._astray if astray else self._all).get(redirect.client, [])
        first = bisect_right(calls, redirect.at, key=_at)
        return [each for each in calls[first : first + _NEXT] if each.call_id != redirect.call_id]


def _at(call: _Call) -> float:
    return call.at


def _not_followed(redirect: _Redirect, end: float) -> Iterator[Finding]:
    new = [
        each.uri_text
        for each in redirect.contacts
        if each.uri.is_sip and not same(each.uri, redirect.original)
    ]
    if new and end - redirect.at >= _FOLLOWED_WITHIN:
        yield made(
            "redirect-not-followed",
            redirect.at,
            redirect.frames,
            status=redirect.status,
            client=redirect.client,
            uri=redirect.original,
            contact=", ".join(new),
            answer=redirect.status,
            call_id=redirect.call_id,
        )


def _handed_on(redirect: _Redirect, told: dict[tuple[str, int], list[float]]) -> bool:
    """Say whether the client is a server to somebody, whom it redirects in its turn."""
    return any(
        0 <= at - redirect.at < _HANDED_ON_WITHIN
        for at in told.get((redirect.client, redirect.status), ())
    )


def _follow(redirect: _Redirect, later: list[_Call]) -> _Call | None:
    """Return the call that follows: to the Contact, or at least to the user in it.

    A PBX takes the user of the Contact for one of its own, and calls the phone of that user.
    """
    for call in later:
        if call.at - redirect.at > _FOLLOWED_WITHIN:
            return None
        for each in redirect.contacts:
            user = each.uri.user
            if same(call.uri, each.uri) or (user and call.uri and call.uri.user == user):
                return call
    return None


def _remembered(redirect: _Redirect, later: list[_Call]) -> Iterator[Finding]:
    if redirect.status != 302:
        return
    for call in later:
        if not same(call.to, redirect.original) or same(call.uri, redirect.original):
            continue
        if not any(same(call.uri, each.uri) for each in redirect.contacts):
            continue
        age = call.at - redirect.at
        if redirect.expires is not None and age <= redirect.expires + _SLACK:
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


def _redirect(
    conversation: Conversation,
    exchange: Exchange,
    contacts: tuple[NameAddr, ...],
    *,
    followed: bool,
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
        contacts,
        max(told, default=expires),
        conversation.call_id,
        followed,
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
