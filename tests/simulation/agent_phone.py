"""A simulated phone that is our own user agent: `ringway.ua` over its own endpoint.

It stands behind a NAT, as most do: nobody can connect to it, and each of its UDP flows has another
address outside, which changes when the NAT forgets. What it says and hears passes `AgentRecords`,
which reads it with the simulation's own small SIP, so that the judge sees this phone as any other.
What its application does in calls is in `agent_calls.py`.
"""

from __future__ import annotations

from random import Random

from tests.simulation.agent_application import Application
from tests.simulation.agent_line import AgentLine
from tests.simulation.agent_records import AgentRecords
from tests.simulation.agent_rules import BASE_ALL_FAILED, BASE_NOT_FAILED, MAX_WAIT, AgentRules
from tests.simulation.judge import Judge
from tests.simulation.network import End, Network
from tests.simulation.node import DOMAIN, PORT, Node
from tests.simulation.phone import Line, Phone
from tests.simulation.wire import cut, read

from ringway.auth import Account, Answerer
from ringway.endpoint import (
    CloseFlow,
    Connect,
    Endpoint,
    EndpointSettings,
    Listener,
    Resolve,
    SendDatagram,
    SendStream,
)
from ringway.message import parse_uri
from ringway.transport.flow import Address, Flow, NextHop
from ringway.ua.agent import Agent
from ringway.ua.events import AgentEvent, FlowLost
from ringway.ua.flows.outbound import Outbound
from ringway.ua.services import Services
from ringway.ua.settings import AgentSettings

SESSION = 90
"""The session timer's seconds: a call that one side has lost is soon over for the other too."""
LONGEST_EXPIRY = 120
PASSWORD = "secret"
GENERATIONS = 1 << 32


class AgentPhone(Phone):
    """A phone that is our own user agent.

    Attributes:
        records: what the judge gets to know of it.
        rules: what holds for a user agent only.
        application: what it does in calls.
        ua: the agent; None while it has no power.
        idle: it has unregistered.
    """

    def __init__(
        self, network: Network, judge: Judge, rng: Random, user: str, host: str, *, expires: int
    ) -> None:
        super().__init__(network, judge, rng, user, host, expires=min(expires, LONGEST_EXPIRY))
        self.inside = Address(host, PORT)
        self.rules = AgentRules(self)
        self.records = AgentRecords(self)
        self.application = Application(self)
        self.ua: Agent | None = None
        self.idle = True
        self.runs = 0
        self._ends: dict[Flow, tuple[AgentLine, End]] = {}
        self._opening: dict[NextHop, int] = {}
        self._woken_for = float("inf")
        self._draining = False
        self._endpoint: Endpoint

    @property
    def endpoint(self) -> Endpoint:
        return self._endpoint

    # Life

    def add(self, number: int, home: Node, transport: str) -> None:
        """Have another flow, to a node."""
        self.lines.append(AgentLine(self, number, home, transport))

    def start(self) -> None:
        """Get power, and register."""
        if not self.alive or self.ua is not None:
            return
        self.runs += 1
        listeners = tuple(Listener(each, self.inside) for each in ("udp", "tcp"))
        self._endpoint = Endpoint(
            EndpointSettings(local=listeners), self.unique, self.runs * GENERATIONS + 1
        )
        self._woken_for = float("inf")
        self._opening.clear()
        services = Services(
            endpoint=self._endpoint,
            settings=self._settings(),
            unique=self.unique,
            chance=self.rng.random,
            answerer=Answerer([Account(self.user, PASSWORD)], self.unique),
            emit=self._told,
        )
        services.outbound = Outbound(services)
        self.ua = Agent(services, self.rules.trouble)
        for line in self.lines:
            if isinstance(line, AgentLine) and not line.reliable:
                self.network.hosts[line.address] = self
                line.on()
        self.begin()

    def _settings(self) -> AgentSettings:
        transport = ";transport=tcp" if self.lines[0].reliable else ""
        outbound = [f"sip:{line.home.host}{transport}" for line in self.lines]
        return AgentSettings(
            parse_uri(f"sip:{self.user}@{DOMAIN}"),
            outbound=tuple(parse_uri(each) for each in outbound),
            instance=self.instance.strip("<>"),
            expires=self.expires,
            base_all_failed=BASE_ALL_FAILED,
            base_not_failed=BASE_NOT_FAILED,
            max_wait=MAX_WAIT,
            session_expires=SESSION,
        )

    def begin(self) -> None:
        """Register over all flows."""
        if self.ua is not None and self.idle:
            self.idle = False
            self.rules.fresh_start()
            self.ua.services.outbound.start(self.network.now)
            self.drain()

    def leave(self, back: bool = True) -> None:
        """Unregister, and come back after some time."""
        if self.ua is None or self.idle:
            return
        self.idle = True
        for line in self.lines:
            line.bound, line.solid_since = False, None
        self.ua.services.outbound.stop(self.network.now, lambda _: None)
        self.drain()
        if back:
            self.network.after(10 + 20 * self.rng.random(), self._again, self.runs)

    def _again(self, run: int) -> None:
        if run == self.runs:
            self.begin()

    def moved(self, why: str) -> None:
        """Come into another network and notice."""
        if self.ua is None or self.idle:
            return
        for line in self.lines:
            if isinstance(line, AgentLine) and not line.reliable:
                line.solid_since = None
                line.rebind()
        self.rules.fresh_start()
        self.ua.services.outbound.network_changed(self.network.now)
        self.drain()

    def vanish(self) -> None:
        """Lose power: nobody hears of it."""
        self.alive = False
        self.idle = True
        self.ua = None
        self._ends.clear()
        for line in self.lines:
            if line.up:
                line.break_off(silent=True)
                line.drop("no power")
        self.application.vanish()
        self.records.vanish()

    def return_(self) -> None:
        self.alive = True
        for line in self.lines:
            if not line.reliable and self.ua is None:
                line.address = self.address()
        self.start()

    def _told(self, event: AgentEvent) -> None:
        if isinstance(event, FlowLost):
            line = self.lines[event.reg_id - 1]
            line.solid_since = None
            self.rules.given_up(line)
        self.application.told(event)

    # What the network does

    def datagram(self, data: bytes, local: Address, remote: Address) -> None:
        for line in self.lines:
            if line.address == local and self.ua is not None:
                if data[:2] == b"\x01\x01":
                    self.rules.pong(line)
                elif data.strip():
                    self._hear(line, data)
                self._endpoint.datagram_received(data, self.inside, remote, self.network.now)
                self.drain()
                return

    def unreachable(self, local: Address, remote: Address) -> None:
        line = self._line_to(remote)
        if self.ua is not None and line is not None:
            self.rules.unreachable(line)
            flow = Flow("udp", self.inside, remote)
            self._endpoint.datagram_failed(flow, "port unreachable", self.network.now)
            self.drain()

    def received(self, end: End, data: bytes) -> None:
        line = self._ends[end.handle][0]
        if line.end is end:
            messages, pongs, line.buffer = cut(line.buffer + data)
            if pongs:
                self.rules.pong(line)
            for message in messages:
                self._hear(line, message)
        self._endpoint.data_received(end.handle, data, self.network.now)
        self.drain()

    def closed(self, end: End, reason: str) -> None:
        if self._off(end.handle) is not None:
            self._endpoint.flow_closed(end.handle, reason, self.network.now)
            self.drain()

    def _off(self, flow: Flow) -> End | None:
        line, end = self._ends.pop(flow, (None, None))
        if line is not None and line.end is end:
            line.off()
            line.end = None
            self.rules.flow_gone(line)
        return end

    def _hear(self, line: Line, data: bytes) -> None:
        message = read(data)
        if message is None:
            self.judge.unreadable(self, data)
        else:
            self.records.heard(line, message)

    # What the agent wants

    def drain(self) -> None:
        """Do what the agent wants done, and what is due."""
        if self.ua is None or self._draining:
            return
        self._draining = True
        endpoint = self._endpoint
        while True:
            commands = endpoint.take_commands()
            for command in commands:
                self._execute(command)
            if commands:
                continue
            due = endpoint.next_timer()
            if due is None or due > self.network.now + 1e-7:
                break
            endpoint.handle_timers(max(self.network.now, due))
        self._draining = False
        if due is not None and due < self._woken_for:
            self._woken_for = due
            self.network.at(due, self._wake, self.runs)

    def _wake(self, run: int) -> None:
        if run == self.runs and self.ua is not None:
            self._woken_for = float("inf")
            self.drain()

    def _execute(self, command: object) -> None:
        if isinstance(command, SendDatagram):
            self._datagram(command.flow.remote, command.data)
        elif isinstance(command, SendStream):
            line, end = self._ends.get(command.flow, (None, None))
            if line is not None and end is not None:
                if command.data.strip():
                    self._say(line, command.data)
                end.send(command.data)
        elif isinstance(command, CloseFlow):
            gone = self._off(command.flow)
            if gone is not None:
                gone.close(command.reason)
        elif isinstance(command, Connect):
            self._connect(command.target)
        elif isinstance(command, Resolve):
            self.network.after(0.1, self._resolved, self.runs, command.key)
        else:
            raise TypeError(command)

    def _datagram(self, remote: Address, data: bytes) -> None:
        line = self._line_to(remote)
        if line is None:  # where a damaged Via has led a response to
            self.network.datagram(self.inside, remote, data)
            return
        if data[:1] > b"\x03":
            self._say(line, data)
        line.send(data)

    def _say(self, line: Line, data: bytes) -> None:
        message = read(data)
        if message is None:
            self.judge.unreadable(self, data)
        else:
            self.records.said(line, message)

    def _line_to(self, remote: Address) -> AgentLine | None:
        for line in self.lines:
            if line.home.address == remote and isinstance(line, AgentLine):
                return line
        return None

    def _resolved(self, run: int, key: int) -> None:
        if run == self.runs and self.ua is not None:
            self._endpoint.resolved(key, [], self.network.now)
            self.drain()

    def _connect(self, target: NextHop) -> None:
        line = self._line_to(target.address)
        local = self.address()
        run = self.runs
        # Another one is for a response whose connection is gone (RFC 3261 §18.2.2).
        if line is not None and self._waiting(target) > self._opening.get(target, 0):
            self.rules.tries(line)
        self._opening[target] = self._waiting(target)

        def done(end: End | None) -> None:
            now = self.network.now
            if run != self.runs or self.ua is None or line is None:
                if end is not None:
                    end.close("not wanted any more")
                return
            before = self._waiting(target)
            if end is None:
                self._endpoint.connect_failed(target, "connection refused", now)
                if self._waiting(target) < before:
                    self.rules.failed(line)
            else:
                end.handle = self._endpoint.flow_opened(
                    target.transport, local, target.address, now, target=target
                )
                self._ends[end.handle] = (line, end)
                if self._waiting(target) < before:
                    line.take(end)
            self._opening[target] = self._waiting(target)
            self.drain()

        self.network.connect(self, local, target.address, done)

    def _waiting(self, target: NextHop) -> int:
        """Return how many REGISTERs wait for a connection."""
        return len(self._endpoint._flows._opening_own.get(target, ()))

    # What is left

    def held(self) -> dict[str, int]:
        """What must be gone once the agent has stopped and all is quiet."""
        agent = self.ua
        if agent is None:
            return {}
        endpoint, outbound = self._endpoint, agent.services.outbound
        timer = endpoint.next_timer()
        sizes = {
            "client transactions": len(endpoint._clients),
            "requests on flows": len(endpoint._clients._in_flight),
            "server transactions": len(endpoint._servers),
            "transactions by name": len(endpoint._servers._named),
            "look-ups": len(endpoint._resolving),
            "connections": len([line for line in self.lines if line.end is not None]),
            "connections being opened": len(endpoint._flows._opening)
            + len(endpoint._flows._opening_own),
            "dialogs": len(agent.dialogs),
            "ended dialogs": len(agent._ended),
            "INVITEs that wait": len(agent._answering),
            "who waits for a flow": len([each for each in outbound._waiting if each.timer.active]),
            "timers": int(timer is not None),
        }
        return {name: size for name, size in sizes.items() if size}
