"""The request that is made for each attempt."""

from __future__ import annotations

import pytest
from tests.unit.ua.asking import BOB, EDGES, Asking, dialog

from ringway.message import Request, parse_uri
from ringway.transport.flow import Address, NextHop
from ringway.ua.requests.outgoing import Outgoing, headers_for, make_request
from ringway.ua.requests.redirects import Target
from ringway.ua.requests.ways import Way

UDP = Way(NextHop("udp", Address("10.0.0.2", 5060), "bob.example"))
ORIGINAL = Target(parse_uri(BOB))
MOVED = Target(parse_uri("sip:carol@c.example"), status=302)


def make(
    world: Asking, wanted: Outgoing, way: Way = UDP, target: Target = ORIGINAL, uri: str = ""
) -> Request:
    headers = headers_for(wanted, target)
    uri = uri or str(target.uri)
    return make_request(world.services, wanted, way, target, uri=uri, headers=headers, cseq=5)


class TestOutsideADialog:
    """RFC 3261 §8.1.1."""

    def test_the_fields(self) -> None:
        w = Asking()
        wanted = w.wanted(
            "MESSAGE", body=b"hi", content_type="text/plain", headers=(("Subject", "s"),)
        )
        request = make(w, wanted)
        assert request.to_bytes().decode() == (
            "MESSAGE sip:bob@bob.example SIP/2.0\r\n"
            "Max-Forwards: 70\r\n"
            "From: <sip:alice@example.com>;tag=a\r\n"
            "To: <sip:bob@bob.example>\r\n"
            "Call-ID: c1\r\n"
            "CSeq: 5 MESSAGE\r\n"
            "Subject: s\r\n"
            "Content-Type: text/plain\r\n"
            "Content-Length: 2\r\n"
            "\r\n"
            "hi"
        )

    def test_what_it_is_made_by(self) -> None:
        w = Asking(software="Phone/1")
        assert make(w, w.wanted()).get("user-agent") == "Phone/1"

    def test_routes(self) -> None:
        w = Asking()
        wanted = w.wanted(headers=(("Route", "<sip:own.example;lr>"),))
        way = UDP._replace(routes=("<sip:edge.example;lr>",))
        assert make(w, wanted, way).values("route") == (
            "<sip:edge.example;lr>", "<sip:own.example;lr>",
        )  # fmt: skip
        behind = Target(ORIGINAL.uri, proxy=parse_uri("sip:proxy.example"), status=305)
        assert make(w, wanted, way, behind).values("route") == (
            "<sip:edge.example;lr>", "<sip:proxy.example;lr>",
        )  # fmt: skip

    def test_a_line_break_is_refused(self) -> None:
        w = Asking()
        with pytest.raises(ValueError, match="line break"):
            make(w, w.wanted(headers=(("Subject", "a\r\nEvil: b"),)))


class TestContact:
    """RFC 3261 §8.1.1.8, RFC 5626 §4.3."""

    def test_only_where_it_is_wanted(self) -> None:
        w = Asking()
        assert not make(w, w.wanted()).has("contact")

    def test_by_the_transport_of_the_hop(self) -> None:
        w = Asking()
        wanted = w.wanted(forms_dialog=True)
        assert make(w, wanted).get("contact") == "<sip:alice@10.0.0.1:5060>"
        tcp = Way(NextHop("tcp", Address("10.0.0.2", 5060), "bob.example"))
        assert "transport=tcp" in (make(w, wanted, tcp).get("contact") or "")

    def test_of_the_slot(self) -> None:
        w = Asking(*EDGES)
        slot = w.slots[0]
        assert slot.flow is not None
        request = make(w, w.wanted(forms_dialog=True), Way(slot.flow, slot, slot.routes))
        assert request.get("contact") == slot.contact()

    def test_sips_for_sips(self) -> None:
        w = Asking()
        request = make(w, w.wanted(forms_dialog=True), uri="sips:bob@bob.example")
        assert (request.get("contact") or "").startswith("<sips:alice@")

    @pytest.mark.parametrize("own", [True, False])
    def test_sips_for_a_first_route_that_is_sips(self, own: bool) -> None:
        w = Asking()
        route = "<sips:edge.example;lr>"
        headers = () if own else (("Route", route), ("Route", "<sip:next.example;lr>"))
        way = UDP._replace(routes=(route,)) if own else UDP
        request = make(w, w.wanted(forms_dialog=True, headers=headers), way)
        assert (request.get("contact") or "").startswith("<sips:alice@")

    def test_of_nobody(self) -> None:
        w = Asking(aor="sip:example.com")
        assert make(w, w.wanted(forms_dialog=True)).get("contact") == "<sip:10.0.0.1:5060>"


class TestWithinADialog:
    def test_the_dialog_makes_it(self) -> None:
        w = Asking(software="Phone/1")
        call = dialog("sip:bob@10.0.0.2", "<sip:far.example;lr>")
        request = make(w, w.wanted("UPDATE", dialog=call, forms_dialog=True))
        assert (request.uri_text, request.cseq.number) == ("sip:bob@10.0.0.2", 8)
        assert request.get("route") == "<sip:far.example;lr>"
        assert request.get("contact") == "<sip:alice@10.0.0.1:5060>"
        assert request.get("user-agent") == "Phone/1"
        assert not make(w, w.wanted("BYE", dialog=call)).has("contact")

    def test_a_redirect_changes_the_request_uri_alone(self) -> None:
        w = Asking()
        call = dialog("sip:bob@10.0.0.2", "<sip:far.example;lr>")
        request = make(w, w.wanted("UPDATE", dialog=call), target=MOVED)
        assert request.uri_text == "sip:carol@c.example"
        assert request.get("route") == "<sip:far.example;lr>"
        assert call.remote_target == "sip:bob@10.0.0.2"


class TestHeadersOfATarget:
    """RFC 3261 §8.1.3.4."""

    HEADERS = (
        ("Route", "<sip:own.example;lr>"),
        ("Authorization", "Bearer x"),
        ("proxy-authorization", "Bearer y"),
        ("Subject", "old"),
    )

    def test_the_original_gets_all(self) -> None:
        wanted = Asking().wanted(headers=self.HEADERS)
        assert headers_for(wanted, ORIGINAL) == self.HEADERS

    def test_another_gets_neither_credentials_nor_routes(self) -> None:
        wanted = Asking().wanted(headers=self.HEADERS)
        assert headers_for(wanted, MOVED) == (("Subject", "old"),)
        asked = MOVED._replace(headers=(("Subject", "new"),))
        assert headers_for(wanted, asked) == (("Subject", "new"),)
