"""RFC 3261 §10: registrations, the registrar's side."""

import pytest
from tests.unit.proxy.world import World as Node
from tests.unit.registrar.harness import ALICE, BOB, CONTACT, World, register

from ringway.errors import ParseError
from ringway.message import parse_datagram
from ringway.proxy import Relay

PHONE_2 = "<sip:alice@192.0.2.8>"


class TestSection10_1:
    @pytest.mark.clause("RFC3261-10.1-1")
    def test_the_location_service_has_what_was_registered(self) -> None:
        world = World()
        world.register(CONTACT)
        assert world.contacts() == ["sip:alice@192.0.2.9"]


class TestSection10_2:
    @pytest.mark.clause("RFC3261-10.2-1", "RFC3261-10.3-2", "RFC3261-10.3-3")
    def test_record_route_is_ignored(self) -> None:
        world = World()
        headers = ["Record-Route: <sip:proxy.example.net;lr>"]
        response = world.register(CONTACT, headers=headers)
        assert response.status == 200
        assert not response.has("record-route")
        assert world.bindings()[0].path == ()

    @pytest.mark.clause("RFC3261-10.2-3")
    @pytest.mark.parametrize("name", ["From", "To", "Call-ID", "CSeq"])
    def test_mandatory_fields(self, name: str) -> None:
        lines = [line for line in register(CONTACT).split("\n") if not line.startswith(name)]
        with pytest.raises(ParseError):
            parse_datagram("\r\n".join(lines).encode())

    @pytest.mark.clause("RFC3261-10.2-5")
    @pytest.mark.parametrize("aor", ["tel:+15550100", "mailto:alice@example.com"])
    def test_to_must_be_a_sip_uri(self, aor: str) -> None:
        assert World().register(CONTACT, aor=aor).status == 400

    def test_a_request_uri_of_another_scheme(self) -> None:
        assert World().register(CONTACT, uri="tel:+15550100").status == 416

    @pytest.mark.clause("RFC3261-10.2-10")
    @pytest.mark.parametrize(
        ("contact", "headers"),
        [
            (f"{CONTACT};expires=soon", []),
            (f"{CONTACT};expires=-1", []),
            (CONTACT, ["Expires: Tue, 01 Jan 2030 16:00:00 GMT"]),
        ],
    )
    def test_a_malformed_expiry_counts_as_3600(self, contact: str, headers: list[str]) -> None:
        world = World(default_expires=600)
        world.register(contact, headers=headers)
        assert world.bindings()[0].expires_at == world.now + 3600

    @pytest.mark.clause("RFC3261-10.2.2-2", "RFC3261-10.3-15")
    @pytest.mark.parametrize(
        ("contacts", "headers"),
        [
            (["*"], ["Expires: 600"]),
            (["*"], ["Expires: soon"]),
            (["*"], []),
            (["*", CONTACT], ["Expires: 0"]),
            ([CONTACT, "*"], ["Expires: 0"]),
            (["*, " + CONTACT], ["Expires: 0"]),
            (["*", "*"], ["Expires: 0"]),
        ],
    )
    def test_star_with_anything_but_expiry_0(self, contacts: list[str], headers: list[str]) -> None:
        world = World()
        world.register(CONTACT)
        assert world.register(*contacts, cseq=2, headers=headers).status == 400
        assert world.contacts() == ["sip:alice@192.0.2.9"]


class TestSection10_3:
    @pytest.mark.clause("RFC3261-10.3-1")
    def test_no_6xx(self) -> None:
        world = World(max_bindings=1)
        answers = [
            world.register(CONTACT, aor="sip:alice@elsewhere.example"),
            world.register(CONTACT, headers=["Require: x"]),
            world.register(CONTACT, PHONE_2),
            world.register("*"),
            world.register(CONTACT + ";expires=1"),
        ]
        assert [each.status for each in answers] == [404, 420, 403, 400, 423]

    @pytest.mark.clause("RFC3261-10.3-4")
    def test_they_are_processed_in_order_while_the_store_is_slow(self) -> None:
        world = World(disk=False)
        first = world.send(register(CONTACT, cseq=1))
        second = world.send(register(PHONE_2, cseq=2))
        third = world.send(register("*", cseq=3, headers=["Expires: 0"]))
        assert len(world.commits) == 1
        assert [world.answer(n) for n in (first, second, third)] == [None, None, None]
        for answered in (first, second, third):
            assert world.answer(answered) is None
            world.finish()
            response = world.answer(answered)
            assert response is not None
            assert response.status == 200
        assert world.contacts() == []

    @pytest.mark.clause("RFC3261-10.3-5", "RFC3261-10.3-26")
    def test_completely_or_not_at_all(self) -> None:
        world = World()
        world.register(CONTACT, cseq=5)
        response = world.register(PHONE_2, f"{CONTACT};expires=0", cseq=5)
        assert response.status == 500
        assert world.contacts() == ["sip:alice@192.0.2.9"]
        assert world.register(PHONE_2, f"{CONTACT};expires=9", cseq=6).status == 423
        assert world.contacts() == ["sip:alice@192.0.2.9"]

    @pytest.mark.clause("RFC3261-10.3-6")
    def test_another_aor_does_not_wait_for_the_store(self) -> None:
        world = World(disk=False)
        alice = world.send(register(CONTACT))
        bob = world.send(register("<sip:bob@192.0.2.9>", aor=BOB))
        world.commits.reverse()
        world.finish()
        assert world.answer(bob) is not None
        assert world.answer(alice) is None
        world.finish()
        assert world.answer(alice) is not None

    @pytest.mark.clause("RFC3261-10.3-7")
    def test_one_for_another_domain_is_forwarded_there(self) -> None:
        node = Node(relay=Relay.ANY)
        other = node.core.peer("udp", "10.9.9.9")
        user = "<sip:alice@10.9.9.9>"
        node.caller().request("REGISTER", "sip:10.9.9.9", from_=f"{user};tag=1", to=user)
        assert other.methods == ["REGISTER"]
        assert len(node.core.location) == 0

    @pytest.mark.clause("RFC3261-10.3-8")
    def test_unknown_extensions(self) -> None:
        world = World()
        response = world.register(CONTACT, headers=["Require: path, x-b, x-a"])
        assert response.status == 420
        assert response.values("unsupported") == ("x-a", "x-b")
        assert world.contacts() == []
        assert world.register(CONTACT, headers=["Require: path, outbound"]).status == 200

    @pytest.mark.clause("RFC3261-10.3-12")
    @pytest.mark.parametrize("aor", ["sip:alice@elsewhere.example", "sip:example.com"])
    def test_an_aor_that_is_not_of_the_domain(self, aor: str) -> None:
        assert World().register(CONTACT, aor=aor).status == 404

    @pytest.mark.clause("RFC3261-10.3-13", "RFC3261-10.3-14")
    def test_canonical_form(self) -> None:
        world = World()
        world.register(CONTACT, aor="sips:%61lice@EXAMPLE.com;user=phone;x=y")
        world.register(PHONE_2, aor="sip:alice@example.com", call_id="call-2")
        assert world.contacts() == ["sip:alice@192.0.2.9", "sip:alice@192.0.2.8"]

    @pytest.mark.clause("RFC3261-10.3-16")
    def test_star_removes_bindings_of_other_call_ids(self) -> None:
        world = World()
        world.register(CONTACT, cseq=50)
        world.register(PHONE_2, call_id="call-2", cseq=60)
        response = world.register("*", call_id="call-3", cseq=1, headers=["Expires: 0"])
        assert response.status == 200
        assert not response.has("contact")
        assert world.contacts() == []

    @pytest.mark.clause("RFC3261-10.3-17")
    def test_star_removes_bindings_of_its_call_id_with_a_higher_cseq(self) -> None:
        world = World()
        world.register(CONTACT, cseq=50)
        assert world.register("*", cseq=51, headers=["Expires: 0"]).status == 200
        assert world.contacts() == []

    @pytest.mark.clause("RFC3261-10.3-18")
    @pytest.mark.parametrize("cseq", [49, 50])
    def test_star_fails_whole_with_a_cseq_that_is_not_higher(self, cseq: int) -> None:
        world = World()
        world.register(PHONE_2, call_id="call-2")
        world.register(CONTACT, cseq=50)
        assert world.register("*", cseq=cseq, headers=["Expires: 0"]).status == 500
        assert len(world.contacts()) == 2

    @pytest.mark.clause("RFC3261-10.3-19")
    def test_the_contacts_own_expiry_comes_first(self) -> None:
        world = World()
        world.register(f"{CONTACT};expires=120", headers=["Expires: 600"])
        assert world.bindings()[0].expires_at == world.now + 120

    @pytest.mark.clause("RFC3261-10.3-20")
    def test_then_the_expires_field(self) -> None:
        world = World()
        world.register(f"{CONTACT};expires=120", PHONE_2, headers=["Expires: 600"])
        assert [each.expires_at - world.now for each in world.bindings()] == [120, 600]

    @pytest.mark.clause("RFC3261-10.3-21")
    def test_then_the_default(self) -> None:
        world = World(default_expires=700)
        world.register(CONTACT)
        assert world.bindings()[0].expires_at == world.now + 700

    @pytest.mark.clause("RFC3261-10.3-22")
    def test_too_brief(self) -> None:
        world = World(min_expires=90)
        response = world.register(f"{CONTACT};expires=89")
        assert (response.status, response.get("min-expires")) == (423, "90")
        assert world.register(f"{CONTACT};expires=90").status == 200

    def test_an_hour_or_more_is_never_too_brief(self) -> None:
        world = World(min_expires=5000)
        assert world.register(f"{CONTACT};expires=3599").status == 423
        assert world.register(f"{CONTACT};expires=3600").status == 200
        assert world.bindings()[0].expires_at == world.now + 3600

    @pytest.mark.clause("RFC3261-10.3-23")
    def test_another_call_id_updates_and_removes(self) -> None:
        world = World()
        world.register(CONTACT, cseq=50)
        world.register(f"{CONTACT};q=0.5", call_id="call-2", cseq=1)
        (binding,) = world.bindings()
        assert (binding.q, binding.call_id, binding.cseq) == (0.5, "call-2", 1)
        world.register(f"{CONTACT};expires=0", call_id="call-3", cseq=1)
        assert world.contacts() == []

    @pytest.mark.clause("RFC3261-10.3-24")
    def test_a_higher_cseq_updates_and_removes(self) -> None:
        world = World()
        world.register(CONTACT, cseq=1)
        world.register(f"{CONTACT};q=0.5", cseq=2)
        assert [(each.q, each.cseq) for each in world.bindings()] == [(0.5, 2)]
        world.register(f"{CONTACT};expires=0", cseq=3)
        assert world.contacts() == []

    @pytest.mark.clause("RFC3261-10.3-25")
    @pytest.mark.parametrize("expires", ["", ";expires=0"])
    @pytest.mark.parametrize("cseq", [4, 5])
    def test_a_cseq_that_is_not_higher_fails(self, cseq: int, expires: str) -> None:
        world = World()
        world.register(CONTACT, cseq=5)
        before = world.bindings()
        assert world.register(CONTACT + expires, cseq=cseq).status == 500
        assert world.bindings() == before

    @pytest.mark.clause("RFC3261-10.3-27")
    def test_a_failing_store(self) -> None:
        world = World(disk=False)
        number = world.send(register(CONTACT))
        assert world.contacts() == []
        world.finish("the disk is full")
        response = world.answer(number)
        assert response is not None
        assert response.status == 500
        assert world.contacts() == []

    @pytest.mark.clause("RFC3261-10.3-28", "RFC3261-10.3-29")
    def test_the_200_lists_every_binding_with_its_expiry(self) -> None:
        world = World()
        world.register(f"{CONTACT};expires=600")
        world.now += 100.0
        response = world.register(f"{PHONE_2};expires=300;q=0.5", call_id="call-2")
        assert response.values("contact") == (
            "<sip:alice@192.0.2.9>;expires=500",
            "<sip:alice@192.0.2.8>;expires=300;q=0.5",
        )

    @pytest.mark.clause("RFC3261-10.3-28")
    def test_without_a_contact_nothing_changes(self) -> None:
        world = World()
        world.register(CONTACT)
        before = world.bindings()
        response = world.register(call_id="call-2")
        assert response.values("contact") == ("<sip:alice@192.0.2.9>;expires=3600",)
        assert world.bindings() == before

    @pytest.mark.clause("RFC3261-10.3-30")
    def test_date(self) -> None:
        world = World()
        world.now = 1289774065.9
        assert world.register(CONTACT).get("date") == "Sun, 14 Nov 2010 22:34:25 GMT"


class TestSection19_1_4:
    """URI comparison decides which binding a Contact means."""

    def test_equal_uris_are_one_binding(self) -> None:
        world = World()
        world.register("<sip:%61lice@PHONE.example.net>")
        world.register("<sip:alice@phone.example.net;x=y>", cseq=2)
        assert world.contacts() == ["sip:alice@phone.example.net;x=y"]
        assert world.location.lost(ALICE, world.now) == ()

    @pytest.mark.parametrize(
        "other",
        ["sip:Alice@192.0.2.9", "sips:alice@192.0.2.9", "sip:alice@192.0.2.9:5060", "tel:+1555"],
    )
    def test_others_are_another_binding(self, other: str) -> None:
        world = World()
        world.register(CONTACT, f"<{other}>")
        assert world.contacts() == ["sip:alice@192.0.2.9", other]

    def test_equality_is_not_transitive(self) -> None:
        world = World()
        world.register("<sip:a@192.0.2.9;line=1>", "<sip:a@192.0.2.9;line=2>")
        assert len(world.contacts()) == 2
        world.register("<sip:a@192.0.2.9;line=2>;expires=0", cseq=2)
        assert world.contacts() == ["sip:a@192.0.2.9;line=1"]
        world.register("<sip:a@192.0.2.9;line=2>", cseq=3)
        world.register("<sip:a@192.0.2.9>;expires=0", cseq=4)
        assert world.contacts() == []
