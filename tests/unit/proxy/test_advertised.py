"""A whole call through a server that is reached at another address than it listens on."""

import pytest
from tests.unit.proxy.world import DOMAIN, Dialog, World, listeners

from ringway.endpoint import Listener
from ringway.transport.flow import Address

NAT = "203.0.113.5"


@pytest.fixture
def world() -> World:
    behind = [
        Listener(each.transport, each.address, Address(NAT, each.address.port + 1000))
        for each in listeners("10.0.0.1")
    ]
    return World(listeners=tuple(behind))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_to_its_end(world: World, transport: str) -> None:
    bob = world.phone(transport=transport)
    alice = world.caller(transport=transport)
    invite = alice.invite()
    got = bob.requests[0]
    assert (got.vias[0].host, got.vias[0].port) == (NAT, 6060)
    assert all(f"@{NAT}:6060" in value for value in got.values("record-route"))
    assert not any("10.0.0.1" in value for value in got.values("record-route"))
    bob.accept(got)
    answer = alice.responses[-1]
    caller, callee = Dialog.of_caller(answer), Dialog.of_callee(got, answer)
    alice.within(caller, "ACK", cseq=invite.cseq.number)
    alice.within(caller, "INFO")
    bob.answer(bob.last, 200)
    bob.within(callee, "BYE")
    alice.answer(alice.last, 200)
    assert bob.methods == ["INVITE", "ACK", "INFO"]
    assert alice.methods == ["BYE"]
    assert (alice.statuses, bob.statuses) == ([100, 200, 200], [200])
    assert not any(request.has("route") for request in (*bob.requests, *alice.requests))


def test_the_address_means_the_server(world: World) -> None:
    bob = world.phone()
    alice = world.caller()
    alice.request("OPTIONS", f"sip:{NAT}:6060")
    assert alice.statuses == [200]
    alice.invite(f"sip:bob@{DOMAIN}", headers=[("Route", f"<sip:{NAT}:6060;lr>")])
    assert bob.methods == ["INVITE"]
