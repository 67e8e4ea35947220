"""The simulated network and its clock: datagrams that suffer, connections that die.

Datagrams are lost, doubled, overtaken and damaged. So that a call can be asked to come through, the
same bytes on the same way suffer once only: whoever sends again is heard. Connections deliver in
order, in any cut, until they are closed, reset, or go silent, when neither side is told.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from random import Random
from typing import Any, Protocol

from ringway.transport.flow import Address

MOMENT = 1e-6
"""Seconds between two deliveries that must keep their order."""


@dataclass(frozen=True, slots=True)
class Weather:
    """What datagrams suffer; chances from 0 to 1, times in seconds."""

    latency: float = 0.01
    loss: float = 0.0
    twice: float = 0.0
    overtake: float = 0.0
    damage: float = 0.0
    cut: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that happened on the wire, for a ladder."""

    at: float
    source: Address
    target: Address
    data: bytes
    fate: str


class Host(Protocol):
    """Who has addresses on the network."""

    def datagram(self, data: bytes, local: Address, remote: Address) -> None:
        """Take a datagram."""

    def unreachable(self, local: Address, remote: Address) -> None:
        """Hear that nobody listens there."""

    def accept(self, end: End) -> bool:
        """Take a connection; False refuses it."""

    def received(self, end: End, data: bytes) -> None:
        """Take bytes of a connection."""

    def closed(self, end: End, reason: str) -> None:
        """Hear that a connection is gone."""


class End:
    """One end of a connection.

    Attributes:
        mine: whether the owner still has it open.
        silent: nothing comes through any more, and nobody is told.
        handle: whatever the owner knows the connection by.
    """

    __slots__ = ("_last", "handle", "host", "local", "mine", "network", "other", "remote", "silent")

    def __init__(self, network: Network, host: Host, local: Address, remote: Address) -> None:
        self.network = network
        self.host = host
        self.local = local
        self.remote = remote
        self.other: End = self
        self.mine = True
        self.silent = False
        self.handle: Any = None
        self._last = 0.0

    def send(self, data: bytes) -> None:
        if not self.mine:
            return
        network = self.network
        network.see(self.local, self.remote, data, "into silence" if self.silent else "")
        if self.silent:
            return
        pieces = [data]
        if network.weather.cut and network.rng.random() < network.weather.cut:
            where = network.rng.randrange(len(data))
            pieces = [data[:where], data[where:]]
        for piece in pieces:
            if piece:
                network.at(self._turn(), self.other._arrive, piece)

    def close(self, reason: str) -> None:
        """Close it from this side; the other side hears of it after all that was sent."""
        if self.mine:
            self.mine = False
            self.network.at(self._turn(), self.other._hear, reason)

    def reset(self, reason: str) -> None:
        """Let the network break it: both sides hear of it soon."""
        for end in (self, self.other):
            self.network.after(self.network.weather.latency, end.end, reason)

    def silence(self) -> None:
        """Let nothing through from now on."""
        self.silent = self.other.silent = True

    def end(self, reason: str) -> None:
        """Tell the owner that it is gone."""
        if self.mine:
            self.mine = False
            self.host.closed(self, reason)

    def _turn(self) -> float:
        self._last = max(self.network.now + self.network.weather.latency, self._last + MOMENT)
        return self._last

    def _arrive(self, data: bytes) -> None:
        if self.mine and not self.silent:
            self.host.received(self, data)

    def _hear(self, reason: str) -> None:
        if not self.silent:
            self.end(reason)


class Network:
    """The network, the clock, and the trace of everything that was sent.

    Attributes:
        now: seconds.
        seen: what was sent, if that is wanted.
        damaged: called with the bytes as they were, when a datagram was damaged.
        dark: addresses that are cut off without a word.
    """

    def __init__(self, rng: Random, weather: Weather, *, record: bool = False) -> None:
        self.now = 1_000_000.0
        self.rng = rng
        self.weather = weather
        self.record = record
        self.seen: list[Seen] = []
        self.sent = 0
        self.hosts: dict[Address, Host] = {}
        self.listening: dict[Address, Host] = {}
        self.dark: set[Address] = set()
        self.damaged: Callable[[bytes], None] = lambda _: None
        self._suffered: set[int] = set()
        self._digest = blake2b(digest_size=16)
        self._agenda: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    @property
    def trace(self) -> str:
        """A digest of all bytes that were sent, with times and addresses."""
        return self._digest.hexdigest()

    # Time

    def at(self, when: float, what: Callable[..., None], *how: Any) -> None:
        """Have something happen."""
        self._count += 1
        heapq.heappush(self._agenda, (max(when, self.now), self._count, what, how))

    def after(self, wait: float, what: Callable[..., None], *how: Any) -> None:
        self.at(self.now + wait, what, *how)

    def run(self, until: float) -> None:
        """Let everything happen up to a time."""
        agenda = self._agenda
        while agenda and agenda[0][0] <= until:
            self.now, _, what, how = heapq.heappop(agenda)
            what(*how)
        self.now = until

    # Datagrams

    def see(self, source: Address, target: Address, data: bytes, fate: str = "") -> None:
        self.sent += 1
        self._digest.update(f"{self.now:.6f} {source}>{target} {fate}\n".encode())
        self._digest.update(data)
        if self.record:
            self.seen.append(Seen(self.now, source, target, data, fate))

    def datagram(self, source: Address, target: Address, data: bytes) -> None:
        """Send a datagram."""
        weather, rng = self.weather, self.rng
        fate = ""
        if source in self.dark or target in self.dark:
            fate = "into silence"
        elif weather.loss or weather.twice or weather.overtake or weather.damage:
            fate = self._fate(source, target, data)
        self.see(source, target, data, fate)
        wait = weather.latency
        if fate == "overtaken":
            wait += rng.random() * 0.2
        elif fate == "damaged":
            self.damaged(data)
            data = self._damage(data)
        elif fate == "twice":
            self.after(wait + rng.random(), self._deliver, source, target, data)
        elif fate:
            return
        self.after(wait, self._deliver, source, target, data)

    def _fate(self, source: Address, target: Address, data: bytes) -> str:
        weather = self.weather
        chance = self.rng.random()
        for fate, share in (
            ("lost", weather.loss),
            ("damaged", weather.damage),
            ("twice", weather.twice),
            ("overtaken", weather.overtake),
        ):
            if chance < share:
                if fate in {"lost", "damaged"}:
                    key = hash((source, target, data))
                    if key in self._suffered:
                        return ""
                    self._suffered.add(key)
                return fate
            chance -= share
        return ""

    def _damage(self, data: bytes) -> bytes:
        rng = self.rng
        if rng.random() < 0.3:
            return data[: rng.randrange(len(data))]
        damaged = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        return bytes(damaged)

    def _deliver(self, source: Address, target: Address, data: bytes) -> None:
        if target in self.dark:
            return
        host = self.hosts.get(target)
        if host is not None:
            host.datagram(data, target, source)
        else:
            self.after(self.weather.latency, self._unreachable, source, target)

    def _unreachable(self, source: Address, target: Address) -> None:
        host = self.hosts.get(source)
        if host is not None and source not in self.dark:
            host.unreachable(source, target)

    # Connections

    def connect(
        self, host: Host, local: Address, remote: Address, done: Callable[[End | None], None]
    ) -> None:
        """Open a connection; ``done`` gets this side's end, or None when it is refused."""
        wait = 2 * self.weather.latency
        if remote in self.dark:
            wait = 5.0
        self.after(wait, self._connected, host, local, remote, done)

    def _connected(
        self, host: Host, local: Address, remote: Address, done: Callable[[End | None], None]
    ) -> None:
        listener = self.listening.get(remote)
        if listener is None or remote in self.dark:
            done(None)
            return
        near = End(self, host, local, remote)
        far = End(self, listener, remote, local)
        near.other, far.other = far, near
        if listener.accept(far):
            done(near)
        else:
            done(None)
