"""`ringway register`: keeps registrations up, and tells what happens to them."""

from __future__ import annotations

from ringway.cli.agent.exits import Exit
from ringway.cli.agent.options import Told
from ringway.cli.agent.session import Session, run_session

__all__ = ["register_agent"]


def register_agent(told: Told, *, once: bool) -> None:
    """Register until interrupted.

    Args:
        told: the options of all commands.
        once: end as soon as every flow has been tried once.

    Raises:
        typer.Exit: always, with the exit status.
    """

    async def work(session: Session) -> Exit:
        async with session.agent(register=True) as agent:
            if once:
                await agent.tried()
            else:
                await session.interrupted.wait()
            registered = any(slot.registered for slot in agent.slots)
        return Exit.DONE if registered else Exit.UNREACHABLE

    run_session(told, work, named=True)
