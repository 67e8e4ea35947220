"""Where a capture comes from, and how far it is read.

A file has an end, so it is told with the summary first. A pipe and an interface may have none:
what they bring is told as it ends, and Ctrl-C ends the capture, not the telling.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from types import FrameType
from typing import BinaryIO, Final, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from ringway.capture.files import read_capture
from ringway.capture.items import Item, Trouble
from ringway.capture.own_log import looks_like_events, read_events
from ringway.capture.text import read_text
from ringway.cli.explain.live import Interface
from ringway.endpoint.decision import Decision
from ringway.errors import RingwayError

__all__ = ["Capture", "CaptureError", "opened"]

_STEP: Final = 500  # items between two looks at the progress
_LOOKED_AT: Final = 8192
_LONGEST_LINE: Final = 1 << 20
# gzip, pcap and pcapng, zstd, lz4, xz
_BINARY: Final = (b"\x1f\x8b", b"\xa1\xb2", b"\xd4\xc3", b"\x0a\x0d\x0d\x0a", b"\x28\xb5", b"\xfd")


class CaptureError(RingwayError):
    """A capture cannot be opened."""


@dataclass(frozen=True, slots=True)
class Capture:
    """A capture that is open.

    Attributes:
        name: what to call it.
        items: what was seen, to be iterated over once.
        ends: False if nobody knows when.
        events: decisions of a server of ours, if it is their log; then there are no items.
    """

    name: str
    items: Iterator[Item]
    ends: bool
    events: Iterator[Decision | Trouble] | None = None


@contextmanager
def opened(file: str | None, interface: str | None) -> Iterator[Capture]:
    """Open a capture.

    Args:
        file: its path; - for standard input.
        interface: where to listen instead.

    Raises:
        CaptureError: it cannot be read.
        LiveError: the interface cannot be listened on.
        typer.BadParameter: there is none, or there are both.
    """
    if (file is None) == (interface is None):
        raise typer.BadParameter("give a FILE, - for standard input, or --live INTERFACE")
    if interface is not None:
        live = Interface(interface)
        with closing(live), _told_at_the_end(live.stop):
            yield Capture(interface, _live(live), ends=False)
    elif file == "-":
        with _told_at_the_end(lambda: None):
            yield _capture("-", cast("BufferedReader", sys.stdin.buffer), None, ends=False)
    else:
        path = Path(cast("str", file))
        try:
            with path.open("rb") as source:
                size = path.stat().st_size if path.is_file() else None
                yield _capture(path.name, source, size, ends=True)
        except OSError as error:
            if error.filename != str(path):
                raise
            reason = (error.strerror or str(error)).lower()
            raise CaptureError(f"{path} cannot be read: {reason}") from None


def _capture(name: str, source: BufferedReader, size: int | None, *, ends: bool) -> Capture:
    """Return a capture, read as what its first octets say it is."""
    first = source.peek(_LOOKED_AT)[:_LOOKED_AT]
    if looks_like_events(first):
        return Capture(name, iter(()), ends, read_events(_Lines(source)))
    if first and b"\0" not in first and not first.startswith(_BINARY):
        lines = _Lines(source)
        return Capture(name, _read(read_text(lines), lambda: lines.progress, size), ends)
    reader = read_capture(cast("BinaryIO", source if ends else _AsItComes(source)))
    return Capture(name, _read(reader, lambda: reader.progress, size), ends)


def _read(items: Iterable[Item], progress: Callable[[], int], size: int | None) -> Iterator[Item]:
    """Yield the items of a file, and show how far it is; a fault of the disk is the last one."""
    console = Console(stderr=True)
    shown = size is not None and console.is_terminal
    columns = (TextColumn("reading"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not shown) as bars:
        bar = bars.add_task("reading", total=size)
        try:
            for number, item in enumerate(items):
                if shown and number % _STEP == 0:
                    bars.update(bar, completed=progress())
                yield item
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            yield Trouble(0.0, (), f"the rest cannot be read: {reason}")


def _live(live: Interface) -> Iterator[Item]:
    yield from _read(read_capture(cast("BinaryIO", live)), lambda: 0, None)
    lost = live.lost()
    if lost:
        yield Trouble(0.0, (), f"{lost} packets came too fast and are missing")


class _AsItComes:
    """A pipe whose octets are handed on as soon as they come."""

    def __init__(self, source: BufferedReader) -> None:
        self._source = source

    def read(self, count: int, /) -> bytes:
        return self._source.read1(count)


class _Lines:
    """The lines of a file, none longer than is good for us, and how far it is read."""

    def __init__(self, source: BufferedReader) -> None:
        self._source = source
        self.progress = 0

    def __iter__(self) -> Iterator[bytes]:
        while line := self._source.readline(_LONGEST_LINE):
            self.progress += len(line)
            yield line


@contextmanager
def _told_at_the_end(stop: Callable[[], None]) -> Iterator[None]:
    """Let the first Ctrl-C call `stop`; the next one ends the program as ever."""
    before = signal.getsignal(signal.SIGINT)

    def once(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        stop()

    signal.signal(signal.SIGINT, once)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
