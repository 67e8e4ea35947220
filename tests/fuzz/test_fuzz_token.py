"""Keeps the fuzz target alive: tokens of ours, changed, in each test run."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.fuzz.fuzz_token import OURS, check

ALPHABET = b"ABCPRDaz019-_=+/%.\0\xff"


@pytest.mark.parametrize("token", OURS)
def test_ours(token: str) -> None:
    check(token.encode())


@given(
    st.sampled_from(sorted(OURS)),
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 3), st.sampled_from([*ALPHABET])), max_size=4
    ),
)
def test_changed(token: str, changes: list[tuple[float, int, int]]) -> None:
    data = token.encode()
    for where, length, byte in changes:
        at = int(where * len(data))
        data = data[:at] + bytes((byte,)) + data[at + length :]
    check(data)


@given(st.binary(max_size=200))
@example(b"")
def test_anything(data: bytes) -> None:
    check(data)
