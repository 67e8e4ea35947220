"""The exit status of each outcome, so that scripts can tell them apart."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from ringway.codes import Source, lookup
from ringway.codes.effect import Rank
from ringway.ua.events import Failure

__all__ = ["Exit", "exit_for"]

_NOT_NOW: Final = frozenset({408, 480, 486, 487, 600})


class Exit(IntEnum):
    """What a command ends with."""

    DONE = 0
    """It was done: registered, answered, delivered."""
    USAGE = 2
    """The command line or a file says something that cannot be."""
    REFUSED = 3
    """The far end, or a server on the way, refused it: any 4xx, 5xx or 6xx not named below."""
    NOT_NOW = 4
    """Nobody can answer now: 408 from the far side, 480, 486, 487, 600."""
    NOT_FOLLOWED = 5
    """A redirect that was not followed: any 3xx."""
    CREDENTIALS = 6
    """The password is wrong or missing: 401, 407."""
    UNREACHABLE = 7
    """Nobody was reached: no address, no connection, or no answer in time."""
    INTERRUPTED = 130
    """Ctrl-C, before it was done."""


def exit_for(failure: Failure) -> Exit:
    """Return the exit status of a failure."""
    if failure.source is not Source.RECEIVED:
        return Exit.UNREACHABLE
    rank = lookup(failure.status).rank
    if rank is Rank.CHALLENGE:
        return Exit.CREDENTIALS
    if rank is Rank.REDIRECTION:
        return Exit.NOT_FOLLOWED
    return Exit.NOT_NOW if failure.status in _NOT_NOW else Exit.REFUSED
