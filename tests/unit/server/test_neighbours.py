"""Whom a server believes: along a Path (RFC 5626 §5.3), and about identities (RFC 3325 §5)."""

import asyncio
import logging
from collections.abc import Iterable

import pytest
from tests.unit.proxy.world import BOB, Dialog, World

from ringway.aio.resolver import Resolver, Result
from ringway.message import parse_uri
from ringway.server import neighbours
from ringway.server.neighbours import REMEMBERED, TELL_EVERY, Neighbours, follow
from ringway.server.policy import May, Peer
from ringway.transport.flow import Address, Flow, NextHop
from ringway.transport.nexthop import Query


def flow(host: str) -> Flow:
    return Flow("udp", Address("10.0.0.2", 5060), Address(host, 5060))


def hop(host: str) -> NextHop:
    return NextHop("udp", Address(host, 5060), "registrar.example")


def nobody(_flow: Flow) -> None:
    return None


class TestSenders:
    def test_the_registrar_may_from_all_its_addresses_and_any_port(self) -> None:
        neighbours = Neighbours(nobody, registrar=True)
        neighbours.located([hop("10.0.0.1"), hop("2001:db8::1")], 0.0)
        assert neighbours.refusal(flow("10.0.0.1"), 1.0) is None
        assert neighbours.refusal(flow("2001:db8:0::1"), 1.0) is None
        assert neighbours.refusal(flow("::ffff:10.0.0.1"), 1.0) is None
        refusal = neighbours.refusal(flow("10.0.0.9"), 1.0)
        assert refusal is not None
        assert refusal.status == 403

    @pytest.mark.parametrize(("may", "passes"), [(May.CALL, True), (May.REGISTER, False)])
    def test_so_may_a_peer_that_may_call(self, may: May, passes: bool) -> None:
        neighbours = Neighbours(lambda _: Peer("trunk", frozenset({may})), registrar=False)
        assert (neighbours.refusal(flow("10.0.0.9"), 1.0) is None) is passes

    def test_until_dns_has_answered_nobody_is_refused_for_good(self) -> None:
        neighbours = Neighbours(nobody, registrar=True)
        neighbours.located([], 0.0)
        refusal = neighbours.refusal(flow("10.0.0.1"), 1.0)
        assert refusal is not None
        assert (refusal.status, refusal.headers) == (503, (("Retry-After", "1"),))

    def test_an_address_counts_for_a_while_after_it_was_named_last(self) -> None:
        neighbours = Neighbours(nobody, registrar=True)
        neighbours.located([hop("10.0.0.1")], 0.0)
        neighbours.located([hop("10.0.0.2")], REMEMBERED - 1)
        assert neighbours.refusal(flow("10.0.0.1"), REMEMBERED - 1) is None
        neighbours.located([], REMEMBERED + 1)  # nobody could say: what is known stays
        assert neighbours.refusal(flow("10.0.0.2"), REMEMBERED + 1) is None
        neighbours.located([hop("10.0.0.2")], REMEMBERED + 1)
        assert neighbours.refusal(flow("10.0.0.1"), REMEMBERED + 1) is not None

    def test_the_log_says_what_to_set_but_not_for_each(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        neighbours = Neighbours(nobody, registrar=False)
        with caplog.at_level(logging.WARNING):
            for now in (0.0, 1.0, TELL_EVERY):
                neighbours.refusal(flow("10.0.0.9"), now)
        assert len(caplog.messages) == 2
        assert "10.0.0.9 is neither" in caplog.messages[0]
        assert 'edge.path_from = "anyone"' in caplog.messages[0]


class TestFollow:
    def test_it_looks_again_and_outlives_a_fault(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(neighbours, "LOCATE_INTERVAL", 0.0)
        asked: list[Query] = []

        async def lookup(query: Query) -> Result:
            asked.append(query)
            if len(asked) == 1:
                raise RuntimeError("no resolver")
            return Result(("10.0.0.1",), 60.0)

        class Heard(Neighbours):
            def located(self, hops: Iterable[NextHop], now: float) -> None:
                super().located(hops, now)
                raise asyncio.CancelledError  # it has done what it is for

        heard = Heard(nobody, registrar=True)
        registrar = parse_uri("sip:registrar.example:5060")
        resolver = Resolver(lookup, hosts_file=None)
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(follow(registrar, resolver, heard, lambda: 1.0))
        assert heard.refusal(flow("10.0.0.1"), 1.0) is None
        assert "a fault of ours with DNS for registrar.example" in caplog.messages


class TestCore:
    """What a core does with it."""

    @pytest.fixture
    def world(self) -> World:
        world = World(edge=True)
        neighbours = Neighbours(nobody, registrar=True)
        neighbours.located([hop("10.0.0.1")], 0.0)
        world.edge.proxy.refuses_path = neighbours.refusal
        return world

    def test_the_registrar_reaches_the_phone(self, world: World) -> None:
        bob = world.phone()
        world.caller().invite()
        assert bob.methods == ["INVITE"]

    @pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "BYE"])
    @pytest.mark.parametrize("to", [f"<{BOB}>", f"<{BOB}>;tag=x"])
    def test_a_stranger_who_has_seen_its_path_does_not(
        self, world: World, method: str, to: str
    ) -> None:
        bob = world.phone()
        path = world.core.bindings()[0].path[0]
        mallory = world.caller("mallory", "10.0.6.6", node=world.edge)
        mallory.request(method, bob.contact, to=to, headers=[("Route", f"<{path}>")])
        assert bob.methods == []
        assert mallory.statuses == [403]
        assert "edge.path_from" in (mallory.responses[0].get("warning") or "")

    def test_nor_does_an_ack(self, world: World) -> None:
        bob = world.phone()
        path = world.core.bindings()[0].path[0]
        mallory = world.caller("mallory", "10.0.6.6", node=world.edge)
        fields = [("Route", f"<{path}>")]
        mallory.request("ACK", bob.contact, to=f"<{BOB}>;tag=x", headers=fields)
        assert bob.methods == []

    def test_the_phone_itself_may_name_it_to_get_out(self, world: World) -> None:
        bob = world.phone()
        path = world.core.bindings()[0].path[0]
        carol = world.phone("carol", "10.0.7.7")
        bob.invite("carol", headers=[("Contact", f"<{bob.contact}>"), ("Route", f"<{path}>")])
        assert carol.methods == ["INVITE"]

    def test_one_node_writes_no_path_so_nobody_comes_by_one(self) -> None:
        """Its keys may have been an edge's before, and a UDP flow never ends."""
        world = World()
        world.core.proxy.refuses_path = Neighbours(nobody, registrar=False).refusal
        bob = world.phone(transport="udp")
        assert bob.flow is not None
        path = f"<sip:{world.core.proxy.sealer.seal_path(bob.flow)}@10.0.0.1;lr>"
        mallory = world.caller("mallory", "10.0.6.6")
        mallory.request("INVITE", bob.contact, headers=[("Route", path)])
        assert bob.methods == []
        assert mallory.statuses == [403]

    def test_a_call_that_stands_goes_on(self, world: World) -> None:
        """Its Routes carry tokens for the call, which hold for both of its sides."""
        bob = world.phone()
        alice = world.caller("alice", "10.0.2.1", node=world.edge)
        alice.invite()
        answer = bob.accept(bob.requests[0])
        alice.within(Dialog.of_caller(alice.responses[-1]), "INFO")
        bob.within(Dialog.of_callee(bob.requests[0], answer), "INFO")
        assert bob.methods == ["INVITE", "INFO"]
        assert alice.methods == ["INFO"]


class TestIdentity:
    """RFC 3325 §5: what an element that is not trusted asserts is taken out."""

    FIELDS = (
        ("P-Asserted-Identity", "<sip:president@ringway.test>"),
        ("P-Asserted-Identity", "<tel:+15550100>"),
    )

    @pytest.fixture
    def world(self) -> World:
        world = World()

        def peer(flow: Flow) -> Peer | None:
            known = flow.remote.host == "10.0.2.1"
            return Peer("trunk", frozenset({May.CALL})) if known else None

        world.core.proxy.believes = Neighbours(peer, registrar=False).knows
        return world

    @pytest.mark.parametrize(("host", "count"), [("10.0.2.1", 2), ("10.0.6.6", 0)])
    def test_of_a_request(self, world: World, host: str, count: int) -> None:
        bob = world.phone()
        alice = world.caller("alice", host)
        wish = ("P-Preferred-Identity", "<sip:alice@ringway.test>")
        alice.invite(headers=[("Contact", f"<{alice.contact}>"), *self.FIELDS, wish])
        (invite,) = bob.requests
        assert len(invite.values("p-asserted-identity")) == count
        assert invite.get("p-preferred-identity") == (wish[1] if count else None)  # §6
        answer = bob.accept(invite)
        dialog = Dialog.of_caller(alice.responses[-1])
        alice.within(dialog, "ACK", cseq=1, headers=self.FIELDS)
        alice.within(dialog, "INVITE", headers=self.FIELDS)
        for request in bob.requests[1:]:
            assert len(request.values("p-asserted-identity")) == count
        assert answer.status == 200

    @pytest.mark.parametrize("status", [183, 200, 486])
    @pytest.mark.parametrize(("host", "count"), [("10.0.2.1", 2), ("10.0.6.6", 0)])
    def test_of_a_response(self, world: World, host: str, count: int, status: int) -> None:
        bob = world.phone("bob", host, transport="udp")
        alice = world.caller("alice", "10.0.9.9")
        alice.invite()
        bob.accept(bob.requests[0], status, headers=self.FIELDS)
        assert alice.statuses[-1] == status
        assert len(alice.responses[-1].values("p-asserted-identity")) == count

    PRIVACY = (
        ("id", True),
        ("user; ID ;critical", True),
        ("header,id", True),
        ("none", False),
        ("user", False),
        ("identity", False),
    )

    @pytest.mark.parametrize(("privacy", "concealed"), PRIVACY)
    @pytest.mark.parametrize(("host", "trusted"), [("10.0.2.1", True), ("10.0.6.6", False)])
    def test_kept_from_who_is_not_trusted(
        self, world: World, host: str, privacy: str, *, trusted: bool, concealed: bool
    ) -> None:
        """RFC 3325 §7: Privacy is for strangers; peers may know."""
        bob = world.phone("bob", host)
        trunk = world.caller("alice", "10.0.2.1", transport="tcp")
        fields = [*self.FIELDS, ("Privacy", privacy)]
        trunk.invite(headers=[("Contact", f"<{trunk.contact}>"), *fields])
        (invite,) = bob.requests
        assert len(invite.values("p-asserted-identity")) == (0 if concealed and not trusted else 2)
        assert invite.get("privacy") == privacy
        bob.accept(invite)
        dialog = Dialog.of_caller(trunk.responses[-1])
        trunk.within(dialog, "ACK", cseq=1, headers=fields)
        trunk.within(dialog, "INVITE", headers=fields)
        for request in bob.requests[1:]:
            assert request.has("p-asserted-identity") is not (concealed and not trusted)

    @pytest.mark.parametrize(("privacy", "concealed"), PRIVACY)
    @pytest.mark.parametrize(("host", "trusted"), [("10.0.2.1", True), ("10.0.6.6", False)])
    def test_so_are_those_of_responses(
        self, world: World, host: str, privacy: str, *, trusted: bool, concealed: bool
    ) -> None:
        bob = world.phone("bob", "10.0.2.1")
        caller = world.caller("alice", host)
        caller.invite()
        bob.accept(bob.requests[0], headers=[*self.FIELDS, ("Privacy", privacy)])
        answer = caller.responses[-1]
        assert answer.status == 200
        assert answer.has("p-asserted-identity") is not (concealed and not trusted)

    def test_an_ack_without_a_flow(self, world: World) -> None:
        """To a phone over UDP that has none."""
        bob = world.phone("bob", "10.0.6.6", transport="udp", instance="")
        trunk = world.caller("alice", "10.0.2.1", transport="tcp")
        fields = [*self.FIELDS, ("Privacy", "id")]
        trunk.invite(headers=[("Contact", f"<{trunk.contact}>"), *fields])
        bob.accept(bob.requests[0])
        trunk.within(Dialog.of_caller(trunk.responses[-1]), "ACK", cseq=1, headers=fields)
        assert bob.methods[-1] == "ACK"
        assert not any(request.has("p-asserted-identity") for request in bob.requests)

    @pytest.mark.parametrize(
        ("transport", "name", "known"),
        [
            ("tls", "Trunk.Example", True),
            ("tcp", "trunk.example", False),
            ("tls", "other.example", False),
        ],
    )
    def test_a_peer_that_would_have_to_show_its_certificate(
        self, transport: str, name: str, *, known: bool
    ) -> None:
        trunk = {"trunk.example": Peer("trunk", frozenset({May.CALL}))}
        neighbours = Neighbours(nobody, registrar=False, named=trunk.get)
        there = NextHop(transport, Address("192.0.2.7", 5061), name)
        assert neighbours.knows(there) is known

    def test_everybody_is_believed_where_nobody_says_otherwise(self) -> None:
        world = World()
        bob = world.phone()
        world.caller().request("MESSAGE", headers=self.FIELDS)
        assert bob.requests[0].has("p-asserted-identity")
