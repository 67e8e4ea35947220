"""Says that a store keeps nothing: loudly when it begins, each minute while it lasts, at its end.

A full disk fails every REGISTER, hundreds a second. A line for each would bury what else the log
has to say, and fill the next disk.
"""

from __future__ import annotations

import logging
from typing import Final

__all__ = ["EVERY", "Trouble"]

EVERY: Final = 60.0
"""Seconds between two lines about commits that failed."""

_logger = logging.getLogger("ringway.store")


class Trouble:
    """Hears how each commit went, and logs what an operator has to know."""

    __slots__ = ("_refused", "_said_at", "_since")

    def __init__(self) -> None:
        self._refused = 0
        self._since: float | None = None
        self._said_at: float | None = None

    def failed(self, reason: str, now: float) -> None:
        """A commit failed.

        Args:
            reason: why, for a person.
            now: seconds on the core's clock.
        """
        first = self._since is None
        since = self._since = now if self._since is None else self._since
        self._refused += 1
        if self._said_at is not None and now - self._said_at < EVERY:
            return
        self._said_at = now
        if first:
            _logger.error(
                "not stored: %s; a REGISTER that has to be kept gets 500 until this ends, calls"
                " go on",
                reason,
            )
        else:
            _logger.error(
                "still not stored: %s; %d refused in %.0f s", reason, self._refused, now - since
            )

    def kept(self, now: float) -> None:
        """A commit succeeded.

        Args:
            now: seconds on the core's clock.
        """
        if self._since is None:
            return
        # An end is only told when its beginning was: what flaps says one pair of lines a minute.
        if self._said_at is not None and self._said_at >= self._since:
            _logger.warning(
                "stored again, after %.1f s and %d refused", now - self._since, self._refused
            )
        self._since = None
        self._refused = 0
