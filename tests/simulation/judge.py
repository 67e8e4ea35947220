"""The judge: what must hold whatever the network does, checked as it happens.

A phone is *solid* over a time when one of its flows was registered before and has been in order
ever since, the node at its other end included. What is promised unconditionally is checked for
everybody; that something arrives is checked for who is solid. A message that was damaged on its way
may have become any other: a call it belonged to is only watched for crashes and leaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.simulation.calls import Call, Dialog
from tests.simulation.transactions import Client, Server
from tests.simulation.wire import Sip

if TYPE_CHECKING:
    from tests.simulation.network import Network
    from tests.simulation.phone import Line, Phone

FLOW_TIMEOUT = 2.0
"""How long an INVITE waits on a silent flow while another remains (DESIGN)."""
TIMER_C = 180.0
"""An INVITE may end by itself after so many seconds (RFC 3261 §16.6 step 11)."""
RING_ON = 8.0
"""How long a phone may ring when the call is over: CANCEL may need to be sent again."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must not be.

    Attributes:
        rule: the rule's name.
        at: seconds since the start.
        call_id: of the call concerned; "" for none.
    """

    rule: str
    text: str
    at: float
    call_id: str = ""

    def __str__(self) -> str:
        return f"{self.rule}: {self.text} (at {self.at:.3f} s)"


class Judge:
    """Watches the phones of one simulation.

    Attributes:
        users: who may be called: name to phones.
        lossy: datagrams may need to be sent again.
        recursion: the proxy follows redirects.
        edges: there are edges before the registrar.
    """

    def __init__(self, network: Network, *, lossy: bool, recursion: bool, edges: bool) -> None:
        self.network = network
        self.lossy = lossy
        self.recursion = recursion
        self.edges = edges
        self.start = network.now
        self.calls: dict[str, Call] = {}
        self.users: dict[str, list[Phone]] = {}
        self.violations: list[Violation] = []
        self.counts: dict[str, int] = {}
        self._tainted: set[str] = set()

    def fail(self, rule: str, text: str, call_id: str = "") -> None:
        self.violations.append(Violation(rule, text, self.network.now - self.start, call_id))

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def is_tainted(self, call_id: str) -> bool:
        """True when a message with this Call-ID was damaged."""
        return call_id in self._tainted

    def call_of(self, message: Sip) -> Call | None:
        """Return the call that a request belongs to; None if it is none."""
        last = call = self.calls.get(message.call_id)
        while call is not None:
            if call.client is not None and call.client.branch == message.first_branch:
                return call
            call = call.before
        return last

    def damaged(self, data: bytes) -> None:
        """A datagram was damaged: expect nothing of what it belonged to."""
        head = data.decode("utf-8", "replace")
        call_id = head.partition("Call-ID: ")[2].partition("\r\n")[0]
        self._tainted.add(call_id)
        call = self.calls.get(call_id)
        if call is not None:
            call.tainted = True
        elif " REGISTER\r\n" in head:
            user = head.partition("\r\nTo: <sip:")[2].partition("@")[0]
            for phone in self.users.get(user, []):
                phone.tainted = True

    # Registration

    def not_bound(self, line: Line, message: Sip, client: Client) -> None:
        if (line.home.hub or line.home).jumped_at > client.sent_at:
            return  # it lapsed before the store was done
        if not line.phone.tainted and message.call_id not in self._tainted:
            text = f"the 200 to the REGISTER of {line.phone} does not name its binding"
            self.fail("a 200 is no lie", text, message.call_id)

    def unregistered(self, line: Line, *, still: bool) -> None:
        self.count("unregistered")
        if still and not line.phone.tainted:
            self.fail("a 200 is no lie", f"{line.phone} is still bound", line.call_id)

    def no_answer(self, line: Line, sent_at: float) -> None:
        """A REGISTER got no final response."""
        sound = line.sound_since is not None and line.sound_since < sent_at
        if sound and not self._tainted:
            text = f"REGISTER of {line.phone} got no final response"
            self.fail("each request is answered", text, line.call_id)

    def still_bound(self, flow: object) -> None:
        self.fail("a dead flow costs no timer", f"{flow} is gone and its bindings are not")

    # What a phone gets

    def unreadable(self, phone: Phone, data: bytes) -> None:
        if not self._tainted:
            self.fail("readable", f"{phone} got {data[:60]!r}")

    def response(self, phone: Phone, message: Sip, client: Client | None) -> bool:
        """Look at a response; True when the phone may take it."""
        call_id = message.call_id
        if call_id in self._tainted:
            return client is not None
        if client is None:
            if not self._tainted:
                text = f"{phone} got a {message.status} to {message.method} it never sent"
                self.fail("responses match requests", text, call_id)
            return False
        if message.status == 430:
            self.fail("no endpoint sees 430", f"{phone} got 430 to {message.method}", call_id)
        if message.status == 408 and message.method != "INVITE":
            text = f"{phone} got 408 to {message.method}"
            self.fail("no 408 to a non-INVITE", text, call_id)
        return True

    def came(self, server: Server) -> Call | None:
        """A request outside a dialog came to a phone; returns the call, None if it is none."""
        asked, phone = server.asked, server.phone
        call = self.call_of(asked)
        if call is None or call.tainted:
            return call
        self.count("delivered")
        server.since = call.at
        now = self.network.now
        if not asked.uri.startswith(f"sip:{phone.user}@") and not phone.tainted:
            self.fail("right phone", f"{phone} got a request for {asked.uri}", asked.call_id)
        unbound_at = server.line.unbound_at
        if unbound_at and not phone.tainted and call.at > unbound_at + 1:
            text = f"{phone} has no registration on this flow any more"
            self.fail("no stale binding", text, asked.call_id)
        if call.method == "INVITE":
            for other in call.copies:
                if other.phone is phone and other.asked.from_tag == asked.from_tag:
                    self._second_copy(call, other, server, now)
        call.copies.append(server)
        return call

    def _second_copy(self, call: Call, first: Server, second: Server, now: float) -> None:
        """A phone got an INVITE twice: that needs a reason (RFC 5626 §7)."""
        self.count("second copies")
        phone = first.phone
        if first.cancelled or not (first.solid_until(now) and second.solid_until(now)):
            return
        # A copy that is lost comes later than it was sent, and so does what the phone says.
        slack = 4.0 if self.lossy else 0.5
        least = 0.3 if self.lossy else FLOW_TIMEOUT - 0.2
        waited = now - first.at
        if first.live:
            spoke = first.spoke_at and first.spoke_at < first.at + FLOW_TIMEOUT - slack
            if waited < least or spoke:
                text = f"{phone} got a second copy after {waited:.2f} s, the first one is alive"
                self.fail("one live branch at an instance", text, call.call_id)
        elif first.status not in {408, 430, 482} and now - first.final_at > slack:
            text = f"{phone} answered {first.status} and got another copy"
            self.fail("a final answer ends the search", text, call.call_id)

    def unacked(self, server: Server) -> None:
        """No ACK came for a final response of a phone to an INVITE."""
        call = self.call_of(server.asked)
        now = self.network.now
        if call is None or call.tainted or not server.solid_until(now):
            return
        if server.status < 300:
            # A 2xx after the caller was told of a failure has nowhere to go: over a connection the
            # server transaction is over at once (RFC 6026 §7.1).
            if not call.line.solid(call.at, now) or (call.finals and call.finals[0][1] >= 300):
                return
            # Nor has one of a phone that first spoke when all was over: its branch counts as 487
            # already, and the CANCEL waits for a provisional (RFC 3261 §9.1).
            others = [each for each in call.copies if each is not server]
            ends = [each.final_at for each in others if each.status // 100 in {2, 6}]
            ends += [at for at, _, tag in call.finals if tag != server.tag]
            if call.cancelled_at:
                ends.append(call.cancelled_at)
            over = min(ends, default=now)
            late = server.spoke_at > over - (4.0 if self.lossy else 0.5)
            if late or server.final_at > over + 25:
                return
        self.fail(
            "each final answer is acknowledged",
            f"no ACK came to the {server.status} of {server.phone}",
            call.call_id,
        )

    # What a caller gets

    def final(self, call: Call, message: Sip) -> None:
        """A new final response came to a call."""
        self.count(f"{call.method} {message.status}")
        if call.tainted:
            return
        if len(call.finals) == 1 and call.line.solid(call.at, self.network.now):
            self.network.after(RING_ON + 4, self._ring_on, call)
        if len(call.finals) > 1:
            self._another_final(call)
        elif message.status < 300:
            if not [each for each in call.copies if 200 <= each.status < 300]:
                self.fail("no answer from nobody", f"{message.status} to {call}", call.call_id)
        elif not call.cancelled_at:
            self._failure(call, message.status)
            if message.status in {408, 480, 500, 503}:
                self._given_up(call, message.status)

    def _ring_on(self, call: Call) -> None:
        """The call is over for its caller: no phone may ring on."""
        now = self.network.now
        for copy in call.copies:
            if copy.live and copy.solid_until(now) and 0 < copy.spoke_at < now - RING_ON:
                text = f"{copy.phone} rings on, {call} is over"
                self.fail("nobody rings for nothing", text, call.call_id)

    def _another_final(self, call: Call) -> None:
        """One failure may stand beside a 2xx only if the two crossed (RFC 3261 §16.7 step 5)."""
        statuses = [status for _, status, _ in call.finals]
        failures = [status for status in statuses if status >= 300]
        if not failures:
            return
        crossed = [each for each in call.copies if each.status // 100 == 2 and self._crossed(each)]
        in_order = statuses[0] >= 300 or self.lossy
        if len(failures) > 1 or not in_order or not (call.cancelled_at or crossed):
            text = f"{call} got {', '.join(map(str, statuses))}"
            self.fail("one failure or only 2xx", text, call.call_id)

    def _crossed(self, accepted: Server) -> bool:
        """True when a 2xx may have left when the search had ended already, or was lost."""
        if accepted.cancelled or not accepted.solid_until(self.network.now):
            return True
        slack = 4.0 if self.lossy else 0.5
        call = self.call_of(accepted.asked)
        return call is not None and any(
            [
                each.status >= 600 and abs(each.final_at - accepted.final_at) < slack
                for each in call.copies
            ]
        )

    def _given_up(self, call: Call, status: int) -> None:
        """A call failed by no phone's word: nobody may ring whom an edge has heard.

        Whatever connection broke since, theirs or one between nodes: the phone has the call.
        """
        now = self.network.now
        said = {copy.status for copy in call.copies}
        if not self.edges or self.lossy or status in said or 302 in said or not call.line.up:
            return
        for copy in call.copies:
            rings = copy.live and copy.phone.alive and 0 < copy.spoke_at < now - 1
            if rings and copy.rang_over and copy.rang_over == copy.line.home.lives:
                text = f"{copy.phone} rings, {call} got {status}"
                self.fail("who rings is not given up", text, call.call_id)

    def _failure(self, call: Call, status: int) -> None:
        now = self.network.now
        solid = [each for each in self.users.get(call.callee, []) if each.solid(call.at, now)]
        if not solid or not call.line.solid(call.at, now):
            return
        sent = {copy.status for copy in call.copies}
        accepted = [
            copy for copy in call.copies if 200 <= copy.status < 300 and copy.phone in solid
        ]
        if status < 600 and [
            copy for copy in accepted if not copy.cancelled and copy.solid_until(now)
        ]:
            text = f"{accepted[0].phone} answered {accepted[0].status}, {call} got {status}"
            self.fail("an answer reaches the caller", text, call.call_id)
        elif status in sent:
            return
        elif 482 in sent and [each for each in call.copies if not self._heard(each)]:
            return  # the phone waits on the copy it has, and what it says goes over a dead flow
        elif not [copy for copy in call.copies if copy.phone in solid]:
            text = f"{call} got {status}, and {solid[0]} had a live flow all along"
            self.fail("a live flow is enough", text, call.call_id)
        elif now - call.at > TIMER_C:
            return  # one of several phones rang for so long, or its answer was lost with its flow
        elif 302 in sent and self.recursion:
            return  # it was followed, to nowhere in the end
        elif not [copy for copy in call.copies if copy.cancelled or copy.live]:
            text = f"{call} got {status}, which no phone has said ({sent})"
            self.fail("the phones' word counts", text, call.call_id)
        elif status not in {408, 480, 487}:
            self.fail("the phones' word counts", f"{call} got {status}", call.call_id)

    def _heard(self, copy: Server) -> bool:
        """True when what a phone says to this copy comes through: 482 says that it has another."""
        return copy.status == 482 or copy.solid_until(self.network.now)

    def no_final(self, call: Call, why: str) -> None:
        """A call ended without a final response."""
        now = self.network.now
        if call.tainted or not call.line.solid(call.at, now):
            return
        solid = [each for each in self.users.get(call.callee, []) if each.solid(call.at, now)]
        if call.method == "INVITE" or solid:
            text = f"{call} got no final response: {why}"
            self.fail("each request is answered", text, call.call_id)

    def within(self, dialog: Dialog, client: Client, message: Sip | None) -> None:
        """A request within a dialog has ended."""
        call, now, since = dialog.call, self.network.now, client.sent_at
        status = message.status if message is not None else 0
        self.count(f"within {status}")
        other = dialog.other
        if call.tainted or other is None or not dialog.same_line or client.line is not dialog.line:
            return
        if not dialog.line.solid(dialog.since, now):
            return
        reachable = other.line.solid(call.at, now)
        if other.phone.outbound and other.phone.registers:
            reachable = other.phone.solid(since, now)
        reachable = reachable and other.known
        if not reachable or 200 <= status < 300 or (status == 481 and other.ended):
            return
        if self.is_refusal(status, other):
            return
        self.fail(
            "a call outlives its connection",
            f"{client.method} of {dialog.phone} to {other.phone} got {status or client.failed}",
            call.call_id,
        )

    def is_refusal(self, status: int, other: Dialog) -> bool:
        """True when a phone may say so to a change of the session (RFC 3261 §14.2).

        It does not want it, or not now: because it is being called itself, or waits for an ACK.
        """
        waits = other.server is not None and not other.server.acked
        return status in {487, 488, 491} or (status == 500 and waits)

    def close(self) -> None:
        """All is quiet: whoever was promised an answer must have it."""
        for call in self.calls.values():
            client = call.client
            if client is not None and not client.done:
                self.no_final(call, "it is still waiting")
