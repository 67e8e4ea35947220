import socket
import sys

import pytest

from ringway.aio.sockets import address_of, bind_datagram, bind_stream, primary_host
from ringway.transport.flow import Address


@pytest.mark.parametrize("bind", [bind_datagram, bind_stream])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_is_found_and_not_shared(bind: type, host: str) -> None:
    with bind(Address(host, 0)) as sock:
        address = address_of(sock)
        assert address.host == host
        assert address.port
        assert not sock.getblocking()
        with pytest.raises(OSError, match="in use"):
            bind(address)


def test_a_wildcard_of_one_family_leaves_the_other_free() -> None:
    with bind_datagram(Address("::", 0)) as sock:
        port = address_of(sock).port
        with bind_datagram(Address("0.0.0.0", port)):
            pass


def test_a_system_without_linux_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with bind_datagram(Address("127.0.0.1", 0)) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) > 0


def test_the_primary_address_is_one_of_ours() -> None:
    host = primary_host("0.0.0.0")
    if host is not None:
        bind_datagram(Address(host, 0)).close()


@pytest.mark.parametrize(("wildcard", "found"), [("0.0.0.0", "192.0.2.7"), ("::", "2001:db8::7")])
def test_the_primary_address_is_where_others_are_reached_from(
    wildcard: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: None)
    monkeypatch.setattr(socket.socket, "getsockname", lambda _: (found, 5060))
    assert primary_host(wildcard) == found


def test_a_machine_without_a_route_has_no_primary_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    assert primary_host("::") is None
