"""Our user agent at two Kamailio edges before a Kamailio registrar; its flows are cut.

The edges are in a network namespace, so that a connection can be destroyed and a NAT restarted
between them and the agent. With HEAL they do for an old flow token what Ringway's edges do.
"""

from collections.abc import Iterator

import pytest
from tests.interop.lab import Lab
from tests.interop.network import Namespace
from tests.interop.ours import Ours
from tests.interop.servers import DOMAIN, Server
from tests.interop.wire import Agent, Call, Reply
from tests.ports import free_port

from ringway.endpoint import Decision, Kind
from ringway.ua.events import Answered, Ended, FlowLost, FlowReplaced, Registered

PEERS = ("kamailio", "nft")
ALICE, BOB = f"sip:alice@{DOMAIN}", f"sip:bob@{DOMAIN}"
FLOW_TIMER = 6  # seconds


class Home:
    """A registrar and two edges in a namespace, and bob, who registered without an edge."""

    def __init__(self, lab: Lab, net: Namespace) -> None:
        defines = {"HEAL": "yes", "FLOW_TIMER": str(FLOW_TIMER)}
        self.net = net
        self.registrar = lab.kamailio("registrar.cfg", ["udp"], net=net, defines=defines)
        self.edges = [
            lab.kamailio("edge.cfg", registrar=self.registrar, net=net, defines=defines)
            for _ in range(2)
        ]
        self.bob = Agent("udp", self.registrar.place("udp"), user="bob")
        assert self.bob.register().status == 200

    def alice(self, lab: Lab, transport: str, **told: object) -> Ours:
        """Our user agent, registered over both edges."""
        uris = [edge.uri(transport) for edge in self.edges]
        phone = Ours(lab, "alice", outbound=uris, **told)
        for reg_id in registered(phone, 2):
            assert reg_id.outbound
        return phone

    def edge_of(self, message: Reply) -> Server:
        """The edge a message came over, by the port of its Record-Route."""
        recorded = " ".join(message.values("Record-Route"))
        return next(edge for edge in self.edges if f":{edge.place('tcp')[1]};" in recorded)

    def cut(self, edge: Server) -> None:
        """Destroy the connection to an edge."""
        assert self.net.cut_inside(edge.place("tcp")[1]).count("ESTAB") == 1


def registered(phone: Ours, count: int) -> list[Registered]:
    return [phone.event(Registered) for _ in range(count)]


@pytest.fixture
def net() -> Iterator[Namespace]:
    with Namespace() as namespace:
        yield namespace


@pytest.fixture
def home(lab: Lab, net: Namespace) -> Iterator[Home]:
    built = Home(lab, net)
    yield built
    built.bob.close()


def answered_back(call: Reply, bob: Agent, method: str) -> Call:
    """The same call from the side of who was called."""
    back = Call(bob, call.contacts[0].partition("<")[2].partition(">")[0])
    back.call_id, back.to = call.get("Call-ID"), call.get("From")
    back.from_ = bob.tagged(call.get("To"))
    back.routes = [uri for line in call.values("Record-Route") for uri in line.split(",")]
    back.send(method)
    return back


def test_two_flows_and_back_again(lab: Lab, home: Home) -> None:
    alice = home.alice(lab, "tcp")
    contacts = " ".join(lab.bindings(home.registrar, "alice"))
    assert "reg-id=1" in contacts
    assert "reg-id=2" in contacts
    alice.close()
    assert lab.bindings(home.registrar, "alice") == []


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_keep_alives_hold_the_flows(lab: Lab, home: Home, transport: str) -> None:
    """Kamailio answers CRLF and STUN; two Flow-Timers pass and nothing is lost."""
    alice = home.alice(lab, transport)
    with pytest.raises(AssertionError, match="not within"):
        alice.event(FlowLost, 2.2 * FLOW_TIMER)


def test_a_call_over_the_other_flow_after_a_430(lab: Lab, home: Home) -> None:
    alice = home.alice(lab, "tcp")
    with Agent("udp", home.registrar.place("udp"), user="carol") as carol:
        first = Call(carol, ALICE)
        first.send_invite()
        ringing = alice.take_call()
        asked_first = home.edge_of(first.answered())
        first.ack()
        home.net.shut(asked_first.place("tcp")[1])
        home.cut(asked_first)
        alice.event(FlowLost)
        second = Call(carol, ALICE)
        second.send_invite()
        taken = alice.take_call()
        assert home.edge_of(second.answered()) is not asked_first
        second.ack()
        home.registrar.program.wait_for("next flow after 430")
        assert second.bye().status == 200
        taken.event(Ended, by_us=False)
        assert first.bye().status == 200  # the call whose connection is gone
        ringing.event(Ended, by_us=False)
    assert asked_first.program.said("flow gone", 2)


def test_a_call_outlives_its_connection(lab: Lab, home: Home) -> None:
    alice = home.alice(lab, "tcp")
    call = alice.call(BOB)
    invite = home.bob.take_call()
    call.event(Answered)
    edge = home.edge_of(invite)
    home.cut(edge)
    assert call.do("info", b"still here", "text/plain")
    info = home.bob.read(15)
    assert info.start.startswith("INFO ")
    home.bob.answer(info, "200 OK")
    call.event(FlowReplaced)
    edge.program.wait_for("outgoing by an old token: INFO")
    back = answered_back(invite, home.bob, "BYE")
    assert home.bob.final().status == 200
    assert back.cseq == 1
    edge.program.wait_for("incoming to the new flow: BYE")
    call.event(Ended, by_us=False)


def test_a_real_430_in_a_call_is_recovered_from(lab: Lab, home: Home) -> None:
    """A NAT restarts: the edge takes what comes for another's, and the old flow is gone."""
    port, edge = free_port(), home.edges[0]
    home.net.masquerade(port, edge.place("udp")[1], 40_001)
    decisions: list[Decision] = []
    alice = home.alice(lab, "udp", port=port, on_decision=decisions.append)
    call = alice.call(BOB)
    invite = home.bob.take_call()
    assert home.edge_of(invite) is edge
    call.event(Answered)
    home.net.masquerade(port, edge.place("udp")[1], 40_002)
    assert call.do("info", b"still here", "text/plain")
    edge.program.wait_for("430 to INFO")
    assert ":40002" in alice.event(FlowLost, 2 * FLOW_TIMER).reason
    info = home.bob.read(15)
    assert info.start.startswith("INFO ")
    home.bob.answer(info, "200 OK")
    edge.program.wait_for("outgoing by an old token: INFO")
    (seen,) = [each for each in decisions if each.kind is Kind.FAILOVER]
    assert "answered 430" in seen.text
    answered_back(invite, home.bob, "BYE")
    assert home.bob.final().status == 200
    call.event(Ended, by_us=False)
