"""Kamailio's siptrace as the agent that hands us copies of its messages."""

import socket
import time

import pytest
from tests.interop.lab import Lab
from tests.interop.wire import Agent

from ringway.capture.hep import decode_hep, read_hep
from ringway.capture.items import Seen
from ringway.message import Request, Response
from ringway.transport.flow import Address

PEERS = ("kamailio",)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_kamailio_hands_us_its_messages(lab: Lab, version: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(10)
        uri = f"sip:127.0.0.1:{collector.getsockname()[1]}"
        before = time.time()
        server = lab.kamailio("hep.cfg", defines={"COLLECTOR": uri, f"HEP_{version}": "1"})
        with Agent("udp", server.place("udp"), user="alice") as agent:
            agent.request("OPTIONS", "sip:bob@ring.test")
            assert agent.read().status == 200
            here, there = Address(*agent.local), Address(*server.place("udp"))
            found: list[Seen] = []
            while len(found) < 2:
                packet = collector.recv(65535)
                item = read_hep(packet)
                assert isinstance(item, Seen)
                assert item.message is not None
                if item.message.call_id == agent.call_id:
                    found.append(item)
    request, response = found
    assert isinstance(request.message, Request)
    assert isinstance(response.message, Response)
    assert (request.transport, request.source, request.target) == ("udp", here, there)
    assert (response.transport, response.source, response.target) == ("udp", there, here)
    assert (request.fault, response.fault) == ("", "")
    hep = decode_hep(packet)
    if version == 1:
        assert hep.at == 0
        return
    assert before <= request.at <= response.at <= time.time()
    # Kamailio cuts the id to 16 bits in version 2, and tells its key in version 3 only.
    assert hep.capture_id == 2001
    assert hep.auth_key == (b"not a secret" if version == 3 else b"")
