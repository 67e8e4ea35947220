"""What the application of our own user agent does in calls, and what it hears of them.

It treats a call as a simulated phone would (`Manner`). Everything it is told is kept, for both
sides must have heard the same story in the end.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from tests.simulation.agent_records import NUMBER
from tests.simulation.calls import NEVER, Call, Manner
from tests.simulation.node import DOMAIN

from ringway.message import Request, Response
from ringway.transport.flow import Flow
from ringway.ua.calls.call import Call as AgentCall
from ringway.ua.calls.called import IncomingCall
from ringway.ua.events import (
    AgentEvent,
    Answered,
    CallEvent,
    CallOffered,
    Ended,
    Failed,
    Failure,
    Offered,
    Redirected,
    RequestOffered,
)
from ringway.ua.incoming import IncomingRequest

if TYPE_CHECKING:
    from tests.simulation.agent_phone import AgentPhone

OFFER = b"v=0 ours\r\n"
ANSWER = b"v=0 the answer\r\n"
OTHER = b"v=0 another\r\n"
CREDENTIALS = 'Digest username="u", realm="elsewhere", nonce="n", uri="sip:x", response="r"'
"""What a proxy before has asked for, say; no redirect target may see it."""
CHALLENGE = 'Digest realm="ringway.test", nonce="0123456789", algorithm=SHA-256, qop="auth"'


class Told:
    """What the application has heard of one call.

    Attributes:
        call: the agent's; None for a MESSAGE.
        call_id: empty until it is known.
        gone: its agent has lost power in the middle of it.
        other: the same call at the other side.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.call: AgentCall | None = None
        self.call_id = ""
        self.events: list[CallEvent] = []
        self.gone = False
        self.other: Told | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def tag(self) -> str:
        """Our tag in the dialog; empty while there is none."""
        session = None if self.call is None else self.call.session
        return "" if session is None else session.dialog.local_tag


class Application:
    """Uses one agent."""

    def __init__(self, phone: AgentPhone) -> None:
        self.phone = phone
        self.calls: dict[str, Told] = {}
        self._chances: dict[int, Random] = {}

    def chance(self, number: int) -> Random:
        """Return what decides how a call of ours is treated."""
        return self._chances[number]

    def vanish(self) -> None:
        """The phone has lost power: nothing more is heard of its calls."""
        for told in self.calls.values():
            told.gone = True
        self.calls.clear()

    def told(self, event: AgentEvent) -> None:
        """Take what belongs to no call of ours."""
        if isinstance(event, CallOffered):
            self._called(event.call)
        elif isinstance(event, RequestOffered):
            request = event.request
            call = self.phone.judge.calls.get(request.request.call_id)
            wait = 0.01 if call is None else 0.3 * call.seed
            self._later(wait, self._answer_message, request)

    def _later(self, wait: float, what: Callable[..., object], *how: Any) -> None:
        """Do something with the agent after some time, if it is still the same."""
        phone, run = self.phone, self.phone.runs

        def do() -> None:
            if run == phone.runs and phone.ua is not None:
                what(*how)
                phone.drain()

        phone.network.after(wait, do)

    def _answer_message(self, request: IncomingRequest) -> None:
        request.answer(200, self.phone.network.now)

    # We call

    def place(self, number: int, method: str, callee: str, rng: Random) -> None:
        """Call somebody, or send a message."""
        phone = self.phone
        agent, now = phone.ua, phone.network.now
        if agent is None:
            return
        self._chances[number] = Random(rng.random())
        told = self.calls[f"to {number}"] = Told(f"call {number} of {phone}")
        headers = ((NUMBER, str(number)), ("Proxy-Authorization", CREDENTIALS))
        uri = f"sip:{callee}@{DOMAIN}"
        if method != "INVITE":
            agent.send(method, uri, now, _Message(told), headers=headers)
            phone.drain()
            return
        talk = _Talk(self, told, rng)
        follow = None if rng.random() < 0.9 else False
        body = OFFER if rng.random() < 0.7 else b""
        told.call = talk.call = agent.call(
            uri, now, body=body, headers=headers, follow=follow, emit=talk.heard
        )
        impatient = rng.random() < 0.15
        patience = 0.2 + 8 * rng.random() if impatient else 20 + 220 * rng.random()
        phone.drain()
        self._later(patience, talk.give_up)

    # We are called

    def _called(self, incoming: IncomingCall) -> None:
        phone, judge = self.phone, self.phone.judge
        request = incoming.request
        call = judge.calls.get(request.call_id)
        told = Told(f"call {request.call_id} at {phone}")
        told.call, told.call_id = incoming, request.call_id
        self.calls[f"from {request.call_id} {request.cseq.number} {phone.unique()}"] = told
        number = request.get(NUMBER)
        if call is not None and isinstance(number, str):
            self._meet(call, told)
        talk = _Talk(self, told, Random(f"{0 if call is None else call.seed}/{phone}/talk"))
        talk.call = incoming
        incoming.emit = talk.heard
        if call is None:
            self._later(0.01, talk.reject, 480)
            return
        manner = Manner(call, phone)
        if manner.rings:
            self._later(manner.ring, talk.ring)
        if talk.challenges and not request.has("authorization"):
            self._later(manner.ring, talk.challenge)
        elif manner.final != NEVER:
            self._later(manner.ring + manner.answer, talk.finish, call, manner)

    def _meet(self, call: Call, told: Told) -> None:
        """Let the two sides of a call between our agents know each other, for the rules."""
        application = getattr(call.caller, "application", None)
        if isinstance(application, Application):
            theirs = application.calls.get(f"to {call.number}")
            if theirs is not None:
                theirs.call_id = call.call_id
                told.other = theirs


class _Talk:
    """What happens in one call."""

    def __init__(self, application: Application, told: Told, rng: Random) -> None:
        self.application = application
        self.told = told
        self.call: AgentCall
        self.challenges = rng.random() < 0.1
        self.talk = 1 + 40 * rng.random() if rng.random() < 0.9 else 60 + 60 * rng.random()
        self.changes = rng.random() < 0.4
        self.refuses = rng.random() < 0.3
        self.hangs_up = rng.random() < 0.5

    @property
    def now(self) -> float:
        return self.application.phone.network.now

    def heard(self, event: CallEvent) -> None:
        """Take what the agent says of it."""
        told, later = self.told, self.application._later
        told.events.append(event)
        self.application.phone.judge.count(f"heard {type(event).__name__}")
        if isinstance(event, Answered):
            if event.offer:
                later(0.05, self.accept)
            if self.changes:
                later(self.talk / 2, self.change)
            wait = self.talk * (0.7 if self.hangs_up else 1.0)
            later(wait, self.hang_up)
        elif isinstance(event, Offered):
            later(0.1, self.refuse if self.refuses else self.accept)

    def give_up(self) -> None:
        """Hang up if nobody has answered yet."""
        if not self.call.up:
            self.call.hang_up(self.now, "nobody answers")

    def accept(self) -> None:
        self.call.accept(self.now, ANSWER)

    def refuse(self) -> None:
        self.call.refuse(self.now)

    def change(self) -> None:
        self.call.change(self.now, OTHER)

    def hang_up(self) -> None:
        self.call.hang_up(self.now, "all is said")

    def ring(self) -> None:
        assert isinstance(self.call, IncomingCall)
        self.call.ring(self.now)

    def reject(self, status: int) -> None:
        assert isinstance(self.call, IncomingCall)
        self.call.reject(self.now, status)

    def challenge(self) -> None:
        """Ask who is calling; the next INVITE brings the answer."""
        assert isinstance(self.call, IncomingCall)
        self.call.reject(self.now, 401, (("WWW-Authenticate", CHALLENGE),))

    def finish(self, call: Call, manner: Manner) -> None:
        """Answer, refuse or redirect."""
        incoming = self.call
        assert isinstance(incoming, IncomingCall)
        if manner.final == 302:
            names = sorted(self.application.phone.judge.users)
            user = names[int(call.seed * len(names))]
            incoming.redirect(self.now, [f"sip:{user}@{DOMAIN}"])
        elif manner.final == 200:
            incoming.answer(self.now, ANSWER)
        else:
            incoming.reject(self.now, manner.final)


class _Message:
    """Waits for what comes of a MESSAGE."""

    def __init__(self, told: Told) -> None:
        self._told = told

    def provisional(self, request: Request, response: Response, flow: Flow, now: float) -> None:
        """Nothing to do."""

    def redirected(self, event: Redirected, now: float) -> None:
        """Nothing to do."""

    def succeeded(self, request: Request, response: Response, flow: Flow, now: float) -> None:
        self._told.events.append(Ended(True))

    def failed(self, failure: Failure, now: float) -> None:
        self._told.events.append(Failed(failure))
