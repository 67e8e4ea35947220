"""The node as a whole: which role gets what, and what it does in its own name."""

from dataclasses import replace

import pytest
from tests.unit.proxy.world import BOB, DOMAIN, Dialog, Phone, World

from ringway.codes import TABLE, Source
from ringway.endpoint import Kind
from ringway.location import Persist, When
from ringway.proxy import Outcome, RecursionPolicy
from ringway.server.failed import when_failed


@pytest.fixture
def world() -> World:
    return World()


class TestForThisServer:
    @pytest.mark.parametrize("uri", [f"sip:{DOMAIN}", "sip:10.0.0.1", "sip:10.0.0.1:5060"])
    def test_options(self, world: World, uri: str) -> None:
        alice = world.caller()
        alice.request("OPTIONS", uri)
        response = alice.responses[0]
        assert response.status == 200
        for name in ("allow", "accept", "accept-encoding", "accept-language", "supported"):
            assert response.has(name)

    def test_options_to_a_user_is_for_the_user(self, world: World) -> None:
        bob = world.phone()
        world.caller().request("OPTIONS", BOB)
        assert bob.methods == ["OPTIONS"]

    def test_nor_is_it_when_our_domain_is_an_address(self, world: World) -> None:
        proxy = world.core.proxy
        proxy.settings = replace(proxy.settings, domains=frozenset({"10.0.0.1"}))
        alice = world.caller()
        alice.request("MESSAGE", "sip:bob@10.0.0.1:5080")
        assert alice.statuses == [403]
        alice.request("MESSAGE", "sip:bob@10.0.0.1")
        assert alice.statuses == [403, 480]

    def test_another_port_of_this_machine_is_somebody_else(self, world: World) -> None:
        alice = world.caller()
        alice.request("OPTIONS", "sip:10.0.0.1:5080")
        assert alice.statuses == [403]

    def test_options_to_an_edge(self) -> None:
        world = World(edge=True)
        alice = world.caller(node=world.edge)
        alice.request("OPTIONS", "sip:10.0.0.2")
        assert alice.statuses == [200]

    def test_register_at_an_edge_goes_to_the_registrar(self) -> None:
        world = World(edge=True)
        world.phone()
        assert len(world.core.bindings()) == 1
        assert world.edge.bindings() == ()


class TestRefused:
    def test_a_malformed_route(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.request("MESSAGE", BOB, headers=[("Route", "<sip:[broken>")])
        assert alice.statuses == [400]
        assert bob.methods == []

    def test_a_malformed_max_forwards(self, world: World) -> None:
        world.phone()
        alice = world.caller()
        alice.invite(headers=[("Max-Forwards", "300")])
        assert alice.statuses == [400]
        assert len(world.core.proxy) == 0


class TestExpire:
    def test_bindings_and_redirects(self, world: World) -> None:
        world.phone(transport="udp", expires=100)
        world.redirect("bob", "sip:bob@hotel.example", until=world.now + 50)
        core = world.core.core
        assert core.expire(world.now) == world.now + 100
        world.advance(101)
        world.core.others.clear()
        assert core.expire(world.now) is None
        world.pump()
        (command,) = world.core.others
        assert isinstance(command, Persist)
        assert len(command.changes) == 2
        assert world.core.bindings() == ()
        assert list(world.core.redirects.rules(0.0)) == []

    def test_nothing_to_do(self, world: World) -> None:
        assert world.core.core.expire(world.now) is None
        world.pump()
        assert world.core.others == []

    def test_a_caller_hears_that_it_expired(self, world: World) -> None:
        world.phone(expires=100)
        world.advance(101)
        world.core.core.expire(world.now)
        alice = world.caller()
        alice.invite()
        assert "it expired" in (alice.responses[-1].get("warning") or "")


class TestWhenFailed:
    @pytest.mark.parametrize(
        ("status", "source", "whens"),
        [
            (486, Source.RECEIVED, (When.BUSY,)),
            (600, Source.RECEIVED, (When.BUSY,)),
            (408, Source.TIMER, (When.NO_ANSWER, When.UNREACHABLE)),
            (503, Source.TRANSPORT, (When.UNREACHABLE,)),
            (430, Source.RECEIVED, (When.UNREACHABLE,)),
            (503, Source.RECEIVED, ()),
            (404, Source.RECEIVED, ()),
        ],
    )
    def test_situations(self, status: int, source: Source, whens: tuple[When, ...]) -> None:
        assert when_failed(Outcome(status, source, "")) == whens


class TestStory:
    """Every decision is an event with call, flow, code and the table's word on it."""

    def kinds(self, world: World) -> list[Kind]:
        return [decision.kind for decision in world.core.decisions]

    def test_a_failover(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        world.core.decisions.clear()
        invite = alice.invite()
        new.answer(new.requests[0], 430)
        old.accept(old.requests[0])
        decisions = [each for each in world.core.decisions if each.call_id == invite.call_id]
        assert [each.kind for each in decisions] == [
            Kind.REQUEST, Kind.BRANCH, Kind.FAILOVER, Kind.BRANCH, Kind.ANSWER,
        ]  # fmt: skip
        failover = decisions[2]
        assert (failover.status, failover.flow, failover.aor) == (430, new.flow, BOB)
        assert "invalidate binding" in failover.effects
        assert "RFC 5626" in failover.why
        assert Kind.UNBOUND in self.kinds(world)

    def test_every_status_has_the_tables_word(self) -> None:
        """Whatever was decided about a response, the table says why."""
        policy = RecursionPolicy(domains=frozenset({"ringway.test"}))
        world = World(recursion=policy)
        bob, carol = world.phone(), world.phone("carol", "10.0.3.1")
        alice = world.caller()
        alice.invite()
        bob.answer(bob.last, 302, headers=[("Contact", "<sip:carol@ringway.test>")])
        carol.answer(carol.last, 486)
        alice.invite("sip:dave@elsewhere.example")
        alice.invite("nobody")
        alice.invite()
        bob.answer(bob.last, 503)
        world.redirect("bob", "sip:carol@ringway.test")
        alice.invite()
        cancelled = alice.invite("carol")
        carol.answer(carol.last, 180)
        alice.cancel(cancelled)
        world.redirect("bob", "sip:bob@hotel.example")
        alice.invite()
        alice.register(expires=1, status=423)
        seen = world.core.decisions
        told = {(each.kind, each.status) for each in seen if each.why}
        assert {
            (Kind.RECURSE, 302),
            (Kind.ANSWER, 486),
            (Kind.REJECT, 403),
            (Kind.ANSWER, 480),
            (Kind.ANSWER, 500),
            (Kind.CANCEL, 487),
            (Kind.REDIRECT, 302),
            (Kind.REFUSED, 423),
        } <= told
        bound = {Kind.BOUND, Kind.UNBOUND}
        assert not [
            each for each in seen if each.status and not each.why and each.kind not in bound
        ]
        (translated,) = {each.why for each in seen if each.status == 500}
        assert translated == TABLE[503].translations[-1].why

    def test_a_430_that_becomes_a_480(self) -> None:
        world = World(edge=True)
        bob = world.phone()
        bob.close()
        world.caller().invite()
        answer = world.core.decisions[-1]
        assert (answer.kind, answer.status) == (Kind.ANSWER, 480)
        assert answer.why == TABLE[430].translations[0].why

    def test_a_recovery_is_no_failover(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        new.accept(new.last)
        dialog = Dialog.of_caller(alice.responses[-1])
        new.close()
        alice.within(dialog, "ACK", cseq=1)
        alice.within(dialog, "BYE")
        told = [each for each in world.core.decisions if each.kind is Kind.RECOVER]
        assert [(each.method, each.status) for each in told] == [("ACK", 0), ("BYE", 503)]
        assert Kind.FAILOVER not in self.kinds(world)
        assert old.methods == ["ACK", "BYE"]

    def test_a_branch_names_its_own_flow(self, world: World) -> None:
        bob = world.phone()
        world.phone("dave", "10.0.4.1", transport="udp", instance="")
        alice = world.caller()
        for user in ("bob", "dave"):
            alice.invite(user)
        branches = [each for each in world.core.decisions if each.kind is Kind.BRANCH]
        assert [each.flow for each in branches] == [bob.flow, None]
        assert "10.0.4.1" in branches[1].text

    def test_the_warning_of_a_480_says_why_without_addresses(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        new.close()
        old.close()
        response = alice.responses[-1]
        assert response.status == 480
        assert response.get("warning") == (
            '399 ringway "both flows of this user\'s phone have closed"'
        )

    def test_refusals_redirects_and_cancels(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        world.core.decisions.clear()
        alice.invite(headers=[("Max-Forwards", "0")])
        assert self.kinds(world) == [Kind.REJECT]
        invite = alice.invite()
        bob.answer(bob.requests[0], 180)
        alice.cancel(invite)
        assert Kind.CANCEL in self.kinds(world)
        world.redirect("bob", "sip:bob@hotel.example")
        alice.invite()
        assert Kind.REDIRECT in self.kinds(world)

    def test_a_redirect_after_a_failure(self, world: World) -> None:
        bob = world.phone()
        world.redirect("bob", "sip:bob@hotel.example", when=When.BUSY)
        world.caller().invite()
        bob.answer(bob.requests[0], 486)
        last = world.core.decisions[-1]
        assert (last.kind, last.status) == (Kind.REDIRECT, 302)

    def test_no_token_in_any_story(self) -> None:
        world = World(edge=True)
        new, _ = world.flows()
        new.close()
        alice = world.caller()
        world.core.decisions.clear()
        alice.invite()
        tokens = [binding.path[0].partition("@")[0][4:] for binding in world.core.bindings()]
        assert not any(token in each.text for token in tokens for each in world.core.decisions)

    def test_nobody_listens(self, world: World) -> None:
        world.core.endpoint.listener = None
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        new.close()
        old.accept(old.requests[0])
        alice.request("ACK", BOB, to=f"<{BOB}>;tag=x")
        alice.invite("sip:carol@10.9.9.9")
        world.redirect("bob", "sip:bob@hotel.example")
        alice.invite()
        alice.invite("nobody")
        assert alice.statuses == [100, 200, 403, 302, 100, 480]
        assert world.core.decisions == []


class TestWithoutPeers:
    def test_a_listener_that_is_told_of_what_the_core_ignores(self, world: World) -> None:
        """A response that could not be delivered is only told; nobody acts on it."""
        alice: Phone = world.caller(transport="tcp")
        alice.invite()
        alice.close()
        world.advance(40)
        assert len(world.core.proxy) == 0
