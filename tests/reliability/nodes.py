"""A real `ringway serve` that is killed and started again, on disks that fail."""

import fcntl
import json
import os
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.interop.peers import missing, need
from tests.interop.programs import Program
from tests.interop.wire import Agent, Place
from tests.ports import free_port

DOMAIN = "ring.test"
SERVE: tuple[str, ...] = (sys.executable, "-m", "ringway.cli", "serve")
SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN
LOSE_ALL = struct.pack("I", 2)  # without flushing the journal: what was not synced is gone


def need_mounts() -> None:
    """Skip a test that mounts something, where this machine does not let us."""
    if os.geteuid() != 0:
        missing("a mount namespace needs root")
    done = subprocess.run(
        [need("unshare"), "--mount", "true"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        missing(f"this machine lets us make no mount namespace: {done.stderr.strip()}")


def need_strace() -> str:
    """The path of strace; a skip where it may not trace."""
    strace = need("strace")
    done = subprocess.run([strace, "true"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        missing(f"this machine lets us trace nothing: {done.stderr.strip()[-200:]}")
    return strace


class Node:
    """A server on one port with one state directory, in one process after the other.

    Args:
        folder: for its logs, and its state if `state` is not given.
        state: the state directory, as the server sees it.
    """

    def __init__(self, folder: Path, state: Path | None = None) -> None:
        self.folder = folder
        self.state = state or folder / "state"
        self.place: Place = ("127.0.0.1", free_port())
        self.program: Program | None = None
        self._starts = 0

    def start(
        self,
        *prefix: str | Path,
        serve: Sequence[str] = SERVE,
        options: Sequence[str | Path] = (),
        ready: bool = True,
        env: Mapping[str, str] | None = None,
    ) -> Program:
        """Start it.

        Args:
            prefix: a command that runs the rest of its command line.
            serve: the command that serves.
            options: more of its options.
            ready: wait until it takes calls.
            env: more environment.
        """
        host, port = self.place
        self._starts += 1
        self.program = Program(
            f"ringway {self._starts}",
            [
                *prefix,
                *serve,
                *("--no-auth", "--domain", DOMAIN, "--state-dir", self.state, "--web", "off"),
                *("--listen", f"udp:{host}:{port}", "--listen", f"tcp:{host}:{port}"),
                *options,
            ],
            log=self.folder / f"ringway-{self._starts}.log",
            env=env,
        )
        if ready:
            self.program.wait_for("^ready", 20.0)
        return self.program

    def phone(self, transport: str = "udp", user: str = "bob") -> Agent:
        return Agent(transport, self.place, user=user, domain=DOMAIN)

    def kill(self) -> None:
        """End it the hard way (SIGKILL)."""
        assert self.program is not None
        self.program.kill()

    def close(self) -> None:
        if self.program is not None:
            self.program.stop()

    def inside(self, path: Path) -> Path:
        """A path in the mount namespace of the server."""
        assert self.program is not None
        return Path(f"/proc/{self.program.pid}/root") / path.relative_to("/")

    def bindings(self) -> list[dict[str, Any]]:
        """What the running server has, by its control socket."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(10)
            # By a short name: the path of a Unix socket has little room.
            folder = os.open(self.inside(self.state), os.O_RDONLY)
            try:
                control.connect(f"/proc/self/fd/{folder}/control")
            finally:
                os.close(folder)
            with control.makefile("rwb") as stream:
                stream.write(b'{"ask": "bindings"}\n')
                stream.flush()
                result: list[dict[str, Any]] = json.loads(stream.readline())["result"]
        return result

    def contacts(self) -> dict[str, str]:
        """The contact of each user that has one."""
        return {
            each["aor"].removeprefix("sip:").partition("@")[0]: each["contact"]
            for each in self.bindings()
        }


def integrity(database: Path, scratch: Path) -> str:
    """What SQLite says of a copy of a database as it lies there: `ok`.

    Args:
        database: with its WAL beside it, if it has one.
        scratch: a folder for the copy.
    """
    copy = scratch / "copy.db"
    for tail in ("", "-wal"):
        Path(f"{copy}{tail}").unlink(missing_ok=True)
        if Path(f"{database}{tail}").exists():
            shutil.copy(f"{database}{tail}", f"{copy}{tail}")
    connection = sqlite3.connect(copy)
    try:
        found: str = connection.execute("PRAGMA integrity_check").fetchone()[0]
        return found
    finally:
        connection.close()


def mounting(command: str) -> tuple[str, ...]:
    """A prefix that mounts something only its program sees; it goes with the program."""
    return (need("unshare"), "--mount", "sh", "-c", f'{command} && exec "$@"', "sh")


class Disk:
    """An ext4 file system in a file; mounted only where a server runs on it.

    Args:
        folder: for the file and the mount point.
        megabytes: its size.
    """

    def __init__(self, folder: Path, megabytes: int = 64) -> None:
        self._image = folder / "disk.img"
        self.path = folder / "disk"
        self.path.mkdir()
        with self._image.open("wb") as image:
            image.truncate(megabytes << 20)
        made = subprocess.run(
            [need("mkfs.ext4"), "-q", "-F", self._image],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            missing(f"no ext4 here: {made.stderr.strip()}")
        tried = subprocess.run(
            [*self.mounted(), "true"], capture_output=True, text=True, check=False
        )
        if tried.returncode != 0:
            missing(f"this machine lets us mount no image: {tried.stderr.strip()}")

    def mounted(self) -> tuple[str, ...]:
        return mounting(f"mount -o loop,errors=remount-ro '{self._image}' '{self.path}'")

    def cut_power(self, node: Node) -> None:
        """Lose what was not synced, and take no more: as if the machine had no power."""
        folder = os.open(node.inside(self.path), os.O_RDONLY)
        try:
            fcntl.ioctl(folder, SHUTDOWN, LOSE_ALL)
        except OSError as error:  # pragma: no cover - depends on the kernel
            pytest.skip(f"the kernel does not cut ext4 off: {error}")
        finally:
            os.close(folder)

    def turn_read_only(self, node: Node) -> None:
        """Let the file system find an error, upon which it takes no more writes."""
        device = node.inside(self.path).stat().st_dev
        name = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
        Path(f"/sys/fs/ext4/{name}/trigger_fs_error").write_text("a test")
