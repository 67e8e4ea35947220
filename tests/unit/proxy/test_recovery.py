"""A call whose flow is gone: DESIGN, "When a call's flow is gone", on one node and with an edge."""

import pytest
from tests.unit.proxy.world import DOMAIN, Dialog, Node, Phone, World, bind

from ringway.message import Request
from ringway.transport.token import KEY_LENGTH

OTHER_KEYS = {2: bytes(range(KEY_LENGTH))[::-1]}


class Call:
    """Alice has called bob, who answered over his only flow so far; both are known phones."""

    def __init__(self, world: World, *, caller: str = "") -> None:
        self.world = world
        self.bob = world.phone("bob", "10.0.9.1", instance="<urn:bob>")
        self.alice = world.caller()
        if caller:
            self.alice = world.phone("alice", "10.0.8.1", instance="<urn:alice>")
        invite = self.alice.invite()
        self.answer = self.bob.accept(self.bob.requests[0])
        self.callers = Dialog.of_caller(self.alice.responses[-1])
        self.callees = Dialog.of_callee(self.bob.requests[0], self.answer)
        self.invite = invite

    def ack(self) -> None:
        self.alice.within(self.callers, "ACK", cseq=1)

    def again(self, phone: Phone, node: Node | None = None) -> Phone:
        """The phone has lost its connection and comes back over another."""
        phone.close()
        return self.world.phone(
            phone.user,
            phone.address.host,
            instance=phone.instance,
            node=node,
            call_id=f"again-{phone.user}",
        )


def layouts() -> list[str]:
    return ["one node", "edge", "edge with keys of its own"]


@pytest.fixture(params=layouts())
def world(request: pytest.FixtureRequest) -> World:
    keys = OTHER_KEYS if "own" in request.param else None
    return World(edge="edge" in request.param, edge_keys=keys)


class TestToTheReconnectedPhone:
    @pytest.mark.parametrize("method", ["BYE", "INVITE", "INFO"])
    def test_a_request_finds_it(self, world: World, method: str) -> None:
        call = Call(world)
        call.ack()
        new = call.again(call.bob)
        call.alice.within(call.callers, method)
        assert new.methods == [method]
        assert call.bob.methods == ["INVITE", "ACK"]
        assert new.requests[0].uri_text == call.callers.target  # the Request-URI is kept
        new.accept(new.requests[0])
        assert call.alice.statuses[-1] == 200

    def test_a_reinvite_to_a_phone_that_is_slow_on_its_new_flow(self, world: World) -> None:
        call = Call(world)
        call.ack()
        other = world.phone("bob", "10.0.9.3", instance="<urn:bob>", reg_id=2)
        world.advance(1)
        new = call.again(call.bob)
        call.alice.within(call.callers, "INVITE")
        assert (new.methods, other.methods) == (["INVITE"], [])
        world.advance(2.1)
        other.answer(other.requests[0], 482)
        world.advance(1)
        new.accept(new.requests[0])
        assert call.alice.statuses[-1] == 200
        assert other.methods == ["INVITE", "ACK"]

    @pytest.mark.parametrize("keys", [None, OTHER_KEYS])
    def test_at_another_edge(self, keys: dict[int, bytes] | None) -> None:
        world = World(edge=True, edge_keys=keys)
        call = Call(world)
        call.ack()
        other = world.add_edge("10.0.0.3")
        new = call.again(call.bob, other)
        call.alice.within(call.callers, "BYE")
        assert new.methods == ["BYE"]
        new.answer(new.requests[0], 200)
        assert call.alice.statuses[-1] == 200

    def test_an_edge_that_has_crashed(self) -> None:
        """The edge is gone with all it knew; nobody closes anything, nobody answers 430."""
        world = World(edge=True, link="tcp")
        call = Call(world)
        call.ack()
        other = world.add_edge("10.0.0.3")
        new = world.phone("bob", "10.0.9.2", instance="<urn:bob>", reg_id=2, node=other)
        world.crash(world.edge)
        call.alice.within(call.callers, "BYE")
        assert new.methods == ["BYE"]

    def test_a_dead_edge_is_not_dialled_twice(self) -> None:
        world = World(edge=True, link="tcp")
        call = Call(world)
        call.ack()
        other = world.add_edge("10.0.0.3")
        world.phone("bob", "10.0.9.2", instance="<urn:bob>", reg_id=2, node=other)
        world.crash(world.edge)
        dialled = len(world.core.connects)
        call.alice.within(call.callers, "BYE")
        hosts = [target.address.host for target in world.core.connects[dialled:]]
        assert hosts.count("10.0.0.2") == 1

    def test_the_ack_of_a_recovered_reinvite(self, world: World) -> None:
        call = Call(world)
        call.ack()
        new = call.again(call.bob)
        reinvite = call.alice.within(call.callers, "INVITE")
        new.accept(new.requests[0])
        call.alice.within(call.callers, "ACK", cseq=reinvite.cseq.number)
        assert new.methods == ["INVITE", "ACK"]

    @pytest.mark.parametrize("edge", [False, True])
    def test_the_ack_of_the_first_invite(self, edge: bool) -> None:
        call = Call(World(edge=edge))
        new = call.again(call.bob)
        call.ack()
        assert new.methods == ["ACK"]

    @pytest.mark.xfail(
        strict=True, reason="nobody answers an ACK, and the tokens of this edge cannot be read"
    )
    def test_the_ack_of_the_first_invite_when_the_edge_has_keys_of_its_own(self) -> None:
        call = Call(World(edge=True, edge_keys=OTHER_KEYS))
        new = call.again(call.bob)
        call.ack()
        assert new.methods == ["ACK"]

    def test_the_routes_of_the_dead_flow_are_replaced(self, world: World) -> None:
        call = Call(world)
        call.ack()
        new = call.again(call.bob)
        call.alice.within(call.callers, "BYE")
        assert not new.requests[0].has("route")


class TestFromTheReconnectedPhone:
    @pytest.mark.parametrize("method", ["BYE", "INVITE"])
    def test_a_request_with_its_old_token_is_outgoing(self, world: World, method: str) -> None:
        call = Call(world)
        call.ack()
        new = call.again(call.bob)
        new.within(call.callees, method)
        assert call.alice.methods == [method]
        assert new.methods == []
        assert call.alice.requests[0].uri_text == call.callees.target
        call.alice.accept(call.alice.requests[0])
        assert new.statuses[-1] == 200

    def test_its_ack(self, world: World) -> None:
        call = Call(world)
        call.ack()
        new = call.again(call.bob)
        reinvite = new.within(call.callees, "INVITE")
        call.alice.accept(call.alice.requests[0])
        new.within(call.callees, "ACK", cseq=reinvite.cseq.number)
        assert call.alice.methods == ["INVITE", "ACK"]

    def test_a_path_token_as_preloaded_route(self) -> None:
        """With one Route of ours the flow decides the direction (RFC 5626 §5.3)."""
        world = World()
        bob = world.phone()
        alice = world.phone("alice", "10.0.8.1")
        assert bob.flow is not None
        sealer = world.core.core.proxy.sealer
        token = sealer.seal_path(bob.flow)
        bob.invite("alice", headers=[("Route", f"<sip:{token}@10.0.0.1;lr>")])
        assert alice.methods == ["INVITE"]

    def test_a_single_route_with_its_old_token(self) -> None:
        world = World()
        bob = world.phone(instance="<urn:bob>")
        alice = world.phone("alice", "10.0.8.1")
        old = bob.flow
        bob.close()
        new = world.phone("bob", "10.0.9.2", instance="<urn:bob>", call_id="again")
        sealer = world.core.core.proxy.sealer
        token = sealer.seal_record_route(
            old, "the-call", aor=f"sip:bob@{DOMAIN}", instance="<urn:bob>"
        )
        headers = [("Route", f"<sip:{token}@10.0.0.1;lr>")]
        new.invite("alice", headers=headers, call_id="the-call")
        assert alice.methods == ["INVITE"]
        assert new.methods == []
        alice.invite("bob", headers=headers, call_id="the-call")
        assert new.methods == ["INVITE"]


class TestAck:
    def test_a_tampered_token(self) -> None:
        call = Call(World())
        call.callers.routes = [route.replace("sip:R", "sip:RA") for route in call.callers.routes]
        call.ack()
        assert call.bob.methods == ["INVITE"]

    def test_no_address(self) -> None:
        world = World()
        call = Call(world)
        call.callers.routes.append("<sip:nowhere.example;lr>")
        call.alice.within(call.callers, "ACK", cseq=1)
        assert call.bob.methods == ["INVITE", "ACK"]  # it has a flow: no address is asked for
        plain = world.phone("carol", "10.0.4.4", transport="udp", instance="", port=5060)
        call.alice.invite("carol")
        route = ("Record-Route", "<sip:nowhere.example;lr>")
        invite = plain.requests[0]
        fields = [("Record-Route", value) for value in invite.values("record-route")]
        plain.answer(invite, 200, headers=[route, *fields, ("Contact", f"<{plain.contact}>")])
        dialog = Dialog.of_caller(call.alice.responses[-1])
        call.alice.within(dialog, "ACK", cseq=1)
        assert plain.methods == ["INVITE"]
        assert world.core.decisions[-1].text == "ACK dropped: no address for sip:nowhere.example;lr"

    @pytest.mark.interpreted
    def test_only_so_many_recoveries_are_remembered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ringway.proxy.stateless.MAX_RECOVERED", 0)
        call = Call(World(edge=True, edge_keys=OTHER_KEYS))
        call.ack()
        new = call.again(call.bob)
        reinvite = call.alice.within(call.callers, "INVITE")
        new.accept(new.requests[0])
        call.alice.within(call.callers, "ACK", cseq=reinvite.cseq.number)
        assert new.methods == ["INVITE"]  # forgotten, so it went to the flow that is gone


class TestCaller:
    """The caller's phone has moved, and the callee hangs up."""

    @pytest.mark.parametrize("method", ["BYE", "INVITE"])
    def test_a_request_finds_it(self, world: World, method: str) -> None:
        call = Call(world, caller="alice")
        call.ack()
        new = call.again(call.alice)
        call.bob.within(call.callees, method)
        assert new.methods == [method]
        new.accept(new.requests[0])
        assert call.bob.statuses[-1] == 200

    def test_a_caller_by_another_name_is_reached_over_his_flow(self) -> None:
        world = World()
        bob = world.phone()
        alice = world.phone("alice", "10.0.8.1", transport="tcp")
        bind(world, user="carol", contact="sip:x@[broken", instance="<urn:c>")
        contact = [("Contact", f"<sip:x@{alice.address};transport=tcp>")]
        for headers in (None, contact, []):
            how = {} if headers is None else {"headers": headers}
            alice.invite("bob", from_=f"<sip:carol@{DOMAIN}>;tag=c", **how)
            bob.accept(bob.requests[-1])
            dialog = Dialog.of_caller(alice.responses[-1])
            assert dialog.routes[0].startswith("<sip:R")

    def test_by_instance_in_the_contact(self) -> None:
        """Behind a proxy that is not ours, whose flow we do not know."""
        world = World()
        bob = world.phone()
        bind(world, ("sip:tok@10.9.9.9;lr;ob",), user="alice", instance="<urn:alice>")
        proxy = world.core.peer("udp", "10.9.9.9")
        proxy.request(
            "INVITE",
            f"sip:bob@{DOMAIN}",
            headers=[
                ("Via", "SIP/2.0/UDP 10.8.8.8;branch=z9hG4bK-alice"),
                ("Contact", '<sip:alice@10.8.8.8>;+sip.instance="<urn:alice>"'),
            ],
        )
        assert bob.requests[0].record_routes[1].uri.user

    def test_its_own_requests_go_on(self, world: World) -> None:
        call = Call(world, caller="alice")
        call.ack()
        new = call.again(call.alice)
        new.within(call.callers, "BYE")
        assert call.bob.methods == ["INVITE", "ACK", "BYE"]


class TestNoLiveFlow:
    def test_480_to_an_agent(self, world: World) -> None:
        call = Call(world)
        call.ack()
        call.bob.close()
        call.alice.within(call.callers, "BYE")
        response = call.alice.responses[-1]
        assert response.status == 480
        assert response.get("reason") == "Q.850;cause=20"

    def test_430_to_a_proxy(self, world: World) -> None:
        call = Call(world)
        call.ack()
        call.bob.close()
        bye = call.alice.within(call.callers, "BYE")
        draft = bye.edit()
        draft.prepend("Via", "SIP/2.0/UDP 10.0.2.1:40002;branch=z9hG4bK-behind")
        request: Request = draft.build()
        call.alice.send(request)
        assert call.alice.statuses[-1] == 430

    def test_an_ack_is_dropped(self, world: World) -> None:
        call = Call(world)
        call.bob.close()
        call.ack()
        assert call.bob.methods == ["INVITE"]
        assert call.alice.statuses == [100, 200]


class TestPlainUdp:
    def test_a_known_phone_that_moved_is_found_at_its_new_contact(self) -> None:
        world = World()
        bob = world.phone(transport="udp", instance="<urn:bob>", reg_id=0)
        alice = world.caller()
        alice.invite()
        dialog_answer = bob.accept(bob.requests[0])
        dialog = Dialog.of_caller(alice.responses[-1])
        assert dialog_answer.status == 200
        alice.within(dialog, "ACK", cseq=1)
        new = world.phone(
            "bob", "10.0.9.9", transport="udp", instance="<urn:bob>", reg_id=0, call_id="again"
        )
        bob.unreachable()
        alice.within(dialog, "BYE")
        bob.unreachable()
        assert new.methods == ["BYE"]
        assert new.requests[0].uri_text == dialog.target
