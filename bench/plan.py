"""What is run how often, and the order: candidates take turns, because machines change speed."""

import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.failover import Failover, measure
from bench.load import Load, Ports, Run
from bench.proc import Server, calibrate
from bench.servers import Candidate, Setting, Task


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure.

    Attributes:
        rate: calls, registrations and redirects a second.
        calls: of each, per run.
        repeats: runs; the table shows the medians.
        failovers: calls with a closed flow, over all repeats.
        users: users that are called.
    """

    rate: int = 1000
    calls: int = 10_000
    repeats: int = 3
    failovers: int = 200
    users: int = 1000


QUICK = Plan(calls=1500, repeats=1, failovers=20, users=200)


@dataclass(slots=True)
class Results:
    """What was measured for one candidate, run by run."""

    call: list[Run] = field(default_factory=list)
    register_new: list[Run] = field(default_factory=list)
    register_again: list[Run] = field(default_factory=list)
    redirect: list[Run] = field(default_factory=list)
    failover: Failover = field(default_factory=Failover)
    calibration: list[dict[str, float]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def run_all(
    plan: Plan, candidates: list[Candidate], port: int, tell: Callable[[str], None]
) -> dict[str, Results]:
    """Measure every candidate, in turn, and say what was found on the way."""
    results = {each.key: Results() for each in candidates}
    for repeat in range(plan.repeats):
        for task in Task:
            # The order turns, so that no candidate always follows the same other.
            for candidate in _turned(candidates, repeat):
                name = f"{repeat + 1}/{plan.repeats} {task} {candidate.title}"
                try:
                    said = _run(plan, task, candidate, port, results[candidate.key])
                except (OSError, RuntimeError) as error:
                    results[candidate.key].errors.append(f"{task}: {error!r}")
                    said = f"FAILED: {error}"
                tell(f"{name}: {said}")
    return results


def _run(plan: Plan, task: Task, candidate: Candidate, port: int, results: Results) -> str:
    with tempfile.TemporaryDirectory(prefix="ringway-bench-") as name:
        directory = Path(name)
        (directory / "server").mkdir()
        log = directory / "server.log"
        setting = Setting(task, port, directory / "server", plan.users)
        with Server(candidate.command(setting), port, log) as server:
            said = _measure(plan, task, setting, server, results)
        if "Traceback" in log.read_text(errors="replace"):
            results.errors.append(f"{task}: the server logged a fault")
            said += " (the server logged a fault)"
        return said


def _measure(plan: Plan, task: Task, setting: Setting, server: Server, results: Results) -> str:
    if task is Task.FAILOVER:
        measure(setting.port, -(-plan.failovers // plan.repeats), results.failover)
        return _failover_in_words(results.failover)
    results.calibration.append(calibrate())
    load = Load(server, Ports(setting.port), setting.directory.parent, plan.users, plan.rate)
    return ", ".join(
        f"{what} {run.us} µs{'' if run.clean else f' (not clean: {run})'}"
        for what, run in _loads(plan, task, load, results)
    )


def _loads(plan: Plan, task: Task, load: Load, results: Results) -> Iterator[tuple[str, Run]]:
    if task is Task.REDIRECT:
        load.register(plan.users)
        results.redirect.append(load.redirects(plan.calls))
        yield "302", results.redirect[-1]
        return
    results.register_new.append(load.register(plan.calls))
    yield "REGISTER", results.register_new[-1]
    results.register_again.append(load.register(plan.calls))
    yield "refresh", results.register_again[-1]
    results.call.append(load.calls(plan.calls))
    yield "call", results.call[-1]


def _failover_in_words(found: Failover) -> str:
    times, lost = found.closed.arrival, len(found.closed.lost)
    words = "no call"
    if times:
        words = f"median {statistics.median(times):.2f} ms, maximum {max(times):.2f} ms"
    return f"{words}, {lost} lost" if lost else words


def _turned(candidates: list[Candidate], by: int) -> list[Candidate]:
    by %= len(candidates)
    return candidates[by:] + candidates[:by]
