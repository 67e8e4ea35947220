"""How a request went from hop to hop: which exchange made which.

A proxy puts its Via on top of those it got (RFC 3261 §16.6 step 8), so the branches under the top
one name the exchanges that a request came through, those included that the capture does not show.
A NAT or a capture on two interfaces shows one transaction twice: then the branch is the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ringway.errors import ParseError
from ringway.explain.observed.model import Exchange, Sight, status_of
from ringway.message import Request

# A Via of another element, which need not be right: only its branch is of interest.
_BRANCH: Final = re.compile(r";[ \t]*branch[ \t]*=[ \t]*([^;, \t]+)", re.IGNORECASE)
# Seconds within which the same branch to another address is the same packet, rewritten on its way.
_REWRITTEN: Final = 0.1


@dataclass(slots=True, eq=False)
class Leg:
    """An exchange in its tree.

    Attributes:
        exchange: the exchange.
        branches: of all Via values of its first message, the top one first.
        parent: the leg that it was made for; None if none was seen.
        children: the legs that were made for it, in order.
    """

    exchange: Exchange
    branches: tuple[str, ...]
    parent: Leg | None = None
    children: list[Leg] = field(default_factory=list)

    @property
    def at(self) -> float:
        """When its first message was seen."""
        return self.exchange.at

    @property
    def root(self) -> Leg:
        """The leg that the whole tree comes from."""
        leg = self
        while leg.parent is not None:
            leg = leg.parent
        return leg

    @property
    def end(self) -> Leg:
        """Where it leads as long as it does not fork: a leg that forks, or has no children."""
        leg = self
        while len(leg.children) == 1:
            leg = leg.children[0]
        return leg

    @property
    def in_dialog(self) -> bool:
        """Whether the request has a To tag (RFC 3261 §12.2)."""
        first = self.exchange.first.message
        try:
            return isinstance(first, Request) and bool(first.to_tag)
        except ParseError:
            return False

    def walk(self) -> Iterator[Leg]:
        """Return it and everything below it."""
        waiting = [self]
        while waiting:
            leg = waiting.pop()
            yield leg
            waiting += reversed(leg.children)

    def final_by(self, when: float) -> Sight | None:
        """Return its final response, if that was seen by then."""
        final = self.exchange.final
        return final if final is not None and final.at <= when else None

    def heard_by(self, when: float) -> bool:
        """Say whether any response but 100 was seen by then."""
        return any(each.at <= when and status_of(each) > 100 for each in self.exchange.responses)


def grow(exchanges: list[Exchange]) -> list[Leg]:
    """Return the roots of the trees, in order; ACK and CANCEL are in none.

    Args:
        exchanges: of one conversation, in order.
    """
    known: dict[tuple[str, int, str], list[Leg]] = {}
    roots: list[Leg] = []
    for exchange in exchanges:
        if exchange.method in {"ACK", "CANCEL"}:
            continue
        leg = Leg(exchange, _branches(exchange))
        leg.parent = _twin(leg, known) or _parent(leg, known)
        siblings = roots if leg.parent is None else leg.parent.children
        siblings.append(leg)
        known.setdefault(_key(exchange, exchange.branch), []).append(leg)
    return roots


def cut_down(roots: list[Leg]) -> None:
    """Take trees apart, so that their memory is free at once: they point up and down."""
    for root in roots:
        for leg in root.walk():
            leg.parent = None


def _key(exchange: Exchange, branch: str) -> tuple[str, int, str]:
    return branch, exchange.number, exchange.method


def _twin(leg: Leg, known: dict[tuple[str, int, str], list[Leg]]) -> Leg | None:
    """Return the leg of the same transaction, seen before an address in it was rewritten."""
    ours = leg.exchange
    if not ours.branch:
        return None
    for other in reversed(known.get(_key(ours, ours.branch), ())):
        hop = other.exchange.hop
        if leg.at - other.at < _REWRITTEN and hop not in {ours.hop, ours.hop.back}:
            return other
    return None


def _parent(leg: Leg, known: dict[tuple[str, int, str], list[Leg]]) -> Leg | None:
    for branch in leg.branches[1:]:
        found = known.get(_key(leg.exchange, branch))
        if branch and found:
            return found[-1]
    return None


def _branches(exchange: Exchange) -> tuple[str, ...]:
    message = exchange.first.message
    if not message.several("via"):
        return (exchange.branch,)
    below = [_BRANCH.search(value) for value in message.values("via")[1:]]
    return (exchange.branch, *(found[1] if found else "" for found in below))
