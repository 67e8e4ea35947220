"""What a draft changes, and above all what it leaves alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.message.samples import INVITE, OK, request, response, wire, with_line

from ringway.message import Message, parse_datagram, parse_uri, parse_via

ROUTES = """\
BYE sip:bob@192.0.2.4 SIP/2.0
v: SIP/2.0/UDP a;branch=z9hG4bK1 ,
 SIP/2.0/UDP b;branch=z9hG4bK2
ROUTE :<sip:p1;lr>;x="a,b" ,  <sip:p2;lr>
Route: <sip:p3;lr>
f: <sip:a@b>;tag=1
t: <sip:b@c>;tag=2
i: call
CSeq: 2  BYE
X-Own:  kept   as it is\t
l: 0

"""


def lines_of(message: Message) -> list[str]:
    return [line for _, line in message.lines()]


class TestToBytes:
    def test_unchanged(self) -> None:
        for text in (INVITE, OK, ROUTES):
            assert parse_datagram(wire(text)).to_bytes() == wire(text)

    def test_through_a_draft(self) -> None:
        for text in (INVITE, OK, ROUTES):
            assert parse_datagram(wire(text)).edit().build().to_bytes() == wire(text)

    def test_octets_that_are_no_utf8(self) -> None:
        data = wire(INVITE).replace(b"Alice", b"Al\xff\xc3ce").replace(b"Hello", b"\xfe\0\r\n\r")
        assert parse_datagram(data).to_bytes() == data

    def test_start_line(self) -> None:
        assert request().start_line == "INVITE sip:bob@biloxi.example.com SIP/2.0"
        assert response().start_line == "SIP/2.0 200 OK"

    def test_repr_names_the_call(self) -> None:
        assert repr(response()) == (
            "<Response 'SIP/2.0 200 OK' '3848276298220188511@atlanta.example.com'>"
        )

    def test_kinds(self) -> None:
        assert request().is_request
        assert not response().is_request
        assert request().uri == parse_uri("sip:bob@biloxi.example.com")
        assert request().version == "SIP/2.0"
        assert (response().status, response().reason) == (200, "OK")


class TestMarkTopVia:
    """Who has just parsed a request writes into it where it came from."""

    def test_replaces_the_topmost_value_alone(self) -> None:
        bye = request(ROUTES)
        via = parse_via("SIP/2.0/UDP a;branch=z9hG4bK1;received=192.0.2.1")
        bye.mark_top_via(str(via), via)
        assert bye.top_via is via
        assert bye.values("via") == (str(via), "SIP/2.0/UDP b;branch=z9hG4bK2")
        assert bye.get("via") == f"{via}, SIP/2.0/UDP b;branch=z9hG4bK2"
        again = parse_datagram(bye.to_bytes())
        assert again.vias == bye.vias

    def test_of_a_message_of_our_own(self) -> None:
        mine = request().edit().build()
        via = parse_via("SIP/2.0/UDP a;branch=z9hG4bK1")
        mine.mark_top_via(str(via), via)
        assert mine.get("via") == str(via)

    def test_smuggles_nothing_in(self) -> None:
        with pytest.raises(ValueError, match="line break"):
            request().mark_top_via("SIP/2.0/UDP a\r\nX: b", request().top_via)


class TestWithout:
    def test_leaves_one_header_out(self) -> None:
        bye = request(ROUTES)
        plain = bye.without("route")
        assert not plain.has("route")
        assert bye.has("route")
        draft = bye.edit()
        draft.remove("route")
        assert plain.to_bytes() == draft.to_bytes()
        assert (plain.top_via, plain.from_, plain.to, plain.cseq) == (
            bye.top_via,
            bye.from_,
            bye.to,
            bye.cseq,
        )

    def test_that_is_not_there(self) -> None:
        assert request().without("route").to_bytes() == wire(INVITE)


class TestDraft:
    def test_to_bytes_is_what_build_gives(self) -> None:
        for message in (request(), response()):
            draft = message.edit()
            draft.prepend("via", "SIP/2.0/UDP p;branch=z9hG4bKp")
            assert draft.to_bytes() == draft.build().to_bytes()
        invite = request().edit()
        invite.uri("sip:x@192.0.2.4")
        assert invite.to_bytes() == invite.build().to_bytes()
        assert invite.to_bytes().startswith(b"INVITE sip:x@192.0.2.4 SIP/2.0\r\n")

    def test_what_it_has(self) -> None:
        draft = request().edit()
        assert draft.has("V")
        assert not draft.has("route")
        assert draft.content == request().body
        assert draft.message.method == "INVITE"

    def test_forwarding(self) -> None:
        draft = request().edit()
        draft.prepend("via", "SIP/2.0/UDP proxy;branch=z9hG4bKp")
        draft.replace("Max-Forwards", "69")
        draft.prepend("record-route", "<sip:proxy;lr>")
        draft.uri("sip:bob@192.0.2.4")
        forwarded = draft.build()
        expected = with_line(INVITE, "Max-Forwards", "Max-Forwards: 69").split("\n")
        expected[0] = "INVITE sip:bob@192.0.2.4 SIP/2.0"
        expected[1:1] = ["Record-Route: <sip:proxy;lr>", "Via: SIP/2.0/UDP proxy;branch=z9hG4bKp"]
        assert forwarded.to_bytes() == wire("\n".join(expected))
        assert forwarded.max_forwards == 69
        assert forwarded.top_via.branch == "z9hG4bKp"
        assert forwarded.uri.host == "192.0.2.4"
        assert parse_datagram(forwarded.to_bytes()).to_bytes() == forwarded.to_bytes()

    def test_the_message_itself_never_changes(self) -> None:
        invite = request()
        draft = invite.edit()
        draft.remove("via")
        draft.uri("sip:x")
        draft.body(b"")
        assert invite.to_bytes() == wire(INVITE)

    def test_goes_on_after_a_build(self) -> None:
        draft = request().edit()
        first = draft.build()
        draft.prepend("via", "SIP/2.0/UDP p;branch=z9hG4bKp")
        assert first.to_bytes() == wire(INVITE)
        assert first.names() == request().names()
        assert draft.build().names()[:2] == ("via", "via")

    def test_response_keeps_its_status_line(self) -> None:
        draft = response(OK.replace("SIP/2.0 200 OK", "sip/2.0 200")).edit()
        assert draft.pop_value("via") == "SIP/2.0/UDP proxy.example.com;branch=z9hG4bKp1"
        ok = draft.build()
        assert ok.start_line == "sip/2.0 200"
        assert lines_of(ok)[0] == "Via: SIP/2.0/UDP client.example.com;branch=z9hG4bKc1"

    def test_uri_object(self) -> None:
        draft = request().edit()
        draft.uri(parse_uri("sips:x@[::1]"))
        assert draft.build().uri_text == "sips:x@[::1]"

    def test_append_below_the_last_of_its_kind(self) -> None:
        draft = request(ROUTES).edit()
        draft.append("route", "<sip:p4;lr>")
        draft.append("x-new", "1")
        message = draft.build()
        assert lines_of(message)[3] == "Route: <sip:p4;lr>"
        assert lines_of(message)[-1] == "x-new: 1"
        assert [route.uri.host for route in message.routes] == ["p1", "p2", "p3", "p4"]

    def test_prepend_above_the_first_of_its_kind(self) -> None:
        draft = request(ROUTES).edit()
        draft.prepend("route", "<sip:p0;lr>")
        assert lines_of(draft.build())[1] == "Route: <sip:p0;lr>"

    def test_replace_takes_the_first_place(self) -> None:
        draft = request(ROUTES).edit()
        draft.replace("route", "<sip:only;lr>")
        draft.replace("user-agent", "Ringway")
        message = draft.build()
        assert lines_of(message)[1] == "Route: <sip:only;lr>"
        assert message.values("route") == ("<sip:only;lr>",)
        assert lines_of(message)[-1] == "User-Agent: Ringway"

    def test_replace_first_value_of_a_joined_line(self) -> None:
        draft = request(ROUTES).edit()
        draft.replace_top_via("SIP/2.0/UDP a;branch=z9hG4bK1;received=192.0.2.1")
        draft.replace_first("route", "<sip:new;lr>")
        draft.replace_first("i", "other")
        draft.replace_first("subject", "added")
        message = draft.build()
        assert message.values("via") == (
            "SIP/2.0/UDP a;branch=z9hG4bK1;received=192.0.2.1",
            "SIP/2.0/UDP b;branch=z9hG4bK2",
        )
        assert message.values("route") == ("<sip:new;lr>", "<sip:p2;lr>", "<sip:p3;lr>")
        assert message.call_id == "other"
        assert message.get("subject") == "added"

    def test_pop_values_one_by_one(self) -> None:
        draft = request(ROUTES).edit()
        assert draft.pop_value("Route") == '<sip:p1;lr>;x="a,b"'
        assert lines_of(draft.build())[1] == "Route: <sip:p2;lr>"
        assert draft.pop_value("Route") == "<sip:p2;lr>"
        assert draft.pop_value("Route") == "<sip:p3;lr>"
        assert draft.pop_value("Route") is None
        assert not draft.build().has("route")

    def test_pop_before_a_comma_with_nothing_behind(self) -> None:
        draft = request(with_line(ROUTES, "Route", "Route: <sip:p3;lr> ,")).edit()
        popped = [draft.pop_value("route") for _ in range(4)]
        assert popped == ['<sip:p1;lr>;x="a,b"', "<sip:p2;lr>", "<sip:p3;lr>", None]

    def test_pop_empty_first_value(self) -> None:
        draft = request(with_line(ROUTES, "Route", "Supported: , path")).edit()
        assert draft.pop_value("supported") == ""
        assert draft.pop_value("supported") == "path"

    def test_pop_of_a_header_that_is_no_list(self) -> None:
        draft = request(with_line(INVITE, "Contact", "Date: Sat, 13 Nov 2010 23:29:00 GMT")).edit()
        assert draft.pop_value("date") == "Sat, 13 Nov 2010 23:29:00 GMT"
        assert draft.pop_value("date") is None

    def test_remove(self) -> None:
        draft = request(ROUTES).edit()
        draft.remove("ROUTE")
        draft.remove("not-there")
        expected = [line for line in ROUTES.split("\n") if not line.lower().startswith("route")]
        assert draft.build().to_bytes() == wire("\n".join(expected))

    def test_body(self) -> None:
        draft = request().edit()
        draft.body(b"v=0", "application/sdp")
        invite = draft.build()
        assert (invite.body, invite.content_length) == (b"v=0", 3)
        assert invite.get("content-type") == "application/sdp"
        draft.body(b"v=1!")
        assert draft.build().get("content-type") == "application/sdp"
        draft.body(b"")
        assert draft.build().to_bytes().endswith(b"Content-Length: 0\r\n\r\n")
        assert not draft.build().has("content-type")


EVIL = ["a\r\nX: b", "a\nb", "a\rb", "a\0b", "\r\n\r\nbody"]


class TestSmuggling:
    @pytest.mark.parametrize("value", EVIL)
    @pytest.mark.parametrize("method", ["prepend", "append", "replace", "replace_first"])
    @pytest.mark.parametrize("name", ["via", "route", "subject", "x-new"])
    def test_no_value_makes_another_line(self, method: str, name: str, value: str) -> None:
        draft = request(ROUTES).edit()
        with pytest.raises(ValueError, match="line break"):
            getattr(draft, method)(name, value)
        assert draft.build().to_bytes() == wire(ROUTES)

    @pytest.mark.parametrize("text", [*(f"sip:{evil}" for evil in EVIL), "", "a b", "a\tb"])
    def test_no_request_uri_does(self, text: str) -> None:
        draft = request().edit()
        with pytest.raises(ValueError, match=r"line break|not a Request-URI"):
            draft.uri(text)
        assert draft.build().to_bytes() == wire(INVITE)

    def test_no_name_does(self) -> None:
        with pytest.raises(ValueError, match="not a header name"):
            request().edit().append("X: y\r\nZ", "a")

    def test_a_response_has_no_uri(self) -> None:
        with pytest.raises(ValueError, match="no Request-URI"):
            response().edit().uri("sip:x")

    def test_no_content_type_does(self) -> None:
        with pytest.raises(ValueError, match="line break"):
            request().edit().body(b"x", "a/b\r\nX: y")


NAMES = st.sampled_from(["Via", "route", "X-Own", "x-other", "max-forwards", "Contact", "L"])
VALUES = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]))


class TestProperties:
    @given(NAMES, VALUES)
    def test_editing_one_header_leaves_all_other_lines(self, name: str, value: str) -> None:
        before = request(ROUTES)
        draft = before.edit()
        draft.replace(name, value)
        after = draft.build()
        canonical = "content-length" if name == "L" else name.lower()
        others = [pair for pair in before.lines() if pair[0] != canonical]
        assert [pair for pair in after.lines() if pair[0] != canonical] == others
        assert after.get(name) == value.strip(" \t")
        assert after.body == before.body
        assert after.start_line == before.start_line
