"""A real `ringway serve` on the server's machine of a network, and what it costs."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.interop.programs import eventually
from tests.interop.wire import Place
from tests.reliability.network import Network
from tests.reliability.phones import DOMAIN

PORT: Final = 5060


class Served:
    """One server with one state directory, in one process after the other.

    Its log goes straight into a file, so that ten thousand lines at once cost the phones nothing.

    Args:
        network: where it runs.
        folder: for its log and its state.
        settings: more of its environment.
    """

    def __init__(
        self, network: Network, folder: Path, settings: Mapping[str, str] | None = None
    ) -> None:
        self.place: Place = (network.server, PORT)
        self.state = folder / "state"
        self._network = network
        self._log = folder / "ringway.log"
        self._read_to = 0
        self._settings = {
            "RINGWAY_LOG__FORMAT": "json",
            "RINGWAY_ALLOW_UNAUTHENTICATED_PUBLIC": "true",
            **(settings or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *prefix: str | Path) -> dict[str, Any]:
        """Start it and wait until it takes calls; returns what it says of itself."""
        place = f"{self.place[0]}:{PORT}"
        before = self.text.count('"kind": "ready"')
        command = [
            *prefix,
            *(sys.executable, "-m", "ringway.cli", "serve", "--no-auth", "--domain", DOMAIN),
            *("--state-dir", self.state, "--web", "off"),
            *("--listen", f"udp:{place}", "--listen", f"tcp:{place}"),
        ]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(part) for part in self._network.at_server(command)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._settings},
                start_new_session=True,
            )

        def ready() -> bool:
            assert self._process is not None
            if self._process.poll() is not None:
                raise AssertionError(f"the server ended:\n{self.text[-2000:]}")
            return self.text.count('"kind": "ready"') > before

        eventually(ready, 30.0, "the server is ready")
        lines = [line for line in self.text.splitlines() if '"kind": "ready"' in line]
        found: dict[str, Any] = json.loads(lines[-1])
        return found

    @property
    def text(self) -> str:
        """Its log."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def faults(self) -> list[str]:
        """Log lines that an operator should look at."""
        return [line for line in self.text.splitlines() if "Traceback" in line or '"error"' in line]

    def news(self) -> list[dict[str, Any]]:
        """The events told since the last look."""
        if not self._log.exists():
            return []
        with self._log.open("rb") as log:
            log.seek(self._read_to)
            whole = log.read().rpartition(b"\n")[0]
        self._read_to += len(whole) + 1 if whole else 0
        return [json.loads(line) for line in whole.splitlines() if line.startswith(b"{")]

    def kill(self) -> None:
        """End it the hard way (SIGKILL)."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def close(self) -> int:
        """Ask it to end; returns its exit status."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        return self._process.returncode

    def bindings(self) -> set[str]:
        """The users with a binding, by the control socket."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(30)
            folder = os.open(self.state, os.O_RDONLY)
            try:  # by a short name: the path of a Unix socket has little room
                control.connect(f"/proc/self/fd/{folder}/control")
            finally:
                os.close(folder)
            with control.makefile("rwb") as stream:
                stream.write(b'{"ask": "bindings"}\n')
                stream.flush()
                result: list[dict[str, str]] = json.loads(stream.readline())["result"]
        return {user_of(each["aor"]) for each in result}

    def cpu(self) -> float:
        """Seconds it has been on the CPU, the kernel's work for it included."""
        ticks = 0
        for thread in self._proc("task").iterdir():
            ticks += int((thread / "schedstat").read_text().split()[0])
        return ticks / 1e9

    def memory(self) -> int:
        """Bytes of memory that are its alone."""
        lines = self._proc("smaps_rollup").read_text().splitlines()
        kilobytes = [int(line.split()[1]) for line in lines if line.startswith("Pss:")]
        return kilobytes[0] * 1024

    def open_files(self) -> int:
        return len(list(self._proc("fd").iterdir()))

    def _proc(self, name: str) -> Path:
        assert self._process is not None
        return Path(f"/proc/{self._process.pid}/{name}")


def user_of(aor: str) -> str:
    """The user part of an address-of-record."""
    return aor.removeprefix("sip:").partition("@")[0]


def prlimit(files: int) -> Sequence[str]:
    """A prefix that lets a program hold so many files open."""
    program = shutil.which("prlimit") or "/usr/bin/prlimit"
    return (program, f"--nofile={files}:{files}")
