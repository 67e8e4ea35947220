"""DNS for tests: a zone is a dict, and a search runs against it."""

from collections.abc import Mapping

from ringway.message.uri import parse_uri
from ringway.transport.flow import TRANSPORTS, NextHop
from ringway.transport.nexthop import Answer, Lookup, Naptr, Query, Srv, locate

Zone = Mapping[tuple[str, str], Answer]
ALL = frozenset(TRANSPORTS)


def naptr(order: int, service: str, replacement: str, **more: str) -> Naptr:
    return Naptr(order, 50, more.get("flags", "s"), service, more.get("regexp", ""), replacement)


def srv(target: str, port: int = 5060, priority: int = 0, weight: int = 0) -> Srv:
    return Srv(priority, weight, port, target)


def run(lookup: Lookup, zone: Zone) -> tuple[list[NextHop], list[Query]]:
    """Answer a search from a zone; return the targets and the questions it asked."""
    asked: list[Query] = []
    try:
        query = next(lookup)
        while True:
            asked.append(query)
            query = lookup.send(zone.get((query.name, query.rrtype), ()))
    except StopIteration as stop:
        return stop.value, asked


def search(
    uri: str,
    zone: Zone,
    supported: frozenset[str] = ALL,
    families: tuple[str, ...] = ("A",),
    draw: float = 0.0,
) -> tuple[list[str], list[str]]:
    """Search for a URI; return targets and questions as text."""
    targets, asked = run(locate(parse_uri(uri), supported, lambda: draw, families), zone)
    return [str(target) for target in targets], [" ".join(query) for query in asked]
