"""The suite every store passes, and what only SQLite can do wrong."""

import asyncio
import shutil
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from ringway.aio.stores import MemoryStore, SqliteStore
from ringway.aio.stores.boot import Boot
from ringway.errors import StoreError
from ringway.location import (
    Binding,
    Drop,
    DropRedirect,
    Put,
    PutRedirect,
    RedirectRule,
    Store,
    When,
)
from ringway.transport.flow import Address, Flow

ALICE = "sip:alice@example.com"
PHONE = "<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"

PLAIN = Binding(ALICE, "sip:alice@192.0.2.9", 3600.0, "call-1", 7, 10.0)
FULL = Binding(
    aor=ALICE,
    contact="sip:alice@[2001:db8::9]:40001;transport=tcp",
    expires_at=3599.25,
    call_id="call-2",
    cseq=8,
    registered_at=11.5,
    instance=PHONE,
    reg_id=2,
    q=0.7,
    path=("sip:TOKEN@edge-2.example.com;lr", "sip:TOKEN@edge-1.example.com;lr;ob"),
    outbound=True,
    user_agent="Desk phone / 1.0 \N{SNOWMAN}",
    params=';audio;methods="INVITE,BYE"',
)
UDP = Flow("udp", Address("2001:db8::1", 5060), Address("2001:db8::9", 50000))
OVER_UDP = replace(FULL, reg_id=1, path=(), flow=UDP)
RULE = RedirectRule(ALICE, (("sip:desk@example.com", 1.0), ("tel:+15550100", 0.25)))
BUSY = RedirectRule(ALICE, (("sip:voicemail@example.com", 1.0),), 301, When.BUSY, 900.0)

Everything: TypeAlias = tuple[list[Binding], list[RedirectRule]]


class Case:
    """A kind of store: how to make one, and how to get a new one on the same data."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.path = folder / "location.db"
        self.now = 0.0
        self.make: Callable[[], Store]
        if kind == "sqlite":
            self.make = lambda: SqliteStore(self.path, boot=lambda: Boot("this", self.now))
        else:
            memory = MemoryStore()
            self.make = lambda: memory

    def keep(self, *units: tuple[Any, ...], now: float = 0.0) -> None:
        self.now = now

        async def main() -> None:
            store = self.make()
            await store.load(now)
            for unit in units:
                await store.commit(unit)
            await store.close()

        asyncio.run(main())

    def loaded(self, now: float = 0.0) -> Everything:
        self.now = now

        async def main() -> Everything:
            store = self.make()
            found = await store.load(now)
            await store.close()
            return found

        return asyncio.run(main())


@pytest.fixture(params=["memory", "sqlite"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    return Case(request.param, tmp_path)


def by_key(bindings: list[Binding]) -> list[Binding]:
    return sorted(bindings, key=lambda binding: binding.key)


class TestEveryStore:
    def test_a_new_store_is_empty(self, case: Case) -> None:
        assert case.loaded() == ([], [])

    def test_bindings_come_back_as_they_were(self, case: Case) -> None:
        case.keep((Put(PLAIN), Put(FULL)), (Put(OVER_UDP),))
        assert by_key(case.loaded()[0]) == by_key([PLAIN, FULL, OVER_UDP])

    def test_octets_that_are_no_utf_8_come_back(self, case: Case) -> None:
        odd = b"\xff\xfe \xc3".decode("utf-8", "surrogateescape")
        binding = replace(PLAIN, aor=f"sip:{odd}@h", contact=f"sip:{odd}@x", user_agent=odd)
        rule = replace(RULE, aor=binding.aor, targets=((f"sip:{odd}@y", 1.0),))
        case.keep((Put(binding), PutRedirect(rule)))
        assert case.loaded() == ([binding], [rule])
        case.keep((Drop(binding, "gone"), DropRedirect(rule)))
        assert case.loaded() == ([], [])

    def test_put_replaces_by_key(self, case: Case) -> None:
        moved = replace(FULL, contact="sip:alice@198.51.100.4", cseq=9)
        case.keep((Put(FULL),), (Put(moved),))
        assert case.loaded() == ([moved], [])

    def test_drop_by_key(self, case: Case) -> None:
        case.keep((Put(FULL), Put(OVER_UDP), Put(PLAIN)), (Drop(FULL, "gone"),))
        assert by_key(case.loaded()[0]) == by_key([PLAIN, OVER_UDP])

    def test_drop_of_what_is_not_there(self, case: Case) -> None:
        case.keep((Drop(FULL, "gone"), DropRedirect(RULE)))
        assert case.loaded() == ([], [])

    def test_a_late_drop_leaves_a_newer_registration(self, case: Case) -> None:
        newer = replace(FULL, registered_at=20.0, expires_at=3620.0)
        case.keep((Put(FULL),), (Put(newer),), (Drop(FULL, "430"),))
        assert case.loaded() == ([newer], [])

    def test_the_order_within_a_unit_counts(self, case: Case) -> None:
        case.keep((Put(PLAIN), Drop(PLAIN, "gone"), Put(FULL), Drop(PLAIN, "gone")))
        assert case.loaded() == ([FULL], [])

    def test_what_lapsed_is_not_loaded_nor_kept(self, case: Case) -> None:
        case.keep((Put(PLAIN), Put(FULL), PutRedirect(RULE), PutRedirect(BUSY)))
        assert case.loaded(now=3599.5) == ([PLAIN], [RULE])
        assert case.loaded(now=0.0) == ([PLAIN], [RULE])

    def test_redirects_come_back_one_for_each_happening(self, case: Case) -> None:
        case.keep((PutRedirect(RULE), PutRedirect(BUSY)))
        assert sorted(case.loaded()[1], key=lambda rule: rule.key) == [RULE, BUSY]
        changed = replace(RULE, status=300)
        case.keep((PutRedirect(changed), DropRedirect(BUSY)))
        assert case.loaded() == ([], [changed])

    def test_commits_at_the_same_time_are_all_kept(self, case: Case) -> None:
        many = [replace(PLAIN, aor=f"sip:u{n}@example.com") for n in range(300)]

        async def main() -> None:
            store = case.make()
            await store.load(0.0)
            await asyncio.gather(*(store.commit((Put(binding),)) for binding in many))
            await store.close()

        asyncio.run(main())
        assert sorted(b.aor for b in case.loaded()[0]) == sorted(b.aor for b in many)

    def test_commits_take_effect_in_the_order_they_were_started(self, case: Case) -> None:
        async def main() -> None:
            store = case.make()
            await store.load(0.0)
            versions = [replace(PLAIN, cseq=n, registered_at=float(n)) for n in range(50)]
            await asyncio.gather(*(store.commit((Put(each),)) for each in versions))
            await store.close()

        asyncio.run(main())
        assert [each.cseq for each in case.loaded()[0]] == [49]

    def test_close_keeps_what_was_committed_and_takes_no_more(self, case: Case) -> None:
        async def main() -> None:
            store = case.make()
            await store.load(0.0)
            async with asyncio.TaskGroup() as group:
                group.create_task(store.commit((Put(PLAIN),)))
                await asyncio.sleep(0)
                await store.close()
            with pytest.raises(StoreError, match="the store is"):
                await store.commit((Put(FULL),))

        asyncio.run(main())
        assert case.loaded() == ([PLAIN], [])


Step: TypeAlias = Callable[[SqliteStore], Awaitable[None]]


def with_sqlite(path: Path, step: Step, *, group_seconds: float = 0.005) -> SqliteStore:
    async def main() -> SqliteStore:
        store = SqliteStore(path, group_seconds=group_seconds, boot=lambda: Boot("this", 0.0))
        try:
            await store.load(0.0)
            await step(store)
        finally:
            await store.close()
        return store

    return asyncio.run(main())


def in_thread(store: SqliteStore, sql: str) -> list[Any]:
    connection = store._connection
    assert connection is not None
    return store._thread.submit(lambda: connection.execute(sql).fetchall()).result()


async def nothing(_: SqliteStore) -> None:
    pass


class TestGroups:
    def test_what_comes_together_shares_a_transaction(self, tmp_path: Path) -> None:
        many = [replace(PLAIN, aor=f"sip:u{n}@example.com") for n in range(200)]

        async def step(store: SqliteStore) -> None:
            await asyncio.gather(*(store.commit((Put(binding),)) for binding in many))

        assert with_sqlite(tmp_path / "a.db", step).transactions == 1

    def test_what_comes_during_a_flush_shares_the_next(self, tmp_path: Path) -> None:
        async def step(store: SqliteStore) -> None:
            disk = threading.Event()
            store._thread.submit(disk.wait)  # a slow disk
            async with asyncio.TaskGroup() as group:
                group.create_task(store.commit((Put(PLAIN),)))
                await asyncio.sleep(0)
                assert store._gathering is not None
                store._gathering.cancel()
                store._flush()
                for reg_id in range(1, 6):
                    group.create_task(store.commit((Put(replace(FULL, reg_id=reg_id)),)))
                await asyncio.sleep(0)
                disk.set()

        assert with_sqlite(tmp_path / "location.db", step).transactions == 2
        assert len(Case("sqlite", tmp_path).loaded()[0]) == 6

    def test_it_is_on_disk_when_commit_returns(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"

        async def step(store: SqliteStore) -> None:
            await store.commit((Put(PLAIN),))
            for name in ("a.db", "a.db-wal"):
                shutil.copy(tmp_path / name, tmp_path / name.replace("a", "copy", 1))
            other = sqlite3.connect(tmp_path / "copy.db")
            assert other.execute("SELECT aor FROM binding").fetchall() == [(ALICE,)]
            other.close()
            assert in_thread(store, "PRAGMA locking_mode") == [("exclusive",)]
            assert not (tmp_path / "a.db-shm").exists()
            assert in_thread(store, "PRAGMA synchronous") == [(2,)]
            assert in_thread(store, "PRAGMA journal_mode") == [("wal",)]

        with_sqlite(path, step)

    def test_a_committer_that_was_cancelled_hurts_nobody(self, tmp_path: Path) -> None:
        async def step(store: SqliteStore) -> None:
            async with asyncio.TaskGroup() as group:
                gone = group.create_task(store.commit((Put(PLAIN),)))
                group.create_task(store.commit((Put(FULL),)))
                await asyncio.sleep(0)
                gone.cancel()

        with_sqlite(tmp_path / "a.db", step)

    def test_a_slow_group_is_written_at_close(self, tmp_path: Path) -> None:
        async def step(store: SqliteStore) -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(store.commit((Put(PLAIN),)))
                await asyncio.sleep(0)
                await store.close()

        store = with_sqlite(tmp_path / "a.db", step, group_seconds=3600.0)
        assert store.transactions == 1
