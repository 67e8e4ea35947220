"""The address others reach us at, and the sockets there."""

from __future__ import annotations

import socket

import pytest

from ringway.agent import network
from ringway.agent.network import bind, host_towards
from ringway.aio.sockets import bind_datagram
from ringway.transport.flow import Address


def test_our_address_towards_loopback() -> None:
    assert host_towards("127.0.0.5") == "127.0.0.1"


def test_both_transports_have_one_port() -> None:
    sockets = bind("127.0.0.1", 0)
    port = sockets.datagram.getsockname()[1]
    assert sockets.stream.getsockname()[1] == port
    udp, tcp = sockets.listeners("192.0.2.1")
    assert (udp.transport, tcp.transport) == ("udp", "tcp")
    assert udp.address == tcp.address == Address("127.0.0.1", port)
    assert udp.advertised == Address("192.0.2.1", port)
    sockets.close()


def test_a_port_that_only_one_of_them_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another port is tried, unless one was asked for."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            bind("127.0.0.1", port)

        ports = [port, port, 0]
        monkeypatch.setattr(
            network,
            "bind_datagram",
            lambda where: bind_datagram(Address(where.host, ports.pop(0))),
        )
        bind("127.0.0.1", 0).close()
        assert not ports
        ports = [port] * 20
        with pytest.raises(OSError, match="no port is free"):
            bind("127.0.0.1", 0)


def test_an_address_that_is_not_ours() -> None:
    with pytest.raises(OSError, match="assign"):
        bind("192.0.2.1", 0)
