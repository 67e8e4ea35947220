"""Runs the scenarios of tests/reliability in full and prints the figures of docs/reliability.md.

``python -m tools.reliability`` takes about five minutes, needs root for network namespaces, and
prints a table; ``--write`` puts it into the page as well. Exit status 1: something did not hold.
"""

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bench.report import machine
from tests.interop.network import why_not
from tests.interop.peers import find
from tests.reliability import faults, flows
from tests.reliability.clock import Clock
from tests.reliability.flows import Loss
from tests.reliability.lab import CallFigures, Lab, most_flows
from tests.reliability.served import prlimit

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "reliability.md"
START, END = "<!-- reliability:start -->", "<!-- reliability:end -->"

FLOWS: Final = 20_000
RATE: Final = 20.0
FLOW_TIMER: Final = 120.0
STEPS: Final = ("+1d", "-1d", "+10y", "+0s")


class Row(NamedTuple):
    """One figure.

    Attributes:
        what: was measured.
        figure: what came out.
        holds: whether it is as promised.
    """

    what: str
    figure: str
    holds: bool = True


def main() -> int:
    """Run what is asked for, print the table, and say by the exit status whether all holds."""
    parser = argparse.ArgumentParser(prog="python -m tools.reliability", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    parser.add_argument("--only", action="append", choices=list(SCENARIOS), help="repeat for more")
    options = parser.parse_args()
    if problem := why_not() or ("" if find("nft") else "needs nft: apt-get install nftables"):
        _tell(problem)
        return 2
    if options.write and options.only:
        parser.error("--write writes the whole table: leave --only out")
    rows: list[Row] = []
    for name in options.only or SCENARIOS:
        _tell(f"{name} ...")
        rows += SCENARIOS[name]()
    table = _table(rows)
    sys.stdout.write(table)
    if options.write:
        _write(table)
    for row in rows:
        if not row.holds:
            _tell(f"does not hold: {row.what}: {row.figure}")
    return 0 if all(row.holds for row in rows) else 1


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _flows() -> list[Row]:
    """Idle flows, a reset of half of them, their return, and silence of the other half."""
    count = min(FLOWS, most_flows()) // 2 * 2
    with _lab() as lab:
        lab.served.start()
        idle = flows.idle(lab, count, seconds=30.0, rate=RATE, period=FLOW_TIMER)
        first, second = lab.phones[: count // 2], lab.phones[count // 2 :]
        reset = flows.reset(lab, first, second, RATE)
        back_in = flows.storm(lab, first)
        back = [phone for phone in lab.phones if phone.user in {each.user for each in first}]
        silence = flows.silence(lab, second, back, RATE, FLOW_TIMER)
        log = lab.served.faults
    return [
        Row("idle TCP flows, each registered", f"{idle.flows:,}", idle.lost == 0),
        Row("until all were connected and registered", f"{idle.opened_in:.1f} s"),
        Row("server memory per flow and binding", f"{idle.memory / 1000:.1f} kB"),
        Row(
            f"CPU for their keep-alives, one in {FLOW_TIMER:g} s each",
            f"{idle.cpu:.1%} of a core",
            idle.unanswered == 0,
        ),
        _calls("calls meanwhile", idle.calls),
        *_loss("reset at once", reset, reset.slowest < 1.0),
        Row("until all of these had registered again", f"{back_in:.1f} s"),
        *_loss("gone silent at once", silence, silence.last < FLOW_TIMER),
        *_no_faults(log),
    ]


def _loss(what: str, loss: Loss, in_time: bool) -> list[Row]:
    others = _calls("calls to the other half, from then on", loss.others)
    return [
        Row(
            f"{loss.flows:,} flows {what}: bindings out of service",
            f"{loss.first:.2f} to {loss.last:.2f} s after; each {loss.slowest:.2f} s at most",
            in_time and not loss.left and not loss.wrongly,
        ),
        Row(
            "calls to users of those flows then",
            f"{', '.join(map(str, loss.answers))} within {loss.answered_in * 1000:.0f} ms",
            loss.answers == (480,),
        ),
        others,
    ]


def _packet_loss() -> list[Row]:
    with _lab() as lab:
        lab.served.start()
        found = faults.lossy(lab, phones=50, calls=500, rate=RATE, percent=5)
        log = lab.served.faults
    return [
        Row(
            "UDP packets lost, 5 of 100 each way",
            f"{found.dropped:,}; {found.repeated:,} messages sent again by the phones",
        ),
        _calls("calls over that network", found.calls, found.unacknowledged == 0),
        *_no_faults(log),
    ]


def _restart() -> list[Row]:
    with _lab() as lab:
        lab.served.start()
        found = faults.restart(lab, phones=1000, flows=500, rate=RATE, seconds=5.0)
        log = lab.served.faults
    return [
        Row(
            "`kill -9` under calls: bindings over UDP that were there after",
            f"{found.kept:,} of {found.bindings:,}",
            found.kept == found.bindings,
        ),
        Row(
            "bindings of connections that died with it",
            f"{found.wrongly_kept} of {found.flows:,}",
            found.wrongly_kept == 0,
        ),
        Row("from the kill to ready, and to the first answered call", _down(found)),
        _calls("calls that stood when it died, hung up after", found.talking),
        _calls("calls dialled while it was away", found.dialling),
        _calls("calls after", found.after),
        Row("until the phones of those connections had registered again", f"{found.back_in:.1f} s"),
        _calls("calls to these", found.back),
        *_no_faults(log),
    ]


def _down(found: faults.Restart) -> str:
    return f"{found.down:.1f} s, {found.gap:.1f} s"


def _clock() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock(Path(folder))
        with _lab(clock.settings) as lab:
            lab.served.start()
            found = faults.clocks(lab, clock, STEPS, phones=100, rate=RATE)
            log = lab.served.faults
    return [
        Row(
            f"time of day set {', '.join(found.steps)} while it ran: bindings kept",
            f"{found.kept} of {found.bindings}",
            found.kept == found.bindings and not found.unbound and abs(found.noticed - 3600) < 60,
        ),
        _calls("calls meanwhile", found.calls),
        *_no_faults(log),
    ]


def _crowd() -> list[Row]:
    with _lab() as lab:
        lab.served.start(*prlimit(2000))
        found = flows.crowd(lab, 2000, RATE, seconds=5.0)
        log = lab.served.faults
    return [
        Row(
            f"{found.knocking:,} connections to a server with room for {found.files:,} files",
            f"{found.taken:,} taken; of the {found.flows:,} before {found.lost} lost",
            found.lost == 0,
        ),
        Row("CPU meanwhile", f"{found.cpu:.0%} of a core", found.cpu < 0.8),
        _calls("calls meanwhile", found.calls),
        Row("REGISTER over UDP meanwhile", str(found.stored[-1]), found.stored[-1] == 200),
        *_no_faults(log),
    ]


SCENARIOS: Final[Mapping[str, Callable[[], list[Row]]]] = {
    "flows": _flows,
    "loss": _packet_loss,
    "restart": _restart,
    "clock": _clock,
    "crowd": _crowd,
}


def _calls(what: str, calls: CallFigures, holds: bool = True) -> Row:
    failed = Counter(status if status != 200 else by_bye for status, by_bye in calls.failed)
    text = f"{calls.calls - len(calls.failed):,} of {calls.calls:,} done"
    text += "".join(f", {count} got {status}" for status, count in sorted(failed.items()))
    text += f"; answered after {calls.median * 1000:.0f} ms (median), {calls.longest:.2f} s at most"
    return Row(what, text, holds and not failed and calls.calls > 0)


def _no_faults(lines: list[str]) -> list[Row]:
    return [Row("errors in the log", f"{len(lines)}: {lines[0]}", holds=False)] if lines else []


def _table(rows: list[Row]) -> str:
    on = machine()
    lines = ["| what | measured |", "| --- | --- |"]
    lines += [f"| {row.what} | {row.figure} |" for row in rows]
    cores = f"{on['cores']} cores, which the phones and callers share"
    load = f"{os.getloadavg()[1]:.1f}"
    lines += ["", f"{on['cpu']}, {cores}. Load average {load} at the end."]
    return "\n".join(lines) + "\n"


def _write(table: str) -> None:
    before, start, rest = PAGE.read_text(encoding="utf-8").partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"{PAGE.name} has no place for the table: {START} and {END}")
    PAGE.write_text(f"{before}{START}\n{table}{END}{after}", encoding="utf-8")


@contextmanager
def _lab(settings: Mapping[str, str] | None = None) -> Iterator[Lab]:
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder), settings) as lab:
        yield lab


if __name__ == "__main__":
    sys.exit(main())
