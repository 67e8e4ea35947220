"""Servers that die while phones register: an acknowledged binding is there afterwards."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.reliability.nodes import Disk, Node, integrity, need_mounts
from tests.reliability.registrations import Registrations

ROUNDS = 3

pytestmark = pytest.mark.timeout(180)  # many starts, on a machine that may be busy


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.param)


@pytest.fixture
def phones(node: Node, rng: random.Random) -> Iterator[Registrations]:
    registrations = Registrations(node.place, rng)
    yield registrations
    registrations.close()


@pytest.mark.parametrize("rng", range(5), indirect=True)
def test_kill_9_loses_nothing_that_was_acknowledged(
    node: Node, phones: Registrations, rng: random.Random, tmp_path: Path
) -> None:
    for _ in range(ROUNDS):
        node.start()
        assert phones.compare(node.contacts()) == []
        phones.run(rng.randrange(50, 2000))
        node.kill()
        phones.hear_the_last()
        assert integrity(node.state / "ringway.db", tmp_path) == "ok"
    node.start()
    assert phones.compare(node.contacts()) == []
    assert sum(contact is not None for contact in phones.acknowledged.values()) > 50
    assert phones.refused == []


@pytest.mark.parametrize("rng", range(3), indirect=True)
def test_a_power_cut_loses_nothing_that_was_acknowledged(
    phones: Registrations, node: Node, rng: random.Random, tmp_path: Path
) -> None:
    need_mounts()
    disk = Disk(tmp_path)
    node.state = disk.path / "state"
    for _ in range(ROUNDS):
        node.start(*disk.mounted())
        assert integrity(node.inside(node.state / "ringway.db"), tmp_path) == "ok"
        assert phones.compare(node.contacts()) == []
        phones.run(rng.randrange(50, 1000))
        disk.cut_power(node)
        node.kill()
        phones.hear_the_last()
    node.start(*disk.mounted())
    assert phones.compare(node.contacts()) == []
    # The answers between the cut and the kill.
    assert set(phones.refused) <= {500}
