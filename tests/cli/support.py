"""Running the command line inside a test, and a real server beside it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from ringway.cli import main


class Result(NamedTuple):
    status: int
    out: str
    err: str


class Cli:
    """The command line, run in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *args: str | Path) -> Result:
        self._monkeypatch.setattr(sys, "argv", ["ringway", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self._capsys.readouterr()
        return Result(int(ended.value.code or 0), out, err)


# The default ports are everybody's.
_NO_HTTP = {"RINGWAY_WEB__LISTEN": "off", "RINGWAY_METRICS__LISTEN": "off"}


class Running(NamedTuple):
    process: "subprocess.Popen[str]"
    greeting: list[str]


@contextmanager
def serving(*args: str | Path) -> Iterator[Running]:
    """`ringway serve` as a process, from its last word of greeting on."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ringway.cli", "serve", "--no-auth", *map(str, args)],
        env={**_NO_HTTP, **os.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        greeting: list[str] = []
        for line in process.stdout:
            greeting.append(line.rstrip("\n"))
            if "ready" in line:
                break
        yield Running(process, greeting)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
