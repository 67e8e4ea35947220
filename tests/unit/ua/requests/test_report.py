"""What is said of a request."""

from tests.harness import Harness, Headers, make_request

from ringway.codes import CANCELLED, Effect, Source
from ringway.endpoint import Kind
from ringway.message import Response, build_response
from ringway.ua.requests.report import Report


def report(harness: Harness, method: str = "INVITE", *, within: bool = False) -> Report:
    return Report(harness.endpoint, method, "c1", "sip:bob@bob.example", within=within)


def response(status: int, reason: str | None = None, headers: Headers = ()) -> Response:
    return build_response(make_request("INVITE"), status, reason=reason, headers=headers)


class TestFailures:
    def test_a_response(self) -> None:
        failure = report(Harness()).refused("bob", response(486, headers=[("Retry-After", "7")]))
        assert (failure.status, failure.source) == (486, Source.RECEIVED)
        assert (failure.text, failure.retry_after) == ("bob answered 486 Busy Here", 7)
        assert failure.why
        assert failure.response is not None

    def test_a_response_with_words_of_its_own_or_none(self) -> None:
        assert report(Harness()).refused("bob", response(486, "No")).text == "bob answered 486 No"
        silent = report(Harness()).refused("bob", response(486, ""))
        assert silent.text == "bob answered 486 Busy Here"

    def test_a_retry_after_that_is_none(self) -> None:
        answer = response(503, headers=[("Retry-After", "soon")])
        assert report(Harness()).refused("bob", answer).retry_after is None

    def test_none_came(self) -> None:
        said = report(Harness())
        assert said.unanswered(Source.TIMER, "t").status == 408
        assert said.unanswered(Source.TRANSPORT, "t").status == 503
        assert said.unanswered(Source.TIMER, "t", CANCELLED).status == 487

    def test_the_tables_word_depends_on_the_dialog(self) -> None:
        inside = report(Harness(), "BYE", within=True)
        outside = report(Harness(), "MESSAGE")
        failure = inside.unanswered(Source.TIMER, "t")
        assert inside.rule(failure).effects == (Effect.NEXT_SERVER, Effect.END_DIALOG)
        assert outside.rule(failure).effects == (Effect.NEXT_SERVER, Effect.GIVE_UP)


class TestDecisions:
    def test_a_note(self) -> None:
        h = Harness()
        report(h).note(Kind.BRANCH, "sends", 5.0, status=200)
        (decision,) = h.decisions
        assert (decision.at, decision.kind, decision.text) == (5.0, Kind.BRANCH, "sends")
        assert (decision.call_id, decision.method, decision.aor) == (
            "c1", "INVITE", "sip:bob@bob.example",
        )  # fmt: skip
        assert (decision.status, decision.effects, decision.why) == (200, (), "")

    def test_what_is_done_because_of_a_failure(self) -> None:
        h = Harness()
        said = report(h)
        failure = said.refused("bob", response(503))
        said.failed(Kind.FAILOVER, "the next server", failure, 5.0, None)
        said.failed(Kind.ANSWER, failure.text, failure, 6.0, None)
        first, second = h.decisions
        assert first.effects == second.effects == said.rule(failure).effects
        assert first.why == failure.why
        assert (first.status, second.status) == (0, 503)  # a story ends with a status

    def test_nobody_listens(self) -> None:
        h = Harness()
        h.endpoint.listener = None
        said = report(h)
        said.note(Kind.BRANCH, "sends", 5.0)
        said.failed(Kind.ANSWER, "t", said.unanswered(Source.TIMER, "t"), 5.0, None)
        assert h.decisions == []
