"""Our server's own log: with its messages it tells what a capture tells, without them as much."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.unit.proxy.world import Dialog, World

from ringway.capture.items import Trouble
from ringway.capture.own_log import read_events
from ringway.endpoint import Decision, Kind, Witnessed
from ringway.explain import event, message_event
from ringway.explain.observed.explain import Explained, Explainer
from ringway.explain.observed.model import Kind as Kinds
from ringway.explain.observed.words import sentence
from ringway.transport.flow import Address, Flow

Scene = Callable[[World], None]


class Log:
    """What the servers of a world write down."""

    def __init__(self, world: World) -> None:
        self.lines: list[str] = []
        for node in world.nodes:
            node.endpoint.listener = self._decided
            node.endpoint.witness = self._witnessed

    def _decided(self, decision: Decision) -> None:
        self.lines.append(json.dumps(event(decision)))

    def _witnessed(self, witnessed: Witnessed) -> None:
        self.lines.append(json.dumps(message_event(witnessed)))

    def explained(self, *, messages: bool = True) -> dict[str, Explained]:
        lines = [line for line in self.lines if messages or '"kind": "message"' not in line]
        explainer = Explainer()
        found = {each.conversation.call_id: each for each in explainer.explain(read_events(lines))}
        assert not explainer.troubles
        assert explainer.decisions
        return found


def answered(world: World) -> None:
    bob, alice = world.phone("bob", "10.0.9.1"), world.caller()
    alice.invite(call_id="call")
    bob.answer(bob.requests[0], 180)
    world.advance(2)
    bob.accept(bob.requests[0])
    dialog = Dialog.of_caller(alice.responses[-1])
    alice.within(dialog, "ACK", cseq=1)
    world.advance(600)
    alice.within(dialog, "BYE")
    bob.accept(bob.requests[-1])


def busy(world: World) -> None:
    bob, alice = world.phone("bob", "10.0.9.1"), world.caller()
    invite = alice.invite(call_id="call")
    bob.answer(bob.requests[0], 486)
    alice.ack(invite, alice.responses[-1])


def nobody(world: World) -> None:
    alice = world.caller()
    invite = alice.invite(call_id="call")
    alice.ack(invite, alice.responses[-1])


def moved(world: World) -> None:
    world.redirect("bob", "sip:carol@elsewhere.test")
    alice = world.caller()
    invite = alice.invite(call_id="call")
    alice.ack(invite, alice.responses[-1])


def given_up(world: World) -> None:
    bob, alice = world.phone("bob", "10.0.9.1"), world.caller()
    invite = alice.invite(call_id="call")
    bob.answer(bob.requests[0], 180)
    world.advance(9)
    alice.cancel(invite)
    bob.answer(bob.requests[1], 200)
    bob.answer(bob.requests[0], 487)
    alice.ack(invite, alice.responses[-1])


def a_dead_flow(world: World) -> None:
    first = world.phone("bob", "10.0.9.1", instance="<urn:bob>")
    second = world.phone("bob", "10.0.9.2", instance="<urn:bob>", reg_id=2)
    alice = world.caller()
    alice.invite(call_id="call")
    asked, other = (first, second) if first.requests else (second, first)
    asked.close()
    other.accept(other.requests[0])
    alice.within(Dialog.of_caller(alice.responses[-1]), "ACK", cseq=1)


def message(world: World) -> None:
    bob, alice = world.phone("bob", "10.0.9.1"), world.caller()
    alice.request("MESSAGE", "sip:bob@ringway.test", call_id="call")
    bob.answer(bob.requests[0], 200)


@pytest.mark.parametrize(
    ("scene", "verdict", "decided"),
    [
        (answered, "verdict-ended", []),
        (busy, "verdict-failed", []),
        (nobody, "verdict-failed", []),
        (moved, "verdict-redirected", []),
        (given_up, "verdict-cancelled", []),
        (a_dead_flow, "verdict-answered", ["decided-failover"]),
        (message, "verdict-accepted", []),
    ],
)
def test_both_ways_to_tell_it_agree(scene: Scene, verdict: str, decided: list[str]) -> None:
    world = World()
    log = Log(world)
    scene(world)
    whole, bare = log.explained()["call"], log.explained(messages=False)["call"]
    assert whole.story.verdict.name == verdict
    assert sentence(bare.story.verdict) == sentence(whole.story.verdict)
    if verdict != "verdict-redirected":  # of who was redirected nothing is written
        assert sentence(bare.story.title) == sentence(whole.story.title)
    assert bare.conversation.kind is whole.conversation.kind
    assert bare.conversation.complete
    assert [each.name for each in whole.story.lines if "decided" in each.name] == decided
    assert {each.name.partition("-")[0] for each in bare.story.lines} == {"decided"}


def test_a_log_that_begins_within_a_call() -> None:
    world = World()
    bob, alice = world.phone("bob", "10.0.9.1"), world.caller()
    alice.invite(call_id="call")
    bob.accept(bob.requests[0])
    dialog = Dialog.of_caller(alice.responses[-1])
    alice.within(dialog, "ACK", cseq=1)
    log = Log(world)
    alice.within(dialog, "BYE")
    bob.accept(bob.requests[-1])
    whole, bare = log.explained()["call"], log.explained(messages=False)["call"]
    assert bare.conversation.kind is whole.conversation.kind is Kinds.CALL
    assert bare.story.title.name == whole.story.title.name == "title-middle"
    assert sentence(bare.story.verdict) == sentence(whole.story.verdict)


def test_reasons_stand_between_messages() -> None:
    world = World()
    log = Log(world)
    a_dead_flow(world)
    lines = log.explained()["call"].story.lines
    names = [each.name for each in lines]
    assert names.index("flow-closed") < names.index("decided-failover") < names.index("answered")
    why = sentence(lines[names.index("decided-failover")])
    assert "RFC 5626 §7" in why
    assert "RFC 5626 §7." not in why.replace("RFC 5626 §7).", "")


@pytest.mark.parametrize("messages", [True, False])
def test_a_registration(messages: bool) -> None:
    world = World()
    log = Log(world)
    phone = world.phone("bob", "10.0.9.1", call_id="reg")
    world.advance(30)
    phone.close()
    found = log.explained(messages=messages)["reg"]
    names = [each.name for each in found.story.lines]
    assert names[-1] == "decided-unbound"
    assert ("registered" in names) is messages
    assert "bob@" in sentence(found.story.title)


def lines_of(*decisions: Decision) -> list[str]:
    return [json.dumps(event(each)) for each in decisions]


def test_a_call_is_told_when_it_is_over_and_not_before() -> None:
    invite = Decision(at=0.0, kind=Kind.REQUEST, text="x", call_id="c", method="INVITE")
    answer = Decision(
        at=1.0, kind=Kind.ANSWER, text="200", call_id="c", method="INVITE", status=200
    )
    bye = Decision(at=3000.0, kind=Kind.ANSWER, text="200", call_id="c", method="BYE", status=200)
    later = [
        Decision(at=at, kind=Kind.REQUEST, text="x", call_id=f"o{at}", method="OPTIONS")
        for at in (2999.0, 3001.0, 3300.0, 3301.0)
    ]
    told = []
    lines = lines_of(invite, answer, later[0], bye, *later[1:])
    for number, line in enumerate(read := list(read_events(lines))):
        assert line
        found = list(Explainer().explain(iter(read[: number + 1])))
        told.append([each.conversation.call_id for each in found])
    assert told[-1].count("c") == 1  # one conversation, not one and its BYE


def test_the_middle_of_a_very_long_one_is_left_out() -> None:
    lines = lines_of(
        *(
            Decision(at=n / 10, kind=Kind.REQUEST, text=f"no. {n}", call_id="c", method="INFO")
            for n in range(500)
        )
    )
    (found,) = Explainer().explain(read_events(lines))
    texts = [each.facts["what"] for each in found.story.lines]
    assert len(texts) == 80
    assert (texts[0], texts[59], texts[-1]) == ("no. 0.", "no. 59.", "no. 499.")


def test_memory_is_bounded() -> None:
    lines = lines_of(
        *(
            Decision(at=1.0, kind=Kind.REQUEST, text="x", call_id=f"c{n}", method="INFO")
            for n in range(10_050)
        )
    )
    explaining = Explainer().explain(read_events(lines))
    assert next(explaining).conversation.call_id == "c0"
    assert sum(1 for _ in explaining) == 10_049


def test_what_belongs_to_no_conversation_is_told_with_what_could_not_be_read() -> None:
    flow = Flow("udp", Address("192.0.2.1", 5060), Address("192.0.2.9", 5060))
    dropped = Decision(at=5.0, kind=Kind.DROPPED, text="no SIP", flow=flow)
    explainer = Explainer()
    assert list(explainer.explain(read_events(lines_of(dropped)))) == []
    assert explainer.troubles == [Trouble(5.0, (1,), "dropped: no SIP")]
