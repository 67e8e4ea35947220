"""The tutorials, done: every command in them, in their order, with a real server and SIPp.

Only their ports are others, so that whatever runs on this machine is not in the way.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs.generate.stories import levelled
from tests.docs.pages import DOCS, blocks, commands
from tests.ports import free_port

PAGE = DOCS / "tutorial.md"
USER_AGENT = DOCS / "tutorial-user-agent.md"
PORTS = ("5060", "5070", "5080")
SETTINGS = {"listen": "udp:127.0.0.1:{0},tcp:127.0.0.1:{0}"}


class Reader:
    """Somebody who does what the tutorial says, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {port: str(free_port()) for port in PORTS}
        self.environ = os.environ | {
            "RINGWAY_STATE_DIR": str(folder / "state"),
            "RINGWAY_AGENT_STATE": str(folder / "agents"),
            "RINGWAY_LISTEN": SETTINGS["listen"].format(self.ports["5060"]),
            "RINGWAY_WEB__LISTEN": "off",  # the default port is everybody's
            "TERM": "dumb",
        }
        self.running: list[subprocess.Popen[str]] = []

    def start(self, command: str) -> subprocess.Popen[str]:
        words = shlex.split(re.sub(r"\b50[678]0\b", lambda port: self.ports[port[0]], command))
        if words[0] == "ringway":
            words = [sys.executable, "-m", "ringway.cli", *words[1:]]
        elif words[0] == "python":
            words[0] = sys.executable
        process = subprocess.Popen(
            words,
            cwd=self.folder,
            encoding="utf-8",
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.running.append(process)
        return process

    def run(self, command: str) -> tuple[int, str]:
        output, _ = self.start(command).communicate(timeout=30)
        return self.running[-1].returncode, output

    def leave(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=10)


def until(process: subprocess.Popen[str], word: str) -> str:
    """What a program says up to a line with a word."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if word in line:
            break
    assert word in said, said
    return said


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    someone = Reader(tmp_path)
    yield someone
    someone.leave()


@pytest.mark.skipif(shutil.which("sipp") is None, reason="sipp is not installed")
def test_every_command_of_the_tutorial_runs(reader: Reader) -> None:
    [scenario] = [block for block in blocks("xml") if block.page == PAGE]
    (reader.folder / "register.xml").write_text(scenario.text, encoding="utf-8")
    todo = [each for block in blocks("console") if block.page == PAGE for each in commands(block)]
    assert todo[:3] == ["pip install .", "ringway --help", "ringway serve --no-auth"]
    assert reader.run(todo[1])[0] == 0

    server = reader.start(todo[2])
    until(server, "ready")
    phone: subprocess.Popen[str] | None = None
    for command in todo[3:]:
        if "-sn uas" in command:
            phone = reader.start(command)
            continue
        status, output = reader.run(command)
        if "-s carol" in command:
            assert status == 1, "nobody is registered as carol"
        else:
            assert status == 0, f"{command}: {output[-2000:]}"
        if command == "ringway bindings":
            assert "sip:alice@127.0.0.1" in output
        if command == "ringway redirect list":
            assert "sip:carol@127.0.0.1" in output
    assert phone is not None
    assert phone.wait(timeout=10) == 0

    server.terminate()
    story = server.communicate(timeout=10)[0]
    assert "sip:carol@127.0.0.1 is not registered" in story
    assert server.returncode == 0


def with_port(command: str, port: str) -> str:
    """The command for a server at another port than 5060, which goes without saying."""
    return re.sub(r"(?<=@)127\.0\.0\.1(?!:)", f"127.0.0.1:{port}", command)


def said_in(shown: str, output: str) -> bool:
    """True when every line that is shown was said, whatever its times and ports."""
    lines = levelled(re.sub(r"(?<=127\.0\.0\.1):\d+", "", output))
    return set(levelled(re.sub(r"(?<=127\.0\.0\.1):\d+", "", shown))) <= set(lines)


def test_every_command_of_the_user_agents_tutorial_runs(reader: Reader) -> None:
    programs = [block.text for block in blocks("python") if block.page == USER_AGENT]
    for name, text in zip(("call.py", "survive.py"), programs, strict=True):
        (reader.folder / name).write_text(text, encoding="utf-8")
    steps = [block for block in blocks("console", "text") if block.page == USER_AGENT]
    todo = [each for block in steps for each in commands(block)]
    assert todo[0] == "pip install ."

    output = ""
    phone: subprocess.Popen[str] | None = None
    server: subprocess.Popen[str] | None = None
    for step in steps:
        if step.kind == "text":
            assert said_in(step.text, output), f"{step}: {output}"
            continue
        for each in commands(step):
            command = with_port(each, reader.ports["5060"])
            if each == "pip install .":
                continue
            if each.startswith("ringway serve"):
                server = reader.start(command)
                output = until(server, "ready")
            elif each.startswith("ringway answer --as"):
                phone = reader.start(command)
                output = until(phone, "registered")
            else:
                status, output = reader.run(command)
                assert status == (4 if "carol" in each else 0), f"{each}: {output}"
    assert server is not None
    assert phone is not None

    phone.send_signal(signal.SIGINT)
    told = phone.communicate(timeout=10)[0]
    assert phone.returncode == 0
    for words in ("calls", "answered", "ended by the far end", "back at five", "unregistered"):
        assert words in told, told
    server.terminate()
    assert "is not registered" in server.communicate(timeout=10)[0]
    assert server.returncode == 0
