"""The made-up traffic is sound, whatever form it is written in, and the table says what was run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from bench.explain import Program, Run, rows, run
from bench.explain_file import write

from ringway.capture.files import read_capture
from ringway.capture.items import Item, Seen, Trouble
from ringway.capture.text import read_text
from ringway.explain.observed.explain import Explainer
from ringway.explain.observed.finding import Severity

MESSAGES = 600


def items(path: Path, form: str) -> list[Item]:
    with path.open("rb") as file:
        return list(read_capture(file) if form == "pcap" else read_text(file))


@pytest.mark.parametrize("form", ["pcap", "sngrep", "kamailio"])
def test_every_message_is_read_again(tmp_path: Path, form: str) -> None:
    path = tmp_path / "file"
    write(path, MESSAGES, form)
    found = items(path, form)
    seen = [each for each in found if isinstance(each, Seen)]
    assert [each for each in found if isinstance(each, Trouble)] == []
    assert len(seen) == MESSAGES
    assert {each.fault for each in seen} == {""}
    assert {each.transport for each in seen} >= {"udp"}


def test_it_is_the_same_each_time_and_another_for_another_seed(tmp_path: Path) -> None:
    one, again, other = (tmp_path / name for name in ("one", "again", "other"))
    write(one, 50)
    write(again, 50)
    write(other, 50, seed=2)
    assert one.read_bytes() == again.read_bytes()
    assert one.read_bytes() != other.read_bytes()


def test_nothing_is_wrong_with_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write(path, 3000)
    explainer = Explainer()
    told = list(explainer.explain(items(path, "pcap")))
    found = [each for one in told for each in one.findings] + list(explainer.across)
    assert {each.name for each in found if each.severity is not Severity.NOTE} <= {"request-lost"}
    kinds = {one.conversation.kind for one in told}
    assert {"call", "registration", "message", "options"} <= kinds


def test_a_row_has_the_medians() -> None:
    runs = [Run(3.0, 2.0, 50.0), Run(9.0, 8.0, 70.0), Run(5.0, 4.0, 60.0)]
    assert list(rows({Program("this", ()): runs}, 1000)) == [
        ("this", "4.0 s", "5.0 s", "250", "60 MB")
    ]


def test_what_fails_is_not_counted() -> None:
    assert run((sys.executable, "-c", "pass")).memory > 1
    with pytest.raises(RuntimeError, match="ended with 3"):
        run((sys.executable, "-c", "raise SystemExit(3)"))
