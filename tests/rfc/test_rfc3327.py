"""RFC 3327 §5.3: Path, the registrar's side."""

from typing import Any

import pytest
from tests.unit.registrar.harness import BEHIND_EDGE, CONTACT, World

P3 = "<sip:P3.EXAMPLEHOME.COM;lr>"
P1 = "<sip:P1.EXAMPLEVISITED.COM;lr>"


class TestSection5_3:
    @pytest.mark.clause("RFC3327-5.3-1")
    @pytest.mark.parametrize("headers", [[f"Path: {P3},{P1}"], [f"Path: {P3}", f"Path: {P1}"]])
    def test_path_is_stored_in_order(self, headers: list[str]) -> None:
        world = World()
        world.register(CONTACT, vias=BEHIND_EDGE, headers=headers)
        (binding,) = world.bindings()
        assert binding.path == ("sip:P3.EXAMPLEHOME.COM;lr", "sip:P1.EXAMPLEVISITED.COM;lr")
        assert binding.flow is None
        assert binding.durable

    @pytest.mark.clause("RFC3327-5.3-1")
    def test_a_refresh_over_another_path_replaces_it(self) -> None:
        world = World()
        world.register(CONTACT, vias=BEHIND_EDGE, headers=[f"Path: {P3}"])
        world.register(CONTACT, vias=BEHIND_EDGE, headers=[f"Path: {P1}"], cseq=2)
        assert [each.path for each in world.bindings()] == [("sip:P1.EXAMPLEVISITED.COM;lr",)]

    @pytest.mark.clause("RFC3327-5.3-2")
    def test_the_2xx_returns_path(self) -> None:
        headers = [f'Path: "edge" {P3};x=y , {P1}']
        response = World().register(CONTACT, vias=BEHIND_EDGE, headers=headers)
        assert response.values("path") == (f'"edge" {P3};x=y', P1)

    @pytest.mark.clause("RFC3327-5.3-2")
    def test_nothing_else_returns_path(self) -> None:
        world = World()
        response = world.register(f"{CONTACT};expires=1", vias=BEHIND_EDGE, headers=[f"Path: {P1}"])
        assert (response.status, response.has("path")) == (423, False)
        assert not world.register(CONTACT).has("path")

    @pytest.mark.clause("RFC3327-5.3-3")
    def test_path_for_a_phone_without_path_is_taken(self) -> None:
        world = World()
        response = world.register(
            CONTACT, vias=BEHIND_EDGE, headers=[f"Path: {P1}"], supported="outbound"
        )
        assert response.status == 200
        assert world.bindings()[0].path != ()

    @pytest.mark.clause("RFC3327-5.3-3")
    def test_or_refused_by_policy(self) -> None:
        world = World(require_path_support=True)
        given: dict[str, Any] = {"vias": BEHIND_EDGE, "headers": [f"Path: {P1}"]}
        response = world.register(CONTACT, supported="outbound", **given)
        assert (response.status, response.values("unsupported")) == (420, ("path",))
        assert world.bindings() == ()
        assert world.register(CONTACT, supported="path", **given).status == 200
