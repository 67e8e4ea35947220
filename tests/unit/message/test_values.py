import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringway.errors import ParseError
from ringway.message import (
    CSeq,
    NameAddr,
    Reason,
    Via,
    Warning399,
    parse_delta,
    parse_name_addr,
    parse_uri,
    parse_via,
    quote,
    unquote,
)


class TestNameAddr:
    VALUE = parse_name_addr(
        '"A \\"B\\"" <sip:a@b;lr>;tag=1;Q=0.5;+sip.instance="<urn:uuid:1>";ob;expires=60'
    )

    def test_parameters(self) -> None:
        assert self.VALUE.tag == "1"
        assert self.VALUE.q == 0.5
        assert self.VALUE.instance == "<urn:uuid:1>"
        assert self.VALUE.expires == 60
        assert self.VALUE.param("ob") == ""
        assert self.VALUE.has_param("ob")
        assert self.VALUE.param("lr") is None
        assert not self.VALUE.has_param("lr")

    def test_parameters_not_there(self) -> None:
        bare = parse_name_addr("<sip:a@b>")
        assert (bare.tag, bare.q, bare.instance, bare.expires) == ("", 1.0, "", None)

    def test_text(self) -> None:
        assert str(self.VALUE) == (
            '"A \\"B\\"" <sip:a@b;lr>;tag=1;q=0.5;+sip.instance="<urn:uuid:1>";ob;expires=60'
        )
        assert str(NameAddr("", parse_uri("sip:a@b"))) == "<sip:a@b>"

    def test_uri_text_is_kept_as_it_stood(self) -> None:
        assert str(parse_name_addr("<SIP:%61@B;X=1>")) == "<SIP:%61@B;X=1>"

    def test_changing_parameters(self) -> None:
        value = parse_name_addr("<sip:a@b>;q=1;expires=5")
        assert str(value.with_param("expires", "9")) == "<sip:a@b>;q=1;expires=9"
        assert str(value.with_param("ob")) == "<sip:a@b>;q=1;expires=5;ob"
        assert str(value.without_param("q")) == "<sip:a@b>;expires=5"

    @pytest.mark.parametrize(
        ("text", "q"),
        [("0", 0.0), ("0.7", 0.7), (".3", 0.3), ("1.000", 1.0), ("7", 1.0), ("nan", 1.0)],
    )
    def test_q_is_always_a_preference(self, text: str, q: float) -> None:
        assert parse_name_addr(f"<sip:a@b>;q={text}").q == q

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("0", 0),
            ("3600", 3600),
            ("99999999999999", 2**32 - 1),
            ("-1", 3600),
            ("soon", 3600),
        ],
    )
    @pytest.mark.clause("RFC3261 10.2.1.1")
    def test_malformed_expires_is_an_hour(self, text: str, seconds: int) -> None:
        assert parse_name_addr(f"<sip:a@b>;expires={text}").expires == seconds


class TestVia:
    def test_parts(self) -> None:
        via = parse_via("SIP/2.0/UDP Host.example.com:5060;branch=z9hG4bK1;RPort;ttl=1")
        assert via.protocol == "SIP/2.0"
        assert via.transport == "udp"
        assert (via.host, via.port) == ("host.example.com", 5060)
        assert via.branch == "z9hG4bK1"
        assert via.rport == ""
        assert via.param("ttl") == "1"
        assert (via.received, via.maddr) == ("", "")
        assert via.sent_by == "host.example.com:5060"

    def test_nothing_but_the_host(self) -> None:
        via = parse_via("SIP/2.0/TLS [2001:DB8::1]")
        assert (via.host, via.port, via.branch, via.rport) == ("2001:db8::1", None, "", None)
        assert via.sent_by == "[2001:db8::1]"

    @pytest.mark.parametrize("text", ["2001:db8::9:255", "[2001:db8::9:255]"])
    def test_received_with_and_without_brackets(self, text: str) -> None:
        via = parse_via(f"SIP/2.0/UDP a;received={text};maddr={text}")
        assert via.received == "2001:db8::9:255"
        assert via.maddr == "2001:db8::9:255"

    def test_text(self) -> None:
        via = Via("SIP/2.0", "udp", "2001:db8::1", 5070, (("branch", "z9hG4bK1"), ("rport", None)))
        assert str(via) == "SIP/2.0/UDP [2001:db8::1]:5070;branch=z9hG4bK1;rport"
        assert str(via.with_param("rport", "7").with_param("received", "192.0.2.1")) == (
            "SIP/2.0/UDP [2001:db8::1]:5070;branch=z9hG4bK1;rport=7;received=192.0.2.1"
        )


class TestOthers:
    def test_cseq(self) -> None:
        assert str(CSeq(314, "INVITE")) == "314 INVITE"

    def test_reason(self) -> None:
        reason = Reason("Q.850", (("cause", "20"), ("text", '"Not \\"there\\""')))
        assert (reason.cause, reason.text) == (20, 'Not "there"')
        assert str(reason) == 'Q.850;cause=20;text="Not \\"there\\""'
        assert (Reason("SIP").cause, Reason("SIP").text) == (None, "")
        assert Reason("SIP", (("cause", "x"),)).cause is None

    def test_warning(self) -> None:
        assert str(Warning399(399, "example.com", 'a "b"')) == '399 example.com "a \\"b\\""'


class TestDelta:
    @pytest.mark.parametrize(
        ("text", "number"), [("0", 0), ("0068", 68), ("0" * 5000 + "7", 7), ("9" * 5000, 2**32 - 1)]
    )
    def test_number(self, text: str, number: int) -> None:
        assert parse_delta(text) == number

    def test_limit(self) -> None:
        assert parse_delta("300", limit=255) == 255

    @pytest.mark.parametrize("text", ["", "-1", "+1", "1 ", "1_0", "٣", "1.5"])
    def test_refuses(self, text: str) -> None:
        with pytest.raises(ParseError) as caught:
            parse_delta(text, "expires")
        assert caught.value.header == "expires"


class TestQuoting:
    @given(st.text(st.characters(exclude_categories=["Cc"])))
    def test_comes_back(self, text: str) -> None:
        assert unquote(quote(text)) == text

    def test_a_line_break_cannot_get_out(self) -> None:
        assert quote("a\r\nX: b\0\x7f") == '"a  X: b  "'

    @pytest.mark.parametrize("text", ["", '"', "a", '"a', 'a"'])
    def test_what_is_not_quoted_stays(self, text: str) -> None:
        assert unquote(text) == text

    def test_quoted_pairs(self) -> None:
        assert unquote('"BEL:\\\a NUL:\\\0 q:\\" b:\\\\"') == 'BEL:\a NUL:\0 q:" b:\\'
