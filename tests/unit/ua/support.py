"""User agents to test with: one among scripted peers, or several on the simulated network.

    s = Solo()                                    # an agent, and a Harness around it
    peer = s.peer("udp", "10.0.0.9")
    call = s.call("sip:bob@10.0.0.9")             # call.events is what the application heard
    peer.answer(peer.last, 180)

    t = Town()                                    # a network and its clock
    alice, bob = t.party("alice"), t.party("bob")
    call = alice.call(bob.uri, OFFER)
    t.run(1)
    bob.calls[0].answer(t.now, ANSWER)            # what bob was offered
    t.ladder                                      # what was sent, in order

Nothing is random: tags and branches are numbered, chances are one half.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from tests.harness import Harness, Headers, Peer, kin
from tests.simulation.network import End, Network, Weather

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
from ringway.message import Request, Response, parse_datagram, parse_uri
from ringway.transport.flow import Address, Flow, NextHop
from ringway.ua.agent import Agent
from ringway.ua.calls.call import Call
from ringway.ua.calls.called import IncomingCall
from ringway.ua.calls.calling import Forked, OutgoingCall
from ringway.ua.events import AgentEvent, CallEvent, CallOffered, RequestOffered
from ringway.ua.flows.outbound import Outbound
from ringway.ua.incoming import IncomingRequest
from ringway.ua.requests.sending import Follow
from ringway.ua.services import Services
from ringway.ua.settings import AgentSettings

OFFER = b"v=0 the offer"
ANSWER = b"v=0 the answer"
OTHER = b"v=0 another"
SDP = "application/sdp"


class Heard:
    """What an application hears of one call."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.events: list[CallEvent] = []
        call.emit = self.events.append

    @property
    def kinds(self) -> list[str]:
        return [type(each).__name__ for each in self.events]

    @property
    def last(self) -> CallEvent:
        return self.events[-1]

    def take(self) -> list[CallEvent]:
        """Return what was heard since the last call."""
        taken, self.events[:] = list(self.events), []
        return taken


class Application:
    """An application that keeps what it hears, and does nothing by itself."""

    def __init__(self) -> None:
        self.told: list[AgentEvent] = []
        self.calls: list[IncomingCall] = []
        self.heard: list[Heard] = []
        self.requests: list[IncomingRequest] = []

    def hear(self, event: AgentEvent) -> None:
        self.told.append(event)
        if isinstance(event, CallOffered):
            self.calls.append(event.call)
            self.heard.append(Heard(event.call))
        elif isinstance(event, RequestOffered):
            self.requests.append(event.request)


def make_agent(
    endpoint: Endpoint,
    unique: Callable[[], str],
    settings: AgentSettings,
    application: Application,
    accounts: Iterable[Account] = (),
    trouble: Callable[[Exception], None] = lambda _: None,
) -> Agent:
    services = Services(
        endpoint=endpoint,
        settings=settings,
        unique=unique,
        chance=lambda: 0.5,
        answerer=Answerer(accounts, unique),
        emit=application.hear,
    )
    services.outbound = Outbound(services)
    return Agent(services, trouble)


class Solo(Harness):
    """One agent, alice at 10.0.0.1, that sends by RFC 3263, among scripted peers."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(aliases=())
        settings.setdefault("registers", False)
        self.settings = AgentSettings(parse_uri("sip:alice@example.com"), **settings)
        self.application = Application()
        self.trouble: list[Exception] = []
        self.agent = make_agent(
            self.endpoint,
            self.unique,
            self.settings,
            self.application,
            [Account("alice", "secret")],
            self.trouble.append,
        )
        self.bob = self.peer("udp", "10.0.0.9")

    @property
    def calls(self) -> list[IncomingCall]:
        return self.application.calls

    @property
    def heard(self) -> list[Heard]:
        return self.application.heard

    def call(
        self,
        uri: str = "sip:bob@10.0.0.9",
        body: bytes = OFFER,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        follow: Follow = None,
        forked: Forked | None = None,
    ) -> tuple[OutgoingCall, Heard]:
        """Call somebody; an INVITE goes out."""
        call = self.agent.call(
            uri, self.now, body=body, headers=headers, follow=follow, forked=forked
        )
        heard = Heard(call)
        self.pump()
        return call, heard

    def do(self, what: Callable[..., Any], *how: Any, **named: Any) -> Any:
        """Let the application do something that takes the time, and let it go out."""
        result = what(self.now, *how, **named)
        self.pump()
        return result

    def invited(
        self,
        body: bytes = OFFER,
        *,
        headers: Headers = (),
        uri: str = "sip:alice@10.0.0.1",
        contact: str = "<sip:bob@10.0.0.9>",
        branch: str = "z9hG4bK-in",
        call_id: str = "in-1",
        from_: str = "<sip:bob@10.0.0.9>;tag=bob",
    ) -> Request:
        """Let bob send an INVITE."""
        typed = [("Content-Type", SDP)] if body else []
        return self.bob.request(
            "INVITE",
            uri,
            branch=branch,
            call_id=call_id,
            from_=from_,
            to="<sip:alice@example.com>",
            headers=[("Contact", contact), *typed, *headers],
            body=body,
        )

    def answered(
        self, body: bytes = ANSWER, *, headers: Headers = ()
    ) -> tuple[OutgoingCall, Heard]:
        """Return a call to bob that is up."""
        call, heard = self.call()
        accept(self.bob, invite_of(self.bob), body, headers=headers)
        assert self.bob.methods[-1] == "ACK"
        heard.take()
        self.bob.take()
        return call, heard

    def accepted(self, *, headers: Headers = ()) -> tuple[IncomingCall, Heard, Request]:
        """Return a call from bob that is up, and its INVITE."""
        invite = self.invited(headers=headers)
        call, heard = self.calls[-1], self.heard[-1]
        self.do(call.answer, ANSWER)
        within(self.bob, self.bob.responses[-1], "ACK", invite.cseq.number)
        heard.take()
        self.bob.take()
        return call, heard, invite


def invite_of(peer: Peer) -> Request:
    """Return the INVITE that came last."""
    return [each for each in peer.requests if each.method == "INVITE"][-1]


def ring(peer: Peer, invite: Request, status: int = 180, tag: str = "peer", **how: Any) -> Response:
    """Let a peer ring; its response has a Contact."""
    return reply(peer, invite, status, tag, **how)


def accept(
    peer: Peer, invite: Request, body: bytes = ANSWER, tag: str = "peer", headers: Headers = ()
) -> Response:
    """Let a peer answer an INVITE with 200."""
    return reply(peer, invite, 200, tag, body=body, headers=headers)


def reply(
    peer: Peer,
    request: Request,
    status: int,
    tag: str = "peer",
    *,
    body: bytes = b"",
    headers: Headers = (),
    contact: str = "",
) -> Response:
    """Let a peer answer with a Contact of its own, and the Record-Route of the request."""
    typed = [("Content-Type", SDP)] if body else []
    recorded = [("Record-Route", each) for each in request.values("record-route")]
    own = contact or f"<sip:bob@{peer.address.host}>"
    lines = [*recorded, ("Contact", own), *typed, *headers]
    return peer.answer(request, status, to_tag=tag, headers=lines, body=body)


def within(
    peer: Peer,
    said: Request | Response,
    method: str,
    cseq: int,
    *,
    uri: str = "sip:alice@10.0.0.1",
    headers: Headers = (),
    body: bytes = b"",
    contact: str = "",
    branch: str = "",
) -> Request:
    """Let a peer send a request within a dialog.

    Args:
        said: our response to its INVITE, or our INVITE with a To that has its tag.
    """
    theirs, ours = ("from", "to") if isinstance(said, Response) else ("to", "from")
    typed = [("Content-Type", SDP)] if body else []
    own = [("Contact", contact or f"<sip:bob@{peer.address.host}>")]
    return peer.request(
        method,
        uri,
        call_id=said.call_id,
        from_=said.get(theirs) or "",
        to=said.get(ours) or "",
        cseq=cseq,
        branch=branch or f"z9hG4bK-{method}-{cseq}",
        headers=[*(own if method != "ACK" else []), *typed, *headers],
        body=body,
    )


def cancel(peer: Peer, invite: Request, headers: Headers = ()) -> None:
    """Let a peer cancel its INVITE."""
    draft = kin(invite, "CANCEL").edit()
    for name, value in headers:
        draft.append(name, value)
    peer.send(draft.build())


# On the simulated network


class Party:
    """An agent with its sockets on the simulated network.

    Attributes:
        application: what it heard.
        running: False once its host is gone.
    """

    def __init__(self, town: Town, name: str, host: str, **settings: Any) -> None:
        self.town = town
        self.network = town.network
        self.name = name
        self.address = Address(host, 5060)
        self.ends: dict[Flow, End] = {}
        self._count = 0
        self._ports = 40000
        self._woken_for = float("inf")
        listeners = tuple(Listener(each, self.address) for each in ("udp", "tcp"))
        self.endpoint = Endpoint(EndpointSettings(local=listeners), self.unique, 1)
        self.application = Application()
        self.trouble: list[Exception] = []
        settings.setdefault("instance", f"urn:uuid:00000000-0000-1000-8000-{name:0>12.12}")
        settings.setdefault("registers", bool(settings.get("outbound")))
        settings["outbound"] = tuple(parse_uri(each) for each in settings.get("outbound", ()))
        aor = parse_uri(f"sip:{name}@{town.domain}")
        self.agent = make_agent(
            self.endpoint,
            self.unique,
            AgentSettings(aor, **settings),
            self.application,
            trouble=self.trouble.append,
        )
        self.network.hosts[self.address] = self.network.listening[self.address] = self

    @property
    def uri(self) -> str:
        """Where it is reached without a registrar."""
        return f"sip:{self.name}@{self.address.host}"

    @property
    def calls(self) -> list[IncomingCall]:
        return self.application.calls

    @property
    def heard(self) -> list[Heard]:
        return self.application.heard

    def unique(self) -> str:
        self._count += 1
        return f"{self.name}{self._count}"

    def register(self) -> None:
        """Register over all outbound proxies."""
        self.agent.services.outbound.start(self.network.now)
        self.drain()

    def call(self, uri: str, body: bytes = OFFER, **how: Any) -> Heard:
        call = self.agent.call(uri, self.network.now, body=body, **how)
        heard = Heard(call)
        self.drain()
        return heard

    def do(self, what: Callable[..., Any], *how: Any, **named: Any) -> Any:
        """Let the application do something that takes the time, and let it go out."""
        result = what(self.network.now, *how, **named)
        self.drain()
        return result

    # What the network does

    def datagram(self, data: bytes, local: Address, remote: Address) -> None:
        self.endpoint.datagram_received(data, local, remote, self.network.now)
        self.drain()

    def unreachable(self, local: Address, remote: Address) -> None:
        flow = Flow("udp", local, remote)
        self.endpoint.datagram_failed(flow, "port unreachable", self.network.now)
        self.drain()

    def accept(self, end: End) -> bool:
        end.handle = self.endpoint.flow_opened("tcp", end.local, end.remote, self.network.now)
        self.ends[end.handle] = end
        self.drain()
        return True

    def received(self, end: End, data: bytes) -> None:
        self.endpoint.data_received(end.handle, data, self.network.now)
        self.drain()

    def closed(self, end: End, reason: str) -> None:
        if self.ends.pop(end.handle, None) is not None:
            self.endpoint.flow_closed(end.handle, reason, self.network.now)
            self.drain()

    # What the agent wants

    def drain(self) -> None:
        endpoint = self.endpoint
        while True:
            commands = endpoint.take_commands()
            for command in commands:
                self._execute(command)
            due = endpoint.next_timer()
            if due is not None and due <= self.network.now + 1e-7:
                endpoint.handle_timers(max(self.network.now, due))
            elif not commands:
                break
        if due is not None and due < self._woken_for:
            self._woken_for = due
            self.network.at(due, self._wake)

    def _wake(self) -> None:
        self._woken_for = float("inf")
        self.drain()

    def _execute(self, command: object) -> None:
        if isinstance(command, SendDatagram):
            self.network.datagram(command.flow.local, command.flow.remote, command.data)
        elif isinstance(command, SendStream):
            if command.flow in self.ends:
                self.ends[command.flow].send(command.data)
        elif isinstance(command, CloseFlow):
            end = self.ends.pop(command.flow, None)
            if end is not None:
                end.close(command.reason)
        elif isinstance(command, Connect):
            self._connect(command.target)
        else:
            assert isinstance(command, Resolve), command
            found = self.town.dns.get(command.uri.host, [])
            self.network.after(0.01, self._resolved, command.key, found)

    def _resolved(self, key: int, found: list[NextHop]) -> None:
        self.endpoint.resolved(key, list(found), self.network.now)
        self.drain()

    def _connect(self, target: NextHop) -> None:
        self._ports += 1
        local = Address(self.address.host, self._ports)

        def done(end: End | None) -> None:
            now = self.network.now
            if end is None:
                self.endpoint.connect_failed(target, "connection refused", now)
            else:
                how = (target.transport, local, target.address, now)
                end.handle = self.endpoint.flow_opened(*how, target=target)
                self.ends[end.handle] = end
            self.drain()

        self.network.connect(self, local, target.address, done)


class Town:
    """A network with parties on it.

    Attributes:
        network: the network.
        domain: of their addresses-of-record.
        dns: what host names resolve to.
    """

    def __init__(
        self, weather: Weather | None = None, domain: str = "example.com", seed: int = 1
    ) -> None:
        self.network = Network(Random(seed), weather or Weather(), record=True)
        self.domain = domain
        self.dns: dict[str, list[NextHop]] = {}
        self.parties: list[Party] = []

    @property
    def now(self) -> float:
        return self.network.now

    def party(self, name: str, **settings: Any) -> Party:
        """Put somebody on the network."""
        party = Party(self, name, f"10.1.0.{len(self.parties) + 1}", **settings)
        self.parties.append(party)
        return party

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.network.run(self.network.now + seconds)

    def pair(self) -> tuple[Party, Heard, Party, Heard]:
        """Return two parties in a call: who called and what it heard, who answered and heard."""
        alice, bob = self.party("alice"), self.party("bob")
        heard = alice.call(bob.uri)
        self.run(1)
        bob.do(bob.calls[0].answer, ANSWER)
        self.run(1)
        assert heard.call.up
        assert bob.calls[0].up
        heard.take()
        bob.heard[0].take()
        self.network.seen.clear()
        return alice, heard, bob, bob.heard[0]

    @property
    def ladder(self) -> list[str]:
        """What was sent, each as its method, or its status and the method it answers."""
        found = []
        for seen in self.network.seen:
            if len(seen.data) > 20:
                message = parse_datagram(seen.data)
                if isinstance(message, Request):
                    found.append(message.method)
                else:
                    assert isinstance(message, Response)
                    found.append(f"{message.status} {message.cseq.method}")
        return found

    def sent(self, method: str) -> list[Request]:
        """Return the requests with a method that were sent."""
        messages = [parse_datagram(each.data) for each in self.network.seen if len(each.data) > 20]
        return [each for each in messages if isinstance(each, Request) and each.method == method]
