"""RFC 4028: session timers, as the state of one shows them."""

import pytest
from tests.unit.dialog.messages import answer, invite

from ringway.dialog.session_timer import SessionExpires, SessionTimer
from ringway.message import Request, Response

Header = tuple[str, str]
TIMER = ("Supported", "timer")


def ask(*headers: Header) -> Request:
    return invite(headers=headers)


def say(status: int, *headers: Header) -> Response:
    return answer(invite(), status, headers=headers)


def take(timer: SessionTimer, response: Response, now: float) -> None:
    """Let the timer have the response to a request with its headers."""
    timer.answered(ask(*timer.request_headers()), response, now)


def value(headers: tuple[Header, ...]) -> SessionExpires | None:
    return SessionExpires.of(ask(*headers))


class TestSection4:
    def test_nothing_below_90_seconds(self) -> None:
        timer = SessionTimer(10, 10)
        assert value(timer.request_headers()) == SessionExpires(90)
        take(timer, say(200, ("Session-Expires", "5;refresher=uac")), 0.0)
        assert timer.interval == 90
        assert SessionTimer(1800).accept(ask(("Session-Expires", "5")), 0.0) == ()


class TestSection7_1:
    def test_the_interval_is_not_below_min_se(self) -> None:
        headers = dict(SessionTimer(100, 500).request_headers())
        assert headers == {"Session-Expires": "500", "Min-SE": "500"}

    def test_the_refresher_is_left_open(self) -> None:
        assert SessionTimer(1800).request_headers() == (("Session-Expires", "1800"),)


class TestSection7_2:
    def test_a_value_that_nobody_asked_for(self) -> None:
        timer = SessionTimer(1800)
        take(timer, say(200, ("Session-Expires", "600;refresher=uas")), 0.0)
        assert (timer.interval, timer.refresher) == (600, False)

    @pytest.mark.parametrize("refresher", ["uac", "uas"])
    def test_the_refresher_is_who_the_response_says(self, refresher: str) -> None:
        timer = SessionTimer(1800)
        take(timer, say(200, ("Session-Expires", f"600;refresher={refresher}")), 0.0)
        assert timer.refresher is (refresher == "uac")

    def test_only_the_uac_supports_it(self) -> None:
        timer = SessionTimer(1800)
        take(timer, say(200), 0.0)
        assert (timer.interval, timer.refresher) == (1800, True)

    def test_turned_off_in_mid_dialog(self) -> None:
        timer = SessionTimer(1800)
        take(timer, say(200, ("Session-Expires", "600;refresher=uas")), 0.0)
        timer.answered(ask(), say(200), 0.0)
        assert timer.interval is None

    def test_refreshes_at_half_the_interval_after_the_2xx(self) -> None:
        timer = SessionTimer(1800)
        take(timer, say(200, ("Session-Expires", "600;refresher=uac")), 50.0)
        assert timer.refresh_at == 350.0


class TestSection7_3:
    def test_a_422_is_tried_again(self) -> None:
        timer = SessionTimer(100)
        timer.request_headers()
        assert timer.refused(say(422, ("Min-SE", "200")), 0.0)
        assert dict(timer.request_headers()) == {"Session-Expires": "200", "Min-SE": "200"}


class TestSection7_4:
    def test_the_largest_min_se_of_all(self) -> None:
        timer = SessionTimer(100)
        for seconds in (300, 200):
            timer.request_headers()
            timer.refused(say(422, ("Min-SE", str(seconds))), 0.0)
        assert dict(timer.request_headers())["Min-SE"] == "300"

    def test_it_is_cleared_with_the_dialog(self) -> None:
        timer = SessionTimer(100)
        timer.request_headers()
        timer.refused(say(422, ("Min-SE", "300")), 0.0)
        take(timer, say(200, ("Session-Expires", "300;refresher=uac")), 0.0)
        assert "Min-SE" not in dict(timer.request_headers())

    def test_that_of_a_request_of_the_peer(self) -> None:
        timer = SessionTimer(1800)
        timer.accept(ask(TIMER, ("Session-Expires", "600"), ("Min-SE", "400")), 0.0)
        assert dict(timer.request_headers())["Min-SE"] == "400"

    @pytest.mark.parametrize("refresher", ["uac", "uas"])
    def test_interval_and_refresher_stay(self, refresher: str) -> None:
        timer = SessionTimer(1800)
        take(timer, say(200, ("Session-Expires", f"600;refresher={refresher}")), 0.0)
        assert value(timer.request_headers()) == SessionExpires(600, refresher)

    def test_refreshes_with_update_if_the_peer_takes_it(self) -> None:
        timer = SessionTimer(1800)
        assert timer.method == "INVITE"
        take(timer, say(200, ("Allow", "INVITE, UPDATE")), 0.0)
        assert timer.method == "UPDATE"


class TestSection9:
    def test_422_with_min_se(self) -> None:
        refusal = SessionTimer(1800, 200).check(ask(TIMER, ("Session-Expires", "199")))
        assert refusal is not None
        assert (refusal.status, refusal.headers) == (422, (("Min-SE", "200"),))

    def test_the_minimum_is_never_below_90(self) -> None:
        refusal = SessionTimer(1800, 20).check(ask(TIMER, ("Session-Expires", "30")))
        assert refusal is not None
        assert refusal.headers == (("Min-SE", "90"),)

    def test_no_422_for_one_that_does_not_support_it(self) -> None:
        assert SessionTimer(1800, 200).check(ask(("Session-Expires", "100"))) is None

    @pytest.mark.parametrize(
        ("asked", "minimum", "made"),
        [("600", "90", 600), ("3600", "90", 1800), ("3600", "3000", 3000)],
    )
    def test_the_value_is_lowered_only_to_the_minimum_and_never_raised(
        self, asked: str, minimum: str, made: int
    ) -> None:
        request = ask(TIMER, ("Session-Expires", asked), ("Min-SE", minimum))
        answered = value(SessionTimer(1800).accept(request, 0.0))
        assert answered is not None
        assert answered.seconds == made

    def test_a_timer_that_the_uas_wants(self) -> None:
        answered = value(SessionTimer(1800).accept(ask(TIMER, ("Min-SE", "2000")), 0.0))
        assert answered is not None
        assert answered.seconds == 2000

    @pytest.mark.parametrize(
        ("supports", "asked", "answered", "required"),
        [
            (False, "", "uas", False),
            (True, "", "uac", True),
            (True, ";refresher=uac", "uac", True),
            (True, ";refresher=uas", "uas", True),
        ],
    )
    def test_table_2(self, supports: bool, asked: str, answered: str, required: bool) -> None:
        headers = [TIMER] if supports else []
        made = SessionTimer(1800).accept(ask(*headers, ("Session-Expires", f"600{asked}")), 0.0)
        assert value(made) == SessionExpires(600, answered)
        assert (("Require", "timer") in made) is required

    def test_the_uas_refreshes_at_half_the_interval_after_its_2xx(self) -> None:
        timer = SessionTimer(1800)
        timer.accept(ask(TIMER, ("Session-Expires", "600;refresher=uas")), 50.0)
        assert timer.refresh_at == 350.0

    def test_a_2xx_without_it_ends_the_timer(self) -> None:
        timer = SessionTimer(1800)
        timer.accept(ask(TIMER, ("Session-Expires", "600")), 0.0)
        timer.accept(ask(), 10.0)
        assert timer.next_due() is None


class TestSection10:
    def test_only_a_2xx_extends_the_session(self) -> None:
        timer = SessionTimer(600)
        take(timer, say(200, ("Session-Expires", "600;refresher=uac")), 0.0)
        timer.request_headers()
        timer.refused(say(422, ("Min-SE", "3000")), 300.0)
        assert timer.give_up_at == 600 - 32

    @pytest.mark.parametrize(("interval", "early"), [(1800, 32), (90, 30)])
    def test_bye_comes_before_the_session_expires(self, interval: int, early: int) -> None:
        timer = SessionTimer(1800)
        take(timer, say(200, ("Session-Expires", f"{interval};refresher=uas")), 0.0)
        assert timer.give_up_at == interval - early

    def test_the_same_error_is_not_asked_for_without_end(self) -> None:
        timer = SessionTimer(600)
        take(timer, say(200, ("Session-Expires", "600;refresher=uac")), 0.0)
        tries = 0
        while timer.refresh_at is not None:
            now = timer.refresh_at
            timer.request_headers()
            timer.refused(say(500), now)
            tries += 1
        assert tries < 10
