"""Answers that lack something, or that say more than their number, and messages cut wrong.

RFC 3261 §21.5.4: a 503 without Retry-After is read as 500. §16.3, §21.4.21: 483 is a loop. §18.3:
Content-Length. RFC 3326, §20.43: Reason and Warning tell why.
"""

from __future__ import annotations

from collections.abc import Iterator

from ringway.errors import ParseError
from ringway.explain.observed.finding import Finding
from ringway.explain.observed.findings.case import Case
from ringway.explain.observed.findings.look import (
    branches,
    by_caller,
    frames_of,
    messages,
    one_sided,
    person,
)
from ringway.explain.observed.findings.make import made
from ringway.explain.observed.model import Exchange, Sight
from ringway.message import parse_reason, parse_warning
from ringway.transport.flow import TCP, TLS


def find(case: Case) -> list[Finding]:
    """Return what is wrong or worth knowing about single messages."""
    found = [*_overload(case), *_loop(case), *_cut(case)]
    return [*found, *_reason(case), *_half(case)]


def _overload(case: Case) -> Iterator[Finding]:
    for exchange in case.conversation.exchanges:
        final = exchange.final
        if final is None or exchange.status != 503 or final.message.has("retry-after"):
            continue
        if any(each.status == 503 for each in case.forwarded(exchange)):
            continue
        yield made(
            "503-without-retry-after",
            final.at,
            frames_of(exchange.request, final),
            status=503,
            conversation=case.conversation,
            server=exchange.hop.target,
            client=exchange.hop.source,
            method=exchange.method,
        )
        return


def _loop(case: Case) -> Iterator[Finding]:
    """A request ran in circles until Max-Forwards was used up."""
    for exchange in case.conversation.exchanges:
        final = exchange.final
        if final is None or exchange.status != 483:
            continue
        rounds = _rounds(case, exchange)
        if len(rounds) < 2:
            continue
        yield made(
            "forwarding-loop",
            final.at,
            frames_of(*[each.request for each in rounds], final),
            status=483,
            conversation=case.conversation,
            method=exchange.method,
            callee=person(final.message, "to"),
            server=rounds[0].hop.target,
            times=len(rounds),
        )
        return


def _rounds(case: Case, last: Exchange) -> list[Exchange]:
    """Return the times one request came to the same host, the most there are."""
    chain = set(branches(last.first))
    found: dict[str, dict[str, Exchange]] = {}
    for each in case.conversation.of(last.method):
        if each.request is not None and each.branch in chain and each.number == last.number:
            found.setdefault(each.hop.target.host, {}).setdefault(each.branch, each)
    return list(max(found.values(), key=len, default={}).values())


def _cut(case: Case) -> Iterator[Finding]:
    for sight in messages(case.conversation):
        if _is_whole(sight):
            continue
        said, there = _said(sight), _there(sight)
        if said is not None and there is not None and said != len(there):
            yield made(
                "wrong-content-length",
                sight.at,
                sight.frames,
                conversation=case.conversation,
                source=sight.hop.source,
                target=sight.hop.target,
                said=said,
                there=len(there),
                message=sight.message.start_line,
            )
            return


def _is_whole(sight: Sight) -> bool:
    """Say whether there is nothing to find, without reading the message: most are so."""
    if sight.fault:
        return False
    bare = sight.data.find(b"\r\n\r\n") == len(sight.data) - 4
    return bare or sight.hop.transport in {TCP, TLS}


def _said(sight: Sight) -> int | None:
    try:
        return sight.message.content_length
    except ParseError:
        return None


def _there(sight: Sight) -> bytes | None:
    """Return the octets of the body that are there.

    A stream is cut by what was said; only where the next message begins within it is it known to be
    wrong. What the capture left out proves nothing, and empty lines behind a body are discarded.
    """
    if "not captured" in sight.fault:
        return None
    if sight.hop.transport in {TCP, TLS} and not sight.fault.startswith("Content-Length is"):
        return None
    head, found, body = sight.data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    said = _said(sight)
    if said is not None and not body[said:].strip(b"\r\n\0 "):
        body = body[:said]
    return body if found and head else None


def _reason(case: Case) -> Iterator[Finding]:
    """The caller's last answer says why in words (RFC 3326 §2, RFC 3261 §20.43)."""
    for exchange in case.conversation.exchanges:
        final = exchange.final
        if final is None or exchange.status < 400 or not by_caller(exchange):
            continue
        words = why(final)
        if words and exchange.status not in {401, 407}:
            yield made(
                "reason-given",
                final.at,
                frames_of(final),
                status=exchange.status,
                conversation=case.conversation,
                answer=final.message.start_line.partition(" ")[2],
                words=words,
            )
            return


def why(final: Sight) -> str:
    """Return what Reason and Warning say."""
    found = []
    for value in final.message.values("reason"):
        try:
            reason = parse_reason(value)
        except ParseError:
            continue
        parts = (reason.protocol, "" if reason.cause is None else str(reason.cause), reason.text)
        found.append(" ".join(each for each in parts if each))
    for value in final.message.values("warning"):
        try:
            found.append(parse_warning(value).text)
        except ParseError:
            continue
    return "; ".join(found)


def _half(case: Case) -> Iterator[Finding]:
    """Only one of the two directions was captured."""
    sights = messages(case.conversation)
    if len(sights) > 1 and one_sided(case.conversation):
        yield made(
            "one-direction-only",
            case.conversation.at,
            frames_of(*sights),
            conversation=case.conversation,
            source=sights[0].hop.source,
        )
