"""Phones by the thousand: each with its own address, flow, user and instance.

They do what RFC 3261 asks of a user agent on a bad network, timers and all, and share no code with
Ringway on purpose: a REGISTER is repeated until it is answered (§17.1.2), a 200 to an INVITE until
its ACK is there (§13.3.1.4), a repeated request gets the same answer (§17.2), and the copy of a
request that came another way gets 482 (§8.2.2.2). Who is told to come back later does (§21.5.4).
"""

import contextlib
import errno
import socket
import struct
import time
import uuid
from collections.abc import Callable
from typing import Final

from tests.interop.wire import Place, Reply, read_message, sdp
from tests.reliability.reactor import Reactor, Timer

DOMAIN: Final = "ring.test"
T1: Final = 0.5
T2: Final = 4.0
GIVE_UP: Final = 64 * T1
RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset
PING, PONG = b"\r\n\r\n", b"\r\n"


class Repeats:
    """Sends the same bytes again until it is stopped.

    Args:
        reactor: keeps the time.
        send: sends them once.
        longest: the longest pause in seconds; the first is T1, each is twice the one before.
    """

    __slots__ = ("_longest", "_pause", "_reactor", "_send", "_timer", "count", "ended")

    def __init__(self, reactor: Reactor, send: Callable[[], None], longest: float) -> None:
        self._reactor = reactor
        self._send = send
        self._longest = longest
        self._pause = T1
        self.count = 0
        self.ended = time.monotonic() + GIVE_UP
        self._timer: Timer | None = reactor.after(T1, self._again)
        send()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _again(self) -> None:
        if time.monotonic() >= self.ended:
            self._timer = None
            return
        self._pause = min(2 * self._pause, self._longest)
        self._timer = self._reactor.after(self._pause, self._again)
        self.count += 1
        self._send()


class Answered:
    """A call that a phone has answered."""

    __slots__ = ("acknowledged", "branch", "repeats", "text")

    def __init__(self, branch: str, text: bytes, repeats: Repeats) -> None:
        self.acknowledged = False
        self.branch = branch
        self.text = text
        self.repeats = repeats


class Phone:
    """One phone.

    Args:
        reactor: serves its socket.
        user: its name in DOMAIN.
        sock: bound; a TCP socket connects by `connect`.
        server: where it registers.

    Attributes:
        registered: whether its last REGISTER has its 200.
        ended: when its connection ended (time of day in seconds), 0 while it has not.
        pongs: answers to its keep-alives.
        repeated: messages it sent again.
    """

    __slots__ = (
        "_answered",
        "_cseq",
        "_hung_up",
        "_reactor",
        "_registering",
        "_server",
        "_sock",
        "_unread",
        "ended",
        "instance",
        "local",
        "pings",
        "pongs",
        "registered",
        "repeated",
        "statuses",
        "transport",
        "user",
    )

    def __init__(self, reactor: Reactor, user: str, sock: socket.socket, server: Place) -> None:
        self._reactor = reactor
        self._server = server
        self._sock = sock
        self._unread = b""
        self._cseq = 0
        self._registering: Repeats | None = None
        self._answered: dict[str, Answered] = {}
        self._hung_up: dict[str, bytes] = {}
        self.user = user
        self.instance = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_DNS, user)}"
        self.transport = "tcp" if sock.type == socket.SOCK_STREAM else "udp"
        self.local: Place = sock.getsockname()[:2]
        self.registered = False
        self.ended = 0.0
        self.pings = 0
        self.pongs = 0
        self.repeated = 0
        self.statuses: list[int] = []
        sock.setblocking(False)
        if self.transport == "udp":
            reactor.watch(sock, self._readable)

    # What it does by itself

    def connect(self) -> None:
        """Connect, and register when that is done."""
        state = self._sock.connect_ex(self._server)
        if state not in {0, errno.EINPROGRESS}:
            raise OSError(state, "connect")
        self._reactor.watch(self._sock, self._connected, writing=True)

    def register(self) -> None:
        """Register this flow for ten minutes."""
        self.registered = False
        self._cseq += 1
        via = f"{self.local[0]}:{self.local[1]};branch=z9hG4bK{uuid.uuid4().hex}"
        text = (
            f"REGISTER sip:{DOMAIN} SIP/2.0\r\n"
            f"Via: SIP/2.0/{self.transport.upper()} {via};rport\r\nMax-Forwards: 70\r\n"
            f"From: <sip:{self.user}@{DOMAIN}>;tag=r\r\nTo: <sip:{self.user}@{DOMAIN}>\r\n"
            f"Call-ID: {self.instance}\r\nCSeq: {self._cseq} REGISTER\r\n"
            f'Contact: <{self._contact}>;reg-id=1;+sip.instance="<{self.instance}>"\r\n'
            "Supported: path, outbound\r\nExpires: 600\r\nContent-Length: 0\r\n\r\n"
        ).encode()
        if self.transport == "tcp":
            self._send(text)
        else:
            self._registering = Repeats(self._reactor, lambda: self._send(text), T2)

    def _register_again(self) -> None:
        if not self.ended:
            self.register()

    def ping(self) -> None:
        """Keep the flow alive (RFC 5626 §3.5.1)."""
        self.pings += 1
        self._send(PING)

    def reset(self) -> None:
        """End the connection at once: the server gets a RST."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.close()

    def close(self) -> None:
        """End, without another word."""
        if not self.ended:
            self.ended = time.time()
            self._reactor.forget(self._sock)
            self._sock.close()
        for each in self._answered.values():
            each.repeats.stop()
        if self._registering is not None:
            self._registering.stop()

    @property
    def waiting(self) -> int:
        """Calls whose ACK is still to come."""
        return sum(not each.acknowledged for each in self._answered.values())

    # What comes

    def _connected(self) -> None:
        if self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.close()
            return
        self.local = self._sock.getsockname()[:2]
        self._reactor.watch(self._sock, self._readable)
        self.register()

    def _readable(self) -> None:
        while not self.ended:
            try:
                data = self._sock.recv(65536)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if self.transport == "udp":
                found = read_message(data)
                if found is not None:
                    self._take(found[0])
            elif data:
                self._cut(data)
            else:
                self.close()

    def _cut(self, data: bytes) -> None:
        data = self._unread + data
        while data.startswith(PONG):
            self.pongs += 1
            data = data[len(PONG) :]
        while (found := read_message(data)) is not None:
            message, data = found
            self._take(message)
        self._unread = data

    def _take(self, message: Reply) -> None:
        if message.status:
            if message.status >= 200 and message.get("CSeq") == f"{self._cseq} REGISTER":
                self.registered = message.status == 200
                self.statuses.append(message.status)
                if self._registering is not None:
                    self._registering.stop()
                    self.repeated += self._registering.count
                    self._registering = None
                if message.status == 503:
                    wait = float(message.get("Retry-After").partition(";")[0] or 30)
                    self._reactor.after(wait, self._register_again)
            return
        call_id = message.get("Call-ID")
        if message.method == "INVITE":
            self._take_invite(message, call_id)
        elif message.method == "ACK":
            self._settle(call_id)
        elif message.method == "BYE":
            self._send(self._hung_up.setdefault(call_id, self._answer(message, "200 OK")))

    def _take_invite(self, invite: Reply, call_id: str) -> None:
        branch = invite.get("Via").partition("branch=")[2].partition(";")[0]
        known = self._answered.get(call_id)
        if known is not None and known.branch == branch:
            self._send(known.text)
        elif known is not None or call_id in self._hung_up:
            self._send(self._answer(invite, "482 Loop Detected"))
        else:
            self._send(self._answer(invite, "180 Ringing"))
            body = sdp(self.local[0])
            headers = f"Contact: <{self._contact}>\r\nContent-Type: application/sdp\r\n"
            text = self._answer(invite, "200 OK", headers, body)
            repeats = Repeats(self._reactor, lambda: self._send(text), T2)
            self._answered[call_id] = Answered(branch, text, repeats)

    def _settle(self, call_id: str) -> None:
        known = self._answered.get(call_id)
        if known is not None and not known.acknowledged:
            known.acknowledged = True
            known.repeats.stop()
            self.repeated += known.repeats.count

    def _answer(self, request: Reply, status: str, headers: str = "", body: str = "") -> bytes:
        kept = "".join(
            f"{name}: {value}\r\n"
            for name, value in request.headers
            if name.lower() in {"via", "from", "call-id", "cseq", "record-route"}
        )
        to = request.get("To")
        if ";tag=" not in to:
            to += ";tag=c"
        length = len(body.encode())
        return (
            f"SIP/2.0 {status}\r\n{kept}To: {to}\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        ).encode()

    @property
    def _contact(self) -> str:
        host, port = self.local
        return f"sip:{self.user}@{host}:{port};transport={self.transport};ob"

    def _send(self, data: bytes) -> None:
        if self.ended:
            return
        with contextlib.suppress(BlockingIOError):
            try:
                if self.transport == "udp":
                    self._sock.sendto(data, self._server)
                else:
                    self._sock.send(data)
            except (ConnectionError, TimeoutError):
                self.close()
