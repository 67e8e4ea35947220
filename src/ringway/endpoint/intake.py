"""What arrives at an endpoint: bytes become messages, and unsound ones are refused.

The shell's side of it. The shell gives bytes, connections and the time, and executes the commands
that are collected; the roles' side is `endpoint.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from ringway.endpoint.clients import Clients
from ringway.endpoint.commands import Resolve
from ringway.endpoint.counters import Counters, count_over
from ringway.endpoint.deadlines import Deadlines
from ringway.endpoint.decision import Decision, Kind
from ringway.endpoint.events import (
    FlowClosed,
    FlowOpened,
    PongReceived,
    StunReceived,
    User,
)
from ringway.endpoint.flows import Flows
from ringway.endpoint.gate import Gate
from ringway.endpoint.identity import Identity
from ringway.endpoint.keep_alive import KeepAlives
from ringway.endpoint.refusals import Refusals
from ringway.endpoint.schedule import Schedule
from ringway.endpoint.servers import Servers
from ringway.endpoint.settings import EndpointSettings
from ringway.endpoint.witness import SHORTEST_MESSAGE, Witnessed, is_sip
from ringway.errors import ParseError
from ringway.message import (
    Request,
    Response,
    Uri,
    parse_datagram,
    parse_stream_message,
)
from ringway.transport.flow import Address, Flow, NextHop
from ringway.transport.frames import PONG_BYTES, Frame, FrameKind
from ringway.transport.stun import binding_response, is_stun


class Intake:
    """The shell's side of an endpoint.

    Args:
        settings: where it listens and how long it waits.
        unique: gives a new string of token characters at each call, unguessable and never the
            same again; for branches and tags.
        generation: number of the first connection; above any that an earlier run used.
    """

    def __init__(
        self, settings: EndpointSettings, unique: Callable[[], str], generation: int
    ) -> None:
        self.settings = settings
        self.noting = False
        """True while somebody listens to decisions."""
        self._listener: Callable[[Decision], None] | None = None
        self._witness: Callable[[Witnessed], None] | None = None
        self._unique = unique
        self._now = 0.0
        self._identity = Identity(settings)
        self._schedule = Schedule()
        self.counters = Counters()
        """What it has counted."""
        self._most_head = settings.limits.head
        self._most_body = settings.limits.body
        self._most_headers = settings.limits.headers
        self._flows = Flows(settings, self._identity, generation)
        self._refusals = Refusals(settings, self._flows, unique, self.counters)
        self._clients = Clients(
            settings, self._identity, self._flows, self._schedule, unique, self.counters
        )
        self._servers = Servers(
            settings,
            self._flows,
            self._schedule,
            unique,
            self.resolve,
            self._refusals,
            self.counters,
        )
        self._deadlines = Deadlines(settings, self._schedule, self.counters, self.close_flow)
        self._keep_alives = KeepAlives(
            self._flows, self._schedule, unique, settings.timers.t1, self._tell_user
        )
        self._resolving: dict[int, Callable[[list[NextHop], float], None]] = {}
        self._resolve_key = 0
        self._server_header = (("Server", settings.software),) if settings.software else ()

    @property
    def user(self) -> User | None:
        """Who gets the requests and what happens to flows; set it before the first input."""
        return self._servers.user

    @user.setter
    def user(self, user: User | None) -> None:
        self._servers.user = user

    @property
    def gate(self) -> Gate | None:
        """Who says what is let in; None lets everything in."""
        return self._refusals.gate

    @gate.setter
    def gate(self, gate: Gate | None) -> None:
        self._refusals.gate = gate

    @property
    def transactions(self) -> int:
        """Transactions there are, of both sides."""
        return len(self._servers) + len(self._clients)

    @property
    def unanswered(self) -> int:
        """Requests that have come in and have no final response yet; counted one by one."""
        return self._servers.unanswered

    @property
    def listener(self) -> Callable[[Decision], None] | None:
        """Who is told of decisions; it must not call the endpoint."""
        return self._listener

    @listener.setter
    def listener(self, listener: Callable[[Decision], None] | None) -> None:
        self._listener = listener
        self.noting = listener is not None

    @property
    def witness(self) -> Callable[[Witnessed], None] | None:
        """Who is told of each message that comes or goes; it must not call the endpoint.

        None, which costs nothing, at first. Messages from addresses that are not heard at all are
        not told, see `gate`.
        """
        return self._witness

    @witness.setter
    def witness(self, witness: Callable[[Witnessed], None] | None) -> None:
        self._witness = witness
        self._flows.sending = None if witness is None else self._sending

    # From the shell.

    def datagram_received(self, data: bytes, local: Address, remote: Address, now: float) -> None:
        """Take a datagram that came to the socket bound to ``local``."""
        self._now = now
        if len(data) < SHORTEST_MESSAGE:
            return
        gate = self._refusals.gate
        if gate is not None and gate.bans and not gate.hears(remote.host, now):
            return
        flow = self._flows.datagram_flow(local, remote)
        if data[0] < 2:
            if is_stun(data):
                answer = binding_response(data, remote)
                if answer is not None:
                    self._flows.send(flow, answer)
                else:
                    self._keep_alives.stun_received(flow, data, now)
            return
        if self._witness is not None:
            self._witness(Witnessed(now, flow, sent=False, data=data))
        try:
            message = parse_datagram(data, max_head=self._most_head, max_headers=self._most_headers)
            if len(message.body) > self._most_body:
                self._refuse_body(message)
        except ParseError as error:
            self._refuse(error, flow, now)
        else:
            self._received(message, flow, now)

    def datagram_failed(self, flow: Flow, reason: str, now: float) -> None:
        """Take an ICMP error: nothing listens at ``flow.remote`` (RFC 3261 §18.4, RFC 5626 §7)."""
        self._now = now
        self._keep_alives.forget(flow)
        self._clients.flow_failed(flow, reason, now)
        self._servers.flow_failed(flow, now)
        if self.user is not None:
            self.user.handle(FlowClosed(flow, reason), now)

    def flow_opened(
        self,
        transport: str,
        local: Address,
        remote: Address,
        now: float,
        *,
        target: NextHop | None = None,
        names: tuple[str, ...] = (),
    ) -> Flow:
        """Take a new connection, accepted or (with ``target``) opened on ``Connect``.

        Args:
            transport: tcp, tls, ws or wss.
            local: our side; for an accepted connection the listener.
            remote: the peer's side.
            now: seconds.
            target: what was connected to.
            names: the SIP domains that the peer's certificate proves (RFC 5922 §7.1).
        """
        self._now = now
        flow, waiters = self._flows.opened(transport, local, remote, target, names)
        if self.noting:
            how = "accepted" if target is None else "opened by us"
            self._note_flow(Kind.FLOW_OPENED, flow, how)
        if self.user is not None:
            self.user.handle(FlowOpened(flow), now)
        for waiter in waiters:
            waiter.opened(flow, now)
        connection = self._flows.connection(flow)
        if connection is not None:
            self._deadlines.opened(flow, connection, now, accepted=target is None)
        return flow

    def data_received(self, flow: Flow, data: bytes, now: float) -> None:
        """Take bytes that were read from a connection."""
        self._now = now
        connection = self._flows.connection(flow)
        if connection is None:
            return
        gate = self._refusals.gate
        if gate is not None and gate.bans and not gate.hears(flow.remote.host, now):
            self.close_flow(flow, "nothing is taken from its address for now", now)
            return
        framer = connection.framer
        established = framer.established
        frames = framer.feed(data)
        answer = framer.outgoing()
        if answer:
            self._flows.write(flow, answer)
        for frame in frames:
            if self._witness is not None and frame.head:
                self._witness(Witnessed(now, flow, sent=False, data=frame.head + frame.body))
            if frame.kind is FrameKind.MESSAGE:
                self._take_message(frame, flow, now)
            elif frame.kind is FrameKind.PONG:
                self._keep_alives.pong_received(flow, now)
            elif frame.kind is FrameKind.PING:
                # Two pongs with nothing in between look like a ping; one that waits knows better.
                if not self._keep_alives.pong_received(flow, now):
                    self._flows.send(flow, PONG_BYTES)
            elif frame.kind is FrameKind.BROKEN:
                self._refuse_frame(frame, flow, now)
            if self._flows.connection(flow) is None:
                return
        if framer.closing:
            self.close_flow(flow, frames[-1].reason if frames else "closed by the peer", now)
        elif framer.unfinished or connection.deadline is not None:
            self._deadlines.received(
                flow, connection, now, established=established, done=bool(frames)
            )

    def flow_closed(self, flow: Flow, reason: str, now: float) -> None:
        """Take the end of a connection; requests that wait on it fail in this call."""
        self._now = now
        if self._flows.closed(flow):
            self._gone(flow, reason, now)

    def connect_failed(self, target: NextHop, reason: str, now: float) -> None:
        """Take the failure of a ``Connect``."""
        self._now = now
        for waiter in self._flows.not_opened(target):
            waiter.failed(reason, now)

    def resolved(self, key: int, targets: list[NextHop], now: float) -> None:
        """Take the answer to a ``Resolve``; empty if the URI leads nowhere."""
        self._now = now
        callback = self._resolving.pop(key, None)
        if callback is not None:
            callback(targets, now)

    def next_timer(self) -> float | None:
        """Return when ``handle_timers`` must be called, None for never."""
        return self._schedule.next_due()

    def handle_timers(self, now: float) -> None:
        """Fire what is due."""
        self._now = now
        self._schedule.fire_due(now)

    def take_commands(self) -> list[object]:
        """Return the commands since the last call, to be executed in order."""
        commands = self._flows.commands
        if commands:
            self._flows.commands = []
        return commands

    # For the roles too.

    def close_flow(self, flow: Flow, reason: str, now: float) -> None:
        """Close a connection: for everyone but the shell it is gone when this returns."""
        if self._flows.close(flow, reason):
            self._gone(flow, reason, now)

    def resolve(
        self, uri: Uri, callback: Callable[[list[NextHop], float], None], now: float
    ) -> None:
        """Find the next hops of a URI, best first (RFC 3263).

        The callback is called within this call if the host is an address, else later. An empty
        list means that there is nowhere to send to.
        """
        self._now = now
        hops = self._identity.numeric_hops(uri)
        if hops is not None:
            callback(hops.copy(), now)
            return
        self._resolve_key += 1
        self._resolving[self._resolve_key] = callback
        self._flows.commands.append(Resolve(uri, self._resolve_key))

    def note(self, decision: Decision) -> None:
        """Tell the listener of a decision; look at ``noting`` before making one."""
        if self._listener is not None:
            self._listener(decision)

    def _sending(self, flow: Flow, data: bytes) -> None:
        if self._witness is not None and is_sip(data):
            self._witness(Witnessed(self._now, flow, sent=True, data=data))

    # What has arrived.

    def _received(self, message: Request | Response, flow: Flow, now: float) -> None:
        """Give a sound message to the side it is for."""
        if isinstance(message, Request):
            self._servers.receive(message, flow, now)
        elif not self._clients.receive(message, flow, now) and self.noting:
            self._note_dropped(message, flow, "a response that matches no request of ours")

    def _take_message(self, frame: Frame, flow: Flow, now: float) -> None:
        try:
            if flow.websocket:  # the frame is the boundary; Content-Length may be missing
                message = parse_datagram(frame.head + frame.body, max_headers=self._most_headers)
            else:
                message = parse_stream_message(
                    frame.head, frame.body, max_headers=self._most_headers
                )
        except ParseError as error:
            self._refuse(error, flow, now)
        else:
            self._received(message, flow, now)

    def _refuse_body(self, message: Request | Response) -> None:
        if not message.is_request:
            count_over(self.counters.over, "message_size")
        raise ParseError(
            f"body of more than {self._most_body} bytes",
            status=513 if message.is_request else None,
            message=message,
        )

    def _refuse_frame(self, frame: Frame, flow: Flow, now: float) -> None:
        """Answer what the framer could not cut out, as far as there is a request to answer."""
        try:
            parsed: object = parse_datagram(frame.head) if frame.head else None
        except ParseError as error:
            parsed = error.message
        broken = ParseError(frame.reason, status=frame.status or None, message=parsed)
        self._refuse(broken, flow, now)

    def _refuse(self, error: ParseError, flow: Flow, now: float) -> None:
        """Answer an unsound request without a transaction, or drop it."""
        self.counters.unsound += 1
        gate = self._refusals.gate
        if gate is not None and not gate.answers(flow, now):
            return
        if self.noting:
            request = error.message
            self._note_dropped(request if isinstance(request, Request) else None, flow, str(error))
        self._refusals.unsound(error, flow)

    def _gone(self, flow: Flow, reason: str, now: float) -> None:
        """A connection is gone: fail what waits on it, then tell the user."""
        self._keep_alives.forget(flow)
        if self.noting:
            self._note_flow(Kind.FLOW_CLOSED, flow, reason)
        self._clients.flow_failed(flow, reason, now)
        if self.user is not None:
            self.user.handle(FlowClosed(flow, reason), now)

    def _tell_user(self, event: PongReceived | StunReceived, now: float) -> None:
        self._now = now
        if self.user is not None:
            self.user.handle(event, now)

    def _note_flow(self, kind: Kind, flow: Flow, text: str) -> None:
        self.note(Decision(at=self._now, kind=kind, text=text, flow=flow))

    def _note_dropped(self, message: Request | Response | None, flow: Flow, text: str) -> None:
        self.note(
            Decision(
                at=self._now,
                kind=Kind.DROPPED,
                text=text,
                call_id="" if message is None else message.get("call-id") or "",
                method=message.method if isinstance(message, Request) else "",
                status=message.status if isinstance(message, Response) else 0,
                flow=flow,
            )
        )
