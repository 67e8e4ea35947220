"""Runs the kept corpus: what coverage-guided fuzzing found new ways with, and what it broke.

To look for more, with atheris installed, into a folder `found`:
python -m tests.fuzz.fuzz_parser found tests/fuzz/corpus/parser
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fuzz import (
    fuzz_agent,
    fuzz_digest,
    fuzz_framer,
    fuzz_handshake,
    fuzz_hep,
    fuzz_parser,
    fuzz_stun,
    fuzz_token,
)

CORPUS = Path(__file__).with_name("corpus")
TARGETS: dict[str, Callable[[bytes], None]] = {
    "agent": fuzz_agent.check,
    "digest": fuzz_digest.check,
    "framer": fuzz_framer.check,
    "handshake": fuzz_handshake.check,
    "hep": fuzz_hep.check,
    "parser": fuzz_parser.check,
    "stun": fuzz_stun.check,
    "token": fuzz_token.check,
}


@pytest.mark.parametrize("name", TARGETS)
def test_all_of_it(name: str) -> None:
    paths = sorted((CORPUS / name).iterdir())
    assert paths
    for path in paths:
        TARGETS[name](path.read_bytes())
