"""The steps of a story: what was asked, by which way it went, what was tried next and why.

A request that only goes on from hop to hop is told once, at its end. Where an element tries one way
after another, or several at once, the line says what made it do so (RFC 3261 §8.1.3, §16.7;
RFC 5626 §4.5, §7): a redirect, a challenge, a failure, silence, or a lost connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ringway.errors import ParseError
from ringway.explain.observed.findings.copies import Copies
from ringway.explain.observed.flows import Flows, History
from ringway.explain.observed.line import Line, span
from ringway.explain.observed.model import Conversation, Copy, Hop, Sight, status_of
from ringway.explain.observed.places import Places, contacts_of, plain, user_of
from ringway.explain.observed.results import code_of, has_credentials, one_sided, reason_of, results
from ringway.explain.observed.tree import Leg
from ringway.message import Request

_FIRST: Final = 60
_LAST: Final = 20
# Seconds in which branches that start count as started together (RFC 3261 §16.6).
_TOGETHER: Final = 0.5

_OPENERS: Final = {
    "INVITE": "call",
    "MESSAGE": "message",
    "OPTIONS": "options",
    "SUBSCRIBE": "subscribe",
    "BYE": "hang-up",
}
_ENDS: Final = {"closed": "flow-closed", "reset": "flow-reset", "refused": "flow-refused"}


def steps(
    conversation: Conversation, roots: list[Leg], places: Places, flows: Flows
) -> tuple[Line, ...]:
    """Return the steps of a conversation in order, the middle of a very long one left out."""
    lines: list[Line] = []
    sights = conversation.sights()
    copies = Copies(sights if any(len(each.copies) > 1 for each in sights) else ())
    asked: dict[tuple[str, str, bool], list[Leg]] = {}
    for root in roots:
        first = root.exchange.first
        key = (root.exchange.method, user_of(first, "from"), root.in_dialog)
        before = asked.setdefault(key, [])
        lines += _request(root, before[-_LAST:], places, flows)
        for leg in root.walk():
            lines += _copies(leg, copies, places)
        before.append(root)
        lines += results(root, places)
    if one_sided(conversation):
        lines = [line for line in lines if line.name != "unheard"]
    elif conversation.complete:
        lines += _silence(roots, places)
    lines += _ends(conversation, roots, places, flows)
    lines.sort(key=lambda line: (line.at, line.frames))
    if len(lines) > _FIRST + _LAST:
        left = lines[_FIRST:-_LAST]
        facts = {"count": str(len(left))}
        more = Line(left[0].at, left[0].frames, "more", facts)
        lines[_FIRST:-_LAST] = [more]
    return tuple(lines)


def _request(root: Leg, before: list[Leg], places: Places, flows: Flows) -> Iterator[Line]:
    """Tell a request and where it went."""
    name = _cause(before, root, flows) if before else ""
    if not name or name == "parallel":
        yield _opener(root, places)
    else:
        yield _line(name, root, before, places)
    for leg in root.walk():
        yield from _cancel(leg, places)
        if len(leg.children) == 1 and (leg is root or leg is not leg.root) and _starts(leg):
            yield from _onward(leg, places)
        elif len(leg.children) > 1:
            for number, child in enumerate(leg.children):
                tried = leg.children[:number][-_LAST:]
                yield _line(_cause(tried, child, flows) or "branch", child, tried, places)


def _starts(leg: Leg) -> bool:
    """Say whether a way without forks begins here."""
    return leg.parent is None or len(leg.parent.children) > 1


def _onward(leg: Leg, places: Places) -> Iterator[Line]:
    end = leg.end
    facts = _facts(end, places)
    between = len(end.branches) - len(leg.branches)
    if between < 1:
        return  # the same packet, seen on both sides of a NAT
    facts["count"] = str(between)
    facts["took"] = span(end.at - leg.at)
    name = "forwarded" if between == 1 else "forwarded-far"
    yield Line(end.at, end.exchange.first.frames, name, facts, 0, (end.exchange.first,))


def _opener(root: Leg, places: Places) -> Line:
    exchange = root.exchange
    first = exchange.first
    name = _OPENERS.get(exchange.method, "request")
    facts = _facts(root, places) | {
        "who": user_of(first, "from") or places.name(exchange.hop.source),
        "reason": reason_of(first),
    }
    if exchange.request is None:
        name = "unseen"
    elif exchange.method == "REGISTER":
        name = _register(first, facts)
    elif exchange.method == "INVITE" and root.in_dialog:
        name = "reinvite"
    elif name == "hang-up" and facts["reason"]:
        name = "hang-up-why"
    return Line(first.at, first.frames, name, facts, 0, (first,))


def _register(first: Sight, facts: dict[str, str]) -> str:
    message = first.message
    contacts = contacts_of(first)
    facts["contact"] = ", ".join(each.uri_text for each in contacts) or "*"
    if not contacts:
        return "unregister" if message.has("contact") else "query"
    seconds = contacts[0].expires
    if seconds == 0 or (seconds is None and message.get("expires") == "0"):
        return "unregister"
    facts["instance"] = contacts[0].instance
    facts["reg_id"] = contacts[0].param("reg-id") or ""
    return "register-flow" if facts["instance"] and facts["reg_id"] else "register"


def _cause(before: list[Leg], leg: Leg, flows: Flows) -> str:
    """Return why a leg was tried after others, as the name of a sentence; empty for no reason."""
    if not before:
        return ""
    if _redirect(before, leg) is not None:
        return "followed"
    final = _final_before(before, leg)
    if final is not None:
        status = status_of(final)
        if status < 300:
            return ""
        if status in {401, 407}:
            return "authorised" if has_credentials(leg.exchange) else "after-failure"
        return "other-flow" if status == 430 else "after-failure"
    last = before[-1]
    if has_credentials(leg.exchange) and not has_credentials(last.exchange):
        return "authorised"
    if _loss(last.exchange.hop, last.at, leg.at, flows) is not None:
        return "lost-next"
    if leg.at - last.at < _TOGETHER:
        return "parallel"
    return "serial" if last.heard_by(leg.at) else "silent-next"


def _redirect(before: list[Leg], leg: Leg) -> Sight | None:
    """Return the redirect that led here."""
    for other in reversed(before):
        final = other.final_by(leg.at)
        if final is not None and 300 <= status_of(final) < 400 and _leads(final, leg):
            return final
    return None


def _final_before(before: list[Leg], leg: Leg) -> Sight | None:
    """Return the latest final response, if it came after the way before this one was tried."""
    finals = [final for each in before if (final := each.final_by(leg.at)) is not None]
    last = max(finals, key=lambda final: final.at, default=None)
    return None if last is None or last.at < before[-1].at else last


def _leads(redirect: Sight, leg: Leg) -> bool:
    """Say whether a request goes where a redirect led; what stands in parameters may differ."""
    message = leg.exchange.first.message
    if not isinstance(message, Request):
        return False
    try:
        wanted = plain(message.uri)
    except ParseError:
        return False
    return any(plain(each.uri) == wanted for each in contacts_of(redirect))


def _line(name: str, leg: Leg, before: list[Leg], places: Places) -> Line:
    first = leg.exchange.first
    facts = _facts(leg, places)
    status = 0
    if before:
        final = _final_before(before, leg)
        facts["before"] = places.to(before[-1].exchange.hop)
        facts["took"] = span(leg.at - (before[-1].at if final is None else final.at))
        if name == "followed":
            final = _redirect(before, leg)
        if final is not None:
            facts["code"], status = code_of(final), status_of(final)
    return Line(first.at, first.frames, name, facts, status, (first,))


def _facts(leg: Leg, places: Places) -> dict[str, str]:
    hop = leg.exchange.hop
    first = leg.exchange.first
    message = first.message
    return {
        "who": places.name(hop.source),
        "whom": user_of(first, "to"),
        "uri": message.uri_text if isinstance(message, Request) else "",
        "place": places.name(hop.target),
        "to": places.to(hop),
        "over": f"{hop.transport} {hop.target}",
        "flow": f"{hop.transport} {hop.source} → {hop.target}",
        "method": leg.exchange.method,
    }


def _copies(leg: Leg, copies: Copies, places: Places) -> Iterator[Line]:
    """Tell that a message had to be sent again and again."""
    request = leg.exchange.request
    if request is not None and len(sent := copies.sent(request)) > 1:
        name = "repeated" if leg.exchange.responses else "unheard"
        yield _repeated(name, request, sent, leg, places)
    final = leg.exchange.final
    if final is not None and not leg.children and len(sent := copies.sent(final)) > 1:
        yield _repeated("answer-repeated", final, sent, leg, places)


def _repeated(name: str, sight: Sight, sent: list[Copy], leg: Leg, places: Places) -> Line:
    last = sent[-1]
    facts = _facts(leg, places) | {
        "count": str(len(sent)),
        "took": span(last.at - sight.at),
        "code": code_of(sight),
    }
    return Line(last.at, last.frames, name, facts, status_of(sight), (sight,))


def _cancel(leg: Leg, places: Places) -> Iterator[Line]:
    cancelled = leg.exchange.cancelled
    if cancelled is None:
        return
    first = cancelled.first
    facts = _facts(leg, places) | {"took": span(first.at - leg.at), "reason": reason_of(first)}
    if leg.parent is None:
        yield Line(first.at, first.frames, "cancelled", facts, 0, (first,))
    elif leg.root.exchange.cancelled is None and len(leg.parent.children) > 1:
        yield Line(first.at, first.frames, "branch-cancelled", facts, 0, (first,))


def _silence(roots: list[Leg], places: Places) -> Iterator[Line]:
    """Tell of the last ways that were tried once, and gave nothing."""
    for root in roots:
        for leg in root.walk():
            request = leg.exchange.request
            if leg.children or leg.exchange.responses or request is None:
                continue
            if len(request.copies) == 1 and (leg.parent is None or leg is leg.parent.children[-1]):
                yield Line(request.at, request.frames, "silent", _facts(leg, places), 0, (request,))


def _ends(
    conversation: Conversation, roots: list[Leg], places: Places, flows: Flows
) -> Iterator[Line]:
    """Tell of the flows that ended, or lost something, while the conversation went on."""
    hops = {leg.exchange.hop: leg for root in roots for leg in root.walk()}
    last = max(each.copies[-1].at for each in conversation.sights())
    told: set[int] = set()
    for hop, leg in hops.items():
        for history in flows.of(hop):
            if id(history) in told:
                continue
            told.add(id(history))
            yield from _end(history, conversation.at, last, leg, places)


def _end(history: History, since: float, until: float, leg: Leg, places: Places) -> Iterator[Line]:
    facts = _facts(leg, places) | {"flow": str(history)}
    closed = history.closed
    if closed is not None and since <= closed.at <= until and history.closed_by is not None:
        facts["who"] = places.name(history.closed_by)
        yield Line(closed.at, closed.frames, _ENDS.get(history.how, "flow-closed"), facts)
    for each in history.unreachable:
        if since <= each.at <= until + _TOGETHER:
            more = facts | {"place": places.name(each.target), "reason": each.reason}
            yield Line(each.at, each.frames, "unreachable", more)
            break


def _loss(hop: Hop, since: float, until: float, flows: Flows) -> Copy | None:
    """Return the end of a flow, or the report that it leads nowhere, between two times."""
    for history in flows.of(hop):
        if history.closed is not None and since <= history.closed.at <= until:
            return history.closed
        for each in history.unreachable:
            if since <= each.at <= until:
                return Copy(each.at, each.frames)
    return None
