"""What is remembered of each source address: how much it asks, and how often it fails.

A source is an IPv4 address, or the /64 of an IPv6 address, which one customer has to himself. The
table is bounded and forgets who was silent longest; the bans are kept apart, so that a flood from
made-up addresses does not lift them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeAlias

__all__ = ["Network", "Source", "Sources", "source_of"]

Network: TypeAlias = IPv4Network | IPv6Network

_REMEMBERED: Final = 4096


class Source:
    """One source.

    Attributes:
        tokens: requests it may make now.
        answers: refusals it may get now; beyond them it is not answered.
        filled_at: when both were right.
        failures: how many of its tries count as failed, less what time has forgiven.
        unanswered: the same of challenges; who answers one takes back as much as ten have cost.
        failed_at: when both were right.
    """

    __slots__ = ("answers", "failed_at", "failures", "filled_at", "tokens", "unanswered")

    def __init__(self, burst: float, now: float) -> None:
        self.tokens = burst
        self.answers = burst
        self.filled_at = now
        self.failures = 0.0
        self.unanswered = 0.0
        self.failed_at = now

    def fill(self, rate: float, burst: float, now: float) -> None:
        """Let time fill both buckets."""
        gained = (now - self.filled_at) * rate
        self.filled_at = now
        self.tokens = min(self.tokens + gained, burst)
        self.answers = min(self.answers + gained, burst)

    def fail(self, failed: float, unanswered: float, forgiven: float, now: float) -> float:
        """Count a failure or a challenge; returns what all of them amount to.

        Args:
            failed: how much it counts as a failure.
            unanswered: how much it counts as a challenge that nobody has answered yet.
            forgiven: failures that a second forgives, challenges first.
            now: seconds.
        """
        gone = (now - self.failed_at) * forgiven
        self.failed_at = now
        rest = max(gone - self.unanswered, 0.0)
        self.unanswered = max(self.unanswered - gone, 0.0) + unanswered
        self.failures = max(self.failures - rest, 0.0) + failed
        return self.failures + self.unanswered

    def proved(self) -> None:
        """Take back what challenges have cost: somebody there has a password."""
        self.unanswered = max(self.unanswered - 1.0, 0.0)


class Sources:
    """The sources that were heard of lately, and those that are banned.

    Args:
        most: how many of each are kept.
        exempt: networks that are none of them.
    """

    __slots__ = ("_exempt", "_most", "_named", "_sources", "bans")

    def __init__(self, most: int, exempt: Sequence[Network] = ()) -> None:
        self.bans: OrderedDict[str, float] = OrderedDict()
        """Until when a source is banned."""
        self._most = most
        self._exempt = tuple(exempt)
        self._sources: OrderedDict[str, Source] = OrderedDict()
        self._named: dict[str, str] = {}

    def __len__(self) -> int:
        """How many are remembered, without the bans."""
        return len(self._sources)

    def name(self, host: str) -> str:
        """Return what the source of an address is called; empty if it is exempt."""
        name = self._named.get(host)
        if name is None:
            if len(self._named) >= _REMEMBERED:
                self._named.clear()
            name = self._named[host] = source_of(host, self._exempt)
        return name

    def get(self, name: str, burst: float, now: float) -> Source:
        """Return a source, made anew if it is not remembered."""
        source = self._sources.get(name)
        if source is not None:
            self._sources.move_to_end(name)
            return source
        if len(self._sources) >= self._most:
            self._sources.popitem(last=False)
        source = self._sources[name] = Source(burst, now)
        return source

    def known(self, name: str) -> Source | None:
        """Return a source if it is remembered."""
        return self._sources.get(name)

    def ban(self, name: str, until: float) -> None:
        """Ban a source; the oldest ban makes room where there are too many."""
        self._sources.pop(name, None)
        self.bans.pop(name, None)
        if len(self.bans) >= self._most:
            self.bans.popitem(last=False)
        self.bans[name] = until

    def is_banned(self, name: str, now: float) -> bool:
        """Say whether a source is banned; a ban that is over is forgotten."""
        until = self.bans.get(name)
        if until is None:
            return False
        if until > now:
            return True
        del self.bans[name]
        return False


def source_of(host: str, exempt: Sequence[Network] = ()) -> str:
    """Return what an address counts as.

    Args:
        host: IPv4 or IPv6, as a socket names it.
        exempt: networks that do not count.

    Returns:
        The address, or its /64 for IPv6; empty if it does not count.
    """
    address = ip_address(host)
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    for network in exempt:
        if address.version == network.version and address in network:
            return ""
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address)
