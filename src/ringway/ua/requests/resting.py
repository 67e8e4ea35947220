"""Servers that want to be left alone for a while: 503 with Retry-After (RFC 3261 §21.5.4)."""

from __future__ import annotations

from typing import Final

from ringway.transport.flow import Address, Flow, NextHop

_MOST: Final = 1000


class Resting:
    """The servers that no request of a user agent is sent to for now."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, Address], float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def rest(self, server: Flow | NextHop, seconds: float, now: float) -> None:
        """Leave a server alone.

        Args:
            server: where the request had gone.
            seconds: for how long.
            now: seconds.
        """
        if len(self._until) >= _MOST:
            self._until = {key: until for key, until in self._until.items() if until > now}
        if len(self._until) < _MOST:
            self._until[_place(server)] = now + seconds

    def left(self, server: Flow | NextHop, now: float) -> float:
        """Return for how many seconds more a server is to be left alone; 0 if it is not."""
        key = _place(server)
        until = self._until.get(key)
        if until is None:
            return 0.0
        if until <= now:
            del self._until[key]
            return 0.0
        return until - now


def _place(server: Flow | NextHop) -> tuple[str, Address]:
    address = server.remote if isinstance(server, Flow) else server.address
    return server.transport, address
