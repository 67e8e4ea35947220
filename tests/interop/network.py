"""A network namespace with a veth pair, for programs that ignore loopback."""

import itertools
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.ports import WORKER

_number = itertools.count()


def run(*args: str, check: bool = True) -> str:
    done = subprocess.run(args, capture_output=True, text=True, timeout=10, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(args)}: {done.stderr.strip()}")
    return done.stdout


def why_not() -> str:
    """Why this machine lets us make no namespace; empty when it does."""
    if os.geteuid() != 0:
        return "a network namespace needs root"
    if shutil.which("ip") is None or shutil.which("ss") is None:
        return "a network namespace needs iproute2 (ip, ss)"
    name = f"rwtry{os.getpid()}"
    done = subprocess.run(
        ["ip", "netns", "add", name], capture_output=True, text=True, timeout=10, check=False
    )
    if done.returncode != 0:
        return f"this machine lets us make no network namespace: {done.stderr.strip()}"
    run("ip", "netns", "del", name)
    return ""


class Namespace:
    """Two addresses that see each other: `outside` here, `inside` in the namespace."""

    def __init__(self) -> None:
        number = next(_number)
        self.name = f"rw{os.getpid()}n{number}"
        self._here = f"rwh{os.getpid() % 100000}n{number}"
        # 198.18.0.0/15 is for tests of networks (RFC 2544); a /30 out of this process's eighth.
        block = WORKER * 4096 + (os.getpid() * 8 + number) % 4096
        first = block * 4
        base = f"198.{18 + (first >> 16)}.{(first >> 8) & 255}"
        self.outside = f"{base}.{(first & 255) + 1}"
        self.inside = f"{base}.{(first & 255) + 2}"

    def __enter__(self) -> Self:
        run("ip", "netns", "add", self.name)
        try:
            there = "eth0"
            run(
                *("ip", "link", "add", self._here, "type", "veth"),
                *("peer", "name", there, "netns", self.name),
            )
            run("ip", "addr", "add", f"{self.outside}/30", "dev", self._here)
            run("ip", "link", "set", self._here, "up")
            run("ip", "-n", self.name, "addr", "add", f"{self.inside}/30", "dev", there)
            run("ip", "-n", self.name, "link", "set", there, "up")
            run("ip", "-n", self.name, "link", "set", "lo", "up")
            run("ip", "-n", self.name, "route", "add", "default", "via", self.outside)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # The veth is named too: a namespace lives on while a socket in it does.
        run("ip", "link", "del", self._here, check=False)
        run("ip", "netns", "del", self.name, check=False)

    def command(self, args: Sequence[str | Path]) -> list[str | Path]:
        """The command line that runs a program inside."""
        return ["ip", "netns", "exec", self.name, *args]

    def cut(self, port: int) -> str:
        """Destroy the connections from inside to a port here, as seen from here."""
        return run("ss", "-K", "-t", "sport", "=", f":{port}", "dst", self.inside)

    def cut_inside(self, port: int) -> str:
        """Destroy the connections from here to a port inside; both ends are reset."""
        command = self.command(["ss", "-K", "-t", "sport", "=", f":{port}", "dst", self.outside])
        return run(*map(str, command))

    def shut(self, port: int) -> None:
        """Let nothing reach a port inside from here any more."""
        rules = [
            "add table ip shut",
            "add chain ip shut inwards { type filter hook input priority 0; }",
            f"add rule ip shut inwards ip saddr {self.outside} tcp dport {port} drop",
        ]
        run(*map(str, self.command(["nft", "; ".join(rules)])))

    def masquerade(self, source: int, port: int, seen_as: int) -> None:
        """Be a NAT for datagrams from one port here to one inside, seen from there as another.

        Done again it is a NAT that was restarted: what is sent to the port seen before is lost.
        """
        to = f"ip saddr {self.outside} udp sport {source} udp dport {port}"
        there = f"ip daddr {self.outside} udp sport {port} udp dport"
        rules = [
            "add table ip nat_box",
            "flush table ip nat_box",
            "add chain ip nat_box inwards { type filter hook prerouting priority -300; }",
            "add chain ip nat_box outwards { type filter hook output priority -300; }",
            f"add rule ip nat_box inwards {to} udp sport set {seen_as}",
            f"add rule ip nat_box outwards {there} {source} drop",
            f"add rule ip nat_box outwards {there} {seen_as} udp dport set {source}",
        ]
        run(*map(str, self.command(["nft", "; ".join(rules)])))
