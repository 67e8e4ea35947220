import pytest
from tests.unit.dialog.messages import Headers, answer, invite

from ringway.dialog.refusal import Refusal
from ringway.dialog.session_timer import SessionExpires, SessionTimer
from ringway.errors import ParseError
from ringway.message import Request, Response

KNOWS = ("Supported", "timer")


def ask(*headers: tuple[str, str], method: str = "INVITE") -> Request:
    return invite(headers=headers, method=method)


def ok(*headers: tuple[str, str], status: int = 200) -> Response:
    return answer(invite(), status, headers=headers)


def expires(text: str) -> tuple[str, str]:
    return "Session-Expires", text


def min_se(seconds: int) -> tuple[str, str]:
    return "Min-SE", str(seconds)


def take(timer: SessionTimer, response: Response, now: float) -> None:
    """Let the timer have the response to a request with its headers."""
    timer.answered(ask(*timer.request_headers()), response, now)


def refreshing(interval: int = 1800) -> SessionTimer:
    """Return the timer of a caller who refreshes, set at 0."""
    timer = SessionTimer(interval)
    take(timer, ok(expires(f"{interval};refresher=uac")), 0.0)
    return timer


class TestSessionExpires:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("1800", SessionExpires(1800)),
            ("1800;refresher=uac", SessionExpires(1800, "uac")),
            ("90 ; x=1 ; Refresher=UAS", SessionExpires(90, "uas")),
            ("90;refresher=me", SessionExpires(90)),
            ("90;refresher", SessionExpires(90)),
        ],
    )
    def test_reads(self, text: str, value: SessionExpires) -> None:
        assert SessionExpires.of(ask(expires(text))) == value

    def test_compact_form_and_none(self) -> None:
        assert SessionExpires.of(ask(("x", "100"))) == SessionExpires(100)
        assert SessionExpires.of(ask()) is None

    @pytest.mark.parametrize("text", ["", "soon", "-1", "90;;"])
    def test_what_cannot_be_read(self, text: str) -> None:
        with pytest.raises(ParseError):
            SessionExpires.of(ask(expires(text)))

    def test_writes(self) -> None:
        assert str(SessionExpires(90)) == "90"
        assert str(SessionExpires(90, "uac")) == "90;refresher=uac"


class TestAsking:
    def test_the_first_request_leaves_the_refresher_open(self) -> None:
        assert SessionTimer(1800).request_headers() == (expires("1800"),)

    def test_our_own_minimum(self) -> None:
        assert SessionTimer(1800, 300).request_headers() == (expires("1800"), min_se(300))
        assert SessionTimer(100, 300).request_headers() == (expires("300"), min_se(300))
        assert SessionTimer(100, 10).request_headers() == (expires("100"),)

    def test_later_ones_keep_interval_and_refresher(self) -> None:
        timer = refreshing(1000)
        assert timer.request_headers() == (expires("1000;refresher=uac"),)
        take(timer, ok(expires("600;refresher=uas")), 1.0)
        assert timer.request_headers() == (expires("600;refresher=uas"),)

    def test_off(self) -> None:
        timer = SessionTimer(0)
        assert timer.request_headers() == ()
        take(timer, ok(expires("1800;refresher=uac")), 0.0)
        assert timer.next_due() is None


class TestAnswered:
    @pytest.mark.parametrize(("refresher", "refresh_at"), [("uac", 1000.0), ("uas", None)])
    def test_refresher(self, refresher: str, refresh_at: float | None) -> None:
        timer = SessionTimer(1800)
        take(timer, ok(expires(f"1800;refresher={refresher}"), ("Require", "timer")), 100.0)
        assert timer.refresher is (refresher == "uac")
        assert timer.interval == 1800
        assert timer.refresh_at == refresh_at
        assert timer.give_up_at == 100.0 + 1800 - 32

    def test_without_a_refresher_we_do_it(self) -> None:
        timer = SessionTimer(1800)
        take(timer, ok(expires("600")), 0.0)
        assert (timer.refresher, timer.interval, timer.refresh_at) == (True, 600, 300.0)

    @pytest.mark.parametrize("headers", [(), (expires("soon"),)])
    def test_a_peer_without_timers(self, headers: Headers) -> None:
        timer = SessionTimer(1800)
        take(timer, ok(*headers), 0.0)
        assert (timer.refresher, timer.interval, timer.refresh_at) == (True, 1800, 900.0)

    def test_asked_by_nobody(self) -> None:
        timer = refreshing()
        timer.answered(ask(), ok(), 10.0)
        assert timer.interval is None
        assert timer.next_due() is None

    def test_a_short_interval_gives_up_a_third_before(self) -> None:
        timer = refreshing(90)
        assert (timer.refresh_at, timer.give_up_at) == (45.0, 60.0)

    def test_never_shorter_than_the_minimum(self) -> None:
        timer = SessionTimer(1800)
        take(timer, ok(expires("2;refresher=uac")), 0.0)
        assert (timer.interval, timer.refresh_at) == (90, 45.0)

    def test_next_due_is_the_earlier_one(self) -> None:
        timer = refreshing()
        assert timer.next_due() == 900.0
        timer.request_headers()
        assert timer.next_due() == 1768.0

    def test_stop(self) -> None:
        timer = refreshing()
        timer.stop()
        assert timer.next_due() is None

    def test_method(self) -> None:
        timer = SessionTimer(1800)
        assert timer.method == "INVITE"
        assert not timer.refresher
        take(timer, ok(("Allow", "INVITE, UPDATE")), 0.0)
        assert timer.method == "UPDATE"
        take(timer, ok(), 0.0)
        assert timer.method == "UPDATE"
        take(timer, ok(("Allow", "INVITE")), 0.0)
        assert timer.method == "INVITE"


class TestRefused:
    def test_422_raises_the_interval(self) -> None:
        timer = SessionTimer(200)
        timer.request_headers()
        assert timer.refused(ok(min_se(600), status=422), 0.0)
        assert timer.request_headers() == (expires("600"), min_se(600))
        assert timer.refused(ok(min_se(900), status=422), 0.0)
        assert timer.request_headers() == (expires("900"), min_se(900))
        assert not timer.refused(ok(min_se(600), status=422), 0.0)
        assert timer.request_headers() == (expires("900"), min_se(900))

    @pytest.mark.parametrize("headers", [(), (min_se(200),), (("Min-SE", "long"),)])
    def test_422_that_asks_for_nothing_more(self, headers: Headers) -> None:
        timer = SessionTimer(200)
        timer.request_headers()
        assert not timer.refused(ok(*headers, status=422), 0.0)

    def test_422_that_nobody_asked_for(self) -> None:
        assert not SessionTimer(0).refused(ok(min_se(600), status=422), 0.0)

    def test_the_minimum_is_forgotten_with_the_first_dialog(self) -> None:
        timer = SessionTimer(200)
        timer.request_headers()
        timer.refused(ok(min_se(600), status=422), 0.0)
        take(timer, ok(expires("600;refresher=uac")), 0.0)
        assert timer.request_headers() == (expires("600;refresher=uac"),)
        timer.refused(ok(min_se(700), status=422), 0.0)
        assert timer.request_headers() == (expires("700;refresher=uac"), min_se(700))
        take(timer, ok(expires("700;refresher=uac")), 0.0)
        assert timer.request_headers() == (expires("700;refresher=uac"), min_se(700))

    def test_one_that_was_corrected_by_who_sent_it(self) -> None:
        timer = SessionTimer(200)
        timer.request_headers()
        timer.answered(ask(expires("600"), min_se(600)), ok(), 0.0)
        assert timer.interval == 600
        assert timer.request_headers() == (expires("600;refresher=uac"),)
        timer.answered(ask(expires("700"), min_se(700)), ok(), 0.0)
        assert timer.request_headers() == (expires("700;refresher=uac"), min_se(700))

    def test_the_session_expires_as_before(self) -> None:
        timer = refreshing()
        timer.request_headers()
        timer.refused(ok(status=500), 900.0)
        assert (timer.interval, timer.give_up_at) == (1800, 1768.0)

    def test_tries_again_while_there_is_time(self) -> None:
        timer = refreshing()
        tries = []
        now = 900.0
        while True:
            timer.request_headers()
            timer.refused(None, now)
            if timer.refresh_at is None:
                break
            tries.append(now := timer.refresh_at)
        assert tries == pytest.approx(
            [1334.0, 1551.0, 1659.5, 1713.75, 1740.875, 1754.4375, 1761.21875], abs=0.001
        )
        assert timer.next_due() == 1768.0

    @pytest.mark.parametrize(("now", "again"), [(1760.0, 1764.0), (1760.1, None)])
    def test_not_in_the_last_seconds(self, now: float, again: float | None) -> None:
        timer = refreshing()
        timer.request_headers()
        timer.refused(None, now)
        assert timer.refresh_at == again

    def test_after_the_wait_that_is_asked_for(self) -> None:
        timer = refreshing()
        timer.request_headers()
        timer.refused(ok(status=491), 1766.0, wait=1.5)
        assert timer.refresh_at == 1767.5
        timer.request_headers()
        timer.refused(ok(status=491), 1767.0, wait=1.5)
        assert timer.refresh_at is None

    def test_another_change_that_fails_moves_no_refresh(self) -> None:
        timer = refreshing()
        timer.request_headers()
        timer.refused(ok(status=488), 10.0, wait=1.0)
        assert timer.refresh_at == 900.0

    def test_not_our_turn(self) -> None:
        timer = SessionTimer(1800)
        take(timer, ok(expires("1800;refresher=uas")), 0.0)
        timer.request_headers()
        timer.refused(ok(status=500), 10.0)
        assert timer.refresh_at is None


class TestCheck:
    def test_too_small(self) -> None:
        timer = SessionTimer(1800, 300)
        refusal = timer.check(ask(KNOWS, expires("299")))
        assert refusal == Refusal(422, (min_se(300),))
        assert timer.check(ask(KNOWS, expires("300"))) is None

    def test_one_that_does_not_know_timers_is_not_refused(self) -> None:
        assert SessionTimer(1800).check(ask(expires("10"))) is None

    def test_without_session_expires_or_timers_of_ours(self) -> None:
        assert SessionTimer(1800).check(ask(KNOWS)) is None
        assert SessionTimer(0).check(ask(KNOWS, expires("10"))) is None

    def test_what_cannot_be_read(self) -> None:
        assert SessionTimer(1800).check(ask(expires("soon"))) == Refusal(400)


class TestAccept:
    @pytest.mark.parametrize(
        ("knows", "asked", "answered", "required"),
        [
            (False, "", "uas", False),
            (False, ";refresher=uac", "uas", False),
            (True, "", "uac", True),
            (True, ";refresher=uac", "uac", True),
            (True, ";refresher=uas", "uas", True),
        ],
    )
    def test_table_2(self, knows: bool, asked: str, answered: str, required: bool) -> None:
        timer = SessionTimer(1800)
        headers = [KNOWS] if knows else []
        made = timer.accept(ask(*headers, expires(f"600{asked}")), 100.0)
        assert made[0] == expires(f"600;refresher={answered}")
        assert (("Require", "timer") in made) is required
        assert timer.refresher is (answered == "uas")
        assert timer.refresh_at == (400.0 if answered == "uas" else None)
        assert timer.give_up_at == 100.0 + 600 - 32

    def test_a_free_choice_is_left_as_it_was(self) -> None:
        timer = refreshing()
        assert timer.accept(ask(KNOWS, expires("600")), 0.0)[0] == expires("600;refresher=uas")

    @pytest.mark.parametrize(
        ("asked", "minimum", "ours", "made"),
        [
            (3600, 0, 1800, 1800),
            (3600, 2000, 1800, 2000),
            (600, 0, 1800, 600),
            (600, 300, 100, 300),
            (600, 0, 100, 100),
        ],
    )
    def test_lowers_but_not_below_the_minimum(
        self, asked: int, minimum: int, ours: int, made: int
    ) -> None:
        headers = [min_se(minimum)] if minimum else []
        answered = SessionTimer(ours).accept(ask(KNOWS, expires(str(asked)), *headers), 0.0)
        assert answered[0] == expires(f"{made};refresher=uac")

    def test_asks_for_one_itself(self) -> None:
        timer = SessionTimer(1800)
        headers = (expires("1800;refresher=uac"), ("Require", "timer"))
        assert timer.accept(ask(KNOWS), 0.0) == headers
        assert timer.accept(ask(KNOWS, min_se(2000)), 0.0)[0] == expires("2000;refresher=uac")

    def test_nobody_asks(self) -> None:
        timer = refreshing()
        assert timer.accept(ask(), 0.0) == ()
        assert timer.next_due() is None
        assert SessionTimer(0).accept(ask(KNOWS, expires("1800")), 0.0) == ()
        assert SessionTimer(1800).accept(ask(expires("soon")), 0.0) == ()

    def test_no_timer_shorter_than_the_rfc_allows(self) -> None:
        timer = SessionTimer(1800)
        assert timer.accept(ask(expires("10")), 0.0) == ()
        assert timer.next_due() is None

    def test_keeps_the_largest_minimum_for_its_own_requests(self) -> None:
        timer = SessionTimer(1800)
        timer.accept(ask(KNOWS, expires("1800"), min_se(300)), 0.0)
        timer.accept(ask(KNOWS, expires("1800"), min_se(200)), 0.0)
        assert timer.request_headers() == (expires("1800;refresher=uas"), min_se(300))

    def test_hears_whether_update_is_taken(self) -> None:
        timer = SessionTimer(1800)
        timer.accept(ask(("Allow", "UPDATE")), 0.0)
        assert timer.updates
