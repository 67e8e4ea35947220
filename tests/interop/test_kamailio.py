"""Kamailio as registrar behind our edges, and as edges before our registrar."""

import select
from collections.abc import Iterator

import pytest
from tests.interop.lab import Lab, Sipp
from tests.interop.phones import event, jssip
from tests.interop.servers import DOMAIN, STAND_IN, Server
from tests.interop.wire import Agent, Call, Reply

PEERS = ("kamailio", "jssip", "sipp")
INSTANCE = "urn:uuid:0c1d6e5a-6b54-4c8f-9d2e-7a5b3f1c9e02"
ALICE = {"user": "alice"}


class Home:
    """A registrar, two edges, and a phone with a flow to each edge."""

    def __init__(self, registrar: Server, edges: list[Server]) -> None:
        self.registrar = registrar
        self.edges = edges
        self.flows = [Agent("tcp", edge.place("tcp"), user="alice") for edge in edges]

    def register(self) -> list[Reply]:
        return [
            flow.register(reg_id=number, instance=INSTANCE, contact=flow.contact + ";ob")
            for number, flow in enumerate(self.flows, start=1)
        ]

    def drop(self, number: int) -> None:
        self.flows[number].close()

    def close(self) -> None:
        for flow in self.flows:
            flow.close()


@pytest.fixture
def kamailio_registrar(lab: Lab) -> Iterator[Home]:
    registrar = lab.kamailio("registrar.cfg", ["udp"])
    home = Home(registrar, [lab.server(role="edge", registrar=registrar) for _ in range(2)])
    yield home
    home.close()


@pytest.fixture
def kamailio_edges(lab: Lab) -> Iterator[Home]:
    registrar = lab.server(["udp"], role="registrar")
    edges = [lab.kamailio("edge.cfg", registrar=registrar) for _ in range(2)]
    home = Home(registrar, edges)
    yield home
    home.close()


def is_registered(lab: Lab, home: Home) -> None:
    for reply in home.register():
        assert reply.status == 200
        assert "outbound" in reply.get("Require")
    contacts = lab.bindings(home.registrar, "alice")
    assert sorted("reg-id=1" in contact for contact in contacts) == [False, True]


def take_call(home: Home, caller: Sipp) -> int:
    """Answer the call on the flow it comes over, to its end; the number of that flow."""
    ready, _, _ = select.select([flow for flow in home.flows if flow.fileno() >= 0], [], [], 10)
    assert ready, f"no flow was called\n{caller.saw()}"
    flow: Agent = ready[0]
    flow.take_call()
    flow.take("BYE")
    caller.passed()
    return home.flows.index(flow)


def test_kamailio_registrar_tries_the_other_flow_on_our_430(
    lab: Lab, kamailio_registrar: Home
) -> None:
    home = kamailio_registrar
    is_registered(lab, home)
    asked_first = take_call(home, lab.sipp("caller.xml", home.registrar, keys=ALICE))
    home.drop(asked_first)
    caller = lab.sipp("caller.xml", home.registrar, keys=ALICE)
    assert take_call(home, caller) == 1 - asked_first
    home.registrar.program.wait_for(r"next flow after 430")
    home.drop(1 - asked_first)
    with Agent("udp", home.registrar.place("udp"), user="caller") as agent:
        assert Call(agent, f"sip:alice@{DOMAIN}").invite().status == 480


def test_kamailio_registrar_and_jssip_at_our_edge(lab: Lab) -> None:
    registrar = lab.kamailio("registrar.cfg", ["udp"])
    edge = lab.server(["udp", "ws"], role="edge", registrar=registrar)
    jssip_takes_a_call(lab, registrar, edge)


def test_kamailio_edges_430_makes_us_try_the_other_flow(lab: Lab, kamailio_edges: Home) -> None:
    home = kamailio_edges
    is_registered(lab, home)
    asked_first = take_call(home, lab.sipp("caller.xml", home.registrar, keys=ALICE))
    home.drop(asked_first)
    for _ in range(2):
        caller = lab.sipp("caller.xml", home.registrar, keys=ALICE)
        assert take_call(home, caller) == 1 - asked_first
        assert caller.received("SIP/2.0 430") == 0
    home.drop(1 - asked_first)
    with Agent("udp", home.registrar.place("udp"), user="caller") as agent:
        final = Call(agent, f"sip:alice@{DOMAIN}").invite()
        if STAND_IN:
            assert final.status == 480
            return
        assert final.status == 480
        assert final.get("Reason") == "Q.850;cause=20"
    lab.wait_bindings(home.registrar, "alice", 0)


def test_kamailio_edge_with_jssip(lab: Lab) -> None:
    registrar = lab.server(["udp"], role="registrar")
    edge = lab.kamailio("edge.cfg", ["udp", "ws"], registrar=registrar)
    jssip_takes_a_call(lab, registrar, edge)


def jssip_takes_a_call(lab: Lab, registrar: Server, edge: Server) -> None:
    host, port = edge.place("ws")
    phone = jssip(lab, "alice", [f"ws://{host}:{port}"])
    assert event(phone, "registered")["require"] == "outbound"
    lab.sipp("caller.xml", registrar, keys=ALICE).passed()
    event(phone, "ended", by="remote")
