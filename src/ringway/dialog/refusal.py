"""How a request within a dialog is refused."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Headers", "Refusal"]

Headers = tuple[tuple[str, str], ...]


class Refusal(NamedTuple):
    """The response to a request that cannot be taken.

    Attributes:
        status: its status code.
        headers: what it must carry besides the usual.
    """

    status: int
    headers: Headers = ()
