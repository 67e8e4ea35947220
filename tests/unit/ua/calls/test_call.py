"""Calls that are up: requests within them, changes of the session, timers, and their end."""

from __future__ import annotations

import pytest
from tests.harness import Peer
from tests.unit.ua.support import (
    ANSWER,
    OFFER,
    OTHER,
    SDP,
    Solo,
    cancel,
    invite_of,
    reply,
    ring,
    within,
)

from ringway.message import Request, Response
from ringway.ua.calls.call import Call
from ringway.ua.events import (
    Changed,
    Ended,
    Failure,
    InfoReceived,
    MessageReceived,
    NotChanged,
    Offered,
)


@pytest.fixture
def s() -> Solo:
    return Solo()


def theirs(s: Solo) -> Request:
    """Return what stands for our INVITE, with the tag of who answered, to send requests with."""
    session = next(iter(s.agent.dialogs.values()))
    draft = Request("INVITE", "sip:bob@10.0.0.9", [], []).edit()
    draft.append("From", session.dialog.local)
    draft.append("To", session.dialog.remote)
    draft.append("Call-ID", session.dialog.call_id)
    draft.append("CSeq", "1 INVITE")
    return draft.build()


def last(peer: Peer, method: str) -> Request:
    return [each for each in peer.requests if each.method == method][-1]


class TestNothingThere:
    def test_every_method_says_so(self, s: Solo) -> None:
        call = Call(s.agent)
        assert not call.up
        call.hang_up(s.now)
        assert not call.change(s.now, OTHER)
        assert not call.accept(s.now)
        assert not call.refuse(s.now)
        assert not call.info(s.now, b"x", "text/plain")
        assert not call.message(s.now, b"x")
        assert not call.refer(s.now, "sip:carol@10.0.0.8")
        assert call.transfer_answer(s.now, True) is None
        assert not call.notify(s.now, 200)

    def test_nothing_waits(self, s: Solo) -> None:
        call, _ = s.answered()
        assert not call.accept(s.now)
        assert not call.refuse(s.now)
        assert not call.notify(s.now, 200)
        assert call.transfer_answer(s.now, True) is None
        assert call.transfer_answer(s.now, False) is None

    def test_after_the_end(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.hang_up)
        assert not s.do(call.change, OTHER)
        assert not s.do(call.info, b"x", "text/plain")
        reply(s.bob, last(s.bob, "BYE"), 200)
        assert heard.kinds == ["Ended"]


class TestBye:
    def test_ours(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.hang_up, "enough")
        bye = last(s.bob, "BYE")
        assert (bye.cseq.number, bye.to_tag) == (2, "peer")
        assert heard.events == [Ended(True, "enough")]
        assert s.agent.dialogs == {}
        reply(s.bob, bye, 481)
        assert s.bob.methods == ["BYE"]

    def test_theirs(self, s: Solo) -> None:
        _, heard = s.answered()
        within(s.bob, theirs(s), "BYE", 1, headers=[("Reason", "Q.850;cause=16")])
        assert s.bob.statuses == [200]
        assert heard.events == [Ended(False, "Q.850;cause=16")]
        assert s.agent.dialogs == {}

    def test_both_at_once(self, s: Solo) -> None:
        call, heard = s.answered()
        said = theirs(s)
        s.do(call.hang_up)
        within(s.bob, said, "BYE", 1)
        assert s.bob.statuses == [481]
        assert heard.kinds == ["Ended"]

    def test_requests_that_wait_get_487(self, s: Solo) -> None:
        _, heard = s.answered()
        said = theirs(s)
        within(s.bob, said, "INVITE", 1, body=OTHER)
        within(s.bob, said, "BYE", 2)
        assert sorted(s.bob.statuses) == [200, 487]
        assert heard.kinds == ["Offered", "Ended"]


class TestRequests:
    def test_out_of_order(self, s: Solo) -> None:
        s.answered()
        said = theirs(s)
        within(s.bob, said, "INFO", 5)
        within(s.bob, said, "INFO", 4)
        assert s.bob.statuses == [200, 500]

    def test_info_and_message(self, s: Solo) -> None:
        _, heard = s.answered()
        said = theirs(s)
        within(s.bob, said, "INFO", 1, headers=[("Allow", "INVITE, ACK")])
        within(s.bob, said, "MESSAGE", 2, body=b"hello")
        assert s.bob.statuses == [200, 200]
        info, message = heard.events
        assert isinstance(info, InfoReceived)
        assert isinstance(message, MessageReceived)
        assert message.request.body == b"hello"

    def test_options(self, s: Solo) -> None:
        s.answered()
        within(s.bob, theirs(s), "OPTIONS", 1)
        assert s.bob.statuses == [200]
        assert s.bob.last.get("accept") == SDP

    def test_prack_for_nothing(self, s: Solo) -> None:
        s.answered()
        within(s.bob, theirs(s), "PRACK", 1, headers=[("RAck", "1 1 INVITE")])
        assert s.bob.statuses == [481]

    def test_ours(self, s: Solo) -> None:
        call, _ = s.answered()
        came: list[tuple[Response | None, Failure | None]] = []

        def done(response: Response | None, failure: Failure | None, now: float) -> None:
            came.append((response, failure))

        s.do(call.info, b"1", "text/plain", (("Info-Package", "dtmf"),), done)
        info = last(s.bob, "INFO")
        assert (info.body, info.get("info-package")) == (b"1", "dtmf")
        reply(s.bob, info, 200)
        s.do(call.message, b"hello", done=done)
        message = last(s.bob, "MESSAGE")
        assert message.get("content-type") == "text/plain"
        reply(s.bob, message, 415)
        assert [(r.status if r else None, f.status if f else None) for r, f in came] == [
            (200, None),
            (None, 415),
        ]
        assert call.up

    def test_a_2xx_that_comes_twice(self, s: Solo) -> None:
        call, _ = s.answered()
        came: list[object] = []
        s.do(call.info, b"1", "text/plain", (), lambda *what: came.append(what))
        for _ in range(2):
            reply(s.bob, last(s.bob, "INFO"), 200)
        assert len(came) == 1

    @pytest.mark.parametrize("status", [481, 408])
    def test_who_does_not_know_us_ends_the_call(self, s: Solo, status: int) -> None:
        call, heard = s.answered()
        s.do(call.info, b"1", "text/plain")
        reply(s.bob, last(s.bob, "INFO"), status)
        (event,) = heard.events
        assert isinstance(event, Ended)
        assert event.failure is not None
        assert event.failure.status == status
        assert s.bob.methods == ["INFO", "BYE"]
        assert call.done

    def test_silence_ends_the_call(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.info, b"1", "text/plain")
        s.advance(33)
        assert heard.kinds == ["Ended"]
        assert "BYE" in s.bob.methods

    def test_credentials(self, s: Solo) -> None:
        call, _ = s.answered()
        s.do(call.hang_up)
        value = 'Digest realm="here", nonce="n", algorithm=SHA-256, qop="auth"'
        s.bob.answer(last(s.bob, "BYE"), 407, headers=[("Proxy-Authenticate", value)])
        assert last(s.bob, "BYE").cseq.number == 3
        assert last(s.bob, "BYE").has("proxy-authorization")

    def test_an_ack_for_nothing(self, s: Solo) -> None:
        _, heard = s.answered()
        within(s.bob, theirs(s), "ACK", 9)
        assert heard.events == []


class TestConnections:
    def test_a_connection_that_is_no_slots(self, s: Solo) -> None:
        phone = s.connect("tcp", "10.0.0.7")
        invite = phone.request(
            "INVITE",
            "sip:alice@10.0.0.1",
            call_id="tcp-1",
            from_="<sip:bob@10.0.0.9>;tag=bob",
            to="<sip:alice@example.com>",
            headers=[("Contact", "<sip:bob@10.0.0.9>"), ("Content-Type", SDP)],
            body=OFFER,
        )
        call, heard = s.calls[0], s.heard[0]
        s.do(call.answer, ANSWER)
        within(phone, phone.responses[-1], "ACK", invite.cseq.number)
        phone.close()
        assert heard.kinds == ["Answered"]
        s.do(call.hang_up)
        assert s.bob.methods == ["BYE"]

    def test_nowhere_to_send_the_ack(self, s: Solo) -> None:
        _, heard = s.call()
        reply(s.bob, invite_of(s.bob), 200, body=ANSWER, contact="<sip:bob@nowhere.invalid>")
        assert last(s.bob, "ACK").uri_text == "sip:bob@nowhere.invalid"
        assert heard.kinds == ["Answered"]


class TestOurChange:
    def test_reinvite(self, s: Solo) -> None:
        call, heard = s.answered()
        assert s.do(call.change, OTHER)
        invite = invite_of(s.bob)
        assert (invite.cseq.number, invite.body, invite.to_tag) == (2, OTHER, "peer")
        assert invite.contacts
        s.bob.answer(invite, 100)
        reply(s.bob, invite, 200, body=ANSWER, contact="<sip:bob@10.0.0.9:5060;new>")
        assert heard.events == [Changed(ANSWER, SDP)]
        ack = last(s.bob, "ACK")
        assert ack.cseq.number == 2
        assert ack.uri_text == "sip:bob@10.0.0.9:5060;new"
        assert call.session is not None
        assert call.session.offers.own.body == OTHER
        reply(s.bob, invite, 200, body=ANSWER)
        assert [each.cseq.number for each in s.bob.requests if each.method == "ACK"] == [2, 2]
        assert heard.kinds == ["Changed"]

    def test_one_at_a_time(self, s: Solo) -> None:
        call, _ = s.answered()
        assert s.do(call.change, OTHER)
        assert not s.do(call.change, OFFER)
        reply(s.bob, invite_of(s.bob), 200, body=ANSWER)
        assert s.do(call.change, OFFER)

    def test_many(self, s: Solo) -> None:
        call, _ = s.answered()
        for _ in range(6):
            assert s.do(call.change, OTHER)
            reply(s.bob, invite_of(s.bob), 200, body=ANSWER)
        assert call.session is not None
        assert len(call.session._acks) == 4
        reply(s.bob, invite_of(s.bob), 200, body=ANSWER)
        assert s.bob.methods.count("ACK") == 7

    def test_update(self, s: Solo) -> None:
        call, heard = s.answered()
        assert s.do(call.change, OTHER, method="UPDATE")
        update = last(s.bob, "UPDATE")
        reply(s.bob, update, 200, body=ANSWER)
        assert heard.events == [Changed(ANSWER, SDP)]
        assert s.bob.methods == ["UPDATE"]

    def test_a_contact_nobody_can_read(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.change, OTHER)
        reply(s.bob, invite_of(s.bob), 200, body=ANSWER, contact="<http://bob>")
        assert heard.kinds == ["Changed"]
        assert last(s.bob, "ACK").uri_text == "sip:bob@10.0.0.9"

    def test_refused(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.change, OTHER)
        reply(s.bob, invite_of(s.bob), 488)
        (event,) = heard.events
        assert isinstance(event, NotChanged)
        assert event.failure.status == 488
        assert call.up
        assert call.session is not None
        assert call.session.offers.own.body == OFFER

    def test_481_ends_the_call(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.change, OTHER)
        reply(s.bob, invite_of(s.bob), 481)
        assert heard.kinds == ["NotChanged", "Ended"]

    def test_redirected(self, s: Solo) -> None:
        carol = s.peer("udp", "10.0.0.8")
        call, heard = s.answered()
        s.do(call.change, OTHER)
        reply(s.bob, invite_of(s.bob), 302, contact="<sip:carol@10.0.0.8>")
        reply(carol, invite_of(carol), 200, body=ANSWER, contact="<sip:carol@10.0.0.8>")
        assert heard.kinds == ["Changed"]

    def test_offered_something(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.change)
        reply(s.bob, invite_of(s.bob), 200, body=OTHER)
        assert heard.events == [Changed(OTHER, SDP, True)]
        assert "ACK" not in s.bob.methods
        s.do(call.accept, ANSWER)
        assert last(s.bob, "ACK").body == ANSWER

    def test_offered_something_and_silent(self, s: Solo) -> None:
        call, _ = s.answered()
        s.do(call.change)
        reply(s.bob, invite_of(s.bob), 200, body=OTHER)
        s.advance(11)
        assert last(s.bob, "ACK").body == OFFER

    def test_the_call_ends_before(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.change, OTHER)
        s.do(call.hang_up)
        reply(s.bob, invite_of(s.bob), 488)
        assert heard.kinds == ["Ended"]

    def test_nothing_comes_but_100(self, s: Solo) -> None:
        """Whoever has forgotten it must not keep us waiting for ever (RFC 3261 §9.1)."""
        call, heard = s.answered()
        s.do(call.change, OTHER)
        s.bob.answer(invite_of(s.bob), 100)
        s.do(call.hang_up)
        assert sorted(s.bob.methods[-2:]) == ["BYE", "CANCEL"]
        s.advance(80)
        assert heard.kinds == ["Ended"]
        assert s.endpoint.transactions == 0


class TestGlare:
    def test_the_owner_of_the_call_id_waits_longer(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.change, OTHER)
        reply(s.bob, invite_of(s.bob), 491)
        s.bob.take()
        s.advance(2.1)
        assert s.bob.methods == []
        s.advance(1.1)
        assert s.bob.methods == ["INVITE"]
        reply(s.bob, invite_of(s.bob), 200, body=ANSWER)
        assert heard.kinds == ["Changed"]

    def test_who_was_called_waits_less(self, s: Solo) -> None:
        call, heard, _ = s.accepted()
        s.do(call.change, OTHER)
        reply(s.bob, invite_of(s.bob), 491)
        s.bob.take()
        s.advance(1.1)
        assert s.bob.methods == ["INVITE"]
        reply(s.bob, invite_of(s.bob), 491)
        s.advance(10)
        assert heard.kinds == ["NotChanged"]

    def test_when_they_say(self, s: Solo) -> None:
        call, _ = s.answered()
        s.do(call.change, OTHER)
        reply(s.bob, invite_of(s.bob), 500, headers=[("Retry-After", "7")])
        s.bob.take()
        s.advance(6.9)
        assert s.bob.methods == []
        s.advance(0.2)
        assert s.bob.methods == ["INVITE"]

    def test_500_without_a_time(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.change, OTHER)
        reply(s.bob, invite_of(s.bob), 500)
        assert heard.kinds == ["NotChanged"]

    def test_the_call_is_over_meanwhile(self, s: Solo) -> None:
        call, _ = s.answered()
        s.do(call.change, OTHER)
        reply(s.bob, invite_of(s.bob), 491)
        s.do(call.hang_up)
        s.bob.take()
        s.advance(10)
        assert "INVITE" not in s.bob.methods

    def test_they_were_quicker(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.change, OTHER)
        reply(s.bob, invite_of(s.bob), 491)
        within(s.bob, theirs(s), "INVITE", 1, body=OTHER)
        s.advance(5)
        assert heard.kinds == ["Offered", "NotChanged"]
        assert call.up

    def test_their_reinvite_during_ours(self, s: Solo) -> None:
        call, _ = s.answered()
        s.do(call.change, OTHER)
        within(s.bob, theirs(s), "INVITE", 1, body=OTHER)
        assert s.bob.statuses == [491]

    def test_their_second_reinvite(self, s: Solo) -> None:
        s.answered()
        said = theirs(s)
        within(s.bob, said, "INVITE", 1, body=OTHER)
        within(s.bob, said, "INVITE", 2, body=OFFER)
        assert s.bob.statuses == [500]
        assert 0 <= int(s.bob.last.get("retry-after") or "") <= 10


class TestTheirChange:
    def test_accept(self, s: Solo) -> None:
        call, heard = s.answered()
        within(s.bob, theirs(s), "INVITE", 1, body=OTHER, contact="<sip:bob@10.0.0.9;new>")
        assert heard.events == [Offered("INVITE", OTHER, SDP)]
        s.advance(0.3)
        assert s.bob.statuses == [100]
        assert s.do(call.accept, ANSWER)
        said = s.bob.responses[-1]
        assert (said.status, said.body) == (200, ANSWER)
        assert said.contacts
        s.advance(0.6)
        assert s.bob.statuses == [100, 200, 200]
        within(s.bob, theirs(s), "ACK", 1)
        s.advance(40)
        assert s.bob.statuses == [100, 200, 200]
        s.do(call.hang_up)
        assert last(s.bob, "BYE").uri_text == "sip:bob@10.0.0.9;new"

    def test_refuse(self, s: Solo) -> None:
        call, _ = s.answered()
        within(s.bob, theirs(s), "INVITE", 1, body=OTHER, contact="<sip:bob@10.0.0.9;new>")
        assert s.do(call.refuse, headers=(("Warning", '305 here "no such codec"'),))
        assert s.bob.statuses == [488]
        assert s.bob.last.has("warning")
        s.do(call.hang_up)
        assert last(s.bob, "BYE").uri_text == "sip:bob@10.0.0.9"

    def test_nothing_new(self, s: Solo) -> None:
        _, heard = s.answered()
        within(s.bob, theirs(s), "INVITE", 1, body=ANSWER)
        assert s.bob.statuses == [200]
        assert s.bob.last.body == OFFER
        assert heard.events == []

    def test_nobody_answers(self, s: Solo) -> None:
        _, heard = s.answered()
        within(s.bob, theirs(s), "INVITE", 1, body=OTHER)
        s.advance(10.1)
        assert s.bob.statuses == [100, 200]
        assert s.bob.last.body == OFFER
        assert heard.kinds == ["Offered"]

    def test_they_ask_for_our_offer(self, s: Solo) -> None:
        call, heard = s.answered()
        within(s.bob, theirs(s), "INVITE", 1)
        assert heard.take() == [Offered("INVITE", b"")]
        s.do(call.accept, OTHER)
        assert s.bob.last.body == OTHER
        within(s.bob, theirs(s), "ACK", 1, body=ANSWER)
        assert heard.events == [Changed(ANSWER, SDP)]

    def test_cancelled(self, s: Solo) -> None:
        call, _ = s.answered()
        invite = within(s.bob, theirs(s), "INVITE", 1, body=OTHER)
        cancel(s.bob, invite)
        assert s.bob.statuses == [200, 487]
        assert not s.do(call.accept, ANSWER)
        assert call.up

    def test_no_ack(self, s: Solo) -> None:
        call, heard = s.answered()
        within(s.bob, theirs(s), "INVITE", 1, body=OTHER)
        s.do(call.accept, ANSWER)
        s.advance(33)
        assert heard.kinds == ["Offered", "Ended"]
        assert "BYE" in s.bob.methods

    def test_update(self, s: Solo) -> None:
        call, heard = s.answered()
        within(s.bob, theirs(s), "UPDATE", 1, body=OTHER)
        assert heard.events == [Offered("UPDATE", OTHER, SDP)]
        s.do(call.accept, ANSWER)
        assert s.bob.statuses == [200]
        assert s.bob.last.body == ANSWER

    def test_update_that_is_refused(self, s: Solo) -> None:
        call, _ = s.answered()
        within(s.bob, theirs(s), "UPDATE", 1, body=OTHER)
        s.do(call.refuse, 504)
        assert s.bob.statuses == [504]

    def test_update_without_an_offer(self, s: Solo) -> None:
        _, heard = s.answered()
        within(s.bob, theirs(s), "UPDATE", 1)
        assert s.bob.statuses == [200]
        assert s.bob.last.body == b""
        assert heard.events == []

    def test_an_interval_that_is_too_short(self, s: Solo) -> None:
        s.answered()
        headers = [("Supported", "timer"), ("Session-Expires", "30")]
        within(s.bob, theirs(s), "UPDATE", 1, headers=headers)
        assert s.bob.statuses == [422]

    def test_while_it_rings(self, s: Solo) -> None:
        call, heard = s.call()
        early = [("Require", "100rel"), ("RSeq", "7")]
        ring(s.bob, invite_of(s.bob), 183, headers=early, body=ANSWER)
        reply(s.bob, last(s.bob, "PRACK"), 200)
        within(s.bob, theirs(s), "UPDATE", 1, body=OTHER)
        s.do(call.accept, OFFER)
        assert s.bob.statuses == [200]
        assert heard.kinds == ["Ringing", "Offered"]


class TestSessionTimer:
    def test_refresh_with_update(self, s: Solo) -> None:
        timer = [("Session-Expires", "100;refresher=uac"), ("Require", "timer")]
        _, heard = s.answered(headers=[*timer, ("Allow", "INVITE, UPDATE")])
        s.advance(51)
        update = last(s.bob, "UPDATE")
        assert update.body == b""
        assert (update.get("session-expires") or "").startswith("100")
        reply(s.bob, update, 200, headers=timer)
        s.advance(51)
        assert s.bob.methods.count("UPDATE") >= 2
        assert heard.events == []

    def test_refresh_with_invite(self, s: Solo) -> None:
        timer = [("Session-Expires", "100;refresher=uac"), ("Require", "timer")]
        _, heard = s.answered(headers=[*timer, ("Allow", "INVITE")])
        s.advance(51)
        assert invite_of(s.bob).body == OFFER
        reply(s.bob, invite_of(s.bob), 200, body=ANSWER, headers=timer)
        assert last(s.bob, "ACK").cseq.number == 2
        assert heard.events == []

    def test_it_waits_for_its_turn(self, s: Solo) -> None:
        timer = [("Session-Expires", "100;refresher=uac"), ("Require", "timer")]
        call, _ = s.answered(headers=[*timer, ("Allow", "INVITE")])
        s.advance(49.5)
        within(s.bob, theirs(s), "INVITE", 1, body=OTHER)
        s.bob.take()
        s.advance(2)
        assert s.bob.methods == []
        s.do(call.accept, ANSWER)
        within(s.bob, theirs(s), "ACK", 1)
        assert call.up

    def test_nobody_refreshes(self, s: Solo) -> None:
        timer = [("Session-Expires", "100;refresher=uas"), ("Require", "timer")]
        _, heard = s.answered(headers=timer)
        s.advance(70)
        assert heard.events == [Ended(True, "the session was not refreshed")]
        assert "BYE" in s.bob.methods

    def test_a_refresh_that_fails(self, s: Solo) -> None:
        timer = [("Session-Expires", "100;refresher=uac"), ("Require", "timer")]
        call, heard = s.answered(headers=[*timer, ("Allow", "INVITE, UPDATE")])
        s.advance(51)
        reply(s.bob, last(s.bob, "UPDATE"), 500)
        s.advance(2)
        assert s.bob.methods.count("UPDATE") >= 2
        assert call.up
        assert heard.events == []
