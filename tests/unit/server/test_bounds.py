"""The bounds of a running server, on real sockets.

Nothing is exempt here, though all of it comes from loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.unit.aio.support import Certificate, run
from tests.unit.server.support import UdpPeer, parsed, read_message, request

from ringway.message import Response
from ringway.server.config.load import make_config
from ringway.server.server import Server
from ringway.transport.flow import Address


@asynccontextmanager
async def serving(
    *listen: str, tls: dict[str, Any] | None = None, **limits: Any
) -> AsyncIterator[Server]:
    config = make_config(
        listen=listen or ("udp:127.0.0.1:0", "tcp:127.0.0.1:0"),
        domains=["example.com"],
        no_auth=True,
        store="memory",
        tls=tls or {},
        limits={"exempt": [], **limits},
    )
    async with Server(config) as server:
        yield server


def at(server: Server, transport: str) -> Address:
    [address] = [each.address for each in server.listeners if each.transport == transport]
    return address


def hits(server: Server) -> dict[str, int]:
    """Return how often each bound was met."""
    found = {}
    for line in server.metrics().decode().splitlines():
        if line.startswith("ringway_bound_hits_total"):
            name = line.partition('"')[2].partition('"')[0]
            found[name] = int(float(line.rpartition(" ")[2]))
    return {name: count for name, count in found.items() if count}


async def until(server: Server, bound: str, count: int = 1) -> None:
    """Wait until a bound has been met."""
    while hits(server).get(bound, 0) < count:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.01)


@contextlib.contextmanager
def connected(address: Address) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=5) as peer:
        peer.setblocking(False)
        yield peer


async def ended(peer: socket.socket) -> bool:
    """Wait for the end of a connection, reading what comes before."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while await loop.sock_recv(peer, 65536):
            pass
    return True


async def ask(address: Address, data: bytes) -> Response:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(data)
    response = await read_message(reader)
    writer.close()
    return response


OPTIONS = "sip:example.com"


def test_requests_of_one_source() -> None:
    async def main() -> None:
        async with serving(request_rate=1, request_burst=5) as server, UdpPeer() as peer:
            statuses = []
            for n in range(8):
                data = request("OPTIONS", OPTIONS, branch=str(n))
                response = await peer.ask(data, at(server, "udp"))
                statuses.append(response.status)
            assert statuses == [200] * 5 + [503] * 3
            assert 5 <= int(response.get("retry-after") or "") <= 10
            assert hits(server) == {"request_rate": 3}

    run(main())


def test_a_scanner_is_not_heard_for_a_while() -> None:
    async def main() -> None:
        async with serving(ban_failures=5, ban_window="1h") as server, UdpPeer() as peer:
            with connected(at(server, "tcp")) as other:
                for n in range(6):  # some of the first is forgiven before the last
                    data = request("REGISTER", "sip:elsewhere.example", branch=str(n))
                    assert (await peer.ask(data, at(server, "udp"))).status == 403
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await peer.ask(request("OPTIONS", OPTIONS, branch="x"), at(server, "udp"))
                other.send(request("OPTIONS", OPTIONS, via="tcp"))
                assert await ended(other)  # what was open is closed,
            with connected(at(server, "tcp")) as other:
                assert await ended(other)  # and nothing else opened
            assert hits(server) == {"ban_failures": 1}
            assert server.trouble() == ""

    run(main())


def test_connections_of_one_source() -> None:
    async def main() -> None:
        async with serving(connections_per_source=3) as server:
            address = at(server, "tcp")
            with connected(address), connected(address), connected(address) as last:
                with connected(address) as another:
                    assert await ended(another)
                assert hits(server) == {"connections_per_source": 1}
                last.close()
                while (await ask_or_closed(address)) != 200:  # noqa: ASYNC110 - nothing tells
                    await asyncio.sleep(0.01)

    run(main())


async def ask_or_closed(address: Address) -> int:
    try:
        return (await ask(address, request("OPTIONS", OPTIONS, via="tcp"))).status
    except (OSError, EOFError):
        return 0


def test_handshakes_count_as_connections(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path)
    tls = {"certificate": str(certificate.file), "key": str(certificate.key)}

    async def main() -> None:
        async with serving(
            "tls:127.0.0.1:0", tls=tls, connections_per_source=2, handshake_time=1
        ) as server:
            address = at(server, "tls")
            with connected(address) as silent, connected(address):
                with connected(address) as another:
                    assert await ended(another)
                assert hits(server) == {"connections_per_source": 1}
                assert await ended(silent)
                await until(server, "handshake_time", 2)
            reader, writer = await asyncio.open_connection(
                *address, ssl=certificate.trusting(), server_hostname="localhost"
            )
            writer.write(request("OPTIONS", OPTIONS, via="tls"))
            assert (await read_message(reader)).status == 200
            writer.close()

    run(main())


def test_handshakes_of_one_source(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path)
    tls = {"certificate": str(certificate.file), "key": str(certificate.key)}

    async def main() -> None:
        listen = ("tls:127.0.0.1:0", "wss:127.0.0.1:0")
        async with serving(*listen, tls=tls, handshakes_per_source=2) as server:
            address, other = at(server, "tls"), at(server, "wss")
            with connected(address) as silent, connected(other):
                with connected(address) as another:
                    assert await ended(another)
                with connected(other) as another:  # of all listeners together
                    assert await ended(another)
                assert hits(server) == {"handshakes_per_source": 2}
                silent.close()  # it makes room for others, and those that are done do not count
                standing: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
                while len(standing) < 4:
                    try:
                        standing.append(
                            await asyncio.open_connection(
                                *address, ssl=certificate.trusting(), server_hostname="localhost"
                            )
                        )
                    except OSError:  # the end of the silent one has not been seen yet
                        await asyncio.sleep(0.01)
                for _, writer in standing:
                    writer.close()

    run(main())


def test_slow_senders_are_closed_and_others_served() -> None:
    async def main() -> None:
        async with serving(message_time=1) as server:
            address = at(server, "tcp")
            with connected(address) as slow, connected(address) as silent:
                slow.send(b"OPTIONS sip:example.com SIP/2.0\r\n")

                async def drip() -> None:
                    with contextlib.suppress(OSError):
                        while True:
                            slow.send(b"X: y\r\n")
                            await asyncio.sleep(0.05)

                dripping = asyncio.get_running_loop().create_task(drip())
                assert (await ask(address, request("OPTIONS", OPTIONS, via="tcp"))).status == 200
                assert await ended(slow)
                assert await ended(silent)
                dripping.cancel()
            assert hits(server) == {"message_time": 2}

    run(main())


def test_endless_headers_are_answered_and_closed() -> None:
    async def main() -> None:
        async with serving(header_size=4096) as server:
            start = request("OPTIONS", OPTIONS, via="tcp").removesuffix(b"\r\n")
            reader, writer = await asyncio.open_connection(*at(server, "tcp"))
            writer.write(start + (b"X: " + b"y" * 100 + b"\r\n") * 100)
            assert (await read_message(reader)).status == 513
            assert await reader.read() == b""
            writer.close()
            assert hits(server) == {"message_size": 1}

    run(main())


def test_a_peer_that_does_not_read_is_cut_off() -> None:
    async def main() -> None:
        async with serving(write_buffer=65_536, request_rate=0) as server:
            with connected(at(server, "tcp")) as deaf:
                deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                long = "x" * 10_000  # a response repeats it
                data = b"".join(
                    request("OPTIONS", OPTIONS, via="tcp", branch=f"{n};{long}") for n in range(99)
                )
                loop = asyncio.get_running_loop()

                async def flood() -> None:
                    with contextlib.suppress(OSError):
                        while True:
                            await loop.sock_sendall(deaf, data)

                flooding = loop.create_task(flood())
                await until(server, "write_buffer")
                flooding.cancel()
            response = await ask(at(server, "tcp"), request("OPTIONS", OPTIONS, via="tcp"))
            assert response.status == 200

    run(main())


def test_transactions() -> None:
    async def main() -> None:
        async with serving(transactions=100, request_rate=0) as server, UdpPeer() as peer:
            statuses = [
                (
                    await peer.ask(request("OPTIONS", OPTIONS, branch=str(n)), at(server, "udp"))
                ).status
                for n in range(103)
            ]
            assert statuses == [200] * 100 + [503] * 3  # over UDP each stays for 32 s
            assert hits(server) == {"transactions": 3}

    run(main())


def test_overload_sheds_calls_and_then_serves_again() -> None:
    async def main() -> None:
        async with serving() as server, UdpPeer() as peer:
            overload = server._guard.overload
            for _ in range(10):
                overload.measured(1.0)
            overload.pressure = 1.0
            call = await peer.ask(request("INVITE", "sip:bob@example.com"), at(server, "udp"))
            assert call.status == 503
            other = await peer.ask(request("OPTIONS", OPTIONS), at(server, "udp"))
            assert other.status == 200
            # The loop is idle, which it measures itself.
            while overload.pressure > 0.9:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)
            text = server.metrics().decode()
            assert 'ringway_shed_total{rank="new"} 1.0' in text
            assert "ringway_lag_seconds_count" in text

    run(main())


def test_a_busy_loop_is_noticed() -> None:
    async def main() -> None:
        async with serving(lag=0.05) as server:
            overload = server._guard.overload
            assert overload.pressure == 0.0
            while overload.pressure == 0.0:
                time.sleep(0.2)  # noqa: ASYNC251 - this is the point
                await asyncio.sleep(0)
            assert overload.lag > 0.05

    run(main())


def test_a_via_names_no_third_party() -> None:
    async def main() -> None:
        async with serving() as server, UdpPeer() as peer, UdpPeer() as third:
            host, port = third.address
            data = request("OPTIONS", OPTIONS).replace(
                b";branch", f";maddr={host};branch".encode(), 1
            )
            assert parsed((await peer.ask(data, at(server, "udp"))).to_bytes()).status == 200
            assert port

    run(main())


def test_health() -> None:
    async def main() -> None:
        async with serving() as server:
            assert server.trouble() == ""
            server._driver.store_failed_at = server.clock() - 1
            assert server.trouble() == "the store does not answer"
            server._driver.store_failed_at = server.clock() - 31
            assert server.trouble() == ""
            hurry = asyncio.Event()
            hurry.set()
            await server.drain(hurry)
            assert server.trouble() == "draining"

    run(main())
