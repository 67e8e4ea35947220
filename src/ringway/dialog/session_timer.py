"""How long a session lives unless it is refreshed (RFC 4028 §7, §9, §10).

One `SessionTimer` for each dialog with a session. It writes and reads Session-Expires and Min-SE,
and says when the next refresh is due (half the interval) and when the session is given up (the
smaller of 32 s and a third of the interval before it expires). "timer" in Supported is not written
here: it belongs into every request and 2xx but ACK, next to the other option tags.

An interval below 90 s is never kept: the RFC allows none (§4), and it would make us a source of
requests at the will of the peer (§11.1).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ringway.dialog.refusal import Headers, Refusal
from ringway.errors import ParseError
from ringway.message import Request, Response, parse_delta, parse_params

__all__ = ["MINIMUM", "SESSION_REFRESH", "TAG", "Refusal", "SessionExpires", "SessionTimer"]

TAG: Final = "timer"
"""The option tag (RFC 4028 §7.1)."""

MINIMUM: Final = 90
"""The shortest interval there may be, and what Min-SE means when it is absent; seconds (§4, §5)."""

_SHORTEST: Final = 4.0
"""Seconds between two tries of a refresh, at least."""

SESSION_REFRESH: Final = frozenset({"INVITE", "UPDATE"})
"""Methods that refresh a session."""


@dataclass(frozen=True, slots=True)
class SessionExpires:
    """A Session-Expires value: ``delta-seconds *(SEMI se-params)`` (RFC 4028 §4).

    Attributes:
        seconds: the session interval.
        refresher: ``uac``, ``uas``, or empty if it does not say.
    """

    seconds: int
    refresher: str = ""

    @classmethod
    def of(cls, message: Request | Response) -> SessionExpires | None:
        """Return the one of a message, None if there is none.

        Raises:
            ParseError: it cannot be read (400).
        """
        text = message.get("session-expires")
        if text is None:
            return None
        number, semicolon, rest = text.partition(";")
        refresher = dict(parse_params(semicolon + rest)).get("refresher") or ""
        seconds = parse_delta(number.strip(" \t"), "session-expires")
        refresher = refresher.lower()
        return cls(seconds, refresher if refresher in {"uac", "uas"} else "")

    def __str__(self) -> str:
        tail = f";refresher={self.refresher}" if self.refresher else ""
        return f"{self.seconds}{tail}"


class SessionTimer:
    """The session timer of one dialog.

    Args:
        interval: the interval to ask for, in seconds; 0 to use no session timers at all: then
            "timer" must not stand in Supported.
        min_se: the shortest interval to accept, at least 90 s.

    Attributes:
        interval: seconds the session lives after each refresh; None while there is no timer.
        refresher: True when we refresh, False when the peer does.
        refresh_at: when we are to refresh next; None if we need not, or a refresh is under way.
        give_up_at: when to send BYE unless a refresh came before; None while there is no timer.
        updates: True when the peer takes UPDATE: refresh with it, and without an offer; else with
            INVITE and the offer as it was (§7.4).
    """

    __slots__ = (
        "_asked",
        "_established",
        "_learned",
        "_planned",
        "_wanted",
        "give_up_at",
        "interval",
        "min_se",
        "refresh_at",
        "refresher",
        "updates",
    )

    def __init__(self, interval: int, min_se: int = MINIMUM) -> None:
        self.min_se = max(min_se, MINIMUM)
        self._wanted = max(interval, self.min_se) if interval else 0
        self._learned = 0
        self._asked = 0
        self._planned = 0.0
        self._established = False
        self.interval: int | None = None
        self.refresher = False
        self.refresh_at: float | None = None
        self.give_up_at: float | None = None
        self.updates = False

    @property
    def method(self) -> str:
        """The method to refresh with."""
        return "UPDATE" if self.updates else "INVITE"

    def next_due(self) -> float | None:
        """Return the earlier of `refresh_at` and `give_up_at`, None for never."""
        times = [each for each in (self.refresh_at, self.give_up_at) if each is not None]
        return min(times, default=None)

    # Requests of ours.

    def request_headers(self) -> Headers:
        """Return Session-Expires and Min-SE for an INVITE or UPDATE of ours (§7.1, §7.4).

        Every one of them refreshes the session. Tell its end with `answered` or `refused`.
        """
        if not self._wanted:
            return ()
        lowest = max(self._learned, self.min_se)
        refresher = ""
        if self.interval is None:
            seconds = self._wanted
        else:
            seconds = self.interval
            refresher = "uac" if self.refresher else "uas"
        value = SessionExpires(max(seconds, lowest), refresher)
        self._asked = value.seconds
        if self.refresh_at is not None:
            self._planned = self.refresh_at
            self.refresh_at = None
        headers = (("Session-Expires", str(value)),)
        if self._learned or lowest > MINIMUM:
            return (*headers, ("Min-SE", str(lowest)))
        return headers

    def answered(self, request: Request, response: Response, now: float) -> None:
        """Take the 2xx to an INVITE or UPDATE of ours (§7.2).

        Args:
            request: as it was sent last: it may have been changed after a 422.
            response: the 2xx.
            now: when it came.
        """
        self._hear(response)
        self._asked = 0
        self._learned = max(self._learned, _min_se(request)) if self._established else 0
        self._established = True
        value = _session_expires(response) if self._wanted else None
        if value is None:
            # Nobody else keeps a timer; we do if we asked for one.
            asked = _session_expires(request)
            self._set(0 if asked is None else asked.seconds, refresher=True, now=now)
        else:
            self._set(value.seconds, refresher=value.refresher != "uas", now=now)

    def refused(self, response: Response | None, now: float, *, wait: float = 0.0) -> bool:
        """Take a failure of an INVITE or UPDATE of ours; the session expires when it did before.

        If it was our turn to refresh, the next try comes after the wait, or in the middle of the
        time that is left.

        Args:
            response: the final response; None if there was none.
            now: when it came.
            wait: seconds until another try may be made, as after 491; 0 if nobody said.

        Returns:
            True if it was a 422 that names a longer interval than was asked for: send the request
            again, with another `request_headers` (§7.3).
        """
        asked, self._asked = self._asked, 0
        if self.refresher and self.give_up_at is not None:
            left = (self.give_up_at - now) / 2
            again = max(self._planned, now + (wait or left))
            sensible = wait > 0 or left >= _SHORTEST
            self.refresh_at = again if sensible and again < self.give_up_at else None
        if response is None or response.status != 422 or not asked:
            return False
        lowest = _min_se(response)
        self._learned = max(self._learned, lowest)
        return lowest > asked

    # Requests of the peer.

    def check(self, request: Request) -> Refusal | None:
        """Say whether an INVITE or UPDATE must be refused: 422 with Min-SE, or 400 (§9)."""
        try:
            value = SessionExpires.of(request)
        except ParseError:
            return Refusal(400)
        if not self._wanted or value is None or TAG not in request.supported:
            return None
        if value.seconds < self.min_se:
            return Refusal(422, (("Min-SE", str(self.min_se)),))
        return None

    def accept(self, request: Request, now: float) -> Headers:
        """Set the timer by a request that is accepted, and return what the 2xx must carry (§9).

        Args:
            request: an INVITE or UPDATE that `check` let pass.
            now: when the 2xx is sent.

        Returns:
            Session-Expires, and Require: timer where the sender knows it; nothing without a timer.
        """
        self._hear(request)
        self._established = True
        self._learned = max(self._learned, _min_se(request))
        knows = TAG in request.supported
        value = _session_expires(request)
        if not self._wanted or (value is None and not knows):
            self._set(0, refresher=False, now=now)
            return ()
        lowest = max(_min_se(request), MINIMUM)
        seconds = max(self._wanted, lowest)
        if value is not None:
            seconds = min(value.seconds, seconds)
        if seconds < MINIMUM:
            self._set(0, refresher=False, now=now)
            return ()
        by_us = self._refresher(value, knows=knows)
        self._set(seconds, refresher=by_us, now=now)
        answer = SessionExpires(seconds, "uas" if by_us else "uac")
        headers = (("Session-Expires", str(answer)),)
        return (*headers, ("Require", TAG)) if knows else headers

    def stop(self) -> None:
        """End the timer with its session."""
        self._asked = 0
        self._set(0, refresher=False, now=0.0)

    def _refresher(self, value: SessionExpires | None, *, knows: bool) -> bool:
        """Say whether we, the UAS, refresh: Table 2 of §9, a free choice left as it was."""
        if not knows:
            return True
        if value is not None and value.refresher:
            return value.refresher == "uas"
        return self.refresher if self.interval is not None else False

    def _set(self, seconds: int, *, refresher: bool, now: float) -> None:
        if not seconds:
            self.interval = self.refresh_at = self.give_up_at = None
            self.refresher = False
            return
        self.interval = interval = max(seconds, MINIMUM)
        self.refresher = refresher
        self.refresh_at = now + interval / 2 if refresher else None
        self.give_up_at = now + interval - min(32.0, interval / 3)

    def _hear(self, message: Request | Response) -> None:
        allowed: Iterable[str] = message.values("allow")
        if allowed:
            self.updates = "UPDATE" in allowed


def _session_expires(message: Request | Response) -> SessionExpires | None:
    """Return the Session-Expires, None if there is none that can be read."""
    try:
        return SessionExpires.of(message)
    except ParseError:
        return None


def _min_se(message: Request | Response) -> int:
    """Return the Min-SE, 0 if there is none that can be read."""
    text = (message.get("min-se") or "").partition(";")[0].strip(" \t")
    try:
        return parse_delta(text, "min-se")
    except ParseError:
        return 0
