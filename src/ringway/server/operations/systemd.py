"""What systemd and a service it starts say to each other: sd_notify(3), sd_listen_fds(3).

Both are a few environment variables and a datagram, so no library is needed. Without the variables
there is no systemd, and nothing happens.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import MutableMapping, Sequence
from contextlib import suppress
from typing import Final

from ringway.aio.sockets import address_of, adopt
from ringway.errors import ConfigError
from ringway.server.config.values import Listen
from ringway.transport.flow import UDP

__all__ = ["Supervisor", "describe_sockets", "passed_sockets", "take_socket"]

_FIRST_PASSED: Final = 3


class Supervisor:
    """Who started this process and wants to know how it is.

    Args:
        environ: the environment; what is for this process alone is taken out of it.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        address = environ.pop("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        microseconds = environ.pop("WATCHDOG_USEC", "")
        process = environ.pop("WATCHDOG_PID", "")
        self._every = 0.0
        if microseconds.isdecimal() and process in ("", str(os.getpid())):
            self._every = int(microseconds) / 2e6  # twice as often as it has to be
        self._timer: asyncio.TimerHandle | None = None

    def tell(self, *lines: str) -> None:
        """Send assignments such as `READY=1`; nobody hears them when there is no supervisor."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, suppress(OSError):
            sock.setblocking(False)
            sock.sendto("\n".join(lines).encode(), self._address)

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give a sign of life from within the loop, again and again, if one is wanted.

        It comes from the loop that serves, so one that is stuck gives none.
        """
        if self._every:
            self.tell("WATCHDOG=1")
            self._timer = loop.call_later(self._every, self.watch, loop)

    def close(self) -> None:
        """Give no more signs."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def passed_sockets(environ: MutableMapping[str, str]) -> list[socket.socket]:
    """Return the sockets that whoever started this process has bound for it.

    Args:
        environ: the environment; what is for this process alone is taken out of it.

    Raises:
        ConfigError: one of them is no socket, or not there.
    """
    process, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    environ.pop("LISTEN_FDNAMES", None)
    if process != str(os.getpid()) or not count.isdecimal():
        return []
    passed: list[socket.socket] = []
    for number in range(_FIRST_PASSED, _FIRST_PASSED + int(count)):
        try:
            os.set_inheritable(number, False)
            passed.append(socket.socket(fileno=number))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            allowed = f"a socket unit with sockets only (descriptor {number}: {reason})"
            raise ConfigError("systemd", "LISTEN_FDS", count, allowed) from None
    return passed


def take_socket(sockets: list[socket.socket], listen: Listen) -> socket.socket | None:
    """Take the socket that was passed for a listener out of a list, None if there is none.

    Raises:
        ConfigError: it takes IPv4 as well, whose addresses then look like IPv6.
    """
    kind = socket.SOCK_DGRAM if listen.transport == UDP else socket.SOCK_STREAM
    for sock in sockets:
        if sock.type != kind or sock.family not in (socket.AF_INET, socket.AF_INET6):
            continue
        if address_of(sock) != listen.address:
            continue
        if sock.family == socket.AF_INET6 and not sock.getsockopt(
            socket.IPPROTO_IPV6, socket.IPV6_V6ONLY
        ):
            allowed = "BindIPv6Only=ipv6-only in the socket unit"
            raise ConfigError("systemd", "listen", str(listen), allowed)
        sockets.remove(sock)
        adopt(sock)
        return sock
    return None


def describe_sockets(sockets: Sequence[socket.socket]) -> str:
    """Say which sockets these are, for the log."""
    return ", ".join(str(sock.getsockname()) for sock in sockets)
