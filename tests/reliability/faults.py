"""A network that loses packets, a server that dies, a clock that is set, and how it goes.

The tests run these small, `python -m tools.reliability` in full; see `flows` for connections.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Thread
from typing import Final

from tests.reliability.clock import Clock
from tests.reliability.lab import CallFigures, Lab, figures_of
from tests.reliability.phones import GIVE_UP

LOOKS: Final = 5.5
"""Seconds within which the server has looked for bindings that have lapsed."""

HOLD: Final = 2.0
"""Seconds that a call lasts when the server is to die meanwhile."""


@dataclass(frozen=True, slots=True)
class Lossy:
    """Calls over a network that loses packets.

    Attributes:
        phones: that registered over it.
        dropped: packets.
        repeated: messages that phones and callers sent again; the server repeats its own.
        unacknowledged: calls whose ACK never came.
        calls: how they went.
    """

    phones: int
    dropped: int
    repeated: int
    unacknowledged: int
    calls: CallFigures


def lossy(lab: Lab, phones: int, calls: int, rate: float, percent: int) -> Lossy:
    """Register and call over UDP while so many of 100 packets are lost, each way."""
    lab.network.lose(percent)
    callees = lab.make("udp", phones)
    lab.register(callees)
    traffic = lab.traffic(callees, rate)
    lab.reactor.until(lambda: len(traffic.calls) >= calls, 60 + calls / rate, "all are dialled")
    made = traffic.stop()[:]
    lab.reactor.until(
        lambda: not sum(phone.waiting for phone in callees), GIVE_UP, "every 200 has its ACK"
    )
    found = figures_of(made)
    return Lossy(
        phones=phones,
        dropped=lab.network.heal(),
        repeated=found.repeated + sum(phone.repeated for phone in callees),
        unacknowledged=sum(phone.waiting for phone in callees),
        calls=found,
    )


@dataclass(frozen=True, slots=True)
class Restart:
    """A server killed and started again under load.

    Attributes:
        bindings: over UDP, before.
        kept: of them, after, without a new REGISTER.
        flows: connections before, whose bindings must be gone after.
        wrongly_kept: bindings of those connections that were there after.
        down: seconds from the kill until it said that it is ready.
        gap: seconds from the kill to the first answer to a call dialled after it.
        before: calls that were over before the kill.
        talking: calls answered before the kill, hung up after it.
        dialling: calls dialled before the kill or while the server was away.
        after: calls dialled when it was ready.
        back_in: seconds until the phones with connections had registered again.
        back: calls to those.
    """

    bindings: int
    kept: int
    flows: int
    wrongly_kept: int
    down: float
    gap: float
    before: CallFigures
    talking: CallFigures
    dialling: CallFigures
    after: CallFigures
    back_in: float
    back: CallFigures


def restart(lab: Lab, phones: int, flows: int, rate: float, seconds: float) -> Restart:
    """Kill the server while calls to phones over UDP run, start it again, and look around.

    Args:
        lab: with a server that runs.
        phones: that register over UDP.
        flows: phones with a connection.
        rate: calls a second.
        seconds: of calls before, and after.
    """
    kept = lab.make("udp", phones)
    lost = lab.make("tcp", flows)
    lab.register([*kept, *lost])
    traffic = lab.traffic(kept, rate, hold=HOLD)
    lab.reactor.serve(seconds)
    lab.served.kill()
    killed = time.monotonic()
    starting = Thread(target=lab.served.start)
    starting.start()
    while starting.is_alive():
        lab.reactor.turn(0.02)
    starting.join()
    ready = time.monotonic()
    bound = lab.served.bindings()
    lab.reactor.serve(seconds)
    lab.reactor.until(lambda: all(phone.ended for phone in lost), 10, "the connections ended")
    back_in = lab.register(lab.come_back(lost))
    calls = traffic.stop()
    back = lab.traffic(lost, rate)
    lab.reactor.serve(1.0)
    answered = [call.answered for call in calls if call.answered and call.started > killed]
    return Restart(
        bindings=phones,
        kept=len(bound & {phone.user for phone in kept}),
        flows=flows,
        wrongly_kept=len(bound & {phone.user for phone in lost}),
        down=ready - killed,
        gap=min(answered) - killed,
        before=figures_of([call for call in calls if 0 < call.ended < killed]),
        talking=figures_of([call for call in calls if 0 < call.answered < killed <= call.ended]),
        dialling=figures_of(
            [call for call in calls if call.started < ready and not (0 < call.answered < killed)]
        ),
        after=figures_of([call for call in calls if call.started >= ready]),
        back_in=back_in,
        back=figures_of(back.stop()),
    )


@dataclass(frozen=True, slots=True)
class Clocks:
    """A server whose time of day is set while it runs.

    Attributes:
        steps: what was done to it.
        bindings: before.
        kept: of them, after all steps.
        unbound: bindings that the server took out of service meanwhile.
        calls: made right after each step.
        noticed: seconds by which a server started afterwards saw the clock be wrong.
    """

    steps: tuple[str, ...]
    bindings: int
    kept: int
    unbound: int
    calls: CallFigures
    noticed: float


def clocks(lab: Lab, clock: Clock, steps: Sequence[str], phones: int, rate: float) -> Clocks:
    """Set the time of day while phones of both kinds are called."""
    callees = [*lab.make("udp", phones), *lab.make("tcp", phones)]
    lab.register(callees)
    traffic = lab.traffic(callees, rate, hold=0.2)
    lab.served.news()
    for step in steps:
        lab.reactor.serve(0.5)
        clock.step(step)
    lab.reactor.serve(LOOKS)
    calls = figures_of(traffic.stop())
    kept = lab.served.bindings() & {phone.user for phone in callees}
    unbound = [event for event in lab.served.news() if event["kind"] == "unbound"]
    clock.step("+1h")
    lab.served.close()
    noticed = float(lab.served.start()["at"]) - time.time()
    return Clocks(tuple(steps), len(callees), len(kept), len(unbound), calls, noticed)
