"""An acknowledged REGISTER is on disk before its 200 leaves: the system calls, in their order."""

from pathlib import Path

import pytest
from tests.interop.wire import Agent
from tests.reliability.nodes import DOMAIN, Node, need_strace
from tests.reliability.syscalls import Call, read_calls, traced

PHONES = 20


def ask_to_register(phone: Agent) -> None:
    phone.request(
        "REGISTER",
        f"sip:{DOMAIN}",
        [f"Contact: <{phone.contact}>", "Expires: 600", "Supported: path, outbound"],
        to=phone.aor,
    )


def register_all(node: Node, transport: str) -> list[Agent]:
    """Phones that register at the same time; each has its 200."""
    phones = [node.phone(transport, f"user-{number}-{transport}") for number in range(PHONES)]
    for phone in phones:
        ask_to_register(phone)
    for phone in phones:
        assert phone.final().status == 200
        phone.close()
    return phones


def answer_to(calls: list[Call], phone: Agent) -> Call:
    [answer] = [
        call
        for call in calls
        if call.name in {"sendto", "sendmsg", "write"}
        and "SIP/2.0 200 OK" in call.text
        and phone.call_id in call.text
    ]
    return answer


def test_the_wal_is_synced_before_the_200_leaves(node: Node, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    node.start(*traced(need_strace(), trace))
    phones = register_all(node, "udp")
    node.close()
    calls = read_calls(trace)
    wal = [call for call in calls if call.on.endswith("/ringway.db-wal")]
    groups = set()
    for phone in phones:
        answer = answer_to(calls, phone)
        [written, *_] = [
            call
            for call in wal
            if call.name == "pwrite64" and not call.failed and phone.contact in call.text
        ]
        synced = [call for call in wal if call.syncs and call.began > written.ended < answer.began]
        assert synced, f"{phone.user}: written, never synced"
        assert synced[0].ended < answer.began, f"{phone.user}: the 200 left before the sync ended"
        groups.add(synced[0].began)
    # One sync does for many: that is what makes it fast.
    assert len(groups) < PHONES


def test_bindings_over_connections_need_no_disk(node: Node, tmp_path: Path) -> None:
    """They die with this process, so nothing of them is worth keeping."""
    trace = tmp_path / "trace"
    node.start(*traced(need_strace(), trace))
    phones = register_all(node, "tcp")
    node.close()
    calls = read_calls(trace)
    answers = [answer_to(calls, phone) for phone in phones]
    first = min(call.began for call in calls if "REGISTER sip:" in call.text)
    last = max(answer.ended for answer in answers)
    syncs = [call.began for call in calls if call.syncs]
    assert min(syncs) < first, "the trace shows no syncs at all"
    assert not [began for began in syncs if first < began < last]
    assert not [call for call in calls if "-tcp@" in call.text and "ringway.db" in call.on]


@pytest.mark.parametrize("calls", ["fdatasync", "pwrite64"])
def test_a_sync_or_write_that_fails_is_no_200(node: Node, tmp_path: Path, calls: str) -> None:
    # The first calls are those of the start: let them be, and fail all from some number on.
    node.start()
    with node.phone() as phone:
        assert phone.register().status == 200
    node.kill()
    tracer = (need_strace(), "-f", "-o", tmp_path / "trace", "-e", f"trace={calls}")
    program = node.start(*tracer, "-e", f"inject={calls}:error=EIO:when=20+")
    with node.phone() as phone:
        statuses = [phone.register().status for _ in range(30)]
    refused = statuses.index(500)
    assert set(statuses[:refused]) == {200}
    assert set(statuses[refused:]) == {500}
    assert program.said("error: not stored")
    assert "the disk failed to read or write" in program.text
    assert "Traceback" not in program.text
