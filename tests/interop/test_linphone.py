"""linphonec: `Supported: outbound` and an instance-id, but no reg-id."""

import re

import pytest
from tests.interop.lab import Lab
from tests.interop.phones import linphone
from tests.interop.servers import DOMAIN, STAND_IN
from tests.interop.wire import Agent, Call

PEERS = ("linphone",)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_registers_without_outbound_and_takes_a_call(lab: Lab, transport: str) -> None:
    server = lab.server()
    phone = linphone(lab, "alice", server.uri(transport))
    answer = phone.wait_for(r"^SIP/2\.0 200 OK\n(?:\S.*\n)*?CSeq: \d+ REGISTER\n(?:\S.*\n)*")[0]
    (contact,) = lab.bindings(server, "alice")
    assert "reg-id" not in contact
    if not STAND_IN:  # Kamailio says it although no reg-id was used
        assert not re.search(r"^Require:.*outbound", answer, re.MULTILINE)
    with Agent("udp", server.place("udp"), user="caller") as agent:
        call = Call(agent, f"sip:alice@{DOMAIN}")
        assert call.invite().status == 200
        call.ack()
        phone.wait_for(r"^ACK ")
        assert call.bye().status == 200
