"""Redirects while no server runs: set in the SQLite store that the next one starts with.

The state directory is locked meanwhile, so that no server starts in the middle of it.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from ringway.aio.stores import SqliteStore
from ringway.cli.live import NoServerError
from ringway.errors import ConfigError
from ringway.location import Change, PutRedirect, RedirectRule, Synonyms, When
from ringway.redirect import RedirectTable, make_rule
from ringway.server.config.load import load_config
from ringway.server.keys import StateDir
from ringway.server.operations.control import read_when, redirect_facts
from ringway.server.wiring import in_order, synonyms_of, user_aor

__all__ = ["Shelf", "open_shelf"]


class Shelf:
    """The redirect rules in a store that no server uses now.

    Args:
        state_dir: the server's.
        path: the SQLite file.
        domains: of the server; the first is meant by a user without a domain.
        synonyms: other hosts for its domains, as far as its configuration says.
    """

    def __init__(
        self, state_dir: Path, path: Path, domains: tuple[str, ...], synonyms: Synonyms
    ) -> None:
        self._state_dir = state_dir
        self._path = path
        self._domains = domains
        self._synonyms = synonyms

    def rules(self, user: str | None) -> list[dict[str, object]]:
        """The rules that stand."""
        now = time.time()
        table = RedirectTable(self._load(now))
        aor = None if user is None else self._aor(user)
        return [redirect_facts(rule, now) for rule in table.rules(now, aor)]

    def set(self, question: dict[str, Any]) -> dict[str, object]:
        """Set a rule; the question is that of `ringway.server.operations.control`."""
        now = time.time()
        seconds = question["seconds"]
        rule = make_rule(
            self._aor(question["aor"]),
            in_order(question["to"]),
            status=question["status"],
            when=read_when(question["when"]),
            until=None if seconds is None else now + seconds,
        )
        self._commit((PutRedirect(rule),), now)
        return redirect_facts(rule, now)

    def clear(self, user: str, when: str | None) -> int:
        """Clear a user's rules, or the one for one case."""
        now = time.time()
        case: When | None = read_when(when) if when else None
        changes = RedirectTable(self._load(now)).clear(self._aor(user), case)
        self._commit(changes, now)
        return len(changes)

    def _aor(self, user: str) -> str:
        if not self._domains and "@" not in user:
            raise ConfigError(
                "command line",
                "USER",
                user,
                f"a whole address, for instance sip:{user}@example.com",
            )
        return user_aor(user, self._domains, self._synonyms)

    def _load(self, now: float) -> list[RedirectRule]:
        async def load() -> list[RedirectRule]:
            store = SqliteStore(self._path)
            try:
                _, rules = await store.load(now)
            finally:
                await store.close()
            return rules

        if not self._path.exists():
            return []
        with StateDir(self._state_dir):
            return asyncio.run(load())

    def _commit(self, changes: tuple[Change, ...], now: float) -> None:
        async def commit() -> None:
            store = SqliteStore(self._path, group_seconds=0.0)
            try:
                await store.load(now)
                await store.commit(changes)
            finally:
                await store.close()

        if changes:
            with StateDir(self._state_dir):
                asyncio.run(commit())


def open_shelf(config: Path | None, state_dir: Path, absent: NoServerError) -> Shelf:
    """The store of a server that does not run.

    Args:
        config: its configuration file.
        state_dir: its state directory.
        absent: raised when its store is memory, so that there is nothing to act on.

    Raises:
        ConfigError: the configuration has a fault.
        NoServerError: nothing can be done without a server.
    """
    settings = load_config(config, options={"state_dir": str(state_dir)})
    if settings.store_path is None:
        raise absent
    return Shelf(state_dir, settings.store_path, settings.domains, synonyms_of(settings))
