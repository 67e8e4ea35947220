"""Whatever is on the wire, detectors do not raise, nor compare everything with everything."""

from __future__ import annotations

import random

import pytest
from tests.unit.explain.observed.findings.looking import AOR, PHONE, look, register, talk
from tests.unit.explain.observed.support import Scene

from ringway.capture.items import Seen
from ringway.capture.lenient import read_message
from ringway.explain.observed.findings import find
from ringway.explain.observed.flows import Flows
from ringway.explain.observed.tracer import Tracer

JUNK = (
    "",
    "*",
    "<",
    '"',
    ";;;",
    "9" * 40,
    "-1",
    "<tel:+123>;tag=1",
    "<sip:10.0.0.1>;expires=x",
    "<sip:x@y>;reg-id=99999999999999;+sip.instance=x",
    "SIP/2.0/UDP 10.0.0.1:99999;branch=z9",
    'Digest realm="x", nonce="y"',
    "Q.850;cause=zz",
    "\udcff",
)
HEADERS = (
    *("Via", "From", "To", "Contact", "Route", "Record-Route", "Expires", "Retry-After", "Reason"),
    *("Warning", "Authorization", "WWW-Authenticate", "Content-Length", "Flow-Timer", "CSeq"),
)


def scene() -> Scene:
    """A bit of everything."""
    scene = Scene()
    register(scene, "phone", reg_id=1)
    talk(scene)
    invite = scene.request("alice", "edge", "INVITE", AOR, call_id="forwarded")
    onward = scene.forward(invite, "phone", uri=PHONE, headers=(("Record-Route", "<sip:x;lr>"),))
    scene.ack(scene.back(scene.reply(onward, 302, headers=(("Contact", "<sip:c@d>"),))))
    again = scene.request("alice", "edge", "INVITE", "sip:c@d", call_id="forwarded", cseq=2)
    scene.cancel(again)
    scene.ack(scene.reply(again, 480))
    return scene


@pytest.mark.parametrize("header", HEADERS)
def test_junk_in_a_header(header: str) -> None:
    chance = random.Random(header)
    for junk in JUNK:
        broken = scene()
        for number, item in enumerate(broken.items):
            if isinstance(item, Seen) and chance.random() < 0.5:
                lines = item.data.split(b"\r\n")
                line = f"{header}: {junk}".encode("utf-8", "surrogateescape")
                lines[chance.randrange(1, len(lines))] = line
                data = b"\r\n".join(lines)
                message, fault = read_message(data)
                broken.items[number] = item._replace(message=message, fault=fault, data=data)
        look(broken)


@pytest.mark.timeout(30)
def test_many_forked_answers_that_come_again() -> None:
    scene = Scene()
    invites = [scene.request("alice", "bob", "INVITE", AOR, cseq=1) for _ in range(100)]
    tags = [f"{number}" for number in range(40)]
    acks: list[Seen] = []
    for _ in range(3):
        scene.wait(0.7)
        for invite in invites:
            for tag in tags:
                answer = scene.reply(invite, 200, to_tag=tag)
                if invite is invites[-1]:
                    acks.append(answer)
    for answer in acks:
        scene.ack(answer)
    look(scene)


@pytest.mark.timeout(30)
def test_a_thousand_contacts_in_each_of_many_redirects() -> None:
    scene = Scene()
    contacts = ", ".join(f"<sip:bob@{number}.example.net>" for number in range(1000))
    for number in range(60):
        request = scene.request("alice", "bob", "INVITE", AOR, cseq=number + 1)
        scene.reply(request, 302, headers=(("Contact", contacts),))
    look(scene)


def test_calls_do_not_go_through_all_flows(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    invite = scene.request("alice", "bob", "INVITE", AOR)
    scene.cancel(invite)
    scene.reply(invite, 200)
    tracer = Tracer()
    for item in scene.items:
        tracer.feed(item)
    monkeypatch.delattr(Flows, "all")
    for conversation in tracer.close():
        assert [each.name for each in find(conversation, tracer.flows)]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("status", [0, 100, 200, 302, 401, 408, 430, 482, 483, 503])
def test_a_thousand_requests_with_one_call_id(status: int) -> None:
    scene = Scene()
    for number in range(990):
        request = scene.request(
            "alice",
            "bob",
            "INVITE",
            AOR,
            cseq=number + 1,
            headers=(("Contact", "<sip:alice@10.0.0.1>"),),
        )
        if status:
            scene.reply(request, status, headers=(("Contact", f"<{AOR}>"),))
        else:
            scene.cancel(request)
    look(scene)
