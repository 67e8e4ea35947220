"""One call as an application holds it: events to read, and what can be done about it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Self, TypeVar

from ringway.agent.events import Stream
from ringway.agent.reply import FailedError
from ringway.aio.driver import Driver
from ringway.codes import CANCELLED, Source
from ringway.message import Request
from ringway.transport.flow import Flow
from ringway.ua.calls.call import Call as CoreCall
from ringway.ua.calls.called import IncomingCall
from ringway.ua.events import Answered, CallEvent, Ended, Failed, Failure

__all__ = ["Call", "TakenCall"]

T = TypeVar("T")

_GOODBYE: Final = 4.0
"""Seconds to wait for the answer to BYE or CANCEL; the far end may be gone."""


class Call:
    """A call, read with ``async for``; as a context manager it ends when the block does.

    Args:
        driver: runs the core.
        keep: told of the call when it has begun, to end it when the agent ends.
        begin: begins the call; None if it has begun.
    """

    def __init__(
        self,
        driver: Driver,
        keep: Callable[[Call], None],
        begin: Callable[[Call, float], CoreCall] | None = None,
    ) -> None:
        self._core: CoreCall | None = None
        self._keep = keep
        self._driver = driver
        self._begin = begin
        self._events: Stream[CallEvent] = Stream()
        self._answered: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._over = asyncio.Event()
        self._when_over: list[Callable[[Call], None]] = []

    async def __aenter__(self) -> Self:
        """Begin the call."""
        if self._begin is not None:
            begin, self._begin = self._begin, None
            self._has_begun(self._ask(lambda now: begin(self, now)))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the call if it is not over."""
        await self.hang_up()

    def _has_begun(self, core: CoreCall) -> None:
        self._core = core
        if not self.over:
            self._keep(self)

    # Events

    def __aiter__(self) -> Self:
        """Read what happens; the last event is ``Failed`` or ``Ended``."""
        return self

    async def __anext__(self) -> CallEvent:
        """Wait for the next event."""
        return await anext(self._events)

    def take(self, event: CallEvent) -> None:
        """Take an event of the core."""
        self._events.put(event)
        if isinstance(event, Answered):
            if not self._answered.done():
                self._answered.set_result(event)
        elif isinstance(event, Failed | Ended):
            failure = event.failure
            if not self._answered.done():
                if failure is None:
                    reason = event.reason if isinstance(event, Ended) else ""
                    failure = Failure(CANCELLED, Source.TIMER, reason or "given up")
                self._answered.set_exception(FailedError(failure))
                self._answered.exception()  # nobody needs to ask
            self._events.close()
            self._over.set()
            for callback in self._when_over:
                callback(self)

    def when_over(self, callback: Callable[[Call], None]) -> None:
        """Call back when the call is over."""
        self._when_over.append(callback)

    @property
    def flow(self) -> Flow:
        """What the call goes over now, or went over last.

        Raises:
            RuntimeError: nothing has been heard of the far end yet.
        """
        session = None if self._core is None else self._core.session
        if session is None:
            raise RuntimeError("no dialog yet")
        return session.flow

    @property
    def over(self) -> bool:
        """True once it has failed or ended."""
        return self._over.is_set()

    async def answered(self) -> Answered:
        """Wait until the call is up.

        Raises:
            FailedError: it was not answered; given up before, that counts as a 487.
        """
        return await asyncio.shield(self._answered)

    # Actions; each is carried out before it returns, its outcome comes as an event

    async def hang_up(self) -> None:
        """End the call, whatever its state, and wait a moment for the far end's word."""
        core = self._core
        if self.over or core is None:
            return
        self._driver.run(core.hang_up)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE):
                await self._over.wait()

    def change(self, body: bytes, *, method: str = "INVITE") -> bool:
        """Offer another session; ``Changed`` or ``NotChanged`` follows (RFC 3261 §14).

        Args:
            body: the offer.
            method: INVITE, or UPDATE for a change that nobody is asked about (RFC 3311).

        Returns:
            False if the call is not up.
        """
        return self._do(lambda core, now: core.change(now, body, method=method))

    def accept(self, body: bytes = b"") -> bool:
        """Answer what was ``Offered``.

        Args:
            body: the session description; empty to repeat the last one.

        Returns:
            False if nothing waits for an answer.
        """
        return self._do(lambda core, now: core.accept(now, body))

    def refuse(self, status: int = 488) -> bool:
        """Refuse what was ``Offered``; the session stays as it was.

        Returns:
            False if nothing waits for an answer.
        """
        return self._do(lambda core, now: core.refuse(now, status))

    def info(self, body: bytes, content_type: str) -> bool:
        """Send an INFO within the call (RFC 6086); False if it is not up."""
        return self._do(lambda core, now: core.info(now, body, content_type))

    def message(self, text: str, content_type: str = "text/plain;charset=utf-8") -> bool:
        """Send a MESSAGE within the call (RFC 3428); False if it is not up."""
        return self._do(lambda core, now: core.message(now, text.encode(), content_type))

    def refer(self, uri: str, *, replaces: Call | None = None) -> bool:
        """Ask the far end to call somebody else (RFC 3515); ``TransferProgress`` follows.

        Args:
            uri: whom; empty for the far end of ``replaces``.
            replaces: the call that the new one takes the place of (RFC 3891).

        Returns:
            False if the call is not up.
        """
        other = None if replaces is None else replaces.core
        return self._do(lambda core, now: core.refer(now, uri, replaces=other))

    def accept_transfer(self, offer: bytes = b"") -> Call | None:
        """Do what a ``TransferAsked`` wants; the far end hears how it goes.

        Args:
            offer: the session description to offer; empty to have the other end make one.

        Returns:
            The new call, which has begun; None if nothing was asked, or not of us.
        """
        call = Call(self._driver, self._keep)

        def begin(core: CoreCall, now: float) -> CoreCall | None:
            return core.transfer_answer(now, True, body=offer, emit=call.take)

        core = self._do(begin)
        if core is None:
            return None
        call._has_begun(core)
        return call

    def refuse_transfer(self) -> None:
        """Do not do what a ``TransferAsked`` wants."""
        self._do(lambda core, now: core.transfer_answer(now, False))

    def notify(self, status: int) -> bool:
        """Report how the call goes that a ``TransferAsked`` wanted; a final status ends it.

        Returns:
            False if nobody waits for a report.
        """
        return self._do(lambda core, now: core.notify(now, status))

    @property
    def core(self) -> CoreCall:
        """The call of the pure user agent.

        Raises:
            RuntimeError: it has not begun.
        """
        if self._core is None:
            raise RuntimeError("the call has not begun; use it with `async with`")
        return self._core

    def _do(self, action: Callable[[CoreCall, float], T]) -> T:
        core = self.core
        return self._ask(lambda now: action(core, now))

    def _ask(self, question: Callable[[float], T]) -> T:
        """Call into the core, do what it commands, and return what it said."""
        said: list[T] = []
        self._driver.run(lambda now: said.append(question(now)))
        return said[0]


class TakenCall(Call):
    """A call from somebody else; it rings until it is answered.

    Args:
        driver: runs the core.
        keep: as of `Call`.
        core: the call.
    """

    def __init__(self, driver: Driver, keep: Callable[[Call], None], core: IncomingCall) -> None:
        super().__init__(driver, keep)
        self._incoming = core
        core.emit = self.take
        self._has_begun(core)

    @property
    def request(self) -> Request:
        """The INVITE."""
        return self._incoming.request

    @property
    def caller(self) -> str:
        """Who calls, as the INVITE says: text from the wire, proved by nobody."""
        return self.request.from_.uri_text

    @property
    def offer(self) -> bytes:
        """The session description that is offered; empty if ours is asked for."""
        return self.request.body

    def ring(self, status: int = 180, *, body: bytes = b"") -> bool:
        """Say that it rings, or with 183 and a body: what can be heard already.

        Returns:
            False if the call waits for no answer any more; so for the others.
        """
        return self._ask(lambda now: self._incoming.ring(now, status, body))

    def answer(self, body: bytes) -> bool:
        """Take the call.

        Args:
            body: the session description that answers the offer, or an offer.
        """
        return self._ask(lambda now: self._incoming.answer(now, body))

    def reject(self, status: int = 486, *, headers: Iterable[tuple[str, str]] = ()) -> bool:
        """Refuse the call: 486 busy here, 603 for all of the user's phones."""
        return self._ask(lambda now: self._incoming.reject(now, status, tuple(headers)))

    def redirect(self, *uris: str, status: int = 302) -> bool:
        """Send the caller elsewhere (RFC 3261 §21.3)."""
        return self._ask(lambda now: self._incoming.redirect(now, uris, status))
