"""`ringway serve`: a server until it is told to stop, telling its stories.

SIGTERM and SIGINT stop it: it takes no new work and ends when what is under way is done, or at the
second of them. SIGHUP reads certificates, users and configuration again. Stories go to standard
output: readable lines, or one JSON object a line. The first lines say what it is and where it
listens, and `ready` when it takes calls; what an operator should look at goes to standard error.
Under systemd the same is told to it, see `ringway.server.operations.systemd`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Final, TextIO

from ringway.aio.process import raise_file_limit, tune_collector
from ringway.aio.sockets import bind_stream
from ringway.cli.lines import Lines
from ringway.cli.paint import terminal_paint
from ringway.endpoint import Decision, Witnessed
from ringway.errors import ConfigError
from ringway.explain import Paint, StoryTeller, escape, event, masked, message_event
from ringway.server.config.sections import MetricsConfig, WebConfig
from ringway.server.config.settings import Config
from ringway.server.operations.systemd import Supervisor, passed_sockets
from ringway.server.policy import Handler
from ringway.server.server import Server

__all__ = ["Stories", "run_server"]

_QUIET: Final = frozenset({"warning", "error"})

IN_A_TURN: Final = 50
"""Decisions and messages told in one turn of the loop."""

WAITING: Final = 50_000
"""Of them, how many may wait to be told; with more, deciding waits for telling."""

ROOM: Final = 16 << 20
"""Octets of messages that may wait."""

_STATUS: Final = "serving"

_logger = logging.getLogger("ringway.serve")


def run_server(
    config: Config, policy: Handler | None = None, reread: Callable[[], Config] | None = None
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        config: what the server is told.
        policy: decides about new requests; the default without it.
        reread: makes the configuration again, for SIGHUP; without it nothing in it can change.

    Raises:
        ConfigError: an address or a file cannot be used.
        StoreError: the store cannot be read.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_LogLines(as_json=config.log.format == "json"))
    logging.basicConfig(level=config.log.level.upper(), handlers=[handler])
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    raise_file_limit()
    _run(_serve(config, policy, reread))


def _run(work: Coroutine[object, object, None]) -> None:
    try:
        import uvloop  # noqa: PLC0415 - not on every system
    except ImportError:  # pragma: no cover - Windows
        asyncio.run(work)
    else:
        uvloop.run(work)


async def _serve(
    config: Config, policy: Handler | None, reread: Callable[[], Config] | None
) -> None:
    loop = asyncio.get_running_loop()
    supervisor, sockets = Supervisor(os.environ), passed_sockets(os.environ)
    stop, hurry = asyncio.Event(), asyncio.Event()

    def end() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    loop.add_signal_handler(signal.SIGHUP, _nothing_yet)
    stories = Stories(config, terminal_paint(), loop, sys.stdout)
    async with AsyncExitStack() as stack:
        web = await _serve_web(config.web, stack)  # first: its import would hold up calls
        server = await stack.enter_async_context(
            Server(
                config,
                on_decision=stories.listener,
                on_message=stories.witness,
                handler=policy,
                sockets=sockets,
            )
        )
        loop.add_signal_handler(signal.SIGHUP, _reload, server, reread, supervisor)
        await _serve_metrics(config.metrics, server, stack)
        stories.begin(server, web)
        tune_collector()
        supervisor.tell("READY=1", f"STATUS={_STATUS}")
        supervisor.watch(loop)
        stack.callback(supervisor.close)
        await stop.wait()
        supervisor.tell("STOPPING=1", "STATUS=finishing what is under way")
        left = await server.drain(hurry)
        if left:
            _logger.warning("gave up %d requests that were under way", left)
    stories.close()


async def _serve_web(config: WebConfig, stack: AsyncExitStack) -> str:
    """Serve the reference; returns its address, empty if it is not served."""
    sock = _bind_http(
        config, "web.listen", "no web pages: %s cannot be used (%s); --web says where"
    )
    if sock is None:
        return ""
    stack.callback(sock.close)
    from ringway.web.serving import WebServer  # noqa: PLC0415 - slow, and not always wanted

    return (await stack.enter_async_context(WebServer(sock))).url


async def _serve_metrics(config: MetricsConfig, server: Server, stack: AsyncExitStack) -> None:
    """Serve the metrics and the health, from now on until the server has gone."""
    sock = _bind_http(
        config, "metrics.listen", "no metrics: %s cannot be used (%s); metrics.listen says where"
    )
    if sock is None:
        return
    stack.callback(sock.close)
    from ringway.server.operations.observing import observing_app  # noqa: PLC0415 - slow, not always wanted
    from ringway.web.serving import HttpServer  # noqa: PLC0415

    app = observing_app(server.metrics, server.trouble)
    await stack.enter_async_context(HttpServer(sock, app, "the metrics have"))


def _bind_http(config: WebConfig | MetricsConfig, key: str, without: str) -> socket.socket | None:
    """Bind where something is served over HTTP; None if it is not.

    Args:
        config: says where; a default that is taken is no fault.
        key: its key.
        without: to log then, with the address and the reason.

    Raises:
        ConfigError: an address that was asked for cannot be used.
    """
    address = config.listen.address
    if address is None:
        return None
    try:
        return bind_stream(address)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        if "listen" in config.model_fields_set:
            allowed = f"off, or an address of this machine with a free port ({reason})"
            raise ConfigError("settings", key, str(address), allowed) from None
        _logger.warning(without, address, reason)
        return None


def _reload(server: Server, reread: Callable[[], Config] | None, supervisor: Supervisor) -> None:
    supervisor.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
    try:
        waiting = server.reload(reread() if reread is not None else None)
    except ConfigError as error:
        _logger.error("everything stays as it was: %s", error)  # noqa: TRY400 - it says all
    else:
        _logger.info("certificates, users and configuration are read again")
        if waiting:
            _logger.warning("changed, and waiting for a restart: %s", ", ".join(waiting))
    supervisor.tell("READY=1", f"STATUS={_STATUS}")


def _nothing_yet() -> None:
    """Stay alive when asked to reload before there is anything to reload."""


class Stories:
    """Prints what is decided, as it is wanted.

    Telling costs as much as deciding. When ten thousand connections end in one turn of the loop,
    calls are not to wait for ten thousand lines: so many are told at once, the rest in later turns.

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
        self._say = Lines(output).say
        self._json = config.log.format == "json"
        self._teller = StoryTeller(paint=paint, live=config.log.level == "debug")
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._waiting: deque[Decision | Witnessed] = deque()
        self._held = 0
        self._told = 0
        self._turn: asyncio.Handle | None = None
        self.listener: Callable[[Decision], None] | None = None
        """For `Server`; None when nothing is to be told, which costs nothing."""
        self.witness: Callable[[Witnessed], None] | None = None
        """The same for messages."""
        if config.log.level not in _QUIET:
            self.listener = self._happened
            if config.log.messages:
                self.witness = self._happened

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
        if server.config.no_auth:
            self._say("  no passwords: whoever reaches these may register and call as anyone")
        self._say("ready")

    def close(self) -> None:
        """Tell the stories that have not ended."""
        if self._timer is not None:
            self._timer.cancel()
        if self._turn is not None:
            self._turn.cancel()
        while self._waiting:
            self._tell_next()
        self._say(*self._teller.close())

    def _happened(self, what: Decision | Witnessed) -> None:
        if self._turn is None:
            self._turn = self._loop.call_soon(self._next_turn)
        if self._told < IN_A_TURN:
            self._told += 1
            self._tell(what)
            return
        self._waiting.append(what)
        self._held += _size(what)
        while len(self._waiting) > WAITING or self._held > ROOM:
            self._tell_next()

    def _next_turn(self) -> None:
        self._turn = None
        self._told = min(len(self._waiting), IN_A_TURN)
        for _ in range(self._told):
            self._tell_next()
        if self._told:
            self._turn = self._loop.call_soon(self._next_turn)

    def _tell_next(self) -> None:
        what = self._waiting.popleft()
        self._held -= _size(what)
        self._tell(what)

    def _tell(self, what: Decision | Witnessed) -> None:
        if isinstance(what, Witnessed):
            self._say(json.dumps(message_event(what)))
        elif self._json:
            self._say(json.dumps(event(what)))
        else:
            self._tell_story(what)

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


def _size(what: Decision | Witnessed) -> int:
    return len(what.data) if isinstance(what, Witnessed) else 0


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
            told = {"trace": masked(trace)} if trace else {}
            return json.dumps({**values, "text": text, **told})
        # Indented: an error may quote what came from the wire, and its lines are not ours.
        lines = [f"\n  {escape(line, longest=0)}" for line in trace.split("\n") if line]
        return f"ringway: {record.levelname.lower()}: {text}" + "".join(lines)
