"""RFC 3262: reliable provisional responses, as their numbering and order show it."""

import pytest
from tests.unit.dialog.messages import answer, invite, to_bob

from ringway.dialog.negotiation import Meaning, Negotiation
from ringway.dialog.reliable import (
    Order,
    ReliableReceiver,
    ReliableSender,
    allows_reliable,
    demands_reliable,
    is_reliable,
    rack,
)
from ringway.message import Request, Response


def ringing(status: int = 180, *, session: bool = False, rseq: int = 0) -> Response:
    return answer(invite(), status, session=session, rseq=rseq)


def prack(number: int, cseq: int = 7, method: str = "INVITE") -> Request:
    return to_bob("PRACK", 8, headers=[("RAck", f"{number} {cseq} {method}")])


class TestSection3:
    def test_only_if_the_invite_names_100rel(self) -> None:
        assert not allows_reliable(invite())
        assert allows_reliable(invite(headers=[("Supported", "100rel")]))
        assert demands_reliable(invite(headers=[("Require", "100rel")]))

    def test_never_a_100(self) -> None:
        with pytest.raises(ValueError, match="never"):
            ReliableSender(1).send(ringing(100), 0.0)

    def test_require_and_rseq(self) -> None:
        sent = ReliableSender(4711).send(ringing(), 0.0)
        assert sent is not None
        assert (sent.require, sent.get("rseq")) == (("100rel",), "4711")

    @pytest.mark.parametrize("first", [0, 2**31])
    def test_the_first_number_lies_from_1_to_2_31_less_1(self, first: int) -> None:
        with pytest.raises(ValueError, match="first RSeq"):
            ReliableSender(first)

    def test_retransmission_from_t1_doubling_without_a_cap(self) -> None:
        sender = ReliableSender(1)
        sender.send(ringing(), 0.0)
        due = []
        while (now := sender.next_due()) is not None:
            sender.fire(now)
            due.append(now)
        assert due == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 32.0]

    def test_no_prack_for_64_t1_ends_the_invite(self) -> None:
        sender = ReliableSender(1)
        sender.send(ringing(), 0.0)
        sender.fire(32.0)
        assert sender.expired

    def test_a_matching_prack_ends_the_retransmission(self) -> None:
        sender = ReliableSender(1)
        sender.send(ringing(), 0.0)
        assert sender.prack(prack(1), 0.2).status == 200
        assert sender.next_due() is None

    @pytest.mark.parametrize("other", [prack(2), prack(1, 8), prack(1, 7, "OPTIONS")])
    def test_one_that_does_not_match_gets_481(self, other: Request) -> None:
        sender = ReliableSender(1)
        sender.send(ringing(), 0.0)
        assert sender.prack(other, 0.2).status == 481

    def test_no_second_one_before_the_first_is_acknowledged(self) -> None:
        sender = ReliableSender(1)
        sender.send(ringing(180), 0.0)
        assert sender.send(ringing(183), 0.0) is None

    def test_numbers_go_up_by_one(self) -> None:
        sender = ReliableSender(2**31 - 1)
        numbers = []
        for _ in range(3):
            sent = sender.send(ringing(), 0.0)
            assert sent is not None
            numbers.append(int(sent.get("rseq") or ""))
            sender.prack(prack(numbers[-1]), 0.0)
        assert numbers == [2**31 - 1, 2**31, 2**31 + 1]

    def test_a_2xx_waits_for_a_session_description(self) -> None:
        sender = ReliableSender(1)
        sender.send(ringing(183, session=True), 0.0)
        assert not sender.may_accept
        sender.prack(prack(1), 0.0)
        assert sender.may_accept

    def test_after_the_final_response(self) -> None:
        sender = ReliableSender(1)
        sender.send(ringing(), 0.0)
        sender.finish()
        assert sender.next_due() is None
        with pytest.raises(ValueError, match="final"):
            sender.send(ringing(), 1.0)
        assert sender.prack(prack(1), 1.0).status == 200


class TestSection4:
    def test_a_100_is_never_reliable(self) -> None:
        assert not is_reliable(ringing(100, rseq=5))

    def test_the_first_number_begins_the_order(self) -> None:
        assert ReliableReceiver().take(ringing(rseq=900)) is Order.NEXT

    def test_retransmissions_are_dropped(self) -> None:
        receiver = ReliableReceiver()
        receiver.take(ringing(rseq=5))
        assert receiver.take(ringing(rseq=5)) is Order.REPEATED

    def test_one_out_of_order_is_not_acknowledged(self) -> None:
        receiver = ReliableReceiver()
        receiver.take(ringing(rseq=5))
        assert receiver.take(ringing(rseq=7)) is Order.AHEAD
        assert receiver.take(ringing(rseq=6)) is Order.NEXT
        assert receiver.take(ringing(rseq=7)) is Order.NEXT


class TestSection5:
    def test_an_offer_must_be_in_the_first_reliable_response(self) -> None:
        talk = Negotiation()
        talk.received(invite())
        assert talk.due(invite(), ringing(183, rseq=1)) is Meaning.OFFER

    def test_it_is_answered_in_the_prack(self) -> None:
        talk = Negotiation()
        talk.sent(invite())
        assert talk.answered(invite(), ringing(183, rseq=1, session=True)) is Meaning.OFFER
        assert talk.sent(invite(method="PRACK", offer=True)) is Meaning.ANSWER

    def test_a_prack_with_an_offer_is_answered_in_its_2xx(self) -> None:
        talk = Negotiation()
        talk.received(invite(offer=True))
        talk.responded(invite(offer=True), ringing(183, rseq=1, session=True))
        request = invite(method="PRACK", offer=True)
        assert talk.received(request) is Meaning.OFFER
        assert talk.due(request, ringing(200)) is Meaning.ANSWER


class TestSection7_2:
    def test_rack_is_the_rseq_and_the_cseq(self) -> None:
        assert rack(ringing(rseq=776656)) == "776656 7 INVITE"
