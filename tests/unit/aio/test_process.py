import gc
import resource
import sys

import pytest

from ringway.aio.process import THRESHOLDS, raise_file_limit, tune_collector


def test_the_collector_is_tuned_once_the_server_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[object] = []
    monkeypatch.setattr(gc, "collect", lambda: done.append("collect"))
    monkeypatch.setattr(gc, "freeze", lambda: done.append("freeze"))
    monkeypatch.setattr(gc, "set_threshold", lambda *numbers: done.append(numbers))
    tune_collector()
    assert done == ["collect", "freeze", THRESHOLDS]


class TestFileLimit:
    def test_is_raised_as_far_as_it_goes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[object] = []
        monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
        monkeypatch.setattr(resource, "setrlimit", lambda *what: asked.append(what))
        assert raise_file_limit() == 4096
        assert asked == [(resource.RLIMIT_NOFILE, (4096, 4096))]

    def test_stays_where_it_must(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise ValueError

        monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
        monkeypatch.setattr(resource, "setrlimit", refuse)
        assert raise_file_limit() == 1024

    def test_is_left_alone_when_it_is_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(resource, "getrlimit", lambda _: (4096, 4096))
        assert raise_file_limit() == 4096

    def test_is_unknown_elsewhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "resource", None)
        assert raise_file_limit() == 0
