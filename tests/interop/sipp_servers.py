"""SIPp as a server that nobody registers with: it redirects, fails, challenges, answers."""

import contextlib
import re
import socket
from pathlib import Path

from tests.interop.lab import LOOPBACK, Lab, Sipp
from tests.interop.peers import need
from tests.interop.programs import Program, eventually
from tests.interop.servers import DOMAIN, HERE
from tests.ports import free_port


class SippServer(Sipp):
    """A SIPp that waits for calls."""

    def __init__(
        self, program: Program, port: int, messages: Path, errors: Path, transport: str
    ) -> None:
        super().__init__(program, port, messages, errors)
        self.transport = transport

    def uri(self, user: str = "bob") -> str:
        return f"sip:{user}@{LOOPBACK}:{self.port};transport={self.transport}"

    def values(self, name: str, method: str = "INVITE") -> list[str]:
        """A header of each request of a method, as they came."""
        blocks = re.split(r"^-{20,}.*$", self.saw(), flags=re.MULTILINE)
        asked = [b for b in blocks if re.search(rf"^{method} .* SIP/2.0\r?$", b, re.MULTILINE)]
        found = [re.search(rf"^{name}: (.*?)\r?$", block, re.MULTILINE) for block in asked]
        return ["" if match is None else match[1] for match in found]


def sipp_server(
    lab: Lab,
    scenario: str,
    transport: str = "udp",
    *,
    calls: int = 1,
    port: int = 0,
    **filled_in: str,
) -> SippServer:
    """Start `sipp/server_<scenario>.xml`, what stands between @ filled in; it ends after its calls.

    SIPp wants to know response codes when it starts, so that they cannot be keys.
    """
    port = port or free_port()
    text = (HERE / "sipp" / f"server_{scenario}.xml").read_text()
    for name, value in filled_in.items():
        text = text.replace(f"@{name}@", value)
    script = lab.file(f"{scenario}.xml")
    script.write_text(text)
    messages, errors = lab.file(f"{scenario}.messages"), lab.file(f"{scenario}.errors")
    args: list[str | Path] = [need("sipp"), "-sf", script, "-i", LOOPBACK, "-p", str(port)]
    args += ["-t", "u1" if transport == "udp" else "t1", "-m", str(calls), "-nostdin"]
    args += ["-trace_msg", "-message_file", messages, "-trace_err", "-error_file", errors]
    args += ["-cp", str(free_port()), "-key", "dom", DOMAIN, "-key", "user", "bob"]
    program = lab.start(f"sipp-{scenario}", args, cwd=lab.folder)
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    eventually(lambda: _taken(kind, port), 10, f"{program.name} listens")
    return SippServer(program, port, messages, errors, transport)


def moved(
    lab: Lab,
    *contacts: str,
    says: str = "302 Moved Temporarily",
    calls: int = 1,
    port: int = 0,
) -> SippServer:
    """A server that sends its callers to these Contacts."""
    header = "Contact: " + ", ".join(contacts)
    return sipp_server(lab, "says", calls=calls, port=port, says=says, header=header)


def _taken(kind: socket.SocketKind, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as sock:
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            sock.bind((LOOPBACK, port))
            return False
    return True
