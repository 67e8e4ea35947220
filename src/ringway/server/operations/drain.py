"""The end of a server: no new work, what is under way may finish, for so long.

A caller who gets 503 with Retry-After goes to the next server at once; one whose connection is cut
waits for a timer first. So for the time of the drain a server still answers everybody, and takes
what belongs to a dialog. When the time is up, phones that ring are cancelled, and their callers get
that 503 too. A proxy in front of a draining edge of ours takes the next flow and keeps the binding:
the table says so of a 503 from an edge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sized
from contextlib import suppress
from math import ceil
from typing import Final

from ringway.endpoint.gate import Gate, Proof, Refusal
from ringway.message import Request
from ringway.transport.flow import Flow

__all__ = ["ClosedGate", "all_answered"]

SHORTEST_RETRY: Final = 5
"""Seconds; nobody starts a server faster."""

_GOES_ON: Final = frozenset({"ACK", "CANCEL"})
_LOOK: Final = 0.05
"""Seconds between two looks at what is still under way."""


class ClosedGate:
    """The gate of an endpoint that drains: nothing new, everything that goes on.

    Args:
        gate: what stood there before, and still decides about the rest.
        seconds: how long the drain may take; the least that Retry-After says.
    """

    def __init__(self, gate: Gate | None, seconds: float) -> None:
        self._gate = gate
        self.retry_after = max(SHORTEST_RETRY, ceil(seconds))
        """What callers are told, in seconds."""
        self._refusal = Refusal(503, (("Retry-After", str(self.retry_after)),))

    @property
    def bans(self) -> Sized:
        """The sources nothing is taken from."""
        return self._gate.bans if self._gate is not None else ()

    def hears(self, host: str, now: float) -> bool:
        """Return False when nothing is taken from an address."""
        return self._gate is None or self._gate.hears(host, now)

    def refuses(self, request: Request, flow: Flow, now: float) -> Refusal | None:
        """Refuse what belongs to no dialog (RFC 3261 §12.2: it has no tag in To)."""
        refusal = self._gate.refuses(request, flow, now) if self._gate is not None else None
        if refusal is not None or request.method in _GOES_ON or request.to_tag:
            return refusal
        return self._refusal

    def answers(self, flow: Flow, now: float) -> bool:
        """Return False when an unsound request is not even worth an answer."""
        return self._gate is None or self._gate.answers(flow, now)

    def answered(
        self, request: Request, flow: Flow, status: int, now: float, *, proof: Proof
    ) -> None:
        """Take note of the first final response to a request."""
        if self._gate is not None:
            self._gate.answered(request, flow, status, now, proof=proof)

    def trusts(self, flow: Flow) -> bool:
        """Return True when a Via may name another address for the response (maddr)."""
        return self._gate is None or self._gate.trusts(flow)


async def all_answered(unanswered: Callable[[], int], seconds: float, hurry: asyncio.Event) -> int:
    """Wait until every request has its final response.

    Args:
        unanswered: counts those that have none.
        seconds: how long to wait at most.
        hurry: ends the wait when it is set.

    Returns:
        How many have none in the end.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while (left := unanswered()) and not hurry.is_set() and (rest := end - loop.time()) > 0:
        with suppress(TimeoutError):
            async with asyncio.timeout(min(rest, _LOOK)):
                await hurry.wait()
    return left
