"""Captures of real phones at a server of ours, explained: redirects, WebSocket, passwords.

All programs of a test are in a town of namespaces; dumpcap listens at the server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from tests.interop.explained import explained
from tests.interop.lab import Lab
from tests.interop.phones import baresip, event, jssip, linphone, pjsua, said
from tests.interop.programs import Program
from tests.interop.servers import DOMAIN, STAND_IN
from tests.interop.sniffer import Sniffer, ports_of
from tests.interop.town import REGISTRAR, Town

pytestmark = pytest.mark.skipif(STAND_IN, reason="the captures are of Ringway")
PEERS = ("baresip", "dumpcap", "jssip", "linphone", "pjsua2")
ALICE, BOB, HOTEL = (f"sip:{user}@{DOMAIN}" for user in ("alice", "bob", "hotel"))


class Place:
    """A server of ours, a capture at it, and phones."""

    def __init__(
        self,
        lab: Lab,
        town: Town,
        *,
        redirects: Mapping[str, str] | None = None,
        users: Mapping[str, str] | None = None,
        settings: Sequence[str] = (),
    ) -> None:
        self.lab = lab
        self.town = town
        self.server = lab.server(
            ["udp", "tcp", "ws"],
            host=REGISTRAR,
            redirects=redirects,
            users=users,
            settings=settings,
        )
        self.sniffer = Sniffer(lab, ports_of(self.server))

    def linphone(self, user: str, *, password: str = "", expires: int = 60) -> Program:
        uri = self.server.uri("udp")
        with self.town.host():
            return linphone(self.lab, user, uri, password=password, expires=expires)

    def pjsua(self, user: str, *, follows: bool = True) -> Program:
        host, uri = self.town.host(), self.server.uri("tcp")
        with host:
            return pjsua(self.lab, user, uri, address=host.address, follows=follows)

    def jssip(self, user: str) -> Program:
        address, port = self.server.place("ws")
        with self.town.host():
            return jssip(self.lab, user, [f"ws://{address}:{port}"])


@pytest.fixture
def moved(lab: Lab, town: Town) -> Place:
    """Calls for alice are sent to the hotel, where somebody answers."""
    soon = ["[registration]", 'min_expires = "5s"']
    return Place(lab, town, redirects={ALICE: HOTEL}, settings=soon)


def test_pjsua_follows_a_302(moved: Place) -> None:
    said(moved.linphone("hotel"), "200", "REGISTER")
    bob = moved.pjsua("bob")
    event(bob, "registration", status=200)
    bob.say(f"call {ALICE}")
    event(bob, "call", state="CONFIRMED")
    bob.say("hangup")
    event(bob, "call", state="DISCONNECTED")
    told = explained(moved.lab, moved.sniffer, "302-followed")
    assert told.findings == []
    (call,) = told.calls
    assert call.steps[:6] == ["call", "redirected", "followed", "forwarded", "rings", "answered"]
    assert call.step("redirected").endswith(f"(302 Moved Temporarily): to {HOTEL}.")
    assert call.step("followed").startswith(f"{BOB} follows the 302 Moved Temporarily")
    assert call.end == "verdict-ended"


def test_pjsua_does_not_follow_a_302(moved: Place) -> None:
    hotel = moved.linphone("hotel", expires=7)
    said(hotel, "200", "REGISTER")
    bob = moved.pjsua("bob", follows=False)
    event(bob, "registration", status=200)
    bob.say(f"call {ALICE}")
    event(bob, "call", state="DISCONNECTED")
    for _ in range(2):  # what was not followed within 10 s is not followed
        said(hotel, "200", "REGISTER", 15)
    told = explained(moved.lab, moved.sniffer, "302-not-followed")
    assert told.findings == ["redirect-not-followed"]
    (call,) = told.calls
    assert (call.steps, call.end) == (["call", "redirected"], "verdict-redirected")
    assert HOTEL in told.across["redirect-not-followed"]["what"]


def test_linphone_follows_a_302(moved: Place) -> None:
    """It does so in a call of its own."""
    said(moved.linphone("hotel"), "200", "REGISTER")
    bob = moved.linphone("bob")
    said(bob, "200", "REGISTER")
    bob.say(f"call {ALICE}")
    said(bob, "200", "INVITE")
    bob.say("terminate")
    said(bob, "200", "BYE")
    told = explained(moved.lab, moved.sniffer, "302-followed-anew")
    assert told.findings == []
    first, second = told.calls
    assert first.end == "verdict-redirected"
    assert (second.title, second.end) == (f"{BOB} calls {HOTEL}", "verdict-ended")


def test_jssip_calls_jssip(lab: Lab, town: Town) -> None:
    place = Place(lab, town)
    bob = place.jssip("bob")
    event(bob, "registered")
    alice = place.jssip("alice")
    event(alice, "registered")
    alice.say(f"call {BOB}")
    event(alice, "confirmed")
    alice.say("hangup")
    event(bob, "ended", by="remote")
    told = explained(lab, place.sniffer, "websocket-call")
    assert told.findings == []
    (call,) = told.calls
    assert call.steps[:4] == ["call", "forwarded", "rings", "answered"]
    assert call.end == "verdict-ended"
    assert f"INVITE to ws {REGISTRAR}:5061" in call.step("call")
    assert f"{BOB} (ws 203.0.113." in call.step("forwarded")


def test_jssip_calls_baresip(lab: Lab, town: Town) -> None:
    """A browser offers media that baresip, as it is set up here, does not take."""
    place = Place(lab, town)
    bob = baresip(lab, town.host(), "bob", [place.server.uri("tcp")])
    bob.wait_for(r"\{\d/TCP/v4\} 200 OK")
    alice = place.jssip("alice")
    event(alice, "registered")
    alice.say(f"call {BOB}")
    event(alice, "failed", status=488)
    told = explained(lab, place.sniffer, "websocket-to-tcp")
    assert told.findings == []
    (call,) = told.calls
    assert call.steps == ["call", "forwarded", "rejected"]
    assert call.verdict.startswith("It failed: 488 Not Acceptable Here")


def test_a_wrong_password(lab: Lab, town: Town) -> None:
    place = Place(lab, town, users={"alice": "right"})
    alice = place.linphone("alice", password="wrong")
    alice.wait_for("Authentication is failing constantly", 10)
    told = explained(lab, place.sniffer, "wrong-password")
    assert told.findings == ["credentials-refused"]
    (registration,) = told.registrations
    assert registration.steps == ["register", "challenged", "authorised", "challenged-again"]
    assert registration.verdict == "The credentials were refused: 401 Unauthorized."
    assert "as alice" in registration.faults["credentials-refused"]["what"]


def test_a_redirect_in_a_circle(lab: Lab, town: Town) -> None:
    place = Place(lab, town, redirects={ALICE: HOTEL, HOTEL: ALICE})
    bob = place.pjsua("bob")
    event(bob, "registration", status=200)
    bob.say(f"call {ALICE}")
    event(bob, "call", state="DISCONNECTED")
    told = explained(lab, place.sniffer, "302-loop")
    assert told.findings == ["redirect-loop"]
