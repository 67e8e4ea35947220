"""The SQLite store: bindings and redirect rules that survive a restart and a power cut.

One thread does all the disk work, so the event loop never waits for a disk and SQLite sees one
user. What comes within a few milliseconds shares one transaction and one flush of the disk: a
commit returns only when it is flushed (WAL, synchronous=FULL), and a thousand of them cost little
more than one. While a flush lasts, what comes waits for the next, so a slow disk makes larger
groups instead of a queue; and a disk that hangs makes neither without bound.

The file is ours alone while it is open (locking_mode=EXCLUSIVE): no second server can share it
unknowingly, and the index of the WAL is in memory of ours. In a mapped file it would end the
process, calls and all, on a file system that takes no more writes (SIGBUS).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from ringway.aio.stores import rows
from ringway.aio.stores.boot import Boot, read_boot
from ringway.errors import StoreError
from ringway.location import Binding, Change, Drop, Put, PutRedirect, RedirectRule

GROUP_SECONDS: Final = 0.005
LOCK_SECONDS: Final = 5.0
MOST_PENDING: Final = 50_000
STEP_SECONDS: Final = 1.0
"""A clock that differs by less was not set: reading two clocks one after the other takes time."""


_Result = TypeVar("_Result")
_Unit: TypeAlias = tuple[tuple[Change, ...], asyncio.Future[None]]

_DAMAGED: Final = "the database file is damaged"
_REMEDY: Final = "move it away, and phones will register anew"

# By the name of SQLite's primary result code; what a person can do about it, not what it is called.
_REASONS: Final = {
    "SQLITE_FULL": "the disk is full",
    "SQLITE_READONLY": "the database file is read-only",
    "SQLITE_CANTOPEN": "the database file cannot be opened or made",
    "SQLITE_NOTADB": "the file is no SQLite database",
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_IOERR": "the disk failed to read or write",
    "SQLITE_BUSY": "another program uses the database",
    "SQLITE_PERM": "the database file may not be accessed",
}


class SqliteStore:
    """A `ringway.location.Store` in an SQLite file. Call `load` first; it opens the file.

    Args:
        path: the database file; made if it is not there, its folder must be.
        group_seconds: how long the first of a group waits for others, in seconds.
        most_pending: how many commits may wait for the disk; more fail at once.
        boot: tells the moment as the machine counts it.

    Attributes:
        transactions: how many transactions were written, for the metrics.
    """

    def __init__(
        self,
        path: Path,
        *,
        group_seconds: float = GROUP_SECONDS,
        most_pending: int = MOST_PENDING,
        boot: Callable[[], Boot] = read_boot,
    ) -> None:
        self.transactions = 0
        self._path = path
        self._group_seconds = group_seconds
        self._most_pending = most_pending
        self._boot = boot
        self._file: tuple[int, int] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ringway-sqlite")
        self._connection: sqlite3.Connection | None = None
        self._pending: list[_Unit] = []
        self._gathering: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[None] | None = None

    async def load(self, now: float) -> tuple[list[Binding], list[RedirectRule]]:
        """Open the file, delete what has lapsed, and return the rest.

        What is left of a binding's life stays the same when the clock was set since, as far as the
        machine can tell.

        Raises:
            StoreError: it cannot be opened or read, or is not ours.
        """
        try:
            return await self._in_thread(lambda: self._open_and_read(now))
        except StoreError as error:
            if _DAMAGED in error.reason:  # after a dead disk it may be sound: no advice then
                raise StoreError(f"{error.reason}; {_REMEDY}") from None
            raise

    async def commit(self, changes: tuple[Change, ...]) -> None:
        """Return when the changes are on disk.

        Raises:
            StoreError: none of them is; the reason says why.
        """
        if self._connection is None:
            raise StoreError("the store is not open")
        if len(self._pending) >= self._most_pending:
            raise StoreError(f"{self._path}: the disk does not keep up")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._pending.append((changes, future))
        if self._gathering is None and self._writing is None:
            self._gathering = loop.call_later(self._group_seconds, self._flush)
        await future

    async def close(self) -> None:
        """Write what was committed and close the file."""
        if self._gathering is not None:
            self._gathering.cancel()
            self._flush()
        while self._writing is not None:
            await self._writing
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await self._in_thread(connection.close)
        self._thread.shutdown()

    # On the event loop

    def _flush(self) -> None:
        """Hand the group to the thread."""
        group, self._pending = self._pending, []
        self._gathering = None
        loop = asyncio.get_running_loop()
        self._writing = loop.create_future()
        units = [changes for changes, _ in group]
        written = self._thread.submit(self._write, units)

        def tell_loop(_: Future[list[StoreError | None]]) -> None:
            loop.call_soon_threadsafe(self._flushed, group, written)

        written.add_done_callback(tell_loop)

    def _flushed(self, group: list[_Unit], written: Future[list[StoreError | None]]) -> None:
        """Tell each committer how it went, and go on with what came meanwhile."""
        for (_, future), error in zip(group, written.result(), strict=True):
            if future.done():  # its committer was cancelled
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)
        assert self._writing is not None  # noqa: S101 - set by the flush that ended here
        self._writing.set_result(None)
        self._writing = None
        if self._pending:
            self._flush()

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError) as error:
            raise self._store_error(error) from error

    # In the thread

    def _open_and_read(self, now: float) -> tuple[list[Binding], list[RedirectRule]]:
        connection = self._connection = self._open()
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            self._set_clock(connection, now)
        try:
            connection.execute(rows.DELETE_LAPSED, (now,))
            connection.execute(rows.DELETE_ENDED, (now,))
        except sqlite3.Error as error:
            if not _is_full(error):
                raise  # else they stay, and are not read
        try:
            found = connection.execute(rows.SELECT_BINDINGS, (now,))
            bindings = [rows.binding_of(row) for row in found]
            found = connection.execute(rows.SELECT_REDIRECTS, (now,))
            rules = [rows.rule_of(row) for row in found]
        except (ValueError, TypeError, AttributeError):  # sound for SQLite, but not written by us
            raise StoreError(f"{self._path}: {_DAMAGED}") from None
        return bindings, rules

    def _set_clock(self, connection: sqlite3.Connection, now: float) -> None:
        """Make the times in the file those of the clock that `now` is of, and note which it is."""
        boot, seconds = self._boot()
        offset = now - seconds
        before = connection.execute(rows.SELECT_CLOCK).fetchone()
        if before is not None and boot and boot == before[0]:
            step = offset - before[1]
            if abs(step) < STEP_SECONDS:
                return
            connection.execute(rows.SHIFT_BINDINGS, {"step": step})
            connection.execute(rows.SHIFT_REDIRECTS, {"step": step})
        connection.execute(rows.REBASE, {"now": now})
        connection.execute(rows.CLEAR_CLOCK)
        connection.execute(rows.PUT_CLOCK, (boot, offset))

    def _open(self) -> sqlite3.Connection:
        if not self._path.exists():
            self._path.touch(mode=0o600)  # where people are is nobody else's business
        # No implicit transactions; the thread that closes it is the one that opens it.
        connection = sqlite3.connect(self._path, timeout=LOCK_SECONDS, isolation_level=None)
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # counts from the first read on
            version = self._check_ours(connection)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            for number, script in enumerate(rows.MIGRATIONS[version:], version + 1):
                connection.executescript(
                    f"BEGIN IMMEDIATE; {script} PRAGMA application_id = {rows.APPLICATION_ID};"
                    f" PRAGMA user_version = {number}; COMMIT;"
                )
        except BaseException:
            connection.close()
            raise
        self._file = self._identify()
        return connection

    def _check_ours(self, connection: sqlite3.Connection) -> int:
        """The version of the schema in the file, 0 if it is new; nothing is written."""
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if tables and application != rows.APPLICATION_ID:
            raise StoreError(f"{self._path}: the database belongs to another program")
        if version > rows.VERSION:
            raise StoreError(
                f"{self._path}: the database was made by a newer Ringway (schema {version}, this"
                f" one knows {rows.VERSION})"
            )
        return version

    def _identify(self) -> tuple[int, int] | None:
        """Which file stands at the path; None: there is none."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _write(self, units: Sequence[tuple[Change, ...]]) -> list[StoreError | None]:
        """Write a group in one transaction; if a unit cannot be written, each in its own.

        A disk that fails one fails all: it is not asked again for each.
        """
        changes = [change for unit in units for change in unit]
        try:
            try:
                self._write_one(changes)
            except sqlite3.Error as error:
                if not _is_full(error):
                    raise
                self._make_room()
                self._write_one(changes)
        except Exception as error:  # noqa: BLE001 - whatever it is, the committers must hear of it
            if len(units) == 1 or self._concerns_all(error):
                return [self._store_error(error)] * len(units)
            return [outcome for unit in units for outcome in self._write([unit])]
        return [None] * len(units)

    def _write_one(self, changes: Sequence[Change]) -> None:
        connection = self._connection
        assert connection is not None  # noqa: S101 - close waits for the last write
        if self._identify() != self._file:  # SQLite would go on with a file that no restart finds
            raise StoreError(
                f"{self._path}: the database file was deleted or replaced; restart the server"
            )
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            for change in changes:
                match change:
                    case Put(binding):
                        connection.execute(rows.PUT, rows.put_row(binding))
                    case Drop(binding):
                        connection.execute(rows.DROP, rows.drop_row(binding))
                    case PutRedirect(rule):
                        connection.execute(rows.PUT_REDIRECT, rows.put_redirect_row(rule))
                    case _:  # DropRedirect
                        rule = change.rule
                        connection.execute(rows.DROP_REDIRECT, rows.drop_redirect_row(rule))
        self.transactions += 1

    def _make_room(self) -> None:
        """Let the WAL start anew, in the room it has; what is refreshed needs no other."""
        assert self._connection is not None  # noqa: S101 - a write has just failed
        self._connection.execute("PRAGMA wal_checkpoint")

    @staticmethod
    def _concerns_all(error: Exception) -> bool:
        return isinstance(error, (StoreError, OSError)) or _reason(error) != ""

    def _store_error(self, error: Exception) -> StoreError:
        if isinstance(error, StoreError):
            return error
        reason = _reason(error)
        if reason:
            return StoreError(f"{self._path}: {reason}")
        if isinstance(error, OSError):
            return StoreError(f"{self._path}: {error.strerror}")
        return StoreError(f"{self._path}: {error}")


def _is_full(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"


def _reason(error: Exception) -> str:
    name = getattr(error, "sqlite_errorname", "")
    return next((reason for code, reason in _REASONS.items() if name.startswith(code)), "")
