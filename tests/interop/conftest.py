"""Fixtures of the interop tests: real programs as peers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop.lab import Lab
from tests.interop.peers import NEEDS
from tests.interop.servers import STAND_IN
from tests.interop.town import PORT, Town


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
def town() -> Iterator[Town]:
    """Namespaces with an address each; the test is in the servers' one."""
    with Town() as built:
        yield built


@pytest.fixture
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    in_town = "town" in request.fixturenames
    if in_town:
        request.getfixturevalue("town")
    laboratory = Lab(tmp_path, PORT if in_town else 0)
    try:
        yield laboratory
    finally:
        laboratory.close()
