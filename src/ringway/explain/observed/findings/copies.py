"""Which copies of a message somebody sent, and which are one packet captured twice.

A sight lists every copy. Two within a blink are one packet on two interfaces, as `tcpdump -i any`
shows it; a repeat by a timer comes T1 (0.5 s) later at the earliest (RFC 3261 §17.1.1.2). Captures
of both ends in one file, or the logs of both, show every message twice, as far apart as the two
clocks: between two hosts everything comes in pairs, and all pairs are equally wide.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from ringway.explain.observed.model import Copy, Sight

_APART: Final = 0.3
_TOLERANCE: Final = 0.15  # the way from one observer to the other, there and back
_TIMER: Final = (0.4, 0.7)  # how wide two copies are apart if T1 is why
_ENOUGH: Final = 3

Ends = frozenset[str]


class Copies:
    """The copies in a conversation.

    Args:
        sights: its messages.
    """

    __slots__ = ("_skews",)

    def __init__(self, sights: Iterable[Sight]) -> None:
        between: dict[Ends, list[Sight]] = {}
        for sight in sights:
            between.setdefault(_ends(sight), []).append(sight)
        skews = {ends: _skew(found) for ends, found in between.items()}
        self._skews = {ends: skew for ends, skew in skews.items() if skew}

    def sent(self, sight: Sight) -> list[Copy]:
        """Return the copies of a message that somebody sent."""
        skew = self._skews.get(_ends(sight), 0.0) or _echo(sight)
        kept: list[Copy] = []
        echoes: list[float] = []
        for copy in sight.copies:
            echo = next((at for at in echoes if abs(copy.at - at) < _TOLERANCE), None)
            if echo is not None:
                echoes.remove(echo)
            elif not kept or copy.at - kept[-1].at >= _APART:
                kept.append(copy)
                if skew:
                    echoes.append(copy.at + skew)
        return kept


def _ends(sight: Sight) -> Ends:
    return frozenset((sight.hop.source.host, sight.hop.target.host))


def _skew(sights: list[Sight]) -> float:
    """Return how far apart two observers saw all that two hosts said; 0 if there was but one."""
    gaps = sorted(each.copies[1].at - each.copies[0].at for each in sights if len(each.copies) == 2)
    if any(len(each.copies) < 2 for each in sights) or 2 * len(gaps) <= len(sights):
        return 0.0
    if any(other - one > _TOLERANCE for one, other in pairwise(gaps)):
        return 0.0
    middle = gaps[len(gaps) // 2]
    by_timer = _TIMER[0] < middle < _TIMER[1]
    return 0.0 if by_timer and len(gaps) < _ENOUGH else middle


def _echo(sight: Sight) -> float:
    """Return the same for a request that nobody answers: timers never come faster, echoes do."""
    times = [each.at for each in sight.copies]
    gaps = [after - before for before, after in pairwise(times)]
    if not any(after < before - _TOLERANCE for before, after in pairwise(gaps)):
        return 0.0
    return next((at - times[0] for at in times[1:] if _in_pairs(times, at - times[0])), 0.0)


def _in_pairs(times: list[float], skew: float) -> bool:
    echoes: list[float] = []
    for at in times:
        echo = next((each for each in echoes if abs(at - each) < _TOLERANCE), None)
        if echo is None:
            echoes.append(at + skew)
        else:
            echoes.remove(echo)
    return not echoes
