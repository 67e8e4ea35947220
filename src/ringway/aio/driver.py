"""The loop around an endpoint: what arrives goes in, what it commands is done, on one clock.

Every input ends the same way: commands are taken and executed until there are none, then what is
due is fired, then one timer is set. So whatever an input causes has left the machine before the
next is read, and a closed connection has moved its calls on within the turn of the loop that saw
it close.

A busy server looks at its timers with every message it reads and need not be woken for them; the
timer of the event loop is only set anew when something is due earlier than it stands, and not more
often than every few milliseconds.

A fault of ours in one message must not cost the others: it is logged with its traceback and the
next input is taken. Everything that waits, for a connection, for DNS or for the store, is a task
of this driver's group and ends with it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import ssl
import sys
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Final, ParamSpec, Self

from ringway.aio.clock import Clock
from ringway.aio.door import Door, PlainDoor
from ringway.aio.driven import Driven
from ringway.aio.lag import LagProbe
from ringway.aio.process import file_limit
from ringway.aio.resolver import Resolver
from ringway.aio.secure import HANDSHAKE_TIMEOUT, SHUTDOWN_TIMEOUT, SecureListener
from ringway.aio.sockets import BACKLOG, address_of
from ringway.aio.stores import MemoryStore
from ringway.aio.stores.trouble import Trouble
from ringway.aio.stream import (
    FLOW_TIMER,
    STOPPED_READING,
    WRITE_LIMIT,
    Connection,
    describe,
    liveness,
)
from ringway.aio.timing import Timing
from ringway.aio.udp import DatagramSocket
from ringway.endpoint import (
    Abandon,
    CloseFlow,
    Connect,
    Resolve,
    Run,
    SendDatagram,
    SendStream,
)
from ringway.errors import StoreError
from ringway.location import Persist, Store
from ringway.transport.flow import SECURE_TRANSPORTS, Address, Flow, NextHop

__all__ = ["Driver"]

CONNECT_TIMEOUT: Final = 5.0
"""Seconds a connection may take, TLS included, before its next hop counts as unreachable."""

STORE_TIMEOUT: Final = 2.0
"""Seconds that a stop waits for the store."""

COMMIT_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds, in seconds, of the buckets in which commits are counted."""

SPARE_FILES: Final = 64
"""Descriptors that connections leave to the store, to DNS and to connections of ours; a quarter of
them all where there are few."""

TELL_EVERY: Final = 60.0
"""Seconds between two log lines about connections that there was no room for."""

GRAIN: Final = 0.005
"""Seconds between two wake-ups that are for timers alone."""

P = ParamSpec("P")

_logger = logging.getLogger("ringway.aio")


class Driver:
    """Runs one endpoint on the current event loop; use it as an asynchronous context manager.

    Args:
        endpoint: what to drive; its user is set already.
        resolver: finds next hops.
        store: where `Persist` goes.
        clock: the clock of the core.
        client_tls: for the TLS connections we make; None makes none.
        max_connections: more are closed as they come; without a door.
        door: is asked which connections may come in.
        lag: told ten times a second how long what has arrived waits, in seconds.
        write_limit: bytes that may wait for a peer to read them; see `ringway.aio.stream.Owner`.
        flow_timer: the Flow-Timer that phones are told, in seconds; see `liveness`.
        handshake_time: seconds that a peer has for the TLS handshake on a connection it opened.
    """

    def __init__(
        self,
        endpoint: Driven,
        *,
        resolver: Resolver,
        store: Store,
        clock: Clock,
        client_tls: ssl.SSLContext | None = None,
        max_connections: int = 100_000,
        door: Door | None = None,
        lag: Callable[[float], None] | None = None,
        write_limit: int = WRITE_LIMIT,
        flow_timer: float = FLOW_TIMER,
        handshake_time: float = HANDSHAKE_TIMEOUT,
    ) -> None:
        self.clock = clock
        self.write_limit = write_limit
        self.tcp_options = liveness(flow_timer)
        self.lag: LagProbe | None = None
        """Measures the lag, while the driver runs and somebody wants to know."""
        self._lag_measured = lag
        self._handshake_time = handshake_time
        self._door = PlainDoor(max_connections) if door is None else door
        self._endpoint = endpoint
        self._resolver = resolver
        self._store = store
        self.commits = Timing(COMMIT_BOUNDS)
        """How long the store took to keep each change, failures too."""
        self.store_failed_at: float | None = None
        """When it failed last; None when it has kept one since, or has never failed."""
        self.store_failures = 0
        """Changes it did not keep."""
        self._trouble = Trouble()
        self.client_tls = client_tls
        """For the TLS connections that are made from now on."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks = asyncio.TaskGroup()
        self._waiting: set[asyncio.Task[None]] = set()
        self._commits: set[asyncio.Task[None]] = set()
        self._runs: dict[object, asyncio.Task[None]] = {}
        self._datagrams: dict[Address, DatagramSocket] = {}
        self._connections: dict[int, Connection] = {}
        self._servers: list[asyncio.Server | SecureListener] = []
        self._sources: list[Address] = []
        self._flushing = False
        self._stopping = False
        self._wakeup: asyncio.TimerHandle | None = None
        self._wakeup_at = 0.0
        self._woken_at = 0.0
        files = file_limit()
        self._most_files = files - min(SPARE_FILES, files // 4) if files else sys.maxsize
        self._told_full_at = float("-inf")

    # For the owner

    async def __aenter__(self) -> Self:
        """Start; add sockets next."""
        loop = self._loop = asyncio.get_running_loop()
        await self._tasks.__aenter__()
        if self._lag_measured is not None:
            self.lag = LagProbe(loop, self._datagrams.values, self._lag_measured)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take no more, wait a moment for the store, close every socket, end what else waits."""
        if self.lag is not None:
            self.lag.close()
        for server in self._servers:
            server.close()
        if self._commits and kind is None:
            await asyncio.wait(self._commits, timeout=STORE_TIMEOUT)
        self._stopping = True
        if self._wakeup is not None:
            self._wakeup.cancel()
        for connection in list(self._connections.values()):
            connection.close("the server stops")
        for sock in self._datagrams.values():
            sock.close()
        for task in self._waiting:
            task.cancel()
        if kind is not None and not issubclass(kind, asyncio.CancelledError):
            kind = error = traceback = None  # the owner's error goes on as it is, in no group
        await self._tasks.__aexit__(kind, error, traceback)

    def add_datagram(self, sock: socket.socket) -> Address:
        """Serve a socket from `bind_datagram`; returns the address it is bound to."""
        datagrams = DatagramSocket(sock, self._datagram_received, self._datagram_failed)
        self._datagrams[datagrams.local] = datagrams
        self._sources.append(datagrams.local)
        datagrams.start(self._running_loop())
        return datagrams.local

    async def add_stream(
        self, sock: socket.socket, kind: str, tls: Callable[[], ssl.SSLContext] | None = None
    ) -> Address:
        """Serve a socket from `bind_stream`; returns the address it is bound to.

        Args:
            sock: listening; owned from here on.
            kind: tcp, tls, ws or wss.
            tls: for tls and wss: gives the context for the next connection.
        """
        address = address_of(sock)
        self._sources.append(address)

        def make() -> Connection:
            return Connection(self, kind, listener=address)

        if tls is not None:
            self._servers.append(
                SecureListener(sock, tls, make, self.spawn, self, self._handshake_time)
            )
        else:
            # The loop listens once more: its own backlog, 100, would lose phones that come back.
            self._servers.append(
                await self._running_loop().create_server(make, sock=sock, backlog=BACKLOG)
            )
        return address

    def run(self, change: Callable[[float], None]) -> None:
        """Call something that acts on the core, with the time, and do what it commands."""
        now = self.clock()
        change(now)
        self._flush(now)

    def spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run a coroutine as a task of this driver; it is cancelled when the driver stops."""
        task = self._tasks.create_task(work)
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)
        return task

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return len(self._connections)

    def flows(self) -> dict[str, int]:
        """Count the connections that are open now, by transport."""
        counts = dict.fromkeys(("tcp", "tls", "ws", "wss"), 0)
        for connection in self._connections.values():
            counts[connection.kind] += 1
        return counts

    @property
    def datagrams_dropped(self) -> int:
        """Datagrams that the system had no room to send."""
        return sum(sock.dropped for sock in self._datagrams.values())

    # From the sockets

    def _datagram_received(self, data: bytes, local: Address, remote: Address) -> None:
        now = self.clock()
        self._guard(remote, self._endpoint.datagram_received, data, local, remote, now)
        self._flush(now)

    def _datagram_failed(self, flow: Flow, reason: str) -> None:
        now = self.clock()
        self._guard(flow, self._endpoint.datagram_failed, flow, reason, now)
        self._flush(now)

    def connection_opened(
        self, connection: Connection, local: Address, remote: Address
    ) -> Flow | None:
        """Take a connection that is up; see `ringway.aio.stream.Owner`."""
        if self._stopping:
            return None
        now = self.clock()
        reason = (
            connection.stranger
            or self._no_room(connection, now)
            or self.admit(connection, remote.host)
        )
        if not reason:
            if self._guard(remote, self._open, connection, local, remote, now):
                self._flush(now)
                return connection.flow
            reason = "a fault of ours"
        self.release(connection, remote.host)
        if connection.target is not None:
            self._call(self._failure(connection.target, reason), "a refused connection")
        return None

    def _no_room(self, connection: Connection, now: float) -> str:
        """Say why there is no room for a connection that came in, while there still is some.

        Without a descriptor left, uvloop closes what it accepts and tells nobody; nor could the
        store be opened again, or a name be looked up.
        """
        if connection.target is not None or connection.number < self._most_files:
            return ""
        self._door.hit("open_files")
        if now - self._told_full_at >= TELL_EVERY:
            self._told_full_at = now
            _logger.warning(
                "connections are closed as they come: nearly all of the %d files that this "
                "process may open are open (see LimitNOFILE, ulimit -n)",
                file_limit(),
            )
        return "the process may open no more files"

    def admit(self, connection: Connection, host: str) -> str:
        """Ask the door for a connection, unless it has let it in before; see `Door.connects`."""
        if connection.counted:
            return ""
        accepted = connection.target is None
        reason = self._door.connects(host, self.clock(), accepted=accepted)
        connection.counted = not reason
        return reason

    def release(self, connection: Connection, host: str) -> None:
        """Tell the door that a connection is gone, if it has let it in."""
        if connection.counted:
            connection.counted = False
            self._door.disconnected(host, accepted=connection.target is None)

    def begin(self, host: str) -> bool:
        """Ask the door for a TLS handshake; see `Door.handshake_begins`."""
        return self._door.handshake_begins(host)

    def ended(self, host: str) -> None:
        """Tell the door that a TLS handshake is over."""
        self._door.handshake_ended(host)

    def crowded(self) -> None:
        """Count a connection that found too many handshakes under way."""
        self._door.hit("handshakes")

    def slow(self) -> None:
        """Count a TLS handshake that took too long."""
        self._door.hit("handshake_time")

    def _open(self, connection: Connection, local: Address, remote: Address, now: float) -> None:
        connection.flow = flow = self._endpoint.flow_opened(
            connection.kind,
            local,
            remote,
            now,
            target=connection.target,
            names=connection.names,
        )
        self._connections[flow.generation] = connection

    def connection_received(self, flow: Flow, data: bytes) -> None:
        """Take bytes; see `ringway.aio.stream.Owner`."""
        now = self.clock()
        if not self._guard(flow, self._endpoint.data_received, flow, data, now):
            connection = self._connections.get(flow.generation)
            if connection is not None:  # where its next message begins is not known any more
                connection.close("a fault of ours")
        self._flush(now)

    def connection_closed(self, flow: Flow, reason: str) -> None:
        """Forget a connection; see `ringway.aio.stream.Owner`."""
        self.release(self._connections.pop(flow.generation), flow.remote.host)
        if reason == STOPPED_READING:
            self._door.hit("write_buffer")
        if self._stopping:
            return
        now = self.clock()
        self._guard(flow, self._endpoint.flow_closed, flow, reason, now)
        self._flush(now)

    def _guard(
        self, what: object, call: Callable[P, None], *args: P.args, **none: P.kwargs
    ) -> bool:
        """Call into the core; False when it failed, which is our fault and is logged."""
        try:
            call(*args, **none)
        except Exception:
            _logger.exception("a fault of ours with %.200s", what)
            return False
        return True

    # Commands

    def _flush(self, now: float) -> None:
        """Execute commands until there are none, fire what is due, set the timer."""
        if self._flushing or self._stopping:  # within a command, the loop below goes on with it
            return
        self._flushing = True
        endpoint = self._endpoint
        due: float | None = None
        fired = False
        try:
            while True:
                commands = endpoint.take_commands()
                if commands:
                    for command in commands:
                        # What nearly every command is takes the short way: no call but the one.
                        if isinstance(command, SendDatagram):
                            self._send_datagram(command)
                        else:
                            # Not the command itself: it holds what was said.
                            self._guard(type(command).__name__, self._execute, command, now)
                    continue
                due = endpoint.next_timer()
                if due is None or due > now or fired:
                    break
                fired = True
                self._guard("a timer", endpoint.handle_timers, now)
        finally:
            self._flushing = False
        if due is not None:
            self._set_wakeup(due, now)

    def _send_datagram(self, command: SendDatagram) -> None:
        flow, data = command
        sock = self._datagrams.get(flow.local)
        if sock is not None:
            try:
                sock.send(data, flow.remote)
            except Exception:
                _logger.exception("a fault of ours with %.200s", flow)

    def _execute(self, command: object, now: float) -> None:
        if isinstance(command, SendStream):
            connection = self._connections.get(command.flow.generation)
            if connection is not None:
                connection.send(command.data)
        elif isinstance(command, CloseFlow):
            connection = self._connections.get(command.flow.generation)
            if connection is not None:
                connection.close(command.reason)
        elif isinstance(command, Connect):
            self.spawn(self._connect(command.target))
        elif isinstance(command, Resolve):
            targets = self._resolver.locate_now(command.uri)
            if targets is None:
                self.spawn(self._resolve(command))
            else:
                self._endpoint.resolved(command.key, targets, now)
        elif isinstance(command, Persist):
            self._persist(command, now)
        elif isinstance(command, Run):
            self._runs[command.key] = self.spawn(self._run(command))
        elif isinstance(command, Abandon):
            task = self._runs.pop(command.key, None)
            if task is not None:
                task.cancel()
        else:
            raise TypeError(command)

    def _persist(self, command: Persist, now: float) -> None:
        if isinstance(self._store, MemoryStore):  # done when it returns: no task, no waiting
            error = None
            try:
                self._store.commit(command.changes).send(None)
            except StopIteration:
                pass
            except StoreError as failure:
                error = failure
            command.done(error, now)
            return
        task = self.spawn(self._commit(command))
        self._commits.add(task)
        task.add_done_callback(self._commits.discard)

    # Tasks

    async def _commit(self, command: Persist) -> None:
        error = None
        began = self.clock()
        try:
            await self._store.commit(command.changes)
        except StoreError as failure:
            error = failure
            self._trouble.failed(failure.reason, self.clock())
        except Exception:
            error = StoreError("a fault of ours")
            _logger.exception("a fault of ours with a commit")
        else:
            self._trouble.kept(self.clock())
        now = self.clock()
        self.commits.add(now - began)
        self.store_failures += error is not None
        self.store_failed_at = now if error is not None else None
        self._call(lambda now: command.done(error, now), "a commit")

    async def _run(self, command: Run) -> None:
        """Await somebody else's work, which may fail as it likes."""
        result: object = None
        failure: Exception | None = None
        try:
            async with asyncio.timeout(command.seconds):
                result = await command.work()
        except Exception as error:  # noqa: BLE001 - told to who asked for it
            failure = error
        if self._runs.pop(command.key, None) is not None:
            self._call(lambda now: command.done(result, failure, now), "the end of a handler")

    async def _resolve(self, command: Resolve) -> None:
        targets: list[NextHop] = []
        try:
            targets = await self._resolver.locate(command.uri)
        except Exception:
            _logger.exception("a fault of ours with DNS for %s", command.uri.host)
        self._call(
            lambda now: self._endpoint.resolved(command.key, targets, now), "an answer of DNS"
        )

    async def _connect(self, target: NextHop) -> None:
        secure = target.transport in SECURE_TRANSPORTS
        reason = ""
        try:
            if secure and self.client_tls is None:
                reason = "we have no TLS"
            else:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    await self._running_loop().create_connection(
                        lambda: Connection(self, target.transport, target=target),
                        target.address.host,
                        target.address.port,
                        local_addr=self._source_for(target.address.host),
                        ssl=self.client_tls if secure else None,
                        server_hostname=target.name if secure else None,
                        ssl_shutdown_timeout=SHUTDOWN_TIMEOUT if secure else None,
                    )
        except TimeoutError:
            reason = f"no connection within {CONNECT_TIMEOUT:g} s"
        except ssl.SSLCertVerificationError as error:
            reason = f"its certificate: {error.verify_message}"
        except OSError as error:
            reason = describe(error)
        except Exception:
            reason = "a fault of ours"
            _logger.exception("a fault of ours with a connection to %s", target)
        if reason:
            self._call(self._failure(target, reason), "a failed connection")

    def _failure(self, target: NextHop, reason: str) -> Callable[[float], None]:
        return lambda now: self._endpoint.connect_failed(target, reason, now)

    def _call(self, change: Callable[[float], None], what: str) -> None:
        """Hand the outcome of a task to the core."""
        if self._stopping:
            return
        now = self.clock()
        self._guard(what, change, now)
        self._flush(now)

    def _source_for(self, host: str) -> tuple[str, int] | None:
        """The address to connect from: ours of the same kind, so that peers know us by it."""
        remote = ipaddress.ip_address(host)
        for source in self._sources:
            local = ipaddress.ip_address(source.host)
            if local.version == remote.version and local.is_loopback == remote.is_loopback:
                return None if local.is_unspecified else (source.host, 0)
        return None

    # Timers

    def _set_wakeup(self, due: float, now: float) -> None:
        at = max(due, self._woken_at + GRAIN)
        if self._wakeup is not None:
            if self._wakeup_at <= at:
                return
            self._wakeup.cancel()
        self._wakeup_at = at
        # The loop counts in milliseconds: rather half a one late than early.
        self._wakeup = self._running_loop().call_later(at - now + 0.0005, self._wake)

    def _wake(self) -> None:
        self._wakeup = None
        self._woken_at = now = self.clock()
        self._flush(now)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("use the driver with `async with`")
        return self._loop
