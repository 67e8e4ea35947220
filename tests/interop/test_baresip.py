"""baresip with two flows over TCP: one is lost, calls still arrive."""

import re
from collections.abc import Iterator

import pytest
from tests.interop.lab import Lab
from tests.interop.network import Namespace
from tests.interop.phones import baresip
from tests.interop.programs import Program
from tests.interop.servers import DOMAIN, STAND_IN, Server
from tests.interop.wire import Agent, Call

PEERS = ("baresip", "sipp")
ALICE = {"user": "alice"}


@pytest.fixture
def net() -> Iterator[Namespace]:
    with Namespace() as namespace:
        yield namespace


@pytest.fixture
def node(lab: Lab, net: Namespace) -> Server:
    """One server with two TCP listeners."""
    return lab.server(["udp", "tcp", "tcp"], host=net.outside)


@pytest.fixture
def phone(lab: Lab, net: Namespace, node: Server) -> Program:
    program = baresip(lab, net, "alice", [node.uri("tcp", 0), node.uri("tcp", 1)])
    both_registered(program)
    lab.wait_bindings(node, "alice", 2)
    return program


def both_registered(phone: Program) -> None:
    phone.wait_for(r"\{\d/TCP/v4\} 200 OK")
    phone.wait_for(r"\{\d/TCP/v4\} 200 OK")


def cut(net: Namespace, node: Server, number: int) -> None:
    """Destroy the connection of one flow; the kernel resets both its ends."""
    port = node.place("tcp", number)[1]
    assert net.cut(port).count("ESTAB") == 1


def test_both_flows_and_a_call(lab: Lab, phone: Program, node: Server) -> None:
    registered = " ".join(lab.bindings(node, "alice"))
    assert "reg-id=1" in registered
    assert "reg-id=2" in registered
    assert phone.said(r"^Require: outbound", 2)
    lab.sipp("caller.xml", node, keys=ALICE).passed()
    assert phone.said(r"^INVITE ")


RECOVERS = pytest.mark.skipif(STAND_IN, reason="Kamailio does not try the next flow at once")


@RECOVERS
@pytest.mark.parametrize("number", [0, 1])
def test_call_after_one_connection_is_cut(
    lab: Lab, net: Namespace, phone: Program, node: Server, number: int
) -> None:
    cut(net, node, number)
    lab.sipp("caller.xml", node, keys=ALICE).passed()
    assert phone.said(r"^INVITE ")


@RECOVERS
def test_hang_up_after_the_calls_connection_is_cut(
    lab: Lab, net: Namespace, phone: Program, node: Server
) -> None:
    with Agent("udp", node.place("udp"), user="caller") as agent:
        call = Call(agent, f"sip:alice@{DOMAIN}")
        assert call.invite().status == 200
        call.ack()
        phone.wait_for(r"^ACK ")
        assert net.cut(invite_came_from(phone)).count("ESTAB") == 1
        assert call.bye().status == 200
    assert phone.said(r"^BYE ")


def invite_came_from(phone: Program) -> int:
    """The server's port of the flow the INVITE came over, from baresip's trace."""
    found = re.search(r"^TCP \S+:(\d+) -> \S+\nINVITE ", phone.text, re.MULTILINE)
    assert found is not None
    return int(found[1])


@pytest.fixture
def registrar(lab: Lab, net: Namespace) -> Server:
    return lab.server(["udp"], role="registrar", host=net.outside)


@pytest.fixture
def edges(lab: Lab, net: Namespace, registrar: Server) -> list[Server]:
    """Two edges in front of the registrar."""
    return [
        lab.server(["udp", "tcp"], role="edge", registrar=registrar, host=net.outside)
        for _ in range(2)
    ]


@pytest.fixture
def phone_at_edges(lab: Lab, net: Namespace, registrar: Server, edges: list[Server]) -> Program:
    program = baresip(lab, net, "alice", [edge.uri("tcp") for edge in edges])
    both_registered(program)
    lab.wait_bindings(registrar, "alice", 2)
    return program


@pytest.mark.parametrize("number", [0, 1])
def test_call_after_an_edge_is_killed(
    lab: Lab, registrar: Server, edges: list[Server], phone_at_edges: Program, number: int
) -> None:
    lab.sipp("caller.xml", registrar, keys=ALICE).passed()
    edges[number].kill()
    lab.sipp("caller.xml", registrar, keys=ALICE).passed()
    assert phone_at_edges.said(r"^INVITE ", 2)


@RECOVERS
def test_hang_up_after_the_calls_edge_is_killed(
    registrar: Server, edges: list[Server], phone_at_edges: Program
) -> None:
    with Agent("udp", registrar.place("udp"), user="caller") as agent:
        call = Call(agent, f"sip:alice@{DOMAIN}")
        assert call.invite().status == 200
        call.ack()
        phone_at_edges.wait_for(r"^ACK ")
        port = invite_came_from(phone_at_edges)
        next(edge for edge in edges if edge.place("tcp")[1] == port).kill()
        assert call.bye().status == 200
    assert phone_at_edges.said(r"^BYE ")
