"""The instance-id of a user agent, kept over restarts (RFC 5626 §4.1).

Registrars replace a binding of the same instance and reg-id. So two agents for one user that run at
once on one machine must not share an instance-id, and one that starts again must have the one it
had. Each takes the first of a row of files that no other process holds.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import uuid
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TextIO

__all__ = ["Instance", "agent_state_dir"]

_URN: Final = re.compile(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOST: Final = 100


def agent_state_dir() -> Path:
    """Where user agents keep their instance-ids unless they are told."""
    told = os.environ.get("RINGWAY_AGENT_STATE")
    if told:
        return Path(told).expanduser()
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path("~/.local/state").expanduser()) / "ringway-agent"


class Instance:
    """An instance-id that no other process uses, until it is closed.

    Args:
        directory: where instance-ids are kept; made if it is not there.
        aor: whose.

    Raises:
        OSError: the directory cannot be made or written, or a hundred agents of this user run.
    """

    def __init__(self, directory: Path, aor: str) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = hashlib.sha256(aor.encode()).hexdigest()[:16]
        for number in range(1, _MOST + 1):
            file = _take(directory / f"{name}-{number}")
            if file is not None:
                break
        else:
            raise OSError(f"{_MOST} agents for {aor} are running already")
        self._file = file
        self.urn = _read(file)
        """The instance-id, a URN."""

    def __enter__(self) -> Self:
        """Hold it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let others have it."""
        self.close()

    def close(self) -> None:
        """Let others have it."""
        self._file.close()


def _take(path: Path) -> TextIO | None:
    """Open and lock a file, None if another process has."""
    file = path.open("a+", encoding="ascii", errors="replace")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    except BaseException:
        file.close()
        raise
    return file


def _read(file: TextIO) -> str:
    """Return what the file holds; a new instance-id if that is none."""
    file.seek(0)
    urn = file.read().strip()
    if _URN.fullmatch(urn):
        return urn
    urn = uuid.uuid4().urn
    file.truncate(0)
    file.write(f"{urn}\n")
    file.flush()
    os.fsync(file.fileno())
    return urn
