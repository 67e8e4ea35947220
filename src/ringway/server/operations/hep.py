"""Copies of all messages for a collector such as Homer, by HEP version 3.

What came over TLS is in clear here, and goes to the collector in clear: so secrets are left out
unless `hep.mask` says otherwise, and the way to it should be one that nobody else can read. Calls
never wait for a collector: copies wait in a queue with a bound, and what does not fit is counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self

from ringway.aio.sockets import primary_host
from ringway.capture.hep import hep_packet
from ringway.capture.items import Seen
from ringway.capture.sip import begins_sip
from ringway.endpoint import Listener, Witnessed
from ringway.explain.text import masked_message
from ringway.server.config.sections import HepConfig
from ringway.server.config.values import Collector
from ringway.server.operations.hep_link import Link, open_link
from ringway.transport.flow import Address, Flow

__all__ = ["DROPPED", "HepExport", "witnesses"]

Witness = Callable[[Witnessed], None]

DROPPED: Final = ("queue", "unfit", "unsent")
"""Why a copy did not go out: the queue was full, it does not fit into a packet, or the system did
not take it."""

ROOM: Final = 16 << 20
"""Octets of messages that may wait, with what keeping one takes."""

FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 30.0
"""Seconds between two attempts to reach a collector."""

CONNECT_TIMEOUT: Final = 5.0
FAREWELL: Final = 1.0
"""Seconds that the last copies may take when the server stops."""

_OVERHEAD: Final = 512
_BATCH: Final = 16

_logger = logging.getLogger("ringway.server")


def witnesses(*each: Witness | None) -> Witness | None:
    """Return one witness that tells all of them; None for none."""
    wanted = [witness for witness in each if witness is not None]
    if len(wanted) < 2:
        return wanted[0] if wanted else None

    def all_of_them(witnessed: Witnessed) -> None:
        for witness in wanted:
            witness(witnessed)

    return all_of_them


class HepExport:
    """Sends copies while it is entered, as an asynchronous context manager.

    Args:
        config: where to, and how.
        listeners: of the server; those of all addresses are told as the one of its default route.

    Attributes:
        sent: copies that went out.
        dropped: copies that did not, by the reasons of `DROPPED`.
        witness: for the endpoint; None without a collector, which costs nothing.
    """

    def __init__(self, config: HepConfig, listeners: Sequence[Listener]) -> None:
        self._config = config
        self._collector = config.collector
        self._key = (config.key or "").encode()
        self._hosts = {
            host: primary_host(host) or host
            for host in {listener.address.host for listener in listeners}
            if host in ("0.0.0.0", "::")  # noqa: S104 - what is listened on
        }
        self._queue: deque[Witnessed] = deque()
        self._held = 0
        self._news = asyncio.Event()
        self._stopping = False
        self._reached: bool | None = None
        self._tasks = asyncio.TaskGroup()
        self._task: asyncio.Task[None] | None = None
        self.sent = 0
        self.dropped: Counter[str] = Counter()
        self.witness: Witness | None = None if self._collector is None else self._seen

    @property
    def waiting(self) -> int:
        """Copies that wait."""
        return len(self._queue)

    async def __aenter__(self) -> Self:
        """Begin to send."""
        await self._tasks.__aenter__()
        if self._collector is not None:
            self._task = self._tasks.create_task(self._run(self._collector))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Send what waits, if that does not take long."""
        self._stopping = True
        self._news.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=FAREWELL)
            self._task.cancel()
        if kind is not None and not issubclass(kind, asyncio.CancelledError):
            kind = error = traceback = None  # the owner's error goes on as it is, in no group
        await self._tasks.__aexit__(kind, error, traceback)

    def _seen(self, witnessed: Witnessed) -> None:
        size = len(witnessed.data) + _OVERHEAD
        if self._held + size > ROOM:
            self.dropped["queue"] += 1
            return
        self._held += size
        self._queue.append(witnessed)
        self._news.set()

    async def _run(self, collector: Collector) -> None:
        wait = FIRST_WAIT
        while True:
            link = await self._reach(collector)
            if link is not None:
                before = self.sent
                try:
                    await self._send_all(link)
                finally:
                    link.abort()
                if self.sent > before:
                    wait = FIRST_WAIT
            if self._stopping:
                return
            await self._pause(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    async def _reach(self, collector: Collector) -> Link | None:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                link = await open_link(collector)
        except (OSError, TimeoutError) as error:
            reason = (
                getattr(error, "strerror", None) or str(error) or "it does not answer"
            ).lower()
            self._say(reached=False, reason=reason)
            return None
        self._say(reached=True)
        return link

    def _say(self, *, reached: bool, reason: str = "") -> None:
        """Log a change, not every attempt."""
        if reached == self._reached:
            return
        if not reached:
            text = "the HEP collector %s cannot be reached: %s; copies of messages wait or are lost"
            _logger.warning(text, self._collector, reason)
        elif self._reached is not None:
            _logger.warning("the HEP collector %s is reached again", self._collector)
        self._reached = reached

    async def _pause(self, seconds: float) -> None:
        """Wait before the next attempt, not longer than the server serves."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not self._stopping and (rest := end - loop.time()) > 0:
            self._news.clear()
            try:
                async with asyncio.timeout(rest):
                    await self._news.wait()
            except TimeoutError:
                return

    async def _send_all(self, link: Link) -> None:
        """Send what comes, until the link is of no use or all is sent in the end."""
        while await link.ready():
            for _ in range(min(_BATCH, len(self._queue))):
                witnessed = self._queue.popleft()
                self._held -= len(witnessed.data) + _OVERHEAD
                self._send(link, witnessed)
            if self._queue:
                await asyncio.sleep(0)  # calls first
            elif self._stopping:
                await link.close()
                return
            else:
                self._news.clear()
                await self._news.wait()

    def _send(self, link: Link, witnessed: Witnessed) -> None:
        if not begins_sip(witnessed.data):
            return
        try:
            packet = self._packet(witnessed)
        except ValueError:
            self.dropped["unfit"] += 1
            return
        except Exception:  # a fault of ours in one message must not cost the others
            _logger.exception("no copy of a message for the HEP collector")
            self.dropped["unfit"] += 1
            return
        if link.send(packet):
            self.sent += 1
        else:
            self.dropped["unsent"] += 1

    def _packet(self, witnessed: Witnessed) -> bytes:
        at, flow, sent, data = witnessed
        if self._config.mask:
            data = masked_message(data).encode("utf-8", "surrogateescape")
        ends = (self._local(flow), flow.remote)
        source, target = ends if sent else reversed(ends)
        seen = Seen(at, (), flow.transport, source, target, None, "", data)
        return hep_packet(seen, self._config.capture_id, self._key)

    def _local(self, flow: Flow) -> Address:
        """Return our side of a flow; a socket of all addresses does not say which one it was."""
        host, port = flow.local
        if host not in self._hosts:
            return flow.local
        remote = flow.remote.host
        is_here = remote.startswith("127.") or remote == "::1"
        return Address(remote if is_here else self._hosts[host], port)
