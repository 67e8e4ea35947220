"""Captures of real programs, explained: a flow that died, and what was made of it.

All programs of a test are in a town of namespaces; dumpcap listens at every server.
"""

from __future__ import annotations

from tests.interop.explained import explained
from tests.interop.lab import Lab
from tests.interop.phones import baresip, linphone, said
from tests.interop.servers import DOMAIN
from tests.interop.sniffer import Sniffer, ports_of
from tests.interop.town import EDGE_1, EDGE_2, REGISTRAR, Town

PEERS = ("baresip", "kamailio", "linphone", "nft", "dumpcap")
ALICE, BOB = f"sip:alice@{DOMAIN}", f"sip:bob@{DOMAIN}"
EDGES = (EDGE_1, EDGE_2)


class Home:
    """A Kamailio as registrar and two as edges; alice at the registrar, bob at both edges."""

    def __init__(
        self, lab: Lab, town: Town, *, udp: bool = False, late: bool = False, **defines: str
    ) -> None:
        """The capture begins before the phones register, or late, behind that."""
        self.registrar = lab.kamailio("registrar.cfg", ["udp"], host=REGISTRAR, defines=defines)
        self.edges = [
            lab.kamailio("edge.cfg", registrar=self.registrar, host=host, defines=defines)
            for host in EDGES
        ]
        ports = ports_of(self.registrar, *self.edges)
        if not late:
            self.sniffer = Sniffer(lab, ports)
        self.hers, self.his = town.host(), town.host()
        transport = "udp" if udp else "tcp"
        self.bob = baresip(lab, self.his, "bob", [edge.uri(transport) for edge in self.edges])
        for _ in self.edges:
            self.bob.wait_for(rf"\{{\d/{transport.upper()}/v4\}} 200 OK")
        with self.hers:
            self.alice = linphone(lab, "alice", self.registrar.uri("udp"), expires=8)
        said(self.alice, "200", "REGISTER")
        if late:
            self.sniffer = Sniffer(lab, ports)

    def call(self) -> str:
        """Alice calls and bob answers, over one edge; its address. Then she hangs up."""
        self.alice.say(f"call {BOB}")
        edge = self.bob.wait_for(r"^(?:TCP|UDP) (\S+):\d+ -> \S+\nINVITE ")[1]
        self.ends()
        return edge

    def ends(self) -> None:
        """Bob has answered; Alice hangs up."""
        said(self.alice, "200", "INVITE")
        self.alice.say("terminate")
        said(self.alice, "200", "BYE")


def other(edge: str) -> str:
    return next(each for each in EDGES if each != edge)


def test_the_next_flow_after_a_real_430(lab: Lab, town: Town) -> None:
    home = Home(lab, town)
    dead = home.call()
    home.his.cut(dead)
    assert home.call() == other(dead)
    told = explained(lab, home.sniffer, "flow-lost-next-flow")
    assert told.findings == []
    assert len(told.registrations) == 3
    healthy, call = told.calls
    assert healthy.title == call.title == f"{ALICE} calls {BOB}"
    assert "flow-failed" not in healthy.steps
    assert call.steps == [
        *("call", "branch", "flow-failed", "gone-reset", "other-flow", "forwarded", "rings"),
        *("answered", "hang-up", "forwarded-far", "accepted"),
    ]
    number = EDGES.index(dead) + 1
    gone = call.step("gone-reset")
    assert f"flow {number} of {BOB} (tcp {home.his.address}:" in gone
    assert f"→ {dead}:5060); {dead}:5060 had broken it off" in gone
    assert call.step("other-flow").endswith(f"takes the next flow: udp {other(dead)}:5060.")
    assert call.end == "verdict-ended"


def test_430_reaches_the_caller(lab: Lab, town: Town) -> None:
    home = Home(lab, town, FIRST_FLOW_ONLY="yes")
    dead = home.call()
    home.his.cut(dead)
    home.alice.say(f"call {BOB}")
    said(home.alice, "430", "INVITE")
    told = explained(lab, home.sniffer, "430-reaches-caller")
    assert told.findings == ["430-reached-caller", "other-flows-not-tried"]
    call = told.calls[1]
    assert call.steps == ["call", "forwarded", "flow-failed", "gone-reset"]
    assert call.verdict.startswith("It failed: 430 Flow Failed after")
    number = EDGES.index(dead) + 1
    left = call.faults["other-flows-not-tried"]["what"]
    assert f"over reg-id {number} only" in left
    assert f"also registered as reg-id {3 - number}" in left


def test_forked_to_both_flows(lab: Lab, town: Town) -> None:
    home = Home(lab, town, ALL_FLOWS="yes")
    home.alice.say(f"call {BOB}")
    home.ends()
    told = explained(lab, home.sniffer, "forked-to-one-phone")
    assert told.findings == ["forked-to-one-instance"]
    (call,) = told.calls
    assert [name for name in call.steps if name in {"branch", "parallel"}] == ["branch", "parallel"]
    assert "(482 Loop Detected)" in call.step("rejected")
    assert call.end == "verdict-ended"


def test_430_in_a_capture_that_began_late(lab: Lab, town: Town) -> None:
    """Nobody can tell from it that the phone had another flow."""
    home = Home(lab, town, late=True, FIRST_FLOW_ONLY="yes")
    dead = home.call()
    home.his.cut(dead)
    home.alice.say(f"call {BOB}")
    said(home.alice, "430", "INVITE")
    told = explained(lab, home.sniffer, "430-reaches-caller-late")
    assert told.findings == ["430-reached-caller"]
    assert told.calls[1].steps == ["call", "forwarded", "flow-failed"]


def test_forked_in_a_capture_that_began_late(lab: Lab, town: Town) -> None:
    """What is left is the phone's own word for it."""
    home = Home(lab, town, late=True, ALL_FLOWS="yes")
    home.alice.say(f"call {BOB}")
    home.ends()
    told = explained(lab, home.sniffer, "forked-to-one-phone-late")
    assert told.findings == ["merged-request"]


def test_a_flow_is_silent(lab: Lab, town: Town) -> None:
    home = Home(lab, town, udp=True, PATIENT="yes")
    dead = home.call()
    said(home.alice, "200", "REGISTER")  # some seconds go by, in which bob is not heard
    home.his.lose(dead)
    home.his.lose_inwards(dead)
    assert home.call() == other(dead)
    told = explained(lab, home.sniffer, "flow-silent-next-flow")
    assert told.findings == ["flow-died-unnoticed"]
    call = told.calls[1]
    assert call.steps[3:6] == ["unheard", "answered-instead", "other-flow"]
    assert "makes it 430 Flow Failed" in call.step("answered-instead")
    assert f"{home.his.address}:" in call.faults["flow-died-unnoticed"]["what"]
