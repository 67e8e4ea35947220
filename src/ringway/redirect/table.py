"""The redirect rules of every address-of-record, in memory, and the making of new ones.

Pure like the location service, kept by the same store. A rule that has ended is as good as gone: a
redirect never becomes permanent by accident (RFC 3261 §21.3.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ringway.errors import ParseError
from ringway.location import (
    DropRedirect,
    PutRedirect,
    RedirectChange,
    RedirectRule,
    When,
    aor_of,
)
from ringway.message import Uri, parse_uri

STATUSES: Final = (300, 301, 302, 305)


def make_rule(
    aor: str,
    targets: Sequence[tuple[str, float]],
    *,
    status: int = 302,
    when: When = When.ALWAYS,
    until: float | None = None,
) -> RedirectRule:
    """Make a rule that can be answered with.

    Args:
        aor: the canonical address-of-record (`ringway.location.aor_of`).
        targets: (URI, q) pairs.
        status: 300, 301, 302 or 305.
        when: what has to happen before it answers.
        until: when it ends, in seconds on the core's clock; None: until it is cleared.

    Raises:
        ValueError: it makes no rule; the message says what is allowed.
    """
    if status not in STATUSES:
        raise ValueError(f"a redirect is answered with 300, 301, 302 or 305, not {status}")
    if not targets:
        raise ValueError("a redirect needs a target")
    for text, q in targets:
        uri = _parse_target(text)
        if status == 305 and not uri.is_sip:
            raise ValueError(f"{text!r} is no proxy; 305 needs a sip or sips URI")
        if aor_of(uri) == aor and status != 305:
            raise ValueError(f"{text!r} would send callers back to where they come from")
        if not 0.0 <= q <= 1.0:
            raise ValueError(f"q is {q} for {text!r}; it must be from 0 to 1")
    best_first = tuple(sorted(targets, key=lambda target: -target[1]))
    return RedirectRule(aor=aor, targets=best_first, status=status, when=when, until=until)


def _parse_target(text: str) -> Uri:
    try:
        return parse_uri(text)
    except ParseError as error:
        raise ValueError(f"{text!r} is no target: {error.reason}") from error


class RedirectTable:
    """The redirect rules of every address-of-record: one for each `When`."""

    __slots__ = ("_by_aor",)

    def __init__(self, rules: Iterable[RedirectRule] = ()) -> None:
        self._by_aor: dict[str, tuple[RedirectRule, ...]] = {}
        self.apply(PutRedirect(rule) for rule in rules)

    def find(self, aor: str, when: When, now: float) -> RedirectRule | None:
        """The rule that answers in this case, if it has not ended.

        Args:
            aor: the canonical address-of-record.
            when: what happened; ALWAYS before anything was tried.
            now: seconds on the core's clock.
        """
        for rule in self._by_aor.get(aor, ()):
            if rule.when is when and not _ended(rule, now):
                return rule
        return None

    def rules(self, now: float, aor: str | None = None) -> Iterator[RedirectRule]:
        """The rules that have not ended, of one address-of-record or of all, for a listing."""
        held = self._by_aor.values() if aor is None else [self._by_aor.get(aor, ())]
        return (rule for rules in held for rule in rules if not _ended(rule, now))

    def clear(self, aor: str, when: When | None = None) -> tuple[DropRedirect, ...]:
        """The changes that clear the rules of an address-of-record, ended or not.

        Nothing is changed yet: the caller emits `Persist` and calls `apply` when it is done.

        Args:
            aor: the canonical address-of-record.
            when: which of its rules; None: all.
        """
        return tuple(
            [DropRedirect(rule) for rule in self._by_aor.get(aor, ()) if when in {None, rule.when}]
        )

    def expire(self, now: float) -> tuple[DropRedirect, ...]:
        """The changes that clear what has ended; persist and apply them as those of `clear`."""
        return tuple(
            [
                DropRedirect(rule)
                for rules in self._by_aor.values()
                for rule in rules
                if _ended(rule, now)
            ]
        )

    def apply(self, changes: Iterable[RedirectChange]) -> None:
        """Make changes visible, in order; a drop of what is not there changes nothing."""
        for change in changes:
            rule = change.rule
            rest = tuple([each for each in self._by_aor.get(rule.aor, ()) if each.key != rule.key])
            if isinstance(change, PutRedirect):
                rest = (*rest, rule)
            if rest:
                self._by_aor[rule.aor] = rest
            else:
                self._by_aor.pop(rule.aor, None)


def _ended(rule: RedirectRule, now: float) -> bool:
    return rule.until is not None and rule.until <= now
