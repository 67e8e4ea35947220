"""Whole nodes on one virtual clock, wired together, with scripted phones around them.

world = World()                               # one node that is registrar and proxy
bob = world.phone("bob", "10.0.0.9")          # connects over TCP and registers with reg-id 1
alice = world.caller()
invite = alice.invite("bob")
bob.answer(bob.requests[-1], 180)

world = World(edge=True)                      # phones connect to an edge before the registrar
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

from tests.harness import Harness, Headers, Peer

from ringway.codes import Role
from ringway.endpoint import Listener, Resolve
from ringway.location import Binding, Location, Persist, Put, PutRedirect
from ringway.message import Message, Request, Response, parse_uri
from ringway.proxy import ProxySettings
from ringway.redirect import RedirectTable, make_rule
from ringway.registrar import RegistrarSettings
from ringway.server.core import Core
from ringway.transport.flow import DEFAULT_PORTS, Address, Flow, NextHop
from ringway.transport.framing import client_framer
from ringway.transport.token import KEY_LENGTH, Sealer, TokenKeys

DOMAIN = "ringway.test"
BOB = f"sip:bob@{DOMAIN}"
ALICE = f"sip:alice@{DOMAIN}"
KEYS = {1: bytes(range(KEY_LENGTH))}
PHONE = "<urn:uuid:00000000-0000-1000-8000-00000000000{}>"


def listeners(host: str) -> tuple[Listener, ...]:
    return tuple(
        Listener(transport, Address(host, DEFAULT_PORTS[transport]))
        for transport in ("udp", "tcp", "tls", "ws", "wss")
    )


class Node(Harness):
    """One node: an endpoint with its core, and whoever is around it."""

    def __init__(
        self, world: World, host: str, *, role: Role, keys: dict[int, bytes], **settings: Any
    ) -> None:
        domains = frozenset({DOMAIN, *settings.pop("domains", ())})
        aliases = settings.pop("aliases", ())
        synonyms = dict.fromkeys((host, *aliases), DOMAIN)
        super().__init__(
            listeners=settings.pop("listeners", listeners(host)), aliases=(*domains, *aliases)
        )
        self.world = world
        self.host = host
        self.now = world.now
        self.location = Location()
        self.redirects = RedirectTable()
        self.core = Core(
            self.endpoint,
            self.location,
            self.redirects,
            Sealer(TokenKeys(keys, max(keys)), host),
            ProxySettings(domains=domains, synonyms=synonyms, role=role, **settings),
            RegistrarSettings(domains=domains, synonyms=synonyms),
        )
        self.perform = self._perform
        self.dns_is_slow = False
        self._questions: list[Resolve] = []

    def answer_dns(self) -> None:
        """Let the questions be answered that were asked while DNS was slow."""
        self.dns_is_slow = False
        for question in self._questions:
            super()._execute(question)
        self._questions.clear()
        self.pump()

    def _execute(self, command: object) -> None:
        if isinstance(command, Resolve) and self.dns_is_slow:
            self._questions.append(command)
        else:
            super()._execute(command)

    def unique(self) -> str:
        return super().unique() + "x" + self.host.rpartition(".")[2]

    @property
    def proxy(self) -> Any:
        return self.core.proxy

    def bindings(self, user: str = "bob") -> tuple[Binding, ...]:
        return self.location.bindings(f"sip:{user}@{DOMAIN}", self.now)

    def pump(self) -> None:
        self.world.pump()

    def advance(self, seconds: float) -> None:
        self.world.advance(seconds)

    def work(self) -> None:
        super().pump()

    def connect(self, transport: str, host: str, port: int = 40000) -> Peer:
        peer = Phone(self, transport, Address(host, port))
        self.welcome(peer)
        return peer

    def welcome(self, peer: Peer) -> None:
        """Let a peer open its connection."""
        local = Address(self.host, DEFAULT_PORTS[peer.transport])
        peer.framer = client_framer(NextHop(peer.transport, local, self.host))
        peer.closed = False
        peer.flow = self.endpoint.flow_opened(peer.transport, local, peer.address, self.now)
        self.flows[peer.flow] = peer
        self.pump()
        greeting = peer.framer.outgoing()
        if greeting:
            peer.send_raw(greeting)

    def _connect(self, target: NextHop) -> None:
        other = self.world.node_at(target.address.host)
        if other is not None and target.transport == "tcp":
            self.world.wire(self, other, target)
        else:
            super()._connect(target)

    def _perform(self, command: object) -> None:
        if isinstance(command, Persist):
            command.done(None, self.now)


class Wire:
    """The way from one node to another: a datagram socket's, or one connection's."""

    def __init__(self, world: World, other: Node, flow: Flow) -> None:
        self.world = world
        self.other = other
        self.flow = flow
        self.closed = False

    def take_bytes(self, data: bytes) -> None:
        self.world.queue.append(lambda: self._deliver(data))

    def _deliver(self, data: bytes) -> None:
        now = self.world.now
        self.world.carried.append((now, self.other, data))
        if self.flow.transport == "udp":
            flow = self.flow
            self.other.endpoint.datagram_received(data, flow.local, flow.remote, now)
        else:
            self.other.endpoint.data_received(self.flow, data, now)


class Phone(Peer):
    """A scripted phone at one address; a phone with two flows is two of these with one instance."""

    user = "bob"
    instance = ""
    reg_id = 0
    node: Node

    def __init__(self, harness: Harness, transport: str, address: Address) -> None:
        super().__init__(harness, transport, address)
        self.cseq = 0

    @property
    def contact(self) -> str:
        transport = "" if self.transport == "udp" else f";transport={self.transport}"
        return f"sip:{self.user}@{self.address}{transport}"

    @property
    def heard(self) -> list[int]:
        """The statuses, a retransmitted one once."""
        return [status for status, _ in groupby(self.statuses)]

    def register(
        self,
        *,
        reg_id: int | None = None,
        contact: str = "",
        params: str = "",
        expires: int = 3600,
        status: int = 200,
        headers: Headers = (),
        call_id: str = "",
    ) -> Response:
        if reg_id is not None:
            self.reg_id = reg_id
        contact = contact or f"<{self.contact}{';ob' if self.reg_id else ''}>"
        if self.instance:
            params = f';+sip.instance="{self.instance}"{params}'
        if self.reg_id:
            params = f";reg-id={self.reg_id}{params}"
        self.cseq += 1
        aor = f"sip:{self.user}@{DOMAIN}"
        self.request(
            "REGISTER",
            f"sip:{DOMAIN}",
            cseq=self.cseq,
            call_id=call_id or f"reg-{self.address}",
            from_=f"<{aor}>;tag=r",
            to=f"<{aor}>",
            headers=[
                ("Contact", contact + params),
                ("Expires", str(expires)),
                ("Supported", "outbound, path"),
                *headers,
            ],
        )
        response = self.responses[-1]
        assert response.status == status, response.status
        self.received.remove(response)
        return response

    def invite(self, user: str = "bob", **how: Any) -> Request:
        how.setdefault("headers", [("Contact", f"<{self.contact}>")])
        how.setdefault("from_", f"<sip:{self.user}@{DOMAIN}>;tag={self.user}")
        return self.request("INVITE", user if ":" in user else f"sip:{user}@{DOMAIN}", **how)

    def accept(self, request: Request | Response, status: int = 200, **how: Any) -> Response:
        """Answer as a callee does: with Record-Route and Contact."""
        assert isinstance(request, Request)
        headers = [("Record-Route", value) for value in request.values("record-route")]
        headers.append(("Contact", f"<{self.contact}>"))
        return self.answer(request, status, headers=[*headers, *how.pop("headers", ())], **how)

    def within(self, dialog: Dialog, method: str, *, cseq: int = 0, **how: Any) -> Request:
        """Send a request inside a dialog."""
        dialog.cseq = cseq or dialog.cseq + 1
        headers = [("Route", route) for route in dialog.routes]
        headers += [("Contact", f"<{self.contact}>"), *how.pop("headers", ())]
        return self.request(
            method,
            dialog.target,
            call_id=dialog.call_id,
            cseq=dialog.cseq,
            from_=dialog.local,
            to=dialog.remote,
            headers=headers,
            **how,
        )


class Dialog:
    """One side's view of a dialog."""

    def __init__(
        self,
        *,
        local: str,
        remote: str,
        call_id: str,
        target: str,
        routes: Iterable[str],
        cseq: int,
    ) -> None:
        self.local = local
        self.remote = remote
        self.call_id = call_id
        self.target = target
        self.routes = list(routes)
        self.cseq = cseq

    @classmethod
    def of_caller(cls, response: Message) -> Dialog:
        assert isinstance(response, Response)
        return cls(
            local=response.get("from") or "",
            remote=response.get("to") or "",
            call_id=response.call_id,
            target=response.contacts[0].uri_text,
            routes=reversed(response.values("record-route")),
            cseq=response.cseq.number,
        )

    @classmethod
    def of_callee(cls, request: Message, response: Message) -> Dialog:
        assert isinstance(request, Request)
        return cls(
            local=response.get("to") or "",
            remote=request.get("from") or "",
            call_id=request.call_id,
            target=request.contacts[0].uri_text,
            routes=request.values("record-route"),
            cseq=100,
        )


class World:
    """One node, or an edge and a registrar, and the time."""

    def __init__(
        self, *, edge: bool = False, edge_keys: dict[int, bytes] | None = None, **settings: Any
    ) -> None:
        self.now = 1_000_000.0
        self.queue: list[Callable[[], None]] = []
        self.nodes: list[Node] = []
        self.carried: list[tuple[float, Node, bytes]] = []  # from node to node, and when
        self._pumping = False
        self._phones = 0
        self.link = str(settings.pop("link", "udp"))
        self.core = Node(self, "10.0.0.1", role=Role.PROXY, keys=KEYS, **settings)
        self.nodes.append(self.core)
        self.edge = self.core
        if edge:
            self.edge = self.add_edge("10.0.0.2", keys=edge_keys or KEYS)

    def add_edge(
        self,
        host: str,
        *,
        keys: dict[int, bytes] | None = None,
        before: Node | None = None,
        **settings: Any,
    ) -> Node:
        """Put another edge before the registrar, or before an edge."""
        transport = "" if self.link == "udp" else ";transport=" + self.link
        registrar = parse_uri(f"sip:{(before or self.core).host}{transport}")
        edge = Node(self, host, role=Role.EDGE, keys=keys or KEYS, registrar=registrar, **settings)
        for other in self.nodes:
            self._join(edge, other)
            self._join(other, edge)
        self.nodes.append(edge)
        return edge

    def phone(
        self,
        user: str = "bob",
        host: str = "10.0.1.1",
        *,
        transport: str = "tcp",
        port: int = 0,
        instance: str | None = None,
        reg_id: int = 1,
        node: Node | None = None,
        register: bool = True,
        **how: Any,
    ) -> Phone:
        """Return a phone that has registered; over TCP with outbound unless told otherwise."""
        self._phones += 1
        node = node or self.edge
        phone = Phone(node, transport, Address(host, port or 40000 + self._phones))
        phone.user = user
        phone.instance = PHONE.format(self._phones) if instance is None else instance
        phone.reg_id = reg_id if phone.instance else 0
        if transport == "udp":
            node.peers["udp", phone.address] = phone
            phone.flow = Flow("udp", node.udp, phone.address)
        else:
            node.welcome(phone)
        if register:
            phone.register(**how)
        return phone

    def flows(self, *nodes: Node, user: str = "bob", count: int = 2, **how: Any) -> list[Phone]:
        """Return one phone with several flows, registered in this order."""
        found = []
        for index in range(count):
            node = nodes[index] if index < len(nodes) else self.edge
            how.setdefault("instance", PHONE.format(9))
            found.append(
                self.phone(user, f"10.0.9.{index + 1}", reg_id=index + 1, node=node, **how)
            )
            self.advance(1)
        return found[::-1]  # the newest registration is tried first

    def caller(
        self,
        user: str = "alice",
        host: str = "10.0.2.1",
        *,
        transport: str = "udp",
        node: Node | None = None,
    ) -> Phone:
        """Return somebody who calls without having registered."""
        return self.phone(
            user, host, transport=transport, node=node or self.core, instance="", register=False
        )

    def redirect(self, user: str, *targets: str, **how: Any) -> None:
        """Set a redirect rule."""
        pairs = [(target, 1.0) for target in targets]
        rule = make_rule(f"sip:{user}@{DOMAIN}", pairs, **how)
        self.core.redirects.apply([PutRedirect(rule)])

    def crash(self, node: Node) -> None:
        """Take a node away without a word: its connections break, nobody listens there."""
        self.nodes.remove(node)
        for other in self.nodes:
            other.peers.pop(("udp", node.udp), None)
            for flow, peer in list(other.flows.items()):
                if isinstance(peer, Wire) and peer.other is node:
                    other.endpoint.flow_closed(flow, "reset by peer", self.now)
        self.pump()

    def break_links(self) -> None:
        """Let the connections between the nodes be reset."""
        for node in self.nodes:
            for flow, peer in list(node.flows.items()):
                if isinstance(peer, Wire):
                    node.endpoint.flow_closed(flow, "connection reset", self.now)
                    del node.flows[flow]
        self.pump()

    def node_at(self, host: str) -> Node | None:
        return next((node for node in self.nodes if node.host == host), None)

    def wire(self, node: Node, other: Node, target: NextHop) -> None:
        """Connect two nodes over TCP."""
        near = Address(node.host, 50000 + len(node.connects))
        theirs = other.endpoint.flow_opened("tcp", target.address, near, self.now)
        node.flows[Flow("tcp", near, target.address)] = node.flows.get(theirs)  # type: ignore[assignment]
        wire = Wire(self, other, theirs)
        back = Wire(self, node, theirs)
        other.flows[theirs] = back  # type: ignore[assignment]
        ours = node.endpoint.flow_opened("tcp", near, target.address, self.now, target=target)
        back.flow = ours
        node.flows[ours] = wire  # type: ignore[assignment]

    def _join(self, node: Node, other: Node) -> None:
        """Let datagrams go from one node to another."""
        flow = Flow("udp", other.udp, node.udp)
        node.peers["udp", other.udp] = Wire(self, other, flow)  # type: ignore[assignment]

    def pump(self) -> None:
        if self._pumping:
            return
        self._pumping = True
        try:
            while True:
                for node in self.nodes:
                    node.work()
                if not self.queue:
                    return
                queue, self.queue = self.queue, []
                for deliver in queue:
                    deliver()
        finally:
            self._pumping = False

    def advance(self, seconds: float) -> None:
        self.pump()
        end = round(self.now + seconds, 6)
        while True:
            dues = [(node.endpoint.next_timer(), node) for node in self.nodes]
            due = min((at for at, _ in dues if at is not None), default=None)
            if due is None or due > end:
                break
            self._set(max(self.now, due))
            for at, node in dues:
                if at is not None and at <= self.now:
                    node.endpoint.handle_timers(self.now)
            self.pump()
        self._set(end)

    def _set(self, now: float) -> None:
        self.now = now
        for node in self.nodes:
            node.now = now


def bind(
    world: World,
    *paths: tuple[str, ...],
    user: str = "bob",
    contact: str = "sip:bob@10.8.8.8",
    instance: str = "<urn:bob>",
    flow: Flow | None = None,
    q: float = 1.0,
) -> None:
    """Bind a user as a store would, whatever the registrar thinks of it."""
    for number, each in enumerate(paths or ((),), 1):
        binding = Binding(
            aor=f"sip:{user}@{DOMAIN}",
            contact=contact,
            expires_at=world.now + 3600,
            call_id=f"bind-{number}",
            cseq=1,
            registered_at=world.now + number,
            instance=instance,
            reg_id=10 + number,
            path=each,
            flow=flow,
            q=q,
            outbound=True,
        )
        world.core.location.apply([Put(binding)], world.now)
