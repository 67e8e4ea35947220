"""Captures of real phones in trouble, explained: lost packets, silence, a late CANCEL, bad framing.

Packets are lost behind dumpcap, so that the capture shows what was sent and not heard.
"""

from __future__ import annotations

import signal

import pytest
from tests.interop.explained import explained
from tests.interop.lab import Lab
from tests.interop.phones import linphone, said
from tests.interop.programs import Program
from tests.interop.servers import DOMAIN
from tests.interop.sniffer import Sniffer, ports_of
from tests.interop.town import REGISTRAR, Town
from tests.interop.wire import Agent

PEERS = ("dumpcap", "kamailio", "linphone", "nft")
ALICE, BOB = f"sip:alice@{DOMAIN}", f"sip:bob@{DOMAIN}"
ACKS = "@th,64,24 0x41434b"
"""What nft calls datagrams that begin with ACK."""


class Home:
    """A Kamailio, and linphone for alice, over UDP."""

    def __init__(self, lab: Lab, town: Town, **defines: str) -> None:
        self.lab = lab
        self.town = town
        self.server = lab.kamailio("registrar.cfg", ["udp", "tcp"], host=REGISTRAR, defines=defines)
        self.sniffer = Sniffer(lab, ports_of(self.server))
        self.hers = town.host()
        with self.hers:
            self.alice = self.phone("alice")

    def phone(self, user: str) -> Program:
        phone = linphone(self.lab, user, self.server.uri("udp"))
        said(phone, "200", "REGISTER")
        return phone

    def bob(self) -> Program:
        """Another linphone, for bob, which answers."""
        with self.town.host():
            return self.phone("bob")


@pytest.fixture
def home(lab: Lab, town: Town) -> Home:
    return Home(lab, town)


def hang_up(alice: Program) -> None:
    alice.say("terminate")
    said(alice, "200", "BYE")


def test_requests_are_lost(home: Home) -> None:
    home.bob()
    home.hers.lose(REGISTRAR)
    home.alice.say(f"call {BOB}")
    home.sniffer.wait_for(b"INVITE sip:bob", 3)
    home.hers.find()
    said(home.alice, "200", "INVITE")
    hang_up(home.alice)
    told = explained(home.lab, home.sniffer, "request-lost")
    assert told.findings == ["request-lost"]
    (call,) = told.calls
    assert call.steps[:3] == ["call", "repeated", "forwarded"]
    assert call.end == "verdict-ended"


def test_responses_are_lost(home: Home) -> None:
    home.bob()
    home.hers.lose_inwards(REGISTRAR)
    home.alice.say(f"call {BOB}")
    home.sniffer.wait_for(b"INVITE sip:bob@ring.test", 4)
    home.hers.find()
    said(home.alice, "200", "INVITE")
    hang_up(home.alice)
    told = explained(home.lab, home.sniffer, "response-lost")
    assert told.findings == ["response-lost"]
    assert told.calls[0].end == "verdict-ended"
    what = told.calls[0].faults["response-lost"]["what"]
    assert what.startswith(f"{home.hers.address}:")


def test_acks_are_lost(home: Home) -> None:
    home.bob()
    home.hers.lose(REGISTRAR, f"udp dport 5060 {ACKS}")
    home.alice.say(f"call {BOB}")
    said(home.alice, "200", "INVITE")
    home.sniffer.wait_for(b"ACK sip:bob", 3)
    home.hers.find()
    hang_up(home.alice)
    told = explained(home.lab, home.sniffer, "ack-lost")
    assert told.findings == ["ack-lost"]
    assert "answer-repeated" in told.calls[0].steps
    assert told.calls[0].advice == []  # the finding says where to look, and it is not bob's side


def test_a_phone_that_is_stopped(lab: Lab, town: Town) -> None:
    """Its system is there, its program says nothing; a moment ago it took a call."""
    home = Home(lab, town, PATIENT="yes")
    bob = home.bob()
    home.alice.say(f"call {BOB}")
    said(home.alice, "200", "INVITE")
    hang_up(home.alice)
    bob.signal(signal.SIGSTOP)
    home.alice.say(f"call {BOB}")
    said(home.alice, "4..", "INVITE", 12)
    told = explained(lab, home.sniffer, "silent-phone")
    assert told.findings == ["silent-callee"]
    call = told.calls[1]
    assert call.steps == ["call", "forwarded", "unheard", "answered-instead"]
    assert call.verdict.startswith("It failed: 408 Request Timeout")


def test_a_phone_that_is_gone(home: Home) -> None:
    """Its program was killed, and its system says so."""
    bob = home.bob()
    bob.kill()
    home.alice.say(f"call {BOB}")
    said(home.alice, "408", "INVITE")
    told = explained(home.lab, home.sniffer, "dead-phone")
    assert told.findings == ["undeliverable"]
    (call,) = told.calls
    assert "unreachable" in call.steps
    assert "port unreachable" in call.faults["undeliverable"]["what"]


def test_cancel_and_answer_cross(home: Home) -> None:
    with Agent("udp", home.server.place("udp"), user="bob") as bob:
        assert bob.register().status == 200
        home.alice.say(f"call {BOB}")
        invite = bob.read()
        bob.answer(invite, "180 Ringing", [f"Contact: <{bob.contact}>"])
        said(home.alice, "180", "INVITE")
        home.alice.say("terminate")
        cancel = bob.read()
        assert cancel.method == "CANCEL"
        bob.answer(invite, "200 OK", [f"Contact: <{bob.contact}>"])
        bob.answer(cancel, "200 OK")
        bob.take("BYE")
        said(home.alice, "200", "BYE")
        # Before his socket is closed: what comes later is not delivered, and that is told.
        told = explained(home.lab, home.sniffer, "cancel-crossed-answer")
    assert told.findings == ["cancel-crossed-answer"]
    (call,) = told.calls
    assert call.steps.index("cancelled") < call.steps.index("answered")


@pytest.mark.parametrize(
    ("transport", "name"), [("udp", "wrong-content-length"), ("tcp", "stream-out-of-step")]
)
def test_a_wrong_content_length(home: Home, transport: str, name: str) -> None:
    with Agent(transport, home.server.place(transport), user="meter") as meter:
        assert meter.register().status == 200
        host, port = meter.local
        body = "power=12\r\n"
        lines = [
            f"MESSAGE {ALICE} SIP/2.0",
            f"Via: SIP/2.0/{transport.upper()} {host}:{port};branch=z9hG4bKwrong;rport",
            "Max-Forwards: 70",
            f"From: <{meter.aor}>;tag=1",
            f"To: <{ALICE}>",
            "Call-ID: wrong",
            "CSeq: 1 MESSAGE",
            "Content-Type: text/plain",
            f"Content-Length: {len(body) + 20}",
            "",
            body,
        ]
        for _ in range(2):
            meter.write("\r\n".join(lines).encode())
        home.sniffer.wait_for(b"MESSAGE sip:alice", 2)
    told = explained(home.lab, home.sniffer, f"wrong-content-length-{transport}")
    assert told.findings == [name]
