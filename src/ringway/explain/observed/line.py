"""What a story is made of: lines that name a sentence and hold what fills its gaps.

So a story is the same in every language, and whoever prints it can mask, escape and link its parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ringway.explain.observed.model import Sight
from ringway.transport.flow import Address

_DAYS: Final = 48  # hours from which on days say more


@dataclass(frozen=True, slots=True)
class Line:
    """One step of a story.

    Attributes:
        at: when, seconds since the epoch.
        frames: the packets that show it.
        name: which sentence; see `words.sentence`.
        facts: what fills its gaps: raw text, from the wire too; who prints it escapes it.
        status: the response code it is about; 0 for none.
        sights: the messages it is about.
    """

    at: float
    frames: tuple[int, ...]
    name: str
    facts: Mapping[str, str] = field(default_factory=dict)
    status: int = 0
    sights: tuple[Sight, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Who is behind an address.

    Attributes:
        address: the address.
        name: what the story calls it: a user's URI, or the address itself.
        role: caller, callee, phone, proxy, registrar or server; `words.role` has the words.
    """

    address: Address
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Story:
    """What is told of a conversation.

    Attributes:
        title: who wanted what from whom.
        lines: the steps, in order.
        verdict: how it ended.
        advice: what to do, if anything.
        places: the legend, in the order in which they come up.
    """

    title: Line
    lines: tuple[Line, ...]
    verdict: Line
    advice: tuple[Line, ...] = ()
    places: tuple[Place, ...] = ()


def span(seconds: float) -> str:
    """Return a time span for people to read, the same in every language."""
    milliseconds = max(0, round(seconds * 1000))
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= _DAYS:
        return f"{hours // 24} d"
    parts = ((hours, "h"), (minutes, "min"), (0 if hours else rest, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)
