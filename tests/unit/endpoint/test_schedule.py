import random
from functools import partial

import pytest

from ringway.endpoint.schedule import CallTimer, Schedule


class Fixture:
    def __init__(self) -> None:
        self.schedule = Schedule()
        self.now = 0.0
        self.fired: list[float] = []

    def start(self, after: float) -> CallTimer:
        timer = CallTimer(self.now + after, self.fired.append)
        self.schedule.start(timer, self.now)
        return timer

    def run(self, until: float) -> None:
        while (due := self.schedule.next_due()) is not None and due <= until:
            self.now = due
            self.schedule.fire_due(due)
        self.now = until


@pytest.fixture
def f() -> Fixture:
    return Fixture()


class TestSchedule:
    def test_is_empty(self, f: Fixture) -> None:
        assert f.schedule.next_due() is None
        f.schedule.fire_due(1e9)

    def test_fires_in_order_across_lengths(self, f: Fixture) -> None:
        for after in (5.0, 0.5, 32.0, 0.5, 4.0):
            f.start(after)
        assert f.schedule.next_due() == 0.5
        f.run(100)
        assert f.fired == [0.5, 0.5, 4.0, 5.0, 32.0]

    def test_fires_what_is_overdue_in_order(self, f: Fixture) -> None:
        order: list[str] = []
        for name, at in (("c", 3.0), ("a", 1.0), ("b", 2.0)):
            f.schedule.start(CallTimer(at, partial(lambda name, _: order.append(name), name)), 0.0)
        f.schedule.fire_due(10.0)
        assert order == ["a", "b", "c"]

    def test_one_that_raises_does_not_lose_the_others(self, f: Fixture) -> None:
        def fail(now: float) -> None:
            f.schedule.next_due()  # what is due later is known from here on
            order.append(f"fails at {now}")
            raise ZeroDivisionError

        order: list[str] = []
        for name, at in (("a", 1.0), ("b", 3.0), ("c", 3.0), ("late", 20.0)):
            f.schedule.start(CallTimer(at, partial(lambda name, _: order.append(name), name)), 0.0)
        for at in (2.0, 4.0):
            f.schedule.start(CallTimer(at, fail), 0.0)
        dropped = CallTimer(3.5, f.fired.append)
        f.schedule.start(dropped, 0.0)
        with pytest.raises(ZeroDivisionError):
            f.schedule.fire_due(10.0)
        assert order == ["a", "fails at 10.0"]
        dropped.cancel()
        assert f.schedule.next_due() == 3.0
        with pytest.raises(ZeroDivisionError):
            f.schedule.fire_due(10.0)
        assert order == ["a", "fails at 10.0", "b", "c", "fails at 10.0"]
        assert f.schedule.next_due() == 20.0
        f.schedule.fire_due(20.0)
        assert order[-1] == "late"
        assert f.fired == []
        assert f.schedule.next_due() is None

    def test_cancelled_does_not_fire(self, f: Fixture) -> None:
        timer = f.start(1.0)
        assert timer.active
        timer.cancel()
        timer.cancel()
        assert not timer.active
        assert f.schedule.next_due() is None
        f.run(10)
        assert f.fired == []

    def test_fired_is_not_active_and_cancels_in_vain(self, f: Fixture) -> None:
        timer = f.start(1.0)
        f.run(2)
        assert not timer.active
        timer.cancel()
        assert f.fired == [1.0]

    def test_one_may_cancel_another_that_is_due(self, f: Fixture) -> None:
        victim = f.start(1.0)
        f.schedule.start(CallTimer(0.5, lambda _: victim.cancel()), 0.0)
        f.schedule.fire_due(5.0)
        assert f.fired == []

    def test_one_may_start_another_that_is_due_at_once(self, f: Fixture) -> None:
        def again(now: float) -> None:
            if len(f.fired) < 3:
                f.fired.append(now)
                f.schedule.start(CallTimer(now, again), now)

        f.schedule.start(CallTimer(1.0, again), 0.0)
        f.schedule.fire_due(1.0)
        assert f.fired == [1.0, 1.0, 1.0]

    def test_a_clock_that_steps_back_keeps_the_order(self, f: Fixture) -> None:
        f.now = 10.0
        f.start(5.0)
        f.now = 8.0
        f.start(5.0)
        f.run(100)
        assert f.fired == [13.0, 15.0]

    def test_any_number_of_lengths(self, f: Fixture) -> None:
        for after in range(200, 0, -1):
            f.start(after / 7)
        f.run(100)
        assert f.fired == sorted(f.fired)
        assert len(f.fired) == 200
        f.start(1.0)
        f.start(1 / 3)  # takes the place of lanes that are idle by now
        f.run(200)
        assert len(f.fired) == 202

    @pytest.mark.parametrize("lengths", [(32.0,), tuple(each / 7 for each in range(1, 100))])
    def test_cancelled_timers_take_no_room(self, f: Fixture, lengths: tuple[float, ...]) -> None:
        kept = []
        for number in range(20_000):
            f.now = number / 1000
            timer = f.start(lengths[number % len(lengths)] + 100)
            if number % 100:
                timer.cancel()
            else:
                kept.append(timer.at)
        schedule = f.schedule
        lanes = sum(len(lane.timers) for lane in schedule._lanes.values())
        assert lanes + len(schedule._heap._entries) < 20_000 / 2
        f.run(1000)
        assert f.fired == sorted(kept)

    def test_like_a_sorted_list(self, f: Fixture) -> None:
        rng = random.Random(1)
        timers: list[CallTimer] = []
        expected: list[float] = []
        for _ in range(3000):
            f.run(f.now + rng.random())
            timers.append(f.start(rng.choice((0.5, 5.0, 32.0, rng.random() * 50))))
            if rng.random() < 0.6:
                rng.choice(timers).cancel()
        left = sorted(timer.at for timer in timers if timer.active)
        expected = f.fired + left
        f.run(f.now + 100)
        assert f.fired == expected
        assert f.fired == sorted(f.fired)
