"""Thousands of idle connections that live, are reset, fall silent, and come back."""

from pathlib import Path

import pytest
from tests.reliability import flows
from tests.reliability.lab import PATIENT, Lab
from tests.reliability.network import need_network
from tests.reliability.served import prlimit

FLOWS = 2000
RATE = 20.0
FLOW_TIMER = 6.0
GRACE = 2.0
QUICK = {**PATIENT, "RINGWAY_TIMERS__FLOW_TIMER": str(int(FLOW_TIMER))}


@pytest.fixture(autouse=True)
def _network() -> None:
    need_network()


def test_calls_run_while_thousands_keep_alive(tmp_path: Path) -> None:
    with Lab(tmp_path, PATIENT) as lab:
        lab.served.start()
        found = flows.idle(lab, FLOWS, seconds=2.0, rate=RATE, period=10.0)
        assert lab.served.faults == []
    assert found.flows == FLOWS
    assert found.lost == 0
    assert found.pings >= FLOWS * 2 * 2.0 / 10.0 * 0.9
    assert found.unanswered == 0
    assert found.calls.calls >= RATE
    assert found.calls.failed == ()
    assert found.memory < 16_000


def test_a_reset_takes_bindings_out_of_service_at_once(tmp_path: Path) -> None:
    with Lab(tmp_path, PATIENT) as lab:
        lab.served.start()
        dying, living = lab.make("tcp", FLOWS // 4, 0), lab.make("tcp", FLOWS // 4, 1)
        lab.register([*dying, *living])
        found = flows.reset(lab, dying, living, RATE)
        assert lab.served.faults == []
        # They all come back at once, and none is turned away for that.
        flows.storm(lab, dying)
        assert lab.served.bindings() == {phone.user for phone in lab.phones}
    assert found.slowest < 1.0
    assert found.left == 0
    assert found.wrongly == 0
    assert found.answers == (480,)
    assert found.answered_in < 1.0
    assert found.others.failed == ()


def test_silence_takes_bindings_out_of_service_within_the_flow_timer(tmp_path: Path) -> None:
    with Lab(tmp_path, QUICK) as lab:
        lab.served.start()
        living, dying = lab.make("tcp", FLOWS // 4, 0), lab.make("tcp", FLOWS // 4, 1)
        lab.register([*dying, *living])
        found = flows.silence(lab, dying, living, RATE, FLOW_TIMER + GRACE)
        assert lab.served.faults == []
    assert found.last < FLOW_TIMER + GRACE
    assert found.left == 0
    assert found.wrongly == 0
    assert found.answers == (480,)
    assert found.others.failed == ()


def test_one_lost_probe_ends_no_flow(tmp_path: Path) -> None:
    """Linux would, if data might stay unacknowledged for less than the probes take."""
    with Lab(tmp_path, QUICK) as lab:
        lab.served.start()
        (phone,) = lab.make("tcp", 1, 1)
        lab.register([phone])
        lab.network.silence()
        lab.reactor.until(lambda: lab.network.dropped() > 0, FLOW_TIMER, "a probe is lost")
        lab.network.heal()
        lab.reactor.serve(FLOW_TIMER / 2)
        phone.ping()
        lab.reactor.until(lambda: phone.pongs == 1, 5.0, "the flow lives")


def test_without_room_for_more_connections_the_others_go_on(tmp_path: Path) -> None:
    with Lab(tmp_path, PATIENT) as lab:
        lab.served.start(*prlimit(200))
        found = flows.crowd(lab, 200, RATE, seconds=2.0)
        assert lab.served.faults == []
    assert 0 < found.taken < 100
    assert found.lost == 0
    assert found.cpu < 0.8
    assert found.calls.failed == ()
    assert found.stored == (200,)
