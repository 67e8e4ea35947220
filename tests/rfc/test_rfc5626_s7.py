"""RFC 5626 §7: the authoritative proxy, on one node and with an edge in front."""

import pytest
from tests.unit.proxy.world import BOB, KEYS, World, bind

from ringway.transport.flow import NextHop
from ringway.transport.token import KEY_LENGTH


@pytest.fixture(params=["one node", "edge over UDP", "edge over TCP", "edge with keys of its own"])
def world(request: pytest.FixtureRequest) -> World:
    layout = str(request.param)
    keys = {2: bytes(range(KEY_LENGTH))[::-1]} if "own" in layout else KEYS
    return World(edge="edge" in layout, link="tcp" if "TCP" in layout else "udp", edge_keys=keys)


@pytest.fixture
def node() -> World:
    return World()


class TestOneFlowAfterAnother:
    @pytest.mark.clause("RFC5626-7-1")
    def test_never_two_at_once(self, world: World) -> None:
        phones = world.flows(count=3)
        world.caller().invite()
        assert [phone.methods for phone in phones] == [["INVITE"], [], []]

    @pytest.mark.clause("RFC5626-7-1")
    def test_instances_in_parallel(self, world: World) -> None:
        world.flows()
        other = world.phone("bob", "10.0.7.1", instance="<urn:other>")
        world.caller().invite()
        assert other.methods == ["INVITE"]

    @pytest.mark.clause("RFC5626-7-3")
    @pytest.mark.parametrize("status", [302, 404, 480, 486, 487, 500, 503, 600, 603])
    def test_any_other_final_response_ends_it(self, world: World, status: int) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        new.answer(new.requests[0], status)
        assert old.methods == []
        assert alice.statuses == [100, 500 if status == 503 else status]

    @pytest.mark.clause("RFC5626-7-3")
    def test_a_408_of_somebody_behind_tries_the_next(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        new.answer(new.requests[0], 408)
        assert old.methods == ["INVITE"]
        old.accept(old.requests[0])
        assert alice.statuses == [100, 200]
        assert len(world.core.bindings()) == 2  # a 408 deletes nothing

    @pytest.mark.clause("RFC5626-7-2")
    def test_a_430_of_somebody_behind_tries_the_next(self, node: World) -> None:
        new, old = node.flows()
        alice = node.caller()
        alice.invite()
        new.answer(new.requests[0], 430)
        assert old.methods == ["INVITE"]
        old.accept(old.requests[0])
        assert alice.statuses == [100, 200]

    @pytest.mark.clause("RFC5626-7-4")
    @pytest.mark.parametrize("transport", ["tcp", "ws", "udp"])
    def test_the_flow_of_the_binding_is_used(self, world: World, transport: str) -> None:
        bob = world.phone(transport=transport, contact="<sip:bob@nobody.invalid>")
        world.caller().invite()
        assert bob.methods == ["INVITE"]
        assert bob.requests[0].uri_text == "sip:bob@nobody.invalid"

    @pytest.mark.parametrize("later", [0, 1, 25])
    def test_a_slow_phone_that_takes_the_next_for_a_copy(self, world: World, later: float) -> None:
        """It answers 482 over the second flow (RFC 3261 §8.2.2.2); the call still arrives."""
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        world.advance(3)
        old.answer(old.requests[0], 482)
        world.advance(later)
        new.answer(new.requests[0], 180)
        world.advance(10)
        new.accept(new.requests[0])
        assert alice.statuses == [100, 180, 200]


class TestClosedConnection:
    @pytest.mark.clause("RFC5626-7-2", "RFC5626-7-6")
    def test_the_next_flow_with_no_timer_at_all(self, world: World) -> None:
        new, old = world.flows()
        new.close()
        alice = world.caller()
        before = world.now
        alice.invite()
        assert world.now == before
        assert (new.methods, old.methods) == ([], ["INVITE"])
        old.accept(old.requests[0])
        assert alice.statuses == [100, 200]

    def test_while_the_request_is_out(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        before = world.now
        new.close()
        assert world.now == before
        assert old.methods == ["INVITE"]
        old.accept(old.requests[0])
        assert alice.statuses == [100, 200]

    def test_all_in_a_row(self, world: World) -> None:
        phones = world.flows(count=4)
        for phone in phones[:3]:
            phone.close()
        alice = world.caller()
        alice.invite()
        assert phones[3].methods == ["INVITE"]
        phones[3].accept(phones[3].requests[0])
        assert alice.statuses == [100, 200]

    @pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "OPTIONS"])
    def test_all_flows_gone(self, world: World, method: str) -> None:
        for phone in world.flows():
            phone.close()
        alice = world.caller()
        before = world.now
        alice.request(method, BOB)
        response = alice.responses[-1]
        assert world.now == before
        assert response.status == 480
        assert response.get("reason") == "Q.850;cause=20"
        warning = response.get("warning") or ""
        assert warning.startswith("399 ringway ")
        assert "10.0." not in warning  # nobody's addresses

    def test_all_flows_gone_while_it_rings(self, world: World) -> None:
        phones = world.flows()
        alice = world.caller()
        alice.invite()
        for phone in phones:
            phone.close()
        assert alice.statuses == [100, 480]

    @pytest.mark.clause("RFC5626-7-5", "RFC5626-7-6")
    def test_every_binding_on_the_flow_goes(self, node: World) -> None:
        bob = node.phone()
        for user in ("carol", "dave"):
            bob.user = user
            bob.register(call_id=user)
        other = node.phone("carol", "10.0.7.1")
        assert [len(node.core.bindings(user)) for user in ("bob", "carol", "dave")] == [1, 2, 1]
        bob.close()
        assert [len(node.core.bindings(user)) for user in ("bob", "carol", "dave")] == [0, 1, 0]
        node.caller().invite("carol")
        assert other.methods == ["INVITE"]

    @pytest.mark.clause("RFC5626-7-6")
    def test_a_connection_that_we_close(self, node: World) -> None:
        bob = node.phone()
        assert bob.flow is not None
        node.core.endpoint.close_flow(bob.flow, "shutting down", node.now)
        assert node.core.bindings() == ()

    @pytest.mark.clause("RFC5626-7-5")
    def test_icmp_takes_the_bindings_of_a_udp_flow(self, node: World) -> None:
        bob = node.phone(transport="udp")
        carol = node.phone("carol", "10.0.7.1", transport="udp")
        bob.unreachable()
        assert node.core.bindings() == ()
        assert len(node.core.bindings("carol")) == 1
        alice = node.caller()
        alice.invite()
        assert alice.statuses == [100, 480]
        node.caller("eve", "10.0.6.6").invite("carol")
        assert carol.methods == ["INVITE"]

    def test_the_store_hears_of_it(self, node: World) -> None:
        bob = node.phone(transport="udp")
        node.core.others.clear()
        bob.unreachable()
        (persist,) = node.core.others
        assert "Drop" in repr(persist)


class Test430:
    @pytest.mark.clause("RFC5626-7-2")
    def test_it_deletes_the_binding(self) -> None:
        world = World(edge=True)
        new, _ = world.flows()
        new.close()
        assert len(world.core.bindings()) == 2
        world.caller().invite()
        assert len(world.core.bindings()) == 1

    def test_unless_it_was_refreshed_since(self) -> None:
        world = World(edge=True)
        new, old = world.flows()
        world.edge.dns_is_slow = True
        alice = world.caller()
        alice.invite()
        invite = new.requests[0]
        new.reg_id = 2
        again = world.phone("bob", "10.0.9.9", instance=new.instance, reg_id=2, call_id="again")
        new.answer(invite, 430)
        assert len(world.core.bindings()) == 2
        assert again.methods == []
        assert old.methods == ["INVITE"]

    def test_an_edge_that_sheds_keeps_the_binding(self, node: World) -> None:
        """A 503 from an edge: the phone has not spoken; next flow, keep the binding."""
        edges = [node.core.peer("udp", f"10.9.9.{n}") for n in (1, 2)]
        bind(node, *[path(edge.address.host) for edge in edges])
        alice = node.caller()
        alice.invite()
        edges[1].answer(edges[1].requests[0], 503)
        assert edges[0].methods == ["INVITE"]
        edges[0].answer(edges[0].requests[0], 200)
        assert alice.statuses == [100, 200]
        assert len(node.core.bindings()) == 2

    def test_between_proxies_430_stays_430(self, node: World) -> None:
        """Not authoritative, and a proxy before us: it may have another flow."""
        edge = node.core.peer("udp", "10.9.9.1")
        proxy = node.core.peer("udp", "10.9.8.1")
        via = ("Via", "SIP/2.0/UDP 10.1.1.1;branch=z9hG4bK-x")
        bob = node.phone(transport="udp")
        bob.invite("alice", headers=[("Contact", f"<{bob.contact}>")])
        assert edge.methods == []
        assert bob.flow is not None
        token = node.core.core.proxy.sealer.seal_path(bob.flow)
        proxy.request("INVITE", BOB, headers=[("Route", f"<sip:{token}@10.0.0.1;lr;ob>"), via])
        bob.answer(bob.requests[-1], 430)
        assert proxy.statuses == [100, 430]

    def test_an_endpoint_never_sees_430(self, node: World) -> None:
        bob = node.phone()
        alice = node.caller()
        alice.invite()
        bob.answer(bob.requests[0], 430)
        assert alice.statuses == [100, 480]
        assert node.core.bindings() == ()


class TestOneBadBinding:
    """One bad binding never hurts: the other branch rings at once."""

    @pytest.mark.parametrize(
        "bad",
        ["unresolvable", "refused", "closed", "malformed Path", "malformed second Path", "no SIP",
         "IPv6", "unknown transport", "spaces", "spaces over a flow", "broken headers"],
    )  # fmt: skip
    @pytest.mark.parametrize("instance", ["<urn:bad>", "same"])
    def test_the_other_rings_in_the_same_instant(
        self, node: World, bad: str, instance: str
    ) -> None:
        good = node.phone("bob", "10.0.7.1")
        node.advance(1)
        contact, *paths = {
            "unresolvable": ("sip:bob@nowhere.example",),
            "refused": ("sip:bob@10.0.3.3;transport=tcp",),
            "closed": ("sip:bob@10.0.3.3",),
            "malformed Path": ("sip:bob@10.0.3.3", "sip:[broken"),
            "malformed second Path": ("sip:bob@10.0.3.3", "sip:10.0.3.3;lr", "sip:[broken"),
            "no SIP": ("mailto:bob@example.com",),
            "IPv6": ("sip:bob@[2001:db8::1]",),
            "unknown transport": ("sip:bob@10.0.3.3;transport=carrier",),
            "spaces": ("sip:bob @10.0.3.3",),
            "spaces over a flow": ("sip:bob @10.0.3.3",),
            "broken headers": ("sip:bob @10.0.3.3?x",),
        }[bad]
        closed = node.phone("carol", "10.0.3.3").flow
        assert closed is not None
        bind(
            node,
            tuple(paths),
            contact=contact,
            instance=good.instance if instance == "same" else instance,
            flow=closed if bad in {"closed", "spaces over a flow"} else None,
        )
        if bad == "closed":
            node.core.endpoint._flows._connections.pop(closed)
        alice = node.caller()
        before = node.now
        alice.invite()
        if not good.methods:  # an address that nobody answers for: a silent flow
            assert instance == "same"
            assert bad in {"malformed second Path", "IPv6"}
            node.advance(2.1)
        else:
            assert node.now == before
        assert good.methods == ["INVITE"]
        good.answer(good.requests[0], 180)
        good.accept(good.requests[0])
        assert alice.statuses == [100, 180, 200]

    def test_many_bad_ones(self, node: World) -> None:
        for number in range(19):
            contact = f"sip:bob@10.0.3.{number};transport=tcp"
            bind(node, contact=contact, instance=f"<urn:{number}>", q=number / 100)
        good = node.phone("bob", "10.0.7.1", params=";q=0.0")
        node.caller().invite()
        assert good.methods == ["INVITE"]

    def test_a_dead_server_of_one_name(self, node: World) -> None:
        good = node.phone("bob", "10.0.7.1")
        bind(node, contact="sip:bob@many.example")
        node.core.dns["many.example"] = [
            NextHop("tcp", node.core.peer("tcp", f"10.0.3.{n}").address, "many.example")
            for n in range(5)
        ]
        for peer in node.core.peers.values():
            peer.accepting = False
        alice = node.caller()
        alice.invite()
        assert good.methods == ["INVITE"]


def path(host: str) -> tuple[str, ...]:
    return (f"sip:token@{host};lr;ob",)
