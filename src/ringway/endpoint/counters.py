"""What an endpoint counts: plain numbers, for the metrics to read.

They are counted with every message, so counting is one addition; whoever wants names, labels and
rates makes them when asked. What a peer can choose never becomes a key, so nothing grows.
"""

from __future__ import annotations

from typing import Final

from ringway.message.names import METHODS

__all__ = ["OTHER_METHOD", "Counters", "count_method", "count_over", "count_status"]

OTHER_METHOD: Final = "other"
"""What methods count as that are in no RFC."""


class Counters:
    """Counts since the start.

    Attributes:
        requests_received: requests by method, each once.
        requests_sent: requests by method, each once; without ACKs.
        responses_received: responses by status that belong to a request of ours.
        responses_sent: responses by status, each once.
        repeated: requests that came again and were answered from memory.
        unsound: messages that could not be read.
        failovers: branches that gave way to another, by what ended them: a status that was
            received, timer, or transport.
        recovered: requests within a call whose flow was gone and that took another one.
        redirects_followed: redirects that were followed instead of passed on.
        over: how often each bound was met, by its key in the configuration.
    """

    __slots__ = (
        "failovers",
        "over",
        "recovered",
        "redirects_followed",
        "repeated",
        "requests_received",
        "requests_sent",
        "responses_received",
        "responses_sent",
        "unsound",
    )

    def __init__(self) -> None:
        self.requests_received: dict[str, int] = {}
        self.requests_sent: dict[str, int] = {}
        self.responses_received: dict[int, int] = {}
        self.responses_sent: dict[int, int] = {}
        self.repeated = 0
        self.unsound = 0
        self.failovers: dict[str, int] = {}
        self.recovered = 0
        self.redirects_followed = 0
        self.over: dict[str, int] = {}


def count_method(counts: dict[str, int], method: str) -> None:
    """Count one more of a method."""
    if method not in counts and method not in METHODS:
        method = OTHER_METHOD
    counts[method] = counts.get(method, 0) + 1


def count_status(counts: dict[int, int], status: int) -> None:
    """Count one more of a status; there are not more than 600 of them."""
    counts[status] = counts.get(status, 0) + 1


def count_over(counts: dict[str, int], name: str) -> None:
    """Count one more of something that has a name of ours: a bound that was met, a cause."""
    counts[name] = counts.get(name, 0) + 1
