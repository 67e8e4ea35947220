"""Two endpoints over a network that loses, doubles and delays datagrams, from a seed.

Whatever it does, each request reaches the other side's user once, and each sender learns one final
response or a timeout; a 2xx to INVITE may come more than once. In the end nothing is left.
"""

import random
from heapq import heappop, heappush
from itertools import count

import pytest

from ringway.endpoint import (
    AckReceived,
    Endpoint,
    EndpointSettings,
    Event,
    Listener,
    RequestFailed,
    RequestReceived,
    ResponseReceived,
    SendDatagram,
)
from ringway.message import build_request, build_response
from ringway.transport.flow import Address, Flow, NextHop

CALLER, CALLEE = Address("10.0.0.1", 5060), Address("10.0.0.2", 5060)


class Net:
    def __init__(self, seed: int, *, loss: float, doubles: float, delay: float) -> None:
        self.rng = random.Random(seed)
        self.loss, self.doubles, self.delay = loss, doubles, delay
        self.now = 0.0
        self.wire: list[tuple[float, int, Flow, bytes]] = []
        self.serial = count()
        self.ends = {address: self.endpoint(address) for address in (CALLER, CALLEE)}

    def endpoint(self, address: Address) -> Endpoint:
        numbers = count()
        settings = EndpointSettings(local=(Listener("udp", address),))
        return Endpoint(settings, lambda: f"{address.host}-{next(numbers)}", 1)

    def collect(self) -> None:
        for end in self.ends.values():
            for command in end.take_commands():
                assert isinstance(command, SendDatagram)
                for _ in range(1 + (self.rng.random() < self.doubles)):
                    if self.rng.random() >= self.loss:
                        at = self.now + self.rng.random() * self.delay
                        heappush(self.wire, (at, next(self.serial), command.flow, command.data))

    def run(self, until: float) -> None:
        while True:
            self.collect()
            timers = [due for end in self.ends.values() if (due := end.next_timer()) is not None]
            arrivals = [self.wire[0][0]] if self.wire else []
            due = min([*timers, *arrivals], default=until + 1)
            if due > until:
                break
            self.now = max(self.now, due)
            while self.wire and self.wire[0][0] <= self.now:
                _, _, flow, data = heappop(self.wire)
                self.ends[flow.remote].datagram_received(data, flow.remote, flow.local, self.now)
            for end in self.ends.values():
                end.handle_timers(self.now)
        self.now = until


class Callee:
    """Answers after a while, as the request's URI says."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.seen: list[str] = []
        self.acked: list[str] = []
        net.ends[CALLEE].user = self

    def handle(self, event: Event, now: float) -> None:
        if isinstance(event, AckReceived):
            self.acked.append(event.request.call_id)
        if not isinstance(event, RequestReceived):
            return
        self.seen.append(event.request.call_id)
        end = self.net.ends[CALLEE]
        if event.request.method == "INVITE":
            end.reply(event.transaction, 100, now)
        response = build_response(event.request, int(event.request.uri.user or ""), to_tag="b")
        wait = self.net.rng.random() * 6

        def answer(now: float) -> None:
            end.respond(event.transaction, response, now)
            if event.request.method == "INVITE" and response.status < 300:
                # The user of an INVITE repeats its 2xx (RFC 3261 §13.3.1.4).
                for later in (0.5, 1.5, 3.5, 7.5, 11.5, 15.5):
                    end.timer(
                        now + later, lambda now: end.respond(event.transaction, response, now)
                    )

        end.timer(now + wait, answer)


class Caller:
    def __init__(self) -> None:
        self.finals: list[int] = []
        self.failures = 0

    def handle(self, event: Event, now: float) -> None:
        if isinstance(event, RequestFailed):
            self.failures += 1
        elif isinstance(event, ResponseReceived) and event.response.status >= 200:
            self.finals.append(event.response.status)


def calls(net: Net, number: int) -> dict[str, tuple[str, int, Caller]]:
    made: dict[str, tuple[str, int, Caller]] = {}
    target = NextHop("udp", CALLEE, "x")
    for each in range(number):
        method = ("INVITE", "OPTIONS")[each % 2]
        status = (200, 486)[each // 2 % 2]
        call_id = f"call-{each}"
        request = build_request(
            method,
            f"sip:{status}@10.0.0.2",
            from_="<sip:a@x>;tag=a",
            to="<sip:b@x>",
            call_id=call_id,
            cseq=1,
        )
        owner = Caller()
        net.ends[CALLER].send_request(request, target, owner, net.now)
        made[call_id] = (method, status, owner)
        net.run(net.now + 0.05)
    return made


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("loss", "doubles", "delay"),
    [(0.0, 0.0, 0.0), (0.3, 0.0, 0.0), (0.0, 0.5, 2.0), (0.3, 0.3, 2.0)],
)
def test_requests_over_a_bad_network(seed: int, loss: float, doubles: float, delay: float) -> None:
    net = Net(seed, loss=loss, doubles=doubles, delay=delay)
    callee = Callee(net)
    made = calls(net, 60)
    net.run(net.now + 200)

    assert len(callee.seen) == len(set(callee.seen))
    failed = 0
    for method, status, owner in made.values():
        failed += owner.failures
        if owner.failures:
            assert owner.finals == []
        elif (method, status) == ("INVITE", 200):
            assert set(owner.finals) == {200}
        else:
            assert owner.finals == [status]
    # Eleven copies of a request, each lost or its answer lost: about one in 1,000 at 30 %.
    assert failed <= (3 if loss else 0)
    for end in net.ends.values():
        assert len(end._clients) == len(end._servers) == 0
        assert end.next_timer() is None
    assert callee.acked == []


def test_a_dead_network_times_out() -> None:
    net = Net(1, loss=1.0, doubles=0.0, delay=0.0)
    callee = Callee(net)
    made = calls(net, 10)
    net.run(100)
    assert callee.seen == []
    assert [owner.failures for _, _, owner in made.values()] == [1] * 10
