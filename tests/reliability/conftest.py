"""Fixtures of the reliability tests: servers that end with their test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.reliability.nodes import Node


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    server = Node(tmp_path)
    try:
        yield server
    finally:
        server.close()
