"""The first line of a story, its last one, and what to do.

What counts is what came back to who asked first: the root of the last tree of the request that the
conversation is about.
"""

from __future__ import annotations

from typing import Final

from ringway.errors import ParseError
from ringway.explain.observed.line import Line, span
from ringway.explain.observed.model import Conversation, Kind, Sight, sights_of, status_of
from ringway.explain.observed.places import Places, contacts_of, user_of
from ringway.explain.observed.results import code_of, expires_of, has_credentials, one_sided
from ringway.explain.observed.tree import Leg

_ABOUT: Final = {Kind.CALL: "INVITE", Kind.REGISTRATION: "REGISTER"}

_ADVICE: Final = {
    "verdict-silent": "advise-silent",
    "verdict-unauthorised": "advise-credentials",
    "verdict-refused": "advise-password",
    "verdict-failed": "advise-code",
    "verdict-redirected": "advise-redirect",
    "verdict-bye-failed": "advise-bye",
    "verdict-no-final": "advise-no-final",
}
_ABOUT_STEPS: Final = {
    "unheard": "advise-silent",
    "repeated": "advise-loss",
}
_2XX: Final = range(200, 300)
# Seconds without a response after which nobody waits for one: INVITE was sent four times by then.
_LONG: Final = 3.0


def title(conversation: Conversation, roots: list[Leg]) -> Line:
    """Return the line above a story."""
    first = conversation.exchanges[0].first
    kind = conversation.kind
    facts = {
        "who": user_of(first, "from") or str(conversation.exchanges[0].hop.source),
        "whom": user_of(first, "to"),
        "method": conversation.exchanges[0].method,
        "call": conversation.call_id,
    }
    name = f"title-{kind}" if kind in {Kind.CALL, Kind.REGISTRATION} else "title-request"
    if kind is Kind.CALL and not _initial(roots, "INVITE"):
        name = "title-middle"
    return Line(conversation.at, first.frames, name, facts, 0, (first,))


def verdict(conversation: Conversation, roots: list[Leg], places: Places) -> Line:
    """Return how a conversation ended."""
    method = _ABOUT.get(conversation.kind, conversation.exchanges[0].method)
    asked = _initial(roots, method)
    if not asked:
        return _middle(conversation, roots, places)
    answered = next((each for each in asked if 200 <= each.exchange.status < 300), None)
    if conversation.kind is Kind.CALL and answered is not None:
        return _answered(asked[0], answered, conversation, roots)
    # What was accepted before, as a registration that is removed now, is another matter.
    accepted = [number for number, each in enumerate(asked[:-1]) if each.exchange.status in _2XX]
    since = asked[accepted[-1] + 1 if accepted else 0].at
    return _outcome(asked[-1], since, conversation, places)


def advice(end: Line, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Return what to do after such an end, and about what the steps show."""
    found = []
    if end.name in _ADVICE:
        found.append(Line(end.at, end.frames, _ADVICE[end.name], end.facts, end.status, end.sights))
    for name, advised in _ABOUT_STEPS.items():
        each = next((line for line in lines if line.name == name), None)
        if each is not None and advised not in [line.name for line in found]:
            found.append(Line(each.at, each.frames, advised, each.facts, 0, each.sights))
    return tuple(found)


def _initial(roots: list[Leg], method: str) -> list[Leg]:
    initial = [each for each in roots if each.exchange.method == method and not each.in_dialog]
    return [_heard(each) for each in initial]


def _heard(root: Leg) -> Leg:
    """Return the leg whose answer counts; below, if a server wrote down only what it received."""
    server = root.exchange.hop.target
    below = [each for each in root.walk() if each.exchange.responses]
    if (
        not below
        or root.exchange.responses
        or any(sight.hop.source == server for each in below for sight in sights_of(each.exchange))
    ):
        return root
    answered = [each for each in below if each.exchange.status in _2XX]
    return (answered or below)[-1]


def _middle(conversation: Conversation, roots: list[Leg], places: Places) -> Line:
    byes = [each for each in roots if each.exchange.method == "BYE"]
    if byes:
        first = byes[0].exchange.first
        facts = {"who": user_of(first, "from")}
        return Line(first.at, first.frames, "verdict-middle-ended", facts, 0, (first,))
    if conversation.kind is Kind.CALL or not roots:
        last = conversation.sights()[-1]
        return Line(last.at, last.frames, "verdict-middle", {}, 0, (last,))
    return _outcome(roots[-1], roots[0].at, conversation, places)


def _answered(first: Leg, answered: Leg, conversation: Conversation, roots: list[Leg]) -> Line:
    final = answered.exchange.final
    assert final is not None  # noqa: S101 - it is answered
    # What the capture does not show from its begin has no begin to count from.
    ring = span(final.at - first.at) if first.exchange.request is not None else ""
    facts = {"ring": ring, "code": code_of(final)}
    byes = [each for each in roots if each.exchange.method == "BYE"]
    if not byes:
        return Line(final.at, final.frames, "verdict-answered", facts, status_of(final), (final,))
    bye = byes[-1]
    over = _hung_up(byes)
    facts["who"] = user_of(over.exchange.first, "from")
    facts["talk"] = span(over.at - final.at)
    end = bye.exchange.final
    sights: tuple[Sight, ...] = (bye.exchange.first,)
    if end is not None:
        sights = (*sights, end)
    frames = tuple(frame for each in sights for frame in each.frames)
    waited = max(each.copies[-1].at for each in conversation.sights()) - bye.at
    cut = end is None and not conversation.complete and waited < _LONG
    if cut or any(200 <= each.exchange.status < 300 for each in byes):
        return Line(bye.at, frames, "verdict-ended", facts, status_of(final), sights)
    if end is None:
        return Line(bye.at, frames, "verdict-bye-silent", facts, 0, sights)
    facts["code"] = code_of(end)
    return Line(bye.at, frames, "verdict-bye-failed", facts, status_of(end), sights)


def _hung_up(byes: list[Leg]) -> Leg:
    """Return the BYE that ended the call: the first one of the dialog that was ended last."""
    first: dict[frozenset[str], Leg] = {}
    for each in byes:
        message = each.exchange.first.message
        try:
            ends = frozenset((message.from_.tag, message.to.tag))
        except ParseError:
            continue
        first.setdefault(ends, each)
    return max(first.values(), key=lambda each: each.at, default=byes[0])


def _outcome(leg: Leg, since: float, conversation: Conversation, places: Places) -> Line:
    exchange = leg.exchange
    final = exchange.final
    facts = {"method": exchange.method, "to": places.to(exchange.hop)}
    if exchange.cancelled is not None and (final is None or status_of(final) == 487):
        cancel = exchange.cancelled.first
        facts |= {"who": user_of(exchange.first, "from"), "took": span(cancel.at - since)}
        return Line(cancel.at, cancel.frames, "verdict-cancelled", facts, 0, (cancel,))
    if final is None:
        last = exchange.responses[-1] if exchange.responses else exchange.first
        end = max(each.copies[-1].at for each in conversation.sights())
        facts |= {"took": span(end - leg.at), "code": code_of(last)}
        facts["reason"] = places.reported(leg)
        if facts["reason"] and not exchange.responses:
            name = "verdict-unreachable"
        elif not conversation.complete and (exchange.responses or end - leg.at < _LONG):
            name = "verdict-unfinished"
        elif one_sided(conversation):
            name = "verdict-one-sided"
        else:
            name = "verdict-no-final" if exchange.responses else "verdict-silent"
        return Line(last.at, last.frames, name, facts, status_of(last), (last,))
    status = status_of(final)
    facts |= {"code": code_of(final), "took": span(final.at - since)}
    if status < 300:
        name = "verdict-accepted"
        if exchange.method == "REGISTER":
            expires = expires_of(exchange, final)
            facts["expires"] = "" if expires is None else span(expires)
            name = {None: "verdict-queried", 0: "verdict-unregistered"}.get(
                expires, "verdict-registered"
            )
    elif status < 400:
        facts["uri"] = ", ".join(each.uri_text for each in contacts_of(final)) or "?"
        name = "verdict-redirected"
    elif status in {401, 407}:
        name = "verdict-refused" if has_credentials(exchange) else "verdict-unauthorised"
    else:
        name = "verdict-failed"
    return Line(final.at, final.frames, name, facts, status, (final,))
