"""One call as a few readable lines.

Decisions of many calls arrive mixed. The teller keeps those of one Call-ID together and hands out
its story once the call has its final answer and nothing more came for a moment (losing branches
are still being cancelled then), or once it has been silent for long. What happens to the call
later, a BYE over another flow say, is told as a further chapter of the same call, with times from
the call's start. Decisions without a call, such as a connection that closed, are told at once. As
stories come late, the order of the output is not that of the events: so each title, and each line
without a call, begins with the time of day, in UTC.

Memory is bounded: the longest-silent call is told early when too many are open, and a call that
never stops deciding loses its middle, not its end.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from ringway.codes import lookup
from ringway.endpoint.decision import Decision, Kind
from ringway.explain.text import Paint, Tone, escape, plain

_FIRST_LINES: Final = 40
_LAST_LINES: Final = 20

# What we said to whoever sent the request: with a final code the request is over.
_ANSWERS: Final = frozenset({Kind.ANSWER, Kind.REJECT, Kind.CHALLENGE, Kind.REDIRECT, Kind.REFUSED})
# A registration may be told by its bindings alone.
_REGISTERED: Final = frozenset({Kind.BOUND, Kind.UNBOUND})

_STEP_WIDTH: Final = max(len(kind.value) for kind in Kind)
# The table's word stands below the text it explains.
_WHY_INDENT: Final = " " * (2 + 7 + 1 + _STEP_WIDTH + 1)


class _Call:
    """What is known of one call that has something untold."""

    __slots__ = (
        "_pending",
        "answered",
        "first",
        "heard_at",
        "last",
        "left_out",
        "started_at",
        "title",
    )

    def __init__(self, decision: Decision, started_at: float, title: str) -> None:
        self.title = title
        self.started_at = started_at
        self.heard_at = decision.at
        self.answered = False
        self._pending: set[str] = set()
        self.first: list[Decision] = []
        self.last: deque[Decision] = deque(maxlen=_LAST_LINES)
        self.left_out = 0

    def hear(self, decision: Decision) -> None:
        self.heard_at = max(self.heard_at, decision.at)
        if decision.kind == Kind.REQUEST and decision.method != "ACK":
            self._pending.add(decision.method)
            self.answered = False
        elif _answers(decision):
            self._pending.discard(decision.method)
            self.answered = not self._pending
        if len(self.first) < _FIRST_LINES:
            self.first.append(decision)
            return
        self.left_out += len(self.last) == _LAST_LINES
        self.last.append(decision)


class StoryTeller:
    """Collects decisions and tells them, call by call.

    Args:
        live: tell every decision at once, on a line that starts with its call, instead of
            keeping each call together.
        linger: seconds of silence after the final answer until a call is told.
        quiet: seconds of silence until a call without a final answer is told as far as it went.
        most: calls kept open, and told calls remembered for later chapters.
        paint: gives the pieces of a line their colour; see ``Tone``.
    """

    def __init__(
        self,
        *,
        live: bool = False,
        linger: float = 0.5,
        quiet: float = 40.0,
        most: int = 10_000,
        paint: Paint = plain,
    ) -> None:
        self._live = live
        self._linger = linger
        self._quiet = quiet
        self._most = most
        self._paint = paint
        # Longest-silent first, so the next call that is due is always at the front.
        self._open: OrderedDict[str, _Call] = OrderedDict()
        self._answered: OrderedDict[str, _Call] = OrderedDict()
        self._told: OrderedDict[str, float] = OrderedDict()

    def tell(self, decision: Decision) -> tuple[str, ...]:
        """Take in one decision.

        Returns:
            The lines to print now, often none. Call ``settle`` when ``next_timer`` is due.
        """
        if not decision.call_id:
            clock = self._paint(Tone.TIME, _clock(decision.at)) + self._paint(Tone.TEXT, " ")
            return (clock + self._paint(Tone.TEXT, " - ").join(self._lines(decision, None)),)
        if self._live:
            started_at = self._told.get(decision.call_id, decision.at)
            self._remember(decision.call_id, started_at)
            clock = self._paint(Tone.TIME, _clock(decision.at)) + self._paint(Tone.TEXT, " ")
            tag = clock + self._paint(Tone.TITLE, f"{escape(decision.call_id, 12):13} ")
            # One decision, one line: live output is for searching.
            return (tag + self._paint(Tone.TEXT, " - ").join(self._lines(decision, started_at)),)
        call = self._find(decision)
        call.hear(decision)
        calls = self._answered if call.answered else self._open
        calls[decision.call_id] = call
        if len(self._open) + len(self._answered) <= self._most:
            return ()
        return self._tell_first(self._answered or self._open)

    def next_timer(self) -> float | None:
        """When ``settle`` has something to tell, if nothing comes before; None for never."""
        due = [
            next(iter(calls.values())).heard_at + wait
            for calls, wait in ((self._answered, self._linger), (self._open, self._quiet))
            if calls
        ]
        return min(due, default=None)

    def settle(self, now: float) -> tuple[str, ...]:
        """Return the stories of the calls that have been silent long enough."""
        lines: list[str] = []
        for calls, wait in ((self._answered, self._linger), (self._open, self._quiet)):
            while calls and next(iter(calls.values())).heard_at + wait <= now:
                lines += self._tell_first(calls)
        return tuple(lines)

    def close(self) -> tuple[str, ...]:
        """Return the stories of all calls, finished or not."""
        lines: list[str] = []
        for calls in (self._answered, self._open):
            while calls:
                lines += self._tell_first(calls)
        return tuple(lines)

    def _find(self, decision: Decision) -> _Call:
        call_id = decision.call_id
        call = self._open.pop(call_id, None) or self._answered.pop(call_id, None)
        if call is not None:
            return call
        method = escape(decision.method)
        started_at = self._told.get(call_id)
        if started_at is not None:
            title = f"{_clock(decision.at)} {method or 'More'}, later in call {escape(call_id)}"
            return _Call(decision, started_at, title)
        whom = f" {escape(decision.aor)}" if decision.aor else ""
        title = f"{_clock(decision.at)} {method or 'Call'}{whom}, call {escape(call_id)}"
        return _Call(decision, decision.at, title)

    def _tell_first(self, calls: OrderedDict[str, _Call]) -> tuple[str, ...]:
        call_id, call = calls.popitem(last=False)
        # Registrations keep their Call-ID for days; each one is a story of its own.
        if call.first[0].method != "REGISTER":
            self._remember(call_id, call.started_at)
        lines = [self._paint(Tone.TITLE, call.title)]
        lines += self._indented(call.first, call.started_at)
        if call.left_out:
            lines.append("  " + self._paint(Tone.TEXT, f"… {call.left_out} more …"))
        lines += self._indented(call.last, call.started_at)
        return tuple(lines)

    def _indented(self, decisions: Iterable[Decision], started_at: float) -> list[str]:
        lines: list[str] = []
        for decision in decisions:
            told, *why = self._lines(decision, started_at)
            lines.append("  " + told)
            lines += [_WHY_INDENT + line for line in why]
        return lines

    def _remember(self, call_id: str, started_at: float) -> None:
        self._told[call_id] = started_at
        self._told.move_to_end(call_id)
        if len(self._told) > self._most:
            self._told.popitem(last=False)

    def _lines(self, decision: Decision, started_at: float | None) -> list[str]:
        paint = self._paint
        pieces: list[str] = []
        step = decision.kind.replace("-", " ")
        if started_at is None:
            pieces.append(paint(Tone.STEP, f"{step}:" if decision.text else step))
        else:
            pieces.append(paint(Tone.TIME, _offset(decision.at - started_at)))
            pieces.append(paint(Tone.STEP, f"{step:{_STEP_WIDTH}}"))
        pieces += self._text(decision)
        if decision.flow is not None and str(decision.flow) not in decision.text:
            pieces.append(paint(Tone.FLOW, f"({decision.flow})"))
        lines = [paint(Tone.TEXT, " ").join(pieces).rstrip(" ")]
        if decision.why:
            lines.append(paint(Tone.WHY, escape(decision.why)))
        return lines

    def _text(self, decision: Decision) -> list[str]:
        """Return what happened and the code with its phrase: where the text has it, or behind."""
        paint = self._paint
        text = escape(decision.text)
        if not decision.status:
            return [paint(Tone.TEXT, text)] if text else []
        phrase = lookup(decision.status).phrase
        code = paint(_tone(decision.status), f"{decision.status} {phrase}")
        found = re.search(rf" {decision.status}(?![^ ;])", text)
        if found is None:
            return [paint(Tone.TEXT, text), code] if text else [code]
        behind = text[found.end() :]
        return [
            paint(Tone.TEXT, text[: found.start()]),
            code + (paint(Tone.TEXT, behind) if behind else ""),
        ]


def _answers(decision: Decision) -> bool:
    if decision.kind in _ANSWERS:
        return decision.status >= 200
    return decision.kind in _REGISTERED and decision.method == "REGISTER"


def _clock(at: float) -> str:
    """Return the time of day in UTC, which needs no zone database and no summer time."""
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S.%f}"[:-3] + "Z"


def _tone(status: int) -> Tone:
    if status < 200:
        return Tone.PENDING
    return Tone.GOOD if status < 300 else Tone.PENDING if status < 400 else Tone.BAD


def _offset(seconds: float) -> str:
    milliseconds = max(0, round(seconds * 1000))
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:+7.3f}"
    minutes, rest = divmod(milliseconds // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"+{hours}:{minutes:02}:{rest:02}"
