"""Requests that nobody answered because they led nowhere: a dead flow, a large datagram, a NAT."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import (
    AOR,
    PHONE,
    healthy,
    hides,
    nearly,
    register,
    shows,
)
from tests.unit.explain.observed.findings.test_silence import repeated
from tests.unit.explain.observed.support import Scene

from ringway.capture.items import Seen
from ringway.transport.flow import Address


class TestFlowDied:
    def test_shown(self) -> None:
        scene = Scene()
        request, ok = register(scene, "phone", reg_id=1)
        scene.wait(600)
        invite = scene.request("alice", "edge", "INVITE", AOR)
        scene.reply(invite, 100)
        onward = repeated(scene, scene.forward(invite, "phone"))
        found = shows(scene, "flow-died-unnoticed")
        assert set(request.frames + ok.frames + onward.frames) <= set(found.frames)
        assert found.facts["quiet"] == "600"
        hides(scene, "silent-callee")

    def test_when_it_was_last_heard(self) -> None:
        scene = Scene()
        register(scene, "phone", reg_id=1)
        scene.wait(600)
        scene.keep_alive("phone", "edge")
        scene.wait(40)
        invite = scene.request("alice", "edge", "INVITE", AOR)
        repeated(scene, scene.forward(invite, "phone"))
        found = shows(scene, "flow-died-unnoticed")
        assert found.facts["quiet"] == "40"
        assert found.frames == (1, 2, 3, 5, 6, 7, 8, 9)

    def test_nobody_heard_it_since_the_capture_began(self) -> None:
        """The REGISTER was seen behind the edge only; the phone itself was never heard."""
        scene = Scene()
        request, _ = register(scene, "phone", reg_id=1)
        scene.items.clear()
        scene.reply(request, 200, headers=(("Contact", f"<{PHONE}>;expires=600"),))
        scene.wait(60)
        invite = scene.request("alice", "edge", "INVITE", AOR)
        repeated(scene, scene.forward(invite, "phone"))
        shows(scene, "silent-callee")

    def test_it_stopped_just_now(self) -> None:
        scene = Scene()
        register(scene, "phone", reg_id=1)
        scene.wait(1)
        invite = scene.request("alice", "edge", "INVITE", AOR)
        repeated(scene, scene.forward(invite, "phone"))
        hides(scene, "flow-died-unnoticed")
        shows(scene, "silent-callee")

    def test_over_a_connection(self) -> None:
        scene = Scene(transport="tcp")
        scene.opened("phone", "edge")
        register(scene, "phone", reg_id=1)
        scene.wait(600)
        invite = scene.request("alice", "edge", "INVITE", AOR)
        scene.forward(invite, "phone")
        scene.wait(32)
        scene.ack(scene.reply(invite, 408))
        shows(scene, "flow-died-unnoticed")

    def test_the_phone_was_heard_all_the_while(self) -> None:
        scene = Scene()
        register(scene, "phone", reg_id=1)
        invite = scene.request("alice", "edge", "INVITE", AOR)
        onward = scene.forward(invite, "phone")
        scene.keep_alive("phone", "edge")
        repeated(scene, onward)
        nearly(scene, "flow-died-unnoticed")

    def test_the_registration_was_over(self) -> None:
        scene = Scene()
        register(scene, "phone", expires=60)
        scene.wait(600)
        invite = scene.request("alice", "edge", "INVITE", AOR)
        repeated(scene, scene.forward(invite, "phone"))
        hides(scene, "flow-died-unnoticed")
        shows(scene, "silent-callee")

    def test_it_answers(self) -> None:
        scene = Scene()
        register(scene, "phone", reg_id=1)
        scene.wait(600)
        invite = scene.request("alice", "edge", "INVITE", AOR)
        scene.ack(scene.back(scene.reply(scene.forward(invite, "phone"), 200)))
        healthy(scene)


class TestLarge:
    def invite(self, scene: Scene, octets: int) -> Seen:
        return scene.request("alice", "bob", "INVITE", AOR, body=b"v" * octets)

    def test_shown(self) -> None:
        scene = Scene()
        repeated(scene, self.invite(scene, 1400))
        found = shows(scene, "large-datagram-lost")
        assert int(found.facts["octets"]) > 1400
        hides(scene, "silent-callee")

    def test_a_small_one_has_another_reason(self) -> None:
        scene = Scene()
        repeated(scene, self.invite(scene, 600))
        nearly(scene, "large-datagram-lost")

    def test_one_as_large_had_arrived(self) -> None:
        scene = Scene()
        scene.ack(scene.reply(self.invite(scene, 1400), 486))
        scene.wait(10)
        again = scene.request("alice", "bob", "INVITE", AOR, call_id="c-2", body=b"v" * 1420)
        repeated(scene, again)
        hides(scene, "large-datagram-lost")
        shows(scene, "silent-callee")

    @pytest.mark.parametrize(("octets", "name"), [(1080, "flow-died-unnoticed"), (1400, "")])
    def test_what_fits_into_one_packet_to_a_phone_that_is_quiet(
        self, octets: int, name: str
    ) -> None:
        scene = Scene()
        register(scene, "phone", reg_id=1)
        scene.wait(600)
        invite = scene.request("alice", "edge", "INVITE", AOR, body=b"v" * octets)
        onward = repeated(scene, scene.forward(invite, "phone"))
        assert len(onward.data) > 1300
        shows(scene, name or "large-datagram-lost")
        hides(scene, "large-datagram-lost" if name else "flow-died-unnoticed")

    def test_it_arrived(self) -> None:
        scene = Scene()
        invite = self.invite(scene, 1400)
        scene.reply(invite, 100)
        scene.ack(scene.reply(invite, 200))
        hides(scene, "large-datagram-lost")


class TestPrivateContactUsed:
    def scene(self) -> Scene:
        return Scene(
            places={"nat": Address("192.0.2.9", 40000), "inside": Address("192.168.1.9", 5060)}
        )

    def answered(self, scene: Scene, contact: str) -> Seen:
        invite = scene.request("alice", "nat", "INVITE", AOR)
        ok = scene.reply(invite, 200, headers=(("Contact", f"<{contact}>"),))
        scene.ack(ok)
        return ok

    @pytest.mark.parametrize(
        ("alice", "nat", "found"),
        [
            ("192.0.2.1", "192.0.2.9", True),
            ("10.0.0.1", "192.0.2.9", False),
            ("192.0.2.1", "10.0.0.2", False),
        ],
    )
    def test_who_told_whom(self, alice: str, nat: str, *, found: bool) -> None:
        """Only what a public host told another one can be wrong about where it leads."""
        scene = self.scene()
        scene.place("alice", Address(alice, 5060))
        scene.place("nat", Address(nat, 40000))
        self.answered(scene, "sip:bob@192.168.1.9:5060")
        bye = scene.request("alice", "inside", "BYE", "sip:bob@192.168.1.9", to_tag="x", cseq=2)
        repeated(scene, bye)
        shows(scene, "private-contact-used" if found else "silent-callee")

    def test_a_contact_of_a_message_that_makes_no_dialog(self) -> None:
        """The Contact of an OPTIONS tells nobody where to send anything."""
        scene = self.scene()
        told = (("Contact", "<sip:bob@192.168.1.9:5060>"),)
        asked = scene.request("nat", "alice", "OPTIONS", AOR, headers=told)
        scene.reply(asked, 200)
        bye = scene.request("alice", "inside", "BYE", "sip:bob@192.168.1.9", to_tag="x", cseq=2)
        repeated(scene, bye)
        shows(scene, "silent-callee")

    def test_a_public_contact_leads_nowhere_too(self) -> None:
        """The Contact is where the request goes, but everybody reaches that network."""
        scene = self.scene()
        scene.place("inside", Address("192.0.2.50", 5060))
        self.answered(scene, "sip:bob@192.0.2.50:5060")
        repeated(scene, scene.request("alice", "inside", "BYE", AOR, to_tag="x", cseq=2))
        shows(scene, "silent-callee")

    def test_the_caller_told_it(self) -> None:
        scene = self.scene()
        told = (("Contact", "<sip:bob@192.168.1.9:5060>"),)
        invite = scene.request("nat", "alice", "INVITE", AOR, headers=told)
        scene.ack(scene.reply(invite, 200))
        repeated(scene, scene.request("alice", "inside", "BYE", AOR, to_tag="x"))
        shows(scene, "private-contact-used")

    def test_another_contact(self) -> None:
        scene = self.scene()
        self.answered(scene, "sip:bob@192.168.1.8:5060")
        register(scene, "nat", contact="sip:bob@192.168.1.7:5060")
        bye = scene.request("alice", "inside", "BYE", AOR, to_tag="x", cseq=2)
        repeated(scene, bye)
        shows(scene, "silent-callee")

    def test_it_was_told_later(self) -> None:
        scene = self.scene()
        repeated(scene, scene.request("alice", "inside", "BYE", AOR, to_tag="x", cseq=2))
        self.answered(scene, "sip:bob@192.168.1.9:5060")
        shows(scene, "silent-callee")

    def test_registered_from_within(self) -> None:
        """A phone of the same network, which has not answered either."""
        scene = self.scene()
        scene.place("phone", Address("192.168.1.9", 5070))
        scene.place("edge", Address("192.0.2.40", 5060))
        register(scene, "phone", contact="sip:bob@192.168.1.9:5060")
        invite = scene.request("alice", "edge", "INVITE", AOR)
        repeated(scene, scene.forward(invite, "inside", uri="sip:bob@192.168.1.9:5060"))
        shows(scene, "silent-callee")

    def test_within_a_call(self) -> None:
        scene = self.scene()
        ok = self.answered(scene, "sip:bob@192.168.1.9:5060")
        bye = scene.request("alice", "inside", "BYE", "sip:bob@192.168.1.9", to_tag="x", cseq=2)
        repeated(scene, bye)
        found = shows(scene, "private-contact-used")
        assert set(ok.frames + bye.frames) <= set(found.frames)
        assert found.facts["target"] == "192.168.1.9:5060"

    def test_to_a_phone(self) -> None:
        scene = self.scene()
        register(scene, "nat", contact="sip:bob@192.168.1.9:5060")
        invite = scene.request("alice", "edge", "INVITE", AOR)
        repeated(scene, scene.forward(invite, "inside", uri="sip:bob@192.168.1.9:5060"))
        shows(scene, "private-contact-used")

    def test_to_where_it_came_from(self) -> None:
        scene = self.scene()
        self.answered(scene, "sip:bob@192.168.1.9:5060")
        scene.reply(
            scene.request("alice", "nat", "BYE", "sip:bob@192.168.1.9", to_tag="nat-tag", cseq=2),
            200,
        )
        healthy(scene)

    def test_within_one_network(self) -> None:
        scene = Scene(
            places={"alice": Address("192.168.1.8", 5060), "inside": Address("192.168.1.9", 5060)}
        )
        invite = scene.request("alice", "inside", "INVITE", AOR)
        scene.ack(scene.reply(invite, 200, headers=(("Contact", "<sip:bob@192.168.1.9>"),)))
        repeated(
            scene,
            scene.request("alice", "inside", "BYE", "sip:bob@192.168.1.9", to_tag="x", cseq=2),
        )
        nearly(scene, "private-contact-used")
        shows(scene, "silent-callee")
