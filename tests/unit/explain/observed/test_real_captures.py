"""Captures of real programs, told again: nobody's story changes unseen.

tests/captures/README.md says how each was made. After a change of words or layout,
`python -m tests.captures` writes the stories anew; what changed is then read in the diff.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.captures.kept import HERE, captures, golden, told

FINDINGS = {
    "302-followed": [],
    "302-followed-anew": [],
    "302-loop": ["redirect-loop"],
    "302-not-followed": ["redirect-not-followed"],
    "430-reaches-caller": ["430-reached-caller", "other-flows-not-tried"],
    "430-reaches-caller-late": ["430-reached-caller"],
    "ack-lost": ["ack-lost"],
    "cancel-crossed-answer": ["cancel-crossed-answer"],
    "dead-phone": ["undeliverable"],
    "flow-lost-next-flow": [],
    "flow-silent-next-flow": ["flow-died-unnoticed"],
    "forked-to-one-phone": ["forked-to-one-instance"],
    "forked-to-one-phone-late": ["merged-request"],
    "keep-alives": ["keep-alive-missing", "keep-alive-too-slow"],
    "our-server": ["reason-given"],
    "request-lost": ["request-lost"],
    "response-lost": ["response-lost"],
    "silent-phone": ["silent-callee"],
    "websocket-call": [],
    "websocket-to-tcp": [],
    "wrong-content-length-tcp": ["stream-out-of-step"],
    "wrong-content-length-udp": ["wrong-content-length"],
    "wrong-password": ["credentials-refused"],
}


def test_each_is_here() -> None:
    assert sorted(each.stem for each in captures()) == sorted(FINDINGS)


@pytest.mark.parametrize("capture", captures(), ids=lambda path: path.stem)
def test_what_is_told(capture: Path) -> None:
    text, findings = told(capture)
    assert findings == FINDINGS[capture.stem]
    assert text == golden(capture).read_text(encoding="utf-8")


@pytest.mark.parametrize("capture", captures(), ids=lambda path: path.stem)
def test_it_is_small_and_says_nothing_of_the_machine(capture: Path) -> None:
    data = capture.read_bytes()
    assert len(data) < 200_000
    assert b"Linux" not in data
    assert capture.stem in (HERE / "README.md").read_text(encoding="utf-8")
