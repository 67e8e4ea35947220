"""A timer of a transaction: when it is due, the machine gets its input (RFC 3261 §17)."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from ringway.endpoint.schedule import Timer
from ringway.transaction import Input

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class Machines(Protocol[T_contra]):
    """Who runs the transactions."""

    def fired(self, transaction: T_contra, symbol: Input, now: float, /) -> None:
        """Take a timer of a transaction."""


class TransactionTimer(Timer, Generic[T]):
    """A timer of a client or server transaction; it lets go of the transaction when it is over.

    Args:
        at: when it is due, in seconds.
        machines: who is told.
        transaction: whose timer it is.
        symbol: what the machine gets.
    """

    __slots__ = ("_machines", "_symbol", "_transaction")

    def __init__(self, at: float, machines: Machines[T], transaction: T, symbol: Input) -> None:
        self.at = at  # not by super(): three of these are made for each request
        self.active = True
        self.queue = None
        self._machines = machines
        self._transaction: T | None = transaction
        self._symbol = symbol

    def happen(self, now: float) -> None:
        """Tell the machine."""
        transaction = self._transaction
        self._transaction = None
        assert transaction is not None  # noqa: S101 - it is let go only when cancelled
        self._machines.fired(transaction, self._symbol, now)

    def let_go(self) -> None:
        """Forget the transaction: the timer was cancelled."""
        self._transaction = None
