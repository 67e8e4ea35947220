"""The NOTIFY requests that tell how a call goes that a REFER has asked for (RFC 3515 §2.4.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ringway.codes import lookup
from ringway.endpoint import Timer
from ringway.message import Response
from ringway.ua.events import Failure

if TYPE_CHECKING:
    from ringway.ua.calls.session import Session

SIPFRAG: Final = "message/sipfrag;version=2.0"
LIFE: Final = 300.0
"""Seconds that we report for: longer than a call may ring (RFC 3515 §3.4)."""
PACE: Final = 1.0
"""Seconds between two reports (§3.10)."""


class Report:
    """The subscription of a REFER that we have accepted: what we tell about it.

    The first report goes out when this is made: nothing is known yet.

    Args:
        session: the dialog.
        number: the CSeq number of the REFER, None for the first of a dialog (RFC 3515 §2.4.6).
        over: called once, when nothing more is told.
        now: seconds.
    """

    def __init__(
        self,
        session: Session,
        number: int | None,
        over: Callable[[Report, float], None],
        now: float,
    ) -> None:
        self._session = session
        self._event = "refer" if number is None else f"refer;id={number}"
        self._over: Callable[[Report, float], None] | None = over
        self._end_at = now + LIFE
        self._pending: tuple[int, str] | None = (100, "")
        self._last = (100, "")
        self._pace: Timer | None = None
        endpoint = session.services.endpoint
        self._life: Timer = endpoint.timer(self._end_at, self._expired)
        self._send(now)

    def tell(self, status: int, phrase: str, now: float) -> None:
        """Tell of a status now, or as soon as the pace allows; the last one counts."""
        if self._over is None or self._last[0] >= 200:
            return
        self._last = self._pending = (status, phrase)
        if self._pace is None:
            self._send(now)

    def _send(self, now: float) -> None:
        """Send what waits, and wait before the next."""
        self._pace = None
        if self._pending is None:
            return
        (status, phrase), self._pending = self._pending, None
        if status >= 200:
            self._notify(status, phrase, "terminated;reason=noresource", now)
            self._finish(now)
            return
        self._pace = self._session.services.endpoint.timer(now + PACE, self._send)
        state = f"active;expires={max(0, int(self._end_at - now))}"
        self._notify(status, phrase, state, now)

    def _expired(self, now: float) -> None:
        self._notify(*self._last, "terminated;reason=timeout", now)
        self._finish(now)

    def _notify(self, status: int, phrase: str, state: str, now: float) -> None:
        line = f"SIP/2.0 {status} {phrase or lookup(status).phrase}\r\n"
        self._session.ask(
            "NOTIFY",
            now,
            self._answered,
            headers=(("Event", self._event), ("Subscription-State", state)),
            body=line.encode(),
            content_type=SIPFRAG,
        )

    def _answered(self, response: Response | None, failure: Failure | None, now: float) -> None:  # noqa: ARG002
        """Whoever does not want to hear of it hears no more (RFC 6665 §4.2.2)."""
        if failure is not None:
            self._finish(now)

    def _finish(self, now: float) -> None:
        self._life.cancel()
        if self._pace is not None:
            self._pace.cancel()
        over, self._over = self._over, None
        if over is not None:
            over(self, now)
