"""What a driver drives: an endpoint, seen from the sockets."""

from __future__ import annotations

from typing import Protocol

from ringway.transport.flow import Address, Flow, NextHop

__all__ = ["Driven"]


class Driven(Protocol):
    """Takes what happened and the time, in seconds; gives commands. See `ringway.endpoint`."""

    def datagram_received(self, data: bytes, local: Address, remote: Address, now: float) -> None:
        """Take a datagram that came to the socket bound to ``local``."""

    def datagram_failed(self, flow: Flow, reason: str, now: float) -> None:
        """Take an ICMP error: nobody is at the other end of a UDP flow."""

    def flow_opened(
        self,
        transport: str,
        local: Address,
        remote: Address,
        now: float,
        *,
        target: NextHop | None = None,
        names: tuple[str, ...] = (),
    ) -> Flow:
        """Take a new connection, accepted or (with ``target``) opened on `Connect`."""

    def data_received(self, flow: Flow, data: bytes, now: float) -> None:
        """Take bytes that were read from a connection."""

    def flow_closed(self, flow: Flow, reason: str, now: float) -> None:
        """Take the end of a connection."""

    def connect_failed(self, target: NextHop, reason: str, now: float) -> None:
        """Take that `Connect` came to nothing."""

    def resolved(self, key: int, targets: list[NextHop], now: float) -> None:
        """Take the answer to `Resolve`."""

    def take_commands(self) -> list[object]:
        """Return what is to be done, in order, and forget it."""

    def next_timer(self) -> float | None:
        """Return when `handle_timers` is to be called; None when nothing waits."""

    def handle_timers(self, now: float) -> None:
        """Fire what is due."""
