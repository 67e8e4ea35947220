"""Why nobody could be reached, in the words of a Warning (RFC 3261 §20.43).

The caller reads it, so it names no addresses and no flows of the phones: how many ways there were,
and what became of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from ringway.codes import Rank, rank
from ringway.proxy.outcome import Outcome


class _End(StrEnum):
    CLOSED = "closed"
    UNREACHED = "unreached"
    SILENT = "silent"
    ANSWERED = "answered"


class Tried(NamedTuple):
    """One way that was tried.

    Attributes:
        outcome: how it ended.
        over_flow: True when it was a flow of ours and no address.
    """

    outcome: Outcome
    over_flow: bool

    @property
    def end(self) -> _End:
        """What became of it."""
        if rank(self.outcome.status) == Rank.PATH_GONE:
            return _End.CLOSED
        if self.outcome.unreachable:
            return _End.CLOSED if self.over_flow else _End.UNREACHED
        return _End.SILENT if self.outcome.silent else _End.ANSWERED


_ALONE: Final = {
    _End.CLOSED: ("the flow of {whose} has closed", "{all} flows of {whose} have closed"),
    _End.UNREACHED: ("{whose} cannot be reached", "{whose} cannot be reached in {each} way"),
    _End.SILENT: ("{whose} did not answer", "{whose} did not answer in {each} way"),
    _End.ANSWERED: ("{whose} could not serve the request",) * 2,
}
_AMONG: Final = {
    _End.CLOSED: "{count} closed",
    _End.UNREACHED: "{count} not reached",
    _End.SILENT: "no answer on {count}",
    _End.ANSWERED: "{count} could not serve the request",
}
PHONE: Final = "this user's phone"
PHONES: Final = "this user's phones"
NEXT_HOP: Final = "the next hop"


def summary(tried: Sequence[Tried], whose: str) -> str:
    """Return why none of these ways led to anybody.

    Args:
        tried: the ways, at least one.
        whose: who was to be reached: PHONE, PHONES or NEXT_HOP.
    """
    ends = [each.end for each in tried]
    found = [end for end in _End if end in ends]
    count = len(ends)
    if len(found) == 1:
        every, each = ("both", "either") if count == 2 else (f"all {count}", "any")
        text = _ALONE[found[0]][count > 1]
        return text.format(whose=whose, all=every, each=each)
    parts = [_AMONG[end].format(count=ends.count(end)) for end in found]
    return f"of {count} ways to {whose}: {', '.join(parts)}"
