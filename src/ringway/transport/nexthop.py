"""Where a request goes next: RFC 3263 as a generator of DNS questions.

``locate`` yields a ``Query``, is sent what DNS has for it, and in the end returns the targets in
the order to try them. Who runs it owns the resolver, its cache and its timeouts; to the generator
a failure and an empty answer are the same. A host that is an address needs no question:
``numeric_target`` answers at once.

What DNS says is not trusted: records of the wrong type, with impossible values or for services we
do not speak are passed over, and the number of questions and of targets is limited, so that no
zone can make us ask the rest of the world. A sips URI never leads to a target without TLS.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Generator, Sequence
from ipaddress import IPv4Address, IPv6Address
from itertools import accumulate
from typing import Final, NamedTuple

from ringway.message.headers import Via
from ringway.message.uri import Uri
from ringway.transport.flow import (
    DEFAULT_PORTS,
    TCP,
    TLS,
    TRANSPORTS,
    UDP,
    WS,
    WSS,
    Address,
    NextHop,
    is_numeric,
)

__all__ = [
    "MAX_QUERIES",
    "MAX_TARGETS",
    "Answer",
    "Lookup",
    "Naptr",
    "Query",
    "Record",
    "Rng",
    "Srv",
    "is_numeric",
    "locate",
    "locate_response",
    "numeric_target",
    "weighted",
]

MAX_QUERIES: Final = 24
MAX_TARGETS: Final = 16


class Query(NamedTuple):
    """A question to DNS.

    Attributes:
        name: the domain name, without a dot at its end.
        rrtype: NAPTR, SRV, A or AAAA.
    """

    name: str
    rrtype: str


class Naptr(NamedTuple):
    """A NAPTR record (RFC 3403 §4.1)."""

    order: int
    preference: int
    flags: str
    service: str
    regexp: str
    replacement: str


class Srv(NamedTuple):
    """An SRV record (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str


Record = str | Naptr | Srv
Answer = Sequence[Record]
"""What DNS has for a query: addresses as text, NAPTR or SRV records; empty for nothing."""

Rng = Callable[[], float]
Lookup = Generator[Query, Answer, list[NextHop]]

# NAPTR service to transport (RFC 3263 §4.1, RFC 7118 §5.5).
_SERVICES: Final = {
    "SIP+D2U": UDP,
    "SIP+D2T": TCP,
    "SIPS+D2T": TLS,
    "SIP+D2W": WS,
    "SIPS+D2W": WSS,
}
_SRV_PREFIXES: Final = {
    UDP: "_sip._udp.",
    TCP: "_sip._tcp.",
    TLS: "_sips._tcp.",
    WS: "_sip._ws.",
    WSS: "_sips._ws.",
}
_SECURED: Final = {TCP: TLS, TLS: TLS, WS: WSS, WSS: WSS}
# Without NAPTR these are looked for; a WebSocket has to be named (RFC 7118 §5.5).
_UNNAMED: Final = (UDP, TCP)
_UNNAMED_SIPS: Final = (TLS,)

_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DOMAIN: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")

_ALL: Final = frozenset(TRANSPORTS)
_IPV4_ONLY: Final = ("A",)


def numeric_target(uri: Uri, supported: frozenset[str] = _ALL) -> NextHop | None:
    """Return the target of a URI whose host, or maddr, is an address.

    Args:
        uri: where to send.
        supported: the transports we speak.

    Returns:
        The target; None if DNS has to be asked, or if there is no way at all, which ``locate``
        then says without a question.
    """
    host = uri.param("maddr") or uri.host
    if not uri.is_sip or not is_numeric(host):
        return None
    transport = _named_transport(uri) or _default_transport(uri, supported)
    if transport not in supported:
        return None
    port = uri.port or DEFAULT_PORTS[transport]
    return NextHop(transport, Address(host, port), uri.host)


def locate(
    uri: Uri, supported: frozenset[str], rng: Rng, families: tuple[str, ...] = _IPV4_ONLY
) -> Lookup:
    """Find where a request to a URI can be sent (RFC 3263 §4.1, §4.2).

    Args:
        uri: the topmost Route, or the Request-URI.
        supported: the transports we speak.
        rng: a random number from 0 up to, not including, 1, for the weights of SRV records.
        families: the address records to ask for, in order: A, AAAA or both.

    Yields:
        Questions to be answered with ``send``.

    Returns:
        The targets in the order to try them, each once; empty if there is no way.
    """
    host = uri.param("maddr") or uri.host
    if is_numeric(host):
        target = numeric_target(uri, supported)
        return [] if target is None else [target]
    if not uri.is_sip or not _is_domain(host):
        return []
    search = _Search(uri.host, supported, rng, families)
    named = _named_transport(uri)
    if named:
        if named not in supported:
            return []
        if uri.port:
            yield from search.by_address(host, named, uri.port)
        else:
            yield from search.by_service(host, named)
    elif uri.port:
        yield from search.by_address(host, _default_transport(uri, supported), uri.port)
    else:
        yield from search.by_domain(host, uri)
    return search.targets


def locate_response(
    via: Via, supported: frozenset[str], rng: Rng, families: tuple[str, ...] = _IPV4_ONLY
) -> Lookup:
    """Find where a response can be sent when sending it the usual way failed (RFC 3263 §5).

    Args:
        via: the topmost Via of the response.
        supported: the transports we speak.
        rng: as for ``locate``.
        families: as for ``locate``.

    Yields:
        Questions to be answered with ``send``.

    Returns:
        The targets in the order to try them; empty if there is no way.
    """
    host = via.host
    transport = via.transport
    if transport not in supported or transport in (WS, WSS):
        return []
    if is_numeric(host):
        port = via.port or DEFAULT_PORTS[transport]
        return [NextHop(transport, Address(host, port), host)]
    if not _is_domain(host):
        return []
    search = _Search(host, supported, rng, families)
    if via.port:
        yield from search.by_address(host, transport, via.port)
    else:
        yield from search.by_service(host, transport)
    return search.targets


class _Search:
    """One search: its limits, and what it has found."""

    __slots__ = ("_families", "_name", "_queries", "_rng", "_supported", "targets")

    def __init__(
        self, name: str, supported: frozenset[str], rng: Rng, families: tuple[str, ...]
    ) -> None:
        self.targets: list[NextHop] = []
        self._name = name
        self._supported = supported
        self._rng = rng
        self._families = families
        self._queries = 0

    def ask(self, name: str, rrtype: str) -> Generator[Query, Answer, Answer]:
        if self._queries == MAX_QUERIES:
            return ()
        self._queries += 1
        return (yield Query(name, rrtype))

    def by_domain(self, domain: str, uri: Uri) -> Generator[Query, Answer, None]:
        """Let the domain choose the transport: NAPTR, else SRV, else addresses (§4.1)."""
        answer = yield from self.ask(domain, "NAPTR")
        order = 0
        for record, transport in self._usable(answer, uri.secure):
            # A later order is for those who can use nothing of an earlier one (RFC 3403 §4.1).
            if self.targets and record.order != order:
                return
            order = record.order
            yield from self.by_srv(_bare(record.replacement), transport)
        served = False
        for transport in _UNNAMED_SIPS if uri.secure else _UNNAMED:
            if self.targets:
                return
            if transport in self._supported:
                found = yield from self.by_srv(_SRV_PREFIXES[transport] + domain, transport)
                served = served or found
        if not served:
            transport = _default_transport(uri, self._supported)
            yield from self.by_address(domain, transport, 0)

    def by_service(self, domain: str, transport: str) -> Generator[Query, Answer, None]:
        """Find the servers of a transport: SRV, else addresses at the default port (§4.2)."""
        served = yield from self.by_srv(_SRV_PREFIXES[transport] + domain, transport)
        if not served:
            yield from self.by_address(domain, transport, 0)

    def by_srv(self, name: str, transport: str) -> Generator[Query, Answer, bool]:
        """Find the servers that SRV records name; tell whether the zone has anything to say."""
        answer = yield from self.ask(name, "SRV")
        served = False
        usable: list[Srv] = []
        for record in answer:
            if isinstance(record, Srv):
                if not _bare(record.target):  # the service is not offered (RFC 2782)
                    served = True
                elif _is_sound(record):
                    served = True
                    usable.append(record)
        for server in weighted(sorted(usable)[:MAX_TARGETS], self._rng):
            yield from self.by_address(_bare(server.target), transport, server.port)
        return served

    def by_address(self, host: str, transport: str, port: int) -> Generator[Query, Answer, None]:
        """Add the addresses of a host; a port of 0 is the default one."""
        if transport not in self._supported:
            return
        port = port or DEFAULT_PORTS[transport]
        if is_numeric(host):  # no name, but some zones say it in an SRV record
            self._add(transport, host, port)
            return
        for rrtype in self._families:
            answer = yield from self.ask(host, rrtype)
            for record in answer:
                address = _address(record, rrtype)
                if address:
                    self._add(transport, address, port)

    def _add(self, transport: str, host: str, port: int) -> None:
        target = NextHop(transport, Address(host, port), self._name)
        if target not in self.targets and len(self.targets) < MAX_TARGETS:
            self.targets.append(target)

    def _usable(self, answer: Answer, secure: bool) -> list[tuple[Naptr, str]]:
        """Return the NAPTR records that lead to an SRV record of a transport we speak, sorted."""
        usable: list[tuple[Naptr, str]] = []
        for record in answer:
            if not isinstance(record, Naptr) or record.flags.lower() != "s" or record.regexp:
                continue
            service = record.service.upper()
            transport = _SERVICES.get(service, "")
            if transport not in self._supported or not _is_domain(_bare(record.replacement)):
                continue
            if not secure or service.startswith("SIPS+"):
                usable.append((record, transport))
        return sorted(usable)


def weighted(records: Sequence[Srv], rng: Rng) -> list[Srv]:
    """Return SRV records in the order to try them (RFC 2782, "Usage rules").

    Args:
        records: in any order; the result does not depend on it.
        rng: a random number from 0 up to, not including, 1; one is drawn for each record that has
            others of its priority left beside it.
    """
    # Lowest priority first; within it those without weight first, as the draw wants them.
    left = sorted(records)
    ordered: list[Srv] = []
    while left:
        group = [record for record in left if record.priority == left[0].priority]
        pick = group[0]
        if len(group) > 1:
            sums = list(accumulate(record.weight for record in group))
            pick = group[bisect_left(sums, int(rng() * (sums[-1] + 1)))]
        left.remove(pick)
        ordered.append(pick)
    return ordered


def _named_transport(uri: Uri) -> str:
    """Return the transport a URI asks for, "" if it asks for none; what we do not know as it is."""
    named = uri.transport
    if named and uri.secure:
        return _SECURED.get(named, f"{named} for sips")
    return named


def _default_transport(uri: Uri, supported: frozenset[str]) -> str:
    """Return the transport to a URI that leaves it open (§4.1)."""
    if uri.secure:
        return TLS
    return UDP if UDP in supported else TCP


def _bare(name: str) -> str:
    return name.removesuffix(".")


def _is_domain(name: str) -> bool:
    return _DOMAIN.fullmatch(name) is not None


def _is_sound(record: Srv) -> bool:
    target = _bare(record.target)
    return (
        0 < record.port <= 65535
        and 0 <= record.weight <= 65535
        and (_is_domain(target) or is_numeric(target))
    )


def _address(record: Record, rrtype: str) -> str:
    """Return the address in an A or AAAA record, "" if it is none of that family."""
    if not isinstance(record, str):
        return ""
    try:
        return str(IPv4Address(record) if rrtype == "A" else IPv6Address(record))
    except ValueError:
        return ""
