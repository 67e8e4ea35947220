"""Where a running server can be talked to: a Unix socket in its state directory.

Only who may enter the directory gets in, which is the server's own user. A path that is too long
for a socket's address (a hundred bytes or so) is reached through its directory instead.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["NAME", "bind_control", "connect_control"]

NAME: Final = "control"
_LONGEST: Final = 100


def bind_control(state_dir: Path) -> socket.socket:
    """Listen at the control socket; the caller holds the lock of the directory.

    Raises:
        OSError: the directory cannot be used for it.
    """
    (state_dir / NAME).unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        with _address(state_dir) as address:
            sock.bind(address)
        (state_dir / NAME).chmod(0o600)
        sock.listen()
    except OSError:
        sock.close()
        raise
    return sock


def connect_control(state_dir: Path, timeout: float) -> socket.socket:
    """Connect to the control socket of a running server.

    Args:
        state_dir: the server's.
        timeout: seconds that each step may take.

    Raises:
        OSError: no server runs with this directory, or it is not ours.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout)
        with _address(state_dir) as address:
            sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock


@contextlib.contextmanager
def _address(state_dir: Path) -> Iterator[str]:
    path = str(state_dir / NAME)
    if len(os.fsencode(path)) <= _LONGEST:
        yield path
        return
    folder = os.open(state_dir, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{folder}/{NAME}"
    finally:
        os.close(folder)
