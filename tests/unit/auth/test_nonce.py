import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringway.auth.nonce import KEY_LENGTH, WINDOW, Nonces, NonceState

KEY = bytes(KEY_LENGTH)
FRESH, FOREIGN, EXPIRED, USED, FORGOTTEN = NonceState
REALM = "example.com"


def nonces(*, key: bytes = KEY, life: float = 300.0, size: int = 100) -> Nonces:
    return Nonces(key, life, size)


class TestMaking:
    def test_a_nonce_is_short_and_never_the_same(self) -> None:
        ours = nonces()
        made = {ours.make(1.0, REALM) for _ in range(100)}
        assert len(made) == 100
        assert {len(each) for each in made} == {36}

    def test_making_leaves_nothing_behind(self) -> None:
        ours = nonces()
        for _ in range(1000):
            ours.make(0.0, REALM)
        assert len(ours) == 0

    def test_whose_it_is(self) -> None:
        ours = nonces()
        nonce = ours.make(0.0, REALM, "192.0.2.1")
        assert ours.is_ours(nonce, REALM, "192.0.2.1")
        assert nonces().is_ours(nonce, REALM, "192.0.2.1")
        assert not ours.is_ours(nonce, REALM, "192.0.2.2")
        assert not ours.is_ours(nonce, "example.org", "192.0.2.1")
        assert not nonces(key=b"x" * KEY_LENGTH).is_ours(nonce, REALM, "192.0.2.1")

    def test_realm_and_address_do_not_run_into_each_other(self) -> None:
        ours = nonces()
        assert not ours.is_ours(ours.make(0.0, "a", "b1"), "ab", "1")

    @pytest.mark.parametrize("key", [b"", b"x" * 31, b"x" * 33])
    def test_the_key_has_its_length(self, key: bytes) -> None:
        with pytest.raises(ValueError, match="a nonce key has 32 bytes"):
            nonces(key=key)

    def test_the_memory_has_a_size(self) -> None:
        with pytest.raises(ValueError, match="0 nonces"):
            nonces(size=0)


class TestForeign:
    @pytest.mark.parametrize("nonce", ["", "x", "A" * 36, "A" * 37, "é" * 36, "=" * 36])
    def test_no_nonce_of_ours(self, nonce: str) -> None:
        ours = nonces()
        assert ours.use(nonce, 1, 0.0, REALM) is FOREIGN
        assert len(ours) == 0

    @settings(deadline=None)
    @given(st.integers(0, 35), st.integers(1, 63))
    def test_any_change_of_a_letter(self, position: int, change: int) -> None:
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        ours = nonces()
        nonce = ours.make(1000.0, REALM)
        other = letters[(letters.index(nonce[position]) + change) % 64]
        changed = nonce[:position] + other + nonce[position + 1 :]
        assert ours.use(changed, 1, 1000.0, REALM) is FOREIGN
        assert ours.use(nonce, 1, 1000.0, REALM) is FRESH


class TestAge:
    def test_up_to_the_end_of_its_life(self) -> None:
        ours = nonces(life=10.0)
        nonce = ours.make(5.0, REALM)
        assert ours.use(nonce, 1, 15.0, REALM) is FRESH
        assert ours.use(nonce, 2, 15.001, REALM) is EXPIRED

    def test_the_future_is_as_bad(self) -> None:
        ours = nonces()
        nonce = ours.make(5.0, REALM)
        assert ours.use(nonce, 1, 4.9, REALM) is EXPIRED


class TestCounts:
    def test_each_count_once(self) -> None:
        ours = nonces()
        nonce = ours.make(0.0, REALM)
        assert [ours.use(nonce, n, 1.0, REALM) for n in (1, 1, 2, 2, 1, 3)] == [
            *(FRESH, USED, FRESH, USED, USED, FRESH)
        ]

    def test_requests_that_overtake_each_other(self) -> None:
        ours = nonces()
        nonce = ours.make(0.0, REALM)
        assert [ours.use(nonce, n, 1.0, REALM) for n in (3, 1, 2, 3, 2, 1)] == [
            *(FRESH, FRESH, FRESH, USED, USED, USED)
        ]

    def test_the_window_ends(self) -> None:
        ours = nonces()
        nonce = ours.make(0.0, REALM)
        top = 1000
        assert ours.use(nonce, top, 1.0, REALM) is FRESH
        assert ours.use(nonce, top - WINDOW, 1.0, REALM) is USED
        assert ours.use(nonce, top - WINDOW + 1, 1.0, REALM) is FRESH
        assert ours.use(nonce, top - WINDOW + 1, 1.0, REALM) is USED

    @pytest.mark.parametrize("ahead", [1, 2, WINDOW - 1, WINDOW, WINDOW + 1, 2**32 - 2])
    def test_jumps_ahead(self, ahead: int) -> None:
        ours = nonces()
        nonce = ours.make(0.0, REALM)
        assert ours.use(nonce, 1, 1.0, REALM) is FRESH
        assert ours.use(nonce, 1 + ahead, 1.0, REALM) is FRESH
        assert ours.use(nonce, 1 + ahead, 1.0, REALM) is USED
        assert ours.use(nonce, 1, 1.0, REALM) is USED
        if ahead > 1:
            assert ours.use(nonce, ahead, 1.0, REALM) is FRESH

    @settings(deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 200))))
    def test_never_twice_and_always_once_in_the_window(self, uses: list[tuple[int, int]]) -> None:
        ours = nonces()
        made = [ours.make(0.0, REALM) for _ in range(4)]
        taken: set[tuple[int, int]] = set()
        for which, count in uses:
            top = max((n for each, n in taken if each == which), default=-1)
            state = ours.use(made[which], count, 1.0, REALM)
            wanted = (which, count) not in taken and count > top - WINDOW
            assert (state is FRESH) == wanted
            if state is FRESH:
                taken.add((which, count))


class TestMemory:
    def test_the_least_recently_used_is_forgotten_and_never_fresh_again(self) -> None:
        ours = nonces(size=2)
        first, second, third = (ours.make(0.0, REALM) for _ in range(3))
        assert ours.use(first, 1, 1.0, REALM) is FRESH
        assert ours.use(second, 1, 1.0, REALM) is FRESH
        assert ours.use(first, 2, 1.0, REALM) is FRESH
        assert ours.use(third, 1, 1.0, REALM) is FRESH
        assert len(ours) == 2
        assert ours.use(second, 1, 1.0, REALM) is FORGOTTEN
        assert ours.use(second, 2, 1.0, REALM) is FORGOTTEN
        assert ours.use(first, 3, 1.0, REALM) is FRESH

    def test_what_was_made_before_a_forgotten_one_may_have_been_used(self) -> None:
        ours = nonces(size=1)
        never_used, first, second, later = (ours.make(0.0, REALM) for _ in range(4))
        assert ours.use(first, 1, 1.0, REALM) is FRESH
        assert ours.use(second, 1, 1.0, REALM) is FRESH
        assert ours.use(never_used, 1, 1.0, REALM) is FORGOTTEN
        assert ours.use(later, 1, 1.0, REALM) is FRESH

    def test_the_mark_does_not_go_back(self) -> None:
        ours = nonces(size=1)
        early, late, later = (ours.make(0.0, REALM) for _ in range(3))
        assert ours.use(late, 1, 1.0, REALM) is FRESH
        assert ours.use(later, 1, 1.0, REALM) is FRESH
        # Now `late` is forgotten; a new one must not make it fresh again.
        assert ours.use(ours.make(1.0, REALM), 1, 1.0, REALM) is FRESH
        assert ours.use(late, 1, 1.0, REALM) is FORGOTTEN
        assert ours.use(early, 1, 1.0, REALM) is FORGOTTEN

    def test_expired_ones_make_room(self) -> None:
        ours = nonces(life=10.0)
        for _ in range(50):
            assert ours.use(ours.make(0.0, REALM), 1, 0.0, REALM) is FRESH
        assert len(ours) == 50
        assert ours.use(ours.make(20.0, REALM), 1, 20.0, REALM) is FRESH
        assert len(ours) == 1

    def test_a_clock_that_was_set_back_does_not_keep_them(self) -> None:
        ours = nonces()
        assert ours.use(ours.make(100.0, REALM), 1, 100.0, REALM) is FRESH
        assert ours.use(ours.make(50.0, REALM), 1, 50.0, REALM) is FRESH
        assert len(ours) == 1

    def test_never_twice_whatever_is_forgotten(self) -> None:
        chance = random.Random(1)
        ours = nonces(size=8, life=50.0)
        made: list[str] = []
        taken: set[tuple[str, int]] = set()
        now = 0.0
        for _ in range(20_000):
            now += chance.random()
            if not made or chance.random() < 0.3:
                made.append(ours.make(now, REALM))
            use = chance.choice(made[-40:]), chance.randrange(5)
            if ours.use(*use, now, REALM) is FRESH:
                assert use not in taken
                taken.add(use)
            assert len(ours) <= 8
        assert len(taken) > 1000

    def test_one_nonce_holds_no_more_for_many_requests(self) -> None:
        ours = nonces()
        nonce = ours.make(0.0, REALM)
        for count in range(1, 1000):
            assert ours.use(nonce, count, 1.0, REALM) is FRESH
        ((_, highest, seen),) = ours._used.values()
        assert highest == 999
        assert seen == 2**WINDOW - 1

    def test_how_much_it_holds(self) -> None:
        size = 5000
        ours = nonces(size=size)
        tracemalloc.start()
        try:
            for _ in range(2 * size):
                ours.use(ours.make(12345.0, REALM), 1000, 12345.0, REALM)
            held = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        assert len(ours) == size
        assert held / size < 300
