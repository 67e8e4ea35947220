"""What came of a single request: the response, or why there is none."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ringway.errors import RingwayError
from ringway.message import Request, Response
from ringway.transport.flow import Flow
from ringway.ua.events import Failure, Redirected

__all__ = ["FailedError", "Reply", "Waiting"]


class FailedError(RingwayError):
    """A call, a registration or a request failed.

    Args:
        failure: why.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure

    def __str__(self) -> str:
        """One line: what happened."""
        return self.failure.text


@dataclass(frozen=True, slots=True)
class Reply:
    """A 2xx to a request.

    Attributes:
        status: 200 to 299.
        phrase: its reason phrase, from the wire.
        response: the response.
        flow: what it came over.
        seconds: from the first try to the response, challenges and redirects included.
        redirected: the redirects that were followed.
    """

    status: int
    phrase: str
    response: Response
    flow: Flow
    seconds: float
    redirected: tuple[Redirected, ...] = ()


class Waiting:
    """Waits for what comes of a request; an asker of ``ringway.ua.requests.sending``.

    Args:
        started: when the request was first sent, in seconds.
    """

    def __init__(self, started: float) -> None:
        self.reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._started = started
        self._redirected: list[Redirected] = []

    def provisional(self, request: Request, response: Response, flow: Flow, now: float) -> None:
        """Nothing is final yet."""

    def succeeded(
        self,
        request: Request,  # noqa: ARG002 - what an asker is told
        response: Response,
        flow: Flow,
        now: float,
    ) -> None:
        """Take the response."""
        if not self.reply.done():
            seconds = now - self._started
            redirected = tuple(self._redirected)
            self.reply.set_result(
                Reply(response.status, response.reason, response, flow, seconds, redirected)
            )

    def redirected(self, event: Redirected, now: float) -> None:  # noqa: ARG002 - as above
        """Remember it."""
        self._redirected.append(event)

    def failed(self, failure: Failure, now: float) -> None:  # noqa: ARG002 - as above
        """Tell who waits."""
        if not self.reply.done():
            self.reply.set_exception(FailedError(failure))
