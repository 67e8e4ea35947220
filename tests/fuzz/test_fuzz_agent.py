"""Keeps the fuzz target alive: a few random scripts in each test run."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.fuzz_agent import ACTIONS, BEGINNINGS, check

SEEDS = [each.read_bytes() for each in sorted(Path(__file__).parent.glob("corpus/agent/*"))]
ACTS = [bytes([each]) for each in ACTIONS]
MESSAGES = sorted({piece for seed in SEEDS for piece in seed[1:].split(b"\0")} - set(ACTS))
LINES = sorted({line for message in MESSAGES for line in message.split(b"\n")})


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A message of the corpus with a line of another, or other bytes, in one place."""
    lines = draw(st.sampled_from(MESSAGES)).split(b"\n")
    place = draw(st.integers(0, len(lines) - 1))
    lines[place] = draw(st.sampled_from(LINES) | st.binary(max_size=40))
    return b"\n".join(lines)


@given(
    st.integers(0, len(BEGINNINGS) - 1),
    st.lists(st.sampled_from(MESSAGES) | st.sampled_from(ACTS) | mutated(), max_size=6),
)
def test_target(beginning: int, pieces: list[bytes]) -> None:
    check(bytes([beginning]) + b"\0".join(pieces))
