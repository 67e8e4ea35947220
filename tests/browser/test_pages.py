"""The pages in a real Chromium: keyboard, languages, search, themes, paper, accessibility.

Whatever a page logs as an error, throws, or asks of another server fails every test here.
"""

import pytest
from tests.browser.chromium import Chromium

from ringway.reference.search import search

PAGES = ["index", "430", "302-vs-430", "guide", "compare", "search"]
LANGUAGES = ["en", "zh"]
QUERIES = [
    *("430", "4xx", "flow failed", "Flow-Timer", "RFC 5626", "Retry-After", "busy", "SUBSCRIBE"),
    *("phone behind NAT cannot be called after some time", "call forwarding", "constructor"),
    *("wrong password", "registering loops", "calls drop after 30 s", "481 BYE", "__proto__"),
    *("流失败", "忙", "话机在 NAT 后面，过一段时间就打不进来", "呼叫转移", "密码错误", "认证 407"),
    *("无应答", "号码不存在", "codec 不支持", "Session-Expires", "İSTANBUL ǅ", "x" * 300, "", "的"),
]


@pytest.fixture(params=["served", "folder"])
def place(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param)
    return found


class TestKeyboard:
    def test_from_the_slash_to_a_page(self, chromium: Chromium, place: str) -> None:
        told = chromium.run("keyboard", f"{place}/en/302.html")
        assert told["focus"] == "q"
        assert told["hits"][0] == "430"
        assert told["said"] == f"{len(told['hits'])} results"
        assert told["escaped"]
        assert (told["active"], told["selected"]) == ("hit-0", 1)
        assert told["went"] == "en/430.html"
        assert (told["skip"], told["main"]) == ("skip", "content")

    def test_enter_shows_all_results(self, chromium: Chromium, place: str) -> None:
        told = chromium.run("enter", f"{place}/zh/430.html", query="呼叫转移")
        assert told["went"] == "zh/search.html?q=呼叫转移"
        assert told["found"] == [str(hit.brief.status) for hit in search("呼叫转移", limit=20)]

    def test_a_guide_opens(self, chromium: Chromium, place: str) -> None:
        assert chromium.run("guide", f"{place}/en/guide.html") == 1


class TestSearch:
    def test_finds_what_python_finds(self, chromium: Chromium, place: str) -> None:
        told = chromium.run("search", f"{place}/en/index.html", queries=QUERIES)
        assert dict(zip(QUERIES, told, strict=True)) == {
            query: [hit.brief.status for hit in search(query)] for query in QUERIES
        }

    def test_needs_no_script(self, chromium: Chromium, served: str) -> None:
        url = f"{served}/en/search.html?q=flow"
        found = chromium.run("links", url, {"javaScriptEnabled": False})
        assert found == [f"{hit.brief.status}.html" for hit in search("flow", limit=20)]


class TestPages:
    @pytest.mark.parametrize(
        "page", ["430.html", "302-vs-430.html", "guide.html", "search.html?q=nat"]
    )
    def test_the_language_switch_keeps_the_page(
        self, chromium: Chromium, place: str, page: str
    ) -> None:
        told = chromium.run("language", f"{place}/en/{page}")
        assert told["there"] == [f"zh/{page}", "zh-Hans"]
        assert told["back"] == told["before"] == f"en/{page}"

    @pytest.mark.parametrize("page", ["compare", "430"])
    def test_a_picker_leads_to_the_pair(self, chromium: Chromium, place: str, page: str) -> None:
        told = chromium.run("picker", f"{place}/en/{page}.html")
        assert told == {"compare": "en/486-vs-430.html", "430": "en/430-vs-486.html"}[page]

    def test_a_class_alone(self, chromium: Chromium, place: str) -> None:
        assert chromium.run("filter", f"{place}/zh/index.html") == ["class-3"]

    def test_the_root_leads_to_the_language_of_the_browser(
        self, chromium: Chromium, served: str
    ) -> None:
        told = chromium.run("language", f"{served}/", {"locale": "zh-CN"})
        assert told["before"] == "zh/index.html"


class TestLooks:
    def test_theme_follows_the_system_until_somebody_chooses(
        self, chromium: Chromium, place: str
    ) -> None:
        light = chromium.run("theme", f"{place}/en/430.html", {"colorScheme": "light"})
        dark = chromium.run("theme", f"{place}/en/430.html", {"colorScheme": "dark"})
        assert light["system"] == dark["toggled"] == dark["kept"]
        assert dark["system"] == light["toggled"] == light["kept"]
        assert (light["pressed"], dark["pressed"]) == ("true", "false")

    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize("page", PAGES)
    def test_a_phone_never_scrolls_sideways(
        self, chromium: Chromium, served: str, page: str, language: str
    ) -> None:
        widths = [320, 390, 768]
        url = f"{served}/{language}/{page}.html"
        assert chromium.run("width", url, {"isMobile": True}, widths=widths) == widths

    @pytest.mark.parametrize("page", ["430", "302-vs-430"])
    def test_prints_without_what_cannot_be_clicked(
        self, chromium: Chromium, served: str, page: str
    ) -> None:
        told = chromium.run("print", f"{served}/en/{page}.html")
        assert told["hidden"]
        assert told["pdf"] > 10_000


class TestAccessibility:
    """In light and dark, and in the phone's layout, which has other elements in sight."""

    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize("page", [*PAGES, "search.html?q=flow"])
    def test_axe_finds_nothing(
        self, chromium: Chromium, served: str, page: str, language: str
    ) -> None:
        name = page if "." in page else f"{page}.html"
        assert chromium.run("axe", f"{served}/{language}/{name}") == []

    def test_axe_finds_nothing_where_there_is_nothing(
        self, chromium: Chromium, served: str
    ) -> None:
        assert chromium.run("axe", f"{served}/404.html") == []
