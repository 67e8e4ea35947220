"""RFC 3261 §9.1: how a user agent gives up a request."""

from __future__ import annotations

import pytest
from tests.harness import Peer
from tests.unit.ua.asking import EDGES, Asker, Asking, redirect

from ringway.codes import Source
from ringway.message import Request
from ringway.ua.requests.sending import Sending


class TestSection9_1ClientBehavior:
    def call(self) -> tuple[Asking, Peer, Sending, Asker, Request]:
        """Return a call that goes through the first of two edges."""
        w = Asking(*EDGES)
        edge = w.edges[0].peer
        sending, asker = w.ask(headers=(("Require", "foo"), ("Proxy-Require", "bar")))
        invite = edge.last
        assert isinstance(invite, Request)
        return w, edge, sending, asker, invite

    @pytest.mark.clause("RFC3261-9.1-1")
    def test_only_an_invite_is_cancelled(self) -> None:
        w = Asking(*EDGES)
        edge = w.edges[0].peer
        sending, _ = w.ask("MESSAGE")
        edge.answer(edge.last, 100)
        w.cancel(sending)
        assert edge.methods == ["MESSAGE"]

    @pytest.mark.clause(
        "RFC3261-9.1-2", "RFC3261-9.1-3", "RFC3261-9.1-4", "RFC3261-9.1-5", "RFC3261-9.1-6"
    )
    def test_what_is_identical(self) -> None:
        w, edge, sending, _, invite = self.call()
        edge.answer(invite, 180)
        w.cancel(sending)
        cancel = edge.last
        assert isinstance(cancel, Request)
        assert cancel.uri_text == invite.uri_text
        for name in ("call-id", "to", "from", "route"):
            assert cancel.get(name) == invite.get(name), name
        assert cancel.values("via") == invite.values("via")[:1]
        assert (cancel.cseq.number, cancel.cseq.method) == (invite.cseq.number, "CANCEL")
        assert not cancel.has("require")
        assert not cancel.has("proxy-require")

    @pytest.mark.clause("RFC3261-9.1-7", "RFC3261-9.1-8", "RFC3261-9.1-9")
    def test_it_waits_for_a_provisional_response(self) -> None:
        w, edge, sending, _, invite = self.call()
        w.cancel(sending)
        w.advance(5)
        assert "CANCEL" not in edge.methods
        edge.answer(invite, 100)
        assert edge.methods[-1] == "CANCEL"

    @pytest.mark.clause("RFC3261-9.1-10")
    def test_none_after_a_final_response(self) -> None:
        w, edge, sending, asker, invite = self.call()
        edge.answer(invite, 180)
        edge.answer(invite, 200)
        w.cancel(sending)
        assert "CANCEL" not in edge.methods
        assert len(asker.answers) == 1

    @pytest.mark.clause("RFC3261 9.1")
    def test_a_2xx_that_crosses_it_is_told(self) -> None:
        w, edge, sending, asker, invite = self.call()
        edge.answer(invite, 180)
        w.cancel(sending)
        edge.answer(invite, 200)
        assert [response.status for _, response, _ in asker.answers] == [200]
        assert asker.failures == []

    @pytest.mark.clause("RFC3261-9.1-11")
    def test_to_the_same_place_even_after_a_failover(self) -> None:
        w, edge, sending, _, invite = self.call()
        other = w.edges[1].peer
        edge.answer(invite, 430)
        second = other.last
        other.answer(second, 180)
        w.cancel(sending)
        assert edge.methods == ["INVITE", "ACK"]
        assert other.methods == ["INVITE", "CANCEL"]

    @pytest.mark.clause("RFC3261-9.1-12", "RFC3261-9.1-13")
    def test_without_a_final_response_it_is_over_after_64_t1(self) -> None:
        w, edge, sending, asker, invite = self.call()
        edge.answer(invite, 180)
        w.cancel(sending)
        w.advance(31.9)
        assert asker.failures == []
        w.advance(0.2)
        assert (asker.failure.status, asker.failure.source) == (487, Source.TIMER)

    @pytest.mark.clause("RFC3261 9.1")
    def test_no_redirect_is_followed_any_more(self) -> None:
        w, edge, sending, asker, invite = self.call()
        edge.answer(invite, 180)
        w.cancel(sending)
        edge.take()
        edge.answer(invite, 302, headers=[("Contact", "<sip:carol@c.example>")])
        assert edge.methods == ["ACK"]
        assert asker.failure.status == 302

    @pytest.mark.clause("RFC3261 9.1")
    def test_the_attempt_under_way_is_the_one_that_is_cancelled(self) -> None:
        w, edge, sending, _, _ = self.call()
        redirect(edge, "sip:carol@c.example")
        second = edge.last
        assert isinstance(second, Request)
        edge.answer(second, 180)
        w.cancel(sending)
        cancel = edge.last
        assert isinstance(cancel, Request)
        assert (cancel.method, cancel.uri_text) == ("CANCEL", "sip:carol@c.example")
        assert cancel.cseq.number == 2
