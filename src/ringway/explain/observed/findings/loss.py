"""Messages that were sent again, and on which side of the observer they got lost.

RFC 3261 §17.1: over UDP a client repeats what is not answered, §17.2.1 and §13.3.1.4 a server its
answer until the ACK. What the observer saw tells the side: an answer that passed by and was not
heard, a request that passed by and was not answered. A slow answer is no loss, so only an INVITE,
to which a 100 comes at once (§17.2.1), tells of lost requests; and on a long way, which the time
between an answer and its ACK tells, a timer may run out although nothing is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ringway.explain.observed.finding import Finding
from ringway.explain.observed.findings.case import Case
from ringway.explain.observed.findings.look import all_frames, frames_of, tag
from ringway.explain.observed.findings.make import made
from ringway.explain.observed.model import Exchange, Sight, status_of
from ringway.transport.flow import UDP

_FLIGHT: Final = 0.5  # a repeat may have been on its way already
_AT_ONCE: Final = 0.3
_SOON: Final = 2.0
_LONG_WAY: Final = 0.4  # there and back; T1 is 0.5 s


def find(case: Case) -> list[Finding]:
    """Return the hops on which messages got lost, one finding for each hop and way."""
    found: dict[tuple[str, str, str], Finding] = {}
    for exchange in case.conversation.exchanges:
        if exchange.hop.transport != UDP:
            continue
        for finding in (
            *_answer(case, exchange),
            *_request(case, exchange),
            *_ack(case, exchange),
        ):
            key = (finding.name, finding.facts["source"], finding.facts["target"])
            found.setdefault(key, finding)
    return list(found.values())


def _answer(case: Case, exchange: Exchange) -> Iterator[Finding]:
    """The request is repeated although its answer had passed by."""
    if exchange.request is None:
        return
    stops = [
        each for each in exchange.responses if exchange.method == "INVITE" or status_of(each) >= 200
    ]
    if not stops:
        return
    late = [each for each in case.sent(exchange.request) if each.at > stops[0].at + _FLIGHT]
    if len(late) > 1 or (late and not _long_way(case, exchange)):
        yield made(
            "response-lost",
            late[0].at,
            tuple(sorted({*stops[0].frames, *exchange.request.frames, *all_frames(late)})),
            conversation=case.conversation,
            method=exchange.method,
            answer=status_of(stops[0]),
            source=exchange.hop.target,
            target=exchange.hop.source,
            times=len(late),
        )


def _request(case: Case, exchange: Exchange) -> Iterator[Finding]:
    """An INVITE passes by more than once before anything comes back."""
    request = exchange.request
    if request is None or exchange.method != "INVITE" or not exchange.responses:
        return
    first = exchange.responses[0]
    answered = first.at
    before = [each for each in case.sent(request) if each.at < answered]
    # A phone may take its time to ring; an answer to every copy shows that every copy arrived.
    again = any(
        copy.at - answered < _SOON
        for each in exchange.responses
        if status_of(each) < 200
        for copy in case.sent(each)[1:]
    )
    at_once = status_of(first) == 100 and not again
    if at_once and len(before) > 1 and answered - before[-1].at < _AT_ONCE:
        yield made(
            "request-lost",
            before[1].at,
            tuple(sorted({*all_frames(before), *exchange.responses[0].frames})),
            conversation=case.conversation,
            method=exchange.method,
            source=exchange.hop.source,
            target=exchange.hop.target,
            times=len(before) - 1,
            seconds=f"{answered - request.at:.1f}",
        )


def _ack(case: Case, exchange: Exchange) -> Iterator[Finding]:
    """The final answer is repeated although an ACK to it had passed by."""
    for final in exchange.responses:
        if status_of(final) < 200 or len(final.copies) < 2:
            continue
        acks = _acks(case, exchange, final)
        if not acks:
            continue
        late = [each for each in case.sent(final) if each.at > acks[0].at + _FLIGHT]
        if len(late) > 1 or (late and len(case.sent(acks[0])) > 1):
            yield made(
                "ack-lost",
                late[0].at,
                tuple(sorted({*frames_of(final, acks[0]), *all_frames(late)})),
                status=status_of(final),
                conversation=case.conversation,
                source=acks[0].hop.source,
                target=acks[0].hop.target,
                answer=status_of(final),
                times=len(late),
            )
            return


def _acks(case: Case, exchange: Exchange, final: Sight) -> list[Sight]:
    """Return the ACKs to a final answer, wherever they were seen, the last hop's first."""
    if exchange.method != "INVITE":
        return []
    found = case.acks(exchange.number, tag(final.message, "to"))
    return sorted(found, key=lambda sight: sight.at, reverse=True)


def _long_way(case: Case, exchange: Exchange) -> bool:
    """Say whether whom the answer goes to is far away, by how soon it acts on a final answer."""
    waits = [
        ack.at - final.at
        for final in exchange.responses
        if status_of(final) >= 200
        for ack in _acks(case, exchange, final)
        if ack.hop.source.host == exchange.hop.source.host
    ]
    if exchange.final is not None and exchange.status in {401, 407}:
        waits += [
            each.at - exchange.final.at
            for each in case.conversation.of(exchange.method)
            if each.number > exchange.number and each.hop == exchange.hop
        ][:1]
    return min(waits, default=0.0) > _LONG_WAY
