"""A conversation that is looked at, with what several detectors ask of it, found out once.

A conversation may have a thousand exchanges, and a hostile one is made of nothing else: no detector
compares every exchange with every other one.
"""

from __future__ import annotations

from ringway.explain.observed.findings.look import branches
from ringway.explain.observed.flows import Flows
from ringway.explain.observed.model import Conversation, Exchange


class Case:
    """What detectors get.

    Args:
        conversation: one that has ended.
        flows: what is known of the flows.
    """

    __slots__ = ("_branches", "_onward", "conversation", "flows")

    def __init__(self, conversation: Conversation, flows: Flows) -> None:
        self.conversation = conversation
        self.flows = flows
        self._branches: dict[int, tuple[str, ...]] = {}
        self._onward: dict[tuple[str, str], list[Exchange]] | None = None

    def branches(self, exchange: Exchange) -> tuple[str, ...]:
        """Return the branch of each Via of an exchange's first message, topmost first."""
        found = self._branches.get(id(exchange))
        if found is None:
            found = self._branches[id(exchange)] = branches(exchange.first)
        return found

    def forwarded(self, exchange: Exchange) -> list[Exchange]:
        """Return the exchanges by which this one's request was sent on."""
        if self._onward is None:
            self._onward = {}
            for each in self.conversation.exchanges:
                for branch in self.branches(each)[1:]:
                    self._onward.setdefault((each.method, branch), []).append(each)
        return [
            each
            for each in self._onward.get((exchange.method, exchange.branch), ())
            if each.hop.source.host == exchange.hop.target.host and each is not exchange
        ]

    def above(self, exchange: Exchange) -> list[Exchange]:
        """Return the exchanges by which a request had come to who sent this one."""
        chain = self.branches(exchange)[1:2]
        return [
            each
            for each in self.conversation.exchanges
            if each.branch in chain and exchange in self.forwarded(each)
        ]
