"""Ten thousand user agents lose an edge at once: what comes to the registrar (RFC 5626 §4.5).

The agents are real from `Outbound` down to the tries of each slot. The endpoint below them is a
stub on one virtual clock for all, which hands each REGISTER to the registrar the moment it is sent,
and what stands in the messages is the same for all of them.
"""

from __future__ import annotations

import gc
import random
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ringway.auth import Answerer
from ringway.endpoint import Endpoint, ResponseReceived, Timer, Timers
from ringway.endpoint.schedule import CallTimer, Schedule
from ringway.message import Request, Response, build_request, build_response, parse_uri
from ringway.transport.flow import Address, Flow, NextHop
from ringway.ua.flows import registrant, registration
from ringway.ua.flows.outbound import Outbound
from ringway.ua.flows.register import Grant
from ringway.ua.services import Services
from ringway.ua.settings import AgentSettings

AGENTS = 10_000
MOST = 2_500
"""REGISTERs of so many agents that the registrar may see in any one second."""

FEW = 1_500
"""Agents where the shape of what comes is the same for any number."""

EDGES = ("sip:10.0.0.1;transport=tcp", "sip:10.0.0.2;transport=tcp")
CUT = 20.0
"""When the first edge, or both, lose all their connections."""

REGISTER = build_request(
    "REGISTER",
    "sip:example.com",
    from_="<sip:alice@example.com>;tag=a",
    to="<sip:alice@example.com>",
    call_id="c",
    cseq=1,
)
CONTACT = parse_uri("sip:alice@10.1.0.1")
GRANT = Grant(3600, outbound=True, keeps_alive=True, flow_timer=None, service_route=(), gruu="")


@pytest.fixture(autouse=True)
def no_collection() -> Iterator[None]:
    """Spare the collector a walk through all agents, again and again."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(autouse=True)
def same_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registrant, "build_register", lambda *_, **__: REGISTER)
    monkeypatch.setattr(registrant, "contact_uri", lambda *_: CONTACT)
    monkeypatch.setattr(registrant, "contact", lambda *_: "")
    monkeypatch.setattr(registration, "read_grant", lambda *_: GRANT)


def answer(status: int, *headers: tuple[str, str]) -> Response:
    return build_response(REGISTER, status, to_tag="r", headers=headers)


OK = answer(200)


@dataclass
class Net:
    """The clock, the edges and the registrar behind them.

    Attributes:
        down: edges that refuse connections.
        arrivals: when each REGISTER came to the registrar.
        response: what the registrar answers.
    """

    rng: random.Random = field(default_factory=lambda: random.Random(20261122))
    schedule: Schedule = field(default_factory=Schedule)
    now: float = 0.0
    down: set[str] = field(default_factory=set)
    arrivals: list[float] = field(default_factory=list)
    response: Response = OK
    agents: list[Agent] = field(default_factory=list)
    generation: int = 0

    def run(self, until: float) -> None:
        while (due := self.schedule.next_due()) is not None and due <= until:
            self.now = max(self.now, due)
            self.schedule.fire_due(self.now)
        self.now = until

    def at(self, at: float, callback: Callable[[float], None]) -> Timer:
        timer = CallTimer(at, callback)
        self.schedule.start(timer, self.now)
        return timer

    def lose(self, *hosts: str) -> None:
        """Close every connection to these edges."""
        for agent in self.agents:
            for flow in [each for each in agent.flows if each.remote.host in hosts]:
                agent.flows.discard(flow)
                agent.outbound.flow_closed(flow, "closed by the peer", self.now)


class Agent:
    """One agent, on a stub of an endpoint, which is this too."""

    settings = SimpleNamespace(timers=Timers())

    def __init__(self, net: Net, settings: AgentSettings) -> None:
        self.net = net
        self.flows: set[Flow] = set()
        self.tries: dict[str, list[float]] = {}
        self.answers_keep_alives = True
        self.timer = net.at
        self.services = Services(
            endpoint=cast("Endpoint", self),
            settings=settings,
            unique=lambda: "u",
            chance=net.rng.random,
            answerer=Answerer((), lambda: "c"),
            emit=lambda _: None,
        )
        self.outbound = self.services.outbound = Outbound(self.services)

    # The endpoint

    def resolve(self, uri: Any, callback: Callable[..., None], now: float) -> None:
        callback([NextHop("tcp", Address(uri.host, 5060), uri.host)], now)

    def open_flow(self, hop: NextHop, callback: Callable[..., None], now: float) -> None:
        self.tries.setdefault(hop.name, []).append(now)
        if hop.address.host in self.net.down:
            self.net.at(now, lambda now: callback(None, "connection refused", now))
            return
        self.net.generation += 1
        flow = Flow("tcp", Address("10.1.0.1", 40000), hop.address, self.net.generation)
        self.flows.add(flow)
        callback(flow, "", now)

    def send_request(self, request: Request, flow: Flow, owner: Any, now: float) -> object:
        client = object()
        self.net.arrivals.append(now)
        event = ResponseReceived(cast("Any", client), self.net.response, flow)
        self.net.at(now, lambda now: owner.handle(event, now))
        return client

    def keep_alive(self, flow: Flow, now: float) -> None:
        if self.answers_keep_alives:
            self.net.at(now, lambda now: self.outbound.pong(flow, now))

    def close_flow(self, flow: Flow, reason: str, now: float) -> None:
        if flow in self.flows:
            self.flows.discard(flow)
            self.outbound.flow_closed(flow, reason, now)

    def is_live(self, flow: Flow) -> bool:
        return flow in self.flows

    def contact_uri(self, transport: str, user: str, flow: Flow) -> str:
        return f"sip:{user}@{flow.local};transport={transport}"


def agents(count: int, edges: tuple[str, ...] = EDGES) -> Net:
    """Return so many agents, registered over all edges by flows that were proven."""
    net = Net()
    settings = AgentSettings(
        parse_uri("sip:alice@example.com"),
        outbound=tuple(parse_uri(each) for each in edges),
        instance="urn:uuid:00000000-0000-1000-8000-000a95a0e128",
    )
    net.agents = [Agent(net, settings) for _ in range(count)]
    for agent in net.agents:
        agent.outbound.start(0.0)
    net.run(CUT)
    assert len(net.arrivals) == len(edges) * count
    net.arrivals.clear()
    for agent in net.agents:
        agent.tries.clear()
    return net


def most_in_a_second(times: list[float]) -> int:
    """Return the largest number of times within any window of one second."""
    return max((bisect_left(times, at + 1.0) - index for index, at in enumerate(times)), default=0)


def gaps(net: Net, hosts: tuple[str, ...], number: int) -> list[float]:
    """Return how long was waited between one try after the cut, counted from 0, and the next."""
    found = []
    for agent in net.agents:
        for host in hosts:
            tries = agent.tries.get(host, [])
            if len(tries) > number + 1:
                found.append(tries[number + 1] - tries[number])
    return found


def is_uniform(values: list[float], low: float, high: float) -> bool:
    """Say whether values lie within bounds, and about as many in each tenth."""
    assert min(values) >= low - 0.01
    assert max(values) <= high + 0.01
    expected = len(values) / 10
    width = (high - low) / 10
    counts = [0] * 10
    for value in values:
        counts[min(max(int((value - low) / width), 0), 9)] += 1
    return all(abs(count - expected) < 6 * expected**0.5 for count in counts)


class TestAnEdgeRestarts:
    def test_ten_thousand_are_back_in_five_seconds(self) -> None:
        net = agents(AGENTS, EDGES[:1])
        net.lose("10.0.0.1")
        net.run(CUT + 5.0)
        assert len(net.arrivals) == AGENTS
        assert most_in_a_second(net.arrivals) <= MOST
        assert is_uniform([at - CUT for at in net.arrivals], 0.0, 5.0)
        assert all(slot.registered for agent in net.agents for slot in agent.outbound.slots)
        net.run(CUT + 60.0)
        assert len(net.arrivals) == AGENTS  # and none of them twice

    def test_one_that_falls_over_again_and_again(self) -> None:
        net = agents(FEW // 2)
        for agent in net.agents:
            agent.answers_keep_alives = False
        for second in range(1, 61):
            net.lose("10.0.0.1")
            net.run(CUT + second)
        assert len(net.arrivals) == FEW // 2  # each once; then it is a failure, and has its wait
        net.run(CUT + 190.0)
        waits = gaps(net, ("10.0.0.1",), 0)
        assert len(waits) == FEW // 2
        assert 90.0 <= min(waits) < max(waits) <= 181.0  # a second may pass until it falls over


class TestTheRegistrarIsBusy:
    @pytest.mark.parametrize("retry_after", [0, 200])
    def test_nobody_comes_back_before_both_waits_are_over(self, retry_after: int) -> None:
        net = agents(FEW)
        net.response = answer(503, ("Retry-After", str(retry_after)))
        net.lose("10.0.0.1")
        net.run(CUT + 10.0)
        assert len(net.arrivals) == FEW
        net.response = OK
        net.run(CUT + 300.0)
        assert len(net.arrivals) == 2 * FEW
        assert most_in_a_second(net.arrivals) <= MOST * FEW / AGENTS
        waits = gaps(net, ("10.0.0.1",), 0)
        assert len(waits) == FEW
        if retry_after > 180:
            assert is_uniform(waits, retry_after, retry_after + 5.0)
        else:
            assert is_uniform(waits, 90.0, 180.0)


class TestAnEdgeIsDown:
    @pytest.mark.parametrize(
        ("hosts", "base", "done", "end"),
        [(("10.0.0.1",), 90.0, 2, 1270.0), (("10.0.0.1", "10.0.0.2"), 30.0, 3, 1600.0)],
    )
    def test_for_ten_minutes(
        self, hosts: tuple[str, ...], base: float, done: int, end: float
    ) -> None:
        net = agents(FEW // 2)
        net.down = set(hosts)
        net.lose(*hosts)
        net.run(CUT + 600.0)
        lost = len(net.agents) * len(hosts)
        assert net.arrivals == []
        firsts = [agent.tries[host][0] - CUT for agent in net.agents for host in hosts]
        assert is_uniform(firsts, 0.0, 5.0)
        for failures in range(1, done + 1):
            waits = gaps(net, hosts, failures - 1)
            assert len(waits) == lost
            assert is_uniform(waits, base * 2.0**failures / 2, base * 2.0**failures)
        net.down = set()
        net.run(CUT + end)
        assert len(net.arrivals) == lost
        assert most_in_a_second(net.arrivals) <= MOST * len(net.agents) / AGENTS
        assert all(slot.registered for agent in net.agents for slot in agent.outbound.slots)
