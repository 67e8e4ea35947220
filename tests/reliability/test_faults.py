"""A network that loses packets, a server that dies under load, a clock that is set."""

from pathlib import Path

import pytest
from tests.reliability import faults
from tests.reliability.clock import Clock
from tests.reliability.lab import PATIENT, Lab
from tests.reliability.network import need_network

STEPS = ("+1d", "-1d", "+10y", "+0s")


@pytest.fixture(autouse=True)
def _network() -> None:
    need_network()


def test_every_call_gets_through_a_network_that_loses_packets(tmp_path: Path) -> None:
    with Lab(tmp_path, PATIENT) as lab:
        lab.served.start()
        found = faults.lossy(lab, phones=20, calls=100, rate=50.0, percent=5)
        assert lab.served.faults == []
    assert found.dropped > 10
    assert found.repeated > 10
    assert found.calls.calls >= 100
    assert found.calls.failed == ()
    assert found.unacknowledged == 0


def test_calls_go_on_after_the_server_was_killed_and_started(tmp_path: Path) -> None:
    with Lab(tmp_path, PATIENT) as lab:
        lab.served.start()
        found = faults.restart(lab, phones=50, flows=20, rate=20.0, seconds=2.0)
        assert lab.served.faults == []
    assert found.kept == 50
    assert found.wrongly_kept == 0
    assert found.before.calls + found.talking.calls > 20
    assert found.before.failed == ()
    assert found.talking.calls
    assert found.talking.failed == ()
    assert found.dialling.calls
    assert found.dialling.failed == ()
    assert found.after.calls
    assert found.after.failed == ()
    assert found.back.failed == ()


def test_a_clock_that_is_set_ends_neither_binding_nor_call(tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    with Lab(tmp_path, {**PATIENT, **clock.settings}) as lab:
        lab.served.start()
        found = faults.clocks(lab, clock, STEPS, phones=10, rate=20.0)
        assert lab.served.faults == []
    assert found.kept == found.bindings
    assert found.unbound == 0
    assert found.calls.failed == ()
    assert found.noticed == pytest.approx(3600, abs=30)  # else nothing was tested
