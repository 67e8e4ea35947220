"""Fuzzes the user agent: whatever requests and responses come, nothing is raised and nothing stays.

python -m tests.fuzz.fuzz_agent [CORPUS...]      with atheris installed
python -m tests.fuzz.fuzz_agent FILE...          without: runs the files once

An input is a script. Its first byte says how it begins, see `BEGINNINGS`. What follows is cut at
each NUL: a piece that begins with a letter of `ACTIONS` lets the application act, any other is a
message that comes, a few seconds after the one before. In a message ``{via}``, ``{from}``,
``{to}``, ``{call-id}``, ``{cseq}`` and ``{contact}`` stand for those of the agent's last request,
``{us}``, ``{them}`` and ``{id}`` for those of its last dialog, and a line feed for CRLF.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from tests.fuzz.target import run_target
from tests.harness import Peer
from tests.unit.ua.support import (
    ANSWER,
    OTHER,
    Solo,
    accept,
    invite_of,
)

from ringway.errors import ParseError
from ringway.message import Request
from ringway.transport.flow import Address, Flow
from ringway.ua.calls.call import Call
from ringway.ua.calls.called import IncomingCall

ROUNDS: Final = 24
"""Pieces of a script that are run."""
PACE: Final = 3.0
"""Seconds after each."""
HERE: Final = "sip:alice@10.0.0.1"

_NAMES: Final = re.compile(rb"\{([a-z-]+)\}")


class Ear(Peer):
    """Somebody who gets back what was sent in his name, even where nobody can read it."""

    def take_bytes(self, data: bytes) -> None:
        with suppress(ParseError):
            super().take_bytes(data)


class Stage:
    """An agent, somebody it talks to, and an application that acts as it is told."""

    def __init__(self) -> None:
        self.solo = Solo()
        self.peers = [self._ear("10.0.0.9"), self._ear("10.0.0.8")]
        self.solo.bob = self.peers[0]
        self.made: list[Call] = []
        self.sent = 0
        self._words: dict[bytes, bytes] = {}

    @property
    def call(self) -> Call | None:
        """The last call there is."""
        calls = [*self.made, *self.solo.calls]
        return calls[-1] if calls else None

    @property
    def incoming(self) -> IncomingCall | None:
        return self.solo.calls[-1] if self.solo.calls else None

    @property
    def requests(self) -> list[Request]:
        return [each for peer in self.peers for each in peer.requests]

    def receive(self, text: bytes) -> None:
        """Let a message come."""
        self._learn()
        filled = _NAMES.sub(lambda found: self._words.get(found[1], found[0]), text)
        self.sent += 1
        self.solo.bob.send(re.sub(rb"\r?\n", b"\r\n", filled))

    def _ear(self, host: str) -> Peer:
        address = Address(host, 5060)
        ear = Ear(self.solo, "udp", address)
        ear.flow = Flow("udp", self.solo.udp, address)
        self.solo.peers["udp", address] = ear
        return ear

    def _learn(self) -> None:
        words: dict[str, str] = {}
        if self.requests:
            last = self.solo.bob.requests[-1] if self.solo.bob.requests else self.requests[-1]
            for name in ("via", "from", "to", "call-id", "cseq", "contact"):
                words[name] = last.get(name) or ""
        dialogs = list(self.solo.agent.dialogs.values())
        if dialogs:
            dialog = dialogs[-1].dialog
            words |= {"us": dialog.local, "them": dialog.remote, "id": dialog.call_id}
        for name, value in words.items():
            self._words[name.encode()] = value.encode("utf-8", "surrogateescape")


def nothing(_stage: Stage) -> None:
    """Nothing has happened."""


def calling(stage: Stage) -> None:
    """We call."""
    stage.made.append(stage.solo.call()[0])


def offered_nothing(stage: Stage) -> None:
    """We call without an offer."""
    stage.made.append(stage.solo.call(body=b"")[0])


def in_a_call(stage: Stage) -> None:
    """We have called."""
    calling(stage)
    accept(stage.solo.bob, invite_of(stage.solo.bob))


def called(stage: Stage) -> None:
    """We are called."""
    stage.solo.invited(headers=[("Supported", "100rel, timer")])


def in_a_call_of_theirs(stage: Stage) -> None:
    """We were called."""
    stage.solo.accepted()


def referred(stage: Stage) -> None:
    """We have asked for a transfer."""
    in_a_call_of_theirs(stage)
    refer(stage)


def answer(stage: Stage) -> None:
    if stage.incoming is not None:
        stage.solo.do(stage.incoming.answer, ANSWER)


def ring(stage: Stage) -> None:
    if stage.incoming is not None:
        stage.solo.do(stage.incoming.ring, 183, ANSWER)


def reject(stage: Stage) -> None:
    if stage.incoming is not None:
        stage.solo.do(stage.incoming.reject)


def hang_up(stage: Stage) -> None:
    if stage.call is not None:
        stage.solo.do(stage.call.hang_up)


def change(stage: Stage) -> None:
    if stage.call is not None:
        stage.solo.do(stage.call.change, OTHER)


def update(stage: Stage) -> None:
    if stage.call is not None:
        stage.solo.do(stage.call.change, OTHER, method="UPDATE")


def take(stage: Stage) -> None:
    if stage.call is not None:
        stage.solo.do(stage.call.accept, ANSWER)


def refuse(stage: Stage) -> None:
    if stage.call is not None:
        stage.solo.do(stage.call.refuse)


def refer(stage: Stage) -> None:
    if stage.call is not None:
        stage.solo.do(stage.call.refer, "sip:carol@10.0.0.8")


def transfer(stage: Stage) -> None:
    if stage.call is not None:
        made = stage.solo.do(stage.call.transfer_answer, True, body=OTHER)
        if made is not None:
            stage.made.append(made)


def wait(stage: Stage) -> None:
    stage.solo.advance(40)


BEGINNINGS: Final[tuple[Callable[[Stage], None], ...]] = (
    nothing,
    calling,
    offered_nothing,
    in_a_call,
    called,
    in_a_call_of_theirs,
    referred,
)

ACTIONS: Final[dict[int, Callable[[Stage], None]]] = dict(
    zip(
        b"abcdefghijk",
        (answer, ring, reject, hang_up, change, update, take, refuse, refer, transfer, wait),
        strict=True,
    )
)


def check(data: bytes) -> None:
    """Run one script."""
    if not data:
        return
    stage = Stage()
    BEGINNINGS[data[0] % len(BEGINNINGS)](stage)
    for piece in data[1:].split(b"\0")[:ROUNDS]:
        act = ACTIONS.get(piece[0]) if len(piece) == 1 else None
        if act is not None:
            act(stage)
        else:
            stage.receive(piece)
        stage.solo.advance(PACE)
    end(stage)


def end(stage: Stage) -> None:
    """End all calls, and look at what is left."""
    solo = stage.solo
    for call in [*stage.made, *solo.calls]:
        solo.do(call.hang_up)
    solo.advance(2000)
    if solo.trouble:
        raise AssertionError("the application raised") from solo.trouble[0]
    left = solo.endpoint.transactions, len(solo.agent.dialogs)
    if any(left):
        raise AssertionError(f"transactions and dialogs are left: {left}")
    if any(not call.done for call in [*stage.made, *solo.calls]):
        raise AssertionError("a call never ends")
    different = {(each.method, each.top_via.branch) for each in stage.requests}
    if len(different) > 20 * (ROUNDS + stage.sent):
        raise AssertionError(f"{len(different)} requests for {stage.sent} messages")


if __name__ == "__main__":
    run_target(check)
