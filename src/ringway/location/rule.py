"""A redirect rule: what an operator or a user set for an address-of-record, kept with its bindings.

The value stands here, below the redirect role that acts on it, because bindings and rules live in
one store. `ringway.redirect` makes, checks and applies them (RFC 3261 §8.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

RuleKey: TypeAlias = tuple[str, str]
"""(address-of-record, when): one rule stands for each."""


class When(StrEnum):
    """What has to happen before a rule answers."""

    ALWAYS = "always"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class RedirectRule:
    """Where callers of one address-of-record are sent.

    Attributes:
        aor: the canonical address-of-record.
        targets: (URI, q) pairs, best first.
        status: 300, 301, 302 or 305.
        when: what has to happen before it answers.
        until: when it ends, in seconds on the core's clock; None: until it is cleared.
    """

    aor: str
    targets: tuple[tuple[str, float], ...]
    status: int = 302
    when: When = When.ALWAYS
    until: float | None = None

    @property
    def key(self) -> RuleKey:
        """What makes it unique."""
        return (self.aor, self.when.value)
