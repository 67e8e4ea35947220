"""What Prometheus reads, what a load balancer asks, and the dashboard that shows it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.harness import Harness

from ringway.aio.timing import Timing
from ringway.endpoint.gate import Proof
from ringway.server.config.sections import LimitsConfig
from ringway.server.config.settings import Config
from ringway.server.limits.guard import Guard, GuardSettings
from ringway.server.limits.overload import Rank
from ringway.server.operations.metrics import BOUNDS, Exporter
from ringway.server.operations.observing import observing_app

DASHBOARD = Path(__file__).parents[4] / "docs" / "grafana" / "ringway.json"
PAGE = Path(__file__).parents[4] / "docs" / "reference" / "metrics.md"


class Probe:
    """A lag that was measured."""

    def __init__(self) -> None:
        self.timing = Timing((0.1, 1.0))


class Machine:
    """What a driver counts."""

    def __init__(self) -> None:
        self.lag: Any = Probe()
        self.commits = Timing((0.005,))
        self.store_failures = 3
        self.datagrams_dropped = 4

    def flows(self) -> dict[str, int]:
        return {"tcp": 2, "wss": 1}


class Copies:
    """What an export to a collector counts."""

    def __init__(self) -> None:
        self.sent = 5
        self.dropped = {"queue": 6}
        self.waiting = 7


class World:
    """An exporter and what it shows."""

    def __init__(self) -> None:
        self.h = Harness()
        self.machine = Machine()
        self.guard = Guard(
            GuardSettings(ban_failures=1),
            lambda: self.h.endpoint.transactions,
            self.h.endpoint.counters.over,
        )
        self.exporter = Exporter(self.h.endpoint, self.guard, ["a", "b"], self.machine, Copies())

    def read(self) -> dict[tuple[str, ...], float]:
        """Return each value by its name and the values of its labels."""
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(self.exporter.text().decode())
            for sample in family.samples
        }


@pytest.fixture
def world() -> World:
    return World()


def test_messages_are_counted_by_what_they_are(world: World) -> None:
    h = world.h
    caller, callee = h.peer("udp", "10.0.0.9"), h.peer("udp", "10.0.0.8")
    transaction = h.receive(caller, "INVITE")
    h.reply(transaction, 180)
    h.reply(transaction, 486)
    caller.request("SPRING")
    h.send("OPTIONS", callee)
    callee.answer(callee.last, 200)
    caller.send(b"not SIP at all, and long enough")
    found = world.read()
    assert found["ringway_requests_received_total", "INVITE"] == 1
    assert found["ringway_requests_received_total", "other"] == 1
    assert found["ringway_requests_sent_total", "OPTIONS"] == 1
    assert found["ringway_responses_total", "1xx", "180", "sent"] == 1
    assert found["ringway_responses_total", "4xx", "486", "sent"] == 1
    assert found["ringway_responses_total", "2xx", "200", "received"] == 1
    assert found["ringway_messages_unsound_total",] == 1
    assert found["ringway_transactions",] == h.endpoint.transactions == 3


def test_what_failed_over_and_why(world: World) -> None:
    world.h.endpoint.counters.failovers = {"430": 2, "timer": 1}
    world.h.endpoint.counters.recovered = 3
    world.h.endpoint.counters.redirects_followed = 4
    found = world.read()
    assert found["ringway_failovers_total", "430", "Flow Failed"] == 2
    assert found["ringway_failovers_total", "timer", "timer"] == 1
    assert found["ringway_requests_recovered_total",] == 3
    assert found["ringway_redirects_followed_total",] == 4


def test_the_state_of_now(world: World) -> None:
    world.guard.connects("198.51.100.7", 0.0, accepted=True)
    found = world.read()
    assert found["ringway_bindings",] == 2
    assert (found["ringway_flows", "tcp"], found["ringway_flows", "wss"]) == (2, 1)
    assert found["ringway_connections",] == 1
    assert found["ringway_store_failures_total",] == 3
    assert found["ringway_datagrams_dropped_total",] == 4


def test_every_bound_is_there_from_the_start(world: World) -> None:
    found = world.read()
    assert {each[1] for each in found if each[0] == "ringway_bound_hits_total"} == set(BOUNDS)
    world.guard.hit("write_buffer")
    assert world.read()["ringway_bound_hits_total", "write_buffer"] == 1


def test_every_bound_has_a_key_in_the_configuration() -> None:
    keys = set(LimitsConfig.model_fields) | {"max_contacts"}
    keys |= {f"recurse_{key}" for key in Config.model_fields["recurse"].default.model_fields_set}
    keys |= {"recurse_depth", "recurse_targets"}
    keys |= {"open_files", "handshakes"}  # the system's, and a fixed number
    assert set(BOUNDS) <= keys
    bounded = set(LimitsConfig.model_fields) - set(BOUNDS)
    assert bounded == {  # these shape another bound, or have metrics of their own
        "header_size",
        "request_burst",
        "ban_window",
        "ban_time",
        "sources",
        "exempt",
        "lag",
        "retry_after",
    }


def test_bans_and_sheds(world: World) -> None:
    request = world.h.receive(world.h.peer("udp", "10.0.0.9"), "REGISTER").request
    assert request is not None
    flow = world.h.peer("udp", "198.51.100.7").flow
    assert flow is not None
    world.guard.answered(request, flow, 404, 0.0, proof=Proof.UNCHECKED)
    world.guard.hears("198.51.100.7", 0.0)
    world.guard.overload.pressure = 1.0
    world.guard.overload.sheds(Rank.NEW)
    found = world.read()
    assert (found["ringway_bans",], found["ringway_unheard_total",]) == (1, 1)
    assert (found["ringway_shed_total", "new"], found["ringway_shed_total", "dialog"]) == (1, 0)
    assert found["ringway_pressure",] == 1.0


def test_times_are_histograms(world: World) -> None:
    for seconds in (0.05, 0.1, 0.5, 7.0):
        world.machine.lag.timing.add(seconds)
    found = world.read()
    assert found["ringway_lag_seconds_bucket", "0.1"] == 2
    assert found["ringway_lag_seconds_bucket", "1.0"] == 3
    assert found["ringway_lag_seconds_bucket", "+Inf"] == 4
    assert found["ringway_lag_seconds_count",] == 4
    assert found["ringway_lag_seconds_sum",] == pytest.approx(7.65)
    assert found["ringway_store_commit_seconds_count",] == 0
    world.machine.lag = None
    assert ("ringway_lag_seconds_count",) not in world.read()


def names(world: World) -> set[str]:
    """Every name that a query may use, as Prometheus stores it."""
    found = {each[0] for each in world.read()}
    return found | {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(world.exporter.text().decode())
    }


def test_copies_for_a_collector(world: World) -> None:
    found = world.read()
    assert found["ringway_hep_sent_total",] == 5
    assert found["ringway_hep_dropped_total", "queue"] == 6
    assert found["ringway_hep_dropped_total", "unfit"] == 0
    assert found["ringway_hep_dropped_total", "unsent"] == 0
    assert found["ringway_hep_waiting",] == 7


def test_the_dashboard_asks_for_what_there_is(world: World) -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    queries = [
        target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])
    ]
    asked = {name for query in queries for name in re.findall(r"ringway_\w+", query)}
    assert len(asked) > 10
    assert asked <= names(world)
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_the_page_names_each_metric(world: World) -> None:
    told = set(re.findall(r"`(ringway_\w+)`", PAGE.read_text(encoding="utf-8")))
    there = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(world.exporter.text().decode())
    }
    assert told == there


class TestOverHttp:
    def ask(self, path: str, trouble: str = "", method: str = "GET") -> httpx.Response:
        app = observing_app(lambda: b"ringway_bindings 2.0\n", lambda: trouble)

        async def fetch() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                return await client.request(method, path)

        import asyncio  # noqa: PLC0415

        return asyncio.run(fetch())

    def test_metrics(self) -> None:
        response = self.ask("/metrics")
        assert (response.status_code, response.text) == (200, "ringway_bindings 2.0\n")
        assert response.headers["content-type"].startswith("text/plain; version=")

    def test_health(self) -> None:
        assert (self.ask("/healthz").status_code, self.ask("/healthz").text) == (200, "ready\n")
        response = self.ask("/healthz", "draining")
        assert (response.status_code, response.text) == (503, "draining\n")

    def test_nothing_else(self) -> None:
        assert self.ask("/").status_code == 404
        assert self.ask("/metrics", method="POST").status_code == 405
