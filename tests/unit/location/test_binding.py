import pytest

from ringway.location import aor_of
from ringway.message import parse_uri


class TestAorOf:
    """RFC 3261 §10.3 step 5: one text for all ways to write an address-of-record."""

    @pytest.mark.parametrize(
        ("uri", "aor"),
        [
            ("sip:alice@example.com", "sip:alice@example.com"),
            ("sip:alice@EXAMPLE.com", "sip:alice@example.com"),
            ("sips:alice@example.com", "sip:alice@example.com"),
            ("sip:alice@example.com.", "sip:alice@example.com"),
            ("sip:alice@example.com:5060;transport=tcp;user=phone", "sip:alice@example.com"),
            ("sip:%61li%63e@example.com", "sip:alice@example.com"),
            ("sip:alice:secret@example.com", "sip:alice@example.com"),
            ("sip:Alice@example.com", "sip:Alice@example.com"),
            ("sip:alice@example.com?subject=x", "sip:alice@example.com"),
            ("sip:a%40b@example.com", "sip:a@b@example.com"),
            ("sip:%FFx@example.com", "sip:\udcffx@example.com"),
            ("sip:example.com", "sip:example.com"),
            ("sip:alice@[2001:DB8::1]", "sip:alice@[2001:db8::1]"),
            ("tel:+15550100", "tel:+15550100"),
        ],
    )
    def test_canonical_form(self, uri: str, aor: str) -> None:
        assert aor_of(parse_uri(uri)) == aor

    @pytest.mark.parametrize("host", ["pbx.example", "PBX.example.", "192.0.2.1", "[2001:db8::1]"])
    def test_other_hosts_for_our_domain(self, host: str) -> None:
        synonyms = dict.fromkeys(("pbx.example", "192.0.2.1", "2001:db8::1"), "example.com")
        assert aor_of(parse_uri(f"sip:alice@{host}"), synonyms) == "sip:alice@example.com"
        assert aor_of(parse_uri("sip:alice@else.example"), synonyms) == "sip:alice@else.example"
