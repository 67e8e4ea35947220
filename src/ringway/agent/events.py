"""Events that wait for whoever reads them with `async for`."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

__all__ = ["Stream"]

T = TypeVar("T")


class Stream(Generic[T]):
    """An asynchronous iterator that something else fills.

    Args:
        most: how many wait before the oldest is forgotten; nobody may ever read.
    """

    def __init__(self, most: int = 1000) -> None:
        self._waiting: deque[T] = deque(maxlen=most)
        self._news = asyncio.Event()
        self._closed = False

    def put(self, item: T) -> None:
        """Add something; ignored once it is closed."""
        if not self._closed:
            self._waiting.append(item)
            self._news.set()

    def close(self) -> None:
        """Add nothing more; who reads gets what there is, then the end."""
        self._closed = True
        self._news.set()

    def __aiter__(self) -> Stream[T]:
        """Read from here on."""
        return self

    async def __anext__(self) -> T:
        """Wait for the next."""
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()
