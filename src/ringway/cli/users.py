"""`ringway bindings` and `ringway redirect`: who is reachable where, and who has moved.

Both ask the running server. Without one, redirects are set in the SQLite store that the server will
start with; in memory there would be nothing to set them in.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from ringway.cli.live import NoServerError, RefusedError, ask
from ringway.cli.options import ConfigFile, Json, StateDirectory, find_state_dir
from ringway.errors import ConfigError
from ringway.explain.text import escape
from ringway.server.config.values import format_duration, read_duration

if TYPE_CHECKING:
    from ringway.cli.offline import Shelf

__all__ = ["bindings", "redirect"]

Facts = dict[str, Any]

redirect = typer.Typer(
    help="Send the callers of a user elsewhere.", rich_markup_mode=None, add_completion=False
)

User = Annotated[
    str,
    typer.Argument(
        metavar="USER", help="An address such as sip:alice@example.com, or alice in our domain."
    ),
]
AnyUser = Annotated[
    str | None, typer.Argument(metavar="USER", help="Only this user; everyone without it.")
]
Case = Annotated[
    str, typer.Option("--when", metavar="CASE", help="always, busy, no-answer or unreachable.")
]


def bindings(
    user: AnyUser = None,
    config: ConfigFile = None,
    state_dir: StateDirectory = None,
    json_output: Json = False,
) -> None:
    """Show who is registered, and by which flow calls reach them."""
    found = cast(
        list[Facts], ask(find_state_dir(config, state_dir), ask="bindings", aor=user or "")
    )
    if json_output:
        _print_json(found)
        return
    if not found:
        _print(f"{user} is not registered." if user else "Nobody is registered.")
    aor = ""
    for binding in found:
        if binding["aor"] != aor:
            aor = binding["aor"]
            _print(aor)
        _print(f"  {binding['contact']}")
        for line in _binding_lines(binding):
            _print(f"      {line}")


@redirect.command("set")
def redirect_set(
    user: User,
    to: Annotated[
        list[str],
        typer.Option("--to", metavar="URI", help="Where callers go; repeat it, the best first."),
    ],
    lasts: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="TIME", help="How long: 90s, 30m, 2h, 7d. Until cleared without it."
        ),
    ] = None,
    when: Case = "always",
    status: Annotated[
        int,
        typer.Option(
            "--status",
            metavar="CODE",
            help="302 moved for now, 301 for good, 300 several choices, 305 by way of a proxy.",
        ),
    ] = 302,
    config: ConfigFile = None,
    state_dir: StateDirectory = None,
    json_output: Json = False,
) -> None:
    """Send the callers of a user elsewhere.

    For example: ringway redirect set alice --to sip:alice@hotel.example --for 2h
    """
    seconds = None if lasts is None else _duration(lasts)
    question = {"aor": user, "to": to, "seconds": seconds, "when": when, "status": status}
    rule = cast(
        Facts,
        _ask_or_edit(
            config, state_dir, "redirect-set", question, lambda shelf: shelf.set(question)
        ),
    )
    _print_json(rule) if json_output else _print(_rule_line(rule))


@redirect.command("list")
def redirect_list(
    user: AnyUser = None,
    config: ConfigFile = None,
    state_dir: StateDirectory = None,
    json_output: Json = False,
) -> None:
    """Show who has moved, and where to."""
    question = {"aor": user or ""}
    rules = cast(
        list[Facts],
        _ask_or_edit(config, state_dir, "redirects", question, lambda shelf: shelf.rules(user)),
    )
    if json_output:
        _print_json(rules)
        return
    if not rules:
        _print(f"{user} is not redirected." if user else "Nobody is redirected.")
    for rule in rules:
        _print(_rule_line(rule))


@redirect.command("clear")
def redirect_clear(
    user: User,
    when: Annotated[
        str | None,
        typer.Option(
            "--when",
            metavar="CASE",
            help="Only the one for always, busy, no-answer or unreachable; all without it.",
        ),
    ] = None,
    config: ConfigFile = None,
    state_dir: StateDirectory = None,
    json_output: Json = False,
) -> None:
    """Let the callers of a user through again."""
    question = {"aor": user, "when": when or ""}
    cleared = cast(
        int,
        _ask_or_edit(
            config, state_dir, "redirect-clear", question, lambda shelf: shelf.clear(user, when)
        ),
    )
    if json_output:
        _print_json({"cleared": cleared})
    elif cleared:
        _print(f"{user}: {cleared} redirect{'s' if cleared > 1 else ''} cleared.")
    else:
        _print(f"{user} was not redirected.")
    if not cleared:
        raise typer.Exit(1)


def _ask_or_edit(
    config: Path | None,
    state_dir: Path | None,
    what: str,
    question: Facts,
    edit: Callable[[Shelf], object],
) -> object:
    """Ask the running server, or without one act on the store it will start with."""
    folder = find_state_dir(config, state_dir)
    try:
        return ask(folder, ask=what, **question)
    except NoServerError as absent:
        from ringway.cli.offline import open_shelf  # noqa: PLC0415 - slow, and seldom needed

        shelf = open_shelf(config, folder, absent)
    try:
        return edit(shelf)
    except ValueError as error:  # what a server would have answered
        raise RefusedError(str(error)) from None


def _duration(text: str) -> float:
    try:
        return read_duration(text)
    except ValueError as error:
        raise ConfigError("command line", "--for", text, str(error)) from None


def _binding_lines(binding: Facts) -> list[str]:
    left = binding["expires_in"]
    first = [f"expires in {format_duration(left)}" if left else "expires now"]
    first.append(f"q {binding['q']:g}")
    if binding["flow"]:
        first.insert(0, f"over {binding['flow']}")
    elif binding["path"]:
        first.insert(0, "by " + ", ".join(binding["path"]))
    second = [binding["instance"]] if binding["instance"] else []
    if binding["reg_id"]:
        second.append(f"reg-id {binding['reg_id']}")
    if binding["user_agent"]:
        second.append(binding["user_agent"])
    return [", ".join(first)] + ([", ".join(second)] if second else [])


def _rule_line(rule: Facts) -> str:
    ends = "until it is cleared"
    if rule["ends_in"] is not None:
        ends = f"for {format_duration(rule['ends_in'])}"
    case = "" if rule["when"] == "always" else f", when {rule['when']}"
    return f"{rule['aor']} -> {', '.join(rule['to'])}  ({rule['status']}, {ends}{case})"


def _print(line: str) -> None:
    sys.stdout.write(escape(line, longest=0) + "\n")


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")
