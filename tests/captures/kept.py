"""Captures of real programs, and what is told of each: see README.md.

`python -m tests.captures` tells them again; look at the difference before you commit it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TextIO

from ringway.capture.files import read_capture
from ringway.cli.explain.as_text import TextOutput
from ringway.codes import Language
from ringway.explain.observed.explain import Explainer
from ringway.explain.observed.summary import Summary
from ringway.explain.observed.view import Viewer
from ringway.explain.text import plain
from ringway.web.observed import ObservedPage

HERE: Final = Path(__file__).parent
LAST: Final = b"end of the capture"
"""What stands in the packet that ends a capture; it is not kept."""

_WIDTH: Final = 100
_SECTION: Final = 0x0A0D0D0A
_INTERFACE: Final = 1
_PACKET: Final = 6
_TIME_UNIT: Final = 9


def captures() -> list[Path]:
    """The captures that are kept."""
    return sorted(HERE.glob("*.pcapng"))


def golden(capture: Path) -> Path:
    """The file that says what is told of a capture."""
    return capture.with_suffix(".txt")


def told(capture: Path) -> tuple[str, list[str]]:
    """What is told of a capture, as text with ladders, and the names of all findings."""
    viewer, summary, explainer = Viewer(Language.EN), Summary(), Explainer()
    output = TextOutput(viewer, plain, _WIDTH, ladder=True)
    lines: list[str] = []
    with capture.open("rb") as source:
        for explained in explainer.explain(read_capture(source)):
            talk = viewer.talk(explained)
            summary.count(talk)
            lines += output.talk(talk)
    summary.across = tuple(viewer.fault(finding) for finding in explainer.across)
    for fault in summary.across:
        summary.found(fault)
    summary.messages, summary.troubles = explainer.messages, explainer.troubles
    lines = [*output.summary(summary), "", *lines, *output.across(summary)]
    text = "\n".join(line.rstrip() for line in lines).rstrip() + "\n"
    return text, sorted(summary.faults.elements())


def write_page(capture: Path, out: TextIO, language: Language) -> None:
    """Write what is told of a capture as a page."""
    viewer, summary, explainer = Viewer(language), Summary(), Explainer()
    with capture.open("rb") as source, ObservedPage(viewer, out) as page:
        for explained in explainer.explain(read_capture(source)):
            talk = viewer.talk(explained)
            summary.count(talk)
            page.talk(talk)
        summary.messages = explainer.messages
        page.end(capture.name, summary)


def keep(name: str, data: bytes) -> None:
    """Keep a capture, without what it says about the machine that made it."""
    path = HERE / f"{name}.pcapng"
    path.write_bytes(b"".join(_kept(data)))
    golden(path).write_text(told(path)[0], encoding="utf-8")


def _kept(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        body = data[at + 8 : at + length - 4]
        at += length
        if kind == _SECTION:
            yield _block(kind, body[:16])
        elif kind == _INTERFACE:
            unit = struct.pack("<HHB3xHH", _TIME_UNIT, 1, _unit(body[8:]), 0, 0)
            yield _block(kind, body[:8] + unit)
        elif kind == _PACKET and LAST not in body:
            (captured,) = struct.unpack_from("<I", body, 12)
            yield _block(kind, body[: 20 + (captured + 3) // 4 * 4])


def _unit(options: bytes) -> int:
    """The unit of time, as a power of ten: microseconds if nothing is said."""
    at = 0
    while at < len(options):
        code, length = struct.unpack_from("<HH", options, at)
        if code == _TIME_UNIT:
            return options[at + 4]
        at += 4 + (length + 3) // 4 * 4
    return 6


def _block(kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)
