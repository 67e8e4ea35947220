"""A phone of the demonstration: a user agent without media."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ringway import sdp
from ringway.agent.call import Call, TakenCall
from ringway.agent.events import Stream
from ringway.agent.user_agent import UserAgent
from ringway.transport.flow import Address, Flow

__all__ = ["PATIENCE", "Phone"]

PATIENCE: Final = 15.0
"""Seconds the demonstration waits for anything at all."""

_PORT: Final = 9  # there is no media


class Phone:
    """One phone; use it as an asynchronous context manager.

    Args:
        aor: its address-of-record.
        servers: where the server listens on TCP: one flow to each.
    """

    def __init__(self, aor: str, servers: tuple[Address, ...]) -> None:
        self.aor = aor
        self._servers = servers
        self._stack = AsyncExitStack()
        self._agent: UserAgent
        self._calls: Stream[TakenCall]

    async def __aenter__(self) -> Self:
        """Register over all flows; calls wait for `answer` from now on."""
        async with AsyncExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            proxies = [f"sip:{server};transport=tcp" for server in self._servers]
            self._agent = await stack.enter_async_context(
                UserAgent(self.aor, outbound=proxies, state_dir=Path(folder))
            )
            self._calls = self._agent.calls()
            await self.registered()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Unregister and stop."""
        await self._stack.__aexit__(kind, error, traceback)

    async def registered(self) -> None:
        """Wait until every flow is registered."""
        async with asyncio.timeout(PATIENCE):
            while not all(slot.registered for slot in self._agent.slots):
                await anext(self._agent.events())

    def call(self, uri: str) -> Call:
        """Call somebody; redirects are followed."""
        return self._agent.call(uri, offer=sdp.offer(self._agent.host, _PORT))

    def cut(self, flow: Flow) -> None:
        """Close a flow without a word, as a lost network does."""
        for slot in self._agent.slots:
            if slot.flow == flow:
                self._agent.cut(slot)

    async def answer(self) -> TakenCall:
        """Wait for a call, let it ring and take it."""
        call = await anext(self._calls)
        call.ring()
        call.answer(sdp.answer(call.offer, self._agent.host, _PORT))
        return call
