"""A place where servers send copies of their messages by HEP, as a capture without an end.

Anybody may send to an open port. So everything is bounded: what waits in the kernel, how many
connections there are, and what each of them holds; what did not fit is counted. A key, if one is
asked for, stands in each packet (HEP version 3); it is no secret on the wire, and keeps out those
who cannot see it there.
"""

from __future__ import annotations

import selectors
import socket
import struct
import sys
import time
from collections.abc import Iterator
from hmac import compare_digest
from typing import Final

from ringway.aio.sockets import address_of, bind_datagram, bind_stream
from ringway.capture.hep import decode_hep, message_in
from ringway.capture.hep_stream import HepStream
from ringway.capture.items import Item, Tick, Trouble
from ringway.capture.output import Output
from ringway.errors import ParseError, RingwayError
from ringway.server.config.values import Listen
from ringway.transport.flow import UDP, Address

__all__ = ["CollectorError", "HepCollector"]

_PATIENCE: Final = 0.2
_TICK: Final = 1.0
_LONGEST: Final = 65535
_BATCH: Final = 64
_CONNECTIONS: Final = 256
_LAST_ROUNDS: Final = 1000
_MEMINFO: Final = 55  # SO_MEMINFO: nine numbers, the last of them the packets there was no room for
_DROPS: Final = struct.Struct("@9I")


class CollectorError(RingwayError):
    """A place cannot be listened at."""


class HepCollector:
    """Takes what agents send; iterate over it once.

    Args:
        listen: where; udp or tcp.
        key: that packets must carry; empty for any.

    Attributes:
        address: where it listens, with the port the system chose.

    Raises:
        CollectorError: that is no address of ours, or the port is taken.
    """

    def __init__(self, listen: Listen, key: bytes = b"") -> None:
        bind = bind_datagram if listen.transport == UDP else bind_stream
        try:
            self._socket = bind(listen.address)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise CollectorError(f"--hep {listen}: {reason}") from None
        self.address = address_of(self._socket)
        self._is_udp = listen.transport == UDP
        self._key = key
        self._out = Output()
        self._stopped = False
        self._packets = 0
        self._agents: dict[socket.socket, _Agent] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)

    def __iter__(self) -> Iterator[Item]:
        """Yield what comes, and the time once a second, until it is stopped."""
        out = self._out
        told = 0.0
        while not self._stopped:
            self._look(_PATIENCE)
            yield from out.take(0.0)
            now = time.time()
            if not 0 <= now - told < _TICK:
                told = now
                yield Tick(now)
        for _ in range(_LAST_ROUNDS):  # what has come already
            if not self._look(0.0):
                break
            yield from out.take(0.0)
        lost = self.lost()
        if lost:
            out.trouble(0.0, (), f"{lost} packets came too fast and are missing")
        yield from out.end()

    def stop(self) -> None:
        """Let the iteration come to the end; it may be called from a signal's handler."""
        self._stopped = True

    def lost(self) -> int:
        """Return how many datagrams came faster than they were read; 0 where nobody counts."""
        if not (self._is_udp and sys.platform == "linux"):
            return 0
        try:
            counts = self._socket.getsockopt(socket.SOL_SOCKET, _MEMINFO, _DROPS.size)
        except OSError:  # an old kernel
            return 0
        return int(_DROPS.unpack(counts)[-1]) if len(counts) == _DROPS.size else 0

    def close(self) -> None:
        """Stop listening."""
        for agent in list(self._agents.values()):
            self._leave(agent)
        self._selector.close()
        self._socket.close()

    def _look(self, seconds: float) -> bool:
        """Wait so long for something to come, and take it; return whether there was anything."""
        ready = self._selector.select(seconds)
        now = time.time()
        for key, _ in ready:
            sock = key.fileobj
            agent = self._agents.get(sock) if isinstance(sock, socket.socket) else None
            if agent is not None:
                self._read(agent, now)
            elif self._is_udp:
                self._datagrams(now)
            else:
                self._accept(now)
        return bool(ready)

    def _datagrams(self, now: float) -> None:
        for _ in range(_BATCH):
            try:
                data, peer = self._socket.recvfrom(_LONGEST)
            except OSError:  # nothing more, or somebody else's fault
                return
            self._take(data, Address(peer[0], peer[1]), now)

    def _accept(self, now: float) -> None:
        try:
            sock, peer = self._socket.accept()
        except OSError:
            return
        sock.setblocking(False)
        if len(self._agents) >= _CONNECTIONS:
            silent = min(self._agents.values(), key=lambda agent: agent.heard_at)
            what = f"more than {_CONNECTIONS} connections: the longest silent one was closed"
            self._out.trouble(now, (), what, str(silent.address))
            self._leave(silent)
        self._agents[sock] = _Agent(sock, Address(peer[0], peer[1]), now)
        self._selector.register(sock, selectors.EVENT_READ)

    def _read(self, agent: _Agent, now: float) -> None:
        try:
            data = agent.socket.recv(_LONGEST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            if agent.stream.within:
                what = "a connection that ended within a HEP packet"
                self._out.trouble(now, (), what, str(agent.address))
            self._leave(agent)
            return
        agent.heard_at = now
        try:
            for packet in agent.stream.feed(data):
                self._take(packet, agent.address, now)
        except ParseError as error:
            self._out.trouble(
                now, (), f"{error.reason}; its connection was closed", str(agent.address)
            )
            self._leave(agent)

    def _leave(self, agent: _Agent) -> None:
        del self._agents[agent.socket]
        self._selector.unregister(agent.socket)
        agent.socket.close()

    def _take(self, packet: bytes, sender: Address, now: float) -> None:
        self._packets += 1
        frames = (self._packets,)
        try:
            hep = decode_hep(packet)
        except ParseError as error:
            self._out.trouble(now, frames, "a packet that is no HEP", f"{error.reason}, {sender}")
            return
        if self._key and not compare_digest(hep.auth_key, self._key):
            what = "a HEP packet without the right key was dropped"
            self._out.trouble(now, frames, what, f"from {sender}")
            return
        item = message_in(hep, frames=frames, at=now)
        if isinstance(item, Trouble):
            self._out.trouble(item.at, frames, item.text, f"from {sender}")
        elif item is not None:
            self._out.put(item)


class _Agent:
    """A connection."""

    __slots__ = ("address", "heard_at", "socket", "stream")

    def __init__(self, sock: socket.socket, address: Address, now: float) -> None:
        self.socket = sock
        self.address = address
        self.heard_at = now
        self.stream = HepStream()
