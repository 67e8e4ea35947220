"""`ringway serve`: a server until it is told to stop, telling its stories.

SIGTERM and SIGINT stop it, SIGHUP reads the certificate again. Stories go to standard output:
readable lines, or one JSON object a line. The first lines say what it is and where it listens, and
`ready` when it takes calls; what an operator should look at goes to standard error.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Final, TextIO

from ringway.aio.process import raise_file_limit, tune_collector
from ringway.aio.sockets import bind_stream
from ringway.cli.paint import terminal_paint
from ringway.endpoint import Decision
from ringway.errors import ConfigError
from ringway.explain import Paint, StoryTeller, escape, event
from ringway.server.config import Config, WebConfig
from ringway.server.server import Server

__all__ = ["Stories", "run_server"]

_QUIET: Final = frozenset({"warning", "error"})

_logger = logging.getLogger("ringway.serve")


def run_server(config: Config) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        config: what the server is told.

    Raises:
        ConfigError: an address or a file cannot be used.
        StoreError: the store cannot be read.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_LogLines(as_json=config.log.format == "json"))
    logging.basicConfig(level=config.log.level.upper(), handlers=[handler])
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    raise_file_limit()
    _run(_serve(config))


def _run(work: Coroutine[object, object, None]) -> None:
    try:
        import uvloop  # noqa: PLC0415 - not on every system
    except ImportError:  # pragma: no cover - Windows
        asyncio.run(work)
    else:
        uvloop.run(work)


async def _serve(config: Config) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    stories = Stories(config, terminal_paint(), loop, sys.stdout)
    async with AsyncExitStack() as stack:
        web = await _serve_web(config.web, stack)  # first: its import would hold up calls
        server = await stack.enter_async_context(Server(config, on_decision=stories.listener))
        loop.add_signal_handler(signal.SIGHUP, _reload, server)
        stories.begin(server, web)
        tune_collector()
        await stop.wait()
    stories.close()


async def _serve_web(config: WebConfig, stack: AsyncExitStack) -> str:
    """Serve the reference; returns its address, empty if it is not served."""
    address = config.listen.address
    if address is None:
        return ""
    try:
        sock = bind_stream(address)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        if "listen" in config.model_fields_set:
            allowed = f"off, or an address of this machine with a free port ({reason})"
            raise ConfigError("settings", "web.listen", str(address), allowed) from None
        _logger.warning("no web pages: %s cannot be used (%s); --web says where", address, reason)
        return ""
    stack.callback(sock.close)
    from ringway.web.serving import WebServer  # noqa: PLC0415 - slow, and not always wanted

    return (await stack.enter_async_context(WebServer(sock))).url


def _reload(server: Server) -> None:
    try:
        server.reload_certificate()
    except ConfigError as error:
        _logger.error("the certificate stays as it was: %s", error)  # noqa: TRY400 - it says all


class Stories:
    """Prints what is decided, as it is wanted.

    Args:
        config: says which format, and how much.
        paint: gives the pieces of a story their colour.
        loop: where the wait for the end of a call is kept.
        output: where it goes.
    """

    def __init__(
        self, config: Config, paint: Paint, loop: asyncio.AbstractEventLoop, output: TextIO
    ) -> None:
        self._loop = loop
        self._output: TextIO | None = output
        self._json = config.log.format == "json"
        self._teller = StoryTeller(paint=paint, live=config.log.level == "debug")
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self.listener: Callable[[Decision], None] | None = None
        """For `Server`; None when nothing is to be told, which costs nothing."""
        if config.log.level not in _QUIET:
            self.listener = self._tell_json if self._json else self._tell_story

    def begin(self, server: Server, web: str) -> None:
        """Say what the server is, and where its web pages are; the last line is `ready`."""
        role = server.config.role.value
        if self._json:
            listeners = [f"{each.transport}:{each.address}" for each in server.listeners]
            values = {"role": role, "domains": list(server.domains), "listen": listeners}
            self._say(json.dumps({"at": server.clock(), "kind": "ready", **values, "web": web}))
            return
        self._say(f"ringway: {role} for {', '.join(server.domains)}")
        for listener in server.listeners:
            shown = f", reached as {listener.advertised}" if listener.advertised else ""
            self._say(f"  {listener.transport}:{listener.address}{shown}")
        if web:
            self._say(f"  {web} explains every response code")
        self._say("  no authentication yet: whoever reaches these may register and call as anyone")
        self._say("ready")

    def close(self) -> None:
        """Tell the stories that have not ended."""
        if self._timer is not None:
            self._timer.cancel()
        self._say(*self._teller.close())

    def _tell_json(self, decision: Decision) -> None:
        self._say(json.dumps(event(decision)))

    def _tell_story(self, decision: Decision) -> None:
        self._say(*self._teller.tell(decision))
        self._wait(decision.at)

    def _wait(self, now: float) -> None:
        due = self._teller.next_timer()
        if due is None:
            return
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
        self._due = due
        self._timer = self._loop.call_later(max(0.0, due - now) + 0.001, self._settle)

    def _settle(self) -> None:
        self._timer = None
        self._say(*self._teller.settle(self._due))
        self._wait(self._due)

    def _say(self, *lines: str) -> None:
        if not lines or self._output is None:
            return
        try:
            self._output.write("".join(f"{line}\n" for line in lines))
            self._output.flush()
        except OSError:  # nobody reads any more; calls go on
            self._output = None
            with contextlib.suppress(OSError):
                _logger.warning("standard output is closed: no more stories")


class _LogLines(logging.Formatter):
    """What an operator should look at, as a line or as JSON."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._json = as_json

    def format(self, record: logging.LogRecord) -> str:
        text = escape(record.getMessage(), longest=0)
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        if self._json:
            values = {"at": record.created, "kind": "log", "level": record.levelname.lower()}
            return json.dumps({**values, "text": text, **({"trace": trace} if trace else {})})
        return f"ringway: {record.levelname.lower()}: {text}" + (f"\n{trace}" if trace else "")
