"""What the documentation shows is true: code runs, configuration is valid, commands exist."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.docs.pages import DOCS, Block, blocks, commands

from ringway.cli.app import app
from ringway.codes import Effect
from ringway.endpoint import Kind
from ringway.server.config.load import check_config

HARMLESS = ("--help", "--version", "version", "config check")


def ids(block: Block) -> str:
    return str(block)


@pytest.mark.parametrize("block", blocks("python"), ids=ids)
def test_python_runs(block: Block, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block.text],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        encoding="utf-8",
        env=os.environ | {"RINGWAY_AGENT_STATE": str(tmp_path / "agents")},
        timeout=30,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", blocks("toml"), ids=ids)
def test_configuration_is_valid(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "ringway.toml"
    file.write_text(block.text, encoding="utf-8")
    for name in ("chain.pem", "key.pem", "org-chain.pem", "org-key.pem", "trunks.pem"):
        (tmp_path / name).touch()
    assert [str(fault) for fault in check_config(file, environ={})] == []


@pytest.mark.parametrize("block", blocks("json"), ids=ids)
def test_json_is_json(block: Block) -> None:
    for line in block.text.splitlines():
        json.loads(line)


def ringway_commands() -> list[Any]:
    return [
        pytest.param(command, id=f"{block} {command}")
        for block in blocks("console", "sh")
        for command in commands(block)
        if command.startswith("ringway")
    ]


@pytest.mark.parametrize("command", ringway_commands())
def test_ringway_takes_the_command(command: str, tmp_path: Path) -> None:
    words = shlex.split(command.partition(" #")[0])[1:]
    if any(part in command for part in HARMLESS):
        done = subprocess.run(
            [sys.executable, "-m", "ringway.cli", *words],
            capture_output=True,
            check=False,
            cwd=tmp_path,
            encoding="utf-8",
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
    else:
        parse(words)


def parse(words: list[str]) -> None:
    """Let the command line read its arguments, without doing what they say."""
    command: Any = typer.main.get_command(app)
    context = None
    name = "ringway"
    while hasattr(command, "commands"):
        assert words, f"{name} needs a command"
        name = words[0]
        assert name in command.commands, f"there is no command {name!r}"
        command, words = command.commands[name], words[1:]
    context = command.make_context(name, words)
    assert context is not None


def test_commands_are_written_as_such() -> None:
    """A console block without a prompt would not be checked."""
    for block in blocks("console", "sh"):
        assert commands(block), f"{block} has no command"


class TestReference:
    """The hand-written tables name everything there is."""

    def test_every_kind_of_event_is_listed(self) -> None:
        page = (DOCS / "reference" / "events.md").read_text(encoding="utf-8")
        assert [kind for kind in Kind if f"`{kind}`" not in page] == []

    def test_every_kind_of_step_is_explained(self) -> None:
        page = (DOCS / "how-to" / "read-a-story.md").read_text(encoding="utf-8")
        head = {row.split("|")[1].strip() for row in page.splitlines() if row.startswith("| ")}
        steps = {step.strip() for cell in head for step in cell.split(",")}
        assert {kind.replace("-", " ") for kind in Kind} <= steps

    def test_every_effect_is_listed(self) -> None:
        page = (DOCS / "reference" / "events.md").read_text(encoding="utf-8")
        assert [effect for effect in Effect if f"`{effect}`" not in page] == []
