"""The store that forgets: nothing outlives the process.

It keeps what it was given as long as it lives, so that tests can restart a server on it.
"""

from __future__ import annotations

from ringway.errors import StoreError
from ringway.location import (
    Binding,
    Change,
    Drop,
    Key,
    Put,
    PutRedirect,
    RedirectRule,
    RuleKey,
)


class MemoryStore:
    """A `ringway.location.Store` in memory; every commit is done when it returns."""

    __slots__ = ("_bindings", "_closed", "_rules")

    def __init__(self) -> None:
        self._bindings: dict[tuple[str, Key], Binding] = {}
        self._rules: dict[RuleKey, RedirectRule] = {}
        self._closed = False

    async def load(self, now: float) -> tuple[list[Binding], list[RedirectRule]]:
        """Everything that is kept and has not lapsed; opens the store again after `close`."""
        self._closed = False
        bindings = {k: each for k, each in self._bindings.items() if each.expires_at > now}
        rules = {
            k: each for k, each in self._rules.items() if each.until is None or each.until > now
        }
        self._bindings, self._rules = bindings, rules
        return list(bindings.values()), list(rules.values())

    async def commit(self, changes: tuple[Change, ...]) -> None:
        """Keep the changes.

        Raises:
            StoreError: the store was closed.
        """
        if self._closed:
            raise StoreError("the store is closed")
        for change in changes:
            match change:
                case Put(binding):
                    self._bindings[(binding.aor, binding.key)] = binding
                case Drop(binding):
                    self._drop(binding)
                case PutRedirect(rule):
                    self._rules[rule.key] = rule
                case _:  # DropRedirect
                    self._rules.pop(change.rule.key, None)

    async def close(self) -> None:
        """Take no more commits."""
        self._closed = True

    def _drop(self, binding: Binding) -> None:
        kept = self._bindings.get((binding.aor, binding.key))
        if kept is not None and kept.registered_at <= binding.registered_at:
            del self._bindings[(binding.aor, binding.key)]
