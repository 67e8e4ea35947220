"""SIP over WebSocket (RFC 7118), both ends, around the sans-I/O ``websockets`` protocol.

The library does RFC 6455: handshake, masking, fragments, control frames, limits. What is added is
what RFC 7118 asks for: the subprotocol ``sip``, text and binary messages alike, one SIP message in
each WebSocket message. Compression is never offered: it costs 30 kB a connection and SIP over TLS
is short. A WebSocket message keeps its boundary whatever is in it, so a bad SIP message gets its
answer and leaves the connection, and the bindings over it, alone; only what is no SIP at all, or
breaks RFC 6455, ends it.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Collection
from http import HTTPStatus
from typing import Final, cast

from websockets.client import ClientProtocol
from websockets.exceptions import PayloadTooBig
from websockets.frames import CloseCode, Opcode
from websockets.frames import Frame as WireFrame
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Origin, Subprotocol
from websockets.uri import WebSocketURI

from ringway.errors import ParseError
from ringway.message.parser import body_length
from ringway.transport.flow import DEFAULT_PORTS, WS, WSS
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
    FramingLimits,
    broken,
)
from ringway.transport.origin import is_near

_DEFAULT_LIMITS: Final = FramingLimits()
_SIP: Final = Subprotocol("sip")
_ALIVE: Final = (State.CONNECTING, State.OPEN)

# The library logs each connection; what Ringway has to say about a flow, the endpoint says.
_TLS: Final = bytes([TLS_HANDSHAKE])
_SILENCE: Final = logging.getLogger("ringway.transport.websocket")
_SILENCE.disabled = True


class WebSocketFramer:
    """The framer of one WebSocket connection; make it with ``server`` or ``client``.

    Messages wrapped before the handshake is done wait for it inside.
    """

    __slots__ = (
        "_ended",
        "_fragments",
        "_hosts",
        "_limits",
        "_partial",
        "_protocol",
        "_text",
        "_waiting",
    )

    def __init__(self, protocol: ServerProtocol | ClientProtocol, limits: FramingLimits) -> None:
        self._protocol: ServerProtocol | ClientProtocol = protocol
        self._limits: FramingLimits = limits
        self._fragments: bytearray = bytearray()
        self._text: bool = False  # the message under way came in text frames
        self._hosts: Collection[str] | None = None
        self._waiting: list[bytes] = []
        self._ended: bool = False
        self._partial: bool = False  # the last bytes completed nothing, or there are more

    @classmethod
    def server(
        cls,
        limits: FramingLimits = _DEFAULT_LIMITS,
        origins: tuple[str, ...] = (),
        hosts: Collection[str] | None = None,
    ) -> WebSocketFramer:
        """Return the framer of a connection that was accepted.

        Args:
            limits: how long heads and bodies may be.
            origins: the web origins that may connect, such as ``https://phone.example``; empty for
                all. A client without an Origin is no browser, could claim any, and is let in.
            hosts: the hosts whose pages may connect besides those of this machine; None for all.
        """
        allowed = [None, *(Origin(origin) for origin in origins)] if origins else None
        protocol = ServerProtocol(
            origins=allowed,
            subprotocols=[_SIP],
            max_size=limits.head + limits.body,
            logger=_SILENCE,
        )
        framer = cls(protocol, limits)
        framer._hosts = hosts
        return framer

    @classmethod
    def client(
        cls,
        host: str,
        *,
        secure: bool,
        port: int = 0,
        path: str = "/",
        key: bytes = b"",
        limits: FramingLimits = _DEFAULT_LIMITS,
    ) -> WebSocketFramer:
        """Return the framer of a connection that we opened; ``outgoing`` has the handshake.

        Args:
            host: the server's name for the Host header field.
            secure: whether the connection is TLS.
            port: the server's port, 0 for the default one.
            path: the resource to ask for.
            key: 16 bytes for Sec-WebSocket-Key, for a handshake that can be foretold; the library
                draws them if empty.
            limits: how long heads and bodies may be.
        """
        default = DEFAULT_PORTS[WSS if secure else WS]
        uri = WebSocketURI(secure, host, port or default, path, "", None, None)
        protocol = ClientProtocol(
            uri, subprotocols=[_SIP], max_size=limits.head + limits.body, logger=_SILENCE
        )
        if key:
            protocol.key = base64.b64encode(key).decode()
        protocol.send_request(protocol.connect())
        return cls(protocol, limits)

    @property
    def closing(self) -> bool:
        """True when the connection has to be closed."""
        return self._ended

    @property
    def established(self) -> bool:
        """True when the handshake is done."""
        return self._protocol.state is not State.CONNECTING

    @property
    def unfinished(self) -> bool:
        """True while a fragment of a message is held, or a part of a frame."""
        return self._partial or bool(self._fragments)

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes from the connection and return the frames they complete.

        Args:
            data: what was read; any cut will do.

        Returns:
            The frames in order. Write ``outgoing()`` next. A BROKEN frame without a head says
            why the connection ends; after any other the connection lives on.
        """
        frames: list[Frame] = []
        protocol = self._protocol
        begun = self._ended or self._partial
        if data[:1] == _TLS and protocol.state is State.CONNECTING and not begun:
            self._ended = True
            return [SPEAKS_TLS]
        start = 0
        while start < len(data) and not self._ended:
            end = len(data)
            if protocol.state is State.CONNECTING:
                # By lines, so that frames that came along with the handshake wait for its end.
                end = data.find(b"\n", start) + 1 or end
            protocol.receive_data(data[start:end])
            completed = self._take_events(frames)
            self._partial = not completed or bool(protocol.reader.buffer)
            start = end
        return frames

    def wrap(self, message: bytes) -> bytes:
        """Return the bytes to write for a SIP message or a keep-alive.

        What ``outgoing`` would return comes first, so that nothing overtakes. Before the handshake
        is done nothing is returned and the message waits; after the end it is lost.
        """
        if self._ended:
            return b""
        if self._protocol.state is State.CONNECTING:
            self._waiting.append(message)
            return b""
        self._send(message)
        return self.outgoing()

    def ping(self) -> bytes:
        """Return a Ping frame (RFC 7118 §6); nothing before the handshake is done."""
        if self._ended or self._protocol.state is not State.OPEN:
            return b""
        self._protocol.send_ping(b"")
        return self.outgoing()

    def outgoing(self) -> bytes:
        """Return what is to be written: handshake, pongs, close frames."""
        return b"".join(self._protocol.data_to_send())

    def close(self) -> bytes:
        """Begin to close as an endpoint that goes away (1001); return the bytes to write."""
        if not self._ended and self._protocol.state is State.OPEN:
            self._protocol.send_close(CloseCode.GOING_AWAY)
        self._ended = True
        return self.outgoing()

    def _send(self, message: bytes) -> None:
        """Send as text, which browsers prefer, unless a byte of it is not UTF-8 (§4.2)."""
        if _is_utf8(message):
            self._protocol.send_text(message)
        else:
            self._protocol.send_binary(message)

    def _take_events(self, frames: list[Frame]) -> bool:
        """Turn the library's events into frames, and see whether it gave up.

        Returns:
            Whether there were any.
        """
        protocol = self._protocol
        events = protocol.events_received()
        for event in events:
            if isinstance(event, WireFrame):
                self._take_frame(event, frames)
            else:
                self._take_handshake(event, frames)
            if self._ended:
                return True
        error = protocol.handshake_exc or protocol.parser_exc
        if error is not None:
            # There is nothing to answer, but it counts as what it is.
            status = 513 if isinstance(error, PayloadTooBig) else 0
            frames.append(broken(status, f"WebSocket: {error}"))
        self._ended = protocol.state not in _ALIVE or protocol.eof_sent
        return bool(events)

    def _take_handshake(self, event: Request | Response, frames: list[Frame]) -> None:
        """Answer a client's handshake, or look at the server's answer to ours (§4.1)."""
        protocol = self._protocol
        if isinstance(protocol, ServerProtocol):
            request = cast("Request", event)
            if self._is_far(request):
                response = protocol.reject(HTTPStatus.FORBIDDEN, "this page may not connect\n")
            else:
                response = protocol.accept(request)
            del response.headers["Date"]  # the one thing in it that needs a clock
            protocol.send_response(response)
        elif protocol.state is State.OPEN and protocol.subprotocol is None:
            self._fail(
                CloseCode.PROTOCOL_ERROR, "server does not speak the subprotocol sip", frames
            )
        if protocol.state is State.OPEN:
            for message in self._waiting:
                self._send(message)
        self._waiting.clear()

    def _is_far(self, request: Request) -> bool:
        """Say whether a client is a web page that may not connect."""
        hosts = self._hosts
        return hosts is not None and not all(
            is_near(origin, hosts) for origin in request.headers.get_all("Origin")
        )

    def _take_frame(self, wire: WireFrame, frames: list[Frame]) -> None:
        """Put fragments together; the library has checked their order and their total size."""
        if wire.opcode is Opcode.CONT:
            self._fragments += wire.data
        elif wire.opcode is Opcode.TEXT or wire.opcode is Opcode.BINARY:
            self._text = wire.opcode is Opcode.TEXT
            self._fragments += wire.data
        else:
            # We ping only where we have connected to, so it means nothing from anybody else.
            if wire.opcode is Opcode.PONG and isinstance(self._protocol, ClientProtocol):
                frames.append(PONG)
            return
        if wire.fin:
            message = bytes(self._fragments)
            self._fragments.clear()
            if self._text and not _is_utf8(message):
                self._fail(CloseCode.INVALID_DATA, "text that is not UTF-8", frames)
            else:
                self._take_message(message, frames)

    def _take_message(self, data: bytes, frames: list[Frame]) -> None:
        """Find the SIP message or the keep-alive that a WebSocket message carries (§5, §6)."""
        if data == PING_BYTES:
            frames.append(PING)
            return
        if data == PONG_BYTES:
            frames.append(PONG)
            return
        start = 0
        while data.startswith(CRLF, start):
            start += len(CRLF)
        end = data.find(HEAD_END, start) + len(HEAD_END)
        if end < len(HEAD_END):
            self._fail(CloseCode.UNSUPPORTED_DATA, "not a SIP message", frames)
            return
        head = data[start:end]
        if len(head) > self._limits.head:
            frames.append(broken(513, f"head of more than {self._limits.head} bytes", head))
            return
        try:
            length = body_length(head)
        except ParseError as error:
            frames.append(broken(400, error.reason, head))
            return
        there = len(data) - end
        wanted = there if length is None else length
        if wanted > self._limits.body:
            frames.append(broken(513, f"body of more than {self._limits.body} bytes", head))
        elif wanted > there:
            frames.append(broken(400, f"body of {there} bytes, Content-Length {wanted}", head))
        elif data[end + wanted :].strip(CRLF):
            frames.append(broken(400, "more than one message in a WebSocket message", head))
        else:
            frames.append(Frame(FrameKind.MESSAGE, head, data[end : end + wanted]))

    def _fail(self, code: CloseCode, reason: str, frames: list[Frame]) -> None:
        """End the connection with a close code (RFC 6455 §7.1.7)."""
        self._protocol.fail(code, reason)
        self._ended = True
        frames.append(broken(0, f"WebSocket: {reason}"))


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
