"""What a server process asks of the interpreter and of the system, once, after it has started.

The collector's default thresholds stop the server for tens of milliseconds when many transactions
are alive, to find nothing: transactions hold no cycles. What lives for ever is frozen out of it.
"""

from __future__ import annotations

import contextlib
import gc
from typing import Final

__all__ = ["file_limit", "raise_file_limit", "tune_collector"]

THRESHOLDS: Final = (50_000, 20, 100)


def tune_collector() -> None:
    """Freeze what is alive and collect the rest more rarely; call it when start-up is over."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


def raise_file_limit() -> int:
    """Allow as many open files, and so connections, as the system lets us.

    Returns:
        The number of files this process may hold open; 0 if the system does not say.
    """
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:  # pragma: no cover - Windows
        return 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return soft


def file_limit() -> int:
    """Return how many files this process may hold open; 0 if the system does not say."""
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:  # pragma: no cover - Windows
        return 0
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 0 if soft == resource.RLIM_INFINITY else soft
