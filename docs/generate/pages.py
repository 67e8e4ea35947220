"""Pages with generated parts: `<!-- name:start -->`, the part, `<!-- name:end -->`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"


def part(page: Path, name: str) -> str:
    """Return what stands between the markers of a name.

    Raises:
        LookupError: the page has no such markers.
    """
    found = _markers(name).search(page.read_text(encoding="utf-8"))
    if found is None:
        raise LookupError(f"{page} has no <!-- {name}:start --> … <!-- {name}:end -->")
    return found[1].strip("\n")


def filled(page: Path, parts: Mapping[str, str]) -> str:
    """Return the page's text with other parts between its markers.

    Raises:
        LookupError: the page has no such markers.
    """
    text = page.read_text(encoding="utf-8")
    for name, content in parts.items():
        part(page, name)
        before, _, rest = text.partition(f"<!-- {name}:start -->")
        after = rest.partition(f"<!-- {name}:end -->")[2]
        block = content.strip("\n")
        text = f"{before}<!-- {name}:start -->\n\n{block}\n\n<!-- {name}:end -->{after}"
    return text


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def _markers(name: str) -> re.Pattern[str]:
    label = re.escape(name)
    return re.compile(f"<!-- {label}:start -->(.*?)<!-- {label}:end -->", re.DOTALL)
