"""Requests within a dialog that went the wrong way, ACKs that never came, calls left open.

RFC 3261 §12.2.1.1: every request within a dialog carries its route set; §13.2.2.4: an ACK to each
2xx; §9.1: a CANCEL that comes too late changes nothing, the call is up and wants a BYE (§15).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ringway.explain.observed.finding import Finding
from ringway.explain.observed.findings.case import Case
from ringway.explain.observed.findings.look import (
    addresses,
    all_frames,
    by_caller,
    frames_of,
    one_sided,
    person,
    seconds,
    starts,
    tag,
    uri_of,
    via_count,
)
from ringway.explain.observed.findings.make import made
from ringway.explain.observed.model import Sight, status_of
from ringway.message import NameAddr, Request, Response

_PATIENCE: Final = 10.0
_FLIGHT: Final = 0.5
_ASTRAY: Final = frozenset({404, 408, 480, 481})  # from who does not know the call, or its user


def find(case: Case) -> list[Finding]:
    """Return what went wrong within the dialogs of a conversation."""
    found = [*_route_ignored(case), *_never_acknowledged(case)]
    return found + list(_crossed(case))


def _route_ignored(case: Case) -> Iterator[Finding]:
    told = set()
    for sight in case.conversation.sights():
        if sight.status:
            continue
        message = sight.message
        if not isinstance(message, Request) or message.has("route") or message.method in told:
            continue
        if not tag(message, "to") or via_count(sight) != 1:
            continue
        route, proof = _route_set(case, sight)
        to = uri_of(sight)
        if not route or to is None or any(to.host == each.uri.host for each in route):
            continue
        answer = next((each for each in _answers(case, sight) if status_of(each) > 199), None)
        if not _failed(case, sight, answer):
            continue
        told.add(message.method)
        yield made(
            "route-ignored",
            sight.at,
            frames_of(proof, sight, answer),
            status=status_of(answer) if answer else 0,
            conversation=case.conversation,
            method=message.method,
            sender=sight.hop.source,
            target=sight.hop.target,
            route=", ".join(f"<{each.uri_text}>" for each in route),
        )


def _failed(case: Case, sight: Sight, answer: Sight | None) -> bool:
    """Say whether a request did not get where it should: refused, unanswered, or no ACK."""
    if isinstance(sight.message, Request) and sight.message.method == "ACK":
        return any(
            copy.at > sight.at + _FLIGHT
            for exchange in case.conversation.of("INVITE")
            if exchange.number == sight.message.cseq.number
            for each in exchange.responses
            if 200 <= status_of(each) < 300 and _ends(each.message) == _ends(sight.message)
            for copy in case.sent(each)[1:]
        )
    if answer is not None:
        return status_of(answer) in _ASTRAY
    return len(case.sent(sight)) > 2


def _ends(message: Request | Response) -> tuple[str, str]:
    return tag(message, "from"), tag(message, "to")


def _answers(case: Case, sight: Sight) -> list[Sight]:
    for exchange in case.conversation.exchanges:
        if exchange.request is sight:
            return exchange.responses
    return []


def _route_set(case: Case, sight: Sight) -> tuple[tuple[NameAddr, ...], Sight | None]:
    """Return the route set that the sender had to use, and the message that told it (§12.1)."""
    mine, theirs = _ends(sight.message)
    for exchange in starts(case.conversation):
        request = exchange.request
        if request is None or exchange.at > sight.at:
            continue
        for response in exchange.responses:
            ends = _ends(response.message)
            if not 180 <= status_of(response) < 300 or response.at > sight.at:
                continue
            if ends == (mine, theirs) and via_count(response) == 1:
                if request.hop.source.host == sight.hop.source.host:
                    return addresses(response.message, "record-route")[::-1], response
            elif ends == (theirs, mine) and request.hop.target.host == sight.hop.source.host:
                return addresses(request.message, "record-route"), request
    return (), None


def _never_acknowledged(case: Case) -> Iterator[Finding]:
    """A final answer to INVITE is sent again and again, and nowhere is there an ACK to it."""
    if one_sided(case.conversation):
        return
    for exchange in case.conversation.of("INVITE"):
        for final in exchange.responses:
            copies = case.sent(final)
            if status_of(final) < 200 or len(copies) < 3 or _acknowledged(case, final):
                continue
            yield made(
                "ack-missing",
                final.at,
                all_frames(copies),
                status=status_of(final),
                conversation=case.conversation,
                callee=exchange.hop.target,
                caller=exchange.hop.source,
                answer=status_of(final),
                times=len(copies),
                seconds=seconds(copies[-1].at - copies[0].at),
            )
            return


def _acknowledged(case: Case, final: Sight) -> bool:
    number, theirs = final.message.cseq.number, tag(final.message, "to")
    return bool(case.acks(number, theirs))


def _crossed(case: Case) -> Iterator[Finding]:
    """A CANCEL and a 2xx meet on the way (§9.1)."""
    for invite in starts(case.conversation):
        cancel = invite.cancelled
        success = next((each for each in invite.responses if 200 <= status_of(each) < 300), None)
        if cancel is None or cancel.request is None or success is None or not by_caller(invite):
            continue
        if success.at < cancel.at - _FLIGHT:
            continue
        ended = [each for each in case.conversation.of("BYE") if each.at >= success.at]
        waited = case.flows.now() - success.at > _PATIENCE
        # Within the call, requests may go another way; an ACK shows that they do not.
        here = _acknowledged(case, success) or len(case.sent(success)) > 2
        left_open = not ended and waited and here and not one_sided(case.conversation)
        yield made(
            "answered-call-left-open" if left_open else "cancel-crossed-answer",
            max(cancel.at, success.at),
            frames_of(
                invite.request, cancel.request, success, *[each.request for each in ended[:1]]
            ),
            status=status_of(success),
            conversation=case.conversation,
            caller=invite.hop.source,
            callee=person(success.message, "to"),
        )
        return
