"""What observed messages make up: exchanges on hops, and the conversations they belong to.

A capture at a proxy shows a request twice, on the way in and on the way out; at an edge, perhaps
four times. Each hop has its own exchange: the request, its repeats, its responses, its ACK. A
conversation is everything with one Call-ID. Nothing here judges; that is `findings`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from ringway.capture.items import Decided, Seen
from ringway.capture.lenient import read_message
from ringway.message import Request, Response
from ringway.transport.flow import Address


class Kind(StrEnum):
    """What a conversation is about, by its first request."""

    CALL = "call"
    REGISTRATION = "registration"
    MESSAGE = "message"
    OPTIONS = "options"
    SUBSCRIPTION = "subscription"
    OTHER = "other"


KINDS: Final = {
    "INVITE": Kind.CALL,
    "ACK": Kind.CALL,
    "BYE": Kind.CALL,
    "CANCEL": Kind.CALL,
    "PRACK": Kind.CALL,
    "UPDATE": Kind.CALL,
    "INFO": Kind.CALL,
    "REFER": Kind.CALL,
    "REGISTER": Kind.REGISTRATION,
    "MESSAGE": Kind.MESSAGE,
    "OPTIONS": Kind.OPTIONS,
    "SUBSCRIBE": Kind.SUBSCRIPTION,
    "NOTIFY": Kind.SUBSCRIPTION,
    "PUBLISH": Kind.SUBSCRIPTION,
}
"""What a conversation is about whose first request has this method."""


class Hop(NamedTuple):
    """From one place to the next, as seen on the wire.

    Attributes:
        transport: udp, tcp, tls, ws or wss.
        source: who sends.
        target: to whom.
    """

    transport: str
    source: Address
    target: Address

    @property
    def back(self) -> Hop:
        """The other direction."""
        return Hop(self.transport, self.target, self.source)


class Copy(NamedTuple):
    """One sight of a message.

    Attributes:
        at: seconds since the epoch.
        frames: the packets it came in.
    """

    at: float
    frames: tuple[int, ...]


class Sight:
    """A message on one hop, and its repeats.

    Its octets are kept; what was read from them may be put away, and is read again when asked for.

    Args:
        message: the message.
        hop: from where to where.
        copies: each time it was seen, the first first.
        data: its octets.
        fault: what is wrong with it; empty if nothing is.

    Attributes:
        status: of a response; 0 for a request.
    """

    __slots__ = ("_message", "copies", "data", "fault", "hop", "status")

    def __init__(
        self,
        message: Request | Response,
        hop: Hop,
        copies: list[Copy],
        data: bytes,
        fault: str = "",
    ) -> None:
        self._message: Request | Response | None = message
        self.hop = hop
        self.copies = copies
        self.data = data
        self.fault = fault
        self.status: int = message.status if isinstance(message, Response) else 0

    @property
    def message(self) -> Request | Response:
        """The message."""
        message = self._message
        if message is None:
            message = self._message = read_message(self.data)[0]
            assert message is not None  # noqa: S101 - it was read from the same octets before
        return message

    def put_away(self) -> None:
        """Keep no more than the octets until somebody asks."""
        self._message = None

    @property
    def at(self) -> float:
        """When it was first seen."""
        return self.copies[0].at

    @property
    def frames(self) -> tuple[int, ...]:
        """The packets of the first time."""
        return self.copies[0].frames


@dataclass(slots=True, eq=False)
class Exchange:
    """A transaction on one hop (RFC 3261 §17): matched by branch, CSeq and both ends.

    Attributes:
        request: the request; None if the capture begins after it.
        responses: its responses, in order; each forked 2xx is one.
        ack: the ACK to a failure, or the ACK to a 2xx that follows it on this hop; an ACK that
            takes another way is an exchange of its own.
        cancelled: the CANCEL's exchange, if there is one; it stands in its conversation too.
        method: of the request, by CSeq.
        number: of CSeq.
        branch: of the top Via.
        hop: the direction of the request.
    """

    method: str
    number: int
    branch: str
    hop: Hop
    request: Sight | None = None
    responses: list[Sight] = field(default_factory=list)
    ack: Sight | None = None
    cancelled: Exchange | None = None

    @property
    def final(self) -> Sight | None:
        """The first final response."""
        for each in self.responses:
            if each.status >= 200:
                return each
        return None

    @property
    def status(self) -> int:
        """Its status; 0 without a final response."""
        final = self.final
        return 0 if final is None else final.status

    @property
    def at(self) -> float:
        """When its first message was seen."""
        return self.first.at

    @property
    def first(self) -> Sight:
        """Its first message."""
        return self.responses[0] if self.request is None else self.request


@dataclass(slots=True)
class Conversation:
    """Everything with one Call-ID.

    Attributes:
        call_id: the Call-ID.
        kind: what it is about.
        exchanges: in the order of their first messages, over all hops.
        complete: False if it was still going on when the capture ended, or had to be let go early.
        damaged: messages of it that could not be read far enough to belong to an exchange.
        decided: what a server of ours decided; only where there are no messages.
    """

    call_id: str
    kind: Kind
    exchanges: list[Exchange] = field(default_factory=list)
    complete: bool = True
    damaged: list[Seen] = field(default_factory=list)
    decided: tuple[Decided, ...] = ()
    _sights: list[Sight] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def at(self) -> float:
        """When its first message was seen, or its first decision was made."""
        return self.exchanges[0].at if self.exchanges else self.decided[0].at

    @property
    def ended(self) -> float:
        """When its last message was seen, or its last decision was made."""
        times = [copy.at for sight in self.sights() for copy in sight.copies]
        return max([*times, *(each.at for each in self.decided)])

    def sights(self) -> list[Sight]:
        """Every message, in the order they were first seen; ask once it has ended."""
        if not self._sights:
            found = [each for exchange in self.exchanges for each in sights_of(exchange)]
            self._sights = sorted(found, key=lambda sight: sight.copies[0])
        return self._sights

    def of(self, method: str) -> list[Exchange]:
        """The exchanges of one method."""
        return [each for each in self.exchanges if each.method == method]


def status_of(sight: Sight) -> int:
    """Return the status of a response, 0 for a request."""
    return sight.status


def sights_of(exchange: Exchange) -> list[Sight]:
    """Return the messages of an exchange."""
    ends = (exchange.request, *exchange.responses, exchange.ack)
    return [each for each in ends if each is not None]
