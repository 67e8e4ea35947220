"""Asking a running server, over its control socket.

Nothing here is slow to import: a question and its answer are one line each.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from ringway.errors import RingwayError
from ringway.server.operations.control_socket import connect_control

__all__ = ["NoServerError", "RefusedError", "ask"]

TIMEOUT: Final = 10.0


class NoServerError(RingwayError):
    """No server runs with this state directory."""

    def __init__(self, state_dir: Path) -> None:
        super().__init__(
            f"no server runs with the state directory {state_dir}; start one with "
            "`ringway serve`, or name the directory of another with --state-dir"
        )


class RefusedError(RingwayError):
    """What was asked was not done."""


def ask(state_dir: Path, **question: object) -> object:
    """Ask the server that runs with a state directory.

    Args:
        state_dir: the server's.
        question: see `ringway.server.operations.control`.

    Raises:
        NoServerError: there is none.
        RefusedError: it answered with an error, or not at all.
    """
    try:
        sock = connect_control(state_dir, TIMEOUT)
    except OSError:
        raise NoServerError(state_dir) from None
    try:
        with sock, sock.makefile("rwb") as stream:
            stream.write(json.dumps(question).encode("ascii") + b"\n")
            stream.flush()
            line = stream.readline()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RefusedError(f"the server does not answer: {reason}") from None
    reply = json.loads(line) if line else {"error": "the server ended before it answered"}
    if "error" in reply:
        raise RefusedError(str(reply["error"]))
    return reply["result"]
