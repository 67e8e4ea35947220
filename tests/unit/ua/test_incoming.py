"""Requests outside of dialogs that the application answers."""

from __future__ import annotations

import pytest
from tests.unit.ua.support import Solo

from ringway.ua.events import RequestOffered


@pytest.fixture
def s() -> Solo:
    s = Solo(software="ringway")
    s.bob.request("MESSAGE", "sip:alice@10.0.0.1", body=b"hello")
    return s


class TestIncomingRequest:
    def test_it_is_offered(self, s: Solo) -> None:
        (request,) = s.application.requests
        assert s.application.told == [RequestOffered(request)]
        assert request.request.body == b"hello"
        assert not request.answered
        assert s.bob.statuses == []

    def test_answer(self, s: Solo) -> None:
        (request,) = s.application.requests
        request.answer(
            202,
            s.now,
            reason="Later",
            headers=(("Subject", "tea"),),
            body=b"thanks",
            content_type="text/plain",
        )
        s.pump()
        said = s.bob.responses[0]
        assert (said.status, said.reason, said.body) == (202, "Later", b"thanks")
        assert said.get("subject") == "tea"
        assert said.get("server") == "ringway"
        assert said.get("content-type") == "text/plain"
        assert said.to_tag
        assert request.answered

    def test_only_once(self, s: Solo) -> None:
        (request,) = s.application.requests
        request.answer(200, s.now)
        request.answer(486, s.now)
        s.pump()
        assert s.bob.statuses == [200]

    @pytest.mark.parametrize("status", [180, 700])
    def test_what_is_not_final(self, s: Solo, status: int) -> None:
        with pytest.raises(ValueError, match="no final status"):
            s.application.requests[0].answer(status, s.now)

    def test_a_tag_that_is_there_stays(self) -> None:
        s = Solo()
        s.bob.request("MESSAGE", "sip:alice@10.0.0.1")
        s.advance(4)  # the endpoint has said 100 meanwhile (RFC 4320 §4.1)
        s.application.requests[0].answer(200, s.now)
        s.pump()
        assert s.bob.statuses == [100, 200]
        assert not s.bob.responses[-1].has("server")

    def test_nobody_answers(self, s: Solo) -> None:
        s.advance(40)
        assert s.application.requests[0].answered
