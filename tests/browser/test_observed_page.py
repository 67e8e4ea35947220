"""The page of a capture in a real Chromium: arrows by keyboard, filters, themes, hostile text.

It is opened from a folder, as somebody who was sent it would. Whatever it logs as an error, throws,
or asks of anybody fails every test here.
"""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from tests.browser.chromium import Chromium
from tests.unit.explain.observed.captures import as_pcap, healthy, hostile, troubled
from tests.unit.explain.observed.support import Scene

from ringway.capture.files import read_capture
from ringway.codes import Language
from ringway.explain.observed.explain import Explainer
from ringway.explain.observed.summary import Summary
from ringway.explain.observed.view import Viewer
from ringway.web.observed import ObservedPage

MANY = 200


def written(path: Path, language: Language, *scenes: Scene) -> str:
    viewer, summary, explainer = Viewer(language), Summary(), Explainer()
    with path.open("w", encoding="utf-8") as out, ObservedPage(viewer, out) as page:
        for explained in explainer.explain(read_capture(io.BytesIO(as_pcap(*scenes)))):
            talk = viewer.talk(explained)
            summary.count(talk)
            page.talk(talk)
        page.end(path.name, summary)
    return path.as_uri()


@pytest.fixture(scope="session")
def one(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory.mktemp("one") / "one.html", Language.EN, troubled())


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> str:
    fine = [healthy(f"c-{number}", 1.7e9 + 10 * number) for number in range(MANY)]
    path = tmp_path_factory.mktemp("many") / "many.html"
    return written(path, Language.EN, troubled(), *fine)


class TestKeyboard:
    def test_an_arrow_opens_its_message(self, chromium: Chromium, one: str) -> None:
        told = chromium.run("arrows", one, first="#m-2-1")
        assert told["opened"].startswith("100 Trying")
        assert "SIP/2.0 100 Trying" in told["text"]
        assert "What 100 means" in told["text"]
        assert told["next"].startswith("INVITE")
        assert told["first"].startswith("INVITE alice@example.com → ")
        assert (told["closed"], told["back"]) == (True, "#m-2-1")
        assert told["proof"]
        assert not told["finding"]
        assert told["code"] == ["#code-302", True]

    def test_without_script_the_messages_stand_below(self, chromium: Chromium, one: str) -> None:
        options: dict[str, object] = {"javaScriptEnabled": False}
        assert chromium.run("revealed", one, options, first="#m-2-1")


class TestMany:
    def test_filters(self, chromium: Chromium, many: str) -> None:
        told = chromium.run("sieve", many, text="C-77")
        assert told == [MANY + 2, 1, 1, f"1 of {MANY + 2} shown", 1]


class TestHostile:
    def test_nothing_of_it_runs(self, chromium: Chromium, tmp_path: Path) -> None:
        url = written(tmp_path / "hostile.html", Language.EN, hostile())
        assert chromium.run("owned", url) == ["What happened: hostile.html", 1]


class TestLooks:
    def test_theme_follows_the_system_until_somebody_chooses(
        self, chromium: Chromium, one: str
    ) -> None:
        light = chromium.run("theme", one, {"colorScheme": "light"})
        dark = chromium.run("theme", one, {"colorScheme": "dark"})
        assert light["system"] == dark["toggled"] != light["toggled"] == dark["system"]
        assert (light["pressed"], dark["pressed"]) == ("true", "false")

    def test_a_phone_never_scrolls_sideways(self, chromium: Chromium, one: str) -> None:
        widths = [320, 390, 768]
        assert chromium.run("width", one, {"isMobile": True}, widths=widths) == widths

    @pytest.mark.parametrize("language", list(Language))
    def test_axe_finds_nothing(
        self, chromium: Chromium, tmp_path: Path, language: Language
    ) -> None:
        url = written(tmp_path / "page.html", language, troubled(), hostile())
        assert chromium.run("axe", url) == []
