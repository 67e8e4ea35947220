"""Which clock the times in a store are of, so that they mean the same after the clock was set.

A server reads the time of day once, at its start (`ringway.aio.clock`). When somebody sets the
clock while it runs, the next process starts with another time of day: bindings would lapse at
once, or live for years. Within one boot of the machine the monotonic clock tells how far it was
set. After a boot nothing does, and the time of day decides.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["Boot", "read_boot"]

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Boot(NamedTuple):
    """A moment, as the machine counts it.

    Attributes:
        name: of this boot of the machine, and no other; "" when the system does not say.
        seconds: on the monotonic clock, which starts anew with each boot.
    """

    name: str
    seconds: float


def read_boot(file: Path = _BOOT_ID) -> Boot:
    """The present moment.

    Args:
        file: where Linux tells the name.
    """
    try:
        name = file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        name = ""
    return Boot(name, time.monotonic())
