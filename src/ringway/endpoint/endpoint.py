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

from ringway.endpoint.events import Owner
from ringway.endpoint.flows import Flows, Own, serialize
from ringway.endpoint.intake import Intake
from ringway.endpoint.schedule import CallTimer, Timer
from ringway.endpoint.transactions import ClientTransaction, ServerTransaction
from ringway.message import Draft, Request, Response, build_response
from ringway.transport.flow import UDP, Flow, NextHop

TRYING: Final = 0.2
"""Seconds that an INVITE may wait for its 100 (RFC 3261 §17.2.1)."""


class Endpoint(Intake):
    """A SIP endpoint without its sockets: what its roles call; see `Intake` for the shell's side.

    Args:
        settings: where it listens and how long it waits.
        unique: gives a new string of token characters at each call, unguessable and never the
            same again; for branches and tags.
        generation: number of the first connection; above any that an earlier run used.
    """

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
            gate.answered(request, transaction.flow, status, now, proof=transaction.proof)
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

    def let_go(self, transaction: ServerTransaction, now: float) -> None:
        """Forget a request without a final response: it has come again, and nobody hears of this.

        Args:
            transaction: the request's; its connection is gone.
            now: seconds.
        """
        self._now = now
        self._servers.let_go(transaction, now)

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

    def emit(self, command: object) -> None:
        """Hand a command of a role to the shell."""
        self._flows.commands.append(command)


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
