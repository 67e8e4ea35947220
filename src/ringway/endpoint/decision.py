"""Decisions: what Ringway did and why, as values for the log, the console and the tests.

Who makes a decision notes it with ``Endpoint.note``. Making one costs more than most messages do,
so look at ``Endpoint.noting`` first: it is False while nobody listens.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ringway.codes import Effect
from ringway.transport.flow import Flow


class Kind(StrEnum):
    """What sort of decision it is."""

    REQUEST = "request"
    BRANCH = "branch"
    FAILOVER = "failover"
    RECURSE = "recurse"
    REDIRECT = "redirect"
    ANSWER = "answer"
    REJECT = "reject"
    CHALLENGE = "challenge"
    CANCEL = "cancel"
    RECOVER = "recover"
    FLOW_OPENED = "flow-opened"
    FLOW_CLOSED = "flow-closed"
    BOUND = "bound"
    UNBOUND = "unbound"
    REFUSED = "refused"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision.

    Attributes:
        at: when, in seconds on the core's clock.
        kind: what sort.
        text: what happened, one plain line. Parts of it may come from the wire: escape it.
        call_id: of the message it is about; empty if there is none.
        method: of the message it is about; empty if there is none.
        status: of the response it is about; 0 if there is none.
        flow: where the message came from or goes to; None when that is no flow of ours yet.
        aor: the address-of-record it is about.
        effects: what the table of codes told the engine to do.
        why: the table's word for it.
    """

    at: float
    kind: Kind
    text: str
    call_id: str = ""
    method: str = ""
    status: int = 0
    flow: Flow | None = None
    aor: str = ""
    effects: tuple[Effect, ...] = ()
    why: str = ""
