"""What lies below IP in a capture: the link layers that SIP is captured on.

A link layer is known by its LINKTYPE number. Tags of virtual networks, MPLS labels and PPPoE are
passed over. Several numbers for raw IP are in use, because they differed between systems.
"""

from __future__ import annotations

from typing import Final

IPV4: Final = 0x0800
IPV6: Final = 0x86DD
OTHER: Final = 0
UNKNOWN: Final = -1

_NULL: Final = frozenset({0, 108})  # the address family of BSD, in either byte order
_ETHERNET: Final = 1
_PPP: Final = frozenset({9, 50})
_RAW: Final = frozenset({12, 14, 101})
_COOKED: Final = 113
_COOKED2: Final = 276
_IPV4_ALONE: Final = 228
_IPV6_ALONE: Final = 229

_IPV4_TYPE: Final = b"\x08\x00"
_TAGS: Final = frozenset({0x8100, 0x88A8, 0x9100, 0x9200})  # IEEE 802.1Q, 802.1ad, and older
_MPLS: Final = frozenset({0x8847, 0x8848})
_PPPOE: Final = 0x8864
_PPP_PROTOCOLS: Final = {0x0021: IPV4, 0x0057: IPV6}
_FAMILIES: Final = {2: IPV4, 10: IPV6, 24: IPV6, 28: IPV6, 30: IPV6}


def network_layer(link: int, data: bytes) -> tuple[int, int]:
    """Find the IP packet in a captured packet.

    Args:
        link: the LINKTYPE number.
        data: the packet.

    Returns:
        IPV4 or IPV6, and where it begins; OTHER if it is no IP, UNKNOWN if the link layer is none
        that we know.
    """
    if link == _ETHERNET:
        if data[12:14] == _IPV4_TYPE:  # nearly all there is
            return IPV4, 14
        return _tagged(data, 12)
    if link == _COOKED:
        return _tagged(data, 14)
    if link == _COOKED2:
        return _typed(data, int.from_bytes(data[:2], "big"), 20)
    if link in _NULL:
        family = int.from_bytes(data[:4], "big")
        if family > 0xFFFF:
            family = int.from_bytes(data[:4], "little")
        return _FAMILIES.get(family, OTHER), 4
    if link in _RAW:
        return _by_version(data, 0)
    if link in _PPP:
        return _ppp(data, 2 if data[:2] in (b"\xff\x03", b"\x0f\x00") else 0, cooked=link)
    if link == _IPV4_ALONE:
        return IPV4, 0
    if link == _IPV6_ALONE:
        return IPV6, 0
    return UNKNOWN, 0


def _tagged(data: bytes, place: int) -> tuple[int, int]:
    """Read the type at a place and what follows it."""
    return _typed(data, int.from_bytes(data[place : place + 2], "big"), place + 2)


def _typed(data: bytes, kind: int, place: int) -> tuple[int, int]:
    while kind in _TAGS and place + 4 <= len(data):
        kind = data[place + 2] << 8 | data[place + 3]
        place += 4
    if kind in (IPV4, IPV6):
        return kind, place
    if kind in _MPLS:
        while place + 4 <= len(data):
            place += 4
            if data[place - 2] & 1:  # the last label (RFC 3032 §2.1)
                return _by_version(data, place)
    elif kind == _PPPOE:
        return _ppp(data, place + 6)
    return OTHER, place


def _ppp(data: bytes, place: int, cooked: int = 0) -> tuple[int, int]:
    """Read PPP (RFC 1661 §2); Cisco's HDLC has an Ethernet type there (RFC 1547 §4.3.1)."""
    kind = int.from_bytes(data[place : place + 2], "big")
    if cooked and kind in (IPV4, IPV6):
        return kind, place + 2
    return _PPP_PROTOCOLS.get(kind, OTHER), place + 2


def _by_version(data: bytes, place: int) -> tuple[int, int]:
    version = data[place] >> 4 if place < len(data) else 0
    return {4: IPV4, 6: IPV6}.get(version, OTHER), place
