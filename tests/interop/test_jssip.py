"""JsSIP over WebSocket: always reg-id 1, one socket at a time, the next one when it is lost."""

from pathlib import Path

import pytest
from tests.interop.certificate import Certificate
from tests.interop.lab import Lab
from tests.interop.phones import event, jssip
from tests.interop.servers import DOMAIN, STAND_IN, Server
from tests.interop.wire import Agent, Call

PEERS = ("jssip", "sipp")


def url(server: Server) -> str:
    host, port = server.place("ws")
    return f"ws://{host}:{port}"


def test_registers_with_reg_id_and_takes_a_call(lab: Lab) -> None:
    server = lab.server(["udp", "ws"])
    phone = jssip(lab, "alice", [url(server)])
    assert event(phone, "registered")["require"] == "outbound"
    (contact,) = lab.bindings(server, "alice")
    assert "reg-id=1" in contact
    with Agent("udp", server.place("udp"), user="caller") as agent:
        call = Call(agent, f"sip:alice@{DOMAIN}")
        assert call.invite().status == 200
        call.ack()
        event(phone, "confirmed")
        assert call.bye().status == 200
        event(phone, "ended", by="remote")


@pytest.mark.skipif(STAND_IN, reason="Kamailio's configuration here has no TLS")
def test_registers_over_wss_and_takes_a_call(lab: Lab, tmp_path: Path) -> None:
    certificate = Certificate(tmp_path, "127.0.0.1")
    server = lab.server(["udp", "wss"], certificate=certificate)
    host, port = server.place("wss")
    phone = jssip(lab, "alice", [f"wss://{host}:{port}"], authority=certificate.certificate)
    assert event(phone, "registered")["require"] == "outbound"
    lab.sipp("caller.xml", server, keys={"user": "alice"}).passed()
    event(phone, "ended", by="remote")


def test_hangs_up_itself(lab: Lab) -> None:
    server = lab.server(["udp", "tcp", "ws"])
    phone = jssip(lab, "alice", [url(server)])
    event(phone, "registered")
    with Agent("tcp", server.place("tcp"), user="caller") as agent:
        call = Call(agent, f"sip:alice@{DOMAIN}")
        assert call.invite().status == 200
        call.ack()
        event(phone, "confirmed")
        phone.say("hangup")
        agent.take("BYE")
        event(phone, "ended", by="local")


def test_calls_out(lab: Lab) -> None:
    server = lab.server(["udp", "tcp", "ws"])
    phone = jssip(lab, "alice", [url(server)])
    event(phone, "registered")
    with Agent("tcp", server.place("tcp"), user="bob") as bob:
        assert bob.register().status == 200
        phone.say(f"call sip:bob@{DOMAIN}")
        bob.take_call()
        event(phone, "confirmed")
        phone.say("hangup")
        bob.take("BYE")
        event(phone, "ended", by="local")


def test_reg_id_moves_to_another_edge(lab: Lab) -> None:
    registrar = lab.server(["udp"], role="registrar")
    edges = [lab.server(["udp", "ws"], role="edge", registrar=registrar) for _ in range(2)]
    phone = jssip(lab, "alice", [url(edge) for edge in edges])
    first = event(phone, "registered")
    assert first["require"] == "outbound"
    edges[0].kill()
    event(phone, "connected", url=url(edges[1]))
    event(phone, "registered")
    (contact,) = lab.bindings(registrar, "alice")  # the new flow took the old one's place
    assert "reg-id=1" in contact
    with Agent("udp", registrar.place("udp"), user="caller") as agent:
        call = Call(agent, f"sip:alice@{DOMAIN}")
        assert call.invite().status == 200
        call.ack()
        event(phone, "confirmed")
        assert call.bye().status == 200
        event(phone, "ended", by="remote")
