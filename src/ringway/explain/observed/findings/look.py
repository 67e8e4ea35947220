"""What detectors ask of messages and exchanges; what cannot be read counts as not there.

A sight lists every copy of a message. Two copies within a blink are one packet captured twice, as
`tcpdump -i any` does; a repeat by a timer comes T1 (0.5 s) later at the earliest (RFC 3261
§17.1.1.2).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ringway.errors import ParseError
from ringway.explain.observed.flows import Flows
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

_APART: Final = 0.3
# What a client may answer by sending the request again, changed, to the same URI.
RETRIED: Final = frozenset({401, 407, 408, 412, 413, 415, 420, 421, 422, 428, 430, 494, 500, 503})


def spaced(sight: Sight) -> list[Copy]:
    """Return the copies that somebody sent, not the ones that were captured twice."""
    kept = [sight.copies[0]]
    for copy in sight.copies[1:]:
        if copy.at - kept[-1].at >= _APART:
            kept.append(copy)
    return kept


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
    return via_count(exchange.first) == 1


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
    """Return the addresses in a header that can be read."""
    found = []
    for text in message.values(name):
        try:
            found.append(parse_name_addr(text, name))
        except ParseError:
            continue
    return tuple(found)


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
    return one.without_headers().equals(other.without_headers())


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


def refused(exchange: Exchange) -> bool:
    """Say whether it ended with a failure."""
    return exchange.status >= 300


def messages(conversation: Conversation) -> list[Sight]:
    """Return every message, exchange by exchange; `Conversation.sights` puts them in order."""
    return [sight for exchange in conversation.exchanges for sight in sights_of(exchange)]


def one_sided(conversation: Conversation) -> bool:
    """Say whether only one of two directions was captured, so that silence proves nothing.

    Either there are answers only; or everything comes from one host, which knows a To tag that only
    an answer can have told it.
    """
    sights = messages(conversation)
    if all(status_of(each) for each in sights):
        return True
    if len({each.hop.source.host for each in sights}) > 1:
        return False
    return not any(status_of(each) for each in sights) and any(
        tag(each.message, "to") for each in sights
    )


def now(flows: Flows) -> float:
    """Return when the last thing was seen on any flow."""
    known = flows.all()
    return known[-1].last.at if known else 0.0


def seconds(number: float) -> str:
    """Return a time span for people to read."""
    return f"{number:.1f}".removesuffix(".0") if number < 10 else str(round(number))
