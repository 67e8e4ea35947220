"""Which status counts when none came over the wire.

The engine knows that a timer fired or a connection closed; which response that is
worth is a fact of the protocol, so it stands with the table.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ringway.codes.effect import Source

_SYNTHETIC: Final[Mapping[Source, int]] = MappingProxyType(
    {
        Source.TIMER: 408,
        Source.TRANSPORT: 503,
    }
)

CANCELLED: Final = 487
"""What a branch counts as that we cancelled and that says nothing more, or that timer C
ended after a provisional response (RFC 3261 §9.1, §16.8)."""


def synthetic(source: Source) -> int:
    """Return the status that a failure without a response counts as (RFC 3261 §8.1.3.1, §16.9).

    Args:
        source: TIMER or TRANSPORT.

    Raises:
        ValueError: if a response from `source` has its own status.
    """
    status = _SYNTHETIC.get(source)
    if status is None:
        msg = f"a response of source {source.value!r} has its own status"
        raise ValueError(msg)
    return status
