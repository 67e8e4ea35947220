"""`ringway call`: calls somebody, and tells what comes of it."""

from __future__ import annotations

from pathlib import Path

from ringway import sdp as descriptions
from ringway.agent.user_agent import UserAgent
from ringway.cli.agent.exits import Exit
from ringway.cli.agent.options import Told
from ringway.cli.agent.session import Session, run_session
from ringway.errors import ConfigError, RingwayError
from ringway.ua.events import Failed

__all__ = ["call_somebody", "description"]

NOBODY_LISTENS = 9
"""The discard port."""


def call_somebody(
    told: Told, uri: str, *, seconds: float | None, sdp: Path | None, follow: bool, register: bool
) -> None:
    """Call until it is over.

    Args:
        told: the options of all commands.
        uri: whom.
        seconds: how long after the answer; None until the far end hangs up or Ctrl-C.
        sdp: file with the offer.
        follow: whether redirects are followed.
        register: whether to register first.

    Raises:
        typer.Exit: always, with the exit status.
    """

    async def work(session: Session) -> Exit:
        async with session.agent(register=register) as agent:
            offer = description(sdp, agent)
            try:
                call = agent.call(uri, offer=offer, follow=None if follow else False)
            except ValueError as error:
                raise RingwayError(str(error)) from None
            session.say(f"calling {uri}", event="calling", uri=uri)
            async with call:
                answered, last = await session.follow(call, seconds)
        if not answered and session.interrupted.is_set():
            return Exit.INTERRUPTED
        if isinstance(last, Failed):
            return session.exit_for(last.failure)
        return Exit.DONE

    run_session(told, work, named=False)


def description(file: Path | None, agent: UserAgent) -> bytes:
    """Return a session description: the file's, or one of audio that nobody sends.

    Args:
        file: the file, None for none.
        agent: who offers.

    Raises:
        ConfigError: the file cannot be read.
    """
    if file is None:
        return descriptions.offer(agent.host, NOBODY_LISTENS, direction="inactive")
    try:
        return file.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        allowed = f"a file with a session description ({reason})"
        raise ConfigError("command line", "--sdp", str(file), allowed) from None
