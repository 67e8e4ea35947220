"""Tests that open sockets run one after another, in one process: each looks for free ports."""

from pathlib import Path
from typing import Final

import pytest

_HERE: Final = Path(__file__).parent
_ON_SOCKETS: Final = tuple(_HERE / each for each in ("agent", "aio", "cli", "server", "web"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in _ON_SOCKETS):
            item.add_marker(pytest.mark.xdist_group("sockets"))
