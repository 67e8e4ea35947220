"""What is spoken on a connection, found out from its first octets, and handed to who can cut it.

SIP, WebSocket (whose handshake both directions show), or TLS, which is only counted; everything
else is dropped, HEP too: what an agent mirrors over TCP would be there twice. A connection that was
under way when the capture began is searched for a start line. What one direction shows holds for
the other.
"""

from __future__ import annotations

import re
from typing import Final

from ringway.capture.messages import MessageCutter, Pieces, Place
from ringway.capture.output import Opening, Output
from ringway.capture.sip import START_LINE, begins_sip
from ringway.capture.websockets import Deflate, WebSocketCutter, begins_websocket, deflate_of
from ringway.transport.flow import Address
from ringway.transport.frames import CRLF, HEAD_END

_LOOKED_AT: Final = 4096  # octets of a connection whose begin was seen
_LOOKED_AT_LATER: Final = 1 << 16
_HTTP_HEAD: Final = 1 << 14
_MOST_PIECES: Final = 256

_TLS: Final = re.compile(rb"[\x14-\x17]\x03[\x00-\x04]", re.DOTALL)
_METHOD_LIKE: Final = re.compile(rb"(?:\r\n)*(?:[A-Z]{1,16}(?: [^\r\n]*)?|SIP/[^\r\n]*)?\r?")
_HTTP: Final = (b"GET ", b"HTTP/1.")
_HEP: Final = b"HEP3"
_UPGRADE: Final = re.compile(rb"\r\nUpgrade:[ \t]*websocket[ \t]*\r\n", re.IGNORECASE)
_ACCEPTED: Final = re.compile(rb"HTTP/1\.[0-9] 101[ \r]")

Cutter = MessageCutter | WebSocketCutter


class _Direction:
    """What came from one side before it was known what it is."""

    __slots__ = ("cutter", "from_start", "pieces", "text")

    def __init__(self) -> None:
        self.from_start = False
        self.text = bytearray()
        self.pieces: list[tuple[bytes, int, float]] = []
        self.cutter: Cutter | None = None


class Conversation:
    """What is said over one connection.

    Args:
        addresses: of its two sides.
        out: where it goes.
    """

    __slots__ = (
        "_closed",
        "_deflate",
        "_directions",
        "_out",
        "addresses",
        "encrypted",
        "ignored",
        "opening",
        "transport",
    )

    def __init__(self, addresses: tuple[Address, Address], out: Output) -> None:
        self.addresses = addresses
        self._out = out
        self._directions = (_Direction(), _Direction())
        self._deflate: tuple[Deflate | None, Deflate | None] = (None, None)
        self._closed = False
        self.opening: Opening | None = None
        """The place of its `Opened`, if its begin was seen."""
        self.transport: str = ""
        """tcp, ws or tls; empty as long as it is not known, or of no interest."""
        self.ignored: bool = False
        """True when nothing in it is read: it is encrypted, or no SIP."""
        self.encrypted: bool = False
        """True if it speaks TLS."""

    @property
    def held(self) -> int:
        """Octets that wait for the rest of something."""
        held = 0
        for direction in self._directions:
            held += len(direction.text) + Pieces.OVERHEAD * len(direction.pieces)
            if direction.cutter is not None:
                held += direction.cutter.held
        return held

    def begins(self, side: int) -> None:
        """Take note that the next octets of a side are its first."""
        self._directions[side].from_start = True

    def feed(self, side: int, data: bytes, number: int, at: float) -> None:
        """Take the next octets of a side.

        Args:
            side: 0 or 1, as in `addresses`.
            data: the octets.
            number: the packet they came in.
            at: when.
        """
        if self.ignored:
            return
        direction = self._directions[side]
        if direction.cutter is None:
            direction.text += data
            direction.pieces.append((data, number, at))
            self._decide(side)
        else:
            direction.cutter.feed(data, number, at)

    def gap(self, side: int, at: float, number: int, missing: int) -> None:
        """Take note that octets of a side were not captured.

        Args:
            side: 0 or 1.
            at: when what is behind them came.
            number: the packet with what is behind them.
            missing: how many; 0 if not known.
        """
        if self.ignored:
            return
        direction = self._directions[side]
        direction.from_start = False
        direction.text.clear()
        direction.pieces.clear()
        if direction.cutter is not None:
            self._out.trouble(
                at,
                (number,),
                "octets of a connection were not captured",
                f"{missing or 'some'} before this packet, {self.addresses[side]} to "
                f"{self.addresses[1 - side]}",
            )
            direction.cutter.gap(missing)

    def end(self, why: str, side: int = -1) -> None:
        """Take no more octets; a message that has begun is told as far as it came.

        Args:
            why: what is wrong with such a message.
            side: of one side only, 0 or 1.
        """
        for each in (0, 1) if side < 0 else (side,):
            direction = self._directions[each]
            direction.text.clear()
            direction.pieces.clear()
            if direction.cutter is not None:
                direction.cutter.end(why)

    def ended(self) -> str:
        """Return the transport the connection had, once; empty if it is of no interest."""
        if self._closed:
            return ""
        self._closed = True
        opening = self.opening
        if opening is None:
            return self.transport
        opening.settle(self.transport or "tcp")
        return opening.item.transport if opening.told else ""

    def _decide(self, side: int) -> None:
        """Find out what is spoken, from what a side has said."""
        direction = self._directions[side]
        text = direction.text
        if self.transport == "tcp":
            self._begin_sip(side)
        elif len(text) > _LOOKED_AT_LATER or len(direction.pieces) > _MOST_PIECES:
            self._settle("", side)
        elif self.transport == "ws":
            self._decide_websocket(side)
        elif _TLS.match(text):
            self._settle("tls", side)
        elif text.startswith(_HTTP):
            self._look_at_http(side)
        elif text.startswith(_HEP):
            self._settle("", side)
        elif not direction.from_start and begins_websocket(direction.pieces[-1][0]):
            self._settle("ws", side)  # before: a server's frames have start lines to be found
        elif START_LINE.search(text) or _only_empty_lines(text):
            self._settle("tcp", side)
        elif direction.from_start:
            if begins_sip(bytes(text[:_LOOKED_AT])):
                self._settle("tcp", side)
            elif len(text) > _LOOKED_AT or not self._may_be_more(text):
                self._settle("", side)

    def _may_be_more(self, text: bytearray) -> bool:
        """Tell whether the first line is not whole yet, and may become a start line."""
        if len(text) < 4 and (_HTTP[0].startswith(text) or text[0] in b"\x14\x15\x16\x17"):
            return True
        return _METHOD_LIKE.fullmatch(text) is not None

    def _look_at_http(self, side: int) -> None:
        """See whether a WebSocket begins (RFC 6455 §4)."""
        text = bytes(self._directions[side].text)
        end = text.find(HEAD_END)
        if end < 0:
            if len(text) > _HTTP_HEAD:
                self._settle("", side)
            return
        head = text[: end + len(CRLF)]
        if _UPGRADE.search(head) is None or (head[:4] == b"HTTP" and not _ACCEPTED.match(head)):
            self._settle("", side)
            return
        self._settle("ws", side)

    def _settle(self, transport: str, side: int) -> None:
        """Remember what is spoken, and read what has come by now."""
        self.transport = transport
        if self.opening is not None:
            self.opening.settle(transport)
        if transport in ("", "tls"):
            self.ignored = True
            self.encrypted = transport == "tls"
            for direction in self._directions:
                direction.text.clear()
                direction.pieces.clear()
            return
        for each in (side, 1 - side):
            if self._directions[each].pieces:
                self._decide(each)

    def _begin_sip(self, side: int) -> None:
        place = Place("tcp", self.addresses[side], self.addresses[1 - side])
        cutter = MessageCutter(place, self._out, from_start=self._directions[side].from_start)
        self._replay(side, cutter, 0)

    def _decide_websocket(self, side: int) -> None:
        """Pass over the handshake of a side; see what the server's answer agrees to."""
        direction = self._directions[side]
        text = bytes(direction.text)
        size = 0
        if text.startswith(_HTTP):
            end = text.find(HEAD_END)
            if end < 0:
                return
            size = end + len(HEAD_END)
            if text.startswith(_HTTP[1]):
                if not _ACCEPTED.match(text):
                    line = text.partition(CRLF)[0][:80].decode("latin-1")
                    _, number, at = direction.pieces[-1]
                    self._out.trouble(at, (number,), "a WebSocket was refused", ascii(line))
                    self._settle("", side)
                    return
                server, client = deflate_of(text[:size])
                self._deflate = (client, server) if side else (server, client)
                other = self._directions[1 - side].cutter
                if isinstance(other, WebSocketCutter):
                    other.deflate = self._deflate[1 - side]
        elif direction.from_start and len(text) < len(_HTTP[1]):
            return
        place = Place("ws", self.addresses[side], self.addresses[1 - side])
        cutter = WebSocketCutter(place, self._out, synchronised=bool(size))
        cutter.deflate = self._deflate[side]
        self._replay(side, cutter, size)

    def _replay(self, side: int, cutter: Cutter, skipped: int) -> None:
        """Hand over what came before it was known who cuts it."""
        direction = self._directions[side]
        direction.cutter = cutter
        pieces, direction.pieces = direction.pieces, []
        direction.text = bytearray()
        for data, number, at in pieces:
            rest = data[skipped:]
            skipped -= len(data) - len(rest)
            if rest:
                cutter.feed(rest, number, at)


def _only_empty_lines(text: bytearray) -> bool:
    return not text.strip(CRLF) and CRLF in text
