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
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from ringway.capture.files import read_capture
from ringway.capture.items import Item, Trouble
from ringway.capture.octets import Octets
from ringway.capture.own_log import looks_like_events, read_events
from ringway.capture.text import read_text
from ringway.cli.explain.hep_in import HepCollector
from ringway.cli.explain.live import Interface
from ringway.cli.terminal import fail
from ringway.errors import RingwayError
from ringway.server.config.values import read_hep_listen

__all__ = ["Capture", "CaptureError", "opened"]

_LOOKED_AT: Final = 8192
_LONGEST_LINE: Final = 1 << 20
# pcap and pcapng, zstd, lz4, xz
_BINARY: Final = (b"\xa1\xb2", b"\xd4\xc3", b"\x0a\x0d\x0d\x0a", b"\x28\xb5", b"\xfd")


class CaptureError(RingwayError):
    """A capture cannot be opened."""


@dataclass(frozen=True, slots=True)
class Capture:
    """A capture that is open.

    Attributes:
        name: what to call it.
        items: what was seen, to be iterated over once.
        ends: False if nobody knows when.
    """

    name: str
    items: Iterator[Item]
    ends: bool


@contextmanager
def opened(
    file: str | None, interface: str | None, hep: str | None = None, hep_key: str = ""
) -> Iterator[Capture]:
    """Open a capture.

    Args:
        file: its path; - for standard input.
        interface: where to listen instead.
        hep: where to take what others send by HEP instead.
        hep_key: what they must know.

    Raises:
        CaptureError: it cannot be read.
        LiveError: the interface cannot be listened on.
        CollectorError: the place for HEP cannot be listened at.
        typer.BadParameter: there is none, or there is more than one.
    """
    if [file, interface, hep].count(None) != 2:
        raise typer.BadParameter(
            "give a FILE, - for standard input, --live INTERFACE, or --hep PORT"
        )
    if hep is not None:
        with _collector(hep, hep_key) as capture:
            yield capture
        return
    if interface is not None:
        live = Interface(interface)
        with closing(live), _told_at_the_end(live.stop):
            yield Capture(interface, _live(live), ends=False)
    elif file == "-":
        if sys.stdin is None:
            raise CaptureError("there is no standard input")
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


@contextmanager
def _collector(hep: str, key: str) -> Iterator[Capture]:
    try:
        listen = read_hep_listen(hep)
    except ValueError as error:
        raise typer.BadParameter(f"--hep: give {error}") from None
    collector = HepCollector(listen, key.encode())
    with closing(collector), _told_at_the_end(collector.stop):
        name = f"{listen.transport}:{collector.address}"
        fail(f"listening for HEP at {name}; Ctrl-C ends")
        if listen.public and not key:
            fail("everybody who reaches it is believed: give a key with --hep-key")
        yield Capture(f"HEP at {name}", iter(collector), ends=False)


def _capture(name: str, source: BufferedReader, size: int | None, *, ends: bool) -> Capture:
    """Return a capture, read as what its first octets say it is."""
    octets = Octets(cast("BinaryIO", source if ends else _AsItComes(source)))
    first = octets.begin(_LOOKED_AT)
    items: Iterable[Item] = read_capture(octets)
    if first and b"\0" not in first and not first.startswith(_BINARY):
        items = _text(octets, events=looks_like_events(first))
    return Capture(name, _read(items, lambda: octets.taken, size), ends)


def _text(octets: Octets, *, events: bool) -> Iterator[Item]:
    lines = octets.lines(_LONGEST_LINE)
    yield from read_events(lines) if events else read_text(lines)
    if octets.fault:
        yield Trouble(0.0, (), f"the file was not read to its end: {octets.fault}")


class Bars(Progress):
    """A bar that looks up how far the reading is whenever it is drawn: that may be all it shows.

    Args:
        progress: returns how many octets were read.
        size: octets there are; None if nobody knows.
        console: where it is drawn.
    """

    def __init__(self, progress: Callable[[], int], size: int | None, console: Console) -> None:
        self._progress = progress
        columns = (TextColumn("reading"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        shown = size is not None and console.is_terminal
        super().__init__(*columns, console=console, transient=True, disable=not shown)
        self.add_task("reading", total=size)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield what is drawn, up to date."""
        for task in self.tasks:
            self.update(task.id, completed=self._progress())
        yield from super().get_renderables()


def _read(items: Iterable[Item], progress: Callable[[], int], size: int | None) -> Iterator[Item]:
    """Yield the items of a file, and show how far it is; a fault of the disk is the last one."""
    with Bars(progress, size, Console(stderr=True)):
        try:
            yield from items
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
