"""REGISTERs a second, each on disk before its 200: what group commit makes of a disk.

    python -m bench.registers                     # about half a minute
    python -m bench.registers --folder /mnt/disk  # on another disk

Phones over UDP, each with a binding of its own, keep a number of REGISTERs under way against a real
`ringway serve` on a core of its own. With one under way, each waits for the group (5 ms) and for a
sync; with many, one sync does for all that came meanwhile.
"""

import argparse
import os
import select
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from bench.load import pin_to_driver_core
from bench.proc import HOST, Server

SYNCS = 200
SECONDS = 5.0
PATIENCE = 5.0
UNDER_WAY = (1, 16, 256)


class Rate(NamedTuple):
    """What one run came to; times in milliseconds."""

    registers: float
    median: float
    worst_percent: float
    cpu_us: float


def main() -> None:
    """Measure each store and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.registers", description=__doc__)
    parser.add_argument("--folder", type=Path, default=None, help="where the databases are made")
    parser.add_argument("--port", type=int, default=5090)
    arguments = parser.parse_args()
    pin_to_driver_core()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        print(f"fdatasync of a 4 kB page here: {sync_ms(folder):.2f} ms (median of {SYNCS})\n")
        print("| store | REGISTERs under way | registers/s | median ms | 99 % ms | CPU µs each |")
        print("| --- | ---: | ---: | ---: | ---: | ---: |")
        for store in ("memory", f"sqlite:{folder / 'bench.db'}"):
            for under_way in UNDER_WAY:
                found = measure(folder, store, under_way, arguments.port)
                print(
                    f"| {store.partition(':')[0]} | {under_way} | {found.registers:,.0f} |"
                    f" {found.median:.1f} | {found.worst_percent:.1f} | {found.cpu_us:.0f} |",
                    flush=True,
                )


def measure(folder: Path, store: str, under_way: int, port: int) -> Rate:
    """Run one server and register for some seconds."""
    command = [
        *(sys.executable, "-m", "ringway.cli", "serve", "--no-auth", "--web", "off"),
        *("--listen", f"udp:{HOST}:{port}", "--domain", HOST, "--store", store),
        *("--state-dir", str(folder / "state")),
    ]
    os.environ["RINGWAY_LOG__LEVEL"] = "warning"
    with Server(command, port, folder / "server.log") as server:
        cpu = server.cpu_ns()
        started = time.monotonic()
        latencies = register(port, under_way, SECONDS)
        seconds = time.monotonic() - started
        cpu = server.cpu_ns() - cpu
    latencies.sort()
    return Rate(
        len(latencies) / seconds,
        statistics.median(latencies) * 1e3,
        latencies[len(latencies) * 99 // 100] * 1e3,
        cpu / 1e3 / len(latencies),
    )


def register(port: int, under_way: int, seconds: float) -> list[float]:
    """Register one new phone after the other; the seconds that each waited for its 200."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        sock.connect((HOST, port))
        sock.setblocking(False)
        ours = sock.getsockname()[1]
        sent: dict[bytes, float] = {}
        latencies: list[float] = []
        number = 0
        end = time.monotonic() + seconds
        while time.monotonic() < end or sent:
            while len(sent) < under_way and time.monotonic() < end:
                number += 1
                user = f"u{under_way}x{number}"
                sent[user.encode()] = time.monotonic()
                sock.send(_request(user, ours))
            if not select.select([sock], [], [], PATIENCE)[0]:
                raise RuntimeError(f"{len(sent)} REGISTERs without an answer")
            while sent:
                try:
                    data = sock.recv(65_536)
                except BlockingIOError:
                    break
                user_of = data.partition(b"Call-ID: ")[2].partition(b"\r\n")[0]
                if not data.startswith(b"SIP/2.0 200 "):
                    raise RuntimeError(data.partition(b"\r\n")[0].decode())
                latencies.append(time.monotonic() - sent.pop(user_of))
    return latencies


def sync_ms(folder: Path) -> float:
    """Milliseconds that the disk takes to sync one appended page."""
    times = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            file.write(b"x" * 4096)
            start = time.monotonic()
            os.fdatasync(file.fileno())
            times.append(time.monotonic() - start)
    return statistics.median(times) * 1e3


def _request(user: str, port: int) -> bytes:
    return (
        f"REGISTER sip:{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST}:{port};branch=z9hG4bK{user};rport"
        f"\r\nMax-Forwards: 70\r\nFrom: <sip:{user}@{HOST}>;tag=1\r\nTo: <sip:{user}@{HOST}>\r\n"
        f"Call-ID: {user}\r\nCSeq: 1 REGISTER\r\nContact: <sip:{user}@{HOST}:{port}>\r\n"
        "Expires: 3600\r\nContent-Length: 0\r\n\r\n"
    ).encode()


if __name__ == "__main__":
    main()
