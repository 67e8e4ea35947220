import asyncio
import contextlib
import socket
import ssl
import struct
from pathlib import Path
from typing import Self

import pytest
from tests.unit.aio.support import LOOPS, Certificate, Inbox, run

from ringway.aio import stream as stream_module
from ringway.aio.sockets import address_of, bind_stream
from ringway.aio.stream import FLOW_TIMER, PROBES, WRITE_LIMIT, Connection, describe, liveness
from ringway.aio.tls import client_context, server_context
from ringway.transport.flow import Address, Flow, NextHop

LOCALHOST = Address("127.0.0.1", 0)
PEER_RESETS = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset


class Recorder:
    """An owner of connections that keeps what it is told."""

    write_limit = WRITE_LIMIT
    tcp_options = liveness()

    def __init__(self, *, refuses: bool = False) -> None:
        self.opened = Inbox()
        self.received = Inbox()
        self.closed = Inbox()
        self.refuses = refuses
        self.servers: list[asyncio.Server] = []

    def connection_opened(
        self, connection: Connection, local: Address, remote: Address
    ) -> Flow | None:
        flow = Flow(connection.kind, local, remote, len(self.opened.items) + 1)
        self.opened(connection, flow)
        return None if self.refuses else flow

    def connection_received(self, flow: Flow, data: bytes) -> None:
        self.received(flow, data)

    def connection_closed(self, flow: Flow, reason: str) -> None:
        self.closed(flow, reason)

    async def listen(
        self, kind: str = "tcp", tls: ssl.SSLContext | None = None, at: Address = LOCALHOST
    ) -> Address:
        sock = bind_stream(at)
        address = address_of(sock)
        loop = asyncio.get_running_loop()
        self.servers.append(
            await loop.create_server(
                lambda: Connection(self, kind, listener=address), sock=sock, ssl=tls
            )
        )
        return address

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self.servers:
            server.close()
        for connection, _flow in self.opened.items:
            connection.abort("the test is over")


def connect(address: Address) -> socket.socket:
    peer = socket.create_connection(address, timeout=5)
    peer.setblocking(False)
    return peer


async def read(peer: socket.socket) -> bytes:
    return await asyncio.get_running_loop().sock_recv(peer, 65536)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_accepts_and_carries_bytes_both_ways(loop: str, host: str) -> None:
    async def main() -> None:
        async with Recorder() as owner:
            address = await owner.listen(at=Address(host, 0))
            with connect(address) as peer:
                [(connection, flow)] = await owner.opened.get()
                assert flow == Flow("tcp", address, address_of(peer), 1)
                assert connection.flow == flow
                peer.sendall(b"ping")
                assert await owner.received.get() == [(flow, b"ping")]
                connection.send(b"pong")
                assert await read(peer) == b"pong"

    run(main(), loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_connects_to_a_target(loop: str) -> None:
    async def main() -> None:
        async with Recorder() as there, Recorder() as here:
            address = await there.listen()
            target = NextHop("tcp", address, "127.0.0.1")
            await asyncio.get_running_loop().create_connection(
                lambda: Connection(here, "tcp", target=target), *address
            )
            [(connection, flow)] = here.opened.items
            assert connection.target == target
            assert flow.remote == address
            [(_, accepted)] = await there.opened.get()
            assert flow.local == accepted.remote
            connection.close("done")
            await there.closed.get()

    run(main(), loop)


@pytest.mark.parametrize("loop", LOOPS)
class TestTheEndIsToldOnce:
    def test_when_the_peer_closes(self, loop: str) -> None:
        async def main() -> None:
            async with Recorder() as owner:
                peer = connect(await owner.listen())
                [(connection, flow)] = await owner.opened.get()
                peer.close()
                assert await owner.closed.get() == [(flow, "closed by the peer")]
                assert connection.flow is None
                connection.send(b"nobody hears this")

        run(main(), loop)

    def test_when_the_peer_only_stops_sending(self, loop: str) -> None:
        async def main() -> None:
            async with Recorder() as owner:
                with connect(await owner.listen()) as peer:
                    await owner.opened.get()
                    peer.shutdown(socket.SHUT_WR)
                    await owner.closed.get()

        run(main(), loop)

    def test_when_the_peer_resets(self, loop: str) -> None:
        async def main() -> None:
            async with Recorder() as owner:
                peer = connect(await owner.listen())
                [(_, flow)] = await owner.opened.get()
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, PEER_RESETS)
                peer.close()
                assert await owner.closed.get() == [(flow, "connection reset by peer")]

        run(main(), loop)

    def test_when_we_close_after_what_is_written(self, loop: str) -> None:
        async def main() -> None:
            async with Recorder() as owner:
                with connect(await owner.listen()) as peer:
                    [(connection, flow)] = await owner.opened.get()
                    connection.send(b"goodbye")
                    connection.close("enough")
                    assert owner.closed.items == [(flow, "enough")]
                    assert await read(peer) == b"goodbye"
                    assert await read(peer) == b""
                assert owner.closed.items == [(flow, "enough")]

        run(main(), loop)

    def test_bytes_that_come_after_our_close_are_not_told(self, loop: str) -> None:
        async def main() -> None:
            async with Recorder() as owner:
                with connect(await owner.listen()) as peer:
                    [(connection, _)] = await owner.opened.get()
                    peer.sendall(b"too late")
                    connection.close("enough")
                    connection.data_received(b"too late")
                    assert not owner.received.items

        run(main(), loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_peer_that_does_not_read_is_cut_off(loop: str) -> None:
    async def main() -> None:
        async with Recorder() as owner:
            with connect(await owner.listen()):
                [(connection, flow)] = await owner.opened.get()
                piece = bytes(WRITE_LIMIT // 4)
                sent = 0
                while connection.flow is not None:
                    connection.send(piece)
                    sent += len(piece)
                    assert sent < 64 * WRITE_LIMIT
                assert owner.closed.items == [(flow, "the peer stopped reading")]

    run(main(), loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_what_nobody_reads_does_not_keep_a_closed_connection(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "LINGER", 0.05)

    async def main() -> None:
        async with Recorder() as owner:
            owner.write_limit = 1 << 30
            address = await owner.listen()
            with connect(address) as peer:
                [(connection, flow)] = await owner.opened.get()
                transport = connection._transport
                connection.send(bytes(16 * 1024 * 1024))
                connection.close("done")
                assert owner.closed.items == [(flow, "done")]
                assert transport is not None
                while connection._transport is not None:  # noqa: ASYNC110 - nothing tells
                    await asyncio.sleep(0.01)
                assert peer.fileno() > 0

    run(main(), loop)


def test_a_refused_connection_is_closed() -> None:
    async def main() -> None:
        async with Recorder(refuses=True) as owner:
            with connect(await owner.listen()) as peer:
                await owner.opened.get()
                with contextlib.suppress(ConnectionResetError):
                    assert await read(peer) == b""
                assert not owner.closed.items

    run(main())


def test_the_socket_finds_dead_peers_and_does_not_wait_for_more_to_send() -> None:
    async def main() -> None:
        async with Recorder() as owner:
            with connect(await owner.listen()):
                [(connection, _)] = await owner.opened.get()
                sock = connection._transport.get_extra_info("socket")
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                for name, value in liveness():
                    assert sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value

    run(main())


@pytest.mark.parametrize("flow_timer", [4.0, 30.0, FLOW_TIMER, 3600.0])
def test_a_dead_peer_is_found_before_its_keep_alive_is_overdue_by_much(flow_timer: float) -> None:
    options = dict(liveness(flow_timer))
    found = options["TCP_KEEPIDLE"] + PROBES * options["TCP_KEEPINTVL"]
    assert flow_timer / 2 < found <= flow_timer * 3 / 4 + PROBES


@pytest.mark.parametrize("flow_timer", [4.0, 30.0, FLOW_TIMER, 3600.0])
def test_one_lost_probe_ends_no_connection(flow_timer: float) -> None:
    """Linux gives up at the first probe that is late once the user timeout has passed."""
    options = dict(liveness(flow_timer))
    idle, every = options["TCP_KEEPIDLE"], options["TCP_KEEPINTVL"]
    last_probe, given_up = idle + (PROBES - 1) * every, idle + PROBES * every
    assert last_probe < options["TCP_USER_TIMEOUT"] / 1000 < given_up


def test_without_a_flow_timer_dead_peers_are_found_all_the_same() -> None:
    assert liveness(0) == liveness(FLOW_TIMER)


def test_a_system_without_an_option_does_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "TCP_USER_TIMEOUT")

    async def main() -> None:
        async with Recorder() as owner:
            with connect(await owner.listen()):
                await owner.opened.get()

    run(main())


def test_an_error_is_described_in_a_few_words() -> None:
    assert describe(ConnectionResetError(104, "whatever")) == "connection reset by peer"
    assert describe(ssl.SSLError(1, "bad record mac")) == "bad record mac"
    assert describe(ValueError("odd")) == "odd"
    assert describe(ValueError()) == "ValueError"


def test_a_connection_that_was_gone_before_it_was_accepted_is_not_told() -> None:
    class Gone(asyncio.Transport):
        aborted = False

        def get_extra_info(self, name: str, default: object = None) -> object:
            return default

        def abort(self) -> None:
            self.aborted = True

    owner = Recorder()
    connection = Connection(owner, "tcp", listener=LOCALHOST)
    transport = Gone()
    connection.connection_made(transport)
    assert transport.aborted
    assert not owner.opened.items
    connection.connection_lost(None)
    connection.close("again")
    connection.abort("again")
    assert not owner.closed.items


@pytest.mark.parametrize("loop", LOOPS)
class TestTls:
    def test_both_sides_with_a_name_that_is_in_the_certificate(
        self, loop: str, tmp_path: Path
    ) -> None:
        certificate = Certificate(tmp_path)

        async def main() -> None:
            async with Recorder() as there, Recorder() as here:
                address = await there.listen("tls", server_context([certificate.certified]))
                target = NextHop("tls", address, "localhost")
                await asyncio.get_running_loop().create_connection(
                    lambda: Connection(here, "tls", target=target),
                    *address,
                    ssl=client_context(certificate.file),
                    server_hostname="localhost",
                )
                [(connection, flow)] = here.opened.items
                connection.send(b"secret")
                [(accepted, data)] = await there.received.get()
                assert data == b"secret"
                assert accepted.transport == flow.transport == "tls"
                connection.close("done")
                assert here.closed.items == [(flow, "done")]
                await there.closed.get()

        run(main(), loop)

    @pytest.mark.parametrize(
        ("name", "stranger"),
        [
            ("localhost", ""),
            ("LOCALHOST", ""),
            ("127.0.0.1", ""),
            (
                "other.example",
                "its certificate: for localhost, not for other.example",
            ),
        ],
    )
    def test_whether_the_server_is_the_one_we_looked_for(
        self, loop: str, name: str, stranger: str, tmp_path: Path
    ) -> None:
        certificate = Certificate(tmp_path)

        async def main() -> None:
            async with Recorder() as there, Recorder() as here:
                address = await there.listen("tls", server_context([certificate.certified]))
                await asyncio.get_running_loop().create_connection(
                    lambda: Connection(here, "tls", target=NextHop("tls", address, name)),
                    *address,
                    ssl=client_context(certificate.file),
                    server_hostname=name,
                )
                [(connection, _)] = here.opened.items
                assert connection.stranger == stranger
                assert connection.names == ("localhost",)
                connection.close("done")
                await there.closed.get()

        run(main(), loop)

    def test_without_verification_nobody_is_a_stranger(self, loop: str, tmp_path: Path) -> None:
        certificate = Certificate(tmp_path)

        async def main() -> None:
            async with Recorder() as there, Recorder() as here:
                address = await there.listen("tls", server_context([certificate.certified]))
                target = NextHop("tls", address, "other.example")
                await asyncio.get_running_loop().create_connection(
                    lambda: Connection(here, "tls", target=target),
                    *address,
                    ssl=client_context(verify=False),
                    server_hostname="other.example",
                )
                [(connection, _)] = here.opened.items
                assert (connection.stranger, connection.names) == ("", ())
                connection.close("done")
                await there.closed.get()

        run(main(), loop)

    def test_a_client_is_known_by_its_certificate(self, loop: str, tmp_path: Path) -> None:
        certificate = Certificate(tmp_path)
        trunk = Certificate(tmp_path, ("trunk.example",), stem="trunk-")

        async def main() -> None:
            async with Recorder() as there, Recorder() as here:
                context = server_context([certificate.certified], trunk.file)
                address = await there.listen("tls", context)
                for shown, names in ((trunk, ("trunk.example",)), (None, ())):
                    target = NextHop("tls", address, "localhost")
                    tls = client_context(
                        certificate.file, shown=shown.certified if shown is not None else None
                    )
                    await asyncio.get_running_loop().create_connection(
                        lambda target=target: Connection(here, "tls", target=target),  # type: ignore[misc] # mypy knows no default here
                        *address,
                        ssl=tls,
                        server_hostname="localhost",
                    )
                    accepted = await there.opened.get(len(here.opened.items))
                    assert accepted[-1][0].names == names
                    here.opened.items[-1][0].close("done")

        run(main(), loop)


class TestContexts:
    def test_without_verification_any_certificate_will_do(self) -> None:
        context = client_context(verify=False)
        assert context.verify_mode == ssl.CERT_NONE

    def test_a_client_shows_its_certificate(self, tmp_path: Path) -> None:
        certificate = Certificate(tmp_path)
        client_context(shown=certificate.certified)

    def test_old_versions_are_refused(self, tmp_path: Path) -> None:
        certificate = Certificate(tmp_path)
        for context in (client_context(), server_context([certificate.certified])):
            assert context.minimum_version == ssl.TLSVersion.TLSv1_2

    def test_a_key_with_a_passphrase_is_refused_and_not_asked_for(self, tmp_path: Path) -> None:
        certificate = Certificate(tmp_path, passphrase=b"open sesame")
        with pytest.raises(ssl.SSLError, match="passphrase"):
            server_context([certificate.certified])
