"""What a 482 of the later flow leads to: the earlier copy is asked for again, and not for ever."""

import pytest
from tests.unit.proxy.world import World

FLOW_TIMEOUT = 2.0


@pytest.fixture
def world() -> World:
    return World()


class TestLost180:
    """The phone rings with the first copy, and its 180 was lost."""

    def test_it_is_asked_for(self, world: World) -> None:
        new, old = world.flows(transport="udp")
        alice = world.caller()
        alice.invite()
        world.advance(FLOW_TIMEOUT + 0.1)
        old.answer(old.requests[0], 482)
        sent = len(new.methods)
        world.advance(0.6)
        assert len(new.methods) == sent + 1
        assert new.requests[-1].top_via.branch == new.requests[0].top_via.branch
        new.answer(new.requests[-1], 180)
        world.advance(100)
        new.accept(new.requests[0])
        assert alice.statuses == [100, 180, 200]
        assert len(new.methods) == sent + 1

    def test_behind_an_edge(self) -> None:
        """It was lost between the edge and the registrar, over datagrams."""
        world = World(edge=True)
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        world.advance(FLOW_TIMEOUT - 0.1)
        wire = world.edge.peers.pop(("udp", world.core.udp))
        new.answer(new.requests[0], 180)
        world.edge.peers["udp", world.core.udp] = wire
        world.advance(0.2)
        old.answer(old.requests[0], 482)
        world.advance(0.6)
        assert alice.statuses == [100, 180]
        assert new.methods == ["INVITE"]

    def test_a_message_is_asked_for_too(self, world: World) -> None:
        new, old = world.flows(transport="udp")
        alice = world.caller()
        alice.request("MESSAGE")
        world.advance(5.1)
        old.answer(old.requests[0], 482)
        sent = len(new.methods)
        world.advance(0.6)
        assert len(new.methods) == sent + 1
        new.answer(new.requests[-1], 200)
        assert alice.statuses[-1] == 200

    def test_who_was_heard_is_left_alone(self, world: World) -> None:
        """It rang, then an ICMP error broke its flow."""
        new, old = world.flows(transport="udp")
        alice = world.caller()
        alice.invite()
        new.answer(new.requests[0], 180)
        new.unreachable()
        old.answer(old.requests[0], 482)
        world.advance(100)
        assert new.methods == ["INVITE"]
        new.accept(new.requests[0])
        assert alice.statuses == [100, 180, 200]


class TestBound:
    """The first copy is dead, and the phone comes back over one flow after another."""

    def test_one_that_says_nothing_is_waited_for_once(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        world.advance(FLOW_TIMEOUT + 0.1)
        old.answer(old.requests[0], 482)
        third = world.phone(reg_id=3, instance=new.instance)
        world.advance(31.9)
        assert alice.statuses == [100]
        world.advance(0.2)
        assert alice.heard == [100, 408]
        assert third.methods == []
        world.advance(33)
        assert world.core.endpoint.transactions == 0

    def test_one_whose_flow_closed_too(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        new.close()
        old.answer(old.requests[0], 482)
        third = world.phone(reg_id=3, instance=new.instance)
        world.advance(32.1)
        assert alice.heard == [100, 408]
        assert third.methods == []

    def test_one_that_rang_until_timer_c(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        new.answer(new.requests[0], 180)
        new.close()
        world.advance(1)
        old.answer(old.requests[0], 482)
        third = world.phone(reg_id=3, instance=new.instance)
        world.advance(183.9)
        assert alice.heard == [100, 180]
        world.advance(1.2)
        assert alice.heard == [100, 180, 487]
        assert third.methods == []

    def test_one_whose_flow_closes_while_it_is_waited_for(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        world.advance(FLOW_TIMEOUT + 0.1)
        old.answer(old.requests[0], 482)
        third = world.phone(reg_id=3, instance=new.instance)
        new.close()
        assert third.methods == ["INVITE"]
        third.answer(third.requests[0], 482)
        world.core.welcome(new)
        new.accept(new.requests[0])
        assert alice.statuses == [100, 200]
