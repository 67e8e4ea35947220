"""The way to a HEP collector, by UDP or TCP. Sending never waits.

A datagram that the system does not take is lost, as it might be in the network. A TCP connection
that does not drain says so by `ready`, which waits; meanwhile messages wait in the queue behind it.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import suppress
from typing import Final, Protocol, cast

from ringway.aio.stream import liveness
from ringway.server.config.values import Collector
from ringway.transport.flow import UDP

__all__ = ["Link", "open_link"]

SETTLED: Final = 5.0
"""Seconds after which a UDP socket with an error is made anew: the name may lead elsewhere now."""

_BUFFER: Final = 1 << 22
_WAITING: Final = 1 << 18


class Link(Protocol):
    """A way to a collector."""

    async def ready(self) -> bool:
        """Wait until it can take more; return False when it is of no use any more."""

    def send(self, packet: bytes) -> bool:
        """Send a packet; return False if it was not taken."""

    async def close(self) -> None:
        """Close it; what was taken still goes out."""

    def abort(self) -> None:
        """Close it at once."""


async def open_link(collector: Collector) -> Link:
    """Find a collector and open a way to it.

    Raises:
        OSError: it is not there, or its name leads nowhere.
    """
    loop = asyncio.get_running_loop()
    if collector.transport != UDP:
        _, stream = await loop.create_connection(_Stream, collector.host, collector.port)
        return stream
    found = await loop.getaddrinfo(collector.host, collector.port, type=socket.SOCK_DGRAM)
    family, kind, protocol, _, address = found[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    return _Datagrams(sock, loop)


class _Datagrams:
    """A connected UDP socket: the system tells it when nobody is there."""

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._socket = sock
        self._loop = loop
        self._opened_at = loop.time()
        self._failed = False

    async def ready(self) -> bool:
        return not self._failed or self._loop.time() - self._opened_at < SETTLED

    def send(self, packet: bytes) -> bool:
        try:
            self._socket.send(packet)
        except BlockingIOError:
            return False
        except OSError as error:  # perhaps the answer to an earlier one
            self._failed |= error.errno != errno.EMSGSIZE
            return False
        return True

    async def close(self) -> None:
        self._socket.close()

    def abort(self) -> None:
        self._socket.close()


class _Stream(asyncio.Protocol):
    """A TCP connection; what the collector says on it is of no interest."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._lost = False
        self._changed = asyncio.Event()
        self._changed.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(_WAITING)
        sock = transport.get_extra_info("socket")
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in liveness():
                option = getattr(socket, name, None)
                if option is not None:
                    sock.setsockopt(socket.IPPROTO_TCP, option, value)

    def pause_writing(self) -> None:
        self._changed.clear()

    def resume_writing(self) -> None:
        self._changed.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        self._lost = True
        self._changed.set()

    async def ready(self) -> bool:
        await self._changed.wait()
        return not self._lost and not self._transport.is_closing()

    def send(self, packet: bytes) -> bool:
        self._transport.write(packet)
        return True

    async def close(self) -> None:
        self._transport.close()
        while not self._lost:
            self._changed.clear()
            await self._changed.wait()

    def abort(self) -> None:
        self._transport.abort()
