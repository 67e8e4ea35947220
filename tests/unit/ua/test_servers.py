"""Two of our user agents that talk through our own servers: two edges and a registrar.

The servers are those of the simulation, whole; nothing is scripted.
"""

from __future__ import annotations

from random import Random

import pytest
from tests.simulation.network import Weather
from tests.simulation.node import DOMAIN, Node
from tests.unit.ua.support import ANSWER, OTHER, Heard, Party, Town

from ringway.message import parse_uri
from ringway.ua.events import Answered, Ended, Failed, FlowReplaced, Redirected, Registered

EDGES = ("sip:10.0.0.2;transport=tcp", "sip:10.0.0.3;transport=tcp")
CAROL = f"sip:carol@{DOMAIN}"


class Service(Town):
    """A registrar with two edges before it, and parties that register over both."""

    def __init__(self) -> None:
        super().__init__(domain=DOMAIN)
        rng = Random(2)
        self.hub = Node(self.network, "10.0.0.1", rng)
        registrar = parse_uri("sip:10.0.0.1;lr")
        self.edges = [
            Node(self.network, host, rng, registrar=registrar) for host in ("10.0.0.2", "10.0.0.3")
        ]
        self.alice = self.registered("alice")
        self.bob = self.registered("bob")
        self.network.seen.clear()

    def registered(self, name: str) -> Party:
        party = self.party(name, outbound=EDGES)
        party.register()
        self.run(3)
        assert sum(isinstance(each, Registered) for each in party.application.told) == 2
        return party

    def up(self) -> tuple[Heard, Heard]:
        """Return a call from alice to bob, as both hear it."""
        heard = self.alice.call(f"sip:bob@{DOMAIN}")
        self.run(0.5)
        self.bob.do(self.bob.calls[0].ring)
        self.run(0.5)
        self.bob.do(self.bob.calls[0].answer, ANSWER)
        self.run(0.5)
        assert heard.kinds == ["Ringing", "Answered"]
        assert self.bob.heard[0].kinds == ["Answered"]
        return heard, self.bob.heard[0]

    def quiet(self) -> None:
        """Nothing is left of the calls, and nobody has raised anything."""
        self.run(80)
        for party in self.parties:
            assert party.agent.dialogs == {}
            assert party.endpoint.transactions == 0
            assert party.trouble == []


@pytest.fixture
def service() -> Service:
    return Service()


class TestCalls:
    @pytest.mark.parametrize("by_caller", [True, False])
    def test_call_and_hang_up(self, service: Service, by_caller: bool) -> None:
        heard, other = service.up()
        who, by = (service.alice, heard) if by_caller else (service.bob, other)
        who.do(by.call.hang_up)
        service.run(1)
        assert isinstance(heard.last, Ended)
        assert isinstance(other.last, Ended)
        assert heard.last.by_us is by_caller
        service.quiet()

    def test_one_flow_of_the_phone_rings(self, service: Service) -> None:
        service.up()
        assert len(service.bob.calls) == 1

    def test_changes(self, service: Service) -> None:
        heard, other = service.up()
        service.bob.do(other.call.change, OTHER)
        service.run(0.5)
        service.alice.do(heard.call.accept, ANSWER)
        service.run(0.5)
        assert other.kinds == ["Answered", "Changed"]
        service.alice.do(heard.call.hang_up)
        service.quiet()

    def test_busy(self, service: Service) -> None:
        heard = service.alice.call(f"sip:bob@{DOMAIN}")
        service.run(0.5)
        service.bob.do(service.bob.calls[0].reject)
        service.run(0.5)
        assert isinstance(heard.last, Failed)
        assert heard.last.failure.status == 486
        service.quiet()

    def test_given_up(self, service: Service) -> None:
        heard = service.alice.call(f"sip:bob@{DOMAIN}")
        service.run(0.5)
        service.alice.do(heard.call.hang_up, "wrong number")
        service.run(0.5)
        assert heard.kinds == ["Ended"]
        assert service.bob.heard[0].kinds == ["Ended"]
        service.quiet()

    def test_redirected(self, service: Service) -> None:
        carol = service.registered("carol")
        heard = service.alice.call(f"sip:bob@{DOMAIN}")
        service.run(0.5)
        service.bob.do(service.bob.calls[0].redirect, [CAROL])
        service.run(0.5)
        carol.do(carol.calls[0].answer, ANSWER)
        service.run(0.5)
        first, second = heard.events
        assert isinstance(first, Redirected)
        assert str(first.target) == CAROL
        assert isinstance(second, Answered)
        service.alice.do(heard.call.hang_up)
        service.quiet()

    def test_transferred(self, service: Service) -> None:
        carol = service.registered("carol")
        heard, other = service.up()
        service.alice.do(heard.call.refer, CAROL)
        service.run(0.5)
        made = Heard(service.bob.do(other.call.transfer_answer, True, body=OTHER))
        service.run(0.5)
        carol.do(carol.calls[0].answer, ANSWER)
        service.run(2)
        assert made.kinds == ["Answered"]
        assert getattr(heard.last, "status", 0) == 200
        service.alice.do(heard.call.hang_up)
        service.bob.do(made.call.hang_up)
        service.quiet()


class TestCallsOutliveConnections:
    def cut(self, service: Service, party: Party, heard: Heard) -> None:
        session = heard.call.session
        assert session is not None
        party.ends[session.flow].reset("connection reset by peer")
        service.run(0.1)

    @pytest.mark.parametrize("whose", ["alice", "bob"])
    @pytest.mark.parametrize("by", ["alice", "bob"])
    def test_bye_after_the_flow_came_back(self, service: Service, whose: str, by: str) -> None:
        heard, other = service.up()
        ends = {"alice": (service.alice, heard), "bob": (service.bob, other)}
        self.cut(service, *ends[whose])
        service.run(15)
        assert isinstance(ends[whose][1].last, FlowReplaced)
        party, mine = ends[by]
        party.do(mine.call.hang_up)
        service.run(3)
        assert isinstance(heard.last, Ended)
        assert isinstance(other.last, Ended)
        assert heard.last.by_us is (by == "alice")
        assert other.last.by_us is (by == "bob")
        service.quiet()

    @pytest.mark.parametrize("whose", ["alice", "bob"])
    @pytest.mark.parametrize("by", ["alice", "bob"])
    def test_bye_while_the_flow_is_gone(self, service: Service, whose: str, by: str) -> None:
        heard, other = service.up()
        ends = {"alice": (service.alice, heard), "bob": (service.bob, other)}
        self.cut(service, *ends[whose])
        party, mine = ends[by]
        party.do(mine.call.hang_up)
        service.run(40)
        assert isinstance(heard.last, Ended)
        assert isinstance(other.last, Ended)
        service.quiet()

    def test_the_route_set_stays(self, service: Service) -> None:
        heard, other = service.up()
        session = other.call.session
        assert session is not None
        routes, target = session.dialog.route_set, session.dialog.remote_target
        self.cut(service, service.bob, other)
        service.run(15)
        service.bob.do(other.call.change, OTHER)
        service.run(0.5)
        service.alice.do(heard.call.accept, ANSWER)
        service.run(0.5)
        assert other.kinds == ["Answered", "FlowReplaced", "Changed"]
        assert session.dialog.route_set == routes
        assert session.dialog.remote_target == target
        service.alice.do(heard.call.hang_up)
        service.quiet()

    def test_a_message_after_the_flow_came_back(self, service: Service) -> None:
        heard, other = service.up()
        self.cut(service, service.alice, heard)
        service.alice.do(heard.call.message, b"still there?")
        service.run(15)
        assert other.kinds == ["Answered", "MessageReceived"]
        service.alice.do(heard.call.hang_up)
        service.quiet()


class TestWeather:
    """Two agents over datagrams that are lost, doubled and overtaken: every call comes through."""

    @pytest.mark.parametrize("seed", range(12))
    def test_a_call(self, seed: int) -> None:
        weather = Weather(latency=0.03, loss=0.2, twice=0.1, overtake=0.1)
        town = Town(weather, seed=seed)
        alice, bob = town.party("alice"), town.party("bob")
        heard = alice.call(bob.uri)
        town.run(10)
        bob.do(bob.calls[0].ring, 183, ANSWER)
        bob.do(bob.calls[0].answer)
        town.run(30)
        other = bob.heard[0]
        assert heard.call.up
        assert bob.calls[0].up
        bob.do(other.call.change, OTHER)
        town.run(5)
        alice.do(heard.call.accept, ANSWER)
        town.run(30)
        assert other.kinds == ["Answered", "Changed"]
        alice.do(heard.call.hang_up)
        town.run(100)
        assert heard.kinds == ["Ringing", "Answered", "Offered", "Ended"]
        assert other.kinds == ["Answered", "Changed", "Ended"]
        for party in (alice, bob):
            assert party.agent.dialogs == {}
            assert party.endpoint.transactions == 0
            assert party.trouble == []
