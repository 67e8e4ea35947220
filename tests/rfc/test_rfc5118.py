"""The IPv6 torture test messages of RFC 5118: own short ones, and the RFC's from the corpora."""

import csv
from pathlib import Path

import pytest
from tests.unit.message.samples import refused, request, wire

from ringway.errors import ParseError
from ringway.message import parse_datagram

CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpora" / "rfc5118"

SOUND = (
    "REGISTER sip:[2001:db8::10] SIP/2.0\n"
    "To: sip:user@example.com\n"
    "From: sip:user@example.com;tag=81x2\n"
    "Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111\n"
    "Call-ID: SSG9559905523997077@hlau_4100\n"
    "Max-Forwards: 70\n"
    'Contact: "Caller" <sip:caller@[2001:db8::1]>\n'
    "CSeq: 98176 REGISTER\n"
    "Content-Length: 0\n\n"
)


class TestSection4:
    @pytest.mark.clause("RFC5118 4.1")
    def test_valid_references(self) -> None:
        message = request(SOUND)
        assert (message.uri.host, message.uri.port) == ("2001:db8::10", None)
        assert message.top_via.host == "2001:db8::9:1"
        assert message.contacts[0].uri.host == "2001:db8::1"
        assert str(message.uri) == "sip:[2001:db8::10]"

    @pytest.mark.clause("RFC5118 4.2")
    def test_without_brackets(self) -> None:
        assert refused(wire(SOUND.replace("[2001:db8::10]", "2001:db8::10"))).status == 400

    @pytest.mark.parametrize(
        ("text", "host", "port"),
        [
            pytest.param(
                "[2001:db8::10:5070]",
                "2001:db8::10:5070",
                None,
                marks=pytest.mark.clause("RFC5118 4.3"),
            ),
            pytest.param(
                "[2001:db8::10]:5070",
                "2001:db8::10",
                5070,
                marks=pytest.mark.clause("RFC5118 4.4"),
            ),
        ],
    )
    def test_port_or_part_of_the_address(self, text: str, host: str, port: int | None) -> None:
        uri = request(SOUND.replace("[2001:db8::10]", text)).uri
        assert (uri.host, uri.port) == (host, port)

    @pytest.mark.parametrize("received", ["[2001:db8::9:255]", "2001:db8::9:255"])
    @pytest.mark.clause("RFC5118 4.5")
    def test_received_with_and_without_brackets(self, received: str) -> None:
        message = request(SOUND.replace(";branch", f";received={received};branch"))
        assert message.top_via.received == "2001:db8::9:255"
        assert message.top_via.branch == "z9hG4bKas3-111"

    @pytest.mark.clause("RFC5118 4.7")
    def test_both_families_in_the_vias(self) -> None:
        more = (
            "\nVia: SIP/2.0/UDP 192.0.2.1\nVia: SIP/2.0/TCP [2001:db8::9:255];received=192.0.2.200"
        )
        message = request(SOUND.replace("\nCall-ID", more + "\nCall-ID"))
        assert [(via.host, via.received) for via in message.vias] == [
            ("2001:db8::9:1", ""),
            ("192.0.2.1", ""),
            ("2001:db8::9:255", "192.0.2.200"),
        ]

    @pytest.mark.clause("RFC5118 4.9")
    def test_mapped_ipv4(self) -> None:
        message = request(SOUND.replace("[2001:db8::9:1]", "[::ffff:192.0.2.10]:19823"))
        assert (message.top_via.host, message.top_via.port) == ("::ffff:192.0.2.10", 19823)

    @pytest.mark.parametrize("text", ["[2001:db8:::192.0.2.1]", "[2001:db8::192.0.2.1]"])
    @pytest.mark.clause("RFC5118 4.10")
    def test_third_colon_is_taken_out(self, text: str) -> None:
        message = request(SOUND.replace("[2001:db8::10]", text))
        assert message.uri.host == "2001:db8::192.0.2.1"
        assert message.to_bytes() == wire(SOUND.replace("[2001:db8::10]", text))


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpora are not here")
def test_every_message_of_the_index() -> None:
    with (CORPUS / "INDEX.csv").open(encoding="utf-8", newline="") as file:
        names = [row["name"] for row in csv.DictReader(file)]
    assert set(names) == {path.stem for path in CORPUS.glob("*.dat")}
    got: dict[str, int | None] = {}
    for name in names:
        data = (CORPUS / f"{name}.dat").read_bytes()
        try:
            message = parse_datagram(data)
            # Some bodies of the RFC are longer than their Content-Length says.
            assert data.startswith(message.to_bytes()), name
            assert message.vias, name
            assert message.contacts is not None, name
        except ParseError as error:
            got[name] = error.status
    assert got == {"ipv6-bad": 400}
