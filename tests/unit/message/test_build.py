"""Messages of our own, and the rules about what they take over from a request."""

from typing import cast

import pytest
from tests.unit.message.samples import INVITE, refused, request, wire, with_line

from ringway.message import (
    Request,
    build_ack,
    build_cancel,
    build_request,
    build_response,
    parse_datagram,
    parse_uri,
)

TWO_VIAS = """\
INVITE sip:bob@192.0.2.4 SIP/2.0
v:  SIP/2.0/UDP p;branch=z9hG4bKp ,
  SIP/2.0/UDP a;branch=z9hG4bKa
Route: <sip:p1;lr>
f: "Alice" <sip:a@b>;tag=1
t: Bob
 <sip:b@c>
Call-ID:  call
CSEQ: 7
 INVITE
Via: SIP/2.0/TCP b
Route: <sip:p2;lr>, <sip:p3;lr>
Timestamp: 54.2
Require: 100rel
Proxy-Require: x
Max-Forwards: 12
l: 0

"""


def head(message: bytes) -> list[str]:
    return message.decode().split("\r\n\r\n")[0].split("\r\n")


class TestSection8_2_6:
    @pytest.mark.clause(
        "RFC3261-8.2.6.2-1",
        "RFC3261-8.2.6.2-2",
        "RFC3261-8.2.6.2-3",
        "RFC3261-8.2.6.2-4",
        "RFC3261-8.2.6.2-6",
    )
    def test_takes_over_via_from_to_call_id_and_cseq(self) -> None:
        ringing = build_response(request(TWO_VIAS), 180, to_tag="9")
        assert head(ringing.to_bytes()) == [
            "SIP/2.0 180 Ringing",
            "v:  SIP/2.0/UDP p;branch=z9hG4bKp ,",
            "  SIP/2.0/UDP a;branch=z9hG4bKa",
            'f: "Alice" <sip:a@b>;tag=1',
            "t: Bob",
            " <sip:b@c>;tag=9",
            "Call-ID:  call",
            "CSEQ: 7",
            " INVITE",
            "Via: SIP/2.0/TCP b",
            "Content-Length: 0",
        ]
        assert ringing.to_tag == "9"

    @pytest.mark.clause("RFC3261-8.2.6.2-6", "RFC3261-8.2.6.1-3")
    def test_100_has_no_tag_of_ours_but_the_timestamp(self) -> None:
        trying = build_response(request(TWO_VIAS), 100, to_tag="9")
        assert trying.to_tag == ""
        assert trying.get("timestamp") == "54.2"

    @pytest.mark.clause("RFC3261-8.2.6.2-5")
    def test_a_tag_that_is_there_stays(self) -> None:
        text = TWO_VIAS.replace("<sip:b@c>", "<sip:b@c>;tag=old")
        assert build_response(request(text), 200, to_tag="new").to_tag == "old"

    def test_bare_address_gets_its_tag(self) -> None:
        bye = request(with_line(INVITE, "To", "To: sip:bob@b"))
        busy = build_response(bye, 486, to_tag="9")
        assert busy.get("to") == "sip:bob@b;tag=9"
        assert busy.to_tag == "9"

    def test_without_a_tag(self) -> None:
        assert build_response(request(), 404).to_tag == ""

    def test_phrase_headers_and_body(self) -> None:
        busy = build_response(
            request(),
            486,
            reason="In a call",
            headers=[("retry-after", "60"), ("X-Own", "1")],
            body=b"later",
            content_type="text/plain",
        )
        assert busy.to_bytes() == wire(
            "SIP/2.0 486 In a call\n"
            "Via: SIP/2.0/UDP client.atlanta.example.com:5060;branch=z9hG4bK74bf9;rport\n"
            'From: "Alice" <sip:alice@atlanta.example.com>;tag=9fxced76sl\n'
            "To: Bob <sip:bob@biloxi.example.com>\n"
            "Call-ID: 3848276298220188511@atlanta.example.com\n"
            "CSeq: 1 INVITE\n"
            "Retry-After: 60\n"
            "X-Own: 1\n"
            "Content-Type: text/plain\n"
            "Content-Length: 5\n"
            "\n"
            "later"
        )

    def test_phrase_of_the_table(self) -> None:
        assert build_response(request(), 430).reason == "Flow Failed"

    @pytest.mark.parametrize(
        "given", [{"reason": "a\r\nX: b"}, {"to_tag": "a\r\nX: b"}, {"content_type": "a\r\nX: b"}]
    )
    def test_nothing_is_smuggled_in(self, given: dict[str, str]) -> None:
        with pytest.raises(ValueError, match="line break"):
            build_response(request(), 200, **given)  # type: ignore[arg-type]  # str all of them
        with pytest.raises(ValueError, match="line break"):
            build_response(request(), 200, headers=[("X", "a\r\nY: b")])


class TestResponseToABrokenRequest:
    def test_what_could_be_read_is_taken_over(self) -> None:
        text = INVITE.replace("To: Bob <sip:bob@biloxi.example.com>", 'To: "Bob <sip:bob@b>')
        text = text.replace("CSeq: 1 INVITE", "CSeq: 1 INVITE\nCSeq: 2 INVITE\nno header")
        error = refused(wire(text))
        assert isinstance(error.message, Request)
        answer = build_response(error.message, error.status or 0, to_tag="9")
        assert head(answer.to_bytes()) == [
            "SIP/2.0 400 Bad Request",
            "Via: SIP/2.0/UDP client.atlanta.example.com:5060;branch=z9hG4bK74bf9;rport",
            'From: "Alice" <sip:alice@atlanta.example.com>;tag=9fxced76sl',
            'To: "Bob <sip:bob@b>',
            "Call-ID: 3848276298220188511@atlanta.example.com",
            "CSeq: 1 INVITE",
            "Content-Length: 0",
        ]

    def test_a_request_without_from_and_to(self) -> None:
        text = with_line(with_line(INVITE, "From", ""), "To", "")
        error = refused(wire(text))
        assert isinstance(error.message, Request)
        answer = build_response(error.message, 400, to_tag="9")
        assert answer.names() == ("via", "call-id", "cseq", "content-length")


class TestRequest:
    def test_register(self) -> None:
        register = build_request(
            "REGISTER",
            parse_uri("sip:example.com"),
            from_="<sip:a@example.com>;tag=1",
            to="<sip:a@example.com>",
            call_id="c",
            cseq=3,
            headers=[("contact", "<sip:a@192.0.2.1>"), ("expires", "60")],
        )
        assert register.to_bytes() == wire(
            "REGISTER sip:example.com SIP/2.0\n"
            "Max-Forwards: 70\n"
            "From: <sip:a@example.com>;tag=1\n"
            "To: <sip:a@example.com>\n"
            "Call-ID: c\n"
            "CSeq: 3 REGISTER\n"
            "Contact: <sip:a@192.0.2.1>\n"
            "Expires: 60\n"
            "Content-Length: 0\n\n"
        )
        draft = register.edit()
        draft.prepend("via", "SIP/2.0/UDP a;branch=z9hG4bK1")
        assert cast("Request", parse_datagram(draft.build().to_bytes())).method == "REGISTER"

    def test_own_max_forwards_and_body(self) -> None:
        message = build_request(
            "MESSAGE",
            "sip:b@c",
            from_="<sip:a@b>;tag=1",
            to="<sip:b@c>",
            call_id="c",
            cseq=1,
            headers=[("Max-Forwards", "3")],
            body=b"hi",
            content_type="text/plain",
        )
        assert message.values("max-forwards") == ("3",)
        assert message.to_bytes().endswith(
            b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
        )

    @pytest.mark.parametrize(
        ("method", "uri", "from_"),
        [
            ("A B", "sip:b", "<sip:a>"),
            ("A\r\n", "sip:b", "<sip:a>"),
            ("A", "", "<sip:a>"),
            ("A", "sip:b c", "<sip:a>"),
            ("A", "sip:b\tc", "<sip:a>"),
            ("A", "sip:b\r\nX:", "<sip:a>"),
            ("A", "sip:b", "<sip:a>\r\nX: y"),
        ],
    )
    def test_nothing_is_smuggled_in(self, method: str, uri: str, from_: str) -> None:
        with pytest.raises(ValueError, match=r"line break|not a"):
            build_request(method, uri, from_=from_, to="<sip:b>", call_id="c", cseq=1)


class TestSection17_1_1_3:
    @pytest.mark.clause(
        "RFC3261-17.1.1.3-2",
        "RFC3261-17.1.1.3-3",
        "RFC3261-17.1.1.3-4",
        "RFC3261-17.1.1.3-5",
        "RFC3261-17.1.1.3-6",
        "RFC3261-17.1.1.3-7",
        "RFC3261-8.2.2.3-3",
    )
    def test_ack(self) -> None:
        invite = request(TWO_VIAS)
        ack = build_ack(invite, build_response(invite, 486, to_tag="9"))
        assert ack.to_bytes() == wire(
            "ACK sip:bob@192.0.2.4 SIP/2.0\n"
            "Via: SIP/2.0/UDP p;branch=z9hG4bKp\n"
            "Max-Forwards: 70\n"
            "Route: <sip:p1;lr>\n"
            'f: "Alice" <sip:a@b>;tag=1\n'
            "Call-ID:  call\n"
            "Route: <sip:p2;lr>, <sip:p3;lr>\n"
            "t: Bob\n"
            " <sip:b@c>;tag=9\n"
            "CSeq: 7 ACK\n"
            "Content-Length: 0\n\n"
        )
        assert parse_datagram(ack.to_bytes()).to_tag == "9"


class TestSection9_1:
    @pytest.mark.clause("RFC3261 9.1", "RFC3261-8.2.2.3-3")
    def test_cancel(self) -> None:
        cancel = build_cancel(request(TWO_VIAS), [("Reason", "SIP;cause=200")])
        assert cancel.to_bytes() == wire(
            "CANCEL sip:bob@192.0.2.4 SIP/2.0\n"
            "Via: SIP/2.0/UDP p;branch=z9hG4bKp\n"
            "Max-Forwards: 70\n"
            "Route: <sip:p1;lr>\n"
            'f: "Alice" <sip:a@b>;tag=1\n'
            "Call-ID:  call\n"
            "Route: <sip:p2;lr>, <sip:p3;lr>\n"
            "t: Bob\n"
            " <sip:b@c>\n"
            "CSeq: 7 CANCEL\n"
            "Reason: SIP;cause=200\n"
            "Content-Length: 0\n\n"
        )
