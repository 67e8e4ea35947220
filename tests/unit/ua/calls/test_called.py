"""Calls that are received: ringing, answering, refusing, and what ends them before."""

from __future__ import annotations

import pytest
from tests.harness import Peer
from tests.unit.ua.support import (
    ANSWER,
    OFFER,
    OTHER,
    SDP,
    Heard,
    Solo,
    cancel,
    within,
)

from ringway.message import Request, Response, build_response
from ringway.ua.calls.called import IncomingCall
from ringway.ua.events import Answered, CallOffered, Changed, Ended, Offered

SUPPORTED = [("Supported", "100rel")]
REQUIRED = [("Require", "100rel")]


@pytest.fixture
def s() -> Solo:
    return Solo()


def offered(s: Solo, body: bytes = OFFER, **how: object) -> tuple[IncomingCall, Heard, Request]:
    invite = s.invited(body, **how)  # type: ignore[arg-type] # as `invited` takes them
    return s.calls[-1], s.heard[-1], invite


def progress(peer: Peer) -> list[Response]:
    return [each for each in peer.responses if 100 < each.status < 200]


def prack(s: Solo, said: Response, cseq: int = 2, body: bytes = b"") -> None:
    rack = f"{said.get('rseq')} {said.cseq}"
    within(s.bob, said, "PRACK", cseq, headers=[("RAck", rack)], body=body)


class TestOffered:
    def test_the_application_decides(self, s: Solo) -> None:
        call, heard, invite = offered(s)
        assert s.application.told == [CallOffered(call)]
        assert call.request.body == OFFER
        assert call.request.call_id == invite.call_id
        assert call.waits
        assert not call.up
        assert call.replaces is None
        assert s.bob.statuses == []
        s.advance(0.2)
        assert s.bob.statuses == [100]
        assert heard.events == []

    @pytest.mark.parametrize("contact", ["<http://bob>", "no contact at all <"])
    def test_a_contact_nobody_can_read(self, s: Solo, contact: str) -> None:
        s.invited(contact=contact)
        assert s.bob.statuses == [400]
        assert s.calls == []
        assert s.agent.dialogs == {}

    def test_an_interval_that_is_too_short(self, s: Solo) -> None:
        s.invited(headers=[("Supported", "timer"), ("Session-Expires", "60")])
        assert s.bob.statuses == [422]
        assert s.bob.last.get("min-se") == "90"
        assert s.calls == []

    def test_nobody_answers(self, s: Solo) -> None:
        call, heard, _ = offered(s)
        s.advance(181)
        assert s.bob.statuses[-1] == 480
        assert heard.events == [Ended(True, "nobody answered")]
        assert call.done
        assert s.agent.dialogs == {}

    @pytest.mark.parametrize(("expires", "status", "after"), [("20", 487, 20), ("900", 480, 180)])
    def test_its_own_expiry(self, s: Solo, expires: str, status: int, after: int) -> None:
        _, heard, _ = offered(s, headers=[("Expires", expires)])
        s.advance(after - 1)
        assert heard.events == []
        s.advance(2)
        assert s.bob.statuses[-1] == status
        assert heard.kinds == ["Ended"]

    def test_cancel(self, s: Solo) -> None:
        call, heard, invite = offered(s)
        s.do(call.ring)
        cancel(s.bob, invite)
        assert s.bob.statuses[-2:] == [200, 487]
        assert len({each.to_tag for each in s.bob.responses}) == 1
        assert heard.events == [Ended(False, "cancelled by the caller")]
        assert not s.do(call.answer, ANSWER)
        assert not s.do(call.ring)
        assert not s.do(call.reject)

    def test_cancel_says_why(self, s: Solo) -> None:
        _, heard, invite = offered(s)
        cancel(s.bob, invite, [("Reason", 'SIP;cause=200;text="elsewhere"')])
        assert heard.events == [Ended(False, 'SIP;cause=200;text="elsewhere"')]

    def test_cancel_after_the_answer(self, s: Solo) -> None:
        call, heard, invite = offered(s)
        s.do(call.answer, ANSWER)
        cancel(s.bob, invite)
        assert s.bob.statuses == [200, 200]
        assert call.up
        assert heard.events == []

    def test_bye_before_the_answer(self, s: Solo) -> None:
        call, heard, _ = offered(s)
        s.do(call.ring)
        within(s.bob, s.bob.responses[-1], "BYE", 2)
        assert sorted(s.bob.statuses) == [180, 200, 487]
        assert heard.events == [Ended(False, "the far end hung up")]


class TestRing:
    def test_it(self, s: Solo) -> None:
        call, _, _ = offered(s, headers=[("Record-Route", "<sip:10.0.0.9;lr>")])
        assert s.do(call.ring)
        assert s.do(call.ring, 183, ANSWER)
        first, second = s.bob.responses
        assert (first.status, second.status) == (180, 183)
        assert first.to_tag == second.to_tag != ""
        assert first.get("record-route") == "<sip:10.0.0.9;lr>"
        assert str(first.contacts[0].uri).startswith("sip:alice@10.0.0.1")
        assert (second.body, second.get("content-type")) == (ANSWER, SDP)
        assert not first.has("rseq")

    @pytest.mark.parametrize("status", [100, 200])
    def test_what_is_no_progress(self, s: Solo, status: int) -> None:
        call, _, _ = offered(s)
        with pytest.raises(ValueError, match="no progress"):
            call.ring(s.now, status)

    def test_again_every_minute(self, s: Solo) -> None:
        call, _, _ = offered(s)
        s.do(call.ring)
        s.advance(125)
        assert len(progress(s.bob)) == 3
        s.do(call.answer, ANSWER)
        s.bob.take()
        within(s.bob, call_response(s), "ACK", 1)
        s.advance(100)
        assert progress(s.bob) == []

    def test_a_sips_caller_gets_a_sips_contact(self, s: Solo) -> None:
        call, _, _ = offered(s, contact="<sips:bob@10.0.0.9>")
        s.do(call.ring)
        assert s.bob.responses[-1].contacts[0].uri.secure


class TestReliably:
    def test_prack(self, s: Solo) -> None:
        call, _, _ = offered(s, headers=SUPPORTED)
        s.do(call.ring, 183, ANSWER)
        (said,) = progress(s.bob)
        assert said.require == ("100rel",)
        assert 1 <= int(said.get("rseq") or "") < 2**31
        s.advance(2)
        assert len(progress(s.bob)) == 3
        prack(s, said)
        assert s.bob.statuses[-1] == 200
        s.advance(10)
        assert len(progress(s.bob)) == 3

    def test_only_if_it_is_worth_it(self, s: Solo) -> None:
        call, _, _ = offered(s, headers=SUPPORTED)
        s.do(call.ring)
        s.do(call.ring, reliable=True)
        assert [each.has("rseq") for each in progress(s.bob)] == [False, True]

    def test_a_change_that_shows_the_caller_is_gone(self, s: Solo) -> None:
        call, heard, _ = offered(s, headers=[*SUPPORTED, ("Allow", "UPDATE")])
        s.do(call.ring, 183, ANSWER)
        prack(s, progress(s.bob)[0])
        assert s.do(call.change, OTHER, method="UPDATE")
        s.bob.answer(s.bob.requests[-1], 481)
        assert s.bob.statuses[-1] == 480
        assert heard.kinds == ["NotChanged", "Ended"]
        assert "BYE" not in s.bob.methods

    def test_where_it_is_demanded(self, s: Solo) -> None:
        call, _, _ = offered(s, headers=REQUIRED)
        s.do(call.ring)
        assert progress(s.bob)[0].has("rseq")

    def test_one_after_another(self, s: Solo) -> None:
        call, _, _ = offered(s, headers=SUPPORTED)
        s.do(call.ring, 183, reliable=True)
        s.do(call.ring, 180, reliable=True)
        (said,) = progress(s.bob)
        prack(s, said)
        _, second = progress(s.bob)
        assert second.status == 180
        assert int(second.get("rseq") or "") == int(said.get("rseq") or "") + 1

    def test_again_after_a_while(self, s: Solo) -> None:
        call, _, _ = offered(s, headers=SUPPORTED)
        s.do(call.ring, reliable=True)
        prack(s, progress(s.bob)[0])
        s.advance(150.2)
        first, second = progress(s.bob)
        assert first.get("rseq") != second.get("rseq")

    def test_no_prack(self, s: Solo) -> None:
        call, heard, _ = offered(s, headers=SUPPORTED)
        s.do(call.ring, reliable=True)
        s.advance(33)
        assert s.bob.statuses[-1] == 504
        assert heard.events == [Ended(True, "no PRACK came")]

    def test_the_answer_waits_for_the_prack(self, s: Solo) -> None:
        call, _, _ = offered(s, headers=SUPPORTED)
        s.do(call.ring, 183, ANSWER)
        assert s.do(call.answer)
        assert not s.do(call.ring)
        (said,) = progress(s.bob)
        assert s.bob.statuses == [183]
        prack(s, said)
        assert s.bob.statuses == [183, 200, 200]
        assert call.up
        assert s.bob.last.body == b""

    def test_an_offer_in_it(self, s: Solo) -> None:
        call, heard, _ = offered(s, b"", headers=SUPPORTED)
        s.do(call.ring, 183, OTHER)
        prack(s, progress(s.bob)[0], body=ANSWER)
        assert heard.events == [Changed(ANSWER, SDP)]
        s.do(call.answer)
        assert s.bob.last.body == b""

    def test_an_offer_in_the_prack(self, s: Solo) -> None:
        call, heard, _ = offered(s, headers=SUPPORTED)
        s.do(call.ring, 183, ANSWER)
        prack(s, progress(s.bob)[0], body=OTHER)
        assert heard.events == [Offered("PRACK", OTHER, SDP)]
        assert s.bob.statuses == [183]
        s.do(call.accept, ANSWER)
        assert s.bob.statuses == [183, 200]
        assert s.bob.last.body == ANSWER
        assert call.session is not None
        assert call.session.offers.theirs.body == OTHER

    def test_an_offer_in_the_prack_that_is_refused(self, s: Solo) -> None:
        call, _, _ = offered(s, headers=SUPPORTED)
        s.do(call.ring, 183, ANSWER)
        prack(s, progress(s.bob)[0], body=OTHER)
        s.do(call.refuse)
        assert s.bob.statuses == [183, 488]

    def test_a_prack_for_nothing(self, s: Solo) -> None:
        call, _, _ = offered(s, headers=SUPPORTED)
        s.do(call.ring, reliable=True)
        said = progress(s.bob)[0]
        within(s.bob, said, "PRACK", 2, headers=[("RAck", "5 1 INVITE")])
        assert s.bob.statuses[-1] == 481

    def test_a_prack_where_nothing_was_reliable(self, s: Solo) -> None:
        call, _, _ = offered(s)
        s.do(call.ring)
        within(s.bob, progress(s.bob)[0], "PRACK", 2, headers=[("RAck", "5 1 INVITE")])
        assert s.bob.statuses[-1] == 481


class TestAnswer:
    def test_until_the_ack(self, s: Solo) -> None:
        call, heard, _ = offered(s)
        assert s.do(call.answer, ANSWER, headers=(("Subject", "tea"),))
        s.advance(3.6)
        said = s.bob.responses[0]
        assert s.bob.statuses == [200] * 4
        assert said.body == ANSWER
        assert said.get("subject") == "tea"
        assert "INVITE" in said.values("allow")
        assert "100rel" in said.supported
        within(s.bob, said, "ACK", 1)
        s.advance(40)
        assert s.bob.statuses == [200] * 4
        assert heard.events == [Answered(b"", "", "bob")]
        assert not s.do(call.answer, ANSWER)

    def test_no_ack(self, s: Solo) -> None:
        call, heard, _ = offered(s)
        s.do(call.answer, ANSWER)
        s.advance(31.9)
        assert s.bob.statuses == [200] * 11
        assert s.bob.methods == []
        s.advance(0.2)
        assert s.bob.methods == ["BYE"]
        assert heard.events == [Ended(True, "no ACK came")]

    def test_an_ack_for_something_else(self, s: Solo) -> None:
        call, heard, _ = offered(s)
        s.do(call.answer, ANSWER)
        said = s.bob.responses[0]
        within(s.bob, said, "ACK", 7)
        assert heard.events == []
        s.advance(0.6)
        assert s.bob.statuses == [200, 200]

    def test_our_offer(self, s: Solo) -> None:
        call, heard, _ = offered(s, b"")
        s.do(call.answer, OTHER)
        said = s.bob.responses[0]
        assert said.body == OTHER
        within(s.bob, said, "ACK", 1, body=ANSWER)
        assert heard.events == [Answered(ANSWER, SDP, "bob")]

    def test_session_timer(self, s: Solo) -> None:
        call, _, _ = offered(s, headers=[("Supported", "timer"), ("Session-Expires", "600")])
        s.do(call.answer, ANSWER)
        assert (s.bob.last.get("session-expires") or "").startswith("600;refresher=ua")

    def test_bye_waits_for_the_ack(self, s: Solo) -> None:
        call, heard, _ = offered(s)
        s.do(call.answer, ANSWER)
        s.do(call.hang_up, "sorry")
        s.do(call.hang_up, "again")
        assert s.bob.methods == []
        within(s.bob, s.bob.responses[0], "ACK", 1)
        assert s.bob.methods == ["BYE"]
        assert heard.kinds == ["Answered", "Ended"]
        assert heard.last == Ended(True, "sorry")

    def test_bye_after_no_ack(self, s: Solo) -> None:
        call, heard, _ = offered(s)
        s.do(call.answer, ANSWER)
        s.do(call.hang_up, "sorry")
        s.advance(33)
        assert s.bob.methods[0] == "BYE"
        assert heard.kinds == ["Ended"]

    def test_their_bye_stops_the_2xx(self, s: Solo) -> None:
        call, heard, _ = offered(s)
        s.do(call.answer, ANSWER)
        within(s.bob, s.bob.responses[0], "BYE", 2)
        s.bob.take()
        s.advance(40)
        assert s.bob.received == []
        assert heard.kinds == ["Ended"]
        assert call.done


class TestRefuse:
    def test_reject(self, s: Solo) -> None:
        call, heard, invite = offered(s)
        assert s.do(call.reject, headers=(("Retry-After", "60"),))
        assert s.bob.statuses == [486]
        assert s.bob.last.get("retry-after") == "60"
        assert heard.events == [Ended(True, "rejected with 486")]
        s.bob.ack(invite, s.bob.last)
        s.advance(200)
        assert heard.kinds == ["Ended"]

    def test_what_rejects_nothing(self, s: Solo) -> None:
        call, _, _ = offered(s)
        with pytest.raises(ValueError, match="rejects nothing"):
            call.reject(s.now, 200)

    def test_redirect(self, s: Solo) -> None:
        call, _, _ = offered(s)
        where = ["sip:carol@10.0.0.8", "<sip:dave@10.0.0.7>;q=0.5"]
        assert s.do(call.redirect, where)
        assert s.bob.statuses == [302]
        assert [str(each.uri) for each in s.bob.last.contacts] == [
            "sip:carol@10.0.0.8",
            "sip:dave@10.0.0.7",
        ]
        assert s.bob.last.contacts[1].q == 0.5

    @pytest.mark.parametrize(("where", "status"), [([], 302), (["sip:a@b"], 380)])
    def test_what_redirects_nowhere(self, s: Solo, where: list[str], status: int) -> None:
        call, _, _ = offered(s)
        with pytest.raises(ValueError, match="a redirect is"):
            call.redirect(s.now, where, status)

    def test_hang_up(self, s: Solo) -> None:
        call, heard, _ = offered(s)
        s.do(call.hang_up, "gone home")
        assert s.bob.statuses == [480]
        assert heard.events == [Ended(True, "gone home")]

    def test_who_we_are(self) -> None:
        s = Solo(software="ringway")
        call, _, _ = offered(s)
        s.do(call.ring)
        s.do(call.reject)
        assert [each.get("server") for each in s.bob.responses] == ["ringway"] * 2


class TestMoved:
    """The connection of the INVITE breaks, and a copy comes over another one."""

    def offered(self, s: Solo, *, supported: bool = False) -> tuple[IncomingCall, Heard, Peer]:
        phone = s.connect("tcp", "10.0.0.7")
        headers = [("Contact", "<sip:bob@10.0.0.9>"), ("Content-Type", SDP)]
        self.headers = [*headers, *(SUPPORTED if supported else [])]
        self.send(phone, "one")
        return s.calls[0], s.heard[0], phone

    def send(self, peer: Peer, name: str, *headers: tuple[str, str]) -> Request:
        return peer.request(
            "INVITE",
            "sip:alice@10.0.0.1",
            branch=f"z9hG4bK-{name}",
            call_id="moved",
            from_="<sip:bob@10.0.0.9>;tag=bob",
            to="<sip:alice@example.com>",
            headers=[*self.headers, ("Record-Route", f"<sip:{name}@10.0.0.9;lr>"), *headers],
            body=OFFER,
        )

    def test_before_it_rings(self, s: Solo) -> None:
        call, heard, phone = self.offered(s)
        phone.close()
        self.send(s.bob, "two")
        assert len(s.calls) == 1
        assert heard.kinds == ["FlowReplaced"]
        s.do(call.answer, ANSWER)
        assert s.bob.statuses == [200]
        assert s.bob.last.get("record-route") == "<sip:two@10.0.0.9;lr>"
        within(s.bob, s.bob.responses[-1], "ACK", 1)
        s.do(call.hang_up)
        assert [str(each) for each in s.bob.requests[-1].routes] == ["<sip:two@10.0.0.9;lr>"]

    def test_nothing_is_left_of_the_first(self, s: Solo) -> None:
        call, _, phone = self.offered(s)
        phone.close()
        self.send(s.bob, "two")
        assert s.endpoint.transactions == 1
        s.do(call.reject)
        s.advance(40)
        assert s.bob.statuses[-1] == 486
        assert s.endpoint.transactions == 0

    def test_while_it_rings(self, s: Solo) -> None:
        call, _, phone = self.offered(s)
        s.do(call.ring)
        tag = phone.responses[-1].to_tag
        phone.close()
        invite = self.send(s.bob, "two")
        assert s.bob.statuses == [180]
        assert s.bob.last.to_tag == tag
        cancel(s.bob, invite)
        assert s.bob.statuses == [180, 200, 487]
        assert call.done

    def test_while_it_rings_reliably(self, s: Solo) -> None:
        call, _, phone = self.offered(s, supported=True)
        s.do(call.ring, 183, ANSWER)
        first = phone.responses[-1]
        s.do(call.answer)
        phone.close()
        self.send(s.bob, "two")
        second = s.bob.responses[0]
        assert int(second.get("rseq") or "") == int(first.get("rseq") or "") + 1
        assert second.body == ANSWER
        prack(s, second)
        assert s.bob.statuses == [183, 200, 200]
        assert call.up

    def test_the_first_connection_still_works(self, s: Solo) -> None:
        self.offered(s)
        self.send(s.bob, "two")
        assert s.bob.statuses == [482]

    def test_a_route_nobody_can_read(self, s: Solo) -> None:
        _, _, phone = self.offered(s)
        phone.close()
        self.send(s.bob, "two", ("Record-Route", "sip:no-brackets"))
        assert s.bob.statuses == [400]

    def test_it_was_answered(self, s: Solo) -> None:
        call, _, phone = self.offered(s)
        s.do(call.reject)
        phone.close()
        self.send(s.bob, "two")
        assert s.bob.statuses == [482]


def call_response(s: Solo) -> Response:
    """Return a response of the call that is up, for its tags."""
    session = s.calls[-1].session
    assert session is not None
    draft = s.calls[-1].request.edit()
    draft.replace("to", session.dialog.local)
    request = draft.build()
    return build_response(request, 200)
