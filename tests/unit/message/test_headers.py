import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringway.errors import ParseError
from ringway.message import (
    parse_cseq,
    parse_name_addr,
    parse_params,
    parse_reason,
    parse_via,
    parse_warning,
    split_values,
)
from ringway.message.headers import first_value


class TestSplitValues:
    @pytest.mark.parametrize(
        ("text", "values"),
        [
            ("a", ["a"]),
            ("", [""]),
            ("a, b ,c", ["a", "b", "c"]),
            ("a,,b,", ["a", "", "b", ""]),
            ('"a,b" <sip:a,b@c>;x="1,2", d', ['"a,b" <sip:a,b@c>;x="1,2"', "d"]),
            ('"a\\",b", c', ['"a\\",b"', "c"]),
            ("<a,b>\r\n , c", ["<a,b>", "c"]),
            ('"never closed, <b>', ['"never closed, <b>']),
            ("<never closed, b", ["<never closed, b"]),
            ('"ends in a backslash, \\', ['"ends in a backslash, \\']),
        ],
    )
    def test_split(self, text: str, values: list[str]) -> None:
        assert split_values(text) == values

    def test_first(self) -> None:
        assert first_value("<a,b>, c") == "<a,b>"
        assert first_value("a b") == "a b"


class TestParams:
    @pytest.mark.parametrize(
        ("text", "params"),
        [
            ("", ()),
            (";lr", (("lr", None),)),
            (";Tag=A;lr", (("tag", "A"), ("lr", None))),
            (" ; a = 1 ; b\t;c", (("a", "1"), ("b", None), ("c", None))),
            (';a="x;y\\"=,";b=1', (("a", '"x;y\\"=,"'), ("b", "1"))),
            (";received=2001:db8::1", (("received", "2001:db8::1"),)),
            (";maddr=[::1]", (("maddr", "[::1]"),)),
            (";x=YQ==", (("x", "YQ=="),)),
            (";x=é", (("x", "é"),)),
        ],
    )
    def test_params(self, text: str, params: tuple[tuple[str, str | None], ...]) -> None:
        assert parse_params(text) == params

    @pytest.mark.parametrize(
        "text",
        [
            ";",
            ";a;",
            ";;a",
            ";a=",
            ";a= ;b",
            "a",
            ";a b",
            ";a=b c",
            ";a=b,c",
            ';a="b',
            ';a="b"c',
            ";a=<b>",
            ";a=b@c",
            ";ä=1",
            ";=1",
            ";tag=1;TAG=1",
            ";a;b=1;a",
        ],
    )
    def test_refuses(self, text: str) -> None:
        with pytest.raises(ParseError):
            parse_params(text)


class TestNameAddr:
    @pytest.mark.parametrize(
        ("text", "display", "uri", "tag"),
        [
            ("<sip:a@b>", "", "sip:a@b", ""),
            ("sip:a@b;tag=1", "", "sip:a@b", "1"),
            ("sip:a@b ; tag = 1", "", "sip:a@b", "1"),
            ("Bob <sip:a@b>;tag=1", "Bob", "sip:a@b", "1"),
            ("caller<sip:a@b>;tag=323", "caller", "sip:a@b", "323"),
            ("A. Bell (home) [x] <sip:a@b>", "A. Bell (home) [x]", "sip:a@b", ""),
            ("José <sip:a@b>", "José", "sip:a@b", ""),
            ('"Bell, A" <sip:a@b>', "Bell, A", "sip:a@b", ""),
            ('"J \\\\\\""       <sip:a@b>', 'J \\"', "sip:a@b", ""),
            ('""<sip:a@b>', "", "sip:a@b", ""),
            ("<sip:a@b;x=1?y=2>;tag=1", "", "sip:a@b;x=1?y=2", "1"),
            ("<tel:+1-212>", "", "tel:+1-212", ""),
            ("<http://www.example.com>;tag=3", "", "http://www.example.com", "3"),
            ("isbn:2983792873", "", "isbn:2983792873", ""),
        ],
    )
    def test_parts(self, text: str, display: str, uri: str, tag: str) -> None:
        value = parse_name_addr(text)
        assert (value.display, value.uri_text, value.tag) == (display, uri, tag)
        assert str(value.uri) == uri
        assert value.bracketed == ("<" in text)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "<>",
            "a@b",
            "sip:a@b, sip:c@d",
            "<sip:a@b>, <sip:c@d>",
            "sip:a@b?x=1",
            "Bell, A <sip:a@b>",
            '"Mr. J. User <sip:j.user@example.com>',
            "< sip:a@b >",
            "<sip:a@b",
            "sip:a@b>",
            "<<sip:a@b>>",
            "<sip:a@b>x",
            "<sip:a@b>;;;;",
            "<sip:a@b>;tag=1;tag=2",
            "<sip:a b@c>",
            '"a" "b" <sip:a@b>',
            "a\x07 <sip:a@b>",
            "sip:a;x=b@c",
        ],
    )
    def test_refuses(self, text: str) -> None:
        with pytest.raises(ParseError) as caught:
            parse_name_addr(text, "contact")
        assert caught.value.status == 400
        assert caught.value.header == "contact"


class TestVia:
    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("SIP/2.0/UDP a", ("SIP/2.0", "udp", "a", None)),
            ("SIP / 2.0 /\tUDP  a : 5060 ; branch = x", ("SIP/2.0", "udp", "a", 5060)),
            ("SIP/2.0/UNKNOWN a;branch=x", ("SIP/2.0", "unknown", "a", None)),
            ("SIP/2.0/WSS df7jal23ls0d.invalid", ("SIP/2.0", "wss", "df7jal23ls0d.invalid", None)),
            ("SIP/2.0/UDP [::ffff:192.0.2.2]:19823", ("SIP/2.0", "udp", "::ffff:192.0.2.2", 19823)),
        ],
    )
    def test_parts(self, text: str, parts: tuple[str, str, str, int | None]) -> None:
        assert tuple(parse_via(text))[:4] == parts

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "SIP/2.0/UDP",
            "SIP/2.0 a",
            "SIP/2.0/UDP a b",
            "SIP/2.0/UDPa",
            "SIP/2.0/UDP a:65536",
            "SIP/2.0/UDP a:b",
            "SIP/2.0/UDP [::1",
            "SIP/2.0/UDP [1:2]",
            "SIP/2.0/UDP 2001:db8::1",
            "SIP/2.0/UDP 192.0.2.15;;,;,,",
            "SIP/2.0/UDP a;branch=x;branch=y",
            "SIP/2.0/UDP a;",
        ],
    )
    def test_refuses(self, text: str) -> None:
        with pytest.raises(ParseError) as caught:
            parse_via(text)
        assert (caught.value.status, caught.value.header) == (400, "via")


class TestCSeq:
    @pytest.mark.parametrize(
        ("text", "number", "method"),
        [
            ("1 INVITE", 1, "INVITE"),
            ("0009 \t INVITE", 9, "INVITE"),
            ("0 X-Y", 0, "X-Y"),
            ("2147483647 BYE", 2**31 - 1, "BYE"),
            ("0" * 5000 + "1 BYE", 1, "BYE"),
        ],
    )
    def test_parts(self, text: str, number: int, method: str) -> None:
        assert parse_cseq(text) == (number, method)

    @pytest.mark.parametrize(
        "text",
        ["", "1", "INVITE", "1INVITE", "-1 INVITE", "1 A B", "2147483648 BYE", "9" * 5000 + " BYE"],
    )
    def test_refuses(self, text: str) -> None:
        with pytest.raises(ParseError) as caught:
            parse_cseq(text)
        assert (caught.value.status, caught.value.header) == (400, "cseq")


class TestReasonAndWarning:
    def test_reason(self) -> None:
        assert parse_reason('Q.850 ;cause=16 ;text="Terminated"').cause == 16
        assert parse_reason("SIP").params == ()

    @pytest.mark.parametrize("text", ["", ";cause=1", "A B", "SIP;;"])
    def test_reason_refuses(self, text: str) -> None:
        with pytest.raises(ParseError):
            parse_reason(text)

    def test_warning(self) -> None:
        warning = parse_warning('399 example.com:5060 "no \\"way\\""')
        assert warning == (399, "example.com:5060", 'no "way"')

    @pytest.mark.parametrize("text", ["", '1812 overture "In Progress"', "399 a b", '399 "a"'])
    def test_warning_refuses(self, text: str) -> None:
        with pytest.raises(ParseError):
            parse_warning(text)


@given(st.text(st.sampled_from('";,<>=\\ \t:/@sipSIP2.0UDPab1[]?é\r\n\0'), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert ",".join(split_values(text)).count(",") == text.count(",")
    for parse in (parse_via, parse_name_addr, parse_cseq, parse_reason, parse_warning):
        try:
            value = parse(text)
        except ParseError as error:
            assert error.status == 400  # noqa: PT017 - both ways out are right
        else:
            assert parse(str(value)) is not None
