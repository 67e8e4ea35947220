"""What is counted while conversations go by, for the summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ringway.capture.items import Trouble
from ringway.explain.observed.finding import Severity
from ringway.explain.observed.view import Fault, Talk

__all__ = ["Summary"]

_ORDER: Final = list(Severity)


@dataclass(slots=True)
class Summary:
    """Counts.

    Attributes:
        kinds: conversations of each kind.
        faults: findings of each name.
        firsts: the first finding of each name.
        messages: SIP messages.
        decisions: decisions of servers of ours, from their logs.
        across: findings about several conversations.
        troubles: what could not be read.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    firsts: dict[str, Fault] = field(default_factory=dict)
    messages: int = 0
    decisions: int = 0
    across: tuple[Fault, ...] = ()
    troubles: list[Trouble] = field(default_factory=list)

    def count(self, talk: Talk) -> None:
        """Count a conversation and what was wrong in it."""
        self.kinds[talk.kind] += 1
        for fault in talk.faults:
            self.found(fault)

    def found(self, fault: Fault) -> None:
        """Count a finding."""
        self.faults[fault.name] += 1
        self.firsts.setdefault(fault.name, fault)

    def groups(self) -> Iterator[tuple[Fault, int]]:
        """Yield the first finding of each name and how many there are, the worst first."""
        order = sorted(
            self.firsts.values(), key=lambda each: (_ORDER.index(each.severity), each.at)
        )
        for each in order:
            yield each, self.faults[each.name]

    @property
    def wrong(self) -> bool:
        """Whether anything was wrong."""
        return any(each.severity is Severity.WRONG for each in self.firsts.values())
