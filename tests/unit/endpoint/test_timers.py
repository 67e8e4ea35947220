"""Whatever happens to a transaction, no timer runs in vain and in the end nothing is left.

Each path is a walk through the tables: what happens, one after the other. After every step each
timer that still runs must have something to do in the state the transaction is in.
"""

from itertools import pairwise

import pytest
from tests.harness import Harness, Peer

from ringway.endpoint import (
    ClientTransaction,
    Endpoint,
    Event,
    RequestFailed,
    RequestReceived,
    ServerTransaction,
)
from ringway.endpoint.schedule import Timer
from ringway.endpoint.transaction_timer import TransactionTimer
from ringway.message import Request

LATER = 400.0  # every transaction is over by then


def running(endpoint: Endpoint) -> list[Timer]:
    schedule = endpoint._schedule
    lanes = [timer for lane in schedule._lanes.values() for timer in lane.timers]
    return [each for each in lanes + [entry[2] for entry in schedule._heap._entries] if each.active]


def idle_timers(endpoint: Endpoint) -> list[str]:
    """Return the timers of transactions that would change nothing."""
    idle = []
    for timer in running(endpoint):
        if not isinstance(timer, TransactionTimer):
            continue
        transaction = timer._transaction
        assert isinstance(transaction, ClientTransaction | ServerTransaction)
        row = transaction.table[transaction.state, timer._symbol]
        if row == (transaction.state, ()):
            idle.append(f"{timer._symbol.name} of {transaction}")
    return idle


INVITE_PATHS = [
    "180 200",
    "200",
    "200 200",
    "486",
    "486 486",
    "180 486",
    "1 486",
    "1 180 60 486",
    "40",
    "1 lost",
    "180 lost",
    "lost keep",
    "180 lost keep",
    "lost keep 180 200",
    "lost keep 486",
    "1 stop",
    "408 stop",
    "408 stop 200",
    "408 stop 408",
    "408 stop 180 cancel",
    "stop 180 200",
    "stop 200",
    "stop 486",
    "stop 180 stop 486",
    "stop lost 180 cancel 487",
    "40 keep",
    "40 keep 200",
    "cancel 180 487",
    "180 cancel",
    "180 cancel 200",
    "180 cancel 60",
    "180 cancel lost",
    "stop cancel 180 60",
]

OTHER_PATHS = [
    "200",
    "100 200",
    "1 200 200",
    "1 100 10 404",
    "33",
    "100 32",
    "1 lost",
    "100 lost",
    "1 100 lost",
    "lost keep",
    "lost keep 200",
    "100 lost keep 100 200",
    "1 stop",
    "1 stop 100 200",
    "1 100 stop",
    "100 stop 200",
    "40 keep",
    "40 keep 200",
]

SERVER_INVITE_PATHS = [
    "100 180 200",
    "200 200",
    "200 again ack",
    "180 486",
    "486 ack",
    "486 1 ack",
    "486 again 3 ack",
    "486 200 ack",
    "486 486 33",
    "180 gone 486",
    "gone 200",
    "486 gone ack",
]

SERVER_OTHER_PATHS = [
    "200",
    "again 200 again",
    "100 200",
    "100",
    "4 200 again",
    "4 again 200",
    "",
    "gone 200",
    "4 gone again",
    "100 gone 100",
]


class Client:
    """One request that we send, over UDP or over a connection."""

    def __init__(self, transport: str, method: str) -> None:
        self.h = h = Harness()
        self.peer = h.connect(transport, "10.0.0.8") if transport != "udp" else h.peer("udp", "p")
        self.client, self.owner = h.send(method, self.peer)
        request = self.client.request
        assert request is not None
        self.request: Request = request
        self.keeping = False
        self.owner.reaction = self.react

    def react(self, event: Event, _now: float) -> None:
        if self.keeping and isinstance(event, RequestFailed):
            self.keeping = False
            self.h.endpoint.stop_retransmitting(self.client)

    def do(self, step: str, following: str) -> None:
        h = self.h
        self.keeping = following == "keep"
        if step == "cancel":
            h.endpoint.cancel(self.client, h.now)
            h.pump()
        elif step == "stop":
            h.endpoint.stop_retransmitting(self.client)
            h.pump()
        elif step == "lost":
            if self.peer.transport == "udp":
                self.peer.unreachable()
            else:
                self.peer.close()
                self.peer = h.connect(self.peer.transport, "10.0.0.8", self.peer.address.port + 1)
        elif step != "keep":
            if int(step) < 100:
                h.advance(int(step))
            else:
                self.peer.answer(self.request, int(step))


class Server:
    """One request that we receive."""

    def __init__(self, transport: str, method: str) -> None:
        self.h = h = Harness()
        self.peer = h.connect(transport, "10.0.0.8") if transport != "udp" else h.peer("udp", "p")
        self.request = self.peer.request(method)
        event = h.events[-1]
        assert isinstance(event, RequestReceived)
        self.transaction = event.transaction
        stamped = event.request
        self.stamped: Request = stamped

    def do(self, step: str, _following: str) -> None:
        h, peer = self.h, self.peer
        if step == "ack":
            self.over(peer).ack(self.request, self.stamped)
        elif step == "again":
            self.over(peer).send(self.request)
        elif step == "gone":
            if peer.transport != "udp":
                peer.close()
        elif int(step) < 100:
            h.advance(int(step))
        else:
            h.reply(self.transaction, int(step))

    def over(self, peer: Peer) -> Peer:
        if peer.closed:
            self.peer = self.h.connect(peer.transport, "10.0.0.8", peer.address.port + 1)
        return self.peer


def walk(side: Client | Server, path: str) -> None:
    endpoint = side.h.endpoint
    steps = [*path.split(), ""]
    assert idle_timers(endpoint) == []
    for step, following in pairwise(steps):
        side.do(step, following)
        assert idle_timers(endpoint) == [], step
    side.h.advance(LATER)
    assert len(endpoint._servers) == 0
    if len(endpoint._clients):  # an INVITE that rings: only its owner ends it
        assert isinstance(side, Client)
        side.do("cancel", "")
        side.h.advance(LATER)
    assert len(endpoint._clients) == 0
    assert endpoint._clients._in_flight == {}
    assert running(endpoint) == []


@pytest.mark.parametrize("transport", ["udp", "tcp", "ws"])
class TestPaths:
    @pytest.mark.parametrize("path", INVITE_PATHS)
    def test_invite_client(self, transport: str, path: str) -> None:
        walk(Client(transport, "INVITE"), path)

    @pytest.mark.parametrize("path", OTHER_PATHS)
    def test_other_client(self, transport: str, path: str) -> None:
        walk(Client(transport, "OPTIONS"), path)

    @pytest.mark.parametrize("path", SERVER_INVITE_PATHS)
    def test_invite_server(self, transport: str, path: str) -> None:
        walk(Server(transport, "INVITE"), path)

    @pytest.mark.parametrize("path", SERVER_OTHER_PATHS)
    def test_other_server(self, transport: str, path: str) -> None:
        walk(Server(transport, "OPTIONS"), path)


def test_the_check_sees_an_idle_timer() -> None:
    side = Client("udp", "INVITE")
    assert running(side.h.endpoint)
    side.client.state = side.client.state.TERMINATED
    assert len(idle_timers(side.h.endpoint)) == 2
