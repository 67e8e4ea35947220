"""The client side: requests go out, responses find them again (RFC 3261 §17.1, §18.1).

What to do when is in the tables of ``ringway.transaction``; this is how it is done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ringway.codes import Source
from ringway.endpoint.counters import Counters, count_method, count_status
from ringway.endpoint.events import Owner, RequestFailed, ResponseReceived
from ringway.endpoint.flows import Flows, serialize
from ringway.endpoint.identity import Identity
from ringway.endpoint.schedule import CallTimer, Schedule
from ringway.endpoint.settings import EndpointSettings
from ringway.endpoint.transaction_timer import TransactionTimer
from ringway.endpoint.transactions import ClientTransaction
from ringway.message import Draft, Request, Response, build_ack, build_cancel
from ringway.transaction import INVITE_CLIENT, NON_INVITE_CLIENT, Action, Input, State
from ringway.transaction.keys import COOKIE, ClientKey, client_key
from ringway.transport.flow import TCP, UDP, Address, Flow, NextHop

_REFUSAL_REMEMBERED: Final = 600.0  # seconds
_MOST_REFUSALS: Final = 1000

# A member of an enum costs more to find than a name of the module, and these are asked for with
# every message.
_PROVISIONAL: Final = Input.PROVISIONAL
_SUCCESS: Final = Input.SUCCESS
_FAILURE: Final = Input.FAILURE
_FINAL: Final = Input.FINAL
_TIMER_A: Final = Input.TIMER_A
_TIMER_E: Final = Input.TIMER_E
_PROCEEDING: Final = State.PROCEEDING
_COMPLETED: Final = State.COMPLETED
_ACCEPTED: Final = State.ACCEPTED
_TERMINATED: Final = State.TERMINATED
_RESEND: Final = Action.RESEND
_SEND_ACK: Final = Action.SEND_ACK
_CANCEL_LATER: Final = Action.CANCEL_LATER
_RECONNECT: Final = Action.RECONNECT
_TELL: Final = Action.TELL
_TELL_TRANSPORT: Final = Action.TELL_TRANSPORT
_TELL_TIMEOUT: Final = Action.TELL_TIMEOUT
_BACK_OFF: Final = Action.BACK_OFF
_STOP_SENDING: Final = Action.STOP_SENDING
_STOP_WAITING: Final = Action.STOP_WAITING
_START_A: Final = Action.START_A
_START_B: Final = Action.START_B
_START_E: Final = Action.START_E
_START_F: Final = Action.START_F
_START_KEPT: Final = Action.START_KEPT


class Clients:
    """All client transactions of one endpoint.

    Args:
        settings: the endpoint's.
        identity: knows our Via.
        flows: carries the requests.
        schedule: runs the timers.
        unique: makes branches.
    """

    __slots__ = (
        "_counters",
        "_flows",
        "_identity",
        "_in_flight",
        "_max_datagram",
        "_no_tcp",
        "_schedule",
        "_timers",
        "_transactions",
        "_unique",
        "_waits",
        "_waits_reliable",
    )

    def __init__(
        self,
        settings: EndpointSettings,
        identity: Identity,
        flows: Flows,
        schedule: Schedule,
        unique: Callable[[], str],
        counters: Counters,
    ) -> None:
        self._counters = counters
        self._identity = identity
        self._flows = flows
        self._schedule = schedule
        self._unique = unique
        self._timers = settings.timers
        self._max_datagram = settings.max_datagram
        self._waits = settings.timers.waits(reliable=False)
        self._waits_reliable = settings.timers.waits(reliable=True)
        self._transactions: dict[ClientKey, ClientTransaction] = {}
        self._in_flight: dict[Flow, dict[ClientTransaction, None]] = {}
        self._no_tcp: dict[Address, float] = {}

    def __len__(self) -> int:
        return len(self._transactions)

    def send(
        self,
        request: Request | Draft[Request],
        to: Flow | NextHop,
        owner: Owner | None,
        now: float,
        timeout: float | None,
        branch_suffix: str,
    ) -> ClientTransaction:
        """Send a request in a new transaction; see ``Endpoint.send_request``."""
        flow = to if isinstance(to, Flow) else self._flows.flow_to(to)
        branch = self._branch(branch_suffix)
        draft = self._with_via(request, to.transport, flow, branch)
        method = draft.message.method
        machine = INVITE_CLIENT if method == "INVITE" else NON_INVITE_CLIENT
        reliable = to.transport != UDP
        client = ClientTransaction(machine, branch, method, draft, owner, reliable=reliable)
        client.buffer = serialize(draft, reliable=reliable)
        client.timeout = timeout
        self._transactions[branch, method] = client
        count_method(self._counters.requests_sent, method)
        target = to if isinstance(to, NextHop) else None
        client.target = target
        if (
            target is not None
            and flow is not None
            and not client.reliable
            and len(client.buffer) > self._max_datagram
            and self._no_tcp.get(target.address, 0.0) <= now
        ):
            target, flow = self._upgrade(client, target, now)
        if flow is not None and self._flows.is_live(flow):
            self._fly(client, flow)
        elif target is not None and client.reliable:
            self._flows.connect(target, _Queued(self, client))
        else:
            # Told later, so that no event comes before the caller knows the transaction.
            lost = TransactionTimer(now, self, client, Input.TRANSPORT_ERROR)
            self._schedule.start(lost, now)
        for action in machine.entry[1]:
            self._do(client, action, now)
        return client

    def with_via(
        self,
        request: Request | Draft[Request],
        transport: str,
        flow: Flow | None,
        branch_suffix: str,
    ) -> Draft[Request]:
        """Return a request with our Via on top, to be sent without a transaction."""
        return self._with_via(request, transport, flow, self._branch(branch_suffix))

    def receive(self, response: Response, flow: Flow, now: float) -> bool:
        """Give a response to its transaction; False if it has none (RFC 3261 §18.1.2)."""
        client = self._transactions.get(client_key(response))
        if client is None or not self._identity.wrote(response.top_via):
            return False
        if flow != client.flow and (client.flow is None or not self._flows.is_live(client.flow)):
            self._land(client)
            if client.sent is None:
                client.flow = flow  # where a late ACK goes; nothing depends on a flow any more
            else:
                self._fly(client, flow)
        client.heard = True
        status = response.status
        count_status(self._counters.responses_received, status)
        if status < 200:
            self._step(client, _PROVISIONAL, now, response, flow)
            if client.cancel_later and client.state is _PROCEEDING:
                client.cancel_later = False
                self._step(client, Input.CANCEL, now)
        elif client.method != "INVITE":
            self._step(client, _FINAL, now, response, flow)
        elif status < 300:
            self._step(client, _SUCCESS, now, response, flow)
        else:
            self._step(client, _FAILURE, now, response, flow)
        return True

    def cancel(
        self, client: ClientTransaction, headers: tuple[tuple[str, str], ...], now: float
    ) -> None:
        """CANCEL an INVITE once that is allowed; see ``Endpoint.cancel``."""
        if client.method == "INVITE":
            client.cancel_headers = headers
            self._step(client, Input.CANCEL, now)

    def stop(self, client: ClientTransaction, linger: float | None, now: float) -> None:
        """Keep a transaction for late responses; see ``Endpoint.stop_retransmitting``."""
        if client.owner is not None:
            client.linger = linger
            self._step(client, Input.STOP, now)

    def resume(self, client: ClientTransaction, now: float) -> None:
        """Ask again for what was kept; see ``Endpoint.resume``."""
        if client.sent is not None and not client.heard:
            client.buffer = serialize(client.sent, reliable=client.reliable)
            self._step(client, Input.RESUME, now)

    def flow_failed(self, flow: Flow, reason: str, now: float) -> None:
        """Tell the transactions that wait for a final response to what went over a flow."""
        for client in self._in_flight.pop(flow, {}):
            if client.target is None or not flow.reliable:
                self._step(client, Input.TRANSPORT_ERROR, now, detail=reason)
                continue
            client.flow = None
            if client.method == "CANCEL":  # its server is that of its INVITE (RFC 3263 §4.4)
                self._reconnect(client, now)
            else:
                self._step(client, Input.CLOSED, now, detail=reason)

    def fired(self, client: ClientTransaction, symbol: Input, now: float) -> None:
        """Take a timer of a transaction."""
        self._step(client, symbol, now)

    def opened(self, client: ClientTransaction, flow: Flow, now: float) -> None:
        """Send a request that waited for a connection, or give one that was heard its way back."""
        if client.flow is not None or client.state >= State.KEPT:
            return
        if client.state is _PROCEEDING:
            self._fly(client, flow)
            return
        if client.cancel_later:
            self._step(client, Input.TRANSPORT_ERROR, now, detail="cancelled before it was sent")
            return
        if client.method != "CANCEL":  # that has the Via of its INVITE (RFC 3261 §9.1)
            self._rename(client, flow)
        self._fly(client, flow)
        self._do(client, Action.RESEND, now)

    def not_opened(self, client: ClientTransaction, reason: str, now: float) -> None:
        """Take the failure of a connection that a request waited for."""
        if client.flow is not None or client.state >= State.KEPT:
            return
        if client.upgraded and client.state is not _PROCEEDING:
            self._fall_back(client, now)
        else:
            self._step(client, Input.TRANSPORT_ERROR, now, detail=reason)

    def connect(self, client: ClientTransaction, now: float) -> None:
        """Find a connection for a request that has lost its own."""
        target = self._server(client)
        if target is None or client.flow is not None or client.state >= _COMPLETED:
            return
        flow = self._flows.flow_to(target)
        if flow is not None:
            self.opened(client, flow, now)
        else:
            self._flows.connect(target, _Queued(self, client))

    def _reconnect(self, client: ClientTransaction, now: float) -> None:
        """Connect again: at once, but later on not to a server that closes all it accepts."""
        if client.reconnected:
            self._schedule.start(CallTimer(now + self._timers.t2, _Queued(self, client).late), now)
        else:
            client.reconnected = True
            self.connect(client, now)

    def _server(self, client: ClientTransaction) -> NextHop | None:
        """Return where a request to a next hop really went."""
        target = client.target
        return target._replace(transport=TCP) if target and client.upgraded else target

    def _branch(self, suffix: str) -> str:
        branch = COOKIE + self._unique()
        return f"{branch}.{suffix}" if suffix else branch

    def _with_via(
        self, request: Request | Draft[Request], transport: str, flow: Flow | None, branch: str
    ) -> Draft[Request]:
        prefix = self._identity.via_prefix(transport, None if flow is None else flow.local)
        draft = request.edit() if isinstance(request, Request) else request
        draft.prepend("Via", prefix + branch)
        return draft

    def _upgrade(
        self, client: ClientTransaction, udp: NextHop, now: float
    ) -> tuple[NextHop, Flow | None]:
        """Turn a request that is too long for UDP to TCP (RFC 3261 §18.1.1)."""
        client.upgraded = True
        client.reliable = True
        tcp = NextHop(TCP, udp.address, udp.name)
        flow = self._flows.flow_to(tcp)
        if flow is not None:
            self._rename(client, flow)
        else:
            # A firewall that swallows the attempt must not swallow the request with it.
            patience = CallTimer(now + self._timers.t2, _Queued(self, client).given_up)
            self._schedule.start(patience, now)
        return tcp, flow

    def _fall_back(self, client: ClientTransaction, now: float) -> None:
        """Use UDP after all, here and for a while (RFC 3261 §18.1.1)."""
        client.upgraded = False
        client.reliable = False
        target = client.target
        flow = None if target is None else self._flows.flow_to(target)
        assert target is not None  # noqa: S101 - only a request to a target was upgraded
        assert flow is not None  # noqa: S101 - it was chosen for UDP because there is a way
        if len(self._no_tcp) >= _MOST_REFUSALS:
            self._no_tcp.clear()
        self._no_tcp[target.address] = now + _REFUSAL_REMEMBERED
        self._rename(client, flow)
        self._fly(client, flow)
        self._do(client, Action.RESEND, now)
        self._do(client, Action.START_A if client.method == "INVITE" else Action.START_E, now)

    def _rename(self, client: ClientTransaction, flow: Flow) -> None:
        """Make our Via say what the request goes over now."""
        draft = client.sent
        assert draft is not None  # noqa: S101 - it is let go with the final response only
        draft.replace_top_via(self._identity.via_prefix(flow.transport, flow.local) + client.branch)
        client.buffer = serialize(draft, reliable=client.reliable)

    def _fly(self, client: ClientTransaction, flow: Flow) -> None:
        """Note what flow a request depends on."""
        client.flow = flow
        flying = self._in_flight.get(flow)
        if flying is None:
            self._in_flight[flow] = {client: None}
        else:
            flying[client] = None

    def _land(self, client: ClientTransaction) -> None:
        """A request depends on its flow no longer."""
        flow = client.flow
        if flow is not None:
            flying = self._in_flight.get(flow)
            if flying is not None:
                flying.pop(client, None)
                if not flying:
                    del self._in_flight[flow]

    def _step(
        self,
        client: ClientTransaction,
        symbol: Input,
        now: float,
        response: Response | None = None,
        flow: Flow | None = None,
        detail: str = "",
    ) -> None:
        """Do what the table says of an input."""
        state, actions = client.table[client.state, symbol]
        client.state = state
        for action in actions:
            if action is _TELL:
                owner = client.owner
                if owner is not None and response is not None and flow is not None:
                    owner.handle(ResponseReceived(client, response, flow), now)
            elif action is _SEND_ACK:
                self._acknowledge(client, response)
            elif action is _TELL_TRANSPORT:
                self._tell(client, Source.TRANSPORT, detail or "the flow is not there", now)
            elif action is _TELL_TIMEOUT:
                self._tell(client, Source.TIMER, "no final response in time", now)
            else:
                self._do(client, action, now)
        # Told of the end the owner may have kept the transaction, so look at the state again.
        state = client.state
        if state >= _COMPLETED:
            self._release(client, state)
            instant = client.instant
            if instant is not None:
                client.instant = None
                self._step(client, instant, now)

    def _do(self, client: ClientTransaction, action: Action, now: float) -> None:
        """Do an action that needs nothing but the transaction."""
        if action >= _START_A:
            if action is _START_A or action is _START_E:
                if not client.reliable:
                    client.interval = self._timers.t1
                    self._start_sending(client, action, now)
            else:
                self._start_waiting(client, action, now)
        elif action is _STOP_SENDING:
            if client.sending is not None:
                client.sending.cancel()
                client.sending = None
            client.buffer = b""
        elif action is _STOP_WAITING:
            if client.waiting is not None:
                client.waiting.cancel()
                client.waiting = None
        elif action is _RESEND:
            if client.flow is not None:
                self._flows.send(client.flow, client.buffer)
        elif action is _BACK_OFF:
            self._back_off(client, now)
        elif action is _CANCEL_LATER:
            client.cancel_later = True
        elif action is _RECONNECT:
            self._reconnect(client, now)
        else:
            assert action is Action.SEND_CANCEL  # noqa: S101 - the rest is for servers
            self._send_cancel(client, now)

    def _start_sending(self, client: ClientTransaction, action: Action, now: float) -> None:
        symbol = _TIMER_A if action is _START_A else _TIMER_E
        length = client.interval
        timer = client.sending = TransactionTimer(now + length, self, client, symbol)
        self._schedule.start_after(timer, length)

    def _back_off(self, client: ClientTransaction, now: float) -> None:
        """Double the interval; only Timer A goes beyond T2 (RFC 3261 §17.1.1.2, §17.1.2.2)."""
        if client.method == "INVITE":
            client.interval *= 2
            self._start_sending(client, Action.START_A, now)
        else:
            doubled = min(client.interval * 2, self._timers.t2)
            client.interval = self._timers.t2 if client.state is State.PROCEEDING else doubled
            self._start_sending(client, Action.START_E, now)

    def _start_waiting(self, client: ClientTransaction, action: Action, now: float) -> None:
        if client.waiting is not None:
            client.waiting.cancel()
            client.waiting = None
        client.instant = None
        waits = self._waits_reliable if client.reliable else self._waits
        symbol, length = waits[action]
        if action is _START_KEPT:
            if client.linger is not None:
                length = client.linger
        elif client.timeout is not None and (action is _START_B or action is _START_F):
            length = client.timeout
        if length == 0.0:
            client.instant = symbol
        else:
            timer = client.waiting = TransactionTimer(now + length, self, client, symbol)
            self._schedule.start_after(timer, length)

    def _acknowledge(self, client: ClientTransaction, response: Response | None) -> None:
        """Send the ACK to a final response other than 2xx, to where the INVITE went."""
        request = client.request
        if request is not None and response is not None:
            client.buffer = serialize(build_ack(request, response), reliable=True)
        assert client.flow is not None  # noqa: S101 - a response came, so there is one
        self._flows.send(client.flow, client.buffer)

    def _send_cancel(self, client: ClientTransaction, now: float) -> None:
        """Send a CANCEL over the flow its INVITE took, or to the same server (RFC 3261 §9.1)."""
        request = client.request
        if request is None:  # a provisional after a final response: a fault of the peer
            return
        draft = build_cancel(request, client.cancel_headers).edit()
        cancel = ClientTransaction(
            NON_INVITE_CLIENT, client.branch, "CANCEL", draft, None, reliable=client.reliable
        )
        cancel.buffer = serialize(draft, reliable=True)
        cancel.target = self._server(client)
        self._transactions[cancel.branch, "CANCEL"] = cancel
        if client.flow is not None:
            self._fly(cancel, client.flow)
        for action in NON_INVITE_CLIENT.entry[1]:
            self._do(cancel, action, now)
        if client.flow is None:
            self.connect(cancel, now)

    def _tell(self, client: ClientTransaction, source: Source, detail: str, now: float) -> None:
        if client.owner is not None:
            client.owner.handle(RequestFailed(client, source, detail), now)

    def _release(self, client: ClientTransaction, state: State) -> None:
        """Let go of what a state does not need any more."""
        if client.sent is not None:
            self._land(client)
            client.sent = None
        if state is _TERMINATED:
            key = client.branch, client.method
            if self._transactions.get(key) is client:
                del self._transactions[key]
            client.owner = None
            client.buffer = b""
        elif client.method != "INVITE":
            client.owner = None  # nothing is told after the one final response
        elif state is _ACCEPTED:
            client.buffer = b""


class _Queued:
    """A request that waits for a connection."""

    __slots__ = ("_client", "_clients")

    def __init__(self, clients: Clients, client: ClientTransaction) -> None:
        self._clients = clients
        self._client = client

    def opened(self, flow: Flow, now: float) -> None:
        self._clients.opened(self._client, flow, now)

    def failed(self, reason: str, now: float) -> None:
        self._clients.not_opened(self._client, reason, now)

    def late(self, now: float) -> None:
        self._clients.connect(self._client, now)

    def given_up(self, now: float) -> None:
        if self._client.state is not _PROCEEDING:
            self.failed("no connection in time", now)
