"""What detectors ask of messages and exchanges; what cannot be read counts as not there.

What several detectors ask of a whole conversation is in `case.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ringway.errors import ParseError
from ringway.explain.observed.model import Conversation, Copy, Exchange, Sight, sights_of, status_of
from ringway.message import (
    NameAddr,
    Request,
    Response,
    Uri,
    Via,
    parse_name_addr,
    parse_uri,
    parse_via,
)

# What a client may answer by sending the request again, changed, to the same URI.
RETRIED: Final = frozenset({401, 407, 408, 412, 413, 415, 420, 421, 422, 428, 430, 494, 500, 503})


_MOST: Final = 32


def frames_of(*sights: Sight | None) -> tuple[int, ...]:
    """Return the packets in which these were first seen, in order, each once."""
    return tuple(sorted({frame for sight in sights if sight for frame in sight.frames}))


def all_frames(copies: Iterable[Copy]) -> tuple[int, ...]:
    """Return the packets of these copies."""
    return tuple(sorted({frame for copy in copies for frame in copy.frames}))


def via_count(sight: Sight) -> int:
    """Return how many Via values it has: one where the caller's own transaction is seen."""
    return len(sight.message.values("via"))


def by_caller(exchange: Exchange) -> bool:
    """Say whether who sent the request also made it: nobody else's Via is in it."""
    return not exchange.first.message.several("via")


def branches(sight: Sight) -> tuple[str, ...]:
    """Return the branch of each Via, topmost first."""
    return tuple(via.param("branch") or "" for via in vias(sight.message))


def vias(message: Request | Response) -> tuple[Via, ...]:
    """Return the Via values that can be read."""
    found = []
    for text in message.values("via"):
        try:
            found.append(parse_via(text))
        except ParseError:
            continue
    return tuple(found)


def addresses(message: Request | Response, name: str) -> tuple[NameAddr, ...]:
    """Return the addresses in a header that can be read, the first of very many."""
    return _addresses(message.values(name)[:_MOST], name)


def uris(values: Iterable[str]) -> list[str]:
    """Return the URIs of addresses that can be read, as they are written."""
    return [each.uri_text for each in _addresses(values, "route")]


def contact(message: Request | Response) -> NameAddr | None:
    """Return the first Contact, if there is one that can be read."""
    found = addresses(message, "contact")
    return found[0] if found else None


def uri_of(sight: Sight | None) -> Uri | None:
    """Return the Request-URI of a request."""
    if sight is None or not isinstance(sight.message, Request):
        return None
    return uri(sight.message.uri_text)


def uri(text: str) -> Uri | None:
    """Return a URI, None if it is none."""
    try:
        return parse_uri(text)
    except ParseError:
        return None


def same(one: Uri | None, other: Uri | None) -> bool:
    """Say whether both name the same resource (RFC 3261 §19.1.4), header parts apart."""
    if one is None or other is None:
        return False
    if one.host.lower() != other.host.lower() and ":" not in one.host:
        return False
    return one == other or one.without_headers().equals(other.without_headers())


def tag(message: Request | Response, name: str) -> str:
    """Return the tag of From or To; empty if there is none."""
    try:
        return (message.to if name == "to" else message.from_).tag
    except ParseError:
        return ""


def person(message: Request | Response, name: str) -> str:
    """Return the URI of From or To as text; empty if it cannot be read."""
    found = addresses(message, name)
    return found[0].uri_text if found else ""


def starts(conversation: Conversation, method: str = "INVITE") -> list[Exchange]:
    """Return the exchanges whose request was seen, and is outside a dialog."""
    return [
        each
        for each in conversation.of(method)
        if each.request is not None and not tag(each.request.message, "to")
    ]


def messages(conversation: Conversation) -> list[Sight]:
    """Return every message, exchange by exchange; `Conversation.sights` puts them in order."""
    return [sight for exchange in conversation.exchanges for sight in sights_of(exchange)]


def one_sided(conversation: Conversation) -> bool:
    """Say whether only one of two directions was captured, so that silence proves nothing.

    Either there are answers only; or requests only, one of which knows a To tag that only an answer
    can have told it; or requests and answers, and nobody who sends is sent to.
    """
    sights = messages(conversation)
    asked = [each for each in sights if not status_of(each)]
    if not asked:
        return True
    if len(asked) == len(sights):
        return any(tag(each.message, "to") for each in asked)
    sources = {each.hop.source.host for each in sights}
    return not sources & {each.hop.target.host for each in sights}


def seconds(number: float) -> str:
    """Return a time span for people to read."""
    return f"{number:.1f}".removesuffix(".0") if number < 10 else str(round(number))


def _addresses(values: Iterable[str], name: str) -> tuple[NameAddr, ...]:
    found = []
    for text in values:
        try:
            found.append(parse_name_addr(text, name))
        except ParseError:
            continue
    return tuple(found)
