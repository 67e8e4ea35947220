"""Marks in texts."""

import pytest

from ringway.codes import Language
from ringway.reference.markup import Kind, Span, plain, section_url, spans


class TestSpans:
    def test_each_mark(self) -> None:
        text = "Take the {next flow} on `430`, see {480} and RFC 5626 §5.3.1, *not* **this**."
        assert spans(text) == (
            Span(Kind.TEXT, "Take the "),
            Span(Kind.EFFECT, "next flow"),
            Span(Kind.TEXT, " on "),
            Span(Kind.SIP, "430"),
            Span(Kind.TEXT, ", see "),
            Span(Kind.CODE, "480"),
            Span(Kind.TEXT, " and "),
            Span(Kind.RFC, "RFC 5626 §5.3.1"),
            Span(Kind.TEXT, ", "),
            Span(Kind.EMPHASIS, "not"),
            Span(Kind.TEXT, " "),
            Span(Kind.STRONG, "this"),
            Span(Kind.TEXT, "."),
        )

    @pytest.mark.parametrize("text", ["", "plain", "Contact: *", "a * b", "{not an effect!}"])
    def test_what_is_no_mark_stays(self, text: str) -> None:
        assert "".join(each.text for each in spans(text)) == text
        assert all(each.kind is Kind.TEXT for each in spans(text))

    def test_nothing_is_a_mark_within_sip(self) -> None:
        assert spans("`{480} *x*`") == (Span(Kind.SIP, "{480} *x*"),)

    def test_a_section_ends_before_the_full_stop(self) -> None:
        assert spans("See RFC 3261 §21.4.18.")[1] == Span(Kind.RFC, "RFC 3261 §21.4.18")


class TestPlain:
    def test_it_names_effects_in_the_language(self) -> None:
        assert plain("`a` {480} {next flow}", Language.EN) == "a 480 next flow"
        assert plain("改走{next flow}", Language.ZH) == "改走下一条流"


class TestSectionUrl:
    @pytest.mark.parametrize(
        ("name", "url"),
        [
            ("RFC 5626 §11.5", "https://www.rfc-editor.org/rfc/rfc5626#section-11.5"),
            ("RFC 5626", "https://www.rfc-editor.org/rfc/rfc5626"),
            ("RFC 5626 §A", "https://www.rfc-editor.org/rfc/rfc5626#appendix-A"),
        ],
    )
    def test_where_it_is(self, name: str, url: str) -> None:
        assert section_url(name) == url
