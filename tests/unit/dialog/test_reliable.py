import pytest
from tests.unit.dialog.messages import answer, invite, to_bob

from ringway.dialog.reliable import (
    MAX_FIRST,
    Order,
    Pracked,
    ReliableReceiver,
    ReliableSender,
    allows_reliable,
    demands_reliable,
    has_session,
    is_reliable,
    parse_rseq,
    rack,
)
from ringway.message import Request, Response


def ringing(status: int = 180, *, session: bool = False) -> Response:
    return answer(invite(), status, session=session)


def prack(text: str | None) -> Request:
    return to_bob("PRACK", 8, headers=[] if text is None else [("RAck", text)])


def reliable(rseq: int, status: int = 180) -> Response:
    return answer(invite(), status, rseq=rseq)


class TestSend:
    def test_marks_the_response(self) -> None:
        sent = ReliableSender(100).send(ringing(), 0.0)
        assert sent is not None
        assert sent.require == ("100rel",)
        assert sent.get("rseq") == "100"

    def test_adds_to_what_is_required_already(self) -> None:
        response = answer(invite(), 183, headers=[("Require", "precondition")])
        sent = ReliableSender(1).send(response, 0.0)
        assert sent is not None
        assert sent.require == ("precondition", "100rel")

    def test_one_at_a_time_and_numbered_in_order(self) -> None:
        sender = ReliableSender(100)
        first = sender.send(ringing(180), 0.0)
        assert sender.send(ringing(183), 0.1) is None
        assert sender.send(ringing(181), 0.2) is None
        status, response, following = sender.prack(prack("100 7 INVITE"), 1.0)
        assert (status, response) == (200, first)
        assert following is not None
        assert (following.status, following.get("rseq")) == (183, "101")
        assert sender.next_due() == 1.5
        following = sender.prack(prack("101 7 INVITE"), 2.0).following
        assert following is not None
        assert (following.status, following.get("rseq")) == (181, "102")
        assert sender.prack(prack("102 7 INVITE"), 3.0).following is None

    @pytest.mark.parametrize("status", [100, 200, 486])
    def test_only_101_to_199(self, status: int) -> None:
        with pytest.raises(ValueError, match="never sent reliably"):
            ReliableSender(1).send(ringing(status), 0.0)

    @pytest.mark.parametrize("first", [0, 2**31])
    def test_the_first_number(self, first: int) -> None:
        with pytest.raises(ValueError, match="not a first RSeq"):
            ReliableSender(first)

    def test_the_highest_first_number_goes_on(self) -> None:
        sender = ReliableSender(MAX_FIRST)
        sender.send(ringing(), 0.0)
        sender.prack(prack(f"{MAX_FIRST} 7 INVITE"), 0.0)
        sent = sender.send(ringing(), 0.0)
        assert sent is not None
        assert sent.get("rseq") == str(2**31)


class TestPrack:
    @pytest.mark.parametrize(
        "text", ["101 7 INVITE", "100 8 INVITE", "100 7 OPTIONS", "100 7 invite"]
    )
    def test_that_matches_nothing(self, text: str) -> None:
        sender = ReliableSender(100)
        sender.send(ringing(), 0.0)
        assert sender.prack(prack(text), 0.0) == Pracked(481)
        assert sender.next_due() == 0.5

    def test_twice(self) -> None:
        sender = ReliableSender(100)
        sender.send(ringing(), 0.0)
        assert sender.prack(prack("100  7\tINVITE"), 0.0).status == 200
        assert sender.prack(prack("100 7 INVITE"), 0.0) == Pracked(481)

    @pytest.mark.parametrize("text", [None, "", "100 7", "x 7 INVITE", "99999999999 7 INVITE"])
    def test_without_a_good_rack(self, text: str | None) -> None:
        sender = ReliableSender(100)
        sender.send(ringing(), 0.0)
        assert sender.prack(prack(text), 0.0) == Pracked(400)

    def test_after_the_final_response(self) -> None:
        sender = ReliableSender(100)
        sender.send(ringing(180), 0.0)
        sender.send(ringing(183), 0.0)
        sender.finish()
        assert sender.next_due() is None
        assert sender.fire(9.0) is None
        done = sender.prack(prack("100 7 INVITE"), 1.0)
        assert (done.status, done.following) == (200, None)
        with pytest.raises(ValueError, match="final response"):
            sender.send(ringing(), 2.0)


class TestFire:
    def test_doubles_from_t1_and_gives_up(self) -> None:
        sender = ReliableSender(100)
        sent = sender.send(ringing(), 10.0)
        times = []
        while (due := sender.next_due()) is not None:
            again = sender.fire(due)
            if again is None:
                break
            assert again is sent
            times.append(due - 10.0)
        assert times == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
        assert sender.expired
        assert due == 10.0 + 32
        assert sender.next_due() is None

    def test_not_before_it_is_due(self) -> None:
        sender = ReliableSender(100, t1=1.0)
        assert sender.fire(0.0) is None
        sender.send(ringing(), 0.0)
        assert sender.fire(0.9) is None
        assert sender.fire(1.0) is not None
        assert not sender.expired

    def test_stops_with_the_prack(self) -> None:
        sender = ReliableSender(100)
        sender.send(ringing(), 0.0)
        sender.prack(prack("100 7 INVITE"), 0.1)
        assert sender.next_due() is None

    def test_what_waits_goes_with_it(self) -> None:
        sender = ReliableSender(100)
        sender.send(ringing(180), 0.0)
        sender.send(ringing(183), 0.0)
        assert sender.fire(32.0) is None
        assert sender.prack(prack("100 7 INVITE"), 32.1).following is None


class TestMayAccept:
    def test_not_with_a_session_under_way(self) -> None:
        sender = ReliableSender(100)
        assert sender.may_accept
        sender.send(ringing(180), 0.0)
        assert sender.may_accept
        sender.send(ringing(183, session=True), 0.0)
        assert not sender.may_accept
        sender.prack(prack("100 7 INVITE"), 0.0)
        assert not sender.may_accept
        sender.prack(prack("101 7 INVITE"), 0.0)
        assert sender.may_accept


class TestReceiver:
    def test_order(self) -> None:
        receiver = ReliableReceiver()
        numbers = [50, 50, 52, 51, 50, 52]
        assert [receiver.take(reliable(number)) for number in numbers] == [
            Order.NEXT,
            Order.REPEATED,
            Order.AHEAD,
            Order.NEXT,
            Order.REPEATED,
            Order.NEXT,
        ]

    def test_unreliable_ones_have_none(self) -> None:
        receiver = ReliableReceiver()
        assert receiver.take(ringing()) is Order.UNRELIABLE
        assert receiver.take(reliable(5, status=100)) is Order.UNRELIABLE
        assert receiver.take(reliable(5)) is Order.NEXT

    def test_after_the_final_response(self) -> None:
        receiver = ReliableReceiver()
        receiver.finish()
        assert receiver.take(reliable(5)) is Order.REPEATED
        assert receiver.take(ringing()) is Order.UNRELIABLE


class TestHeaders:
    def test_rack(self) -> None:
        assert rack(reliable(776656)) == "776656 7 INVITE"

    @pytest.mark.parametrize(("text", "number"), [("5", 5), ("x", 0), ("", 0), ("-1", 0)])
    def test_rseq(self, text: str, number: int) -> None:
        response = answer(invite(), 180, headers=[("RSeq", text), ("Require", "100REL")])
        assert parse_rseq(response) == number
        assert is_reliable(response) is (number > 0)

    def test_reliable_needs_both_headers(self) -> None:
        assert not is_reliable(answer(invite(), 180, headers=[("RSeq", "5")]))
        assert not is_reliable(answer(invite(), 180, headers=[("Require", "100rel")]))
        assert not is_reliable(answer(invite(), 200, rseq=5))

    def test_what_an_invite_allows(self) -> None:
        plain = invite()
        able = invite(headers=[("Supported", "timer, 100rel")])
        wants = invite(headers=[("Require", "100Rel")])
        assert [allows_reliable(each) for each in (plain, able, wants)] == [False, True, True]
        assert [demands_reliable(each) for each in (plain, able, wants)] == [False, False, True]


class TestHasSession:
    @pytest.mark.parametrize(
        ("kind", "disposition", "has"),
        [
            ("application/sdp", None, True),
            ("Application/SDP;charset=x", None, True),
            ("multipart/mixed;boundary=x", None, True),
            ("text/plain", None, False),
            (None, None, False),
            ("application/sdp", "Session;handling=optional", True),
            ("application/sdp", "early-session", False),
            ("application/x-other", "session", True),
        ],
    )
    def test_by_type_and_disposition(
        self, kind: str | None, disposition: str | None, has: bool
    ) -> None:
        draft = ringing().edit()
        draft.body(b"x", kind)
        if disposition is not None:
            draft.append("Content-Disposition", disposition)
        assert has_session(draft.build()) is has

    def test_without_a_body(self) -> None:
        assert not has_session(answer(invite(), headers=[("Content-Type", "application/sdp")]))
