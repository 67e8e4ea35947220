"""Reads a capture, explains it, and writes what is wanted.

Conversations are written as they end, so what is held does not grow with the capture. The summary
that comes first is known last: until then the rest waits in a temporary file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from tempfile import SpooledTemporaryFile
from typing import Final, TextIO, cast

import typer
from rich.console import Console

from ringway.aio.process import tune_collector
from ringway.cli.explain.as_json import JsonOutput
from ringway.cli.explain.as_text import TextOutput
from ringway.cli.explain.source import Capture, CaptureError, opened
from ringway.cli.paint import terminal_paint
from ringway.codes import Language
from ringway.explain.observed.explain import Explainer
from ringway.explain.observed.labels import labels
from ringway.explain.observed.mask import Mask
from ringway.explain.observed.summary import Summary
from ringway.explain.observed.view import Talk, Viewer
from ringway.web.observed import ObservedPage

__all__ = ["Wanted", "run"]

_WIDEST: Final = 110
_HELD: Final = 1 << 22


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for.

    Attributes:
        file: the capture; None with an interface.
        interface: where to listen instead.
        ladder: whether to draw ladders.
        html: where to write a page.
        json: whether to print JSON.
        call: the only conversation to be shown; None for all.
        mask: whether to leave out names and numbers.
        language: of the sentences.
        hep: where to take what servers send by HEP instead.
        hep_key: what it must carry; empty for anything.
    """

    file: str | None
    interface: str | None
    ladder: bool
    html: Path | None
    json: bool
    call: str | None
    mask: bool
    language: Language
    hep: str | None = None
    hep_key: str = ""


def run(wanted: Wanted) -> None:
    """Explain a capture on standard output.

    Raises:
        CaptureError: it cannot be read, or has no SIP, or the page cannot be written.
        LiveError: the interface cannot be listened on.
        CollectorError: the place for HEP cannot be listened at.
        typer.Exit: with 1 if something was wrong.
    """
    tune_collector()
    viewer = Viewer(wanted.language, Mask() if wanted.mask else None)
    summary = Summary()
    try:
        with ExitStack() as stack:
            capture = stack.enter_context(
                opened(wanted.file, wanted.interface, wanted.hep, wanted.hep_key)
            )
            page = None
            if wanted.html is not None:
                file = stack.enter_context(_page_file(wanted.html, wanted.file))
                page = stack.enter_context(ObservedPage(viewer, file))
            _explain(wanted, capture, viewer, summary, page)
            name = capture.name
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read has seen enough
        _forget_output()
    except OSError as error:
        _forget_output()
        reason = (error.strerror or str(error)).lower()
        raise CaptureError(f"it cannot be written: {reason}") from None
    else:
        if not summary.messages and not summary.decisions and wanted.file is not None:
            raise CaptureError(labels(wanted.language)["nothing"].format(viewer.say(name)))
        if wanted.call is not None and not summary.kinds:
            raise CaptureError(f"no conversation has the Call-ID {viewer.say(wanted.call)}")
    if summary.wrong:
        raise typer.Exit(1)


def _explain(
    wanted: Wanted,
    capture: Capture,
    viewer: Viewer,
    summary: Summary,
    page: ObservedPage | None,
) -> None:
    width = min(Console().width, _WIDEST)
    text = TextOutput(viewer, terminal_paint(), width, ladder=wanted.ladder)
    json = JsonOutput(viewer)
    # The page takes the place of the stories; the summary is printed all the same.
    told = wanted.json or page is None
    first = capture.ends and told and not wanted.json
    with SpooledTemporaryFile(_HELD, "w+", encoding="utf-8") as later:
        out = cast("TextIO", later) if first else sys.stdout
        for talk in _talks(wanted, capture, viewer, summary):
            if page is not None:
                page.talk(talk)
            if told:
                _write(out, json.talk(talk) if wanted.json else text.talk(talk))
                if not capture.ends:
                    out.flush()
        if wanted.json:
            _write(out, json.end(summary))
        else:
            if told:
                _write(out, text.across(summary))
            if first:
                _write(sys.stdout, [*text.summary(summary), ""])
                later.seek(0)
                copyfileobj(later, sys.stdout)
            _write(sys.stdout, text.summary(summary))
    if page is not None:
        page.end(capture.name, summary)


def _talks(wanted: Wanted, capture: Capture, viewer: Viewer, summary: Summary) -> Iterable[Talk]:
    explainer = Explainer()
    for explained in explainer.explain(capture.items):
        if wanted.call in (None, explained.conversation.call_id):
            talk = viewer.talk(explained)
            summary.count(talk)
            yield talk
    if wanted.call is None:
        summary.across = tuple(viewer.fault(finding) for finding in explainer.across)
        for fault in summary.across:
            summary.found(fault)
    summary.messages = explainer.messages
    summary.decisions = explainer.decisions
    summary.troubles = explainer.troubles


def _forget_output() -> None:
    """Let what waits to be written go nowhere, or the interpreter tries once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _page_file(path: Path, capture: str | None) -> TextIO:
    try:
        if capture not in (None, "-") and path.exists() and path.samefile(capture):
            raise CaptureError(f"{path} is the capture, and would be written over")
        return path.open("w", encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CaptureError(f"{path} cannot be written: {reason}") from None


def _write(out: TextIO, lines: Iterable[str]) -> None:
    out.writelines(f"{line}\n" for line in lines)
