"""Network, server, phones and callers put together, with what the scenarios have in common."""

import random
import resource
import socket
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tests.reliability.callers import Call, Callers, Traffic
from tests.reliability.network import Network, phone_address
from tests.reliability.phones import Phone
from tests.reliability.reactor import Reactor
from tests.reliability.served import Served

CALLERS: Final = 64
SPARE_FILES: Final = 150
CONNECTING: Final = 250

PATIENT: Final = {"RINGWAY_LIMITS__LAG": "0"}
"""Settings of a server that sheds nothing: a test machine is slow for reasons of its own."""


@dataclass(frozen=True, slots=True)
class CallFigures:
    """How a number of calls went.

    Attributes:
        calls: how many.
        failed: (status of INVITE, status of BYE) of those that did not end well.
        median: seconds from INVITE to 200.
        longest: the same of the slowest.
        repeated: requests the callers sent again.
    """

    calls: int
    failed: tuple[tuple[int, int], ...]
    median: float
    longest: float
    repeated: int


def figures_of(calls: Sequence[Call]) -> CallFigures:
    setups = [call.setup for call in calls if call.answered] or [0.0]
    return CallFigures(
        len(calls),
        tuple((call.status, call.hung_up) for call in calls if not call.good),
        statistics.median(setups),
        max(setups),
        sum(call.repeated for call in calls),
    )


def most_flows() -> int:
    """How many connections one process of this machine may hold, with some files to spare."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard - SPARE_FILES


class Lab:
    """Everything of one scenario; use it as a context manager.

    The callers are in the first half of the network.

    Args:
        folder: for the server's state and log.
        settings: more of the server's environment.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.network = Network()
        self.served = Served(self.network, folder, settings)
        self.reactor = Reactor()
        self.callers: Callers
        self.phones: list[Phone] = []
        self._rng = random.Random(1)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self.reactor.close)
            stack.enter_context(self.network)
            stack.callback(self.served.close)
            with self.network.among_phones():
                sockets = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(CALLERS)]
            for number, sock in enumerate(sockets):
                sock.bind((phone_address(31_000 + number, 0), 5060))
            self.callers = Callers(self.reactor, sockets, self.served.place)
            stack.callback(self.callers.close)
            stack.callback(self._close_phones)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def make(self, kind: str, count: int, half: int = 0) -> list[Phone]:
        """Phones that have their own address and do nothing yet.

        Args:
            kind: tcp or udp.
            count: how many.
            half: of the network they are in.
        """
        first = len(self.phones)
        with self.network.among_phones():
            made = [
                self._phone(kind, f"p{number}", number, half)
                for number in range(first, first + count)
            ]
        self.phones += made
        return made

    def come_back(self, gone: Sequence[Phone]) -> list[Phone]:
        """The same phones on new connections."""
        back = []
        with self.network.among_phones():
            for phone in gone:
                number = int(phone.user[1:])
                half = int(int(phone.local[0].split(".")[2]) >= 128)
                back.append(self._phone("tcp", phone.user, number, half))
        self.phones = [phone for phone in self.phones if not phone.ended] + back
        return back

    def register(self, phones: Sequence[Phone], seconds: float = 120.0) -> float:
        """Connect and register phones; returns how many seconds it took."""
        began = time.monotonic()
        waiting: set[Phone] = set()
        for phone in phones:
            if len(waiting) >= CONNECTING:
                self.reactor.until(
                    lambda: self._done(waiting) < CONNECTING, seconds, "phones register"
                )
            waiting.add(phone)
            if phone.transport == "tcp":
                phone.connect()
            else:
                phone.register()
        self.reactor.until(lambda: not self._done(waiting), seconds, "phones register")
        failed = [phone.statuses for phone in phones if phone.ended or not phone.registered]
        assert not failed, f"{len(failed)} of {len(phones)} phones not registered: {failed[:5]}"
        return time.monotonic() - began

    def traffic(self, callees: Sequence[Phone], rate: float, hold: float = 0.0) -> Traffic:
        """Calls to some phones, chosen at random."""
        return Traffic(self.callers, lambda: self._rng.choice(callees).user, rate, hold)

    def sample(self, phones: Sequence[Phone], most: int) -> list[Phone]:
        return self._rng.sample(phones, min(most, len(phones)))

    def _phone(self, kind: str, user: str, number: int, half: int) -> Phone:
        stream = kind == "tcp"
        sock = socket.socket(type=socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
        sock.bind((phone_address(number, half), 0 if stream else 5060))
        return Phone(self.reactor, user, sock, self.served.place)

    def _done(self, waiting: set[Phone]) -> int:
        waiting -= {phone for phone in waiting if phone.registered or phone.ended}
        return len(waiting)

    def _close_phones(self) -> None:
        for phone in self.phones:
            phone.close()
