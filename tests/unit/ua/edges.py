"""Outbound proxies around one user agent, on a virtual clock.

    w = World("sip:10.0.0.11;transport=tcp", "sip:10.0.0.12;transport=tcp")
    w.start()
    w.edges[0].registers                # what came to the first edge
    w.events                            # what the application was told
    w.edges[0].peer.close()             # its connection closes

An edge answers each REGISTER as a registrar with outbound behind it would, unless its `reaction`
says otherwise. `chance` gives one half until a test sets another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tests.harness import HOST, Harness, Headers, Peer

from ringway.auth import Account, Answerer
from ringway.endpoint import FlowClosed, Listener, PongReceived, StunReceived, UserEvent
from ringway.message import Request, Response, Uri, parse_uri
from ringway.transport.flow import DEFAULT_PORTS, Address
from ringway.transport.stun import binding_response
from ringway.ua.events import AgentEvent
from ringway.ua.flows.outbound import Outbound, Slot
from ringway.ua.services import Services
from ringway.ua.settings import AgentSettings

AOR = "sip:alice@example.com"
INSTANCE = "urn:uuid:00000000-0000-1000-8000-000a95a0e128"

Reaction = Callable[["Edge", Request], None]


class Edge:
    """One outbound proxy, and the registrar behind it.

    Attributes:
        peer: its end of the connection.
        reaction: answers a REGISTER; None to say nothing.
        headers: put into each 2xx.
        pongs: True to answer keep-alives.
        seen: the address that STUN tells the agent.
    """

    def __init__(self, world: World, peer: Peer) -> None:
        self.world = world
        self.peer = peer
        self.reaction: Reaction | None = grant
        self.headers: list[tuple[str, str]] = [("Require", "outbound")]
        self.answered = 0
        self.pongs = True
        self.ponged = 0
        self.seen = Address("192.0.2.1", 5060)

    @property
    def registers(self) -> list[Request]:
        return [each for each in self.peer.requests if each.method == "REGISTER"]

    @property
    def last(self) -> Request:
        return self.registers[-1]

    def react(self) -> bool:
        """Answer what has come; False if there was nothing."""
        waiting = self.registers[self.answered :]
        for request in waiting:
            self.answered += 1
            if self.reaction is not None:
                self.reaction(self, request)
        return bool(waiting) or self.answer_keep_alives()

    def answer(self, request: Request, status: int, headers: Headers = ()) -> Response:
        return self.peer.answer(request, status, headers=headers)

    def answer_keep_alives(self) -> bool:
        """Answer the keep-alives that have come; False if there was none."""
        stun = [each for each in self.peer.raw if each[0] < 2]
        pings = self.pings
        if not self.pongs or self.ponged >= pings:
            return False
        self.ponged += 1
        if stun:
            response = binding_response(stun[-1], self.seen)
            assert response is not None
            self.peer.send_raw(response)
        elif not self.peer.closed:
            self.peer.send_raw(b"\r\n")
        return True

    @property
    def pings(self) -> int:
        """The keep-alives that have come."""
        return self.peer.pongs // 2 + sum(each[0] < 2 for each in self.peer.raw)


def grant(edge: Edge, request: Request) -> None:
    """Answer as a registrar does that has no other binding of the user."""
    contact = str(request.contacts[0])
    expires = request.number("expires")
    edge.answer(request, 200, [*edge.headers, ("Contact", f"{contact};expires={expires}")])


def refuse(status: int, *headers: tuple[str, str]) -> Reaction:
    """Return a reaction that answers with a failure."""

    def reaction(edge: Edge, request: Request) -> None:
        edge.answer(request, status, headers)

    return reaction


def challenge(nonce: str, *, stale: bool = False) -> Reaction:
    """Return a reaction that asks for credentials once, and then grants."""
    value = f'Digest realm="example.com", nonce="{nonce}", algorithm=SHA-256, qop="auth"'
    value += ", stale=true" if stale else ""

    def reaction(edge: Edge, request: Request) -> None:
        given = request.get("authorization") or ""
        if f'nonce="{nonce}"' in given:
            grant(edge, request)
        else:
            edge.answer(request, 401, [("WWW-Authenticate", value)])

    return reaction


class World(Harness):
    """A user agent's outbound part and its edges."""

    def __init__(
        self,
        *outbound: str,
        aor: str = AOR,
        listeners: Iterable[str] = ("udp",),
        accounts: Iterable[Account] = (Account("alice", "secret"),),
        **settings: Any,
    ) -> None:
        super().__init__(
            listeners=tuple(
                Listener(each, Address(HOST, DEFAULT_PORTS[each])) for each in listeners
            )
        )
        self.told: list[AgentEvent] = []
        self.chances: list[float] = []
        self.chance = 0.5
        settings.setdefault("instance", INSTANCE)
        self.settings = AgentSettings(
            parse_uri(aor), outbound=tuple(parse_uri(each) for each in outbound), **settings
        )
        self.services = Services(
            endpoint=self.endpoint,
            settings=self.settings,
            unique=self.unique,
            chance=self.draw,
            answerer=Answerer(accounts, self.unique),
            emit=self.told.append,
        )
        self.outbound = self.services.outbound = Outbound(self.services)
        self.endpoint.user = self
        self.edges: list[Edge] = []
        for each in outbound:
            self.edge(parse_uri(each))

    def edge(self, uri: Uri) -> Edge:
        """Put an edge at the address that a URI names."""
        transport = uri.transport or ("tls" if uri.secure else "udp")
        peer = self.peer(transport, uri.host, uri.port or DEFAULT_PORTS[transport])
        edge = Edge(self, peer)
        self.edges.append(edge)
        return edge

    @property
    def slots(self) -> tuple[Slot, ...]:
        return self.outbound.slots

    def draw(self) -> float:
        return self.chances.pop(0) if self.chances else self.chance

    def handle(self, event: UserEvent, now: float) -> None:
        """Be the agent."""
        self.recorder.handle(event, now)
        if isinstance(event, FlowClosed):
            self.outbound.flow_closed(event.flow, event.reason, now)
        elif isinstance(event, PongReceived):
            self.outbound.pong(event.flow, now)
        elif isinstance(event, StunReceived):
            self.outbound.stun(event.flow, event.mapped, now)

    def start(self) -> None:
        self.outbound.start(self.now)
        self.pump()

    def stop(self) -> list[float]:
        """Stop; what is returned gets the time when that is done."""
        done: list[float] = []
        self.outbound.stop(self.now, done.append)
        self.pump()
        return done

    def network_changed(self) -> None:
        self.outbound.network_changed(self.now)
        self.pump()

    def pump(self) -> None:
        """Let the edges answer, too."""
        while True:
            super().pump()
            if not any([edge.react() for edge in getattr(self, "edges", ())]):
                return

    def take(self) -> list[AgentEvent]:
        """Return what the application was told since the last call."""
        taken, self.told[:] = list(self.told), []
        return taken
