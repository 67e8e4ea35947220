"""Servers under test and servers as peers, started on free ports and watched until they answer.

INTEROP_SERVER=kamailio runs the phones' tests against Kamailio in Ringway's place: when one fails
there too, the recipe is at fault and not Ringway.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.interop.peers import need
from tests.interop.programs import Program, eventually
from tests.interop.wire import Place, answers_options, in_uri

HERE = Path(__file__).parent
DOMAIN = "ring.test"
STAND_IN = os.environ.get("INTEROP_SERVER", "ringway") == "kamailio"


class Server:
    """A running server and where it listens; a Ringway's state directory and passwords."""

    def __init__(
        self,
        program: Program,
        listens: Sequence[tuple[str, Place]],
        state: Path | None = None,
        users: Mapping[str, str] | None = None,
    ) -> None:
        self.program = program
        self.state = state
        self.users = dict(users or {})
        self.listens = tuple(listens)

    def place(self, transport: str, number: int = 0) -> Place:
        return [place for name, place in self.listens if name == transport][number]

    def uri(self, transport: str, number: int = 0) -> str:
        host, port = self.place(transport, number)
        return f"sip:{in_uri(host)}:{port};transport={transport}"

    def kill(self) -> None:
        self.program.kill()


def listen_on(host: str, ports: Mapping[str, Sequence[int]]) -> list[tuple[str, Place]]:
    return [(name, (host, port)) for name, several in ports.items() for port in several]


def wait_until_it_answers(server: Server, seconds: float = 15.0) -> None:
    transport, place = next((t, p) for t, p in server.listens if t in {"udp", "tcp"})

    def look() -> bool:
        assert server.program.running(), f"it ended:\n{server.program.text[-3000:]}"
        return answers_options(transport, place)

    eventually(look, seconds, f"{server.program.name} answers OPTIONS at {place}")


def kamailio_args(
    config: str, listens: Sequence[tuple[str, Place]], run: Path, defines: Mapping[str, str]
) -> list[str | Path]:
    run.mkdir(parents=True, exist_ok=True)
    names = {"udp": "udp", "tcp": "tcp", "ws": "tcp"}
    args: list[str | Path] = [need("kamailio"), "-f", HERE / "kamailio" / config, "-DD", "-E"]
    args += ["-m", "64", "-M", "8", "-Y", run]
    for transport, (host, port) in listens:
        args += ["-l", f"{names[transport]}:{in_uri(host)}:{port}"]
    for name, value in defines.items():
        args += ["-A", f'{name}="{value}"']
    return args


def ringway_command() -> list[str | Path]:
    return [sys.executable, "-m", "ringway.cli"]


def ringway_args(
    listens: Sequence[tuple[str, Place]],
    *,
    role: str,
    registrar: str,
    config: Path,
    state: Path,
    app: str = "",
    auth: bool = False,
) -> list[str | Path]:
    args = [*ringway_command(), "serve", *([app] if app else [])]
    args += ["--config", config, "--state-dir", state]
    args += ["--domain", DOMAIN, "--store", "memory", "--role", role, "--web", "off"]
    if not auth:
        args.append("--no-auth")
    if registrar:
        args += ["--registrar", registrar]
    for transport, (host, port) in listens:
        args += ["--listen", f"{transport}:{in_uri(host)}:{port}"]
    return args
