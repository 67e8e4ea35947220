"""The transactions of a simulated phone: RFC 3261 §17, as far as a phone needs it.

Times are the RFC's. Nothing is taken from Ringway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.simulation.wire import Headers, Sip, request, response

if TYPE_CHECKING:
    from tests.simulation.phone import Line, Phone

T1 = 0.5
T2 = 4.0
TRANSACTION = 64 * T1

PHRASES = {100: "Trying", 180: "Ringing", 200: "OK", 302: "Moved Temporarily", 481: "No Such Call"}


class Client:
    """A request that the phone sent.

    Attributes:
        heard: a provisional has come.
        final: the status of the first final response, 0 while none has come.
        failed: why there will be none, "" as long as there may be one.
    """

    def __init__(
        self,
        phone: Phone,
        line: Line,
        method: str,
        uri: str,
        told: Callable[[Client, Sip | None], None],
        *,
        from_: str,
        to: str,
        call_id: str,
        cseq: int,
        headers: Headers = (),
        branch: str = "",
    ) -> None:
        self.phone = phone
        self.line = line
        self.method = method
        self.uri = uri
        self.from_ = from_
        self.to = to
        self.call_id = call_id
        self.cseq = cseq
        self.told = told
        self.sent_at = phone.network.now
        self.branch = branch or "z9hG4bK" + phone.unique()
        self.heard = False
        self.final = 0
        self.failed = ""
        self.ack = b""
        self.data = request(
            method,
            uri,
            via=line.via + self.branch,
            from_=from_,
            to=to,
            call_id=call_id,
            cseq=cseq,
            headers=headers,
        )
        phone.clients[self.branch, method] = self
        self.line.send(self.data)
        if not line.reliable:
            phone.network.after(T1, self._again, T1)
        phone.network.after(TRANSACTION, self._timed_out)

    @property
    def done(self) -> bool:
        return bool(self.final or self.failed)

    def response(self, message: Sip) -> None:
        """Take a response with this branch."""
        if message.status < 200:
            self.heard = True
            if not self.done:
                self.told(self, message)
            return
        first = not self.done
        self.final = self.final or message.status
        if self.method == "INVITE" and message.status >= 300:
            if not self.ack:
                self.ack = request(
                    "ACK",
                    self.uri,
                    via=self.line.via + self.branch,
                    from_=self.from_,
                    to=message.get("to"),
                    call_id=self.call_id,
                    cseq=self.cseq,
                )
            self.line.send(self.ack)
        if first or self.method == "INVITE":
            self.told(self, message)

    def cancel(self) -> None:
        """Send a CANCEL; only after a provisional (§9.1)."""
        if self.done or not self.heard:
            return
        Client(
            self.phone,
            self.line,
            "CANCEL",
            self.uri,
            _nobody,
            from_=self.from_,
            to=self.to,
            call_id=self.call_id,
            cseq=self.cseq,
            branch=self.branch,
        )

    def fail(self, why: str) -> None:
        if not self.done:
            self.failed = why
            self.told(self, None)

    def _again(self, interval: float) -> None:
        if self.done or (self.heard and self.method == "INVITE"):
            return
        self.line.send(self.data)
        interval *= 2
        if self.method != "INVITE":
            interval = T2 if self.heard else min(interval, T2)
        self.phone.network.after(interval, self._again, interval)

    def _timed_out(self) -> None:
        if not (self.heard and self.method == "INVITE"):
            self.fail("nothing came within 64*T1")


def _nobody(client: Client, message: Sip | None) -> None:
    """Nobody wants to know."""


class Server:
    """A request that came to the phone, and the answer it got.

    Attributes:
        status: the last that was sent, 0 for none.
        since: when the call that it belongs to began.
        spoke_at: when the first response was sent, 0 for never.
        rang_over: runs of the nodes over which a 180 left, if the way was in order then.
        acked: the ACK of the final response has come.
        tag: the To tag of every response.
    """

    def __init__(self, phone: Phone, line: Line, asked: Sip) -> None:
        self.phone = phone
        self.line = line
        self.asked = asked
        self.at = self.since = phone.network.now
        self.status = 0
        self.spoke_at = 0.0
        self.rang_over: tuple[int, ...] = ()
        self.final_at = 0.0
        self.acked = False
        self.cancelled = False
        self.tag = asked.to_tag or phone.unique()[:10]
        self.data = b""
        self.unacked: Callable[[Server], None] = lambda _: None

    @property
    def live(self) -> bool:
        return self.status < 200

    def solid_until(self, now: float) -> bool:
        """True when the line has been in order since the request was on its way."""
        return not self.phone.tainted and self.line.solid(self.since, now)

    def answer(self, status: int, headers: Headers = ()) -> None:
        """Answer; ignored after a final response."""
        if not self.live:
            return
        self.status = status
        self.spoke_at = self.spoke_at or self.phone.network.now
        if status == 180 and self.line.solid_since is not None:
            self.rang_over = self.line.home.lives
        tag = self.tag if status > 100 else ""
        phrase = PHRASES.get(status, "Final")
        self.data = response(self.asked, status, phrase, tag, headers)
        self.phone.reply(self.line, self.data)
        if status >= 200:
            self.final_at = self.phone.network.now
            if self.asked.method == "INVITE":
                if status < 300 or not self.line.reliable:
                    self.phone.network.after(T1, self._again, T1)
                self.phone.network.after(TRANSACTION, self._give_up)

    def repeat(self) -> None:
        """The request came again."""
        if self.data and not (self.status >= 200 and self.asked.method == "INVITE" and self.acked):
            self.phone.reply(self.line, self.data)

    def _again(self, interval: float) -> None:
        if self.acked or self.phone.network.now - self.final_at >= TRANSACTION:
            return
        self.phone.reply(self.line, self.data)
        interval = min(2 * interval, T2)
        self.phone.network.after(interval, self._again, interval)

    def _give_up(self) -> None:
        if not self.acked:
            self.unacked(self)
