"""What may be shown of text from the wire: nothing that moves a cursor, and no secret."""

import pytest

from ringway.explain.text import escape, masked


class TestMasked:
    """RFC 7616 §5: a response and its nonce are all that a password can be tried against."""

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ('Digest realm="al", nonce="abc", uri="x"', 'Digest realm="al", nonce=…, uri="x"'),
            ('response="0123456789abcdef"', "response=…"),
            ("response=0123456789abcdef, nc=00000001", "response=…, nc=00000001"),
            ('x Response = "01\\"23", cnonce="k"', "x Response=…, cnonce=…"),
            ('not a header line: \'nonce="abc', "not a header line: 'nonce=…"),
            ('opaque="o", nextnonce="n"', "opaque=…, nextnonce=…"),
            ("Authorization: Basic YWxpY2U6c2VjcmV0", "Authorization: Basic …"),
            ("authorization bearer abc.def-_", "authorization bearer …"),
            ("SIP:alice:secret@example.com", "SIP:alice:…@example.com"),
            ("sip:alice:secret@example.com asks", "sip:alice:…@example.com asks"),
            ("<sips:alice:p%40ss;x@example.com>", "<sips:alice:…@example.com>"),
            ("sip:alice@example.com:5060 asks for sip:bob@x", None),
            ("response 486 to INVITE; nonsense = 1", None),
            ("the basic call went on", None),
        ],
    )  # fmt: skip
    def test_secrets_are_left_out(self, text: str, shown: str | None) -> None:
        assert masked(text) == (text if shown is None else shown)
        assert escape(text) == (text if shown is None else shown)

    def test_before_the_text_is_cut(self) -> None:
        """A secret that is cut short is one that is half told."""
        assert escape('nonce="abcdefgh"', 10) == "nonce=…"

    def test_a_long_one_costs_no_more(self) -> None:
        assert escape("nonce=" * 20_000, longest=0)
        assert escape('response="' * 20_000, longest=0)
        assert escape("sip:a:" * 20_000, longest=0)
