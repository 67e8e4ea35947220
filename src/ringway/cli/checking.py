"""`ringway config check`: every fault of a configuration at once, before a server is started."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ringway.cli.options import Json
from ringway.cli.terminal import fail
from ringway.errors import ConfigError

if TYPE_CHECKING:
    from ringway.server.config.settings import Config

__all__ = ["config"]

config = typer.Typer(help="Look at a configuration.", rich_markup_mode=None, add_completion=False)


@config.callback()
def _group() -> None:
    """Look at a configuration."""


@config.command("check")
def check(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", envvar="RINGWAY_CONFIG", help="The TOML file.", show_envvar=True
        ),
    ] = None,
    json_output: Json = False,
) -> None:
    """Say what is wrong in a configuration, RINGWAY_ variables included.

    Every fault is one line: where it stands, the key, the value, and what could stand there.
    """
    from ringway.server.config.load import check_config, load_config  # noqa: PLC0415 - slow

    faults = check_config(file) or _try_out(load_config(file))
    if json_output:
        shown = [
            {"file": fault.file, "key": fault.key, "value": fault.value, "allowed": fault.allowed}
            for fault in faults
        ]
        sys.stdout.write(json.dumps({"faults": shown}, indent=2, default=str) + "\n")
    elif faults:
        for fault in faults:
            fail(str(fault))
    else:
        sys.stdout.write(f"{file or 'The configuration'} is fine.\n")
    if faults:
        raise typer.Exit(2)


def _try_out(settings: Config) -> list[ConfigError]:
    """What only shows when the settings are used; nothing is opened but files."""
    from ringway.server.certificates import client_tls, server_tls  # noqa: PLC0415 - slow
    from ringway.server.wiring import redirect_rules, synonyms_of  # noqa: PLC0415 - slow

    try:
        server_tls(settings.tls)
        client_tls(settings.tls)
        redirect_rules(settings, settings.domains, 0.0, synonyms_of(settings))
    except ConfigError as error:
        return [error]
    return []
