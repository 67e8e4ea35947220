"""Calls that are made: forks, reliable responses, CANCEL, and what ends them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.harness import Peer
from tests.unit.ua.support import (
    ANSWER,
    OFFER,
    OTHER,
    SDP,
    Heard,
    Solo,
    accept,
    invite_of,
    reply,
    ring,
    within,
)

from ringway.codes import Source
from ringway.errors import ParseError
from ringway.message import Request
from ringway.ua.calls.call import Call
from ringway.ua.events import Answered, Ended, Failed, Redirected, Ringing

RELIABLE = [("Require", "100rel"), ("RSeq", "7")]


@pytest.fixture
def s() -> Solo:
    return Solo()


def last(peer: Peer, method: str) -> Request:
    return [each for each in peer.requests if each.method == method][-1]


class TestInvite:
    def test_what_it_says(self, s: Solo) -> None:
        s.call("sip:bob@10.0.0.9?Subject=x", headers=(("Subject", "tea"),))
        invite = invite_of(s.bob)
        assert invite.uri_text.startswith("sip:bob@10.0.0.9")
        assert invite.to.tag == ""
        assert str(invite.to.uri) == "sip:bob@10.0.0.9"
        assert invite.from_.tag
        assert str(invite.contacts[0].uri).startswith("sip:alice@10.0.0.1")
        assert set(invite.supported) >= {"100rel", "replaces", "timer"}
        assert "UPDATE" in invite.values("allow")
        assert invite.get("session-expires") == "1800"
        assert invite.get("subject") == "tea"
        assert (invite.body, invite.get("content-type")) == (OFFER, SDP)

    def test_a_uri_that_is_none(self, s: Solo) -> None:
        with pytest.raises(ParseError):
            s.call("bob")

    def test_nobody_is_there(self, s: Solo) -> None:
        _, heard = s.call("sip:bob@nowhere.test")
        s.advance(1)
        (event,) = heard.events
        assert isinstance(event, Failed)
        assert event.failure.source is Source.TRANSPORT
        assert heard.call.done

    def test_there_is_no_way_at_all(self, s: Solo) -> None:
        told: list[object] = []
        call = s.agent.call(
            "sip:bob@10.0.0.9;transport=sctp",
            s.now,
            headers=(("Expires", "5"),),
            emit=told.append,
        )
        assert call.done
        s.advance(10)
        assert [type(each) for each in told] == [Failed]

    def test_silence(self, s: Solo) -> None:
        _, heard = s.call()
        s.advance(33)
        (event,) = heard.events
        assert isinstance(event, Failed)
        assert event.failure.status == 408
        assert s.agent.dialogs == {}

    def test_a_failure(self, s: Solo) -> None:
        _, heard = s.call()
        ring(s.bob, invite_of(s.bob))
        reply(s.bob, invite_of(s.bob), 486)
        assert heard.kinds == ["Ringing", "Failed"]
        assert s.agent.dialogs == {}
        assert s.bob.methods[-1] == "ACK"

    def test_a_redirect_ends_what_rang(self, s: Solo) -> None:
        carol = s.peer("udp", "10.0.0.8")
        call, heard = s.call()
        ring(s.bob, invite_of(s.bob))
        assert call.session is not None
        reply(s.bob, invite_of(s.bob), 302, contact="<sip:carol@10.0.0.8>")
        assert call.session is None
        assert isinstance(heard.last, Redirected)
        accept(carol, invite_of(carol))
        assert isinstance(heard.last, Answered)
        assert call.up

    def test_the_callback_may_raise(self, s: Solo) -> None:
        call, _ = s.call()

        def broken(event: object) -> None:
            raise RuntimeError("the application's fault")

        call.emit = broken
        ring(s.bob, invite_of(s.bob))
        accept(s.bob, invite_of(s.bob))
        assert [str(each) for each in s.trouble] == ["the application's fault"] * 2
        assert call.up
        assert s.bob.methods[-1] == "ACK"

    def test_without_a_callback(self, s: Solo) -> None:
        call = s.do(lambda now: s.agent.call("sip:bob@10.0.0.9", now))
        accept(s.bob, invite_of(s.bob))
        assert call.up


class TestRinging:
    def test_early_dialogs(self, s: Solo) -> None:
        _, heard = s.call()
        invite = invite_of(s.bob)
        s.bob.answer(invite, 100)
        s.bob.answer(invite, 180, to_tag="")
        ring(s.bob, invite, 180, "one")
        ring(s.bob, invite, 183, "two", body=ANSWER)
        said = [(each.status, each.branch, each.body) for each in ringing(heard)]
        assert said == [(180, "", b""), (180, "one", b""), (183, "two", ANSWER)]
        assert len(s.agent.dialogs) == 2

    def test_a_contact_nobody_can_read(self, s: Solo) -> None:
        call, heard = s.call()
        ring(s.bob, invite_of(s.bob), contact="<http://bob>")
        accept_ = reply(s.bob, invite_of(s.bob), 200, contact="<http://bob>")
        assert accept_.status == 200
        assert heard.kinds == ["Failed"]
        assert call.session is None

    def test_a_late_ring(self, s: Solo) -> None:
        _, heard = s.answered()
        ring(s.bob, make_late(s))
        assert heard.events == []

    def test_update_while_it_rings(self, s: Solo) -> None:
        call, heard = s.call()
        invite = invite_of(s.bob)
        ring(s.bob, invite, 183, headers=RELIABLE, body=ANSWER)
        reply(s.bob, last(s.bob, "PRACK"), 200)
        assert not s.do(call.change, OTHER)
        assert s.do(call.change, OTHER, method="UPDATE")
        reply(s.bob, last(s.bob, "UPDATE"), 200, body=ANSWER)
        assert heard.kinds == ["Ringing", "Changed"]

    def test_a_phone_that_hangs_up_while_it_rings(self, s: Solo) -> None:
        call, heard = s.call()
        invite = invite_of(s.bob)
        ring(s.bob, invite, tag="one")
        two = ring(s.bob, invite, tag="two")
        one = two.edit()
        one.replace("to", (two.get("to") or "").replace("two", "one"))
        bye(s, invite, "one")
        assert len(s.agent.dialogs) == 1
        assert call.session is not None
        bye(s, invite, "two")
        assert s.agent.dialogs == {}
        assert call.session is None
        assert not call.done
        assert heard.kinds == ["Ringing", "Ringing"]
        assert s.bob.statuses == [200, 200]


class TestReliable:
    def test_prack(self, s: Solo) -> None:
        call, heard = s.call()
        ring(s.bob, invite_of(s.bob), 183, headers=RELIABLE, body=ANSWER)
        prack = last(s.bob, "PRACK")
        assert prack.get("rack") == "7 1 INVITE"
        assert prack.to_tag == "peer"
        assert call.session is not None
        assert call.session.offers.theirs.body == ANSWER
        assert call.session.offers.own.body == OFFER
        assert len(ringing(heard)) == 1

    def test_copies_and_gaps(self, s: Solo) -> None:
        _, heard = s.call()
        invite = invite_of(s.bob)
        for number in ("7", "7", "9", "8"):
            ring(s.bob, invite, 183, headers=[("Require", "100rel"), ("RSeq", number)])
        racks = [each.get("rack") for each in s.bob.requests if each.method == "PRACK"]
        assert racks[0] == "7 1 INVITE"
        assert racks[-1] == "8 1 INVITE"
        assert len(ringing(heard)) == 2

    def test_an_offer_in_it(self, s: Solo) -> None:
        call, heard = s.call(body=b"")
        ring(s.bob, invite_of(s.bob), 183, headers=RELIABLE, body=OTHER)
        assert "PRACK" not in s.bob.methods
        (event,) = ringing(heard)
        assert event.offer
        assert s.do(call.accept, ANSWER)
        assert last(s.bob, "PRACK").body == ANSWER
        assert not s.do(call.accept, ANSWER)
        accept(s.bob, invite_of(s.bob), b"")
        assert call.up
        assert call.session is not None
        assert call.session.offers.own.body == ANSWER

    def test_an_offer_that_is_refused(self, s: Solo) -> None:
        call, heard = s.call(body=b"")
        ring(s.bob, invite_of(s.bob), 183, headers=RELIABLE, body=OTHER)
        assert s.do(call.refuse)
        assert s.bob.methods[-1] == "CANCEL"
        reply(s.bob, invite_of(s.bob), 487)
        assert isinstance(heard.last, Ended)

    def test_an_offer_that_the_end_overtakes(self, s: Solo) -> None:
        _, heard = s.call(body=b"")
        ring(s.bob, invite_of(s.bob), 183, headers=RELIABLE, body=OTHER)
        reply(s.bob, invite_of(s.bob), 480)
        assert heard.kinds == ["Ringing", "Failed"]
        assert "CANCEL" not in s.bob.methods

    def test_a_prack_that_fails(self, s: Solo) -> None:
        _, heard = s.call()
        ring(s.bob, invite_of(s.bob), 183, headers=RELIABLE)
        reply(s.bob, last(s.bob, "PRACK"), 488)
        accept(s.bob, invite_of(s.bob))
        assert heard.kinds == ["Ringing", "Answered"]


class TestAnswered:
    def test_the_ack(self, s: Solo) -> None:
        call, heard = s.call()
        accept(s.bob, invite_of(s.bob))
        ack = last(s.bob, "ACK")
        assert (ack.cseq.number, ack.to_tag, ack.body) == (1, "peer", b"")
        assert ack.uri_text == "sip:bob@10.0.0.9"
        assert heard.last == Answered(ANSWER, SDP, "peer")
        assert call.up

    def test_an_ack_for_each_copy(self, s: Solo) -> None:
        _, heard = s.call()
        for _ in range(3):
            accept(s.bob, invite_of(s.bob))
        assert s.bob.methods == ["INVITE", "ACK", "ACK", "ACK"]
        assert heard.kinds == ["Answered"]

    def test_the_credentials_of_the_invite(self, s: Solo) -> None:
        s.call()
        value = 'Digest realm="here", nonce="n", algorithm=SHA-256, qop="auth"'
        s.bob.answer(invite_of(s.bob), 407, headers=[("Proxy-Authenticate", value)])
        invite = invite_of(s.bob)
        assert invite.cseq.number == 2
        accept(s.bob, invite)
        ack = last(s.bob, "ACK")
        assert ack.cseq.number == 2
        assert ack.get("proxy-authorization") == invite.get("proxy-authorization")

    def test_what_follows_has_credentials_at_once(self, s: Solo) -> None:
        call, _ = s.call()
        value = 'Digest realm="here", nonce="n", algorithm=SHA-256, qop="auth"'
        s.bob.answer(invite_of(s.bob), 407, headers=[("Proxy-Authenticate", value)])
        accept(s.bob, invite_of(s.bob))
        s.do(call.hang_up)
        assert 'realm="here"' in (last(s.bob, "BYE").get("proxy-authorization") or "")

    def test_the_offer_comes_with_the_answer(self, s: Solo) -> None:
        call, heard = s.call(body=b"")
        for _ in range(2):
            accept(s.bob, invite_of(s.bob), OTHER)
        assert heard.events == [Answered(OTHER, SDP, "peer", True)]
        assert "ACK" not in s.bob.methods
        s.do(call.accept, ANSWER)
        assert last(s.bob, "ACK").body == ANSWER
        accept(s.bob, invite_of(s.bob), OTHER)
        assert [each.body for each in s.bob.requests if each.method == "ACK"] == [ANSWER] * 2

    def test_an_offer_that_is_refused(self, s: Solo) -> None:
        call, heard = s.call(body=b"")
        accept(s.bob, invite_of(s.bob), OTHER)
        s.do(call.refuse)
        assert s.bob.methods == ["INVITE", "ACK", "BYE"]
        assert isinstance(heard.last, Ended)

    def test_the_route_set_is_that_of_the_2xx(self, s: Solo) -> None:
        proxy = s.peer("udp", "10.0.0.7")
        _, _ = s.call()
        ring(s.bob, invite_of(s.bob))
        accept(s.bob, invite_of(s.bob), headers=[("Record-Route", "<sip:10.0.0.7;lr>")])
        assert [str(each) for each in last(proxy, "ACK").routes] == ["<sip:10.0.0.7;lr>"]

    def test_a_2xx_that_loses_its_contact(self, s: Solo) -> None:
        call, _ = s.call()
        ring(s.bob, invite_of(s.bob))
        reply(s.bob, invite_of(s.bob), 200, contact="<http://bob>", body=ANSWER)
        assert call.up
        assert last(s.bob, "ACK").uri_text == "sip:bob@10.0.0.9"


class TestForks:
    def test_another_phone_gets_ack_and_bye(self, s: Solo) -> None:
        call, heard = s.call()
        invite = invite_of(s.bob)
        accept(s.bob, invite, tag="one")
        accept(s.bob, invite, tag="two")
        assert [(each.method, each.to_tag) for each in s.bob.requests[1:]] == [
            ("ACK", "one"),
            ("ACK", "two"),
            ("BYE", "two"),
        ]
        assert heard.kinds == ["Answered"]
        assert call.up
        accept(s.bob, invite, tag="two")
        assert s.bob.methods[-1] == "ACK"

    def test_another_phone_that_is_wanted(self, s: Solo) -> None:
        kept: list[Heard] = []

        def keep(other: Call) -> bool:
            kept.append(Heard(other))
            return True

        _, heard = s.call(forked=keep)
        invite = invite_of(s.bob)
        accept(s.bob, invite, tag="one")
        accept(s.bob, invite, OTHER, tag="two")
        assert "BYE" not in s.bob.methods
        assert heard.kinds == ["Answered"]
        assert kept[0].events == [Answered(OTHER, SDP, "two")]
        assert kept[0].call.up
        s.do(kept[0].call.hang_up)
        assert last(s.bob, "BYE").to_tag == "two"
        assert kept[0].kinds == ["Answered", "Ended"]
        assert heard.kinds == ["Answered"]

    def test_who_only_rang_is_forgotten(self, s: Solo) -> None:
        call, _ = s.call()
        invite = invite_of(s.bob)
        ring(s.bob, invite, tag="one")
        accept(s.bob, invite, tag="two")
        assert len(s.agent.dialogs) == 2
        s.advance(33)
        assert len(s.agent.dialogs) == 1
        assert call.up
        assert "BYE" not in s.bob.methods


class TestGivingUp:
    def test_cancel(self, s: Solo) -> None:
        call, heard = s.call()
        ring(s.bob, invite_of(s.bob))
        s.do(call.hang_up, "changed my mind")
        s.do(call.hang_up, "again")
        assert s.bob.methods == ["INVITE", "CANCEL"]
        assert heard.kinds == ["Ringing"]
        reply(s.bob, last(s.bob, "CANCEL"), 200)
        reply(s.bob, invite_of(s.bob), 487)
        event = heard.last
        assert isinstance(event, Ended)
        assert (event.by_us, event.reason) == (True, "changed my mind")
        s.do(call.hang_up)
        assert heard.kinds == ["Ringing", "Ended"]

    def test_a_2xx_that_crosses_the_cancel(self, s: Solo) -> None:
        call, heard = s.call()
        ring(s.bob, invite_of(s.bob))
        s.do(call.hang_up, "changed my mind")
        accept(s.bob, invite_of(s.bob))
        assert s.bob.methods == ["INVITE", "CANCEL", "ACK", "BYE"]
        assert heard.kinds == ["Ringing", "Ended"]
        accept(s.bob, invite_of(s.bob), tag="two")
        assert s.bob.methods[4:] == ["ACK", "BYE"]
        assert heard.kinds == ["Ringing", "Ended"]

    def test_an_offer_that_crosses_the_cancel(self, s: Solo) -> None:
        call, _ = s.call(body=b"")
        ring(s.bob, invite_of(s.bob))
        s.do(call.hang_up)
        accept(s.bob, invite_of(s.bob))
        assert s.bob.methods == ["INVITE", "CANCEL", "ACK", "BYE"]

    def test_a_second_hang_up_after_the_answer(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.hang_up)
        s.do(call.hang_up)
        assert s.bob.methods == ["BYE"]
        assert heard.kinds == ["Ended"]


def ringing(heard: Heard) -> list[Ringing]:
    return [each for each in heard.events if isinstance(each, Ringing)]


def make_late(s: Solo) -> Request:
    """Return the INVITE of the call that is up, as it was sent."""
    s.agent.call("sip:bob@10.0.0.9", s.now)
    s.pump()
    invite = invite_of(s.bob)
    accept(s.bob, invite)
    s.bob.take()
    return invite


def bye(s: Solo, invite: Request, tag: str) -> Any:
    """Let a phone that rings send BYE, which it must not."""
    draft = invite.edit()
    draft.replace("to", f"{invite.get('to')};tag={tag}")
    return within(s.bob, draft.build(), "BYE", 1, branch=f"z9hG4bK-{tag}")
