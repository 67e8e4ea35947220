"""A flow that says nothing: DESIGN, "When a flow is silent", on one node and behind an edge."""

import pytest
from tests.unit.proxy.world import Phone, World, bind

from ringway.message import Response, parse_datagram

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

    def test_it_counts_while_the_other_has_said_nothing(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        world.advance(FLOW_TIMEOUT + 0.1)
        new.answer(new.requests[0], 180)
        assert new.methods == ["INVITE"]
        old.answer(old.requests[0], 180)
        assert old.methods == ["INVITE", "CANCEL"]
        new.accept(new.requests[0])
        assert alice.statuses == [100, 180, 200]

    def test_it_is_all_that_ever_comes(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        world.advance(FLOW_TIMEOUT + 1)
        new.answer(new.requests[0], 180)
        world.advance(60)
        new.accept(new.requests[0])
        assert alice.statuses == [100, 180, 200]
        assert (new.methods, old.methods.count("INVITE")) == (["INVITE"], 1)


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

    def test_a_late_failure_of_the_phone_is_its_answer(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        world.advance(FLOW_TIMEOUT + 0.1)
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

    def test_a_late_430_still_deletes_its_binding(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        world.advance(FLOW_TIMEOUT + 0.1)
        new.answer(new.requests[0], 430)
        assert [binding.reg_id for binding in world.core.bindings()] == [old.reg_id]
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

    def test_its_late_180_counts(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        world.advance(FLOW_TIMEOUT + 0.1)
        old.answer(old.requests[0], 482)
        new.answer(new.requests[0], 180)
        assert new.methods == ["INVITE"]
        world.advance(60)
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

    def test_from_the_first_flow_it_means_the_second_copy(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        world.advance(FLOW_TIMEOUT + 0.1)
        new.answer(new.requests[0], 482)
        assert alice.statuses == [100]
        old.answer(old.requests[0], 180)
        old.accept(old.requests[0])
        assert alice.statuses == [100, 180, 200]

    def test_after_a_430_it_tells_the_caller_nothing(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        new.answer(new.requests[0], 430)
        old.answer(old.requests[0], 482)
        assert alice.statuses == [100, 480]

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

    def test_while_the_second_is_silent_too(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        invite = alice.invite()
        world.advance(FLOW_TIMEOUT + 0.1)
        alice.cancel(invite)
        assert 487 in alice.statuses
        for phone in (new, old):
            assert phone.methods == ["INVITE"]
            phone.answer(phone.requests[0], 180)
            assert phone.methods == ["INVITE", "CANCEL"]

    def test_a_200_that_crosses_is_not_lost_on_the_phone(self, world: World) -> None:
        new, _ = world.flows()
        alice = world.caller()
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

    def test_the_only_flow(self, edgeless: World) -> None:
        """An edge, which knows of no other way, waits instead: see test_broken_flow.py."""
        bob: Phone = edgeless.phone()
        alice = edgeless.caller()
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

    def test_of_a_first_copy_that_rings_late(self, world: World) -> None:
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        world.advance(FLOW_TIMEOUT + 0.1)
        old.answer(old.requests[0], 482)
        new.answer(new.requests[0], 180)
        world.advance(184.9)
        assert alice.statuses == [100, 180]
        world.advance(0.2)
        assert new.methods == ["INVITE", "CANCEL"]
        assert alice.statuses == [100, 180, 487]


@pytest.fixture(params=["udp", "tcp"])
def edged(request: pytest.FixtureRequest) -> World:
    return World(edge=True, link=str(request.param))


class Link:
    """What goes between the registrar and an edge, from now on."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.start = world.now
        world.carried.clear()

    @property
    def statuses(self) -> list[tuple[float, int]]:
        """What the registrar was told and when."""
        messages = [
            (at, parse_datagram(data))
            for at, to, data in self.world.carried
            if to is self.world.core
        ]
        return [
            (round(at - self.start, 1), message.status)
            for at, message in messages
            if isinstance(message, Response)
        ]

    def copies(self, method: str) -> int:
        """How often the registrar has sent a request."""
        start = method.encode() + b" "
        return sum(
            data.startswith(start)
            for _, to, data in self.world.carried
            if to is not self.world.core
        )


class TestWithheld:
    """While the phone has other flows its edge says 100 only when the phone has spoken."""

    def test_before_the_phone_it_says_nothing(self, edged: World) -> None:
        new, _ = edged.flows()
        link = Link(edged)
        edged.caller().invite()
        edged.advance(1.9)
        assert link.statuses == []
        new.answer(new.requests[0], 180)
        assert link.statuses == [(1.9, 180)]

    def test_a_100_of_the_phone_becomes_one_of_the_edge(self, edged: World) -> None:
        new, _ = edged.flows()
        link = Link(edged)
        edged.caller().invite()
        edged.advance(1)
        new.answer(new.requests[0], 100)
        edged.advance(60)
        assert link.statuses == [(1, 100)]

    def test_an_only_flow_has_its_100_at_once(self, edged: World) -> None:
        edged.phone()
        link = Link(edged)
        edged.caller().invite()
        assert link.statuses == [(0, 100)]

    def test_so_has_the_last_one_when_nobody_else_may_speak(self, edged: World) -> None:
        new, old = edged.flows()
        new.close()
        link = Link(edged)
        edged.caller().invite()
        assert link.statuses == [(0, 430), (0, 100)]
        assert old.methods == ["INVITE"]

    def test_copies_meanwhile_go_no_further(self, edged: World) -> None:
        new, _ = edged.flows()
        link = Link(edged)
        edged.caller().invite()
        edged.advance(1.9)
        assert link.copies("INVITE") == (3 if edged.link == "udp" else 1)
        assert new.methods == ["INVITE"]

    def test_timer_b_ends_it_as_ever(self, edged: World) -> None:
        edged.flows()
        alice = edged.caller()
        link = Link(edged)
        alice.invite()
        edged.advance(70)
        assert next(at for at, status in link.statuses if status == 408) == 32
        assert alice.heard == [100, 408]

    @pytest.mark.parametrize("method", ["MESSAGE", "OPTIONS"])
    def test_other_requests_too(self, edged: World, method: str) -> None:
        new, old = edged.flows()
        alice = edged.caller()
        link = Link(edged)
        alice.request(method)
        edged.advance(5.1)
        assert link.statuses == []
        assert old.methods == [method]
        old.answer(old.requests[0], 482)
        edged.advance(2)
        new.answer(new.requests[0], 200)
        assert alice.statuses[-1] == 200

    def test_a_100_of_the_phone_to_other_requests(self, edged: World) -> None:
        new, old = edged.flows()
        alice = edged.caller()
        link = Link(edged)
        alice.request("MESSAGE")
        edged.advance(1)
        new.answer(new.requests[0], 100)
        edged.advance(20)
        assert link.statuses[0] == ((3.5 if edged.link == "udp" else 1), 100)  # RFC 4320 §4.1
        assert old.methods == []
        new.answer(new.requests[0], 200)
        assert alice.statuses == [100, 200]

    def test_a_late_100_of_the_phone_to_other_requests(self, edged: World) -> None:
        new, old = edged.flows()
        link = Link(edged)
        edged.caller().request("MESSAGE")
        edged.advance(4)
        new.answer(new.requests[0], 100)
        assert link.statuses == [(4, 100)]
        edged.advance(20)
        assert old.methods == []

    def test_a_cancel_waits_for_the_phone(self, edged: World) -> None:
        new, old = edged.flows()
        alice = edged.caller()
        link = Link(edged)
        invite = alice.invite()
        edged.advance(1)
        alice.cancel(invite)
        edged.advance(10)
        assert (link.copies("CANCEL"), new.methods, old.methods) == (0, ["INVITE"], [])
        new.answer(new.requests[0], 100)
        assert (link.copies("CANCEL"), new.methods) == (1, ["INVITE", "CANCEL"])
        new.answer(new.requests[0], 487)
        assert alice.heard == [100, 200, 487]

    def test_a_cancel_for_a_flow_that_was_left(self, edged: World) -> None:
        new, old = edged.flows()
        alice = edged.caller()
        invite = alice.invite()
        edged.advance(FLOW_TIMEOUT + 0.1)
        old.answer(old.requests[0], 180)
        alice.cancel(invite)
        old.answer(old.requests[0], 487)
        assert alice.statuses == [100, 180, 200, 487]
        edged.advance(10)
        assert new.methods == ["INVITE"]
        new.answer(new.requests[0], 180)
        assert new.methods == ["INVITE", "CANCEL"]

    def test_a_cancel_that_never_comes(self, edged: World) -> None:
        """The registrar is gone: the edge stops the phone by its own timer C."""
        new, _ = edged.flows()
        edged.caller().invite()
        edged.advance(1)
        edged.crash(edged.core)
        edged.advance(2)
        new.answer(new.requests[0], 180)
        edged.advance(184.9)
        assert new.methods == ["INVITE"]
        edged.advance(0.2)
        assert new.methods == ["INVITE", "CANCEL"]

    def test_a_silent_phone_whose_connection_closes(self, edged: World) -> None:
        new, old = edged.flows()
        alice = edged.caller()
        alice.invite()
        edged.advance(1)
        new.close()
        assert old.methods == ["INVITE"]
        assert len(edged.core.bindings()) == 1

    def test_one_edge_for_each_flow(self, edged: World) -> None:
        new, old = edged.flows(edged.edge, edged.add_edge("10.0.0.3"))
        alice = edged.caller()
        alice.invite()
        edged.advance(FLOW_TIMEOUT + 0.1)
        old.answer(old.requests[0], 482)
        edged.advance(1)
        new.answer(new.requests[0], 180)
        new.accept(new.requests[0])
        assert alice.statuses == [100, 180, 200]

    def test_three_flows(self, edged: World) -> None:
        phones = edged.flows(count=3)
        alice = edged.caller()
        alice.invite()
        edged.advance(2 * FLOW_TIMEOUT + 0.1)
        assert [phone.methods for phone in phones] == [["INVITE"]] * 3
        phones[2].answer(phones[2].requests[0], 482)
        edged.advance(1)
        phones[0].answer(phones[0].requests[0], 180)
        phones[0].accept(phones[0].requests[0])
        assert alice.statuses == [100, 180, 200]

    def test_an_edge_before_an_edge(self, edged: World) -> None:
        """The Path names only the one that has the phone, so nobody between says 100."""
        front = edged.add_edge("10.0.0.3", before=edged.edge)
        new, old = edged.flows(front, front)
        alice = edged.caller()
        link = Link(edged)
        alice.invite()
        edged.advance(FLOW_TIMEOUT + 0.1)
        assert link.statuses == []
        old.answer(old.requests[0], 482)
        new.answer(new.requests[0], 180)
        new.accept(new.requests[0])
        assert alice.statuses == [100, 180, 200]

    def test_over_udp_the_first_copy_is_repeated_and_never_rings_beside_the_other(
        self, edged: World
    ) -> None:
        """Unlike one node, the edge does not know that its flow was left."""
        new, old = edged.flows(transport="udp")
        alice = edged.caller()
        alice.invite()
        edged.advance(FLOW_TIMEOUT + 0.1)
        old.answer(old.requests[0], 180)
        sent = len(new.methods)
        edged.advance(10)
        assert len(new.methods) > sent
        new.answer(new.requests[0], 180)
        assert new.methods[-1] == "CANCEL"
        new.answer(new.requests[0], 487)
        old.accept(old.requests[0])
        assert alice.statuses == [100, 180, 200]

    def test_a_100_of_a_proxy_between_still_stops_the_clock(self) -> None:
        """A proxy of another make, in the Path before the edge, does not know the mark."""
        world = World()
        between = world.core.peer("udp", "10.9.9.1")
        _, second = (world.core.peer("udp", f"10.9.9.{n}") for n in (2, 3))
        bind(
            world,
            (f"sip:token@{second.address.host};lr;ob",),
            (f"sip:{between.address.host};lr", "sip:token@10.9.9.2;lr;ob"),
        )
        world.caller().invite()
        between.answer(between.requests[0], 100)
        world.advance(31)
        assert second.methods == []
        between.answer(between.requests[0], 408)
        assert second.methods == ["INVITE"]
