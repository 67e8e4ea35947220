"""A request within a call to a phone that is silent behind its edge (DESIGN, promise 4).

The registrar marks the Route that leads to the edge when the phone has another flow.
"""

import pytest
from tests.unit.proxy.world import Dialog, Node, Phone, World

from ringway.transport.token import KEY_LENGTH

OTHER_KEYS = {2: bytes(range(KEY_LENGTH))[::-1]}
WAITS = {"INVITE": 2.0, "INFO": 5.0, "BYE": 5.0}


@pytest.fixture(params=["udp", "tcp"])
def world(request: pytest.FixtureRequest) -> World:
    return World(edge=True, link=str(request.param))


class Call:
    """Alice talks to bob, whose phone has answered over its newest flow."""

    def __init__(self, world: World, *nodes: Node, flows: int = 2) -> None:
        self.world = world
        self.bob, *self.others = world.flows(*nodes, count=flows)
        self.alice = world.caller()
        self.alice.invite()
        self.bob.accept(self.bob.requests[0])
        self.dialog = Dialog.of_caller(self.alice.responses[-1])
        self.alice.within(self.dialog, "ACK", cseq=1)
        self.bob.take()

    def other(self) -> Phone:
        (other,) = self.others
        return other


@pytest.mark.parametrize("method", WAITS)
class TestSilentPhone:
    def test_its_other_flow(self, world: World, method: str) -> None:
        call = Call(world)
        call.alice.within(call.dialog, method)
        world.advance(WAITS[method] - 0.1)
        assert call.other().methods == []
        world.advance(0.2)
        assert call.other().methods == [method]
        call.other().accept(call.other().requests[0])
        assert call.alice.statuses[-1] == 200

    def test_its_flow_at_another_edge(self, world: World, method: str) -> None:
        call = Call(world, world.edge, world.add_edge("10.0.0.3"))
        call.alice.within(call.dialog, method)
        world.advance(WAITS[method] + 0.1)
        assert call.other().methods == [method]
        call.other().accept(call.other().requests[0])
        assert call.alice.statuses[-1] == 200

    def test_one_that_is_only_slow(self, world: World, method: str) -> None:
        call = Call(world)
        call.alice.within(call.dialog, method)
        world.advance(WAITS[method] + 0.1)
        call.other().answer(call.other().requests[0], 482)
        world.advance(1)
        call.bob.accept(call.bob.requests[0])
        assert call.alice.statuses[-1] == 200

    def test_an_only_flow_gets_one_copy(self, world: World, method: str) -> None:
        """The way of its registration leads over the flow that the Route names."""
        call = Call(world, flows=1)
        call.alice.within(call.dialog, method)
        world.advance(31)
        assert call.bob.methods == [method]
        call.bob.accept(call.bob.requests[0])
        assert call.alice.statuses[-1] == 200

    def test_an_edge_whose_tokens_cannot_be_read(self, method: str) -> None:
        """Whether the other way is the same flow is not known: no mark, the edge's 100 counts."""
        world = World(edge=True, edge_keys=OTHER_KEYS)
        call = Call(world, flows=1)
        call.alice.within(call.dialog, method)
        world.advance(4.9)
        assert call.bob.methods == [method]


def test_what_the_edge_gets_is_marked(world: World) -> None:
    call = Call(world)
    world.carried.clear()
    call.alice.within(call.dialog, "INFO")
    assert any(b";flow-alt>" in data for _, to, data in world.carried if to is world.edge)
    assert not call.bob.requests[0].has("route")


def test_an_only_flow_is_not_marked(world: World) -> None:
    call = Call(world, flows=1)
    world.carried.clear()
    call.alice.within(call.dialog, "INFO")
    assert world.carried
    assert not any(b"flow-alt" in data for _, _, data in world.carried)
