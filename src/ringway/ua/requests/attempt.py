"""One attempt: one client transaction of a request that may need several (RFC 3261 §8.1.3)."""

from __future__ import annotations

from typing import Protocol

from ringway.codes import Source
from ringway.endpoint import ClientTransaction, OwnerEvent, RequestFailed
from ringway.message import Request, Response
from ringway.transport.flow import Flow, NextHop


class Hearer(Protocol):
    """Who made the attempt."""

    def heard(self, attempt: Attempt, response: Response, flow: Flow, now: float) -> None:
        """Take a response."""

    def silent(self, attempt: Attempt, source: Source, detail: str, now: float) -> None:
        """Take the end of the wait for one."""


class Attempt:
    """One client transaction.

    Attributes:
        request: as it was sent, without our Via.
        to: where.
        client: the transaction; set as soon as it is made.
        rang: True once a provisional came, so the request was certainly delivered.
    """

    __slots__ = ("_hearer", "client", "rang", "request", "to")

    def __init__(self, hearer: Hearer, request: Request, to: Flow | NextHop) -> None:
        self._hearer = hearer
        self.request = request
        self.to = to
        self.client: ClientTransaction
        self.rang = False

    def handle(self, event: OwnerEvent, now: float) -> None:
        """Take what the endpoint says of it."""
        if isinstance(event, RequestFailed):
            self._hearer.silent(self, event.source, event.detail, now)
        else:
            self._hearer.heard(self, event.response, event.flow, now)

    def may_be_repeated(self, source: Source) -> bool:
        """Say whether who gets the request next will not be the second to serve it.

        Args:
            source: where its failure came from: a response says that nobody has served it.
        """
        return source is Source.RECEIVED or not self.rang
