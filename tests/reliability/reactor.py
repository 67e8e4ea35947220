"""One thread that serves many thousand sockets: epoll and timers, nothing else."""

import contextlib
import heapq
import itertools
import select
import socket
import time
from collections.abc import Callable
from typing import Final

_EVENTS: Final = 1024


class Timer:
    """Something to be done later, unless it is cancelled."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], None]) -> None:
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class Reactor:
    """Waits for sockets and for the time."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._ready: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    def watch(
        self, sock: socket.socket, ready: Callable[[], None], *, writing: bool = False
    ) -> None:
        """Call `ready` whenever the socket can be read; or, while connecting, be written."""
        events = select.EPOLLOUT if writing else select.EPOLLIN
        if sock.fileno() in self._ready:
            self._epoll.modify(sock.fileno(), events)
        else:
            self._epoll.register(sock.fileno(), events)
        self._ready[sock.fileno()] = ready

    def forget(self, sock: socket.socket) -> None:
        if self._ready.pop(sock.fileno(), None) is not None:
            with contextlib.suppress(OSError):
                self._epoll.unregister(sock.fileno())

    def after(self, seconds: float, call: Callable[[], None]) -> Timer:
        timer = Timer(call)
        due = time.monotonic() + seconds
        heapq.heappush(self._timers, (due, next(self._order), timer))
        return timer

    def turn(self, longest: float = 0.0) -> None:
        """Serve what is ready and due, after waiting for it for so many seconds at most."""
        timers = self._timers
        if timers:
            longest = max(0.0, min(longest, timers[0][0] - time.monotonic()))
        for number, _ in self._epoll.poll(longest, _EVENTS):
            ready = self._ready.get(number)
            if ready is not None:
                ready()
        now = time.monotonic()
        while timers and timers[0][0] <= now:
            timer = heapq.heappop(timers)[2]
            if timer.call is not None:
                timer.call()

    def until(self, done: Callable[[], bool], seconds: float, what: str) -> None:
        """Serve until something is so; fail after so many seconds."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds:g} s: {what}")
            self.turn(0.05)

    def serve(self, seconds: float) -> None:
        """Serve for so many seconds."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.turn(min(left, 0.05))

    def close(self) -> None:
        self._epoll.close()
