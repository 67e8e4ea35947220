"""RFC 3261 §13: sessions begin, at both ends."""

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
    cancel,
    invite_of,
    reply,
    ring,
    within,
)

from ringway.message import Request, Response
from ringway.ua.calls.called import IncomingCall
from ringway.ua.events import Answered, Failed

RELIABLE = [("Require", "100rel"), ("RSeq", "7")]


@pytest.fixture
def s() -> Solo:
    return Solo()


def last(peer: Peer, method: str) -> Request:
    return [each for each in peer.requests if each.method == method][-1]


def offered(s: Solo, body: bytes = OFFER, **how: object) -> tuple[IncomingCall, Heard]:
    s.invited(body, **how)  # type: ignore[arg-type] # as `invited` takes them
    return s.calls[-1], s.heard[-1]


def finals(peer: Peer) -> list[Response]:
    return [each for each in peer.responses if each.status >= 200]


class TestSection13_1:
    @pytest.mark.clause("RFC3261-13.1-1")
    def test_ack_cancel_and_bye(self, s: Solo) -> None:
        s.bob.request("OPTIONS", "sip:alice@10.0.0.1")
        assert {"INVITE", "ACK", "CANCEL", "BYE"} <= set(s.bob.last.values("allow"))
        invite = s.invited()
        cancel(s.bob, invite)
        assert s.bob.statuses[-1] == 487
        call, _ = s.answered()
        s.do(call.hang_up)
        assert s.bob.methods == ["BYE"]


class TestSection13_2_1:
    @pytest.mark.clause("RFC3261-13.2.1-1", "RFC3261-13.2.1-2", "RFC3261-13.2.1-3")
    def test_what_the_invite_says_of_us(self, s: Solo) -> None:
        s.call()
        invite = invite_of(s.bob)
        assert "INFO" in invite.values("allow")
        assert set(invite.supported) >= {"100rel", "replaces", "timer"}

    @pytest.mark.clause("RFC3261-13.2.1-4")
    def test_it_expires(self, s: Solo) -> None:
        _, heard = s.call(headers=(("Expires", "20"),))
        ring(s.bob, invite_of(s.bob))
        s.advance(19.9)
        assert "CANCEL" not in s.bob.methods
        s.advance(0.2)
        assert "CANCEL" in s.bob.methods
        reply(s.bob, invite_of(s.bob), 487)
        assert heard.kinds == ["Ringing", "Ended"]

    @pytest.mark.clause("RFC3261-13.2.1-4")
    def test_an_answer_in_time(self, s: Solo) -> None:
        call, _ = s.call(headers=(("expires", "20"),))
        accept(s.bob, invite_of(s.bob))
        s.advance(40)
        assert call.up
        assert s.bob.methods == ["INVITE", "ACK"]

    @pytest.mark.clause("RFC3261-13.2.1-5", "RFC3261-13.2.1-12", "RFC3261-13.2.1-13")
    def test_offer_in_the_invite_and_answer_in_the_2xx(self, s: Solo) -> None:
        call, heard = s.call()
        assert invite_of(s.bob).body == OFFER
        accept(s.bob, invite_of(s.bob))
        assert heard.last == Answered(ANSWER, SDP, "peer")
        assert call.up

    @pytest.mark.clause("RFC3261-13.2.1-5", "RFC3261-13.2.1-9", "RFC3261-13.2.1-12")
    def test_offer_in_the_2xx_and_answer_in_the_ack(self, s: Solo) -> None:
        call, heard = s.call(body=b"")
        accept(s.bob, invite_of(s.bob), OTHER)
        assert heard.last == Answered(OTHER, SDP, "peer", True)
        s.do(call.accept, ANSWER)
        assert last(s.bob, "ACK").body == ANSWER

    @pytest.mark.clause("RFC3261-13.2.1-6", "RFC3261-13.2.1-14")
    def test_the_answer_to_the_callers_offer(self, s: Solo) -> None:
        call, _ = offered(s)
        s.do(call.answer, ANSWER)
        assert (s.bob.last.body, s.bob.last.get("content-type")) == (ANSWER, SDP)

    @pytest.mark.clause("RFC3261-13.2.1-7", "RFC3261-13.2.1-8")
    def test_the_first_answer_counts(self, s: Solo) -> None:
        call, _ = s.call()
        invite = invite_of(s.bob)
        ring(s.bob, invite, 183, headers=RELIABLE, body=ANSWER)
        accept(s.bob, invite, OTHER)
        assert call.session is not None
        assert call.session.offers.theirs.body == ANSWER

    @pytest.mark.clause("RFC3261-13.2.1-10")
    def test_no_offer_before_the_answer(self, s: Solo) -> None:
        call, _ = s.answered()
        assert s.do(call.change, OTHER)
        assert not s.do(call.change, OFFER, method="UPDATE")

    @pytest.mark.clause("RFC3261-13.2.1-11")
    def test_no_second_answer_in_the_2xx(self, s: Solo) -> None:
        call, _ = offered(s, headers=[("Supported", "100rel")])
        s.do(call.ring, 183, ANSWER)
        said = s.bob.responses[-1]
        rack = f"{said.get('rseq')} {said.cseq}"
        within(s.bob, said, "PRACK", 2, headers=[("RAck", rack)])
        s.do(call.answer, OTHER)
        assert s.bob.last.body == b""


class TestSection13_2_2:
    @pytest.mark.clause("RFC3261-13.2.2.1-1")
    def test_a_new_to_tag_makes_an_early_dialog(self, s: Solo) -> None:
        s.call()
        ring(s.bob, invite_of(s.bob), tag="one")
        ring(s.bob, invite_of(s.bob), tag="two")
        ring(s.bob, invite_of(s.bob), tag="two")
        assert len(s.agent.dialogs) == 2

    @pytest.mark.clause("RFC3261-13.2.2.3-1")
    def test_one_failure_counts(self, s: Solo) -> None:
        _, heard = s.call()
        reply(s.bob, invite_of(s.bob), 486)
        reply(s.bob, invite_of(s.bob), 603)
        (event,) = heard.events
        assert isinstance(event, Failed)
        assert event.failure.status == 486

    @pytest.mark.clause("RFC3261-13.2.2.3-2")
    def test_a_failure_ends_the_early_dialogs(self, s: Solo) -> None:
        s.call()
        for tag in ("one", "two"):
            ring(s.bob, invite_of(s.bob), tag=tag)
        reply(s.bob, invite_of(s.bob), 486, "one")
        assert s.agent.dialogs == {}


class TestSection13_2_2_4:
    @pytest.mark.clause("RFC3261-13.2.2.4-1", "RFC3261-13.2.2.4-2")
    def test_it_confirms_the_early_dialog_with_its_own_route_set(self, s: Solo) -> None:
        call, _ = s.call()
        ring(s.bob, invite_of(s.bob))
        assert call.session is not None
        session, number = call.session, call.session.dialog.local_cseq
        accept(s.bob, invite_of(s.bob), headers=[("Record-Route", "<sip:10.0.0.9;lr>")])
        assert call.session is session
        assert not session.dialog.early
        assert session.dialog.route_set == ("<sip:10.0.0.9;lr>",)
        assert session.dialog.local_cseq == number

    @pytest.mark.clause("RFC3261-13.2.2.4-3")
    def test_it_makes_a_dialog_of_its_own(self, s: Solo) -> None:
        call, _ = s.call()
        ring(s.bob, invite_of(s.bob), tag="one")
        accept(s.bob, invite_of(s.bob), tag="two")
        assert call.session is not None
        assert call.session.dialog.remote_tag == "two"

    @pytest.mark.clause(
        "RFC3261-13.2.2.4-4",
        "RFC3261-13.2.2.4-5",
        "RFC3261-13.2.2.4-6",
        "RFC3261-13.2.2.4-10",
    )
    def test_an_ack_for_each(self, s: Solo) -> None:
        s.call()
        invite = invite_of(s.bob)
        for tag in ("one", "two", "one"):
            accept(s.bob, invite, tag=tag)
        acks = [each for each in s.bob.requests if each.method == "ACK"]
        assert [each.to_tag for each in acks] == ["one", "two", "one"]
        assert {str(each.cseq) for each in acks} == {f"{invite.cseq.number} ACK"}

    @pytest.mark.clause("RFC3261-13.2.2.4-7")
    def test_the_credentials_of_the_invite(self, s: Solo) -> None:
        s.call()
        value = 'Digest realm="here", nonce="n", algorithm=SHA-256, qop="auth"'
        s.bob.answer(invite_of(s.bob), 401, headers=[("WWW-Authenticate", value)])
        accept(s.bob, invite_of(s.bob))
        given = invite_of(s.bob).get("authorization")
        assert given
        assert last(s.bob, "ACK").get("authorization") == given

    @pytest.mark.clause("RFC3261-13.2.2.4-8", "RFC3261-13.2.2.4-9")
    def test_an_offer_that_cannot_be_taken(self, s: Solo) -> None:
        call, _ = s.call(body=b"")
        accept(s.bob, invite_of(s.bob), OTHER)
        s.do(call.accept, ANSWER)
        s.do(call.hang_up)
        assert s.bob.methods == ["INVITE", "ACK", "BYE"]
        assert last(s.bob, "ACK").body == ANSWER

    @pytest.mark.clause("RFC3261-13.2.2.4-11")
    def test_who_only_rang_is_forgotten(self, s: Solo) -> None:
        s.call()
        ring(s.bob, invite_of(s.bob), tag="one")
        accept(s.bob, invite_of(s.bob), tag="two")
        s.advance(31.9)
        assert len(s.agent.dialogs) == 2
        s.advance(0.2)
        assert len(s.agent.dialogs) == 1

    @pytest.mark.clause("RFC3261-13.2.2.4-12")
    def test_who_is_not_wanted_gets_a_bye(self, s: Solo) -> None:
        s.call()
        for tag in ("one", "two"):
            accept(s.bob, invite_of(s.bob), tag=tag)
        assert [(each.method, each.to_tag) for each in s.bob.requests[-2:]] == [
            ("ACK", "two"),
            ("BYE", "two"),
        ]


class TestSection13_3_1:
    @pytest.mark.clause("RFC3261-13.3.1-1")
    def test_an_invitation_expires(self, s: Solo) -> None:
        offered(s, headers=[("Expires", "20")])
        s.advance(20.1)
        assert finals(s.bob)[0].status == 487

    @pytest.mark.clause("RFC3261-13.3.1-2", "RFC3261-13.3.1.4-3")
    def test_the_offer_is_in_the_2xx(self, s: Solo) -> None:
        call, _ = offered(s, b"")
        s.do(call.answer, OFFER)
        assert s.bob.last.body == OFFER

    @pytest.mark.clause("RFC3261-13.3.1-2")
    def test_the_offer_is_in_the_first_reliable_response(self, s: Solo) -> None:
        call, _ = offered(s, b"", headers=[("Supported", "100rel")])
        s.do(call.ring, 183, OFFER)
        assert s.bob.last.body == OFFER
        assert s.bob.last.has("rseq")

    @pytest.mark.clause("RFC3261-13.3.1.1-1")
    def test_one_dialog(self, s: Solo) -> None:
        call, _ = offered(s)
        for status in (180, 183, 182):
            s.do(call.ring, status)
        assert len({each.to_tag for each in s.bob.responses}) == 1

    @pytest.mark.clause("RFC3261-13.3.1.1-2")
    def test_each_minute(self, s: Solo) -> None:
        call, _ = offered(s)
        s.do(call.ring)
        s.advance(121)
        assert s.bob.statuses == [180, 180, 180]

    @pytest.mark.clause("RFC3261-13.3.1.2-1")
    @pytest.mark.parametrize("status", [300, 301, 302])
    def test_redirects_have_contacts(self, s: Solo, status: int) -> None:
        call, _ = offered(s)
        s.do(call.redirect, ["sip:carol@example.com"], status)
        assert s.bob.last.get("contact") == "<sip:carol@example.com>"

    @pytest.mark.clause("RFC3261-13.3.1.3-1")
    def test_busy(self, s: Solo) -> None:
        call, _ = offered(s)
        s.do(call.reject)
        assert s.bob.statuses == [486]

    @pytest.mark.clause("RFC3261-13.3.1.3-2")
    def test_busy_everywhere(self, s: Solo) -> None:
        call, _ = offered(s)
        s.do(call.reject, 600)
        assert s.bob.statuses == [600]

    @pytest.mark.clause("RFC3261-13.3.1.3-3", "RFC3261-13.3.1.3-4")
    def test_an_offer_that_is_refused(self, s: Solo) -> None:
        call, _ = offered(s)
        s.do(call.reject, 488)
        assert s.bob.statuses == [488]
        assert (s.bob.last.get("warning") or "").startswith("399 example.com ")

    @pytest.mark.clause("RFC3261-13.3.1.3-4")
    def test_the_applications_own_warning(self, s: Solo) -> None:
        call, _ = offered(s)
        s.do(call.reject, 488, (("Warning", '305 here "no such codec"'),))
        assert s.bob.last.values("warning") == ('305 here "no such codec"',)


class TestSection13_3_1_4:
    @pytest.mark.clause("RFC3261-13.3.1.4-1", "RFC3261-13.3.1.4-2")
    def test_what_the_2xx_says(self, s: Solo) -> None:
        call, _ = offered(s)
        s.do(call.answer, ANSWER)
        assert s.bob.last.has("allow")
        assert s.bob.last.has("supported")
        assert s.bob.last.body == ANSWER

    @pytest.mark.clause("RFC3261-13.3.1.4-4")
    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_it_is_repeated_until_the_ack(self, s: Solo, transport: str) -> None:
        phone = s.bob if transport == "udp" else s.connect("tcp", "10.0.0.9")
        invite = phone.request(
            "INVITE",
            "sip:alice@10.0.0.1",
            from_="<sip:bob@10.0.0.9>;tag=bob",
            to="<sip:alice@example.com>",
            headers=[("Contact", "<sip:bob@10.0.0.9>"), ("Content-Type", SDP)],
            body=OFFER,
        )
        s.do(s.calls[0].answer, ANSWER)
        times = []
        for _ in range(160):
            before = len(finals(phone))
            s.advance(0.1)
            if len(finals(phone)) > before:
                times.append(round(s.now - 1_000_000.0, 1))
        assert times == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5]
        within(phone, finals(phone)[0], "ACK", invite.cseq.number)
        count = len(finals(phone))
        s.advance(30)
        assert len(finals(phone)) == count

    @pytest.mark.clause("RFC3261-13.3.1.4-5")
    def test_no_ack(self, s: Solo) -> None:
        call, heard = offered(s)
        s.do(call.answer, ANSWER)
        s.advance(32.1)
        assert s.bob.methods == ["BYE"]
        assert heard.kinds == ["Ended"]
