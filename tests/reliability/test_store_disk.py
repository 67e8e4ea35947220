"""Disks that are full, turn read-only, are slow or lose their files: calls go on."""

import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.interop.wire import Agent, Call
from tests.reliability.nodes import DOMAIN, Disk, Node, mounting, need_mounts, need_strace

DISK = 8 << 20  # bytes of the small disk
SLOW = 1.0  # seconds that each sync of the slow disk takes


def call(node: Node, callee: Agent) -> None:
    """A whole call to somebody who is registered."""
    with node.phone(user="alice") as caller:
        conversation = Call(caller, f"sip:{callee.user}@{DOMAIN}")
        conversation.send_invite()
        callee.take("INVITE")
        assert caller.final().status == 200


def fill(folder: Path) -> Path:
    """Leave no room at all on the file system of a folder."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as stream:
        for size in (65536, 4096, 1):
            try:
                while True:
                    if not stream.write(b"x" * size):
                        break
            except OSError:
                continue
    return ballast


def registers(node: Node, users: range) -> list[int]:
    statuses = []
    for number in users:
        with node.phone(user=f"user{number}") as phone:
            statuses.append(phone.register().status)
    return statuses


@pytest.fixture
def small(node: Node, tmp_path: Path) -> Path:
    """The mount point of a small disk, on which the node runs."""
    need_mounts()
    mount = tmp_path / "disk"
    mount.mkdir()
    node.state = mount / "state"
    node.start(*mounting(f"mount -t tmpfs -o size={DISK} tmpfs '{mount}'"))
    return mount


def test_a_full_disk(node: Node, small: Path) -> None:
    program = node.program
    assert program is not None
    with node.phone(user="bob") as bob, node.phone("tcp", "carol") as carol:
        assert bob.register().status == 200
        ballast = fill(node.inside(small))
        statuses = registers(node, range(300))
        assert set(statuses) <= {200, 500}
        refused = statuses.count(500)
        assert refused > 200
        # Calls go on, and so do phones whose binding needs no disk.
        call(node, bob)
        assert carol.register().status == 200
        call(node, carol)
        assert program.said("error: not stored: .*: the disk is full")
        assert program.count("error:") < 3
        ballast.unlink()
        assert set(registers(node, range(300, 600))) == {200}
        program.wait_for(r"warning: stored again, after [\d.]+ s and \d+ refused")
        assert "Traceback" not in program.text
    assert len(node.bindings()) == 601 - refused  # carol's connection is closed


def test_a_full_disk_keeps_whom_it_has(node: Node, tmp_path: Path) -> None:
    """Refreshes need no room: the WAL starts anew. Else all would be away within the hour."""
    need_mounts()
    disk = Disk(tmp_path, megabytes=16)
    node.state = disk.path / "state"
    node.start(*disk.mounted())
    with ExitStack() as stack:
        phones = [stack.enter_context(node.phone(user=f"user{n}")) for n in range(20)]

        def refresh() -> set[int]:
            return {phone.register().status for phone in phones}

        assert refresh() == {200}
        node.close()  # now the bindings stand in the database, and the WAL is gone
        node.start(*disk.mounted())
        assert refresh() == {200}
        fill(node.inside(disk.path))
        for _ in range(5):
            assert refresh() == {200}
        node.kill()
        # The next one starts although there is no room.
        program = node.start(*disk.mounted())
        assert program.said("error: this start is not counted: .* no space left on device")
        assert len(node.bindings()) == len(phones)
        assert refresh() == {200}


def test_a_disk_that_turns_read_only(node: Node, tmp_path: Path) -> None:
    need_mounts()
    disk = Disk(tmp_path)
    node.state = disk.path / "state"
    program = node.start(*disk.mounted())
    with node.phone(user="bob") as bob:
        assert bob.register().status == 200
        disk.turn_read_only(node)
        assert set(registers(node, range(50))) == {500}
        call(node, bob)
    assert program.said("error:")
    assert program.said("error: not stored: ")
    node.close()
    assert program.process.returncode == 0
    assert "Traceback" not in program.text


def test_a_disk_that_is_gone(node: Node, tmp_path: Path) -> None:
    need_mounts()
    disk = Disk(tmp_path)
    node.state = disk.path / "state"
    program = node.start(*disk.mounted())
    with node.phone(user="bob") as bob:
        assert bob.register().status == 200
        disk.cut_power(node)
        assert set(registers(node, range(50))) == {500}
        call(node, bob)
    assert program.said("error:")
    node.close()
    assert program.process.returncode == 0
    assert "Traceback" not in program.text


def test_a_file_that_is_deleted_under_the_server(node: Node) -> None:
    """SQLite would go on with it happily, and no restart would find it."""
    program = node.start()
    with node.phone(user="bob") as bob:
        assert bob.register().status == 200
        (node.state / "ringway.db").unlink()
        assert bob.register().status == 500
        call(node, bob)
    assert program.said("error: not stored: .* deleted or replaced; restart the server")


@pytest.mark.timeout(60)
def test_a_slow_disk_holds_nobody_up_but_who_registers(node: Node, tmp_path: Path) -> None:
    node.start()  # makes the files, with a disk that is quick
    with node.phone(user="bob") as bob:
        assert bob.register().status == 200
        node.kill()
        tracer = (need_strace(), "-f", "-o", tmp_path / "trace", "-e", "trace=fdatasync,fsync")
        delay = f"inject=fdatasync:delay_enter={int(SLOW * 1e6)}"
        node.start(*tracer, "-e", delay)
        with node.phone(user="carol") as carol:
            began = time.monotonic()
            carol.request(
                "REGISTER",
                f"sip:{DOMAIN}",
                [f"Contact: <{carol.contact}>", "Expires: 600"],
                to=carol.aor,
            )
            for _ in range(5):
                call(node, bob)
            called = time.monotonic() - began
            assert carol.final().status == 200
            registered = time.monotonic() - began
    assert registered >= SLOW
    assert called < SLOW, "the calls waited for the disk"
