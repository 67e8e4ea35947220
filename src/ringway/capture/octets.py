"""The octets of a capture file, read piece by piece and unpacked on the way.

A reader looks at `data` from `position` on, after `fill` has said that enough is there. Never is
more held than one piece and what a reader asked for, and gzip is unpacked within the same bound.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

GZIP: Final = b"\x1f\x8b"
_PIECE: Final = 1 << 16
_UNPACKED: Final = 1 << 20


class Octets:
    """A window on a file that moves forward.

    Args:
        source: the file, opened for reading octets.
    """

    __slots__ = (
        "_ended",
        "_packed",
        "_source",
        "_tail",
        "_unpacker",
        "data",
        "fault",
        "position",
        "taken",
    )

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._tail = b""  # packed octets that are not unpacked yet
        self._ended = False
        self.taken: int = 0
        """Octets of the file itself that were read."""
        self.fault: str = ""
        """Why the file could not be unpacked to its end; empty if it could."""
        self._unpacker: zlib._Decompress | None = None
        first = self._piece()
        self._packed = first.startswith(GZIP)
        self.data: bytes = first
        self.position: int = 0
        if self._packed:
            self._tail = first
            self.data = self._unpack()

    def fill(self, count: int) -> bool:
        """Bring octets into the window.

        Args:
            count: how many are wanted, from `position` on.

        Returns:
            Whether so many are there; False near the end of the file.
        """
        there = len(self.data) - self.position
        if there >= count or self._ended:
            return there >= count
        pieces = [self.data[self.position :]]
        while there < count:
            piece = self._unpack() if self._packed else self._piece()
            if not piece:
                self._ended = True
                break
            pieces.append(piece)
            there += len(piece)
        self.data = b"".join(pieces)
        self.position = 0
        return there >= count

    def skip(self, count: int) -> bool:
        """Move on without holding what is passed over.

        Args:
            count: how many octets.

        Returns:
            Whether there were so many.
        """
        while True:
            step = min(count, len(self.data) - self.position)
            self.position += step
            count -= step
            if not count:
                return True
            if not self.fill(1):
                return False

    def begin(self, count: int) -> bytes:
        """Return what comes first, as much of it as is there without waiting for more.

        Args:
            count: octets, at most.
        """
        self.fill(1)
        return self.data[self.position : self.position + count]

    def lines(self, longest: int) -> Iterator[bytes]:
        """Read on to the end, line by line.

        Args:
            longest: octets from which on a line comes in pieces.

        Returns:
            The lines without their LF.
        """
        rest = b""
        while self.fill(1):
            *whole, rest = (rest + self.data[self.position :]).split(b"\n")
            self.position = len(self.data)
            yield from whole
            if len(rest) >= longest:
                yield rest
                rest = b""
        if rest:
            yield rest

    @property
    def left(self) -> int:
        """Octets in the window from `position` on."""
        return len(self.data) - self.position

    def _piece(self) -> bytes:
        piece = self._source.read(_PIECE) or b""
        self.taken += len(piece)
        return piece

    def _unpack(self) -> bytes:
        """Return the next unpacked octets, empty at the end (RFC 1952, several members)."""
        while not self.fault:
            packed = self._tail or self._piece()
            self._tail = b""
            if not packed:
                if self._unpacker is not None:
                    self.fault = "it was packed with gzip, and the end is missing"
                return b""
            if self._unpacker is None:
                if len(packed) < len(GZIP):
                    packed += self._piece()
                if not packed.startswith(GZIP):
                    return b""  # padding behind the last member
                self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
            try:
                data = self._unpacker.decompress(packed, _UNPACKED)
            except zlib.error:
                self.fault = "it was packed with gzip, and cannot be unpacked from here on"
                return b""
            if self._unpacker.eof:
                self._tail = self._unpacker.unused_data
                self._unpacker = None
            else:
                self._tail = self._unpacker.unconsumed_tail
            if data:
                return data
        return b""
