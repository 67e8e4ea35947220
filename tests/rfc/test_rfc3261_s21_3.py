"""RFC 3261 §21.3: what each redirect means to the user agent that gets it."""

from __future__ import annotations

import pytest
from tests.harness import Headers, Peer
from tests.unit.ua.asking import BOB, Asker, Asking, redirect
from tests.unit.ua.support import Solo

from ringway.message import Request
from ringway.ua.events import MovedPermanently

CAROL = "sip:carol@c.example"


class World(Asking):
    """Bob, to whom alice sends, and carol and dora, to whom he may redirect."""

    def __init__(self) -> None:
        super().__init__()
        self.bob = self.server("bob.example", "10.0.0.2")
        self.carol = self.server("c.example", "10.0.0.3")
        self.dora = self.server("d.example", "10.0.0.4")

    def redirected(self, status: int, *contacts: str, headers: Headers = ()) -> Asker:
        _, asker = self.ask()
        redirect(self.bob, *(contacts or (CAROL,)), status=status, headers=headers)
        return asker

    def again(self) -> tuple[int, int]:
        """Ask once more; say how many INVITEs went to bob and carol."""
        for peer in (self.bob, self.carol):
            peer.take()
        self.ask()
        return len(self.bob.requests), len(self.carol.requests)


def last(peer: Peer) -> Request:
    request = peer.last
    assert isinstance(request, Request)
    return request


class TestSection21_3_1MultipleChoices:
    @pytest.mark.clause("RFC3261-21.3.1-2")
    def test_the_choices_are_tried(self) -> None:
        w = World()
        w.redirected(300, "<sip:carol@c.example>;q=0.1", "<sip:dora@d.example>;q=0.2")
        w.dora.answer(w.dora.last, 486)
        assert w.carol.methods == ["INVITE"]

    @pytest.mark.clause("RFC3261-21.3.1-2")
    def test_or_the_user_is_asked(self) -> None:
        w = World()
        w.ask(follow=lambda _, found: [each for each in found if "dora" in str(each.uri)])
        redirect(w.bob, CAROL, "sip:dora@d.example", status=300)
        assert (w.carol.methods, w.dora.methods) == ([], ["INVITE"])


class TestSection21_3_2MovedPermanently:
    @pytest.mark.clause("RFC3261-21.3.2-1")
    def test_it_is_retried_at_the_new_address(self) -> None:
        w = World()
        w.redirected(301)
        assert last(w.carol).uri_text == CAROL

    @pytest.mark.clause("RFC3261-21.3.2-2")
    def test_the_application_is_told_to_use_it_from_now_on(self) -> None:
        w = World()
        asker = w.redirected(301)
        (event,) = w.take()
        assert isinstance(event, MovedPermanently)
        assert (str(event.original), str(event.contacts[0].uri)) == (BOB, CAROL)
        assert asker.redirects[0].permanent

    @pytest.mark.clause("RFC3261-21.3.2-2")
    def test_also_where_it_is_not_followed(self) -> None:
        w = World()
        w.ask(follow=False)
        redirect(w.bob, CAROL, status=301)
        assert len(w.take()) == 1


class TestSection21_3_3MovedTemporarily:
    @pytest.mark.clause("RFC3261-21.3.3-1", "RFC3261-21.3.3-2")
    def test_the_contact_is_the_new_request_uri(self) -> None:
        w = World()
        w.redirected(302)
        assert last(w.carol).uri_text == CAROL

    @pytest.mark.clause("RFC3261-21.3.3-3")
    @pytest.mark.parametrize(
        ("contact", "headers"),
        [("<sip:carol@c.example>;expires=60", ()), (CAROL, [("Expires", "60")])],
    )
    def test_with_an_expiry_it_is_used_until_then(self, contact: str, headers: Headers) -> None:
        w = World()
        w.redirected(302, contact, headers=headers)
        w.advance(59)
        assert w.again() == (0, 1)
        w.advance(1)
        assert w.again() == (1, 0)

    @pytest.mark.clause("RFC3261-21.3.3-4")
    def test_without_one_it_is_valid_once(self) -> None:
        w = World()
        w.redirected(302)
        assert w.again() == (1, 0)

    @pytest.mark.clause("RFC3261-21.3.3-5")
    def test_when_it_fails_the_original_is_tried_a_single_time(self) -> None:
        w = World()
        w.redirected(302, headers=[("Expires", "60")])
        w.carol.take()
        w.bob.take()
        _, asker = w.ask()
        w.carol.answer(w.carol.last, 404)
        assert last(w.bob).uri_text == BOB
        w.bob.answer(w.bob.last, 404)
        assert asker.failure.status == 404
        assert [peer.methods.count("INVITE") for peer in (w.bob, w.carol)] == [1, 1]

    @pytest.mark.clause("RFC3261-21.3.3-5")
    def test_a_new_temporary_uri_may_be_there(self) -> None:
        w = World()
        w.redirected(302, headers=[("Expires", "60")])
        w.ask()
        w.carol.answer(w.carol.last, 410)
        redirect(w.bob, "sip:dora@d.example")
        assert w.dora.methods == ["INVITE"]


class TestSection21_3_4UseProxy:
    @pytest.mark.clause("RFC3261-21.3.4-1")
    def test_this_request_goes_through_the_proxy(self) -> None:
        w = World()
        w.redirected(305, "sip:c.example")
        request = last(w.carol)
        assert (request.uri_text, request.get("route")) == (BOB, "<sip:c.example;lr>")

    @pytest.mark.clause("RFC3261-21.3.4-2")
    def test_and_no_other(self) -> None:
        w = World()
        w.redirected(305, "sip:c.example", headers=[("Expires", "60")])
        assert w.again() == (1, 0)


class TestSection21_3_5AlternativeService:
    @pytest.mark.clause("RFC3261-21.3.5-1")
    def test_the_call_was_not_successful(self) -> None:
        w = World()
        asker = w.redirected(380)
        assert asker.failure.status == 380
        assert asker.failure.response is not None
        assert w.carol.methods == []


class TestRedirecting:
    """The agent as the one who redirects."""

    @pytest.mark.clause("RFC3261-21.3.1-1", "RFC3261-21.3.4-3")
    @pytest.mark.parametrize("status", [300, 301, 302, 305])
    def test_where_to(self, status: int) -> None:
        s = Solo()
        s.invited()
        choices = [CAROL, "sip:dora@d.example"]
        s.do(s.calls[0].redirect, choices, status)
        assert s.bob.statuses == [status]
        assert [str(each.uri) for each in s.bob.last.contacts] == choices
