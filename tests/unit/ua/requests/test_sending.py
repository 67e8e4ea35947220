"""One request through challenges, servers, flows and redirects."""

from __future__ import annotations

from typing import Any

import pytest
from tests.harness import Headers, Peer
from tests.unit.ua.asking import BOB, EDGES, Asker, Asking, challenge, contacts, dialog, redirect

from ringway.auth import Account
from ringway.codes import Source
from ringway.endpoint import Kind, Timers
from ringway.errors import ParseError
from ringway.explain import StoryTeller
from ringway.message import NameAddr, Request, Response, parse_uri
from ringway.transport.flow import NextHop
from ringway.ua.events import MovedPermanently
from ringway.ua.requests.sending import Sending
from ringway.ua.settings import RedirectPolicy

T1_64 = 64 * Timers().t1


def last(peer: Peer) -> Request:
    request = peer.last
    assert isinstance(request, Request)
    return request


def summary(request: Request) -> tuple[str, str, str, str]:
    """Return what a redirected request keeps."""
    return request.call_id, request.from_tag, request.to_tag, request.get("to") or ""


class TestAnswers:
    def test_a_2xx(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        sending, asker = w.ask()
        bob.answer(bob.last, 180)
        bob.answer(bob.last, 200)
        assert asker.provisionals == [180]
        ((request, response, flow),) = asker.answers
        assert (response.status, flow) == (200, bob.flow)
        assert request is sending.request
        assert not request.has("via")
        assert (sending.flow, sending.slot) == (bob.flow, None)
        assert asker.failures == []

    def test_each_fork_and_each_repeat(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        _, asker = w.ask()
        for tag in ("one", "one", "two"):
            bob.answer(bob.last, 200, to_tag=tag)
        bob.answer(bob.last, 180, to_tag="three")
        assert [response.to_tag for _, response, _ in asker.answers] == ["one", "one", "two"]
        assert asker.provisionals == []

    def test_a_failure(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        _, asker = w.ask()
        bob.answer(bob.last, 486, headers=[("Retry-After", "60 (lunch)")])
        failure = asker.failure
        assert (failure.status, failure.source) == (486, Source.RECEIVED)
        assert failure.text == f"{BOB} answered 486 Busy Here"
        assert "§20.33" in failure.why
        assert failure.retry_after == 60
        assert failure.response is not None
        assert bob.methods[-1] == "ACK"

    def test_a_failure_without_a_phrase_or_a_sound_retry_after(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        _, asker = w.ask()
        response = bob.answer  # the peer's, with the table's phrase
        request = last(bob)
        bob.send(
            response(request, 100)
            .to_bytes()
            .replace(b"100 Trying", b"486 ")
            .replace(b"\r\n\r\n", b"\r\nRetry-After: soon\r\n\r\n")
        )
        assert asker.failure.text.endswith("486 Busy Here")
        assert asker.failure.retry_after is None

    def test_silence(self) -> None:
        w = Asking()
        w.server("bob.example", "10.0.0.2")
        _, asker = w.ask()
        w.advance(T1_64)
        assert (asker.failure.status, asker.failure.source) == (408, Source.TIMER)
        assert asker.failure.text.startswith(f"{BOB} did not answer")

    def test_nowhere_to_send_to(self) -> None:
        w = Asking()
        _, asker = w.ask()
        failure = asker.failure
        assert (failure.status, failure.source) == (503, Source.TRANSPORT)
        assert failure.text == "DNS names no server for bob.example"

    def test_what_is_no_uri_is_refused(self) -> None:
        with pytest.raises(ParseError):
            Asking().ask(uri="nobody")

    def test_a_response_for_somebody_else_is_no_answer(self) -> None:
        """RFC 3261 §8.1.3.3."""
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        _, asker = w.ask()
        misled(bob, 180)
        assert (asker.provisionals, asker.answers, asker.failures) == ([], [], [])

    @pytest.mark.parametrize(
        ("status", "servers"), [(200, ("10.0.0.2", "10.0.0.3")), (404, ("10.0.0.2",))]
    )
    def test_a_final_one_ends_the_request_all_the_same(
        self, status: int, servers: tuple[str, ...]
    ) -> None:
        w = Asking()
        bob = w.server("bob.example", *servers)
        _, asker = w.ask()
        misled(bob, status)
        assert (asker.failure.status, asker.failure.source) == (503, Source.TRANSPORT)
        assert "somebody else" in asker.failure.text


def misled(peer: Peer, status: int) -> None:
    """Answer with a second Via."""
    request = last(peer)
    draft = request.edit()
    draft.append("Via", "SIP/2.0/UDP other.example;branch=z9hG4bKx")
    peer.answer(draft.build(), status)


class TestChallenges:
    def test_it_is_answered(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        _, asker = w.ask(headers=(("Authorization", "Bearer old"), ("Subject", "s")))
        first = last(bob)
        challenge(bob)
        second = last(bob)
        assert second.cseq.number == first.cseq.number + 1
        assert second.top_via.branch != first.top_via.branch
        assert summary(second) == summary(first)
        assert second.get("subject") == "s"
        (credentials,) = second.values("authorization")
        assert 'username="alice"' in credentials
        bob.answer(second, 200)
        assert asker.failures == []

    def test_not_twice(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        _, asker = w.ask()
        challenge(bob)
        challenge(bob, nonce="m")
        assert asker.failure.status == 401

    def test_not_without_end(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        _, asker = w.ask()
        for number in range(20):
            if asker.failures:
                break
            challenge(bob, nonce=f"n{number}", stale="true")
        assert asker.failure.status == 401
        assert last(bob).cseq.number == 9

    @pytest.mark.parametrize("how", [{"credentials": False}, {"accounts": ()}])
    def test_not_at_all(self, how: dict[str, Any]) -> None:
        w = Asking(**{key: value for key, value in how.items() if key == "accounts"})
        bob = w.server("bob.example", "10.0.0.2")
        _, asker = w.ask(credentials=how.get("credentials", True))
        challenge(bob)
        assert asker.failure.status == 401

    def test_what_is_known_is_given_at_once(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        first, _ = w.ask()
        challenge(bob)
        bob.answer(bob.last, 200)
        w.ask("OPTIONS", previous=first.request)
        assert "nc=00000002" in (last(bob).get("authorization") or "")
        w.ask("OPTIONS", previous=first.request, credentials=False)
        assert not last(bob).has("authorization")

    def test_whoever_calls_us_learns_nothing_of_our_password(self) -> None:
        """A caller who challenges our BYE wants something to guess it from."""
        w = Asking()
        mallory = w.peer("udp", "10.0.0.2")
        call = dialog("sip:mallory@10.0.0.2")
        call.caller = False
        _, asker = w.ask("BYE", dialog=call)
        challenge(mallory)
        assert asker.failure.status == 401
        assert not any(each.has("authorization") for each in mallory.requests)

    @pytest.mark.parametrize("realm", ["example.com", "evil.example"])
    def test_nor_does_the_end_of_a_redirect(self, realm: str) -> None:
        w = Asking()
        bob, mallory = w.server("bob.example", "10.0.0.2"), w.server("evil.example", "10.0.0.3")
        _, asker = w.ask()
        redirect(bob, "sip:bob@evil.example")
        challenge(mallory, realm)
        assert asker.failure.status == 401
        assert not any(each.has("authorization") for each in mallory.requests)

    def test_a_redirect_within_our_own_domain_is_no_stranger(self) -> None:
        w = Asking()
        bob, home = w.server("bob.example", "10.0.0.2"), w.server("example.com", "10.0.0.3")
        w.ask()
        redirect(bob, "sip:carol@example.com")
        challenge(home)
        assert last(home).has("authorization")

    def test_within_a_dialog(self) -> None:
        w = Asking()
        bob = w.peer("udp", "10.0.0.2")
        call = dialog("sip:bob@10.0.0.2")
        _, asker = w.ask("BYE", dialog=call)
        challenge(bob)
        assert [each.cseq.number for each in bob.requests] == [8, 9]
        assert last(bob).has("authorization")
        bob.answer(bob.last, 200)
        assert asker.answers


class TestCorrections:
    def test_it_is_corrected(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        _, asker = w.ask(headers=(("Require", "foo"), ("Subject", "s")))
        first = last(bob)
        challenge(bob)
        bob.answer(bob.last, 420, headers=[("Unsupported", "foo")])
        third = last(bob)
        assert third.cseq.number == 3
        assert summary(third) == summary(first)
        assert not third.has("require")
        assert "nc=00000002" in (third.get("authorization") or "")
        bob.answer(third, 200)
        assert asker.failures == []

    def test_with_another_uri(self) -> None:
        w = Asking()
        gateway = w.server("example.com", "10.0.0.3")
        w.dns[""] = w.dns["example.com"]  # whatever takes a number
        _, asker = w.ask(uri="tel:+123")
        gateway.answer(gateway.last, 416)
        assert last(gateway).uri_text == "sip:+123@example.com;user=phone"
        gateway.answer(gateway.last, 416)
        assert asker.failure.status == 416

    def test_not_without_end(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        _, asker = w.ask(headers=(("Expires", "1"),))
        for number in range(2, 20):
            if not asker.failures:
                bob.answer(bob.last, 423, headers=[("Min-Expires", str(number))])
        assert asker.failure.status == 423
        assert last(bob).cseq.number == 9


class TestServers:
    """RFC 3263 §4.3."""

    @pytest.mark.parametrize("how", ["503", "icmp", "timeout"])
    def test_the_next_one(self, how: str) -> None:
        w = Asking()
        first = w.server("bob.example", "10.0.0.2", "10.0.0.3")
        second = w.udp_peer("10.0.0.3")
        _, asker = w.ask(forms_dialog=True)
        sent = last(first)
        if how == "503":
            first.answer(sent, 503)
        elif how == "icmp":
            first.unreachable()
        else:
            w.advance(T1_64)
        again = last(second)
        assert again.top_via.branch != sent.top_via.branch
        assert again.cseq == sent.cseq
        assert summary(again) == summary(sent)
        second.answer(again, 200)
        assert asker.failures == []

    def test_the_contact_names_the_transport_of_each(self) -> None:
        w = Asking()
        w.server("bob.example", "10.0.0.2")
        tcp = w.peer("tcp", "10.0.0.3")
        w.dns["bob.example"].append(NextHop("tcp", tcp.address, "bob.example"))
        w.ask(forms_dialog=True)
        w.udp_peer("10.0.0.2").unreachable()
        assert "transport=tcp" in (last(tcp).get("contact") or "")

    def test_a_proxy_is_left_alone_for_a_minute_while_there_is_another(self) -> None:
        """It may only pass on what somebody behind it says: that must not silence all."""
        w = Asking(*EDGES)
        one, two = (edge.peer for edge in w.edges)
        _, asker = w.ask()
        one.answer(one.last, 503, headers=[("Retry-After", "3600")])
        two.answer(two.last, 503, headers=[("Retry-After", "3600")])
        assert asker.failure.status == 503
        one.take(), two.take()
        w.ask("MESSAGE")
        assert (one.methods, two.methods) == ([], ["MESSAGE"])
        two.answer(two.last, 200)
        w.advance(60)
        one.take(), two.take()
        w.ask("OPTIONS")
        assert [each for each in one.methods if each != "REGISTER"] == ["OPTIONS"]

    def test_the_only_proxy_is_never_left_alone(self) -> None:
        w = Asking(EDGES[0])
        one = w.edges[0].peer
        w.ask()
        one.answer(one.last, 503, headers=[("Retry-After", "3600")])
        one.take()
        w.ask("MESSAGE")
        assert one.methods == ["MESSAGE"]

    def test_not_once_it_has_rung(self) -> None:
        w = Asking()
        first = w.server("bob.example", "10.0.0.2", "10.0.0.3")
        _, asker = w.ask()
        first.answer(first.last, 180)
        first.unreachable()
        assert (asker.failure.status, asker.failure.source) == (503, Source.TRANSPORT)
        assert w.udp_peer("10.0.0.3").received == []

    def test_not_where_a_request_was_taken_but_not_answered(self) -> None:
        w = Asking()
        first = w.server("bob.example", "10.0.0.2", "10.0.0.3")
        _, asker = w.ask("OPTIONS")
        first.answer(first.last, 100)
        w.advance(T1_64)
        assert asker.failure.status == 408
        assert w.udp_peer("10.0.0.3").received == []

    def test_any_other_answer_is_final(self) -> None:
        w = Asking()
        first = w.server("bob.example", "10.0.0.2", "10.0.0.3")
        _, asker = w.ask()
        first.answer(first.last, 500)
        assert asker.failure.status == 500

    def test_the_last_failure_counts(self) -> None:
        w = Asking()
        w.server("bob.example", "10.0.0.2", "10.0.0.3")
        _, asker = w.ask()
        w.udp_peer("10.0.0.2").unreachable()
        w.udp_peer("10.0.0.3").answer(w.udp_peer("10.0.0.3").last, 503)
        assert (asker.failure.status, asker.failure.source) == (503, Source.RECEIVED)

    def test_within_a_dialog_it_is_the_very_same_request(self) -> None:
        w = Asking()
        w.server("bob.example", "10.0.0.2", "10.0.0.3")
        w.ask("BYE", dialog=dialog(BOB))
        w.udp_peer("10.0.0.2").unreachable()
        assert last(w.udp_peer("10.0.0.3")).cseq.number == 8


class TestResting:
    """RFC 3261 §21.5.4."""

    def test_no_request_goes_to_it_for_that_time(self) -> None:
        w = Asking()
        first = w.server("bob.example", "10.0.0.2", "10.0.0.3")
        second = w.udp_peer("10.0.0.3")
        w.ask()
        first.answer(first.last, 503, headers=[("Retry-After", "30")])
        first.take()
        w.ask("MESSAGE")
        assert (first.methods, second.methods) == ([], ["INVITE", "MESSAGE"])
        w.advance(30)
        first.take()
        w.ask("OPTIONS")
        assert first.methods == ["OPTIONS"]

    def test_when_all_rest_it_fails_and_says_how_long(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        w.ask()
        bob.answer(bob.last, 503, headers=[("Retry-After", "30")])
        w.advance(4.5)
        _, asker = w.ask()
        assert asker.failure.status == 503
        assert asker.failure.retry_after == 26
        assert "left alone" in asker.failure.text

    def test_no_server_can_ask_for_a_year(self) -> None:
        w = Asking(max_wait=100.0)
        bob = w.server("bob.example", "10.0.0.2")
        w.ask()
        bob.answer(bob.last, 503, headers=[("Retry-After", "31536000")])
        w.advance(100)
        bob.take()
        w.ask("OPTIONS")
        assert bob.methods == ["OPTIONS"]

    @pytest.mark.parametrize("status", [500, 480, 404])
    def test_other_answers_speak_of_the_request_only(self, status: int) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        w.ask()
        bob.answer(bob.last, status, headers=[("Retry-After", "30")])
        _, asker = w.ask("OPTIONS")
        assert asker.failures == []

    def test_a_dialog_has_no_other_server(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2", "10.0.0.3")
        w.ask()
        bob.answer(bob.last, 503, headers=[("Retry-After", "30")])
        bob.take()
        w.dns["bob.example"].pop()
        w.ask("BYE", dialog=dialog(BOB))
        assert bob.methods == ["BYE"]


class TestFlows:
    """RFC 5626 §4.3."""

    def test_over_the_first_flow(self) -> None:
        w = Asking(*EDGES)
        sending, _ = w.ask(forms_dialog=True)
        request = last(w.edges[0].peer)
        assert request.get("route") == "<sip:10.0.0.11;transport=tcp;lr>"
        assert ";ob" in (request.get("contact") or "")
        assert sending.slot is w.slots[0]
        assert sending.flow == w.slots[0].flow

    @pytest.mark.parametrize("how", ["closed", "430", "503"])
    def test_over_the_next(self, how: str) -> None:
        w = Asking(*EDGES)
        sending, asker = w.ask()
        one, two = (edge.peer for edge in w.edges)
        sent = last(one)
        if how == "closed":
            one.close()
        else:
            one.answer(sent, int(how))
        again = last(two)
        assert again.cseq == sent.cseq
        assert again.get("route") == "<sip:10.0.0.12;transport=tcp;lr>"
        assert sending.slot is w.slots[1]
        two.answer(again, 200)
        assert asker.failures == []

    def test_not_once_it_has_rung(self) -> None:
        w = Asking(*EDGES)
        _, asker = w.ask()
        one, two = (edge.peer for edge in w.edges)
        one.answer(one.last, 180)
        one.close()
        assert (asker.failure.status, asker.failure.source) == (503, Source.TRANSPORT)
        assert two.received == []

    def test_a_430_after_it_has_rung_is_a_word(self) -> None:
        """Whoever rang does not serve it: so says the edge."""
        w = Asking(*EDGES)
        w.ask()
        one, two = (edge.peer for edge in w.edges)
        one.answer(one.last, 180)
        one.answer(one.last, 430)
        assert two.methods == ["INVITE"]

    def test_when_none_is_left(self) -> None:
        w = Asking(*EDGES)
        _, asker = w.ask()
        w.edges[0].peer.answer(w.edges[0].peer.last, 430)
        w.edges[1].peer.answer(w.edges[1].peer.last, 430)
        assert asker.failure.status == 430

    def test_an_edge_that_sheds_load_is_left_alone(self) -> None:
        w = Asking(*EDGES)
        w.ask()
        one, two = (edge.peer for edge in w.edges)
        one.answer(one.last, 503, headers=[("Retry-After", "30")])
        one.take()
        _, asker = w.ask("OPTIONS")
        assert (one.methods, two.methods) == ([], ["INVITE", "OPTIONS"])
        two.answer(two.last, 503, headers=[("Retry-After", "20")])
        assert asker.failure.retry_after == 20
        w.ask("OPTIONS")
        assert two.methods == ["INVITE", "OPTIONS", "OPTIONS"]

    def test_a_silent_flow_is_not_given_up(self) -> None:
        w = Asking(*EDGES)
        _, asker = w.ask()
        w.advance(T1_64)
        assert asker.failure.status == 408
        assert w.edges[1].peer.requests == []

    def test_without_a_flow(self) -> None:
        w = Asking(*EDGES)
        for edge in w.edges:
            edge.reaction = None
            edge.peer.close()
        _, asker = w.ask()
        assert asker.failure.text == "no flow to an outbound proxy is registered"


class TestWithinADialog:
    """A call outlives its connection (RFC 3261 §12.2, RFC 5626 §4.5)."""

    ROUTES = ("<sip:token@10.0.0.11;transport=tcp;lr>", "<sip:far.example;lr>")

    def start(self, **how: Any) -> tuple[Asking, Sending, Asker]:
        w = Asking(*EDGES)
        call = dialog("sip:bob@192.0.2.7", *self.ROUTES)
        sending, asker = w.ask("INFO", dialog=call, slot=w.slots[0], **how)
        return w, sending, asker

    def infos(self, w: Asking) -> list[Request]:
        return [each for each in w.edges[0].peer.requests if each.method == "INFO"]

    def test_over_its_own_flow(self) -> None:
        w, sending, _ = self.start()
        (info,) = self.infos(w)
        assert info.values("route") == self.ROUTES
        assert info.uri_text == "sip:bob@192.0.2.7"
        assert sending.flow == w.slots[0].flow

    @pytest.mark.parametrize("how", ["closed", "430"])
    def test_once_more_over_the_flow_that_replaces_it(self, how: str) -> None:
        w, sending, asker = self.start()
        edge = w.edges[0].peer
        before = sending.flow
        if how == "430":
            edge.answer(edge.last, 430)
            assert len(self.infos(w)) == 1
        edge.close()
        w.advance(6)
        first, second = self.infos(w)
        assert second.values("route") == first.values("route") == self.ROUTES
        assert (first.cseq.number, second.cseq.number) == (8, 9)
        assert second.top_via.branch != first.top_via.branch
        assert sending.flow == w.slots[0].flow != before
        edge.answer(second, 200)
        assert asker.failures == []
        assert w.edges[1].peer.requests == []

    def test_not_a_third_time(self) -> None:
        w, _, asker = self.start()
        edge = w.edges[0].peer
        edge.close()
        w.advance(6)
        edge.answer(self.infos(w)[-1], 430)
        assert asker.failure.status == 430
        assert asker.failure.text == "sip:bob@192.0.2.7 answered 430 Flow Failed"

    def test_a_clear_error_when_it_is_not_replaced(self) -> None:
        w, _, asker = self.start()
        w.edges[0].reaction = None
        w.edges[0].peer.close()
        w.advance(31.9)
        assert asker.failures == []
        w.advance(0.2)
        assert (asker.failure.status, asker.failure.source) == (503, Source.TRANSPORT)
        assert asker.failure.text.endswith(
            "its connection is gone, and no other has replaced it within 32 s"
        )

    def test_a_request_made_while_there_is_no_flow_waits(self) -> None:
        w = Asking(*EDGES)
        edge = w.edges[0].peer
        edge.close()
        call = dialog("sip:bob@192.0.2.7", *self.ROUTES)
        _, asker = w.ask("INFO", dialog=call, slot=w.slots[0])
        assert (self.infos(w), asker.failures) == ([], [])
        w.advance(6)
        assert len(self.infos(w)) == 1

    def test_other_failures_are_final(self) -> None:
        w, _, asker = self.start()
        edge = w.edges[0].peer
        edge.answer(edge.last, 481)
        assert asker.failure.status == 481

    def test_a_redirect_keeps_the_route_set(self) -> None:
        w, _, asker = self.start()
        edge = w.edges[0].peer
        redirect(edge, "sip:bob@192.0.2.8")
        request = last(edge)
        assert request.uri_text == "sip:bob@192.0.2.8"
        assert request.values("route") == self.ROUTES
        assert request.cseq.number == 9
        assert request.to_tag == "b"
        assert asker.redirects[0].target == parse_uri("sip:bob@192.0.2.8")

    def test_a_redirect_is_not_remembered(self) -> None:
        w, _, _ = self.start()
        redirect(w.edges[0].peer, "sip:bob@192.0.2.8", headers=[("Expires", "60")])
        assert len(w.services.redirects) == 0

    def test_who_it_is_redirected_to_gets_no_credentials(self) -> None:
        w = Asking()
        bob, other = w.peer("udp", "10.0.0.2"), w.peer("udp", "10.0.0.3")
        call = dialog("sip:bob@10.0.0.2")
        first, _ = w.ask("INFO", dialog=call)
        challenge(bob)
        bob.answer(bob.last, 200)
        w.ask("INFO", dialog=call, previous=first.request)
        assert last(bob).has("authorization")
        redirect(bob, "sip:bob@10.0.0.3")
        assert not last(other).has("authorization")

    def test_without_a_route_set_it_goes_to_the_new_target(self) -> None:
        w = Asking()
        bob, other = w.peer("udp", "10.0.0.2"), w.peer("udp", "10.0.0.3")
        w.ask("INFO", dialog=dialog("sip:bob@10.0.0.2"))
        redirect(bob, "sip:bob@10.0.0.3")
        assert other.methods == ["INFO"]

    def test_a_301_is_no_news_of_an_address(self) -> None:
        w, _, _ = self.start()
        w.take()
        redirect(w.edges[0].peer, "sip:bob@192.0.2.8", status=301)
        assert w.take() == []


class TestRedirects:
    def test_what_stays_and_what_changes(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        carol = w.server("c.example", "10.0.0.3")
        sending, asker = w.ask(headers=(("Subject", "s"),), body=b"v=0", content_type="x/y")
        first = redirect(bob, "sip:carol@c.example")
        second = last(carol)
        assert second.uri_text == "sip:carol@c.example"
        assert summary(second) == summary(first)
        assert (second.to_tag, second.cseq.number) == ("", 2)
        assert second.top_via.branch != first.top_via.branch
        assert (second.get("subject"), second.body) == ("s", b"v=0")
        assert second.get("content-type") == "x/y"
        carol.answer(second, 200)
        assert sending.request is asker.answers[0][0]
        assert w.take() == []  # it has not moved for good
        (event,) = asker.redirects
        assert (event.status, str(event.original)) == (302, BOB)
        assert (str(event.target), event.permanent, event.until) == (
            "sip:carol@c.example",
            False,
            0,
        )

    def test_credentials_and_routes_stay_behind(self) -> None:
        w = Asking()
        proxy = w.server("proxy.example", "10.0.0.9")
        carol = w.server("c.example", "10.0.0.3")
        w.ask(headers=(("Route", "<sip:proxy.example;lr>"), ("Subject", "s")))
        assert last(proxy).get("route") == "<sip:proxy.example;lr>"
        challenge(proxy)
        assert last(proxy).has("authorization")
        redirect(proxy, "sip:carol@c.example")
        request = last(carol)
        assert not any(request.has(name) for name in ("route", "authorization"))
        assert request.get("subject") == "s"

    def test_by_q_until_one_answers(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        a, b, c = (w.server(f"{name}.example", f"10.0.1.{name}") for name in "123")
        _, asker = w.ask()
        redirect(bob, "<sip:x@1.example>;q=0.1", "<sip:x@2.example>", "<sip:x@3.example>;q=0.5")
        b.answer(b.last, 486)
        assert a.received == []
        c.answer(c.last, 404)
        assert last(a).cseq.number == 4
        a.answer(a.last, 200)
        assert asker.failures == []
        assert len(asker.redirects) == 3

    def test_the_best_failure_is_told(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        a, b = (w.server(f"{name}.example", f"10.0.1.{name}") for name in "12")
        _, asker = w.ask()
        redirect(bob, "sip:x@1.example", "sip:x@2.example", "sip:x@nowhere.example")
        a.answer(a.last, 500)
        b.answer(b.last, 486)
        assert asker.failure.status == 486

    def test_a_6xx_speaks_for_all(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        a, b = (w.server(f"{name}.example", f"10.0.1.{name}") for name in "12")
        _, asker = w.ask()
        redirect(bob, "sip:x@1.example", "sip:x@2.example")
        a.answer(a.last, 603)
        assert asker.failure.status == 603
        assert b.received == []

    def test_305_goes_through_the_proxy(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        proxy = w.server("proxy.example", "10.0.0.3")
        _, asker = w.ask()
        redirect(bob, "sip:proxy.example", status=305)
        request = last(proxy)
        assert request.uri_text == BOB
        assert request.get("route") == "<sip:proxy.example;lr>"
        assert str(asker.redirects[0].target) == "sip:proxy.example"

    def test_305_over_a_flow(self) -> None:
        w = Asking(*EDGES)
        edge = w.edges[0].peer
        w.ask()
        redirect(edge, "sip:proxy.example;lr", status=305)
        assert last(edge).values("route") == (
            "<sip:10.0.0.11;transport=tcp;lr>", "<sip:proxy.example;lr>",
        )  # fmt: skip

    def test_over_a_flow(self) -> None:
        w = Asking(*EDGES)
        edge = w.edges[0].peer
        w.ask()
        redirect(edge, "sip:carol@c.example")
        assert last(edge).uri_text == "sip:carol@c.example"
        assert last(edge).get("route") == "<sip:10.0.0.11;transport=tcp;lr>"

    def test_301_is_told(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        w.server("c.example", "10.0.0.3")
        _, asker = w.ask()
        redirect(bob, "sip:carol@c.example", status=301, headers=[("Expires", "60")])
        (event,) = w.take()
        assert isinstance(event, MovedPermanently)
        assert str(event.original) == BOB
        assert [each.uri_text for each in event.contacts] == ["sip:carol@c.example"]
        assert asker.redirects[0].permanent
        bob.take()
        w.ask()
        assert bob.methods == ["INVITE"]  # the application decides what to call

    def test_300_is_followed_and_380_is_not(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        carol = w.server("c.example", "10.0.0.3")
        w.ask()
        redirect(bob, "sip:carol@c.example", status=300)
        assert carol.methods == ["INVITE"]
        _, asker = w.ask()
        redirect(bob, "sip:carol@c.example", status=380)
        assert asker.failure.status == 380

    def test_a_loop_ends(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        carol = w.server("c.example", "10.0.0.3")
        _, asker = w.ask()
        redirect(bob, "sip:carol@c.example")
        redirect(carol, BOB)
        assert asker.failure.status == 302
        assert asker.failure.text.endswith(
            "which is not followed: it leads only to where the request has been"
        )
        assert [each.uri_text for each in asker.failure.contacts] == [BOB]

    @pytest.mark.parametrize("how", ["argument", "settings"])
    def test_nothing_is_followed(self, how: str) -> None:
        policy = RedirectPolicy(follow=how != "settings")
        w = Asking(redirects=policy)
        bob = w.server("bob.example", "10.0.0.2")
        _, asker = w.ask(follow=False if how == "argument" else None)
        redirect(bob, "sip:carol@c.example", "sip:d@c.example")
        assert asker.failure.status == 302
        assert len(asker.failure.contacts) == 2
        assert "redirects are not followed" in asker.failure.text
        assert asker.redirects == []

    def test_a_callback_decides(self) -> None:
        def choose(_: Response, found: tuple[NameAddr, ...]) -> tuple[NameAddr, ...]:
            return found[1:]

        w = Asking(redirects=RedirectPolicy(domains=()))
        bob = w.server("bob.example", "10.0.0.2")
        d = w.server("d.example", "10.0.0.4")
        w.ask(follow=choose)
        redirect(bob, "sip:carol@c.example", "sip:d@d.example")
        assert d.methods == ["INVITE"]

    def test_sips_to_sip_is_told(self) -> None:
        w = Asking(redirects=RedirectPolicy(downgrade=True), listeners=("udp", "tls"))
        bob = w.server("bob.example", "10.0.0.2", transport="tls")
        w.server("c.example", "10.0.0.3")
        _, asker = w.ask(uri="sips:bob@bob.example")
        redirect(bob, "sip:carol@c.example")
        assert asker.redirects[0].insecure

    def test_who_is_told_may_give_up(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        carol = w.server("c.example", "10.0.0.3")
        _, asker = w.ask()
        asker.gives_up = True
        redirect(bob, "sip:carol@c.example")
        assert asker.failure.status == 487
        assert carol.received == []

    def test_who_decides_may_give_up(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        carol = w.server("c.example", "10.0.0.3")
        held: list[Sending] = []

        def choose(_: Response, found: tuple[NameAddr, ...]) -> tuple[NameAddr, ...]:
            held[0].cancel(w.now)
            return found

        sending, asker = w.ask(follow=choose)
        held.append(sending)
        redirect(bob, "sip:carol@c.example")
        assert asker.failure.status == 487
        assert (carol.received, asker.redirects) == ([], [])


class TestMemory:
    """RFC 3261 §21.3.3."""

    def learn(self, headers: Headers = (("Expires", "60"),)) -> tuple[Asking, Peer, Peer]:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        carol = w.server("c.example", "10.0.0.3")
        _, asker = w.ask()
        redirect(bob, "sip:carol@c.example", headers=headers)
        carol.answer(carol.last, 200)
        assert asker.redirects[0].until == (60 if headers else 0)
        for peer in (bob, carol):
            peer.take()
        return w, bob, carol

    def test_for_the_time_it_names(self) -> None:
        w, bob, carol = self.learn()
        _, asker = w.ask()
        assert (bob.methods, carol.methods) == ([], ["INVITE"])
        assert last(carol).cseq.number == 1
        assert (asker.redirects[0].status, asker.redirects[0].until) == (302, 60)
        w.advance(60)
        bob.take()
        w.ask()
        assert bob.methods == ["INVITE"]

    def test_never_without_one(self) -> None:
        w, bob, carol = self.learn(headers=())
        w.ask()
        assert (bob.methods, carol.methods) == (["INVITE"], [])

    def test_when_it_fails_the_original_once(self) -> None:
        w, bob, carol = self.learn()
        _, asker = w.ask()
        carol.answer(carol.last, 404)
        request = last(bob)
        assert (request.uri_text, request.cseq.number) == (BOB, 2)
        assert [str(each.target) for each in asker.redirects] == ["sip:carol@c.example", BOB]
        redirect(bob, "sip:carol@c.example")
        assert asker.failure.status == 302
        for peer in (bob, carol):
            peer.take()
        w.ask()
        assert (bob.methods, carol.methods) == (["INVITE"], [])

    def test_the_original_may_lead_elsewhere_now(self) -> None:
        w, bob, carol = self.learn()
        dora = w.server("d.example", "10.0.0.4")
        w.ask()
        carol.answer(carol.last, 404)
        redirect(bob, "sip:dora@d.example")
        assert dora.methods == ["INVITE"]


class TestCancel:
    """RFC 3261 §9.1."""

    REASON = (("Reason", "SIP;cause=200"),)

    def start(self) -> tuple[Asking, Peer, Sending, Asker]:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2", "10.0.0.3")
        sending, asker = w.ask()
        return w, bob, sending, asker

    def test_after_a_provisional(self) -> None:
        w, bob, sending, asker = self.start()
        invite = last(bob)
        bob.answer(invite, 180)
        w.cancel(sending, self.REASON)
        cancel = last(bob)
        assert (cancel.method, cancel.get("reason")) == ("CANCEL", "SIP;cause=200")
        assert cancel.get("via") == invite.get("via")
        bob.answer(cancel, 200)
        assert asker.failures == []
        bob.answer(invite, 487)
        assert (asker.failure.status, asker.failure.source) == (487, Source.RECEIVED)

    def test_before_one_it_waits(self) -> None:
        w, bob, sending, _ = self.start()
        w.cancel(sending)
        assert "CANCEL" not in bob.methods
        bob.answer(bob.last, 100)
        assert bob.methods[-1] == "CANCEL"

    def test_when_nothing_comes_it_is_over_and_no_other_server_is_tried(self) -> None:
        w, bob, sending, asker = self.start()
        w.cancel(sending)
        w.advance(T1_64)
        assert (asker.failure.status, asker.failure.source) == (487, Source.TIMER)
        assert "CANCEL" not in bob.methods
        assert w.udp_peer("10.0.0.3").received == []

    def test_a_2xx_that_crosses_it(self) -> None:
        w, bob, sending, asker = self.start()
        invite = last(bob)
        bob.answer(invite, 180)
        w.cancel(sending)
        bob.answer(invite, 200)
        assert len(asker.answers) == 1
        assert asker.failures == []

    @pytest.mark.parametrize("status", [302, 401, 503])
    def test_nothing_is_tried_after_it(self, status: int) -> None:
        w, bob, sending, asker = self.start()
        invite = last(bob)
        bob.answer(invite, 180)
        w.cancel(sending)
        value = 'Digest realm="r", nonce="n"'
        bob.answer(invite, status, headers=[*contacts(BOB + "2"), ("WWW-Authenticate", value)])
        assert asker.failure.status == status
        assert bob.methods == ["INVITE", "CANCEL", "ACK"]

    def test_while_a_name_is_looked_up(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        w.dns.clear()
        sending = Sending(w.services, w.wanted(), asker := Asker())
        sending.start(w.now)
        sending.cancel(w.now)
        w.dns["bob.example"] = [NextHop("udp", bob.address, "bob.example")]
        w.pump()
        assert asker.failure.status == 487
        assert bob.received == []

    def test_while_it_waits_for_a_flow(self) -> None:
        w = Asking(*EDGES)
        edge = w.edges[0].peer
        edge.close()
        sending, asker = w.ask("INFO", dialog=dialog("sip:bob@192.0.2.7"), slot=w.slots[0])
        w.cancel(sending)
        w.advance(40)
        assert asker.failure.status == 487
        assert "INFO" not in edge.methods

    def test_twice_or_too_late_is_nothing(self) -> None:
        w, bob, sending, asker = self.start()
        bob.answer(bob.last, 180)
        w.cancel(sending)
        w.cancel(sending)
        assert bob.methods.count("CANCEL") == 1
        bob.answer(bob.requests[0], 487)
        w.cancel(sending)
        assert len(asker.failures) == 1

    def test_other_methods_are_not_cancelled(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2", "10.0.0.3")
        sending, asker = w.ask("MESSAGE")
        w.cancel(sending)
        bob.answer(bob.last, 503)
        assert asker.failure.status == 503
        assert bob.methods == ["MESSAGE"]
        assert w.udp_peer("10.0.0.3").received == []


class TestStory:
    def test_each_decision_has_the_tables_word(self) -> None:
        w = Asking(accounts=(Account("alice", "secret"),))
        bob = w.server("bob.example", "10.0.0.2", "10.0.0.3")
        second = w.udp_peer("10.0.0.3")
        carol = w.server("c.example", "10.0.0.4")
        w.ask()
        bob.answer(bob.last, 503)
        challenge(second)
        redirect(second, "sip:carol@c.example")
        carol.answer(carol.last, 200)
        assert w.kinds == [
            Kind.REQUEST, Kind.BRANCH, Kind.FAILOVER, Kind.BRANCH, Kind.CHALLENGE, Kind.BRANCH,
            Kind.RECURSE, Kind.BRANCH, Kind.ANSWER,
        ]  # fmt: skip
        told = [each for each in w.decisions if each.kind in {Kind.FAILOVER, Kind.RECURSE}]
        assert all(each.why and each.effects for each in told)
        teller = StoryTeller()
        lines = [line for each in w.decisions for line in teller.tell(each)] + list(teller.close())
        text = "\n".join(lines)
        assert text.count("call c1") == 1
        assert "accepted 200 OK" in text

    def test_a_failure_ends_it(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2")
        sending, _ = w.ask()
        bob.answer(bob.last, 180)
        w.cancel(sending)
        bob.answer(bob.requests[0], 487)
        assert w.kinds == [Kind.REQUEST, Kind.BRANCH, Kind.CANCEL, Kind.ANSWER]
        assert w.decisions[-1].status == 487

    def test_nobody_listens(self) -> None:
        w = Asking()
        w.endpoint.listener = None
        bob = w.server("bob.example", "10.0.0.2")
        _, asker = w.ask()
        bob.answer(bob.last, 404)
        assert asker.failure.status == 404
        assert w.decisions == []
