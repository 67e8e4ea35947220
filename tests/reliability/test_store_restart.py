"""What a server that was killed knows when it is back."""

import sqlite3
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.interop.wire import Call
from tests.reliability.nodes import DOMAIN, Node

INSTANCE = "urn:uuid:00000000-0000-1000-8000-000a95a0e128"
DAY = 86_400

# `ringway serve` as it would be, had somebody set the clock before it started.
LATER = """
import sys, time
real = time.time
time.time = lambda: real() + STEP
from ringway.cli import main
sys.argv = ["ringway", *sys.argv[1:]]
main()
"""


def invite(node: Node, stack: ExitStack, user: str) -> Call:
    """A call that has been started."""
    call = Call(stack.enter_context(node.phone(user="caller")), f"sip:{user}@{DOMAIN}")
    call.send_invite()
    return call


class TestKilled:
    def test_phones_over_udp_are_called_at_once(self, node: Node) -> None:
        with ExitStack() as stack:
            plain = stack.enter_context(node.phone(user="plain"))
            flow = stack.enter_context(node.phone(user="flow"))
            node.start()
            assert plain.register().status == 200
            assert flow.register(reg_id=1, instance=INSTANCE).status == 200
            node.kill()
            node.start()
            for phone in (plain, flow):
                began = time.monotonic()
                call = invite(node, stack, phone.user)
                phone.take("INVITE")
                assert call.agent.final().status == 200
                assert time.monotonic() - began < 1.0

    def test_bindings_over_its_connections_are_out_of_service(self, node: Node) -> None:
        with ExitStack() as stack:
            node.start()
            for user, reg_id in (("carol", 1), ("dave", 0)):
                phone = stack.enter_context(node.phone("tcp", user))
                assert phone.register(reg_id=reg_id, instance=INSTANCE).status == 200
            node.kill()
            node.start()
            assert node.bindings() == []
            began = time.monotonic()
            for user in ("carol", "dave"):
                assert invite(node, stack, user).agent.final().status == 480
            assert time.monotonic() - began < 1.0

    def test_a_flow_that_died_leaves_the_call_to_the_one_that_lives(self, node: Node) -> None:
        with ExitStack() as stack:
            node.start()
            dead = stack.enter_context(node.phone("tcp", "bob"))
            live = stack.enter_context(node.phone("udp", "bob"))
            assert dead.register(reg_id=1, instance=INSTANCE).status == 200
            assert live.register(reg_id=2, instance=INSTANCE).status == 200
            node.kill()
            node.start()
            began = time.monotonic()
            call = invite(node, stack, "bob")
            live.take("INVITE")
            assert call.agent.final().status == 200
            assert time.monotonic() - began < 1.0

    def test_who_unregistered_stays_away(self, node: Node) -> None:
        with node.phone(user="bob") as bob:
            node.start()
            assert bob.register().status == 200
            assert bob.register(expires=0).status == 200
            node.kill()
            node.start()
            assert node.bindings() == []


class TestClock:
    @pytest.mark.parametrize("step", [-20_000 * DAY, -3600, 3600, 20_000 * DAY])
    def test_set_while_the_server_was_down(self, node: Node, step: int) -> None:
        with ExitStack() as stack:
            bob = stack.enter_context(node.phone(user="bob"))
            node.start()
            assert bob.register(expires=600).status == 200
            [before] = node.bindings()
            node.kill()
            node.start(serve=at_another_time(step))
            [after] = node.bindings()
            assert before["expires_in"] - 30 <= after["expires_in"] <= before["expires_in"]
            call = invite(node, stack, "bob")
            bob.take("INVITE")
            assert call.agent.final().status == 200
            # And back again, as NTP would have it.
            assert bob.register(expires=600).status == 200
            node.kill()
            node.start()
            [after] = node.bindings()
            assert 500 <= after["expires_in"] <= 600


def at_another_time(step: int) -> tuple[str, ...]:
    return (sys.executable, "-c", LATER.replace("STEP", str(step)), "serve")


class TestFilesThatCannotBeUsed:
    @pytest.mark.parametrize(
        ("sql", "said"),
        [
            (
                "PRAGMA user_version = 99",
                r"the database was made by a newer Ringway \(schema 99, this one knows \d+\)",
            ),
            ("PRAGMA application_id = 5", "the database belongs to another program"),
            (
                "PRAGMA writable_schema = 1; DELETE FROM sqlite_schema",
                "no such table: clock",
            ),
        ],
    )
    def test_one_line_and_status_2(self, node: Node, sql: str, said: str) -> None:
        node.start()
        node.close()
        connection = sqlite3.connect(node.state / "ringway.db")
        connection.executescript(sql)
        connection.close()
        check_refused(node, said)

    def test_no_database(self, node: Node) -> None:
        node.state.mkdir()
        (node.state / "ringway.db").write_text("dear diary " * 1000)
        check_refused(node, "the file is no SQLite database")

    def test_pages_that_are_damaged(self, node: Node) -> None:
        node.start()
        with node.phone() as bob:
            assert bob.register().status == 200
        node.close()
        database = node.state / "ringway.db"
        database.write_bytes(database.read_bytes()[:4096] + b"\xff" * 4096 * 8)
        check_refused(node, "the database file is damaged; move it away, and phones will register")

    def test_another_server_has_it(self, node: Node) -> None:
        node.start()
        second = Node(node.folder, node.folder / "state2")
        store = ("--store", f"sqlite:{node.state / 'ringway.db'}")
        try:
            check_refused(second, "another program uses the database", *store)
        finally:
            second.close()


def check_refused(node: Node, said: str, *options: str) -> None:
    named = options[-1].removeprefix("sqlite:") if options else ""
    database = Path(named or node.state / "ringway.db")
    before = database.read_bytes()
    program = node.start(options=options, ready=False)
    assert program.wait(15.0) == 2
    assert database.read_bytes() == before
    assert program.count(rf"^ringway: .*/ringway\.db: {said}.*$") == 1
    assert program.text.count("\n") == 1, program.text
