"""What the network says about packets it could not deliver (RFC 792, RFC 4443 §3).

The message carries the beginning of the packet in question, with its addresses and ports.
"""

from __future__ import annotations

from typing import Final

from ringway.capture.ip import ICMP, TCP, UDP, Payload, host_text
from ringway.capture.items import Unreachable
from ringway.transport.flow import Address

# (type, code): words; a code that is not listed has those of -1.
_VERSION4: Final = {
    (3, -1): "destination unreachable",
    (3, 0): "network unreachable",
    (3, 1): "host unreachable",
    (3, 2): "protocol unreachable",
    (3, 3): "port unreachable",
    (3, 4): "too large, and must not be fragmented",
    (3, 5): "source route failed",
    (3, 6): "network unknown",
    (3, 7): "host unknown",
    (3, 9): "network prohibited",
    (3, 10): "host prohibited",
    (3, 13): "prohibited by a filter",
    (11, -1): "time exceeded",
    (11, 0): "time to live exceeded",
    (11, 1): "fragments missing at the receiver",
}
_VERSION6: Final = {
    (1, -1): "destination unreachable",
    (1, 0): "no route",
    (1, 1): "prohibited by a filter",
    (1, 3): "address unreachable",
    (1, 4): "port unreachable",
    (1, 5): "source address refused by policy",
    (1, 6): "route rejected",
    (2, -1): "too large",
    (3, -1): "time exceeded",
    (3, 0): "hop limit exceeded",
    (3, 1): "fragments missing at the receiver",
}


def read_icmp(at: float, payload: Payload) -> Unreachable | None:
    """Read a message of ICMP.

    Args:
        at: when it was captured.
        payload: a packet's, of protocol ICMP or ICMPV6.

    Returns:
        What could not be delivered; None if it is about nothing that has ports.
    """
    data = payload.data
    if len(data) < 8:
        return None
    words = _VERSION4 if payload.protocol == ICMP else _VERSION6
    reason = words.get((data[0], data[1])) or words.get((data[0], -1))
    if reason is None:
        return None
    packet = data[8:]
    if payload.protocol == ICMP:
        if len(packet) < 20 or packet[0] >> 4 != 4 or packet[6] & 0x1F or packet[7]:
            return None
        header = (packet[0] & 0x0F) * 4
        protocol = packet[9]
        source, target = packet[12:16], packet[16:20]
    else:
        if len(packet) < 40 or packet[0] >> 4 != 6:
            return None
        header = 40
        protocol = packet[6]
        source, target = packet[8:24], packet[24:40]
    ports = packet[header : header + 4]
    if protocol not in (UDP, TCP) or header < 20 or len(ports) < 4:
        return None
    return Unreachable(
        at,
        payload.frames,
        Address(host_text(source), ports[0] << 8 | ports[1]),
        Address(host_text(target), ports[2] << 8 | ports[3]),
        reason,
    )
