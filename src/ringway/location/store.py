"""The interface of a location store: what keeps bindings and redirect rules over a restart.

Memory serves every read, so a store only loads once and then commits. Implementations live in
`ringway.aio.stores`, because they do I/O; all of them pass the same test suite.
"""

from __future__ import annotations

from typing import Protocol

from ringway.location.binding import Binding
from ringway.location.changes import Change
from ringway.location.rule import RedirectRule


class Store(Protocol):
    """Where bindings and redirect rules are kept."""

    async def load(self, now: float) -> tuple[list[Binding], list[RedirectRule]]:
        """Everything that is kept and has not lapsed; what has lapsed is deleted.

        Call it once, before anything else.

        Args:
            now: seconds on the core's clock.

        Raises:
            StoreError: the store cannot be read; the reason says why.
        """
        ...

    async def commit(self, changes: tuple[Change, ...]) -> None:
        """Return when all the changes are kept; commits started earlier are kept earlier.

        Raises:
            StoreError: none of the changes was kept; the reason says why.
        """
        ...

    async def close(self) -> None:
        """Finish what was committed and let go of the files; call it once, last."""
        ...
