"""Calls over UDP by a caller who repeats what RFC 3261 wants repeated (§17.1, §13.2.2.4)."""

import itertools
import re
import socket
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Final

from tests.interop.wire import Place, Reply, read_message, sdp
from tests.reliability.phones import DOMAIN, GIVE_UP, T2, Repeats
from tests.reliability.reactor import Reactor, Timer

_BRANCH: Final = re.compile(r"branch=([^;,\s]+)")
TIMEOUT: Final = 408  # what a caller makes of no answer at all (§8.1.3.1)


class Call:
    """One call from INVITE to the 200 to its BYE.

    Attributes:
        started: when it was dialled, in seconds of the monotonic clock.
        answered: when its first 200 came; 0 before.
        ended: when it was over; 0 before.
        status: of the INVITE: 200 answered, 0 not yet.
        hung_up: the status of the BYE, 0 before.
        repeated: requests sent again.
    """

    __slots__ = (
        "_ack",
        "_bye",
        "_callers",
        "_hold",
        "_invite",
        "_sock",
        "_timer",
        "answered",
        "call_id",
        "ended",
        "hung_up",
        "repeated",
        "started",
        "status",
        "user",
    )

    def __init__(self, callers: "Callers", sock: socket.socket, user: str, hold: float) -> None:
        self._callers = callers
        self._sock = sock
        self._hold = hold
        self.user = user
        self.call_id = uuid.uuid4().hex
        self.started = time.monotonic()
        self.answered = self.ended = 0.0
        self.status = self.hung_up = self.repeated = 0
        self._ack = b""
        self._bye: Repeats | None = None
        host, port = sock.getsockname()
        headers = f"Contact: <sip:caller@{host}:{port}>\r\nContent-Type: application/sdp\r\n"
        uri = f"sip:{user}@{DOMAIN}"
        invite = self._request("INVITE", uri, f"<{uri}>", headers, sdp(host))
        self._invite = Repeats(callers.reactor, lambda: self._send(invite), GIVE_UP)
        self._timer: Timer = callers.reactor.after(GIVE_UP, lambda: self._fail(TIMEOUT))

    @property
    def good(self) -> bool:
        """Whether it was answered and hung up as it should be."""
        return self.status == 200 and self.hung_up == 200

    @property
    def setup(self) -> float:
        """Seconds from the first INVITE to the 200."""
        return self.answered - self.started

    def take(self, reply: Reply) -> None:
        """Take a response."""
        method = reply.get("CSeq").partition(" ")[2]
        if method == "INVITE":
            self._invite.stop()
            if 200 <= reply.status < 300:
                self._take_200(reply)
            elif reply.status >= 300:
                self._take_failure(reply)
        elif method == "BYE" and reply.status >= 200 and not self.ended:
            self.hung_up = reply.status
            self._end()

    def _take_200(self, reply: Reply) -> None:
        if self._ack:  # it is repeated until our ACK arrives
            self.repeated += 1
            self._send(self._ack)
            return
        if self.ended:
            return
        self._timer.cancel()
        self.status = reply.status
        self.answered = time.monotonic()
        target = reply.get("Contact").partition("<")[2].partition(">")[0]
        recorded = re.findall(r"<[^>]*>", ",".join(reply.values("Record-Route")))[::-1]
        routes = "".join(f"Route: {each}\r\n" for each in recorded)
        to = reply.get("To")
        self._ack = self._request("ACK", target, to, routes)
        self._send(self._ack)
        bye = self._request("BYE", target, to, routes)
        reactor = self._callers.reactor
        self._timer = reactor.after(self._hold, lambda: self._hang_up(bye))

    def _take_failure(self, reply: Reply) -> None:
        branch = _BRANCH.search(reply.get("Via"))
        uri = f"sip:{self.user}@{DOMAIN}"
        via = branch[1] if branch else ""
        self._send(self._request("ACK", uri, reply.get("To"), branch=via))
        self._fail(reply.status)

    def _fail(self, status: int) -> None:
        if not self.ended and not self.status:
            self.status = status
            self._end()

    def _hang_up(self, bye: bytes) -> None:
        reactor = self._callers.reactor
        self._bye = Repeats(reactor, lambda: self._send(bye), T2)
        self._timer = reactor.after(GIVE_UP, self._not_hung_up)

    def _not_hung_up(self) -> None:
        if not self.ended:
            self.hung_up = TIMEOUT
            self._end()

    def _end(self) -> None:
        self.ended = time.monotonic()
        self._timer.cancel()
        for repeats in (self._invite, self._bye):
            if repeats is not None:
                repeats.stop()
                self.repeated += repeats.count
        self._callers.running.discard(self)

    def _request(
        self, method: str, uri: str, to: str, headers: str = "", body: str = "", branch: str = ""
    ) -> bytes:
        host, port = self._sock.getsockname()
        number = 2 if method == "BYE" else 1
        return (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};rport;"
            f"branch={branch or 'z9hG4bK' + uuid.uuid4().hex}\r\nMax-Forwards: 70\r\n"
            f"From: <sip:caller@{DOMAIN}>;tag=a\r\nTo: {to}\r\nCall-ID: {self.call_id}\r\n"
            f"CSeq: {number} {method}\r\n{headers}"
            f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
        ).encode()

    def _send(self, data: bytes) -> None:
        try:
            self._sock.sendto(data, self._callers.server)
        except OSError:  # as good as lost on the way
            return


class Callers:
    """Callers on several sockets.

    Args:
        reactor: serves them.
        sockets: bound UDP sockets, used in turn.
        server: whom they call through.

    Attributes:
        calls: every call so far, in the order they were dialled.
        running: those that are not over.
    """

    def __init__(self, reactor: Reactor, sockets: Sequence[socket.socket], server: Place) -> None:
        self.reactor = reactor
        self.server = server
        self.calls: list[Call] = []
        self.running: set[Call] = set()
        self._by_id: dict[str, Call] = {}
        self._sockets = sockets
        self._next = itertools.cycle(sockets)
        for sock in sockets:
            sock.setblocking(False)
            reactor.watch(sock, lambda sock=sock: self._readable(sock))  # type: ignore[misc]  # its own

    def dial(self, user: str, hold: float = 0.0) -> Call:
        """Call a user of DOMAIN, and hang up so many seconds after the answer."""
        call = Call(self, next(self._next), user, hold)
        self.calls.append(call)
        self.running.add(call)
        self._by_id[call.call_id] = call
        return call

    def finish(self, seconds: float = GIVE_UP + 5) -> None:
        """Wait until no call is under way."""
        self.reactor.until(lambda: not self.running, seconds, "all calls are over")

    def close(self) -> None:
        for sock in self._sockets:
            self.reactor.forget(sock)
            sock.close()

    def _readable(self, sock: socket.socket) -> None:
        while True:
            try:
                data = sock.recv(65536)
            except BlockingIOError:
                return
            except OSError:
                continue
            found = read_message(data)
            if found is not None and (call := self._by_id.get(found[0].get("Call-ID"))):
                call.take(found[0])


class Traffic:
    """Calls at a steady rate until it is stopped.

    Args:
        callers: who calls.
        whom: says whom to call next.
        rate: calls a second.
        hold: seconds a call lasts.

    Attributes:
        calls: those made so far.
    """

    def __init__(
        self, callers: Callers, whom: Callable[[], str], rate: float, hold: float = 0.0
    ) -> None:
        self._callers = callers
        self._whom = whom
        self._pause = 1 / rate
        self._hold = hold
        self._stopped = False
        self.calls: list[Call] = []
        self._due = time.monotonic()
        self._dial()

    def stop(self) -> list[Call]:
        """Dial no more and wait for the rest; returns all calls."""
        self._stopped = True
        self._callers.finish()
        return self.calls

    def _dial(self) -> None:
        if self._stopped:
            return
        self.calls.append(self._callers.dial(self._whom(), self._hold))
        # At the times it should be, not so long after the last: a late turn makes up for it.
        self._due += self._pause
        self._callers.reactor.after(self._due - time.monotonic(), self._dial)
