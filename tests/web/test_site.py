from html.parser import HTMLParser
from pathlib import Path

import pytest

from ringway.codes import TABLE, Language
from ringway.web.links import check_links, links_of
from ringway.web.site import MARKER, SiteError, Written, _write_pairs, write_site

URL = "https://sip.example.com/codes/"


class TestWholeSite:
    def test_has_every_page(self, site: Path) -> None:
        pages = {str(each.relative_to(site)) for each in site.rglob("*.html")}
        assert len(pages) == 2 + 2 * (4 + len(TABLE) + len(TABLE) * (len(TABLE) - 1))
        assert {"index.html", "en/302-vs-430.html", "zh/430-vs-302.html", "404.html"} <= pages

    def test_no_link_leads_nowhere(self, site: Path) -> None:
        assert check_links(site, URL) == []

    def test_links_are_what_a_parser_finds(self, site: Path) -> None:
        class Links(HTMLParser):
            def __init__(self) -> None:
                super().__init__()
                self.found: set[str] = set()
                self.ids: list[str] = []

            def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
                for name, value in attrs:
                    if name in {"href", "src", "action"}:
                        self.found.add(value or "")
                    elif name == "id":
                        self.ids.append(value or "")

        for file in [*site.glob("*.html"), *sorted(site.rglob("*.html"))[::400]]:
            text = file.read_text()
            parser = Links()
            parser.feed(text)
            assert links_of(text)[:2] == (parser.ids, parser.found)

    def test_names_every_page_in_its_sitemap(self, site: Path) -> None:
        text = (site / "sitemap.xml").read_text()
        assert (
            text.count("<loc>https://sip.example.com/codes/") == len(list(site.rglob("*.html"))) - 1
        )
        assert "//zh" not in text

    def test_size(self, site: Path) -> None:
        sizes = [each.stat().st_size for each in site.rglob("*.html")]
        assert max(sizes) < 60_000


class TestChecking:
    def test_tells_what_is_wrong(self, tmp_path: Path) -> None:
        (tmp_path / "a.html").write_text(
            '<p id="x"><p id="x"><a href="b.html#y">b</a><a href="none.html">c</a>'
            '<a href="#z">d</a><a href="https://elsewhere.example/">e</a>'
            '<img src="https://elsewhere.example/i.png">'
        )
        (tmp_path / "b.html").write_text('<a href="a.html#x">a</a>')
        assert check_links(tmp_path) == [
            "a.html: a.html has no #z",
            "a.html: an id twice",
            "a.html: b.html has no #y",
            "a.html: loads https://elsewhere.example/i.png",
            "a.html: none.html is not there",
        ]


class TestWhereItGoes:
    def test_refuses_what_is_not_its_own(self, tmp_path: Path) -> None:
        (tmp_path / "precious.txt").write_text("mine")
        with pytest.raises(SiteError, match="did not write"):
            write_site(tmp_path)
        assert [each.name for each in tmp_path.iterdir()] == ["precious.txt"]

    def test_refuses_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(SiteError, match="is a file"):
            write_site(tmp_path / "file")

    def test_says_why_it_cannot(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(SiteError, match="cannot be written here"):
            write_site(tmp_path / "file" / "below")

    def test_replaces_its_own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ringway.web.site._write", lambda *_: None)
        write_site(tmp_path)
        (tmp_path / "en" / "999.html").write_text("of an older version")
        write_site(tmp_path)
        assert (tmp_path / MARKER).is_file()
        assert not list((tmp_path / "en").iterdir())


class TestWithoutUrl:
    def test_has_no_sitemap(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ringway.web.site.TABLE", {302: TABLE[302]})
        told: list[tuple[int, int]] = []
        written = write_site(tmp_path, lambda *step: told.append(step))
        assert not (tmp_path / "sitemap.xml").exists()
        assert told[-1] == (written.files, written.files)
        assert 'href="en/index.html"' in (tmp_path / "404.html").read_text()

    def test_a_part_counts_what_it_wrote(self, tmp_path: Path) -> None:
        (tmp_path / "zh").mkdir()
        written = _write_pairs(tmp_path, Language.ZH, 302)
        files = list((tmp_path / "zh").iterdir())
        assert written == Written(len(files), sum(each.stat().st_size for each in files))
        assert len(files) == len(TABLE) - 1
