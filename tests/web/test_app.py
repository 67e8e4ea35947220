import asyncio
import gzip
import json
import threading
from collections.abc import Iterator

import httpx
import pytest

from ringway.codes import TABLE, Language
from ringway.reference.as_json import as_json
from ringway.reference.compare import compare
from ringway.reference.search import search
from ringway.web.app import create_app, wanted_language
from ringway.web.content import Body, Shelf, as_body
from ringway.web.pages import page

APP = create_app()


class Client:
    def get(self, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(APP)
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                named = {name.replace("_", "-"): value for name, value in headers.items()}
                return await client.request(method, path, headers=named)

        return asyncio.run(ask())


@pytest.fixture
def client() -> Client:
    return Client()


class TestPages:
    @pytest.mark.parametrize(
        "path", ["en/index.html", "zh/430.html", "en/302-vs-430.html", "zh/guide.html",
                 "en/compare.html", "static/style.css", "static/search-index.js", "index.html"],
    )  # fmt: skip
    def test_are_those_of_the_site(self, client: Client, path: str) -> None:
        if path == "index.html":
            assert client.get("/index.html").text == page(path)
            return
        answer = client.get(f"/{path}")
        assert (answer.status_code, answer.text) == (200, page(path))

    @pytest.mark.parametrize(
        ("path", "languages", "to"),
        [
            ("/", "", "/en/index.html"),
            ("/", "zh-CN,zh;q=0.9,en;q=0.8", "/zh/index.html"),
            ("/430", "zh", "/zh/430.html"),
            ("/302-vs-430", "de, en;q=0.5, zh;q=0.4", "/en/302-vs-430.html"),
            ("/guide", "", "/en/guide.html"),
            ("/zh", "en", "/zh/index.html"),
            ("/zh/430", "en", "/zh/430.html"),
            ("/en/search?q=flow+%26", "", "/en/search.html?q=flow+%26"),
            ("/en/compare.html?first=302&second=430", "", "302-vs-430.html"),
            ("/en/compare.html?first=302&second=302", "", "302.html"),
        ],
    )
    def test_short_addresses(self, client: Client, path: str, languages: str, to: str) -> None:
        answer = client.get(path, accept_language=languages)
        assert (answer.status_code, answer.headers["location"]) == (307, to)

    def test_search_needs_no_script(self, client: Client) -> None:
        answer = client.get("/zh/search.html?q=" + "flow " * 100)
        assert 'href="430.html"' in answer.text
        assert answer.text.count("flow") < 200

    @pytest.mark.parametrize("path", ["/nothing", "/en/999.html", "/a/b/c", "/en/430-vs-430.html"])
    def test_what_is_not_there(self, client: Client, path: str) -> None:
        answer = client.get(path)
        assert answer.status_code == 404
        assert 'href="/en/index.html"' in answer.text

    def test_a_picker_that_names_no_codes(self, client: Client) -> None:
        answer = client.get("/en/compare.html?first=//evil.example&second=430")
        assert (answer.status_code, answer.json()) == (
            422,
            {"detail": "first and second: each a status code, as 302"},
        )

    def test_never_leads_elsewhere(self, client: Client) -> None:
        for path in ("//evil.example", "//evil.example/en", "/\\evil.example", "/%0d%0aX:y"):
            answer = client.get("http://x" + path)
            assert answer.status_code == 404


class TestHeaders:
    def test_a_known_body_is_not_sent_again(self, client: Client) -> None:
        first = client.get("/en/430.html")
        again = client.get("/en/430.html", if_none_match=f'"other", {first.headers["etag"]}')
        assert (again.status_code, again.content) == (304, b"")
        assert client.get("/en/430.html", if_none_match='"other"').status_code == 200

    def test_is_packed_for_who_asks(self, client: Client) -> None:
        assert (
            client.get("/en/430.html", accept_encoding="gzip").headers["content-encoding"] == "gzip"
        )
        assert "content-encoding" not in client.get("/en/430.html", accept_encoding="br").headers
        assert client.get("/en/430.html").headers["vary"] == "accept-encoding"

    def test_keep_browsers_here(self, client: Client) -> None:
        for path in ("/en/430.html", "/api/codes", "/nothing", "/api/codes/1"):
            headers = client.get(path).headers
            assert headers["content-security-policy"].startswith("default-src 'self';")
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"

    def test_head(self, client: Client) -> None:
        assert client.get("/en/430.html", "HEAD").status_code == 200
        assert client.get("/api/codes", "POST").status_code == 405

    @pytest.mark.parametrize(
        ("header", "wanted"),
        [("", "en"), ("fr", "en"), ("zh", "zh"), ("zh-Hans-CN", "zh"), ("en-GB,zh;q=0.9", "en"),
         ("zh;q=0.2, en;q=0.1", "zh"), ("zh;q=0", "en"), ("ZH ; q=0.5", "zh"), (",;q=,", "en")],
    )  # fmt: skip
    def test_accept_language(self, header: str, wanted: str) -> None:
        assert wanted_language(header) == wanted


class TestApi:
    def test_codes(self, client: Client) -> None:
        assert [each["status"] for each in client.get("/api/codes").json()] == list(TABLE)
        four = client.get("/api/codes?class=4&lang=zh").json()
        assert all(each["status"] // 100 == 4 for each in four)
        assert {"status": 430, "phrase": "Flow Failed", "term": "流失败"}.items() <= next(
            each.items() for each in four if each["status"] == 430
        )
        found = client.get("/api/codes?class=4&search=flow").json()
        assert found[0]["status"] == 430

    def test_a_code_has_no_marks(self, client: Client) -> None:
        for status in TABLE:
            text = client.get(f"/api/codes/{status}").text
            assert "`" not in text
            assert "**" not in text

    def test_compare(self, client: Client) -> None:
        told = client.get("/api/compare/302/430?lang=zh").json()
        assert told == as_json(compare(302, 430, Language.ZH), Language.ZH)

    def test_search(self, client: Client) -> None:
        told = client.get("/api/search?q=flow&limit=3").json()
        assert [each["brief"]["status"] for each in told] == [
            each.brief.status for each in search("flow", Language.EN, 3)
        ]

    def test_guides(self, client: Client) -> None:
        assert all(each["questions"] for each in client.get("/api/guides?lang=zh").json())

    @pytest.mark.parametrize(
        ("path", "status", "detail"),
        [
            ("codes/431", 404, "431 is not a SIP response code that IANA has registered; near it"),
            ("codes/99", 422, "status: Input should be greater than or equal to 100"),
            ("codes/x", 422, "status: Input should be a valid integer"),
            ("codes?class=7", 422, "class: Input should be less than or equal to 6"),
            ("codes?lang=de", 422, "lang: Input should be 'en' or 'zh'"),
            ("compare/302/302", 404, "302 and 302 are the same code"),
            ("search", 422, "q: Field required"),
            (f"search?q={'x' * 201}", 422, "q: String should have at most 200 characters"),
            ("codes?search=" + "x" * 201, 422, "search: String should have at most 200"),
            ("nothing", 404, "/api/nothing is not part of the API"),
        ],
    )
    def test_says_what_was_wrong(self, client: Client, path: str, status: int, detail: str) -> None:
        answer = client.get(f"/api/{path}")
        assert answer.status_code == status
        assert answer.json()["detail"].startswith(detail)

    def test_describes_itself(self, client: Client) -> None:
        described = client.get("/api/openapi.json").json()
        assert set(described["paths"]) == {
            "/api/codes", "/api/codes/{status}", "/api/compare/{first}/{second}",
            "/api/search", "/api/guides",
        }  # fmt: skip
        assert "HTTPValidationError" not in json.dumps(described)


class TestShelf:
    @pytest.fixture
    def shelf(self) -> Iterator[Shelf]:
        shelf = Shelf(room=2)
        yield shelf
        shelf.close()

    def test_keeps_those_used_last(self, shelf: Shelf) -> None:
        made: list[str] = []

        def make(name: str) -> Body:
            made.append(f"{name} {threading.current_thread() is threading.main_thread()}")
            return as_body(name, "text/plain")

        async def main() -> None:
            for name in "abacab":
                body = await shelf.get(name, lambda name=name: make(name))  # type: ignore[misc]
                assert body.data == name.encode()

        asyncio.run(main())
        assert made == ["a False", "b False", "c False", "b False"]

    def test_a_failure_is_not_kept(self, shelf: Shelf) -> None:
        def fail() -> Body:
            raise LookupError

        async def main() -> Body:
            with pytest.raises(LookupError):
                await shelf.get("x", fail)
            return await shelf.get("x", lambda: as_body("y" * 2000, "text/plain"))

        body = asyncio.run(main())
        assert gzip.decompress(body.packed) == body.data == b"y" * 2000
