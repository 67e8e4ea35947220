"""The pages people read, and the fenced blocks in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"

_FENCE = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    page: Path
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def written() -> list[Path]:
    """Every page somebody wrote, generated ones apart."""
    pages = [page for page in DOCS.rglob("*.md") if "_build" not in page.parts]
    return [README, *sorted(page for page in pages if page.name != "conformance.md")]


def blocks(*kinds: str) -> list[Block]:
    """The fenced blocks of these kinds on all pages."""
    found = []
    for page in written():
        text = page.read_text(encoding="utf-8")
        for match in _FENCE.finditer(text):
            if match["kind"] in kinds:
                line = text.count("\n", 0, match.start("kind")) + 1
                found.append(Block(page, line, match["kind"], match["text"]))
    return found


def commands(block: Block) -> list[str]:
    """The commands of a console block: what follows a prompt, continued lines joined."""
    text = block.text.replace("\\\n", " ")
    return [line[2:].strip() for line in text.splitlines() if line.startswith("$ ")]
