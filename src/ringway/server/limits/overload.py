"""Which requests are shed when the loop cannot keep up, and how many of them.

Lag is how long what has arrived waits before it is looked at. While it stays over the limit,
pressure rises; a single pause, of the machine or of the garbage collector, raises none. Well under
the limit it falls, more slowly; between, it stays: so the server sheds what it must to stay at the
limit and does not swing. The first unit of pressure sheds new calls and registrations, from none of
them to all; the second other requests outside of dialogs; the third what belongs to calls that
stand. ACKs are never shed, for they end work.

Which of ten requests are the three to shed is counted out evenly, without chance.
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from itertools import islice
from typing import Final

from ringway.message import Request

__all__ = ["Overload", "Rank", "rank_of"]

RISE: Final = 0.1
"""What pressure rises with a measurement over the limit, for each time that it is over it."""

STEEPEST: Final = 4.0
ONSET: Final = 10
"""So many measurements in a row have to be over the limit before anything is shed, a second's worth
at least: a pause, such as a turn that closes ten thousand flows, shows in several, and so does what
had queued up meanwhile."""

LASTING: Final = 3
"""So many in a row once there is pressure."""

FALL: Final = 0.02
LOW: Final = 0.5
"""The part of the limit under which pressure falls."""


class Rank(IntEnum):
    """What is shed, the first first."""

    NEW = 0
    OUTSIDE = 1
    DIALOG = 2


_FIRST: Final = frozenset({"INVITE", "REGISTER"})


class Overload:
    """The pressure of a server.

    Args:
        limit: the lag, in seconds, from which on requests are shed; 0 for never.
    """

    __slots__ = ("_limit", "_owed", "_recent", "lag", "pressure", "shed")

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._recent: deque[float] = deque([0.0] * ONSET, ONSET)
        self._owed = [0.0] * len(Rank)
        self.lag = 0.0
        """The last that was measured, in seconds."""
        self.pressure = 0.0
        """From 0, nothing is shed, to 3, everything."""
        self.shed = [0] * len(Rank)
        """How many requests were, by rank."""

    def measured(self, lag: float) -> None:
        """Take a measurement; they should come at a steady pace, ten a second."""
        self.lag = lag
        if not self._limit:
            return
        self._recent.append(lag)
        over = LASTING if self.pressure else ONSET
        lasting = min(islice(reversed(self._recent), over))
        if lasting > self._limit:
            steps = min(lasting / self._limit, STEEPEST)
            self.pressure = min(self.pressure + RISE * steps, float(len(Rank)))
        elif lag < self._limit * LOW:
            self.pressure = max(self.pressure - FALL, 0.0)

    def sheds(self, rank: Rank) -> bool:
        """Say whether the next request of a rank is shed, and count it."""
        part = min(self.pressure - rank, 1.0)
        if part <= 0.0:
            return False
        owed = self._owed[rank] + part
        if owed < 1.0:
            self._owed[rank] = owed
            return False
        self._owed[rank] = owed - 1.0
        self.shed[rank] += 1
        return True


def rank_of(request: Request) -> Rank:
    """Say when a request is shed; one with a To tag belongs to a dialog (RFC 3261 §12.2)."""
    if request.to_tag or request.method == "CANCEL":
        return Rank.DIALOG
    return Rank.NEW if request.method in _FIRST else Rank.OUTSIDE
