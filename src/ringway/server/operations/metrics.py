"""The numbers of a running server, for Prometheus.

Nothing is counted here: the endpoint, the guard and the driver count as they go, in plain numbers,
and they are read when somebody asks. Each bound is there by its key in the configuration, from the
start and with zero, so that an alert can be written before it is needed.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping, Sized
from importlib.metadata import version
from typing import Final, Protocol

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from ringway.aio.lag import LagProbe
from ringway.aio.timing import Timing
from ringway.codes import lookup
from ringway.endpoint import Endpoint
from ringway.server.limits.guard import Guard
from ringway.server.limits.overload import Rank
from ringway.server.operations.hep import DROPPED

__all__ = ["BOUNDS", "Copies", "Exporter", "Machine"]

BOUNDS: Final = (
    "message_size",
    "headers",
    "message_time",
    "handshake_time",
    "write_buffer",
    "connections",
    "open_files",
    "connections_per_source",
    "handshakes",
    "handshakes_per_source",
    "transactions",
    "handlers",
    "request_rate",
    "ban_failures",
    "max_breadth",
    "max_contacts",
    "recurse_depth",
    "recurse_targets",
)
"""Every bound that is counted when it is met."""

_RANKS: Final = {Rank.NEW: "new", Rank.OUTSIDE: "outside", Rank.DIALOG: "dialog"}


class Machine(Protocol):
    """What the driver counts; see `ringway.aio.driver.Driver`."""

    @property
    def lag(self) -> LagProbe | None:
        """Measures the lag of the loop."""

    @property
    def commits(self) -> Timing:
        """How long the store took to keep each change."""

    @property
    def store_failures(self) -> int:
        """Changes it did not keep."""

    @property
    def datagrams_dropped(self) -> int:
        """Datagrams that the system had no room to send."""

    def flows(self) -> Mapping[str, int]:
        """Return how many connections are open, by transport."""


class Copies(Protocol):
    """What counts the copies that go to a collector; see `ringway.server.operations.hep`."""

    @property
    def sent(self) -> int:
        """Copies that went out."""

    @property
    def dropped(self) -> Mapping[str, int]:
        """Copies that did not, by reason."""

    @property
    def waiting(self) -> int:
        """Copies that wait."""


class Exporter(Collector):
    """Shows what a server has counted as Prometheus reads it.

    Args:
        endpoint: counts messages.
        guard: knows sources, connections and pressure.
        bindings: says how many bindings there are.
        machine: the driver.
        copies: what sends them to a collector.
    """

    def __init__(
        self, endpoint: Endpoint, guard: Guard, bindings: Sized, machine: Machine, copies: Copies
    ) -> None:
        self._endpoint = endpoint
        self._counters = endpoint.counters
        self._guard = guard
        self._bindings = bindings
        self._machine = machine
        self._copies = copies
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """Return the metrics in the Prometheus text format, version 0.0.4."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield each family of metrics."""
        counters = self._counters
        yield InfoMetricFamily(
            "ringway_build",
            "What runs here.",
            {"version": version("ringway"), "python": platform.python_version()},
        )
        yield _by(
            "ringway_requests_received",
            "Requests received, each once.",
            ("method",),
            (((method,), count) for method, count in counters.requests_received.items()),
        )
        yield _by(
            "ringway_requests_sent",
            "Requests sent, each once; without ACKs.",
            ("method",),
            (((method,), count) for method, count in counters.requests_sent.items()),
        )
        yield _by(
            "ringway_responses",
            "Responses sent, and received to requests of ours.",
            ("direction", "class", "code"),
            (
                ((direction, f"{status // 100}xx", str(status)), count)
                for direction, counts in (
                    ("sent", counters.responses_sent),
                    ("received", counters.responses_received),
                )
                for status, count in counts.items()
            ),
        )
        yield _one(
            "ringway_requests_repeated",
            "Requests that came again and were answered from memory.",
            counters.repeated,
        )
        yield _one("ringway_messages_unsound", "Messages that could not be read.", counters.unsound)
        yield _by(
            "ringway_failovers",
            "Branches that gave way to another, by what ended them.",
            ("cause", "meaning"),
            (((cause, _meaning(cause)), count) for cause, count in counters.failovers.items()),
        )
        yield _one(
            "ringway_requests_recovered",
            "Requests within a call whose flow was gone and that took another one.",
            counters.recovered,
        )
        yield _one(
            "ringway_redirects_followed",
            "Redirects that were followed instead of passed on.",
            counters.redirects_followed,
        )
        yield from self._state()
        yield from self._bounds()
        yield from self._timings()
        yield from self._hep()

    def _state(self) -> Iterator[Metric]:
        yield _gauge("ringway_transactions", "Transactions now.", self._endpoint.transactions)
        yield _gauge("ringway_bindings", "Bindings now.", len(self._bindings))
        flows = GaugeMetricFamily(
            "ringway_flows", "Connections that are open now.", labels=["transport"]
        )
        for transport, count in self._machine.flows().items():
            flows.add_metric([transport], count)
        yield flows
        yield _gauge(
            "ringway_connections",
            "Connections now, handshakes under way among them.",
            self._guard.connections,
        )

    def _bounds(self) -> Iterator[Metric]:
        guard = self._guard
        over = self._counters.over
        yield _by(
            "ringway_bound_hits",
            "How often a bound was met, by its key in the configuration.",
            ("bound",),
            (((bound,), over.get(bound, 0)) for bound in dict.fromkeys((*BOUNDS, *over))),
        )
        yield _gauge("ringway_sources", "Source addresses that are remembered.", len(guard.sources))
        yield _gauge("ringway_bans", "Sources that are not heard now.", len(guard.bans))
        yield _one(
            "ringway_unheard",
            "What came from banned sources: datagrams, reads and connections.",
            guard.unheard,
        )
        yield _by(
            "ringway_shed",
            "Requests that were shed under overload.",
            ("rank",),
            (((_RANKS[rank],), guard.overload.shed[rank]) for rank in Rank),
        )
        yield _gauge(
            "ringway_pressure",
            "Overload: 0 sheds nothing, 1 new calls and registrations, 3 everything.",
            guard.overload.pressure,
        )

    def _timings(self) -> Iterator[Metric]:
        machine = self._machine
        yield _histogram(
            "ringway_lag_seconds",
            "How long what has arrived waited before the loop looked at it.",
            machine.lag.timing if machine.lag is not None else None,
        )
        yield _histogram(
            "ringway_store_commit_seconds",
            "How long the store took to keep a change.",
            machine.commits,
        )
        yield _one(
            "ringway_store_failures", "Changes that the store did not keep.", machine.store_failures
        )
        yield _one(
            "ringway_datagrams_dropped",
            "Datagrams the system had no room to send.",
            machine.datagrams_dropped,
        )

    def _hep(self) -> Iterator[Metric]:
        copies = self._copies
        yield _one("ringway_hep_sent", "Copies of messages sent to the collector.", copies.sent)
        yield _by(
            "ringway_hep_dropped",
            "Copies of messages that the collector did not get.",
            ("reason",),
            (((reason,), copies.dropped.get(reason, 0)) for reason in DROPPED),
        )
        yield _gauge("ringway_hep_waiting", "Copies of messages that wait.", copies.waiting)


def _one(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _by(
    name: str, text: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], int]]
) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for each, value in values:
        family.add_metric(each, value)
    return family


def _histogram(name: str, text: str, timings: Timing | None) -> Metric:
    family = HistogramMetricFamily(name, text)
    if timings is not None:
        below = 0
        buckets = []
        for bound, count in zip((*timings.bounds, float("inf")), timings.counts, strict=True):
            below += count
            buckets.append(("+Inf" if bound == float("inf") else repr(bound), below))
        family.add_metric([], buckets, timings.total)
    return family


def _meaning(cause: str) -> str:
    return lookup(int(cause)).phrase if cause.isdigit() else cause
