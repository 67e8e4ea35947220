"""The web application beside a SIP server: in its process and event loop, as a task with an owner.

SIP comes first. Whatever goes wrong here ends at most the web pages; the signals stay with who
runs the loop; nobody can open more than a bounded number of connections.
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

__all__ = ["WebServer"]

_CONNECTIONS: Final = 200
_KEEP_ALIVE: Final = 10  # seconds
_GRACE: Final = 1  # second
_LONGEST_HEAD: Final = 16_384  # octets

_logger = logging.getLogger("ringway.web")


class WebServer:
    """Serves the reference; use it as an asynchronous context manager.

    Args:
        sock: A bound stream socket; it is closed at the end.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._app = create_app()
        self._server = _Server(_config(self._app))
        self._tasks = asyncio.TaskGroup()

    @property
    def url(self) -> str:
        """Where the first page is."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

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
            _logger.exception("the web pages have ended; SIP goes on")
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
