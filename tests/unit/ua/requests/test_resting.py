"""Servers that want to be left alone (RFC 3261 §21.5.4)."""

from ringway.transport.flow import Address, Flow, NextHop
from ringway.ua.requests.resting import Resting

HOP = NextHop("tcp", Address("10.0.0.2", 5060), "bob.example")


def test_for_the_time_it_asked_for() -> None:
    resting = Resting()
    assert resting.left(HOP, 100.0) == 0.0
    resting.rest(HOP, 30, 100.0)
    assert resting.left(HOP, 110.0) == 20.0
    assert resting.left(HOP, 130.0) == 0.0
    assert len(resting) == 0


def test_a_server_is_the_same_by_whatever_it_is_reached() -> None:
    resting = Resting()
    resting.rest(Flow("tcp", Address("10.0.0.1", 4000), HOP.address, 3), 30, 100.0)
    assert resting.left(HOP._replace(name="other.example"), 100.0) == 30.0


def test_another_transport_or_port_is_another_server() -> None:
    resting = Resting()
    resting.rest(HOP, 30, 100.0)
    assert resting.left(HOP._replace(transport="udp"), 100.0) == 0.0
    assert resting.left(HOP._replace(address=Address("10.0.0.2", 5070)), 100.0) == 0.0


def test_it_is_bounded() -> None:
    resting = Resting()
    for number in range(1100):
        resting.rest(HOP._replace(address=Address("10.0.0.2", number)), 30, 100.0)
    assert len(resting) == 1000
    resting.rest(HOP, 30, 200.0)
    assert len(resting) == 1
    assert resting.left(HOP, 200.0) == 30.0
