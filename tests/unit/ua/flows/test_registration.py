"""One registration: RFC 5626 §4.2, RFC 3261 §10.2, RFC 5627, RFC 3608, RFC 7118."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.unit.ua.edges import AOR, INSTANCE, Edge, World, challenge, grant, refuse

from ringway.auth import Account
from ringway.codes import Source
from ringway.message import Request, build_response, parse_uri
from ringway.transport.flow import Address, Flow, NextHop
from ringway.ua.events import FlowLost, Registered, RegistrationFailed, Unregistered
from ringway.ua.flows.register import contact_uri
from ringway.ua.settings import RedirectPolicy

EDGE = "sip:10.0.0.11;transport=tcp"


def one(uri: str = EDGE, **settings: Any) -> tuple[World, Edge]:
    w = World(uri, **settings)
    return w, w.edges[0]


def registered(uri: str = EDGE, **settings: Any) -> tuple[World, Edge]:
    """Return an agent whose flow has answered a keep-alive."""
    w, edge = one(uri, **settings)
    w.start()
    w.take()
    return w, edge


def failure(w: World) -> RegistrationFailed:
    event = w.told[-1]
    assert isinstance(event, RegistrationFailed)
    return event


class TestTheRequest:
    def test_what_it_says(self) -> None:
        w, edge = one(display="Alice", software="phone/1")
        w.start()
        request = edge.last
        contact = request.contacts[0]
        assert request.uri_text == "sip:example.com"
        assert request.get("route") == "<sip:10.0.0.11;transport=tcp;lr>"
        assert request.get("to") == f'"Alice" <{AOR}>'
        assert (request.get("from") or "").startswith(f'"Alice" <{AOR}>;tag=')
        assert str(contact.uri) == "sip:alice@10.0.0.1:5060;transport=tcp"
        assert (contact.instance, contact.param("reg-id")) == (f"<{INSTANCE}>", "1")
        assert request.supported == ("path", "outbound", "gruu")
        assert (request.expires, request.get("user-agent")) == (3600, "phone/1")

    def test_rport_is_asked_for(self) -> None:
        w, edge = one("sip:10.0.0.11")
        w.start()
        assert edge.last.top_via.rport == ""

    def test_a_registrar_may_be_named(self) -> None:
        w, edge = one(registrar=parse_uri("sip:registrar.example.com"))
        w.start()
        assert edge.last.uri_text == "sip:registrar.example.com"

    def test_or_is_where_the_address_of_record_is(self) -> None:
        w, edge = one(aor="sip:alice@example.com:5070")
        w.start()
        assert edge.last.uri_text == "sip:example.com:5070"

    def test_sips(self) -> None:
        w, edge = one("sip:10.0.0.11;transport=tls", aor="sips:alice@example.com")
        w.start()
        assert edge.last.uri_text == "sips:example.com"
        uri = edge.last.contacts[0].uri
        assert (uri.scheme, uri.transport) == ("sips", "tcp")

    def test_over_websocket_only_the_flow_leads_to_us(self) -> None:
        w, edge = one("sip:10.0.0.11:80;transport=ws", aor="sips:alice@example.com")
        w.start()
        uri = edge.last.contacts[0].uri
        assert uri.host.endswith(".invalid")
        assert (uri.scheme, uri.transport, uri.user) == ("sips", "ws", "alice")

    @pytest.mark.parametrize("name", ["-YbPB6szkJa3", "YbPB6szkJa3-", "YbP_6szkJa3b", "_-_"])
    def test_that_host_is_one_whatever_name_was_drawn(self, name: str) -> None:
        w, _ = one()
        flow = Flow("ws", Address("10.0.0.1", 40_000), Address("10.0.0.11", 80))
        uri = contact_uri(w.endpoint, w.settings, flow, name)
        assert re.fullmatch(r"[A-Za-z0-9]+\.invalid", uri.host)

    def test_without_an_instance_id_it_asks_for_no_outbound(self) -> None:
        w, edge = one(instance="")
        edge.headers = []
        w.start()
        contact = edge.last.contacts[0]
        assert (contact.instance, contact.param("reg-id")) == ("", None)
        (event,) = w.told
        assert isinstance(event, Registered)
        assert "instance-id" in event.note

    def test_without_an_outbound_proxy_it_goes_where_the_domain_leads(self) -> None:
        w = World()
        edge = w.edge(parse_uri("sip:10.0.0.50"))
        w.dns["example.com"] = [NextHop("udp", edge.peer.address, "example.com")]
        w.start()
        assert edge.last.get("route") is None
        assert edge.last.contacts[0].param("reg-id") == "1"
        slot = w.slots[0]
        assert (slot.direct, slot.routes, str(slot.proxy)) == (True, (), "sip:example.com")
        assert slot.registered


class TestTheAnswer:
    def test_registered(self) -> None:
        w, edge = one()
        w.start()
        (event,) = w.told
        slot = w.slots[0]
        assert slot.flow is not None
        assert event == Registered(1, EDGE, slot.flow, 3600, outbound=True)
        assert slot.registered
        assert not slot.plain
        assert slot.routes == ("<sip:10.0.0.11;transport=tcp;lr>",)
        assert "10.0.0.11" in repr(slot)
        assert edge.pings == 1  # a keep-alive at once

    def test_the_contact_of_a_dialog_has_ob(self) -> None:
        w, _ = registered()
        instance = f'+sip.instance="<{INSTANCE}>"'
        assert w.slots[0].contact() == f"<sip:alice@10.0.0.1:5060;transport=tcp;ob>;{instance}"

    def test_or_is_the_gruu(self) -> None:
        w, edge = one()
        gruu = f"sip:alice@example.com;gr={INSTANCE}"

        def reaction(edge: Edge, request: Request) -> None:
            contact = request.contacts[0].with_param("pub-gruu", f'"{gruu}"')
            edge.answer(request, 200, [("Require", "outbound"), ("Contact", str(contact))])

        edge.reaction = reaction
        w.start()
        assert w.slots[0].contact().startswith(f"<{gruu};ob>")

    @pytest.mark.parametrize("gruu", ["", "nonsense", "tel:+4930123", "sip:a@b>;evil=<sip:c"])
    def test_a_gruu_that_is_none_is_ignored(self, gruu: str) -> None:
        w, edge = one()

        def reaction(edge: Edge, request: Request) -> None:
            contact = request.contacts[0].with_param("pub-gruu", f'"{gruu}"')
            edge.answer(request, 200, [("Require", "outbound"), ("Contact", str(contact))])

        edge.reaction = reaction
        w.start()
        assert w.slots[0].contact().startswith("<sip:alice@10.0.0.1:5060;")

    @pytest.mark.parametrize(
        ("service", "routes"),
        [
            (
                "<sip:orig@10.0.0.99;lr>, <sip:two@10.0.0.98;lr>",
                (
                    "<sip:10.0.0.11;transport=tcp;lr>",
                    "<sip:orig@10.0.0.99;lr>",
                    "<sip:two@10.0.0.98;lr>",
                ),
            ),
            ("<sip:tok@10.0.0.11;transport=tcp;lr>", ("<sip:tok@10.0.0.11;transport=tcp;lr>",)),
            ("nonsense", ("<sip:10.0.0.11;transport=tcp;lr>",)),
        ],
    )
    def test_the_service_route(self, service: str, routes: tuple[str, ...]) -> None:
        w, edge = one()
        edge.headers.append(("Service-Route", service))
        w.start()
        assert w.slots[0].routes == routes
        w.advance(3600)
        assert edge.last.values("route") == ("<sip:10.0.0.11;transport=tcp;lr>",)

    @pytest.mark.parametrize(
        ("headers", "expires"),
        [
            ([("Contact", "<sip:alice@10.0.0.1:5060;transport=tcp>;expires=300")], 300),
            ([("Contact", "<sip:x@10.0.0.9>;expires=9"), ("Expires", "500")], 500),
            ([("Contact", "sip:broken@@@"), ("Expires", "many")], 3600),
            (
                [
                    (
                        "Contact",
                        '<sip:alice@192.0.2.1:5060>;expires=5;reg-id=2;+sip.instance="<x>"',
                    ),
                    (
                        "Contact",
                        f'<sip:a@192.0.2.1:6>;expires=400;reg-id=1;+sip.instance="<{INSTANCE}>"',
                    ),
                ],
                400,
            ),
        ],
    )
    def test_what_is_granted(self, headers: list[tuple[str, str]], expires: int) -> None:
        w, edge = one()
        edge.reaction = refuse(200, ("Require", "outbound"), *headers)
        w.start()
        (event,) = w.told
        assert isinstance(event, Registered)
        assert event.expires == expires

    def test_no_time_at_all_is_a_failure(self) -> None:
        w, edge = one()
        edge.reaction = refuse(200, ("Require", "outbound"), ("Expires", "0"))
        w.start()
        assert "no time" in failure(w).failure.text
        assert failure(w).retry_in == 45
        assert not w.slots[0].registered
        assert edge.peer.closed

    def test_the_flow_timer(self) -> None:
        w, edge = one()
        edge.headers.append(("Flow-Timer", "20"))
        w.start()
        assert edge.pings == 1
        w.advance(18)
        assert edge.pings == 2

    def test_a_provisional_is_only_that(self) -> None:
        w, edge = one()

        def reaction(edge: Edge, request: Request) -> None:
            edge.answer(request, 100)
            grant(edge, request)

        edge.reaction = reaction
        w.start()
        assert w.slots[0].registered


class TestRefresh:
    def test_over_the_same_flow(self) -> None:
        w, edge = registered()
        flow = w.slots[0].flow
        assert flow is not None
        w.advance(3059)
        assert len(edge.registers) == 1
        w.advance(1)
        first, second = edge.registers
        assert (second.call_id, second.cseq.number) == (first.call_id, 2)
        assert second.from_tag == first.from_tag
        assert second.get("contact") == first.get("contact")
        assert w.told == [Registered(1, EDGE, flow, 3600, outbound=True, refreshed=True)]
        assert len(w.connects) == 1

    def test_the_flow_survives_503(self) -> None:
        w, edge = registered()
        edge.reaction = refuse(503, ("Retry-After", "30"))
        w.advance(3060)
        assert failure(w).retry_in == 32.5
        assert w.slots[0].registered
        edge.reaction = grant
        w.advance(33)
        assert isinstance(w.told[-1], Registered)
        assert len(w.connects) == 1

    def test_but_not_silence(self) -> None:
        w, edge = registered()
        edge.reaction = None
        w.advance(3060 + 32)
        assert w.told == [FlowLost(1, EDGE, "no final response in time", 2.5)]
        assert edge.peer.closed
        edge.reaction = grant
        w.advance(3)
        assert isinstance(w.told[-1], Registered)
        assert not w.told[-1].refreshed
        assert len(w.connects) == 2

    def test_it_may_run_out(self) -> None:
        w, edge = registered()
        edge.reaction = refuse(500)
        w.advance(3599)
        assert w.slots[0].registered
        told = len(w.told)
        w.advance(1)
        assert not w.slots[0].registered
        (event,) = [each for each in w.told[told:] if isinstance(each, FlowLost)]
        assert "ran out" in event.reason
        assert event.retry_in > 0
        assert w.outbound.best() is None
        edge.reaction = grant
        w.advance(1800)
        assert w.slots[0].registered
        assert len(w.connects) == 1  # the flow has worked all along

    def test_a_flow_that_dies_after_that(self) -> None:
        w, edge = registered()
        edge.reaction = refuse(500)
        w.advance(3600)
        told = len(w.told)
        edge.peer.close()
        assert (w.slots[0].flow, len(w.told)) == (None, told)
        edge.reaction = grant
        w.advance(1800)
        assert w.slots[0].registered
        assert len(w.connects) == 2

    def test_or_during_a_try_after_that(self) -> None:
        w, edge = registered()
        edge.reaction = refuse(500)
        w.advance(3600)
        edge.reaction = None
        count = len(edge.registers)
        while len(edge.registers) == count:
            w.advance(1)
        w.advance(32)
        assert failure(w).failure.source is Source.TIMER
        assert w.slots[0].flow is None
        edge.reaction = grant
        w.advance(1800)
        assert w.slots[0].registered

    def test_or_shows_by_its_keep_alives(self) -> None:
        w, edge = registered(expires=60)
        edge.reaction = refuse(500)
        w.advance(60)
        edge.reaction = None
        count = len(edge.registers)
        while len(edge.registers) == count:
            w.advance(1)
        edge.pongs = False
        w.slots[0].probe(w.now)  # it goes unanswered, and so does the try
        w.advance(11)
        assert w.slots[0].flow is None
        assert failure(w).failure.text == "no answer to a keep-alive within 10 s"
        edge.reaction = grant
        edge.pongs = True
        w.advance(1800)
        assert w.slots[0].registered


class TestCredentials:
    def test_a_challenge_is_answered_over_the_same_flow(self) -> None:
        w, edge = one()
        edge.reaction = challenge("one")
        w.start()
        first, second = edge.registers
        assert (second.call_id, second.cseq.number) == (first.call_id, 2)
        assert w.slots[0].registered
        assert len(w.connects) == 1

    def test_whose_realms_are_the_only_ones_answered_from_then_on(self) -> None:
        w, edge = one()
        edge.reaction = challenge("one")
        w.start()
        asked = edge.last
        for realm, answered in (("elsewhere.example", False), ("example.com", True)):
            value = f'Digest realm="{realm}", nonce="two", algorithm=SHA-256, qop="auth"'
            response = build_response(asked, 407, headers=[("Proxy-Authenticate", value)])
            assert bool(w.services.answerer.answer(asked, response)) is answered

    def test_and_not_waited_for_next_time(self) -> None:
        w, edge = one()
        edge.reaction = challenge("one")
        w.start()
        edge.peer.close()
        w.advance(3)
        assert len(edge.registers) == 3
        assert w.slots[0].registered

    @pytest.mark.parametrize("stale", [True, False])
    def test_a_nonce_that_is_too_old(self, stale: bool) -> None:
        w, edge = one()
        edge.reaction = challenge("one")
        w.start()
        edge.reaction = challenge("two", stale=stale)
        w.advance(3100)
        assert len(edge.registers) == 4
        assert w.slots[0].registered

    def test_wrong_ones_are_given_once(self) -> None:
        w, edge = one()
        value = 'Digest realm="example.com", nonce="n", algorithm=MD5, qop="auth"'
        edge.reaction = refuse(401, ("WWW-Authenticate", value))
        w.start()
        assert len(edge.registers) == 2
        assert failure(w).retry_in is None
        assert failure(w).failure.status == 401
        w.advance(7200)
        assert len(edge.registers) == 2
        w.network_changed()
        assert len(edge.registers) == 4

    def test_without_any_there_is_no_point(self) -> None:
        w, edge = one(accounts=())
        edge.reaction = challenge("one")
        w.start()
        assert (len(edge.registers), failure(w).retry_in) == (1, None)

    def test_a_server_that_took_them_before_gets_another_chance(self) -> None:
        w, edge = one()
        edge.reaction = challenge("one")
        w.start()
        value = 'Digest realm="example.com", nonce="n", algorithm=MD5, qop="auth"'
        edge.reaction = refuse(401, ("WWW-Authenticate", value))
        w.advance(3100)
        assert failure(w).retry_in is not None

    def test_nonces_without_end_end_the_try(self) -> None:
        w, edge = one()
        count = 0

        def reaction(edge: Edge, request: Request) -> None:
            nonlocal count
            count += 1
            value = f'Digest realm="example.com", nonce="{count}", algorithm=MD5, stale=true'
            edge.answer(request, 401, [("WWW-Authenticate", value)])

        edge.reaction = reaction
        w.start()
        assert len(edge.registers) == 12
        assert failure(w).retry_in == 45


class TestChanges:
    def test_a_longer_time(self) -> None:
        w, edge = one(expires=60)

        def reaction(edge: Edge, request: Request) -> None:
            if (request.expires or 0) < 600:
                edge.answer(request, 423, [("Min-Expires", "600")])
            else:
                grant(edge, request)

        edge.reaction = reaction
        w.start()
        assert [each.expires for each in edge.registers] == [60, 600]
        w.advance(600)
        assert edge.last.expires == 600

    @pytest.mark.parametrize("value", ["30", "many"])
    def test_a_longer_time_that_is_none(self, value: str) -> None:
        w, edge = one(expires=60)
        edge.reaction = refuse(423, ("Min-Expires", value))
        w.start()
        assert len(edge.registers) == 1
        assert failure(w).failure.status == 423

    def test_what_cannot_be_changed(self) -> None:
        w, edge = one()
        edge.reaction = refuse(420, ("Unsupported", "path"))
        w.start()
        assert len(edge.registers) == 1

    def test_a_first_hop_without_outbound(self) -> None:
        w, edge = one()

        def reaction(edge: Edge, request: Request) -> None:
            if request.contacts[0].has_param("reg-id"):
                edge.answer(request, 439)
            else:
                edge.headers = []
                grant(edge, request)

        edge.reaction = reaction
        w.start()
        assert edge.last.supported == ("path", "gruu")
        assert edge.last.contacts[0].instance == f"<{INSTANCE}>"
        (event,) = w.told
        assert isinstance(event, Registered)
        assert (event.reg_id, event.outbound) == (0, False)
        assert "first hop" in event.note
        w.advance(3600)
        assert [each.contacts[0].param("reg-id") for each in edge.registers] == ["1", None, None]
        w.network_changed()
        assert edge.registers[3].contacts[0].param("reg-id") == "1"

    def test_that_insists(self) -> None:
        w, edge = one()
        edge.reaction = refuse(439)
        w.start()
        assert len(edge.registers) == 2
        assert failure(w).retry_in == 45


class TestServers:
    """RFC 3263 §4.3 and RFC 5626 §4.2.1: the next server, then later."""

    def world(self) -> tuple[World, Edge, Edge]:
        w = World("sip:edge.example.com;transport=tcp")
        hops = []
        edges = []
        for number in (21, 22):
            edge = Edge(w, w.peer("tcp", f"10.0.0.{number}"))
            edges.append(edge)
            hops.append(NextHop("tcp", edge.peer.address, "edge.example.com"))
        w.edges[:] = edges
        w.dns["edge.example.com"] = hops
        return w, edges[0], edges[1]

    def test_503(self) -> None:
        w, first, second = self.world()
        first.reaction = refuse(503)
        w.start()
        assert w.slots[0].registered
        assert first.peer.closed
        assert (len(first.registers), len(second.registers)) == (1, 1)
        assert second.last.cseq.number == 2

    def test_one_that_cannot_be_reached(self) -> None:
        w, first, second = self.world()
        first.peer.accepting = False
        w.start()
        assert (w.slots[0].registered, len(second.registers)) == (True, 1)

    def test_one_that_does_not_answer_to_the_connection(self) -> None:
        w, first, second = self.world()
        first.peer.accepting = None
        w.start()
        w.advance(31.9)
        assert not w.slots[0].registered
        w.advance(0.1)
        assert (w.slots[0].registered, len(second.registers)) == (True, 1)
        w.accept(first.peer, NextHop("tcp", first.peer.address, "edge.example.com"))
        assert first.peer.closed  # nobody waits for it any more
        assert first.registers == []

    def test_silence(self) -> None:
        w, first, second = self.world()
        first.reaction = None
        w.start()
        w.advance(32)
        assert (w.slots[0].registered, first.peer.closed) == (True, True)
        assert len(second.registers) == 1

    def test_a_connection_that_closes(self) -> None:
        w, first, second = self.world()
        first.reaction = None
        w.start()
        first.peer.close()
        assert (w.slots[0].registered, len(second.registers)) == (True, 1)
        assert not any(isinstance(each, FlowLost) for each in w.told)

    def test_who_refused_last_comes_last(self) -> None:
        w, first, second = self.world()
        first.reaction = refuse(500)
        w.start()
        assert second.registers == []
        assert failure(w).retry_in == 45
        w.advance(45)
        assert (w.slots[0].registered, len(second.registers)) == (True, 1)

    @pytest.mark.interpreted
    def test_a_name_that_is_found_too_late(self, monkeypatch: pytest.MonkeyPatch) -> None:
        w, first, _ = self.world()
        asked: list[Any] = []
        monkeypatch.setattr(w.endpoint, "resolve", lambda _, found, __: asked.append(found))
        w.start()
        w.network_changed()
        hops = w.dns["edge.example.com"]
        asked[0](hops, w.now)
        w.pump()
        assert w.connects == []
        asked[1](hops, w.now)
        w.pump()
        assert (len(w.connects), len(first.registers)) == (1, 1)

    def test_a_connection_that_fails_too_late(self) -> None:
        w, edge = one()
        edge.peer.accepting = None
        w.start()
        w.network_changed()
        w.endpoint.connect_failed(w.connects[0], "refused", w.now)
        w.pump()
        assert (len(w.connects), w.told) == (2, [])

    def test_no_server_at_all(self) -> None:
        w = World("sip:nowhere.example.com")
        w.edges.clear()
        w.start()
        event = failure(w)
        assert event.failure.source is Source.TRANSPORT
        assert "nowhere.example.com leads to nothing" in event.failure.text
        assert event.failure.why
        w.advance(45)
        assert len(w.told) == 2

    def test_retry_after_holds_the_next_try_back(self) -> None:
        w, edge = one()
        edge.reaction = refuse(503, ("Retry-After", "300 (busy)"))
        w.start()
        assert failure(w).retry_in == 302.5
        assert failure(w).failure.retry_after == 300
        assert edge.peer.closed

    def test_a_retry_after_that_is_none(self) -> None:
        w, edge = one()
        edge.reaction = refuse(503, ("Retry-After", "later"))
        w.start()
        assert failure(w).retry_in == 45


class TestRedirects:
    def contacts(self, *uris: str, status: int = 302) -> Any:
        def reaction(edge: Edge, request: Request) -> None:
            if request.uri_text == "sip:example.com" and len(edge.registers) == 1:
                edge.answer(request, status, [("Contact", f"<{uri}>") for uri in uris])
            else:
                grant(edge, request)

        return reaction

    def test_the_request_goes_on_through_the_proxy(self) -> None:
        w, edge = one()
        edge.reaction = self.contacts("sip:other.example.com")
        w.start()
        assert [each.uri_text for each in edge.registers] == [
            "sip:example.com",
            "sip:other.example.com",
        ]
        assert edge.last.get("route") == "<sip:10.0.0.11;transport=tcp;lr>"
        assert edge.last.cseq.number == 2
        assert w.slots[0].registered
        assert len(w.connects) == 1

    def direct(self, **settings: Any) -> tuple[World, Edge, Edge]:
        w = World(**settings)
        edges = [Edge(w, w.peer("tcp", f"10.0.0.{number}")) for number in (31, 32)]
        w.edges[:] = edges
        w.dns["example.com"] = [NextHop("tcp", edges[0].peer.address, "example.com")]
        return w, edges[0], edges[1]

    def test_without_a_proxy_it_goes_there(self) -> None:
        w, first, second = self.direct()
        first.reaction = self.contacts("sip:10.0.0.32;transport=tcp")
        w.start()
        assert second.last.uri_text == "sip:10.0.0.32;transport=tcp"
        assert w.slots[0].registered
        assert (first.peer.closed, second.peer.closed) == (True, False)

    def test_credentials_stay_behind(self) -> None:
        w, first, second = self.direct()
        first.reaction = challenge("one")
        w.start()
        first.reaction = refuse(301, ("Contact", "<sip:10.0.0.32;transport=tcp>"))
        w.advance(3100)
        assert first.last.has("authorization")
        assert not second.last.has("authorization")
        assert w.slots[0].registered
        assert first.peer.closed  # its flow has been replaced

    def test_305_names_a_proxy(self) -> None:
        w, first, second = self.direct()
        first.reaction = self.contacts("sip:10.0.0.32;transport=tcp", status=305)
        w.start()
        assert second.last.uri_text == "sip:example.com"
        assert second.last.get("route") == "<sip:10.0.0.32;transport=tcp;lr>"
        assert w.slots[0].registered

    def test_the_next_contact_when_one_fails(self) -> None:
        w, edge = one()

        def reaction(edge: Edge, request: Request) -> None:
            if request.uri.host == "example.com":
                contacts = [("Contact", "<sip:a.test>"), ("Contact", "<sip:b.test>;q=0.5")]
                edge.answer(request, 302, contacts)
            elif request.uri.host == "a.test":
                edge.answer(request, 404)
            else:
                grant(edge, request)

        edge.reaction = reaction
        w.start()
        assert [each.uri.host for each in edge.registers] == ["example.com", "a.test", "b.test"]
        assert w.slots[0].registered

    @pytest.mark.parametrize(
        ("policy", "contact"),
        [
            (RedirectPolicy(follow=False), "sip:other.example.com"),
            (RedirectPolicy(domains=("example.com",)), "sip:evil.test"),
            (RedirectPolicy(), "sip:example.com"),
            (RedirectPolicy(), "tel:+4930123"),
        ],
    )
    def test_what_is_not_followed(self, policy: RedirectPolicy, contact: str) -> None:
        w, edge = one(redirects=policy)
        edge.reaction = self.contacts(contact)
        w.start()
        assert len(edge.registers) == 1
        assert failure(w).failure.status == 302
        assert failure(w).retry_in == 45

    def test_a_refresh_that_is_redirected_to_nobody_keeps_its_flow(self) -> None:
        w, first, second = self.direct()
        w.start()
        second.peer.accepting = False
        first.reaction = refuse(302, ("Contact", "<sip:10.0.0.32;transport=tcp>"))
        w.advance(3061)
        assert w.slots[0].registered
        assert isinstance(w.told[-1], RegistrationFailed)
        assert not first.peer.closed


class TestTheFlow:
    def test_a_flow_that_closes_is_replaced(self) -> None:
        w, edge = registered()
        old = w.slots[0].flow
        edge.peer.close()
        assert w.told == [FlowLost(1, EDGE, "closed by the peer", 2.5)]
        assert (w.slots[0].flow, w.slots[0].registered) == (None, False)
        w.advance(2.5)
        first, second = edge.registers
        assert second.contacts[0].param("reg-id") == "1"
        assert second.contacts[0].instance == first.contacts[0].instance
        assert second.call_id == first.call_id
        assert w.slots[0].flow not in {old, None}

    def test_so_is_one_that_answers_no_keep_alive(self) -> None:
        w, edge = registered()
        edge.pongs = False
        w.advance(107.5 + 10)
        assert w.told == [FlowLost(1, EDGE, "no answer to a keep-alive within 10 s", 2.5)]
        assert edge.peer.closed
        w.advance(3)
        assert w.slots[0].registered

    def test_one_that_was_never_proven_waits(self) -> None:
        w, edge = one()
        edge.pongs = False
        w.start()
        edge.peer.close()
        event = w.told[-1]
        assert isinstance(event, FlowLost)
        assert event.retry_in == 45

    def test_and_nothing_cuts_that_short(self) -> None:
        w, edge = one()
        edge.peer.accepting = False
        w.start()
        for _ in range(44):
            w.advance(1)
            w.outbound.flow_closed(
                Flow("tcp", Address("10.0.0.1", 1), edge.peer.address), "", w.now
            )
        assert len(w.connects) == 1
        w.advance(1)
        assert len(w.connects) == 2

    def test_over_udp_the_same_socket_is_used(self) -> None:
        w, edge = registered("sip:10.0.0.11")
        flow = w.slots[0].flow
        edge.peer.unreachable()
        w.advance(60)
        assert (w.slots[0].registered, w.slots[0].flow) == (True, flow)
        assert len(edge.registers) == 2

    def test_a_mapped_address_that_changes(self) -> None:
        w, edge = registered("sip:10.0.0.11")
        slot = w.slots[0]
        edge.seen = Address("192.0.2.1", 2)
        w.advance(30)
        (event,) = [each for each in w.told if isinstance(each, FlowLost)]
        assert "192.0.2.1:2" in event.reason
        w.advance(3)
        assert slot.registered

    def test_a_word_of_the_user_is_an_indication(self) -> None:
        w, edge = one("sip:10.0.0.11;keep=stun")
        edge.headers = []
        w.start()
        assert str(w.slots[0].proxy) == "sip:10.0.0.11"
        assert edge.peer.raw[-1][:2] == b"\0\1"

    def test_so_is_ob_in_the_path(self) -> None:
        w, edge = one("sip:10.0.0.11")
        edge.headers = [("Path", "<sip:two@10.0.0.12;lr>, <sip:token@10.0.0.11;lr;ob>")]
        w.start()
        assert edge.peer.raw[-1][:2] == b"\0\1"

    @pytest.mark.parametrize("uri", ["sip:10.0.0.11", "sip:10.0.0.11;keep=crlf"])
    def test_without_any_there_is_no_stun(self, uri: str) -> None:
        w, edge = one(uri)
        edge.headers = []
        w.start()
        w.advance(300)
        assert len(edge.peer.raw) == 1


class TestTheEnd:
    def test_unregistered_over_the_flow(self) -> None:
        w, edge = registered()
        done = w.stop()
        assert edge.last.expires == 0
        assert edge.last.contacts[0].param("reg-id") == "1"
        assert w.told == [Unregistered(1, EDGE)]
        assert (done, edge.peer.closed) == ([w.now], True)
        w.advance(7200)
        assert len(edge.registers) == 2
        assert w.endpoint.next_timer() is None

    def test_with_credentials(self) -> None:
        w, edge = one(accounts=(Account("alice", "secret"),))
        edge.reaction = challenge("one")
        w.start()
        edge.reaction = challenge("two")
        w.stop()
        assert [each.expires for each in edge.registers] == [3600, 3600, 0, 0]
        assert isinstance(w.told[-1], Unregistered)

    def test_a_refusal_ends_it_too(self) -> None:
        w, edge = registered()
        edge.reaction = refuse(403)
        assert w.stop() == [w.now]
        assert (w.told, edge.peer.closed) == ([], True)

    def test_silence_has_its_limit(self) -> None:
        w, edge = registered()
        edge.reaction = None
        began = w.now
        done = w.stop()
        w.advance(3.9)
        assert done == []
        w.advance(0.2)
        assert done == [began + 4]
        w.advance(100)
        assert len(done) == 1
        assert edge.peer.closed

    def test_what_may_have_been_registered_is_taken_back(self) -> None:
        w, edge = one()
        edge.reaction = None
        w.start()
        edge.reaction = grant
        edge.answered = 1
        w.stop()
        assert [each.expires for each in edge.registers] == [3600, 0]
        assert w.told == []

    def test_what_cannot_have_been_is_not(self) -> None:
        w, edge = one()
        edge.peer.accepting = None
        w.start()
        assert w.stop() == [w.now]
        w.accept(edge.peer, w.connects[0])
        assert edge.registers == []
        assert edge.peer.closed

    def test_nor_over_a_flow_that_is_gone(self) -> None:
        w, edge = registered()
        edge.peer.close()
        assert w.stop() == [w.now]
        w.advance(7200)
        assert len(edge.registers) == 1
