"""RFC 5626 §4.5: how long before another try, and who may say so."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ringway.endpoint import Timer
from ringway.endpoint.schedule import CallTimer
from ringway.message import parse_uri
from ringway.ua.flows.recovery import Recovery, Wait
from ringway.ua.settings import AgentSettings

URI = "sip:edge1.example.com"


class Clock:
    """One wait, its clock and its chances."""

    def __init__(self, *, chance: float = 0.0, **settings: float) -> None:
        self.timers: list[CallTimer] = []
        self.chance = chance
        self.any_flow = False
        self.tries: list[float] = []
        given = AgentSettings(parse_uri("sip:alice@example.com"), **settings)  # type: ignore[arg-type]
        self.recovery = Recovery(given, lambda: self.chance, self.timer, lambda: self.any_flow)
        self.wait = Wait(self.recovery, URI, self.tries.append)

    def timer(self, at: float, callback: Callable[[float], None]) -> Timer:
        self.timers.append(CallTimer(at, callback))
        return self.timers[-1]

    @property
    def due(self) -> list[float]:
        return [each.at for each in self.timers if each.active]

    def fire(self) -> None:
        (timer,) = [each for each in self.timers if each.active]
        timer.active = False
        timer.happen(timer.at)

    def succeed(self, *, answered: bool = True) -> None:
        self.wait.registered(0.0, 3600, keeps_alive=True, new=True)
        if answered:
            self.wait.answered()


class TestBackOff:
    @pytest.mark.parametrize(
        ("failures", "any_flow", "least", "most"),
        [
            (1, False, 30, 60),
            (2, False, 60, 120),
            (3, False, 120, 240),
            (5, False, 480, 960),
            (6, False, 900, 1800),
            (7, False, 900, 1800),
            (10_000, False, 900, 1800),
            (1, True, 90, 180),
            (2, True, 180, 360),
            (4, True, 720, 1440),
            (5, True, 900, 1800),
        ],
    )
    def test_half_to_all_of_the_upper_bound(
        self, failures: int, any_flow: bool, least: float, most: float
    ) -> None:
        c = Clock()
        c.any_flow = any_flow
        assert c.recovery.back_off(failures) == least
        c.chance = 1.0
        assert c.recovery.back_off(failures) == most
        c.chance = 0.5
        assert c.recovery.back_off(failures) == (least + most) / 2

    def test_the_times_can_be_set(self) -> None:
        c = Clock(chance=1.0, base_all_failed=1.0, base_not_failed=2.0, max_wait=7.0)
        assert [c.recovery.back_off(n) for n in (1, 2, 3)] == [2, 4, 7]
        c.any_flow = True
        assert [c.recovery.back_off(n) for n in (1, 2)] == [4, 7]


class TestFailures:
    def test_at_the_start_there_is_no_wait(self) -> None:
        c = Clock()
        c.wait.begin(5.0)
        assert (c.tries, c.due) == ([5.0], [])

    def test_each_failure_doubles_the_wait(self) -> None:
        c = Clock()
        assert [c.wait.failed(0.0) for _ in range(3)] == [30, 60, 120]
        assert c.due == [120]  # one timer
        c.fire()
        assert c.tries == [120]

    def test_slots_to_one_uri_count_together(self) -> None:
        c = Clock()
        other = Wait(c.recovery, URI, c.tries.append)
        elsewhere = Wait(c.recovery, "sip:edge2.example.com", c.tries.append)
        c.wait.failed(0.0)
        assert (other.failures, elsewhere.failures) == (1, 0)
        assert (other.failed(0.0), elsewhere.failed(0.0)) == (60, 30)

    def test_retry_after_makes_it_longer_only(self) -> None:
        c = Clock()
        assert c.wait.failed(0.0, retry_after=100) == 100
        assert c.wait.failed(0.0, retry_after=10) == 60
        assert c.wait.failed(0.0, retry_after=0) == 120

    def test_who_is_sent_away_together_does_not_come_back_together(self) -> None:
        c = Clock(chance=1.0)
        assert c.wait.failed(0.0, retry_after=100) == 105

    def test_an_absurd_retry_after_is_an_hour(self) -> None:
        assert Clock().wait.failed(0.0, retry_after=4_294_967_295) == 3600

    def test_a_refresh_that_is_put_off_waits_for_no_more_than_it_is_told(self) -> None:
        c = Clock()
        assert c.wait.failed(0.0, retry_after=7, same_flow=True) == 7
        assert c.wait.failed(0.0, retry_after=7, same_flow=True) == 60
        assert Clock().wait.failed(0.0, same_flow=True) == 30


class TestSuccess:
    @pytest.mark.parametrize(("chance", "due"), [(0.0, 800.0), (0.5, 850.0), (1.0, 900.0)])
    def test_refreshed_at_80_to_90_percent(self, chance: float, due: float) -> None:
        c = Clock(chance=chance)
        c.wait.registered(0.0, 1000, keeps_alive=False, new=True)
        assert c.due == [pytest.approx(due)]
        c.fire()
        assert c.tries == [pytest.approx(due)]

    def test_a_registration_alone_resets_nothing(self) -> None:
        c = Clock()
        c.wait.failed(0.0)
        c.succeed(answered=False)
        assert c.wait.failures == 1
        assert c.wait.lost(10.0) == 60

    def test_with_an_answered_keep_alive_it_does(self) -> None:
        c = Clock()
        c.wait.failed(0.0)
        c.succeed()
        assert c.wait.failures == 0

    @pytest.mark.parametrize(("stood", "delay"), [(119.0, 60), (120.0, 0)])
    def test_without_keep_alives_in_use_it_must_stand(self, stood: float, delay: float) -> None:
        c = Clock()
        c.wait.failed(0.0)
        c.wait.registered(0.0, 3600, keeps_alive=False, new=True)
        assert c.wait.failures == 1
        assert c.wait.lost(stood) == delay

    def test_refreshes_do_not_begin_that_time_anew(self) -> None:
        c = Clock()
        for at in range(0, 121, 40):
            c.wait.registered(at, 50, keeps_alive=False, new=at == 0)
        assert c.wait.lost(121) == 0

    def test_a_refusal_does(self) -> None:
        c = Clock()
        c.wait.registered(0.0, 60, keeps_alive=False, new=True)
        c.wait.failed(50.0, same_flow=True)
        c.wait.registered(100.0, 60, keeps_alive=False, new=False)
        assert c.wait.failures == 1
        assert c.wait.lost(130.0) == 60

    def test_no_refresh_comes_right_after_the_other(self) -> None:
        c = Clock()
        c.wait.registered(0.0, 1, keeps_alive=True, new=True)
        assert c.due == [10]

    def test_an_answer_to_a_keep_alive_alone_resets_nothing(self) -> None:
        c = Clock()
        c.succeed()
        c.wait.failed(0.0, same_flow=True)
        c.wait.answered()
        assert c.wait.failures == 1
        c.wait.registered(0.0, 3600, keeps_alive=True, new=False)  # over a flow that was proven
        assert c.wait.failures == 0


class TestLostFlows:
    @pytest.mark.parametrize(("chance", "delay"), [(0.0, 0.0), (0.5, 2.5), (1.0, 5.0)])
    def test_the_first_try_is_spread(self, chance: float, delay: float) -> None:
        c = Clock()
        c.succeed()
        c.chance = chance
        assert c.wait.lost(100.0) == delay
        assert c.due == [100 + delay]

    def test_a_flow_that_never_was_proven_counts_as_a_failure(self) -> None:
        c = Clock()
        c.succeed(answered=False)
        assert c.wait.lost(0.0) == 30
        c.succeed(answered=False)
        assert c.wait.lost(0.0) == 60

    def test_proof_is_for_one_flow(self) -> None:
        c = Clock()
        c.succeed()
        assert c.wait.lost(0.0) == 0
        c.succeed(answered=False)
        assert c.wait.lost(0.0) == 30

    def test_it_does_not_cut_a_wait_short(self) -> None:
        c = Clock()
        c.succeed()
        c.wait.failed(0.0, same_flow=True)
        assert c.wait.lost(10.0) == 20
        assert c.due == [30]

    def test_but_a_refresh_has_become_pointless(self) -> None:
        c = Clock()
        c.succeed()
        assert c.due == [2880]
        c.wait.lost(10.0)
        assert c.due == [10]


class TestTheOthers:
    def test_the_network_may_change_in_the_middle_of_a_wait(self) -> None:
        c = Clock()
        c.wait.failed(0.0)
        c.wait.begin(1.0)
        assert (c.tries, c.due, c.wait.failures) == ([1.0], [], 1)

    def test_who_stood_by_begins_within_the_spread(self) -> None:
        c = Clock(chance=1.0)
        c.wait.soon(1.0)
        c.wait.soon(2.0)
        assert c.due == [6.0]

    def test_but_not_before_its_wait_is_over(self) -> None:
        c = Clock()
        c.wait.failed(0.0)
        c.wait.soon(1.0)
        assert c.due == [30.0]

    def test_what_is_left(self) -> None:
        c = Clock()
        assert c.wait.remaining(0.0) == 0
        c.wait.failed(0.0)
        assert c.wait.remaining(10.0) == 20
        assert c.wait.remaining(40.0) == 0
        c.wait.hold()
        assert (c.due, c.wait.remaining(0.0)) == ([], 0)
