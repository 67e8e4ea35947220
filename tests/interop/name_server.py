"""dnsmasq as the only DNS server there is, with a zone of the test's own."""

import ipaddress
from collections.abc import Iterable

from tests.interop.lab import LOOPBACK, Lab
from tests.interop.peers import need
from tests.interop.programs import Program
from tests.interop.wire import Place
from tests.ports import free_port


class Zone:
    """The records of some names; names outside it do not exist."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def address(self, name: str, address: str) -> "Zone":
        """An A or AAAA record."""
        self.lines.append(f"host-record={name},{ipaddress.ip_address(address)}")
        return self

    def srv(self, name: str, target: str, port: int, priority: int = 0, weight: int = 0) -> "Zone":
        """An SRV record."""
        self.lines.append(f"srv-host={name},{target},{port},{priority},{weight}")
        return self

    def naptr(
        self, name: str, order: int, preference: int, service: str, replacement: str
    ) -> "Zone":
        """A NAPTR record that leads to SRV records."""
        self.lines.append(f'naptr-record={name},{order},{preference},s,{service},"",{replacement}')
        return self


class NameServer:
    """A running dnsmasq."""

    def __init__(self, program: Program, place: Place) -> None:
        self.program = program
        self.place = place

    def asked(self, kind: str, name: str) -> int:
        """How often it was asked for such a record of a name."""
        return self.program.count(rf"query\[{kind}\] {name} ")


def name_server(lab: Lab, zone: Zone, more: Iterable[str] = ()) -> NameServer:
    """Start dnsmasq with this zone, and nobody to ask for anything else."""
    port = free_port()
    config = lab.file("dnsmasq.conf")
    lines = [f"port={port}", f"listen-address={LOOPBACK}", "bind-interfaces", "no-resolv"]
    lines += ["no-hosts", "no-poll", "local=/#/", "local-ttl=60", "log-queries", *zone.lines]
    config.write_text("\n".join([*lines, *more]) + "\n")
    args = [need("dnsmasq"), "--no-daemon", f"--conf-file={config}", "--log-facility=-"]
    program = lab.start("dnsmasq", [*args, "--user=root", "--pid-file="])
    program.wait_for(r"started, version")
    return NameServer(program, (LOOPBACK, port))
