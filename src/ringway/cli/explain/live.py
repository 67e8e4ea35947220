"""An interface as a capture without an end: what is seen on it, in the form of a pcap file.

So the readers of files read it, too. The kernel takes the link layer off (packet(7), SOCK_DGRAM),
so that one form fits every kind of interface. Its queue is bounded; what did not fit is counted.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import sys
import time
from typing import Final

from ringway.errors import RingwayError

__all__ = ["Interface", "LiveError"]

_HEAD: Final = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 1 << 18, 101)  # raw IP, nanoseconds
_PACKET: Final = struct.Struct("<IIII")
_IP: Final = frozenset({0x0800, 0x86DD})
_EVERY: Final = 0x0003  # ETH_P_ALL: with less, what is sent would not be seen
_LOOPBACK: Final = 772  # ARPHRD_LOOPBACK: everything is there twice, on its way out and in
_OUTGOING: Final = 4  # PACKET_OUTGOING
_QUEUE: Final = 16 << 20
_LONGEST: Final = 1 << 17
_BATCH: Final = 64
_PATIENCE: Final = 0.2
_TICK: Final = 10**9  # nanoseconds
_TIMESTAMP: Final = 35  # SO_TIMESTAMPNS
_TIMESPEC: Final = struct.Struct("@qq")
_FORCE: Final = 33  # SO_RCVBUFFORCE: beyond the system's limit, for root
_SOL_PACKET: Final = 263
_STATISTICS: Final = 6


class LiveError(RingwayError):
    """An interface cannot be listened on."""


class Interface:
    """What is seen on an interface; read it as a file.

    Args:
        name: of the interface; any for all of them.

    Raises:
        LiveError: there is none of that name, or we may not.
    """

    def __init__(self, name: str) -> None:
        if sys.platform != "linux":
            msg = "--live works on Linux only; capture with tcpdump and explain the file"
            raise LiveError(msg)
        self._stopped = False
        self._waiting = _HEAD
        self._ticked = 0
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_EVERY))
        except PermissionError:
            msg = f"--live {name} needs root, or the capability CAP_NET_RAW"
            raise LiveError(msg) from None
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, _FORCE, _QUEUE)
        self._socket.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
        if name != "any":
            try:
                self._socket.bind((name, _EVERY))
            except OSError as error:
                self._socket.close()
                reason = (error.strerror or str(error)).lower()
                msg = f"--live {name}: {reason}; `ip link` lists the interfaces"
                raise LiveError(msg) from None

    def fileno(self) -> int:
        """Return the socket's number."""
        return self._socket.fileno()

    def read(self, _count: int = -1, /) -> bytes:
        """Wait for packets and return them, with the head of a file before the first.

        Returns:
            Octets; none once it was stopped.
        """
        if self._waiting:
            head, self._waiting = self._waiting, b""
            return head
        while not self._stopped:
            ready = select.select([self._socket], [], [], _PATIENCE)[0]
            packets = (self._batch() if ready else b"") + self._tick()
            if packets:
                return packets
        return b""

    def stop(self) -> None:
        """Let `read` come to the end; it may be called from a signal's handler."""
        self._stopped = True

    def lost(self) -> int:
        """Return how many packets came faster than they were read, and are missing."""
        statistics = self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 8)
        return int(struct.unpack("@II", statistics)[1])

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def _tick(self) -> bytes:
        """Return a packet without octets once a second: who reads learns the time from it."""
        now = time.time_ns()
        if 0 <= now - self._ticked < _TICK:
            return b""
        self._ticked = now
        return _PACKET.pack(*divmod(now, 10**9), 0, 0)

    def _batch(self) -> bytes:
        packets = []
        for _ in range(_BATCH):
            try:
                data, extra, _, address = self._socket.recvmsg(_LONGEST, 64, socket.MSG_DONTWAIT)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:  # the interface went down
                msg = f"--live: {(error.strerror or str(error)).lower()}"
                raise LiveError(msg) from None
            _, protocol, way, hardware, *_ = address
            if protocol not in _IP or (way == _OUTGOING and hardware == _LOOPBACK):
                continue
            seconds, fraction = _time(extra)
            packets.append(_PACKET.pack(seconds, fraction, len(data), len(data)) + data)
        return b"".join(packets)


def _time(extra: list[tuple[int, int, bytes]]) -> tuple[int, int]:
    for level, kind, data in extra:
        if level == socket.SOL_SOCKET and kind == _TIMESTAMP and len(data) >= _TIMESPEC.size:
            seconds, fraction = _TIMESPEC.unpack_from(data)
            return seconds, fraction
    return divmod(time.time_ns(), 10**9)
