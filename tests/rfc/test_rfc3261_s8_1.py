"""RFC 3261 §8.1: how a user agent makes and sends requests, and what it does on responses."""

from __future__ import annotations

import pytest
from tests.harness import Peer
from tests.unit.ua.asking import BOB, EDGES, Asker, Asking, challenge, dialog, redirect
from tests.unit.ua.support import Solo

from ringway.auth import Account
from ringway.codes import Source
from ringway.message import Request
from ringway.ua.settings import RedirectPolicy


def last(peer: Peer) -> Request:
    request = peer.last
    assert isinstance(request, Request)
    return request


class TestSection8_1_1GeneratingTheRequest:
    def send(self, **settings: str) -> Request:
        """Let an agent send a request outside a dialog."""
        s = Solo(**settings)
        bob = s.peer("udp", "10.0.0.2")
        s.agent.send("OPTIONS", "sip:bob@10.0.0.2", s.now, Asker())
        s.pump()
        return last(bob)

    @pytest.mark.clause("RFC3261-8.1.1-1", "RFC3261-8.1.1.6-1", "RFC3261-8.1.1.7-1")
    def test_the_six_header_fields(self) -> None:
        request = self.send()
        for name in ("to", "from", "cseq", "call-id", "max-forwards", "via"):
            assert len(request.values(name)) == 1, name

    @pytest.mark.clause("RFC3261-8.1.1.1-1", "RFC3261-8.1.1.2-1", "RFC3261-8.1.1.2-3")
    def test_the_request_uri_is_that_of_the_to_which_has_no_tag(self) -> None:
        request = self.send()
        assert request.uri_text == request.to.uri_text == "sip:bob@10.0.0.2"
        assert request.to_tag == ""

    @pytest.mark.clause("RFC3261-8.1.1.3-1")
    def test_from_names_the_user_and_not_the_machine(self) -> None:
        assert self.send().from_.uri_text == "sip:alice@example.com"

    @pytest.mark.clause("RFC3261-8.1.1.9-1", "RFC3261-8.1.1.9-2", "RFC5626-4.3-1")
    def test_supported_names_extensions_of_the_standards_track(self) -> None:
        s = Solo()
        s.call()
        supported = set(last(s.bob).supported)
        assert supported == {"100rel", "outbound", "replaces", "timer"}

    @pytest.mark.clause("RFC3261-8.1.1.8-2", "RFC3261-12.1.2-1")
    def test_the_contact_works_outside_the_dialog(self) -> None:
        s = Solo()
        s.call()
        (contact,) = last(s.bob).contacts
        s.bob.request("OPTIONS", str(contact.uri))
        assert s.bob.statuses == [200]

    @pytest.mark.clause(
        "RFC3261-8.1.1.1-2", "RFC3261-8.1.1.1-3", "RFC3261-8.1.2-6", "RFC3261-8.1.2-7"
    )
    def test_a_pre_loaded_route_is_followed(self) -> None:
        w = Asking("sip:10.0.0.9", registers=False)
        proxy = w.edges[0].peer
        w.ask()
        assert last(proxy).get("route") == "<sip:10.0.0.9;lr>"
        assert last(proxy).uri_text == BOB

    @pytest.mark.clause("RFC3261-8.1.1.3-3", "RFC3261-8.1.1.4-3")
    def test_a_new_tag_and_call_id_each_time(self) -> None:
        s = Solo()
        bob = s.peer("udp", "10.0.0.2")
        for _ in range(2):
            s.agent.send("OPTIONS", "sip:bob@10.0.0.2", s.now, Asker())
            s.pump()
        one, two = bob.requests
        assert one.from_tag != two.from_tag
        assert "" not in {one.from_tag, two.from_tag}
        assert one.call_id != two.call_id

    @pytest.mark.clause("RFC3261-8.1.1.5-1", "RFC3261-8.1.1.5-2", "RFC3261-8.1.1.5-3")
    def test_the_cseq_names_the_method(self) -> None:
        cseq = self.send().cseq
        assert cseq.method == "OPTIONS"
        assert 0 <= cseq.number < 2**31

    @pytest.mark.clause("RFC3261-8.1.1.6-2")
    def test_seventy_hops(self) -> None:
        assert self.send().max_forwards == 70

    @pytest.mark.clause(
        "RFC3261-8.1.1.7-2", "RFC3261-8.1.1.7-3", "RFC3261-8.1.1.7-4", "RFC3261-8.1.1.7-5"
    )
    def test_the_branch_begins_with_the_cookie_and_is_new_each_time(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2", "10.0.0.3")
        other = w.udp_peer("10.0.0.3")
        w.ask()
        challenge(bob)
        bob.unreachable()
        challenge(other, nonce="other")
        w.ask()
        sent = [each for each in (*bob.requests, *other.requests) if each.method == "INVITE"]
        vias = [each.top_via for each in sent]
        assert all(via.branch.startswith("z9hG4bK") for via in vias)
        assert len({via.branch for via in vias}) == len(vias) >= 4
        assert {via.protocol for via in vias} == {"SIP/2.0"}

    @pytest.mark.clause("RFC3261-8.1.1.8-1", "RFC3261-8.1.1.8-3")
    @pytest.mark.parametrize("scheme", ["sip", "sips"])
    def test_one_contact_that_is_as_secure_as_the_request_uri(self, scheme: str) -> None:
        w = Asking("sips:10.0.0.11", listeners=("tls",))
        edge = w.edges[0].peer
        w.ask(uri=f"{scheme}:bob@bob.example", forms_dialog=True)
        (contact,) = last(edge).contacts
        assert contact.uri.secure

    @pytest.mark.clause("RFC3261-8.1.1.8-1")
    def test_a_plain_one_for_a_plain_uri(self) -> None:
        w = Asking()
        w.server("bob.example", "10.0.0.2")
        w.ask(forms_dialog=True)
        (contact,) = last(w.udp_peer("10.0.0.2")).contacts
        assert contact.uri.scheme == "sip"


class TestSection8_1_2SendingTheRequest:
    @pytest.mark.clause("RFC3261-8.1.2-1", "RFC3261-8.1.2-3", "RFC3261-8.1.2-8")
    def test_to_the_first_route_or_else_to_the_request_uri(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        proxy = w.peer("udp", "10.0.0.9")
        w.ask()
        w.ask(headers=(("Route", "<sip:10.0.0.9;lr>"), ("Route", "<sip:bob.example;lr>")))
        assert (bob.methods, proxy.methods) == (["INVITE"], ["INVITE"])

    @pytest.mark.clause("RFC3261-8.1.2-2")
    def test_a_strict_router_is_found_by_the_request_uri(self) -> None:
        w = Asking()
        strict = w.peer("udp", "10.0.0.9")
        w.ask("INFO", dialog=dialog("sip:bob@10.0.0.2", "<sip:10.0.0.9>", "<sip:far.example;lr>"))
        request = last(strict)
        assert request.uri_text == "sip:10.0.0.9"
        assert request.values("route") == ("<sip:far.example;lr>", "<sip:bob@10.0.0.2>")

    @pytest.mark.clause("RFC3261-8.1.2-4", "RFC3261-8.1.1.2-2")
    def test_sips_is_secure_on_whatever_way(self) -> None:
        w = Asking(listeners=("udp", "tls"))
        plain, secure = w.peer("udp", "10.0.0.9"), w.peer("tls", "10.0.0.9", 5061)
        w.ask(uri="sips:bob@bob.example", headers=(("Route", "<sip:10.0.0.9;lr>"),))
        assert (plain.methods, secure.methods) == ([], ["INVITE"])

    @pytest.mark.clause("RFC3261-8.1.2-4")
    def test_sips_takes_no_insecure_flow(self) -> None:
        w = Asking(*EDGES)
        _, asker = w.ask(uri="sips:bob@bob.example")
        assert (asker.failure.status, asker.failure.source) == (503, Source.TRANSPORT)
        assert [edge.peer.requests for edge in w.edges] == [[], []]

    @pytest.mark.clause("RFC3261-8.1.2-10", "RFC3261-8.1.2-11")
    def test_each_address_in_turn_each_in_a_transaction_of_its_own(self) -> None:
        w = Asking()
        w.server("bob.example", "10.0.0.2", "10.0.0.3")
        _, asker = w.ask()
        w.udp_peer("10.0.0.2").unreachable()
        one, two = (last(w.udp_peer(host)) for host in ("10.0.0.2", "10.0.0.3"))
        assert one.top_via.branch != two.top_via.branch
        assert asker.failures == []


class TestSection8_1_3_1TransactionLayerErrors:
    @pytest.mark.clause("RFC3261-8.1.3.1-1")
    def test_a_timeout_counts_as_408(self) -> None:
        w = Asking()
        w.server("bob.example", "10.0.0.2")
        _, asker = w.ask()
        w.advance(32)
        assert (asker.failure.status, asker.failure.source) == (408, Source.TIMER)

    @pytest.mark.clause("RFC3261-8.1.3.1-2")
    def test_a_transport_error_counts_as_503(self) -> None:
        w = Asking()
        w.server("bob.example", "10.0.0.2")
        _, asker = w.ask()
        w.udp_peer("10.0.0.2").unreachable()
        assert (asker.failure.status, asker.failure.source) == (503, Source.TRANSPORT)


class TestSection8_1_3_2UnrecognizedResponses:
    @pytest.mark.clause("RFC3261-8.1.3.2-1", "RFC3261-8.1.3.2-2")
    @pytest.mark.parametrize(("status", "like"), [(431, 400), (599, 500), (699, 600), (303, 300)])
    def test_a_final_one_is_read_as_x00(self, status: int, like: int) -> None:
        whys: list[tuple[str, int]] = []
        for each in (status, like):
            w = Asking(redirects=RedirectPolicy(domains=()))
            bob = w.server("bob.example", "10.0.0.2")
            _, asker = w.ask()
            redirect(bob, "sip:carol@c.example", status=each)
            whys.append((asker.failure.why, len(bob.requests)))
        assert whys[0] == whys[1]

    @pytest.mark.clause("RFC3261-8.1.3.2-1")
    def test_an_unknown_redirect_is_followed(self) -> None:
        w = Asking()
        bob, carol = w.server("bob.example", "10.0.0.2"), w.server("c.example", "10.0.0.3")
        w.ask()
        redirect(bob, "sip:carol@c.example", status=399)
        assert carol.methods == ["INVITE"]

    @pytest.mark.clause("RFC3261-8.1.3.2-4")
    def test_100_and_183(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        _, asker = w.ask()
        bob.answer(bob.last, 100)
        bob.answer(bob.last, 183)
        assert asker.provisionals == [100, 183]

    @pytest.mark.clause("RFC3261-8.1.3.2-3")
    def test_a_provisional_one_is_progress(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        _, asker = w.ask()
        bob.answer(bob.last, 187)
        assert asker.provisionals == [187]


class TestSection8_1_3_3Vias:
    @pytest.mark.clause("RFC3261-8.1.3.3-1")
    @pytest.mark.parametrize("status", [180, 200])
    def test_a_response_with_a_second_via_is_dropped(self, status: int) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        _, asker = w.ask()
        draft = last(bob).edit()
        draft.append("Via", "SIP/2.0/UDP other.example;branch=z9hG4bKx")
        bob.answer(draft.build(), status)
        assert (asker.provisionals, asker.answers) == ([], [])


class TestSection8_1_3_4Processing3xxResponses:
    def world(self, *, downgrade: bool = False) -> tuple[Asking, Peer, Peer, Peer]:
        w = Asking(
            redirects=RedirectPolicy(downgrade=downgrade),
            listeners=("udp", "tls"),
            accounts=(Account("alice", "secret", "example.com"),),
        )
        names = (("bob.example", "10.0.0.2"), ("c.example", "10.0.0.3"), ("d.example", "10.0.0.4"))
        bob, carol, dora = (w.server(*each) for each in names)
        return w, bob, carol, dora

    @pytest.mark.clause("RFC3261-8.1.3.4-1", "RFC3261-8.1.3.4-5")
    def test_the_contacts_are_tried_by_q(self) -> None:
        w, bob, carol, dora = self.world()
        w.ask()
        redirect(bob, "<sip:carol@c.example>;q=0.3", "<sip:dora@d.example>;q=0.9")
        assert (carol.methods, dora.methods) == ([], ["INVITE"])
        dora.answer(dora.last, 404)
        assert carol.methods == ["INVITE"]

    @pytest.mark.clause("RFC3261-8.1.3.4-2")
    def test_no_uri_twice(self) -> None:
        w, bob, carol, _ = self.world()
        _, asker = w.ask()
        redirect(bob, "sip:carol@c.example", BOB)
        redirect(carol, "sip:carol@c.example", BOB)
        assert asker.failure.status == 302
        assert [peer.methods for peer in (bob, carol)] == [["INVITE", "ACK"], ["INVITE", "ACK"]]

    @pytest.mark.clause("RFC3261-8.1.3.4-3")
    def test_the_user_is_told_of_a_way_that_is_not_secure(self) -> None:
        w, _, carol, _ = self.world(downgrade=True)
        bob = w.server("bob.example", "10.0.0.2", transport="tls")
        _, asker = w.ask(uri="sips:bob@bob.example")
        redirect(bob, "sip:carol@c.example")
        assert carol.methods == ["INVITE"]
        assert asker.redirects[0].insecure

    @pytest.mark.clause("RFC3261-8.1.3.4-4", "RFC3261-8.1.3.4-5")
    def test_when_the_list_is_exhausted_the_request_has_failed(self) -> None:
        w, bob, carol, dora = self.world()
        _, asker = w.ask()
        redirect(bob, "sip:carol@c.example", "sip:dora@d.example")
        carol.answer(carol.last, 480)
        assert asker.failures == []
        dora.unreachable()
        assert asker.failure.status == 480

    @pytest.mark.clause("RFC3261-8.1.3.4-4")
    def test_a_challenge_is_no_failure_of_the_contact(self) -> None:
        w, bob, carol, dora = self.world()
        w.ask()
        redirect(bob, "sip:carol@c.example", "sip:dora@d.example")
        challenge(carol)
        assert carol.methods == ["INVITE", "ACK", "INVITE"]
        assert dora.methods == []

    @pytest.mark.clause("RFC3261-8.1.3.4-6", "RFC3261-8.1.3.4-7")
    def test_the_entire_uri_but_for_method_and_headers(self) -> None:
        w, bob, carol, _ = self.world()
        w.ask(headers=(("Subject", "old"), ("Call-Info", "<http://a.example>")))
        redirect(
            bob,
            "sip:carol@c.example;method=BYE;user=phone;x=1"
            "?Subject=foo&Call-Info=%3Chttp://www.foo.com%3E&Route=%3Csip:evil.example%3E",
        )
        request = last(carol)
        assert request.uri_text == "sip:carol@c.example;user=phone;x=1"
        assert request.method == "INVITE"
        assert request.values("subject") == ("foo",)
        assert request.values("call-info") == ("<http://a.example>", "<http://www.foo.com>")
        assert not request.has("route")

    @pytest.mark.clause("RFC3261-8.1.3.4-8", "RFC3261-8.1.3.4-9", "RFC3261-8.1.3.4-10")
    def test_what_is_used_again_and_what_is_new(self) -> None:
        w, bob, carol, _ = self.world()
        w.ask(headers=(("Priority", "urgent"),), body=b"offer", content_type="application/sdp")
        one = redirect(bob, "sip:carol@c.example")
        two = last(carol)
        for name in ("to", "from", "call-id", "priority", "content-type", "max-forwards"):
            assert one.get(name) == two.get(name), name
        assert one.body == two.body
        assert two.cseq.number == one.cseq.number + 1
        assert two.top_via.branch != one.top_via.branch


class TestSection8_1_3_5Processing4xxResponses:
    @pytest.mark.clause("RFC3261-8.1.3.5-1")
    @pytest.mark.parametrize("status", [401, 407])
    def test_a_challenge_is_answered(self, status: int) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        w.ask()
        name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
        bob.answer(bob.last, status, headers=[(name, 'Digest realm="r", nonce="n"')])
        again = last(bob)
        assert again.has("authorization" if status == 401 else "proxy-authorization")
        assert again.cseq.number == 2

    @pytest.mark.clause("RFC3261-8.1.3.5-4")
    def test_416_with_a_sip_uri(self) -> None:
        w = Asking("sip:10.0.0.9", registers=False)
        proxy = w.edges[0].peer
        w.ask(uri="tel:+123")
        proxy.answer(proxy.last, 416)
        assert last(proxy).uri_text == "sip:+123@example.com;user=phone"

    @pytest.mark.clause(
        "RFC3261-8.1.3.5-5", "RFC3261-8.1.3.5-6", "RFC3261-8.1.3.5-7", "RFC3261-8.1.1.9-3"
    )
    def test_420_without_the_extensions_that_are_not_supported(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        w.ask(headers=(("Require", "100rel, foo"), ("Proxy-Require", "foo")))
        one = last(bob)
        bob.answer(one, 420, headers=[("Unsupported", "foo")])
        two = last(bob)
        assert two.require == ("100rel",)
        assert two.proxy_require == ()
        for name in ("call-id", "to", "from"):
            assert one.get(name) == two.get(name)
        assert (one.cseq.number, two.cseq.number) == (1, 2)

    @pytest.mark.clause("RFC3261 8.1.3.5")
    @pytest.mark.parametrize(
        ("status", "name", "value"), [(413, "Retry-After", "9"), (415, "Accept", "text/plain")]
    )
    def test_another_body_only_the_application_can_make(
        self, status: int, name: str, value: str
    ) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        _, asker = w.ask(body=b"x", content_type="x/y")
        bob.answer(bob.last, status, headers=[(name, value)])
        assert asker.failure.response is not None
        assert asker.failure.response.get(name) == value
