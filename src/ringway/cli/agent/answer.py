"""`ringway answer`: registers, and answers whoever calls or writes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ringway import sdp as descriptions
from ringway.agent.call import TakenCall
from ringway.agent.user_agent import UserAgent
from ringway.cli.agent.call import NOBODY_LISTENS, description
from ringway.cli.agent.exits import Exit
from ringway.cli.agent.options import Told
from ringway.cli.agent.session import Session, run_session

__all__ = ["answer_calls"]


def answer_calls(
    told: Told,
    *,
    busy: bool,
    redirect_to: list[str],
    after: float,
    calls: int | None,
    sdp: Path | None,
) -> None:
    """Answer until interrupted, or so many calls.

    Args:
        told: the options of all commands.
        busy: refuse every call with 486.
        redirect_to: answer every call with 302 to these.
        after: seconds to ring first.
        calls: how many to take; None for any number.
        sdp: file with the answer.

    Raises:
        typer.Exit: always, with the exit status.
    """

    async def take(session: Session, agent: UserAgent, call: TakenCall) -> None:
        session.say(f"{call.caller} calls", event="called", caller=call.caller)
        if redirect_to:
            call.redirect(*redirect_to)
        elif busy:
            call.reject(486)
        else:
            call.ring()
            if not await session.pause(after) and not call.over:
                _answer(call, agent, sdp)
        await session.follow(call, None)

    async def read_messages(session: Session, agent: UserAgent) -> None:
        async for request in agent.requests():
            sender, body = request.sender, request.text
            line = f"{request.request.method} of {sender}: {body}"
            session.say(line, event="message", sender=sender, body=body)
            request.answer()

    async def work(session: Session) -> Exit:
        async with session.agent(register=True) as agent, asyncio.TaskGroup() as tasks:
            messages = tasks.create_task(read_messages(session, agent))
            ending = tasks.create_task(session.interrupted.wait())
            ending.add_done_callback(lambda _: agent.calls().close())
            taken = 0
            async for call in agent.calls():
                taken += 1
                if taken == calls:
                    await take(session, agent, call)
                    break
                tasks.create_task(take(session, agent, call))
            messages.cancel()
            ending.cancel()
        return Exit.DONE

    run_session(told, work, named=True)


def _answer(call: TakenCall, agent: UserAgent, sdp: Path | None) -> None:
    if sdp is not None or not call.offer:
        call.answer(description(sdp, agent))
        return
    try:
        reply = descriptions.answer(call.offer, agent.host, NOBODY_LISTENS, direction="inactive")
    except (descriptions.NothingInCommonError, ValueError):
        call.reject(488)
    else:
        call.answer(reply)
