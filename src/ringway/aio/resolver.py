"""DNS for `ringway.transport.nexthop`: asks, remembers for as long as the TTL says, never blocks.

The generator there knows RFC 3263; here is who answers it. An answer is kept by its TTL, an empty
one by what the zone's SOA grants (RFC 2308 §5), a failure for a moment, so that a dead zone costs
its waiting time once and not for each call. Questions asked at the same time are asked once. What
is in the cache, in the hosts file or needs no DNS at all is answered within the call.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from ringway.message.uri import Uri
from ringway.transport.flow import TRANSPORTS, Address, NextHop
from ringway.transport.nexthop import Answer, Naptr, Query, Record, Srv, locate

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver as DnsResolver
    from dns.message import QueryMessage
    from dns.rdata import Rdata
    from dns.resolver import Answer as DnsAnswer

__all__ = ["Lookup", "Resolver", "Result", "ask_dns", "read_hosts"]

HOSTS_FILE: Final = Path("/etc/hosts")
HOSTS_TTL: Final = 5.0
"""Seconds after which the hosts file is looked at again."""

LEAST_TTL: Final = 1.0
MOST_TTL: Final = 86400.0
NEGATIVE_TTL: Final = 60.0
"""Seconds that an empty answer is kept whose zone does not say, and the most in any case."""

FAILURE_TTL: Final = 5.0
CACHE_SIZE: Final = 10_000

_LOOPBACK: Final = {"A": ("127.0.0.1",), "AAAA": ("::1",)}


class Result(NamedTuple):
    """What came of a question.

    Attributes:
        answer: the records; empty when there are none, and when nobody answered.
        ttl: for how many seconds it may be kept.
    """

    answer: Answer
    ttl: float


Lookup = Callable[[Query], Awaitable[Result]]


class Resolver:
    """Finds the next hops of URIs.

    Args:
        lookup: asks DNS; see `ask_dns`.
        supported: the transports we can send over.
        families: the address records we can use, A, AAAA or both, the preferred first.
        timeout: how many seconds one question may take.
        hosts_file: names that need no DNS; None for none.
        clock: seconds, only ever forwards.
        rng: chooses among SRV records of different weight.
    """

    def __init__(
        self,
        lookup: Lookup,
        *,
        supported: frozenset[str] = frozenset(TRANSPORTS),
        families: tuple[str, ...] = ("A",),
        timeout: float = 3.0,
        hosts_file: Path | None = HOSTS_FILE,
        clock: Callable[[], float] = time.monotonic,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self._lookup = lookup
        self._supported = supported
        self._families = families
        self._timeout = timeout
        self._clock = clock
        self._rng = rng
        self._cache: dict[Query, tuple[float, Answer]] = {}
        self._asked: dict[Query, asyncio.Future[Answer]] = {}
        self._hosts_file = hosts_file
        self._hosts: dict[Query, Answer] = {}
        self._hosts_read_at = float("-inf")
        self._hosts_changed: float | None = None

    def locate_now(self, uri: Uri) -> list[NextHop] | None:
        """The next hops of a URI if nobody has to be asked, None otherwise."""
        search = locate(uri, self._supported, self._rng, self._families)
        try:
            query = next(search)
            while True:
                answer = self._known(query)
                if answer is None:
                    search.close()
                    return None
                query = search.send(answer)
        except StopIteration as found:
            targets: list[NextHop] = found.value
            return targets

    async def locate(self, uri: Uri) -> list[NextHop]:
        """The next hops of a URI, best first; empty if it leads nowhere."""
        search = locate(uri, self._supported, self._rng, self._families)
        try:
            query = next(search)
            while True:
                answer = self._known(query)
                query = search.send(await self._ask(query) if answer is None else answer)
        except StopIteration as found:
            targets: list[NextHop] = found.value
            return targets

    def _known(self, query: Query) -> Answer | None:
        """What is known without asking, None if nothing is."""
        name = query.name.lower()
        if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 §6.3
            return _LOOPBACK.get(query.rrtype, ())
        now = self._clock()
        if now - self._hosts_read_at >= HOSTS_TTL:
            self._hosts_read_at = now
            self._read_hosts()
        key = Query(name, query.rrtype)
        if key in self._hosts:
            return self._hosts[key]
        cached = self._cache.get(key)
        return cached[1] if cached is not None and cached[0] > now else None

    async def _ask(self, query: Query) -> Answer:
        """Ask DNS, or wait for who is asking the same."""
        key = Query(query.name.lower(), query.rrtype)
        waiting = self._asked.get(key)
        if waiting is not None:
            return await asyncio.shield(waiting)
        waiting = self._asked[key] = asyncio.get_running_loop().create_future()
        result = Result((), FAILURE_TTL)
        try:
            async with asyncio.timeout(self._timeout):
                result = await self._lookup(key)
        except TimeoutError:
            pass
        finally:
            del self._asked[key]
            waiting.set_result(result.answer)
        self._remember(key, result)
        return result.answer

    def _remember(self, key: Query, result: Result) -> None:
        now = self._clock()
        if len(self._cache) >= CACHE_SIZE:
            self._cache = {name: kept for name, kept in self._cache.items() if kept[0] > now}
            while len(self._cache) >= CACHE_SIZE:
                del self._cache[next(iter(self._cache))]
        ttl = min(max(result.ttl, LEAST_TTL), MOST_TTL)
        self._cache[key] = (now + ttl, result.answer)

    def _read_hosts(self) -> None:
        if self._hosts_file is None:
            return
        with contextlib.suppress(OSError, UnicodeDecodeError):
            changed = self._hosts_file.stat().st_mtime
            if changed != self._hosts_changed:
                self._hosts = read_hosts(self._hosts_file.read_text(encoding="utf-8"))
                self._hosts_changed = changed


def read_hosts(text: str) -> dict[Query, Answer]:
    """The A and AAAA answers that a hosts file gives; a name in it has no others."""
    found: dict[Query, list[str]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        try:
            ip = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            continue
        for name in names:
            for rrtype in ("A", "AAAA"):
                found.setdefault(Query(name.lower(), rrtype), [])
            found[Query(name.lower(), "A" if ip.version == 4 else "AAAA")].append(str(ip))
    return {query: tuple(addresses) for query, addresses in found.items()}


def ask_dns(nameservers: Sequence[Address] = ()) -> Lookup:
    """Make the function that asks DNS servers.

    Args:
        nameservers: whom to ask; the system's servers if empty.
    """
    resolver: DnsResolver | None = None

    async def lookup(query: Query) -> Result:
        # dnspython takes a while to import, and most servers never ask.
        import dns.asyncresolver  # noqa: PLC0415 - slow to import
        import dns.exception  # noqa: PLC0415 - slow to import
        import dns.resolver  # noqa: PLC0415 - slow to import

        nonlocal resolver
        try:
            if resolver is None:
                resolver = _make_resolver(nameservers)
            found = await resolver.resolve(query.name, query.rrtype, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN as error:
            return Result((), _negative_ttl(error.kwargs.get("responses", {}).values()))
        except (dns.exception.DNSException, OSError):
            return Result((), FAILURE_TTL)
        return _result(found)

    return lookup


def _make_resolver(nameservers: Sequence[Address]) -> DnsResolver:
    import dns.asyncresolver  # noqa: PLC0415 - slow to import
    import dns.nameserver  # noqa: PLC0415 - slow to import

    resolver = dns.asyncresolver.Resolver(configure=not nameservers)
    if nameservers:
        resolver.nameservers = [
            dns.nameserver.Do53Nameserver(server.host, server.port) for server in nameservers
        ]
    resolver.cache = None  # the cache is ours
    return resolver


def _result(found: DnsAnswer) -> Result:
    ttl = float(found.chaining_result.minimum_ttl)
    records = [record for rdata in found for record in _record(rdata)]
    return Result(tuple(records), ttl if records else min(ttl, NEGATIVE_TTL))


def _negative_ttl(responses: Iterable[QueryMessage]) -> float:
    return min([response.resolve_chaining().minimum_ttl for response in responses] + [NEGATIVE_TTL])


def _record(rdata: Rdata) -> tuple[Record, ...]:
    """One record as `nexthop` wants it; nothing of a type that was not asked for."""
    from dns.rdtypes.IN.A import A  # noqa: PLC0415 - slow to import
    from dns.rdtypes.IN.AAAA import AAAA  # noqa: PLC0415 - slow to import
    from dns.rdtypes.IN.NAPTR import NAPTR  # noqa: PLC0415 - slow to import
    from dns.rdtypes.IN.SRV import SRV  # noqa: PLC0415 - slow to import

    if isinstance(rdata, A | AAAA):
        return (rdata.address,)
    if isinstance(rdata, SRV):
        return (Srv(rdata.priority, rdata.weight, rdata.port, rdata.target.to_text()),)
    if isinstance(rdata, NAPTR):
        flags, service, regexp = (
            part.decode("ascii", "replace") for part in (rdata.flags, rdata.service, rdata.regexp)
        )
        replacement = rdata.replacement.to_text()
        return (Naptr(rdata.order, rdata.preference, flags, service, regexp, replacement),)
    return ()
