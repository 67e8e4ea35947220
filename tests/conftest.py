"""What holds for all tests: some change what compiled code has built in."""

import pytest

from ringway.message import parser

COMPILED = not parser.__file__.endswith(".py")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if COMPILED and item.get_closest_marker("interpreted"):
        pytest.skip("it changes a constant or a method, which compiled code has built in")
