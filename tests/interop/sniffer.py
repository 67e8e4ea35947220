"""dumpcap beside a test: a capture of real traffic, whole when it is handed out."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterable
from pathlib import Path

from tests.captures.kept import LAST
from tests.interop.lab import LOOPBACK, Lab
from tests.interop.peers import need
from tests.interop.programs import eventually
from tests.interop.servers import Server

_DISCARD = 9


class Sniffer:
    """Captures what comes from and goes to some ports, from now on until `stop`.

    Args:
        lab: where it belongs.
        ports: of the servers.
        interface: where to listen; "any" for all of them.
    """

    def __init__(self, lab: Lab, ports: Iterable[int], interface: str = "any") -> None:
        self.file = lab.file("capture.pcapng")
        # A filter by port alone loses fragments behind the first, and reports that nobody is there.
        wanted = " or ".join(f"port {port}" for port in sorted({*ports, _DISCARD}))
        wanted += " or icmp or (ip[6:2] & 0x1fff != 0)"
        args: list[str | Path] = [need("dumpcap"), "-n", "-q", "-i", interface]
        args += ["-f", wanted, "-w", self.file]
        self._dumpcap = lab.start("dumpcap", args)
        self._dumpcap.wait_for("^File: ")

    def wait_for(self, data: bytes, times: int = 1, seconds: float = 10.0) -> None:
        """Wait until something was sent so often."""
        eventually(
            lambda: self.file.read_bytes().count(data) >= times,
            seconds,
            f"{data!r} is captured {times} times",
        )

    def stop(self) -> Path:
        """End the capture; all that was sent until now is in the file.

        Packets are written in order: when the last one is there, those before it are.
        """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(LAST, (LOOPBACK, _DISCARD))
        eventually(lambda: LAST in self.file.read_bytes(), 10, "dumpcap writes the last packet")
        self._dumpcap.signal(signal.SIGINT)
        self._dumpcap.wait(10)
        return self.file


def ports_of(*servers: Server) -> list[int]:
    """The ports that servers listen on."""
    return [place[1] for server in servers for _, place in server.listens]
