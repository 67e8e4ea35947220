"""SIGHUP: certificates, users and configuration are read again, connections stand."""

import signal
import socket
import ssl
from pathlib import Path

from tests.operations.service import DOMAIN, Phone, running
from tests.ports import free_port
from tests.unit.aio.support import Certificate


def connect(port: int, certificate: Certificate, name: str = "localhost") -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    return certificate.trusting().wrap_socket(plain, server_hostname=name)


def is_alive(phone: ssl.SSLSocket) -> bool:
    phone.sendall(b"\r\n\r\n")
    return phone.recv(10) == b"\r\n"


class TestCertificates:
    def test_new_ones_are_shown_and_connections_stand(self, tmp_path: Path) -> None:
        port, first = free_port(), Certificate(tmp_path)
        text = f'listen = ["tls:127.0.0.1:{port}"]\ntls.certificate = "certificate.pem"\n'
        text += 'tls.key = "key.pem"\n'
        with running(tmp_path, text) as server, connect(port, first) as old:
            second = Certificate(tmp_path)  # in the same files
            server.process.send_signal(signal.SIGHUP)
            server.wait_for("read again")
            with connect(port, second) as new:
                assert is_alive(new)
            assert is_alive(old)
            second.key.write_text("nonsense")
            server.process.send_signal(signal.SIGHUP)
            server.wait_for(r"error: everything stays as it was: .*tls\.certificate")
            with connect(port, second) as new:
                assert is_alive(new)
            assert is_alive(old)

    def test_names_choose_among_several(self, tmp_path: Path) -> None:
        port = free_port()
        certificates = [
            Certificate(tmp_path, (name,), stem=name) for name in ("one.example", "two.example")
        ]
        files = ", ".join(f'"{each.file}"' for each in certificates)
        keys = ", ".join(f'"{each.key}"' for each in certificates)
        text = (
            f'listen = ["tls:127.0.0.1:{port}"]\n[tls]\ncertificate = [{files}]\nkey = [{keys}]\n'
        )
        with running(tmp_path, text):
            for certificate, name in zip(certificates, ("one.example", "two.example"), strict=True):
                with connect(port, certificate, name) as phone:
                    assert is_alive(phone)


class TestStrangers:
    def test_the_wrong_protocol_is_closed_at_once_and_told_once(self, tmp_path: Path) -> None:
        tls, tcp, certificate = free_port(), free_port(), Certificate(tmp_path)
        text = f"""
        listen = ["tls:127.0.0.1:{tls}", "tcp:127.0.0.1:{tcp}"]
        [tls]
        certificate = "{certificate.file}"
        key = "{certificate.key}"
        """
        with running(tmp_path, text) as server:
            for _ in range(3):
                with socket.create_connection(("127.0.0.1", tls), timeout=5) as plain:
                    plain.sendall(b"OPTIONS sip:example.com SIP/2.0\r\n\r\n")
                    assert plain.recv(100) == b""
            with socket.create_connection(("127.0.0.1", tcp), timeout=5) as plain:
                context = ssl.create_default_context()
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                phone = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
                try:
                    phone.do_handshake()
                except ssl.SSLWantReadError:
                    plain.sendall(outgoing.read())
                assert plain.recv(100) == b""
            with connect(tls, certificate) as good:
                assert is_alive(good)
            assert server.said("no TLS with .*: it speaks no TLS", times=1)
            server.wait_for("flow closed.*the peer speaks TLS where nobody listens for it")
            assert "Traceback" not in server.text


class TestConfiguration:
    def test_what_can_change_does_and_the_rest_is_named(self, tmp_path: Path) -> None:
        port = free_port()
        listen = f'listen = ["udp:127.0.0.1:{port}"]\n'
        with running(tmp_path, listen) as server, Phone(port) as phone:
            assert phone.ask(phone.request("MESSAGE", "alice")).status == 480
            file = tmp_path / "ringway.toml"
            begin = file.read_text()
            moved = '[[redirect]]\nuser = "alice"\nto = "sip:alice@hotel.example"\n'
            file.write_text(begin + "timers.t1 = 1\n" + moved)
            server.process.send_signal(signal.SIGHUP)
            server.wait_for("warning: changed, and waiting for a restart: timers.t1$")
            assert phone.ask(phone.request("MESSAGE", "alice")).status == 302
            file.write_text(begin + "nonsense = 1\n")
            server.process.send_signal(signal.SIGHUP)
            server.wait_for("error: everything stays as it was: .*nonsense")
            assert phone.ask(phone.request("MESSAGE", "alice")).status == 302
            assert DOMAIN in begin
