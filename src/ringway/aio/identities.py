"""Which SIP domains a certificate speaks for (RFC 5922 §7.1, §7.2).

A URI `sip:domain` says it is meant for SIP, so it counts before any DNS name; the common name is
for certificates from before there were alternative names. A wildcard matches nothing but itself:
who may answer for a whole zone on the web may not take its calls. Python's own check knows neither
rule, so it is switched off and this one used instead.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["identities", "speaks_for"]

# SIP-URI = "sip:" [ userinfo ] hostport uri-parameters [ headers ]; here without userinfo
_SIP_DOMAIN: Final = re.compile(r"sip:(\[[0-9a-f:.]+\]|[^@:;?\[\]]+)(?:[:;?][^@]*)?", re.IGNORECASE)
# RFC 1123 §2.1; a common name may be anybody's name.
_DNS_NAME: Final = re.compile(
    r"(?=.{1,253}$)[a-z0-9*_-]{1,63}(?:\.[a-z0-9_-]{1,63})+", re.IGNORECASE
)

Certificate = Mapping[str, Any]
"""As `ssl.SSLObject.getpeercert` returns it: empty unless the certificate was verified."""


def identities(certificate: Certificate | None) -> tuple[str, ...]:
    """Return the SIP domains of a certificate, lower case; none for None.

    Args:
        certificate: One whose signatures and dates have been checked.
    """
    if not certificate:
        return ()
    others: tuple[tuple[str, str], ...] = certificate.get("subjectAltName", ())
    uris = [_SIP_DOMAIN.fullmatch(value) for kind, value in others if kind == "URI"]
    domains = [match[1] for match in uris if match is not None]
    if not domains:
        domains = [value for kind, value in others if kind == "DNS"]
    if not others:
        domains = [name for name in _common_names(certificate) if _DNS_NAME.fullmatch(name)]
    return tuple(dict.fromkeys(_canonical(domain) for domain in domains))


def speaks_for(certificate: Certificate | None, name: str) -> bool:
    """Say whether a certificate authenticates a server for a name.

    Args:
        certificate: One whose signatures and dates have been checked.
        name: The host of the URI that was looked up, before DNS (RFC 5922 §7.3). RFC 5922 is about
            domains; an address must be in the certificate as one.
    """
    wanted = _canonical(name)
    if wanted in identities(certificate):
        return True
    address = _address(wanted)
    others: tuple[tuple[str, str], ...] = (certificate or {}).get("subjectAltName", ())
    return address is not None and any(
        kind == "IP Address" and _address(value.strip()) == address for kind, value in others
    )


def _common_names(certificate: Certificate) -> list[str]:
    subject: tuple[tuple[tuple[str, str], ...], ...] = certificate.get("subject", ())
    return [value for part in subject for name, value in part if name == "commonName"]


def _canonical(name: str) -> str:
    """A name as it is compared: without case (RFC 4343), the root's dot or brackets."""
    return name.lower().removesuffix(".").strip("[]")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
