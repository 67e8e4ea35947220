"""Runs the simulation on and on, replays a seed that failed, makes it small, plants bugs.

``python -m tools.soak`` runs until it is stopped; ``--seed 17`` replays one seed and draws the
ladder of each call that went wrong; ``--shrink`` finds the fewest items that still go wrong;
``--bugs`` writes the table of docs/simulation.md.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from time import perf_counter

from tests.simulation.bugs import BUGS, planted
from tests.simulation.ladder import told
from tests.simulation.runs import Caught, Report, hunt, run, shrink
from tests.simulation.simulation import Outcome, simulate

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "simulation.md"
START, END = "<!-- bugs:start -->", "<!-- bugs:end -->"
BEYOND_TESTS = 1001
"""Where to begin: `make test` has run the seeds before."""
HUNTED = 300
"""Seeds that look for a planted bug."""


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def command(seed: int, only: Iterable[int] | None = None) -> str:
    """Return what replays a seed."""
    chosen = "" if only is None else " --only " + ",".join(map(str, only))
    return f"python -m tools.soak --seed {seed}{chosen}"


def many(seeds: Iterable[int]) -> int:
    """Run seeds until one fails; returns the exit status."""
    start = perf_counter()
    calls = sent = done = 0
    for each in run(seeds):
        done, calls, sent = done + 1, calls + each.calls, sent + each.sent
        if each.violations:
            say(failure(each))
            return 1
        if done % 100 == 0:
            seconds = perf_counter() - start
            say(
                f"{done} seeds up to {each.seed}, {calls} requests delivered, "
                f"{sent} messages, {seconds:.0f} s"
            )
    return 0


def failure(report: Report) -> str:
    """Say what went wrong with a seed, how to replay it, and show the calls concerned."""
    lines = [f"Seed {report.seed} failed. To replay it: {command(report.seed)}", ""]
    return "\n".join([*lines, *told(simulate(report.seed, record=True))])


def replay(outcome: Outcome, only: Iterable[int] | None) -> int:
    """Show what a simulation was and what went wrong; returns the exit status."""
    scene = outcome.scene
    nodes = f"{scene.edges} edges, over {scene.link}" if scene.edges else "one node"
    say(f"Seed {outcome.seed}: {nodes}, {scene.users} users, {scene.weather}")
    for item in scene.items:
        if only is None or item.number in only:
            say(f"  {item}")
    say(f"{outcome.sent} messages, trace {outcome.trace}")
    for line in told(outcome):
        say(line)
    return 1 if outcome.violations else 0


def smallest(seed: int, outcome: Outcome) -> int:
    """Print the command with the fewest items that still go wrong; returns the exit status."""
    if not outcome.violations:
        say("nothing goes wrong")
        return 0
    numbers = [item.number for item in outcome.scene.items]
    kept = shrink(seed, outcome.violations[0].rule, numbers)
    say(f"{len(kept)} of {len(numbers)} items are enough: {command(seed, kept)}")
    return 1


def table(caught: Iterable[Caught]) -> str:
    """Return the table of planted bugs."""
    rows = [
        "| bug | what it does | caught by seed | after | by the rule |",
        "| --- | --- | ---: | ---: | --- |",
    ]
    for each in caught:
        found = f"{each.seed} | {each.seconds:.1f} s | {each.rule}"
        if not each.seed:
            found = f"not by {HUNTED} | {each.seconds:.0f} s | "
        rows.append(f"| `{each.name}` | {each.words} | {found} |")
    return "\n".join(rows)


def bugs() -> int:
    """Plant every bug and write the table; returns the exit status."""
    caught = []
    for name in BUGS:
        caught.append(hunt(name, range(1, HUNTED + 1)))
        say(str(caught[-1]))
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{START}\n{table(caught)}\n{END}{after}", encoding="utf-8")
    return 0


def numbers(text: str) -> list[int]:
    """Read ``3,17`` or ``1-1000``."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        found += range(int(first), int(last) + 1) if dash else [int(first)]
    return found


def main(arguments: list[str]) -> int:
    """Do what the command line asks; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay this seed")
    parser.add_argument("--only", type=numbers, help="with --seed: keep these items only, 3,17")
    parser.add_argument("--shrink", action="store_true", help="with --seed: find the fewest items")
    parser.add_argument("--bug", choices=sorted(BUGS), help="with --seed: plant this bug")
    parser.add_argument("--seeds", type=numbers, help="run these seeds, 1-1000, and stop")
    parser.add_argument("--start", type=int, default=BEYOND_TESTS, help="where to begin")
    parser.add_argument("--bugs", action="store_true", help="write the table of planted bugs")
    chosen = parser.parse_args(arguments)
    if chosen.bugs:
        return bugs()
    if chosen.seed is not None:
        bug = partial(planted, chosen.bug) if chosen.bug else None
        only = None if chosen.only is None else frozenset(chosen.only)
        outcome = simulate(chosen.seed, only=only, record=True, bug=bug)
        return smallest(chosen.seed, outcome) if chosen.shrink else replay(outcome, only)
    return many(chosen.seeds or itertools.count(chosen.start))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(0)
