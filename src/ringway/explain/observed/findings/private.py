"""Private addresses where somebody outside needs them.

A phone behind a NAT writes its own address into Via and Contact. `received` and `rport` repair the
Via (RFC 3261 §18.2.1, RFC 3581 §4); outbound repairs the Contact (RFC 5626 §4.3, §5.1), and so does
a server that remembers where the request came from. Only what nobody repaired is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from ringway.explain.observed.finding import Finding
from ringway.explain.observed.findings.case import Case
from ringway.explain.observed.findings.look import (
    addresses,
    by_caller,
    contact,
    frames_of,
    messages,
    person,
    same,
    uri,
    vias,
)
from ringway.explain.observed.findings.make import made
from ringway.explain.observed.model import Exchange
from ringway.message import Request
from ringway.transport.flow import UDP

# RFC 1918 §3, RFC 6598 §7, RFC 3927 §2.1, RFC 4193 §3.1, RFC 4291 §2.5.6
_PRIVATE: Final = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
    )
)
_TARGET_REFRESH: Final = frozenset({"INVITE", "SUBSCRIBE", "REGISTER"})


@lru_cache(maxsize=4096)
def is_private(host: str) -> bool:
    """Say whether a host is an address that only its own network reaches."""
    found = _address(host)
    return found is not None and any(found in each for each in _PRIVATE)


def is_public(host: str) -> bool:
    """Say whether a host is an address that is reached from everywhere."""
    found = _address(host)
    return found is not None and not found.is_loopback and not is_private(host)


def find(case: Case) -> list[Finding]:
    """Return the private addresses that a public peer was told and nobody repaired."""
    found = []
    for exchange in case.conversation.exchanges:
        if not by_caller(exchange) or not is_public(exchange.hop.source.host):
            continue
        if is_public(exchange.hop.target.host):
            found += [*_via(case, exchange), *_contact(case, exchange)]
    first: dict[str, Finding] = {}
    for finding in found:
        first.setdefault(finding.name, finding)
    return list(first.values())


def _via(case: Case, exchange: Exchange) -> Iterator[Finding]:
    """The answer goes to the port in the Via, not to the one the request came from."""
    request = exchange.request
    if request is None or exchange.hop.transport != UDP or exchange.method == "ACK":
        return
    top = next(iter(vias(request.message)), None)
    if top is None or not is_private(top.host) or top.param("rport") is not None:
        return
    astray = [each for each in exchange.responses if each.hop.target != exchange.hop.source]
    if astray:
        yield made(
            "private-via",
            request.at,
            frames_of(request, astray[0]),
            conversation=case.conversation,
            source=exchange.hop.source,
            server=exchange.hop.target,
            address=f"{top.host}:{top.port or 5060}",
            target=astray[0].hop.target,
        )


def _contact(case: Case, exchange: Exchange) -> Iterator[Finding]:
    """A Contact that the other side cannot reach, and no sign that it knows better."""
    request = exchange.request
    if (
        request is None
        or exchange.method not in _TARGET_REFRESH
        or not 200 <= exchange.status < 300
    ):
        return
    told = contact(request.message)
    if told is None or not is_private(told.uri.host):
        return
    if told.uri.has_param("ob") or told.has_param("reg-id") or _repaired(case, exchange):
        return
    yield made(
        "private-contact",
        request.at,
        frames_of(request, exchange.final),
        conversation=case.conversation,
        source=exchange.hop.source,
        server=exchange.hop.target,
        address=told.uri.hostport,
        method=exchange.method,
    )


def _repaired(case: Case, exchange: Exchange) -> bool:
    """Say whether somebody showed that the real address is known.

    The server told it in `received` and `rport`, wrote another Contact into what it sent on or
    answered, or somebody reached the phone.
    """
    request, final = exchange.request, exchange.final
    if request is None or final is None:
        return True
    told = contact(request.message)
    top = next(iter(vias(final.message)), None)
    known = exchange.hop.transport != UDP or (top is not None and top.param("rport"))
    if known and top is not None and top.param("received"):
        return True
    if exchange.method == "REGISTER":
        stored = addresses(final.message, "contact")
        if any(each.has_param("received") for each in stored):
            return True
        if told and stored and not any(same(each.uri, told.uri) for each in stored):
            return True
    for onward in case.forwarded(exchange):
        changed = contact(onward.first.message)
        if changed is not None and told is not None and changed.uri.host != told.uri.host:
            return True
    return any(
        each.hop.target == exchange.hop.source and each.message.is_request
        for each in messages(case.conversation)
    )


def came_from_outside(case: Case, exchange: Exchange) -> tuple[int, ...]:
    """Return the packets whose Contact sent a request to a private address, none if it did not.

    The Contact must have come from a public address; a request from within a network to another
    host of it is none of this.
    """
    if not is_private(exchange.hop.target.host) or not is_public(exchange.hop.source.host):
        return ()
    for sight in messages(case.conversation):
        told = contact(sight.message)
        if (
            told is not None
            and sight.at < exchange.at
            and told.uri.host == exchange.hop.target.host
            and is_public(sight.hop.source.host)
            and (not isinstance(sight.message, Request) or sight.message.method in _TARGET_REFRESH)
        ):
            return sight.frames
    aor = person(exchange.first.message, "to").partition(";")[0]
    for each in case.flows.bindings(aor, exchange.at):
        found = uri(each.contact)
        if found and found.host == exchange.hop.target.host and is_public(each.hop.source.host):
            return each.frames
    return ()


@lru_cache(maxsize=4096)
def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
