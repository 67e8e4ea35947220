"""Our user agent and a phone that nobody here wrote, over a server that nobody here wrote."""

from collections.abc import Iterator

import pytest
from tests.interop.lab import Lab
from tests.interop.network import Namespace
from tests.interop.ours import ANSWER, OFFER, Ours
from tests.interop.phones import baresip, event, pjsua
from tests.interop.programs import Program
from tests.interop.servers import DOMAIN, Server

from ringway.ua.events import (
    Answered,
    Changed,
    Ended,
    Failed,
    Offered,
    Registered,
    TransferAsked,
)

PEERS = ("kamailio", "pjsua2", "baresip")
ALICE, BOB = f"sip:alice@{DOMAIN}", f"sip:bob@{DOMAIN}"


class TestPjsua:
    @pytest.fixture
    def server(self, lab: Lab) -> Server:
        return lab.kamailio("registrar.cfg")

    @pytest.fixture
    def alice(self, lab: Lab, server: Server) -> Ours:
        phone = Ours(lab, "alice", outbound=[server.uri("tcp")])
        assert phone.event(Registered).outbound
        return phone

    @pytest.fixture
    def bob(self, lab: Lab, server: Server) -> Program:
        phone = pjsua(lab, "bob", server.uri("tcp"))
        event(phone, "registration", status=200)
        return phone

    def test_we_call_and_hang_up(self, alice: Ours, bob: Program) -> None:
        call = alice.call(BOB)
        assert b"m=audio" in call.event(Answered).body
        event(bob, "call", state="CONFIRMED")
        call.hang_up()
        event(bob, "call", state="DISCONNECTED")

    def test_we_call_and_they_hang_up(self, alice: Ours, bob: Program) -> None:
        call = alice.call(BOB)
        call.event(Answered)
        event(bob, "call", state="CONFIRMED")
        bob.say("hangup")
        call.event(Ended, by_us=False)

    def test_without_an_offer_theirs_is_answered_in_the_ack(
        self, alice: Ours, bob: Program
    ) -> None:
        call = alice.call(BOB, b"")
        assert b"m=audio" in call.event(Answered).body
        call.do("accept", ANSWER)
        event(bob, "call", state="CONFIRMED")
        call.hang_up()
        event(bob, "call", state="DISCONNECTED")

    def test_they_call_and_hang_up(self, alice: Ours, bob: Program) -> None:
        bob.say(f"call {ALICE}")
        call = alice.take_call()
        event(bob, "call", state="CONFIRMED")
        bob.say("hangup")
        call.event(Ended, by_us=False)

    def test_they_call_and_we_hang_up(self, alice: Ours, bob: Program) -> None:
        bob.say(f"call {ALICE}")
        call = alice.take_call()
        event(bob, "call", state="CONFIRMED")
        call.hang_up()
        event(bob, "call", state="DISCONNECTED")

    def test_they_call_and_give_up(self, alice: Ours, bob: Program) -> None:
        bob.say(f"call {ALICE}")
        call = alice.ringing()
        call.do("ring")
        event(bob, "call", status=180)
        bob.say("hangup")
        event(bob, "call", state="DISCONNECTED", status=487)
        call.event(Ended, by_us=False)

    def test_we_refuse(self, alice: Ours, bob: Program) -> None:
        bob.say(f"call {ALICE}")
        alice.ringing().do("reject", 486)
        event(bob, "call", state="DISCONNECTED", status=486)

    def test_we_redirect(self, lab: Lab, server: Server, alice: Ours, bob: Program) -> None:
        carol = Ours(lab, "carol", outbound=[server.uri("tcp")])
        carol.event(Registered)
        bob.say(f"call {ALICE}")
        alice.ringing().do("redirect", f"sip:carol@{DOMAIN}")
        assert f"sip:carol@{DOMAIN}" in str(event(bob, "redirected")["target"])
        carol.take_call()
        event(bob, "call", state="CONFIRMED")

    def test_both_change_the_session(self, alice: Ours, bob: Program) -> None:
        call = alice.call(BOB)
        call.event(Answered)
        event(bob, "call", state="CONFIRMED")
        call.do("change", OFFER.replace(b"o=probe 1 1", b"o=probe 1 2"))
        assert b"m=audio" in call.event(Changed).body
        bob.say("hold")
        held = call.event(Offered).body
        assert b"a=sendonly" in held or b"a=inactive" in held
        call.do("accept", ANSWER.replace(b"o=probe 1 1", b"o=probe 1 3") + b"a=recvonly\r\n")
        call.hang_up()
        event(bob, "call", state="DISCONNECTED")

    def test_they_transfer_us(self, lab: Lab, server: Server, alice: Ours, bob: Program) -> None:
        carol = Ours(lab, "carol", outbound=[server.uri("tcp")])
        carol.event(Registered)
        call = alice.call(BOB)
        call.event(Answered)
        event(bob, "call", state="CONFIRMED")
        bob.say(f"transfer sip:carol@{DOMAIN}")
        asked = call.event(TransferAsked)
        assert str(asked.refer_to) == f"sip:carol@{DOMAIN}"
        other = alice.also(call.do("accept_transfer", OFFER))
        carol.take_call()
        other.event(Answered)
        event(bob, "transfer", status=200)

    def test_nobody_there(self, alice: Ours) -> None:
        call = alice.call(f"sip:nobody@{DOMAIN}")
        assert call.event(Failed).failure.status == 480


class TestBaresip:
    @pytest.fixture
    def net(self) -> Iterator[Namespace]:
        with Namespace() as namespace:
            yield namespace

    @pytest.fixture
    def server(self, lab: Lab, net: Namespace) -> Server:
        return lab.kamailio("registrar.cfg", host=net.outside)

    @pytest.fixture
    def alice(self, lab: Lab, server: Server) -> Ours:
        phone = Ours(lab, "alice", outbound=[server.uri("tcp")])
        phone.event(Registered)
        return phone

    @pytest.fixture
    def bob(self, lab: Lab, net: Namespace, server: Server) -> Program:
        phone = baresip(lab, net, "bob", [server.uri("tcp")])
        phone.wait_for(r"\{\d/TCP/v4\} 200 OK")
        return phone

    def test_we_call(self, alice: Ours, bob: Program) -> None:
        call = alice.call(BOB)
        assert b"m=audio" in call.event(Answered).body
        bob.wait_for(r"^ACK ")
        call.hang_up()
        bob.wait_for(r"^BYE ")

    def test_they_call(self, alice: Ours, bob: Program) -> None:
        bob.say(f"/dial {ALICE}")
        call = alice.take_call()
        bob.wait_for(r"Call established")
        bob.say("/hangup")
        call.event(Ended, by_us=False)

    def test_they_call_and_we_hang_up(self, alice: Ours, bob: Program) -> None:
        bob.say(f"/dial {ALICE}")
        call = alice.take_call()
        bob.wait_for(r"Call established")
        call.hang_up()
        bob.wait_for(r"^BYE ")
