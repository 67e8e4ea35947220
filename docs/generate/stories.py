"""What `ringway demo` tells, for the pages that show it.

Ports, ids and times differ from run to run: they are levelled before two tellings are compared.
"""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Final

from docs.generate.pages import DOCS, ROOT

README: Final = ROOT / "README.md"
PAGE: Final = DOCS / "how-to" / "read-a-story.md"

CHAPTERS: Final = {"story.failover": "flow dies; ", "story.mid-call": "mid-call"}
"""A marker, and what the title of its chapter has in it."""


def parts() -> dict[str, str]:
    """Run the demonstration and return the chapters to show, by marker."""
    told = subprocess.run(
        [sys.executable, "-m", "ringway.cli", "demo"],
        capture_output=True,
        check=True,
        encoding="utf-8",
        timeout=60,
    ).stdout
    chapters = [each.strip("\n") for each in re.split(r"\n\s*\n", told)]
    return {name: f"```text\n{_chapter(chapters, words)}\n```" for name, words in CHAPTERS.items()}


def levelled(text: str) -> list[str]:
    """Return the lines without what differs from run to run, in an order that does not."""
    text = re.sub(r"(?<=\bcall )[\w-]{12}$", "id", text, flags=re.MULTILINE)
    text = re.sub(r"\d+(?:\.\d+)?", "0", text)
    return sorted(" ".join(line.split()) for line in text.splitlines() if line.strip())


def _chapter(chapters: list[str], words: str) -> str:
    for chapter in chapters:
        if words in chapter.partition("\n")[0]:
            return chapter
    titles = [chapter.partition("\n")[0] for chapter in chapters]
    raise LookupError(f"no chapter of the demonstration has {words!r} in its title: {titles}")
