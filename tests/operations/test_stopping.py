"""SIGTERM: no new work, what is under way may finish, for so long; the second one is final."""

import signal
import socket
from pathlib import Path

import pytest
from tests.operations.service import Phone, bindings, running
from tests.ports import free_port
from tests.unit.aio.support import Certificate
from tests.unit.server.support import parsed

from ringway.message import Request, build_response, parse_datagram


def answer(phone: Phone, request: bytes, status: int) -> None:
    """Answer a request that came over UDP."""
    message = parse_datagram(request)
    assert isinstance(message, Request)
    phone.send(build_response(message, status, to_tag="callee").to_bytes())


def ringing(caller: Phone, callee: Phone) -> tuple[str, bytes]:
    """A call that rings: the INVITE as sent, and as the callee got it."""
    assert callee.register("bob").status == 200
    invite = caller.request("INVITE", "bob", f"Contact: <sip:x@{caller.address}>")
    caller.send(invite)
    arrived = callee.read()
    answer(callee, arrived, 180)
    while b" 180 " not in caller.read():
        pass
    return invite, arrived


class TestDrain:
    def test_a_call_that_rings_is_answered_and_new_ones_go_elsewhere(self, tmp_path: Path) -> None:
        port = free_port()
        with (
            running(tmp_path, f'listen = ["udp:127.0.0.1:{port}"]\ntimers.drain = "30s"') as server,
            Phone(port) as caller,
            Phone(port) as callee,
            Phone(port) as other,
        ):
            _, arrived = ringing(caller, callee)
            server.process.send_signal(signal.SIGTERM)
            response = other.ask(other.request("OPTIONS", ""))
            while response.status == 200:  # the signal has not come yet
                response = other.ask(other.request("OPTIONS", ""))
            assert response.status == 503
            assert response.get("retry-after") == "30"
            assert other.register("carol").status == 503
            assert other.ask(other.request("INVITE", "bob")).status == 503
            # In a dialog, so it is taken; nobody knows of it.
            assert other.ask(other.request("BYE", "nobody", tag="b")).status != 503
            assert server.running()
            answer(callee, arrived, 200)
            while b" 200 " not in caller.read():
                pass
            assert server.wait(5) == 0
            assert "Traceback" not in server.text
            assert "gave up" not in server.text

    def test_it_is_bounded(self, tmp_path: Path) -> None:
        """What rings then is cancelled, and its caller may try elsewhere."""
        port = free_port()
        text = f'listen = ["udp:127.0.0.1:{port}"]\ntimers.drain = "300ms"'
        with running(tmp_path, text) as server, Phone(port) as caller, Phone(port) as callee:
            _, arrived = ringing(caller, callee)
            server.process.send_signal(signal.SIGTERM)
            final = parsed(caller.read())
            assert final.status == 503
            assert final.get("retry-after") == "5"
            cancel = parse_datagram(callee.read())
            assert isinstance(cancel, Request)
            assert cancel.method == "CANCEL"
            invite = parse_datagram(arrived)
            assert isinstance(invite, Request)
            assert cancel.top_via.branch == invite.top_via.branch
            server.wait_for("gave up 1 requests that were under way")
            assert server.wait(5) == 0

    def test_over_a_connection_too(self, tmp_path: Path) -> None:
        """The last word is on its way before the connection is closed."""
        port = free_port()
        text = f'listen = ["udp:127.0.0.1:{port}", "tcp:127.0.0.1:{port}"]\ntimers.drain = "0s"'
        with running(tmp_path, text) as server, Phone(port) as callee:
            assert callee.register("bob").status == 200
            with socket.create_connection(("127.0.0.1", port)) as caller:
                caller.settimeout(10)
                invite = callee.request("INVITE", "bob", "Contact: <sip:x@a.invalid>")
                caller.sendall(invite.replace("SIP/2.0/UDP", "SIP/2.0/TCP").encode())
                assert callee.read().startswith(b"INVITE ")
                server.process.send_signal(signal.SIGTERM)
                said = b""
                while data := caller.recv(65536):
                    said += data
                assert b"SIP/2.0 503 " in said
            assert server.wait(5) == 0

    @pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
    def test_the_second_signal_ends_it_at_once(self, second: int, tmp_path: Path) -> None:
        port = free_port()
        text = f'listen = ["udp:127.0.0.1:{port}"]\ntimers.drain = "1h"'
        with running(tmp_path, text) as server, Phone(port) as caller, Phone(port) as callee:
            ringing(caller, callee)
            server.process.send_signal(signal.SIGTERM)
            while caller.ask(caller.request("OPTIONS", "")).status != 503:
                pass
            assert server.running()
            server.process.send_signal(second)
            assert server.wait(5) == 0

    def test_without_anything_under_way_it_ends_at_once(self, tmp_path: Path) -> None:
        port = free_port()
        with running(tmp_path, f'listen = ["udp:127.0.0.1:{port}"]\ntimers.drain = "1h"') as server:
            with Phone(port) as phone:
                assert phone.register("alice").status == 200
            server.process.send_signal(signal.SIGTERM)
            assert server.wait(5) == 0

    def test_connections_are_closed_in_good_order(self, tmp_path: Path) -> None:
        port, certificate = free_port(), Certificate(tmp_path)
        text = f'listen = ["tls:127.0.0.1:{port}"]\n[tls]\ncertificate = "{certificate.file}"\n'
        with running(tmp_path, text + f'key = "{certificate.key}"\n') as server:
            context = certificate.trusting()
            with (
                socket.create_connection(("127.0.0.1", port)) as plain,
                context.wrap_socket(
                    plain, server_hostname="localhost", suppress_ragged_eofs=False
                ) as phone,
            ):
                phone.settimeout(10)
                phone.sendall(b"\r\n\r\n")
                assert phone.recv(10) == b"\r\n"
                server.process.send_signal(signal.SIGTERM)
                assert phone.recv(10) == b""  # close_notify: anything else raises
            assert server.wait(5) == 0


class TestEdge:
    """RFC 5626 §7: a 503 from an edge of ours means the next flow, and keeps the binding."""

    def test_a_draining_edge_costs_no_call(self, tmp_path: Path) -> None:
        ports = [free_port() for _ in range(3)]
        folders = [tmp_path / name for name in ("registrar", "edge1", "edge2")]
        for folder in folders:
            folder.mkdir()
        behind = f'role = "registrar"\nlisten = ["udp:127.0.0.1:{ports[0]}"]'
        edge = 'role = "edge"\nlisten = ["udp:127.0.0.1:{}"]\nregistrar = "sip:127.0.0.1:{}"\n'
        with (
            running(folders[0], behind),
            running(folders[1], edge.format(ports[1], ports[0]) + 'timers.drain = "1h"') as one,
            running(folders[2], edge.format(ports[2], ports[0])),
            Phone(ports[1]) as first,
            Phone(ports[2]) as second,
            Phone(ports[0]) as caller,
        ):
            for number, flow in ((1, second), (2, first)):  # the last registered is tried first
                response = flow.ask(
                    flow.request(
                        "REGISTER",
                        "bob",
                        "Supported: outbound, path",
                        f"Contact: <sip:bob@{flow.address};ob>;reg-id={number};"
                        '+sip.instance="<urn:uuid:b>"',
                        "Expires: 600",
                    )
                )
                assert response.status == 200
            # Something stays under way at the edge, so that it drains and does not end.
            caller.send(caller.request("MESSAGE", "bob"))
            assert first.read().startswith(b"MESSAGE ")
            one.process.send_signal(signal.SIGTERM)
            while first.ask(first.request("OPTIONS", "")).status != 503:
                pass
            caller.send(caller.request("INVITE", "bob", f"Contact: <sip:x@{caller.address}>"))
            assert second.read().startswith(b"INVITE ")
            assert len(bindings(folders[0], "bob")) == 2
