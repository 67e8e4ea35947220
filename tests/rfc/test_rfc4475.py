"""The torture test messages of RFC 4475, as a parser in front of a proxy and registrar sees them.

Short messages of our own show each point; the messages of the RFC itself are read from the
corpora when those are there. What only a proxy or registrar can judge (416, 420, 483, 415)
has to come through the parser.
"""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.message.samples import refused, request, response, wire

from ringway.errors import ParseError
from ringway.message import Request, build_response, parse_datagram, unescape

CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpora" / "rfc4475"

TAIL = "From: <sip:a@example.net>;tag=1\nCall-ID: x\nCSeq: 8 OPTIONS\nMax-Forwards: 70\nl: 0\n\n"
VIA = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\n"
START = "OPTIONS sip:user@example.com SIP/2.0\n"
TO = "To: sip:user@example.com\n"
SOUND = START + TO + VIA + TAIL

ANSWER = (
    "SIP/2.0 200 OK\n" + VIA + "From: <sip:a@example.net>;tag=1\nTo: <sip:b@example.net>;tag=2\n"
    "Call-ID: x\nCSeq: 8 OPTIONS\nl: 0\n\n"
)


def status_of(text: str) -> int | None:
    return refused(wire(text)).status


class TestSection3_1_1:
    """Valid messages."""

    @pytest.mark.clause("RFC4475 3.1.1.1")
    def test_folding_and_white_space_everywhere(self) -> None:
        message = request(
            "OPTIONS sip:vivekg@chair.example.com;unknownparam SIP/2.0\n"
            "TO :\n sip:vivekg@chair.example.com ;   tag    = 1918181833n\n"
            'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>\n'
            "  ;\n  tag = 98asjd8\n"
            "MaX-fOrWaRdS: 0068\n"
            "Call-ID: x\n"
            "Content-Length   : 0\n"
            "cseq: 0009\n  OPTIONS\n"
            "Via  : SIP  /   2.0\n /UDP\n    192.0.2.2;branch=390skdjuw\n"
            "s :\n"
            "UnknownHeaderWithUnusualValue: ;;,,;;,;\n"
            "Route:\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\n"
            "v:  SIP  / 2.0  / TCP     spindle.example.com   ;\n"
            "  branch  =   z9hG4bK9ikj8  ,\n"
            " SIP  /    2.0   / UDP  192.168.255.111   ; branch=\n z9hG4bK30239\n"
            'm:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =\n'
            "      newvalue ;\n  secondparam ; q = 0.33\n\n"
        )
        assert message.to_tag == "1918181833n"
        assert (message.from_.display, message.from_tag) == ('J Rosenberg \\"', "98asjd8")
        assert message.max_forwards == 68
        assert message.cseq == (9, "OPTIONS")
        assert [via.branch for via in message.vias] == [
            "390skdjuw",
            "z9hG4bK9ikj8",
            "z9hG4bK30239",
        ]
        assert message.get("subject") == ""
        assert message.routes[0].uri.has_param("unknown-no-value")
        contact = message.contacts[0]
        assert (contact.display, contact.q) == ('Quoted string ""', 0.33)
        assert contact.param("newparam") == "newvalue"

    @pytest.mark.clause("RFC4475 3.1.1.2")
    def test_wide_range_of_valid_characters(self) -> None:
        method = "!interesting-Method0123456789_*+`.%indeed'~"
        user = "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
        password = "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
        message = request(
            f"{method} sip:{user}:{password}@example.com SIP/2.0\n"
            "Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~\n"
            f'To: "BEL:\\\a NUL:\\\0 DEL:\\\x7f" <sip:{user}@example.com>\n'
            "From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>"
            ";fromParam''~+*_!.-%=\"работающий\";tag=_token~1'+`*%!-.\n"
            "Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{\n"
            f"CSeq: 139122385 {method}\n"
            "Max-Forwards: 255\n"
            "extensionHeader-!.%*+_`'~:\ufeff大停電\n"
            "Content-Length: 0\n\n"
        )
        assert (message.uri.user, message.uri.password) == (user, password)
        assert message.to.display == "BEL:\a NUL:\0 DEL:\x7f"
        assert message.from_.param("fromparam''~+*_!.-%") == "работающий"
        assert message.from_tag == "_token~1'+`*%!-."
        assert message.top_via.branch == "z9hG4bK-.!%66*_+`'~"

    @pytest.mark.clause("RFC4475 3.1.1.3", "RFC4475 3.1.1.4", "RFC4475 3.1.1.5")
    def test_escapes_are_kept_and_understood(self) -> None:
        message = request(
            "RE%47IST%45R sip:sips%3Auser%40example.com@example.net SIP/2.0\n"
            'To: "%Z%45" <sip:%75se%72@example.com>\n'
            "From: <sip:null-%00-null@example.net>;tag=938\n"
            "i: x\nCSeq: 234234 RE%47IST%45R\n" + VIA + "C%6Fntact: <sip:not-a-contact@host>\n"
            "Contact: <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>\nL:0\n\n"
        )
        assert message.method == "RE%47IST%45R"
        assert message.uri.user == "sips%3Auser%40example.com"
        assert message.to.display == "%Z%45"
        assert unescape(message.to.uri.user or "") == "user"
        assert unescape(message.from_.uri.user or "") == "null-\0-null"
        assert len(message.contacts) == 1
        assert message.contacts[0].uri.params == (("%6c%72", None), ("n%61me", "v%61lue%25%34%31"))

    @pytest.mark.clause("RFC4475 3.1.1.6")
    def test_no_space_before_the_bracket(self) -> None:
        message = request(SOUND.replace("From: <", "From: caller<"))
        assert message.from_.display == "caller"

    @pytest.mark.clause("RFC4475 3.1.1.7")
    def test_long_values(self) -> None:
        name = "Unknown-" + "Long" * 20
        vias = "".join(f"V  : SIP/2.0/TCP sip{n}.example.com\n" for n in range(33))
        message = request(
            START + TO + vias + f"{name}: {'long' * 50};{'x' * 100}={'y' * 500}\n" + TAIL
        )
        assert len(message.vias) == 33
        assert len(message.get(name) or "") > 700

    @pytest.mark.clause("RFC4475 3.1.1.8", "RFC3261-18.3-1")
    def test_octets_behind_the_message_are_never_forwarded(self) -> None:
        message = parse_datagram(wire(SOUND) + b"\r\nINVITE sip:joe@example.com SIP/2.0\r\n\r\n")
        assert message.to_bytes() == wire(SOUND)

    @pytest.mark.clause("RFC4475 3.1.1.9")
    def test_semicolon_in_the_user_part(self) -> None:
        start = "OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0\n"
        message = request(start + TO + VIA + TAIL)
        assert message.uri.user == "user;par=u%40example.net"
        assert message.uri.host == "example.com"
        assert message.uri.params == ()

    @pytest.mark.clause("RFC4475 3.1.1.10")
    def test_all_transports(self) -> None:
        names = ("UDP", "SCTP", "TLS", "UNKNOWN", "TCP")
        vias = "".join(f"Via: SIP/2.0/{name} t.example.com;branch=z9hG4bK1\n" for name in names)
        message = request(START + TO + vias + TAIL)
        assert [via.transport.upper() for via in message.vias] == list(names)

    @pytest.mark.clause("RFC4475 3.1.1.12", "RFC4475 3.1.1.13")
    def test_unusual_and_empty_reason_phrases(self) -> None:
        phrase = "= 2**3 * 5**2 но сто девяносто девять - простое"
        assert response(ANSWER.replace("OK", phrase, 1)).reason == phrase
        assert response(ANSWER.replace("200 OK", "100 ", 1)).reason == ""


class TestSection3_1_2:
    """Invalid messages."""

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(
                SOUND.replace("192.0.2.1;branch=z9hG4bK1", "192.0.2.15;;,;,,"),
                marks=pytest.mark.clause("RFC4475 3.1.2.1"),
                id="badinv01",
            ),
            pytest.param(
                SOUND.replace("l: 0", "Content-Length: 9999"),
                marks=pytest.mark.clause("RFC4475 3.1.2.2"),
                id="clerr",
            ),
            pytest.param(
                SOUND.replace("l: 0", "Content-Length: -999"),
                marks=pytest.mark.clause("RFC4475 3.1.2.3"),
                id="ncl",
            ),
            pytest.param(
                SOUND.replace("CSeq: 8", "CSeq: 36893488147419103232"),
                marks=pytest.mark.clause("RFC4475 3.1.2.4"),
                id="scalar02",
            ),
            pytest.param(
                SOUND.replace(TO, 'To: "Mr. J. User <sip:j.user@example.com>\n'),
                marks=pytest.mark.clause("RFC4475 3.1.2.6"),
                id="quotbal",
            ),
            pytest.param(
                SOUND.replace("sip:user@example.com SIP", "<sip:user@example.com> SIP"),
                marks=pytest.mark.clause("RFC4475 3.1.2.7"),
                id="ltgtruri",
            ),
            pytest.param(
                SOUND.replace("example.com SIP", "example.com; lr SIP"),
                marks=pytest.mark.clause("RFC4475 3.1.2.8"),
                id="lwsruri",
            ),
            pytest.param(
                SOUND.replace("OPTIONS sip", "OPTIONS  sip", 1),
                marks=pytest.mark.clause("RFC4475 3.1.2.9"),
                id="lwsstart",
            ),
            pytest.param(
                SOUND.replace("SIP/2.0\n", "SIP/2.0  \n", 1),
                marks=pytest.mark.clause("RFC4475 3.1.2.10"),
                id="trws",
            ),
            pytest.param(
                SOUND.replace("example.com SIP", "example.com?Route=%3Csip:e%3E SIP"),
                marks=pytest.mark.clause("RFC4475 3.1.2.11"),
                id="escruri",
            ),
            pytest.param(
                SOUND.replace(TO, 'To: "Watson" < sip:t.watson@example.org >\n'),
                marks=pytest.mark.clause("RFC4475 3.1.2.14"),
                id="badaspec",
            ),
            pytest.param(
                SOUND.replace(TO, "To: Watson, Thomas <sip:t.watson@example.org>\n"),
                marks=pytest.mark.clause("RFC4475 3.1.2.15"),
                id="baddn",
            ),
            pytest.param(
                SOUND.replace("CSeq: 8 OPTIONS", "CSeq: 8 INVITE"),
                marks=pytest.mark.clause("RFC4475 3.1.2.17"),
                id="mismatch01",
            ),
        ],
    )
    def test_400(self, text: str) -> None:
        assert text != SOUND
        assert status_of(text) == 400

    @pytest.mark.clause("RFC4475 3.1.2.12")
    def test_date_that_is_not_gmt_is_let_through(self) -> None:
        date = "Date: Fri, 01 Jan 2010 16:00:00 EST\n"
        assert request(START + date + TO + VIA + TAIL).has("date")

    @pytest.mark.clause("RFC4475 3.1.2.13")
    def test_contact_with_a_question_mark_outside_brackets(self) -> None:
        contact = "Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E\n"
        message = request(START + contact + TO + VIA + TAIL)
        with pytest.raises(ParseError) as caught:
            _ = message.contacts
        assert caught.value.status == 400

    @pytest.mark.clause("RFC4475 3.1.2.16")
    def test_unknown_version_is_505(self) -> None:
        assert status_of(SOUND.replace("SIP/2.0", "SIP/7.0")) == 505

    @pytest.mark.clause("RFC4475 3.1.2.18")
    def test_unknown_method_with_another_cseq_is_501(self) -> None:
        assert status_of(SOUND.replace("OPTIONS sip", "NEWMETHOD sip")) == 501

    @pytest.mark.clause("RFC4475 3.1.2.5")
    def test_response_with_absurd_numbers_is_dropped(self) -> None:
        assert status_of(ANSWER.replace("CSeq: 8", "CSeq: 9292394834772304023312")) is None

    @pytest.mark.clause("RFC4475 3.1.2.19")
    def test_absurd_status_code_is_dropped(self) -> None:
        assert status_of(ANSWER.replace("200", "4294967301")) is None


class TestSection3_2:
    """Transaction layer."""

    @pytest.mark.clause("RFC4475 3.2.1")
    def test_branch_that_is_only_the_cookie_is_left_to_the_transactions(self) -> None:
        assert request(SOUND.replace("z9hG4bK1", "z9hG4bK")).top_via.branch == "z9hG4bK"


class TestSection3_3:
    """Application layer: what the parser must let through, and the little it must not."""

    @pytest.mark.clause("RFC4475 3.3.1")
    def test_missing_mandatory_headers(self) -> None:
        error = refused(wire(START + "CSeq: 8 OPTIONS\n" + VIA + "l: 0\n\n"))
        assert error.status == 400
        assert isinstance(error.message, Request)
        assert build_response(error.message, 400).top_via.host == "192.0.2.1"

    @pytest.mark.parametrize(
        ("uri", "scheme"),
        [
            pytest.param(
                "nobodyKnowsThisScheme:totallyopaquecontent",
                "nobodyknowsthisscheme",
                marks=pytest.mark.clause("RFC4475 3.3.2"),
            ),
            pytest.param(
                "soap.beep://192.0.2.103:3002",
                "soap.beep",
                marks=pytest.mark.clause("RFC4475 3.3.3"),
            ),
        ],
    )
    def test_unknown_scheme_is_for_the_proxy_to_judge(self, uri: str, scheme: str) -> None:
        assert request(f"OPTIONS {uri} SIP/2.0\n" + TO + VIA + TAIL).uri.scheme == scheme

    @pytest.mark.clause("RFC4475 3.3.4")
    def test_unknown_schemes_in_to_from_and_contact(self) -> None:
        message = request(
            START.replace("user@", "")
            + "To: isbn:2983792873\nContact: <name:John_Smith>\n"
            + VIA
            + TAIL.replace("<sip:a@example.net>", "<http://www.example.com>")
        )
        assert message.to.uri.scheme == "isbn"
        assert message.from_.uri.scheme == "http"
        assert message.contacts[0].uri.opaque == "John_Smith"

    @pytest.mark.clause("RFC4475 3.3.5")
    def test_unknown_extensions_are_for_the_proxy_to_judge(self) -> None:
        lines = "Require: nothingSupportsThis, norThis\nProxy-Require: noProxy, norAny\n"
        message = request(START + TO + lines + VIA + TAIL)
        assert message.require == ("nothingSupportsThis", "norThis")
        assert message.proxy_require == ("noProxy", "norAny")

    @pytest.mark.clause("RFC4475 3.3.7")
    def test_unknown_authorization_scheme_comes_through(self) -> None:
        line = "Authorization: NoOneKnowsThisScheme opaque-data=here\n"
        assert request(START + TO + line + VIA + TAIL).has("authorization")

    @pytest.mark.parametrize(
        "line", ["CSeq: 59 OPTIONS", "Call-ID: y", "To: sip:other@example.net", "Max-Forwards: 5"]
    )
    @pytest.mark.clause("RFC4475 3.3.8")
    def test_multiple_values_of_single_headers(self, line: str) -> None:
        assert status_of(f"{START}{line}\n{TO}{VIA}{TAIL}") == 400

    @pytest.mark.clause("RFC4475 3.3.9")
    def test_two_content_lengths(self) -> None:
        text = START + "Content-Length: 13\n" + TO + VIA + TAIL
        assert status_of(text.replace("l: 0", "Content-Length: 5") + "There's no way") == 400

    @pytest.mark.clause("RFC4475 3.3.10")
    def test_response_to_the_broadcast_address_is_dropped(self) -> None:
        via = VIA + "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23\n"
        assert status_of(ANSWER.replace(VIA, via)) is None

    @pytest.mark.clause("RFC4475 3.3.11")
    def test_max_forwards_of_zero_comes_through(self) -> None:
        assert request(SOUND.replace("Forwards: 70", "Forwards: 0")).max_forwards == 0

    @pytest.mark.parametrize(
        ("contact", "of_the_uri"),
        [
            pytest.param(
                "sip:+19725552222@gw1.example.net;unknownparam",
                False,
                marks=pytest.mark.clause("RFC4475 3.3.12"),
            ),
            pytest.param(
                "<sip:+19725552222@gw1.example.net;unknownparam>",
                True,
                marks=pytest.mark.clause("RFC4475 3.3.13"),
            ),
        ],
    )
    def test_whose_parameter_it_is(self, contact: str, of_the_uri: bool) -> None:
        value = request(f"{START}Contact: {contact}\n{TO}{VIA}{TAIL}").contacts[0]
        assert value.uri.has_param("unknownparam") is of_the_uri
        assert value.has_param("unknownparam") is not of_the_uri

    @pytest.mark.clause("RFC4475 3.3.14")
    def test_escaped_route_stays_in_the_contact(self) -> None:
        text = "sip:user@example.com?Route=%3Csip:sip.example.com%3E"
        value = request(f"{START}M: <{text}>\n{TO}{VIA}{TAIL}").contacts[0]
        assert value.uri_text == text
        assert value.uri.headers == (("Route", "%3Csip:sip.example.com%3E"),)


class TestSection3_4:
    """Backward compatibility."""

    @pytest.mark.clause("RFC4475 3.4.1")
    def test_rfc_2543_request(self) -> None:
        message = request(
            "INVITE sip:UserB@example.com SIP/2.0\n"
            "Via: SIP/2.0/UDP iftgw.example.com\n"
            "From: <sip:+13035551111@ift.client.example.net;user=phone>\n"
            "Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>\n"
            "To: sip:+16505552222@ss1.example.net;user=phone\n"
            "Call-ID: x\nCSeq: 56 INVITE\n\nv=0\n"
        )
        assert message.top_via.branch == ""
        assert message.from_tag == ""
        assert message.max_forwards is None
        assert message.record_routes[0].uri.param("maddr") == "ss1.example.com"
        assert message.body == b"v=0\r\n"


# What the parser itself refuses, and how; all other messages come through.
REFUSED: dict[str, int | None] = {
    "badaspec": 400,
    "baddn": 400,
    "badinv01": 400,
    "badvers": 505,
    "bcast": None,
    "bigcode": None,
    "clerr": 400,
    "escruri": 400,
    "insuf": 400,
    "ltgtruri": 400,
    "lwsruri": 400,
    "lwsstart": 400,
    "mcl01": 400,
    "mismatch01": 400,
    "mismatch02": 501,
    "multi01": 400,
    "ncl": 400,
    "quotbal": 400,
    "scalar02": 400,
    "scalarlg": None,
    "test": None,
    "trws": 400,
}
LATER: dict[str, Callable[[Request], object]] = {"regbadct": lambda message: message.contacts}


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpora are not here")
class TestCorpus:
    def test_every_message_of_the_index(self) -> None:
        with (CORPUS / "INDEX.csv").open(encoding="utf-8", newline="") as file:
            names = [row["name"] for row in csv.DictReader(file)]
        assert set(names) == {path.stem for path in CORPUS.glob("*.dat")}
        assert set(names) > {*REFUSED, *LATER}
        got: dict[str, int | None] = {}
        for name in names:
            data = (CORPUS / f"{name}.dat").read_bytes()
            try:
                message = parse_datagram(data)
                assert data.startswith(message.to_bytes()), name
                assert message.edit().build().to_bytes() == message.to_bytes(), name
                assert parse_datagram(message.to_bytes()).names() == message.names(), name
            except ParseError as error:
                got[name] = error.status
        assert got == REFUSED

    @pytest.mark.parametrize("name", LATER)
    def test_refused_where_it_is_read(self, name: str) -> None:
        message = parse_datagram((CORPUS / f"{name}.dat").read_bytes())
        assert isinstance(message, Request)
        with pytest.raises(ParseError):
            LATER[name](message)

    def test_body_with_any_octets(self) -> None:
        message = parse_datagram((CORPUS / "mpart01.dat").read_bytes())
        assert len(message.body) == 553
        assert b"\0" in message.body
