"""The little of STUN that SIP over UDP needs: answering Binding requests (RFC 5626 §5.4, §8).

A phone behind a NAT asks over its SIP flow for the address it is seen at; the answer keeps the
NAT's binding alive and shows a change of it. Only the Binding method is served, with no
credentials. The first octet tells STUN from SIP: 0 or 1 there begins no SIP message. A request
without the magic cookie is answered as RFC 3489 did, with MAPPED-ADDRESS (RFC 5389 §12.2).
"""

from __future__ import annotations

import struct
from ipaddress import ip_address
from typing import Final

from ringway.transport.flow import Address

_HEADER: Final = struct.Struct("!HHI12s")  # type, length, cookie, transaction id (RFC 5389 §6)
_ATTRIBUTE: Final = struct.Struct("!HH")  # type, length (§15)
_COOKIE: Final = 0x2112A442

_REQUEST: Final = 0x0001
_SUCCESS: Final = 0x0101
_ERROR: Final = 0x0111

_MAPPED_ADDRESS: Final = 0x0001
_ERROR_CODE: Final = 0x0009
_UNKNOWN_ATTRIBUTES: Final = 0x000A
_XOR_MAPPED_ADDRESS: Final = 0x0020
_OPTIONAL: Final = 0x8000  # attributes from here on may be ignored (§15)
# Sent by clients that think we know them; without credentials there is nothing to check.
# USERNAME, MESSAGE-INTEGRITY, REALM, NONCE.
_IGNORED: Final = frozenset({0x0006, 0x0008, 0x0014, 0x0015})
_MOST_UNKNOWN: Final = 16
_FAMILIES: Final = {4: 1, 16: 2}


def is_stun(data: bytes) -> bool:
    """Tell whether a datagram is STUN of the Binding method, and not SIP (RFC 5626 §8).

    Args:
        data: the datagram.
    """
    if len(data) < _HEADER.size or data[0] > 1:
        return False
    return data[2] << 8 | data[3] == len(data) - _HEADER.size


def binding_response(data: bytes, source: Address) -> bytes | None:
    """Return the answer to a Binding request, None if there is nothing to answer.

    Args:
        data: the datagram, for which ``is_stun`` is true.
        source: where it came from; send the answer there, from where the request came in.

    Returns:
        A success response with the source address, or a 420 error for attributes that must be
        understood and are not (RFC 5389 §7.3.1).
    """
    kind, _, cookie, transaction = _HEADER.unpack_from(data)
    if kind != _REQUEST:
        return None
    attributes = _attributes(data)
    if attributes is None:
        return None
    unknown = [name for name, _ in attributes if name < _OPTIONAL and name not in _IGNORED]
    if unknown:
        names = b"".join(name.to_bytes(2, "big") for name in unknown[:_MOST_UNKNOWN])
        error = _attribute(_ERROR_CODE, b"\0\0\x04\x14Unknown Attribute")
        return _message(_ERROR, cookie, transaction, error + _attribute(_UNKNOWN_ATTRIBUTES, names))
    # RFC 5389 §15.1 and §15.2: zero, family, port, address; the latter two masked in the new form.
    host = ip_address(source.host).packed
    port = source.port
    name = _MAPPED_ADDRESS
    if cookie == _COOKIE:
        name = _XOR_MAPPED_ADDRESS
        port, host = _masked(port, host, transaction)
    value = struct.pack("!BBH", 0, _FAMILIES[len(host)], port) + host
    return _message(_SUCCESS, cookie, transaction, _attribute(name, value))


def binding_request(transaction: bytes) -> bytes:
    """Return a Binding request, as a user agent sends to keep its flow alive.

    Args:
        transaction: 12 bytes that no other request of ours carries.
    """
    return _message(_REQUEST, _COOKIE, transaction, b"")


def mapped_address(data: bytes, transaction: bytes) -> Address | None:
    """Return the address in a Binding success response, None if it is none to our request.

    Args:
        data: the datagram, for which ``is_stun`` is true.
        transaction: what the request carried.
    """
    kind, _, cookie, answered = _HEADER.unpack_from(data)
    if kind != _SUCCESS or cookie != _COOKIE or answered != transaction:
        return None
    for name, value in _attributes(data) or ():
        if name == _XOR_MAPPED_ADDRESS and len(value) - 4 in _FAMILIES:
            port, host = _masked(value[2] << 8 | value[3], value[4:], transaction)
            return Address(str(ip_address(host)), port)
    return None


def transaction_of(data: bytes) -> bytes | None:
    """Return the transaction id of a Binding response, None if it is none.

    Args:
        data: the datagram, for which ``is_stun`` is true.
    """
    kind, _, cookie, transaction = _HEADER.unpack_from(data)
    if cookie != _COOKIE or kind not in (_SUCCESS, _ERROR):
        return None
    return bytes(transaction)


def _masked(port: int, host: bytes, transaction: bytes) -> tuple[int, bytes]:
    mask = _COOKIE.to_bytes(4, "big") + transaction
    return port ^ (_COOKIE >> 16), bytes(a ^ b for a, b in zip(host, mask, strict=False))


def _attributes(data: bytes) -> list[tuple[int, bytes]] | None:
    """Return (type, value) of each attribute, None if they do not fill the message exactly."""
    attributes: list[tuple[int, bytes]] = []
    position = _HEADER.size
    while position < len(data):
        if position + _ATTRIBUTE.size > len(data):
            return None
        name, length = _ATTRIBUTE.unpack_from(data, position)
        position += _ATTRIBUTE.size
        if position + length > len(data):
            return None
        attributes.append((name, data[position : position + length]))
        position += length + -length % 4
    return attributes


def _attribute(name: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(name, len(value)) + value + bytes(-len(value) % 4)


def _message(kind: int, cookie: int, transaction: bytes, attributes: bytes) -> bytes:
    return _HEADER.pack(kind, len(attributes), cookie, transaction) + attributes
