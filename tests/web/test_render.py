import re
import time
from html.parser import HTMLParser
from itertools import permutations

import pytest
from markupsafe import Markup

from ringway.codes import TABLE, Language
from ringway.reference.compare import compare
from ringway.reference.page import briefs, code_page
from ringway.web import render
from ringway.web.marks import marked
from ringway.web.pages import page, pair_paths, paths
from ringway.web.words import words

BOTH = list(Language)
VOID = frozenset({"br", "input", "link", "meta", "hr", "img"})
SPREAD = [pair for at, pair in enumerate(permutations(TABLE, 2)) if at % 37 == 0]


class Strict(HTMLParser):
    """Fails on tags that do not match, and collects the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def text_of(html: str) -> str:
    parser = Strict()
    parser.feed(html)
    parser.close()
    assert not parser.open
    return " ".join("".join(parser.text).split())


class TestMarks:
    def test_are_html(self) -> None:
        assert marked("see `INVITE`, {480} & RFC 5626 §7", Language.EN) == Markup(
            'see <code>INVITE</code>, <a class="code c4" href="480.html" '
            'title="Temporarily Unavailable">480</a> &amp; <a class="rfc" '
            'href="https://www.rfc-editor.org/rfc/rfc5626#section-7">RFC 5626 §7</a>'
        )
        assert marked("*this* **that** {next flow}", Language.EN) == Markup(
            '<em>this</em> <strong>that</strong> <span class="effect">next flow</span>'
        )

    @pytest.mark.parametrize("text", ["<script>", "`<b>`", '*"<*', "**<i>**", '" onclick="x'])
    def test_escape_everything_else(self, text: str) -> None:
        html = marked(text, Language.EN)
        assert "<script" not in html
        assert not re.search(r"<(?!/?(?:em|strong|code)>)", html)
        assert '"' not in html

    def test_a_query_is_escaped(self) -> None:
        html = render.search_html(Language.EN, "<script>alert(1)</script> \" 'x' {480} `a`")
        assert "<script>alert" not in html
        assert 'value="&lt;script&gt;alert(1)&lt;/script&gt; &#34; &#39;x&#39; {480} `a`"' in html


@pytest.mark.parametrize("language", BOTH)
class TestPages:
    def test_words_are_the_same_in_every_language(self, language: Language) -> None:
        assert words(language).keys() == words(render.OTHER[language]).keys()
        for key, word in words(language).items():
            other = words(render.OTHER[language])[key]
            assert sorted(re.findall(r"\{\d\}", word)) == sorted(re.findall(r"\{\d\}", other)), key

    @pytest.mark.parametrize("status", TABLE)
    def test_a_code(self, language: Language, status: int) -> None:
        html, view = render.code_html(status, language), code_page(status, language)
        text = text_of(html)
        assert f'lang="{words(language)["lang"]}"' in html
        assert view.phrase in text
        assert view.term in text
        assert view.brief in text
        assert html.count("<mark>") == 1
        for key in ("seen_when", "how_to_fix", "mistakes", "outlook", "ringway_does", "sections"):
            assert words(language)[key] in text
        assert all(f'href="{section.url}"' in html for section in view.sections)
        assert f'href="../{render.OTHER[language]}/{status}.html"' in html
        assert "{" not in re.sub(r'data-\w+="[^"]*"', "", text)

    def test_comparisons(self, language: Language) -> None:
        said = words(language)
        for first, second in SPREAD:
            html = render.compare_html(first, second, language)
            text = text_of(html)
            assert f"{first} " in text.split(words(language)["summary"])[0]
            headings = re.findall(r"<h2 [^>]*>([^<]*)</h2>", html)
            assert headings == [
                *(said[key] for key in ("summary", "key_differences", "when_to_use_which")),
                *(said[key] for key in ("description", "seen_when", "how_to_fix", "other_pairs")),
            ]
            assert f'href="{second}-vs-{first}.html"' in html
            assert len(re.findall(r'<div class="cell ', html)) == 6

    def test_every_pair_has_a_view_and_quickly(self, language: Language) -> None:
        begun = time.perf_counter()
        views = [compare(first, second, language) for first, second in permutations(TABLE, 2)]
        assert len(views) == 75 * 74
        assert all(len(view.differences) == 9 and view.choose for view in views)
        assert time.perf_counter() - begun < 10

    def test_the_issues_pair(self, language: Language) -> None:
        html = render.compare_html(302, 430, language)
        wanted = {
            Language.EN: ["302 Moved Temporarily", "430 Flow Failed", "Description", "Key differ"],
            Language.ZH: ["302 临时移动", "430 流失败", "描述", "何时出现", "如何修复", "主要区别"],
        }
        text = text_of(html)
        assert all(each in text for each in wanted[language])

    def test_the_first_page_lists_every_code(self, language: Language) -> None:
        html = render.index_html(language)
        text_of(html)
        assert re.findall(r'class="row c\d" href="(\d+)\.html"', html) == [
            str(each.status) for each in briefs(language)
        ]

    def test_the_others(self, language: Language) -> None:
        for html in (render.guide_html(language), render.picker_html(language)):
            text_of(html)
        assert render.guide_html(language).count("<details>") > 10

    def test_search(self, language: Language) -> None:
        assert 'href="430.html"' in text_and(render.search_html(language, "430"))
        nothing = render.search_html(language, "qqqqzzzz")
        assert words(language)["search_none"].format("qqqqzzzz") in text_of(nothing)
        assert "<noscript>" not in render.search_html(language, "")
        assert "<noscript>" in render.search_html(language)


def text_and(html: str) -> str:
    text_of(html)
    return html


class TestPaths:
    def test_every_path_has_a_page(self) -> None:
        assert all(page(path) for path in paths())
        assert len(list(pair_paths(Language.ZH, 302))) == 74

    @pytest.mark.parametrize(
        "path",
        [*("", "en", "en/", "de/430.html", "en/430", "en/999.html", "en/430-vs-430.html"),
         *("en/302-vs-999.html", "static/", "static/../app.py", "../pyproject.toml")],
    )  # fmt: skip
    def test_no_other_has(self, path: str) -> None:
        with pytest.raises(LookupError):
            page(path)
