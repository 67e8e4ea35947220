"""What a person is told when something they asked for cannot be."""

from __future__ import annotations

import sys

__all__ = ["fail"]


def fail(text: str) -> None:
    """Say what was wrong in one line on standard error; the caller exits."""
    line = " ".join(text.split())
    sys.stderr.write(f"ringway: {line}\n")
