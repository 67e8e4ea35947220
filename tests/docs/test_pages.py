"""The pages hang together: generated parts are fresh, links lead somewhere, the site builds."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from docs.generate import commands, configuration, machines, stories
from docs.generate.__main__ import fresh
from docs.generate.pages import part
from tests.docs.pages import DOCS, README, ROOT, written

from ringway.transaction import MACHINES

REFRESH = "run `python -m docs.generate`"


class TestGenerated:
    def test_is_fresh(self) -> None:
        stale = [
            str(file.relative_to(ROOT))
            for file, text in fresh().items()
            if not file.exists() or file.read_text(encoding="utf-8") != text
        ]
        assert stale == [], REFRESH

    def test_stories_are_what_the_demonstration_tells(self) -> None:
        told = stories.parts()
        for page, name in ((README, "story.failover"), (stories.PAGE, "story.mid-call")):
            shown = stories.levelled(part(page, name))
            assert shown == stories.levelled(told[name]), REFRESH

    def test_every_key_has_a_row(self) -> None:
        text = configuration.PAGE.read_text(encoding="utf-8")
        assert [key for key in configuration.named() if f"| `{key}` |" not in text] == []

    def test_every_command_has_a_section(self) -> None:
        text = commands.PAGE.read_text(encoding="utf-8")
        for words, _ in commands.commands():
            assert f"## ringway {' '.join(words)}\n" in text

    def test_every_move_of_a_machine_is_drawn(self) -> None:
        for file, svg in machines.images().items():
            machine = next(
                each for each in MACHINES if each.name.lower().replace(" ", "-") == file.stem
            )
            moves = {
                (state, after, actions)
                for (state, _), (after, actions) in machine.table.items()
                if after is not state or actions
            }
            assert svg.count('class="move"') == len(moves)


class TestPictures:
    @pytest.mark.parametrize("file", sorted((DOCS / "images").glob("*.svg")), ids=lambda f: f.stem)
    def test_needs_nothing_else_and_suits_dark_pages(self, file: Path) -> None:
        text = file.read_text(encoding="utf-8")
        root = ET.fromstring(text)
        assert root.find("{http://www.w3.org/2000/svg}title") is not None
        assert "prefers-color-scheme: dark" in text
        assert not re.search(r"href=|url\(|@import|<script|<image", text)


class TestLinks:
    @pytest.mark.parametrize("page", written(), ids=lambda page: str(page.relative_to(ROOT)))
    def test_lead_to_files(self, page: Path) -> None:
        text = re.sub(
            r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
        )
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page}: {target}"

    def test_site_builds_without_a_warning(self, tmp_path: Path) -> None:
        for name in ("sphinx", "myst_parser", "furo"):
            if importlib.util.find_spec(name) is None:
                pytest.skip(f"{name} is not installed: pip install '.[docs]'")
        done = subprocess.run(
            [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", DOCS, tmp_path / "site"],
            capture_output=True,
            check=False,
            encoding="utf-8",
            timeout=55,
        )
        assert done.returncode == 0, done.stderr


class TestReadme:
    def test_names_commands_that_exist(self) -> None:
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        targets = set(re.findall(r"^(\w+):", makefile, re.MULTILINE))
        assert set(re.findall(r"`?\bmake (\w+)", README.read_text(encoding="utf-8"))) <= targets

    def test_names_options_that_exist(self) -> None:
        known = {
            name for _, each in commands.commands() for one in each.params for name in one.opts
        }
        known |= {"--help", "--version"}
        for page in written():
            text = page.read_text(encoding="utf-8")
            named = {
                option
                for line in re.findall(r"ringway [^`\n]*", text)
                for option in re.findall(r"(?<=[ `])--[a-z][a-z-]+", line)
            }
            assert named <= known, f"{page}: {named - known}"

    def test_has_a_place_for_the_speed_table(self) -> None:
        text = README.read_text(encoding="utf-8")
        assert text.index("<!-- bench:start -->") < text.index("<!-- bench:end -->")


class TestArchitecture:
    def test_names_every_dependency_we_import(self) -> None:
        page = (DOCS / "architecture.md").read_text(encoding="utf-8")
        rows = set(
            re.findall(r"^\| ([\w-]+) \|", page.partition("## Dependencies")[2], re.MULTILINE)
        )
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        declared = {re.split(r"[\[<>=;~ ]", each)[0] for each in project["dependencies"]}
        modules = {
            "dnspython": "dns",
            "prometheus-client": "prometheus_client",
            "sdp-transform": "sdp_transform",
        }
        source = "\n".join(
            file.read_text(encoding="utf-8") for file in (ROOT / "src").rglob("*.py")
        )
        imported = {
            name
            for name in declared
            if re.search(rf"^\s*(?:from|import) {modules.get(name, name)}\b", source, re.MULTILINE)
        }
        assert rows - {"library", "---"} == imported

    def test_names_every_layer(self) -> None:
        page = (DOCS / "architecture.md").read_text(encoding="utf-8")
        table = page.partition("## Layers")[2].partition("\n## ")[0]
        packages = {
            path.stem
            for path in (ROOT / "src" / "ringway").iterdir()
            if path.name[0] not in "._" and path.name != "py.typed"
        }
        first = "".join(re.findall(r"^\| [^|]* \|", table, re.MULTILINE))
        assert packages == set(re.findall(r"`(\w+)`", first))
