"""The servers that are compared, and how each is started for each task."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bench.proc import HOST

_KAMAILIO_CONFIGS = Path(__file__).parent / "kamailio"


class Task(StrEnum):
    """What a server is started for."""

    PROXY = "proxy"
    REDIRECT = "redirect"
    FAILOVER = "failover"


@dataclass(frozen=True, slots=True)
class Setting:
    """One start of a server.

    Attributes:
        task: what it is to do.
        port: of its UDP socket, and of its TCP socket for failover.
        directory: empty, for its files.
        users: how many users a redirect server has to know.
    """

    task: Task
    port: int
    directory: Path
    users: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """One server under test.

    Attributes:
        key: its short name on the command line and in the results.
        title: its name in the table.
        command: what starts it.
        note: version and the like, for the results.
    """

    key: str
    title: str
    command: Callable[[Setting], list[str]]
    note: str


COMPILED = Path(__file__).parents[1] / "build" / "compiled"
"""Where `make compiled` puts it."""


def candidates() -> list[Candidate]:
    """Every server that this machine has."""
    found = [
        Candidate("memory", "Ringway, memory", _ringway("memory"), _ringway_note()),
        Candidate("sqlite", "Ringway, SQLite", _ringway("sqlite"), _ringway_note()),
    ]
    if (COMPILED / ".done").exists():
        compiled = Candidate("compiled", "Ringway, compiled, memory", _compiled, _ringway_note())
        found.insert(0, compiled)
    if shutil.which("kamailio"):
        version = _first_line(["kamailio", "-v"]).removeprefix("version: ")
        found.insert(0, Candidate("kamailio", "Kamailio", _kamailio, version))
    return found


def _ringway(store: str) -> Callable[[Setting], list[str]]:
    def command(setting: Setting) -> list[str]:
        config = setting.directory / "ringway.toml"
        config.write_text(_ringway_config(setting))
        where = "memory" if store == "memory" else f"sqlite:{setting.directory / 'bench.db'}"
        words = [str(Path(sys.executable).with_name("ringway")), "serve", "--config", str(config)]
        words += ["--domain", HOST, "--listen", f"udp:{HOST}:{setting.port}"]
        if setting.task is Task.FAILOVER:
            words += ["--listen", f"tcp:{HOST}:{setting.port}"]
        return [*words, "--store", where, "--no-auth", "--web", "off"]

    return command


def _compiled(setting: Setting) -> list[str]:
    return ["env", f"PYTHONPATH={COMPILED}", *_ringway("memory")(setting)]


def _ringway_config(setting: Setting) -> str:
    # Kamailio tells nothing about single calls either (debug=0).
    lines = [f'state_dir = "{setting.directory}"', "[log]", 'level = "warning"']
    if setting.task is Task.REDIRECT:
        for number in range(1, setting.users + 1):
            contact = f"sip:u{number}@hotel.example:{setting.port + 10}"
            lines += ["[[redirect]]", f'user = "u{number}"', f'to = "{contact}"']
    return "\n".join(lines) + "\n"


def _kamailio(setting: Setting) -> list[str]:
    config = "redirect.cfg" if setting.task is Task.REDIRECT else "stateful.cfg"
    words = ["kamailio", "-f", str(_KAMAILIO_CONFIGS / config), "-L", _kamailio_modules()]
    words += ["-DD", "-E", "-m", "1024", "-M", "16", "-Y", str(setting.directory)]
    # Debian's default allocator costs four to five times as much a call.
    words += ["-n", "1", "-x", "fm", "-X", "fm", "-l", f"udp:{HOST}:{setting.port}"]
    if setting.task is Task.FAILOVER:
        words += ["-l", f"tcp:{HOST}:{setting.port}"]
        words += ["-A", "WITH_TCP", "-A", "WITH_OB", "-A", "WITH_FAILOVER"]
    return words


def _kamailio_modules() -> str:
    places = [
        *Path("/usr").glob("lib/*/kamailio/modules"),
        *Path("/usr").glob("lib*/kamailio/modules"),
    ]
    return f"{places[0]}/" if places else ""


def _ringway_note() -> str:
    version = sys.version_info
    return f"CPython {version.major}.{version.minor}.{version.micro}"


def _first_line(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    return done.stdout.partition("\n")[0].strip()
