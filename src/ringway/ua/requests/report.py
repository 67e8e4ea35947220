"""What is said of a request: failures in plain lines, decisions with the table's word for them."""

from __future__ import annotations

from typing import Final

from ringway.codes import Circumstance, Role, Rule, Source, explain, lookup, synthetic
from ringway.endpoint import Decision, Endpoint, Kind
from ringway.errors import ParseError
from ringway.message import Response
from ringway.transport.flow import Flow
from ringway.ua.events import Failure


class Report:
    """Speaks of one request.

    Args:
        endpoint: hears the decisions.
        method: the request's.
        call_id: the request's.
        uri: whom it is for.
        within: True within a dialog.
    """

    __slots__ = ("_call_id", "_endpoint", "_method", "_uri", "_within")

    def __init__(
        self, endpoint: Endpoint, method: str, call_id: str, uri: str, *, within: bool
    ) -> None:
        self._endpoint = endpoint
        self._method = method
        self._call_id = call_id
        self._uri = uri
        self._within = within

    def rule(self, failure: Failure) -> Rule:
        """Return what the table says of a failure."""
        return self._rule(failure.status, failure.source)

    def refused(self, whom: object, response: Response) -> Failure:
        """Make a failure of a response."""
        words = f"{response.status} {response.reason or lookup(response.status).phrase}"
        return Failure(
            response.status,
            Source.RECEIVED,
            f"{whom} answered {words}",
            self._rule(response.status, Source.RECEIVED).why,
            response,
            _retry_after(response),
        )

    def unanswered(self, source: Source, text: str, status: int = 0) -> Failure:
        """Make a failure for want of a response (RFC 3261 §8.1.3.1).

        Args:
            source: TIMER or TRANSPORT.
            text: what happened, one plain line.
            status: what it counts as; 0 for what the table says.
        """
        status = status or synthetic(source)
        return Failure(status, source, text, self._rule(status, source).why)

    def note(
        self, kind: Kind, text: str, now: float, *, status: int = 0, flow: Flow | None = None
    ) -> None:
        """Tell who listens of a decision."""
        if self._endpoint.noting:
            self._note(kind, text, now, status, flow, _NO_RULE)

    def failed(
        self, kind: Kind, text: str, failure: Failure, now: float, flow: Flow | None
    ) -> None:
        """Tell who listens what is done because of a failure."""
        if self._endpoint.noting:
            # Only what ends the request has a status of its own: a story ends with it.
            status = failure.status if kind is Kind.ANSWER else 0
            self._note(kind, text, now, status, flow, self.rule(failure))

    def _rule(self, status: int, source: Source) -> Rule:
        return explain(status, Circumstance(Role.CALLER, self._method, self._within, source))

    def _note(
        self, kind: Kind, text: str, now: float, status: int, flow: Flow | None, rule: Rule
    ) -> None:
        decision = Decision(
            at=now,
            kind=kind,
            text=text,
            call_id=self._call_id,
            method=self._method,
            status=status,
            flow=flow,
            aor=self._uri,
            effects=rule.effects,
            why=rule.why,
        )
        self._endpoint.note(decision)


_NO_RULE: Final = Rule((), "")


def _retry_after(response: Response) -> int | None:
    try:
        return response.retry_after
    except ParseError:
        return None
