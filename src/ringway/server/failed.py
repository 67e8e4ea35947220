"""Which redirect rules a failure calls for: busy, no answer, unreachable.

What a failure counts as is the table's (`ringway.codes`); this only names the three situations in
which a user may want callers sent elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ringway.codes import Source
from ringway.location import When
from ringway.proxy import Outcome

_RECEIVED: Final[Mapping[int, tuple[When, ...]]] = MappingProxyType(
    {
        408: (When.NO_ANSWER, When.UNREACHABLE),
        430: (When.UNREACHABLE,),
        480: (When.NO_ANSWER,),
        486: (When.BUSY,),
        487: (When.NO_ANSWER,),
        600: (When.BUSY,),
    }
)


def when_failed(outcome: Outcome) -> tuple[When, ...]:
    """Return the situations this outcome is one of, the nearest first."""
    if outcome.source is Source.TRANSPORT:
        return (When.UNREACHABLE,)
    return _RECEIVED.get(outcome.status, ())
