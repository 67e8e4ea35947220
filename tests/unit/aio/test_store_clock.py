"""What a binding's life is after a restart, when somebody set the clock since."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.aio.test_stores import BUSY, OVER_UDP, RULE, Everything

from ringway.aio.stores import SqliteStore
from ringway.aio.stores.boot import Boot, read_boot
from ringway.location import Binding, Change, Put, PutRedirect

DAY = 86_400.0
NOW = 1_000_000.0
BINDING = replace(OVER_UDP, registered_at=NOW, expires_at=NOW + 600)
UNTIL = replace(BUSY, until=NOW + 600)


def run(path: Path, now: float, boot: Boot, *changes: Change) -> Everything:
    """One life of a process: what it found; then it keeps the changes."""

    async def main() -> Everything:
        store = SqliteStore(path, boot=lambda: boot)
        found = await store.load(now)
        if changes:
            await store.commit(changes)
        await store.close()
        return found

    return asyncio.run(main())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with a binding and two rules, all made at NOW, 500 s after the boot called A."""
    file = tmp_path / "a.db"
    run(file, NOW, Boot("A", 500.0), Put(BINDING), PutRedirect(UNTIL), PutRedirect(RULE))
    return file


def left(found: Everything, now: float) -> list[float]:
    """The seconds that the bindings, and the rules that end, have left."""
    bindings, rules = found
    ends = [each.expires_at for each in bindings]
    ends += [rule.until for rule in rules if rule.until is not None]
    return [end - now for end in ends]


class TestWithinOneBoot:
    @pytest.mark.parametrize("step", [-40 * 365 * DAY, -3600.0, 0.0, 3600.0, 40 * 365 * DAY])
    def test_a_clock_that_was_set_changes_no_life(self, path: Path, step: float) -> None:
        now = NOW + 100 + step
        found = run(path, now, Boot("A", 600.0))
        assert left(found, now) == pytest.approx([500.0, 500.0])
        assert len(found[1]) == 2
        assert found[0][0].registered_at == pytest.approx(now - 100)

    def test_set_twice(self, path: Path) -> None:
        run(path, NOW + 100 + DAY, Boot("A", 600.0))
        now = NOW + 200 - DAY
        assert left(run(path, now, Boot("A", 700.0)), now) == pytest.approx([400.0, 400.0])

    def test_what_lapsed_while_nothing_ran_has_lapsed(self, path: Path) -> None:
        assert left(run(path, NOW + 601 - DAY, Boot("A", 1101.0)), 0.0) == []

    def test_a_clock_that_only_drifts_is_left_alone(self, path: Path) -> None:
        assert run(path, NOW + 100.5, Boot("A", 600.0))[0] == [BINDING]

    def test_what_is_kept_after_a_step_is_in_the_new_time(self, path: Path) -> None:
        now = NOW + 100 + DAY
        later = replace(BINDING, aor="sip:bob@example.com", registered_at=now, expires_at=now + 60)
        run(path, now, Boot("A", 600.0), Put(later))
        found = run(path, now + 10, Boot("A", 610.0))
        assert sorted(left(found, now + 10)) == pytest.approx([50.0, 490.0, 490.0])


class TestAfterABoot:
    """Nothing tells how long the machine was off but the time of day."""

    @pytest.mark.parametrize("boot", [Boot("B", 5.0), Boot("", 5.0)])
    @pytest.mark.parametrize(("later", "kept"), [(100, [BINDING]), (601, [])])
    def test_the_time_of_day_decides(
        self, path: Path, boot: Boot, later: float, kept: list[Binding]
    ) -> None:
        assert run(path, NOW + later, boot)[0] == kept

    def test_a_clock_set_back_gives_no_more_than_was_granted(self, path: Path) -> None:
        now = NOW - 365 * DAY
        [binding], _ = run(path, now, Boot("B", 5.0))
        assert binding == replace(BINDING, registered_at=now, expires_at=now + 600)

    def test_the_next_process_of_that_boot_goes_on_from_there(self, path: Path) -> None:
        run(path, NOW + 100, Boot("B", 5.0))
        now = NOW + 200 + DAY
        assert left(run(path, now, Boot("B", 105.0)), now) == pytest.approx([400.0, 400.0])

    def test_a_system_that_names_no_boot(self, tmp_path: Path) -> None:
        file = tmp_path / "b.db"
        run(file, NOW, Boot("", 500.0), Put(BINDING))
        assert run(file, NOW + 100 + DAY, Boot("", 600.0))[0] == []


class TestReadBoot:
    def test_one_boot_has_one_name_and_time_goes_on(self) -> None:
        first, second = read_boot(), read_boot()
        assert first.name == second.name
        assert first.seconds <= second.seconds

    def test_a_system_that_does_not_say(self, tmp_path: Path) -> None:
        assert read_boot(tmp_path / "none").name == ""
        (tmp_path / "odd").write_bytes(b"\xff")
        assert read_boot(tmp_path / "odd").name == ""
