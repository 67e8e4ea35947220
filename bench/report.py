"""Medians, the results file, and the table of the README."""

import dataclasses
import json
import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path

from bench.failover import Failover
from bench.load import Run
from bench.plan import Plan, Results
from bench.servers import Candidate

_START, _END = "<!-- bench:start -->", "<!-- bench:end -->"

_HEAD = (
    "| | CPU per call | ratio | per REGISTER | per refresh | per 302 |"
    " failover, median | maximum | call without |"
)


def markdown(plan: Plan, candidates: list[Candidate], results: dict[str, Results]) -> str:
    """The speed table, one row for each server."""
    base = _median_us(results["kamailio"].call) if "kamailio" in results else None
    rows = [_HEAD, "| --- |" + " ---: |" * 8]
    for candidate in candidates:
        found = results[candidate.key]
        call = _median_us(found.call)
        cells = [
            candidate.title,
            _us(call),
            f"{call / base:.2f}" if call and base else "-",
            *(_us(_median_us(runs)) for runs in (found.register_new, found.register_again)),
            _us(_median_us(found.redirect)),
            *_failover_cells(found.failover),
        ]
        rows.append("| " + " | ".join(cells) + " |")
    rows += ["", _caption(plan, candidates, results)]
    return "\n".join(rows) + "\n"


def save(path: Path, plan: Plan, candidates: list[Candidate], results: dict[str, Results]) -> None:
    """Write every single run as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {
        "machine": machine(),
        "plan": dataclasses.asdict(plan),
        "servers": {each.key: each.note for each in candidates},
        "results": {key: dataclasses.asdict(found) for key, found in results.items()},
    }
    path.write_text(json.dumps(values, indent=1) + "\n")


def write_table(page: Path, table: str) -> None:
    """Put the table between the two marks of a page.

    Raises:
        ValueError: the page has no marks.
    """
    before, start, rest = page.read_text(encoding="utf-8").partition(_START)
    _, end, after = rest.partition(_END)
    if not end:
        raise ValueError(f"{page.name} has no place for the table: {_START} and {_END}")
    page.write_text(f"{before}{start}\n{table}{end}{after}", encoding="utf-8")


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    return {"cpu": cpu, "cores": os.cpu_count(), "system": platform.system()}


def _caption(plan: Plan, candidates: list[Candidate], results: dict[str, Results]) -> str:
    notes = dict.fromkeys(each.note for each in candidates)
    on = machine()
    words = (
        f"Server CPU time at {plan.rate:,}/s over UDP on loopback, medians of {plan.repeats} runs"
        f" of {plan.calls:,}; failover over TCP from sending the INVITE to its arrival on the other"
        f" flow, {plan.failovers} calls. {on['cpu']}, {on['cores']} cores. {'; '.join(notes)}."
    )
    dirty = [
        candidate.title
        for candidate in candidates
        if results[candidate.key].errors
        or results[candidate.key].failover.closed.lost
        or not all(run.clean for run in _runs(candidate, results))
    ]
    return f"{words} Not clean: {', '.join(dirty)}." if dirty else words


def _runs(candidate: Candidate, results: dict[str, Results]) -> list[Run]:
    found = results[candidate.key]
    return [*found.call, *found.register_new, *found.register_again, *found.redirect]


def _median_us(runs: Sequence[Run]) -> float | None:
    return statistics.median(run.us for run in runs) if runs else None


def _us(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} µs"


def _failover_cells(found: Failover) -> list[str]:
    closed, intact = found.closed, found.intact
    lost = f" ({len(closed.lost)} lost)" if closed.lost else ""
    return [
        (_ms(statistics.median(closed.arrival)) if closed.arrival else "-") + lost,
        _ms(max(closed.arrival)) if closed.arrival else "-",
        _ms(statistics.median(intact.arrival)) if intact.arrival else "-",
    ]


def _ms(value: float) -> str:
    return f"{value:.1f} ms"
