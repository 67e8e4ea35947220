"""Many simulations: over several processes, with a planted bug, or smaller and smaller."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice
from time import perf_counter
from typing import NamedTuple

import tests.simulation.agent_bugs  # noqa: F401 - enters its bugs
from tests.simulation.bugs import BUGS, planted
from tests.simulation.judge import Violation
from tests.simulation.simulation import simulate

BATCH = 10
"""Seeds that a process gets at a time."""


class Report(NamedTuple):
    """What came of one seed.

    Attributes:
        seconds: how long it took.
    """

    seed: int
    violations: tuple[Violation, ...]
    trace: str
    sent: int
    calls: int
    seconds: float


class Caught(NamedTuple):
    """Whether a planted bug was noticed.

    Attributes:
        seed: the first seed that noticed; 0 if none did.
        seconds: how long it took from the first seed on.
    """

    name: str
    words: str
    seed: int
    seconds: float
    rule: str


def report(seed: int) -> Report:
    """Run one seed."""
    start = perf_counter()
    outcome = simulate(seed)
    calls = outcome.counts.get("delivered", 0)
    seconds = perf_counter() - start
    return Report(seed, outcome.violations, outcome.trace, outcome.sent, calls, seconds)


def run(seeds: Iterable[int]) -> Iterator[Report]:
    """Run seeds on all processors; reports come in order. Endless seeds are fine."""
    workers = os.cpu_count() or 1
    # Not forked: who calls this may have threads.
    context = multiprocessing.get_context("spawn")
    rising = iter(seeds)
    with ProcessPoolExecutor(workers, context) as pool:
        batches = [pool.submit(_batch, batch) for batch in _batches(rising, 2 * workers)]
        while batches:
            yield from batches.pop(0).result()
            batches += [pool.submit(_batch, batch) for batch in _batches(rising, 1)]


def _batches(seeds: Iterator[int], count: int) -> Iterator[list[int]]:
    for _ in range(count):
        batch = list(islice(seeds, BATCH))
        if batch:
            yield batch


def _batch(seeds: list[int]) -> list[Report]:
    return [report(seed) for seed in seeds]


def shrink(seed: int, rule: str, numbers: Iterable[int]) -> list[int]:
    """Leave out what a violation does not need, until every item is needed.

    Args:
        seed: of the simulation.
        rule: that is broken, and must still be.
        numbers: of the items to begin with.
    """
    kept = list(numbers)
    size = max(len(kept) // 2, 1)
    while True:
        start = 0
        while start < len(kept):
            fewer = kept[:start] + kept[start + size :]
            outcome = simulate(seed, only=frozenset(fewer))
            if any([each.rule == rule for each in outcome.violations]):
                kept = fewer
            else:
                start += size
        if size == 1:
            return kept
        size //= 2


def hunt(name: str, seeds: Iterable[int]) -> Caught:
    """Run seeds with a planted bug until one notices."""
    start = perf_counter()
    for seed in seeds:
        outcome = simulate(seed, bug=partial(planted, name))
        if outcome.violations:
            rule = outcome.violations[0].rule
            return Caught(name, BUGS[name][0], seed, perf_counter() - start, rule)
    return Caught(name, BUGS[name][0], 0, perf_counter() - start, "")
