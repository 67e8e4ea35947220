"""RFC 3261 §9.2: what a user agent server does with a CANCEL."""

import pytest
from tests.unit.ua.support import ANSWER, Heard, Solo, cancel, within

from ringway.message import Request


@pytest.fixture
def s() -> Solo:
    return Solo()


def offered(s: Solo) -> tuple[Heard, Request]:
    invite = s.invited()
    return s.heard[-1], invite


class TestSection9_2:
    @pytest.mark.clause("RFC3261-9.2-1", "RFC3261-9.2-6")
    def test_it_is_answered_with_200_and_never_challenged(self, s: Solo) -> None:
        _, invite = offered(s)
        cancel(s.bob, invite)
        said = [each for each in s.bob.responses if each.cseq.method == "CANCEL"]
        assert [each.status for each in said] == [200]

    @pytest.mark.clause("RFC3261-9.2-2")
    def test_one_that_matches_nothing(self, s: Solo) -> None:
        s.bob.request("CANCEL", "sip:alice@10.0.0.1")
        assert s.bob.statuses == [481]

    @pytest.mark.clause("RFC3261-9.2-3")
    def test_after_the_final_response_it_changes_nothing(self, s: Solo) -> None:
        heard, invite = offered(s)
        s.do(s.calls[0].answer, ANSWER)
        cancel(s.bob, invite)
        assert s.bob.statuses == [200, 200]
        assert s.calls[0].up
        assert heard.events == []

    @pytest.mark.clause("RFC3261-9.2-4")
    def test_an_invite_that_waits_is_answered_with_487_at_once(self, s: Solo) -> None:
        heard, invite = offered(s)
        s.do(s.calls[0].ring)
        cancel(s.bob, invite)
        assert s.bob.statuses == [180, 200, 487]
        assert heard.kinds == ["Ended"]

    @pytest.mark.clause("RFC3261-9.2-4")
    def test_a_reinvite_that_waits(self, s: Solo) -> None:
        call, _, _ = s.accepted()
        session = call.session
        assert session is not None
        dialog = session.dialog
        from_to = {"from_": dialog.remote, "to": dialog.local}
        invite = s.bob.request(
            "INVITE",
            "sip:alice@10.0.0.1",
            call_id=dialog.call_id,
            cseq=2,
            headers=[("Contact", "<sip:bob@10.0.0.9>"), ("Content-Type", "application/sdp")],
            body=b"v=0 more",
            from_=from_to["from_"],
            to=from_to["to"],
        )
        cancel(s.bob, invite)
        assert s.bob.statuses == [200, 487]
        assert call.up

    @pytest.mark.clause("RFC3261-9.2-5")
    def test_any_other_request_is_not_touched(self, s: Solo) -> None:
        message = s.bob.request("MESSAGE", "sip:alice@10.0.0.1")
        cancel(s.bob, message)
        (request,) = s.application.requests
        assert not request.answered
        request.answer(200, s.now)
        s.pump()
        said = [each.status for each in s.bob.responses if each.cseq.method == "MESSAGE"]
        assert said == [200]

    @pytest.mark.clause("RFC3261-9.2-7")
    def test_one_to_tag(self, s: Solo) -> None:
        _, invite = offered(s)
        s.do(s.calls[0].ring)
        cancel(s.bob, invite)
        assert len({each.to_tag for each in s.bob.responses}) == 1

    def test_bye_is_as_good(self, s: Solo) -> None:
        heard, _ = offered(s)
        s.do(s.calls[0].ring)
        within(s.bob, s.bob.responses[-1], "BYE", 2)
        assert sorted(s.bob.statuses) == [180, 200, 487]
        assert heard.kinds == ["Ended"]
