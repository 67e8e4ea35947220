"""Whole SIP messages as an endpoint takes and sends them, for who keeps or forwards copies.

What came over TLS is in clear here, which no capture on the wire can show.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ringway.transport.flow import Flow

SHORTEST_MESSAGE: Final = 20
"""Octets below which something is neither SIP nor STUN but some phone's keep-alive."""


class Witnessed(NamedTuple):
    """A message, sound or not.

    Attributes:
        at: when, in seconds on the core's clock.
        flow: where it came from or goes to.
        sent: True if we send it.
        data: its octets, without framing.
    """

    at: float
    flow: Flow
    sent: bool
    data: bytes


def is_sip(data: bytes) -> bool:
    """Tell a message from keep-alives and STUN, whose first octet is 0 or 1."""
    return len(data) >= SHORTEST_MESSAGE and data[0] > 1
