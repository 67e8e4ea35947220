"""How often something took how long, in buckets."""

from __future__ import annotations

from bisect import bisect_left

__all__ = ["Timing"]


class Timing:
    """A histogram.

    Args:
        bounds: upper bounds of the buckets, in seconds, ascending.

    Attributes:
        bounds: as given.
        counts: how many fell into each bucket; the last is for all above the last bound.
        total: the sum of all, in seconds.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one more."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds
