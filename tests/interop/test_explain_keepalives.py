"""A capture of phones at Kamailio edges that want keep-alives every 6 s, explained.

baresip pings, but not so often, and comes back after a lost connection; JsSIP does not ping; ours
does what the header says.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.interop.explained import explained
from tests.interop.lab import Lab
from tests.interop.ours import Ours
from tests.interop.phones import baresip, event, jssip
from tests.interop.programs import eventually
from tests.interop.servers import DOMAIN
from tests.interop.sniffer import Sniffer, ports_of
from tests.interop.town import EDGE_1, EDGE_2, REGISTRAR, Town

from ringway.capture.files import read_capture
from ringway.capture.items import KeepAlive

ENOUGH = 16
"""Two flows, each pinged every 5 s: by then 40 s have passed, and who is slow is known to be."""

PEERS = ("baresip", "dumpcap", "jssip", "kamailio")


def pings(capture: Path, host: str) -> int:
    """How many a host has sent."""
    with capture.open("rb") as source:
        items = [each for each in read_capture(source) if isinstance(each, KeepAlive)]
    return sum(1 for each in items if each.source.host == host and not each.answer)


@pytest.mark.timeout(150)
def test_who_keeps_alive(lab: Lab, town: Town) -> None:
    defines = {"FLOW_TIMER": "6"}
    registrar = lab.kamailio("registrar.cfg", ["udp"], host=REGISTRAR)
    edges = [
        lab.kamailio(
            "edge.cfg", ["udp", "tcp", "ws"], registrar=registrar, host=host, defines=defines
        )
        for host in (EDGE_1, EDGE_2)
    ]
    sniffer = Sniffer(lab, ports_of(registrar, *edges))
    uris = [edge.uri("tcp") for edge in edges]
    his = town.host()
    bob = baresip(lab, his, "bob", uris)
    for _ in edges:
        bob.wait_for(r"\{\d/TCP/v4\} 200 OK")
    hers = town.host()
    with hers:
        dora = Ours(lab, "dora", outbound=uris)
    host, port = edges[0].place("ws")
    with town.host():
        alice = jssip(lab, "alice", [f"ws://{host}:{port}"])
    event(alice, "registered")
    before = pings(sniffer.file, hers.address)
    his.cut(EDGE_1)
    bob.wait_for(r"\{\d/TCP/v4\} 200 OK", 60)  # it waits more than 30 s
    eventually(
        lambda: pings(sniffer.file, hers.address) >= before + ENOUGH,
        60,
        "dora has pinged often enough",
    )
    dora.close()

    told = explained(lab, sniffer, "keep-alives")
    assert told.findings == ["keep-alive-missing", "keep-alive-too-slow"]
    assert f"sip:alice@{DOMAIN} sent no keep-alive" in told.across["keep-alive-missing"]["what"]
    assert f"sip:bob@{DOMAIN} sent" in told.across["keep-alive-too-slow"]["what"]
    (lost,) = (each for each in told.registrations if "flow-reset" in each.steps)
    assert lost.steps.count("registered") == 2
    assert [each.end for each in told.registrations].count("verdict-unregistered") == 2
