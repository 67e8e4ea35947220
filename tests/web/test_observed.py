"""The page of a capture: complete, escaped, bounded."""

from __future__ import annotations

import io
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from tests.unit.explain.observed import scenes
from tests.unit.explain.observed.captures import SCRIPT, as_pcap, healthy, hostile, troubled
from tests.unit.explain.observed.support import Scene

from ringway.capture.files import read_capture
from ringway.codes import Language
from ringway.explain.observed.explain import Explainer
from ringway.explain.observed.finding import Severity
from ringway.explain.observed.mask import Mask
from ringway.explain.observed.summary import Summary
from ringway.explain.observed.view import Fault, Viewer
from ringway.web import observed
from ringway.web.observed import ObservedPage

VOID = {"meta", "link", "input", "br", "img"}


def page_of(
    *scenes: Scene,
    language: Language = Language.EN,
    mask: Mask | None = None,
    across: tuple[Fault, ...] = (),
    name: str = "some.pcap",
) -> str:
    viewer = Viewer(language, mask)
    out = io.StringIO()
    explainer = Explainer()
    summary = Summary(across=across)
    with ObservedPage(viewer, out) as page:
        for explained in explainer.explain(read_capture(io.BytesIO(as_pcap(*scenes)))):
            talk = viewer.talk(explained)
            summary.count(talk)
            page.talk(talk)
        summary.messages = explainer.messages
        summary.troubles = explainer.troubles
        page.end(name, summary)
    return out.getvalue()


class Reader(HTMLParser):
    """What stands in a page; whatever is open must be closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.texts.append(data)

    @property
    def ids(self) -> list[str]:
        return [values["id"] for _, values in self.tags if "id" in values]

    @property
    def links(self) -> list[str]:
        return [values["href"] for tag, values in self.tags if tag == "a"]


@pytest.mark.parametrize("language", list(Language))
def test_it_is_well_formed_and_every_link_leads_somewhere(language: Language) -> None:
    reader = Reader(page_of(troubled(), healthy(at=1.7e9 + 100), language=language))
    assert len(set(reader.ids)) == len(reader.ids)
    inside = {link[1:] for link in reader.links if link.startswith("#")}
    assert inside <= set(reader.ids)
    assert {"code-302", "code-430", "m-2-0", "f-2-0"} <= inside
    assert all(link.startswith(("#", "https://www.rfc-editor.org/rfc/")) for link in reader.links)


def test_a_ladder_of_five_columns_fits_the_page() -> None:
    page = page_of(scenes.flow_failed())
    assert page.count('class="column"') == 5
    width = re.search(r'<svg width="(\d+)"', page)
    assert width is not None
    assert int(width[1]) <= 1040


def test_it_loads_nothing() -> None:
    html = page_of(troubled())
    reader = Reader(html)
    for tag, values in reader.tags:
        assert "src" not in values, tag
        assert "style" not in values, tag
        assert not any(name.startswith("on") for name in values), tag
        if tag == "link":
            assert values["href"] == "data:,"
    assert "@import" not in html
    assert "url(" not in html


def test_the_policy_names_what_stands_in_it() -> None:
    html = page_of(troubled())
    policy = next(values["content"] for _, values in Reader(html).tags if "http-equiv" in values)
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        (inner,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = b64encode(sha256(inner.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


class TestHostile:
    def test_what_a_peer_wrote_is_text(self) -> None:
        html = page_of(hostile(), name=f"{SCRIPT}.pcap")
        reader = Reader(html)
        tags = [tag for tag, _ in reader.tags]
        assert tags.count("script") == 1
        assert "img" not in tags
        assert tags.count("svg") == 1
        text = "".join(reader.texts)
        for wrote in (f"</pre>{SCRIPT}", f"</text></svg>{SCRIPT}", "<svg onload=alert(1)>"):
            assert wrote in text
        assert "onmouseover='alert(1)" in text
        assert "\x1b" not in html

    def test_secrets_and_names_are_left_out(self) -> None:
        html = page_of(troubled(), mask=Mask()).partition('id="codes"')[0]
        for secret in ("n0nce", "deadbeef", "alice@", "bob@", "carol@"):
            assert secret not in html
        assert "sip:user1@example.com" in html
        assert "alice@" in page_of(troubled()).partition('id="codes"')[0]


class TestBounds:
    def test_many_conversations(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(observed, "_MOST", 2)
        fine = [healthy(f"c-{number}", 1.7e9 + 10 * number) for number in range(5)]
        html = page_of(*fine, troubled())
        assert html.count('<details class="talk') == 3
        assert html.count('<details class="talk faulty') == 1
        assert "4 conversations without findings are left out" in html

    def test_even_those_with_findings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(observed, "_MOST_OCTETS", 0)
        html = page_of(troubled())
        assert "2 conversations are left out" in html

    def test_a_ladder_without_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(observed, "_MOST_RUNGS", 2)
        html = page_of(healthy())
        assert html.count('class="rung') == 2
        assert "… 4 more messages" in html

    def test_a_long_message(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(observed, "_LONGEST", 50)
        assert re.search(r"… \d+ more octets", page_of(healthy()))


def test_findings_about_several_conversations_and_troubles() -> None:
    fault = Fault(
        "x", Severity.SUSPICIOUS, 1.0, (7, 8), "Many <b>", "What", "See `Retry-After`",
        "Do", "RFC 5626 §4.5", 430, "",
    )  # fmt: skip
    scene = healthy()
    html = page_of(scene, across=(fault,))
    assert "Many &lt;b&gt;" in html
    assert "See <code>Retry-After</code>" in html
    assert 'href="https://www.rfc-editor.org/rfc/rfc5626#section-4.5"' in html
    assert "Proof: #7–#8" in html  # noqa: RUF001
    out = io.StringIO()
    with ObservedPage(Viewer(Language.EN), out) as page:
        page.end("x", Summary())
    assert "no findings" in out.getvalue()


def test_an_arrow_to_oneself_and_its_findings() -> None:
    scene = Scene()
    place = scene.place("one")
    scene.place("other", place)
    scene.request("one", "other", "OPTIONS", "sip:one@192.0.2.1")
    html = page_of(scene)
    assert 'class="label own"' in html
    assert 'class="rung c3 marked' in page_of(troubled())
