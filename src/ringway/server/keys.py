"""What one server process inherits from the one before: keys of flow tokens, its name, its starts.

Flow tokens live in Route sets and Paths far away, so a restart must still read them: a token of a
connection that died with the last process is then known to be gone (430), not taken for a forgery
(403, RFC 5626 §5.3.1). The number of starts keeps connection generations apart over restarts, even
when the wall clock was set back. A lock keeps two servers out of one directory.
"""

from __future__ import annotations

import base64
import binascii
import errno
import json
import logging
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ringway.errors import ConfigError
from ringway.transport.token import KEY_LENGTH, TokenKeys

__all__ = ["Identity", "StateDir", "new_identity"]

KEYS_FILE: Final = "flow-token-keys.json"
LOCK_FILE: Final = "lock"

KEY_LIFETIME: Final = 30 * 86400.0
"""Seconds a key seals; the next start after that makes a new one."""

KEYS_KEPT: Final = 4
"""Keys that still open tokens, the current one included."""

_GENERATIONS_PER_START: Final = 1 << 32

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

_logger = logging.getLogger("ringway.server")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this server is towards tokens.

    Attributes:
        node: a short name that no other node has.
        keys: what seals and opens its tokens.
        generation: the first connection generation to use.
    """

    node: str
    keys: TokenKeys
    generation: int


def new_identity() -> Identity:
    """An identity that nothing outlives, for a server without a state directory."""
    # Not always the same id: a token of the process before must count as gone, not as tampered.
    key_id = secrets.randbelow(256)
    return Identity(_new_node(), TokenKeys({key_id: secrets.token_bytes(KEY_LENGTH)}, key_id), 1)


class StateDir:
    """A server's state directory, held by one process at a time.

    Use it as a context manager; leaving it lets another process in.

    Args:
        path: the directory; made, for its owner only, if it is not there.
    """

    __slots__ = ("_lock", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def __enter__(self) -> Self:
        """Make and lock the directory.

        Raises:
            ConfigError: It cannot be used, or another server holds it.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self.path / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise _unusable(self.path, f"a directory we may write to ({reason})") from None
        if not _try_lock(self._lock):
            os.close(self._lock)
            self._lock = None
            raise _unusable(self.path, "another one: a ringway server runs with this one")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let go of the directory."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def identity(self, now: float) -> Identity:
        """Read who we are, make a new key when the current one is old, and count this start.

        Args:
            now: seconds since the epoch.

        Raises:
            ConfigError: The keys file cannot be read or written.
        """
        file = self.path / KEYS_FILE
        try:
            state = json.loads(file.read_text(encoding="ascii")) if file.exists() else {}
            keys: list[dict[str, Any]] = sorted(
                state.get("keys", ()), key=lambda each: float(each["made"])
            )
            starts = int(state.get("starts", 0)) + 1
            node = str(state.get("node") or _new_node())
            if not keys or now - float(keys[-1]["made"]) > KEY_LIFETIME:
                keys.append(_new_key(keys, now))
            keys = keys[-KEYS_KEPT:]
            token_keys = TokenKeys(
                {int(each["id"]): base64.b64decode(each["key"], validate=True) for each in keys},
                int(keys[-1]["id"]),
            )
            fresh = {"node": node, "starts": starts, "keys": keys}
            generation = starts * _GENERATIONS_PER_START + 1
            try:
                _write_private(file, json.dumps(fresh, indent=1) + "\n")
            except OSError as error:
                if error.errno not in _NO_ROOM or not state:
                    raise
                # Rather serve than wait for room. The next start counts the same number, so this
                # one takes its generations from the middle of it.
                reason = (error.strerror or str(error)).lower()
                _logger.error("this start is not counted: %s: %s", file, reason)  # noqa: TRY400
                half = _GENERATIONS_PER_START // 2
                generation += half + secrets.randbelow(half // 2)
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
            raise _unusable(file, "a keys file of ringway, or none: it makes a new one") from None
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise _unusable(file, f"a file we may read and write ({reason})") from None
        return Identity(node, token_keys, generation)


def _new_node() -> str:
    return secrets.token_hex(4)


def _new_key(keys: list[dict[str, Any]], now: float) -> dict[str, Any]:
    key_id = (int(keys[-1]["id"]) + 1) % 256 if keys else 0
    key = base64.b64encode(secrets.token_bytes(KEY_LENGTH)).decode("ascii")
    return {"id": key_id, "made": now, "key": key}


def _write_private(file: Path, text: str) -> None:
    """Replace a file in one step; only its owner ever gets to read it."""
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
    # Until the folder is on disk too, a power cut brings the old file back, and with it the
    # generations of connections that were used already.
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _try_lock(handle: int) -> bool:
    try:
        import fcntl  # noqa: PLC0415 - not on every system
    except ImportError:  # pragma: no cover - Windows
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _unusable(path: Path, allowed: str) -> ConfigError:
    return ConfigError("state directory", "state_dir", str(path), allowed)
