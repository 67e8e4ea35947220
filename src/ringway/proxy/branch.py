"""A branch: one client transaction of a forwarded request, over one way to one next hop.

RFC 3261 §16.6 to §16.8. The branch knows whether anything was heard and whether it still counts.
What a failure or a final response leads to is its target's business, by the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringway.codes import CANCELLED, Role, Source
from ringway.endpoint import ClientTransaction, RequestFailed, ResponseReceived, Timer
from ringway.errors import ParseError
from ringway.message import Response
from ringway.proxy.broken import cause_of
from ringway.proxy.outcome import Outcome, failure
from ringway.proxy.outgoing import next_hop, outgoing
from ringway.proxy.way import Way
from ringway.transport.flow import Flow, NextHop

if TYPE_CHECKING:
    from ringway.proxy.target import Target

Headers = tuple[tuple[str, str], ...]


class Branch:
    """One attempt at one target over one way.

    Attributes:
        way: how it goes.
        hops: next hops not yet tried (RFC 3263 §4.3).
        place: the host and port that the way leads to, "" over a flow of ours.
        heard: True once any response came, 100 included.
        rang: True once a provisional above 100 came.
        broken: True while what it was sent over is gone and nothing has come by another way.
        awaited: True once it was gone back to because the phone says that it has this copy.
        superseded: True while another branch counts instead; it may still speak, late.
        cancelled: True once it was given up.
        answered: True once a final response came.
        ended: True once nothing more can come that would count.
        outcome: how it ended, as far as the target was told.
    """

    __slots__ = (
        "answered", "awaited", "broken", "cancelled", "client", "ended", "heard", "hops",
        "outcome", "place", "rang", "superseded", "target", "timer_c", "timer_silent", "way",
    )  # fmt: skip

    def __init__(self, target: Target, way: Way) -> None:
        self.target = target
        self.way = way
        self.client: ClientTransaction | None = None
        self.hops: list[NextHop] = []
        self.place = ""
        self.heard = False
        self.rang = False
        self.broken = False
        self.awaited = False
        self.superseded = False
        self.cancelled = False
        self.answered = False
        self.ended = False
        self.outcome: Outcome | None = None
        self.timer_silent: Timer | None = None
        self.timer_c: Timer | None = None

    @property
    def may_speak(self) -> bool:
        """True when a response may still come that would count."""
        return self.client is not None and not self.ended and not self.cancelled

    def start(self, now: float, hops: list[NextHop] | None = None) -> None:
        """Find the next hop and send; one that cannot be had is a transport error at once.

        Args:
            now: seconds.
            hops: next hops already found, when this branch goes on where another one failed.
        """
        endpoint = self.target.context.proxy.endpoint
        flow = self.way.flow
        if hops:
            self._resolved(hops, now)
        elif flow is None:
            try:
                uri = next_hop(self.target.context.request, self.way)
            except ParseError as error:
                self._fail(failure(Source.TRANSPORT, str(error)), now)
            else:
                self.place = uri.hostport
                endpoint.resolve(uri, self._resolved, now)
        elif endpoint.is_live(flow):
            self._send(flow, now)
        else:
            self._fail(failure(Source.TRANSPORT, "its connection is closed"), now)

    def handle(self, event: ResponseReceived | RequestFailed, now: float) -> None:
        """Take what the endpoint says of this branch's transaction."""
        if isinstance(event, RequestFailed):
            self._failed(event, now)
        else:
            response = self.target.context.proxy.credible(event.response, event.flow)
            if response.status < 200:
                self._provisional(response, now)
            else:
                self._final(response, now)

    def supersede(self, *, keep: bool) -> None:
        """Let another branch count.

        Args:
            keep: True when the phone may have this copy of the request: then the transaction
                stays for what may still come. Within the event that ends it, at the latest.
        """
        self.superseded = True
        self.stop()
        if keep:
            self._keep()

    def wait_again(self, now: float) -> None:
        """Count again: the phone has had this copy all along (RFC 3261 §8.2.2.2).

        What it said may have been lost, so it is asked again, unless it was heard.
        """
        self.superseded = False
        self.outcome = None
        if self.client is not None:
            self.target.context.proxy.endpoint.resume(self.client, now)
        self._start_timer_c(now)

    def cancel(self, now: float, headers: Headers = ()) -> None:
        """Send CANCEL, now or as soon as a provisional allows it (RFC 3261 §9.1)."""
        if self.cancelled or self.ended:
            return
        self.cancelled = True
        self.stop()
        context = self.target.context
        if self.client is not None and context.is_invite:
            context.proxy.endpoint.cancel(self.client, now, headers=headers)

    def stop(self) -> None:
        """Stop this branch's own timers."""
        if self.timer_silent is not None:
            self.timer_silent.cancel()
            self.timer_silent = None
        if self.timer_c is not None:
            self.timer_c.cancel()
            self.timer_c = None

    # sending

    def _resolved(self, hops: list[NextHop], now: float) -> None:
        if self.cancelled or self.outcome is not None:
            return
        if not hops:
            self._fail(failure(Source.TRANSPORT, f"no address for {self.way}"), now)
            return
        self.hops = hops[1:]
        self._send(hops[0], now)

    def _send(self, to: Flow | NextHop, now: float) -> None:
        context = self.target.context
        endpoint, settings = context.proxy.endpoint, context.proxy.settings
        try:
            request = outgoing(context, self.target, self.way, to, now)
        except (ParseError, ValueError) as error:
            self._fail(failure(Source.TRANSPORT, f"no way over {self.way}: {error}"), now)
            return
        self._start_timer_c(now)
        if self.target.has_alternative(now):
            wait = settings.flow_timeout if context.is_invite else settings.request_flow_timeout
            self.timer_silent = endpoint.timer(now + wait, self._silent)
        context.sent(to, now)
        self.client = endpoint.send_request(request, to, self, now, branch_suffix=context.mark)

    # what comes back

    def _failed(self, event: RequestFailed, now: float) -> None:
        context = self.target.context
        mere_edge = self.way.flow is not None and context.role(self.target.spec) is Role.EDGE
        self.ended = True
        self.broken = event.source is Source.TRANSPORT
        outcome = failure(event.source, event.detail)
        if self.cancelled or (self.rang and not self.broken):
            self._fail(Outcome(CANCELLED, event.source, event.detail), now)
        elif self.rang and mere_edge:
            # Who rings has the call, and may answer over a new connection (§18.2.2).
            self._keep()
            context.flow_broke(outcome, now)
        else:
            self._fail(outcome, now)

    def _provisional(self, response: Response, now: float) -> None:
        if self.answered or not _goes_on(response):
            return
        self.heard = True
        self.broken = False
        if self.timer_silent is not None:
            self.timer_silent.cancel()
            self.timer_silent = None
        if response.status > 100:
            self.rang = True
            if self.timer_c is not None:
                self.timer_c.cancel()
                self._start_timer_c(now)
        cause = cause_of(response)
        gone = None if cause is None else Outcome(cause, Source.RECEIVED, f"{self.way} is gone")
        if gone is not None and gone.unreachable:
            self.target.broke(self, gone, now)
        else:
            self.target.provisional(self, response, now)

    def _final(self, response: Response, now: float) -> None:
        success = response.status < 300
        if self.answered and not success:
            self._keep()  # a 408 comes again, whose 2xx may still follow
            return
        self.heard = self.answered = True
        self.broken = False
        self.ended = not success
        self.stop()
        if not _goes_on(response):
            text = f"{self.way} answered {response.status} without the Via of the sender"
            self._fail(failure(Source.TRANSPORT, text), now)
        elif success:
            self.target.succeeded(self, response, now)
        else:
            text = f"{self.way} answered {response.status}"
            if self.superseded:
                self.outcome = None  # a late word of the phone still counts
            self._fail(Outcome(response.status, Source.RECEIVED, text, response), now)

    def _silent(self, now: float) -> None:
        """The flow has said nothing while another one remains: DESIGN, when a flow is silent."""
        self.timer_silent = None
        if self.target.context.open and self.target.has_alternative(now):
            self._fail(failure(Source.TIMER, f"{self.way} says nothing"), now)

    def _start_timer_c(self, now: float) -> None:
        proxy = self.target.context.proxy
        if self.target.context.is_invite:
            self.timer_c = proxy.endpoint.timer(now + proxy.settings.timer_c, self._timer_c_fired)

    def _timer_c_fired(self, now: float) -> None:
        """RFC 3261 §16.8: CANCEL what rings, count the rest as timed out."""
        self.timer_c = None
        self.cancel(now)
        if self.rang:
            self._fail(Outcome(CANCELLED, Source.TIMER, "it rang without an answer"), now)
        else:
            self._fail(failure(Source.TIMER, f"{self.way} gave no final answer"), now)

    def _keep(self) -> None:
        """Send no more, but keep the transaction for what may still come."""
        if self.client is not None:
            proxy = self.target.context.proxy
            linger = proxy.settings.timer_c if self.rang else None
            proxy.endpoint.stop_retransmitting(self.client, linger=linger)
            self.ended = False

    def _fail(self, outcome: Outcome, now: float) -> None:
        if self.outcome is None:
            self.outcome = outcome
            self.stop()
            self.target.failed(self, outcome, now)


def _goes_on(response: Response) -> bool:
    """True when a Via is left below ours: the sender's (RFC 3261 §16.7 step 3)."""
    return response.several("via")
