"""Client and server transactions: the state the machines of ``ringway.transaction`` run on.

They hold no logic; ``clients`` and ``servers`` do what the tables say. What they refer to is let go
as early as the RFC allows, because a transaction that has got its final response lingers for 32 s,
a hundred thousand of them at 3,000 calls/s: the request at the final response, the bytes to send
again as soon as they cannot be asked for, the owner at the end, so that no cycle remains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringway.endpoint.gate import Proof
from ringway.message import Draft, Request
from ringway.transaction import Input, Machine, State, Table
from ringway.transport.flow import Flow, NextHop

if TYPE_CHECKING:
    from ringway.endpoint.events import Owner
    from ringway.endpoint.schedule import Timer


class ClientTransaction:
    """A request we sent and what came of it (RFC 3261 §17.1).

    Attributes:
        branch: the branch of our Via.
        method: the request's.
        state: see ``ringway.transaction``.
        sent: the request as sent, our Via on top; None after a final response.
        flow: what the request went over; None while a connection is being opened, or when the one
            to the next hop has closed.
        target: the next hop, if one was given rather than a flow.
        owner: who is told of responses; None for a CANCEL and after the end.
        heard: True once any response came, 100 included.
    """

    __slots__ = (
        "branch",
        "buffer",
        "cancel_headers",
        "cancel_later",
        "flow",
        "heard",
        "instant",
        "interval",
        "linger",
        "method",
        "owner",
        "reconnected",
        "reliable",
        "sending",
        "sent",
        "state",
        "table",
        "target",
        "timeout",
        "upgraded",
        "waiting",
    )

    def __init__(
        self,
        machine: Machine,
        branch: str,
        method: str,
        sent: Draft[Request],
        owner: Owner | None,
        *,
        reliable: bool,
    ) -> None:
        self.table: Table = machine.table
        self.state: State = machine.entry[0]
        self.branch = branch
        self.method = method
        self.owner: Owner | None = owner
        self.reliable = reliable
        self.sent: Draft[Request] | None = sent
        self.flow: Flow | None = None
        self.target: NextHop | None = None
        self.heard = False
        # What follows is for the endpoint alone.
        self.buffer = b""  # the request, later the ACK
        self.upgraded = False  # sent over TCP for its size; UDP is still to be tried
        self.reconnected = False  # once; the next time not at once
        self.cancel_later = False
        self.cancel_headers: tuple[tuple[str, str], ...] = ()
        self.timeout: float | None = None
        self.linger: float | None = None
        self.interval = 0.0
        self.sending: Timer | None = None
        self.waiting: Timer | None = None
        self.instant: Input | None = None  # a timer of zero seconds

    @property
    def request(self) -> Request | None:
        """The request as sent; made when it is asked for, as an ACK or CANCEL does."""
        return None if self.sent is None else self.sent.build()

    def __repr__(self) -> str:
        return f"<client {self.method} {self.branch} {self.state.name}>"


class ServerTransaction:
    """A request we received and what we answered (RFC 3261 §17.2).

    Attributes:
        method: the request's.
        state: see ``ringway.transaction``.
        request: as received; None after a final response.
        flow: what the request came over.
        to: the flow responses take, for UDP not always the one the request came over; None if the
            top Via names no address.
        proof: what its credentials have shown.
        quiet: whether a failure is not repeated unless the request is; see
            ``Endpoint.answer_quietly``.
    """

    __slots__ = (
        "buffer",
        "flow",
        "instant",
        "interval",
        "key",
        "legacy",
        "method",
        "named",
        "proof",
        "quiet",
        "reliable",
        "request",
        "sending",
        "state",
        "table",
        "tag",
        "to",
        "waiting",
        "withheld",
    )

    def __init__(
        self, machine: Machine, key: tuple[object, ...], request: Request, flow: Flow
    ) -> None:
        self.table: Table = machine.table
        self.state: State = machine.entry[0]
        self.method = request.method
        self.request: Request | None = request
        self.flow = flow
        self.reliable = flow.reliable
        self.to: Flow | None = flow
        self.proof = Proof.UNCHECKED
        self.quiet = False
        # What follows is for the endpoint alone.
        self.key = key
        self.named: Flow | None = None  # where it is entered as having a name to look up
        self.tag = ""  # the To tag of the responses we make; one for all (RFC 3261 §8.2.6.2)
        self.withheld = False  # no 100 to a non-INVITE before the user says so
        self.legacy = False  # from an RFC 2543 client: its ACK has the INVITE's key
        self.buffer = b""  # the response to send again
        self.interval = 0.0
        self.sending: Timer | None = None
        self.waiting: Timer | None = None
        self.instant: Input | None = None  # a timer of zero seconds

    @property
    def proven(self) -> bool:
        """True when credentials have proved who sent it; see ``Endpoint.refuse``."""
        return self.proof is Proof.RIGHT

    @property
    def answered(self) -> bool:
        """True once a final response was given."""
        return self.state >= State.COMPLETED

    def __repr__(self) -> str:
        return f"<server {self.method} {self.flow} {self.state.name}>"
