"""The endpoint: the one place bytes become events.

It joins the transport layer of RFC 3261 §18 to the transactions of §17. The shell gives it bytes,
connections and the time, and executes the commands it collects; the roles get events and act by
calling it. It owns no socket, clock or random source, so all of SIP runs in tests on a virtual
clock.

After each call from the shell or from a test the commands must be taken and executed, and the timer
set to ``next_timer``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from ringway.endpoint.clients import Clients
from ringway.endpoint.commands import Resolve
from ringway.endpoint.counters import Counters, count_over
from ringway.endpoint.deadlines import Deadlines
from ringway.endpoint.decision import Decision, Kind
from ringway.endpoint.events import (
    FlowClosed,
    FlowOpened,
    Owner,
    PongReceived,
    StunReceived,
    User,
)
from ringway.endpoint.flows import Flows, Own, serialize
from ringway.endpoint.gate import Gate
from ringway.endpoint.identity import Identity
from ringway.endpoint.keep_alive import KeepAlives
from ringway.endpoint.refusals import Refusals
from ringway.endpoint.schedule import CallTimer, Schedule, Timer
from ringway.endpoint.servers import Servers
from ringway.endpoint.settings import EndpointSettings
from ringway.endpoint.transactions import ClientTransaction, ServerTransaction
from ringway.errors import ParseError
from ringway.message import (
    Draft,
    Request,
    Response,
    Uri,
    build_response,
    parse_datagram,
    parse_stream_message,
)
from ringway.transport.flow import UDP, Address, Flow, NextHop
from ringway.transport.frames import PONG_BYTES, Frame, FrameKind
from ringway.transport.stun import binding_response, is_stun

TRYING: Final = 0.2
"""Seconds that an INVITE may wait for its 100 (RFC 3261 §17.2.1)."""

_SHORTEST: Final = 20
"""A datagram shorter than this is neither SIP nor STUN but some phone's keep-alive."""


class Endpoint:
    """A SIP endpoint without its sockets.

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

    # From the shell.

    def datagram_received(self, data: bytes, local: Address, remote: Address, now: float) -> None:
        """Take a datagram that came to the socket bound to ``local``."""
        self._now = now
        if len(data) < _SHORTEST:
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

    # From the roles.

    def refuse(
        self,
        transaction: ServerTransaction,
        status: int,
        now: float,
        *,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Answer a request that proves nothing once, and forget it (RFC 3261 §26.3.2.4).

        The answer is not sent again unless the request is: whose address stands on it may not have
        asked. One whose credentials are ``proven``, or that has had a provisional response, is
        replied to as usual.
        """
        self._now = now
        request = transaction.request
        if request is None or transaction.proven or not self._servers.forget(transaction, now):
            self.reply(transaction, status, now, headers=headers)
            return
        gate = self._refusals.gate
        if gate is not None:
            gate.answered(request, transaction.flow, status, now, proven=False)
        self._refusals.send(request, transaction.flow, status, headers)

    def respond(
        self, transaction: ServerTransaction, response: Response | Draft[Response], now: float
    ) -> None:
        """Send a response; ignored where the transaction's state allows none any more.

        A draft is used up, as in ``send_request``.

        A 2xx to an INVITE goes out in every state before the ACK, so a proxy forwards each one it
        gets. A provisional to anything but INVITE goes out only if it is a 100, on a reliable
        transport or once Timer E would have reached T2 (RFC 4320 §4.1).
        """
        self._now = now
        self._servers.respond(transaction, response, now)

    def reply(
        self,
        transaction: ServerTransaction,
        status: int,
        now: float,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        reason: str | None = None,
    ) -> None:
        """Make a response without a body and ``respond`` with it; ignored after a final one."""
        self._now = now
        request = transaction.request
        if request is not None:
            if status > 100 and not transaction.tag:
                transaction.tag = self._unique()
            response = build_response(
                request,
                status,
                reason=reason,
                to_tag=transaction.tag,
                headers=(*self._server_header, *headers),
            )
            self._servers.respond(transaction, response, now)

    def answer_quietly(self, transaction: ServerTransaction, now: float) -> None:
        """Say 100 to an INVITE only when 200 ms have brought no other response (RFC 3261 §17.2.1).

        A failure that comes before, over datagrams, is not repeated unless the INVITE is: whose
        address stands on it may not have asked (§26.3.2.4), and who has asked does repeat it.
        """
        if transaction.reliable:
            self.reply(transaction, 100, now)
            return
        transaction.quiet = True

        def late(now: float) -> None:
            if transaction.quiet:
                self.reply(transaction, 100, now)

        self.timer(now + TRYING, late)

    def withhold_trying(self, transaction: ServerTransaction) -> None:
        """Send no 100 by RFC 4320 §4.1 before the user does: ``reply`` with 100 ends it.

        That 100 then goes out as soon as §4.1 allows.
        """
        transaction.withheld = True

    def send_request(
        self,
        request: Request | Draft[Request],
        to: Flow | NextHop,
        owner: Owner | None,
        now: float,
        *,
        timeout: float | None = None,
        branch_suffix: str = "",
    ) -> ClientTransaction:
        """Send a request in a new client transaction.

        The owner gets its events later, never within this call. A flow that closes is a failure at
        once. So is the connection to a next hop that has said nothing; one that has spoken is
        connected to again and waited for, and only when that is refused has it failed.

        Args:
            request: without a Via of ours, which is put on top. A draft is used up; it saves a
                copy when the caller has just made one.
            to: a flow, used as it is; or a next hop, reached over an open connection to it if
                there is one, else by opening one. A request too long for UDP goes to a next hop
                over TCP first (RFC 3261 §18.1.1).
            owner: gets ``ResponseReceived`` and ``RequestFailed``.
            now: seconds.
            timeout: instead of 64*T1 for timer B or F, in seconds.
            branch_suffix: ends the branch, behind a dot, for loop detection (RFC 3261 §16.6).
        """
        self._now = now
        return self._clients.send(request, to, owner, now, timeout, branch_suffix)

    def send_stateless(
        self,
        message: Request | Response | Draft[Request] | Draft[Response],
        to: Flow | NextHop,
        now: float,
        *,
        branch_suffix: str = "",
    ) -> None:
        """Send an ACK to a 2xx, or a response, once and without a transaction.

        A request gets our Via on top. Nobody is told if it cannot be sent.
        """
        self._now = now
        flow = to if isinstance(to, Flow) else self._flows.flow_to(to)
        draft = message if isinstance(message, Draft) else message.edit()
        if draft.message.is_request:
            self._clients.with_via(cast("Draft[Request]", draft), to.transport, flow, branch_suffix)
        data = serialize(draft, reliable=to.transport != UDP)
        if flow is not None:
            self._flows.send(flow, data)
        elif isinstance(to, NextHop) and to.transport != UDP:
            self._flows.connect(to, _Once(self._flows, data))

    def cancel(
        self,
        client: ClientTransaction,
        now: float,
        *,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """CANCEL an INVITE: now if a provisional has come, else when one comes (RFC 3261 §9.1).

        If no final response follows within 64*T1, the owner gets ``RequestFailed`` (TIMER).

        Args:
            client: the INVITE's transaction; nothing happens if it has a final response.
            now: seconds.
            headers: go into the CANCEL, a Reason for instance (RFC 3326).
        """
        self._now = now
        self._clients.cancel(client, headers, now)

    def stop_retransmitting(
        self, client: ClientTransaction, *, linger: float | None = None
    ) -> None:
        """Leave a transaction alone but keep it for late responses.

        No retransmissions, no timer B or F, no end when its flow closes. To keep one that fails,
        call this within its ``RequestFailed``; an INVITE may also be kept within the event of its
        final response. If nothing more comes, the owner gets ``RequestFailed`` (TIMER) after
        ``linger`` seconds, 64*T1 if None. A provisional makes an INVITE an ordinary one again.
        """
        self._clients.stop(client, linger, self._now)

    def resume(self, client: ClientTransaction, now: float) -> None:
        """Ask again: take back ``stop_retransmitting``.

        Retransmissions and timer B or F begin anew; over a connection, which loses nothing, only
        the timer, unless that connection has closed and there is another one to the next hop.
        Nothing happens where any response has ever come.
        """
        self._now = now
        self._clients.resume(client, now)

    def timer(self, at: float, callback: Callable[[float], None]) -> Timer:
        """Have ``callback(now)`` called at ``at``; the caller may cancel it."""
        timer = CallTimer(at, callback)
        self._schedule.start(timer, self._now)
        return timer

    def is_live(self, flow: Flow) -> bool:
        """Say whether a message sent to this flow would go anywhere."""
        return self._flows.is_live(flow)

    def certificate_names(self, flow: Flow) -> tuple[str, ...]:
        """Return the SIP domains that the peer of a flow has proved to be, lower case.

        They are those of its certificate (RFC 5922 §7.1): none without TLS, without a certificate,
        or once the flow is closed.
        """
        connection = self._flows.connection(flow)
        return () if connection is None else connection.names

    def open_flow(
        self, target: NextHop, callback: Callable[[Flow | None, str, float], None], now: float
    ) -> None:
        """Open a connection to a next hop even if there is one already (RFC 5626 §4.2.1).

        ``callback(flow, reason, now)`` gets it, or None and why there is none: within this call for
        UDP, whose flow is the one there always is, else later. Close what is not wanted any more.
        """
        self._now = now
        if target.reliable:
            self._flows.connect_own(target, Own(callback))
            return
        flow = self._flows.flow_to(target)
        callback(flow, "" if flow else f"nothing to send from to {target}", now)

    def keep_alive(self, flow: Flow, now: float) -> None:
        """Try whether a flow of ours still works (RFC 5626 §4.4, RFC 7118 §6).

        A double CRLF goes out, a WebSocket Ping, or over UDP a STUN Binding request: that only
        where the server is known to answer it (§8). The user gets ``PongReceived`` when an answer
        comes; over UDP ``StunReceived``, after 79 times T1 at the latest if the flow lives on.
        """
        self._now = now
        self._keep_alives.send(flow, now)

    def is_stranger(self, transaction: ServerTransaction) -> bool:
        """Say whether a request may be somebody else's than whose address stands on it.

        So it is over datagrams, where nothing has proved who sent it and the gate knows nobody
        there.
        """
        if transaction.reliable or transaction.proven:
            return False
        return not self._refusals.believes(transaction.flow)

    def flow_to(self, target: NextHop) -> Flow | None:
        """Return the flow that ``send_request`` would take, None if it would have to connect."""
        return self._flows.flow_to(target)

    def close_flow(self, flow: Flow, reason: str, now: float) -> None:
        """Close a connection: for everyone but the shell it is gone when this returns."""
        if self._flows.close(flow, reason):
            self._gone(flow, reason, now)

    def is_self(self, host: str, port: int | None, transport: str = "") -> bool:
        """Say whether a URI's or Via's host and port mean this endpoint."""
        return self._identity.is_self(host, port, transport)

    def route_uri(self, transport: str, user: str = "", flow: Flow | None = None) -> str:
        """Return a URI by which requests come back here, for Record-Route and Path.

        Args:
            transport: what they shall come over.
            user: the user part, a flow token for instance.
            flow: a flow of ours, to name the listener it belongs to.
        """
        return self._identity.uri(transport, user, None if flow is None else flow.local) + ";lr"

    def contact_uri(self, transport: str, user: str = "", flow: Flow | None = None) -> str:
        """Return ``route_uri`` without ``lr``, for a Contact."""
        return self._identity.uri(transport, user, None if flow is None else flow.local)

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

    def emit(self, command: object) -> None:
        """Hand a command of a role to the shell."""
        self._flows.commands.append(command)

    def note(self, decision: Decision) -> None:
        """Tell the listener of a decision; look at ``noting`` before making one."""
        if self._listener is not None:
            self._listener(decision)

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
        self._clients.flow_failed(flow, reason, now)
        if self.noting:
            self._note_flow(Kind.FLOW_CLOSED, flow, reason)
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


class _Once:
    """A message without a transaction that waits for a connection."""

    __slots__ = ("_data", "_flows")

    def __init__(self, flows: Flows, data: bytes) -> None:
        self._flows = flows
        self._data = data

    def opened(self, flow: Flow, now: float) -> None:  # noqa: ARG002 - what a waiter is told
        self._flows.send(flow, self._data)

    def failed(self, reason: str, now: float) -> None:
        """Nobody waits for it."""
