"""The commands and their help.

A fault of the user's is one line on standard error, saying what is wrong, where, and what to do,
with exit status 2. Each command imports what it needs when it runs, so that `--help` is quick.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ringway.cli.agent.commands import answer, call, message, options, register
from ringway.cli.checking import config
from ringway.cli.explain.command import explain
from ringway.cli.options import ConfigFile, StateDirectory
from ringway.cli.reference import code, codes, compare, guide
from ringway.cli.site import site
from ringway.cli.terminal import fail
from ringway.cli.user import user
from ringway.cli.users import bindings, redirect
from ringway.errors import RingwayError

__all__ = ["app", "run"]

app = typer.Typer(
    name="ringway", rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False
)


@app.callback(invoke_without_command=True)
def _ringway(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """A SIP server and user agent that keep calls reaching people, and say why."""
    if version:
        print_version()
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit


@app.command()
def serve(
    app: Annotated[
        str | None,
        typer.Argument(
            metavar="MODULE:NAME", help="An App, or a handler, that decides about requests."
        ),
    ] = None,
    config: ConfigFile = None,
    domain: Annotated[
        list[str] | None,
        typer.Option(
            "--domain", "-d", metavar="DOMAIN", help="A domain to be responsible for; repeat it."
        ),
    ] = None,
    listen: Annotated[
        list[str] | None,
        typer.Option(
            "--listen",
            "-l",
            metavar="WHERE",
            help="udp, tcp, tls, ws or wss and an address: udp:127.0.0.1:5060; repeat it.",
        ),
    ] = None,
    role: Annotated[
        str | None,
        typer.Option(
            "--role",
            metavar="ROLE",
            help="all; edge, in front of a registrar; registrar, whose phones use edges.",
        ),
    ] = None,
    registrar: Annotated[
        str | None,
        typer.Option("--registrar", metavar="URI", help="The registrar behind an edge."),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store", metavar="STORE", help="memory, or sqlite:PATH; a file in DIR without it."
        ),
    ] = None,
    state_dir: StateDirectory = None,
    recurse: Annotated[
        list[str] | None,
        typer.Option(
            "--recurse", metavar="DOMAIN", help="Follow redirects to this domain; repeat it."
        ),
    ] = None,
    web: Annotated[
        str | None,
        typer.Option(
            "--web",
            metavar="ADDRESS",
            help="Where to serve the reference over HTTP, 127.0.0.1:8080 without it; or off.",
        ),
    ] = None,
    no_auth: Annotated[
        bool, typer.Option("--no-auth", help="Anyone may register and call; loopback only.")
    ] = False,
    json_lines: Annotated[
        bool, typer.Option("--json", help="Tell events as JSON, one a line, not as stories.")
    ] = False,
    messages: Annotated[
        bool, typer.Option("--messages", help="With --json, tell each SIP message too.")
    ] = False,
) -> None:
    """Run a server: registrar, proxy, edge and redirect server in one.

    Without a configuration it comes up on 127.0.0.1, port 5060, UDP and TCP.
    Options win over RINGWAY_ variables, and these over the file.
    """
    from ringway.cli.serve import run_server  # noqa: PLC0415 - slow to import
    from ringway.server.app import load_handler  # noqa: PLC0415 - slow to import
    from ringway.server.config.load import load_config  # noqa: PLC0415 - slow to import
    from ringway.server.config.settings import Config, with_state_dir  # noqa: PLC0415 - slow to import

    given: dict[str, object] = {
        "domains": domain,
        "listen": listen,
        "role": role,
        "registrar": registrar,
        "store": store,
        "state_dir": str(state_dir) if state_dir is not None else None,
        "recurse.domains": recurse,
        "web.listen": web,
        "no_auth": True if no_auth else None,
        "log.format": "json" if json_lines else None,
        "log.messages": True if messages else None,
    }
    # Typer gives an empty list for an option that repeats and was not given.
    options = {key: value for key, value in given.items() if value not in (None, [])}

    def read() -> Config:
        settings = load_config(config, options=options)
        if settings.store is None or settings.store.path is not None:
            settings = with_state_dir(settings)
        return settings

    run_server(read(), load_handler(app) if app is not None else None, read)


app.command()(register)
app.command()(call)
app.command()(answer)
app.command()(message)
app.command()(options)
app.command()(explain)
app.command()(code)
app.command()(compare)
app.command()(codes)
app.command()(guide)
app.command()(site)
app.command()(bindings)
app.add_typer(redirect, name="redirect")
app.add_typer(user, name="user")
app.add_typer(config, name="config")


@app.command()
def demo() -> None:
    """Show the main job: calls that arrive although flows die and people move."""
    from ringway.cli.demo.script import run_demo  # noqa: PLC0415 - slow to import

    run_demo()


@app.command("version")
def print_version() -> None:
    """Print the version."""
    from importlib.metadata import version  # noqa: PLC0415 - slow to import

    typer.echo(f"ringway {version('ringway')}")


def run() -> None:
    """Run a command; a fault of the user's is one line and exit status 2."""
    _open_outputs()
    try:
        status = app(prog_name="ringway", standalone_mode=False)
    except RingwayError as error:
        fail(str(error))
        status = 2
    except typer.Abort:
        status = 130
    except Exception as error:
        # A complaint of Typer's about the command line; its class depends on Typer's version.
        say = getattr(error, "format_message", None)
        if say is None:
            raise
        context = getattr(error, "ctx", None)
        hint = f" (see `{context.command_path} --help`)" if context is not None else ""
        fail(f"{say()}{hint}")
        status = 2
    sys.exit(status if isinstance(status, int) else 0)


def _open_outputs() -> None:
    """Write to nowhere what would go to an output that was closed before we began."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
