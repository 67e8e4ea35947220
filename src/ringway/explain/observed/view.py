"""What is shown of a conversation, in one language: the same for the terminal, JSON and the page.

Everything that comes from the wire passes here once, on its way out: secrets are left out, names of
people are masked where that is wanted, and what does not print is escaped. HTML is escaped by the
page on top of that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from ringway.codes import TABLE, Language
from ringway.explain.observed.explain import Explained
from ringway.explain.observed.finding import Finding, Severity
from ringway.explain.observed.findings.texts import told
from ringway.explain.observed.ladder import Ladder, ladder_of
from ringway.explain.observed.mask import Mask
from ringway.explain.observed.model import Conversation, Sight, status_of
from ringway.explain.observed.tell import Line
from ringway.explain.observed.words import role, sentence
from ringway.explain.text import escape, masked

__all__ = ["Fault", "Person", "Step", "Talk", "Viewer", "clock", "numbers"]

_LONGEST: Final = 1000
"""Characters of one sentence."""
_MOST_NUMBERS: Final = 12
_OPEN: Final = frozenset(
    f"verdict-{name}" for name in ("answered", "no-final", "silent", "one-sided", "middle")
)
"""Ends that may not have been the end, if the capture ended too."""
_FOLDED: Final = re.compile(r"\r?\n[ \t]+")
_YEAR_UNKNOWN: Final = 1973


@dataclass(frozen=True, slots=True)
class Step:
    """A line of a story.

    Attributes:
        at: when, seconds since the epoch.
        after: seconds since the conversation began.
        frames: the packets that show it.
        name: which sentence.
        text: the sentence.
        status: the response code it is about; 0 for none.
    """

    at: float
    after: float
    frames: tuple[int, ...]
    name: str
    text: str
    status: int


@dataclass(frozen=True, slots=True)
class Fault:
    """A finding.

    Attributes:
        name: which one.
        severity: how bad it is.
        at: when it happened, seconds since the epoch.
        frames: the packets that prove it.
        title: a few words.
        what: what was seen.
        why: what it does, and what the rule is.
        todo: what to do about it.
        clause: where the rule stands.
        status: the response code it is about; 0 for none.
        call_id: the conversation it belongs to; empty when it is about several.
    """

    name: str
    severity: Severity
    at: float
    frames: tuple[int, ...]
    title: str
    what: str
    why: str
    todo: str
    clause: str
    status: int
    call_id: str


@dataclass(frozen=True, slots=True)
class Person:
    """Who is behind an address.

    Attributes:
        address: the address.
        name: what the story calls it.
        role: what it is in the story.
    """

    address: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation.

    Attributes:
        call_id: its Call-ID.
        kind: what it is about.
        at: when it began, seconds since the epoch.
        ended: when its last message was seen.
        complete: False if it was still going on when the capture ended.
        title: who wanted what from whom.
        steps: what happened, in order.
        verdict: how it ended.
        advice: what to do, if no finding says it.
        faults: what was wrong.
        people: the legend.
        codes: the registered response codes in it, each once.
        conversation: what it is made of.
    """

    call_id: str
    kind: str
    at: float
    ended: float
    complete: bool
    title: str
    steps: tuple[Step, ...]
    verdict: Step
    advice: tuple[Step, ...]
    faults: tuple[Fault, ...]
    people: tuple[Person, ...]
    codes: tuple[int, ...]
    conversation: Conversation

    @property
    def cut(self) -> bool:
        """Whether the capture ended before it was known how this ends."""
        return not self.complete and self.verdict.name in _OPEN

    def ladder(self) -> Ladder:
        """Make its ladder: what that holds has to go through `Viewer.say` and `message`."""
        return ladder_of(self.conversation)

    def column(self, place: str) -> str:
        """Return who is at a place of the ladder; empty if nobody knows, or there are several."""
        names = {
            person.name.removeprefix("sip:")
            for person in self.people
            if person.name != person.address and place in (person.address, _host(person.address))
        }
        return names.pop() if len(names) == 1 else ""


class Viewer:
    """Makes what is shown.

    Args:
        language: of the sentences.
        mask: what hides the names of people; None to show them.
    """

    def __init__(self, language: Language, mask: Mask | None = None) -> None:
        self.language = language
        self._mask = mask

    def talk(self, explained: Explained) -> Talk:
        """Return what is shown of a conversation."""
        conversation, story = explained.conversation, explained.story
        sights = conversation.sights()
        if self._mask is not None:
            for sight in sights:
                self._mask.learn(_text(sight.data))
            for each in conversation.decided:
                self._mask.learn(f"{each.decision.aor} {each.decision.text}")
        began = conversation.at
        # What was found says better what to do.
        found = any(each.severity is not Severity.NOTE for each in explained.findings)
        statuses = {status_of(sight) for sight in sights}
        statuses |= {finding.status for finding in explained.findings}
        statuses |= {each.decision.status for each in conversation.decided}
        return Talk(
            self.say(conversation.call_id),
            conversation.kind.value,
            began,
            conversation.ended,
            conversation.complete,
            self.say(sentence(story.title, self.language)),
            tuple(self._step(line, began) for line in story.lines),
            self._step(story.verdict, began),
            () if found else tuple(self._step(line, began) for line in story.advice),
            tuple(self.fault(finding) for finding in explained.findings),
            tuple(
                Person(str(each.address), self.say(each.name), role(each.role, self.language))
                for each in story.places
            ),
            tuple(sorted(statuses & TABLE.keys())),
            conversation,
        )

    def fault(self, finding: Finding) -> Fault:
        """Return what is shown of a finding."""
        user = finding.facts.get("user")
        if self._mask is not None and user:
            finding = replace(finding, facts={**finding.facts, "user": self._mask.name(user)})
        text = told(finding, self.language)
        return Fault(
            finding.name,
            finding.severity,
            finding.at,
            finding.frames,
            self.say(text.title),
            self.say(text.what),
            self.say(text.why),
            self.say(text.todo),
            text.clause,
            finding.status,
            self.say(finding.call_id),
        )

    def say(self, text: str, longest: int = _LONGEST) -> str:
        """Return one line of text as it may be shown."""
        return escape(text if self._mask is None else self._mask(text), longest)

    def message(self, sight: Sight, longest: int) -> tuple[tuple[str, ...], int]:
        """Return a message as lines that may be shown; what is folded stands on one line.

        Args:
            sight: the message.
            longest: characters of it that are shown.

        Returns:
            The lines, and how many characters are not in them.
        """
        head, gap, body = sight.data.partition(b"\r\n\r\n")
        text, rest = _FOLDED.sub(" ", _text(head)) + _text(gap), _text(body)
        if self._mask is None:
            text += rest
        else:
            text = self._mask(text + self._mask.body(sight.message.get("content-type") or "", rest))
        # What is secret is known by what stands around it: first leave it out, then cut.
        text = masked(text).rstrip("\r\n")
        lines = re.split(r"\r?\n", text[:longest])
        return tuple(escape(line, 0) for line in lines), max(0, len(text) - longest)

    def _step(self, line: Line, began: float) -> Step:
        text = self.say(sentence(line, self.language))
        return Step(line.at, line.at - began, line.frames, line.name, text, line.status)


def clock(at: float) -> str:
    """Return a time for people to read, as much of it as is known; in UTC. 0 is not known."""
    if not at:
        return ""
    try:
        when = datetime.fromtimestamp(at, UTC)
    except (OverflowError, OSError, ValueError):
        return "?"
    shown = when.strftime("%H:%M:%S.%f")[:-3]
    if when.year == 1970:
        return shown
    return f"{when:%m-%d} {shown}" if when.year < _YEAR_UNKNOWN else f"{when:%Y-%m-%d} {shown} UTC"


def numbers(frames: tuple[int, ...]) -> str:
    """Return the numbers of packets or lines for people to read: as "#3, #5 to #8"."""
    runs: list[list[int]] = []
    for frame in sorted(set(frames)):
        if runs and frame == runs[-1][1] + 1:
            runs[-1][1] = frame
        else:
            runs.append([frame, frame])
    shown = [
        f"#{first}" if first == last else f"#{first}–#{last}"  # noqa: RUF001 - from, to
        for first, last in runs[:_MOST_NUMBERS]
    ]
    return ", ".join(shown) + (" …" if len(runs) > _MOST_NUMBERS else "")


def _host(address: str) -> str:
    return address.rpartition(":")[0].strip("[]")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
