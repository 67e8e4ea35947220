"""HEP over TCP: packets of version 3 one behind the other, each as long as its head says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ringway.errors import ParseError

__all__ = ["HepStream"]

_MAGIC: Final = b"HEP3"
_HEAD: Final = 6


class HepStream:
    """Cuts the octets of one connection into packets; what waits is less than one packet."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = bytearray()

    @property
    def within(self) -> bool:
        """Whether a packet has begun and is not whole."""
        return bool(self._tail)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take the next octets and yield the packets that are whole; iterate to the end.

        Raises:
            ParseError: they begin no packet; nothing behind them can be read.
        """
        tail = self._tail
        tail += data
        while tail:
            if not _MAGIC.startswith(tail[: len(_MAGIC)]):
                raise ParseError("octets that begin no HEP packet", status=None)
            if len(tail) < _HEAD:
                return
            size = int.from_bytes(tail[len(_MAGIC) : _HEAD])
            if size < _HEAD:
                raise ParseError(f"a HEP packet with a length of {size}", status=None)
            if len(tail) < size:
                return
            packet = bytes(tail[:size])
            del tail[:size]
            yield packet
