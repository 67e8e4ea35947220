"""What a server of ours wrote of its decisions, told with a conversation or in its place.

Where the log has the messages too, they are the story, and a decision is a step of it only if it
says what no message shows: why the server went on, or did not. Where it has none, the decisions are
all there is: then they are the story.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from ringway.capture.items import Decided
from ringway.codes import lookup
from ringway.endpoint.decision import Decision
from ringway.endpoint.decision import Kind as Step
from ringway.explain.observed.line import Line, Story, span
from ringway.explain.observed.model import KINDS, Conversation, Kind
from ringway.explain.observed.tracer import DIALOG, PENDING
from ringway.explain.observed.verdict import advice

__all__ = ["Decisions", "alone", "with_decisions"]

_MOST: Final = 10_000
"""Conversations whose decisions are kept at once."""
_FIRST: Final = 60
_LAST: Final = 20
_CANCELLED: Final = 487
_UNFINISHED: Final = "verdict-unfinished"

_BINDINGS: Final = frozenset({Step.BOUND, Step.UNBOUND, Step.REFUSED})
_ANSWERS: Final = frozenset(
    {Step.ANSWER, Step.REJECT, Step.CHALLENGE, Step.REDIRECT, Step.REFUSED, Step.BOUND}
)
# What messages alone do not tell.
_REASONS: Final = frozenset(
    {
        Step.FAILOVER,
        Step.RECURSE,
        Step.RECOVER,
        Step.REJECT,
        Step.REFUSED,
        Step.UNBOUND,
        Step.DROPPED,
    }
)
# How a server of ours says who asks for whom.
_ASKS: Final = re.compile(r"[^ ]+: (?P<who>[^ ]+) asks for (?P<whom>[^ ]+)")
_MOVED: Final = re.compile(r"[^ ]+ is at (?P<uri>.+) \([a-z-]+\)")


class Decisions:
    """The decisions of conversations that are not told yet."""

    def __init__(self) -> None:
        # Longest-silent first, so the next that is over is always at the front.
        self._open: OrderedDict[str, list[Decided]] = OrderedDict()
        self._calls: OrderedDict[str, list[Decided]] = OrderedDict()
        self._queues = ((self._open, PENDING), (self._calls, DIALOG))
        self._told: dict[str, list[Decided]] = {}

    def hear(self, decided: Decided) -> None:
        """Take in a decision; the middle of very many about one conversation is left out."""
        call_id = decided.decision.call_id
        found = self.take(call_id)
        if len(found) >= _FIRST + _LAST:
            del found[_FIRST]
        found.append(decided)
        queue = self._calls if _in_call(found) else self._open
        queue[call_id] = found

    def take(self, call_id: str) -> list[Decided]:
        """Return those about a conversation, and forget them."""
        for each in (self._open, self._calls, self._told):
            if call_id in each:
                return each.pop(call_id)
        return []

    def over(
        self, now: float, has_messages: Callable[[str], bool]
    ) -> Iterator[tuple[str, list[Decided]]]:
        """Yield Call-IDs and decisions that are over, and that no messages go with.

        Args:
            now: seconds; infinity for the end.
            has_messages: says whether a conversation of messages is going on; they are kept for it.
        """
        for queue, wait in self._queues:
            while queue:
                call_id, found = next(iter(queue.items()))
                crowded = len(self._open) + len(self._calls) > _MOST
                if found[-1].at + wait > now and not crowded:
                    break
                del queue[call_id]
                if has_messages(call_id):
                    self._told[call_id] = found
                else:
                    yield call_id, found


def with_decisions(story: Story, found: list[Decided]) -> Story:
    """Return a story with the decisions that say what its messages do not."""
    lines = [_line(each) for each in found if _is_reason(each.decision)]
    if not lines:
        return story
    both = sorted((*story.lines, *lines), key=lambda line: (line.at, line.frames))
    return replace(story, lines=tuple(both))


def alone(call_id: str, found: list[Decided]) -> tuple[Conversation, Story]:
    """Return the conversation and the story that decisions make without messages."""
    kind = _kind(found)
    end = _verdict(kind, found)
    conversation = Conversation(
        call_id, kind, complete=end.name != _UNFINISHED, decided=tuple(found)
    )
    lines = tuple(_line(each) for each in found)
    return conversation, Story(_title(kind, found), lines, end, advice(end, lines))


def _is_reason(decision: Decision) -> bool:
    # What a phone removed itself, its REGISTER shows.
    return decision.kind in _REASONS and (decision.kind, decision.method) != (
        Step.UNBOUND,
        "REGISTER",
    )


def _in_call(found: list[Decided]) -> bool:
    """Say whether a call has been answered and nobody has hung up."""
    statuses = [(each.decision.method, each.decision.kind) for each in found if _is_good(each)]
    return ("INVITE", Step.ANSWER) in statuses and ("BYE", Step.ANSWER) not in statuses


def _is_good(each: Decided) -> bool:
    return 200 <= each.decision.status < 300


def _kind(found: list[Decided]) -> Kind:
    first = found[0].decision
    if first.kind in _BINDINGS:
        return Kind.REGISTRATION
    return KINDS.get(first.method, Kind.OTHER)


def _line(each: Decided) -> Line:
    decision = each.decision
    return Line(
        each.at, each.frames, f"decided-{decision.kind}", {"what": _what(decision)}, decision.status
    )


def _what(decision: Decision) -> str:
    """Return what happened, with code and flow where the text has not got them, and why."""
    text = decision.text
    if decision.status and f" {decision.status}" not in text:
        text = f"{text} {_code(decision)}".strip()
    if decision.flow is not None and str(decision.flow) not in text:
        text = f"{text} ({decision.flow})"
    text = text if text.endswith((".", "?", "!")) else f"{text}."
    return f"{text} {decision.why}".strip()


def _code(decision: Decision) -> str:
    return f"{decision.status} {lookup(decision.status).phrase}" if decision.status else ""


def _title(kind: Kind, found: list[Decided]) -> Line:
    first = found[0]
    who, whom = _parties(found)
    name = {Kind.CALL: "title-call", Kind.REGISTRATION: "title-registration"}.get(kind)
    if kind is Kind.CALL and first.decision.method != "INVITE":
        name = "title-middle"
    facts = {"who": who, "whom": whom, "method": first.decision.method}
    return Line(first.at, first.frames, name or "title-request", facts)


def _parties(found: list[Decided]) -> tuple[str, str]:
    for each in found:
        asks = _ASKS.match(each.decision.text) if each.decision.kind is Step.REQUEST else None
        if asks is not None:
            return asks["who"], asks["whom"]
    return "", next((each.decision.aor for each in found if each.decision.aor), "")


def _verdict(kind: Kind, found: list[Decided]) -> Line:
    """Return how it ended: by what the one who asked first was told."""
    if kind is Kind.REGISTRATION:
        return _registration(found)
    method = found[0].decision.method
    if kind is Kind.CALL and method != "INVITE":
        return _middle(found)
    answers = [each for each in found if _answers(each, method)]
    good = next((each for each in answers if _is_good(each)), None)
    if kind is Kind.CALL and good is not None:
        return _answered(found, good)
    if not answers:
        last = found[-1]
        return Line(last.at, last.frames, _UNFINISHED)
    last = answers[-1]
    status = last.decision.status
    facts = {"code": _code(last.decision), "took": span(last.at - found[0].at)}
    if status < 300:
        name = "verdict-accepted"
    elif status < 400:
        name = "verdict-redirected"
        moved = _MOVED.fullmatch(last.decision.text)
        facts["uri"] = moved["uri"] if moved else ""
    elif status in {401, 407}:
        name = "verdict-unauthorised"
    else:
        name = "verdict-failed"
    cancel = next((each for each in found if each.decision.kind is Step.CANCEL), None)
    if cancel is not None and status == _CANCELLED:
        facts = {"who": _parties(found)[0], "took": span(cancel.at - found[0].at)}
        return Line(cancel.at, cancel.frames, "verdict-cancelled", facts)
    return Line(last.at, last.frames, name, facts, status)


def _middle(found: list[Decided]) -> Line:
    """Return how a call ended of which only a part was logged."""
    bye = next((each for each in found if each.decision.method == "BYE"), None)
    if bye is None:
        return Line(found[-1].at, found[-1].frames, "verdict-middle")
    return Line(bye.at, bye.frames, "verdict-middle-ended", {"who": _parties(found)[0]})


def _answers(each: Decided, method: str) -> bool:
    decision = each.decision
    return decision.method == method and decision.kind in _ANSWERS and decision.status >= 200


def _answered(found: list[Decided], good: Decided) -> Line:
    facts = {"ring": span(good.at - found[0].at), "code": _code(good.decision)}
    byes = [
        each
        for each in found
        if each.decision.method == "BYE" and each.decision.kind is Step.REQUEST
    ]
    if not byes:
        status = good.decision.status
        return Line(good.at, good.frames, "verdict-answered", facts, status)
    asks = _ASKS.match(byes[-1].decision.text)
    facts |= {"who": asks["who"] if asks else "", "talk": span(byes[0].at - good.at)}
    ends = [each for each in found if _answers(each, "BYE") and each.at >= byes[-1].at]
    if not ends:
        return Line(byes[-1].at, byes[-1].frames, "verdict-bye-silent", facts)
    end = ends[-1].decision
    frames = (*byes[-1].frames, *ends[-1].frames)
    if end.status < 300:
        return Line(byes[-1].at, frames, "verdict-ended", facts, good.decision.status)
    facts["code"] = _code(end)
    return Line(byes[-1].at, frames, "verdict-bye-failed", facts, end.status)


def _registration(found: list[Decided]) -> Line:
    last = found[-1]
    for each in reversed(found):
        if each.decision.kind in _BINDINGS or _answers(each, "REGISTER"):
            last = each
            break
    decision = last.decision
    facts = {"code": _code(decision), "took": span(last.at - found[0].at)}
    if decision.kind is Step.BOUND:
        return Line(last.at, last.frames, "verdict-accepted", facts, decision.status)
    if decision.kind is Step.UNBOUND:
        return Line(last.at, last.frames, "verdict-unregistered", facts, decision.status)
    name = "verdict-unauthorised" if decision.kind is Step.CHALLENGE else "verdict-failed"
    return Line(last.at, last.frames, name, facts, decision.status)
