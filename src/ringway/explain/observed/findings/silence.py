"""Requests that nobody answered, and why that may be.

Over UDP a client repeats what is not answered (RFC 3261 §17.1.1.2): if it does not, the answer came
and was not captured. Over connections the sender shows it by giving up. Then, in this order: the
datagram was too large (§18.1.1), it was for a private address, the flow had died and nobody had
noticed (RFC 5626 §4.4), the network reports it (§18.4), or the other side is just silent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ringway.explain.observed.finding import Finding
from ringway.explain.observed.findings.case import Case
from ringway.explain.observed.findings.forks import registration
from ringway.explain.observed.findings.look import (
    all_frames,
    frames_of,
    one_sided,
    person,
    seconds,
)
from ringway.explain.observed.findings.make import made
from ringway.explain.observed.findings.private import came_from_outside
from ringway.explain.observed.flows import LARGE, History
from ringway.explain.observed.model import Exchange, status_of
from ringway.transport.flow import UDP, Address

_WHOLE: Final = 1472  # octets of the largest datagram that an Ethernet carries in one packet
_ALIKE: Final = 100  # octets by which requests of one kind differ
_REPEATS: Final = 4  # 0, 0.5, 1.5 and 3.5 s
_REPORTED_WITHIN: Final = 32.0  # 64*T1: as long as somebody waits for an answer
_GAVE_UP: Final = 3.0
_UNNOTICED: Final = 5.0  # nobody can notice sooner that a phone is gone
_LONG: Final = 20.0


def find(case: Case) -> list[Finding]:
    """Return the requests that were not answered, the first one to each place."""
    found: dict[Address, Finding] = {}
    for exchange in case.conversation.exchanges:
        if exchange.hop.target not in found:
            for finding in (
                *_silent(case, exchange),
                *_stuck(case, exchange),
            ):
                found[exchange.hop.target] = finding
    return list(found.values())


def _silent(case: Case, exchange: Exchange) -> Iterator[Finding]:
    request = exchange.request
    if request is None or exchange.responses or exchange.method in {"ACK", "CANCEL"}:
        return
    if case.forwarded(exchange):
        return
    copies = case.sent(request)
    udp = exchange.hop.transport == UDP
    gave_up = _gave_up(case, exchange)
    history = case.flows.at(exchange.hop, exchange.at)
    reported = [
        each
        for each in (history.unreachable if history else ())
        if request.at < each.at < copies[-1].at + _REPORTED_WITHIN
    ]
    if not reported and (len(copies) < _REPEATS if udp else gave_up is None):
        return
    end = copies[-1].at if gave_up is None else max(gave_up, copies[-1].at)
    aor, quiet = "", ""
    frames = tuple(sorted({*all_frames(copies), *(reported[0].frames if reported else ())}))
    bound = registration(case, exchange)
    heard = history and history.last_from.get(exchange.hop.target)
    since = bool(heard and heard.at > request.at)
    if udp and _too_large(exchange, len(request.data), history, quiet=bool(bound and not since)):
        name = "large-datagram-lost"
    elif told := came_from_outside(case, exchange):
        name = "private-contact-used"
        frames = tuple(sorted({*told, *frames}))
    elif bound and since:
        return
    elif bound and request.at - (heard or bound).at > _UNNOTICED:
        name = "flow-died-unnoticed"
        frames = tuple(sorted({*bound.frames, *(heard.frames if heard else ()), *frames}))
        aor = bound.aor
        quiet = seconds(request.at - (heard.at if heard else bound.at))
    elif reported:
        name = "undeliverable"
    else:
        name = "silent-callee"
    yield made(
        name,
        request.at,
        frames,
        conversation=case.conversation,
        method=exchange.method,
        source=exchange.hop.source,
        target=exchange.hop.target,
        times=len(copies),
        seconds=seconds(end - request.at),
        octets=len(request.data),
        callee=person(request.message, "to"),
        aor=aor,
        quiet=quiet,
        reason=reported[0].reason if reported else "",
    )


def _too_large(exchange: Exchange, octets: int, history: History | None, *, quiet: bool) -> bool:
    """Say whether it is the size of a datagram that keeps it from arriving.

    Not if one as large has arrived before. A phone that is quiet altogether may be gone; then only
    what an Ethernet has to cut into fragments is too large.
    """
    passed = history.passed.get(exchange.hop.target, 0) if history else 0
    return octets > (_WHOLE if quiet else LARGE) and passed < octets - _ALIKE


def _gave_up(case: Case, exchange: Exchange) -> float | None:
    """Return when the sender showed that no answer had come: it refused upstream, or cancelled."""
    request = exchange.request
    above = case.above(exchange)
    if request is None or one_sided(case.conversation) or _went_on(case, exchange, above):
        return None
    moments = [
        final.at
        for other in above
        if (final := other.final) is not None and other.status in {408, 480, 500, 503, 504}
    ]
    if exchange.cancelled is not None:
        moments.append(exchange.cancelled.at)
    late = [each for each in moments if each - request.at >= _GAVE_UP]
    return min(late, default=None)


def _went_on(case: Case, exchange: Exchange, above: list[Exchange]) -> bool:
    """Say whether it was answered out of sight: it rings upstream, and there is no other branch."""
    return any(
        100 < status_of(each) < 300 and case.forwarded(other) == [exchange]
        for other in above
        for each in other.responses
    )


def _stuck(case: Case, exchange: Exchange) -> Iterator[Finding]:
    """Somebody said 100 and nothing more until the caller had enough."""
    request = exchange.request
    if request is None or exchange.method != "INVITE" or case.forwarded(exchange):
        return
    statuses = {status_of(each) for each in exchange.responses}
    told = {each for each in statuses if each > 100} - {408, 487}
    ends = [exchange.cancelled] if exchange.cancelled else []
    times = [each.at for each in ends] + [
        each.at for each in exchange.responses if status_of(each) == 408
    ]
    if 100 not in statuses or told or not times or min(times) - request.at < _LONG:
        return
    trying = next(each for each in exchange.responses if status_of(each) == 100)
    yield made(
        "no-progress",
        trying.at,
        frames_of(request, trying, exchange.final, *[each.request for each in ends]),
        status=exchange.status,
        conversation=case.conversation,
        source=exchange.hop.source,
        target=exchange.hop.target,
        callee=person(request.message, "to"),
        seconds=seconds(min(times) - request.at),
    )
