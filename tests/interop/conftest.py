"""Fixtures of the interop tests: real programs as peers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop.lab import Lab
from tests.interop.peers import NEEDS
from tests.interop.servers import STAND_IN


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("interop")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for peer in getattr(getattr(item, "module", None), "PEERS", ()):
        NEEDS[peer]()
    if STAND_IN:
        NEEDS["kamailio"]()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    laboratory = Lab(tmp_path)
    try:
        yield laboratory
    finally:
        laboratory.close()
