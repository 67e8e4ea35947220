import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringway.errors import ParseError
from ringway.message import Uri, host_text, parse_host, parse_uri, unescape


class TestParse:
    def test_all_parts(self) -> None:
        uri = parse_uri(
            "SIPS:alice:s%40c@Atlanta.Example.COM:5061;Transport=TCP;lr;x=%41?Subject=a%20b&to=c"
        )
        assert uri == Uri(
            "sips",
            "alice",
            "s%40c",
            "atlanta.example.com",
            5061,
            (("transport", "TCP"), ("lr", None), ("x", "%41")),
            (("Subject", "a%20b"), ("to", "c")),
        )
        assert uri.secure
        assert uri.is_sip
        assert uri.transport == "tcp"
        assert uri.lr
        assert uri.hostport == "atlanta.example.com:5061"

    def test_host_alone(self) -> None:
        uri = parse_uri("sip:example.com")
        assert uri == Uri("sip", host="example.com")
        assert not uri.secure
        assert uri.transport == ""
        assert not uri.lr
        assert uri.hostport == "example.com"

    @pytest.mark.parametrize(
        ("text", "user"),
        [
            ("sip:+1-212-555-1212:1234@gateway.com;user=phone", "+1-212-555-1212"),
            ("sip:user;par=u%40example.net@example.com", "user;par=u%40example.net"),
            ("sip:null-%00-null@example.com", "null-%00-null"),
            ("sip:*55#@example.com", "*55#"),
            ("sip:jürgen@example.com", "jürgen"),
            ("sip:a?b,c/d@example.com", "a?b,c/d"),
        ],
    )
    def test_user_as_on_the_wire(self, text: str, user: str) -> None:
        assert parse_uri(text).user == user

    def test_empty_password(self) -> None:
        assert parse_uri("sip:a:@b").password == ""

    def test_empty_parameters_and_headers_are_skipped(self) -> None:
        uri = parse_uri("sip:a@b;;lr;?x=1&&y")
        assert uri.params == (("lr", None),)
        assert uri.headers == (("x", "1"), ("y", ""))

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "sip",
            "sip:",
            "alice@example.com",
            "1sip:a@b",
            ":a",
            "sip:@example.com",
            "sip:a b@example.com",
            "sip:a@b@c",
            "sip:a@b c",
            "sip:a@b;p=x@c",
            "sip:a:p w@b",
            "sip:a@b:port",
            "sip:a@b:",
            "sip:a@b:65536",
            "sip:a@b:123456",
            "sip:a@-b",
            "sip:a@b>",
            "sip:a@b\r\n",
            "sip:a\0@b",
            "sip:2001:db8::10",
            "sip:a@[2001:db8::10",
            "sip:a@[2001:db8:10]",
            "sip:a@[::gggg]",
            "sip:a@[]",
            "tel:",
            "tel:-",
            "tel:+",
            "tel:alice",
            "tel:+1 212",
            "urn:",
            "urn:a b",
            "urn:<a>",
        ],
    )
    def test_refuses(self, text: str) -> None:
        with pytest.raises(ParseError) as caught:
            parse_uri(text)
        assert caught.value.status == 400

    def test_unknown_scheme_is_opaque(self) -> None:
        uri = parse_uri("nobodyKnowsThisScheme:totallyopaquecontent")
        assert uri == Uri("nobodyknowsthisscheme", opaque="totallyopaquecontent")
        assert not uri.is_sip
        assert str(uri) == "nobodyknowsthisscheme:totallyopaquecontent"

    def test_tel(self) -> None:
        uri = parse_uri("tel:7042;phone-context=example.com")
        assert uri == Uri("tel", user="7042", params=(("phone-context", "example.com"),))
        assert str(uri) == "tel:7042;phone-context=example.com"

    def test_same_text_gives_the_same_value(self) -> None:
        assert parse_uri("sip:again@example.com") is parse_uri("sip:again@example.com")


class TestHost:
    @pytest.mark.parametrize(
        ("text", "host"),
        [
            ("Example.COM", "example.com"),
            ("192.0.2.1", "192.0.2.1"),
            ("my_service", "my_service"),
            ("example.com.", "example.com."),
            ("[2001:DB8::10]", "2001:db8::10"),
            ("[::ffff:192.0.2.10]", "::ffff:192.0.2.10"),
            ("[2001:db8:::192.0.2.1]", "2001:db8::192.0.2.1"),
        ],
    )
    def test_normal_form(self, text: str, host: str) -> None:
        assert parse_host(text) == host

    @pytest.mark.parametrize("text", ["", ".a", "a b", "[::1", "[fe80::1%eth0]", "[::::]", "::1"])
    def test_refuses(self, text: str) -> None:
        with pytest.raises(ParseError):
            parse_host(text)

    def test_brackets_come_back(self) -> None:
        assert host_text("2001:db8::1") == "[2001:db8::1]"
        assert host_text("192.0.2.1") == "192.0.2.1"
        assert parse_uri("sip:[2001:db8::10]:5070").hostport == "[2001:db8::10]:5070"


class TestText:
    @pytest.mark.parametrize(
        "text",
        [
            "sip:example.com",
            "sip:a@b",
            "sip:a:@b",
            "sips:a:b@c:5061;lr;transport=tcp?x=1&y=2",
            "sip:a@[2001:db8::1]:5060",
            "tel:+1-212-555-1212;ext=5",
            "urn:service:sos",
        ],
    )
    def test_comes_back(self, text: str) -> None:
        assert str(parse_uri(text)) == text


class TestParameters:
    URI = parse_uri("sip:a@b;lr;transport=tcp?x=1")

    def test_param(self) -> None:
        assert self.URI.param("transport") == "tcp"
        assert self.URI.param("lr") == ""
        assert self.URI.param("maddr") is None
        assert self.URI.has_param("lr")
        assert not self.URI.has_param("maddr")

    def test_first_of_two_counts(self) -> None:
        assert parse_uri("sip:a@b;x=1;x=2").param("x") == "1"

    def test_with_param(self) -> None:
        assert str(self.URI.with_param("transport", "udp")) == "sip:a@b;lr;transport=udp?x=1"
        assert str(self.URI.with_param("ob")) == "sip:a@b;lr;transport=tcp;ob?x=1"

    def test_without(self) -> None:
        assert str(self.URI.without_params("lr")) == "sip:a@b;transport=tcp?x=1"
        assert str(self.URI.without_params()) == "sip:a@b?x=1"
        assert str(self.URI.without_headers()) == "sip:a@b;lr;transport=tcp"


class TestUnescape:
    @pytest.mark.parametrize(
        ("text", "meant"),
        [
            ("plain", "plain"),
            ("%75se%72", "user"),
            ("100%", "100%"),
            ("%Z%45", "%ZE"),
            ("%C3%A9", "é"),
            ("%FF", "\udcff"),
            ("%2541", "%41"),
        ],
    )
    def test_unescape(self, text: str, meant: str) -> None:
        assert unescape(text) == meant


class TestSection19_1_4:
    """Equality of URIs, with the examples of RFC 3261 §19.1.4."""

    @pytest.mark.parametrize(
        ("left", "right"),
        [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
            ("sip:carol@chicago.com;security=off", "sip:carol@chicago.com"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
            ("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0:0::1]"),
            ("sip:a%2fb@c", "sip:a%2Fb@c"),
            ("sip:a%c3%a9@c", "sip:a%C3%A9@c"),
            ("sip:a@b;x;y=%41", "sip:a@b;Y=a;x"),
            ("tel:+1-212-555-1212", "tel:+12125551212"),
            ("tel:7042;phone-context=+1-212", "tel:70-42;phone-context=+1212"),
            ("urn:service:sos", "urn:service:sos"),
        ],
    )
    def test_equal(self, left: str, right: str) -> None:
        assert parse_uri(left).equals(parse_uri(right))
        assert parse_uri(right).equals(parse_uri(left))

    @pytest.mark.parametrize(
        ("left", "right"),
        [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
            ("sip:a@b", "sips:a@b"),
            ("sip:b", "sip:a@b"),
            ("sip:a@b", "sip:a:@b"),
            ("sip:a@b", "sip:a@b;maddr=c"),
            ("sip:a@b", "sip:a@b;user=phone"),
            ("sip:a@b;ttl=1", "sip:a@b"),
            ("sip:a@b;method=INVITE", "sip:a@b"),
            ("sip:a%2fb@c", "sip:a/b@c"),
            ("sip:%2541@c", "sip:%41@c"),
            ("tel:+12125551212", "tel:12125551212"),
            ("tel:7042;phone-context=a", "tel:7042;phone-context=b"),
            ("urn:service:sos", "urn:service:sos.fire"),
        ],
    )
    def test_not_equal(self, left: str, right: str) -> None:
        assert not parse_uri(left).equals(parse_uri(right))
        assert not parse_uri(right).equals(parse_uri(left))


@given(st.text(st.sampled_from('sip:tel@[].;?&=%<>" \tab1-_+#\\\r\n\0é'), max_size=40))
def test_any_text_parses_or_is_refused(text: str) -> None:
    for scheme in ("", "sip:", "tel:", "x:"):
        try:
            uri = parse_uri(scheme + text)
        except ParseError as error:
            assert error.status == 400  # noqa: PT017 - both ways out are right
        else:
            again = parse_uri(str(uri))
            assert uri.equals(again)
            assert "\n" not in str(uri)
