"""How long a call needs when the flow it would have taken has just closed.

A phone has two TCP flows with one instance. One is closed, and in the same moment an INVITE for
the phone leaves over UDP: the server learns of both at once, in whichever order it reads. Measured
from sending the INVITE until it arrives on the other flow, and until the caller has the 200. The
flow that registered last and the one that registered first are closed in turn, so whichever the
server prefers, half of the calls hit it. The same without a close tells what a call takes anyway.
"""

import time
from dataclasses import dataclass, field

from bench.phone import Caller, CallError, FlowOfPhone, answer, first_with_data

_MOST_LOST = 3


@dataclass(slots=True)
class Samples:
    """Milliseconds of each call until the INVITE arrived and until the caller had the 200."""

    arrival: list[float] = field(default_factory=list)
    answer: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Failover:
    """What failover takes, and what a call takes when nothing failed."""

    closed: Samples = field(default_factory=Samples)
    intact: Samples = field(default_factory=Samples)


def measure(port: int, calls: int, found: Failover) -> None:
    """Run the calls against the server on this port and add them to what was found."""
    for number in range(calls):
        _sample(found.closed, port, number, close=True)
        if number % 4 == 0:
            _sample(found.intact, port, calls + number, close=False)
        if len(found.closed.lost) >= _MOST_LOST:
            return


def _sample(samples: Samples, port: int, number: int, *, close: bool) -> None:
    try:
        arrival, answered = _call(port, number, close=close)
    except (CallError, OSError) as error:
        samples.lost.append(repr(error))
    else:
        samples.arrival.append(round(arrival, 3))
        samples.answer.append(round(answered, 3))


def _call(port: int, number: int, *, close: bool) -> tuple[float, float]:
    user = f"f{number}"
    instance = f"urn:uuid:00000000-0000-4000-8000-{number:012d}"
    flows = [FlowOfPhone(port, user, instance, reg_id) for reg_id in (1, 2)]
    caller = Caller(port)
    try:
        if close:
            flows.pop(number % 2).close()
        start = time.perf_counter()
        caller.invite(user)
        flow = first_with_data(flows)
        invite = flow.expect("INVITE")
        arrived = time.perf_counter()
        flow.send(answer(invite, "200 OK", f"Contact: {flow.contact}", tag=f"t{number}"))
        response = caller.success()
        answered = time.perf_counter()
        caller.confirm(response)
        flow.expect("ACK")
        flow.send(answer(flow.expect("BYE"), "200 OK"))
        caller.success()
        return (arrived - start) * 1e3, (answered - start) * 1e3
    finally:
        caller.close()
        for each in flows:
            each.close()
