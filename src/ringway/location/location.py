"""The location service: which bindings an address-of-record has now (RFC 3261 §10, RFC 5626 §6-7).

Pure and synchronous: everything is in memory and `now` is an argument. The proxy asks for each
request, so `bindings` returns the stored tuple itself unless something in it has lapsed. A second
index goes from flow to addresses-of-record, because a closed connection invalidates every binding
on it, whatever the address-of-record (RFC 5626 §7). What went is remembered for a while, so that a
480 can say why nobody is there.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ringway.location.binding import Binding, Key
from ringway.location.changes import BindingChange, Put
from ringway.transport.flow import Flow

LOST_AORS: Final = 10_000
LOST_PER_AOR: Final = 4
LOST_SECONDS: Final = 3600.0
EXPIRE_BATCH: Final = 2_000
_AGENDA_SLACK: Final = 1_000


@dataclass(frozen=True, slots=True)
class Lost:
    """A binding that went, when and why.

    Attributes:
        binding: the binding as it was.
        at: when it went, in seconds on the core's clock.
        reason: why, in plain words.
    """

    binding: Binding
    at: float
    reason: str


class Location:
    """The bindings of every address-of-record."""

    __slots__ = ("_agenda", "_by_aor", "_by_flow", "_count", "_lost")

    def __init__(self, bindings: Iterable[Binding] = ()) -> None:
        self._by_aor: dict[str, tuple[Binding, ...]] = {}
        # One address-of-record on a flow is the rule, so a set is only made for the second.
        self._by_flow: dict[Flow, str | set[str]] = {}
        # (when, aor): at or before the first expiry of each address-of-record, maybe more often.
        self._agenda: list[tuple[float, str]] = []
        self._lost: OrderedDict[str, tuple[Lost, ...]] = OrderedDict()
        self._count = 0
        for binding in bindings:
            self._put(binding)

    def __len__(self) -> int:
        return self._count

    # Reading

    def bindings(self, aor: str, now: float) -> tuple[Binding, ...]:
        """The current bindings of an address-of-record, in the order they were first registered."""
        found = self._by_aor.get(aor)
        if found is None:
            return ()
        for binding in found:
            if binding.expires_at <= now:
                return tuple([each for each in found if each.expires_at > now])
        return found

    def find_instance(self, aor: str, instance: str, now: float) -> tuple[Binding, ...]:
        """The current bindings of one instance: its flows, of which one is tried at a time."""
        return tuple([each for each in self.bindings(aor, now) if each.instance == instance])

    def get(self, aor: str, key: Key) -> Binding | None:
        """The binding with this key, lapsed or not; None if there is none."""
        for binding in self._by_aor.get(aor, ()):
            if binding.key == key:
                return binding
        return None

    def on_flow(self, flow: Flow) -> tuple[Binding, ...]:
        """Every binding that a flow carries, whatever the address-of-record."""
        return tuple(
            [
                binding
                for aor in self._aors_on(flow)
                for binding in self._by_aor[aor]
                if binding.flow == flow
            ]
        )

    def aors(self, now: float) -> Iterator[str]:
        """Every address-of-record with a current binding; do not change anything meanwhile."""
        return (aor for aor in self._by_aor if self.bindings(aor, now))

    def lost(self, aor: str, now: float) -> tuple[Lost, ...]:
        """Why bindings of an address-of-record went, latest last; an hour, and four, at most.

        A binding that came back is not in it.
        """
        return tuple([each for each in self._lost.get(aor, ()) if now - each.at < LOST_SECONDS])

    # Changing

    def apply(self, changes: Iterable[BindingChange], now: float) -> None:
        """Make changes visible, in order.

        Args:
            changes: puts and drops; a drop of what is not there changes nothing.
            now: seconds on the core's clock.
        """
        for change in changes:
            if isinstance(change, Put):
                self._put(change.binding)
            else:
                current = self.get(change.binding.aor, change.binding.key)
                if current is not None:
                    self._take_out(current, change.reason, now)

    def remove(self, binding: Binding, reason: str, now: float) -> bool:
        """Take out this very binding, unless it was refreshed or replaced since it was read.

        Args:
            binding: as `bindings` gave it.
            reason: why, in plain words.
            now: seconds on the core's clock.

        Returns:
            True when it was current; the caller then persists the drop of a durable binding
            (`durable_drops`).
        """
        if self.get(binding.aor, binding.key) != binding:
            return False
        self._take_out(binding, reason, now)
        return True

    def invalidate_flow(self, flow: Flow, reason: str, now: float) -> tuple[Binding, ...]:
        """Take out every binding on a flow that will deliver nothing any more (RFC 5626 §7).

        Args:
            flow: the connection that closed, or the UDP flow that ICMP reported.
            reason: why, in plain words.
            now: seconds on the core's clock.

        Returns:
            What was taken out; the caller persists the drops of the durable ones.
        """
        removed = self.on_flow(flow)
        for binding in removed:
            self._take_out(binding, reason, now)
        return removed

    def next_expiry(self) -> float | None:
        """When to call `expire` next, in seconds on the core's clock; None: nothing to wait for."""
        return self._agenda[0][0] if self._agenda else None

    def expire(self, now: float) -> tuple[Binding, ...]:
        """Take out what has lapsed; a bounded part at a time, so look at `next_expiry` again.

        Returns:
            What was taken out; the caller persists the drops of the durable ones.
        """
        removed: list[Binding] = []
        for _ in range(EXPIRE_BATCH):
            if not self._agenda or self._agenda[0][0] > now:
                break
            aor = heapq.heappop(self._agenda)[1]
            lapsed = [each for each in self._by_aor.get(aor, ()) if each.expires_at <= now]
            for binding in lapsed:
                self._take_out(binding, "it expired", now)
            removed += lapsed
            rest = self._by_aor.get(aor)
            if rest:
                heapq.heappush(self._agenda, (_first_expiry(rest), aor))
        return tuple(removed)

    # The one place each that changes the two indexes

    def _put(self, binding: Binding) -> None:
        aor = binding.aor
        key = binding.key
        before = self._by_aor.get(aor, ())
        for index, old in enumerate(before):
            if old.key == key:
                if old.flow is not None and old.flow != binding.flow:
                    self._by_aor[aor] = before[:index] + before[index + 1 :]
                    self._unlink(old.flow, aor)
                after = (*before[:index], binding, *before[index + 1 :])
                break
        else:
            after = (*before, binding)
            self._count += 1
        self._by_aor[aor] = after
        if binding.flow is not None:
            self._link(binding.flow, aor)
        if not before or binding.expires_at < _first_expiry(before):
            self._schedule(binding.expires_at, aor)
        if aor in self._lost:
            self._forget_lost(binding)

    def _take_out(self, binding: Binding, reason: str, now: float) -> None:
        aor = binding.aor
        key = binding.key
        rest = tuple([each for each in self._by_aor[aor] if each.key != key])
        if rest:
            self._by_aor[aor] = rest
        else:
            del self._by_aor[aor]
        self._count -= 1
        if binding.flow is not None:
            self._unlink(binding.flow, aor)
        if reason:
            self._remember_lost(Lost(binding, now, reason))

    # The flow index

    def _aors_on(self, flow: Flow) -> tuple[str, ...]:
        held = self._by_flow.get(flow)
        if held is None:
            return ()
        return (held,) if isinstance(held, str) else tuple(held)

    def _link(self, flow: Flow, aor: str) -> None:
        held = self._by_flow.get(flow)
        if held is None or held == aor:
            self._by_flow[flow] = aor
        elif isinstance(held, str):
            self._by_flow[flow] = {held, aor}
        else:
            held.add(aor)

    def _unlink(self, flow: Flow, aor: str) -> None:
        """Let go of a flow for an address-of-record that has no other binding on it."""
        if any(each.flow == flow for each in self._by_aor.get(aor, ())):
            return
        held = self._by_flow[flow]
        if isinstance(held, set) and len(held) > 1:
            held.discard(aor)
        else:
            del self._by_flow[flow]

    # The agenda of expiries

    def _schedule(self, at: float, aor: str) -> None:
        heapq.heappush(self._agenda, (at, aor))
        # Phones that come and go leave entries behind; start over before they are the most of it.
        if len(self._agenda) > 2 * len(self._by_aor) + _AGENDA_SLACK:
            self._agenda = [(_first_expiry(held), aor) for aor, held in self._by_aor.items()]
            heapq.heapify(self._agenda)

    # The memory of what went

    def _remember_lost(self, lost: Lost) -> None:
        aor = lost.binding.aor
        kept = (*self._lost.pop(aor, ()), lost)
        self._lost[aor] = kept[-LOST_PER_AOR:]
        if len(self._lost) > LOST_AORS:
            self._lost.popitem(last=False)

    def _forget_lost(self, binding: Binding) -> None:
        rest = tuple([each for each in self._lost[binding.aor] if not _same(each, binding)])
        if rest:
            self._lost[binding.aor] = rest
        else:
            del self._lost[binding.aor]


def _first_expiry(bindings: tuple[Binding, ...]) -> float:
    return min([binding.expires_at for binding in bindings])


def _same(lost: Lost, binding: Binding) -> bool:
    """True when a new binding is of what was lost: the same instance, or the same key."""
    old = lost.binding
    return old.key == binding.key or (old.instance != "" and old.instance == binding.instance)
