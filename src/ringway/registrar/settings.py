"""What an operator decides about registrations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ringway.location import Synonyms


def _no_chance() -> float:
    return 0.0


@dataclass(frozen=True, slots=True)
class RegistrarSettings:
    """What an operator decides about registrations; durations in seconds.

    Attributes:
        domains: the hosts whose addresses-of-record are registered here, lower case, IPv6 without
            brackets.
        synonyms: other hosts that mean one of the domains, such as our own addresses.
        default_expires: granted when a REGISTER names no expiry.
        min_expires: a shorter expiry is refused with 423 (RFC 3261 §10.3 step 7).
        max_expires: the most that is granted.
        spread: the part of an expiry that may be taken off at random, so that phones that came
            together do not refresh together.
        rng: gives numbers from 0 up to 1 for the spread; the core has no chance of its own.
        max_bindings: how many bindings one address-of-record may have.
        max_waiting: how many REGISTERs for one address-of-record may wait for the store.
        flow_timer: the Flow-Timer told to phones that keep their flow to us alive (RFC 5626 §4.4);
            None: tell them none.
        require_path_support: refuse Path for phones that do not name it in Supported
            (RFC 3327 §5.3 recommends it; it costs phones that know nothing of their edge).
        behind_edges: refuse phones that register here themselves: each REGISTER has a Path.
        agent: the name in Warning header fields.
    """

    domains: frozenset[str]
    synonyms: Synonyms = field(default_factory=dict)
    default_expires: int = 3600
    min_expires: int = 60
    max_expires: int = 7200
    spread: float = 0.1
    rng: Callable[[], float] = _no_chance
    max_bindings: int = 20
    max_waiting: int = 16
    flow_timer: int | None = 120
    require_path_support: bool = False
    behind_edges: bool = False
    agent: str = "ringway"

    def granted(self, requested: int) -> int:
        """The expiry to grant for one that was asked for and is not refused (never more)."""
        longest = min(requested, self.max_expires)
        spread = int(longest * self.spread * self.rng())
        return max(min(longest, self.min_expires), longest - spread)
