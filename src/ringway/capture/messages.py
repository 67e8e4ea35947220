"""Cuts one direction of a TCP connection into SIP messages, as somebody who only listens.

The framer is the one the server has. What it gives up on is told with its fault, and reading goes
on at the next start line: behind octets that were not captured, and behind a Content-Length that
does not fit (RFC 3261 §18.3). One that is too large has swallowed the begin of the next message,
so it is also looked for in the end of the body before.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ringway.capture.items import KeepAlive, Seen
from ringway.capture.lenient import read_message
from ringway.capture.output import Output
from ringway.capture.sip import START_LINE, begins_sip
from ringway.transport.flow import Address
from ringway.transport.frames import CRLF, Frame, FrameKind, FramingLimits
from ringway.transport.framing import StreamFramer

_LIMITS: Final = FramingLimits(65_536, 1_048_576)
_STEP: Final = 16_384
_LONGEST_LINE: Final = 2048  # of a start line that is searched
_MOST_TOLD: Final = 65_536  # octets of garbage that are shown
_HEAD_END: Final = CRLF + CRLF
_LENGTH: Final = re.compile(
    rb"\r\n(?:content-length|l)[ \t]*:[ \t]*([0-9]{1,9})[ \t]*\r\n", re.IGNORECASE
)
_CARRIES_SIP: Final = re.compile(
    rb"\r\n(?:content-type|c)[ \t]*:[ \t]*(?:message/|multipart/)", re.IGNORECASE
)


class Place(NamedTuple):
    """Where the octets of one direction go.

    Attributes:
        transport: tcp or ws.
        source: who sends them.
        target: to whom.
    """

    transport: str
    source: Address
    target: Address


class Pieces:
    """Which octets of a stream came in which packet."""

    __slots__ = ("_ends", "_size")

    OVERHEAD: Final = 128
    """Octets of memory for each packet, more or less."""

    def __init__(self) -> None:
        self._ends: list[tuple[int, int, float]] = []  # a deque takes ten times the memory
        self._size = 0

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, size: int, number: int, at: float) -> None:
        """Take note of the next octets."""
        self._size += size
        self._ends.append((self._size, number, at))

    def take(self, begin: int, end: int) -> tuple[tuple[int, ...], float]:
        """Return the packets of some octets, and when the last came; forget what is before.

        Args:
            begin: how many octets were before them.
            end: how many octets there were with them.
        """
        ends = self._ends
        passed = 0
        while passed < len(ends) - 1 and ends[passed][0] <= begin:
            passed += 1
        del ends[:passed]
        numbers: list[int] = []
        last = 0.0
        for stop, number, at in ends:
            numbers.append(number)
            last = at
            if stop >= end:
                break
        return tuple(numbers), last


class MessageCutter:
    """One direction of a connection that carries SIP.

    Args:
        place: where the octets go.
        out: where the messages go.
        from_start: whether its first octets are the first ones of the connection.
    """

    __slots__ = (
        "_before",
        "_begin",
        "_begun",
        "_fed",
        "_framer",
        "_out",
        "_pieces",
        "_place",
        "_quiet",
        "_searched",
        "_tail",
    )

    def __init__(self, place: Place, out: Output, *, from_start: bool) -> None:
        self._place = place
        self._out = out
        self._pieces = Pieces()
        self._tail = bytearray()  # what is not told yet
        self._begun = 0  # octets before it
        self._begin = 0  # where in it the next message begins
        self._fed = 0  # up to where the framer has it
        self._framer: StreamFramer | None = StreamFramer(_LIMITS) if from_start else None
        self._quiet = not from_start  # whether octets that are no message are of no interest
        self._before = b""  # the end of the body before
        self._searched = 0  # octets of the next ones in which no start line begins

    @property
    def held(self) -> int:
        """Octets that wait for the rest of a message."""
        return 2 * len(self._tail) + len(self._before) + Pieces.OVERHEAD * len(self._pieces)

    def feed(self, data: bytes, number: int, at: float) -> None:
        """Take the next octets.

        Args:
            data: the octets.
            number: the packet they came in.
            at: when.
        """
        self._pieces.add(len(data), number, at)
        self._tail += data
        while True:
            if self._framer is None and not self._search():
                break
            if not self._cut():
                break
        if self._begin:
            del self._tail[: self._begin]
            self._begun += self._begin
            self._fed -= self._begin
            self._begin = 0

    def gap(self, missing: int) -> None:
        """Take note that octets are missing before the next ones.

        Args:
            missing: how many, 0 if not known.
        """
        self.end(f"{missing or 'some'} octets behind these were not captured")

    def end(self, why: str) -> None:
        """Tell of a message that has begun and is not whole, and begin anew.

        Args:
            why: what is wrong with it.
        """
        if self._framer is not None and begins_sip(bytes(self._tail[:_LONGEST_LINE])):
            size = None if START_LINE.match(self._tail) else self._next_start()
            if size is not None and size < 0:
                self._swallowed(self._before[size:])
            self._tell(len(self._tail), why)
        elif self._tail:
            self._tell_garbage(len(self._tail))
        self._begun += len(self._tail)
        self._tail.clear()
        self._begin = self._fed = 0
        self._framer = None
        self._quiet = True
        self._before = b""
        self._searched = 0

    def _cut(self) -> bool:
        """Cut what is there; return whether there is more to do, behind a fault."""
        framer = self._framer
        if framer is None:
            return True
        while self._fed < len(self._tail):
            piece = bytes(self._tail[self._fed : self._fed + _STEP])
            self._fed += len(piece)
            crlfs = 0
            for frame in framer.feed(piece):
                if frame.kind is FrameKind.PING or frame.kind is FrameKind.PONG:
                    crlfs += 1
                    continue
                crlfs = self._keep_alive(crlfs)
                if not self._take(frame):
                    self._framer = None
                    self._searched = 0
                    return True
            self._keep_alive(crlfs)
        return False

    def _take(self, frame: Frame) -> bool:
        """Take a frame; return whether the framer can go on."""
        if frame.kind is FrameKind.BROKEN:
            whole = self._tail.startswith(frame.head, self._begin)
            if begins_sip(bytes(self._tail[self._begin : self._begin + _LONGEST_LINE])):
                size = len(frame.head) if whole else len(self._tail) - self._begin
                self._tell(size, frame.reason)
                self._quiet = True
            return False
        head, body = frame.head, frame.body
        if START_LINE.match(head) is None and (
            START_LINE.search(head) is not None or not begins_sip(head[:_LONGEST_LINE])
        ):
            return False
        if body:
            within = START_LINE.search(body) if b"SIP/2.0" in body else None
            if within is not None and _CARRIES_SIP.search(head) is None:
                self._tell_overrun(len(head), len(body), within.start())
                return False
        self._tell(len(head) + len(body))
        self._before = body[-_LONGEST_LINE:]
        return True

    def _search(self) -> bool:
        """Find the next start line; what is before it is told, unless it is of no interest."""
        tail = self._tail
        size = self._next_start()
        if size is None:
            if self._quiet and not tail[self._begin :].strip(CRLF):
                self._start()
                return bool(tail)
            if len(tail) - self._begin > _MOST_TOLD + _LONGEST_LINE:
                self._tell_garbage(len(tail) - self._begin - _LONGEST_LINE)
                self._quiet = True
            elif self._quiet:
                self._begin = max(self._begin, len(tail) - _LONGEST_LINE)
                self._frames(0)
            self._searched = len(tail) - _LONGEST_LINE - self._begin
            return False
        if size < 0:
            self._swallowed(self._before[size:])
        elif size:
            self._tell_garbage(size)
        self._quiet = False
        if not self._overrun():
            self._start()
        return True

    def _overrun(self) -> bool:
        """Tell of a message behind a fault whose body has a start line in it, if it is one.

        The framer would wait for all of such a body, and then do the same for the next one in it.
        """
        end = self._tail.find(_HEAD_END, self._begin, self._begin + _LIMITS.head)
        head = bytes(self._tail[self._begin : end + len(_HEAD_END)]) if end >= 0 else b""
        length = _LENGTH.search(head)
        if length is None or _CARRIES_SIP.search(head) is not None:
            return False
        body = self._begin + len(head)
        within = START_LINE.search(self._tail, body, body + int(length[1]))
        if within is None:
            return False
        self._tell_overrun(len(head), int(length[1]), within.start() - body)
        return True

    def _tell_overrun(self, head: int, length: int, size: int) -> None:
        fault = f"Content-Length is {length}, but a message begins behind {size} octets"
        self._tell(head + size, fault)

    def _start(self) -> None:
        """Begin to cut at the next octet."""
        self._before = b""
        self._searched = 0
        self._fed = self._begin
        self._framer = StreamFramer(_LIMITS)

    def _next_start(self) -> int | None:
        """Return how far the next start line is, less than 0 if it begins in the body before."""
        left = len(self._tail) - self._begin
        if self._before and left <= _LONGEST_LINE:
            before = len(self._before)
            text = self._before + self._tail[self._begin :]
            found = START_LINE.search(text)
            while found is not None and found.end() <= before:
                found = START_LINE.search(text, found.end())
            return None if found is None else found.start() - before
        found = START_LINE.search(self._tail, self._begin + max(self._searched, 0))
        return None if found is None else found.start() - self._begin

    def _swallowed(self, begin: bytes) -> None:
        """Put back what a Content-Length that is too large has taken from the next message."""
        self._tail[: self._begin] = begin
        self._begun += self._begin - len(begin)
        self._begin = 0
        frames, at = self._pieces.take(self._begun, self._begun + len(begin) + 1)
        place = self._place
        self._out.put(
            Seen(
                at,
                frames,
                *place,
                None,
                f"the Content-Length of the message before is {len(begin)} too large",
                begin,
            )
        )

    def _tell_garbage(self, size: int) -> None:
        """Tell of octets that begin no message."""
        data = bytes(self._tail[self._begin : self._begin + min(size, _MOST_TOLD)])
        frames, at = self._frames(size)
        self._begin += size
        if not self._quiet and data.strip(CRLF):
            fault = (
                f"{size} octets that begin no message; the Content-Length of the one before may "
                "be too small"
            )
            self._out.put(Seen(at, frames, *self._place, None, fault, data))

    def _tell(self, size: int, fault: str = "") -> None:
        """Tell of a message."""
        data = bytes(self._tail[self._begin : self._begin + size])
        frames, at = self._frames(size)
        self._begin += size
        message, wrong = read_message(data)
        self._out.put(Seen(at, frames, *self._place, message, fault or wrong, data))
        self._quiet = False
        self._before = b""

    def _keep_alive(self, crlfs: int) -> int:
        """Tell of empty lines: two are a ping, one is a pong (RFC 5626 §3.5.1)."""
        while crlfs:
            size = min(crlfs, 2)
            frames, at = self._frames(size * len(CRLF))
            self._begin += size * len(CRLF)
            crlfs -= size
            self._out.put(KeepAlive(at, frames, *self._place, "crlf", answer=size == 1))
            self._before = b""
        return 0

    def _frames(self, size: int) -> tuple[tuple[int, ...], float]:
        begin = self._begun + self._begin
        return self._pieces.take(begin, begin + size)
