"""Which address of this machine others reach us at, and the sockets bound there."""

from __future__ import annotations

import errno
import socket
from typing import Final, NamedTuple

from ringway.aio.sockets import address_of, bind_datagram, bind_stream
from ringway.endpoint import Listener
from ringway.transport.flow import TCP, UDP, Address

__all__ = ["Sockets", "bind", "host_towards"]

_TRIES: Final = 20


class Sockets(NamedTuple):
    """A UDP socket and a TCP socket at one port.

    Attributes:
        datagram: the UDP socket.
        stream: the TCP socket, listening.
    """

    datagram: socket.socket
    stream: socket.socket

    def listeners(self, host: str) -> tuple[Listener, ...]:
        """Describe them to an endpoint.

        Args:
            host: the address that others reach us at.
        """
        bound = address_of(self.datagram)
        advertised = Address(host, bound.port)
        return Listener(UDP, bound, advertised), Listener(TCP, bound, advertised)

    def close(self) -> None:
        """Close both."""
        self.datagram.close()
        self.stream.close()


def host_towards(remote: str) -> str:
    """Return our address as a peer would see it, were there no NAT; nothing is sent.

    Args:
        remote: the peer's address.

    Raises:
        OSError: there is no way to it.
    """
    family = socket.AF_INET6 if ":" in remote else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect((remote, 9))
        return str(sock.getsockname()[0])


def bind(host: str, port: int) -> Sockets:
    """Bind UDP and TCP at the same port.

    Args:
        host: an address of ours, or a wildcard.
        port: 0 for any that is free for both.

    Raises:
        OSError: the address is not ours, or the port is taken.
    """
    for _ in range(_TRIES):
        datagram = bind_datagram(Address(host, port))
        try:
            return Sockets(datagram, bind_stream(address_of(datagram)))
        except OSError as error:
            datagram.close()
            if port or error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, "no port is free for both UDP and TCP")
