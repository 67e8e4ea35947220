"""A server in this process for user agents to meet at."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from tests.ports import free_port
from tests.unit.aio.support import PATIENCE, run

from ringway import UserAgent
from ringway.agent.call import Call, TakenCall
from ringway.message import Request, build_response, parse_datagram
from ringway.server.config.load import make_config
from ringway.server.server import Server
from ringway.ua.events import CallEvent

__all__ = ["PATIENCE", "Place", "place", "plain_registrar", "run"]

_numbers = itertools.count(1)


class Place:
    """A running server, and agents at it."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.port = server.listeners[0].address.port

    def uri(self, user: str = "") -> str:
        return f"sip:{user}@127.0.0.1:{self.port}" if user else f"sip:127.0.0.1:{self.port}"

    def edge(self, transport: str = "tcp") -> str:
        return f"{self.uri()};transport={transport}"

    def agent(self, user: str, **given: Any) -> UserAgent:
        """An agent of its own device, over TCP unless told."""
        given.setdefault("outbound", [self.edge()])
        given.setdefault("state_dir", self.folder / f"agent{next(_numbers)}")
        return UserAgent(given.pop("aor", "") or self.uri(user), **given)


@asynccontextmanager
async def place(folder: Path, **settings: Any) -> AsyncIterator[Place]:
    """A server on loopback, UDP and TCP, that lets everybody in unless told otherwise."""
    settings.setdefault("no_auth", "user" not in settings)
    port = free_port()
    listen = [f"udp:127.0.0.1:{port}", f"tcp:127.0.0.1:{port}"]
    config = make_config(listen=listen, store="memory", **settings)
    async with Server(config) as server:
        yield Place(server, folder)


class _PlainRegistrar(asyncio.DatagramProtocol):
    """Takes every REGISTER over UDP, and has never heard of outbound."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # uvloop's is none

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        request = parse_datagram(data)
        if isinstance(request, Request) and request.method == "REGISTER":
            contact = f"{request.get('contact')};expires=600"
            response = build_response(request, 200, to_tag="r", headers=[("Contact", contact)])
            self._transport.sendto(response.to_bytes(), addr)


@asynccontextmanager
async def plain_registrar() -> AsyncIterator[str]:
    """A registrar that does no outbound; its URI."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(_PlainRegistrar, local_addr=("127.0.0.1", 0))
    try:
        yield f"sip:127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()


async def next_of(call: Call, kind: type[CallEvent]) -> Any:
    """The next event of a kind; what comes before is let go."""
    async for event in call:
        if isinstance(event, kind):
            return event
    raise AssertionError(f"the call ended without {kind}")


async def taken(agent: UserAgent) -> TakenCall:
    """The next call somebody makes to an agent."""
    return await anext(aiter(agent.calls()))
