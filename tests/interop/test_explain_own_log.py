"""The same calls in a capture and in our server's own log: both tell the same story."""

from __future__ import annotations

import re

import pytest
from tests.interop.explained import Explained, Told, explained, explained_file
from tests.interop.lab import Lab
from tests.interop.phones import baresip, linphone, said
from tests.interop.programs import Program
from tests.interop.servers import DOMAIN, STAND_IN
from tests.interop.sniffer import Sniffer, ports_of
from tests.interop.town import REGISTRAR, Town

pytestmark = pytest.mark.skipif(STAND_IN, reason="the log is Ringway's")
PEERS = ("baresip", "dumpcap", "linphone", "nft")
BOB, CAROL, DORA = (f"sip:{user}@{DOMAIN}" for user in ("bob", "carol", "dora"))
LOG = ("[log]", 'format = "json"', "messages = true")
SPAN = re.compile(r"\b\d+(?:\.\d+)? (?:ms|s)\b")


def story(told: Told) -> dict[str, object]:
    """What must be the same: all but how long it took, and what only the server knows."""
    steps = [
        (name, SPAN.sub("…", text))
        for name, text in zip(told.steps, told.says, strict=True)
        if not name.startswith("decided-")
    ]
    return {
        "title": told.title,
        "steps": steps,
        "verdict": (told.end, SPAN.sub("…", told.verdict)),
        "advice": told.advice,
        "findings": told.findings,
        "messages": sorted(told.messages),
    }


def by_call(told: Explained) -> dict[str, dict[str, object]]:
    """All but the OPTIONS by which the lab knows that a server is up: it may be in the log only."""
    return {each.call_id: story(each) for each in (*told.registrations, *told.calls)}


def talk(alice: Program, uri: str) -> None:
    """Let alice call somebody and hang up."""
    alice.say(f"call {uri}")
    said(alice, "200", "INVITE")
    alice.say("terminate")
    said(alice, "200", "BYE")


def test_the_same_story(lab: Lab, town: Town) -> None:
    """A call, one whose first flow is silent, one to nobody, and one that is redirected."""
    server = lab.server(
        ["udp", "tcp", "tcp"], host=REGISTRAR, redirects={DORA: CAROL}, settings=LOG
    )
    began = server.program.log.stat().st_size
    sniffer = Sniffer(lab, ports_of(server))
    his = town.host()
    bob = baresip(lab, his, "bob", [server.uri("tcp", 0), server.uri("tcp", 1)])
    for _ in range(2):
        bob.wait_for(r"\{\d/TCP/v4\} 200 OK")
    phones = []
    for user in ("alice", "carol"):
        with town.host():
            phones.append(linphone(lab, user, server.uri("udp")))
        said(phones[-1], "200", "REGISTER")
    alice, _ = phones

    talk(alice, BOB)
    port = int(bob.wait_for(r"^TCP \S+:(\d+) -> \S+\nINVITE ")[1])
    his.lose(REGISTRAR, f"tcp dport {port}")
    his.lose_inwards(REGISTRAR, f"tcp sport {port}")
    talk(alice, BOB)
    alice.say(f"call sip:nobody@{DOMAIN}")
    said(alice, "4..", "INVITE")
    talk(alice, DORA)

    captured = explained(lab, sniffer, "our-server")
    log = lab.file("serve.log")
    log.write_bytes(server.program.log.read_bytes()[began:])
    logged = explained_file(lab, log)
    assert len(captured.calls) == 5
    assert by_call(logged) == by_call(captured)
    assert logged.across.keys() == captured.across.keys()
    reasons = {name for each in logged.calls for name in each.steps if name.startswith("decided-")}
    assert reasons == {"decided-failover"}
