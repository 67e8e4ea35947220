"""What is known of each flow over time: when it lived, what kept it alive, who registered over it.

A capture shows flows that nobody names: connections with their handshakes and ends, pairs of UDP
addresses, signs of life between messages. Findings ask what became of a flow and when anybody could
have known; stories ask who is behind an address. RFC 5626 §2, §3, §4.4, §5.4; RFC 3261 §10.

Memory is bounded: the flow that was silent the longest is forgotten first, and of each flow only
the latest signs of life and registrations are kept.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from ringway.capture.items import (
    Closed,
    Decided,
    Item,
    KeepAlive,
    Opened,
    Seen,
    Tick,
    Trouble,
    Unreachable,
)
from ringway.explain.observed.model import Copy, Exchange, Hop, Sight
from ringway.explain.observed.registrations import (
    Registration,
    aor_of,
    granted,
    number,
    put_in_place,
    refreshes,
)
from ringway.transport.flow import DEFAULT_PORTS, UDP, Address

LARGE: Final = 1300
"""Octets above which a request is not to go over UDP (RFC 3261 §18.1.1)."""

_BEATS: Final = 64
_OF_A_USER: Final = 32
_UNREACHABLE: Final = 16
_MAPPED: Final = 16
_GENERATIONS: Final = 16
# Seconds after its end in which a message belongs to the old flow: one side may still send.
_TRAILING: Final = 1.0
_SERVERS: Final = frozenset(DEFAULT_PORTS.values())

_Pair = tuple[str, Address, Address]


class Beat(NamedTuple):
    """A sign of life on a flow.

    Attributes:
        at: seconds since the epoch.
        frames: the packets.
        source: who sent it.
        kind: crlf, stun, websocket or tcp.
        answer: True for a pong.
        mapped: the address that a STUN answer tells; None elsewhere.
    """

    at: float
    frames: tuple[int, ...]
    source: Address
    kind: str
    answer: bool
    mapped: Address | None


@dataclass(slots=True)
class History:
    """One flow from its beginning to its end, as far as it was seen.

    Attributes:
        transport: udp, tcp, tls, ws or wss.
        client: who opened it; on UDP, or if the capture begins later, who was seen to send first.
        server: the other side.
        begun: the first thing seen of it.
        opened: its handshake; None if it was not seen, and on UDP.
        closed: its end; None if it was not seen, and on UDP.
        how: how it ended: closed, reset or refused; empty if it did not.
        closed_by: who ended it; None if it did not end.
        last: the last message or sign of life.
        last_message: the last message; None if there was none.
        last_from: the last thing that each side sent.
        messages: how many messages were seen on it.
        beats: the latest signs of life, pings and pongs.
        mapped: each address that a STUN answer told, in the order they were first told.
        unreachable: the latest reports that a datagram on it could not be delivered.
        flow_timer: the seconds the server told in Flow-Timer; 0 if it told none (RFC 5626 §10).
        registrations: what was registered over it, a refresh in the place of what it refreshes.
        between: the longest time from one outbound registration to its refresh, as two times.
        passed: the octets of the largest datagram to each side that was answered, if it was large.
    """

    transport: str
    client: Address
    server: Address
    begun: Copy
    opened: Copy | None = None
    closed: Copy | None = None
    how: str = ""
    closed_by: Address | None = None
    last: Copy = field(default_factory=lambda: Copy(0.0, ()))
    last_message: Copy | None = None
    last_from: dict[Address, Copy] = field(default_factory=dict)
    messages: int = 0
    beats: list[Beat] = field(default_factory=list)
    mapped: list[Address] = field(default_factory=list)
    unreachable: list[Unreachable] = field(default_factory=list)
    flow_timer: int = 0
    registrations: list[Registration] = field(default_factory=list)
    between: tuple[float, float] = (0.0, 0.0)
    passed: dict[Address, int] = field(default_factory=dict)

    @property
    def hop(self) -> Hop:
        """From the client to the server."""
        return Hop(self.transport, self.client, self.server)

    def __str__(self) -> str:
        return f"{self.transport} {self.client} → {self.server}"

    def alive(self, at: float) -> bool:
        """Say whether it had begun and had not ended yet."""
        return self.begun.at <= at and (self.closed is None or at <= self.closed.at)

    def intervals(self) -> list[float]:
        """Return the seconds between the client's pings that are still known."""
        times = [each.at for each in self.beats if not each.answer and each.source == self.client]
        return [after - before for before, after in pairwise(times)]


class Flows:
    """The flows of a capture.

    Args:
        limit: flows that are remembered; the one that was silent the longest is forgotten first.
            As many users are, and addresses of them.
    """

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        # Longest-silent first; of each pair of addresses one flow after another.
        self._pairs: OrderedDict[_Pair, list[History]] = OrderedDict()
        self._closed: deque[History] = deque(maxlen=limit)
        self._users: OrderedDict[str, list[Registration]] = OrderedDict()
        self._behind: OrderedDict[Address, str] = OrderedDict()

    def see(self, item: Item) -> History | None:
        """Take in an item; return its flow, None if it is about none."""
        if isinstance(item, (Trouble, Decided, Tick)):
            return None
        copy = Copy(item.at, item.frames)
        if isinstance(item, Unreachable):
            history = self._current(UDP, item.source, item.target, copy)
            history.unreachable.append(item)
            del history.unreachable[:-_UNREACHABLE]
            return history
        if isinstance(item, Opened):
            history = History(item.transport, item.source, item.target, copy, copy)
            self._begin(_pair(item.transport, item.source, item.target), history)
        elif isinstance(item, Closed):
            history = self._current(item.transport, item.source, item.target, copy)
            self._close(history, item, copy)
            return history
        else:
            history = self._current(item.transport, item.source, item.target, copy)
            history.last_from[item.source] = copy
        history.last = copy
        if isinstance(item, Seen):
            history.messages += 1
            history.last_message = copy
        elif isinstance(item, KeepAlive):
            history.beats.append(
                Beat(item.at, item.frames, item.source, item.kind, item.answer, item.mapped)
            )
            del history.beats[:-_BEATS]
            if item.mapped is not None and item.mapped not in history.mapped[-_MAPPED:]:
                history.mapped.append(item.mapped)
                del history.mapped[:-_MAPPED]
        return history

    def registered(self, exchange: Exchange, response: Sight) -> None:
        """Take in a 2xx to a REGISTER; the tracer calls it."""
        history = self.at(exchange.hop, response.at)
        if history is not None and history.opened is None and exchange.hop.source != history.client:
            history.client, history.server = history.server, history.client
        if history is not None:
            history.flow_timer = number(response.message.get("flow-timer")) or history.flow_timer
        for each in granted(exchange, response) or self._removed(exchange, response):
            if history is not None:
                _refresh(history, each)
            known = self._users.setdefault(each.aor, [])
            known.append(each)
            del known[:-_OF_A_USER]
            self._users.move_to_end(each.aor)
            if len(self._users) > self._limit:
                self._users.popitem(last=False)
            if each.direct:
                self._behind[exchange.hop.source] = each.aor
                self._behind.move_to_end(exchange.hop.source)
                if len(self._behind) > self._limit:
                    self._behind.popitem(last=False)

    def arrived(self, exchange: Exchange, octets: int) -> None:
        """Take in that a large datagram was answered; the tracer calls it."""
        history = self.at(exchange.hop, exchange.at)
        if history is not None:
            target = exchange.hop.target
            history.passed[target] = max(octets, history.passed.get(target, 0))

    def of(self, hop: Hop) -> list[History]:
        """Return the flows between two places, either direction, the oldest first."""
        return list(self._pairs.get(_pair(*hop), ()))

    def at(self, hop: Hop, when: float) -> History | None:
        """Return the flow between two places that was there at a time, or ended last before it."""
        found = None
        for history in self._pairs.get(_pair(*hop), ()):
            if found is None or history.begun.at <= when:
                found = history
        return found

    def all(self) -> list[History]:
        """Return every flow that is remembered, the one that was silent the longest first."""
        return [history for histories in self._pairs.values() for history in histories]

    def now(self) -> float:
        """Return when the last thing was seen on any flow; 0 before there was one."""
        latest = next(reversed(self._pairs.values()), None)
        return 0.0 if latest is None else latest[-1].last.at

    def take_closed(self) -> list[History]:
        """Return the flows that closed since this was last asked."""
        closed = list(self._closed)
        self._closed.clear()
        return closed

    def bindings(self, aor: str, at: float | None = None) -> list[Registration]:
        """Return what is registered for a user.

        Args:
            aor: the URI, without parameters.
            at: only what had been registered and had not expired or been removed by then; all that
                is known if it is left out. The end of a flow does not count.

        Returns:
            The latest of each binding, in the order of registration.
        """
        found: list[Registration] = []
        for each in self._users.get(aor, ()):
            if at is None or each.at <= at:
                put_in_place(found, each)
        return [each for each in found if at is None or at < each.at + each.expires]

    def user(self, address: Address) -> str:
        """Return the AOR that was last registered from an address; empty if none was."""
        return self._behind.get(address, "")

    def _removed(self, exchange: Exchange, response: Sight) -> list[Registration]:
        """Return all bindings of a user, as removed, if "Contact: *" asked for it (§10.2.2)."""
        if exchange.request is None or not exchange.request.message.contact_star:
            return []
        frames = exchange.request.frames + response.frames
        return [
            each._replace(at=response.at, frames=frames, expires=0, direct=False)
            for each in self.bindings(aor_of(exchange.request), response.at)
        ]

    def _current(self, transport: str, source: Address, target: Address, copy: Copy) -> History:
        key = _pair(transport, source, target)
        histories = self._pairs.get(key)
        if histories is not None:
            self._pairs.move_to_end(key)
            history = histories[-1]
            if history.closed is None or copy.at < history.closed.at + _TRAILING:
                return history
        ends = (target, source) if _serves(source) and not _serves(target) else (source, target)
        history = History(transport, *ends, copy, last=copy)
        self._begin(key, history)
        return history

    def _begin(self, key: _Pair, history: History) -> None:
        histories = self._pairs.setdefault(key, [])
        self._pairs.move_to_end(key)
        histories.append(history)
        del histories[:-_GENERATIONS]
        if len(self._pairs) > self._limit:
            self._pairs.popitem(last=False)

    def _close(self, history: History, item: Closed, copy: Copy) -> None:
        if history.closed is not None:
            return
        history.closed = copy
        history.how = item.how
        history.closed_by = item.source
        if item.how == "refused" and history.opened is None:
            # Who refuses had been asked (RFC 9293 §3.5.2).
            history.client, history.server = item.target, item.source
        self._closed.append(history)


def _refresh(history: History, new: Registration) -> None:
    for each in history.registrations:
        if each.outbound and each.expires and refreshes(new, each):
            spans = (history.between, (each.at, new.at))
            history.between = max(spans, key=lambda span: span[1] - span[0])
    put_in_place(history.registrations, new)


def _serves(address: Address) -> bool:
    return address.port in _SERVERS


def _pair(transport: str, source: Address, target: Address) -> _Pair:
    return (transport, source, target) if source <= target else (transport, target, source)
