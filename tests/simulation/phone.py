"""A simulated phone: its lines to the server, and how it stays registered over them.

Like baresip it registers over two flows at once, each with its own reg-id (RFC 5626), keeps them
alive, and comes back with growing waits when one breaks (§4.5). What it does in calls is in
`calls.py`; what the judge wants to know of a line is whether it was *solid*: registered, and the
whole way to it in order, since some moment.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.network import End, Network
from tests.simulation.node import DOMAIN, Node
from tests.simulation.transactions import Client, Server
from tests.simulation.wire import Sip, cut, read

from ringway.transport.flow import Address

if TYPE_CHECKING:
    from tests.simulation.calls import Agent
    from tests.simulation.judge import Judge

PING = b"\r\n\r\n"
STUN = b"\x00\x01\x00\x00\x21\x12\xa4\x42simulated..."
KEEP_ALIVE = 25.0
PONG = 10.0
_EXPIRES = re.compile(r";expires=(\d+)")


class Line:
    """One flow of a phone.

    Attributes:
        home: the node it leads to.
        address: the phone's side; a new port for each attempt.
        up: the phone takes it for usable.
        bound: the last REGISTER over it succeeded, and nothing has happened since.
        solid_since: since when the way has been in order, as only the simulation knows.
        sound_since: the same, bound or not.
        silent_at: when it last went silent.
        unbound_at: when the server confirmed that the binding is taken back; 0 if it stands.
        expires_at: when the binding lapses.
        epoch: changes with each loss, so that what was begun before counts no more.
    """

    def __init__(self, phone: Phone, number: int, home: Node, transport: str) -> None:
        self.phone = phone
        self.number = number
        self.home = home
        self.transport = transport
        self.address = phone.address()
        self.up = False
        self.bound = False
        self.solid_since: float | None = None
        self.sound_since: float | None = None
        self.silent_at = 0.0
        self.unbound_at = 0.0
        self.expires_at = 0.0
        self.epoch = 0
        self.failures = 0
        self.cseq = 0
        self.call_id = phone.unique()
        self.registering: Client | None = None
        self.end: End | None = None
        self.buffer = b""
        self.pongs = 0
        self.missed = 0

    @property
    def reliable(self) -> bool:
        return self.transport == "tcp"

    @property
    def via(self) -> str:
        rport = "" if self.reliable else ";rport"
        return f"SIP/2.0/{self.transport.upper()} {self.address}{rport};branch="

    @property
    def contact(self) -> str:
        transport = ";transport=tcp" if self.reliable else ""
        outbound = ";ob" if self.phone.outbound else ""
        return f"sip:{self.phone.user}@{self.address}{transport}{outbound}"

    def solid(self, since: float, now: float) -> bool:
        """True when whoever called at ``since`` could reach the phone over it all the time."""
        start = self.solid_since
        return start is not None and start < since and self.expires_at > now

    def send(self, data: bytes) -> None:
        network = self.phone.network
        if not self.reliable:
            network.datagram(self.address, self.home.address, data)
        elif self.end is not None:
            self.end.send(data)

    # Coming up

    def open(self) -> None:
        """Set it up and register over it."""
        if self.up or not self.phone.alive:
            return
        self.epoch += 1
        network = self.phone.network
        self.address = self.phone.address()
        self.missed = 0
        if not self.reliable:
            network.hosts[self.address] = self.phone
            self._opened()
            return
        epoch = self.epoch

        def done(end: End | None) -> None:
            if epoch != self.epoch or not self.phone.alive:
                if end is not None:
                    end.close("not wanted any more")
            elif end is None:
                self._retry("refused")
            else:
                end.handle = self
                self.end = end
                self.buffer = b""
                self._opened()

        network.connect(self.phone, self.address, self.home.address, done)

    def _opened(self) -> None:
        self.up = True
        self.sound_since = self.phone.network.now
        self.phone.network.after(KEEP_ALIVE, self._keep_alive, self.epoch)
        if self.phone.registers:
            self.register()
        else:
            self.bound, self.expires_at = True, float("inf")
            self.solid_since = self.phone.network.now

    def register(self, expires: int | None = None) -> None:
        """Send a REGISTER; ``expires`` 0 takes the binding back."""
        phone = self.phone
        if not self.up or phone.resting:
            return
        seconds = phone.expires if expires is None else expires
        params = ""
        if phone.outbound:
            params = f';+sip.instance="{phone.instance}";reg-id={self.number}'
        self.cseq += 1
        if self.registering is not None:  # one at a time, that an old one comes not last (§10.2)
            self.registering.fail("there is another one")
        if seconds == 0:
            self.bound, self.solid_since = False, None
        epoch = self.epoch
        aor = f"sip:{phone.user}@{DOMAIN}"

        def told(client: Client, message: Sip | None) -> None:
            if epoch != self.epoch or client.cseq != self.cseq:
                return
            if message is None:
                phone.judge.no_answer(self, client.sent_at)
                self.lost("no answer to REGISTER")
            elif message.status >= 300:
                self.solid_since = None if message.status != 500 else self.solid_since
                self._refused(message)
            elif message.status >= 200:
                self._registered(message, client, seconds)

        self.registering = Client(
            phone,
            self,
            "REGISTER",
            f"sip:{DOMAIN}",
            told,
            from_=f"<{aor}>;tag={phone.unique()[:8]}",
            to=f"<{aor}>",
            call_id=self.call_id,
            cseq=self.cseq,
            headers=[
                ("Contact", f"<{self.contact}>{params}"),
                ("Expires", str(seconds)),
                ("Supported", "outbound, path"),
            ],
        )

    def _registered(self, message: Sip, client: Client, asked: int) -> None:
        phone, now = self.phone, self.phone.network.now
        mine = [each for each in message.all("contact") if f"<{self.contact}>" in each]
        if asked == 0:
            self.unbound_at = now
            phone.judge.unregistered(self, still=bool(mine))
            return
        if not mine:
            phone.judge.not_bound(self, message, client)
            return
        found = _EXPIRES.search(mine[0])
        granted = int(found[1]) if found else asked
        self.bound = True
        self.unbound_at = 0.0
        self.failures = 0
        if self.solid_since is None and self.home.in_order:
            self.solid_since = now
        self.expires_at = now + granted - 1
        wait = granted * (0.5 + 0.4 * phone.rng.random())
        phone.network.after(wait, self._refresh, self.epoch)

    def _refresh(self, epoch: int) -> None:
        if epoch == self.epoch and self.up and self.bound:
            self.register()

    def _refused(self, message: Sip) -> None:
        wait = message.get("retry-after")
        self.failures += 1
        seconds = float(wait) if wait.isdigit() else self._back_off()
        epoch = self.epoch

        def again() -> None:
            if epoch == self.epoch:
                self.register()

        self.phone.network.after(seconds, again)

    # Going down

    def lost(self, why: str) -> None:
        """The phone gives the line up and comes back later (RFC 5626 §4.5)."""
        if not self.up:
            return
        self.drop(why)
        self._retry(why)

    def drop(self, why: str) -> None:
        """Close it, for now."""
        self.up = self.bound = False
        self.solid_since = self.sound_since = None
        self.epoch += 1
        network = self.phone.network
        if self.end is not None:
            self.end.close(why)
            self.end = None
        if not self.reliable:
            network.hosts.pop(self.address, None)
        self.phone.line_lost(self, why)

    def break_off(self, *, silent: bool) -> None:
        """Let the network break it: with or without a word."""
        self.solid_since = self.sound_since = None
        network = self.phone.network
        if silent:
            self.silent_at = network.now
        if self.end is not None:
            if silent:
                self.end.silence()
                # The server's TCP gives up in time: what it sent is not acknowledged.
                wait = 5 + 40 * self.phone.rng.random()
                network.after(wait, self.end.other.end, "connection timed out")
            else:
                self.end.reset("connection reset")
        elif self.up and silent:
            network.dark.add(self.address)
        elif self.up:
            self.lost("network down")

    def _retry(self, why: str) -> None:
        self.failures += 1
        self.phone.network.after(self._back_off(), self._reopen, self.epoch)

    def _back_off(self) -> float:
        if self.failures <= 1:
            return 0.2 + 3 * self.phone.rng.random()
        longest = 15.0 * float(1 << min(self.failures - 2, 5))
        return longest * (0.5 + 0.5 * self.phone.rng.random())

    def _reopen(self, epoch: int) -> None:
        if epoch == self.epoch:
            self.open()

    # Keeping it alive

    def _keep_alive(self, epoch: int) -> None:
        if epoch != self.epoch or not self.up or self.phone.resting:
            return
        self.send(PING if self.reliable else STUN)
        self.phone.network.after(PONG, self._check_pong, epoch, self.pongs)
        self.phone.network.after(KEEP_ALIVE, self._keep_alive, epoch)

    def _check_pong(self, epoch: int, before: int) -> None:
        if epoch != self.epoch or not self.up:
            return
        self.missed = self.missed + 1 if self.pongs == before else 0
        if self.missed >= (1 if self.reliable else 3):
            self.lost("no pong")


class Phone:
    """One instance of one user.

    Attributes:
        outbound: it registers with instance-id and reg-id.
        registers: False for somebody who only calls.
        merges: it answers 482 to a second copy of an INVITE (RFC 3261 §8.2.2.2).
        alive: it has power and network.
        resting: it starts nothing any more, for the simulation comes to its end.
    """

    def __init__(
        self,
        network: Network,
        judge: Judge,
        rng: Random,
        user: str,
        host: str,
        *,
        outbound: bool = True,
        registers: bool = True,
        expires: int = 300,
    ) -> None:
        self.network = network
        self.judge = judge
        self.rng = rng
        self.user = user
        self.host = host
        self.outbound = outbound
        self.registers = registers
        self.expires = expires
        self.instance = f"<urn:uuid:{rng.getrandbits(128):032x}>"
        self.alive = True
        self.resting = False
        self.tainted = False
        self.lines: list[Line] = []
        self.clients: dict[tuple[str, str], Client] = {}
        self.servers: dict[tuple[str, str], Server] = {}
        self.on_request: Callable[[Line, Sip], None] = lambda *_: None
        self.agent: Agent | None = None
        self._port = 20000

    def __str__(self) -> str:
        return f"{self.user}@{self.host}"

    def unique(self) -> str:
        return f"{self.rng.getrandbits(64):016x}"

    def address(self) -> Address:
        self._port += 1
        return Address(self.host, self._port)

    def usable(self) -> list[Line]:
        return [line for line in self.lines if line.up and line.bound]

    def solid(self, since: float, now: float) -> bool:
        """True when one of its lines was in order all the time."""
        if self.tainted:
            return False
        return any([line.solid(since, now) for line in self.lines])

    def reply(self, line: Line, data: bytes) -> None:
        """Send a response over the line of its request, or another one to the same node."""
        if not line.up:
            others = [each for each in self.lines if each.up and each.home is line.home]
            line = others[0] if others else line
        line.send(data)

    def line_lost(self, line: Line, why: str) -> None:
        for client in [each for each in self.clients.values() if each.line is line]:
            client.fail(why)

    def vanish(self) -> None:
        """Lose power: nobody hears of it."""
        self.alive = False
        for line in self.lines:
            if line.up:
                line.break_off(silent=True)
                line.drop("no power")

    def return_(self) -> None:
        self.alive = True
        for line in self.lines:
            line.open()

    # What the network does

    def datagram(self, data: bytes, local: Address, remote: Address) -> None:
        for line in self.lines:
            if line.address == local and line.up:
                if data[:2] == b"\x01\x01":
                    line.pongs += 1
                elif data.strip():
                    self._take(line, data)

    def unreachable(self, local: Address, remote: Address) -> None:
        for line in self.lines:
            if line.address == local:
                line.lost("port unreachable")

    def accept(self, end: End) -> bool:
        return False

    def received(self, end: End, data: bytes) -> None:
        line: Line = end.handle
        messages, pongs, line.buffer = cut(line.buffer + data)
        line.pongs += pongs
        for message in messages:
            self._take(line, message)

    def closed(self, end: End, reason: str) -> None:
        line: Line = end.handle
        if line.end is end:
            line.lost(reason)

    def _take(self, line: Line, data: bytes) -> None:
        message = read(data)
        if message is None:
            self.judge.unreadable(self, data)
        elif message.status:
            client = self.clients.get((message.branch, message.method))
            if self.judge.response(self, message, client) and client is not None:
                client.response(message)
        else:
            self.on_request(line, message)
