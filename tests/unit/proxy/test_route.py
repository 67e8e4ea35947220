"""Routes of ours that are taken off a request."""

import pytest
from tests.unit.proxy.world import World

from ringway.proxy.route import MAX_OWN_ROUTES


class TestOwnRoutes:
    @pytest.mark.parametrize(
        ("count", "statuses"), [(MAX_OWN_ROUTES, [100]), (MAX_OWN_ROUTES + 1, [400])]
    )
    def test_only_so_many_in_a_row(self, count: int, statuses: list[int]) -> None:
        world = World()
        bob = world.phone()
        alice = world.caller()
        alice.invite(headers=[("Route", ", ".join(["<sip:10.0.0.1;lr>"] * count))])
        assert alice.statuses == statuses
        assert bob.methods == ["INVITE"] * (statuses == [100])

    def test_an_ack_with_more_is_dropped(self) -> None:
        world = World()
        alice = world.caller()
        routes = ", ".join(["<sip:10.0.0.1;lr>"] * 9)
        alice.request(
            "ACK", "sip:bob@10.9.9.9", to="<sip:bob@x>;tag=1", headers=[("Route", routes)]
        )
        assert "too many Routes" in world.core.decisions[-1].text
