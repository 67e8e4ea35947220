"""One simulation: nodes, phones and a network, run from a seed to the last timer.

    outcome = simulate(17)
    outcome.violations                  # what must not be; empty, one hopes
    outcome.trace                       # the same for the same seed, always

Things happen until the horizon. Then the phones rest: calls end, nobody refreshes, and all work
must be over when the longest timer has run. Then they go, bindings lapse, and nothing may be left.
"""

from __future__ import annotations

import gc
import traceback
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from random import Random

from tests.simulation.agent_phone import AgentPhone
from tests.simulation.calls import Agent, Call, Caller
from tests.simulation.judge import Judge, Violation
from tests.simulation.network import End, Network, Seen
from tests.simulation.node import Node
from tests.simulation.phone import Line, Phone
from tests.simulation.plan import Deed, Item, Scene, draw

from ringway.endpoint import Decision
from ringway.message import parse_uri
from ringway.proxy.context import ResponseContext

SETTLED = 400.0
"""Seconds after the horizon by which our own user agents must be registered over all flows, and no
call of theirs be up."""

QUIET = 600.0
"""Seconds after the horizon by which the longest call is over: a phone may ring for the time of
timer C, break off, and ring on over another flow."""

LAPSED = 8000.0
"""Seconds until the last binding has lapsed; damage can make its expiry any number."""

COUNT_EVERY = 25
"""One seed in so many looks through the whole memory in the end; that takes a while."""

Bug = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a simulation.

    Attributes:
        trace: a digest of every byte that was sent, when and between whom.
        sent: how many messages and datagrams that were.
        counts: what happened how often.
        decisions: what the nodes decided, with their names; only if recorded.
        names: whose address is whose.
    """

    seed: int
    scene: Scene
    violations: tuple[Violation, ...]
    trace: str
    sent: int
    counts: dict[str, int]
    seen: tuple[Seen, ...] = ()
    decisions: tuple[tuple[str, Decision], ...] = ()
    names: tuple[tuple[str, str], ...] = ()


class Simulation:
    """A network with nodes and phones on it."""

    def __init__(self, seed: int, *, only: Collection[int] | None = None, record: bool) -> None:
        self.seed = seed
        self.rng = Random(seed)
        self.scene = draw(seed, self.rng)
        self.only = only
        weather = self.scene.weather
        self.network = Network(self.rng, weather, record=record)
        lossy = bool(weather.loss or weather.damage or weather.overtake)
        self.judge = Judge(
            self.network,
            lossy=lossy,
            recursion=self.scene.recursion,
            edges=bool(self.scene.edges),
        )
        self.network.damaged = self.judge.damaged
        self.decisions: list[tuple[str, Decision]] = []
        self.record = record
        self.nodes = self._nodes()
        self.phones: list[Phone] = []
        self.agents: list[AgentPhone] = []
        self._hung: list[End] = []
        for number in range(self.scene.users):
            self._user(number)
        self.trunk = self._phone("trunk", "10.3.0.1", registers=False, lines=1)
        self.names = sorted(self.judge.users)

    # Who is there

    def _nodes(self) -> list[Node]:
        scene = self.scene
        hub = Node(self.network, "10.0.0.1", self.rng, recursion=scene.recursion)
        transport = ";transport=tcp" if scene.link == "tcp" else ""
        registrar = parse_uri(f"sip:{hub.host}{transport}")
        nodes = [hub]
        nodes += [
            Node(self.network, f"10.0.0.{number + 2}", self.rng, registrar=registrar)
            for number in range(scene.edges)
        ]
        for node in nodes:
            node.hub = None if node is hub else hub
            self._listen(node)
        return nodes

    def _listen(self, node: Node) -> None:
        node.still_bound = self.judge.still_bound
        if self.record:
            node.endpoint.listener = lambda each: self.decisions.append((node.host, each))

    def _user(self, number: int) -> None:
        # No name is another one with a character changed: damage must not reach somebody else.
        name = "u" + "".join([chr(97 + (number * k + k) % 26) for k in (3, 5, 7, 11)]) + str(number)
        self.judge.users[name] = []
        for which in range(self.rng.choice([1, 1, 1, 2, 3])):
            host = f"10.1.{number}.{which + 1}"
            outbound = self.rng.random() < 0.9
            phone: Phone
            if is_ours(self.seed, host):
                phone = self._agent(name, host)
            else:
                phone = self._phone(name, host, outbound=outbound, lines=2 if outbound else 1)
            self.judge.users[name].append(phone)

    def _phone(
        self, user: str, host: str, *, lines: int, outbound: bool = True, registers: bool = True
    ) -> Phone:
        rng = self.rng
        phone = Phone(
            self.network,
            self.judge,
            rng,
            user,
            host,
            outbound=outbound and registers,
            registers=registers,
            expires=self.scene.expires,
        )
        Agent(phone, self.judge)
        homes = self.nodes[1:] or self.nodes
        first = rng.randrange(len(homes))
        transport = "tcp" if outbound and registers and rng.random() < 0.7 else "udp"
        for number in range(lines):
            home = homes[(first + number) % len(homes)]
            line = Line(phone, number + 1, home, transport)
            phone.lines.append(line)
            self.network.after(rng.random() * 4, line.open)
        self.phones.append(phone)
        return phone

    def _agent(self, user: str, host: str) -> AgentPhone:
        """Add a phone that is our own user agent."""
        rng = self.rng
        phone = AgentPhone(self.network, self.judge, rng, user, host, expires=self.scene.expires)
        Agent(phone, self.judge)
        homes = self.nodes[1:] or self.nodes
        first = rng.randrange(len(homes))
        transport = "tcp" if rng.random() < 0.6 else "udp"
        for number in range(min(2, len(homes))):
            phone.add(number + 1, homes[(first + number) % len(homes)], transport)
        self.network.after(rng.random() * 4, phone.start)
        self.phones.append(phone)
        self.agents.append(phone)
        return phone

    # What happens

    def run(self) -> None:
        """Run to the end."""
        network, horizon = self.network, self.scene.horizon
        for item in self.scene.items:
            if self.only is None or item.number in self.only:
                network.after(item.at, self._do, item)
        network.run(network.now + horizon)
        for node in self.nodes:
            node.store.failing, node.store.delay = False, 0.0
        network.run(network.now + 60)
        for phone in self.phones:
            phone.resting = True
        network.run(network.now + SETTLED)
        for agent in self.agents:
            agent.rules.settled(self.nodes[0].core.location, self.nodes[0].now)
            agent.leave(back=False)
        network.run(network.now + QUIET - SETTLED)
        self.judge.close()
        self._nothing("work is left", Node.busy)
        for agent in self.agents:
            agent.rules.gone()
        for phone in self.phones:
            phone.alive = False
            for line in phone.lines:
                line.drop("the end")
        network.run(network.now + 1)
        for node in self.nodes:
            for end in list(node.ends.values()):
                end.close("the end")
                end.other.end("the end")
                end.host.closed(end, "the end")
        network.run(network.now + LAPSED)
        self._nothing("something is left", Node.held)
        if self.seed % COUNT_EVERY == 0:
            self._no_contexts()

    def _no_contexts(self) -> None:
        """Nobody may hold what a request needed while it was under way."""
        gc.collect()
        held = sum([isinstance(each, ResponseContext) for each in gc.get_objects()])
        if held:
            self.judge.fail("something is left", f"{held} response contexts are held somewhere")

    def _nothing(self, rule: str, left: Callable[[Node], dict[str, int]]) -> None:
        for node in self.nodes:
            sizes = left(node)
            if sizes:
                what = ", ".join([f"{size} {name}" for name, size in sizes.items()])
                self.judge.fail(rule, f"{node.host} still has {what}")

    def _do(self, item: Item) -> None:
        phones, nodes = self.phones, self.nodes
        phone = phones[item.who % len(phones)]
        line = phone.lines[item.whom % len(phone.lines)]
        node = nodes[item.who % len(nodes)]
        self.judge.count(item.deed)
        match item.deed:
            case Deed.CALL | Deed.MESSAGE:
                self._call(item, phone)
            case Deed.RESET:
                line.break_off(silent=False)
            case Deed.SILENCE:
                line.break_off(silent=True)
            case Deed.GARBAGE:
                line.send(b"\x00\xff not SIP \r\n" * 3 + b"\r\n")
                line.solid_since = line.sound_since = None
            case Deed.MOVE:
                line.break_off(silent=item.chance < 0.5)
                line.lost("it moves")
            case Deed.VANISH:
                phone.vanish()
            case Deed.RETURN:
                phone.return_()
            case Deed.LEAVE:
                line.register(0)
            case Deed.CRASH | Deed.HANG:
                self._crash(node, hangs=item.deed is Deed.HANG)
            case Deed.START:
                self._start(node)
            case Deed.LINK:
                self._break_links(node)
            case Deed.STORE_FAILS:
                nodes[0].store.failing = True
            case Deed.STORE_SLOW:
                nodes[0].store.delay = 0.01 + 3 * item.chance * item.chance
            case Deed.STORE_WELL:
                nodes[0].store.failing, nodes[0].store.delay = False, 0.0
            case Deed.JUMP:
                self._disturb(node, forget=node is nodes[0])
                node.jump(10 ** (1 + 2.5 * item.chance))

    def _call(self, item: Item, caller: Phone) -> None:
        if isinstance(caller, AgentPhone):
            self._place(item, caller)
            return
        if not caller.usable() or not caller.alive:
            return
        callee = self.names[item.whom % len(self.names)]
        if callee == caller.user:
            return
        rng = Random(item.chance)
        line = rng.choice(caller.usable())
        method = "INVITE" if item.deed is Deed.CALL else "MESSAGE"
        call = Call(item.number, method, caller, line, callee, rng)
        self.judge.calls[call.call_id] = call
        Caller(call)

    def _place(self, item: Item, caller: AgentPhone) -> None:
        callee = self.names[item.whom % len(self.names)]
        if callee != caller.user:
            method = "INVITE" if item.deed is Deed.CALL else "MESSAGE"
            caller.application.place(item.number, method, callee, Random(item.chance))

    # What befalls nodes

    def _lines_at(self, node: Node) -> list[Line]:
        hub = node is self.nodes[0]
        return [line for phone in self.phones for line in phone.lines if hub or line.home is node]

    def _disturb(self, node: Node, *, forget: bool) -> None:
        """The ways through a node are out of order; with ``forget`` until they register again."""
        since = self.network.now if node.running else float("inf")
        for line in self._lines_at(node):
            if line.sound_since is not None:
                line.sound_since = since
            if forget and line.phone.registers:
                line.solid_since = None
            elif line.solid_since is not None:
                line.solid_since = since

    def _crash(self, node: Node, *, hangs: bool) -> None:
        if not node.running:
            return
        if hangs:
            for line in self._lines_at(node):
                line.silent_at = self.network.now
                if line.home is node and line.reliable:
                    line.sound_since = None
            for end in node.ends.values():
                end.silence()
                wait = 5 + 40 * self.rng.random()
                self.network.after(wait, end.other.end, "connection timed out")
                self._hung.append(end.other)
            self.network.dark.add(node.address)
        node.crash()
        self._disturb(node, forget=True)

    def _start(self, node: Node) -> None:
        self.network.dark.discard(node.address)
        if not node.running:
            node.start()
            self._listen(node)
            for end in self._hung:  # it knows nothing of the connections of its life before
                if end.remote == node.address or end.local == node.address:
                    end.end("connection reset")
        self._disturb(node, forget=True)

    def _break_links(self, node: Node) -> None:
        self._disturb(node, forget=False)
        for end in node.ends.values():
            if isinstance(end.other.host, Node):
                end.reset("connection reset")


def is_ours(seed: int, host: str) -> bool:
    """Say whether a phone is our own user agent: in every third seed some are, or all."""
    share = {1: 0.5, 4: 1.0}.get(seed % 6, 0.0)
    return Random(f"ours {seed} {host}").random() < share


def simulate(
    seed: int,
    *,
    only: Collection[int] | None = None,
    record: bool = False,
    bug: Bug | None = None,
) -> Outcome:
    """Run the simulation of a seed.

    Args:
        seed: names it.
        only: the numbers of the items to keep; None keeps all.
        record: keep what was seen, for a ladder and a story.
        bug: a planted bug to run it with.
    """
    with bug() if bug is not None else nullcontext():
        simulation = Simulation(seed, only=only, record=record)
        try:
            simulation.run()
        except Exception:  # noqa: BLE001 - whatever the core raises is what we are looking for
            simulation.judge.fail("nothing is raised", traceback.format_exc())
    judge, network = simulation.judge, simulation.network
    return Outcome(
        seed,
        simulation.scene,
        tuple(judge.violations),
        network.trace,
        network.sent,
        judge.counts,
        tuple(network.seen),
        tuple(simulation.decisions),
        _names(simulation),
    )


def _names(simulation: Simulation) -> tuple[tuple[str, str], ...]:
    nodes = [
        (node.host, "registrar" if number == 0 else f"edge {number}")
        for number, node in enumerate(simulation.nodes)
    ]
    return (*nodes, *((phone.host, phone.user) for phone in simulation.phones))
