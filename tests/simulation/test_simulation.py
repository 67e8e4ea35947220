"""A thousand simulations, and whether they would notice anything."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial

import pytest
from tests.simulation.bugs import BUGS, planted
from tests.simulation.ladder import told
from tests.simulation.plan import BIG_EVERY
from tests.simulation.runs import hunt, run, shrink
from tests.simulation.simulation import Outcome, simulate
from tools.soak import PAGE, command, failure

SEEDS = range(1, 1001)
BUG = "drop-an-ack"


def catcher(name: str) -> int:
    """Return the seed that catches a bug, as the page says."""
    row = next(line for line in PAGE.read_text("utf-8").splitlines() if f"| `{name}` |" in line)
    return int(row.split("|")[3])


@pytest.mark.timeout(600)
def test_a_thousand_seeds() -> None:
    reports = list(run(SEEDS))
    assert [each.seed for each in reports] == list(SEEDS)
    for each in reports:
        if each.violations:
            pytest.fail(failure(each), pytrace=False)
    assert sum([each.calls for each in reports]) > 10_000


class TestTheSameSeedIsTheSameTrace:
    @pytest.mark.parametrize("seed", [2, 3, 4, 11])
    def test_in_one_process(self, seed: int) -> None:
        first, second = simulate(seed), simulate(seed)
        assert first.sent > 100
        assert (first.trace, first.counts) == (second.trace, second.counts)
        assert first.trace != simulate(seed + 1).trace

    @pytest.mark.parametrize("seed", [5, 7])
    def test_in_any_process(self, seed: int) -> None:
        """Sets are ordered by a number that each process draws anew."""
        traces = []
        for hash_seed in ("1", "2"):
            done = subprocess.run(
                [sys.executable, "-m", "tools.soak", "--seed", str(seed)],
                env={**os.environ, "PYTHONHASHSEED": hash_seed},
                capture_output=True,
                text=True,
                check=True,
            )
            traces.append(done.stdout)
        assert traces[0] == traces[1]
        assert simulate(seed).trace in traces[0]


@pytest.mark.interpreted
class TestPlantedBugs:
    @pytest.mark.parametrize("name", BUGS)
    def test_is_caught(self, name: str) -> None:
        """By the seed that the page names, and by no rule without the bug."""
        seed = catcher(name)
        assert simulate(seed, bug=partial(planted, name)).violations
        assert not simulate(seed).violations

    def test_is_gone_afterwards(self) -> None:
        seed = catcher(BUG)
        before = simulate(seed).trace
        assert hunt(BUG, [seed]).seed == seed
        assert simulate(seed).trace == before

    def test_the_page_lists_them_all(self) -> None:
        page = PAGE.read_text("utf-8")
        assert [name for name in BUGS if f"| `{name}` |" not in page] == []


class TestReplay:
    @pytest.mark.interpreted
    def test_fewer_items(self) -> None:
        seed = catcher(BUG)
        with planted(BUG):
            whole = simulate(seed)
            numbers = [item.number for item in whole.scene.items]
            rule = whole.violations[0].rule
            kept = shrink(seed, rule, numbers)
            assert 1 <= len(kept) < len(numbers)
            assert rule in [each.rule for each in simulate(seed, only=kept).violations]
        assert command(seed, kept).startswith(f"python -m tools.soak --seed {seed} --only ")

    @pytest.mark.interpreted
    def test_a_failure_shows_the_call(self) -> None:
        outcome = simulate(catcher(BUG), record=True, bug=partial(planted, BUG))
        text = "\n".join(told(outcome))
        assert "each final answer is acknowledged: no ACK came to the 200" in text
        assert "-INVITE 1" in text
        assert "registrar: branch" in text


def test_our_own_user_agents_take_part() -> None:
    """In some seeds, and there they call each other and are called by others."""
    ours = [seed for seed in range(1, 13) if agents(simulate(seed))]
    assert ours == [1, 4, 7, 10]
    counts = simulate(4).counts
    assert min(counts[f"heard {what}"] for what in ("Ringing", "Answered", "Ended")) > 3
    assert counts["tries of our agents"] > 50
    assert counts["stories compared"] > 2


def agents(outcome: Outcome) -> int:
    """Return how often our own user agents have registered."""
    return outcome.counts.get("tries of our agents", 0)


def test_hundreds_of_phones_take_part() -> None:
    outcome = simulate(BIG_EVERY)
    assert len(outcome.names) > 150
    assert outcome.violations == ()
