"""A real `ringway serve`, and what an operator, a manager or a phone does with it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.interop.programs import Program
from tests.unit.server.support import parsed

from ringway.message import Response
from ringway.transport.flow import Address

ROOT = Path(__file__).parents[2]
SERVE = (sys.executable, "-m", "ringway.cli", "serve")
DOMAIN = "example.com"


@contextmanager
def running(
    folder: Path,
    text: str,
    *,
    prefix: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    serve: Sequence[str] = SERVE,
    ready: bool = True,
    no_auth: bool = True,
) -> Iterator[Program]:
    """A server with a configuration file, from the moment it takes calls on."""
    file = folder / "ringway.toml"
    begin = f'domains = ["{DOMAIN}"]\nno_auth = {str(no_auth).lower()}\nstore = "memory"\n'
    file.write_text(begin + text)
    program = Program(
        "ringway",
        [*prefix, *serve, "--config", str(file), "--web", "off"],
        log=folder / "ringway.log",
        cwd=folder,
        env={
            "RINGWAY_STATE_DIR": str(folder / "state"),
            "RINGWAY_METRICS__LISTEN": "off",
            **(env or {}),
        },
    )
    try:
        if ready:
            program.wait_for("^ready$")
        yield program
    finally:
        if program.running():
            program.process.kill()
        program.wait(10)


class Phone:
    """Someone who speaks UDP, and waits for each answer."""

    def __init__(self, port: int) -> None:
        self.server = ("127.0.0.1", port)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(10)
        self.address = Address(*self.sock.getsockname())
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def request(self, method: str, user: str, *lines: str, tag: str = "", branch: str = "") -> str:
        """A request to a user of ours, or to the domain; the branch is new unless one is given."""
        self._count += 1
        branch = branch or f"z9hG4bK{self.address.port}x{self._count}"
        host = f"{user}@{DOMAIN}" if user and method != "REGISTER" else DOMAIN
        to = f"<sip:{user or 'x'}@{DOMAIN}>" + (f";tag={tag}" if tag else "")
        head = [
            f"{method} sip:{host} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.address};branch={branch};rport",
            "Max-Forwards: 70",
            f"From: <sip:x@{DOMAIN}>;tag=a",
            f"To: {to}",
            f"Call-ID: {branch}",
            f"CSeq: 1 {method}",
            *lines,
            "Content-Length: 0",
        ]
        return "\r\n".join((*head, "", ""))

    def send(self, text: str | bytes) -> None:
        self.sock.sendto(text.encode() if isinstance(text, str) else text, self.server)

    def read(self) -> bytes:
        return self.sock.recv(65536)

    def ask(self, text: str) -> Response:
        """Send a request and return the first final response."""
        self.send(text)
        while True:
            response = parsed(self.read())
            if response.status >= 200:
                return response

    def register(self, user: str) -> Response:
        contact = f"Contact: <sip:{user}@{self.address}>"
        return self.ask(self.request("REGISTER", user, contact, "Expires: 600"))


def bindings(folder: Path, user: str) -> list[object]:
    """What the server knows of a user."""
    command = [sys.executable, "-m", "ringway.cli", "bindings", user, "--json"]
    done = subprocess.run(
        [*command, "--state-dir", folder / "state"], capture_output=True, check=True, text=True
    )
    found: list[object] = json.loads(done.stdout)
    return found
