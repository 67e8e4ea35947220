"""One dialog of a call, and the requests within it (RFC 3261 §12.2, §15).

A call has one session once it is answered; before, one for each phone that rings. The session is
over with a BYE, or when a request shows that the far end does not know it any more; its dialog goes
on for as long as somebody is told of a transfer in it (RFC 5057 §4.2).

A session belongs to the slot its INVITE went or came over. When the connection of that slot breaks,
the session waits for the next one and goes on over it: the route set stays (RFC 3261 §12.2), and
who has the old flow token finds the new flow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from ringway.codes import Circumstance, Effect, Role, effects
from ringway.dialog.dialog import TARGET_REFRESH, Dialog
from ringway.dialog.secure import with_sips
from ringway.endpoint import RequestReceived, ServerTransaction, Timer
from ringway.message import Request, Response, Uri, build_response, parse_name_addr
from ringway.transport.flow import Flow
from ringway.ua.calls.confirm import Acknowledgement, Confirmation
from ringway.ua.calls.offers import Description, Offers
from ringway.ua.calls.transfer import Transfers
from ringway.ua.events import (
    Ended,
    Failure,
    FlowReplaced,
    InfoReceived,
    MessageReceived,
    Redirected,
)
from ringway.ua.requests.sending import Asker, Outgoing, Sending
from ringway.ua.screening import ACCEPT, EXTENSIONS
from ringway.ua.services import Services

if TYPE_CHECKING:
    from ringway.ua.agent import Agent
    from ringway.ua.calls.call import Call
    from ringway.ua.flows.outbound import Slot

Headers: TypeAlias = tuple[tuple[str, str], ...]
Done: TypeAlias = Callable[[Response | None, Failure | None, float], None]

_MOST_ACKS: Final = 4
"""INVITEs whose 2xx is still acknowledged when it comes again; each has had 64*T1 for that."""


class Session:
    """One dialog of a call.

    Args:
        agent: who has it.
        call: the call; it is told what happens.
        dialog: the dialog.
        slot: the slot its INVITE went or came over, None without.
        flow: what the INVITE, or the response to it, came over.
        invite: the INVITE that made the dialog, as sent or as it came.

    Attributes:
        over: True when it has ended.
        offers: whose turn it is to offer, and the session timer.
        transfers: what was referred.
    """

    def __init__(
        self,
        agent: Agent,
        call: Call,
        dialog: Dialog,
        slot: Slot | None,
        flow: Flow,
        invite: Request,
    ) -> None:
        self.agent = agent
        self.services: Services = agent.services
        self.call = call
        self.dialog = dialog
        self.slot = slot
        self.flow = flow
        self.over = False
        self.offers = Offers(self)
        self.transfers = Transfers(self)
        self._acks: dict[int, Acknowledgement] = {}
        self._confirmations: list[Confirmation] = []
        self._bye_wanted: str | None = None
        self._replacing: Timer | None = None
        self._invite = invite if dialog.caller else None
        agent.enter(self)

    # Requests of ours

    def ask(
        self,
        method: str,
        now: float,
        done: Done,
        *,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> None:
        """Send a request other than INVITE within the dialog.

        Args:
            method: the method.
            now: seconds.
            done: called once, with the 2xx or the failure.
            headers: further fields.
            body: the body.
            content_type: its type.
        """
        asker = _Within(self, method, done)
        self.sending(method, asker, headers, body, content_type).start(now)

    def sending(
        self, method: str, asker: Asker, headers: Headers, body: bytes, content_type: str | None
    ) -> Sending:
        """Make a request within the dialog; start it, and call `judge` if it fails."""
        wanted = Outgoing(
            method,
            self.dialog.remote_target,
            self.dialog.remote,
            self.dialog.local,
            self.dialog.call_id,
            headers,
            body,
            content_type,
            dialog=self.dialog,
            slot=self.slot,
            forms_dialog=method in TARGET_REFRESH,
            extensions=EXTENSIONS,
            previous=self._invite,
        )
        return Sending(self.services, wanted, asker)

    def judge(self, method: str, failure: Failure, now: float) -> None:
        """End the session if a failed request says that it has (RFC 3261 §12.2.1.2)."""
        circumstance = Circumstance(Role.CALLER, method, True, failure.source)
        if Effect.END_DIALOG in effects(failure.status, circumstance):
            self.hang_up(now, failure.text, failure)

    def hang_up(self, now: float, reason: str = "", failure: Failure | None = None) -> None:
        """End the session with a BYE (RFC 3261 §15.1.1).

        Who was called sends none before the ACK has come, or will not come any more (§15): until
        then it waits.
        """
        if self.over or self._bye_wanted is not None:
            return
        if self.dialog.early and not self.dialog.caller:
            self.call.hang_up(now, reason)
            return
        if self._confirmations and not self.dialog.caller:
            self._bye_wanted = reason
            return
        self.agent.farewells.begin()
        self.ask("BYE", now, self._said_goodbye)
        self.end(Ended(True, reason, failure), now)

    def _said_goodbye(
        self,
        response: Response | None,  # noqa: ARG002 - whatever it was, the session is over (§15.1.1)
        failure: Failure | None,  # noqa: ARG002 - as above
        now: float,
    ) -> None:
        self.agent.farewells.end(now)

    def drop(self, now: float) -> None:
        """End an early dialog that leads nowhere, without a word (RFC 3261 §13.2.2.3)."""
        self._over(now)

    def acknowledge(self, invite: Request, now: float, *, wait: bool) -> Acknowledgement:
        """Send the ACK for a 2xx, and again for each copy of it.

        Args:
            invite: the INVITE as it was answered.
            now: seconds.
            wait: True if the 2xx had an offer: the ACK waits for the answer to it.
        """
        ack = self._acks.get(invite.cseq.number)
        if ack is not None:
            ack.again(now)
            return ack
        ack = self._acks[invite.cseq.number] = Acknowledgement(self, invite)
        if len(self._acks) > _MOST_ACKS:
            del self._acks[min(self._acks)]
        if not wait:
            ack.send(now)
        return ack

    def confirm(
        self,
        transaction: ServerTransaction,
        response: Response,
        done: Callable[[Request | None, float], None],
        now: float,
    ) -> None:
        """Answer an INVITE with a 2xx until its ACK comes; without one the session ends."""

        def settled(ack: Request | None, now: float) -> None:
            self._confirmations.remove(confirmation)
            done(ack, now)
            if ack is None:
                self.hang_up(now, "no ACK came")
            if self._bye_wanted is not None:
                reason, self._bye_wanted = self._bye_wanted, None
                self.hang_up(now, reason)

        endpoint = self.services.endpoint
        confirmation = Confirmation(endpoint, transaction, response, settled, now)
        self._confirmations.append(confirmation)

    # Requests of the far end

    def received(self, event: RequestReceived, now: float) -> None:
        """Take a request within the dialog."""
        transaction, request, _ = event
        refusal = self.dialog.take(request)
        if refusal is None and self.over and request.method != "NOTIFY":
            refusal = 481
        if refusal is not None:
            self.reply(transaction, refusal, now)
            return
        method = request.method
        if method in {"INVITE", "UPDATE"}:
            self.offers.offered(transaction, request, now)
        elif method == "BYE":
            self._bye(transaction, request, now)
        elif method == "PRACK":
            self.call.pracked(self, transaction, request, now)
        elif method == "REFER":
            self.transfers.asked(transaction, request, now)
        elif method == "NOTIFY":
            self.transfers.notified(transaction, request, now)
        elif method in {"INFO", "MESSAGE"}:
            self.reply(transaction, 200, now)
            made = InfoReceived if method == "INFO" else MessageReceived
            self.call.tell(made(request))
        else:
            self.reply(transaction, 200, now, (*self.agent.capabilities(), ("Accept", ACCEPT)))

    def acknowledged(self, ack: Request, now: float) -> None:
        """Take an ACK for a 2xx of ours."""
        for confirmation in list(self._confirmations):
            if confirmation.acknowledged(ack, now):
                return

    def reply(
        self, transaction: ServerTransaction, status: int, now: float, headers: Headers = ()
    ) -> None:
        """Answer a request without a body."""
        headers = (*self.agent.software(), *headers)
        self.services.endpoint.reply(transaction, status, now, headers=headers)

    def is_with(self, uri: Uri) -> bool:
        """Say whether the far end of this session goes by that URI."""
        remote = parse_name_addr(self.dialog.remote, "to").uri
        return (remote.user, remote.host) == (uri.user, uri.host)

    def contact(self) -> str:
        """Return our Contact within the dialog (RFC 3261 §12.2.1.1)."""
        slot = self.slot
        live = slot is not None and slot.flow is not None
        contact = slot.contact() if slot and live else self.agent.contact(self.flow)
        return with_sips(contact) if self.dialog.secure else contact

    def answer_in_ack(self, ack: Acknowledgement, answer: Description, now: float) -> None:
        """Answer an offer that came in a 2xx (RFC 3261 §13.2.2.4)."""
        ack.send(now, answer.body, answer.content_type)
        self.offers.own = answer
        self.offers.negotiation.sent(ack.request)

    def refuse_in_ack(
        self,
        ack: Acknowledgement,
        status: int,
        headers: Headers,  # noqa: ARG002 - an ACK has no Warning
        now: float,
    ) -> None:
        """Send an ACK all the same, and end the session (RFC 3261 §13.2.2.4)."""
        ack.send(now, self.offers.own.body, self.offers.own.content_type)
        self.hang_up(now, f"the offer was refused with {status}")

    # Ends

    def flow_closed(self, flow: Flow, now: float) -> None:
        """Wait for another flow of the slot if this one was under the session."""
        if flow == self.flow and not self.over:
            self._await_flow(now)

    def end(self, event: Ended, now: float) -> None:
        """End the session and tell the call."""
        self._over(now)
        self.call.ended(self, event, now)

    def move(self, slot: Slot | None, flow: Flow, invite: Request) -> None:
        """Go on over another flow, before the dialog is confirmed: the INVITE came again over it.

        The way of that copy is the route set now, for whoever it passed expects what follows.
        """
        early = build_response(invite, 180, to_tag=self.dialog.local_tag)
        self.dialog.route_set = Dialog.from_request(invite, early).route_set
        self.slot, self.flow = slot, flow
        if self._replacing is not None:
            self._replacing.cancel()
            self._replacing = None

    def release(self, now: float) -> None:
        """Let go of the dialog once nothing is left of it."""
        if self.over and not self.transfers.pending:
            self.agent.leave(self, now)

    def _over(self, now: float) -> None:
        self.over = True
        for confirmation in self._confirmations:
            confirmation.stop()
        self._confirmations.clear()
        if self._replacing is not None:
            self._replacing.cancel()
            self._replacing = None
        self.offers.end(now)
        self.transfers.end(now)
        self.release(now)

    def _bye(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """Take a BYE (RFC 3261 §15.1.2)."""
        self.reply(transaction, 200, now)
        reason = ""
        for text in request.values("reason"):
            reason = reason or text
        self.end(Ended(False, reason or "the far end hung up"), now)

    def _await_flow(self, now: float) -> None:
        if self.slot is not None and self._replacing is None:
            seconds = self.services.settings.max_wait
            self._replacing = self.services.outbound.wait(self.slot, self._replaced, now, seconds)

    def _replaced(self, flow: Flow | None, now: float) -> None:
        self._replacing = None
        if flow is None:
            self._await_flow(now)
            return
        self.flow = flow
        self.call.tell(FlowReplaced(flow))


class _Within:
    """Who asks for one request within a dialog."""

    def __init__(self, session: Session, method: str, done: Done) -> None:
        self._session = session
        self._method = method
        self._done = done

    def provisional(self, request: Request, response: Response, flow: Flow, now: float) -> None:
        """Nothing to do."""

    def redirected(self, event: Redirected, now: float) -> None:
        """Nothing to do."""

    def succeeded(self, request: Request, response: Response, flow: Flow, now: float) -> None:  # noqa: ARG002
        self._done(response, None, now)

    def failed(self, failure: Failure, now: float) -> None:
        self._done(None, failure, now)
        self._session.judge(self._method, failure, now)
