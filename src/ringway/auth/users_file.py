"""The users file on disk: read, and changed one user at a time.

A change leaves alone what it is not about: the other users, their order, comments and spelling, so
that a file kept in version control shows one user more, less or changed. It is written beside the
file, flushed to the disk, and put in its place in one step: a crash leaves the old file or the new
one. A lock on the directory keeps two changes from losing one of them.

A new file may be read by its owner only. One that is there keeps its owner and group, and the group
may go on reading it, because a server often runs as somebody else than who adds users.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from ringway.auth.users import User, Users, format_user, parse_users
from ringway.errors import ConfigError

__all__ = ["add_user", "load_users", "remove_user"]

HEAD: Final = "# Users of a ringway server. The hashes are as secret as passwords."

_TABLE: Final = re.compile(r"\s*\[\[\s*(?:user|\"user\"|'user')\s*\]\]\s*(?:#.*)?")
_NO_KEY: Final = re.compile(r"\s*(?:#.*)?")
_COMMENT: Final = re.compile(r"\s*#.*")


def load_users(path: Path) -> Users:
    """Read a users file.

    Args:
        path: The file.

    Raises:
        ConfigError: It cannot be read, or has a fault.
    """
    return parse_users(_read(path), str(path))


def add_user(path: Path, user: User) -> bool:
    """Put a user into a users file, in the place of one of the same name and realm.

    Args:
        path: The file; it and its directory are made if they are not there.
        user: The user.

    Returns:
        Whether it is a new one.

    Raises:
        ConfigError: The file cannot be read or written, or has a fault.
    """
    with _changing(path) as file:
        text = _read(file) if file.exists() else HEAD
        lines = text.split("\n")
        place = _find(lines, file, user.realm, user.name)
        table = format_user(user)
        if place is None:
            _write(file, f"{text.rstrip()}\n\n{table}")
        else:
            lines[place.start : place.end] = table.splitlines()
            _write(file, "\n".join(lines))
        return place is None


def remove_user(path: Path, realm: str, name: str) -> bool:
    """Take a user out of a users file, with the comment right above.

    Args:
        path: The file.
        realm: The user's realm.
        name: The user's name.

    Returns:
        Whether there was one.

    Raises:
        ConfigError: The file cannot be read or written, or has a fault.
    """
    if not path.expanduser().exists():
        return False
    with _changing(path) as file:
        lines = _read(file).split("\n")
        place = _find(lines, file, realm, name)
        if place is not None:
            end = place.end
            while end < len(lines) - 1 and not lines[end].strip():
                end += 1
            del lines[place.comment : end]
            _write(file, "\n".join(lines))
        return place is not None


class _Place(NamedTuple):
    """Where a user stands, in lines from 0; the end is behind the last key."""

    comment: int
    start: int
    end: int


def _find(lines: list[str], file: Path, realm: str, name: str) -> _Place | None:
    users = list(parse_users("\n".join(lines), str(file)))
    starts = [number for number, line in enumerate(lines) if _TABLE.fullmatch(line) is not None]
    if len(starts) != len(users):
        allowed = "a [[user]] line for each user, or an editor instead of this command"
        raise ConfigError(str(file), "user", "...", allowed)
    number = next(
        (n for n, each in enumerate(users) if (each.realm, each.name) == (realm, name)), -1
    )
    if number < 0:
        return None
    comment = start = starts[number]
    while comment > 0 and _COMMENT.fullmatch(lines[comment - 1]) is not None:
        comment -= 1
    end = [*starts, len(lines)][number + 1]
    while _NO_KEY.fullmatch(lines[end - 1]) is not None:
        end -= 1
    return _Place(comment, start, end)


@contextmanager
def _changing(path: Path) -> Iterator[Path]:
    """Keep others from changing a file; give its real path, so that a link stays one."""
    file = path.expanduser().resolve()
    with _faults(file):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            _lock(folder)
            yield file
        finally:
            os.close(folder)


def _read(file: Path) -> str:
    with _faults(file):
        try:
            return file.read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            raise ConfigError(str(file), f"byte {error.start}", "", "a file in UTF-8") from None


def _write(file: Path, text: str) -> None:
    """Replace a file in one step, and do not return before that is on the disk."""
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            if file.exists():
                old = file.stat()
                os.fchown(handle, old.st_uid, old.st_gid)
                os.fchmod(handle, 0o600 | old.st_mode & stat.S_IRGRP)
            stream.write(text.encode("utf-8"))
            stream.flush()
            os.fsync(handle)
        fresh.replace(file)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _faults(file: Path) -> Iterator[None]:
    """Make one line of what the system says against using a file."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        allowed = f"a file that we may read and write ({reason})"
        raise ConfigError("users file", "path", str(file), allowed) from None


def _lock(handle: int) -> None:
    try:
        import fcntl  # noqa: PLC0415 - not on every system
    except ImportError:  # pragma: no cover - Windows
        return
    fcntl.flock(handle, fcntl.LOCK_EX)
