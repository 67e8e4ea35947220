"""What `ringway explain` says of a capture, asked as a user asks it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from tests.captures.kept import keep
from tests.interop.lab import Lab
from tests.interop.servers import ringway_command
from tests.interop.sniffer import Sniffer

KEEP = bool(os.environ.get("KEEP_CAPTURES"))


class Told(NamedTuple):
    """A conversation as it is told.

    Attributes:
        title: its first line.
        steps: the names of the sentences, in order.
        says: the sentences.
        verdict: how it ended, in words.
        end: the name of that sentence.
        advice: what to do, by name.
        findings: the names of what was wrong, in order.
        faults: all that is said about these, by name.
        messages: the arrows of its ladder: from, to, what.
        call_id: its Call-ID.
    """

    title: str
    steps: list[str]
    says: list[str]
    verdict: str
    end: str
    advice: list[str]
    findings: list[str]
    faults: dict[str, dict[str, Any]]
    messages: list[tuple[str, str, str]]
    call_id: str

    def step(self, name: str) -> str:
        """The first sentence of a name."""
        return self.says[self.steps.index(name)]


class Explained(NamedTuple):
    """All that is told of a capture.

    Attributes:
        calls: the calls, in order.
        registrations: the registrations, in order.
        others: the rest.
        across: what was wrong over several conversations, by name.
        wrong: whether something was wrong, as the exit status says.
    """

    calls: list[Told]
    registrations: list[Told]
    others: list[Told]
    across: dict[str, dict[str, Any]]
    wrong: bool

    @property
    def findings(self) -> list[str]:
        """The names of all findings."""
        told = [*self.calls, *self.registrations, *self.others]
        return sorted([*self.across, *(name for each in told for name in each.findings)])


def explained(lab: Lab, sniffer: Sniffer, name: str = "") -> Explained:
    """End a capture and have it explained, as JSON, as a page and as text; all of them agree.

    With a name it is kept, if captures are to be kept.
    """
    file = sniffer.stop()
    if KEEP and name:
        keep(name, file.read_bytes())
    return explained_file(lab, file)


def explained_file(lab: Lab, file: Path) -> Explained:
    """Have a capture or a log explained, as JSON, as a page and as text; all of them agree."""
    page = lab.file("page.html")
    code, said = _ringway(file, "--json", "--html", page)
    lines = [json.loads(line) for line in said.splitlines()]
    summary = lines[-1]
    assert summary["type"] == "summary"
    assert summary["troubles"] == 0, lines
    assert code == int(summary["wrong"])
    told = [(each["kind"], _told(each)) for each in lines if each["type"] == "conversation"]
    across = {each["name"]: each for each in lines if each["type"] == "finding"}
    again, text = _ringway(file, "--ladder")
    assert again == code
    print(text)
    html = page.read_text()
    for _, each in told:
        assert f"  {each.title}\n" in text
        assert _plain(f"⇒ {each.verdict}") in _plain(text)
        assert each.call_id in html
    return Explained(
        [each for kind, each in told if kind == "call"],
        [each for kind, each in told if kind == "registration"],
        [each for kind, each in told if kind not in {"call", "registration"}],
        across,
        code == 1,
    )


def _ringway(file: Path, *options: str | Path) -> tuple[int, str]:
    done = subprocess.run(
        [*map(str, ringway_command()), "explain", str(file), *map(str, options)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "COLUMNS": "100"},
    )
    assert done.returncode in {0, 1}, done.stderr
    assert done.stderr == ""
    return done.returncode, done.stdout


def _told(told: dict[str, Any]) -> Told:
    return Told(
        told["title"],
        [each["name"] for each in told["steps"]],
        [each["text"] for each in told["steps"]],
        told["verdict"]["text"],
        told["verdict"]["name"],
        [each["name"] for each in told["advice"]],
        [each["name"] for each in told["findings"]],
        {each["name"]: each for each in told["findings"]},
        [(each["source"], each["target"], each["says"]) for each in told["messages"]],
        told["call_id"],
    )


def _plain(text: str) -> str:
    return " ".join(text.split())
