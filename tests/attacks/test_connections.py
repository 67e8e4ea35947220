"""Connections that are a burden: slow, endless, unfinished, of the wrong kind, or never read."""

from __future__ import annotations

import base64
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.attacks.attacker import Phone, raw
from tests.attacks.victim import DOMAIN, TRANSPORTS, Victim

from ringway.message import build_request

SECONDS = 1.0
"""What the limits of `strict` are."""

HEAD = f"OPTIONS sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/TCP a.invalid;branch=z9hG4bK1\r\n".encode()
OPTIONS = build_request(
    "OPTIONS",
    f"sip:{DOMAIN}",
    from_="<sip:a@b>;tag=1",
    to=f"<sip:{DOMAIN}>",
    call_id="x",
    cseq=1,
    headers=[("Via", "SIP/2.0/TCP a.invalid;branch=z9hG4bKconn")],
).to_bytes()
ORIGIN = "https://phone.example.com"
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: sip\r\n\r\n"
)


@pytest.fixture(scope="module")
def strict_one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    limits = {"message_time": SECONDS, "handshake_time": SECONDS}
    lines = [f"{key} = {value}" for key, value in limits.items()]
    tables = ["[limits]", *lines, f'[websocket]\norigins = ["{ORIGIN}"]']
    folder = tmp_path_factory.mktemp("strict")
    with Victim(folder, transports=TRANSPORTS, tables=tables) as victim:
        yield victim


@pytest.fixture
def strict(strict_one: Victim) -> Iterator[Victim]:
    """A server that waits one second and lets one web page in."""
    yield strict_one
    assert strict_one.is_well()


@pytest.fixture(scope="module")
def open_one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """A server that asks nobody for a password."""
    folder = tmp_path_factory.mktemp("open")
    with Victim(folder, transports=("udp", "tcp", "ws"), users=None) as victim:
        yield victim


def closed_within(sock: socket.socket, seconds: float) -> bool:
    """Whether the peer ends the connection, whatever it says before."""
    sock.settimeout(seconds)
    try:
        while sock.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def drip(sock: socket.socket, data: bytes, every: float, seconds: float) -> bool:
    """Send byte by byte; whether the peer ends the connection meanwhile."""
    until = time.monotonic() + seconds
    sock.settimeout(every)
    for byte in data:
        try:
            sock.sendall(bytes((byte,)))
            if not sock.recv(65536):
                return True
        except TimeoutError:
            pass
        except OSError:
            return True
        if time.monotonic() > until:
            return False
    return False


class TestSlow:
    @pytest.mark.parametrize(
        "data",
        [HEAD * 20, b"INVITE " + b"a" * 500, OPTIONS[:-4] + b"X: " + b"y" * 500, b"\r" * 500],
        ids=["head", "start line", "header", "returns"],
    )
    def test_a_message_that_comes_byte_by_byte(self, strict: Victim, data: bytes) -> None:
        with raw(strict.place("tcp")) as sock:
            assert drip(sock, data, 0.05, 4 * SECONDS)

    def test_a_body_that_does_not_come(self, strict: Victim) -> None:
        with raw(strict.place("tcp")) as sock:
            sock.sendall(OPTIONS.replace(b"Content-Length: 0", b"Content-Length: 1000") + b"x")
            assert closed_within(sock, 4 * SECONDS)

    @pytest.mark.parametrize("transport", ["tcp", "tls", "ws", "wss"])
    def test_a_connection_that_says_nothing(self, strict: Victim, transport: str) -> None:
        with raw(strict.place(transport)) as sock:
            assert closed_within(sock, 4 * SECONDS)

    @pytest.mark.parametrize("transport", ["ws", "tls"])
    def test_a_handshake_that_comes_byte_by_byte(self, strict: Victim, transport: str) -> None:
        data = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-A: b\r\n" * 90
        if transport == "tls":
            data = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 400
        with raw(strict.place(transport)) as sock:
            assert drip(sock, data, 0.05, 4 * SECONDS)

    def test_many_at_once_hold_nobody_up(self, strict: Victim) -> None:
        """Two hundred that never finish; a phone is served meanwhile, and none is left."""
        before = strict.open_files()
        socks = [socket.create_connection(strict.place("tcp"), 5) for _ in range(200)]
        try:
            for sock in socks:
                sock.sendall(HEAD)
            with Phone("tcp", strict.place("tcp"), user="alice") as alice:
                began = time.monotonic()
                assert alice.register_proven(number=1).status == 200
                assert time.monotonic() - began < 2
            assert all(closed_within(sock, 4 * SECONDS) for sock in socks)
        finally:
            for sock in socks:
                sock.close()
        assert strict.open_files() <= before + 2


class TestEndless:
    @pytest.mark.parametrize(
        ("piece", "count"),
        [
            (b"X-%d: " + b"y" * 100 + b"\r\n", 200_000),
            (b"y" * 1000, 50_000),
            (b" \r\n ", 500_000),
            (b"\r\n\r\n", 30_000),
        ],
        ids=["headers", "one header", "folds", "pings"],
    )
    def test_a_head_is_given_up(self, strict: Victim, piece: bytes, count: int) -> None:
        """Pings excepted, which are answered, as long as they are heard."""
        before, cpu = strict.forget_peak(), strict.cpu()
        with raw(strict.place("tcp")) as sock:
            sock.settimeout(5)
            is_ping = piece == b"\r\n\r\n"
            try:
                if not is_ping:
                    sock.sendall(HEAD + b"X: ")
                for number in range(0, count, 1000):
                    sock.sendall(piece.replace(b"%d", str(number).encode()) * 1000)
            except OSError:
                pass  # a peer that goes on regardless is cut off
            assert is_ping or closed_within(sock, 5)
        assert strict.peak() - before < 8_000_000
        assert strict.cpu() - cpu < 5

    def test_over_the_limit_is_513(self, strict: Victim) -> None:
        with raw(strict.place("tcp")) as sock:
            sock.sendall(OPTIONS[:-2] + b"X: " + b"y" * 40_000 + b"\r\n\r\n")
            assert b"SIP/2.0 513 " in sock.recv(65536)
            assert closed_within(sock, 3)
        with raw(strict.place("tcp")) as sock:
            sock.sendall(OPTIONS.replace(b"Content-Length: 0", b"Content-Length: 99999999"))
            assert b"SIP/2.0 513 " in sock.recv(65536)
            assert closed_within(sock, 3)

    def test_who_does_not_read_is_cut_off(self, strict: Victim) -> None:
        """Asks without end and reads no answer: memory stays as it is."""
        before = strict.forget_peak()
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(strict.place("tcp"))
            sock.settimeout(3)
            try:
                for number in range(200):
                    batch = [
                        OPTIONS.replace(b"z9hG4bKconn", b"z9hG4bK%d-%d" % (number, each))
                        for each in range(200)
                    ]
                    sock.sendall(b"".join(batch))
                cut = False
            except OSError:
                cut = True
        assert cut
        assert strict.peak() - before < 60_000_000

    def test_pieces_that_make_no_message(self, victim: Victim) -> None:
        """They end the connection at once, not when the time for a message is up."""
        for data in (
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"\xff\xfe" * 3000 + b"\r\n\r\n",
            OPTIONS.replace(b"Content-Length: 0", b"Content-Length: -1"),
            OPTIONS.replace(b"Content-Length: 0", b"Content-Length: 0\r\nContent-Length: 9"),
            OPTIONS.replace(b"Content-Length: 0", b"Content-Length: " + b"9" * 300),
            OPTIONS.replace(b"Content-Length: 0", b"l: 5\r\nContent-Length: 0"),
        ):
            with raw(victim.place("tcp")) as sock:
                sock.sendall(data)
                assert closed_within(sock, 3), data[:60]

    @pytest.mark.parametrize("data", [b"\0" * 5000, b"SSH-2.0-x\r\n"], ids=["nul", "ssh"])
    def test_pieces_that_end_nowhere(self, strict: Victim, data: bytes) -> None:
        with raw(strict.place("tcp")) as sock:
            sock.sendall(data)
            assert closed_within(sock, 4 * SECONDS)


def upgrade(victim: Victim, *lines: str, protocol: str = "sip") -> bytes:
    """Ask for a WebSocket; the head of the answer."""
    with raw(victim.place("ws")) as sock:
        head = [
            "GET / HTTP/1.1",
            "Host: example.com",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(b'0123456789abcdef').decode()}",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Protocol: {protocol}",
            *lines,
            "",
            "",
        ]
        sock.sendall("\r\n".join(head).encode())
        return sock.recv(65536).partition(b"\r\n\r\n")[0]


class TestWebSocket:
    def test_the_page_that_may(self, strict: Victim) -> None:
        assert b" 101 " in upgrade(strict, f"Origin: {ORIGIN}")

    @pytest.mark.parametrize(
        "origin",
        [
            "https://evil.example.com",
            "http://phone.example.com",
            "https://phone.example.com.evil.example",
            "https://phone.example.com:444",
            "https://phone.example.com@evil.example",
            "https://evil.example/https://phone.example.com",
            "null",
            "",
            f"{ORIGIN} https://evil.example.com",
            f"{ORIGIN}/",
        ],
    )
    def test_a_page_that_may_not(self, strict: Victim, origin: str) -> None:
        assert b" 403 " in upgrade(strict, f"Origin: {origin}").split(b"\r\n")[0]

    def test_two_origins_are_none(self, strict: Victim) -> None:
        lines = [f"Origin: {ORIGIN}", "Origin: https://evil.example.com"]
        assert b" 101 " not in upgrade(strict, *lines)
        assert b" 101 " not in upgrade(strict, *reversed(lines))

    @pytest.mark.parametrize(
        ("origin", "status"),
        [
            ("Origin: https://evil.example.com", b" 403 "),
            (f"Origin: https://{DOMAIN}", b" 403 "),
            ("Origin: null", b" 403 "),
            ("Origin: http://localhost:3000", b" 101 "),
            ("Origin: http://127.0.0.1:3000", b" 101 "),
            ("X-No: origin", b" 101 "),
        ],
    )
    def test_any_page_where_nobody_needs_a_password(
        self, open_one: Victim, origin: str, status: bytes
    ) -> None:
        """It could be the one that the operator is looking at, and this machine is loopback."""
        assert status in upgrade(open_one, origin).split(b"\r\n")[0]
        assert open_one.is_well()

    def test_frames_that_must_not_be(self, victim: Victim) -> None:
        """Unmasked, of a reserved kind, oversized, or the rest of nothing: each ends it at once."""
        for frame in (
            b"\x81\x05hello",
            b"\xf1\x85\0\0\0\0hello",
            b"\x81\xff" + b"\x7f" + b"\xff" * 7 + b"\0\0\0\0",
            b"\x83\x80\0\0\0\0",
            b"\x89\xfe\x01\x00\0\0\0\0" + b"a" * 256,
            b"\x80\x80\0\0\0\0",
            b"\x81\xff\0\0\0\0\0\x01\x00\x00\0\0\0\0" + b"a" * 65536,
        ):
            with raw(victim.place("ws")) as sock:
                sock.sendall(UPGRADE)
                assert b" 101 " in sock.recv(65536)
                sock.sendall(frame)
                assert closed_within(sock, 4), frame[:20]

    def test_fragments_without_end(self, strict: Victim) -> None:
        before = strict.forget_peak()
        with raw(strict.place("ws")) as sock:
            sock.sendall(UPGRADE)
            assert b" 101 " in sock.recv(65536)
            sock.settimeout(3)
            try:
                sock.sendall(b"\x01\x81\0\0\0\0a")
                for _ in range(300):
                    sock.sendall((b"\x00\xfe\x04\x00\0\0\0\0" + b"a" * 1024) * 100)
            except OSError:
                pass
            assert closed_within(sock, 3)
        assert strict.peak() - before < 8_000_000


class TestTls:
    @pytest.mark.parametrize("transport", ["tls", "wss"])
    def test_plain_text_ends_the_connection(self, victim: Victim, transport: str) -> None:
        """At once: the handshake would have had ten seconds."""
        with raw(victim.place(transport)) as sock:
            sock.sendall(OPTIONS * 3 if transport == "tls" else UPGRADE)
            assert closed_within(sock, 4)

    @pytest.mark.parametrize("transport", ["tcp", "ws"])
    def test_tls_where_there_is_none(self, victim: Victim, transport: str) -> None:
        """It is known by its first byte, and not waited for."""
        context = ssl._create_unverified_context()
        with raw(victim.place(transport)) as sock:
            sock.settimeout(4)
            with pytest.raises((ssl.SSLError, ConnectionError)):
                context.wrap_socket(sock)

    def test_no_renegotiation(self, strict: Victim) -> None:
        """openssl's client asks for it on a line that says R (TLS 1.2, where it exists)."""
        host, port = strict.place("tls")
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"{host}:{port}", "-tls1_2"],
            input=b"R\n",
            capture_output=True,
            timeout=20,
            check=False,
        )
        said = done.stdout + done.stderr
        assert b"BEGIN CERTIFICATE" in said, said[-500:]
        assert b"RENEGOTIATING" in said
        assert b"no renegotiation" in said.lower() or b"alert" in said.lower()

    @pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
    def test_no_old_versions(self, strict: Victim, version: str) -> None:
        host, port = strict.place("tls")
        done = subprocess.run(
            [
                *("openssl", "s_client", "-connect", f"{host}:{port}", version),
                *("-cipher", "ALL:@SECLEVEL=0"),
            ],
            input=b"",
            capture_output=True,
            timeout=20,
            check=False,
        )
        assert b"BEGIN CERTIFICATE" not in done.stdout

    def test_one_source_leaves_handshakes_to_others(self, tmp_path: Path) -> None:
        """Whoever keeps so many waiting gets no more, and a phone elsewhere its own at once."""
        environment = {"RINGWAY_LIMITS__HANDSHAKES_PER_SOURCE": "20"}

        def attack() -> socket.socket:
            place = victim.place("tls")
            return socket.create_connection(place, 5, source_address=("127.0.0.2", 0))

        with (
            Victim(tmp_path, transports=TRANSPORTS, environment=environment) as victim,
            ExitStack() as stack,
        ):
            waiting = [stack.enter_context(attack()) for _ in range(20)]
            more = stack.enter_context(attack())
            assert closed_within(more, 4)
            assert victim.certificate
            context = victim.certificate.trusting()
            with (
                raw(victim.place("tls")) as sock,
                context.wrap_socket(sock, server_hostname="localhost") as phone,
            ):
                phone.sendall(OPTIONS.replace(b"SIP/2.0/TCP", b"SIP/2.0/TLS"))
                assert phone.recv(65536).startswith(b"SIP/2.0 200 ")
            assert not any(closed_within(each, 0.01) for each in waiting)
            assert victim.is_well()

    def test_half_a_handshake_thousandfold(self, strict: Victim) -> None:
        before = strict.open_files()
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100
        socks = [socket.create_connection(strict.place("tls"), 5) for _ in range(300)]
        for sock in socks:
            sock.sendall(hello)
        assert all(closed_within(sock, 4 * SECONDS) for sock in socks)
        for sock in socks:
            sock.close()
        assert strict.open_files() <= before + 2
