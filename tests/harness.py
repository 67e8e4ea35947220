"""A network of scripted peers around one endpoint, on a virtual clock.

    h = Harness()                                 # an endpoint; h.events has what its user is told
    phone = h.peer("udp", "10.0.0.9")             # somebody at an address
    phone.request("INVITE", "sip:bob@ringway.test")
    h.advance(0.5)                                # time passes; timers fire, commands are executed
    phone.received                                # what came to the phone, parsed
    phone.answer(phone.received[0], 200)
    browser = h.connect("ws", "10.0.0.8")         # a connection to us; browser.flow is our side's
    browser.close()

Every call that gives the endpoint something executes the commands that result, so `received` is up
to date when it returns. Nothing is random: branches and tags are numbered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypedDict, Unpack

from ringway.codes import Source
from ringway.endpoint import (
    ClientTransaction,
    CloseFlow,
    Connect,
    Decision,
    Endpoint,
    EndpointSettings,
    Event,
    Listener,
    RequestFailed,
    RequestReceived,
    Resolve,
    ResponseFailed,
    ResponseReceived,
    SendDatagram,
    SendStream,
    ServerTransaction,
    State,
    Timers,
)
from ringway.message import (
    Message,
    Request,
    Response,
    build_request,
    build_response,
    parse_datagram,
)
from ringway.transport.flow import DEFAULT_PORTS, Address, Flow, NextHop
from ringway.transport.frames import FrameKind, Framer, FramingLimits
from ringway.transport.framing import client_framer, server_framer

HOST = "10.0.0.1"
LISTENERS = tuple(
    Listener(transport, Address(HOST, DEFAULT_PORTS[transport]))
    for transport in ("udp", "tcp", "tls", "ws", "wss")
)

Headers = Iterable[tuple[str, str]]


class Fields(TypedDict, total=False):
    """What `make_request` takes by name."""

    branch: str
    call_id: str
    cseq: int
    from_: str
    to: str
    sent_by: str
    transport: str
    via_params: str
    headers: Headers
    body: bytes


class Recorder:
    """Takes events and keeps them; `reaction` is called with each."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.reaction: Callable[[Event, float], None] | None = None

    @property
    def statuses(self) -> list[int]:
        """The responses that came."""
        return [each.response.status for each in self.events if isinstance(each, ResponseReceived)]

    @property
    def failures(self) -> list[tuple[Source, str]]:
        """The failures that were told, with their words."""
        return [
            (each.source, each.detail)
            for each in self.events
            if isinstance(each, (RequestFailed, ResponseFailed))
        ]

    def handle(self, event: Event, now: float) -> None:
        self.events.append(event)
        if self.reaction is not None:
            self.reaction(event, now)


class Peer:
    """Somebody out there, at one address over one transport.

    Attributes:
        received: messages that came, parsed.
        raw: datagrams as they came.
        flow: our endpoint's name for the connection, or for the datagrams; None if not connected.
        pongs: keep-alive answers that came.
        closed: True once the connection is gone.
        accepting: for connections our endpoint opens: True to accept, False to refuse, None to let
            the attempt hang.
    """

    def __init__(self, harness: Harness, transport: str, address: Address) -> None:
        self.harness = harness
        self.transport = transport
        self.address = address
        self.received: list[Request | Response] = []
        self.raw: list[bytes] = []
        self.pongs = 0
        self.closed = False
        self.accepting: bool | None = True
        self.flow: Flow | None = None
        self.framer: Framer | None = None
        self._count = 0

    @property
    def last(self) -> Request | Response:
        return self.received[-1]

    @property
    def requests(self) -> list[Request]:
        return [message for message in self.received if isinstance(message, Request)]

    @property
    def responses(self) -> list[Response]:
        return [message for message in self.received if isinstance(message, Response)]

    @property
    def statuses(self) -> list[int]:
        return [response.status for response in self.responses]

    @property
    def methods(self) -> list[str]:
        return [request.method for request in self.requests]

    def take(self) -> list[Request | Response]:
        """Return what was received since the last call."""
        taken, self.received = self.received, []
        return taken

    def send(self, message: Message | bytes) -> None:
        """Send a message, or bytes as they are."""
        data = message if isinstance(message, bytes) else message.to_bytes()
        if self.framer is not None and not isinstance(message, bytes):
            data = self.framer.wrap(data)
        self.send_raw(data)

    def send_raw(self, data: bytes) -> None:
        h = self.harness
        if self.transport == "udp":
            h.endpoint.datagram_received(data, h.udp, self.address, h.now)
        else:
            assert self.flow is not None
            h.endpoint.data_received(self.flow, data, h.now)
        h.pump()

    def request(
        self, method: str, uri: str = "sip:bob@ringway.test", **how: Unpack[Fields]
    ) -> Request:
        """Make a request with our Via (see `make_request`), send it and return it."""
        self._count += 1
        how.setdefault("branch", f"z9hG4bK-{self.address.host}-{self._count}")
        how.setdefault("call_id", f"call-{self.address.host}-{self._count}")
        how.setdefault("sent_by", str(self.address))
        how.setdefault("transport", self.transport)
        request = make_request(method, uri, **how)
        self.send(request)
        return request

    def answer(
        self,
        request: Request | Response,
        status: int,
        *,
        to_tag: str = "peer",
        headers: Headers = (),
        body: bytes = b"",
    ) -> Response:
        """Answer a request that came to this peer."""
        assert isinstance(request, Request)
        response = build_response(request, status, to_tag=to_tag, headers=headers, body=body)
        self.send(response)
        return response

    def ack(self, request: Request, response: Request | Response) -> Request:
        """Acknowledge a final response other than 2xx to a request of this peer."""
        ack = kin(request, "ACK", to=response.get("to"))
        self.send(ack)
        return ack

    def cancel(self, request: Request) -> Request:
        """Cancel a request of this peer."""
        cancel = kin(request, "CANCEL")
        self.send(cancel)
        return cancel

    def close(self, reason: str = "closed by the peer") -> None:
        """Close the connection from this side."""
        assert self.flow is not None
        self.closed = True
        self.harness.endpoint.flow_closed(self.flow, reason, self.harness.now)
        self.harness.pump()

    def unreachable(self, reason: str = "port unreachable") -> None:
        """Let the network say that nobody listens at this address."""
        h = self.harness
        h.endpoint.datagram_failed(Flow("udp", h.udp, self.address), reason, h.now)
        h.pump()

    def take_bytes(self, data: bytes) -> None:
        if self.framer is None:
            self.raw.append(data)
            if data[:1] > b"\x01":
                self.received.append(parse_datagram(data))
            return
        for frame in self.framer.feed(data):
            if frame.kind is FrameKind.MESSAGE:
                self.received.append(parse_datagram(frame.head + frame.body))
            elif frame.kind is not FrameKind.BROKEN:
                self.pongs += 1  # a ping of ours makes two of it: pong, ping
        if self.flow is not None and (answer := self.framer.outgoing()):
            self.send_raw(answer)


class Harness:
    """An endpoint, its peers and the time.

    Attributes:
        endpoint: what is under test; its `user` is `recorder` until a test sets another.
        events: what the recorder was told.
        decisions: what was decided.
        connects: next hops the endpoint wanted connections to.
        dns: what a host name resolves to; nothing if it is not there.
        loses: called with each datagram sent to a peer; True loses it.
        perform: called with each command that roles have emitted.
        others: those commands.
    """

    def __init__(
        self,
        *,
        listeners: tuple[Listener, ...] = LISTENERS,
        aliases: Iterable[str] = ("ringway.test",),
        timers: Timers | None = None,
        software: str = "",
        limits: FramingLimits | None = None,
        message_time: float = 0.0,
        handshake_time: float = 0.0,
    ) -> None:
        settings = EndpointSettings(
            local=listeners,
            aliases=frozenset(aliases),
            software=software,
            timers=timers or Timers(),
            limits=limits or FramingLimits(),
            message_time=message_time,
            handshake_time=handshake_time,
        )
        self.now = 1_000_000.0
        self._unique = 0
        self.endpoint = Endpoint(settings, self.unique, 1)
        self.recorder = Recorder()
        self.endpoint.user = self.recorder
        self.decisions: list[Decision] = []
        self.endpoint.listener = self.decisions.append
        self.connects: list[NextHop] = []
        self.dns: dict[str, list[NextHop]] = {}
        self.loses: Callable[[bytes], bool] = lambda _: False
        self.perform: Callable[[object], None] = lambda _: None
        self.others: list[object] = []
        self.peers: dict[tuple[str, Address], Peer] = {}
        self.flows: dict[Flow, Peer] = {}
        udp = [each.address for each in listeners if each.transport == "udp"]
        self.udp = udp[0] if udp else Address(HOST, 5060)

    @property
    def events(self) -> list[Event]:
        return self.recorder.events

    def unique(self) -> str:
        self._unique += 1
        return f"u{self._unique}"

    def peer(self, transport: str, host: str, port: int = 5060) -> Peer:
        """Return somebody at an address, who accepts connections if it is no UDP."""
        address = Address(host, port)
        peer = self.peers[transport, address] = Peer(self, transport, address)
        if transport == "udp":
            peer.flow = Flow("udp", self.udp, address)
        return peer

    def connect(self, transport: str, host: str, port: int = 40000) -> Peer:
        """Return somebody who has just opened a connection to the endpoint."""
        peer = Peer(self, transport, Address(host, port))
        local = Address(HOST, DEFAULT_PORTS[transport])
        peer.framer = client_framer(NextHop(transport, local, HOST))
        peer.flow = self.endpoint.flow_opened(transport, local, peer.address, self.now)
        self.flows[peer.flow] = peer
        self.pump()
        greeting = peer.framer.outgoing()
        if greeting:
            peer.send_raw(greeting)
        return peer

    def send(
        self,
        method: str,
        to: Peer | Flow | NextHop,
        *,
        uri: str = "sip:bob@ringway.test",
        headers: Headers = (),
        body: bytes = b"",
        timeout: float | None = None,
    ) -> tuple[ClientTransaction, Recorder]:
        """Let the endpoint send a request; return its transaction and who is told of it.

        A peer is taken as a next hop, or by its flow once it has one that is a connection.
        """
        if isinstance(to, Peer):
            connected = to.flow is not None and to.transport != "udp" and not to.closed
            target = NextHop(to.transport, to.address, to.address.host)
            to = to.flow if connected and to.flow is not None else target
        request = build_request(
            method,
            uri,
            from_="<sip:alice@ringway.test>;tag=a",
            to=f"<{uri}>",
            call_id=f"call-{self.unique()}",
            cseq=1,
            headers=headers,
            body=body,
        )
        owner = Recorder()
        client = self.endpoint.send_request(request, to, owner, self.now, timeout=timeout)
        self.pump()
        return client, owner

    def receive(self, peer: Peer, method: str, **how: Unpack[Fields]) -> ServerTransaction:
        """Let a peer send a request; return the transaction the user is to answer."""
        known = len(self.events)
        peer.request(method, **how)
        event = self.events[known]
        assert isinstance(event, RequestReceived)
        return event.transaction

    def reply(self, transaction: ServerTransaction, status: int, *, headers: Headers = ()) -> None:
        """Let the endpoint answer a request."""
        self.endpoint.reply(transaction, status, self.now, headers=tuple(headers))
        self.pump()

    def respond(self, transaction: ServerTransaction, response: Response) -> None:
        """Let the endpoint send a response made elsewhere, as a proxy does."""
        self.endpoint.respond(transaction, response, self.now)
        self.pump()

    def advance(self, seconds: float) -> None:
        """Let time pass, firing each timer when it is due."""
        self.pump()
        end = round(self.now + seconds, 6)
        while (due := self.endpoint.next_timer()) is not None and due <= end:
            self.now = max(self.now, due)
            self.endpoint.handle_timers(self.now)
            self.pump()
        self.now = end

    def pump(self) -> None:
        """Execute what the endpoint wants, and fire what is due at once, until all is quiet."""
        while True:
            commands = self.endpoint.take_commands()
            for command in commands:
                self._execute(command)
            due = self.endpoint.next_timer()
            if due is not None and due <= self.now:
                self.endpoint.handle_timers(self.now)
            elif not commands:
                return

    def _execute(self, command: object) -> None:
        if isinstance(command, SendDatagram):
            peer = self.peers.get(("udp", command.flow.remote))
            if peer is not None and not self.loses(command.data):
                peer.take_bytes(command.data)
        elif isinstance(command, SendStream):
            self.flows[command.flow].take_bytes(command.data)
        elif isinstance(command, CloseFlow):
            self.flows[command.flow].closed = True
        elif isinstance(command, Connect):
            self.connects.append(command.target)
            self._connect(command.target)
        elif isinstance(command, Resolve):
            found = self.dns.get(command.uri.host, [])
            self.endpoint.resolved(command.key, list(found), self.now)
        else:
            self.others.append(command)
            self.perform(command)

    def _connect(self, target: NextHop) -> None:
        peer = self.peers.get((target.transport, target.address))
        if peer is None or peer.accepting is False:
            self.endpoint.connect_failed(target, "connection refused", self.now)
        elif peer.accepting:
            self.accept(peer, target)

    def accept(self, peer: Peer, target: NextHop) -> None:
        """Let a connection that the endpoint is opening come about."""
        peer.closed = False
        peer.framer = server_framer(target.transport)
        local = Address(HOST, 50000 + len(self.connects))
        # Commands are executed only after the flow has a peer.
        peer.flow = self.endpoint.flow_opened(
            target.transport, local, target.address, self.now, target=target
        )
        self.flows[peer.flow] = peer
        self.pump()


def state_of(transaction: ClientTransaction | ServerTransaction) -> State:
    """Return the state; a type checker takes an attribute for constant, a call not."""
    return transaction.state


def make_request(
    method: str,
    uri: str = "sip:bob@ringway.test",
    *,
    branch: str = "z9hG4bK-1",
    call_id: str = "call-1",
    cseq: int = 1,
    from_: str = "<sip:alice@ringway.test>;tag=a",
    to: str = "",
    sent_by: str = "10.0.0.9:5060",
    transport: str = "udp",
    via_params: str = "",
    headers: Headers = (),
    body: bytes = b"",
) -> Request:
    """Make a request as a user agent sends it."""
    via = f"SIP/2.0/{transport.upper()} {sent_by}{via_params}"
    if branch:
        via += f";branch={branch}"
    draft = build_request(
        method,
        uri,
        from_=from_,
        to=to or f"<{uri}>",
        call_id=call_id,
        cseq=cseq,
        headers=headers,
        body=body,
    ).edit()
    draft.prepend("Via", via)
    request = draft.build()
    assert isinstance(request, Request)
    return request


def kin(request: Request, method: str, *, to: str | None = None) -> Request:
    """Make the ACK to a non-2xx, or the CANCEL, that belongs to a request."""
    draft = build_request(
        method,
        request.uri_text,
        from_=request.get("from") or "",
        to=to or request.get("to") or "",
        call_id=request.call_id,
        cseq=request.cseq.number,
    ).edit()
    draft.prepend("Via", request.get("via") or "")
    made = draft.build()
    assert isinstance(made, Request)
    return made
