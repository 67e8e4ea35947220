"""Stories, findings and ladders as text: coloured on a terminal, plain in a pipe.

All text comes from `Viewer`, which has escaped it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ringway.capture.items import Trouble
from ringway.cli.wrap import lines_of
from ringway.explain import Paint, Tone
from ringway.explain.observed.finding import Severity
from ringway.explain.observed.labels import labels
from ringway.explain.observed.ladder import Ladder, draw
from ringway.explain.observed.model import Kind
from ringway.explain.observed.summary import Summary
from ringway.explain.observed.view import Fault, Step, Talk, Viewer, clock, numbers

__all__ = ["TextOutput"]

_MOST_TROUBLES: Final = 20
_MOST_RUNGS: Final = 500
_TONES: Final = {
    Severity.WRONG: Tone.BAD,
    Severity.SUSPICIOUS: Tone.PENDING,
    Severity.NOTE: Tone.WHY,
}


class TextOutput:
    """Makes lines.

    Args:
        viewer: what lets text through.
        paint: gives the pieces their colour.
        width: of a line, in characters.
        ladder: whether each conversation's ladder is drawn.
    """

    def __init__(self, viewer: Viewer, paint: Paint, width: int, *, ladder: bool) -> None:
        self._viewer = viewer
        self._words = labels(viewer.language)
        self._paint = paint
        self._width = width
        self._ladder = ladder

    def talk(self, talk: Talk) -> Iterator[str]:
        """Yield the lines of a conversation."""
        paint, words = self._paint, self._words
        yield paint(Tone.TITLE, f"{words[talk.kind]}  {talk.title}")
        yield paint(Tone.TIME, "  " + "  ".join(filter(None, (clock(talk.at), talk.call_id))))
        for step in talk.steps:
            yield from self._step(step)
        status = talk.verdict.status
        tone = Tone.GOOD if 200 <= status < 300 else Tone.BAD if status >= 300 else Tone.STEP
        yield from self._lines(talk.verdict.text, tone, "  ⇒ ")
        if talk.cut:
            yield from self._lines(words["unfinished"], Tone.WHY, "    ")
        for fault in talk.faults:
            yield from self._fault(fault, "  ")
        if talk.advice:
            yield paint(Tone.STEP, f"  {words['todo']}")
            for step in talk.advice:
                yield from self._lines(step.text, Tone.TEXT, "    → ")
        if self._ladder:
            yield ""
            yield from self._drawn(talk)
        failures = [code for code in talk.codes if code >= 300]
        if failures:
            hints = words["between"].join(f"`ringway code {code}`" for code in failures)
            yield from self._lines(words["look_up"].format(hints), Tone.TIME, "  ")
        yield ""

    def summary(self, summary: Summary) -> Iterator[str]:
        """Yield the summary."""
        words, paint = self._words, self._paint
        counts = [words["sip_messages"].format(summary.messages)]
        if summary.decisions:
            counts.append(words["decisions"].format(summary.decisions))
        counts += [
            words[f"count_{kind}"].format(summary.kinds[kind])
            for kind in Kind
            if summary.kinds[kind]
        ]
        found = sum(summary.faults.values())
        counts.append(words["findings_are"].format(found) if found else words["no_findings"])
        yield from self._lines(words["between"].join(counts), Tone.TITLE, "")
        for first, count in summary.groups():
            times = f" × {count}" if count > 1 else ""  # noqa: RUF001 - times
            where = f"  {first.call_id}" if first.call_id else ""
            head = paint(_TONES[first.severity], f"  {words[first.severity]}")
            proof = paint(Tone.TIME, f"  {numbers(first.frames)}{where}")
            yield f"{head}  {first.title}{times}{proof}"
        if summary.troubles:
            yield from self._troubles(summary.troubles)

    def across(self, summary: Summary) -> Iterator[str]:
        """Yield what was wrong over several conversations."""
        if summary.across:
            yield self._paint(Tone.TITLE, self._words["across"])
            for fault in summary.across:
                yield from self._fault(fault, "  ")
            yield ""

    def _step(self, step: Step) -> Iterator[str]:
        proof = numbers(step.frames)
        after = f"{step.after:+9.3f}  " if step.at else " " * 11
        lines = _wrapped(step.text, self._width - len(after) - 2)
        for number, line in enumerate(lines):
            head = self._paint(Tone.TIME, " " * len(after) if number else after)
            last = number == len(lines) - 1 and proof
            end = self._paint(Tone.TIME, f"  {proof}") if last else ""
            yield head + self._paint(Tone.TEXT, line) + end

    def _fault(self, fault: Fault, indent: str) -> Iterator[str]:
        words, paint = self._words, self._paint
        head = paint(_TONES[fault.severity], f"{indent}{words[fault.severity]}  {fault.title}")
        yield head + paint(Tone.TIME, f"  {fault.clause}")
        inner = indent + "    "
        yield from self._lines(fault.what, Tone.TEXT, inner)
        yield from self._lines(fault.why, Tone.WHY, inner)
        yield from self._lines(fault.todo, Tone.TEXT, f"{inner}→ ")
        if fault.frames:
            proof = words["proof"].format(numbers(fault.frames))
            yield from self._lines(proof, Tone.TIME, inner)

    def _drawn(self, talk: Talk) -> Iterator[str]:
        ladder = talk.ladder()
        names = {place: talk.column(place) or place for place in ladder.places}
        rungs = ladder.rungs
        shown = Ladder(
            tuple(self._viewer.say(place) for place in ladder.places),
            tuple(
                rung._replace(label=self._viewer.say(rung.label)) for rung in rungs[:_MOST_RUNGS]
            ),
        )
        for line in draw(shown, self._width, self._paint, names):
            yield f"  {line}"
        if len(rungs) > _MOST_RUNGS:
            more = self._words["rungs_cut"].format(len(rungs) - _MOST_RUNGS)
            yield from self._lines(more, Tone.TIME, "  ")

    def _troubles(self, troubles: list[Trouble]) -> Iterator[str]:
        yield self._paint(Tone.PENDING, f"  {self._words['not_read']}")
        for trouble in troubles[:_MOST_TROUBLES]:
            where = f"{numbers(trouble.frames)}  " if trouble.frames else ""
            yield from self._lines(where + self._viewer.say(trouble.text), Tone.TEXT, "    ")
        if len(troubles) > _MOST_TROUBLES:
            more = self._words["more"].format(len(troubles) - _MOST_TROUBLES)
            yield from self._lines(more, Tone.TIME, "    ")

    def _lines(self, text: str, tone: Tone, first: str) -> Iterator[str]:
        """Yield a paragraph; its other lines are moved in as far as the first."""
        head = first
        for line in _wrapped(text, max(self._width - len(first), 20)):
            yield self._paint(tone, head + line)
            head = " " * len(first)


def _wrapped(text: str, width: int) -> list[str]:
    if len(text) <= width and text.isascii():
        return [text]
    return [text[start:end] for start, end in lines_of(text, width)]
