"""Where the speed table goes."""

from pathlib import Path

import pytest
from bench.report import write_table


def test_the_table_takes_the_place_of_the_last_one(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("a\n<!-- bench:start -->\nold\n<!-- bench:end -->\nz\n")
    for table in ("one\n", "two\n"):
        write_table(page, table)
    assert page.read_text() == "a\n<!-- bench:start -->\ntwo\n<!-- bench:end -->\nz\n"


def test_a_page_without_a_place_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("nothing here\n")
    with pytest.raises(ValueError, match="no place"):
        write_table(page, "one\n")
    assert page.read_text() == "nothing here\n"
