"""What happens in the demonstration, and what must come of it.

A phone registers over two flows and a second phone waits at a hotel. Four calls: all is well; one
flow is dead; the user has moved; the flow dies in mid-call. Server, sockets and timers are the real
ones, and each step fails loudly when it does not come out as promised.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

from ringway.cli.demo.phone import PATIENCE, Phone
from ringway.cli.paint import terminal_paint
from ringway.endpoint import Decision, Kind
from ringway.explain import StoryTeller
from ringway.explain.text import Paint, plain
from ringway.message import Uri
from ringway.server.config.load import make_config
from ringway.server.server import Server
from ringway.transport.flow import Flow
from ringway.ua.events import Answered, Redirected

HOME, HOTEL = "home.example", "hotel.example"
ALICE, ROOM, BOB = f"sip:alice@{HOME}", f"sip:room42@{HOTEL}", f"sip:bob@{HOME}"


class DemoFailedError(RuntimeError):
    """Something did not come out as promised."""


class _Up(NamedTuple):
    """A call that is up.

    Attributes:
        flow: what it reached the phone over.
        milliseconds: from the first INVITE to the answer.
        redirected: where a redirect led, None if there was none.
    """

    flow: Flow
    milliseconds: float
    redirected: Uri | None


class Demonstration:
    """Runs the demonstration and says what it sees.

    Args:
        say: takes a line to print.
        paint: gives the pieces of a story line their colour.
    """

    def __init__(self, say: Callable[[str], None], paint: Paint = plain) -> None:
        self._say = say
        self._teller = StoryTeller(paint=paint)
        self._server: Server
        self._closed = asyncio.Event()
        self._byes: asyncio.Queue[int] = asyncio.Queue()

    async def run(self) -> None:
        """Run all of it.

        Raises:
            DemoFailedError: a step did not come out as promised.
        """
        config = make_config(
            domains=[HOME, HOTEL],
            listen=["udp:127.0.0.1:0", "tcp:127.0.0.1:0", "tcp:127.0.0.1:0"],
            store="memory",
            no_auth=True,
        )
        async with AsyncExitStack() as stack:
            self._server = await stack.enter_async_context(Server(config, on_decision=self._hear))
            doors = [each.address for each in self._server.listeners if each.transport == "tcp"]
            self._say(f"A server for {HOME} and {HOTEL} on {doors[0]} and {doors[1]}.")
            alice = await stack.enter_async_context(Phone(ALICE, (doors[0], doors[1])))
            hotel = await stack.enter_async_context(Phone(ROOM, (doors[0],)))
            bob = await stack.enter_async_context(Phone(BOB, (doors[0],)))
            self._chapter("Alice's phone registers over two flows, one more phone at a hotel")

            async with self._call(bob, alice) as up:
                first = up.flow
            self._chapter("Bob calls Alice")

            await self._cut(alice, first)
            async with self._call(bob, alice) as up:
                self._check(up.flow != first, "the call took the dead flow")
            self._chapter(f"That flow dies; Bob calls again: answered in {up.milliseconds:.0f} ms")

            await self._server.set_redirect(ALICE, [(ROOM, 1.0)])
            async with self._call(bob, alice, reached=hotel) as up:
                self._check(str(up.redirected) == ROOM, "Bob was not told where Alice is")
            await self._server.clear_redirects(ALICE)
            self._chapter("Alice has moved to the hotel; Bob's call follows the 302")

            await alice.registered()
            self._chapter("Alice's phone has replaced the flow that died")
            async with self._call(bob, alice) as up:
                await self._cut(alice, up.flow)
            self._chapter("The flow dies in mid-call; Bob hangs up over the other one")
        self._say("")
        self._say("Four calls, two dead connections, one move: every call arrived.")

    def _hear(self, decision: Decision) -> None:
        if decision.kind is Kind.FLOW_CLOSED:
            self._closed.set()
        elif decision.method == "BYE" and decision.kind is Kind.ANSWER:
            self._byes.put_nowait(decision.status)
        for line in self._teller.tell(decision):
            self._say("  " + line)

    def _chapter(self, title: str) -> None:
        self._say("")
        self._say(title)
        for line in self._teller.close():
            self._say("  " + line)

    @asynccontextmanager
    async def _call(
        self, caller: Phone, called: Phone, *, reached: Phone | None = None
    ) -> AsyncIterator[_Up]:
        """Have one phone call another; at the end the caller hangs up, and the other hears it.

        Args:
            caller: who calls.
            called: whom.
            reached: whose phone answers, if it is another's.
        """
        began = time.monotonic()
        redirected: Uri | None = None
        async with caller.call(called.aor) as call:
            async with self._at_most("nobody was reached"):
                taken = await (reached or called).answer()
                async for event in call:
                    if isinstance(event, Redirected):
                        redirected = event.target
                    elif isinstance(event, Answered):
                        break
            yield _Up(taken.flow, (time.monotonic() - began) * 1000, redirected)
            async with self._at_most("the other side never heard of the end"):
                await call.hang_up()
                status = await self._byes.get()
                self._check(status == 200, f"the BYE was answered with {status}")
                async for _ in taken:
                    pass

    @asynccontextmanager
    async def _at_most(self, otherwise: str) -> AsyncIterator[None]:
        """Wait no longer than anybody would."""
        try:
            async with asyncio.timeout(PATIENCE):
                yield
        except TimeoutError:
            raise DemoFailedError(otherwise) from None

    async def _cut(self, phone: Phone, flow: Flow) -> None:
        """Cut a flow and wait until the server has seen it close."""
        self._closed.clear()
        phone.cut(flow)
        async with self._at_most("the server did not notice"):
            await self._closed.wait()

    def _check(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise DemoFailedError(otherwise)


def run_demo() -> None:
    """Run the demonstration on this terminal."""

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")

    asyncio.run(Demonstration(say, terminal_paint()).run())
