"""HEP, the way servers hand copies of their messages to a collector such as Homer.

Version 3 is a list of chunks: vendor, type and length, 16 bits each and in network order, then the
value. Chunks of other vendors and types that nobody knows are passed over. Versions 1 and 2 have a
fixed head; version 2 adds the time in the byte order of whoever sent it. There is no RFC; the
chunks are those of the HEP/EEP specification, revision 36, of the Homer project (sipcapture/HEP).
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

from ringway.capture.items import Item, Seen, Trouble
from ringway.capture.lenient import read_message
from ringway.errors import ParseError
from ringway.transport.flow import TCP, TRANSPORTS, UDP, Address

SIP: Final = 1
"""The protocol type of SIP."""

_MAGIC: Final = b"HEP3"
_HEAD: Final = struct.Struct("!4sH")
_CHUNK: Final = struct.Struct("!HHH")
_LONGEST: Final = 65507  # of a datagram; heplify-server ends a connection that brings more
_LONGEST_PAYLOAD: Final = 131_072
_AHEAD: Final = 10.0  # seconds that the clock of an agent may be ahead of ours

_FAMILY: Final = 1
_PROTOCOL: Final = 2
_SOURCE_4: Final = 3
_TARGET_4: Final = 4
_SOURCE_6: Final = 5
_TARGET_6: Final = 6
_SOURCE_PORT: Final = 7
_TARGET_PORT: Final = 8
_SECONDS: Final = 9
_MICROSECONDS: Final = 10
_TYPE: Final = 11
_CAPTURE_ID: Final = 12
_AUTH_KEY: Final = 14
_PAYLOAD: Final = 15
_COMPRESSED: Final = 16
_CORRELATION: Final = 17

_IPV4: Final = 2
_IPV6: Final = 10
_ON_TCP: Final = 6
_ON_UDP: Final = 17
# protocol, both ports, seconds, microseconds, type and capture id, each with the head of its chunk
_FIXED: Final = struct.Struct("!HHHBHHHHHHHHHHHIHHHIHHHBHHHI")

# version, length, family, protocol, source port, target port
_OLD_HEAD: Final = struct.Struct("!BBBBHH")
_OLD_TIME: Final = 12
_YEAR: Final = 31_557_600


class Hep(NamedTuple):
    """One packet.

    Attributes:
        at: when the message was seen, in seconds since the epoch; 0 if not told.
        protocol: that of the IP header: 17 for UDP, 6 for TCP and what runs over it.
        source: who sent the message; None if not told.
        target: to whom; None if not told.
        kind: the protocol type; 1 is SIP.
        payload: the message.
        capture_id: which agent saw it.
        auth_key: the agent's password.
        correlation_id: what it belongs to.
    """

    at: float
    protocol: int
    source: Address | None
    target: Address | None
    kind: int
    payload: bytes
    capture_id: int = 0
    auth_key: bytes = b""
    correlation_id: bytes = b""


def looks_like_hep(datagram: bytes) -> bool:
    """Tell whether a datagram is HEP, of any version."""
    return datagram.startswith(_MAGIC) or _old_addresses(datagram) > 0


def decode_hep(datagram: bytes) -> Hep:
    """Decode one packet.

    Args:
        datagram: the packet.

    Returns:
        What it says.

    Raises:
        ParseError: it is no HEP, or broken.
    """
    if not datagram.startswith(_MAGIC):
        return _decode_old(datagram)
    if len(datagram) < _HEAD.size:
        raise ParseError("a HEP packet that ends in its head", status=None)
    size = _HEAD.unpack_from(datagram)[1]
    if size > len(datagram):
        reason = f"a HEP packet of {size} octets of which {len(datagram)} are there"
        raise ParseError(reason, status=None)
    chunks = _chunks(datagram[:size])
    payload = chunks.get(_PAYLOAD)
    if payload is None:
        payload = _decompressed(chunks.get(_COMPRESSED, b""))
    at = _number(chunks, _SECONDS) + _number(chunks, _MICROSECONDS) / 1_000_000
    return Hep(
        at,
        _number(chunks, _PROTOCOL),
        _address(chunks, (_SOURCE_4, _SOURCE_6), _SOURCE_PORT),
        _address(chunks, (_TARGET_4, _TARGET_6), _TARGET_PORT),
        _number(chunks, _TYPE),
        payload,
        _number(chunks, _CAPTURE_ID),
        chunks.get(_AUTH_KEY, b""),
        chunks.get(_CORRELATION, b""),
    )


def read_hep(datagram: bytes, *, frames: tuple[int, ...] = (), at: float = 0.0) -> Item | None:
    """Read the message in one packet.

    Args:
        datagram: the packet.
        frames: its number, if packets are counted.
        at: when it came, if that is known.

    Returns:
        As `message_in`; a ``Trouble`` if the packet is broken. Whether its key is the right one is
        for the caller to look at, with `decode_hep`.
    """
    try:
        hep = decode_hep(datagram)
    except ParseError as error:
        return Trouble(at, frames, error.reason)
    return message_in(hep, frames=frames, at=at)


def message_in(hep: Hep, *, frames: tuple[int, ...] = (), at: float = 0.0) -> Item | None:
    """Return the message that a packet carries.

    Args:
        hep: the packet.
        frames: its number, if packets are counted.
        at: when it came, if that is known; taken where the packet tells no time, or one to come.

    Returns:
        The message as ``Seen``, a ``Trouble`` if it does not say between whom, None if it carries
        no SIP.
    """
    if hep.kind != SIP:
        return None
    when = hep.at if not at or 0 < hep.at <= at + _AHEAD else at
    if hep.source is None or hep.target is None:
        return Trouble(when, frames, "a HEP packet that does not say from where to where")
    if not hep.payload.strip(b"\r\n\0"):
        return None  # a keep-alive
    message, fault = read_message(hep.payload)
    transport = UDP if hep.protocol == _ON_UDP else TCP
    if transport == TCP and message is not None:
        # HEP has no word for TLS and WebSocket; the Via does.
        try:
            told = message.top_via.transport
        except ParseError:
            told = TCP
        transport = told if told in TRANSPORTS and told != UDP else TCP
    return Seen(when, frames, transport, hep.source, hep.target, message, fault, hep.payload)


def hep_packet(seen: Seen, capture_id: int, auth_key: bytes = b"") -> bytes:
    """Encode a message for a collector.

    Args:
        seen: the message. Both hosts must be addresses; the Call-ID becomes the correlation id.
        capture_id: says which agent saw it, 0 to 4294967295.
        auth_key: the password that the collector wants, if any.

    Returns:
        The packet, version 3.

    Raises:
        ValueError: a host is no address, they are of different families, or it is too long.
    """
    microseconds = max(round(seen.at * 1_000_000), 0)
    fixed = _FIXED.pack(
        *(0, _PROTOCOL, 7, _ON_UDP if seen.transport == UDP else _ON_TCP),
        *(0, _SOURCE_PORT, 8, seen.source.port),
        *(0, _TARGET_PORT, 8, seen.target.port),
        *(0, _SECONDS, 10, microseconds // 1_000_000),
        *(0, _MICROSECONDS, 10, microseconds % 1_000_000),
        *(0, _TYPE, 7, SIP),
        *(0, _CAPTURE_ID, 10, capture_id),
    )
    chunks = [(_AUTH_KEY, auth_key), (_CORRELATION, _call_id(seen)), (_PAYLOAD, seen.data)]
    more = [
        _CHUNK.pack(0, kind, _CHUNK.size + len(value)) + value
        for kind, value in chunks
        if value and len(value) + _CHUNK.size <= _LONGEST
    ]
    body = b"".join([_addresses(seen.source.host, seen.target.host), fixed, *more])
    size = _HEAD.size + len(body)
    if size > _LONGEST or len(seen.data) + _CHUNK.size > _LONGEST:
        raise ValueError(f"a message of {len(seen.data)} octets, too long for HEP")
    return _HEAD.pack(_MAGIC, size) + body


@lru_cache(maxsize=1024)
def _addresses(source: str, target: str) -> bytes:
    """Return the chunks of two hosts, which are the same for all messages of a flow."""
    first, second = (ip_address(host.partition("%")[0]) for host in (source, target))
    if first.version != second.version:
        raise ValueError(f"an IPv4 and an IPv6 address: {source}, {target}")
    is_4 = first.version == 4
    size = _CHUNK.size + len(first.packed)
    return (
        _CHUNK.pack(0, _FAMILY, 7)
        + bytes([_IPV4 if is_4 else _IPV6])
        + _CHUNK.pack(0, _SOURCE_4 if is_4 else _SOURCE_6, size)
        + first.packed
        + _CHUNK.pack(0, _TARGET_4 if is_4 else _TARGET_6, size)
        + second.packed
    )


def _chunks(packet: bytes) -> dict[int, bytes]:
    """Return the values of the chunks of vendor 0, the first of each kind."""
    chunks: dict[int, bytes] = {}
    position = _HEAD.size
    while position < len(packet):
        if position + _CHUNK.size > len(packet):
            raise ParseError("a HEP chunk that ends in its head", offset=position, status=None)
        vendor, kind, size = _CHUNK.unpack_from(packet, position)
        if size < _CHUNK.size or position + size > len(packet):
            reason = f"a HEP chunk with a length of {size}"
            raise ParseError(reason, offset=position, status=None)
        if vendor == 0:
            chunks.setdefault(kind, packet[position + _CHUNK.size : position + size])
        position += size
    return chunks


def _number(chunks: dict[int, bytes], kind: int) -> int:
    return int.from_bytes(chunks.get(kind, b"")[:8])


def _address(chunks: dict[int, bytes], kinds: tuple[int, int], port: int) -> Address | None:
    number = _number(chunks, port)
    ipv4, ipv6 = chunks.get(kinds[0]), chunks.get(kinds[1])
    if number > 65535:
        return None
    if ipv4 is not None and len(ipv4) == 4:
        return Address(str(IPv4Address(ipv4)), number)
    if ipv6 is not None and len(ipv6) == 16:
        return Address(str(IPv6Address(ipv6)), number)
    return None


def _decompressed(data: bytes) -> bytes:
    """Undo zlib or gzip, whichever it is, as far as a message can be long."""
    if not data:
        return b""
    try:
        return zlib.decompressobj(wbits=47).decompress(data, _LONGEST_PAYLOAD)
    except zlib.error:
        raise ParseError("a HEP payload that cannot be decompressed", status=None) from None


def _call_id(seen: Seen) -> bytes:
    try:
        call_id = seen.message.call_id if seen.message is not None else ""
    except ParseError:
        return b""
    return call_id.encode("utf-8", "surrogateescape")[:1024]


def _old_addresses(datagram: bytes) -> int:
    """Return how many octets the addresses of a version 1 or 2 packet have, 0 if it is none."""
    if len(datagram) < _OLD_HEAD.size or datagram[0] not in (1, 2):
        return 0
    size = {_IPV4: 8, _IPV6: 32}.get(datagram[2], 0)
    length = _OLD_HEAD.size + size
    if not size or datagram[1] not in (length, length + _OLD_TIME) or len(datagram) < length:
        return 0
    return size


def _decode_old(datagram: bytes) -> Hep:
    size = _old_addresses(datagram)
    if not size:
        raise ParseError("no HEP packet", status=None)
    version, _, _, protocol, source_port, target_port = _OLD_HEAD.unpack_from(datagram)
    position = _OLD_HEAD.size
    half = size // 2
    source = ip_address(datagram[position : position + half])
    target = ip_address(datagram[position + half : position + size])
    position += size
    at, capture_id = 0.0, 0
    if version == 2:
        if len(datagram) < position + _OLD_TIME:
            raise ParseError("a HEP packet that ends in its time", status=None)
        at, capture_id = _old_time(datagram[position : position + _OLD_TIME])
        position += _OLD_TIME
    return Hep(
        at,
        protocol,
        Address(str(source), source_port),
        Address(str(target), target_port),
        SIP,
        datagram[position:],
        capture_id,
    )


def _old_time(data: bytes) -> tuple[float, int]:
    """Return time and capture id: in the byte order in which the microseconds make sense."""
    for order in ("<", ">"):
        seconds, microseconds, capture_id = struct.unpack(f"{order}IIHxx", data)
        if microseconds < 1_000_000 and seconds > 20 * _YEAR:
            return seconds + microseconds / 1_000_000, capture_id
    return 0.0, 0
