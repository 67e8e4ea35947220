"""A body as it goes over HTTP: packed once, with the tag by which a browser knows it again.

Pages never change while a server runs, so each is rendered and packed once and kept while
there is room. That work is done in one thread of its own, which while it works yields to the
event loop ten times as often as threads usually do: calls go through the same process.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

__all__ = ["Body", "Shelf", "as_body", "json_body", "respond"]

JSON: Final = "application/json"
_TYPES: Final[Mapping[str, str]] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_WORTH_PACKING: Final = 1024
_LEVEL: Final = 6
_YIELD: Final = 0.0005  # seconds; Python's default of 5 ms would be one's wait at each system call
_FRESH: Final = "public, max-age=300"


class Body(NamedTuple):
    """A body, ready to be sent.

    Attributes:
        data: As it is.
        packed: The same by gzip; empty where it is not worth it.
        etag: Changes with the data (RFC 9110 §8.8.3); weak, because it is the same for both.
        media_type: Its media type.
    """

    data: bytes
    packed: bytes
    etag: str
    media_type: str


def as_body(text: str, media_type: str) -> Body:
    """Return a text as a body."""
    data = text.encode()
    packed = gzip.compress(data, _LEVEL, mtime=0) if len(data) >= _WORTH_PACKING else b""
    return Body(data, packed, f'W/"{sha256(data).hexdigest()[:16]}"', media_type)


def file_body(path: str, text: str) -> Body:
    """Return what is at a path as a body; the path's ending says what it is."""
    return as_body(text, _TYPES[PurePosixPath(path).suffix])


def json_body(value: object) -> Body:
    """Return what JSON can hold as a body."""
    return as_body(json.dumps(value, ensure_ascii=False, separators=(",", ":")), JSON)


def respond(request: Request, body: Body, status: int = 200) -> Response:
    """Return the response with a body: packed if asked for, empty if the browser has it."""
    headers = {"etag": body.etag, "cache-control": _FRESH, "vary": "accept-encoding"}
    known = request.headers.get("if-none-match", "")
    if status == 200 and body.etag in (each.strip() for each in known.split(",")):
        return Response(status_code=304, headers=headers)
    data = body.data
    if body.packed and "gzip" in request.headers.get("accept-encoding", ""):
        data = body.packed
        headers["content-encoding"] = "gzip"
    return Response(data, status, headers, body.media_type)


def _yielding(make: Callable[[], Body]) -> Body:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_YIELD)
    try:
        return make()
    finally:
        sys.setswitchinterval(usual)


class Shelf:
    """Keeps the bodies used last, and has the others made in its thread.

    Args:
        room: How many to keep.
    """

    def __init__(self, room: int = 256) -> None:
        self._room = room
        self._bodies: OrderedDict[object, Body] = OrderedDict()
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="ringway-web")

    async def get(self, key: object, make: Callable[[], Body]) -> Body:
        """Return the body for a key, from `make` if it is not kept.

        Whatever `make` raises is raised here, and not kept.
        """
        body = self._bodies.get(key)
        if body is None:
            body = await asyncio.get_running_loop().run_in_executor(self._maker, _yielding, make)
            self._bodies[key] = body
            if len(self._bodies) > self._room:
                self._bodies.popitem(last=False)
        else:
            self._bodies.move_to_end(key)
        return body

    def close(self) -> None:
        """End its thread, without waiting for what it makes."""
        self._maker.shutdown(wait=False, cancel_futures=True)
