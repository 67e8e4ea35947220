"""The one clock of a running core: it reads like the time of day and never goes back.

Bindings outlive a restart, so their expiry must mean a time of day; timers must not notice that
somebody sets the clock. So the epoch is read once, at the start, and only the monotonic clock after
that.
"""

from __future__ import annotations

import time

__all__ = ["Clock"]


class Clock:
    """Seconds since the epoch, as they were at the start, and only ever forwards."""

    __slots__ = ("_offset",)

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def __call__(self) -> float:
        """The time now, in seconds."""
        return self._offset + time.monotonic()
