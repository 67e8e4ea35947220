"""What is done to the connections of a running server, and the figures that come of it.

The tests run these small and say what must hold; `python -m tools.reliability` runs them in full
and prints what was measured. `faults` has the same for networks, servers and clocks.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.reliability.callers import Call, Traffic
from tests.reliability.lab import CallFigures, Lab, figures_of
from tests.reliability.phones import Phone
from tests.reliability.served import user_of

SLICE: Final = 250
"""Connections ended between two looks at the network."""

PROBES: Final = 20
"""Calls to users whose flow ended."""


@dataclass(frozen=True, slots=True)
class Idle:
    """Flows that keep themselves alive.

    Attributes:
        flows: how many.
        opened_in: seconds until all were connected and registered.
        memory: bytes of server memory per flow, its binding included.
        cpu: CPU seconds per second for the keep-alives alone.
        pings: keep-alives sent in that time.
        unanswered: of them.
        lost: flows that ended.
        calls: to random flows, meanwhile.
    """

    flows: int
    opened_in: float
    memory: float
    cpu: float
    pings: int
    unanswered: int
    lost: int
    calls: CallFigures


@dataclass(frozen=True, slots=True)
class Loss:
    """Flows that ended all at once.

    Attributes:
        flows: how many.
        ended_in: seconds it took to end them.
        first: seconds from the first end to the first binding out of service.
        last: to the last.
        slowest: the longest from the end of one flow to its binding out of service.
        left: bindings of those flows that stayed.
        wrongly: bindings that went though their flow lives.
        answers: what calls to users whose flow ended got.
        answered_in: the longest that one of them waited.
        others: calls to the other flows, from just before.
    """

    flows: int
    ended_in: float
    first: float
    last: float
    slowest: float
    left: int
    wrongly: int
    answers: tuple[int, ...]
    answered_in: float
    others: CallFigures


def keep_alive(lab: Lab, phones: Sequence[Phone], period: float, seconds: float) -> None:
    """Let each phone ping once in a period, all of them spread over it, for so many seconds."""
    began = time.monotonic()
    done = 0
    while (passed := time.monotonic() - began) < seconds:
        due = int(min(passed, seconds) / period * len(phones))
        for number in range(done, due):
            phones[number % len(phones)].ping()
        done = max(done, due)
        lab.reactor.turn(0.02)


def idle(lab: Lab, count: int, seconds: float, rate: float, period: float = 120.0) -> Idle:
    """Open flows, half in each half of the network, and let them be alive.

    Args:
        lab: with a server that runs.
        count: flows.
        seconds: for the keep-alives alone, and then for keep-alives and calls.
        rate: calls a second.
        period: seconds between two keep-alives of a flow.
    """
    before = lab.served.memory()
    phones = [*lab.make("tcp", count // 2, 0), *lab.make("tcp", count // 2, 1)]
    opened_in = lab.register(phones)
    lab.reactor.serve(1.0)  # what registering left behind is done
    memory = (lab.served.memory() - before) / len(phones)
    spread = lab.sample(phones, len(phones))
    cpu, began = lab.served.cpu(), time.monotonic()
    keep_alive(lab, spread, period, seconds)
    cpu = (lab.served.cpu() - cpu) / (time.monotonic() - began)
    traffic = lab.traffic(phones, rate)
    keep_alive(lab, spread, period, seconds)
    calls = figures_of(traffic.stop())
    pings = sum(phone.pings for phone in phones)
    lab.reactor.until(
        lambda: sum(phone.pongs for phone in phones) >= pings, 10, "every ping has its pong"
    )
    return Idle(
        flows=len(phones),
        opened_in=opened_in,
        memory=memory,
        cpu=cpu,
        pings=pings,
        unanswered=pings - sum(phone.pongs for phone in phones),
        lost=sum(bool(phone.ended) for phone in phones),
        calls=calls,
    )


def reset(lab: Lab, dying: Sequence[Phone], living: Sequence[Phone], rate: float) -> Loss:
    """Reset some flows at once while others are called."""
    lab.served.news()
    traffic = lab.traffic(living, rate)
    lab.reactor.serve(0.5)
    began = time.time()
    for first in range(0, len(dying), SLICE):
        for phone in dying[first : first + SLICE]:
            phone.reset()
        lab.reactor.turn()
    ended_in = time.time() - began
    # The last ones first: the server may still be busy with the others.
    probes = [lab.callers.dial(phone.user) for phone in dying[: -PROBES - 1 : -1]]
    unbound = _unbound(lab, {phone.user: phone.ended for phone in dying}, began, 30.0)
    return _loss(lab, dying, living, traffic, unbound, ended_in, probes)


def silence(
    lab: Lab,
    dying: Sequence[Phone],
    living: Sequence[Phone],
    rate: float,
    seconds: float,
) -> Loss:
    """Drop every packet of the second half of the network while the first is called.

    Args:
        lab: with a server that runs.
        dying: the phones in the second half.
        living: the others.
        rate: calls a second to the others.
        seconds: how long to wait for the last binding to go.
    """
    lab.served.news()
    traffic = lab.traffic(living, rate)
    lab.reactor.serve(0.5)
    began = time.time()
    lab.network.silence()
    unbound = _unbound(lab, {phone.user: began for phone in dying}, began, seconds)
    probes = [lab.callers.dial(phone.user) for phone in lab.sample(dying, PROBES)]
    found = _loss(lab, dying, living, traffic, unbound, 0.0, probes)
    lab.network.heal()
    return found


@dataclass(frozen=True, slots=True)
class _Unbound:
    """When bindings went, in seconds from the first end of a flow."""

    first: float
    last: float
    slowest: float


def _unbound(lab: Lab, ends: Mapping[str, float], began: float, seconds: float) -> _Unbound:
    """Wait until the users' bindings are out of service, by what the server tells."""
    went: dict[str, float] = {}

    def all_went() -> bool:
        for event in lab.served.news():
            if event["kind"] == "unbound":
                went[user_of(event["aor"])] = event["at"]
        return ends.keys() <= went.keys()

    lab.reactor.until(all_went, seconds, "every binding whose flow ended is out of service")
    return _Unbound(
        first=min(went.values()) - began,
        last=max(went[user] for user in ends) - began,
        slowest=max(went[user] - end for user, end in ends.items()),
    )


def _loss(
    lab: Lab,
    dying: Sequence[Phone],
    living: Sequence[Phone],
    traffic: Traffic,
    unbound: _Unbound,
    ended_in: float,
    probes: Sequence[Call],
) -> Loss:
    lab.reactor.until(lambda: all(probe.ended for probe in probes), 40, "callers of gone phones")
    lab.reactor.serve(0.5)
    others = figures_of(traffic.stop())
    bound = lab.served.bindings()
    return Loss(
        flows=len(dying),
        ended_in=ended_in,
        first=unbound.first,
        last=unbound.last,
        slowest=unbound.slowest,
        left=len(bound & {phone.user for phone in dying}),
        wrongly=len({phone.user for phone in living} - bound),
        answers=tuple(sorted({probe.status for probe in probes})),
        answered_in=max(probe.ended - probe.started for probe in probes),
        others=others,
    )


def storm(lab: Lab, gone: Sequence[Phone]) -> float:
    """Let phones whose connections ended come back; returns how many seconds that took."""
    return lab.register(lab.come_back(gone))


@dataclass(frozen=True, slots=True)
class Crowd:
    """A server that may open no more files.

    Attributes:
        files: the limit.
        flows: that were there first.
        knocking: connections that came when there was no room.
        taken: of them.
        lost: flows of the first that ended.
        cpu: CPU seconds per second while the others were knocking.
        calls: to the first flows, meanwhile.
        stored: status of a REGISTER over UDP, which needs the store.
        room: seconds until a new phone got in when others had left.
    """

    files: int
    flows: int
    knocking: int
    taken: int
    lost: int
    cpu: float
    calls: CallFigures
    stored: tuple[int, ...]
    room: float


def crowd(lab: Lab, files: int, rate: float, seconds: float) -> Crowd:
    """Knock at a server, started with so few files, until there is no room."""
    flows = files // 2
    first = lab.make("tcp", flows)
    lab.register(first)
    knocking = lab.make("tcp", 2 * files)
    cpu, began = lab.served.cpu(), time.monotonic()
    for phone in knocking:
        phone.connect()
    traffic = lab.traffic(first, rate)
    lab.reactor.serve(seconds)
    cpu = (lab.served.cpu() - cpu) / (time.monotonic() - began)
    by_datagram = lab.make("udp", 1)
    lab.register(by_datagram)
    calls = figures_of(traffic.stop())
    taken = [phone for phone in knocking if phone.registered]
    lost = sum(bool(phone.ended) for phone in first)
    for phone in [*first[: flows // 2], *knocking]:
        phone.close()
    left = time.monotonic()
    lab.reactor.until(lambda: lab.served.open_files() < flows, 30.0, "the server lets them go")
    lab.register(lab.make("tcp", 10))
    return Crowd(
        files=files,
        flows=flows,
        knocking=len(knocking),
        taken=len(taken),
        lost=lost,
        cpu=cpu,
        calls=calls,
        stored=tuple(by_datagram[0].statuses),
        room=time.monotonic() - left,
    )
