"""One of our nodes in the simulation: the same core that the server runs, on the simulated network.

It does what `ringway.aio.driver` does, in the same order: every input ends with the commands done
and what is due fired. Its clock may stand apart from the network's: a machine that slept.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.simulation.network import End, Network

from ringway.codes import Role
from ringway.endpoint import (
    CloseFlow,
    Connect,
    Endpoint,
    EndpointSettings,
    Listener,
    Resolve,
    SendDatagram,
    SendStream,
)
from ringway.errors import StoreError
from ringway.location import Binding, Drop, Location, Persist, Put
from ringway.message import Uri
from ringway.proxy import ProxySettings, RecursionPolicy
from ringway.redirect import RedirectTable
from ringway.registrar import RegistrarSettings
from ringway.server.core import Core
from ringway.transport.flow import Address, Flow, NextHop
from ringway.transport.token import KEY_LENGTH, Sealer, TokenKeys

DOMAIN = "ringway.test"
PORT = 5060
EXPIRY_PAUSE = 0.05
GENERATIONS = 1 << 32
"""Connection numbers of one run of a node, as the server has them."""
KEYS = {1: bytes(range(KEY_LENGTH))}


class Store:
    """A store that keeps what it is given, or is slow, or fails.

    Attributes:
        delay: seconds a commit takes; 0 for memory.
        failing: every commit fails.
    """

    def __init__(self) -> None:
        self.delay = 0.0
        self.failing = False
        self.waiting = 0
        self._kept: dict[tuple[str, object], Binding] = {}
        self._last = 0.0

    def load(self, now: float) -> list[Binding]:
        return [each for each in self._kept.values() if each.expires_at > now]

    def commit(self, network: Network, command: Persist, done: Callable[..., None]) -> None:
        """Keep changes in the order they come; ``done`` gets the error or None."""
        if self.delay == 0.0 and not self.waiting:
            done(command, self._keep(command))
            return
        self.waiting += 1
        self._last = max(network.now + self.delay * network.rng.random(), self._last)
        network.at(self._last, self._later, command, done)

    def _later(self, command: Persist, done: Callable[..., None]) -> None:
        self.waiting -= 1
        done(command, self._keep(command))

    def _keep(self, command: Persist) -> StoreError | None:
        if self.failing:
            return StoreError("the simulated disk is full")
        for change in command.changes:
            if isinstance(change, Put):
                self._kept[change.binding.aor, change.binding.key] = change.binding
            elif isinstance(change, Drop):
                self._kept.pop((change.binding.aor, change.binding.key), None)
        return None


class Node:
    """A node, which may crash and start again.

    Attributes:
        address: where it listens, UDP and TCP.
        offset: seconds its clock is ahead of the network's.
        jumped_at: when it last jumped.
        running: False after a crash.
        runs: how often it was started.
        hub: the registrar, if this is an edge.
        still_bound: called with a flow that is gone and still has bindings.
    """

    def __init__(
        self,
        network: Network,
        host: str,
        rng: Random,
        *,
        registrar: Uri | None = None,
        recursion: bool = False,
    ) -> None:
        self.network = network
        self.host = host
        self.rng = rng
        self.address = Address(host, PORT)
        self.store = Store()
        self.offset = self.jumped_at = 0.0
        self.running = False
        self.runs = 0
        self.hub: Node | None = None
        self.ends: dict[Flow, End] = {}
        self.still_bound: Callable[[Flow], None] = lambda _: None
        role = Role.PROXY if registrar is None else Role.EDGE
        domains = frozenset({DOMAIN})
        self._proxy_settings = ProxySettings(
            domains=domains,
            synonyms={host: DOMAIN},
            role=role,
            registrar=registrar,
            recursion=RecursionPolicy(domains=domains if recursion else frozenset()),
        )
        self._registrar_settings = RegistrarSettings(domains=domains, synonyms={host: DOMAIN})
        self._ports = 50000
        self._draining = False
        self.start()

    @property
    def in_order(self) -> bool:
        """True when it runs, and the registrar behind it too."""
        return self.running and (self.hub is None or self.hub.running)

    @property
    def lives(self) -> tuple[int, ...]:
        """How often it and the registrar behind it were started; () while one is down."""
        if not self.in_order:
            return ()
        return (self.runs, self.hub.runs if self.hub is not None else self.runs)

    @property
    def now(self) -> float:
        return self.network.now + self.offset

    # Life

    def start(self) -> None:
        """Start it, with what its store has kept."""
        self.running = True
        self.runs += 1
        listeners = tuple(Listener(transport, self.address) for transport in ("udp", "tcp"))
        settings = EndpointSettings(local=listeners, aliases=frozenset({DOMAIN}))
        self.endpoint = Endpoint(settings, self._unique, self.runs * GENERATIONS + 1)
        bindings = [] if self._proxy_settings.role is Role.EDGE else self.store.load(self.now)
        self.core = Core(
            self.endpoint,
            Location(bindings),
            RedirectTable(),
            Sealer(TokenKeys(KEYS, max(KEYS)), self.host),
            self._proxy_settings,
            self._registrar_settings,
        )
        self._woken_for = self._expiry_at = float("inf")
        self.network.hosts[self.address] = self.network.listening[self.address] = self
        self._drain()

    def crash(self) -> None:
        """Take it away: its connections break, and nobody listens there any more."""
        self.running = False
        del self.network.hosts[self.address], self.network.listening[self.address]
        for end in list(self.ends.values()):
            end.close("connection reset by peer")
        self.ends.clear()

    def jump(self, seconds: float) -> None:
        """Let its clock jump ahead."""
        self.offset += seconds
        self.jumped_at = self.network.now
        if self.running:
            self._drain()

    def _unique(self) -> str:
        return f"{self.rng.getrandbits(60):015x}"

    # What the network does

    def datagram(self, data: bytes, local: Address, remote: Address) -> None:
        self.endpoint.datagram_received(data, local, remote, self.now)
        self._drain()

    def unreachable(self, local: Address, remote: Address) -> None:
        self.endpoint.datagram_failed(Flow("udp", local, remote), "port unreachable", self.now)
        self._drain()

    def accept(self, end: End) -> bool:
        end.handle = self.endpoint.flow_opened("tcp", end.local, end.remote, self.now)
        self.ends[end.handle] = end
        self._drain()
        return True

    def received(self, end: End, data: bytes) -> None:
        self.endpoint.data_received(end.handle, data, self.now)
        self._drain()

    def closed(self, end: End, reason: str) -> None:
        if self.ends.pop(end.handle, None) is not None:
            self.endpoint.flow_closed(end.handle, reason, self.now)
            if self.core.location.on_flow(end.handle):
                self.still_bound(end.handle)
            self._drain()

    # What the core wants

    def _drain(self) -> None:
        self._draining = True
        endpoint = self.endpoint
        while True:
            commands = endpoint.take_commands()
            for command in commands:
                self._execute(command)
            if commands:
                continue
            due = endpoint.next_timer()
            now = self.now
            if due is None or due > now + 1e-7:
                break
            endpoint.handle_timers(max(now, due))
        self._draining = False
        if due is not None and due < self._woken_for:
            self._woken_for = due
            self.network.at(due - self.offset, self._wake, self.runs)
        expiry = self.core.location.next_expiry()
        if expiry is not None and expiry < self._expiry_at:
            self._expiry_at = expiry
            when = max(expiry - self.offset, self.network.now + EXPIRY_PAUSE)
            self.network.at(when, self._expire, self.runs)

    def _wake(self, run: int) -> None:
        if self.running and run == self.runs:
            self._woken_for = float("inf")
            self._drain()

    def _expire(self, run: int) -> None:
        if self.running and run == self.runs:
            self._expiry_at = float("inf")
            self.core.expire(self.now + 1e-7)
            self._drain()

    def _execute(self, command: object) -> None:
        if isinstance(command, SendDatagram):
            self.network.datagram(command.flow.local, command.flow.remote, command.data)
        elif isinstance(command, SendStream):
            if command.flow in self.ends:
                self.ends[command.flow].send(command.data)
        elif isinstance(command, CloseFlow):
            end = self.ends.pop(command.flow, None)
            if end is not None:
                end.close(command.reason)
        elif isinstance(command, Connect):
            self._connect(command.target)
        elif isinstance(command, Resolve):
            self.network.after(0.1, self._answer, self.runs, "resolved", command.key, [])
        elif isinstance(command, Persist):
            run = self.runs
            self.store.commit(
                self.network, command, lambda what, error: self._persisted(run, what, error)
            )
        else:
            raise TypeError(command)

    def _persisted(self, run: int, command: Persist, error: StoreError | None) -> None:
        if self.running and run == self.runs:
            command.done(error, self.now)
            if not self._draining:
                self._drain()

    def _connect(self, target: NextHop) -> None:
        self._ports += 1
        local = Address(self.host, self._ports)
        run = self.runs

        def done(end: End | None) -> None:
            if not self.running or run != self.runs:
                if end is not None:
                    end.close("it crashed meanwhile")
            elif end is None:
                self.endpoint.connect_failed(target, "connection refused", self.now)
                self._drain()
            else:
                end.handle = self.endpoint.flow_opened(
                    target.transport, local, target.address, self.now, target=target
                )
                self.ends[end.handle] = end
                self._drain()

        if target.transport == "tcp":
            self.network.connect(self, local, target.address, done)
        else:
            self.network.after(0.01, done, None)

    def _answer(self, run: int, what: str, *how: Any) -> None:
        if self.running and run == self.runs:
            getattr(self.endpoint, what)(*how, self.now)
            self._drain()

    # What is left

    def busy(self) -> dict[str, int]:
        """What must be gone once all is quiet: work that somebody or something waits for."""
        endpoint, core = self.endpoint, self.core
        registrar = core.registrar
        sizes = {
            "client transactions": len(endpoint._clients),
            "requests on flows": len(endpoint._clients._in_flight),
            "server transactions": len(endpoint._servers),
            "transactions by name": len(endpoint._servers._named),
            "response contexts": len(core.proxy),
            "look-ups": len(endpoint._resolving),
            "connections being opened": len(endpoint._flows._opening),
            "REGISTERs that wait": 0 if registrar is None else len(registrar._waiting),
            "commits": self.store.waiting,
            "timers": int(endpoint.next_timer() is not None),
        }
        return {name: size for name, size in sizes.items() if size}

    def held(self) -> dict[str, int]:
        """What must be gone once every phone has gone too."""
        flows, location = self.endpoint._flows, self.core.location
        sizes = {
            "connections": len(flows._connections),
            "connections by peer": len(flows._by_peer),
            "bindings": len(location),
            "bindings by flow": len(location._by_flow),
        }
        return self.busy() | {name: size for name, size in sizes.items() if size}
