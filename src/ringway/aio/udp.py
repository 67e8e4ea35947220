"""One datagram socket: drained at each wake-up, and told by ICMP which peers are gone.

Reading until the socket would block costs a few microseconds a message; the event loop's own
datagram endpoint costs several times that (bench/). An ICMP error names the datagram it answers, so
the flow it belongs to can be reported as failed (RFC 5626 §7, RFC 3261 §18.4): Linux queues such
errors on the socket when asked to, and tells of them before the datagrams that came earlier. They
are reported after these: a phone that answers and leaves has answered.

A queued error raises POLLERR, on which uvloop stops watching a descriptor for good: one phone that
hangs up its socket would make the server deaf. So the loop watches an epoll descriptor that holds
the socket; it is readable whenever the socket has anything to say and never in error itself.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ringway.aio.sockets import address_of
from ringway.transport.flow import UDP, Address, Flow

if TYPE_CHECKING:
    import asyncio

__all__ = ["DatagramSocket"]

BATCH: Final = 64
"""Datagrams read in one wake-up, so that a flood on one socket does not starve the others."""

BATCHES_BEFORE_ERRORS: Final = 16
"""Full batches after which an ICMP error is reported even though the socket is never drained."""

_MAX_DATAGRAM: Final = 65535

# struct sock_extended_err: errno, origin, type, code, pad, info, data.
_EXTENDED_ERROR: Final = struct.Struct("=IBBBBII")
_ORIGIN_ICMP: Final = 2
_ORIGIN_ICMP6: Final = 3

_PEER_GONE: Final = frozenset(
    {
        errno.ECONNREFUSED,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.ENOPROTOOPT,
        errno.EACCES,
    }
)

OLDEST: Final = 10.0
"""Seconds that a datagram may have waited in the socket; no server is that far behind."""

# The kernel's time of arrival, as struct timespec; Python names neither option nor message.
_SO_TIMESTAMPNS: Final = 35
_TIMESPEC: Final = struct.Struct("@ll")

# What befalls one datagram and says nothing about the peer: it may be tried again.
_DATAGRAM_LOST: Final = frozenset(
    {errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM, errno.EPERM, errno.EMSGSIZE}
)


class DatagramSocket:
    """A bound UDP socket with its events.

    Args:
        sock: from `ringway.aio.sockets.bind_datagram`; owned from here on.
        received: called with (data, local, remote) for each datagram.
        failed: called with (flow, reason) for a peer that the network says is not there.
    """

    __slots__ = (
        "_batches",
        "_failed",
        "_gone",
        "_loop",
        "_poller",
        "_received",
        "_sampling",
        "_sock",
        "_waited",
        "dropped",
        "local",
    )

    def __init__(
        self,
        sock: socket.socket,
        received: Callable[[bytes, Address, Address], None],
        failed: Callable[[Flow, str], None],
    ) -> None:
        self._sock = sock
        self._received = received
        self._failed = failed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._poller: select.epoll | None = None
        self._gone: list[tuple[Flow, str]] = []  # to be reported once the socket is drained
        self._batches = 0  # full ones read since the first of these
        self._sampling = False
        self._waited = 0.0
        self.local = address_of(sock)
        self.dropped = 0
        """Datagrams not sent because the system had no room for them."""

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to read; the owner must call `close` in the end."""
        self._loop = loop
        if sys.platform.startswith("linux"):
            self._sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._poller = select.epoll()
            self._poller.register(self._sock.fileno(), select.EPOLLIN)
        loop.add_reader(self._poller or self._sock, self._readable)

    def send(self, data: bytes, remote: Address) -> None:
        """Send one datagram; a full buffer drops it, as the network might.

        A peer that cannot be reached is reported through `failed`, perhaps later.
        """
        try:
            self._sock.sendto(data, remote)
        except BlockingIOError:
            self.dropped += 1
        except OSError:
            # The error may answer an earlier datagram, to another peer; it is reported by the
            # queue, and this one has not been sent.
            self._read_errors()
            if self._gone and self._loop is not None:
                self._loop.call_soon(self._readable)
            self._send_again(data, remote)

    def take_sample(self) -> float:
        """Return how long the datagram waited that was sampled since the last call; sample one.

        Returns:
            Seconds; 0 when none came, or where the system does not say.
        """
        waited = self._waited
        self._waited = 0.0
        self._sampling = True
        return waited

    def close(self) -> None:
        """Stop reading and close the socket."""
        if self._loop is not None:
            self._loop.remove_reader(self._poller or self._sock)
            self._loop = None
        if self._poller is not None:
            self._poller.close()
            self._poller = None
        self._sock.close()

    def _send_again(self, data: bytes, remote: Address) -> None:
        try:
            self._sock.sendto(data, remote)
        except OSError as error:
            if error.errno in _DATAGRAM_LOST:
                self.dropped += 1
                return
            # Refused at once by our own system: no route, no such address.
            self._failed(Flow(UDP, self.local, remote), (error.strerror or str(error)).lower())

    def _readable(self) -> None:
        recvfrom = self._read_sample if self._sampling else self._sock.recvfrom
        received = self._received
        local = self.local
        for count in range(BATCH):
            if self._loop is None:  # closed, perhaps by what the last datagram caused
                return
            try:
                data, peer = recvfrom(_MAX_DATAGRAM)
            except BlockingIOError:
                if not count:  # woken for nothing to read: there are errors to read
                    self._read_errors()
                self._report_gone()
                return
            except OSError:
                self._read_errors()
                continue
            recvfrom = self._sock.recvfrom
            received(data, local, Address(peer[0], peer[1]))
        if self._gone:
            self._batches += 1
            if self._batches >= BATCHES_BEFORE_ERRORS:
                self._report_gone()

    def _read_sample(self, size: int) -> tuple[bytes, tuple[str, int]]:
        """Read a datagram as ``recvfrom`` does, and find out how long it waited."""
        data, ancillary, _, peer = self._sock.recvmsg(size, socket.CMSG_SPACE(_TIMESPEC.size))
        self._sampling = False
        for level, kind, payload in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
                seconds, nanoseconds = _TIMESPEC.unpack(payload)
                waited = time.time() - seconds - nanoseconds / 1e9
                # Otherwise somebody has set the clock meanwhile.
                self._waited = waited if 0.0 <= waited <= OLDEST else 0.0
        return data, peer

    def _read_errors(self) -> None:
        """Note every peer that an ICMP error in the queue is about."""
        if not sys.platform.startswith("linux"):
            return
        for _ in range(BATCH):
            try:
                _, ancillary, _, peer = self._sock.recvmsg(0, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return
            for _level, _kind, payload in ancillary:
                self._note_gone(payload, peer)

    def _note_gone(self, payload: bytes, peer: tuple[object, ...]) -> None:
        if len(payload) < _EXTENDED_ERROR.size:
            return
        number, origin, *_ = _EXTENDED_ERROR.unpack_from(payload)
        if origin not in (_ORIGIN_ICMP, _ORIGIN_ICMP6) or number not in _PEER_GONE:
            return
        with contextlib.suppress(IndexError, TypeError):
            remote = Address(str(peer[0]), int(str(peer[1])))
            self._gone.append((Flow(UDP, self.local, remote), os.strerror(number).lower()))

    def _report_gone(self) -> None:
        gone, self._gone, self._batches = self._gone, [], 0
        for flow, reason in gone:
            self._failed(flow, reason)
