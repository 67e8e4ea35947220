"""The server side: requests come in, responses find their way back (RFC 3261 §17.2, §18.2, §9.2).

What to do when is in the tables of ``ringway.transaction``; this is how it is done.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ringway.codes import Source
from ringway.endpoint.counters import Counters, count_method, count_status
from ringway.endpoint.delivery import Delivery, Resolver
from ringway.endpoint.events import (
    AckReceived,
    CancelReceived,
    RequestReceived,
    ResponseFailed,
    User,
)
from ringway.endpoint.flows import Flows, serialize
from ringway.endpoint.refusals import Refusals
from ringway.endpoint.schedule import Schedule
from ringway.endpoint.settings import EndpointSettings
from ringway.endpoint.transaction_timer import TransactionTimer
from ringway.endpoint.transactions import ServerTransaction
from ringway.errors import ParseError
from ringway.message import Draft, Request, Response, Via, build_response, parse_datagram
from ringway.transaction import INVITE_SERVER, NON_INVITE_SERVER, Action, Input, State
from ringway.transaction.keys import ServerKey, is_legacy, server_key
from ringway.transport.flow import TLS, UDP, Flow, is_numeric
from ringway.transport.via import response_flow, stamp_received

# A member of an enum costs more to find than a name of the module, and these are asked for with
# every message.
_PROVISIONAL: Final = Input.PROVISIONAL
_SUCCESS: Final = Input.SUCCESS
_FAILURE: Final = Input.FAILURE
_FINAL: Final = Input.FINAL
_PROCEEDING: Final = State.PROCEEDING
_COMPLETED: Final = State.COMPLETED
_ACCEPTED: Final = State.ACCEPTED
_TERMINATED: Final = State.TERMINATED
_SEND: Final = Action.SEND
_SEND_ONCE: Final = Action.SEND_ONCE
_RESEND: Final = Action.RESEND
_TELL: Final = Action.TELL
_TELL_TRANSPORT: Final = Action.TELL_TRANSPORT
_TELL_TIMEOUT: Final = Action.TELL_TIMEOUT
_BACK_OFF: Final = Action.BACK_OFF
_STOP_SENDING: Final = Action.STOP_SENDING
_STOP_WAITING: Final = Action.STOP_WAITING
_START_A: Final = Action.START_A
_START_G: Final = Action.START_G


class Servers:
    """All server transactions of one endpoint.

    Args:
        settings: the endpoint's.
        flows: carries the responses.
        schedule: runs the timers.
        unique: makes tags.
        resolve: finds the next hops of a URI (``Endpoint.resolve``).
        refusals: answers what is not let in.
        counters: what to count in.
    """

    __slots__ = (
        "_counters",
        "_flows",
        "_named",
        "_refusals",
        "_resolve",
        "_schedule",
        "_timers",
        "_transactions",
        "_unique",
        "_waits",
        "_waits_reliable",
        "user",
    )

    def __init__(
        self,
        settings: EndpointSettings,
        flows: Flows,
        schedule: Schedule,
        unique: Callable[[], str],
        resolve: Resolver,
        refusals: Refusals,
        counters: Counters,
    ) -> None:
        self._resolve = resolve
        self.user: User | None = None
        self._refusals = refusals
        self._counters = counters
        self._flows = flows
        self._schedule = schedule
        self._unique = unique
        self._timers = settings.timers
        self._waits = settings.timers.waits(reliable=False)
        self._waits_reliable = settings.timers.waits(reliable=True)
        self._transactions: dict[ServerKey, ServerTransaction] = {}
        self._named: dict[Flow, dict[ServerTransaction, None]] = {}

    def __len__(self) -> int:
        return len(self._transactions)

    @property
    def unanswered(self) -> int:
        """Requests without a final response."""
        return sum([not each.answered for each in self._transactions.values()])

    def receive(self, request: Request, flow: Flow, now: float) -> None:
        """Give a request to its transaction, or make one and give it to the user."""
        method = request.method
        if method == "ACK":
            self._receive_ack(request, flow, now)
            return
        key = server_key(request, method)
        known = self._transactions.get(key)
        if known is not None:
            self._counters.repeated += 1
            self._step(known, Input.REQUEST, now)
            return
        count_method(self._counters.requests_received, method)
        if self._is_refused(request, method, flow, now):
            return
        machine = INVITE_SERVER if method == "INVITE" else NON_INVITE_SERVER
        via = stamp_received(request, flow).top_via
        transaction = ServerTransaction(machine, key, request, flow)
        transaction.to = response_flow(via, flow, self._refusals.believes)
        transaction.legacy = is_legacy(key)
        if flow.transport == TLS and ("alias", None) in via.params:
            self._flows.alias(flow, via.port)
        if via.host != flow.remote.host:
            self._remember_name(transaction, via)
        self._transactions[key] = transaction
        if method == "CANCEL":
            self._receive_cancel(transaction, request, now)
            return
        for action in machine.entry[1]:
            if action is _TELL:
                self._tell(RequestReceived(transaction, request, flow), now)
            else:
                self._do(transaction, action, now)

    def respond(
        self, transaction: ServerTransaction, response: Response | Draft[Response], now: float
    ) -> None:
        """Send a response where the state allows it; see ``Endpoint.respond``."""
        status = response.message.status if isinstance(response, Draft) else response.status
        if transaction.method == "INVITE":
            symbol = _PROVISIONAL if status < 200 else _SUCCESS if status < 300 else _FAILURE
            if symbol is _PROVISIONAL:
                transaction.quiet = False  # the client repeats its request no more
        elif status >= 200:
            symbol = _FINAL
        elif status == 100:
            transaction.withheld = False
            if not transaction.reliable and transaction.state is not _PROCEEDING:
                return  # RFC 4320 §4.1: not yet
            symbol = _PROVISIONAL
        else:
            return  # RFC 4320 §4.1
        request = transaction.request
        if request is not None:  # until the first final one
            count_status(self._counters.responses_sent, status)
            gate = self._refusals.gate
            if status >= 200 and gate is not None:
                gate.answered(request, transaction.flow, status, now, proof=transaction.proof)
        self._step(transaction, symbol, now, response)

    def fired(self, transaction: ServerTransaction, symbol: Input, now: float) -> None:
        """Take a timer of a transaction."""
        self._step(transaction, symbol, now)

    def forget(self, transaction: ServerTransaction, now: float) -> bool:
        """Drop a transaction that has sent nothing yet, to answer its request without one.

        Returns:
            False when it is too late for that.
        """
        if transaction.request is None or transaction.buffer:
            return False
        self.let_go(transaction, now)
        return True

    def let_go(self, transaction: ServerTransaction, now: float) -> None:
        """Drop a transaction, whatever it has sent; see ``Endpoint.let_go``."""
        for action in (_STOP_WAITING, _STOP_SENDING):
            self._do(transaction, action, now)
        transaction.state = _TERMINATED
        self._release(transaction, _TERMINATED)

    def flow_failed(self, flow: Flow, now: float) -> None:
        """Send what an address did not take to another one of the same name (§18.2.2)."""
        for transaction in self._named.pop(flow, {}):
            if transaction.buffer:
                delivery = self._delivery(transaction, transaction.buffer)
                delivery.avoid(flow.remote)
                delivery.next(now)

    def _receive_ack(self, request: Request, flow: Flow, now: float) -> None:
        invite = self._transactions.get(server_key(request, "INVITE"))
        if invite is None or self._is_for_another_response(invite, request):
            count_method(self._counters.requests_received, "ACK")
            if self._refusals.sent_for(request) or self._is_refused(request, "ACK", flow, now):
                return
            self._tell(AckReceived(stamp_received(request, flow), flow), now)
        elif invite.state is _ACCEPTED:
            self._step(invite, Input.ACK, now, ack=stamp_received(request, flow), flow=flow)
        else:
            self._step(invite, Input.ACK, now)

    def _is_refused(self, request: Request, method: str, flow: Flow, now: float) -> bool:
        """Turn away a new request that the gate does not let in."""
        gate = self._refusals.gate
        if gate is None:
            return False
        if method == "CANCEL" and server_key(request, "INVITE") in self._transactions:
            return False  # it makes less work, not more
        refusal = gate.refuses(request, flow, now)
        if refusal is None:
            return False
        if refusal.status and method != "ACK":
            stamp_received(request, flow)
            self._refusals.send(request, flow, refusal.status, refusal.headers)
        return True

    def _is_for_another_response(self, invite: ServerTransaction, ack: Request) -> bool:
        """RFC 3261 §17.2.3: an RFC 2543 ACK names the response by its To tag alone."""
        if not invite.legacy or invite.state is not _COMPLETED:
            return False
        return ack.to_tag != self._tag(invite)

    def _receive_cancel(self, cancel: ServerTransaction, request: Request, now: float) -> None:
        """Answer a CANCEL that cancels something; the user decides about the rest (§9.2)."""
        invite = self._transactions.get(server_key(request, "INVITE"))
        if invite is None:
            self._do(cancel, Action.START_TRYING, now)
        else:
            tag = self._tag(invite) or self._unique()
            self.respond(cancel, build_response(request, 200, to_tag=tag), now)
        self._tell(CancelReceived(invite, request, cancel.flow, cancel), now)

    def _tag(self, transaction: ServerTransaction) -> str:
        """Return the To tag of the response that was sent last, as far as it is still known."""
        if transaction.buffer:
            with suppress(ParseError):  # a proxy passes on what came back, sound or not
                return parse_datagram(transaction.buffer).to_tag
        return transaction.tag

    def _tell(
        self, event: RequestReceived | AckReceived | CancelReceived | ResponseFailed, now: float
    ) -> None:
        if self.user is not None:
            self.user.handle(event, now)

    def _step(
        self,
        transaction: ServerTransaction,
        symbol: Input,
        now: float,
        response: Response | Draft[Response] | None = None,
        *,
        ack: Request | None = None,
        flow: Flow | None = None,
        detail: str = "",
    ) -> None:
        """Do what the table says of an input."""
        state, actions = transaction.table[transaction.state, symbol]
        transaction.state = state
        for action in actions:
            if action is _SEND or action is _SEND_ONCE:
                assert response is not None  # noqa: S101 - the input was one
                data = serialize(response, reliable=transaction.reliable)
                if action is _SEND:
                    transaction.buffer = data
                self._send(transaction, data, now)
            elif action is _TELL:
                assert ack is not None  # noqa: S101 - the input was one
                assert flow is not None  # noqa: S101 - and it came over one
                self._tell(AckReceived(ack, flow), now)
            elif action is _TELL_TRANSPORT:
                self._tell(ResponseFailed(transaction, Source.TRANSPORT, detail), now)
            elif action is _TELL_TIMEOUT:
                self._tell(ResponseFailed(transaction, Source.TIMER, "no ACK came"), now)
            else:
                self._do(transaction, action, now)
        state = transaction.state  # a response that could not be sent may have ended it
        if state >= _COMPLETED:
            self._release(transaction, state)
            instant = transaction.instant
            if instant is not None:
                transaction.instant = None
                self._step(transaction, instant, now)

    def _do(self, transaction: ServerTransaction, action: Action, now: float) -> None:
        """Do an action that needs nothing but the transaction."""
        if action is _START_G:
            if not (transaction.reliable or transaction.quiet):
                transaction.interval = self._timers.t1
                self._start_sending(transaction, now)
        elif action >= _START_A:
            self._start_waiting(transaction, action, now)
        elif action is _STOP_WAITING:
            self._stop_waiting(transaction)
        elif action is _STOP_SENDING:
            if transaction.sending is not None:
                transaction.sending.cancel()
                transaction.sending = None
        elif action is _RESEND:
            if transaction.buffer:
                self._send(transaction, transaction.buffer, now)
        elif action is _BACK_OFF:
            transaction.interval = min(transaction.interval * 2, self._timers.t2)
            self._start_sending(transaction, now)
        elif not transaction.withheld:
            assert action is Action.SEND_TRYING  # noqa: S101 - the rest is for clients
            assert transaction.request is not None  # noqa: S101 - there was no final response
            trying = build_response(transaction.request, 100)
            transaction.buffer = serialize(trying, reliable=transaction.reliable)
            self._send(transaction, transaction.buffer, now)

    def _start_sending(self, transaction: ServerTransaction, now: float) -> None:
        at = now + transaction.interval
        timer = transaction.sending = TransactionTimer(at, self, transaction, Input.TIMER_G)
        self._schedule.start(timer, now)

    def _stop_waiting(self, transaction: ServerTransaction) -> None:
        if transaction.waiting is not None:
            transaction.waiting.cancel()
            transaction.waiting = None

    def _start_waiting(self, transaction: ServerTransaction, action: Action, now: float) -> None:
        self._stop_waiting(transaction)
        waits = self._waits_reliable if transaction.reliable else self._waits
        symbol, length = waits[action]
        if length == 0.0:
            transaction.instant = symbol
        else:
            timer = transaction.waiting = TransactionTimer(now + length, self, transaction, symbol)
            self._schedule.start_after(timer, length)

    def _send(self, transaction: ServerTransaction, data: bytes, now: float) -> None:
        """Send over the flow the response belongs to, or what replaces it (§18.2.2)."""
        flow = transaction.to
        if flow is None or not self._flows.send(flow, data):
            self._delivery(transaction, data).next(now)

    def _not_sent(self, transaction: ServerTransaction, reason: str, now: float) -> None:
        self._step(transaction, Input.TRANSPORT_ERROR, now, detail=reason)

    def _delivery(self, transaction: ServerTransaction, data: bytes) -> Delivery:
        return Delivery(transaction, data, self._flows, self._resolve, self._not_sent)

    def _remember_name(self, transaction: ServerTransaction, via: Via) -> None:
        """Enter a transaction over UDP whose client has a name: DNS may know another address."""
        to = transaction.to
        if via.received and to is not None and to.transport == UDP and not is_numeric(via.host):
            self._named.setdefault(to, {})[transaction] = None
            transaction.named = to

    def _forget_name(self, transaction: ServerTransaction) -> None:
        named = self._named.get(transaction.named) if transaction.named is not None else None
        if named is not None and transaction.named is not None:
            named.pop(transaction, None)
            if not named:
                del self._named[transaction.named]

    def _release(self, transaction: ServerTransaction, state: State) -> None:
        """Let go of what a state does not need any more."""
        transaction.request = None
        if state is not _COMPLETED:
            transaction.buffer = b""
            if state is _TERMINATED:
                self._transactions.pop(transaction.key, None)
                if transaction.named is not None:
                    self._forget_name(transaction)
