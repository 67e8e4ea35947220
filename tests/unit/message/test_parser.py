"""Octets in, a validated message out, and nothing but a ParseError for all else."""

import contextlib
import gc
from typing import cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.message.samples import INVITE, OK, refused, request, response, wire, with_line

from ringway.errors import ParseError
from ringway.message import (
    MAX_HEAD,
    Request,
    Response,
    body_length,
    build_request,
    build_response,
    parse_datagram,
    parse_stream_message,
    validate,
)


def broken(name: str, line: str, text: str = INVITE) -> ParseError:
    return refused(wire(with_line(text, name, line)))


def answerable(error: ParseError, status: int = 400) -> Request:
    """The request that a refusal is answered with."""
    assert error.status == status
    assert isinstance(error.message, Request)
    answer = build_response(error.message, status, to_tag="x")
    rest = answer.to_bytes().replace(b"\r\n", b"")
    assert b"\n" not in rest
    assert b"\r" not in rest
    return error.message


class TestStartLine:
    def test_request(self) -> None:
        invite = request()
        assert (invite.method, invite.uri_text) == ("INVITE", "sip:bob@biloxi.example.com")
        assert invite.version == "SIP/2.0"
        assert invite.body == b"Hello"

    def test_response(self) -> None:
        ok = response()
        assert (ok.status, ok.reason, ok.body) == (200, "OK", b"")

    @pytest.mark.parametrize(
        ("line", "status", "reason"),
        [
            ("SIP/2.0 100 ", 100, ""),
            ("SIP/2.0 183", 183, ""),
            ("sip/2.0 699 a  b = что", 699, "a  b = что"),
        ],
    )
    def test_status_lines(self, line: str, status: int, reason: str) -> None:
        answer = response(OK.replace("SIP/2.0 200 OK", line))
        assert (answer.status, answer.reason) == (status, reason)
        assert answer.start_line == line

    def test_version_in_any_case(self) -> None:
        data = wire(INVITE.replace(" SIP/2.0\n", " sip/2.0\n"))
        invite = cast("Request", parse_datagram(data))
        assert invite.version == "sip/2.0"
        assert invite.to_bytes() == data

    def test_method_is_any_token(self) -> None:
        text = INVITE.replace("INVITE ", "!x~ ").replace(" INVITE", " !x~")
        assert request(text).method == "!x~"

    @pytest.mark.parametrize(
        "line",
        [
            "INVITE  sip:bob@b SIP/2.0",
            "INVITE sip:bob@b  SIP/2.0",
            "INVITE sip:bob@b SIP/2.0 ",
            " INVITE sip:bob@b SIP/2.0",
            "INVITE sip:bob@b",
            "INVITE sip:bob@b; lr SIP/2.0",
            "INVITE sip:bob@b HTTP/1.1",
            "INVITE sip:bob@b SIP/x.0",
            "INVITE sip:bob@b SIP/2.0\n more",
            "INVITE sip:bob@b\n SIP/2.0",
            "INVITE\n sip:bob@b SIP/2.0",
            "INVITE <sip:bob@b> SIP/2.0",
            "INVITE bob@b SIP/2.0",
            "INVITE sip:bob@b?Route=%3Csip:e%3E SIP/2.0",
        ],
    )
    def test_broken_request_line(self, line: str) -> None:
        error = refused(wire(with_line(INVITE, "INVITE sip", line)))
        assert answerable(error).method == "INVITE"

    @pytest.mark.parametrize("version", ["SIP/7.0", "SIP/2.1", "sip/3.14"])
    def test_unknown_version(self, version: str) -> None:
        text = with_line(INVITE, "CSeq", "no header").replace(" SIP/2.0\n", f" {version}\n")
        answerable(refused(wire(text)), 505)

    @pytest.mark.parametrize(
        "line",
        [
            "",
            "INVITE",
            "IN/VITE sip:bob@b SIP/2.0",
            "SIP/2.0",
            "SIP/2.0 20 OK",
            "SIP/2.0 2000 OK",
            "SIP/2.0 200OK",
            "SIP/2.0 4294967301 OK",
            "SIP/2.0 099 OK",
            "SIP/2.0 700 OK",
            "SIP/2.0 \uff1200 OK",
            "SIP/3.0 200 OK",
            "SIP/2.0 200 OK\n folded",
            "\u017fIP/2.0 200 OK",
        ],
    )
    def test_dropped(self, line: str) -> None:
        error = refused(wire(OK.replace("SIP/2.0 200 OK", line)))
        assert error.status is None
        assert not isinstance(error.message, Response)


class TestHeaderLines:
    def test_all_ways_to_write_a_name(self) -> None:
        text = with_line(INVITE, "To", "t\t :\n  <sip:bob@b>")
        text = with_line(text, "Call-ID", "CALL-id:x")
        assert request(text).to.uri.host == "b"
        assert request(text).call_id == "x"

    @pytest.mark.parametrize(
        "line",
        [
            "no colon",
            "Subject",
            ": no name",
            "Two words: x",
            "Naïve: x",
            "\u212a: is no K",
            "Content-Length\n : 5",
        ],
    )
    def test_broken_line(self, line: str) -> None:
        error = broken("Contact", line)
        assert "not a header line" in error.reason
        assert "" not in answerable(error).names()

    @pytest.mark.parametrize("stray", ["\n", "\r", "\r\r\n", "\n\n", "\n "])
    def test_stray_line_break(self, stray: str) -> None:
        data = wire(INVITE).replace(b"Max-Forwards: 70", b"X: 1%sEvil: 2" % stray.encode())
        error = refused(data)
        assert "line break" in error.reason
        assert not answerable(error).has("x")

    @pytest.mark.parametrize("stray", ["\n", "\r"])
    def test_stray_line_break_never_gets_into_the_response(self, stray: str) -> None:
        data = wire(INVITE).replace(b"To: Bob", b"To: Bob%sEvil: 2" % stray.encode())
        assert answerable(refused(data)).get("to") is None

    def test_a_nul_stands_in_a_quoted_pair_or_nowhere(self) -> None:
        """What is let in can be written again, wherever a proxy or registrar has to."""
        line = b'X: "NUL:\\\0 is fine"'
        message = parse_datagram(wire(INVITE).replace(b"Max-Forwards: 70", line))
        draft = message.edit()
        draft.append("Z-Y", message.get("x") or "")
        assert b'Z-Y: "NUL:\\\0 is fine"' in draft.build().to_bytes()
        error = refused(wire(INVITE).replace(b"Max-Forwards: 70", b"Require: a\0b"))
        assert (error.status, error.reason) == (400, "a NUL that is not in quotes")
        error = refused(wire(INVITE).replace(b"To: Bob", b"To: B\0b"))
        assert answerable(error).get("to") is None

    @pytest.mark.parametrize("name", ["Via", "From", "To", "Call-ID", "CSeq"])
    def test_missing_mandatory_header(self, name: str) -> None:
        error = broken(name, "")
        assert (error.header, error.reason) == (name.lower(), f"no {name}")
        assert error.status == (None if name == "Via" else 400)
        assert broken(name, "", OK).status is None

    @pytest.mark.parametrize(
        "line",
        [
            "Call-ID: two",
            "i: two",
            "CSeq: 1 INVITE",
            "f: <sip:x@y>;tag=1",
            "To: <sip:x@y>",
            "Max-Forwards: 70",
            "l: 5",
            "Content-Type: text/plain",
        ],
    )
    def test_a_second_one_of_a_single_header(self, line: str) -> None:
        error = broken("Contact", line)
        assert "more than one" in error.reason
        assert error.header
        answerable(error)

    @pytest.mark.parametrize(
        ("name", "line"),
        [
            ("Via", "Via: SIP/2.0/UDP a;;,;,,"),
            ("Via", "Via:"),
            ("From", 'From: "Alice <sip:a@b>;tag=1'),
            ("To", "To: Bell, A <sip:a@b>"),
            ("To", "To: <sip:a@>"),
            ("Call-ID", "Call-ID:"),
            ("Call-ID", "Call-ID: two words"),
            ("Call-ID", "Call-ID: two\twords"),
            ("CSeq", "CSeq: INVITE"),
            ("CSeq", "CSeq: 1 OPTIONS"),
            ("CSeq", "CSeq: 2147483648 INVITE"),
            ("Max-Forwards", "Max-Forwards: 256"),
            ("Max-Forwards", "Max-Forwards: -1"),
            ("Max-Forwards", "Max-Forwards: many"),
            ("Content-Length", "Content-Length: -5"),
            ("Content-Length", "Content-Length: 5, 5"),
            ("Content-Length", "Content-Length: 0x5"),
            ("Content-Length", "Content-Length: \uff15"),
            ("Content-Length", "Content-Length:"),
            ("Content-Length", "Content-Length: 1000000000000"),
        ],
    )
    def test_broken_value(self, name: str, line: str) -> None:
        error = broken(name, line)
        assert error.header == name.lower()
        answerable(error)

    @pytest.mark.parametrize("name", ["Via", "From", "To", "CSeq"])
    def test_broken_value_of_a_response(self, name: str) -> None:
        error = broken(name, f"{name}: ;;", OK)
        assert (error.status, error.message, error.header) == (None, None, name.lower())

    def test_what_nobody_needs_may_be_broken(self) -> None:
        text = with_line(INVITE, "Contact", "Contact: <<>>\nDate: yesterday\nUnknown: ;;,,;;,;")
        assert request(text).get("unknown") == ";;,,;;,;"

    def test_max_forwards_may_be_missing(self) -> None:
        assert request(with_line(INVITE, "Max-Forwards", "")).max_forwards is None

    def test_unknown_method_and_another_cseq(self) -> None:
        error = refused(wire(INVITE.replace("INVITE sip", "NEWMETHOD sip")))
        answerable(error, 501)

    @pytest.mark.clause("RFC3261-8.2.7-3")
    def test_a_broken_ack_is_never_answered(self) -> None:
        text = INVITE.replace("INVITE", "ACK")
        assert broken("Call-ID", "", text).status is None
        assert refused(wire(text.replace("SIP/2.0\n", "SIP/3.0\n"))).status is None


class TestSection18_3:
    """Framing (RFC 3261 §18.3)."""

    @pytest.mark.clause("RFC3261-18.3-1")
    def test_octets_behind_the_body_are_cut_off(self) -> None:
        invite = parse_datagram(wire(INVITE) + b"INVITE sip:evil SIP/2.0\r\n\r\n")
        assert invite.body == b"Hello"
        assert invite.to_bytes() == wire(INVITE)
        assert invite.edit().build().to_bytes() == wire(INVITE)

    @pytest.mark.clause("RFC3261-18.3-2")
    def test_short_response_is_dropped(self) -> None:
        error = broken("Content-Length", "Content-Length: 1", OK)
        assert (error.status, error.header) == (None, "content-length")

    @pytest.mark.clause("RFC3261-18.3-3")
    def test_short_request_is_refused(self) -> None:
        error = broken("Content-Length", "Content-Length: 6")
        assert error.header == "content-length"
        answerable(error)

    def test_datagram_without_content_length_is_all_body(self) -> None:
        assert request(with_line(INVITE, "Content-Length", "")).body == b"Hello"

    def test_empty_lines_before_the_message(self) -> None:
        assert parse_datagram(b"\r\n\r\n" + wire(INVITE)).to_bytes() == wire(INVITE)
        assert parse_stream_message(b"\r\n" + wire(OK), b"").to_bytes() == wire(OK)

    @pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\0\0\0\0", b"jaK", b"GET / HTTP/1.1\r\n"])
    def test_what_is_no_message_is_dropped(self, data: bytes) -> None:
        assert refused(data).status is None

    def test_datagram_without_the_empty_line(self) -> None:
        error = refused(wire(INVITE.partition("\n\n")[0]))
        assert error.reason == "no empty line ends the head"
        assert answerable(error).call_id == "3848276298220188511@atlanta.example.com"

    @pytest.mark.parametrize("lines", range(5))
    def test_a_head_of_empty_lines_is_none(self, lines: int) -> None:
        with pytest.raises(ParseError):
            parse_stream_message(b"\r\n" * lines, b"")

    @pytest.mark.clause("RFC3261-18.3-4")
    def test_stream_needs_the_content_length(self) -> None:
        head = with_line(INVITE, "Content-Length", "").partition("\n\n")[0]
        with pytest.raises(ParseError) as caught:
            parse_stream_message(wire(head), b"Hello")
        assert caught.value.header == "content-length"
        answerable(caught.value)

    @pytest.mark.parametrize("end", ["", "\n\n"])
    def test_stream(self, end: str) -> None:
        head, _, body = INVITE.partition("\n\n")
        message = parse_stream_message(wire(head + end), wire(body))
        assert message.to_bytes() == wire(INVITE)

    @pytest.mark.parametrize("body", [b"", b"Hell", b"Hello!"])
    def test_stream_whose_body_does_not_fit(self, body: bytes) -> None:
        head = INVITE.partition("\n\n")[0]
        with pytest.raises(ParseError) as caught:
            parse_stream_message(wire(head), body)
        answerable(caught.value)


class TestBodyLength:
    @pytest.mark.parametrize(
        ("lines", "length"),
        [
            ("Content-Length: 5", 5),
            ("content-LENGTH \t:\t0005 ", 5),
            ("L:0", 0),
            ("l:\n 17", 17),
            ("X-Content-Length: 1", None),
            ("Subject: Content-Length: 1", None),
            ("Subject: x\n Content-Length: 1", None),
        ],
    )
    def test_as_the_parser_reads_it(self, lines: str, length: int | None) -> None:
        assert body_length(wire(f"INVITE sip:b SIP/2.0\n{lines}\n\n")) == length
        text = with_line(INVITE, "Content-Length", lines).partition("\n\n")[0]
        message = parse_datagram(wire(text + "\n\n") + b"x" * (length or 0))
        assert message.content_length == length

    @pytest.mark.parametrize(
        "lines",
        [
            "Content-Length: 5\nl: 5",
            "Content-Length: -1",
            "Content-Length: 5 5",
            "Content-Length: 5, 5",
            "Content-Length: 9999999999",
            "Content-Length:",
        ],
    )
    def test_refuses(self, lines: str) -> None:
        with pytest.raises(ParseError) as caught:
            body_length(wire(f"INVITE sip:b SIP/2.0\n{lines}\n\n"))
        assert (caught.value.status, caught.value.header) == (400, "content-length")


class TestLimits:
    def test_head_too_large(self) -> None:
        text = with_line(INVITE, "Contact", "Subject: " + "x" * MAX_HEAD)
        assert not answerable(refused(wire(text)), 513).has("subject")

    def test_head_of_one_line_too_large(self) -> None:
        assert refused(b"x" * 70000).status is None

    def test_own_limits(self) -> None:
        data = wire(INVITE)
        size = data.index(b"\r\n\r\n")
        assert parse_datagram(data, max_head=size, max_headers=9)
        with pytest.raises(ParseError) as caught:
            parse_datagram(data, max_head=size - 1)
        assert caught.value.status == 513
        with pytest.raises(ParseError) as caught:
            parse_stream_message(data[: size + 4], b"Hello", max_headers=8)
        assert caught.value.status == 513
        with pytest.raises(ParseError) as caught:
            parse_stream_message(data[: size + 4], b"Hello", max_head=size - 1)
        assert caught.value.status == 513


class TestBroadcast:
    @pytest.mark.parametrize(
        "via",
        [
            "255.255.255.255",
            "a;received=255.255.255.255",
            "a;maddr=255.255.255.255;received=192.0.2.1",
        ],
    )
    def test_response_bound_for_it_is_dropped(self, via: str) -> None:
        line = f"Via: SIP/2.0/UDP a;branch=z9hG4bK1\nVia: SIP/2.0/UDP {via};branch=z9hG4bK2"
        assert broken("Via", line, OK).status is None

    def test_the_address_elsewhere_is_no_matter(self) -> None:
        line = "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1, SIP/2.0/UDP a\nX: 255.255.255.255"
        assert response(with_line(OK, "Via", line)).top_via.host == "255.255.255.255"
        assert request(with_line(INVITE, "Via", line)).has("x")


class TestValidate:
    def test_a_message_of_our_own(self) -> None:
        mine = build_request(
            "INVITE", "sip:b", from_="<sip:a>;tag=1", to="<sip:b>", call_id="c", cseq=1
        )
        with pytest.raises(ParseError) as caught:
            validate(mine)
        assert (caught.value.status, caught.value.header) == (None, "via")
        draft = mine.edit()
        draft.prepend("via", "SIP/2.0/UDP a;branch=z9hG4bK1")
        validate(draft.build())

    def test_a_response(self) -> None:
        validate(response())


# Long values that would take minutes if an expression tried its way through them again
# from every position. A regression shows as a test that hangs.
LONG = 60_000
HOSTILE = {
    "spaces in a display name": ("From", "From: a" + " " * LONG + "b"),
    "escaped quotes": ("From", 'From: "' + '\\"' * (LONG // 2)),
    "spaces behind a quoted name": ("From", 'From: "a"' + " " * LONG + "x"),
    "spaces in a parameter": ("From", "From: <sip:a@b>;a" + " " * LONG + "x"),
    "parameters": ("From", "From: <sip:a@b>" + ";a=1" * (LONG // 4)),
    "spaces before a fold": ("From", "From: a" + " " * LONG + "b\n c"),
    "a long number": ("To", "To: <tel:" + "1" * LONG + "@>"),
    "URI parameters": ("To", "To: <sip:a@b" + ";a" * (LONG // 2) + "@>"),
    "colons": ("To", "To: <sip:[" + ":" * LONG + "]>"),
    "spaces in a Via": ("Via", "Via: SIP/2.0/UDP a" + " " * LONG + "x"),
    "quotes in a Via": ("Via", 'Via: SIP/2.0/UDP a;x="' + '\\"' * (LONG // 2) + ","),
    "brackets in a Via": ("Via", "Via: SIP/2.0/UDP a;x=" + "<" * LONG + ","),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_value_is_refused_at_once(case: str) -> None:
    name, line = HOSTILE[case]
    assert broken(name, line).header == name.lower()


SNIPPETS = st.sampled_from(
    [
        *INVITE.split("\n"),
        *OK.split("\n"),
        "\n",
        "\n ",
        "\n\n",
        "\r",
        ":",
        ",",
        ";",
        '"',
        "<",
        ">",
        "l: 3\n",
        "Via: SIP/2.0/UDP a\n",
    ]
)
MUTATIONS = st.lists(st.tuples(st.integers(0, 480), st.integers(0, 40), SNIPPETS), max_size=4)


class TestProperties:
    @given(st.binary(max_size=200))
    @example(b"\r\n")
    def test_any_octets_give_a_message_or_a_refusal(self, data: bytes) -> None:
        try:
            message = parse_datagram(data)
        except ParseError:
            return
        assert data.endswith(message.to_bytes())

    @given(MUTATIONS, st.booleans())
    def test_any_mutation_gives_the_same_octets_or_a_refusal(
        self, mutations: list[tuple[int, int, str]], answer: bool
    ) -> None:
        text = OK if answer else INVITE
        for at, length, snippet in mutations:
            text = text[:at] + snippet + text[at + length :]
        data = wire(text)
        try:
            message = parse_datagram(data)
        except ParseError as error:
            if error.status is not None:
                answerable(error, error.status)
            return
        out = message.to_bytes()
        assert data.lstrip(b"\r\n").startswith(out)
        assert message.edit().build().to_bytes() == out
        again = parse_datagram(out)
        assert again.to_bytes() == out
        assert again.names() == message.names()
        head = out[: out.index(b"\r\n\r\n") + 4]
        assert body_length(head) == message.content_length


def test_a_fault_holds_nothing_that_led_to_it() -> None:
    """A cycle of error and frame would keep what every caller has read, until it is collected."""

    def errors() -> int:
        return len([each for each in gc.get_objects() if isinstance(each, ParseError)])

    gc.collect()
    gc.disable()
    try:
        before = errors()
        with contextlib.suppress(ParseError):
            parse_datagram(b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 5\r\n\r\n")
        assert errors() == before
    finally:
        gc.enable()
