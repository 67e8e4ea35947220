"""A request outside a call, as MESSAGE, that the application answers."""

from __future__ import annotations

from collections.abc import Iterable

from ringway.aio.driver import Driver
from ringway.message import Request
from ringway.ua.incoming import IncomingRequest

__all__ = ["TakenRequest"]


class TakenRequest:
    """A request that waits for its answer, within 32 s.

    Args:
        driver: runs the core.
        core: the request.
    """

    def __init__(self, driver: Driver, core: IncomingRequest) -> None:
        self._driver = driver
        self._core = core

    @property
    def request(self) -> Request:
        """The request."""
        return self._core.request

    @property
    def sender(self) -> str:
        """Who sent it, as it says: text from the wire, proved by nobody."""
        return self.request.from_.uri_text

    @property
    def text(self) -> str:
        """Its body as text."""
        return self.request.body.decode(errors="replace")

    def answer(
        self,
        status: int = 200,
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> None:
        """Answer it; ignored if it has been answered.

        Args:
            status: 200 to 699.
            headers: further fields.
            body: the body.
            content_type: its type.
        """
        self._driver.run(
            lambda now: self._core.answer(
                status, now, headers=tuple(headers), body=body, content_type=content_type
            )
        )
