"""What a stranger can make us send to whoever's address stands on its datagrams.

The smallest datagrams that are answered, and all that comes back within a minute, on a server that
asks for passwords. `python -m pytest tests/unit/server/test_amplification.py -s` prints the table
of docs/reference/limits.md.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.unit.server.test_admission import guarded

from ringway.endpoint import Endpoint, SendDatagram
from ringway.transport.flow import Address

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "limits.md"
VICTIM = Address("198.51.100.7", 5060)
MOST = 5.0


def smallest(method: str, uri: str, *, to: str = "<sip:b@ringway.test>", more: str = "") -> bytes:
    """Return a request with compact names and nothing that is not needed."""
    return (
        f"{method} {uri} SIP/2.0\r\nv:SIP/2.0/UDP h;branch=z9hG4bK1\r\nf:<sip:a@x>;tag=1\r\n"
        f"t:{to}\r\ni:1\r\nCSeq:1 {method}\r\n{more}\r\n"
    ).encode()


OURS = "sip:b@ringway.test"
CASES = {
    "REGISTER, challenged": smallest("REGISTER", "sip:ringway.test"),
    "INVITE, challenged": smallest("INVITE", OURS),
    "MESSAGE, challenged": smallest("MESSAGE", OURS),
    "OPTIONS to the server, answered": smallest("OPTIONS", "sip:ringway.test"),
    "INVITE to another domain": smallest("INVITE", "sip:b@example.org"),
    "INVITE within a dialog there is not": smallest("INVITE", OURS, to=f"<{OURS}>;tag=9"),
    "INVITE that is unsound": smallest("INVITE", OURS, more="Max-Forwards:x\r\n"),
    "INVITE with Max-Forwards 0": smallest("INVITE", OURS, more="Max-Forwards:0\r\n"),
    "CANCEL of nothing": smallest("CANCEL", OURS),
    "STUN": b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12),
}


def sent(endpoint: Endpoint) -> list[bytes]:
    return [
        command.data
        for command in endpoint.take_commands()
        if isinstance(command, SendDatagram) and command.flow.remote.host == VICTIM.host
    ]


def answers(data: bytes) -> list[bytes]:
    """Return all that comes back to one datagram within a minute."""
    endpoint = guarded().core.endpoint
    [local] = {each.address for each in endpoint.settings.local if each.transport == "udp"}
    now = 1_000_000.0
    endpoint.datagram_received(data, local, VICTIM, now)
    found = sent(endpoint)
    end = now + 60
    while (due := endpoint.next_timer()) is not None and due < end:
        endpoint.handle_timers(due)
        found += sent(endpoint)
    return found


@pytest.mark.parametrize("name", CASES)
def test_one_datagram_is_answered_by_one(name: str) -> None:
    found = answers(CASES[name])
    assert len(found) == 1
    factor = len(found[0]) / len(CASES[name])
    print(f"| {name} | {len(CASES[name])} | {len(found[0])} | {factor:.1f} |")
    assert factor < MOST


def test_the_page_says_what_was_measured() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name, data in CASES.items():
        told = re.search(
            rf"^\| {re.escape(name)} \| (\d+) \| (\d+) \| ([\d.]+) \|$", page, re.MULTILINE
        )
        assert told is not None, name
        [answer] = answers(data)
        assert int(told[1]) == len(data)
        assert abs(int(told[2]) - len(answer)) < 16  # a nonce may be longer some day
