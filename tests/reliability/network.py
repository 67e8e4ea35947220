"""Phones, a router and a server, each in a network namespace of its own; faults are the router's.

A packet that the router does not forward is gone without a word to either side, which no rule on
the machine of a sender does. Sockets are made in a namespace by a thread that visits it.
"""

import ctypes
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from tests.interop.network import run
from tests.interop.peers import find, missing, need, need_namespace

_CLONE_NEWNET: Final = 0x4000_0000
_LIBC: Final = ctypes.CDLL(None, use_errno=True)

# Documentation networks (RFC 5737) for the links, the one for tests (RFC 2544) for the phones.
_SERVER_LINK: Final = ("203.0.113.1", "203.0.113.2")
_PHONE_LINK: Final = ("198.51.100.1", "198.51.100.2")
_PHONES: Final = "198.18.0.0/16"
SECOND_HALF: Final = "198.18.128.0/17"
HALF_SIZE: Final = 32_000


def need_network() -> None:
    """Skip where no such network can be made."""
    need_namespace()
    if find("nft") is None:
        missing("nft is not installed: see tests/interop/install-peers")


class Network:
    """phones <-> router <-> server; use it as a context manager."""

    server: Final = _SERVER_LINK[1]

    def __init__(self) -> None:
        self._name = f"rwf{os.getpid()}"

    def __enter__(self) -> Self:
        for which in "prs":
            run("ip", "netns", "add", self._ns(which))
        try:
            self._link("p", _PHONE_LINK)
            self._link("s", _SERVER_LINK)
            # Every phone has its own address, without ten thousand of them on an interface.
            run("ip", "-n", self._ns("p"), "route", "add", "local", _PHONES, "dev", "lo")
            run("ip", "-n", self._ns("r"), "route", "add", _PHONES, "via", _PHONE_LINK[1])
            forward = "echo 1 > /proc/sys/net/ipv4/ip_forward"
            run("ip", "netns", "exec", self._ns("r"), "sh", "-c", forward)
            self._nft("add table ip faults")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for which in "prs":
            run("ip", "netns", "del", self._ns(which), check=False)

    def at_server(self, args: Sequence[str | Path]) -> list[str | Path]:
        """The command line that runs a program on the server's machine."""
        return ["ip", "netns", "exec", self._ns("s"), *args]

    @contextmanager
    def among_phones(self) -> Iterator[None]:
        """Sockets made within are the phones'; only for this thread."""
        with Path("/proc/thread-self/ns/net").open() as home:
            with Path(f"/run/netns/{self._ns('p')}").open() as there:
                _visit(there.fileno())
            try:
                yield
            finally:
                _visit(home.fileno())

    def silence(self) -> None:
        """Drop every packet from and to the second half of the phones."""
        self._drop(f"ip saddr {SECOND_HALF}", f"ip daddr {SECOND_HALF}")

    def lose(self, percent: int) -> None:
        """Drop so many of 100 UDP packets, each way, at random."""
        self._drop(f"ip protocol udp numgen random mod 100 < {percent}")

    def dropped(self) -> int:
        """How many packets were dropped since it began."""
        rules = self._nft("list table ip faults")
        return sum(int(count) for count in re.findall(r"counter packets (\d+)", rules))

    def heal(self) -> int:
        """Drop nothing any more; returns how many packets were dropped."""
        dropped = self.dropped()
        self._nft("flush table ip faults")
        return dropped

    def _drop(self, *what: str) -> None:
        self._nft("add chain ip faults drops { type filter hook forward priority 0; }")
        for each in what:
            self._nft(f"add rule ip faults drops {each} counter drop")

    def _nft(self, command: str) -> str:
        return run("ip", "netns", "exec", self._ns("r"), need("nft"), command)

    def _link(self, which: str, addresses: tuple[str, str]) -> None:
        """A cable from the router to one of the others, which sends everything to the router."""
        router, there = self._ns("r"), self._ns(which)
        run(
            *("ip", "link", "add", f"to-{which}", "netns", router),
            *("type", "veth", "peer", "name", "eth0", "netns", there),
        )
        ends = (
            (router, f"to-{which}", addresses[0], "02:00:00:00:00:01"),
            (there, "eth0", addresses[1], "02:00:00:00:00:02"),
        )
        for namespace, device, address, hardware in ends:
            run("ip", "-n", namespace, "addr", "add", f"{address}/30", "dev", device)
            run("ip", "-n", namespace, "link", "set", device, "address", hardware, "up")
            run("ip", "-n", namespace, "link", "set", "lo", "up")
        for (namespace, device, *_), (*_, address, hardware) in (ends, ends[::-1]):
            # While Linux looks for a neighbour it drops what is sent there; so it need not look.
            neighbour = ("neigh", "add", address, "lladdr", hardware, "dev", device)
            run("ip", "-n", namespace, *neighbour)
        run("ip", "-n", there, "route", "add", "default", "via", addresses[0])

    def _ns(self, which: str) -> str:
        return self._name + which


def phone_address(number: int, half: int) -> str:
    """The address of one phone of HALF_SIZE in a half."""
    host = number % HALF_SIZE + 1
    return f"198.18.{half * 128 + (host >> 8)}.{host & 255}"


def _visit(namespace: int) -> None:
    if _LIBC.setns(namespace, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
