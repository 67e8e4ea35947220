"""Listening for TLS: each connection shakes hands on its own, and what goes wrong has words.

The context is asked for with every connection, so a new certificate is shown from the next one on
and those that stand are left alone. A stranger who talks plain text at a TLS port, or offers what
nobody should take, is closed at once; an operator reads why, once for each address, because nothing
else tells a phone with a wrong setting from one that is not there.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Final, Protocol

from ringway.aio.stream import Connection
from ringway.transport.flow import Address

__all__ = ["HANDSHAKES", "HANDSHAKE_TIMEOUT", "SecureListener", "handshake_fault"]

HANDSHAKE_TIMEOUT: Final = 10.0
"""Seconds that a peer has for the TLS handshake on a connection it opened."""

SHUTDOWN_TIMEOUT: Final = 2.0
"""Seconds that a peer has to take leave in TLS."""

HANDSHAKES: Final = 2000
"""Handshakes under way at one time; more connections are closed as they come."""

_KNOWN_FAULTS: Final = 1024
_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PAUSE: Final = 0.2
"""Seconds until the next try when the system has no room for a connection."""

# OpenSSL's reason, and what an operator can make of it.
_REASONS: Final = {
    "WRONG_VERSION_NUMBER": "it speaks no TLS",
    "HTTP_REQUEST": "it speaks HTTP, not TLS",
    "HTTPS_PROXY_REQUEST": "it speaks HTTP, not TLS",
    "UNSUPPORTED_PROTOCOL": "it offers nothing newer than TLS 1.1",
    "NO_SHARED_CIPHER": "it offers no cipher with forward secrecy and authenticated encryption",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it shows no certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know who signed our certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it does not take our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it says that our certificate has expired",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it does not take our certificate",
}

_logger = logging.getLogger("ringway.tls")


class Usher(Protocol):
    """Lets connections in, and hears what becomes of them; see `ringway.aio.door`."""

    def admit(self, connection: Connection, host: str) -> str:
        """Return why a connection may not come in; empty when it may."""

    def release(self, connection: Connection, host: str) -> None:
        """Take note that a connection that was let in is gone."""

    def begin(self, host: str) -> bool:
        """Return False when a handshake may not begin, for there are too many from there."""

    def ended(self, host: str) -> None:
        """Take note that a handshake that was let begin has ended, one way or the other."""

    def crowded(self) -> None:
        """Take note of a connection that was closed because there are too many handshakes."""

    def slow(self) -> None:
        """Take note of a handshake that took too long."""


class SecureListener:
    """Accepts connections on one socket and hands them on once they are secure.

    Args:
        sock: listening; owned from here on.
        tls: gives the context for the next connection.
        make: makes the protocol object of a connection.
        spawn: runs a coroutine as a task of the owner, who cancels it in the end.
        usher: lets connections in before their handshake; None lets in all.
        seconds: for a handshake.
    """

    def __init__(
        self,
        sock: socket.socket,
        tls: Callable[[], ssl.SSLContext],
        make: Callable[[], Connection],
        spawn: Callable[[Coroutine[object, object, None]], asyncio.Task[None]],
        usher: Usher | None = None,
        seconds: float = HANDSHAKE_TIMEOUT,
    ) -> None:
        self._usher = usher
        self._seconds = seconds
        self._sock = sock
        self._tls = tls
        self._make = make
        self._spawn = spawn
        self._handshakes = 0
        self._known: dict[tuple[str, str], None] = {}
        self._task = spawn(self._accept())

    def close(self) -> None:
        """Accept no more; handshakes under way go on until the owner ends them."""
        self._task.cancel()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        full = False
        try:
            while True:
                try:
                    accepted, peer = await loop.sock_accept(self._sock)
                except OSError as error:  # the peer is gone already, or there is no room
                    no_room = error.errno in _NO_ROOM
                    if no_room and not full:
                        full = True
                        _logger.warning("no connection can be accepted: %s", error.strerror)
                    await asyncio.sleep(_PAUSE if no_room else 0)
                    continue
                full = False
                connection = self._make()
                if not self._begins(connection, peer[0]):
                    accepted.close()
                    continue
                self._handshakes += 1
                address = Address(peer[0], peer[1])
                self._spawn(self._handshake(accepted, address, connection))
        finally:
            self._sock.close()

    def _begins(self, connection: Connection, host: str) -> bool:
        """Say whether there is room for a handshake, and for the connection that comes of it."""
        usher = self._usher
        if self._handshakes >= HANDSHAKES:
            if usher is not None:
                usher.crowded()
            return False
        if usher is None:
            return True
        if not usher.begin(host):
            return False
        if usher.admit(connection, host):
            usher.ended(host)
            return False
        return True

    async def _handshake(
        self, accepted: socket.socket, peer: Address, connection: Connection
    ) -> None:
        fault = ""
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                accepted,
                ssl=self._tls(),
                ssl_handshake_timeout=self._seconds,
                ssl_shutdown_timeout=SHUTDOWN_TIMEOUT,
            )
        except OSError as error:
            fault = handshake_fault(error, self._seconds)
            if self._usher is not None and isinstance(error, ConnectionAbortedError):
                self._usher.slow()
        except Exception:
            _logger.exception("a fault of ours with a handshake with %s", peer)
        finally:
            self._handshakes -= 1
            if self._usher is not None:
                self._usher.ended(peer.host)
                if connection.flow is None:
                    self._usher.release(connection, peer.host)
        if fault:
            self._tell(peer, fault)

    def _tell(self, peer: Address, fault: str) -> None:
        level = logging.DEBUG
        if (peer.host, fault) not in self._known:
            self._known[peer.host, fault] = None
            if len(self._known) > _KNOWN_FAULTS:
                del self._known[next(iter(self._known))]
            level = logging.WARNING
        _logger.log(level, "no TLS with %s: %s", peer, fault)


def handshake_fault(error: OSError, seconds: float = HANDSHAKE_TIMEOUT) -> str:
    """Say what was wrong with a handshake; nothing when the peer only went away."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate: {error.verify_message}"
    reason: str | None = getattr(error, "reason", None)  # one of our own making has none
    if isinstance(error, ssl.SSLError) and reason:
        return _REASONS.get(reason, reason.replace("_", " ").lower())
    if isinstance(error, ConnectionAbortedError):  # how both event loops say that time is up
        return f"no handshake within {seconds:g} s"
    return ""
