"""The tutorial, done: every command in it, in its order, with a real server and SIPp.

Only its ports are others, so that whatever runs on this machine is not in the way.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.pages import DOCS, blocks, commands

PAGE = DOCS / "tutorial.md"
PORTS = ("5060", "5070", "5080")
SETTINGS = {"listen": "udp:127.0.0.1:{0},tcp:127.0.0.1:{0}"}


def free_ports(count: int) -> list[str]:
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [str(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Reader:
    """Somebody who does what the tutorial says, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.environ = os.environ | {
            "RINGWAY_STATE_DIR": str(folder / "state"),
            "RINGWAY_LISTEN": SETTINGS["listen"].format(self.ports["5060"]),
            "RINGWAY_WEB__LISTEN": "off",  # the default port is everybody's
            "TERM": "dumb",
        }
        self.running: list[subprocess.Popen[str]] = []

    def start(self, command: str) -> subprocess.Popen[str]:
        words = shlex.split(re.sub(r"\b50[678]0\b", lambda port: self.ports[port[0]], command))
        if words[0] == "ringway":
            words = [sys.executable, "-m", "ringway.cli", *words[1:]]
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
    assert server.stdout is not None
    for line in server.stdout:
        if line == "ready\n":
            break

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
