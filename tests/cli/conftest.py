"""Fixtures of the command line's tests."""

from pathlib import Path

import pytest
from tests.cli.support import Cli


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    """The command line, on a machine where nothing is set up."""
    for name in ("RINGWAY_CONFIG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RINGWAY_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "100")
    return Cli(monkeypatch, capsys)
