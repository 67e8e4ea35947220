"""Who is asked whether a connection may come in, before anything is spent on it."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Door", "PlainDoor"]


class Door(Protocol):
    """Counts connections and keeps them within bounds."""

    def connects(self, host: str, now: float, *, accepted: bool) -> str:
        """Take a connection into the count; ``disconnected`` takes it out.

        Args:
            host: the peer's address.
            now: seconds.
            accepted: False for one that we opened.

        Returns:
            Why it is closed at once, and not counted; empty when it may stay.
        """

    def disconnected(self, host: str, *, accepted: bool) -> None:
        """Take a connection out of the count."""

    def handshake_begins(self, host: str) -> bool:
        """Take a TLS handshake into the count; ``handshake_ended`` takes it out.

        Returns:
            False when there are too many from there: it is not counted, and closed at once.
        """

    def handshake_ended(self, host: str) -> None:
        """Take a TLS handshake out of the count, however it ended."""

    def hit(self, bound: str) -> None:
        """Count that a bound was met: handshakes, handshake_time, write_buffer or open_files."""


class PlainDoor:
    """Knows no bound but the number of connections.

    Args:
        most: connections at one time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._connections = 0

    def connects(self, host: str, now: float, *, accepted: bool) -> str:  # noqa: ARG002 - see Door
        """See `Door`."""
        if self._connections >= self._most:
            return "too many connections"
        self._connections += 1
        return ""

    def disconnected(self, host: str, *, accepted: bool) -> None:  # noqa: ARG002 - see Door
        """See `Door`."""
        self._connections -= 1

    def handshake_begins(self, host: str) -> bool:  # noqa: ARG002 - see Door
        """See `Door`."""
        return True

    def handshake_ended(self, host: str) -> None:
        """See `Door`."""

    def hit(self, bound: str) -> None:
        """See `Door`."""
