"""Provisional responses that are acknowledged with PRACK (RFC 3262).

One `ReliableSender` for each INVITE we answer, one `ReliableReceiver` for each early dialog of an
INVITE we send. Both only count, order and say what is due; who uses them sends.

One response is under way at a time: §3 demands it for the first and recommends it for the rest.
"""

from __future__ import annotations

import re
from collections import deque
from enum import Enum
from typing import Final, NamedTuple

from ringway.errors import ParseError
from ringway.message import Request, Response, parse_delta

__all__ = [
    "MAX_FIRST",
    "TAG",
    "Order",
    "Pracked",
    "ReliableReceiver",
    "ReliableSender",
    "allows_reliable",
    "demands_reliable",
    "has_session",
    "is_reliable",
    "parse_rseq",
    "rack",
]

TAG: Final = "100rel"
"""The option tag (RFC 3262 §8.1)."""

MAX_FIRST: Final = 2**31 - 1
"""The first RSeq lies from 1 up to this (RFC 3262 §3)."""

_RACK: Final = re.compile(r"([0-9]{1,10})[ \t]+([0-9]{1,10})[ \t]+(\S+)")


class Pracked(NamedTuple):
    """What a PRACK did.

    Attributes:
        status: to answer it with: 200, 481 if it matches nothing, 400 if it has no good RAck.
        response: what it acknowledges; None unless the status is 200.
        following: the reliable response that may be sent now, its first time; None if none waits.
    """

    status: int
    response: Response | None = None
    following: Response | None = None


class ReliableSender:
    """The reliable provisional responses to one INVITE (RFC 3262 §3).

    Args:
        first: the first RSeq, 1 to 2**31 - 1, chosen by chance.
        t1: T1, in seconds.

    Attributes:
        expired: True when one was repeated for 64*T1 without a PRACK: refuse the INVITE with a 5xx.
    """

    __slots__ = (
        "_due",
        "_end",
        "_final",
        "_interval",
        "_next",
        "_outstanding",
        "_t1",
        "_waiting",
        "expired",
    )

    def __init__(self, first: int, *, t1: float = 0.5) -> None:
        if not 1 <= first <= MAX_FIRST:
            raise ValueError(f"not a first RSeq: {first}")
        self._next = first
        self._t1 = t1
        self._outstanding: Response | None = None
        self._waiting: deque[Response] = deque()
        self._due = self._end = 0.0
        self._interval = t1
        self._final = False
        self.expired = False

    @property
    def may_accept(self) -> bool:
        """False while a 2xx must wait: a session description is not acknowledged (§3, §5)."""
        waiting = [self._outstanding] if self._outstanding is not None else []
        return not any(has_session(each) for each in (*waiting, *self._waiting))

    def send(self, response: Response, now: float) -> Response | None:
        """Take a provisional response that is to go out reliably.

        Args:
            response: 101 to 199, without RSeq.
            now: seconds.

        Returns:
            The response to send now, with Require and RSeq. None if it waits for the one before:
            `prack` gives it back.

        Raises:
            ValueError: it is no 101 to 199, or a final response has been sent.
        """
        if not 100 < response.status < 200:
            raise ValueError(f"{response.status} is never sent reliably")
        if self._final:
            raise ValueError("the final response has been sent")
        if self._outstanding is not None:
            self._waiting.append(response)
            return None
        return self._start(response, now)

    def prack(self, request: Request, now: float) -> Pracked:
        """Take a PRACK of the same dialog."""
        found = _RACK.fullmatch(request.get("rack") or "")
        if found is None:
            return Pracked(400)
        sent = self._outstanding
        if sent is None:
            return Pracked(481)
        number, cseq, method = int(found[1]), int(found[2]), found[3]
        if (number, cseq, method) != (parse_rseq(sent), sent.cseq.number, sent.cseq.method):
            return Pracked(481)
        self._outstanding = None
        following = None
        if self._waiting and not self._final:
            following = self._start(self._waiting.popleft(), now)
        return Pracked(200, sent, following)

    def next_due(self) -> float | None:
        """Return when `fire` must be called, None for never."""
        if self._outstanding is None or self._final or self.expired:
            return None
        return min(self._due, self._end)

    def fire(self, now: float) -> Response | None:
        """Return the response that is to be sent again now, None if none is.

        Look at `expired` afterwards.
        """
        due = self.next_due()
        if due is None or now < due:
            return None
        if now >= self._end:
            self.expired = True
            self._waiting.clear()
            return None
        self._interval *= 2
        self._due = now + self._interval
        return self._outstanding

    def finish(self) -> None:
        """Say that the final response goes out: nothing is repeated or begun any more.

        A PRACK for what is still unacknowledged is taken all the same.
        """
        self._final = True
        self._waiting.clear()

    def _start(self, response: Response, now: float) -> Response:
        draft = response.edit()
        draft.append("Require", TAG)
        draft.replace("RSeq", str(self._next))
        self._next += 1
        self._outstanding = draft.build()
        self._interval = self._t1
        self._due = now + self._t1
        self._end = now + 64 * self._t1
        return self._outstanding


class Order(Enum):
    """What a provisional response is (RFC 3262 §4)."""

    UNRELIABLE = "unreliable"
    """Not sent reliably: use it, send no PRACK."""
    NEXT = "next"
    """The next one: send a PRACK with its `rack`, and use it."""
    REPEATED = "repeated"
    """Known already, or of no use any more: drop it."""
    AHEAD = "ahead"
    """One before it is missing: drop it, it will come again."""


class ReliableReceiver:
    """The reliable provisional responses of one early dialog (RFC 3262 §4)."""

    __slots__ = ("_finished", "_last")

    def __init__(self) -> None:
        self._last: int | None = None
        self._finished = False

    def take(self, response: Response) -> Order:
        """Put a provisional response in its order.

        Args:
            response: a 1xx of this dialog to the INVITE.
        """
        if not is_reliable(response):
            return Order.UNRELIABLE
        number = parse_rseq(response)
        if self._finished or (self._last is not None and number <= self._last):
            return Order.REPEATED
        if self._last is not None and number != self._last + 1:
            return Order.AHEAD
        self._last = number
        return Order.NEXT

    def finish(self) -> None:
        """Say that the final response came: what is still under way is dropped."""
        self._finished = True


def rack(response: Response) -> str:
    """Return the RAck of the PRACK for a reliable provisional response (RFC 3262 §7.2)."""
    return f"{parse_rseq(response)} {response.cseq}"


def parse_rseq(response: Response) -> int:
    """Return the RSeq, 0 if there is none that can be used."""
    try:
        number = parse_delta(response.get("rseq") or "", "rseq")
    except ParseError:
        return 0
    return number


def is_reliable(response: Response) -> bool:
    """Say whether a response is to be acknowledged with PRACK.

    A 100 never is (RFC 3262 §4), nor one whose RSeq is missing: no PRACK could name it.
    """
    required = any(tag.lower() == TAG for tag in response.require)
    return required and 100 < response.status < 200 and parse_rseq(response) > 0


def allows_reliable(request: Request) -> bool:
    """Say whether provisional responses to an INVITE may be sent reliably (RFC 3262 §3)."""
    return TAG in request.supported or demands_reliable(request)


def demands_reliable(request: Request) -> bool:
    """Say whether all but the 100 must be sent reliably, or the INVITE refused with 420 (§3)."""
    return any(tag.lower() == TAG for tag in request.require)


def has_session(message: Request | Response) -> bool:
    """Say whether a message carries an offer or an answer (RFC 3261 §13.2.1, §20.11)."""
    if not message.body:
        return False
    disposition = message.get("content-disposition")
    if disposition is not None:
        return disposition.partition(";")[0].strip().lower() == "session"
    kind = (message.get("content-type") or "").partition(";")[0].strip().lower()
    return kind == "application/sdp" or kind.startswith("multipart/")
