"""Several flows of one phone: not tried one after the other, or tried at once.

RFC 5626 §7: of one instance, only one flow at a time is in the target set; 430 means the next one;
§11.5: the caller never sees a 430. RFC 3261 §8.2.2.2: a request that arrives twice is answered with
482. Which flows are one phone's is known from its registrations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ringway.explain.observed.finding import Finding
from ringway.explain.observed.findings.case import Case
from ringway.explain.observed.findings.look import (
    addresses,
    frames_of,
    person,
    same,
    starts,
    tag,
    uri,
    uri_of,
    uris,
    via_count,
)
from ringway.explain.observed.findings.make import made
from ringway.explain.observed.model import Exchange, status_of
from ringway.explain.observed.registrations import Registration

_WAIT: Final = 0.5
_MOST: Final = 100  # attempts of a conversation that are looked at


def find(case: Case) -> list[Finding]:
    """Return what went wrong between the flows of one phone."""
    found = [*_reached_caller(case), *_not_tried(case)]
    forked = list(_at_once(case))
    return found + (forked or list(_merged(case)))


def _reached_caller(case: Case) -> Iterator[Finding]:
    for exchange in case.conversation.exchanges:
        final = exchange.final
        if final is None or exchange.status != 430 or via_count(final) != 1:
            continue
        if exchange.request is not None and tag(exchange.request.message, "to"):
            continue
        if not _has_bindings(case, exchange):
            yield made(
                "430-reached-caller",
                final.at,
                frames_of(exchange.request, final),
                status=430,
                conversation=case.conversation,
                caller=person(final.message, "from"),
                callee=person(final.message, "to"),
                server=exchange.hop.target,
            )
            return


def _has_bindings(case: Case, exchange: Exchange) -> bool:
    """Say whether the caller is a PBX that calls a phone of its own: then the 430 is for it."""
    aor = person(exchange.first.message, "to").partition(";")[0]
    bound = case.flows.bindings(aor)
    return any(each.hop.target.host == exchange.hop.source.host for each in bound)


def _not_tried(case: Case) -> Iterator[Finding]:
    """Every attempt at an instance failed for its flow's sake, and a live flow was left out."""
    tried = starts(case.conversation)[:_MOST]
    for exchange in tried:
        final = exchange.final
        if final is None or exchange.status not in {430, 408}:
            continue
        target = registration(case, exchange)
        if target is None or not target.instance or not target.reg_id:
            continue
        siblings = _siblings(case, target, exchange.at)
        came = case.branches(exchange)[1:]
        attempts = [each for each in tried if case.branches(each)[1:] == came]
        reached = {found for each in attempts if (found := registration(case, each))}
        left = [each for each in siblings if each.reg_id not in {one.reg_id for one in reached}]
        above = next(iter(case.above(exchange)), None)
        if left and len(attempts) <= len(siblings) and above is not None and above.status >= 300:
            yield made(
                "other-flows-not-tried",
                final.at,
                tuple(sorted({*frames_of(exchange.request, final, above.final), *left[0].frames})),
                status=exchange.status,
                conversation=case.conversation,
                aor=target.aor,
                tried=f"reg-id {target.reg_id}",
                left=", ".join(f"reg-id {each.reg_id}" for each in left),
                server=exchange.hop.source,
            )
            return


def _at_once(case: Case) -> Iterator[Finding]:
    groups: dict[tuple[str, ...], list[Exchange]] = {}
    for later in starts(case.conversation)[:_MOST]:
        above = case.branches(later)[1:]
        group = groups.setdefault(above, [])
        group.append(later)
        for earlier in group[:-1] if above else ():
            answered = earlier.final is not None and earlier.final.at <= later.at
            if answered or later.at - earlier.at > _WAIT or later.branch == earlier.branch:
                continue
            instance = _same_instance(case, earlier, later)
            if instance:
                yield made(
                    "forked-to-one-instance",
                    later.at,
                    frames_of(earlier.request, later.request),
                    conversation=case.conversation,
                    server=later.hop.source,
                    one=earlier.hop.target,
                    other=later.hop.target,
                    callee=person(later.first.message, "to"),
                )
                return


def _same_instance(case: Case, one: Exchange, other: Exchange) -> str:
    """Return the instance-id that both requests are for, by registration or by their answers."""
    first, second = registration(case, one), registration(case, other)
    if first and second and first.instance and first.reg_id != second.reg_id:
        if (first.aor, first.instance) == (second.aor, second.instance):
            return first.instance
        return ""
    told = _told_instances(one) & _told_instances(other)
    return min(told, default="")


def _told_instances(exchange: Exchange) -> set[str]:
    return {
        each.instance
        for sight in exchange.responses
        if 180 <= status_of(sight) < 300
        for each in addresses(sight.message, "contact")
        if each.instance
    }


def _merged(case: Case) -> Iterator[Finding]:
    """The phone itself says that it got the request twice."""
    for exchange in starts(case.conversation)[:_MOST]:
        final = exchange.final
        if final is None or exchange.status != 482 or case.forwarded(exchange):
            continue
        twin = _twin(case, exchange)
        if twin is not None:
            yield made(
                "merged-request",
                final.at,
                frames_of(twin.request, exchange.request, final),
                status=482,
                conversation=case.conversation,
                callee=exchange.hop.target,
                one=twin.hop.source,
                other=exchange.hop.source,
            )
            return


def _twin(case: Case, exchange: Exchange) -> Exchange | None:
    """Return another exchange that took the same request, branch apart, to the same host."""
    for each in starts(case.conversation):
        if (
            each is not exchange
            and each.number == exchange.number
            and each.hop.target.host == exchange.hop.target.host
            and each.branch not in case.branches(exchange)
            and exchange.branch not in case.branches(each)
        ):
            return each
    return None


def registration(case: Case, exchange: Exchange) -> Registration | None:
    """Return the registration whose flow a request was sent over, or was meant for.

    On the phone's own hop its address tells. Further upstream, the request goes back the way on
    which the REGISTER came, to the Contact that was registered, with its Path, if it had one, as
    Route (RFC 3327 §5.3): phones in two homes may have the same private address.
    """
    history = case.flows.at(exchange.hop, exchange.at)
    to = uri_of(exchange.request)
    if history is None or to is None:
        return None
    known = [
        each
        for each in history.registrations
        if each.hop.source.host == exchange.hop.target.host
        and each.at <= exchange.at <= each.at + each.expires
    ]
    named = [each for each in known if same(uri(each.contact), to)]
    direct = [each for each in named or known if each.direct]
    if direct:
        return direct[-1]
    route = uris(exchange.first.message.values("route"))
    named = [each for each in named if not route or not each.path or route == uris(each.path)]
    bound = {(each.aor, each.instance, each.reg_id) for each in named}
    return named[0] if len(bound) == 1 else None


def _siblings(case: Case, target: Registration, when: float) -> list[Registration]:
    """Return the registrations of the same phone over its other flows, as of a time."""
    found: dict[int, Registration] = {}
    dead = set()
    for each in case.flows.bindings(target.aor, when):
        if each.instance == target.instance and each.reg_id not in {target.reg_id, 0}:
            found[each.reg_id] = each
            history = case.flows.at(each.hop, when)
            if history is not None and not history.alive(when):
                dead.add(each.reg_id)
    return [each for each in found.values() if each.reg_id not in dead]
