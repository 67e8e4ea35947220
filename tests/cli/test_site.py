"""`ringway site`; what it writes is tested in tests/web."""

import json
from pathlib import Path

import pytest
from tests.cli.support import Cli

from ringway.web.site import SiteError, Written


class TestCommand:
    @pytest.fixture(autouse=True)
    def nothing_written(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def write(directory: Path, progress: object, *, url: str) -> Written:
            assert callable(progress)
            progress(1, 2)
            if "taken" in directory.name:
                raise SiteError(f"{directory} is taken")
            return Written(11_267, 168_000_000)

        monkeypatch.setattr("ringway.web.site.write_site", write)
        monkeypatch.setattr(
            "ringway.web.links.check_links",
            lambda directory, _url: ["x: y is not there"] * ("bad" in directory.name),
        )

    def test_tells_what_it_wrote(self, cli: Cli, tmp_path: Path) -> None:
        result = cli("site", tmp_path / "new")
        assert result.status == 0
        assert result.out.startswith("11267 files, 168 MB, 0.")
        assert "every link leads somewhere\nopen " in result.out

    def test_as_json(self, cli: Cli, tmp_path: Path) -> None:
        told = json.loads(cli("site", tmp_path / "new", "--json").out)
        assert (told["files"], told["bytes"], told["faults"]) == (11_267, 168_000_000, [])

    def test_fails_on_a_fault(self, cli: Cli, tmp_path: Path) -> None:
        result = cli("site", tmp_path / "bad")
        assert result.status == 1
        assert "1 links lead nowhere" in result.out
        assert "ringway: x: y is not there\n" in result.err

    def test_a_refusal_is_one_line(self, cli: Cli, tmp_path: Path) -> None:
        result = cli("site", tmp_path / "taken")
        assert (result.status, result.err) == (2, f"ringway: {tmp_path / 'taken'} is taken\n")
