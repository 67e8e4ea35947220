"""A flow or a connection that breaks while the phone rings: the phone has the call.

RFC 3261 §18.2.2: its answer comes over a new connection, and finds its branch.
"""

import pytest
from tests.unit.proxy.world import Phone, World, bind

ONCE_RUNG = 184.9
"""Just before timer C."""


@pytest.fixture(params=["udp", "tcp"])
def edged(request: pytest.FixtureRequest) -> World:
    return World(edge=True, link=str(request.param))


@pytest.fixture
def linked() -> World:
    return World(edge=True, link="tcp")


class Ringing:
    """Alice calls bob, whose phone rings over the first of its flows."""

    def __init__(self, world: World, *, flows: int = 1) -> None:
        self.world = world
        self.bob, *self.others = world.flows(count=flows)
        self.alice = world.caller(node=world.edge)
        self.invite = self.alice.invite()
        self.copy = self.bob.requests[0]
        self.bob.answer(self.copy, 180)

    def back(self) -> Phone:
        """The phone connects again, as somebody who has something to say."""
        self.world.edge.welcome(self.bob)
        return self.bob

    @property
    def heard(self) -> list[int]:
        """What Alice was told, without a 100."""
        return [status for status in self.alice.statuses if status != 100]

    def contexts(self) -> list[int]:
        return [len(node.proxy) for node in self.world.nodes]


class TestLink:
    """The connection between an edge and the registrar is reset while a phone rings."""

    def test_the_answer_reaches_the_caller(self, linked: World) -> None:
        call = Ringing(linked)
        linked.break_links()
        linked.advance(60)
        assert call.heard == [180]
        call.bob.accept(call.copy)
        assert call.heard == [180, 200]

    def test_so_does_a_refusal(self, linked: World) -> None:
        call = Ringing(linked)
        linked.break_links()
        call.bob.answer(call.copy, 486)
        assert call.heard == [180, 486]
        assert call.bob.methods == ["INVITE", "ACK"]
        linked.advance(33)
        assert [node.endpoint.transactions for node in linked.nodes] == [0, 0]

    def test_a_cancel_reaches_the_phone(self, linked: World) -> None:
        call = Ringing(linked)
        linked.break_links()
        call.alice.cancel(call.invite)
        assert call.bob.methods == ["INVITE", "CANCEL"]
        call.bob.answer(call.bob.requests[1], 200)
        call.bob.answer(call.copy, 487)
        assert call.heard == [180, 200, 487]

    def test_a_second_copy_is_not_sent(self, linked: World) -> None:
        call = Ringing(linked, flows=2)
        linked.break_links()
        linked.advance(10)
        assert call.others[0].methods == []

    def test_before_the_phone_has_spoken_it_is(self, linked: World) -> None:
        new, old = linked.flows()
        alice = linked.caller()
        alice.invite()
        linked.break_links()
        assert (new.methods, old.methods) == (["INVITE"], ["INVITE"])

    def test_an_edge_that_has_crashed_is_not_waited_for(self, linked: World) -> None:
        new, old = linked.flows(linked.edge, linked.add_edge("10.0.0.3"))
        alice = linked.caller()
        alice.invite()
        ringing, other = (new, old) if new.requests else (old, new)
        ringing.answer(ringing.requests[0], 180)
        linked.crash(ringing.harness)  # type: ignore[arg-type]
        assert other.methods == ["INVITE"]
        other.accept(other.requests[0])
        assert alice.statuses == [100, 180, 200]

    def test_nor_a_registrar(self, linked: World) -> None:
        call = Ringing(linked)
        linked.crash(linked.core)
        assert call.heard == [180, 500]


class TestFlowAtAnEdge:
    """The phone's own flow breaks at its edge, after it rang."""

    def test_its_answer_reaches_the_caller(self, edged: World) -> None:
        call = Ringing(edged)
        call.bob.close()
        edged.advance(60)
        assert call.heard == [180]
        call.back().accept(call.copy)
        assert call.heard == [180, 200]

    def test_so_does_a_refusal(self, edged: World) -> None:
        call = Ringing(edged)
        call.bob.close()
        call.back().answer(call.copy, 486)
        assert call.heard == [180, 486]
        assert call.bob.methods == ["INVITE", "ACK"]

    def test_a_phone_that_does_not_come_back(self, edged: World) -> None:
        call = Ringing(edged)
        call.bob.close()
        edged.advance(ONCE_RUNG)
        assert call.heard == [180]
        edged.advance(0.2)
        assert call.heard == [180, 487]
        edged.advance(33)
        assert call.contexts() == [0, 0]
        assert [node.endpoint.transactions for node in edged.nodes] == [0, 0]

    def test_its_next_flow_is_tried_at_once(self, edged: World) -> None:
        call = Ringing(edged, flows=2)
        before = edged.now
        call.bob.close()
        assert call.others[0].methods == ["INVITE"]
        assert edged.now == before
        assert [binding.reg_id for binding in edged.core.bindings()] == [call.others[0].reg_id]

    def test_a_482_there_means_the_copy_that_rings(self, edged: World) -> None:
        call = Ringing(edged, flows=2)
        call.bob.close()
        call.others[0].answer(call.others[0].requests[0], 482)
        edged.advance(90)
        assert call.heard == [180]
        call.back().accept(call.copy)
        assert call.heard == [180, 200]

    def test_a_refusal_of_the_copy_that_rings(self, edged: World) -> None:
        call = Ringing(edged, flows=2)
        call.bob.close()
        call.others[0].answer(call.others[0].requests[0], 482)
        call.back().answer(call.copy, 603)
        assert call.heard == [180, 603]

    def test_it_answers_before_the_next_flow_has_spoken(self, edged: World) -> None:
        call = Ringing(edged, flows=2)
        call.bob.close()
        call.back().accept(call.copy)
        assert call.heard == [180, 200]

    @pytest.mark.parametrize("status", [200, 486])
    def test_what_the_next_flow_answers_counts(self, edged: World, status: int) -> None:
        """A phone that does not know the two for one."""
        call = Ringing(edged, flows=2)
        call.bob.close()
        call.others[0].answer(call.others[0].requests[0], 180)
        call.others[0].accept(call.others[0].requests[0], status)
        assert call.heard == [180, 180, status]
        call.back().answer(call.copy, 180)
        assert call.bob.methods == ["INVITE", "CANCEL"]
        assert call.contexts() == [0, 0]

    def test_a_cancel_ends_it_at_once(self, edged: World) -> None:
        call = Ringing(edged)
        call.bob.close()
        call.alice.cancel(call.invite)
        assert call.heard == [180, 200, 487]
        assert call.contexts() == [0, 0]
        call.back().answer(call.copy, 180)
        assert call.bob.methods == ["INVITE", "CANCEL"]

    def test_so_does_one_after_a_482(self, edged: World) -> None:
        call = Ringing(edged, flows=2)
        call.bob.close()
        call.others[0].answer(call.others[0].requests[0], 482)
        call.alice.cancel(call.invite)
        assert call.heard == [180, 200, 487]
        assert call.contexts() == [0, 0]

    @pytest.mark.parametrize("end", ["silence", "close", 430])
    def test_when_its_other_flow_fails_it_is_waited_for(self, edged: World, end: str | int) -> None:
        call = Ringing(edged, flows=2)
        call.bob.close()
        other = call.others[0]
        if end == "close":
            other.close()
        elif isinstance(end, int):
            other.answer(other.requests[0], end)
        edged.advance(60)
        assert call.heard == [180]
        call.back().accept(call.copy)
        assert call.heard == [180, 200]

    def test_when_the_other_flow_was_tried_before(self, edged: World) -> None:
        new, old = edged.flows()
        alice = edged.caller()
        alice.invite()
        edged.advance(2.1)
        old.answer(old.requests[0], 180)
        old.close()
        edged.advance(60)
        assert alice.statuses == [100, 180]
        edged.edge.welcome(old)
        old.accept(old.requests[0])
        assert alice.statuses == [100, 180, 200]
        assert new.methods == ["INVITE"]

    def test_the_word_of_an_edge_that_was_left_already(self) -> None:
        world = World()
        edges = [world.core.peer("udp", f"10.9.9.{n}") for n in (1, 2)]
        bind(world, *[(f"sip:token@{edge.address.host};lr;ob",) for edge in edges])
        alice = world.caller()
        alice.invite()
        first, second = edges[::-1]
        world.advance(2.1)
        second.answer(second.requests[0], 180)
        first.answer(first.requests[0], 199, headers=[("Reason", "SIP;cause=430")])
        second.answer(second.requests[0], 486)
        assert alice.statuses == [100, 180, 486]
        assert first.methods[-1] == "CANCEL"

    def test_a_phone_that_had_not_rung_costs_no_time(self, edged: World) -> None:
        bob = edged.phone()
        alice = edged.caller()
        alice.invite()
        bob.answer(bob.requests[0], 100)
        bob.close()
        assert alice.statuses == [100, 480]

    def test_a_199_of_somebody_behind_the_phone_is_his(self, edged: World) -> None:
        """An early dialog that ends at a fork downstream (RFC 6228)."""
        call = Ringing(edged, flows=2)
        for reason in ("SIP;cause=486", "SIP;cause=503", "Q.850;cause=20", "SIP;cause=none"):
            call.bob.answer(call.copy, 199, headers=[("Reason", reason)])
        assert call.others[0].methods == []
        assert call.heard == [180, 199, 199, 199, 199]


class TestFlowAtOneNode:
    def test_a_cancel_while_a_broken_copy_is_waited_for(self) -> None:
        world = World()
        call = Ringing(world, flows=2)
        call.bob.close()
        call.others[0].answer(call.others[0].requests[0], 482)
        call.alice.cancel(call.invite)
        assert call.heard == [180, 200, 487]
        assert len(world.core.proxy) == 0

    def test_when_it_has_come_back_the_cancel_waits_for_its_487(self) -> None:
        world = World()
        call = Ringing(world, flows=2)
        call.bob.close()
        call.others[0].answer(call.others[0].requests[0], 482)
        call.back().answer(call.copy, 180)
        call.alice.cancel(call.invite)
        assert call.bob.methods == ["INVITE", "CANCEL"]
        assert call.heard == [180, 180, 200]
        call.bob.answer(call.copy, 487)
        assert call.heard == [180, 180, 200, 487]
