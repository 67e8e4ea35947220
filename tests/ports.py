"""Ports for what tests start: each of the processes that run tests side by side has its own."""

import contextlib
import itertools
import os
import socket
from typing import Final

WORKER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
"""Which of the processes this is."""

# Below the ports the kernel hands out by itself, so that nobody takes one between look and use.
_PORTS: Final = 2_720
_FIRST_PORT: Final = 10_240 + _PORTS * WORKER
_next_port = itertools.count(os.getpid() * 97)


def free_port(host: str = "127.0.0.1") -> int:
    """A port that is free for UDP and for TCP at this moment, and is given out once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        port = _FIRST_PORT + next(_next_port) % _PORTS
        with (
            socket.socket(family, socket.SOCK_STREAM) as stream,
            socket.socket(family, socket.SOCK_DGRAM) as datagram,
            contextlib.suppress(OSError),
        ):
            stream.bind((host, port))
            datagram.bind((host, port))
            return port
