"""What our own user agent says and hears, read from the wire for the judge.

The judge knows calls, dialogs, requests sent and requests received; a simulated phone makes them
itself. Here they are made from the messages alone, with the simulation's small SIP: nothing of what
the agent believes goes into them. A request that is sent anew, to another flow, with credentials or
to where a redirect leads, is another call to the judge, behind the one before.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from tests.simulation.calls import Call, Dialog, agent_of, join
from tests.simulation.transactions import TRANSACTION, Client, Server
from tests.simulation.wire import Sip

if TYPE_CHECKING:
    from tests.simulation.agent_phone import AgentPhone
    from tests.simulation.phone import Line

NUMBER = "X-Call"
"""The header field in which the application names its calls, for the simulation to find them."""


class Asked(Client):
    """A request that the agent sent.

    Attributes:
        message: the request.
        call: what it belongs to, if anything.
        dialog: the dialog it was sent within.
        known: the phone was registered when it sent this.
    """

    phone: AgentPhone

    def __init__(self, phone: AgentPhone, line: Line, message: Sip) -> None:
        self.phone = phone
        self.line = line
        self.message = message
        self.method = message.method
        self.uri = message.uri
        self.branch = message.branch
        self.from_ = message.get("from")
        self.to = message.get("to")
        self.call_id = message.call_id
        self.cseq = int(message.cseq)
        self.sent_at = phone.network.now
        self.known = phone.solid(self.sent_at, self.sent_at)
        self.heard = False
        self.final = 0
        self.failed = ""
        self.call: Call | None = None
        self.dialog: Dialog | None = None
        phone.clients[self.branch, self.method] = self
        phone.network.after(TRANSACTION, self._timed_out)

    def fail(self, why: str) -> None:
        if not self.done:
            self.failed = why
            self.phone.records.unanswered(self)


class AgentRecords:
    """Makes the judge's records of one agent."""

    def __init__(self, phone: AgentPhone) -> None:
        self.phone = phone
        self.judge = phone.judge
        self._accepted: dict[tuple[str, str, str], Server] = {}
        self._dialogs: dict[tuple[str, str, str], Dialog] = {}

    def vanish(self) -> None:
        """The agent is gone, and with it all its dialogs."""
        for dialog in self._dialogs.values():
            dialog.ended = True

    # What it says

    def said(self, line: Line, message: Sip) -> None:
        """Take a message that the agent sends."""
        if message.status:
            self._answers(line, message)
        elif message.method == "ACK":
            return
        elif (message.branch, message.method) not in self.phone.clients:
            self._asks(Asked(self.phone, line, message))

    def _asks(self, asked: Asked) -> None:
        message, phone = asked.message, self.phone
        rules = phone.rules
        if asked.method == "REGISTER":
            rules.registers(asked)
            if message.get("expires") == "0":
                asked.line.bound, asked.line.solid_since = False, None
        elif asked.method == "CANCEL":
            invite = phone.clients.get((asked.branch, "INVITE"))
            if isinstance(invite, Asked) and invite.call is not None:
                invite.call.cancelled_at = invite.call.cancelled_at or phone.network.now
        elif message.to_tag:
            dialog = self._dialogs.get((asked.call_id, message.from_tag, message.to_tag))
            asked.dialog = dialog
            if dialog is not None:
                rules.within(dialog, asked)
                if asked.method == "BYE":
                    dialog.ended = True
        else:
            self._calls(asked)

    def _calls(self, asked: Asked) -> None:
        message, phone, judge = asked.message, self.phone, self.judge
        number = message.get(NUMBER.lower())
        if not number.isdigit():
            return
        before = judge.calls.get(asked.call_id)
        callee = message.uri.partition(":")[2].partition("@")[0]
        rng = phone.application.chance(int(number))
        if before is not None:
            rng = Random(f"{before.seed}/{before.place + 1}")
        call = Call(int(number), asked.method, phone, asked.line, callee, rng)
        call.call_id, call.client = asked.call_id, asked
        call.tainted = judge.is_tainted(asked.call_id)
        if before is not None:
            call.before, call.place = before, before.place + 1
        phone.rules.asks(asked, call)
        judge.calls[asked.call_id] = asked.call = call

    def _answers(self, line: Line, message: Sip) -> None:
        server = self.phone.servers.get((message.branch, message.method))
        if server is None or not server.live:
            return
        now = self.phone.network.now
        hasty = not server.status
        server.status = message.status
        server.line = line
        if message.status > 100:
            server.spoke_at = server.spoke_at or now
            server.tag = message.to_tag
        if message.status == 180 and line.solid_since is not None:
            server.rang_over = line.home.lives
        if message.status < 200:
            return
        server.final_at = now
        if message.method != "INVITE":
            return
        # A failure that comes before any 100 is said again only if the INVITE comes again.
        if not hasty or line.reliable or message.status < 300:
            self.phone.network.after(TRANSACTION, server._give_up)
        if message.status < 300:
            self._accepts(server, message)

    def _accepts(self, server: Server, message: Sip) -> None:
        asked = server.asked
        self._accepted[asked.call_id, server.tag, asked.cseq] = server
        call = self.judge.call_of(asked)
        if asked.to_tag or call is None:
            return
        dialog = self._dialogs[asked.call_id, server.tag, asked.from_tag] = Dialog(
            self.phone,
            server.line,
            call,
            local=message.get("to"),
            remote=asked.get("from"),
            target=asked.contact,
            routes=asked.routes,
            cseq=0,
        )
        dialog.server = server
        agent_of(self.phone).dialogs[asked.call_id, server.tag] = dialog

    # What it hears

    def heard(self, line: Line, message: Sip) -> None:
        """Take a message that comes to the agent."""
        phone = self.phone
        if message.status:
            client = phone.clients.get((message.branch, message.method))
            if self.judge.response(phone, message, client) and isinstance(client, Asked):
                self._response(client, line, message)
            return
        if message.method == "ACK":
            self._acknowledged(message)
            return
        key = (message.branch, message.method)
        if key in phone.servers:
            return
        server = phone.servers[key] = Server(phone, line, message)
        server.unacked = self._unacked
        if message.method == "CANCEL":
            invite = phone.servers.get((message.branch, "INVITE"))
            if invite is not None:
                invite.cancelled = True
        elif not message.to_tag:
            self.judge.came(server)
        elif message.method == "BYE":
            self._ends(message)

    def _ends(self, message: Sip) -> None:
        tag = message.to_tag
        dialog = self._dialogs.get((message.call_id, tag, message.from_tag))
        if dialog is not None:
            dialog.ended = True
            self.phone.rules.hears_bye(dialog)
        for (call_id, local, _), server in self._accepted.items():
            if (call_id, local) == (message.call_id, tag):
                server.acked = True  # no ACK is waited for any more

    def _acknowledged(self, message: Sip) -> None:
        key = (message.call_id, message.to_tag, message.cseq)
        server = self._accepted.get(key)
        if server is None:
            server = self.phone.servers.get((message.branch, "INVITE"))
        if server is not None and not server.live:
            server.acked = True

    def _unacked(self, server: Server) -> None:
        asked = server.asked
        dialog = self._dialogs.get((asked.call_id, asked.to_tag, asked.from_tag))
        other = None if dialog is None or dialog.ended else dialog.other
        within = other is not None and other.line.solid(server.at, self.phone.network.now)
        if within or not asked.to_tag:
            self.judge.unacked(server)

    def _response(self, asked: Asked, line: Line, message: Sip) -> None:
        first = not asked.done
        if message.status < 200:
            asked.heard = True
            return
        asked.final = asked.final or message.status
        if asked.method == "REGISTER":
            if first:
                self.phone.rules.answered(asked, line, message)
        elif asked.dialog is not None:
            if first:
                self._ended_within(asked, message)
        elif asked.call is not None:
            self._final(asked, asked.call, message)

    def _final(self, asked: Asked, call: Call, message: Sip) -> None:
        final = (message.status, message.to_tag)
        if final not in [(status, tag) for _, status, tag in call.finals]:
            call.finals.append((self.phone.network.now, *final))
            self.judge.final(call, message)
        key = (call.call_id, message.from_tag, message.to_tag)
        if message.status < 300 and asked.method == "INVITE" and key not in self._dialogs:
            dialog = self._dialogs[key] = Dialog(
                self.phone,
                asked.line,
                call,
                local=asked.from_,
                remote=message.get("to"),
                target=message.contact,
                routes=message.routes[::-1],
                cseq=asked.cseq,
            )
            dialog.known = asked.known
            join(call, dialog, message.to_tag)

    def _ended_within(self, asked: Asked, message: Sip | None) -> None:
        dialog = asked.dialog
        assert dialog is not None
        if asked.method != "CANCEL":
            self.judge.within(dialog, asked, message)
            self.phone.rules.ended_within(dialog, asked, message)
        if message is not None and message.status == 481:
            dialog.ended = True

    def unanswered(self, asked: Asked) -> None:
        """Take the time by which a request should have had its answer."""
        if asked.method == "REGISTER":
            if asked.line.up:
                self.judge.no_answer(asked.line, asked.sent_at)
            self.phone.rules.failed(asked.line, asked)
        elif asked.dialog is not None:
            if not self.dead(asked):
                self._ended_within(asked, None)
        elif asked.call is not None:
            self.judge.no_final(asked.call, asked.failed)

    def dead(self, asked: Asked) -> bool:
        """True when whoever sent this has lost power since."""
        return not self.phone.alive
