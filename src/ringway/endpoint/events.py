"""What the endpoint tells its users: the roles above, and the owner of each client transaction.

Named tuples, not dataclasses: two or three are made for each message, and a frozen dataclass costs
three times as much to make. Nothing compares events, so that equal fields make equal tuples is of
no matter.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeAlias

from ringway.codes import Source
from ringway.endpoint.transactions import ClientTransaction, ServerTransaction
from ringway.message import Request, Response
from ringway.transport.flow import Address, Flow


class RequestReceived(NamedTuple):
    """A new request, to the endpoint's user.

    The user must answer it through ``Endpoint.respond`` or ``reply``; an INVITE at once with a 100
    unless a final response is certain within 200 ms (RFC 3261 §17.2.1). Any other method gets its
    100 from the endpoint when RFC 4320 §4.1 wants it, and is forgotten 64*T1 later if nobody
    answers.

    Attributes:
        transaction: what to answer.
        request: as received, with ``received`` and ``rport`` in its top Via.
        flow: where it came from.
    """

    transaction: ServerTransaction
    request: Request
    flow: Flow


class AckReceived(NamedTuple):
    """An ACK to a 2xx, to the endpoint's user: it belongs to no transaction (RFC 3261 §17)."""

    request: Request
    flow: Flow


class CancelReceived(NamedTuple):
    """A CANCEL, to the endpoint's user.

    Attributes:
        transaction: the INVITE's; the CANCEL is already answered with 200. None if no INVITE
            matches: the user answers ``cancel``, with 481 for instance.
        request: the CANCEL.
        flow: where it came from.
        cancel: the CANCEL's own transaction.
    """

    transaction: ServerTransaction | None
    request: Request
    flow: Flow
    cancel: ServerTransaction


class ResponseReceived(NamedTuple):
    """A response, to the owner of the request: each provisional, the final one, each 2xx to INVITE.

    Attributes:
        client: the transaction of the request.
        response: as received: the top Via is ours.
        flow: where it came from, which need not be where the request went.
    """

    client: ClientTransaction
    response: Response
    flow: Flow


class RequestFailed(NamedTuple):
    """No final response will come, to the owner of the request.

    Attributes:
        client: the transaction of the request. It ends with this event, unless the owner calls
            ``Endpoint.stop_retransmitting`` to keep it for what may still come.
        source: ``TIMER``, nothing came in time; ``TRANSPORT``, it could not be sent or its flow
            is gone (RFC 3261 §8.1.3.1).
        detail: what happened, for people.
    """

    client: ClientTransaction
    source: Source
    detail: str


class ResponseFailed(NamedTuple):
    """A final response got no ACK, or could not be sent, to the endpoint's user.

    For information: the transaction lives on as RFC 6026 §7.1 says.
    """

    transaction: ServerTransaction
    source: Source
    detail: str


class FlowOpened(NamedTuple):
    """A connection is there, to the endpoint's user."""

    flow: Flow


class FlowClosed(NamedTuple):
    """A connection is gone, or ICMP says nobody is there any more, to the endpoint's user.

    Requests waiting on it have failed already.
    """

    flow: Flow
    reason: str


class PongReceived(NamedTuple):
    """A keep-alive of ours was answered over a connection, to the endpoint's user."""

    flow: Flow


class StunReceived(NamedTuple):
    """What came of a keep-alive of ours over UDP, to the endpoint's user.

    Attributes:
        flow: what it went over.
        mapped: our address as the peer sees it; None for an error response, or when none came.
    """

    flow: Flow
    mapped: Address | None


UserEvent: TypeAlias = (
    RequestReceived
    | AckReceived
    | CancelReceived
    | ResponseFailed
    | FlowOpened
    | FlowClosed
    | PongReceived
    | StunReceived
)
OwnerEvent: TypeAlias = ResponseReceived | RequestFailed
Event: TypeAlias = UserEvent | OwnerEvent


class User(Protocol):
    """The role, or the switch before several roles, that an endpoint works for."""

    def handle(self, event: UserEvent, now: float) -> None:
        """Take an event; act by calling the endpoint."""


class Owner(Protocol):
    """Who sent a request and waits for what comes of it."""

    def handle(self, event: OwnerEvent, now: float) -> None:
        """Take an event; act by calling the endpoint."""
