"""The compiled parser makes of every message what the interpreted one makes of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPILED = ROOT / "build" / "compiled"
COUNT = 20_000


def judgements(path: str) -> list[str]:
    """What a process makes of them, with another path to import from."""
    command = [sys.executable, "-m", "tests.compiled.judgements", str(COUNT)]
    environ = os.environ | {"PYTHONPATH": path}
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True, timeout=50
    )
    return done.stdout.splitlines()


def test_both_builds_say_the_same() -> None:
    if not (COMPILED / ".done").exists():
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("nothing is compiled: make compiled", pytrace=False)
        pytest.skip("nothing is compiled: make compiled")
    interpreted, compiled = judgements(""), judgements(str(COMPILED))
    assert (interpreted[0], compiled[0]) == (".py", ".so")
    assert len(interpreted) == COUNT + 1
    assert interpreted[1:] == compiled[1:]
