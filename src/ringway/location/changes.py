"""What can happen to the location service, as values: applied to memory and written to the store.

A tuple of changes is one unit: a store commits all of it or nothing, so that a REGISTER is
processed completely or not at all (RFC 3261 §10.3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from ringway.errors import StoreError
from ringway.location.binding import Binding
from ringway.location.rule import RedirectRule


@dataclass(frozen=True, slots=True)
class Put:
    """Add a binding, or replace the one with its key."""

    binding: Binding


@dataclass(frozen=True, slots=True)
class Drop:
    """Take out the binding with this binding's key.

    Attributes:
        binding: the binding as it was.
        reason: why, in plain words, for the Warning of a later 480; "" when another took its place.
    """

    binding: Binding
    reason: str


@dataclass(frozen=True, slots=True)
class PutRedirect:
    """Set a redirect rule, or replace the one with its key."""

    rule: RedirectRule


@dataclass(frozen=True, slots=True)
class DropRedirect:
    """Clear the redirect rule with this rule's key."""

    rule: RedirectRule


BindingChange: TypeAlias = Put | Drop
RedirectChange: TypeAlias = PutRedirect | DropRedirect
Change: TypeAlias = Put | Drop | PutRedirect | DropRedirect


@dataclass(frozen=True, slots=True)
class Persist:
    """Command: commit the changes to the store, as one unit.

    The shell calls `done(error, now)` exactly once when it is on disk, with None, or when it
    failed, with the error. It may call it at once when the store is memory.
    """

    changes: tuple[Change, ...]
    done: Callable[[StoreError | None, float], None]


def durable_drops(removed: Iterable[Binding], reason: str) -> tuple[Drop, ...]:
    """The drops that the store must hear of when bindings went: those it may hold.

    Args:
        removed: what `Location.expire`, `invalidate_flow` or a successful `remove` took out.
        reason: why, in plain words.
    """
    return tuple(Drop(binding, reason) for binding in removed if binding.durable)
