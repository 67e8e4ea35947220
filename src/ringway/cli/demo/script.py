"""What happens in the demonstration, and what must come of it.

A phone registers over two flows and a second phone waits at a hotel. Four calls: all is well; one
flow is dead; the user has moved; the flow dies in mid-call. Server, sockets and timers are the real
ones, and each step fails loudly when it does not come out as promised.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack

from ringway.cli.demo.phone import Dialog, Outcome, Phone
from ringway.cli.paint import terminal_paint
from ringway.endpoint import Decision, Kind
from ringway.explain import StoryTeller
from ringway.explain.text import Paint, plain
from ringway.server.config.load import make_config
from ringway.server.server import Server
from ringway.transport.flow import Flow

HOME, HOTEL = "home.example", "hotel.example"
ALICE, ROOM, BOB = f"sip:alice@{HOME}", f"sip:room42@{HOTEL}", f"sip:bob@{HOME}"


class DemoFailedError(RuntimeError):
    """Something did not come out as promised."""


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
            for phone in (alice, hotel, bob):
                await phone.register()
            self._chapter("Alice's phone registers over two flows, one more phone at a hotel")

            outcome = await bob.call(ALICE)
            first = self._answered(outcome, alice)
            await self._hang_up(bob, outcome, alice)
            self._chapter("Bob calls Alice")

            await self._drop(alice, first)
            outcome = await bob.call(ALICE)
            second = self._answered(outcome, alice)
            self._check(second != first, "the call took the dead flow")
            await self._hang_up(bob, outcome, alice)
            self._chapter(f"That flow dies; Bob calls again: answered in {_ms(outcome)}")

            await self._server.set_redirect(ALICE, [(ROOM, 1.0)], seconds=7200)
            outcome = await bob.call(ALICE)
            self._answered(outcome, hotel)
            self._check(outcome.contacts == (ROOM,), "Bob was not told where Alice is")
            await self._hang_up(bob, outcome, hotel)
            await self._server.clear_redirects(ALICE)
            self._chapter("Alice has moved to the hotel; Bob's call follows the 302")

            await alice.register()
            outcome = await bob.call(ALICE)
            carrying = self._answered(outcome, alice)
            await self._drop(alice, carrying)
            await self._hang_up(bob, outcome, alice)
            self._chapter("The flow dies in mid-call; Bob hangs up over the other one")
        self._say("")
        self._say("Four calls, two dead connections, one move: every call arrived.")

    def _hear(self, decision: Decision) -> None:
        if decision.kind is Kind.FLOW_CLOSED:
            self._closed.set()
        for line in self._teller.tell(decision):
            self._say("  " + line)

    def _chapter(self, title: str) -> None:
        self._say("")
        self._say(title)
        for line in self._teller.close():
            self._say("  " + line)

    def _answered(self, outcome: Outcome, phone: Phone) -> Flow:
        self._check(outcome.status == 200, f"the call ended with {outcome.status}")
        return phone.rang_over[-1]

    async def _hang_up(self, caller: Phone, outcome: Outcome, called: Phone) -> None:
        dialog: Dialog | None = outcome.dialog
        if dialog is None:
            raise DemoFailedError("there is no call to hang up")
        called.hung_up.clear()
        status = await caller.hang_up(dialog)
        self._check(status == 200, f"the BYE was answered with {status}")
        async with asyncio.timeout(5):
            await called.hung_up.wait()

    async def _drop(self, phone: Phone, flow: Flow) -> None:
        """Cut a flow and wait until the server has seen it close."""
        self._closed.clear()
        phone.drop(flow)
        async with asyncio.timeout(5):
            await self._closed.wait()

    def _check(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise DemoFailedError(otherwise)


def _ms(outcome: Outcome) -> str:
    return f"{outcome.seconds * 1000:.0f} ms"


def run_demo() -> None:
    """Run the demonstration on this terminal."""

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")

    asyncio.run(Demonstration(say, terminal_paint()).run())
