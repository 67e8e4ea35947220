"""Our user agent as one more phone: it runs in a thread of its own, so that a test waits for what
it says as it waits for a program's lines."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import Any, Self, TypeVar

from tests.interop.lab import Lab
from tests.interop.servers import DOMAIN
from tests.interop.wire import sdp

from ringway.agent.call import Call, TakenCall
from ringway.agent.user_agent import UserAgent

T = TypeVar("T")
OFFER = sdp("127.0.0.1").encode()
ANSWER = OFFER.replace(b"40000", b"40002")


class Ours:
    """A user agent from its start to `close`; what it is told is what `UserAgent` takes."""

    def __init__(self, lab: Lab, user: str, **told: Any) -> None:
        self.aor = f"sip:{user}@{DOMAIN}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._end = asyncio.Event()
        self._seen: list[object] = []
        told.setdefault("state_dir", lab.folder / f"state-{user}")
        ready: asyncio.Future[UserAgent] = self._loop.create_future()
        self._life = asyncio.run_coroutine_threadsafe(self._live(told, ready), self._loop)
        lab.ends(self.close)
        self.ua = self.wait(_first(ready))
        self._taken = self.soon(self.ua.calls)

    async def _live(self, told: dict[str, Any], ready: "asyncio.Future[UserAgent]") -> None:
        try:
            async with UserAgent(self.aor, **told) as ua:
                ready.set_result(ua)
                await self._end.wait()
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    def wait(self, what: Coroutine[Any, Any, T], seconds: float = 30.0) -> T:
        """Run something on the agent's loop; what comes of it."""
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(seconds)

    def soon(self, action: Callable[..., T], *args: Any, **named: Any) -> T:
        """Call something on the agent's loop."""

        async def act() -> T:
            return action(*args, **named)

        return self.wait(act())

    def event(self, kind: type[T], seconds: float = 10.0, **wanted: object) -> T:
        """Wait for the agent's next event of this kind (with these values, where given)."""
        return self.wait(_next(self.ua.events(), kind, seconds, wanted, self._seen))

    def call(self, uri: str, offer: bytes = OFFER, **more: Any) -> "OurCall":
        """Call somebody."""
        call = self.soon(self.ua.call, uri, offer=offer, **more)
        self.wait(call.__aenter__())
        return OurCall(self, call)

    def take_call(self, seconds: float = 10.0) -> "OurCall":
        """Wait for a call and answer it."""
        call = self.ringing(seconds)
        call.do("answer", ANSWER)
        return call

    def ringing(self, seconds: float = 10.0) -> "OurCall":
        """Wait for a call."""
        return self.also(self.wait(_next(self._taken, TakenCall, seconds, {}, self._seen)))

    def also(self, call: Call) -> "OurCall":
        """A call that began otherwise."""
        return OurCall(self, call)

    def leave(self) -> None:
        """Hang up and unregister; its loop goes on, so that connections have time to close."""
        self._loop.call_soon_threadsafe(self._end.set)
        with suppress(Exception):  # it never began: whoever made it has been told
            self._life.result(15)

    def close(self) -> None:
        """Hang up, unregister, and end."""
        if self._loop.is_closed():
            return
        self.leave()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class OurCall:
    """One of its calls."""

    def __init__(self, phone: Ours, call: Call) -> None:
        self._phone = phone
        self.call = call
        self._seen: list[object] = []

    def event(self, kind: type[T], seconds: float = 10.0, **wanted: object) -> T:
        """Wait for the call's next event of this kind (with these values, where given)."""
        return self._phone.wait(_next(self.call, kind, seconds, wanted, self._seen), seconds + 5)

    def do(self, action: str, *args: object, **named: object) -> Any:
        """Do something to the call, as ``do("info", body, content_type)``."""
        return self._phone.soon(getattr(self.call, action), *args, **named)

    def hang_up(self) -> None:
        """End it, and wait for the far end's word."""
        self._phone.wait(self.call.hang_up())


async def _first(ready: "asyncio.Future[T]") -> T:
    return await ready


async def _next(
    events: AsyncIterator[object],
    kind: type[T],
    seconds: float,
    wanted: dict[str, object],
    seen: list[object],
) -> T:
    try:
        async with asyncio.timeout(seconds):
            async for event in events:
                seen.append(event)
                if isinstance(event, kind) and all(
                    getattr(event, name) == value for name, value in wanted.items()
                ):
                    return event
            why = "it is over"
    except TimeoutError:
        why = f"not within {seconds:g} s"
    listed = "\n".join(map(repr, seen))
    raise AssertionError(f"no {kind.__name__} {wanted or ''} ({why}), but:\n{listed}")
