"""pjsua2 over TCP: with reg-id, and as a caller that is redirected."""

import signal
import time

import pytest
from tests.interop.lab import Lab
from tests.interop.phones import event, pjsua
from tests.interop.programs import Program, eventually
from tests.interop.servers import DOMAIN, STAND_IN, Server
from tests.interop.wire import Agent, Call

PEERS = ("pjsua2", "sipp")
INSTANCE = "urn:uuid:7f1bb2c4-52c9-4ac6-9c2a-0d3f3b9e7a01"
ALICE = {"user": "alice"}


def test_registers_with_reg_id_and_takes_a_call(lab: Lab) -> None:
    server = lab.server()
    phone = pjsua(lab, "alice", server.uri("tcp"), instance=INSTANCE, reg_id=1)
    event(phone, "registration", status=200)
    (contact,) = lab.bindings(server, "alice")
    assert "reg-id=1" in contact
    assert INSTANCE in contact
    with Agent("udp", server.place("udp"), user="caller") as agent:
        call = Call(agent, f"sip:alice@{DOMAIN}")
        assert call.invite().status == 200
        call.ack()
        event(phone, "call", state="CONFIRMED")
        assert call.bye().status == 200
    event(phone, "call", state="DISCONNECTED")


@pytest.fixture
def server(lab: Lab) -> Server:
    return lab.server()


@pytest.fixture
def flows(lab: Lab, server: Server) -> list[Program]:
    """Two phones that claim to be one, each with a flow of its own."""
    phones = []
    for reg_id in (1, 2):
        phone = pjsua(lab, "alice", server.uri("tcp"), instance=INSTANCE, reg_id=reg_id)
        event(phone, "registration", status=200)
        phones.append(phone)
    lab.wait_bindings(server, "alice", 2)
    return phones


def asked_first(lab: Lab, server: Server, flows: list[Program]) -> tuple[Program, Program]:
    """Call once: the flow that took the call, and the other, which must not have rung."""
    lab.sipp("caller.xml", server, keys=ALICE).passed()
    eventually(lambda: any(p.count('"incoming"') for p in flows), 5, "a flow has the call")
    calls = [phone.count('"incoming"') for phone in flows]
    assert sorted(calls) == [0, 1]  # never over two flows of one instance at once
    return flows[calls.index(1)], flows[calls.index(0)]


@pytest.mark.skipif(STAND_IN, reason="Kamailio does not try the next flow at once")
def test_next_flow_when_one_is_closed(lab: Lab, server: Server, flows: list[Program]) -> None:
    first, other = asked_first(lab, server, flows)
    first.kill()
    with Agent("udp", server.place("udp"), user="caller") as agent:
        call = Call(agent, f"sip:alice@{DOMAIN}")
        started = time.monotonic()
        assert call.invite().status == 200
        assert time.monotonic() - started < 1  # no timer is waited for
        call.ack()
        assert call.bye().status == 200
    assert other.said('"incoming"')


def test_next_flow_when_one_is_silent(lab: Lab, server: Server, flows: list[Program]) -> None:
    first, other = asked_first(lab, server, flows)
    first.signal(signal.SIGSTOP)  # the kernel still acknowledges; nobody answers
    lab.sipp("caller.xml", server, keys=ALICE).passed()
    assert other.said('"incoming"')
    first.kill()


def test_caller_follows_a_302(lab: Lab) -> None:
    server = lab.server(redirects={f"sip:alice@{DOMAIN}": f"sip:hotel@{DOMAIN}"})
    with Agent("tcp", server.place("tcp"), user="hotel") as hotel:
        assert hotel.register().status == 200
        caller = pjsua(lab, "bob", server.uri("tcp"))
        event(caller, "registration", status=200)
        caller.say(f"call sip:alice@{DOMAIN}")
        assert f"sip:hotel@{DOMAIN}" in str(event(caller, "redirected")["target"])
        hotel.take_call()
        event(caller, "call", state="CONFIRMED")
        caller.say("hangup")
        hotel.take("BYE")
        event(caller, "call", state="DISCONNECTED")
