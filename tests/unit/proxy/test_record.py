"""A Route of ours leads to the other side of its call and nowhere else: `ringway.proxy.record`."""

from typing import Any

import pytest
from tests.unit.proxy.world import Dialog, Phone, World

from ringway.endpoint import Kind
from ringway.proxy import Relay
from ringway.transport.token import Purpose, Sealer, TokenKeys, purpose_of

GATEWAY = "sip:00900123@10.9.9.9"
PLAIN: dict[str, Any] = {"transport": "udp", "instance": "", "port": 5060}


class Call:
    """A stranger has called bob, over UDP and without a NAT, so neither side has a flow."""

    def __init__(self, world: World, caller: str = "udp", *, where: str = "", **bob: Any) -> None:
        self.world = world
        self.gateway = world.core.peer("udp", "10.9.9.9")
        self.bob = world.phone(**{**PLAIN, **bob})
        self.alice = world.phone(
            "alice", "10.0.2.1", register=False, node=world.core, **{**PLAIN, "transport": caller}
        )
        headers = [("Contact", f"<{where or self.alice.contact}>")]
        self.alice.invite(headers=headers)
        invite = self.bob.requests[0]
        answer = self.bob.accept(invite)
        self.callers = Dialog.of_caller(self.alice.responses[-1])
        self.callees = Dialog.of_callee(invite, answer)

    def tries(self, phone: Phone, dialog: Dialog, routes: list[str], target: str) -> None:
        """Send everything a dialog can have along some Routes, to somewhere else."""
        dialog.target, dialog.routes = target, routes
        for method in ("INVITE", "BYE", "REFER", "ACK"):
            phone.within(dialog, method)


class TestRelay:
    """RFC 3261 §16.12: what a Route of ours is good for, to whoever has seen it."""

    @pytest.mark.parametrize("caller", ["udp", "tcp"])
    @pytest.mark.parametrize("callee", [PLAIN, {"transport": "udp", "port": 5060, "reg_id": 0}])
    def test_the_caller_gets_nowhere_else(self, caller: str, callee: dict[str, Any]) -> None:
        call = Call(World(), caller, **callee)
        shown = list(call.callers.routes)
        for count in range(len(shown)):
            call.tries(call.alice, call.callers, shown[: count + 1], GATEWAY)
            call.tries(call.alice, call.callers, shown[count:], GATEWAY)
        assert call.gateway.methods == []

    def test_nor_does_it_behind_two_nodes(self) -> None:
        """The registrar's Route names the phone, and no flow of the registrar's."""
        world = World(edge=True)
        call = Call(world, transport="tcp", instance=None, port=0)
        for node in (world.core, world.edge):
            for routes in [[route] for route in call.callers.routes]:
                mallory = world.caller("mallory", "10.0.6.6", node=node)
                other = node.peer("udp", "10.9.9.9")
                call.tries(mallory, call.callers, routes, GATEWAY)
                assert other.methods == []

    def test_nor_to_where_its_own_contact_was(self) -> None:
        """A caller may call any Contact its own; the way there is shown to the callee alone."""
        call = Call(World(), where=GATEWAY)
        call.tries(call.alice, call.callers, list(call.callers.routes), GATEWAY)
        assert call.gateway.methods == []

    def test_nor_by_a_maddr(self) -> None:
        call = Call(World())
        target = f"{call.callers.target};maddr=10.9.9.9"
        call.tries(call.alice, call.callers, list(call.callers.routes), target)
        assert call.gateway.methods == []

    def test_nor_to_others_here_who_have_not_been_called(self) -> None:
        world = World()
        call = Call(world)
        carol = world.phone("carol", "10.0.7.7", transport="udp", instance="", port=5060)
        call.tries(call.alice, call.callers, list(call.callers.routes), "sip:carol@10.0.7.7:5060")
        assert carol.methods == []

    def test_the_callee_gets_to_the_caller_only(self) -> None:
        call = Call(World())
        call.tries(call.bob, call.callees, list(call.callees.routes), GATEWAY)
        assert call.gateway.methods == []

    def test_who_is_refused_hears_403(self) -> None:
        call = Call(World())
        call.callers.target = GATEWAY
        call.alice.within(call.callers, "INVITE")
        assert call.alice.statuses[-1] == 403

    def test_who_may_relay_may_also_within_a_call(self) -> None:
        """A target may move (§12.2.1.2), and an ACK, which nobody can challenge, goes along."""
        call = Call(World(relay=Relay.ANY))
        call.callers.target = GATEWAY
        call.alice.within(call.callers, "INVITE", cseq=9)
        call.alice.within(call.callers, "ACK", cseq=9)
        assert call.gateway.methods == ["INVITE", "ACK"]


class TestCall:
    """What it must not break."""

    @pytest.mark.parametrize("caller", ["udp", "tcp"])
    @pytest.mark.parametrize(
        "callee", [PLAIN, {"transport": "udp", "port": 5060, "reg_id": 0}, {"transport": "tcp"}]
    )
    def test_both_sides_reach_each_other(self, caller: str, callee: dict[str, Any]) -> None:
        call = Call(World(), caller, **callee)
        call.alice.within(call.callers, "ACK", cseq=1)
        call.alice.within(call.callers, "INFO")
        assert call.bob.methods == ["INVITE", "ACK", "INFO"]
        call.bob.within(call.callees, "INFO")
        call.bob.within(call.callees, "BYE")
        assert call.alice.methods == ["INFO", "BYE"]

    def test_the_usual_call_takes_nothing_apart(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """One Route, as we have written it, is known by its text: this is the busiest path."""

        def never(*_: object) -> None:
            raise AssertionError("a Route of the usual form was taken apart")

        monkeypatch.setattr("ringway.proxy.route._take_apart", never)
        monkeypatch.setattr("ringway.proxy.record._leading_to", never)
        call = Call(World())
        call.alice.within(call.callers, "ACK", cseq=1)
        call.bob.within(call.callees, "BYE")
        assert (call.bob.methods, call.alice.methods) == (["INVITE", "ACK"], ["BYE"])

    def test_early_dialogs(self) -> None:
        world = World()
        bob = world.phone(**PLAIN)
        alice = world.caller()
        alice.invite()
        bob.accept(bob.requests[0], 183)
        alice.within(Dialog.of_caller(alice.responses[-1]), "PRACK")
        assert bob.methods == ["INVITE", "PRACK"]

    def test_proxies_on_either_side_are_the_next_hops(self) -> None:
        """The side of a proxy is that proxy, whatever the Contact behind it."""
        world = World()
        near, far = world.core.peer("udp", "10.3.3.3"), world.core.peer("udp", "10.4.4.4")
        bob = world.phone(**PLAIN)
        alice = world.caller()
        alice.invite(
            headers=[
                ("Via", "SIP/2.0/UDP 10.7.7.7;branch=z9hG4bK-behind-it"),
                ("Contact", "<sip:alice@10.7.7.7>"),
                ("Record-Route", "<sip:10.3.3.3;lr>"),
            ]
        )
        invite = bob.requests[0]
        values = ["<sip:10.4.4.4;lr>", *invite.values("record-route")]
        answer = bob.answer(
            invite,
            200,
            headers=[
                *[("Record-Route", each) for each in values],
                ("Contact", "<sip:bob@10.8.8.8>"),
            ],
        )
        dialog = Dialog.of_caller(alice.responses[-1])
        dialog.routes = dialog.routes[1:]  # its own proxy takes its Route off
        alice.within(dialog, "BYE")
        assert far.methods == ["BYE"]
        callees = Dialog.of_callee(invite, answer)
        bob.within(callees, "BYE")
        assert near.methods == ["BYE"]

    def test_a_phone_without_a_flow_that_moved_is_found_by_its_registration(self) -> None:
        """Its new Contact is not where it was, but where it has registered."""
        world = World()
        call = Call(world, instance="<urn:uuid:00000000-0000-1000-8000-00000000000b>", reg_id=0)
        world.advance(1)  # what registered last is tried first
        moved = world.phone(
            "bob", "10.0.5.5", transport="udp", port=5060, reg_id=0, instance=call.bob.instance
        )
        call.callers.target = moved.contact
        call.alice.within(call.callers, "BYE")
        assert moved.methods == ["BYE"]

    def test_a_re_invite_may_bring_a_contact_of_the_same_place(self) -> None:
        call = Call(World())
        call.callers.target = call.bob.contact.replace("bob@", "line2@")
        call.alice.within(call.callers, "INVITE")
        assert call.bob.requests[-1].uri_text == call.callers.target

    def test_one_of_another_place_needs_the_right_to_relay(self) -> None:
        call = Call(World())
        call.callers.target = "sip:bob@10.0.1.1:5099"
        call.alice.within(call.callers, "INVITE")
        assert call.alice.statuses[-1] == 403
        assert call.world.core.decisions[-1].kind is Kind.REJECT

    @pytest.mark.parametrize("copied", [
        "<{0}>;lr", '"a proxy" <{0};lr>', "<{0};lr>", "<{0};lr>;x=1",
    ])  # fmt: skip
    def test_a_record_route_that_was_written_anew(self, copied: str) -> None:
        world = World()
        bob = world.phone(**PLAIN)
        alice = world.caller()
        alice.invite()
        uri = bob.requests[0].record_routes[0].uri.without_params("lr")
        value = copied.format(uri)
        bob.answer(
            bob.requests[0],
            200,
            headers=[("Record-Route", value), ("Contact", f"<{bob.contact}>")],
        )
        got = alice.responses[-1].record_routes[0].uri
        assert got.user != uri.user
        assert (got.host, got.port) == (uri.host, uri.port)

    @pytest.mark.parametrize("contact", ["<sip:bob@10.0.1.1:5060", "<tel:+49123>", ""])
    def test_a_contact_that_leads_nowhere(self, contact: str) -> None:
        world = World()
        bob = world.phone(**PLAIN)
        alice = world.caller()
        alice.invite()
        invite = bob.requests[0]
        fields = [("Record-Route", value) for value in invite.values("record-route")]
        bob.answer(invite, 200, headers=[*fields, ("Contact", contact)] if contact else fields)
        user = alice.responses[-1].record_routes[0].uri.user or ""
        assert purpose_of(user) is Purpose.DIALOG
        assert user.endswith("A" * 12)

    def test_an_answer_without_record_route_goes_on_as_it_is(self) -> None:
        world = World()
        bob = world.phone(**PLAIN)
        alice = world.caller()
        alice.invite()
        bob.answer(bob.requests[0], 200, headers=[("Contact", f"<{bob.contact}>")])
        assert not alice.responses[-1].has("record-route")

    @pytest.mark.parametrize("field", ["<sip:10.3.3.3", "nonsense"])
    def test_a_record_route_that_cannot_be_read_leads_nowhere(self, field: str) -> None:
        world = World()
        bob = world.phone(**PLAIN)
        alice = world.caller()
        alice.invite(headers=[("Contact", f"<{alice.contact}>"), ("Record-Route", field)])
        value = bob.requests[0].values("record-route")[0]
        assert "A" * 12 + "@" in value

    def test_keys_that_changed_while_it_rang(self) -> None:
        """The token of the old key cannot be made to lead on; the call goes on as it can."""
        world = World(edge=True)
        bob = world.phone()
        alice = world.caller()
        alice.invite()
        world.core.proxy.sealer = Sealer(TokenKeys({9: bytes(64)}, 9), "10.0.0.1")
        bob.accept(bob.requests[0])
        assert alice.statuses[-1] == 200

    def test_each_side_is_shown_the_way_to_the_other_alone(self) -> None:
        world = World()
        bob = world.phone(transport="udp", instance="", port=5060)
        alice = world.caller(transport="tls")  # so two values, and bob's side without a flow
        alice.invite()
        invite = bob.requests[0]
        bob.accept(invite)
        to_bob = [each.uri.user or "" for each in alice.responses[-1].record_routes]
        to_alice = [each.uri.user or "" for each in invite.record_routes]
        assert [purpose_of(each) for each in to_alice] == [Purpose.DIALOG, Purpose.RECORD_ROUTE]
        assert to_alice[0].endswith("A" * 12)
        assert not to_bob[0].endswith("A" * 12)

    def test_forks_with_other_sides(self) -> None:
        """One branch writes one value, the other two: each answer is turned as it was written."""
        world = World()
        plain = world.phone(**PLAIN)
        flow = world.phone("bob", "10.0.3.3")
        alice = world.caller()
        alice.invite()
        for phone, tag in ((plain, "one"), (flow, "two")):
            phone.accept(phone.requests[0], 183, to_tag=tag)
            alice.within(Dialog.of_caller(alice.responses[-1]), "PRACK")
            assert phone.methods == ["INVITE", "PRACK"]
