"""Findings over several conversations: in order, and with bounded memory."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import look, register
from tests.unit.explain.observed.support import Scene

from ringway.explain.observed.findings import following, registering
from ringway.explain.observed.findings.across import Across
from ringway.explain.observed.tracer import Tracer


def test_in_the_order_in_which_it_happened() -> None:
    scene = Scene("tcp")
    for number in range(3):
        phone = f"phone-{number}"
        scene.opened(phone, "edge")
        register(scene, phone, reg_id=number + 1, call_id=phone)
    for number in (2, 0, 1):
        scene.closed("edge", f"phone-{number}", "reset")
    scene.wait(100)
    scene.keep_alive("monitor", "edge")
    found = look(scene)
    assert [each.name for each in found] == ["not-reregistered"] * 3
    assert [each.at for each in found] == sorted(each.at for each in found)


def test_flows_that_close_at_the_very_end_and_before() -> None:
    """Each is asked for once, whether a conversation ends after it or not."""
    scene = Scene("tcp")
    scene.opened("phone", "edge")
    register(scene, "phone", reg_id=1)
    scene.closed("edge", "phone", "reset")
    scene.wait(200)
    scene.keep_alive("monitor", "edge")
    tracer, across = Tracer(), Across()
    for item in scene.items:
        across.item(item)
        for each in tracer.feed(item):
            across.conversation(each, tracer.flows)
    assert tracer.flows.take_closed() == []
    assert [each.name for each in across.close(tracer.flows)] == ["not-reregistered"]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registering, "_AGENTS", 10)
    monkeypatch.setattr(registering, "_ATTEMPTS", 8)
    monkeypatch.setattr(following, "_KEPT", 10)
    monkeypatch.setattr(following, "_HOSTS", 10)
    watched, followed = registering.Registering(), following.Following()
    tracer = Tracer()
    scene = Scene()
    for number in range(40):
        phone = f"phone-{number}"
        for time in range(12):
            register(scene, phone, call_id=f"{number}-{time}", status=500, cseq=time + 1)
        sent = scene.request(phone, "edge", "INVITE", "sip:x@y", call_id=f"i{number}")
        scene.ack(scene.reply(sent, 302, headers=(("Contact", "<sip:y@z>"),)))
    for item in scene.items:
        tracer.feed(item)
    for each in tracer.close():
        watched.conversation(each)
        followed.conversation(each)
    assert max(map(len, vars(watched)["_attempts"].values())) == 8
    assert len(vars(watched)["_attempts"]) == 10
    sights = vars(followed)["_sights"]
    assert len(vars(followed)["_redirects"]) == len(vars(followed)["_calls"]) == 10
    assert len(vars(sights)["_peers"]) == len(vars(sights)["_phones"]) == 10
    assert max(map(len, vars(sights)["_peers"].values())) <= 2
