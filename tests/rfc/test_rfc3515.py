"""RFC 3515: REFER, and the subscription that reports on it; both sides."""

import pytest
from tests.unit.ua.calls.test_call import last, theirs
from tests.unit.ua.calls.test_transfer import CAROL, notifies, notify, refer
from tests.unit.ua.support import Solo, accept, invite_of, reply, ring, within

from ringway.ua.events import TransferProgress


@pytest.fixture
def s() -> Solo:
    return Solo()


class TestSection2_4_1:
    def test_exactly_one_refer_to(self, s: Solo) -> None:
        call, _ = s.answered()
        s.do(call.refer, CAROL)
        assert last(s.bob, "REFER").values("refer-to") == (f"<{CAROL}>",)


class TestSection2_4_2:
    def test_the_user_is_asked(self, s: Solo) -> None:
        carol = s.peer("udp", "10.0.0.8")
        _, heard = s.answered()
        refer(s)
        assert heard.kinds == ["TransferAsked"]
        assert carol.received == []
        assert s.bob.statuses == []

    def test_none_or_several_refer_to(self, s: Solo) -> None:
        s.answered()
        within(s.bob, theirs(s), "REFER", 1)
        twice = [("Refer-To", f"<{CAROL}>")] * 2
        within(s.bob, theirs(s), "REFER", 2, headers=twice)
        assert s.bob.statuses == [400, 400]

    def test_a_202_before_the_transaction_expires(self, s: Solo) -> None:
        s.answered()
        refer(s)
        s.advance(31)
        assert s.bob.statuses[-1] == 202

    def test_who_is_accepted_is_contacted(self, s: Solo) -> None:
        carol = s.peer("udp", "10.0.0.8")
        call, _ = s.answered()
        refer(s)
        s.do(call.transfer_answer, True)
        assert carol.methods == ["INVITE"]


class TestSection2_4_4:
    def test_each_notify_is_of_the_same_dialog_and_event(self, s: Solo) -> None:
        call, _ = s.answered()
        refer(s)
        s.do(call.transfer_answer, True, call=False)
        sent = last(s.bob, "NOTIFY")
        said = theirs(s)
        assert sent.call_id == said.call_id
        assert sent.from_tag == said.from_tag
        assert sent.to_tag == said.to_tag
        assert sent.get("event") == "refer"
        assert (sent.get("content-type") or "").startswith("message/sipfrag")
        assert (sent.get("subscription-state") or "").startswith("active;expires=")
        assert sent.contacts

    def test_a_notify_before_the_refer_is_answered(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.refer, CAROL)
        notify(s, 1, "SIP/2.0 100 Trying")
        assert s.bob.statuses == [200]
        assert heard.kinds == ["TransferProgress"]

    def test_who_does_not_listen_does_not_end_the_call_it_asked_for(self, s: Solo) -> None:
        carol = s.peer("udp", "10.0.0.8")
        call, _ = s.answered()
        refer(s)
        made = s.do(call.transfer_answer, True)
        ring(carol, invite_of(carol))
        reply(s.bob, last(s.bob, "NOTIFY"), 481)
        s.advance(5)
        assert carol.methods == ["INVITE"]
        accept(carol, invite_of(carol))
        assert made.up


class TestSection2_4_5:
    def test_the_body_begins_with_a_status_line(self, s: Solo) -> None:
        carol = s.peer("udp", "10.0.0.8")
        call, _ = s.answered()
        refer(s)
        s.do(call.transfer_answer, True)
        reply(carol, invite_of(carol), 503)
        s.advance(1.1)
        assert [body for body, _ in notifies(s)][:1] == [b"SIP/2.0 100 Trying\r\n"]
        assert notifies(s)[-1] == (b"SIP/2.0 503 Service Unavailable\r\n", "terminated")

    def test_one_that_does_not(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.refer, CAROL)
        notify(s, 1, "OK")
        assert s.bob.statuses == [400]
        assert heard.events == []


class TestSection2_4_6:
    def test_the_second_refer_has_an_id(self, s: Solo) -> None:
        call, _ = s.answered()
        for cseq in (3, 4):
            refer(s, cseq=cseq)
            s.do(call.transfer_answer, True, call=False)
        assert last(s.bob, "NOTIFY").get("event") == "refer;id=4"

    def test_ours_are_told_apart(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.refer, CAROL)
        s.do(call.refer, CAROL)
        number = last(s.bob, "REFER").cseq.number
        state = "terminated;reason=noresource"
        notify(s, 1, "SIP/2.0 486 Busy Here", event=f"refer;id={number}", state=state)
        notify(s, 2, "SIP/2.0 200 OK", state=state)
        notify(s, 3, "SIP/2.0 200 OK", state=state)
        assert s.bob.statuses == [200, 200, 481]
        assert heard.events == [
            TransferProgress(486, "Busy Here", True),
            TransferProgress(200, "OK", True),
        ]


class TestSection2_4_7:
    def test_the_last_notify_says_noresource(self, s: Solo) -> None:
        call, _ = s.answered()
        refer(s)
        s.do(call.transfer_answer, True, call=False)
        s.do(call.notify, 200)
        s.advance(1.1)
        sent = last(s.bob, "NOTIFY")
        assert sent.get("subscription-state") == "terminated;reason=noresource"

    def test_declined_after_the_202(self, s: Solo) -> None:
        call, _ = s.answered()
        refer(s)
        s.advance(25)
        s.do(call.transfer_answer, False)
        s.advance(1.1)
        assert notifies(s)[-1] == (b"SIP/2.0 603 Decline\r\n", "terminated")


class TestSection3_10:
    def test_not_more_than_one_notify_each_second(self, s: Solo) -> None:
        call, _ = s.answered()
        refer(s)
        s.do(call.transfer_answer, True, call=False)
        for status in (180, 183, 200):
            s.do(call.notify, status)
        assert len(notifies(s)) == 1
        reply(s.bob, last(s.bob, "NOTIFY"), 200)
        s.advance(0.9)
        assert len(notifies(s)) == 1
        s.advance(0.2)
        assert notifies(s)[1:] == [(b"SIP/2.0 200 OK\r\n", "terminated")]
