"""The systems that this one believes: the registrar behind this edge, and known peers.

They may say who somebody is, and be told it (P-Asserted-Identity, RFC 3325 §5 and §7); and they may
send along a Path (RFC 5626 §5.3).

A Path token opens the way to a phone without a password, and the phone itself is told it in the
answer to its REGISTER (RFC 3327 §5.3). So it is a secret of the phone, the edge and the registrar,
and not enough by itself: it counts from an address of the registrar, or from a peer that may call.
A registrar that is configured by name has many addresses over the years; each counts for a while
after DNS has named it last.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from ringway.aio.resolver import Resolver
from ringway.message import Uri
from ringway.proxy import Rejection
from ringway.server.policy import May, Peer
from ringway.transport.flow import Flow, NextHop

__all__ = ["Neighbours", "follow"]

LOCATE_INTERVAL: Final = 30.0
"""Seconds between two looks at where the registrar is."""

REMEMBERED: Final = 600.0
"""Seconds that an address counts after DNS has named it last: some zones name a few of many."""

TELL_EVERY: Final = 60.0
"""Seconds between two log lines: a stranger must not fill the log."""

_logger: Final = logging.getLogger("ringway.path")


class Neighbours:
    """Knows the registrar by its addresses, and peers that may call.

    Args:
        peers: says which known system a flow belongs to.
        registrar: whether there is a registrar to be looked up: until it is, nobody is refused
            for good.
        named: says which peer shows a certificate with a name, lower case.
    """

    def __init__(
        self,
        peers: Callable[[Flow], Peer | None],
        *,
        registrar: bool,
        named: Callable[[str], Peer | None] = lambda _: None,
    ) -> None:
        self._peers = peers
        self._named = named
        self._awaited = registrar
        self._seen: dict[IPv4Address | IPv6Address, float] = {}
        self._told_at: float | None = None

    def located(self, hops: Iterable[NextHop], now: float) -> None:
        """Take the addresses that the registrar has now; none when nobody could say."""
        fresh = {_address(hop.address.host): now for hop in hops}
        if fresh:
            self._awaited = False
            kept = {host: at for host, at in self._seen.items() if now - at < REMEMBERED}
            self._seen = {**kept, **fresh}

    def knows(self, there: Flow | NextHop) -> bool:
        """Say whether one of them is at the other end of a flow, or where one would lead."""
        if isinstance(there, Flow):
            flow, peer = there, self._peers(there)
        else:
            flow = Flow(there.transport, there.address, there.address)
            peer = self._peers(flow)
            if peer is None and there.secure:  # its certificate has to bear the name
                peer = self._named(there.name.lower())
        if self._seen and _address(flow.remote.host) in self._seen:
            return True
        return peer is not None and May.CALL in peer.may

    def refusal(self, flow: Flow, now: float) -> Rejection | None:
        """Return how a request with a Path of ours is refused, None when it may pass."""
        if self.knows(flow):
            return None
        if self._awaited:
            return Rejection(503, "the registrar's address is not known yet", _SOON)
        host = flow.remote.host
        text = f"{host} is neither the registrar nor a peer, and may not send along a Path"
        if self._told_at is None or now - self._told_at >= TELL_EVERY:
            self._told_at = now
            _logger.warning('%s: make it a [[peer]], or set edge.path_from = "anyone"', text)
        return Rejection(403, text, _WHY)


async def follow(
    registrar: Uri, resolver: Resolver, neighbours: Neighbours, clock: Callable[[], float]
) -> None:
    """Keep the addresses of the registrar up to date, for ever; the resolver minds their TTL."""
    while True:
        try:
            neighbours.located(await resolver.locate(registrar), clock())
        except Exception:
            _logger.exception("a fault of ours with DNS for %s", registrar.host)
        await asyncio.sleep(LOCATE_INTERVAL)


_SOON: Final = (("Retry-After", "1"),)
_WHY: Final = (
    ("Warning", '399 ringway "only the registrar may send along this Path (edge.path_from)"'),
)


@lru_cache(maxsize=4096)
def _address(host: str) -> IPv4Address | IPv6Address:
    address = ip_address(host)
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
