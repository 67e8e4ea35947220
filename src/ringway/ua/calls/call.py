"""What calls have in common, made or received, once they are up (RFC 3261 §14, §15)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from ringway.endpoint import ServerTransaction
from ringway.message import Request, Response
from ringway.ua.calls.offers import described
from ringway.ua.events import CallEvent, Ended, Failure

if TYPE_CHECKING:
    from ringway.ua.agent import Agent
    from ringway.ua.calls.calling import OutgoingCall
    from ringway.ua.calls.session import Session

Headers: TypeAlias = tuple[tuple[str, str], ...]
Done: TypeAlias = Callable[[Response | None, Failure | None, float], None]


class Call:
    """A call.

    Every method that needs a session says with False, or None, that there is none or that it cannot
    be done now.

    Attributes:
        emit: told what happens to the call; set it before time goes on. It may call the call.
        session: the dialog that it goes on in; None while there is none.
        done: True when it is over: nothing more is told.
    """

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.emit: Callable[[CallEvent], None] | None = None
        self.session: Session | None = None
        self.done = False

    @property
    def up(self) -> bool:
        """True from the answer to the end."""
        session = self.session
        return session is not None and not session.over and not session.dialog.early

    def hang_up(self, now: float, reason: str = "") -> None:
        """End the call, whatever it has come to.

        Args:
            now: seconds.
            reason: why, for ``Ended``.
        """
        if self.session is not None:
            self.session.hang_up(now, reason)

    def change(
        self,
        now: float,
        body: bytes = b"",
        *,
        content_type: str | None = None,
        method: str = "INVITE",
    ) -> bool:
        """Offer another session (RFC 3261 §14.1, RFC 3311 §5.1).

        ``Changed`` or ``NotChanged`` follows.

        Args:
            now: seconds.
            body: the offer; empty to be offered something: then answer with `accept`.
            content_type: of the offer; SDP if None.
            method: INVITE, or UPDATE, which also goes while it rings but must be answered at once.

        Returns:
            False if it may not be sent now: another exchange is under way (RFC 3261 §14.1).
        """
        if self.session is None or self.session.over:
            return False
        return self.session.offers.ask(method, described(body, content_type), now, report=True)

    def accept(self, now: float, body: bytes = b"", *, content_type: str | None = None) -> bool:
        """Answer what the far end offers, or offer what it asks for.

        Args:
            now: seconds.
            body: our description; empty to repeat the last one.
            content_type: of the body; SDP if None.

        Returns:
            False if nothing waits for an answer.
        """
        session = self.session
        return session is not None and session.offers.accept(described(body, content_type), now)

    def refuse(self, now: float, status: int = 488, headers: Headers = ()) -> bool:
        """Refuse what the far end offers; the session stays as it was (RFC 3261 §14.2).

        Args:
            now: seconds.
            status: 300 to 699.
            headers: further fields; a Warning should say why (§21.4.26).

        Returns:
            False if nothing waits for an answer.
        """
        session = self.session
        return session is not None and session.offers.refuse(status, headers, now)

    def info(
        self,
        now: float,
        body: bytes,
        content_type: str,
        headers: Headers = (),
        done: Done | None = None,
    ) -> bool:
        """Send an INFO (RFC 6086).

        Args:
            now: seconds.
            body: the body.
            content_type: its type.
            headers: further fields, Info-Package for instance.
            done: called once, with the 2xx or the failure.
        """
        return self._ask("INFO", now, headers, body, content_type, done)

    def message(
        self,
        now: float,
        body: bytes,
        content_type: str = "text/plain",
        headers: Headers = (),
        done: Done | None = None,
    ) -> bool:
        """Send a MESSAGE within the call (RFC 3428)."""
        return self._ask("MESSAGE", now, headers, body, content_type, done)

    def refer(
        self, now: float, uri: str = "", *, replaces: Call | None = None, headers: Headers = ()
    ) -> bool:
        """Ask the far end to call somebody else (RFC 3515 §2.4.1); ``TransferProgress`` follows.

        Args:
            now: seconds.
            uri: whom.
            replaces: a call of ours that the new one takes the place of, an attended transfer
                (RFC 3891); then ``uri`` is best left empty: the far end of that call.
            headers: further fields.
        """
        if self.session is None or not self.up:
            return False
        other = None if replaces is None else replaces.session
        if replaces is not None and other is None:
            return False
        self.session.transfers.refer(uri, other, headers, now)
        return True

    def transfer_answer(
        self,
        now: float,
        accept: bool,
        *,
        call: bool = True,
        body: bytes = b"",
        content_type: str | None = None,
        emit: Callable[[CallEvent], None] | None = None,
    ) -> OutgoingCall | None:
        """Answer a ``TransferAsked`` (RFC 3515 §2.4.2).

        Args:
            now: seconds.
            accept: True to do it.
            call: True to make the call; the far end hears how it goes. False if the application
                does so by other means: then it tells by `notify`.
            body: the offer of the new call.
            content_type: of the offer.
            emit: told what happens to the new call.

        Returns:
            The new call, if there is one.
        """
        if self.session is None:
            return None
        transfers = self.session.transfers
        if not accept:
            transfers.refuse(now)
            return None
        offer = described(body, content_type)
        return transfers.accept(now, offer, emit, call=call)

    def notify(self, now: float, status: int, phrase: str = "") -> bool:
        """Tell how a transfer goes that was accepted with ``call=False`` (RFC 3515 §2.4.5).

        Args:
            now: seconds.
            status: of what was asked for; a final one ends the report.
            phrase: instead of the usual one.
        """
        session = self.session
        return session is not None and session.transfers.report(status, now, phrase)

    # From the parts of a call

    def tell(self, event: CallEvent) -> None:
        """Tell the application; nothing after the end."""
        if not self.done:
            self.agent.guard(self.emit, event)

    def ended(self, session: Session, event: Ended, now: float) -> None:  # noqa: ARG002
        """Take the end of a session."""
        if session is self.session:
            self.finish(event)

    def finish(self, event: CallEvent) -> None:
        """Tell the application of the end; whatever comes after it is not told."""
        if not self.done:
            self.done = True
            self.agent.guard(self.emit, event)

    def pracked(
        self,
        session: Session,
        transaction: ServerTransaction,
        request: Request,  # noqa: ARG002 - what a call that was received looks at
        now: float,
    ) -> None:
        """Take a PRACK; nothing waits for one but an INVITE that is being answered."""
        session.reply(transaction, 481, now)

    def _ask(
        self,
        method: str,
        now: float,
        headers: Headers,
        body: bytes,
        content_type: str,
        done: Done | None,
    ) -> bool:
        session = self.session
        if session is None or session.over:
            return False

        def settled(response: Response | None, failure: Failure | None, now: float) -> None:
            self.agent.guard(done, response, failure, now)

        session.ask(method, now, settled, headers=headers, body=body, content_type=content_type)
        return True
