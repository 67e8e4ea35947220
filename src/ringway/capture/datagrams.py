"""UDP in a capture: SIP, the keep-alives of its flows, and all else, which is passed over cheaply.

Content decides, not the port. Empty lines, and the few zeros some servers send instead, keep a
flow alive without an answer; STUN asks for one (RFC 5626 §3.5.2). STUN with credentials is ICE of
a media stream, not of a flow of SIP (RFC 8445 §7.2.2). HEP is read as the message it carries.
"""

from __future__ import annotations

from typing import Final

from ringway.capture.hep import looks_like_hep, read_hep
from ringway.capture.ip import Payload, address_of, host_text
from ringway.capture.items import KeepAlive, Seen
from ringway.capture.lenient import read_message
from ringway.capture.output import Output
from ringway.capture.sip import begins_sip
from ringway.transport.flow import Address
from ringway.transport.stun import is_stun, mapped_address, transaction_of

_HEADER: Final = 8
_LONGEST_EMPTY: Final = 4
_EMPTY: Final = frozenset({b"\r\n", b"\r\n\r\n", b"\0", b"\0\0", b"\0\0\0", b"\0\0\0\0"})

_HEP: Final = frozenset(b"\1\2H")

_BINDING: Final = {b"\x00\x01": False, b"\x01\x01": True, b"\x01\x11": True}
_MAPPED_ADDRESS: Final = 1
_USERNAME: Final = 6
_INTEGRITY: Final = 8
_FAMILY_LENGTHS: Final = {1: 4, 2: 16}


def read_datagram(at: float, payload: Payload, out: Output) -> None:
    """Read a UDP datagram.

    Args:
        at: when it was captured.
        payload: a packet's, of protocol UDP.
        out: where what is in it goes.
    """
    packet = payload.data
    if len(packet) <= _HEADER:
        return
    length = packet[4] << 8 | packet[5]
    if not _HEADER <= length <= payload.length:
        length = payload.length
    first = packet[_HEADER]
    if first > 0x7F:  # RTP, RTCP
        return
    data = packet[_HEADER:length]
    absent = length - _HEADER - len(data)
    if first < 2 and is_stun(data):
        _read_stun(at, payload, data, out)
    elif begins_sip(data):
        message, fault = read_message(data)
        if absent:
            fault = f"{absent} octets of it were not captured"
        source, target = _addresses(payload)
        out.put(Seen(at, payload.frames, "udp", source, target, message, fault, data))
    elif first in _HEP and looks_like_hep(data):
        item = read_hep(data, frames=payload.frames, at=at)
        if isinstance(item, Seen) and item.message is not None:
            out.put(item)
    elif len(data) <= _LONGEST_EMPTY and data in _EMPTY:
        source, target = _addresses(payload)
        kind = "crlf" if first else "zeros"
        out.put(KeepAlive(at, payload.frames, "udp", source, target, kind, data == b"\r\n"))


def _addresses(payload: Payload) -> tuple[Address, Address]:
    data = payload.data
    return (
        address_of(payload.source, data[0], data[1]),
        address_of(payload.target, data[2], data[3]),
    )


def _read_stun(at: float, payload: Payload, data: bytes, out: Output) -> None:
    answer = _BINDING.get(data[:2])
    if answer is None:
        return
    mapped: Address | None = None
    transaction = transaction_of(data)
    if transaction is not None:
        mapped = mapped_address(data, transaction)
    place = 20
    while place + 4 <= len(data):
        name = data[place] << 8 | data[place + 1]
        length = data[place + 2] << 8 | data[place + 3]
        if name in (_USERNAME, _INTEGRITY):
            return
        if name == _MAPPED_ADDRESS and answer and mapped is None:
            mapped = _plain_address(data[place + 4 : place + 4 + length])
        place += 4 + length + -length % 4
    source, target = _addresses(payload)
    out.put(KeepAlive(at, payload.frames, "udp", source, target, "stun", answer, mapped))


def _plain_address(value: bytes) -> Address | None:
    """Read MAPPED-ADDRESS, as servers of RFC 3489 answer (RFC 5389 §15.1)."""
    if len(value) < 4 or len(value) - 4 != _FAMILY_LENGTHS.get(value[1]):
        return None
    return Address(host_text(value[4:]), value[2] << 8 | value[3])
