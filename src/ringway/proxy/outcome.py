"""How a branch or a target ended, and which of several endings the caller hears of.

RFC 3261 §16.7 steps 5 to 8. A timeout counts as 408 and a transport error as 503 (§8.1.3.1, §16.9);
the table says how they rank and what they become on the way to the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ringway.codes import Rank, Source, lookup, rank, synthetic
from ringway.message import Response


class Outcome(NamedTuple):
    """One ending.

    Attributes:
        status: the response code received, or the one the failure counts as.
        source: received, timer or transport.
        text: one plain line for Warning and story.
        response: what was received; None when nothing was.
    """

    status: int
    source: Source
    text: str
    response: Response | None = None

    @property
    def unreachable(self) -> bool:
        """True when there was no way to the phone at all: nobody has had the request."""
        return self.source is Source.TRANSPORT or rank(self.status) == Rank.PATH_GONE

    @property
    def silent(self) -> bool:
        """True when nothing came back, whoever waited for it: the phone may have the request."""
        return rank(self.status) == Rank.PATH_SILENT


def failure(source: Source, text: str) -> Outcome:
    """Return the outcome of a timeout or a transport error."""
    return Outcome(synthetic(source), source, text)


def best_of(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcome the caller is to hear of; the first wins among equals."""
    return min(outcomes, key=lambda outcome: rank(outcome.status))


def aggregated(outcomes: Sequence[Outcome], best: Outcome) -> list[tuple[str, str]]:
    """Return the fields of the other responses to add to the best one (step 7: challenges)."""
    fields: list[tuple[str, str]] = []
    for name in lookup(best.status).aggregates if best.response is not None else ():
        for outcome in outcomes:
            if outcome is not best and outcome.response is not None:
                fields.extend((name, value) for value in outcome.response.values(name))
    return fields
