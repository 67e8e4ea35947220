"""REFER of both sides, the reports on it, and Replaces in what it leads to."""

from __future__ import annotations

import pytest
from tests.unit.ua.calls.test_call import last, theirs
from tests.unit.ua.support import (
    ANSWER,
    OFFER,
    OTHER,
    Heard,
    Party,
    Solo,
    Town,
    accept,
    invite_of,
    reply,
    ring,
    within,
)

from ringway.ua.calls.called import IncomingCall
from ringway.ua.events import TransferAsked, TransferProgress

CAROL = "sip:carol@10.0.0.8"


@pytest.fixture
def s() -> Solo:
    return Solo()


def notify(
    s: Solo,
    cseq: int,
    line: str = "SIP/2.0 180 Ringing",
    *,
    state: str = "active;expires=60",
    event: str = "refer",
) -> None:
    headers = [
        ("Event", event),
        ("Subscription-State", state),
    ]
    within(s.bob, theirs(s), "NOTIFY", cseq, headers=headers, body=line.encode())


def notifies(s: Solo) -> list[tuple[bytes, str]]:
    return [
        (each.body, (each.get("subscription-state") or "").partition(";")[0])
        for each in s.bob.requests
        if each.method == "NOTIFY"
    ]


def refer(s: Solo, to: str = CAROL, cseq: int = 1, **headers: str) -> None:
    lines = [(name.replace("_", "-"), value) for name, value in headers.items()]
    within(s.bob, theirs(s), "REFER", cseq, headers=[("Refer-To", f"<{to}>"), *lines])


class TestWeAsk:
    def test_it(self, s: Solo) -> None:
        call, heard = s.answered()
        assert s.do(call.refer, CAROL)
        sent = last(s.bob, "REFER")
        assert sent.get("refer-to") == f"<{CAROL}>"
        assert sent.get("referred-by") == "<sip:alice@example.com>"
        assert sent.contacts
        reply(s.bob, sent, 202)
        notify(s, 1, "SIP/2.0 100 Trying")
        notify(s, 2)
        notify(s, 3, "SIP/2.0 200 OK", state="terminated;reason=noresource")
        assert s.bob.statuses == [200, 200, 200]
        assert heard.events == [
            TransferProgress(202, "Accepted", False),
            TransferProgress(100, "Trying", False),
            TransferProgress(180, "Ringing", False),
            TransferProgress(200, "OK", True),
        ]
        notify(s, 4)
        assert s.bob.statuses[-1] == 481

    def test_a_notify_before_the_202(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.refer, CAROL)
        notify(s, 1, "SIP/2.0 100 Trying")
        reply(s.bob, last(s.bob, "REFER"), 202)
        assert heard.events == [TransferProgress(100, "Trying", False)]

    def test_refused(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.refer, CAROL)
        reply(s.bob, last(s.bob, "REFER"), 603)
        assert heard.events == [TransferProgress(603, "Decline", True)]
        assert call.up

    def test_redirected(self, s: Solo) -> None:
        s.peer("udp", "10.0.0.8")
        call, heard = s.answered()
        s.do(call.refer, CAROL)
        s.bob.answer(last(s.bob, "REFER"), 100)
        reply(s.bob, last(s.bob, "REFER"), 302, contact=f"<{CAROL}>")
        assert heard.events == []

    def test_lost(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.refer, CAROL)
        s.advance(33)
        event = heard.events[0]
        assert isinstance(event, TransferProgress)
        assert (event.status, event.final) == (408, True)
        assert heard.kinds == ["TransferProgress", "Ended"]

    def test_lost_after_a_report(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.refer, CAROL)
        notify(s, 1, "SIP/2.0 200 OK", state="terminated")
        reply(s.bob, last(s.bob, "REFER"), 500)
        assert heard.events == [TransferProgress(200, "OK", True)]

    def test_two(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.refer, CAROL)
        reply(s.bob, last(s.bob, "REFER"), 202)
        s.do(call.refer, "sip:dave@10.0.0.7")
        second = last(s.bob, "REFER").cseq.number
        notify(s, 1, "SIP/2.0 486 Busy Here", event=f"refer;id={second}", state="terminated")
        notify(s, 2, "SIP/2.0 486 Busy Here", event=f"refer;id={second}", state="terminated")
        assert s.bob.statuses == [200, 481]
        assert heard.events[-1] == TransferProgress(486, "Busy Here", True)

    def test_reports_nobody_can_read(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.refer, CAROL)
        notify(s, 1, event="presence")
        notify(s, 2, event="refer;=")
        notify(s, 3, "hello")
        notify(s, 4, state="active;expires=soon")
        assert s.bob.statuses == [489, 481, 400, 200]
        assert heard.events == [TransferProgress(180, "Ringing", False)]

    def test_no_report_in_time(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.refer, CAROL)
        reply(s.bob, last(s.bob, "REFER"), 202)
        s.advance(33)
        assert heard.events[-1] == TransferProgress(202, "Accepted", True)

    def test_the_last_report_does_not_come(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.refer, CAROL)
        reply(s.bob, last(s.bob, "REFER"), 202)
        notify(s, 1)
        s.advance(61)
        assert heard.events[-1] == TransferProgress(180, "Ringing", True)

    def test_a_final_status_that_does_not_end_it(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.refer, CAROL)
        reply(s.bob, last(s.bob, "REFER"), 202)
        notify(s, 1, "SIP/2.0 200 OK")
        s.advance(61)
        assert heard.events[-1] == TransferProgress(200, "OK", True)
        assert len(heard.events) == 2

    def test_a_final_status_and_then_the_end(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.refer, CAROL)
        notify(s, 1, "SIP/2.0 200 OK")
        notify(s, 2, "SIP/2.0 200 OK", state="terminated;reason=noresource")
        assert heard.events == [TransferProgress(200, "OK", True)]

    def test_reports_after_the_bye(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.refer, CAROL)
        reply(s.bob, last(s.bob, "REFER"), 202)
        s.do(call.hang_up)
        assert len(s.agent.dialogs) == 1
        said = theirs(s)
        within(s.bob, said, "INFO", 1)
        notify(s, 2, "SIP/2.0 200 OK", state="terminated")
        assert s.bob.statuses == [481, 200]
        assert s.agent.dialogs == {}
        assert heard.kinds == ["TransferProgress", "Ended"]

    def test_a_call_that_rings_is_not_transferred(self, s: Solo) -> None:
        call, _ = s.call()
        ring(s.bob, invite_of(s.bob))
        assert not s.do(call.refer, CAROL)

    def test_no_other_call(self, s: Solo) -> None:
        call, _ = s.answered()
        other, _ = s.call(CAROL)
        assert not s.do(call.refer, replaces=other)


class TestWeAreAsked:
    def test_what_the_application_hears(self, s: Solo) -> None:
        _, heard = s.answered()
        refer(s, Referred_By="<sip:bob@10.0.0.9>")
        (event,) = heard.events
        assert isinstance(event, TransferAsked)
        assert str(event.refer_to) == CAROL
        assert event.referred_by == "sip:bob@10.0.0.9"
        assert not event.replaces
        assert s.bob.statuses == []

    @pytest.mark.clause("RFC3261-8.1.1.9-3", "RFC3261-8.1.1.9-5")
    def test_the_call_is_made(self, s: Solo) -> None:
        carol = s.peer("udp", "10.0.0.8")
        call, _ = s.answered()
        refer(
            s,
            f"{CAROL}?Subject=x&Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2",
            Referred_By="<sip:bob@10.0.0.9>",
        )
        made = s.do(call.transfer_answer, True, body=OTHER)
        assert made is not None
        said = next(each for each in s.bob.responses if each.cseq.method == "REFER")
        assert said.status == 202
        assert said.contacts
        invite = invite_of(carol)
        assert invite.uri_text == CAROL
        assert invite.get("replaces") == "a@b;to-tag=1;from-tag=2"
        assert invite.require == ("replaces",)
        assert invite.get("referred-by") == "<sip:bob@10.0.0.9>"
        assert invite.body == OTHER
        assert not invite.has("subject")
        assert notifies(s) == [(b"SIP/2.0 100 Trying\r\n", "active")]
        first = last(s.bob, "NOTIFY")
        assert first.get("event") == "refer"
        assert first.get("content-type") == "message/sipfrag;version=2.0"
        for request in s.bob.requests:
            if request.method == "NOTIFY":
                reply(s.bob, request, 200)
        ring(carol, invite)
        s.advance(1.1)
        reply(s.bob, last(s.bob, "NOTIFY"), 200)
        assert notifies(s)[-1] == (b"SIP/2.0 180 Ringing\r\n", "active")
        accept(carol, invite)
        s.advance(1.1)
        assert notifies(s)[-1] == (b"SIP/2.0 200 OK\r\n", "terminated")
        reply(s.bob, last(s.bob, "NOTIFY"), 200)
        s.advance(400)
        assert notifies(s)[-1] == (b"SIP/2.0 200 OK\r\n", "terminated")

    def test_the_call_fails(self, s: Solo) -> None:
        carol = s.peer("udp", "10.0.0.8")
        call, _ = s.answered()
        refer(s)
        s.do(call.transfer_answer, True)
        reply(s.bob, last(s.bob, "NOTIFY"), 200)
        reply(carol, invite_of(carol), 486)
        s.advance(1.1)
        assert notifies(s)[-1] == (b"SIP/2.0 486 Busy Here\r\n", "terminated")

    def test_the_call_is_given_up(self, s: Solo) -> None:
        carol = s.peer("udp", "10.0.0.8")
        call, _ = s.answered()
        refer(s)
        made = s.do(call.transfer_answer, True)
        reply(s.bob, last(s.bob, "NOTIFY"), 200)
        ring(carol, invite_of(carol))
        s.do(made.hang_up)
        reply(carol, invite_of(carol), 487)
        s.advance(1.1)
        assert notifies(s)[-1] == (b"SIP/2.0 487 Request Terminated\r\n", "terminated")

    def test_by_other_means(self, s: Solo) -> None:
        call, _ = s.answered()
        refer(s)
        assert s.do(call.transfer_answer, True, call=False) is None
        reply(s.bob, last(s.bob, "NOTIFY"), 200)
        assert s.do(call.notify, 180)
        assert s.do(call.notify, 200, "Done")
        assert s.do(call.notify, 486)
        s.advance(1.1)
        assert notifies(s)[-1] == (b"SIP/2.0 200 Done\r\n", "terminated")
        s.advance(60)
        assert not s.do(call.notify, 200)

    def test_refused(self, s: Solo) -> None:
        call, _ = s.answered()
        refer(s)
        s.do(call.transfer_answer, False)
        assert s.bob.statuses == [603]
        assert notifies(s) == []

    def test_nobody_decides(self, s: Solo) -> None:
        call, _ = s.answered()
        refer(s)
        s.advance(20.1)
        assert s.bob.statuses == [100, 202] or s.bob.statuses == [202]
        reply(s.bob, last(s.bob, "NOTIFY"), 200)
        s.do(call.transfer_answer, False)
        s.advance(1.1)
        assert notifies(s)[-1] == (b"SIP/2.0 603 Decline\r\n", "terminated")

    def test_decided_late(self, s: Solo) -> None:
        carol = s.peer("udp", "10.0.0.8")
        call, _ = s.answered()
        refer(s)
        s.advance(20.1)
        s.do(call.transfer_answer, True)
        assert carol.methods == ["INVITE"]
        assert s.bob.statuses.count(202) == 1

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ([], 400),
            ([("Refer-To", f"<{CAROL}>"), ("Refer-To", f"<{CAROL}>")], 400),
            ([("Refer-To", f"<{CAROL}?Replaces=x>")], 400),
            ([("Refer-To", "<http://example.com>")], 416),
            ([("Refer-To", f"<{CAROL};method=BYE>")], 603),
        ],
    )
    def test_what_cannot_be_done(
        self, s: Solo, headers: list[tuple[str, str]], status: int
    ) -> None:
        _, heard = s.answered()
        within(s.bob, theirs(s), "REFER", 1, headers=headers)
        assert s.bob.statuses == [status]
        assert heard.events == []

    def test_one_at_a_time(self, s: Solo) -> None:
        s.answered()
        refer(s)
        refer(s, cseq=2)
        assert s.bob.statuses == [491]

    def test_the_second_has_a_number(self, s: Solo) -> None:
        call, _ = s.answered()
        refer(s, cseq=4)
        s.do(call.transfer_answer, True, call=False)
        refer(s, cseq=5)
        s.do(call.transfer_answer, True, call=False)
        events = [each.get("event") for each in s.bob.requests if each.method == "NOTIFY"]
        assert events == ["refer", "refer;id=5"]

    def test_nobody_listens(self, s: Solo) -> None:
        call, _ = s.answered()
        refer(s)
        s.do(call.transfer_answer, True, call=False)
        reply(s.bob, last(s.bob, "NOTIFY"), 489)
        assert not s.do(call.notify, 180)
        assert call.up

    def test_it_takes_too_long(self, s: Solo) -> None:
        call, _ = s.answered()
        refer(s)
        s.do(call.transfer_answer, True, call=False)
        reply(s.bob, last(s.bob, "NOTIFY"), 200)
        s.advance(299)
        s.bob.take()
        s.advance(1.1)
        assert last(s.bob, "NOTIFY").get("subscription-state") == "terminated;reason=timeout"

    def test_the_call_ends_before(self, s: Solo) -> None:
        s.answered()
        refer(s)
        within(s.bob, theirs(s), "BYE", 2)
        assert sorted(s.bob.statuses) == [200, 603]

    def test_reports_go_on_after_the_bye(self, s: Solo) -> None:
        call, _ = s.answered()
        refer(s)
        s.do(call.transfer_answer, True, call=False)
        reply(s.bob, last(s.bob, "NOTIFY"), 200)
        within(s.bob, theirs(s), "BYE", 2)
        s.advance(2)
        assert s.do(call.notify, 200)
        assert notifies(s)[-1] == (b"SIP/2.0 200 OK\r\n", "terminated")
        assert s.agent.dialogs == {}


class TestAttended:
    def test_three_parties(self) -> None:
        t = Town()
        alice, to_bob, bob, at_bob = t.pair()
        carol = t.party("carol")
        to_carol = alice.call(carol.uri)
        t.run(0.5)
        carol.do(carol.calls[0].answer, ANSWER)
        t.run(0.5)
        alice.do(to_bob.call.refer, replaces=to_carol.call)
        t.run(0.5)
        (event,) = at_bob.take()
        assert isinstance(event, TransferAsked)
        assert event.replaces
        made = bob.do(at_bob.call.transfer_answer, True, body=OFFER)
        heard = Heard(made)
        t.run(0.5)
        replacing = carol.calls[1]
        assert replacing.replaces is carol.calls[0]
        carol.do(replacing.answer, ANSWER)
        t.run(3)
        assert heard.kinds == ["Answered"]
        assert carol.heard[0].kinds == ["Answered", "Ended"]
        assert to_carol.kinds == ["Answered", "Ended"]
        assert to_bob.last == TransferProgress(200, "OK", True)
        assert replacing.up
        assert made.up
        assert [*alice.trouble, *bob.trouble, *carol.trouble] == []


def replace(t: Town, by: Party, what: str, **how: str) -> Heard:
    """Let somebody call bob with a Replaces."""
    headers = (("Replaces", what), *((name.replace("_", "-"), how[name]) for name in how))
    heard = by.call(t.parties[1].uri, headers=headers)
    t.run(0.5)
    return heard


def names(call: IncomingCall) -> str:
    """Return the Replaces for a call, as its owner knows it."""
    session = call.session
    assert session is not None
    dialog = session.dialog
    return f"{dialog.call_id};to-tag={dialog.local_tag};from-tag={dialog.remote_tag}"


class TestReplaces:
    @pytest.mark.parametrize("second", ["Replaces", "Join"])
    def test_more_than_one_thing_to_replace(self, s: Solo, second: str) -> None:
        value = "x;to-tag=1;from-tag=2"
        s.invited(headers=[("Replaces", value), (second, value)])
        assert s.bob.statuses == [400]

    def test_authorized(self) -> None:
        t = Town()
        _, _, bob, _ = t.pair()
        carol = t.party("carol")
        heard = replace(t, carol, names(bob.calls[0]), Referred_By="<sip:alice@example.com>")
        assert bob.calls[1].replaces is bob.calls[0]
        bob.do(bob.calls[1].reject, 488)
        t.run(0.5)
        assert heard.kinds == ["Failed"]
        assert bob.calls[0].up

    def test_not_authorized(self) -> None:
        t = Town()
        _, _, bob, _ = t.pair()
        heard = replace(t, t.party("carol"), names(bob.calls[0]))
        assert failed(heard) == 403
        assert len(bob.calls) == 1

    def test_a_referrer_nobody_can_read(self) -> None:
        t = Town()
        _, _, bob, _ = t.pair()
        assert failed(replace(t, t.party("carol"), names(bob.calls[0]), Referred_By="<<")) == 400

    def test_lately_ended(self) -> None:
        t = Town()
        _, heard, bob, _ = t.pair()
        what = names(bob.calls[0])
        t.parties[0].do(heard.call.hang_up)
        t.run(0.5)
        carol = t.party("carol")
        assert failed(replace(t, carol, what)) == 603
        t.run(40)
        assert failed(replace(t, carol, what)) == 481

    def test_an_early_dialog_of_ours(self) -> None:
        t = Town()
        alice, bob, carol = t.party("alice"), t.party("bob"), t.party("carol")
        heard = bob.call(alice.uri)
        t.run(0.5)
        alice.do(alice.calls[0].ring)
        t.run(0.5)
        session = heard.call.session
        assert session is not None
        dialog = session.dialog
        what = f"{dialog.call_id};to-tag={dialog.local_tag};from-tag={dialog.remote_tag};early-only"
        replace(t, carol, what, Referred_By=f"<{alice.uri}>")
        bob.do(bob.calls[0].answer, ANSWER)
        t.run(1)
        assert heard.kinds == ["Ringing", "Ended"]
        assert alice.heard[0].kinds == ["Ended"]
        assert bob.calls[0].up


def failed(heard: Heard) -> int:
    event = heard.last
    failure = getattr(event, "failure", None)
    assert failure is not None
    status = failure.status
    assert isinstance(status, int)
    return status
