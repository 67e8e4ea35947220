"""Timers: started and cancelled in constant time, whatever their number.

Nearly every timer runs one of a few lengths (T1, T4, 64*T1, timer C) and nearly every one is
cancelled. So timers of one length share a lane: they come due in the order they were started, and
a lane is a queue. What fits no lane goes into a heap. A cancelled timer lets go of what it would
have called at once; its shell is thrown away when it gets to the front, or when most of a lane is
shells.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from typing import Final, Protocol

_MOST_LANES: Final = 32
_SHELLS_WORTH_A_SWEEP: Final = 256


class Timer:
    """Something that is to happen; ``cancel`` it when it is no longer wanted.

    Attributes:
        at: when it is due, in seconds on the core's clock.
        active: True until it has fired or was cancelled.
    """

    __slots__ = ("active", "at", "queue")

    def __init__(self, at: float) -> None:
        self.at = at
        self.active = True
        self.queue: _Queue | None = None  # the schedule's

    def cancel(self) -> None:
        """Make sure it does not happen; harmless if it has happened already."""
        if self.active:
            self.active = False
            self.let_go()
            queue = self.queue
            if queue is not None:
                self.queue = None
                queue.note_cancelled()

    def happen(self, now: float) -> None:
        """Do what the timer is for, and let go of what that needs; the schedule calls this."""

    def let_go(self) -> None:
        """Drop what ``happen`` would need: a cancelled timer may lie in its queue for long."""


class CallTimer(Timer):
    """A timer that calls a function with the time."""

    __slots__ = ("_callback",)

    def __init__(self, at: float, callback: Callable[[float], None]) -> None:
        super().__init__(at)
        self._callback: Callable[[float], None] | None = callback

    def happen(self, now: float) -> None:
        """Make the call."""
        callback = self._callback
        self._callback = None
        assert callback is not None  # noqa: S101 - it is let go only when cancelled
        callback(now)

    def let_go(self) -> None:
        """Drop the function, which often is a method of something large."""
        self._callback = None


class _Queue(Protocol):
    def note_cancelled(self) -> None: ...


class _Lane:
    """Timers of one length, in the order they come due."""

    __slots__ = ("shells", "timers")

    def __init__(self) -> None:
        self.timers: deque[Timer] = deque()
        self.shells = 0

    def note_cancelled(self) -> None:
        self.shells += 1
        if self.shells > _SHELLS_WORTH_A_SWEEP and self.shells * 2 > len(self.timers):
            self.timers = deque(timer for timer in self.timers if timer.active)
            self.shells = 0

    def first(self) -> Timer | None:
        timers = self.timers
        while timers:
            timer = timers[0]
            if timer.active:
                return timer
            timers.popleft()
            self.shells -= 1
        return None

    def take_due(self, now: float, due: list[Timer]) -> None:
        timers = self.timers
        while timers:
            timer = timers[0]
            if not timer.active:
                self.shells -= 1
            elif timer.at > now:
                return
            else:
                timer.queue = None
                due.append(timer)
            timers.popleft()


class _Heap:
    """Timers of any length."""

    __slots__ = ("_count", "_entries", "_shells")

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, Timer]] = []
        self._count = 0
        self._shells = 0

    def add(self, timer: Timer) -> None:
        self._count += 1
        heappush(self._entries, (timer.at, self._count, timer))

    def note_cancelled(self) -> None:
        self._shells += 1
        if self._shells > _SHELLS_WORTH_A_SWEEP and self._shells * 2 > len(self._entries):
            self._entries = [entry for entry in self._entries if entry[2].active]
            heapify(self._entries)
            self._shells = 0

    def first(self) -> Timer | None:
        entries = self._entries
        while entries:
            timer = entries[0][2]
            if timer.active:
                return timer
            heappop(entries)
            self._shells -= 1
        return None

    def take_due(self, now: float, due: list[Timer]) -> None:
        timer = self.first()
        while timer is not None and timer.at <= now:
            heappop(self._entries)
            timer.queue = None
            due.append(timer)
            timer = self.first()


class Schedule:
    """All timers of one endpoint."""

    __slots__ = ("_first", "_heap", "_lanes")

    def __init__(self) -> None:
        self._lanes: dict[float, _Lane] = {}
        self._heap = _Heap()
        # The timer that is due first, as long as it is active; asked for with every message.
        self._first: Timer | None = None

    def start(self, timer: Timer, now: float) -> None:
        """Have ``timer`` fire when it is due."""
        self.start_after(timer, round(timer.at - now, 3))

    def start_after(self, timer: Timer, length: float) -> None:
        """Have ``timer`` fire when it is due, which is ``length`` seconds from now."""
        at = timer.at
        first = self._first
        if first is not None and at < first.at:
            self._first = timer
        lane = self._lanes.get(length)
        if lane is None:
            lane = self._new_lane(length)
        if lane is None or (lane.timers and lane.timers[-1].at > at):
            timer.queue = self._heap
            self._heap.add(timer)
        else:
            timer.queue = lane
            lane.timers.append(timer)

    def next_due(self) -> float | None:
        """Return when the next timer is due, None if there is none."""
        first = self._first
        if first is None or not first.active:
            first = self._heap.first()
            for lane in self._lanes.values():
                timer = lane.first()
                if timer is not None and (first is None or timer.at < first.at):
                    first = timer
            self._first = first
        return None if first is None else first.at

    def fire_due(self, now: float) -> None:
        """Fire what is due at ``now``, in order, with what that starts for ``now`` or before.

        When one raises, the rest stay due: the next call fires them.
        """
        while True:
            due: list[Timer] = []
            self._heap.take_due(now, due)
            for lane in self._lanes.values():
                lane.take_due(now, due)
            if not due:
                return
            self._first = None
            if len(due) > 1:
                due.sort(key=_at)
            rest = iter(due)
            try:
                for timer in rest:
                    if timer.active:
                        timer.active = False
                        timer.happen(now)
            finally:
                self._keep(rest)

    def _keep(self, timers: Iterator[Timer]) -> None:
        """Take back due timers whose turn has not come: one before them raised."""
        for timer in timers:
            if timer.active:
                self._first = None
                timer.queue = self._heap
                self._heap.add(timer)

    def _new_lane(self, length: float) -> _Lane | None:
        if len(self._lanes) >= _MOST_LANES:
            idle = [each for each, lane in self._lanes.items() if not lane.timers]
            if not idle:
                return None
            for each in idle:
                del self._lanes[each]
        lane = self._lanes[length] = _Lane()
        return lane


def _at(timer: Timer) -> float:
    return timer.at
