"""RFC 3261 §15: sessions end."""

import pytest
from tests.unit.ua.calls.test_call import last, theirs
from tests.unit.ua.support import ANSWER, OTHER, Solo, within


@pytest.fixture
def s() -> Solo:
    return Solo()


class TestSection15:
    @pytest.mark.clause("RFC3261-15-1", "RFC3261-15.1.2-3", "RFC3261-15.1.2-4")
    def test_a_bye_ends_the_session(self, s: Solo) -> None:
        call, heard = s.answered()
        within(s.bob, theirs(s), "BYE", 1)
        assert s.bob.statuses == [200]
        assert heard.kinds == ["Ended"]
        assert not call.up

    @pytest.mark.clause("RFC3261-15-2")
    def test_no_bye_outside_a_dialog(self, s: Solo) -> None:
        call, _ = s.call()
        s.do(call.hang_up)
        s.advance(40)
        assert "BYE" not in s.bob.methods

    @pytest.mark.clause("RFC3261-15-3")
    def test_none_from_who_is_called_while_it_rings(self, s: Solo) -> None:
        s.invited()
        s.do(s.calls[0].ring)
        s.do(s.calls[0].hang_up)
        assert s.bob.methods == []
        assert s.bob.statuses == [180, 480]

    @pytest.mark.clause("RFC3261-15-4")
    def test_none_before_the_ack(self, s: Solo) -> None:
        s.invited()
        s.do(s.calls[0].answer, ANSWER)
        s.do(s.calls[0].hang_up)
        assert s.bob.methods == []
        within(s.bob, s.bob.responses[0], "ACK", 1)
        assert s.bob.methods == ["BYE"]

    @pytest.mark.clause("RFC3261-15-4")
    def test_without_an_ack_after_the_wait(self, s: Solo) -> None:
        s.invited()
        s.do(s.calls[0].answer, ANSWER)
        s.do(s.calls[0].hang_up)
        s.advance(31.9)
        assert s.bob.methods == []
        s.advance(0.2)
        assert s.bob.methods == ["BYE"]


class TestSection15_1_1:
    @pytest.mark.clause("RFC3261-15.1.1-1")
    def test_the_session_is_over_when_the_bye_is_sent(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.hang_up)
        assert s.bob.methods == ["BYE"]
        assert heard.kinds == ["Ended"]
        assert not call.up

    @pytest.mark.clause("RFC3261-15.1.1-2")
    @pytest.mark.parametrize("status", [481, 408, 500, None])
    def test_whatever_comes_of_it(self, s: Solo, status: int | None) -> None:
        call, heard = s.answered()
        s.do(call.hang_up)
        if status is not None:
            s.bob.answer(last(s.bob, "BYE"), status)
        s.advance(40)
        assert heard.kinds == ["Ended"]
        assert s.agent.dialogs == {}
        assert s.endpoint.transactions == 0


class TestSection15_1_2:
    @pytest.mark.clause("RFC3261-15.1.2-1")
    def test_of_no_dialog(self, s: Solo) -> None:
        s.bob.request("BYE", "sip:alice@10.0.0.1", to="<sip:alice@example.com>;tag=x")
        s.bob.request("BYE", "sip:alice@10.0.0.1")
        assert s.bob.statuses == [481, 481]

    @pytest.mark.clause("RFC3261-15.1.2-2")
    def test_out_of_order(self, s: Solo) -> None:
        call, _ = s.answered()
        within(s.bob, theirs(s), "INFO", 5)
        within(s.bob, theirs(s), "BYE", 4)
        assert s.bob.statuses == [200, 500]
        assert call.up

    @pytest.mark.clause("RFC3261-15.1.2-5", "RFC3261-15.1.2-6")
    def test_what_waits_gets_487(self, s: Solo) -> None:
        s.answered()
        said = theirs(s)
        within(s.bob, said, "INVITE", 1, body=OTHER)
        within(s.bob, said, "BYE", 2)
        assert [(each.status, each.cseq.method) for each in s.bob.responses] == [
            (200, "BYE"),
            (487, "INVITE"),
        ]
