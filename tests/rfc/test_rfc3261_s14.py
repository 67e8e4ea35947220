"""RFC 3261 §14: sessions change, from both ends."""

import pytest
from tests.unit.ua.calls.test_call import last, theirs
from tests.unit.ua.support import ANSWER, OFFER, OTHER, Solo, invite_of, reply, within

from ringway.ua.events import NotChanged


@pytest.fixture
def s() -> Solo:
    return Solo()


class TestSection14_1:
    @pytest.mark.clause("RFC3261-14.1-1")
    def test_each_description_goes_out_as_the_application_made_it(self, s: Solo) -> None:
        call, _ = s.answered()
        s.do(call.change, b"v=0\r\no=- 1 2 IN IP4 10.0.0.1\r\n")
        assert invite_of(s.bob).body == b"v=0\r\no=- 1 2 IN IP4 10.0.0.1\r\n"

    @pytest.mark.clause("RFC3261-14.1-2", "RFC3261-14.1-3")
    def test_not_while_ours_is_under_way(self, s: Solo) -> None:
        call, _ = s.answered()
        assert s.do(call.change, OTHER)
        s.bob.answer(invite_of(s.bob), 100)
        assert not s.do(call.change, OFFER)
        reply(s.bob, invite_of(s.bob), 488)
        assert s.do(call.change, OFFER)

    @pytest.mark.clause("RFC3261-14.1-2", "RFC3261-14.1-4")
    def test_not_while_theirs_is_under_way(self, s: Solo) -> None:
        call, _ = s.answered()
        within(s.bob, theirs(s), "INVITE", 1, body=OTHER)
        assert not s.do(call.change, OFFER)
        s.do(call.accept, ANSWER)
        assert not s.do(call.change, OFFER)
        within(s.bob, theirs(s), "ACK", 1)
        assert s.do(call.change, OFFER)

    @pytest.mark.clause("RFC3261-14.1-5")
    @pytest.mark.parametrize("status", [400, 488, 500, 603])
    def test_a_refusal_changes_nothing(self, s: Solo, status: int) -> None:
        call, heard = s.answered()
        assert call.session is not None
        before = call.session.offers.own, call.session.offers.theirs
        s.do(call.change, OTHER)
        reply(s.bob, invite_of(s.bob), status, body=OTHER)
        assert (call.session.offers.own, call.session.offers.theirs) == before
        assert heard.kinds == ["NotChanged"]
        assert call.up

    @pytest.mark.parametrize("status", [481, 408])
    def test_what_ends_the_dialog(self, s: Solo, status: int) -> None:
        call, heard = s.answered()
        s.do(call.change, OTHER)
        reply(s.bob, invite_of(s.bob), status)
        assert heard.kinds == ["NotChanged", "Ended"]
        assert "BYE" in s.bob.methods

    def test_no_response_ends_the_dialog(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.change, OTHER)
        s.advance(33)
        assert heard.kinds == ["NotChanged", "Ended"]

    @pytest.mark.clause("RFC3261-14.1-6", "RFC3261-14.1-7")
    @pytest.mark.parametrize(
        ("chance", "caller", "wait"),
        [(0.0, True, 2.1), (0.999, True, 4.0), (0.0, False, 0.0), (0.999, False, 2.0)],
    )
    def test_glare(self, s: Solo, chance: float, caller: bool, wait: float) -> None:
        call = s.answered()[0] if caller else s.accepted()[0]
        s.agent.services.chance = lambda: chance
        s.do(call.change, OTHER)
        first = invite_of(s.bob)
        s.bob.take()
        reply(s.bob, first, 491)
        if wait:
            s.advance(wait - 0.02)
            assert "INVITE" not in s.bob.methods
        s.advance(0.03)
        again = invite_of(s.bob)
        assert again.cseq.number == first.cseq.number + 1
        assert again.body == OTHER

    @pytest.mark.clause("RFC3261-14.1-7")
    def test_only_once_and_only_if_it_is_still_wanted(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.change, OTHER)
        reply(s.bob, invite_of(s.bob), 491)
        s.advance(4.1)
        reply(s.bob, invite_of(s.bob), 491)
        (event,) = heard.events
        assert isinstance(event, NotChanged)
        assert event.failure.status == 491


class TestSection14_2:
    @pytest.mark.clause("RFC3261-14.2-1", "RFC3261-14.2-2")
    @pytest.mark.parametrize(("chance", "wait"), [(0.0, "0"), (0.999, "10")])
    def test_a_second_invite_gets_500(self, s: Solo, chance: float, wait: str) -> None:
        s.answered()
        within(s.bob, theirs(s), "INVITE", 1, body=OTHER)
        s.agent.services.chance = lambda: chance
        within(s.bob, theirs(s), "INVITE", 2, body=OTHER)
        assert s.bob.statuses == [500]
        assert s.bob.last.get("retry-after") == wait

    @pytest.mark.clause("RFC3261-14.2-3")
    def test_one_that_meets_ours_gets_491(self, s: Solo) -> None:
        call, _ = s.answered()
        s.do(call.change, OTHER)
        within(s.bob, theirs(s), "INVITE", 1, body=OTHER)
        assert s.bob.statuses == [491]

    @pytest.mark.clause("RFC3261-14.2-6")
    def test_a_488_has_a_warning(self, s: Solo) -> None:
        call, _ = s.answered()
        within(s.bob, theirs(s), "INVITE", 1, body=OTHER)
        s.do(call.refuse)
        assert s.bob.statuses == [488]
        assert s.bob.last.has("warning")

    @pytest.mark.clause("RFC3261-14.2-7")
    def test_no_ack_ends_the_call(self, s: Solo) -> None:
        call, heard = s.answered()
        within(s.bob, theirs(s), "INVITE", 1, body=OTHER)
        s.do(call.accept, ANSWER)
        s.advance(32.1)
        assert s.bob.methods == ["BYE"]
        assert heard.kinds == ["Offered", "Ended"]

    @pytest.mark.clause("RFC3261-14.2-11")
    def test_an_offer_that_cannot_be_taken(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.change)
        reply(s.bob, invite_of(s.bob), 200, body=OTHER)
        s.do(call.refuse)
        assert last(s.bob, "ACK").body == OFFER
        assert s.bob.methods[-1] == "BYE"
        assert heard.kinds == ["Changed", "Ended"]
