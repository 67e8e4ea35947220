"""A module with an `App`: how its handler is found, and what is said when there is none."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringway.errors import ConfigError
from ringway.server.app import App, load_handler
from ringway.server.policy import Choice, Incoming, Reject

_number = itertools.count()

HANDLER = """
import ringway

server = ringway.App()
empty = ringway.App()
number = 7


@server.handler
async def decide(call):
    return call.reject(603)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Write a module into the current directory; gives its name, a new one each time."""
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    names: list[str] = []

    def write(text: str) -> str:
        names.append(f"ringway_test_app_{next(_number)}")
        (tmp_path / f"{names[-1]}.py").write_text(text)
        return names[-1]

    yield write
    sys.path[:] = before
    for name in names:
        sys.modules.pop(name, None)


class TestApp:
    def test_a_handler_stays_what_it_was(self) -> None:
        app = App()
        assert app.decide is None

        @app.handler
        def decide(_call: Incoming) -> Choice:
            return Reject(603)

        assert app.decide is decide
        assert decide.__name__ == "decide"


class TestLoading:
    def test_an_app(self, module: Callable[[str], str]) -> None:
        name = module(HANDLER)
        assert load_handler(f"{name}:server") is sys.modules[name].decide
        assert load_handler(f"{name}:decide") is sys.modules[name].decide

    def test_the_current_directory_is_looked_at_once(self, module: Callable[[str], str]) -> None:
        name = module(HANDLER)
        for _ in range(2):
            load_handler(f"{name}:server")
        assert sys.path.count(str(Path.cwd())) == 1

    @pytest.mark.parametrize("place", ["app", "app:", ":server", "app:a b", "app:1", ""])
    def test_a_place_that_is_none(self, place: str) -> None:
        with pytest.raises(ConfigError, match="a module and a name"):
            load_handler(place)

    def test_a_name_that_is_not_there(self, module: Callable[[str], str]) -> None:
        with pytest.raises(ConfigError, match="the name of an App with a handler"):
            load_handler(f"{module(HANDLER)}:other")

    def test_an_app_without_a_handler(self, module: Callable[[str], str]) -> None:
        with pytest.raises(ConfigError, match="the name of an App with a handler"):
            load_handler(f"{module(HANDLER)}:empty")

    def test_what_is_no_handler(self, module: Callable[[str], str]) -> None:
        with pytest.raises(ConfigError, match="an App or a function"):
            load_handler(f"{module(HANDLER)}:number")

    @pytest.mark.parametrize("place", ["ringway_no_such:x", "ringway_no.such:x"])
    def test_no_such_module(self, place: str) -> None:
        with pytest.raises(ConfigError, match="a module in this directory"):
            load_handler(place)

    def test_what_a_module_lacks_is_its_own_fault(self, module: Callable[[str], str]) -> None:
        """Its author needs the traceback, not our word for it."""
        name = module("import ringway_no_such_library\n")
        with pytest.raises(ModuleNotFoundError, match="ringway_no_such_library"):
            load_handler(f"{name}:server")
