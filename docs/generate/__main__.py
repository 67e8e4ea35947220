"""Bring the generated parts of docs/ and README.md up to date, or say what is stale."""

from __future__ import annotations

import sys
from pathlib import Path

from docs.generate import agent, commands, configuration, findings, machines, stories
from docs.generate.pages import ROOT, filled, part


def fresh() -> dict[Path, str]:
    """Return every generated file as it should be, stories apart."""
    files = {
        configuration.PAGE: filled(configuration.PAGE, configuration.parts()),
        commands.PAGE: filled(commands.PAGE, commands.parts() | agent.exits()),
        agent.PAGE: filled(agent.PAGE, agent.parts()),
        findings.PAGE: filled(findings.PAGE, findings.parts()),
    }
    return files | machines.images()


def stale() -> list[str]:
    """Return a line for each file that is not as it should be."""
    found = [
        f"{file.relative_to(ROOT)} is stale"
        for file, text in fresh().items()
        if not file.exists() or file.read_text(encoding="utf-8") != text
    ]
    told = stories.parts()
    for page in (stories.README, stories.PAGE):
        found += [
            f"{page.relative_to(ROOT)} is stale: {name}"
            for name in shown(page)
            if stories.levelled(part(page, name)) != stories.levelled(told[name])
        ]
    return found


def shown(page: Path) -> list[str]:
    """Return the markers of the stories that a page shows."""
    text = page.read_text(encoding="utf-8")
    return [name for name in stories.CHAPTERS if f"<!-- {name}:start -->" in text]


def main(arguments: list[str]) -> int:
    """Do what the command line asks; returns the exit status."""
    lines = stale()
    for line in lines:
        print(line)
    if "--check" in arguments:
        return 1 if lines else 0
    for file, text in fresh().items():
        file.write_text(text, encoding="utf-8")
    told = stories.parts()
    for page in (stories.README, stories.PAGE):
        parts = {name: told[name] for name in shown(page)}
        if any(line.startswith(str(page.relative_to(ROOT))) for line in lines):
            page.write_text(filled(page, parts), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
