"""One command's user agent: started, watched, told of, and ended by what comes first.

What is asked for, the far end, a limit of time, and Ctrl-C may all end a command. Each ends it the
same way: the call is hung up, the registrations are taken back, then the exit status says which.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Final

import typer

from ringway.agent.call import Call
from ringway.agent.reply import FailedError
from ringway.agent.user_agent import UserAgent
from ringway.cli.agent.exits import Exit, exit_for
from ringway.cli.agent.lines import as_json, as_lines, failure_json, failure_lines
from ringway.cli.agent.options import Told
from ringway.cli.paint import terminal_paint
from ringway.codes import lookup
from ringway.endpoint import Decision
from ringway.errors import ConfigError, RingwayError
from ringway.explain import event
from ringway.explain.story import StoryTeller
from ringway.explain.text import Tone, escape
from ringway.ua.events import AgentEvent, Answered, CallEvent, Failure

__all__ = ["Session", "run_session"]

NOBODY: Final = "sip:anonymous@anonymous.invalid"
"""Who asks when nobody says who (RFC 3261 §8.1.1.3)."""


class Session:
    """What one command says, and the agent it uses.

    Args:
        told: its options.
    """

    def __init__(self, told: Told) -> None:
        self.json = told.json
        self._paint = terminal_paint()
        self._teller = StoryTeller(live=True, paint=self._paint) if told.verbose else None
        self._told = told
        self._began = time.monotonic()
        self.interrupted = asyncio.Event()
        """Set by Ctrl-C, and by SIGTERM."""

    def agent(self, *, register: bool) -> UserAgent:
        """Make a user agent whose registrations are told of.

        Args:
            register: whether it registers; who calls without being somebody does not.

        Raises:
            ConfigError: an option cannot be.
            RingwayError: an address on the command line is none.
        """
        told = self._told
        try:
            return UserAgent(
                told.aor or NOBODY,
                register=register and told.aor is not None,
                on_event=self.tell,
                on_decision=self._decided if told.verbose else None,
                **told.arguments(),
            )
        except ValueError as error:
            raise RingwayError(str(error)) from None

    def tell(self, happened: AgentEvent | CallEvent) -> None:
        """Print an event."""
        if self.json:
            self._print_json(as_json(happened))
        else:
            self._print(as_lines(happened, self._paint))

    def say(self, text: str, tone: Tone = Tone.TEXT, **values: object) -> None:
        """Print a line of the command's own; its values too, as JSON.

        Args:
            text: the line; what comes from the wire is escaped here.
            tone: how it is meant.
            values: what it says, for ``--json``; ``event`` names it.
        """
        if self.json:
            self._print_json(values)
        else:
            self._print([self._paint(tone, escape(text))])

    def exit_for(self, failure: Failure) -> Exit:
        """Return the exit status of a failure that has been told, and where to read of it."""
        if not self.json:
            number = lookup(failure.status).status
            self._print([self._paint(Tone.WHY, f"`ringway code {number}` says more")])
        return exit_for(failure)

    def fail(self, failure: Failure) -> Exit:
        """Print why it failed; returns the exit status."""
        if self.json:
            self._print_json({"event": "failed", "failure": failure_json(failure)})
        else:
            self._print(failure_lines(failure, self._paint))
        return self.exit_for(failure)

    async def follow(self, call: Call, seconds: float | None) -> tuple[bool, CallEvent]:
        """Tell a call until it is over; end it when interrupted.

        Args:
            call: the call, begun.
            seconds: how long it lasts at most after the answer; None for no limit.

        Returns:
            Whether it was answered, and its last event.
        """
        answered = False
        async with asyncio.TaskGroup() as tasks:
            ending = tasks.create_task(self._end(call))
            async for happened in call:
                self.tell(happened)
                if isinstance(happened, Answered):
                    answered = True
                    if seconds is not None:
                        asyncio.get_running_loop().call_later(seconds, self.interrupted.set)
            ending.cancel()
        return answered, happened

    async def pause(self, seconds: float) -> bool:
        """Wait for some seconds; True if it was interrupted meanwhile."""
        try:
            await asyncio.wait_for(self.interrupted.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _end(self, call: Call) -> None:
        await self.interrupted.wait()
        await call.hang_up()

    def _decided(self, decision: Decision) -> None:
        if self.json:
            self._print_json({"event": "decision", **event(decision)})
        elif self._teller is not None:
            self._print(list(self._teller.tell(decision)))

    def _print(self, lines: list[str]) -> None:
        clock = f"{time.monotonic() - self._began:7.3f}  "
        for number, line in enumerate(lines):
            lead = self._paint(Tone.TIME, clock) if number == 0 else " " * len(clock)
            sys.stdout.write(f"{lead}{line}\n")
        sys.stdout.flush()

    def _print_json(self, values: dict[str, object]) -> None:
        at = round(time.monotonic() - self._began, 6)
        sys.stdout.write(json.dumps({"at": at, **values}) + "\n")
        sys.stdout.flush()


def run_session(told: Told, work: Callable[[Session], Awaitable[Exit]], *, named: bool) -> None:
    """Run a command's work and exit with its status.

    Args:
        told: its options.
        work: what it does.
        named: whether it cannot do without an address-of-record.

    Raises:
        ConfigError: an option cannot be.
    """
    if told.aor is None and named:
        raise ConfigError("command line", "--as", "", "who you are: sip:alice@example.com")
    raise typer.Exit(asyncio.run(_run(told, work)))


async def _run(told: Told, work: Callable[[Session], Awaitable[Exit]]) -> int:
    session = Session(told)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, session.interrupted.set)
    try:
        return await work(session)
    except FailedError as error:
        return session.fail(error.failure)
