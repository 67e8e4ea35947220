"""Starting a real program and waiting for what it says.

A program's output is read by a thread, so that a test waits for a line with a deadline and never
sleeps. Programs are ended by their own process id.
"""

import contextlib
import os
import pty
import re
import signal
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self, TypeVar

T = TypeVar("T")
TICK = 0.02  # seconds between two looks at something that cannot be waited for


def eventually(look: Callable[[], T | None], seconds: float, what: str) -> T:
    """Look until there is an answer that is true; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        answer = look()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        pause.wait(TICK)


class Program:
    """A running program whose output lines are events."""

    def __init__(
        self,
        name: str,
        args: Sequence[str | Path],
        *,
        log: Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        terminal: bool = False,
    ) -> None:
        self.name = name
        self.log = log
        self._text = ""
        self._read_to = 0
        self._ended = False
        self._news = threading.Condition()
        output: int
        if terminal:  # some programs buffer what they say unless they talk to a terminal
            output, theirs = pty.openpty()
            modes = termios.tcgetattr(theirs)
            modes[3] &= ~termios.ECHO
            termios.tcsetattr(theirs, termios.TCSANOW, modes)
            self._input = os.dup(output)
            stdin = theirs
        else:
            output, theirs = os.pipe()
            stdin, self._input = os.pipe()
        self.process = subprocess.Popen(
            [str(arg) for arg in args],
            stdin=stdin,
            stdout=theirs,
            stderr=theirs,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
        for descriptor in {stdin, theirs}:
            os.close(descriptor)
        self._reader = threading.Thread(target=self._read, args=(output,), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def text(self) -> str:
        """Everything said until now."""
        with self._news:
            return self._text

    def _read(self, output: int) -> None:
        with self.log.open("ab") as log:
            while True:
                try:
                    data = os.read(output, 65536)
                except OSError:  # a terminal's way of saying that nobody is there any more
                    data = b""
                if not data:
                    break
                log.write(data)
                log.flush()
                with self._news:
                    self._text += data.decode("utf-8", "replace").replace("\r", "")
                    self._news.notify_all()
        os.close(output)
        with self._news:
            self._ended = True
            self._news.notify_all()

    def wait_for(self, pattern: str, seconds: float = 10.0) -> re.Match[str]:
        """Wait for a line after the one last waited for; fail when it does not come."""
        wanted = re.compile(pattern, re.MULTILINE)
        deadline = time.monotonic() + seconds
        with self._news:
            while True:
                found = wanted.search(self._text, self._read_to)
                if found is not None:
                    self._read_to = found.end()
                    return found
                left = deadline - time.monotonic()
                if left <= 0 or self._ended:
                    why = "it ended" if self._ended else f"not within {seconds:g} s"
                    tail = self._text[-2000:]
                    raise AssertionError(f"{self.name} did not say {pattern!r} ({why}):\n{tail}")
                self._news.wait(left)

    def count(self, pattern: str) -> int:
        """How often something was said."""
        return len(re.findall(pattern, self.text, re.MULTILINE))

    def said(self, pattern: str, times: int = 1, seconds: float = 5.0) -> bool:
        """Wait until something was said so often; whether it was said no oftener."""
        eventually(lambda: self.count(pattern) >= times, seconds, f"{self.name} says {pattern}")
        return self.count(pattern) == times

    def say(self, line: str) -> None:
        os.write(self._input, line.encode() + b"\n")

    def wait(self, seconds: float) -> int:
        """Wait for the end of the program; its exit code."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            message = f"{self.name} still runs after {seconds:g} s:\n{self.text[-3000:]}"
            raise AssertionError(message) from None
        self._reader.join(5)
        return code

    def running(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Signal the program and the children it made (its own session)."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """End it the hard way: the kernel closes its connections, nobody says goodbye."""
        self.signal(signal.SIGKILL)
        self.wait(10)

    def stop(self, seconds: float = 3.0) -> None:
        """Ask it to end, and end it by force after so many seconds."""
        if self.running():
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGKILL)
                self.process.wait(5)
        self.signal(signal.SIGKILL)  # children that outlived it
        self._reader.join(5)
        if self._input >= 0:
            os.close(self._input)
            self._input = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
