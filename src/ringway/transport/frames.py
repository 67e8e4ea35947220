"""What a byte stream is cut into, and the limits it is cut within.

Two framers fill these types: ``framing.StreamFramer`` for TCP and TLS, where Content-Length marks
the end of a message (RFC 3261 §18.3), and ``websocket.WebSocketFramer``, where the WebSocket frame
does (RFC 7118 §5). Both find the keep-alives of RFC 5626 §3.5.1 on the way. A framer never raises
on wire data: what cannot be used comes out as a ``BROKEN`` frame that knows how to answer.
"""

from __future__ import annotations

import enum
from typing import Final, NamedTuple, Protocol

CRLF: Final = b"\r\n"
PONG_BYTES: Final = CRLF
PING_BYTES: Final = CRLF + CRLF
HEAD_END: Final = CRLF + CRLF
TLS_HANDSHAKE: Final = 22
"""The first byte of TLS (RFC 8446 §5.1), and of no message; one is enough to know."""


class FrameKind(enum.Enum):
    """What a frame is."""

    MESSAGE = "message"
    PING = "ping"
    PONG = "pong"
    BROKEN = "broken"


class Frame(NamedTuple):
    """One thing a framer found in the bytes it was fed.

    Attributes:
        kind: MESSAGE, a SIP message: parse ``head`` and ``body``. PING: answer ``PONG_BYTES`` at
            once. PONG: a ping of ours was answered; of no meaning where none was sent. BROKEN:
            cannot be used, see ``status``.
        head: start line and header fields with the empty line that ends them. In a BROKEN frame
            what there is of it, to build a response from; may be empty.
        body: the body's bytes.
        status: of a BROKEN frame: the response to send if the head is a request's; 0 for none.
        reason: of a BROKEN frame: what was wrong, for people.
    """

    kind: FrameKind
    head: bytes = b""
    body: bytes = b""
    status: int = 0
    reason: str = ""


PING: Final = Frame(FrameKind.PING)
PONG: Final = Frame(FrameKind.PONG)


class FramingLimits(NamedTuple):
    """How much a peer may make us hold, in bytes.

    Attributes:
        head: start line and header fields together.
        body: the body alone.
        headers: header lines, by their number.
    """

    head: int = 65_536
    body: int = 1_048_576
    headers: int = 256


class Framer(Protocol):
    """What the owner of a connection does, whatever the framing.

    Write ``outgoing()`` when the connection opens and after each ``feed``; write what ``wrap`` and
    ``close`` return. Once ``closing`` is true, answer the last frame if it asks for it, write, and
    close the connection; feeding it more is harmless.
    """

    @property
    def closing(self) -> bool:
        """True when the connection has to be closed."""

    @property
    def unfinished(self) -> bool:
        """True while a part of something is held, and the rest of it is still to come."""

    @property
    def established(self) -> bool:
        """True when SIP can be spoken; a WebSocket has a handshake first."""

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes from the connection and return the frames they complete."""

    def wrap(self, message: bytes) -> bytes:
        """Return the bytes that carry a SIP message or a keep-alive over the connection."""

    def ping(self) -> bytes:
        """Return a keep-alive; what answers it comes out of ``feed`` as a PONG."""

    def outgoing(self) -> bytes:
        """Return what the framing itself has to write, such as a handshake or a pong."""

    def close(self) -> bytes:
        """Begin to close from our side and return the bytes that say so."""


def broken(status: int, reason: str, head: bytes = b"") -> Frame:
    """Return a BROKEN frame."""
    return Frame(FrameKind.BROKEN, head, b"", status, reason)


SPEAKS_TLS: Final = broken(0, "the peer speaks TLS where nobody listens for it")
