"""Cuts a TCP or TLS byte stream into SIP messages and keep-alives (RFC 3261 §18.3, §7.5).

Three rules shape it. Nothing is looked at twice: a search goes on where the last one stopped, so
a message that comes byte by byte costs what it costs in one piece. Nothing is held beyond the
limits. And once the boundary of a message cannot be told, no later byte can be trusted: the framer
says how to answer the message and gives the connection up.

A CRLF between messages is a pong, two in a row are a ping (RFC 5626 §3.5.1). When the first has
come nobody can know whether a second will follow, and a pong must not wait, so a ping comes out as
PONG, PING. A server that sends no pings ignores every PONG.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from ringway.errors import ParseError
from ringway.message.parser import body_length
from ringway.transport.flow import WEBSOCKET_TRANSPORTS, NextHop
from ringway.transport.frames import (
    CRLF,
    HEAD_END,
    PING,
    PING_BYTES,
    PONG,
    PONG_BYTES,
    SPEAKS_TLS,
    TLS_HANDSHAKE,
    Frame,
    FrameKind,
    Framer,
    FramingLimits,
    broken,
)
from ringway.transport.websocket import WebSocketFramer

__all__ = [
    "PING",
    "PING_BYTES",
    "PONG",
    "PONG_BYTES",
    "Frame",
    "FrameKind",
    "Framer",
    "FramingLimits",
    "StreamFramer",
    "WebSocketFramer",
    "client_framer",
    "server_framer",
]

_DEFAULT_LIMITS: Final = FramingLimits()
_CR: Final = 13


class StreamFramer:
    """The framer of a TCP or TLS connection, the same for both of its ends.

    Args:
        limits: how long heads and bodies may be.
    """

    __slots__ = (
        "_after_crlf",
        "_body_length",
        "_buffer",
        "_head",
        "_limits",
        "_searched",
        "closing",
    )

    established: Final = True

    def __init__(self, limits: FramingLimits = _DEFAULT_LIMITS) -> None:
        self.closing: bool = False
        """True when the connection has to be closed."""
        self._limits: FramingLimits = limits
        self._buffer: bytearray = bytearray()
        self._searched: int = 0  # so many bytes of the buffer do not begin the end of a head
        self._head: bytes = b""  # complete, its body is still to come
        self._body_length: int = 0
        self._after_crlf: bool = False

    @property
    def unfinished(self) -> bool:
        """True while a part of a message is held; half of a keep-alive is none."""
        return bool(self._head) or len(self._buffer) > 2

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes from the connection and return the frames they complete.

        Args:
            data: what was read; any cut will do.

        Returns:
            The frames in order. A BROKEN frame is the last one ever; ``closing`` is then true.
        """
        frames: list[Frame] = []
        if self.closing:
            return frames
        if self._buffer:
            self._buffer += data
            used = self._cut(self._buffer, frames)
            del self._buffer[:used]
        else:
            used = self._cut(data, frames)
            if used < len(data):
                self._buffer += data[used:]
        if self.closing:
            self._buffer.clear()
        return frames

    def wrap(self, message: bytes) -> bytes:
        """Return ``message``: a stream carries it as it is."""
        return message

    def ping(self) -> bytes:
        """Return a double CRLF (RFC 5626 §4.4.1)."""
        return PING_BYTES

    def outgoing(self) -> bytes:
        """Return nothing: a stream has no traffic of its own."""
        return b""

    def close(self) -> bytes:
        """Take no more input; there is nothing to say before closing."""
        self.closing = True
        return b""

    def _cut(self, source: bytes | bytearray, frames: list[Frame]) -> int:
        """Append the complete frames of ``source``; return how many bytes they took."""
        position = 0
        size = len(source)
        while True:
            if self._head:
                end = position + self._body_length
                if end > size:
                    return position
                body = bytes(source[position:end])
                frames.append(Frame(FrameKind.MESSAGE, self._head, body))
                self._head = b""
                position = end
            elif source.startswith(CRLF, position):
                frames.append(PING if self._after_crlf else PONG)
                self._after_crlf = not self._after_crlf
                position += 2
            elif position == size or (position + 1 == size and source[position] == _CR):
                return position
            else:
                if source[position] == TLS_HANDSHAKE:
                    self._give_up(frames, SPEAKS_TLS)
                    return size
                self._after_crlf = False
                found = source.find(HEAD_END, position + self._searched)
                end = size if found < 0 else found + len(HEAD_END)
                if end - position > self._limits.head:
                    self._give_up(frames, self._head_too_long(source, position))
                    return size
                if found < 0:
                    self._searched = max(end - position - len(HEAD_END) + 1, 0)
                    return position
                self._searched = 0
                if not self._take_head(bytes(source[position:end]), frames):
                    return size
                position = end

    def _take_head(self, head: bytes, frames: list[Frame]) -> bool:
        """Find out how long the body of ``head`` is; give up and return False if one cannot."""
        try:
            length = body_length(head)
        except ParseError as error:
            self._give_up(frames, broken(400, error.reason, head))
            return False
        if length is None:
            self._give_up(frames, broken(400, "no Content-Length on a stream", head))
            return False
        if length > self._limits.body:
            reason = f"body of more than {self._limits.body} bytes"
            self._give_up(frames, broken(513, reason, head))
            return False
        self._head = head
        self._body_length = length
        return True

    def _head_too_long(self, source: bytes | bytearray, position: int) -> Frame:
        """Return the BROKEN frame, with the whole lines of the head that are within the limit."""
        cut = position + self._limits.head
        last_line_end = source.rfind(CRLF, position, cut)
        head = b"" if last_line_end < 0 else bytes(source[position:last_line_end]) + HEAD_END
        return broken(513, f"head of more than {self._limits.head} bytes", head)

    def _give_up(self, frames: list[Frame], frame: Frame) -> None:
        self.closing = True
        frames.append(frame)


def server_framer(
    transport: str,
    limits: FramingLimits = _DEFAULT_LIMITS,
    origins: tuple[str, ...] = (),
    hosts: Collection[str] | None = None,
) -> Framer:
    """Return the framer for a connection that was accepted.

    Args:
        transport: tcp, tls, ws or wss.
        limits: how long heads and bodies may be.
        origins: the web origins that may open a WebSocket; empty for all.
        hosts: see ``WebSocketFramer.server``.
    """
    if transport in WEBSOCKET_TRANSPORTS:
        return WebSocketFramer.server(limits, origins, hosts)
    return StreamFramer(limits)


def client_framer(target: NextHop, limits: FramingLimits = _DEFAULT_LIMITS) -> Framer:
    """Return the framer for a connection that we opened; write its ``outgoing()`` first.

    Args:
        target: what was connected to.
        limits: how long heads and bodies may be.
    """
    if target.transport in WEBSOCKET_TRANSPORTS:
        return WebSocketFramer.client(
            target.name, secure=target.secure, port=target.address.port, limits=limits
        )
    return StreamFramer(limits)
