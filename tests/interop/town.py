"""Several hosts in namespaces of their own, each with an address that a reader can tell.

A capture of programs on one machine shows one host that talks to itself. Here servers have an
address each, all in one namespace, which routes; each phone is in a namespace behind it. A test
that enters the town is in the servers' namespace, with all programs and sockets it starts.
Addresses are from RFC 5737's blocks for documentation; nothing here is connected to the world.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tests.interop.network import run

REGISTRAR, EDGE_1, EDGE_2, ELSEWHERE = (f"198.51.100.{last}" for last in (10, 11, 12, 20))
PORT = 5060

_CLONE_NEWNET = 0x40000000
_number = itertools.count()


class _Place:
    """A namespace; within `with` the calling thread is in it, and what it starts stays there."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._before: list[int] = []

    def __enter__(self) -> Self:
        self._before.append(os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", 0))
        there = os.open(f"/run/netns/{self.name}", 0)
        try:
            _go(there)
        finally:
            os.close(there)
        return self

    def __exit__(self, *_: object) -> None:
        back = self._before.pop()
        _go(back)
        os.close(back)

    def command(self, args: Sequence[str | Path]) -> list[str | Path]:
        """The command line that runs a program here."""
        return ["ip", "netns", "exec", self.name, *args]


class Host(_Place):
    """Where a phone is.

    Args:
        town: where it belongs.
        number: of the host.
    """

    def __init__(self, town: Town, number: int) -> None:
        super().__init__(f"{town.name}h{number}")
        first = 4 * number
        self.address = f"203.0.113.{first + 2}"
        self._gate = f"gate{number}"
        self._town = town
        run("ip", "netns", "add", self.name)
        run(
            *("ip", "link", "add", self._gate, "netns", town.name, "type", "veth"),
            *("peer", "name", "eth0", "netns", self.name),
        )
        run("ip", "-n", town.name, "addr", "add", f"203.0.113.{first + 1}/30", "dev", self._gate)
        run("ip", "-n", town.name, "link", "set", self._gate, "up")
        run("ip", "-n", self.name, "addr", "add", f"{self.address}/30", "dev", "eth0")
        run("ip", "-n", self.name, "link", "set", "eth0", "up")
        run("ip", "-n", self.name, "link", "set", "lo", "up")
        route = ("route", "add", "default", "via", f"203.0.113.{first + 1}")
        run("ip", "-n", self.name, *route)

    def cut(self, server: str) -> None:
        """Destroy the connections to a server; both ends get a reset."""
        cut = run("ss", "-K", "-t", "src", server, "dst", self.address)
        assert cut.count("ESTAB") == 1, cut

    def lose(self, server: str, what: str = "") -> None:
        """Lose what goes from here to a server from now on, behind where it is captured.

        Args:
            server: its address.
            what: which packets of these, as nft says it; all of them if it is left out.
        """
        run("nft", _drop(f"ip saddr {self.address} ip daddr {server} {what}"))

    def lose_inwards(self, server: str, what: str = "") -> None:
        """The same for what comes from there, behind where it is captured too."""
        run(*map(str, self.command(["nft", _drop(f"ip saddr {server} {what}")])))

    def find(self) -> None:
        """Lose nothing any more."""
        run("nft", "flush ruleset")
        run(*map(str, self.command(["nft", "flush ruleset"])))

    def remove(self) -> None:
        run("ip", "-n", self._town.name, "link", "del", self._gate, check=False)
        run("ip", "netns", "del", self.name, check=False)


class Town(_Place):
    """The servers' namespace, and the hosts behind it; a test enters it."""

    def __init__(self) -> None:
        super().__init__(f"rw{os.getpid()}t{next(_number)}")
        self._stack = ExitStack()
        self._hosts = itertools.count(1)

    def __enter__(self) -> Self:
        run("ip", "netns", "add", self.name)
        self._stack.callback(run, "ip", "netns", "del", self.name, check=False)
        try:
            run("ip", "-n", self.name, "link", "set", "lo", "up")
            for address in (REGISTRAR, EDGE_1, EDGE_2, ELSEWHERE):
                run("ip", "-n", self.name, "addr", "add", f"{address}/32", "dev", "lo")
            super().__enter__()
        except BaseException:
            self._stack.close()
            raise
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        return self

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._stack.close()

    def host(self) -> Host:
        """A host more; it goes with the town."""
        host = Host(self, next(self._hosts))
        self._stack.callback(host.remove)
        return host


def _drop(what: str) -> str:
    chain = "add chain ip lost way { type filter hook input priority 0; }"
    return f"add table ip lost; {chain}; add rule ip lost way {what} drop"


def _go(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
