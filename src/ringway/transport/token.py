"""Flow tokens: what a proxy writes into Path and Record-Route to find a flow again.

RFC 5626 §5.2 leaves the algorithm free if a token is unique to its flow, gives it back, and cannot
be changed. Tokens travel to the far end of a call, so here they are encrypted too. AES-SIV
(RFC 5297) does both without a nonce: the same flow always has the same token, no random numbers,
and the Path of a phone stays the same text over all its registrations and addresses-of-record.

A token is good for one purpose. A Path token opens the way to a phone for whoever may call it; a
Record-Route token holds only inside its Call-ID, because the other side of that call has seen it.
Both are part of the sealed data, not of the text. The key's id is in the clear: a token under a
key that is no more counts as a flow that is no more, while a broken seal is tampering (§5.3.1).

    text     = purpose-and-version base64url( key-id  SIV(16)  ciphertext )      no padding
    payload  = layout node-length node local remote generation [ instance aor ]
    layout   = transport (3 bits)  local kind (2)  remote kind (2)  details there (1)
    without a flow: transport is 7, or 6 and where it leads (8 bytes) stands behind the node

For a flow between IPv4 addresses a Path token has fewer than 64 characters.

A Record-Route that has no flow to name carries a dialog mark instead: a keyed digest of its
Call-ID and of the one place it leads to. Without one, anybody could write a Route with our address
and a To tag, and have us relay; without the place, anybody who was in a call could.
"""

from __future__ import annotations

import base64
import enum
import hashlib
import hmac
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from ringway.errors import TokenGone, TokenTampered
from ringway.transport.flow import TRANSPORTS, Address, Flow, is_ipv4, is_numeric

KEY_LENGTH: Final = 64
"""Bytes in a key: two AES-256 keys (RFC 5297 §2.1)."""

_TOKEN: Final = re.compile(r"[PR][A-Za-z0-9_-]{26,1024}|D[A-Za-z0-9_-]{16}")
_MARK_LENGTH: Final = 11
_NO_FLOW: Final = 7
_NO_FLOW_BUT_PLACE: Final = 6
_PLACE_LENGTH: Final = 8
_UUID_URN: Final = re.compile(r"<urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}>")
_V4, _V6, _TEXT = 0, 1, 2
_INSTANCE_TEXT, _INSTANCE_UUID = 0, 1


class Purpose(enum.Enum):
    """What a token may be used for; the value is how its text begins, version 1 of the layout."""

    PATH = "P"
    RECORD_ROUTE = "R"
    DIALOG = "D"


@dataclass(frozen=True, slots=True)
class FlowToken:
    """What a token says.

    Attributes:
        purpose: where it may stand.
        node: the short name of the node that owns the flow.
        flow: the flow, None if the dialog has none on this side.
        aor: the address-of-record whose phone is at the end of the flow, to recover by.
        instance: the phone's instance-id, with its angle brackets.
        place: for a side without a flow, the digest of where its requests go on to, see
            ``digest_place``; empty leads nowhere.
    """

    purpose: Purpose
    node: str
    flow: Flow | None
    aor: str = ""
    instance: str = ""
    place: bytes = b""


class TokenKeys:
    """The keys that seal and open tokens, by id.

    Add a new key and make it current to rotate; remove the old one when nothing it sealed matters
    any more.

    Args:
        keys: id (0 to 255) to key (``KEY_LENGTH`` bytes).
        current: the id of the key that seals.

    Raises:
        ValueError: an id or a key is out of bounds, or the current key is missing.
    """

    __slots__ = ("_ciphers", "_marks", "current")

    def __init__(self, keys: Mapping[int, bytes], current: int) -> None:
        for key_id, key in keys.items():
            if not 0 <= key_id <= 255:
                fault = f"key id {key_id} is not in 0..255"
                raise ValueError(fault)
            if len(key) != KEY_LENGTH:
                fault = f"key {key_id} has {len(key)} bytes instead of {KEY_LENGTH}"
                raise ValueError(fault)
        if current not in keys:
            fault = f"current key {current} is missing"
            raise ValueError(fault)
        self._ciphers: dict[int, AESSIV] = {name: AESSIV(key) for name, key in keys.items()}
        self._marks: dict[int, bytes] = {
            name: hashlib.blake2b(key, digest_size=32, person=b"dialog").digest()
            for name, key in keys.items()
        }
        self.current: int = current

    def cipher(self, key_id: int) -> AESSIV:
        """Return the cipher of a key.

        Raises:
            TokenGone: the key is unknown.
        """
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            gone = f"token key {key_id} is unknown"
            raise TokenGone(gone)
        return cipher

    def digest(self, key_id: int, call_id: str, place: str) -> bytes | None:
        """Return the keyed digest of a Call-ID and a place, None if the key is unknown."""
        key = self._marks.get(key_id)
        if key is None:
            return None
        data = f"{place}\n{call_id}".encode(errors="surrogateescape")
        return hashlib.blake2s(data, key=key, digest_size=_MARK_LENGTH).digest()


class Sealer:
    """Makes and reads the flow tokens of one node.

    Args:
        keys: the keys, shared by all nodes that must read each other's tokens.
        node: this node's short name.
    """

    __slots__ = ("_keys", "node")

    def __init__(self, keys: TokenKeys, node: str) -> None:
        self._keys: TokenKeys = keys
        self.node: str = node

    def seal_path(self, flow: Flow) -> str:
        """Return the Path token of a flow of this node."""
        return self.seal(FlowToken(Purpose.PATH, self.node, flow))

    def seal_record_route(
        self,
        flow: Flow | None,
        call_id: str,
        *,
        aor: str = "",
        instance: str = "",
        place: str = "",
    ) -> str:
        """Return the Record-Route token of a flow of this node, good inside one Call-ID.

        Args:
            flow: the flow, None if the side has none.
            call_id: of the dialog.
            aor: see ``FlowToken``.
            instance: see ``FlowToken``.
            place: without a flow, the host and port that its requests go on to.
        """
        digest = digest_place(place) if flow is None and place else b""
        token = FlowToken(Purpose.RECORD_ROUTE, self.node, flow, aor, instance, digest)
        return self.seal(token, call_id)

    def mark_dialog(self, call_id: str, place: str) -> str:
        """Return the mark of a dialog that goes through here, for a Route without a flow.

        Args:
            call_id: of the dialog.
            place: the host and port that a request with this mark may go on to; with none it
                says whose Route it is and opens no way.

        Raises:
            ValueError: there is no current key, which ``TokenKeys`` rules out.
        """
        key_id = self._keys.current
        digest = self._keys.digest(key_id, call_id, place) if place else bytes(_MARK_LENGTH)
        if digest is None:
            raise ValueError(f"current key {key_id} is missing")
        text = base64.urlsafe_b64encode(bytes((key_id,)) + digest).decode()
        return Purpose.DIALOG.value + text

    def vouches(self, mark: str, call_id: str, place: str) -> bool:
        """Tell whether a request with this dialog mark may go on to a place.

        Args:
            mark: the user part of a Route.
            call_id: of the request.
            place: its next hop's host and port.

        Returns:
            False when the mark is of another Call-ID, place or key.

        Raises:
            TokenTampered: it is no dialog mark.
        """
        if purpose_of(mark) is not Purpose.DIALOG:
            raise TokenTampered("not a DIALOG mark")
        raw = base64.urlsafe_b64decode(mark[1:])
        digest = self._keys.digest(raw[0], call_id, place) if place else None
        return digest is not None and hmac.compare_digest(digest, raw[1:])

    def seal(self, token: FlowToken, call_id: str = "") -> str:
        """Return the text of a token, which needs no escaping as the user part of a SIP URI.

        Args:
            token: what it has to say.
            call_id: of the dialog, for a Record-Route token; ignored for a Path token.
        """
        key_id = self._keys.current
        cipher = self._keys.cipher(key_id)
        sealed = cipher.encrypt(_encode(token), _associated(token.purpose, call_id))
        return _text(token.purpose, bytes((key_id,)) + sealed)

    def open(self, text: str, purpose: Purpose, call_id: str = "") -> FlowToken:
        """Return what a token says. Whether its flow still lives is for the caller to see.

        Args:
            text: the user part of a Route.
            purpose: what it is going to be used for.
            call_id: of the request, for a Record-Route token; ignored for a Path token.

        Raises:
            TokenTampered: it is no token, or not for this purpose or this Call-ID.
            TokenGone: the key that sealed it is unknown.
        """
        if purpose_of(text) is not purpose:
            tampered = f"not a {purpose.name} token"
            raise TokenTampered(tampered)
        raw = base64.urlsafe_b64decode(text[1:] + "=" * (-(len(text) - 1) % 4))
        if _text(purpose, raw) != text:  # bits of the last character that stand for no byte
            raise TokenTampered("a second spelling of a token")
        cipher = self._keys.cipher(raw[0])
        try:
            payload = cipher.decrypt(raw[1:], _associated(purpose, call_id))
        except InvalidTag:
            raise TokenTampered("the token's seal is broken") from None
        return _decode(purpose, payload)


def purpose_of(text: str) -> Purpose | None:
    """Return what a token in a Route is for, None if the text is no token.

    Nothing is opened: whether the token is genuine only ``Sealer.open`` can tell.
    """
    # A length of 4n+1 is no base64.
    if _TOKEN.fullmatch(text) is None or len(text) % 4 == 2:
        return None
    return Purpose(text[0])


def digest_place(place: str) -> bytes:
    """Return what a sealed token says of a place: it is encrypted there, so no key is needed."""
    data = place.encode(errors="surrogateescape")
    return hashlib.blake2s(data, digest_size=_PLACE_LENGTH, person=b"place").digest()


def _text(purpose: Purpose, raw: bytes) -> str:
    return purpose.value + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _associated(purpose: Purpose, call_id: str) -> list[bytes]:
    if purpose is Purpose.PATH:
        return [b"path"]
    return [b"record-route", call_id.encode(errors="surrogateescape")]


def _encode(token: FlowToken) -> bytes:
    flow = token.flow
    details = bool(token.aor or token.instance)
    out = bytearray(1)
    _put_text(out, token.node)
    if flow is None and token.place:
        out[0] = _NO_FLOW_BUT_PLACE << 5 | details
        out += token.place
    elif flow is None:
        out[0] = _NO_FLOW << 5 | details
    else:
        local = _put_address(out, flow.local)
        remote = _put_address(out, flow.remote)
        _put_number(out, flow.generation)
        out[0] = TRANSPORTS.index(flow.transport) << 5 | local << 3 | remote << 1 | details
    if details:
        if _UUID_URN.fullmatch(token.instance):
            out.append(_INSTANCE_UUID)
            out += uuid.UUID(token.instance[10:-1]).bytes
        else:
            out.append(_INSTANCE_TEXT)
            _put_text(out, token.instance)
        _put_text(out, token.aor)
    return bytes(out)


def _decode(purpose: Purpose, payload: bytes) -> FlowToken:
    """Take a payload apart; only what ``_encode`` made gets here, the seal has seen to it."""
    reader = _Reader(payload)
    layout = reader.take(1)[0]
    node = reader.text()
    flow = None
    place = b""
    if layout >> 5 == _NO_FLOW_BUT_PLACE:
        place = reader.take(_PLACE_LENGTH)
    elif layout >> 5 != _NO_FLOW:
        local = reader.address(layout >> 3 & 3)
        remote = reader.address(layout >> 1 & 3)
        flow = Flow(TRANSPORTS[layout >> 5], local, remote, reader.number())
    if not layout & 1:
        return FlowToken(purpose, node, flow, place=place)
    if reader.take(1)[0] == _INSTANCE_UUID:
        instance = f"<urn:uuid:{uuid.UUID(bytes=reader.take(16))}>"
    else:
        instance = reader.text()
    return FlowToken(purpose, node, flow, reader.text(), instance, place)


def _put_number(out: bytearray, number: int) -> None:
    """Append a number in groups of seven bits, the lowest first."""
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)


def _put_text(out: bytearray, text: str) -> None:
    raw = text.encode(errors="surrogateescape")
    _put_number(out, len(raw))
    out += raw


def _put_address(out: bytearray, address: Address) -> int:
    """Append an address; return which of the three kinds it was."""
    host = address.host
    kind = _TEXT
    if is_ipv4(host):
        kind = _V4
        out += bytes(map(int, host.split(".")))
    elif is_numeric(host) and str(IPv6Address(host)) == host:
        kind = _V6
        out += IPv6Address(host).packed
    else:  # other spellings and zones would not come back as they are
        _put_text(out, host)
    out += address.port.to_bytes(2, "big")
    return kind


class _Reader:
    """Reads a payload from front to back."""

    __slots__ = ("_payload", "_position")

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._position = 0

    def take(self, length: int) -> bytes:
        start = self._position
        self._position = start + length
        return self._payload[start : self._position]

    def number(self) -> int:
        number = shift = 0
        while True:
            byte = self.take(1)[0]
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number

    def text(self) -> str:
        return self.take(self.number()).decode(errors="surrogateescape")

    def address(self, kind: int) -> Address:
        if kind == _V4:
            host = ".".join(map(str, self.take(4)))
        elif kind == _V6:
            host = str(IPv6Address(self.take(16)))
        else:
            host = self.text()
        return Address(host, int.from_bytes(self.take(2), "big"))
