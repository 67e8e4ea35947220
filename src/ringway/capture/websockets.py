"""Cuts one direction of a WebSocket into SIP messages, as somebody who only listens (RFC 7118).

The server's framer cannot be used: it answers, and its handshake knows only what we agree to. Its
library's frame parser can, with compression too, which others do negotiate (RFC 7692). Behind a
gap, reading goes on with the next packet that begins with a frame; a compressed direction is lost.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Final

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from ringway.capture.items import KeepAlive, Seen
from ringway.capture.lenient import read_message
from ringway.capture.messages import Pieces, Place
from ringway.capture.output import Output
from ringway.capture.sip import begins_sip
from ringway.transport.frames import PING_BYTES, PONG_BYTES

Deflate = PerMessageDeflate

_MOST: Final = 1 << 20  # octets of a message
_INFLATER: Final = 1 << 16  # octets that a decompressor takes, more or less
_EXTENSION: Final = re.compile(
    rb"\r\nSec-WebSocket-Extensions:[ \t]*permessage-deflate([^\r\n]*)", re.IGNORECASE
)
_PARAMETER: Final = re.compile(rb"(server|client)_(no_context_takeover|max_window_bits)([^;,]*)")


def deflate_of(head: bytes) -> tuple[Deflate | None, Deflate | None]:
    """Find out what compression a server has agreed to (RFC 7692 §7.1).

    Args:
        head: its answer to the handshake.

    Returns:
        What unpacks the server's messages, and the client's; None without compression.
    """
    agreed = _EXTENSION.search(head)
    if agreed is None:
        return None, None
    unpackers: list[Deflate] = []
    parameters = _PARAMETER.findall(agreed[1].lower())
    for side in (b"server", b"client"):
        bits = 15
        forgets = False
        for who, name, value in parameters:
            if who != side:
                continue
            if name == b"no_context_takeover":
                forgets = True
            else:
                number = value.strip(b' \t="')
                bits = int(number) if number in _BITS else 15
        unpackers.append(
            PerMessageDeflate(
                remote_no_context_takeover=forgets,
                local_no_context_takeover=True,
                remote_max_window_bits=bits,
                local_max_window_bits=15,
            )
        )
    return unpackers[0], unpackers[1]


_BITS: Final = frozenset(b"%d" % bits for bits in range(8, 16))


def begins_websocket(data: bytes) -> bool:
    """Tell whether octets from the middle of a connection begin a frame with SIP or a keep-alive.

    Args:
        data: what a packet carries.
    """
    if len(data) < 2 or data[0] & 0x70:
        return False
    opcode = data[0] & 0x0F
    size = data[1] & 0x7F
    place = 2 + {126: 2, 127: 8}.get(size, 0)
    if opcode in (Opcode.PING, Opcode.PONG):
        return bool(data[0] & 0x80) and len(data) == place + size + (4 if data[1] & 0x80 else 0)
    if opcode not in (Opcode.TEXT, Opcode.BINARY):
        return False
    if data[1] & 0x80:
        mask = data[place : place + 4]
        masked = data[place + 4 : place + 516]
        first = bytes(octet ^ mask[index % 4] for index, octet in enumerate(masked))
    else:
        first = data[place : place + 512]
    return begins_sip(first)


class WebSocketCutter:
    """One direction of a WebSocket.

    Args:
        place: where the octets go.
        out: where the messages go.
        synchronised: whether the first octets begin a frame.
    """

    __slots__ = (
        "_broken",
        "_done",
        "_fragments",
        "_out",
        "_parser",
        "_pieces",
        "_place",
        "_reader",
        "_started",
        "_synchronised",
        "_taken",
        "deflate",
    )

    def __init__(self, place: Place, out: Output, *, synchronised: bool) -> None:
        self._place = place
        self._out = out
        self._synchronised = synchronised
        self._broken = False
        self._pieces = Pieces()
        self._taken = 0  # octets in all
        self._done = 0  # octets of whole messages and frames
        self._started = 0  # where the message under way began
        self._reader = StreamReader()
        self._parser: Generator[None, None, Frame] | None = None
        self._fragments = bytearray()
        self.deflate: Deflate | None = None
        """What unpacks its messages; None without compression."""

    @property
    def held(self) -> int:
        """Octets that wait for the rest of a message."""
        inflater = _INFLATER if self.deflate is not None else 0
        waits = len(self._reader.buffer) + len(self._fragments)
        return 2 * waits + inflater + Pieces.OVERHEAD * len(self._pieces)

    def feed(self, data: bytes, number: int, at: float) -> None:
        """Take the next octets.

        Args:
            data: the octets.
            number: the packet they came in.
            at: when.
        """
        if self._broken:
            return
        self._pieces.add(len(data), number, at)
        self._taken += len(data)
        if not self._synchronised:
            if not begins_websocket(data):
                self._done = self._started = self._taken
                self._pieces.take(self._done, self._done)
                return
            self._synchronised = True
        reader = self._reader
        reader.feed_data(data)
        while True:
            if self._parser is None:
                if len(reader.buffer) < 2:
                    return
                self._parser = Frame.parse(
                    reader.read_exact,
                    mask=bool(reader.buffer[1] & 0x80),
                    max_size=_MOST,
                    extensions=None if self.deflate is None else [self.deflate],
                )
            try:
                next(self._parser)
            except StopIteration as whole:
                self._parser = None
                self._done = self._taken - len(reader.buffer)
                self._take(whole.value)
            except (ProtocolError, PayloadTooBig) as error:
                text = f"{self._place.source} to {self._place.target}: {error}"
                self._out.trouble(at, (number,), "a WebSocket cannot be read", text)
                self._lose()
                return
            else:
                return

    def gap(self, missing: int) -> None:
        """Take note that octets are missing before the next ones.

        Args:
            missing: how many, 0 if not known.
        """
        if self.deflate is not None:
            self._out.trouble(
                0.0,
                (),
                "a compressed WebSocket cannot be read behind a gap",
                f"{self._place.source} to {self._place.target}",
            )
        self.end(f"{missing or 'some'} octets behind these were not captured")

    def end(self, why: str) -> None:
        """Tell of a message that has begun and is not whole, and begin anew.

        Args:
            why: what is wrong with it.
        """
        if begins_sip(bytes(self._fragments[:2048])):
            self._tell(bytes(self._fragments), why)
        self._lose()

    def _lose(self) -> None:
        """Forget what is under way, and wait for a packet that begins with a frame."""
        self._broken = self.deflate is not None
        self._synchronised = False
        self._parser = None
        self._reader = StreamReader()
        self._fragments = bytearray()
        self._done = self._started = self._taken
        self.deflate = None

    def _take(self, frame: Frame) -> None:
        """Take a whole frame."""
        if frame.opcode in (Opcode.PING, Opcode.PONG):
            self._keep_alive("websocket", answer=frame.opcode is Opcode.PONG)
            return
        if frame.opcode is Opcode.CLOSE:
            return
        if frame.opcode is not Opcode.CONT:
            self._fragments = bytearray()
        self._fragments += frame.data
        if len(self._fragments) > _MOST:
            self._fragments = bytearray()
        if not frame.fin:
            return
        data = bytes(self._fragments)
        self._fragments = bytearray()
        if data in (PING_BYTES, PONG_BYTES):
            self._keep_alive("crlf", answer=data == PONG_BYTES)
        elif begins_sip(data):
            self._tell(data)
        self._started = self._done

    def _tell(self, data: bytes, fault: str = "") -> None:
        message, wrong = read_message(data)
        frames, at = self._pieces.take(self._started, self._done)
        self._out.put(Seen(at, frames, *self._place, message, fault or wrong, data))
        self._started = self._done

    def _keep_alive(self, kind: str, *, answer: bool) -> None:
        frames, at = self._pieces.take(self._started, self._done)
        self._out.put(KeepAlive(at, frames, *self._place, kind, answer))
        if not self._fragments:
            self._started = self._done
