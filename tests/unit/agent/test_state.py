"""The instance-id over restarts, and for several agents at once (RFC 5626 §4.1)."""

from __future__ import annotations

import fcntl
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ringway.agent.state import Instance, agent_state_dir

AOR = "sip:alice@example.com"
URN = re.compile(r"urn:uuid:[0-9a-f-]{36}")


@pytest.mark.clause("RFC5626-4.1-2", "RFC5626-4.1-4")
def test_it_is_kept(tmp_path: Path) -> None:
    with Instance(tmp_path, AOR) as first:
        assert URN.fullmatch(first.urn)
    with Instance(tmp_path, AOR) as again:
        assert again.urn == first.urn


def test_two_at_once_have_two(tmp_path: Path) -> None:
    with Instance(tmp_path, AOR) as first, Instance(tmp_path, AOR) as second:
        assert first.urn != second.urn
    with Instance(tmp_path, AOR) as third:
        assert third.urn == first.urn


def test_another_user_has_another(tmp_path: Path) -> None:
    with Instance(tmp_path, AOR) as alice, Instance(tmp_path, "sip:bob@example.com") as bob:
        assert alice.urn != bob.urn


@pytest.mark.parametrize("text", ["", "urn:uuid:broken\n", "\xff"])
def test_a_broken_file_gets_a_new_one(tmp_path: Path, text: str) -> None:
    with Instance(tmp_path, AOR) as first:
        pass
    (file,) = tmp_path.iterdir()
    file.write_text(text, encoding="latin-1")
    with Instance(tmp_path, AOR) as second:
        assert URN.fullmatch(second.urn)
        assert second.urn != first.urn
    with Instance(tmp_path, AOR) as third:
        assert third.urn == second.urn


def test_too_many(tmp_path: Path) -> None:
    held = [Instance(tmp_path, AOR) for _ in range(100)]
    with pytest.raises(OSError, match="100 agents"):
        Instance(tmp_path, AOR)
    for each in held:
        each.close()


def test_a_file_system_that_cannot_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(*_: object) -> None:
        raise OSError("no locks available")

    monkeypatch.setattr(fcntl, "flock", cannot)
    with pytest.raises(OSError, match="no locks"):
        Instance(tmp_path, AOR)


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("RINGWAY_AGENT_STATE", "/somewhere", lambda _: Path("/somewhere")),
        ("XDG_STATE_HOME", "/state", lambda _: Path("/state/ringway-agent")),
        ("HOME", "/home/alice", lambda _: Path("/home/alice/.local/state/ringway-agent")),
    ],
)
def test_where_it_is(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, place: Callable[[str], Path]
) -> None:
    for each in ("RINGWAY_AGENT_STATE", "XDG_STATE_HOME"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, value)
    assert agent_state_dir() == place(value)
