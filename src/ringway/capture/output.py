"""Where the readers of packets put what they found, and where it waits for its turn.

A connection is opened before its first octets tell what is spoken on it. Its `Opened` keeps its
place in the queue for so long, and what was seen after it waits behind it, for a second of the
capture's time at most. A trouble that comes again and again is told a few times and counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from ringway.capture.items import Item, Opened, Trouble

_PATIENCE: Final = 1.0  # seconds that an Opened may hold up what came after it
_MOST_WAITING: Final = 1024  # items behind it
_TOLD: Final = 3  # times that one kind of trouble is told


class Opening:
    """The place of an `Opened` whose transport is not known yet.

    Args:
        opened: what is told if nothing more becomes known.
    """

    __slots__ = ("_opened", "settled", "told")

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self.settled: bool = False
        """True when it is decided whether it is told."""
        self.told: bool = True
        """False if it carries nothing of interest."""

    def settle(self, transport: str) -> None:
        """Say what is spoken on the connection; an empty transport is nothing of interest.

        It changes nothing once the item is out.
        """
        if not self.settled:
            self.settled = True
            self.told = bool(transport)
            self._opened = self._opened._replace(transport=transport)

    @property
    def item(self) -> Opened:
        """What is told."""
        return self._opened


class Output:
    """The queue of items, in the order of the capture."""

    __slots__ = ("_more", "_queue")

    def __init__(self) -> None:
        self._queue: deque[Item | Opening] = deque()
        self._more: dict[str, int] = {}

    @property
    def waiting(self) -> bool:
        """Whether there is anything in it."""
        return bool(self._queue)

    def put(self, item: Item | Opening) -> None:
        """Add an item."""
        self._queue.append(item)

    def trouble(self, at: float, frames: tuple[int, ...], kind: str, detail: str = "") -> None:
        """Say that something could not be read.

        Args:
            at: when, 0 if not known.
            frames: the packets, empty if it concerns the rest of the file.
            kind: what is wrong, in words that are the same each time.
            detail: what is different each time.
        """
        count = self._more.get(kind, 0) + 1
        self._more[kind] = count
        if count <= _TOLD:
            self.put(Trouble(at, frames, f"{kind}: {detail}" if detail else kind))

    def take(self, now: float) -> Iterator[Item]:
        """Take out what need not wait any more.

        Args:
            now: the capture's time.
        """
        queue = self._queue
        while queue:
            first = queue[0]
            if isinstance(first, Opening):
                if not first.settled:
                    waited = now - first.item.at
                    if 0 <= waited < _PATIENCE and len(queue) < _MOST_WAITING:
                        return
                    first.settle(first.item.transport)
                queue.popleft()
                if first.told:
                    yield first.item
            else:
                queue.popleft()
                yield first

    def end(self) -> Iterator[Item]:
        """Take out all that is left, and how often the troubles came that were told no more."""
        for kind, count in self._more.items():
            if count > _TOLD:
                self.put(Trouble(0.0, (), f"{kind}: {count - _TOLD} times more"))
        yield from self.take(float("inf"))
