"""REGISTERs without end, and what each user's binding must be after each answer.

One user has one REGISTER under way at a time, so that what is acknowledged is one state, and what
is in doubt when the server dies is one more.
"""

import contextlib
import random
import select
import socket
from typing import Final

from tests.interop.wire import Place, read_message
from tests.reliability.nodes import DOMAIN

WINDOW: Final = 64
PATIENCE: Final = 5.0


class Registrations:
    """Many phones behind one UDP port.

    Args:
        server: where they register.
        rng: what they do next, and how many of it.

    Attributes:
        acknowledged: the contact of each user by the last 200; None: unregistered.
        doubt: the contact of each user whose REGISTER was not answered, if it was processed.
        refused: answers other than 200.
    """

    def __init__(self, server: Place, rng: random.Random) -> None:
        self.acknowledged: dict[str, str | None] = {}
        self.doubt: dict[str, str | None] = {}
        self.refused: list[int] = []
        self.answers = 0
        self._rng = rng
        self._sent = 0
        self._name = f"{rng.getrandbits(32):08x}"
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(server)
        self._socket.setblocking(False)
        self._port = self._socket.getsockname()[1]

    def run(self, answers: int) -> None:
        """Register until so many more answers have come; WINDOW REGISTERs stay under way."""
        wanted = self.answers + answers
        while self.answers < wanted:
            while len(self.doubt) < WINDOW:
                self._send()
            ready, _, _ = select.select([self._socket], [], [], PATIENCE)
            assert ready, f"no answer within {PATIENCE:g} s"
            self._receive()

    def hear_the_last(self) -> None:
        """Take in what the server sent before it died."""
        while True:
            try:
                data = self._socket.recv(65536)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue
            self._take(data)

    def compare(self, found: dict[str, str]) -> list[str]:
        """What a server that was started again has wrong; what is in doubt is then known."""
        wrong = []
        for user, contact in self.acknowledged.items():
            has = found.get(user)
            if has != contact and not (user in self.doubt and has == self.doubt[user]):
                wrong.append(f"{user}: acknowledged {contact}, found {has}")
        known = self.acknowledged.keys() | self.doubt.keys()
        wrong += [f"{user}: nobody registered it" for user in found.keys() - known]
        self.acknowledged |= {user: found.get(user) for user in self.doubt}
        self.doubt.clear()
        return wrong

    def close(self) -> None:
        self._socket.close()

    def _send(self) -> None:
        self._sent += 1
        rng = self._rng
        idle = [user for user in self._some_known() if user not in self.doubt]
        user = idle[0] if idle and rng.random() < 0.5 else f"u{self._name}{self._sent}"
        gone = self.acknowledged.get(user) is not None and rng.random() < 0.3
        contact = f"sip:{user}@127.0.0.1:{self._port};v={self._sent};ob"
        self.doubt[user] = None if gone else contact
        message = (
            f"REGISTER sip:{DOMAIN} SIP/2.0\r\nMax-Forwards: 70\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._port};branch=z9hG4bK{self._name}{self._sent};rport"
            f"\r\nFrom: <sip:{user}@{DOMAIN}>;tag=t\r\nTo: <sip:{user}@{DOMAIN}>\r\n"
            f"Call-ID: {user}\r\nCSeq: {self._sent} REGISTER\r\nSupported: outbound, path\r\n"
            f'Contact: <{contact}>;reg-id=1;+sip.instance="<urn:x:{user}>"\r\n'
            f"Expires: {0 if gone else 600}\r\nContent-Length: 0\r\n\r\n"
        )
        with contextlib.suppress(ConnectionRefusedError, BlockingIOError):
            self._socket.send(message.encode())

    def _some_known(self) -> list[str]:
        known = list(self.acknowledged)[-500:]
        return self._rng.sample(known, min(5, len(known)))

    def _receive(self) -> None:
        while True:
            try:
                data = self._socket.recv(65536)
            except BlockingIOError:
                return
            self._take(data)

    def _take(self, data: bytes) -> None:
        found = read_message(data)
        assert found is not None
        reply, _ = found
        user = reply.get("Call-ID")
        if reply.status < 200 or user not in self.doubt:
            return
        self.answers += 1
        state = self.doubt.pop(user)
        if reply.status == 200:
            self.acknowledged[user] = state
        else:
            self.refused.append(reply.status)
