"""`ringway site`: the reference as files, for any web server or none."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ringway.cli.options import Json

__all__ = ["site"]

_SHOWN = 20  # faults: more say nothing new

Directory = Annotated[
    Path, typer.Argument(metavar="DIR", help="Where to: empty, not there yet, or a site of ours.")
]
Url = Annotated[
    str,
    typer.Option(
        "--url", metavar="URL", help="Where it will be hosted; adds sitemap.xml, which needs it."
    ),
]


def site(directory: Directory, url: Url = "", json_output: Json = False) -> None:
    """Write the reference as a static site: every code, every pair, both languages."""
    from ringway.web.links import check_links  # noqa: PLC0415 - slow to import
    from ringway.web.site import write_site  # noqa: PLC0415 - slow to import

    begun = time.perf_counter()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        pages = progress.add_task("pages", total=None)
        written = write_site(
            directory,
            lambda done, total: progress.update(pages, completed=done, total=total),
            url=url,
        )
        progress.update(pages, description="links")
        faults = check_links(directory, url)
    seconds = time.perf_counter() - begun
    if json_output:
        facts = {"files": written.files, "bytes": written.size, "seconds": round(seconds, 2)}
        typer.echo(json.dumps({"directory": str(directory), **facts, "faults": faults}))
    else:
        for fault in faults[:_SHOWN]:
            sys.stderr.write(f"ringway: {fault}\n")
        megabytes = written.size / 1e6
        links = f"{len(faults)} links lead nowhere" if faults else "every link leads somewhere"
        typer.echo(
            f"{written.files} files, {megabytes:.0f} MB, {seconds:.1f} s; {links}\n"
            f"open {directory / 'index.html'}"
        )
    if faults:
        raise typer.Exit(1)
