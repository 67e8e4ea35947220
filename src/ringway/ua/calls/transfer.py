"""REFER within a call, and the subscription that reports on it (RFC 3515, RFC 3891 §4).

A REFER that is accepted makes a subscription that shares the dialog: NOTIFY requests tell what came
of it, each with the status line of the call that was made. The dialog lives on for them after a BYE
(RFC 5057 §4.2). Whether to call whom we are sent to is the application's decision.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from ringway.endpoint import ServerTransaction, Timer
from ringway.errors import ParseError
from ringway.message import Request, Response, Uri, parse_delta, parse_params, unescape
from ringway.transport.flow import Flow
from ringway.ua.calls.offers import Description
from ringway.ua.calls.replaces import Replaces
from ringway.ua.calls.transfer_report import LIFE, Report
from ringway.ua.events import CallEvent, Failure, Redirected, TransferAsked, TransferProgress
from ringway.ua.requests.sending import Sending

if TYPE_CHECKING:
    from ringway.ua.calls.calling import OutgoingCall
    from ringway.ua.calls.session import Session

Headers: TypeAlias = tuple[tuple[str, str], ...]

DECISION: Final = 20.0
"""Seconds until a REFER that nobody decides on is answered with 202 all the same (§2.4.2)."""

_STATUS_LINE: Final = re.compile(rb"SIP/2\.0 ([1-6][0-9][0-9]) ?([^\r\n]*)")


class Transfers:
    """The REFERs of one dialog, of both sides."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._sent: list[_Referral] = []
        self._asked: _Asked | None = None
        self._reports: list[Report] = []
        self._count = 0

    @property
    def pending(self) -> bool:
        """True while somebody is to be told of something in this dialog."""
        return bool(self._sent or self._reports)

    # We ask

    def refer(self, uri: str, other: Session | None, headers: Headers, now: float) -> None:
        """Send a REFER; see `Call.refer`."""
        if other is not None:
            uri = uri or other.dialog.remote_target
            replaces = Replaces.of(other.dialog).escaped()
            uri = f"{uri}{'&' if '?' in uri else '?'}Replaces={replaces}"
        us = self._session.services.settings.aor
        lines = (("Refer-To", f"<{uri}>"), ("Referred-By", f"<{us}>"), *headers)
        referral = _Referral(self._session, self._referral_over)
        self._sent.append(referral)
        referral.start(lines, now)

    def notified(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """Take a NOTIFY (RFC 3515 §2.4.4)."""
        package, semicolon, rest = (request.get("event") or "").partition(";")
        if package.strip().lower() != "refer":
            self._session.reply(transaction, 489, now, (("Allow-Events", "refer"),))
            return
        try:
            number = dict(parse_params(semicolon + rest)).get("id")
        except ParseError:
            number = ""
        found = [each for each in self._sent if number is None or each.number == number]
        line = _STATUS_LINE.match(request.body)
        if not found:
            self._session.reply(transaction, 481, now)
        elif line is None:
            self._session.reply(transaction, 400, now)
        else:
            self._session.dialog.refresh(request)
            self._session.reply(transaction, 200, now)
            phrase = line[2].decode("utf-8", "replace")
            found[0].heard(int(line[1]), phrase, request.get("subscription-state") or "", now)

    # We are asked

    def asked(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """Take a REFER (RFC 3515 §2.4.2)."""
        session = self._session
        try:
            uri, replaces = referred_to(request)
            referrers = request.addresses("referred-by")
        except ParseError:
            session.reply(transaction, 400, now)
            return
        if not uri.is_sip:
            session.reply(transaction, 416, now)
        elif (uri.param("method") or "INVITE") != "INVITE":
            session.reply(transaction, 603, now)
        elif self._asked is not None:
            session.reply(transaction, 491, now)
        else:
            timer = session.services.endpoint.timer(now + DECISION, self._nobody_decided)
            self._count += 1
            by = str(referrers[0].uri) if referrers else ""
            self._asked = _Asked(transaction, request, uri, replaces, timer, self._count > 1)
            session.call.tell(TransferAsked(uri, by, replaces is not None))

    def accept(
        self,
        now: float,
        offer: Description,
        emit: Callable[[CallEvent], None] | None,
        *,
        call: bool,
    ) -> OutgoingCall | None:
        """Do what a REFER asks for; see `Call.transfer_answer`."""
        asked = self._asked
        if asked is None:
            return None
        self._asked = None
        report = self._subscribe(asked, now)
        if not call:
            return None
        headers: Headers = ()
        if asked.replaces is not None:
            headers = (("Replaces", str(asked.replaces)), ("Require", "replaces"))
        for value in asked.request.values("referred-by"):
            headers = (*headers, ("Referred-By", value))
        made = self._session.agent.call(
            str(asked.uri.without_params("method")),
            now,
            body=offer.body,
            content_type=offer.content_type,
            headers=headers,
            emit=emit,
        )
        made.watch = report.tell
        return made

    def refuse(self, now: float) -> None:
        """Decline what a REFER asks for."""
        asked, self._asked = self._asked, None
        if asked is None:
            return
        asked.timer.cancel()
        if asked.report is None:
            self._session.reply(asked.transaction, 603, now)
        else:
            asked.report.tell(603, "", now)

    def report(self, status: int, now: float, phrase: str = "") -> bool:
        """Tell how the oldest one of what was accepted goes."""
        if not self._reports:
            return False
        self._reports[0].tell(status, phrase, now)
        return True

    def end(self, now: float) -> None:
        """Answer what waits when the session ends."""
        self.refuse(now)

    # Inside

    def _subscribe(self, asked: _Asked, now: float) -> Report:
        asked.timer.cancel()
        if asked.report is not None:
            return asked.report
        session = self._session
        session.dialog.refresh(asked.request)
        session.reply(asked.transaction, 202, now, (("Contact", session.contact()),))
        number = asked.request.cseq.number if asked.numbered else None
        asked.report = Report(session, number, self._report_over, now)
        self._reports.append(asked.report)
        return asked.report

    def _nobody_decided(self, now: float) -> None:
        assert self._asked is not None  # noqa: S101 - else the timer was cancelled
        self._subscribe(self._asked, now)

    def _referral_over(self, referral: _Referral, now: float) -> None:
        self._sent.remove(referral)
        self._session.release(now)

    def _report_over(self, report: Report, now: float) -> None:
        self._reports.remove(report)
        self._session.release(now)


class _Referral:
    """A REFER of ours, and what we hear of it."""

    def __init__(self, session: Session, over: Callable[[_Referral, float], None]) -> None:
        self._session = session
        self._over = over
        self._sending: Sending | None = None
        self._told: tuple[int, str] = (202, "Accepted")
        self._heard = False
        self._final = False
        self._timer: Timer | None = None

    @property
    def number(self) -> str:
        """The id that a NOTIFY may bear (RFC 3515 §2.4.6)."""
        sent = self._sending.request if self._sending is not None else None
        return "" if sent is None else str(sent.cseq.number)

    def start(self, headers: Headers, now: float) -> None:
        self._sending = self._session.sending("REFER", self, headers, b"", None)
        self._sending.start(now)

    def heard(self, status: int, phrase: str, state: str, now: float) -> None:
        """Take what a NOTIFY says."""
        self._heard = True
        self._told = (status, phrase)
        kind, semicolon, rest = state.partition(";")
        ended = kind.strip().lower() == "terminated"
        if not self._final:
            self._final = ended or status >= 200
            self._session.call.tell(TransferProgress(status, phrase, self._final))
        if ended:
            self._end(now)
            return
        try:
            left = dict(parse_params(semicolon + rest)).get("expires")
            seconds = LIFE if left is None else parse_delta(left, "subscription-state")
        except ParseError:
            seconds = LIFE
        self._wait(min(seconds, LIFE), now)

    # An Asker

    def provisional(self, request: Request, response: Response, flow: Flow, now: float) -> None:
        """Nothing to do."""

    def redirected(self, event: Redirected, now: float) -> None:
        """Nothing to do."""

    def succeeded(self, request: Request, response: Response, flow: Flow, now: float) -> None:  # noqa: ARG002
        """It was accepted; a NOTIFY may have come before (RFC 3515 §2.4.4)."""
        if not self._heard:
            self._session.call.tell(TransferProgress(*self._told, False))
            self._wait(self._session.services.endpoint.settings.timers.transaction, now)

    def failed(self, failure: Failure, now: float) -> None:
        """It was refused, or lost."""
        if not self._final:
            self._final = True
            phrase = failure.response.reason if failure.response else failure.text
            self._session.call.tell(TransferProgress(failure.status, phrase, True))
        self._end(now)
        self._session.judge("REFER", failure, now)

    def _wait(self, seconds: float, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._session.services.endpoint.timer(now + seconds, self._expired)

    def _expired(self, now: float) -> None:
        """Nothing more comes (RFC 6665 §4.1.2.4)."""
        if not self._final:
            self._final = True
            self._session.call.tell(TransferProgress(*self._told, True))
        self._end(now)

    def _end(self, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        over, self._over = self._over, _nobody
        over(self, now)


class _Asked:
    """A REFER of the far end that waits for the application."""

    def __init__(
        self,
        transaction: ServerTransaction,
        request: Request,
        uri: Uri,
        replaces: Replaces | None,
        timer: Timer,
        numbered: bool,
    ) -> None:
        self.transaction = transaction
        self.request = request
        self.uri = uri
        self.replaces = replaces
        self.timer = timer
        self.numbered = numbered
        self.report: Report | None = None


def referred_to(request: Request) -> tuple[Uri, Replaces | None]:
    """Return the URI of the Refer-To without its headers, and the Replaces among them.

    Other headers in the URI are not taken over: who refers does not write our requests
    (RFC 3261 §19.1.5).

    Raises:
        ParseError: it is not exactly one (RFC 3515 §2.4.2), or its Replaces cannot be read (400).
    """
    targets = request.addresses("refer-to")
    if len(targets) != 1:
        raise ParseError("exactly one Refer-To", header="refer-to")
    uri = targets[0].uri
    found = [value for name, value in uri.headers if name.lower() == "replaces"]
    return uri.without_headers(), Replaces.parse(unescape(found[0])) if found else None


def _nobody(referral: _Referral, now: float) -> None:
    """It was over before."""
