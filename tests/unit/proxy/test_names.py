"""One user has one name, by whichever host of ours: domain, alias, address, with a dot or not."""

import pytest
from tests.unit.proxy.world import DOMAIN, World

HOSTS = (DOMAIN, f"{DOMAIN}.", "pbx.alias", "10.0.0.1", "10.0.0.1:5060")


@pytest.fixture
def world() -> World:
    return World(aliases=("pbx.alias",))


@pytest.mark.parametrize("host", HOSTS)
def test_a_call_by_any_name_arrives(world: World, host: str) -> None:
    bob = world.phone()
    world.caller().invite(f"sip:bob@{host}")
    assert bob.methods == ["INVITE"]


@pytest.mark.parametrize("host", HOSTS)
def test_a_phone_may_register_by_any_name(world: World, host: str) -> None:
    phone = world.caller("eve", "10.0.5.1", transport="tcp")
    user = f"sip:eve@{host}"
    contact = [("Contact", "<sip:eve@10.0.5.1>")]
    phone.request(
        "REGISTER", f"sip:{host}", from_=f"<{user}>;tag=1", to=f"<{user}>", headers=contact
    )
    assert phone.statuses == [200]
    (binding,) = world.core.bindings("eve")
    assert (binding.aor, binding.flow) == (f"sip:eve@{DOMAIN}", phone.flow)
    world.caller().invite("eve")
    assert phone.methods == ["INVITE"]


def test_a_redirect_stands_for_every_name(world: World) -> None:
    world.redirect("bob", "sip:bob@hotel.example")
    alice = world.caller()
    alice.invite("sip:bob@pbx.alias")
    assert alice.statuses == [302]


def test_another_port_of_our_machine_is_another_server(world: World) -> None:
    world.phone()
    alice = world.caller()
    alice.invite("sip:bob@10.0.0.1:5090")
    assert alice.statuses == [403]
