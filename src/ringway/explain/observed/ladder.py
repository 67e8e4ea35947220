"""The message ladder of a conversation: who sent what to whom, as columns and arrows.

`ladder_of` makes the columns and rungs, for every picture alike; `draw` puts them into lines of
text. A place is a host; where programs on one host talk to each other, it is an address there.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Final, NamedTuple

from ringway.explain.observed.model import Conversation, Sight, status_of
from ringway.explain.text import Paint, Tone, escape, plain
from ringway.message import Request
from ringway.transport.flow import Address

__all__ = ["Ladder", "Rung", "draw", "ladder_of", "place_of"]

_TIME: Final = 10
"""Characters before the first column."""

_MOST_PLACES: Final = 50
"""Columns; all other places share the last one."""

_NARROWEST: Final = 14
"""Characters between two columns, at least."""


class Rung(NamedTuple):
    """One message on its way.

    Attributes:
        sight: the message, with its repeats.
        source: number of the column it leaves.
        target: number of the column it reaches.
        label: its method, or its status and phrase; text from the wire.
        status: of a response; 0 for a request.
    """

    sight: Sight
    source: int
    target: int
    label: str
    status: int

    @property
    def repeats(self) -> int:
        """How often it came again."""
        return len(self.sight.copies) - 1


class Ladder(NamedTuple):
    """Columns and rungs.

    Attributes:
        places: the columns, in the order they first take part; who is called comes last.
        rungs: the messages, in the order they were first seen.
    """

    places: tuple[str, ...]
    rungs: tuple[Rung, ...]


def ladder_of(conversation: Conversation) -> Ladder:
    """Make the ladder of a conversation."""
    sights = conversation.sights()
    crowded = {a.host for a, b in map(_ends, sights) if a.host == b.host and a != b}
    places = _ordered(sights, crowded)
    if len(places) > _MOST_PLACES:
        places = (*places[: _MOST_PLACES - 1], "…")
    columns = {place: number for number, place in enumerate(places)}
    rest = len(places) - 1
    rungs = []
    for sight in sights:
        source, target = (columns.get(place_of(each, crowded), rest) for each in _ends(sight))
        label, status = _label(sight)
        rungs.append(Rung(sight, source, target, label, status))
    return Ladder(places, tuple(rungs))


def place_of(address: Address, crowded: Container[str]) -> str:
    """Return the name of the column that an address belongs to.

    Args:
        address: the address.
        crowded: hosts on which several programs talk to each other.
    """
    return str(address) if address.host in crowded else address.host


def _ordered(sights: list[Sight], crowded: Container[str]) -> tuple[str, ...]:
    """Return the columns: those who only answer, and not with a failure, behind all others."""
    asked: set[str] = set()
    agreed: set[str] = set()
    found: dict[str, None] = {}
    for sight in sights:
        source, target = (place_of(each, crowded) for each in _ends(sight))
        found |= {source: None, target: None}
        status = status_of(sight)
        if status == 0 and ";tag=" not in (sight.message.get("to") or ""):
            asked.add(source)
        elif 100 < status < 300:
            agreed.add(source)
    last = agreed - asked
    return (
        *(each for each in found if each not in last),
        *(each for each in found if each in last),
    )


def draw(
    ladder: Ladder,
    width: int = 100,
    paint: Paint = plain,
    names: Mapping[str, str] | None = None,
) -> list[str]:
    """Draw a ladder as lines of text.

    Args:
        ladder: the ladder.
        width: of a line, in characters; a ladder of many columns is wider all the same.
        paint: gives the pieces their colour.
        names: what to call a place, instead of its address.
    """
    if not ladder.rungs:
        return []
    count = len(ladder.places)
    gap = max(_NARROWEST, (width - _TIME - 2) // max(count - 1, 1)) if count > 1 else _NARROWEST
    gap = min(gap, 40)
    heads = [escape((names or {}).get(place, place), gap - 2) for place in ladder.places]
    lines = _heads(heads, gap, paint)
    began = ladder.rungs[0].sight.at
    for rung in ladder.rungs:
        lines.append(_line(rung, count, gap, began, paint))
    return lines


def _heads(heads: list[str], gap: int, paint: Paint) -> list[str]:
    """Return the names of the columns; every second one stands a line lower, so that all fit."""
    lines = []
    for odd in (0, 1):
        line = " " * _TIME
        for number, head in enumerate(heads):
            at = _TIME + number * gap
            if number % 2 == odd:
                start = max(0, at - len(head) // 2)
                line = line.ljust(start) + head
            elif odd:
                line = line.ljust(at) + "│"
        if line.strip():
            lines.append(paint(Tone.TITLE, line.rstrip()))
    return lines


def _line(rung: Rung, count: int, gap: int, began: float, paint: Paint) -> str:
    left, right = sorted((rung.source, rung.target))
    label = escape(rung.label, 60)
    if rung.repeats:
        label += f" x{rung.repeats + 1}"
    time = f"{rung.sight.at - began:8.3f}  " if rung.sight.at else " " * _TIME
    before = "".join("│".ljust(gap) for _ in range(left))
    frames = f"  {rung.sight.frames[0]}" if rung.sight.frames else ""
    if left == right:
        arrow = f"│⟲ {label}"
        return _painted(time, before, arrow, frames, _tone(rung), paint)
    room = (right - left) * gap - 1
    text = f" {label} "
    if len(text) > room - 2:
        text = f" {label[: room - 5]}… "
    dashes = room - 1 - len(text)
    shaft = "─" * (dashes // 2) + text + "─" * (dashes - dashes // 2)
    arrow = f"│{shaft}>" if rung.source < rung.target else f"│<{shaft}"
    after = "│" + "".join(" " * (gap - 1) + "│" for _ in range(count - 1 - right))
    return _painted(time, before, arrow + after, frames, _tone(rung), paint)


def _painted(time: str, before: str, arrow: str, frames: str, tone: Tone, paint: Paint) -> str:
    return (
        paint(Tone.TIME, time)
        + paint(Tone.TEXT, before)
        + paint(tone, arrow)
        + paint(Tone.TIME, frames)
    )


def _tone(rung: Rung) -> Tone:
    if rung.status == 0:
        return Tone.STEP
    if rung.status < 200:
        return Tone.PENDING
    return Tone.GOOD if rung.status < 300 else Tone.BAD


def _label(sight: Sight) -> tuple[str, int]:
    message = sight.message
    media = " (SDP)" if (message.get("content-type") or "").startswith("application/sdp") else ""
    if isinstance(message, Request):
        return f"{message.method}{media}", 0
    return f"{message.status} {message.reason}{media}", message.status


def _ends(sight: Sight) -> tuple[Address, Address]:
    return sight.hop.source, sight.hop.target
