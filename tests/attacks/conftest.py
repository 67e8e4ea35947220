"""One server for all attacks that leave it as it was; each test ends with a look at its health."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.attacks.victim import TRANSPORTS, Victim


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """A server as it comes, with users, on every transport."""
    with Victim(tmp_path_factory.mktemp("victim"), transports=TRANSPORTS) as victim:
        yield victim


@pytest.fixture
def victim(shared: Victim) -> Iterator[Victim]:
    """The server, which has to be well when the test is over."""
    yield shared
    assert shared.is_well()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """For servers of a test's own."""
    return tmp_path
