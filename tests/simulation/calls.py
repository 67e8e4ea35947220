"""What simulated phones do in calls: place them, let them ring, answer, move on, hang up.

How a phone treats a call is drawn from the call's own number, so that it does the same when other
calls are left out to find the one that matters.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from tests.simulation.node import DOMAIN
from tests.simulation.transactions import TRANSACTION, Client, Server
from tests.simulation.wire import Sip, request

if TYPE_CHECKING:
    from tests.simulation.judge import Judge
    from tests.simulation.phone import Line, Phone

NEVER = 0
"""A final status for who lets it ring for ever."""


class Call:
    """An INVITE, or a MESSAGE, and everything that came of it.

    Attributes:
        at: when it was sent.
        finals: (when, status, To tag) of each final response the caller got.
        copies: what came to phones.
        cancelled_at: when the caller gave up; 0 while it has not.
        tainted: one of its messages was damaged on the way, so anything may come of it.
        before: the same call as it was sent before: elsewhere, or without credentials.
        place: how many were before it.
    """

    def __init__(
        self, number: int, method: str, caller: Phone, line: Line, callee: str, rng: Random
    ) -> None:
        self.number = number
        self.method = method
        self.caller = caller
        self.line = line
        self.callee = callee
        self.rng = rng
        self.seed = rng.random()
        self.at = caller.network.now
        self.call_id = f"call-{number}-{caller.unique()}"
        self.finals: list[tuple[float, int, str]] = []
        self.copies: list[Server] = []
        self.cancelled_at = 0.0
        self.wants_cancel = False
        self.tainted = False
        self.client: Client | None = None
        self.before: Call | None = None
        self.place = 0

    def __str__(self) -> str:
        return f"{self.method} {self.number} from {self.caller} to {self.callee}"


class Manner:
    """How a phone treats a call.

    Attributes:
        ring: seconds until it first says something.
        final: the status in the end; NEVER for none.
        answer: seconds from ringing until then.
    """

    def __init__(self, call: Call, phone: Phone) -> None:
        rng = Random(f"{call.seed}/{phone}")
        slow = rng.random() < 0.1
        self.ring = 2.5 + 3 * rng.random() if slow else 0.02 + 0.3 * rng.random()
        self.rings = rng.random() < 0.85
        self.final = rng.choices([200, 486, 480, 603, 302, NEVER], [60, 12, 6, 4, 10, 8])[0]
        self.answer = rng.choice([0.1, 1.0, 5.0, 15.0]) * (0.5 + rng.random())
        self.hangs_up = rng.random() < 0.5
        self.talk = 1 + 40 * rng.random()
        self.again = rng.random() < 0.3  # a re-INVITE in between


class Dialog:
    """One side of a call that was answered.

    Attributes:
        since: when this side had it.
        epoch: of its line, then: another one is another connection.
        known: its phone was registered when the call began, so that its flow can be replaced.
        server: the INVITE that it accepted; None for who called, and where nobody asks.
    """

    def __init__(
        self,
        phone: Phone,
        line: Line,
        call: Call,
        *,
        local: str,
        remote: str,
        target: str,
        routes: list[str],
        cseq: int,
    ) -> None:
        self.phone = phone
        self.line = line
        self.call = call
        self.local = local
        self.remote = remote
        self.target = target
        self.routes = routes
        self.cseq = cseq
        self.since = phone.network.now
        self.epoch = line.epoch
        self.ended = False
        self.known = True
        self.server: Server | None = None
        self.other: Dialog | None = None

    @property
    def same_line(self) -> bool:
        return self.line.up and self.line.epoch == self.epoch

    def ack(self, cseq: int) -> bytes:
        return request(
            "ACK",
            self.target,
            via=f"{self.line.via}z9hG4bK{self.phone.unique()}",
            from_=self.local,
            to=self.remote,
            call_id=self.call.call_id,
            cseq=cseq,
            headers=[("Route", route) for route in self.routes],
        )

    def send(self, method: str) -> None:
        """Send a request within the dialog, over its own line if that is still there."""
        lines = [self.line] if self.same_line else self.phone.usable()
        if self.ended or not lines or not self.phone.alive:
            return
        if method == "BYE":
            self.ended = True
        self.cseq += 1
        line = lines[0]
        judge = self.phone.judge

        def told(client: Client, message: Sip | None) -> None:
            if message is None or message.status >= 200:
                judge.within(self, client, message)
            if message is not None and 200 <= message.status < 300 and method == "INVITE":
                line.send(self.ack(client.cseq))

        Client(
            self.phone,
            line,
            method,
            self.target,
            told,
            from_=self.local,
            to=self.remote,
            call_id=self.call.call_id,
            cseq=self.cseq,
            headers=[
                *(("Route", route) for route in self.routes),
                ("Contact", f"<{line.contact}>"),
            ],
        )


class Caller:
    """Places a call."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.dialogs: dict[str, Dialog] = {}
        phone, line, rng = call.caller, call.line, call.rng
        self.manner = Manner(call, phone)
        network = phone.network
        impatient = rng.random() < 0.15
        patience = 0.2 + 8 * rng.random() if impatient else 20 + 220 * rng.random()
        call.client = Client(
            phone,
            line,
            call.method,
            f"sip:{call.callee}@{DOMAIN}",
            self.told,
            from_=f"<sip:{phone.user}@{DOMAIN}>;tag={phone.unique()[:10]}",
            to=f"<sip:{call.callee}@{DOMAIN}>",
            call_id=call.call_id,
            cseq=1,
            headers=[("Contact", f"<{line.contact}>")],
        )
        if call.method == "INVITE":
            network.after(patience, self.give_up)

    def give_up(self) -> None:
        """The caller hangs up before anybody has answered."""
        client = self.call.client
        if client is not None and not client.done:
            self.call.wants_cancel = True
            self.cancel()

    def cancel(self) -> None:
        client = self.call.client
        if self.call.wants_cancel and not self.call.cancelled_at and client and client.heard:
            self.call.cancelled_at = self.call.caller.network.now
            client.cancel()

    def told(self, client: Client, message: Sip | None) -> None:
        call = self.call
        judge = call.caller.judge
        if message is None:
            judge.no_final(call, client.failed)
        elif message.status < 200:
            self.cancel()
        else:
            final = (message.status, message.to_tag)
            if final not in [(status, tag) for _, status, tag in call.finals]:
                call.finals.append((call.caller.network.now, *final))
                judge.final(call, message)
            if message.status < 300 and call.method == "INVITE":
                self.answered(client, message)

    def answered(self, client: Client, message: Sip) -> None:
        """Acknowledge a 2xx; keep the first dialog, end each other one (RFC 3261 §13.2.2.4)."""
        call = self.call
        dialog = self.dialogs.get(message.to_tag)
        if dialog is not None:
            dialog.line.send(dialog.ack(1))
            return
        dialog = Dialog(
            call.caller,
            call.line,
            call,
            local=client.from_,
            remote=message.get("to"),
            target=message.contact,
            routes=message.routes[::-1],
            cseq=1,
        )
        wanted = not self.dialogs and not call.cancelled_at and len(call.finals) == 1
        self.dialogs[message.to_tag] = dialog
        dialog.line.send(dialog.ack(1))
        tag = dialog_tag(client.from_)
        dialogs = agent_of(call.caller).dialogs
        dialogs[call.call_id, tag] = dialogs[call.call_id, f"{tag} {message.to_tag}"] = dialog
        join(call, dialog, message.to_tag)
        network = call.caller.network
        if not wanted:
            network.after(0.05, dialog.send, "BYE")
            return
        if self.manner.again:
            network.after(self.manner.talk / 2, dialog.send, "INVITE")
        # Whoever is first; the other side is a little later, for a call nobody ends.
        network.after(self.manner.talk, dialog.send, "BYE")


def dialog_tag(value: str) -> str:
    return value.rpartition(";tag=")[2]


def join(call: Call, dialog: Dialog, tag: str) -> None:
    """Let the two sides know each other, for the judge."""
    for copy in call.copies:
        if copy.tag == tag:
            callee = agent_of(copy.phone).dialogs.get((call.call_id, tag))
            if callee is not None:
                dialog.other, callee.other = callee, dialog


class Agent:
    """The callee's side of a phone."""

    def __init__(self, phone: Phone, judge: Judge) -> None:
        self.phone = phone
        self.judge = judge
        self.merges = phone.rng.random() < 0.9
        self.dialogs: dict[tuple[str, str], Dialog] = {}
        self.accepted: dict[tuple[str, str, str], Server] = {}
        phone.on_request = self.request
        phone.agent = self

    def request(self, line: Line, message: Sip) -> None:
        phone = self.phone
        method = message.method
        if method == "ACK":
            self._ack(message)
            return
        known = phone.servers.get((message.branch, method))
        if known is not None:
            known.line = line
            known.repeat()
            return
        server = phone.servers[message.branch, method] = Server(phone, line, message)
        server.unacked = self.judge.unacked
        if method == "CANCEL":
            self._cancel(server, message)
        elif message.to_tag:
            self._within(server, message)
        elif method == "INVITE":
            self._invite(server, message)
        else:
            call = self.judge.came(server)
            phone.network.after(0.01 if call is None else 0.3 * call.seed, server.answer, 200)

    def _invite(self, server: Server, message: Sip) -> None:
        phone = self.phone
        call = self.judge.came(server)
        if call is None:
            server.answer(480)
            return
        if self.merges and self._merged(server, message):
            server.answer(482)
            return
        manner = Manner(call, phone)
        network = phone.network
        if manner.rings:
            network.after(manner.ring, server.answer, 180)
        if manner.final != NEVER:
            network.after(manner.ring + manner.answer, self._finish, server, call, manner)

    def _merged(self, server: Server, message: Sip) -> bool:
        """True for a second copy of a request that is being handled (RFC 3261 §8.2.2.2)."""
        mine = (message.call_id, message.from_tag, message.cseq)
        for other in self.phone.servers.values():
            asked = other.asked
            if other is not server and asked.method == "INVITE" and not asked.to_tag:
                ongoing = other.live or self.phone.network.now - other.final_at < 32
                if ongoing and (asked.call_id, asked.from_tag, asked.cseq) == mine:
                    return True
        return False

    def _finish(self, server: Server, call: Call, manner: Manner) -> None:
        if not server.live or not self.phone.alive:
            return
        line, asked = server.line, server.asked
        if manner.final == 302:
            names = sorted(self.judge.users)
            user = names[int(call.seed * len(names))]
            server.answer(302, [("Contact", f"<sip:{user}@{DOMAIN}>")])
            return
        if manner.final != 200:
            server.answer(manner.final)
            return
        self._accept(server)
        dialog = Dialog(
            self.phone,
            line,
            call,
            local=f"{asked.get('to')};tag={server.tag}",
            remote=asked.get("from"),
            target=asked.contact,
            routes=asked.routes,
            cseq=100,
        )
        self.dialogs[asked.call_id, server.tag] = dialog
        if manner.hangs_up:
            self.phone.network.after(1 + manner.talk / 2, self._hang_up, server, dialog)

    def _hang_up(self, server: Server, dialog: Dialog) -> None:
        """Send BYE, but not before the ACK has come (RFC 3261 §15)."""
        if server.acked:
            dialog.send("BYE")
        elif self.phone.network.now < server.final_at + TRANSACTION:
            self.phone.network.after(1, self._hang_up, server, dialog)

    def _accept(self, server: Server) -> None:
        asked = server.asked
        self.accepted[asked.call_id, server.tag, asked.cseq] = server
        routes = [("Record-Route", value) for value in asked.all("record-route")]
        server.answer(200, [*routes, ("Contact", f"<{server.line.contact}>")])

    def _ack(self, message: Sip) -> None:
        server = self.accepted.get((message.call_id, message.to_tag, message.cseq))
        if server is None:
            server = self.phone.servers.get((message.branch, "INVITE"))
        if server is not None and not server.live:
            server.acked = True

    def _cancel(self, server: Server, message: Sip) -> None:
        invite = self.phone.servers.get((message.branch, "INVITE"))
        if invite is None:
            server.answer(481)
            return
        server.answer(200)
        invite.cancelled = True
        invite.answer(487)

    def _within(self, server: Server, message: Sip) -> None:
        dialog = self.dialogs.get(
            (message.call_id, f"{message.to_tag} {message.from_tag}"),
            self.dialogs.get((message.call_id, message.to_tag)),
        )
        if dialog is None or (dialog.ended and message.method != "BYE"):
            server.answer(481)
        elif message.method == "INVITE":
            self._accept(server)
        else:
            if message.method == "BYE":
                dialog.ended = True
            server.answer(200)


def agent_of(phone: Phone) -> Agent:
    agent = phone.agent
    assert agent is not None
    return agent
