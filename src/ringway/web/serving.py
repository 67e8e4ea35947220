"""HTTP beside a SIP server: in its process and event loop, as a task with an owner.

SIP comes first. Whatever goes wrong here ends at most what is served here; the signals stay with
who runs the loop; nobody can open more than a bounded number of connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from typing import Final, Self

import uvicorn
from starlette.types import ASGIApp

from ringway.web.app import create_app

__all__ = ["HttpServer", "WebServer"]

_CONNECTIONS: Final = 200
_KEEP_ALIVE: Final = 10  # seconds
_GRACE: Final = 1  # second
_LONGEST_HEAD: Final = 16_384  # octets

_logger = logging.getLogger("ringway.web")


class HttpServer:
    """Serves an application; use it as an asynchronous context manager.

    Args:
        sock: A bound stream socket; it is closed at the end.
        app: What is served.
        name: What it is called in the log.
    """

    def __init__(self, sock: socket.socket, app: ASGIApp, name: str) -> None:
        self._socket = sock
        self._name = name
        self._server = _Server(_config(app))
        self._tasks = asyncio.TaskGroup()
        host, port = sock.getsockname()[:2]
        self.url = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
        """Where the first page is."""

    async def __aenter__(self) -> Self:
        """Start to serve."""
        await self._tasks.__aenter__()
        self._tasks.create_task(self._serve())
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Let answers that are under way end, for at most a second, and stop."""
        self._server.should_exit = True
        await self._tasks.__aexit__(None, None, None)  # the error is not of its tasks
        self._socket.close()

    async def _serve(self) -> None:
        try:
            await self._server.serve(sockets=[self._socket])
        except Exception:
            _logger.exception("%s ended; SIP goes on", self._name)


class WebServer(HttpServer):
    """Serves the reference; use it as an asynchronous context manager.

    Args:
        sock: A bound stream socket; it is closed at the end.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._app = create_app()
        super().__init__(sock, self._app, "the web pages have")

    async def _serve(self) -> None:
        try:
            await super()._serve()
        finally:
            self._app.state.shelf.close()


class _Server(uvicorn.Server):
    """A server that leaves the signals to who runs the loop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(app: ASGIApp) -> uvicorn.Config:
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    config = uvicorn.Config(
        app,
        lifespan="off",
        access_log=False,
        log_config=None,
        http="h11",
        ws="none",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_GRACE,
        h11_max_incomplete_event_size=_LONGEST_HEAD,
    )
    config.load()
    return config
