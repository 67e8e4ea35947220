"""A real `ringway serve` to attack: its listeners, what it says, what it holds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from tests.interop.programs import eventually
from tests.interop.wire import Place, answers_options
from tests.ports import free_port
from tests.unit.aio.support import Certificate

from ringway.auth import make_user
from ringway.auth.users import format_user

DOMAIN: Final = "example.com"
USERS: Final = ("alice", "bob", "carol", "mallory")
HOST: Final = "127.0.0.1"
SERVE: Final = (sys.executable, "-m", "ringway.cli", "serve")
TRANSPORTS: Final = ("udp", "tcp", "tls", "ws", "wss")
# Everybody here is on loopback, and none of them is trusted for it. A busy machine is no attack, so
# nothing is shed for lag; and one source attacks a thousand times, so none is banned.
ENVIRONMENT: Final = {
    "RINGWAY_WEB__LISTEN": "off",
    "RINGWAY_METRICS__LISTEN": "off",
    "RINGWAY_LIMITS__EXEMPT": "192.0.2.1/32",
    "RINGWAY_LIMITS__LAG": "0",
    "RINGWAY_TIMERS__DRAIN": "0",
    "RINGWAY_LIMITS__REQUEST_RATE": "0",
    "RINGWAY_LIMITS__BAN_FAILURES": "0",
    "RINGWAY_LIMITS__CONNECTIONS_PER_SOURCE": "100000",
    "RINGWAY_LIMITS__HANDSHAKES_PER_SOURCE": "100000",
}


def password(user: str) -> str:
    """Everybody's password, for whoever knows it."""
    return f"{user}'s own secret"


class Victim:
    """One server, from its `ready` until `close`.

    Args:
        folder: for its configuration and what it says.
        settings: more of its configuration: top-level lines, then tables.
        tables: the tables of it.
        transports: what it listens on.
        users: who has a password; None serves everybody without.
        log: how it tells: story or json.
        environment: more of its environment.
        app: a handler, MODULE:NAME, in its folder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: Sequence[str] = (),
        tables: Sequence[str] = (),
        transports: Sequence[str] = ("udp", "tcp"),
        users: Sequence[str] | None = USERS,
        log: str = "json",
        environment: Mapping[str, str] | None = None,
        app: str = "",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port(HOST)
        self.places: dict[str, Place] = {
            name: (HOST, port if name in {"udp", "tcp"} else free_port(HOST)) for name in transports
        }
        listen = [f'"{name}:{host}:{port}"' for name, (host, port) in self.places.items()]
        lines = [
            f'domains = ["{DOMAIN}"]',
            f"listen = [{', '.join(listen)}]",
            'store = "memory"',
            *(() if users is not None else ("no_auth = true",)),
            *settings,
            f'[log]\nformat = "{log}"',
            *tables,
        ]
        self.certificate: Certificate | None = None
        if {"tls", "wss"} & set(transports):
            certificate = self.certificate = Certificate(folder)
            files = f'certificate = "{certificate.file}"\nkey = "{certificate.key}"'
            lines.append(f"[tls]\n{files}")
        lines += [format_user(make_user(user, DOMAIN, password(user))) for user in users or ()]
        config = folder / "ringway.toml"
        config.write_text("\n".join(lines))
        self._out = folder / "stdout"
        self._err = folder / "stderr"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [*SERVE, *((app,) if app else ()), "--config", str(config)],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, **ENVIRONMENT, **(environment or {})},
            )
        try:
            eventually(self._ready, 30.0, "the server is ready")
        except BaseException:
            self.close()
            raise

    def _ready(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(f"the server ended:\n{self.err}")
        return "ready" in self.out

    @property
    def out(self) -> str:
        """What it told: the story, or JSON lines."""
        return self._out.read_text(errors="surrogateescape")

    @property
    def err(self) -> str:
        """What an operator should look at."""
        return self._err.read_text(errors="surrogateescape")

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON lines it told."""
        return [json.loads(line) for line in self.out.split("\n") if line]

    def place(self, transport: str = "udp") -> Place:
        return self.places[transport]

    def uri(self, user: str = "", transport: str = "udp", more: str = "") -> str:
        """A URI that names the server by its address."""
        host, port = self.places[transport]
        return f"sip:{user and user + '@'}{host}:{port};transport={transport}{more}"

    def memory(self) -> int:
        """Bytes of memory that it holds (resident)."""
        return self._status("VmRSS")

    def peak(self) -> int:
        """The most bytes of memory that it has held since `forget_peak`."""
        return self._status("VmHWM")

    def forget_peak(self) -> int:
        """Begin a new peak; the bytes of memory that it holds now."""
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")
        return self.memory()

    def _status(self, name: str) -> int:
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("the server is gone")

    def cpu(self) -> float:
        """Seconds of CPU it has used."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self._process.pid}/fd").iterdir()))

    def is_well(self) -> bool:
        """Whether it runs, answers on UDP and TCP, and never met what it did not expect."""
        assert self._process.poll() is None, f"the server ended:\n{self.err[-3000:]}"
        assert "Traceback" not in self.err, self.err[-3000:]
        # A datagram may be lost where a flood has just filled the buffers: it is sent again, for as
        # long as a client does that (64*T1). What waits in them is answered first.
        return all(
            any(
                answers_options(name, self.places[name], seconds)
                for seconds in (0.5, 1, 2, 4, 8, 16)
            )
            for name in ("udp", "tcp")
            if name in self.places
        )

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
