"""Which web pages may open a WebSocket where nobody has to prove who they are.

A browser lets any page open one to any host, loopback included, and says in Origin whose page it is
(RFC 6455 §10.2). Only the page's own host counts: Host is what its author wants it to be, for a
name of his may lead to any address.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

__all__ = ["is_near"]


def is_near(origin: str, hosts: Collection[str]) -> bool:
    """Say whether a page is of this machine, or of one of some hosts.

    Args:
        origin: the value of Origin: scheme "://" host [ ":" port ] (RFC 6454 §6.2).
        hosts: names, lower case, and addresses.
    """
    try:
        host = urlsplit(origin).hostname or ""
    except ValueError:
        return False
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or host in hosts
    return address.is_loopback or str(address) in hosts
