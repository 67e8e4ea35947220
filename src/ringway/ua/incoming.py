"""A request outside a dialog that the application answers, as MESSAGE (RFC 3428 §7)."""

from __future__ import annotations

from typing import TypeAlias

from ringway.endpoint import ServerTransaction
from ringway.message import Request, build_response
from ringway.ua.services import Services

Headers: TypeAlias = tuple[tuple[str, str], ...]


class IncomingRequest:
    """A request that waits for its answer.

    It must be answered within 64*T1, 32 s by default: then it is forgotten (RFC 4320 §4.2).

    Attributes:
        request: the request.
    """

    def __init__(
        self, services: Services, transaction: ServerTransaction, request: Request
    ) -> None:
        self.request = request
        self._services = services
        self._transaction = transaction

    @property
    def answered(self) -> bool:
        """True once it was answered, or forgotten."""
        return self._transaction.answered

    def answer(
        self,
        status: int,
        now: float,
        *,
        reason: str | None = None,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> None:
        """Answer it; ignored when it was answered before.

        Args:
            status: 200 to 699.
            now: seconds.
            reason: instead of the usual phrase.
            headers: further fields.
            body: the body.
            content_type: its type.

        Raises:
            ValueError: the status is no final one, or a text would break its line.
        """
        if not 200 <= status <= 699:
            raise ValueError(f"{status} is no final status")
        if self.answered:
            return
        software = self._services.settings.software
        self._transaction.tag = self._transaction.tag or self._services.unique()
        response = build_response(
            self.request,
            status,
            reason=reason,
            to_tag=self._transaction.tag,
            headers=(*((("Server", software),) if software else ()), *headers),
            body=body,
            content_type=content_type,
        )
        self._services.endpoint.respond(self._transaction, response, now)
