"""Colours for a terminal; none where the output is no terminal or NO_COLOR is set."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style

from ringway.explain import Paint, Tone
from ringway.explain.text import plain

_STYLES: Final[Mapping[Tone, Style]] = MappingProxyType(
    {
        Tone.TITLE: Style(bold=True),
        Tone.TIME: Style(dim=True),
        Tone.STEP: Style(color="cyan"),
        Tone.FLOW: Style(color="blue"),
        Tone.GOOD: Style(color="green", bold=True),
        Tone.PENDING: Style(color="yellow"),
        Tone.BAD: Style(color="red", bold=True),
        Tone.WHY: Style(dim=True, italic=True),
    }
)


def terminal_paint() -> Paint:
    """Return what colours the pieces of a story line on this standard output."""
    console = Console()
    if not console.is_terminal or console.no_color:
        return plain

    def paint(tone: Tone, text: str) -> str:
        style = _STYLES.get(tone)
        return text if style is None else style.render(text, color_system=ColorSystem.STANDARD)

    return paint
