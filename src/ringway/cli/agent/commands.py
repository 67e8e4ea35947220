"""The user agent's commands and their help; what they do is in the modules beside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ringway.cli.agent.options import Told, with_options

__all__ = ["answer", "call", "message", "options", "register"]

Uri = Annotated[str, typer.Argument(metavar="URI", help="Whom: sip:bob@example.com.")]
NoRegister = Annotated[bool, typer.Option("--no-register", help="Do it without registering first.")]
Sdp = Annotated[
    Path | None,
    typer.Option("--sdp", metavar="FILE", help="The session description to use."),
]


@with_options
def register(
    told: Told,
    once: Annotated[
        bool, typer.Option("--once", help="End as soon as every flow has been tried.")
    ] = False,
) -> None:
    """Register, keep the flows alive, and tell what happens until Ctrl-C.

    Exit status: 0 registered, 3 refused, 6 the password, 7 not reached.
    """
    from ringway.cli.agent.register import register_agent  # noqa: PLC0415 - slow to import

    register_agent(told, once=once)


@with_options
def call(
    told: Told,
    uri: Uri,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", metavar="N", min=0, help="Hang up N seconds after the answer."),
    ] = None,
    sdp: Sdp = None,
    no_follow: Annotated[
        bool, typer.Option("--no-follow", help="Follow no redirect; say where it leads.")
    ] = False,
    no_register: NoRegister = False,
) -> None:
    """Call somebody, tell what happens, and hang up on Ctrl-C.

    There is no media: what is offered is audio that nobody sends, unless --sdp gives another.
    Exit status: 0 answered, 3 refused, 4 not now, 5 a redirect that was not followed, 6 the
    password, 7 not reached.
    """
    from ringway.cli.agent.call import call_somebody  # noqa: PLC0415 - slow to import

    call_somebody(
        told, uri, seconds=seconds, sdp=sdp, follow=not no_follow, register=not no_register
    )


@with_options
def answer(
    told: Told,
    busy: Annotated[bool, typer.Option("--busy", help="Refuse every call with 486.")] = False,
    redirect_to: Annotated[
        list[str] | None,
        typer.Option("--redirect-to", metavar="URI", help="Answer every call with 302; repeat it."),
    ] = None,
    after: Annotated[
        float, typer.Option("--after", metavar="N", min=0, help="Ring for N seconds first.")
    ] = 0.0,
    calls: Annotated[
        int | None,
        typer.Option("--calls", metavar="N", min=1, help="End after N calls; without it never."),
    ] = None,
    sdp: Sdp = None,
) -> None:
    """Register and answer calls and messages until Ctrl-C.

    There is no media: the answer is audio that nobody sends, unless --sdp gives another.
    Exit status: 0, 6 the password, 7 not reached.
    """
    from ringway.cli.agent.answer import answer_calls  # noqa: PLC0415 - slow to import

    answer_calls(told, busy=busy, redirect_to=redirect_to or [], after=after, calls=calls, sdp=sdp)


@with_options
def message(
    told: Told,
    uri: Uri,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to say.")],
    no_register: NoRegister = False,
) -> None:
    """Send somebody a text message, and tell what comes of it.

    Exit status: as of `ringway call`.
    """
    from ringway.cli.agent.send import send_message  # noqa: PLC0415 - slow to import

    send_message(told, uri, text, register=not no_register)


@with_options
def options(
    told: Told,
    uri: Uri,
    count: Annotated[
        int, typer.Option("--count", "-n", metavar="N", min=1, help="Ask N times, once a second.")
    ] = 1,
) -> None:
    """Ask a server or a phone whether it is there: who answers, how fast, what it supports.

    Exit status: as of `ringway call`.
    """
    from ringway.cli.agent.send import ask_options  # noqa: PLC0415 - slow to import

    ask_options(told, uri, count=count)
