"""The values of a configuration that are more than a number or a word, read from text.

Each reader raises `ValueError` whose text is what could stand there instead: it goes behind "use"
in the line that a person sees. Nothing here is slow to import, since the command line reads the
same values.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ringway.transport.flow import DEFAULT_PORTS, TCP, TRANSPORTS, UDP, Address

__all__ = [
    "Advertised",
    "Collector",
    "Listen",
    "StoreChoice",
    "WebListen",
    "default_state_dir",
    "format_duration",
    "read_advertised",
    "read_collector",
    "read_domain",
    "read_duration",
    "read_hep_listen",
    "read_listen",
    "read_store",
    "read_web_listen",
]

LISTEN_FORM: Final = (
    "TRANSPORT:ADDRESS:PORT with one of udp, tcp, tls, ws, wss and an IP address of this machine, "
    "for instance udp:127.0.0.1:5060 or tls:[::1]:5061"
)
WEB_FORM: Final = "ADDRESS:PORT, for instance 127.0.0.1:8080, or off"
DURATION_FORM: Final = "seconds or a duration such as 500ms, 30s, 5m, 2h, 7d or 1h30m"
STORE_FORM: Final = "memory or sqlite:PATH"
DOMAIN_FORM: Final = "a domain name or an IP address, for instance example.com"
ADVERTISED_FORM: Final = (
    "a host or HOST:PORT that others reach us at, for instance 203.0.113.5:5060"
)
COLLECTOR_FORM: Final = (
    "udp: or tcp: and HOST:PORT, for instance udp:127.0.0.1:9060 or tcp:homer.example.com:9060"
)
HEP_LISTEN_FORM: Final = (
    "a port, or udp: or tcp: and ADDRESS:PORT, for instance 9060 or udp:192.0.2.1:9060"
)
HEP_PORT: Final = 9060
"""Where collectors listen, by custom."""

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+", re.ASCII)
_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])", re.ASCII)
# RFC 1123 §2.1 labels; an underscore is met in private zones.
_DOMAIN: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.(?!-)[a-z0-9_-]{1,63})*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Listen:
    """One place to listen: `udp:127.0.0.1:5060`.

    Attributes:
        transport: udp, tcp, tls, ws or wss.
        address: IP address and port; port 0 takes any free one.
    """

    transport: str
    address: Address

    @property
    def public(self) -> bool:
        """True when others than this machine can reach it."""
        return not ipaddress.ip_address(self.address.host).is_loopback

    @property
    def wildcard(self) -> bool:
        """True when it takes every address of the machine."""
        return ipaddress.ip_address(self.address.host).is_unspecified

    def __str__(self) -> str:
        return f"{self.transport}:{self.address}"


@dataclass(frozen=True, slots=True)
class Advertised:
    """Where others reach a listener that is behind a NAT or a load balancer.

    Attributes:
        host: a name or an IP address, without brackets.
        port: None: the listener's own.
    """

    host: str
    port: int | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class StoreChoice:
    """Where bindings and redirects are kept.

    Attributes:
        path: the SQLite file; None keeps them in memory only.
    """

    path: Path | None = None

    def __str__(self) -> str:
        return "memory" if self.path is None else f"sqlite:{self.path}"


@dataclass(frozen=True, slots=True)
class WebListen:
    """Where the web pages are served: `127.0.0.1:8080`.

    Attributes:
        address: IP address and port; port 0 takes any free one; None serves none.
    """

    address: Address | None

    def __str__(self) -> str:
        return "off" if self.address is None else str(self.address)


@dataclass(frozen=True, slots=True)
class Collector:
    """Where copies of messages go: `udp:homer.example.com:9060`.

    Attributes:
        transport: udp or tcp.
        host: a name or an IP address, without brackets.
        port: its port.
    """

    transport: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.transport}:{Address(self.host, self.port)}"


def read_listen(text: str) -> Listen:
    """Read `udp:127.0.0.1:5060`; without a port, the transport's own."""
    transport, _, rest = text.strip().partition(":")
    transport = transport.lower()
    if transport not in TRANSPORTS or not rest:
        raise ValueError(LISTEN_FORM)
    return Listen(transport, _read_address(rest, DEFAULT_PORTS[transport], LISTEN_FORM))


def read_web_listen(text: str) -> WebListen:
    """Read `127.0.0.1:8080` or `off`; without a port, 8080."""
    if text.strip().lower() == "off":
        return WebListen(None)
    return WebListen(_read_address(text.strip(), 8080, WEB_FORM))


def read_collector(text: str) -> Collector:
    """Read `tcp:homer.example.com:9060`; without a transport udp, without a port 9060."""
    transport, rest = _hep_transport(text)
    host, port = _read_place(rest, COLLECTOR_FORM)
    try:
        name = read_domain(host)
    except ValueError:
        raise ValueError(COLLECTOR_FORM) from None
    if port == 0:
        raise ValueError(COLLECTOR_FORM)
    return Collector(transport, name, HEP_PORT if port is None else port)


def read_hep_listen(text: str) -> Listen:
    """Read `udp:192.0.2.1:9060`, `192.0.2.1:9060` or `9060`: udp, and 127.0.0.1."""
    transport, rest = _hep_transport(text)
    if rest.isascii() and rest.isdigit():
        rest = f"127.0.0.1:{rest}"
    return Listen(transport, _read_address(rest, HEP_PORT, HEP_LISTEN_FORM))


def read_advertised(text: str) -> Advertised:
    """Read `203.0.113.5`, `sip.example.com:5060` or `[2001:db8::1]:5060`."""
    host, port = _read_place(text.strip(), ADVERTISED_FORM)
    if port == 0:
        raise ValueError(ADVERTISED_FORM)
    try:
        return Advertised(read_domain(host), port)
    except ValueError:
        raise ValueError(ADVERTISED_FORM) from None


def read_domain(text: str) -> str:
    """Read a domain or an IP address, lower case and without brackets."""
    name = text.strip().lower().removesuffix(".")
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        if len(name) > 253 or not _DOMAIN.fullmatch(name):
            raise ValueError(DOMAIN_FORM) from None
        return name


def read_duration(value: float | str) -> float:
    """Read a number of seconds, or text such as `1h30m`.

    Returns:
        Seconds, 0 or more.
    """
    if isinstance(value, bool):
        raise ValueError(DURATION_FORM)  # noqa: TRY004 - one kind of error for one kind of fault
    if isinstance(value, int | float):
        seconds = float(value)
    elif _DURATION.fullmatch(text := value.strip().lower()):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _DURATION_PART.findall(text))
    else:
        try:
            seconds = float(text)
        except ValueError:
            raise ValueError(DURATION_FORM) from None
    if not 0 <= seconds < 1e10:
        raise ValueError(DURATION_FORM)
    return seconds


def format_duration(seconds: float) -> str:
    """Write seconds as `read_duration` reads them, in at most two units."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    rest = round(seconds)
    parts: list[str] = []
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, int(_UNITS[unit]))
        if count:
            parts.append(f"{count}{unit}")
        elif parts:
            break
    return "".join(parts[:2])


def read_store(text: str) -> StoreChoice:
    """Read `memory` or `sqlite:PATH`."""
    kind, _, path = text.strip().partition(":")
    if kind.lower() == "memory" and not path:
        return StoreChoice()
    if kind.lower() == "sqlite" and path:
        return StoreChoice(Path(path.removeprefix("//")).expanduser())
    raise ValueError(STORE_FORM)


def default_state_dir() -> Path:
    """Where a server keeps its keys, its store and its control socket unless it is told."""
    told = os.environ.get("RINGWAY_STATE_DIR")
    if told:
        return Path(told).expanduser()
    if os.name == "posix" and os.geteuid() == 0:
        return Path("/var/lib/ringway")
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path("~/.local/state").expanduser()) / "ringway"


def _hep_transport(text: str) -> tuple[str, str]:
    for transport in (UDP, TCP):
        if text.strip().lower().startswith(f"{transport}:"):
            return transport, text.strip()[len(transport) + 1 :]
    return UDP, text.strip()


def _read_address(text: str, default_port: int, form: str) -> Address:
    """Read an address of this machine to listen on."""
    host, port = _read_place(text, form)
    if host == "localhost":
        host = "127.0.0.1"
    elif host == "*":
        host = "0.0.0.0"  # noqa: S104 - what the operator asked for
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(form) from None
    return Address(str(parsed), default_port if port is None else port)


def _read_place(text: str, form: str) -> tuple[str, int | None]:
    """Split HOST[:PORT], where an IPv6 address with a port stands in brackets."""
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise ValueError(form)
        port = rest[1:]
        if rest and not port:
            raise ValueError(form)
    elif text.count(":") > 1:
        return text, None
    else:
        host, colon, port = text.partition(":")
        if colon and not port:
            raise ValueError(form)
    if not host:
        raise ValueError(form)
    if not port:
        return host.lower(), None
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(form)
    return host.lower(), int(port)
