"""Who says what is let in, and what an endpoint asks it.

The endpoint asks at the cheapest point that knows enough: before it reads a datagram, and when a
request is new, before a transaction is made of it. So what is turned away costs one parse and one
response, and leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Sized
from enum import Enum
from typing import NamedTuple, Protocol

from ringway.message import Request
from ringway.transport.flow import Flow

__all__ = ["Gate", "Proof", "Refusal"]


class Proof(Enum):
    """What the credentials of a request have shown."""

    UNCHECKED = "nobody has looked at them"
    LACKING = "nothing: there were none, or they were not fresh"
    WRONG = "an unknown user, or a wrong password"
    RIGHT = "who sent it"


class Refusal(NamedTuple):
    """How a request is turned away.

    Attributes:
        status: of the response, which is sent once and without a transaction; 0 for none at all.
        headers: of the response, (name, value).
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()


class Gate(Protocol):
    """Decides what is let in."""

    @property
    def bans(self) -> Sized:
        """The sources nothing is taken from; ``hears`` is not asked while there are none."""

    def hears(self, host: str, now: float) -> bool:
        """Return False when nothing is taken from an address."""

    def refuses(self, request: Request, flow: Flow, now: float) -> Refusal | None:
        """Return how a new request is turned away, None when it is let in.

        Args:
            request: it has no transaction. An ACK here belongs to a 2xx, or to nothing.
            flow: what it came over.
            now: seconds.
        """

    def answers(self, flow: Flow, now: float) -> bool:
        """Return False when an unsound request is not even worth an answer."""

    def answered(
        self, request: Request, flow: Flow, status: int, now: float, *, proof: Proof
    ) -> None:
        """Take note of the first final response to a request.

        Args:
            request: the request.
            flow: what it came over.
            status: of the response.
            now: seconds.
            proof: what its credentials have shown.
        """

    def trusts(self, flow: Flow) -> bool:
        """Return True when a Via may name another address for the response (maddr)."""
