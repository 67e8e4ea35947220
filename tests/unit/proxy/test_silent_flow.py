"""A flow that says nothing: DESIGN, "When a flow is silent", on one node and behind an edge."""

import pytest
from tests.unit.proxy.world import Phone, World, bind

FLOW_TIMEOUT = 2.0


@pytest.fixture(params=["one node", "edge over UDP", "edge over TCP"])
def world(request: pytest.FixtureRequest) -> World:
    layout = str(request.param)
    return World(edge="edge" in layout, link="tcp" if "TCP" in layout else "udp")


@pytest.fixture
def edgeless() -> World:
    return World()


class TestOnlyFlow:
    def test_a_slow_phone_keeps_its_only_flow(self, world: World) -> None:
        bob = world.phone(transport="udp")
        alice = world.caller()
        alice.invite()
        world.advance(20)
        assert bob.methods.count("INVITE") > 3  # retransmitted by timer A all along
        assert alice.statuses == [100]
        bob.accept(bob.requests[0])
        assert alice.statuses == [100, 200]

    def test_it_ends_with_timer_b(self, world: World) -> None:
        world.phone(transport="udp")
        alice = world.caller()
        alice.invite()
        world.advance(31.9)
        assert alice.statuses == [100]
        world.advance(0.2)
        assert alice.statuses == [100, 408]

    def test_an_alternative_that_is_dead_leaves_the_slow_flow_as_the_only_one(
        self, edgeless: World
    ) -> None:
        world = edgeless
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        old_flow = old.flow
        assert old_flow is not None
        # its binding is still there, but nothing can be sent over it
        world.core.endpoint._flows._connections.pop(old_flow)
        world.advance(10)
        assert alice.statuses == [100]
        new.answer(new.requests[0], 180)
        new.accept(new.requests[0])
        assert alice.statuses == [100, 180, 200]

    def test_an_alternative_that_has_gone_meanwhile(self, edgeless: World) -> None:
        new, _ = edgeless.flows()
        alice = edgeless.caller()
        alice.invite()
        edgeless.advance(1)
        (context,) = edgeless.core.proxy._contexts.values()
        (target,) = context._active
        target._ways.clear()
        edgeless.core.location.remove(edgeless.core.bindings()[0], "", edgeless.now)
        edgeless.advance(20)
        assert alice.statuses == [100]
        new.accept(new.requests[0])
        assert alice.statuses == [100, 200]


class TestSilence:
    def test_the_next_flow_after_flow_timeout(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        assert (new.methods, old.methods) == (["INVITE"], [])
        world.advance(FLOW_TIMEOUT - 0.1)
        assert old.methods == []
        world.advance(0.2)
        assert (new.methods, old.methods) == (["INVITE"], ["INVITE"])
        old.answer(old.requests[0], 180)
        old.accept(old.requests[0])
        assert alice.statuses == [100, 180, 200]

    def test_its_binding_stays(self, world: World) -> None:
        world.flows()
        world.caller().invite()
        world.advance(FLOW_TIMEOUT + 0.1)
        assert len(world.core.bindings()) == 2

    def test_it_is_not_retransmitted_any_more(self, edgeless: World) -> None:
        new, old = edgeless.flows(transport="udp")
        edgeless.caller().invite()
        edgeless.advance(FLOW_TIMEOUT + 0.1)
        sent = len(new.methods)
        edgeless.advance(20)
        assert len(new.methods) == sent
        assert len(old.methods) > 3

    def test_a_100_is_not_silence(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        new.answer(new.requests[0], 100)
        world.advance(30)
        assert old.methods == []
        new.accept(new.requests[0])
        assert alice.statuses == [100, 200]

    def test_other_requests_after_five_seconds(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.request("MESSAGE")
        world.advance(4.9)
        assert (new.methods, old.methods) == (["MESSAGE"], [])
        world.advance(0.2)
        assert old.methods == ["MESSAGE"]
        old.answer(old.requests[0], 200)
        assert alice.statuses[-1] == 200

    def test_when_all_are_silent_the_last_keeps_timer_b(self, world: World) -> None:
        world.flows()
        alice = world.caller()
        alice.invite()
        world.advance(33)
        assert alice.statuses == [100]
        world.advance(33)
        assert alice.heard == [100, 408]


class TestLate180:
    def test_it_is_cancelled_once_the_other_has_spoken(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        world.advance(FLOW_TIMEOUT + 0.1)
        old.answer(old.requests[0], 180)
        new.answer(new.requests[0], 180)
        assert new.methods == ["INVITE", "CANCEL"]
        new.answer(new.requests[1], 200)
        new.answer(new.requests[0], 487)
        old.accept(old.requests[0])
        assert alice.statuses == [100, 180, 200]

    def test_it_counts_while_the_other_has_said_nothing(self, edgeless: World) -> None:
        new, old = edgeless.flows()
        alice = edgeless.caller()
        alice.invite()
        edgeless.advance(FLOW_TIMEOUT + 0.1)
        new.answer(new.requests[0], 180)
        assert new.methods == ["INVITE"]
        old.answer(old.requests[0], 180)
        assert old.methods == ["INVITE", "CANCEL"]
        new.accept(new.requests[0])
        assert alice.statuses == [100, 180, 200]

    def test_an_edge_that_gave_up_cancels_it(self) -> None:
        world = World(edge=True)
        new, _ = world.flows()
        world.caller().invite()
        world.advance(FLOW_TIMEOUT + 0.1)
        new.answer(new.requests[0], 180)
        assert new.methods == ["INVITE", "CANCEL"]


class TestLate200:
    def test_it_is_forwarded_and_the_other_cancelled(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        world.advance(FLOW_TIMEOUT + 0.1)
        old.answer(old.requests[0], 180)
        new.accept(new.requests[0])
        assert alice.statuses == [100, 180, 200]
        assert old.methods == ["INVITE", "CANCEL"]

    def test_before_the_other_has_spoken(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        world.advance(FLOW_TIMEOUT + 0.1)
        new.accept(new.requests[0])
        assert alice.statuses == [100, 200]
        old.answer(old.requests[0], 180)
        assert old.methods == ["INVITE", "CANCEL"]

    def test_a_late_failure_of_the_phone_is_its_answer(self, edgeless: World) -> None:
        new, old = edgeless.flows()
        alice = edgeless.caller()
        alice.invite()
        edgeless.advance(FLOW_TIMEOUT + 0.1)
        old.answer(old.requests[0], 100)
        new.answer(new.requests[0], 486)
        assert alice.statuses == [100, 486]
        assert old.methods == ["INVITE", "CANCEL"]

    def test_the_408_of_an_edge_that_comes_again(self, edgeless: World) -> None:
        """Our ACK was lost; the 2xx that follows is not."""
        edges = [edgeless.core.peer("udp", f"10.9.9.{n}") for n in (1, 2)]
        bind(edgeless, *[(f"sip:token@{edge.address.host};lr;ob",) for edge in edges])
        alice = edgeless.caller()
        alice.invite()
        first, second = edges[::-1]
        for _ in range(2):
            first.answer(first.requests[0], 408)
        assert first.methods == ["INVITE", "ACK", "ACK"]
        assert second.methods == ["INVITE"]
        first.answer(first.requests[0], 200)
        assert alice.statuses == [100, 200]

    def test_a_late_430_still_deletes_its_binding(self, edgeless: World) -> None:
        new, old = edgeless.flows()
        alice = edgeless.caller()
        alice.invite()
        edgeless.advance(FLOW_TIMEOUT + 0.1)
        new.answer(new.requests[0], 430)
        assert [binding.flow for binding in edgeless.core.bindings()] == [old.flow]
        assert alice.statuses == [100]


class TestMerged:
    """A 482 from the second flow: the phone has the first copy (RFC 3261 §8.2.2.2)."""

    def test_the_first_is_waited_for_again(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        world.advance(FLOW_TIMEOUT + 0.1)
        old.answer(old.requests[0], 482)
        assert alice.statuses == [100]
        world.advance(5)
        new.accept(new.requests[0])
        assert alice.statuses == [100, 200]

    def test_its_late_180_counts(self, edgeless: World) -> None:
        new, old = edgeless.flows()
        alice = edgeless.caller()
        alice.invite()
        edgeless.advance(FLOW_TIMEOUT + 0.1)
        old.answer(old.requests[0], 482)
        new.answer(new.requests[0], 180)
        assert new.methods == ["INVITE"]
        edgeless.advance(60)
        new.accept(new.requests[0])
        assert alice.statuses == [100, 180, 200]

    def test_it_is_never_final(self, world: World) -> None:
        _, old = world.flows()
        alice = world.caller()
        alice.invite()
        world.advance(FLOW_TIMEOUT + 0.1)
        old.answer(old.requests[0], 482)
        world.advance(64)
        assert alice.heard == [100, 408]

    def test_not_even_to_a_message(self, world: World) -> None:
        _, old = world.flows()
        alice = world.caller()
        alice.request("MESSAGE")
        world.advance(5.1)
        old.answer(old.requests[0], 482)
        world.advance(64)
        assert 482 not in alice.statuses

    def test_from_the_first_flow_it_means_the_second_copy(self, edgeless: World) -> None:
        new, old = edgeless.flows()
        alice = edgeless.caller()
        alice.invite()
        edgeless.advance(FLOW_TIMEOUT + 0.1)
        new.answer(new.requests[0], 482)
        assert alice.statuses == [100]
        old.answer(old.requests[0], 180)
        old.accept(old.requests[0])
        assert alice.statuses == [100, 180, 200]

    def test_from_an_only_flow_it_is_final(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite()
        bob.answer(bob.requests[0], 482)
        assert alice.statuses == [100, 482]


class TestCancel:
    def test_before_any_provisional(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        invite = alice.invite()
        world.advance(1)
        alice.cancel(invite)
        assert alice.statuses[-2:] == [200, 487] or alice.statuses[-2:] == [487, 200]
        world.advance(10)
        assert old.methods == []  # no further flow
        assert new.methods == ["INVITE"]  # no CANCEL yet: §9.1
        new.answer(new.requests[0], 180)
        assert new.methods == ["INVITE", "CANCEL"]

    @pytest.mark.parametrize("end", ["close", 430, 408])
    def test_no_further_flow_when_it_fails_afterwards(self, world: World, end: str | int) -> None:
        new, old = world.flows()
        alice = world.caller()
        invite = alice.invite()
        new.answer(new.requests[0], 180)
        alice.cancel(invite)
        if isinstance(end, int):
            new.answer(new.requests[0], end)
        else:
            new.close()
        assert old.methods == []
        assert alice.statuses[-1] >= 400

    def test_while_the_second_is_silent_too(self, edgeless: World) -> None:
        new, old = edgeless.flows()
        alice = edgeless.caller()
        invite = alice.invite()
        edgeless.advance(FLOW_TIMEOUT + 0.1)
        alice.cancel(invite)
        assert 487 in alice.statuses
        for phone in (new, old):
            assert phone.methods == ["INVITE"]
            phone.answer(phone.requests[0], 180)
            assert phone.methods == ["INVITE", "CANCEL"]

    def test_a_200_that_crosses_is_not_lost_on_the_phone(self, edgeless: World) -> None:
        new, _ = edgeless.flows()
        alice = edgeless.caller()
        invite = alice.invite()
        new.answer(new.requests[0], 180)
        alice.cancel(invite)
        new.accept(new.requests[0])
        assert alice.statuses == [100, 180, 200, 200]


class TestCloseAfter180:
    def test_the_next_flow_at_once(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        new.answer(new.requests[0], 180)
        before = world.now
        new.close()
        assert old.methods == ["INVITE"]
        assert world.now == before
        old.accept(old.requests[0])
        assert alice.statuses == [100, 180, 200]

    def test_the_phone_that_rings_answers_over_a_new_connection(self, edgeless: World) -> None:
        """Responses match by branch, never by the flow they arrive on (§18.2.2)."""
        world = edgeless
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        ringing = new.requests[0]
        new.answer(ringing, 180)
        new.close()
        old.answer(old.requests[0], 482)
        assert alice.statuses == [100, 180]
        world.advance(90)  # it still rings
        world.core.welcome(new)
        new.accept(ringing)
        assert alice.statuses == [100, 180, 200]

    def test_the_only_flow(self, world: World) -> None:
        bob: Phone = world.phone()
        alice = world.caller()
        alice.invite()
        bob.answer(bob.requests[0], 180)
        bob.close()
        assert alice.statuses == [100, 180, 480]


class TestTimerC:
    def test_after_a_180_it_is_cancel_and_487(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        new.answer(new.requests[0], 180)
        world.advance(184.9)
        assert alice.statuses == [100, 180]
        world.advance(0.2)
        assert new.methods == ["INVITE", "CANCEL"]
        assert alice.statuses == [100, 180, 487]
        assert old.methods == []
