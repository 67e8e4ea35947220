"""Lines to an output that may fail: a full disk, a reader who is slow, or gone.

Calls go on whatever becomes of the lines about them. What fails once may work again, such as a disk
that has been cleared: so it is tried again after a pause, and what is missing by then is said.
Only a pipe whose reader has gone never works again (EPIPE).
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from typing import Final, TextIO

__all__ = ["Lines"]

PAUSE: Final = 1.0
"""Seconds after a failure in which nothing is tried."""

_logger: Final = logging.getLogger("ringway.serve")


class Lines:
    """Writes lines, and says when it cannot.

    Args:
        output: where they go.
        clock: seconds, only ever forwards.
    """

    def __init__(self, output: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._output: TextIO | None = output
        self._clock = clock
        self._deaf_until = 0.0
        self._missing = 0

    def say(self, *lines: str) -> None:
        """Write lines, each on its own."""
        if not lines or self._output is None:
            return
        if self._missing and self._clock() < self._deaf_until:
            self._missing += len(lines)
            return
        try:
            self._output.write("".join(f"{line}\n" for line in lines))
            self._output.flush()
        except OSError as error:
            self._failed(error, len(lines))
            return
        if self._missing:
            missing, self._missing = self._missing, 0
            _warn("stories are told again; about %d lines are missing", missing)

    def _failed(self, error: OSError, count: int) -> None:
        if isinstance(error, BrokenPipeError):
            self._output = None
            _warn("standard output is closed: no more stories")
            return
        if not self._missing:
            reason = (error.strerror or str(error)).lower()
            _warn("standard output takes no stories for now: %s", reason)
        self._missing += count
        self._deaf_until = self._clock() + PAUSE


def _warn(text: str, *values: object) -> None:
    with contextlib.suppress(OSError):  # standard error may be the same file
        _logger.warning(text, *values)
