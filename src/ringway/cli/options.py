"""Options that several commands share, and where they lead."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ringway.server.config.values import default_state_dir

__all__ = ["ConfigFile", "Json", "StateDirectory", "find_state_dir"]

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", envvar="RINGWAY_CONFIG", metavar="FILE", help="The server's TOML file."
    ),
]
StateDirectory = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        metavar="DIR",
        help="The server's state directory: keys, store and control socket.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def find_state_dir(config: Path | None, state_dir: Path | None) -> Path:
    """The state directory of the server that is meant.

    Raises:
        ConfigError: the configuration has a fault.
    """
    if state_dir is not None:
        return state_dir
    if config is not None:
        from ringway.server.config.load import load_config  # noqa: PLC0415 - slow, and seldom needed

        settings = load_config(config)
        if settings.state_dir is not None:
            return settings.state_dir
    return default_state_dir()
