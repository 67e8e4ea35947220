"""A conversation that is looked at, with what several detectors ask of it, found out once.

A conversation may have a thousand exchanges, and a hostile one is made of nothing else: no detector
compares every exchange with every other one.
"""

from __future__ import annotations

from ringway.explain.observed.findings.copies import Copies
from ringway.explain.observed.findings.look import branches, messages, tag
from ringway.explain.observed.flows import Flows
from ringway.explain.observed.model import Conversation, Copy, Exchange, Sight
from ringway.message import Request


class Case:
    """What detectors get.

    Args:
        conversation: one that has ended.
        flows: what is known of the flows.
    """

    __slots__ = ("_acks", "_branches", "_copies", "_onward", "conversation", "flows")

    def __init__(self, conversation: Conversation, flows: Flows) -> None:
        self.conversation = conversation
        self.flows = flows
        self._branches: dict[int, tuple[str, ...]] = {}
        self._acks: dict[tuple[int, str], list[Sight]] | None = None
        self._copies: Copies | None = None
        self._onward: dict[tuple[str, str], list[Exchange]] | None = None

    def sent(self, sight: Sight) -> list[Copy]:
        """Return the copies of a message that somebody sent, not those captured twice."""
        if len(sight.copies) < 2:
            return sight.copies
        if self._copies is None:
            self._copies = Copies(messages(self.conversation))
        return self._copies.sent(sight)

    def branches(self, exchange: Exchange) -> tuple[str, ...]:
        """Return the branch of each Via of an exchange's first message, topmost first."""
        found = self._branches.get(id(exchange))
        if found is None:
            found = self._branches[id(exchange)] = branches(exchange.first)
        return found

    def forwarded(self, exchange: Exchange) -> list[Exchange]:
        """Return the exchanges by which this one's request was sent on, at the next hop or later.

        Their Via tells; who forwards may do so from another address than the request came to.
        """
        if self._onward is None:
            self._onward = {}
            for each in self.conversation.exchanges:
                for branch in self.branches(each)[1:]:
                    self._onward.setdefault((each.method, branch), []).append(each)
        return self._onward.get((exchange.method, exchange.branch), []) if exchange.branch else []

    def acks(self, number: int, to_tag: str) -> list[Sight]:
        """Return the ACKs with a CSeq number and a To tag, on every hop."""
        if self._acks is None:
            self._acks = {}
            for each in messages(self.conversation):
                if isinstance(each.message, Request) and each.message.method == "ACK":
                    key = (each.message.cseq.number, tag(each.message, "to"))
                    self._acks.setdefault(key, []).append(each)
        return self._acks.get((number, to_tag), [])

    def above(self, exchange: Exchange) -> list[Exchange]:
        """Return the exchanges by which a request had come to who sent this one."""
        came = self.branches(exchange)[1:2]
        return [
            each
            for each in self.conversation.exchanges
            if each.branch and each.branch in came and each.method == exchange.method
        ]
