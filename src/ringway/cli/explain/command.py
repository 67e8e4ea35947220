"""`ringway explain` and its options; what it does is in `run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ringway.codes import Language

__all__ = ["explain"]


def explain(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE",
            help="A pcap or pcapng file, or a log with SIP messages; - for standard input.",
        ),
    ] = None,
    ladder: Annotated[
        bool, typer.Option("--ladder", help="Draw the messages of each conversation.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="PAGE", help="Write all of it as one web page to PAGE."),
    ] = None,
    json_lines: Annotated[
        bool, typer.Option("--json", help="Print JSON, one conversation a line.")
    ] = False,
    call: Annotated[
        str | None, typer.Option("--call", metavar="CALL-ID", help="Only this conversation.")
    ] = None,
    mask: Annotated[
        bool, typer.Option("--mask", help="Leave out names and numbers of people.")
    ] = False,
    live: Annotated[
        str | None,
        typer.Option(
            "--live",
            metavar="INTERFACE",
            help="Listen there until Ctrl-C instead of reading a file; any for all of them.",
        ),
    ] = None,
    hep: Annotated[
        str | None,
        typer.Option(
            "--hep",
            metavar="[HOST:]PORT",
            help="Take what servers send by HEP there, until Ctrl-C; tcp: before it for TCP.",
        ),
    ] = None,
    hep_key: Annotated[
        str,
        typer.Option(
            "--hep-key",
            metavar="KEY",
            envvar="RINGWAY_HEP_KEY",
            show_envvar=True,
            help="Take only what carries this key.",
        ),
    ] = "",
    lang: Annotated[
        Language,
        typer.Option("--lang", envvar="RINGWAY_LANG", help="The language.", case_sensitive=False),
    ] = Language.EN,
) -> None:
    """Tell what happened in a capture: each call and registration, what was wrong, what to do.

    Passwords' digests are never shown.
    Exit status: 0 nothing wrong, 1 something wrong, 2 the capture cannot be read.
    """
    from ringway.cli.explain.run import Wanted, run  # noqa: PLC0415 - slow to import

    run(Wanted(file, live, ladder, html, json_lines, call, mask, lang, hep, hep_key))
