"""A server under test: started on a core of its own, and what it costs as /proc tells.

CPU time is nanoseconds on the CPU (schedstat) summed over the server's process tree. It includes
the kernel's work on its sockets. It depends on the rate, because fewer wake-ups serve more
messages, so only figures of the same rate compare.
"""

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

SERVER_CORE = "1" if (os.cpu_count() or 1) > 1 else "0"
DRIVER_CORE = "0"
HOST = "127.0.0.1"

_PROC = Path("/proc")


class ServerError(RuntimeError):
    """The server did not come up; says where its output is."""


class Server:
    """One running server. Use it as a context manager: leaving it ends the server.

    Args:
        command: what starts it.
        port: where it answers OPTIONS over UDP.
        log: gets its output.
        ready_within: seconds it may take to answer.
    """

    def __init__(
        self, command: Sequence[str], port: int, log: Path, ready_within: float = 15.0
    ) -> None:
        self._log = log
        self._port = port
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                ["taskset", "-c", SERVER_CORE, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        give_up = time.monotonic() + ready_within
        while not _answers_options(port):
            if self._process.poll() is not None or time.monotonic() > give_up:
                self.stop()
                last = log.read_text(errors="replace").splitlines()[-5:]
                raise ServerError("\n".join(["the server does not answer OPTIONS:", *last]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def cpu_ns(self) -> int:
        """Nanoseconds on the CPU so far, all processes and threads."""
        return sum(process_cpu_ns(pid) for pid in process_tree(self._process.pid))

    def rss_mb(self) -> float:
        """Memory of all its processes, each page counted once, in MB."""
        return round(sum(_pss_kb(pid) for pid in process_tree(self._process.pid)) / 1024, 1)

    def drops(self) -> int:
        """Datagrams the kernel dropped because the server was too slow."""
        lines = Path("/proc/net/udp").read_text().splitlines()[1:]
        fields = (line.split() for line in lines)
        return sum(int(each[-1]) for each in fields if _port_of(each[1]) == self._port)

    def stop(self) -> None:
        """End the server and what it started."""
        if self._process.poll() is not None:
            return
        pids = process_tree(self._process.pid)
        self._process.terminate()
        try:
            self._process.wait(8)
        except subprocess.TimeoutExpired:
            for pid in pids:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()


def process_tree(root: int) -> list[int]:
    """The process and all its descendants."""
    children: dict[int, list[int]] = {}
    for path in _PROC.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(path.read_text().rsplit(")", 1)[1].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def process_cpu_ns(pid: int) -> int:
    """Nanoseconds that one process has been on the CPU; 0 once it is gone."""
    total = 0
    for path in (_PROC / str(pid) / "task").glob("*/schedstat"):
        with contextlib.suppress(OSError):
            total += int(path.read_text().split()[0])
    return total


def calibrate() -> dict[str, float]:
    """Milliseconds for two fixed loads: they tell how fast the machine is at this moment."""
    start = time.process_time()
    block = b"x" * 1024
    for _ in range(60_000):
        hashlib.md5(block).digest()
    middle = time.process_time()
    slots: dict[int, str] = {}
    for number in range(400_000):
        slots[number & 1023] = str(number)
    end = time.process_time()
    return {
        "md5_ms": round((middle - start) * 1e3, 1),
        "python_ms": round((end - middle) * 1e3, 1),
    }


def port_is_free(port: int) -> bool:
    """Whether nobody uses this UDP and TCP port on loopback."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
    return True


def _answers_options(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.25)
        probe.connect((HOST, port))
        ours = probe.getsockname()[1]
        unique = time.time_ns()
        request = (
            f"OPTIONS sip:{HOST}:{port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {HOST}:{ours};branch=z9hG4bKp{unique};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:probe@{HOST}>;tag=1\r\nTo: <sip:{HOST}>\r\n"
            f"Call-ID: p{unique}\r\nCSeq: 1 OPTIONS\r\nContact: <sip:probe@{HOST}:{ours}>\r\n"
            "Content-Length: 0\r\n\r\n"
        )
        try:
            probe.send(request.encode())
            return probe.recv(4096).startswith(b"SIP/2.0 ")
        except OSError:
            time.sleep(0.1)
            return False


def _pss_kb(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def _port_of(field: str) -> int:
    return int(field.split(":")[1], 16)
