import pytest
from tests.unit.message.samples import INVITE, OK, request, response, with_line

from ringway.errors import ParseError
from ringway.message import build_request
from ringway.message.fields import unfold


class TestGet:
    def test_any_spelling_of_the_name(self) -> None:
        invite = request(with_line(INVITE, "Call-ID", "i: short"))
        assert invite.get("call-id") == "short"
        assert invite.get("Call-ID") == "short"
        assert invite.get("I") == "short"
        assert invite.has("call-id")
        assert invite.get("route") is None
        assert not invite.has("route")

    def test_first_line_unfolded_and_stripped(self) -> None:
        invite = request(with_line(INVITE, "Contact", "Subject : \n one\n\ttwo \nSubject: three"))
        assert invite.get("subject") == "one two"

    def test_empty_value(self) -> None:
        assert request(with_line(INVITE, "Contact", "s :")).get("subject") == ""

    def test_names_and_lines(self) -> None:
        ok = response()
        assert ok.names() == ("via", "from", "to", "call-id", "cseq", "contact", "content-length")
        assert list(ok.lines())[-1] == ("content-length", "Content-Length: 0")

    def test_index_of_a_message_of_our_own(self) -> None:
        mine = build_request(
            "OPTIONS",
            "sip:b",
            from_="<sip:a>;tag=1",
            to="<sip:b>",
            call_id="c",
            cseq=1,
            headers=[("Subject", "one"), ("Subject", "two")],
        )
        assert mine.get("subject") == "one"
        assert mine.index()["call-id"] == "c"


class TestValues:
    def test_joined_and_repeated(self) -> None:
        invite = request(with_line(INVITE, "Contact", "k: a, b\nSupported: c\nsupported:\n d ,e"))
        assert invite.values("Supported") == ("a", "b", "c", "d", "e")
        assert invite.supported == ("a", "b", "c", "d", "e")

    def test_commas_of_other_headers_split_nothing(self) -> None:
        line = 'Date: Sat, 13 Nov 2010 23:29:00 GMT\nAuthorization: Digest a="1", b="2"'
        invite = request(with_line(INVITE, "Contact", line))
        assert invite.values("date") == ("Sat, 13 Nov 2010 23:29:00 GMT",)
        assert invite.values("authorization") == ('Digest a="1", b="2"',)
        assert invite.values("route") == ()

    def test_one_for_each_line_of_what_is_no_list(self) -> None:
        invite = request(with_line(INVITE, "Contact", "Subject: a, b\nSubject: c"))
        assert invite.values("subject") == ("a, b", "c")

    def test_hops_with_zeros_in_front(self) -> None:
        assert request(with_line(INVITE, "Max-Forwards", "Max-Forwards: 0070")).max_forwards == 70


class TestSeveral:
    @pytest.mark.parametrize(
        ("line", "several"),
        [
            ("Subject: none", False),
            ("k: a", False),
            ("k: a, b", True),
            ('Route: <sip:a,b;lr>;x="c,d"', False),
            ("k: a\nSupported: b", True),
        ],
    )
    def test_values_over_lines_and_commas(self, line: str, several: bool) -> None:
        invite = request(with_line(INVITE, "Contact", line))
        name = "route" if line.startswith("Route") else "supported"
        assert invite.several(name) is several
        assert (len(invite.values(name)) > 1) is several


class TestTyped:
    def test_invite(self) -> None:
        invite = request()
        assert invite.top_via.branch == "z9hG4bK74bf9"
        assert invite.vias == (invite.top_via,)
        assert invite.call_id == "3848276298220188511@atlanta.example.com"
        assert invite.cseq == (1, "INVITE")
        assert invite.from_.display == "Alice"
        assert invite.to.uri_text == "sip:bob@biloxi.example.com"
        assert (invite.from_tag, invite.to_tag) == ("9fxced76sl", "")
        assert invite.max_forwards == 70
        assert invite.content_length == 5
        assert invite.expires is None
        assert [str(c.uri) for c in invite.contacts] == [
            "sip:alice@client.atlanta.example.com;transport=udp"
        ]
        assert not invite.contact_star

    def test_the_same_from_a_message_of_our_own(self) -> None:
        draft = request().edit()
        draft.replace("max-forwards", "69")
        invite = draft.build()
        assert invite.top_via.branch == "z9hG4bK74bf9"
        assert invite.top_via is invite.top_via
        assert invite.cseq is invite.cseq
        assert invite.from_tag == "9fxced76sl"
        assert invite.from_ is invite.from_
        assert invite.to is invite.to
        assert invite.max_forwards == 69

    def test_top_via_of_joined_vias(self) -> None:
        ok = response()
        assert ok.top_via.branch == "z9hG4bKp1"
        assert [via.branch for via in ok.vias] == ["z9hG4bKp1", "z9hG4bKc1"]
        assert ok.edit().build().top_via.branch == "z9hG4bKp1"

    def test_routes(self) -> None:
        lines = (
            "Route: <sip:p1;lr>, <sip:p2;lr>\nRoute: <sip:p3;lr>\n"
            "Record-Route: <sip:r1;lr>\nPath: <sip:e1;lr;ob>\nService-Route: <sip:s1;lr>"
        )
        invite = request(with_line(INVITE, "Contact", lines))
        assert [route.uri.host for route in invite.routes] == ["p1", "p2", "p3"]
        assert invite.routes is invite.routes
        assert [route.uri.host for route in invite.record_routes] == ["r1"]
        assert invite.path[0].uri.has_param("ob")
        assert invite.addresses("service-route")[0].uri.lr
        assert invite.contacts == ()

    def test_route_needs_its_brackets(self) -> None:
        with pytest.raises(ParseError) as caught:
            _ = request(with_line(INVITE, "Contact", "Route: sip:p1;lr")).routes
        assert caught.value.header == "route"

    def test_star(self) -> None:
        invite = request(with_line(INVITE, "Contact", "Contact: *"))
        assert invite.contact_star
        assert invite.contacts == ()
        mixed = request(with_line(INVITE, "Contact", "Contact: *, <sip:a@b>"))
        assert mixed.contact_star
        assert len(mixed.contacts) == 1

    def test_history(self) -> None:
        lines = (
            "History-Info: <sip:a@b?Reason=SIP%3Bcause%3D302>;index=1, <sip:c@d>;index=1.1;mp=1\n"
            'Diversion: "B" <sip:b@c>;reason=unconditional'
        )
        invite = request(with_line(INVITE, "Contact", lines))
        assert [entry.param("index") for entry in invite.addresses("history-info")] == ["1", "1.1"]
        assert invite.addresses("diversion")[0].param("reason") == "unconditional"

    def test_option_tags(self) -> None:
        lines = "Supported: Outbound,, path\nRequire: X\nProxy-Require: Y, z"
        invite = request(with_line(INVITE, "Contact", lines))
        assert invite.supported == ("outbound", "path")
        assert invite.require == ("X",)
        assert invite.proxy_require == ("Y", "z")
        assert request().supported == ()

    def test_numbers(self) -> None:
        lines = "Expires: 10000000000000\nMin-Expires: 60\nMax-Breadth: 30\nRetry-After: 18(busy)"
        invite = request(with_line(INVITE, "Contact", lines))
        assert invite.expires == 2**32 - 1
        assert invite.number("min-expires") == 60
        assert invite.number("max-breadth") == 30
        assert invite.retry_after == 18
        assert request().retry_after is None

    @pytest.mark.parametrize(
        ("value", "seconds"), [("5", 5), ("120 (in a meeting)", 120), ("9;duration=3600", 9)]
    )
    def test_retry_after(self, value: str, seconds: int) -> None:
        ok = response(with_line(OK, "Contact", f"Retry-After: {value}"))
        assert ok.retry_after == seconds

    @pytest.mark.parametrize(
        ("line", "name"),
        [
            ("Expires: never", "expires"),
            ("Contact: sip:a@b?x=y", "contacts"),
            ("Retry-After: soon", "retry_after"),
            ("Route: <sip:a@b c>", "routes"),
        ],
    )
    def test_broken_value_raises_where_it_is_read(self, line: str, name: str) -> None:
        invite = request(with_line(INVITE, "Contact", line))
        with pytest.raises(ParseError) as caught:
            getattr(invite, name)
        assert caught.value.status == 400
        assert caught.value.header

    def test_missing_mandatory_header(self) -> None:
        draft = request().edit()
        draft.remove("call-id")
        with pytest.raises(ParseError, match="no Call-ID"):
            _ = draft.build().call_id


class TestUnfold:
    @pytest.mark.parametrize(
        ("text", "line"),
        [
            (" a ", "a"),
            ("a\r\n b", "a b"),
            ("\r\n\ta \t\r\n \t b\r\n ", "a b"),
            ('"a  b"', '"a  b"'),
        ],
    )
    def test_unfold(self, text: str, line: str) -> None:
        assert unfold(text) == line
