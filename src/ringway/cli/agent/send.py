"""`ringway message` and `ringway options`: one request, and what comes of it."""

from __future__ import annotations

from collections.abc import Awaitable

from ringway.agent.reply import FailedError, Reply
from ringway.agent.user_agent import UserAgent
from ringway.cli.agent.exits import Exit
from ringway.cli.agent.options import Told
from ringway.cli.agent.session import Session, run_session
from ringway.errors import RingwayError
from ringway.explain.text import Tone

__all__ = ["ask_options", "send_message"]


def send_message(told: Told, uri: str, text: str, *, register: bool) -> None:
    """Send a MESSAGE.

    Args:
        told: the options of all commands.
        uri: whom it is for.
        text: what it says.
        register: whether to register first.

    Raises:
        typer.Exit: always, with the exit status.
    """

    async def work(session: Session) -> Exit:
        async with session.agent(register=register) as agent:
            reply = await _checked(agent.message(uri, text))
            _tell(session, reply, f"delivered to {uri}")
        return Exit.DONE

    run_session(told, work, named=True)


def ask_options(told: Told, uri: str, *, count: int) -> None:
    """Send OPTIONS, several times if asked to.

    Args:
        told: the options of all commands.
        uri: whom to ask.
        count: how often.

    Raises:
        typer.Exit: always, with the exit status.
    """

    async def work(session: Session) -> Exit:
        async with session.agent(register=False) as agent:
            status = Exit.UNREACHABLE
            for number in range(count):
                if number and await session.pause(1.0):
                    break
                status = await _ask(session, agent, uri)
        return status

    run_session(told, work, named=False)


async def _ask(session: Session, agent: UserAgent, uri: str) -> Exit:
    try:
        reply = await _checked(agent.options(uri))
    except FailedError as error:
        return session.fail(error.failure)
    _tell(session, reply, f"{uri} is there")
    return Exit.DONE


def _tell(session: Session, reply: Reply, text: str) -> None:
    """Tell who answered, how fast, and what it says it can."""
    response = reply.response
    who = response.get("server") or response.get("user-agent") or ""
    facts = {
        "allow": response.get("allow") or "",
        "supported": response.get("supported") or "",
        "accept": response.get("accept") or "",
    }
    for each in reply.redirected:
        session.tell(each)
    session.say(
        f"{text}: {reply.status} {reply.phrase} over {reply.flow} in {reply.seconds * 1000:.1f} ms",
        Tone.GOOD,
        event="reply",
        status=reply.status,
        phrase=reply.phrase,
        flow=str(reply.flow),
        seconds=reply.seconds,
        software=who,
        **facts,
    )
    for name, value in (("software", who), *facts.items()):
        if value and not session.json:
            session.say(f"    {name}: {value}")


async def _checked(work: Awaitable[Reply]) -> Reply:
    """Await a reply; a URI that is none is the user's fault."""
    try:
        return await work
    except ValueError as error:
        raise RingwayError(str(error)) from None
