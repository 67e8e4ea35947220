import pytest
from tests.unit.dialog.messages import answer, invite

from ringway.dialog.negotiation import Meaning, Negotiation, State, glare_wait, retry_after
from ringway.dialog.refusal import Refusal
from ringway.message import Request, Response

PENDING = Refusal(491)
LATER = Refusal(500, (("Retry-After", "5"),))

INVITE = invite(offer=True)
EMPTY = invite()
NOTHING, OFFER, ANSWER, PREVIEW = Meaning


def ask(method: str, *, body: bool = False) -> Request:
    return invite(method=method, offer=body)


def say(status: int, *, body: bool = False, rseq: int = 0) -> Response:
    return answer(invite(), status, session=body, rseq=rseq)


def refusal(talk: Negotiation, method: str, *, body: bool = True) -> Refusal | None:
    return talk.refusal(ask(method, body=body), 0.5)


def offers(talk: Negotiation) -> set[str]:
    return {m for m in ("INVITE", "UPDATE", "PRACK") if talk.may_send(m, offer=True)}


def established() -> Negotiation:
    """Return one where we have called and the first exchange is over."""
    talk = Negotiation()
    talk.sent(INVITE)
    talk.answered(INVITE, say(200, body=True))
    return talk


def state_of(talk: Negotiation) -> State:
    """Return the state; a type checker takes an attribute for constant, a call not."""
    return talk.state


class TestPatterns:
    """The six ways of RFC 6337 §2.2, each side in turn."""

    def test_1_invite_and_2xx(self) -> None:
        caller, called = Negotiation(), Negotiation()
        assert caller.sent(INVITE) is OFFER
        assert called.received(INVITE) is OFFER
        assert (caller.state, called.state) == (State.OFFER_SENT, State.OFFER_RECEIVED)
        response = say(200, body=True)
        assert called.due(INVITE, response) is ANSWER
        assert called.responded(INVITE, response) is ANSWER
        assert caller.answered(INVITE, response) is ANSWER
        assert (caller.state, called.state) == (State.IDLE, State.IDLE)
        assert caller.sent(ask("ACK")) is NOTHING
        assert called.received(ask("ACK")) is NOTHING

    def test_2_2xx_and_ack(self) -> None:
        caller, called = Negotiation(), Negotiation()
        assert caller.sent(EMPTY) is NOTHING
        assert called.received(EMPTY) is NOTHING
        response = say(200, body=True)
        assert called.due(EMPTY, response) is OFFER
        assert called.responded(EMPTY, response) is OFFER
        assert caller.answered(EMPTY, response) is OFFER
        assert (caller.state, called.state) == (State.OFFER_RECEIVED, State.OFFER_SENT)
        ack = ask("ACK", body=True)
        assert caller.sent(ack) is ANSWER
        assert called.received(ack) is ANSWER
        assert (caller.state, called.state) == (State.IDLE, State.IDLE)

    def test_3_invite_and_reliable_1xx(self) -> None:
        caller, called = Negotiation(), Negotiation()
        caller.sent(INVITE)
        called.received(INVITE)
        response = say(183, body=True, rseq=1)
        assert called.responded(INVITE, response) is ANSWER
        assert caller.answered(INVITE, response) is ANSWER
        assert caller.sent(ask("PRACK")) is NOTHING
        assert called.received(ask("PRACK")) is NOTHING
        final = say(200, body=True)
        assert called.due(INVITE, final) is NOTHING
        assert caller.answered(INVITE, final) is NOTHING

    def test_4_reliable_1xx_and_prack(self) -> None:
        caller, called = Negotiation(), Negotiation()
        caller.sent(EMPTY)
        called.received(EMPTY)
        response = say(183, body=True, rseq=1)
        assert called.due(EMPTY, response) is OFFER
        assert called.responded(EMPTY, response) is OFFER
        assert caller.answered(EMPTY, response) is OFFER
        prack = ask("PRACK", body=True)
        assert caller.sent(prack) is ANSWER
        assert called.received(prack) is ANSWER
        assert called.due(EMPTY, say(200)) is NOTHING

    def test_5_prack_and_its_2xx(self) -> None:
        caller, called = Negotiation(), Negotiation()
        caller.sent(INVITE)
        called.received(INVITE)
        response = say(183, body=True, rseq=1)
        called.responded(INVITE, response)
        caller.answered(INVITE, response)
        prack = ask("PRACK", body=True)
        assert caller.may_send("PRACK", offer=True)
        assert caller.sent(prack) is OFFER
        assert called.received(prack) is OFFER
        assert called.due(prack, say(200)) is ANSWER
        assert called.responded(prack, say(200, body=True)) is ANSWER
        assert caller.answered(prack, say(200, body=True)) is ANSWER

    def test_6_update_and_its_2xx(self) -> None:
        ours, theirs = established(), established()
        update = ask("UPDATE", body=True)
        assert ours.sent(update) is OFFER
        assert theirs.received(update) is OFFER
        assert theirs.due(update, say(200)) is ANSWER
        assert theirs.responded(update, say(200, body=True)) is ANSWER
        assert ours.answered(update, say(200, body=True)) is ANSWER


class TestMeaning:
    def test_an_early_answer_that_may_be_lost(self) -> None:
        talk = Negotiation()
        talk.sent(INVITE)
        assert talk.answered(INVITE, say(183, body=True)) is PREVIEW
        assert talk.answered(INVITE, say(180)) is NOTHING
        assert talk.answered(INVITE, say(100, body=True)) is NOTHING
        assert state_of(talk) is State.OFFER_SENT
        assert talk.answered(INVITE, say(200, body=True)) is ANSWER

    def test_an_unreliable_response_offers_nothing(self) -> None:
        talk = Negotiation()
        talk.received(EMPTY)
        assert talk.due(EMPTY, say(183)) is NOTHING
        assert talk.due(EMPTY, say(486)) is NOTHING
        assert talk.responded(EMPTY, say(183, body=True)) is NOTHING
        assert talk.due(EMPTY, say(200)) is OFFER

    def test_a_reliable_1xx_without_a_session_leaves_the_answer_due(self) -> None:
        talk = Negotiation()
        talk.received(INVITE)
        assert talk.responded(INVITE, say(180, rseq=1)) is NOTHING
        assert talk.due(INVITE, say(200)) is ANSWER

    def test_messages_that_say_nothing(self) -> None:
        talk = established()
        assert talk.sent(ask("INFO", body=True)) is NOTHING
        assert talk.received(ask("MESSAGE", body=True)) is NOTHING
        assert talk.answered(ask("INFO"), say(200, body=True)) is NOTHING
        assert talk.received(ask("ACK", body=True)) is NOTHING
        assert state_of(talk) is State.IDLE

    def test_an_answer_that_is_missing_blocks_nothing(self) -> None:
        talk = Negotiation()
        talk.sent(INVITE)
        assert talk.answered(INVITE, say(200)) is NOTHING
        assert state_of(talk) is State.IDLE
        talk = Negotiation()
        talk.received(EMPTY)
        talk.responded(EMPTY, say(200, body=True))
        assert talk.received(ask("ACK")) is NOTHING
        assert state_of(talk) is State.IDLE

    def test_a_prack_out_of_turn_offers_nothing(self) -> None:
        talk = Negotiation()
        talk.received(INVITE)
        talk.responded(INVITE, say(180, rseq=1))
        assert talk.received(ask("PRACK", body=True)) is NOTHING
        assert state_of(talk) is State.OFFER_RECEIVED

    def test_an_update_that_only_refreshes(self) -> None:
        talk = established()
        update = ask("UPDATE")
        assert talk.sent(update) is NOTHING
        assert talk.answered(update, say(200)) is NOTHING


class TestMaySend:
    def test_one_invite_at_a_time(self) -> None:
        talk = Negotiation()
        assert talk.may_send("INVITE", offer=True)
        talk.sent(INVITE)
        assert not talk.may_send("INVITE", offer=False)
        talk.answered(INVITE, say(200, body=True))
        assert talk.may_send("INVITE", offer=True)
        talk.received(INVITE)
        assert not talk.may_send("INVITE", offer=True)
        talk.responded(INVITE, say(200, body=True))
        assert talk.inviting
        assert not talk.may_send("INVITE", offer=True)
        talk.received(ask("ACK"))
        assert talk.may_send("INVITE", offer=True)

    def test_an_ack_that_never_comes(self) -> None:
        talk = Negotiation()
        talk.received(INVITE)
        talk.responded(INVITE, say(200, body=True))
        talk.unacknowledged()
        assert not talk.inviting

    def test_one_update_at_a_time(self) -> None:
        talk = established()
        talk.sent(ask("UPDATE"))
        assert not talk.may_send("UPDATE", offer=False)
        assert talk.may_send("INVITE", offer=True)
        talk.answered(ask("UPDATE"), say(200))
        assert talk.may_send("UPDATE", offer=True)

    def test_an_update_without_offer_in_an_early_dialog(self) -> None:
        talk = Negotiation()
        talk.sent(INVITE)
        assert talk.may_send("UPDATE", offer=False)
        assert offers(talk) == set()

    def test_the_caller_offers_again_after_prack(self) -> None:
        talk = Negotiation()
        talk.sent(INVITE)
        talk.answered(INVITE, say(183, body=True, rseq=1))
        assert offers(talk) == {"PRACK"}
        prack = ask("PRACK")
        talk.sent(prack)
        talk.answered(prack, say(200))
        assert offers(talk) == {"UPDATE"}

    def test_the_caller_without_offer(self) -> None:
        talk = Negotiation()
        talk.sent(EMPTY)
        assert offers(talk) == set()
        talk.answered(EMPTY, say(183, body=True, rseq=1))
        assert offers(talk) == set()
        prack = ask("PRACK", body=True)
        talk.sent(prack)
        assert offers(talk) == {"PRACK"}
        talk.answered(prack, say(200))
        assert offers(talk) == {"UPDATE"}

    def test_the_called_offers_after_prack(self) -> None:
        talk = Negotiation()
        talk.received(INVITE)
        assert offers(talk) == set()
        talk.responded(INVITE, say(183, body=True, rseq=1))
        assert "UPDATE" not in offers(talk)
        talk.received(ask("PRACK"))
        assert offers(talk) == {"UPDATE"}

    def test_the_called_of_an_invite_without_offer(self) -> None:
        talk = Negotiation()
        talk.received(EMPTY)
        assert offers(talk) == set()
        assert talk.may_send("UPDATE", offer=False)

    def test_other_methods_always(self) -> None:
        talk = Negotiation()
        talk.sent(INVITE)
        assert talk.may_send("INFO", offer=False)
        assert talk.may_send("PRACK", offer=False)


class TestRefusal:
    """RFC 3261 §14.2, RFC 3311 §5.2, and the names of RFC 6337 §4.3."""

    def test_nothing_is_in_progress(self) -> None:
        talk = established()
        assert [refusal(talk, m) for m in ("INVITE", "UPDATE", "PRACK", "INFO")] == [None] * 4

    @pytest.mark.parametrize("body", [True, False])
    def test_uas_ici(self, body: bool) -> None:
        talk = established()
        talk.sent(INVITE)
        assert refusal(talk, "INVITE", body=body) == PENDING

    def test_uas_ici_while_we_owe_the_answer_in_the_ack(self) -> None:
        talk = established()
        talk.sent(EMPTY)
        talk.answered(EMPTY, say(200, body=True))
        assert refusal(talk, "INVITE") == PENDING
        assert refusal(talk, "UPDATE") == PENDING

    @pytest.mark.parametrize("body", [True, False])
    def test_uas_isi(self, body: bool) -> None:
        talk = established()
        talk.received(INVITE)
        assert refusal(talk, "INVITE", body=body) == LATER

    def test_uas_isi_while_the_ack_owes_the_answer(self) -> None:
        talk = established()
        talk.received(EMPTY)
        talk.responded(EMPTY, say(200, body=True))
        assert refusal(talk, "INVITE") == LATER
        assert refusal(talk, "UPDATE") == LATER
        talk.received(ask("ACK", body=True))
        assert refusal(talk, "INVITE") is None

    def test_uas_ucu_and_uci(self) -> None:
        talk = established()
        talk.sent(ask("UPDATE", body=True))
        assert refusal(talk, "UPDATE") == PENDING
        assert refusal(talk, "INVITE") == PENDING
        assert refusal(talk, "INVITE", body=False) == PENDING

    def test_uas_usu_and_usi(self) -> None:
        talk = established()
        talk.received(ask("UPDATE", body=True))
        assert refusal(talk, "UPDATE") == LATER
        assert refusal(talk, "UPDATE", body=False) == LATER
        assert refusal(talk, "INVITE") == LATER

    def test_uas_usu_without_any_offer(self) -> None:
        talk = established()
        talk.received(ask("UPDATE"))
        assert refusal(talk, "UPDATE", body=False) == LATER
        talk.responded(ask("UPDATE"), say(200))
        assert refusal(talk, "UPDATE", body=False) is None

    def test_updates_without_offer_may_cross(self) -> None:
        talk = established()
        talk.sent(ask("UPDATE"))
        assert refusal(talk, "UPDATE") is None
        assert refusal(talk, "INVITE") is None

    def test_uas_icu(self) -> None:
        talk = established()
        talk.sent(INVITE)
        assert refusal(talk, "UPDATE") == PENDING
        assert refusal(talk, "UPDATE", body=False) is None
        talk.answered(INVITE, say(183, body=True, rseq=1))
        assert refusal(talk, "UPDATE") == PENDING
        prack = ask("PRACK")
        talk.sent(prack)
        assert refusal(talk, "UPDATE") == PENDING
        talk.answered(prack, say(200))
        assert refusal(talk, "UPDATE") is None

    def test_uas_isu(self) -> None:
        talk = established()
        talk.received(INVITE)
        assert refusal(talk, "UPDATE") == LATER
        talk.responded(INVITE, say(183, body=True, rseq=1))
        assert refusal(talk, "UPDATE") == LATER
        talk.received(ask("PRACK"))
        assert refusal(talk, "UPDATE") is None

    def test_uas_icu_and_isu_without_an_offer_in_the_invite(self) -> None:
        ours, theirs = established(), established()
        ours.sent(EMPTY)
        theirs.received(EMPTY)
        assert (refusal(ours, "UPDATE"), refusal(theirs, "UPDATE")) == (PENDING, LATER)
        response = say(183, body=True, rseq=1)
        ours.answered(EMPTY, response)
        theirs.responded(EMPTY, response)
        assert (refusal(ours, "UPDATE"), refusal(theirs, "UPDATE")) == (PENDING, LATER)

    def test_a_prack_is_never_refused_and_the_update_it_crossed_will_be(self) -> None:
        talk = established()
        talk.received(INVITE)
        talk.responded(INVITE, say(183, body=True, rseq=1))
        update, prack = ask("UPDATE", body=True), ask("PRACK", body=True)
        talk.sent(update)
        assert refusal(talk, "PRACK") is None
        assert talk.received(ask("PRACK")) is NOTHING
        assert state_of(talk) is State.OFFER_SENT
        assert talk.received(prack) is OFFER
        assert state_of(talk) is State.OFFER_RECEIVED
        talk.answered(update, say(491))
        assert talk.due(prack, say(200)) is ANSWER
        assert talk.responded(prack, say(200, body=True)) is ANSWER


class TestFailure:
    def test_a_refused_invite(self) -> None:
        talk = established()
        talk.sent(INVITE)
        talk.answered(INVITE, say(488))
        assert state_of(talk) is State.IDLE
        assert talk.may_send("INVITE", offer=True)

    def test_an_invite_that_we_refuse(self) -> None:
        talk = established()
        talk.received(EMPTY)
        talk.responded(EMPTY, say(486))
        assert offers(talk) == {"INVITE", "UPDATE"}

    def test_an_invite_refused_with_the_offer_of_its_1xx_open(self) -> None:
        talk = established()
        talk.sent(EMPTY)
        talk.answered(EMPTY, say(183, body=True, rseq=1))
        talk.answered(EMPTY, say(486))
        assert offers(talk) == {"INVITE", "UPDATE"}

    def test_a_refused_update_leaves_the_offer_of_another(self) -> None:
        talk = established()
        update = ask("UPDATE", body=True)
        talk.sent(ask("UPDATE"))
        talk.received(update)
        talk.answered(ask("UPDATE"), say(500))
        assert state_of(talk) is State.OFFER_RECEIVED
        talk.responded(update, say(488))
        assert state_of(talk) is State.IDLE
        assert offers(talk) == {"INVITE", "UPDATE"}

    def test_a_refused_prack(self) -> None:
        talk = Negotiation()
        talk.sent(INVITE)
        talk.answered(INVITE, say(183, body=True, rseq=1))
        prack = ask("PRACK", body=True)
        talk.sent(prack)
        talk.answered(prack, say(488))
        assert state_of(talk) is State.IDLE
        assert talk.may_send("PRACK", offer=True)

    @pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
    def test_no_response_at_all(self, method: str) -> None:
        talk = established()
        request = ask(method, body=True)
        talk.sent(request)
        talk.failed(request)
        assert offers(talk) == {"INVITE", "UPDATE"}


class TestWaits:
    @pytest.mark.parametrize(
        ("chance", "seconds"), [(0.0, "0"), (0.5, "5"), (0.99, "10"), (0.0909, "0")]
    )
    def test_retry_after(self, chance: float, seconds: str) -> None:
        assert retry_after(chance) == seconds

    @pytest.mark.parametrize(
        ("owner", "shortest", "longest"), [(True, 2.1, 4.0), (False, 0.0, 2.0)]
    )
    def test_glare(self, owner: bool, shortest: float, longest: float) -> None:
        waits = [glare_wait(step / 1000, owner=owner) for step in range(1000)]
        assert (min(waits), max(waits)) == (shortest, longest)
        assert all(wait * 100 == pytest.approx(round(wait * 100)) for wait in waits)
