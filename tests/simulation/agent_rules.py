"""What must hold for our own user agent, besides what holds for every phone.

Its REGISTERs are counted on the wire: each must be the first, or a refresh that is due, or come
after a wait that RFC 5626 §4.5 allows. The waits are those of the settings, with the shortest that
chance may give.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.simulation.calls import Call, Dialog
from tests.simulation.node import DOMAIN
from tests.simulation.wire import Sip

from ringway.location import Location
from ringway.ua.events import Answered, Ended, Failed

if TYPE_CHECKING:
    from tests.simulation.agent_application import Told
    from tests.simulation.agent_phone import AgentPhone
    from tests.simulation.agent_records import Asked
    from tests.simulation.phone import Line

HASTE = "no storm of REGISTERs"
BACK = "every flow comes back"
ONE_END = "a call ends once"
STORY = "both tell the same story"
STAYS = "the route set stays"
OWN_FLOW = "a registration stays on its flow"
PRIVATE = "credentials stay private"
LEFT = "nothing is left in an agent"
RAISED = "nothing is raised"
OVER = "what is over is ended"
OUTLIVES = "a call outlives its connection"

BASE_ALL_FAILED = 5.0
BASE_NOT_FAILED = 15.0
MAX_WAIT = 60.0
"""The back-off of RFC 5626 §4.5, six times as fast as there, for a simulation is short."""

MOMENT = 1e-6
"""Nobody comes back so soon: thousands have lost the same edge."""

SOON = 0.01
"""What two clocks that are one may differ by, in seconds."""


@dataclass(slots=True)
class Tries:
    """How far one flow has come in registering.

    Attributes:
        free: it may be tried at once, once.
        trying: a try is under way.
        fresh: its connection was opened for this try, and no REGISTER has gone over it.
        failures: in a row.
        next_at: when it may be tried again.
        proven: a keep-alive was answered since it registered over this flow.
        registered: it is.
        lost_at: when the flow of a registration was last lost.
        paused: what is waited for is the end of a pause after a failure.
        branch: of the REGISTER under way.
    """

    free: bool = False
    trying: bool = False
    fresh: bool = False
    failures: int = 0
    next_at: float = 0.0
    proven: bool = False
    registered: bool = False
    paused: bool = False
    lost_at: float = 0.0
    branch: str = ""


class AgentRules:
    """Watches one agent."""

    def __init__(self, phone: AgentPhone) -> None:
        self.phone = phone
        self.judge = phone.judge
        self._tries: dict[int, Tries] = {}
        self._byes: set[Dialog] = set()
        self._credentials: dict[tuple[str, str], str] = {}

    def fail(self, rule: str, text: str, call_id: str = "") -> None:
        if not self.phone.tainted and not self.judge.is_tainted(call_id):
            self.judge.fail(rule, f"{self.phone}: {text}", call_id)

    def trouble(self, error: Exception) -> None:
        """Take what the application's own code has raised."""
        text = "".join(traceback.format_exception(error))
        self.judge.fail(RAISED, f"{self.phone}: {text}")

    # REGISTERs (RFC 5626 §4.5)

    def of(self, line: Line) -> Tries:
        return self._tries.setdefault(line.number, Tries())

    def fresh_start(self) -> None:
        """The agent starts, or was told of another network: it may register at once."""
        for line in self.phone.lines:
            tries = self.of(line)
            tries.free, tries.trying, tries.registered, tries.proven = True, False, False, False
            tries.paused = False

    def tries(self, line: Line) -> None:
        """A connection is being opened for a REGISTER."""
        self._begins(line)
        self.of(line).fresh = True

    def registers(self, asked: Asked) -> None:
        """A REGISTER goes out."""
        line, message = asked.line, asked.message
        contact = message.get("contact")
        if f"reg-id={line.number}" not in contact or self.phone.instance not in contact:
            self.fail(OWN_FLOW, f"over flow {line.number} it registers {contact}", asked.call_id)
        tries = self.of(line)
        if message.get("expires") == "0":
            tries.registered = tries.trying = False
            return
        line.unbound_at = 0.0  # the registrar may have it already
        if not tries.fresh:
            self._begins(line)
        tries.fresh = False
        tries.branch = asked.branch

    def _begins(self, line: Line) -> None:
        now, tries = self.phone.network.now, self.of(line)
        early = tries.next_at - now
        if not tries.free and (tries.trying or early > SOON):
            what = "while one is under way" if tries.trying else f"{early:.2f} s too early"
            self.fail(
                HASTE, f"a try over flow {line.number} after {tries.failures} failures {what}"
            )
        if not tries.free and now - tries.lost_at < MOMENT:
            self.fail(HASTE, f"a try over flow {line.number} at the very moment that it is lost")
        self.judge.count("tries of our agents")
        tries.free, tries.trying, tries.fresh = False, True, False

    def answered(self, asked: Asked, line: Line, message: Sip) -> None:
        """A REGISTER was answered."""
        phone, now = self.phone, self.phone.network.now
        mark = f"reg-id={asked.line.number}"
        mine = [
            each
            for each in message.all("contact")
            if phone.instance in each and mark in each.split(";")
        ]
        if asked.message.get("expires") == "0":
            if message.status < 300:
                line.unbound_at = now
                self.judge.unregistered(line, still=bool(mine))
            return
        if message.status >= 300:
            line.solid_since = None if message.status != 500 else line.solid_since
            wait = message.get("retry-after")
            self.failed(line, asked, float(wait) if wait.isdigit() else None)
        elif not mine:
            self.judge.not_bound(line, message, asked)
        else:
            self._granted(line, asked, mine[0])

    def _granted(self, line: Line, asked: Asked, contact: str) -> None:
        now, tries = self.phone.network.now, self.of(line)
        granted = next(
            (int(each[8:]) for each in contact.split(";") if each.startswith("expires=")),
            self.phone.expires,
        )
        if tries.branch == asked.branch:
            tries.trying, tries.registered, tries.paused = False, True, False
            tries.next_at = now + granted / 2
            if tries.proven:
                tries.failures = 0
        line.up = line.bound = True
        line.unbound_at = 0.0
        line.expires_at = now + granted - 1
        if line.solid_since is None and line.home.in_order:
            line.solid_since = now

    def pong(self, line: Line) -> None:
        """A keep-alive was answered."""
        tries = self.of(line)
        if tries.registered:
            tries.proven = True
            tries.failures = 0

    def flow_gone(self, line: Line) -> None:
        """The connection is gone, whoever closed it."""
        tries = self.of(line)
        if tries.registered:
            self._lost(tries)
        elif tries.trying:
            self.failed(line)

    def given_up(self, line: Line) -> None:
        """The agent says that a flow works no more."""
        tries = self.of(line)
        if tries.registered:
            self._lost(tries)

    def unreachable(self, line: Line) -> None:
        """A datagram came back: nobody listens."""
        tries = self.of(line)
        if not tries.registered:
            self.failed(line)

    def _lost(self, tries: Tries) -> None:
        """A flow that was registered has failed: one that was proven is replaced at once."""
        tries.registered = tries.trying = False
        tries.lost_at = self.phone.network.now
        tries.branch = ""  # what comes to it now is too late
        if tries.proven and not tries.paused:
            tries.next_at = self.phone.network.now
        elif not tries.paused:
            self._failure(tries)
        tries.proven = False

    def failed(
        self, line: Line, asked: Asked | None = None, retry_after: float | None = None
    ) -> None:
        """A try has failed."""
        tries = self.of(line)
        if not tries.trying or (asked is not None and asked.branch != tries.branch):
            return
        if asked is not None and not asked.final and tries.registered:
            self._lost(tries)  # a refresh that is not answered says that the flow has failed
            return
        tries.trying = False
        self._failure(tries)
        if retry_after is not None:
            asked_for = self.phone.network.now + retry_after
            # A refresh that is put off forms no flow: the first time only that wait counts.
            refresh = tries.registered and tries.failures == 1
            tries.next_at = asked_for if refresh else max(tries.next_at, asked_for)

    def _failure(self, tries: Tries) -> None:
        tries.failures += 1
        tries.paused = True
        longest = min(MAX_WAIT, BASE_ALL_FAILED * 2.0**tries.failures)
        tries.next_at = self.phone.network.now + longest / 2

    # Calls

    def within(self, dialog: Dialog, asked: Asked) -> None:
        """A request within a dialog goes out: its route set is that of the dialog."""
        if asked.method == "BYE":
            self._byes.add(dialog)
        if asked.message.all("route") != dialog.routes:
            text = f"{asked.method} goes by {asked.message.all('route')}, not {dialog.routes}"
            self.fail(STAYS, text, asked.call_id)

    def hears_bye(self, dialog: Dialog) -> None:
        """A BYE has come."""
        self._byes.add(dialog)

    def ended_within(self, dialog: Dialog, asked: Asked, message: Sip | None) -> None:
        """A request within a dialog has ended that went over another flow than the call came."""
        now, other, since = self.phone.network.now, dialog.other, asked.sent_at
        status = message.status if message is not None else 0
        if status == 481 and asked.method != "BYE" and asked.line.up:
            self.phone.network.after(1, self._is_over, dialog, asked)
        if other is None or not other.known or dialog.call.tainted or 200 <= status < 300:
            return
        if self.judge.is_refusal(status, other) or (status == 481 and other.ended):
            return
        if dialog.same_line and asked.line is dialog.line:
            return  # the judge has looked at it
        # Both must have been registered before it was sent, so that whoever forwards it knows.
        if asked.line.solid(since - 1, now) and other.phone.solid(since - 1, now):
            text = f"{asked.method} to {other.phone} over the new flow got {status or asked.failed}"
            self.fail(OUTLIVES, text, asked.call_id)

    def _is_over(self, dialog: Dialog, asked: Asked) -> None:
        """The far end does not know the call: it is over here too (RFC 3261 §12.2.1.2)."""
        if asked.line.up and self.phone.alive and dialog not in self._byes:
            text = f"{asked.method} got 481, and no BYE followed"
            self.fail(OVER, text, asked.call_id)

    def asks(self, asked: Asked, call: Call) -> None:
        """A request outside a dialog goes out: what credentials it has are for nobody else."""
        redirected = call.before is not None and call.before.callee != call.callee
        if redirected:
            self.judge.count("redirects followed")
        for name in ("authorization", "proxy-authorization"):
            for value in asked.message.all(name):
                owner = self._credentials.setdefault((asked.call_id, value), call.callee)
                if redirected or owner != call.callee:
                    text = f"{asked.method} to {asked.uri} has {name}, meant for {owner}"
                    self.fail(PRIVATE, text, asked.call_id)

    # When trouble is over

    def settled(self, location: Location, now: float) -> None:
        """Trouble has ended long ago: all flows are registered, and no call is up."""
        phone = self.phone
        if phone.ua is None or phone.idle:
            return
        for line, slot in zip(phone.lines, phone.ua.services.outbound.slots, strict=True):
            if not line.home.in_order:
                continue
            found = location.find_instance(f"sip:{phone.user}@{DOMAIN}", phone.instance, now)
            bound = [each for each in found if each.reg_id in {line.number, 0}]
            if not slot.registered or not bound:
                self.fail(BACK, f"flow {line.number} is not registered: {slot}")
        for told in phone.application.calls.values():
            self._over(told)

    def _over(self, told: Told) -> None:
        ends = [each for each in told.events if isinstance(each, Ended | Failed)]
        if len(ends) != 1 or told.events[-1] is not ends[0]:
            kinds = " ".join([type(each).__name__ for each in told.events])
            self.fail(ONE_END, f"{told} ended {len(ends)} times: {kinds}", told.call_id)
            return
        if told.other is not None and not told.other.gone:
            self._compare(told, told.other)

    def _compare(self, callee: Told, caller: Told) -> None:
        """Whoever was called and heard the ACK was in a call with the caller."""
        if not [each for each in callee.events if isinstance(each, Answered)]:
            return
        self.judge.count("stories compared")
        theirs = [each for each in caller.events if isinstance(each, Answered)]
        last = caller.events[-1] if caller.events else None
        if not theirs and not (isinstance(last, Ended) and last.by_us):
            self.fail(STORY, f"{callee} was answered, {caller} was not", callee.call_id)
        if not theirs or theirs[0].branch != callee.tag:
            return  # it gave up, or another phone had answered before
        end = callee.events[-1]
        if isinstance(end, Ended) and isinstance(last, Ended) and not (end.by_us or last.by_us):
            text = f"{callee} and {caller} both say that the other side ended it"
            self.fail(STORY, text, callee.call_id)

    def gone(self) -> None:
        """The agent has stopped and all is quiet: nothing may be left in it."""
        held = self.phone.held()
        if held:
            what = ", ".join([f"{size} {name}" for name, size in held.items()])
            self.judge.fail(LEFT, f"{self.phone} still has {what}")
