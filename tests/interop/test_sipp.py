"""SIPp as phone and caller, over UDP and TCP."""

import re

import pytest
from tests.interop.lab import Lab
from tests.interop.servers import DOMAIN, STAND_IN

PEERS = ("sipp",)
BOTH = pytest.mark.parametrize("transport", ["udp", "tcp"])


@BOTH
def test_register(lab: Lab, transport: str) -> None:
    server = lab.server()
    registering = lab.sipp("register.xml", server, transport, keys={"user": "alice"})
    registering.passed()
    if transport == "udp":  # over TCP the binding ends with the connection
        (contact,) = lab.bindings(server, "alice")
        assert f":{registering.port}" in contact


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@BOTH
def test_call(lab: Lab, transport: str, host: str) -> None:
    server = lab.server(host=host)
    callee = lab.sipp("callee.xml", server, transport, keys={"user": "alice"}, call_id="alice")
    lab.wait_bindings(server, "alice", 1)
    caller = lab.sipp("caller.xml", server, transport, keys={"user": "alice"}, call_id="alice")
    caller.passed()
    callee.passed()


@BOTH
def test_caller_follows_our_302(lab: Lab, transport: str) -> None:
    server = lab.server(redirects={"sip:alice@ring.test": "sip:hotel@ring.test"})
    callee = lab.sipp("callee.xml", server, transport, keys={"user": "hotel"}, call_id="hotel")
    lab.wait_bindings(server, "hotel", 1)
    caller = lab.sipp(
        "caller_redirected.xml", server, transport, keys={"user": "alice"}, call_id="hotel"
    )
    caller.passed()
    callee.passed()
    assert caller.received("SIP/2.0 302") == 1


@pytest.mark.skipif(STAND_IN, reason="ringway's own command")
def test_redirect_set_on_the_running_server(lab: Lab) -> None:
    server = lab.server()
    callee = lab.sipp("callee.xml", server, keys={"user": "hotel"}, call_id="hotel")
    lab.wait_bindings(server, "hotel", 1)
    alice, hotel = f"sip:alice@{DOMAIN}", f"sip:hotel@{DOMAIN}"
    lab.ringway(server, "redirect", "set", alice, "--to", hotel, "--for", "2h")
    caller = lab.sipp("caller_redirected.xml", server, keys={"user": "alice"}, call_id="hotel")
    caller.passed()
    callee.passed()
    assert re.search(rf"^Contact: <{hotel}>;.*expires=7[12]\d\d", caller.saw(), re.MULTILINE)


@pytest.mark.skipif(STAND_IN, reason="Kamailio's configuration here follows no redirects")
@BOTH
def test_we_follow_a_callees_302(lab: Lab, transport: str) -> None:
    server = lab.server(recurse=DOMAIN)
    hotel = lab.sipp("callee.xml", server, transport, keys={"user": "hotel"}, call_id="moved")
    lab.wait_bindings(server, "hotel", 1)
    keys = {"user": "alice", "to": f"sip:hotel@{DOMAIN}"}
    moved = lab.sipp("callee_moved.xml", server, transport, keys=keys, call_id="moved")
    lab.wait_bindings(server, "alice", 1)
    caller = lab.sipp("caller.xml", server, keys={"user": "alice"}, call_id="moved")
    caller.passed()
    moved.passed()
    hotel.passed()
    assert caller.received("SIP/2.0 302") == 0


@BOTH
def test_cancel(lab: Lab, transport: str) -> None:
    server = lab.server()
    keys = {"user": "alice"}
    callee = lab.sipp("callee_cancelled.xml", server, transport, keys=keys, call_id="alice")
    lab.wait_bindings(server, "alice", 1)
    caller = lab.sipp("caller_cancels.xml", server, transport, keys=keys, call_id="alice")
    caller.passed()
    callee.passed()


def test_invite_is_sent_again_to_a_late_callee(lab: Lab) -> None:
    server = lab.server()
    keys = {"user": "alice"}
    callee = lab.sipp("callee_late.xml", server, keys=keys, call_id="alice")
    lab.wait_bindings(server, "alice", 1)
    caller = lab.sipp("caller.xml", server, keys=keys, call_id="alice")
    caller.passed()
    callee.passed()
    assert callee.received("INVITE ") >= 2  # timer A: 0.5 s, then 1 s more


def test_no_invite_is_sent_again_over_tcp(lab: Lab) -> None:
    server = lab.server()
    keys = {"user": "alice"}
    callee = lab.sipp("callee_late.xml", server, "tcp", keys=keys, call_id="alice")
    lab.wait_bindings(server, "alice", 1)
    caller = lab.sipp("caller.xml", server, "tcp", keys=keys, call_id="alice")
    caller.passed()
    callee.passed()
    assert callee.received("INVITE ") == 1


def test_repeated_invite_gets_the_same_answer(lab: Lab) -> None:
    server = lab.server()
    caller = lab.sipp("caller_repeats.xml", server, keys={"user": "nobody"}, more=["-nr"])
    caller.passed()
    tags = re.findall(
        r"^SIP/2.0 480.*?^To:[^\n]*;tag=(\S+)", caller.saw(), re.DOTALL | re.MULTILINE
    )
    assert len(tags) == 2
    assert tags[0] == tags[1]


@BOTH
def test_late_ack_brings_the_200_again(lab: Lab, transport: str) -> None:
    server = lab.server()
    keys = {"user": "alice"}
    callee = lab.sipp("callee.xml", server, transport, keys=keys, call_id="alice")
    lab.wait_bindings(server, "alice", 1)
    caller = lab.sipp("caller_late_ack.xml", server, transport, keys=keys, call_id="alice")
    caller.passed()
    callee.passed()
    assert caller.received("SIP/2.0 200") >= (3 if transport == "udp" else 2)
