"""Asks a handler about each new request and does what it decides.

A plain handler is called within the turn. One that is `async` runs in the shell, for a bounded
time; its request waits meanwhile, and the caller's CANCEL ends both. A handler that fails, or
takes too long, costs its own request a 500 and nothing else.
"""

from __future__ import annotations

import logging
from asyncio import Future
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from inspect import isawaitable
from math import ceil
from typing import Final, Protocol

from ringway import auth
from ringway.auth import Authenticator, Known, Refused, Verdict, Why, parse_credentials
from ringway.endpoint import (
    Abandon,
    CancelReceived,
    Endpoint,
    RequestReceived,
    Run,
    ServerTransaction,
)
from ringway.endpoint.counters import count_over
from ringway.endpoint.gate import Proof
from ringway.errors import ParseError
from ringway.location import RedirectRule, aor_of
from ringway.location.binding import Synonyms
from ringway.message import Request, Uri, parse_uri
from ringway.proxy import Rejection, Routed
from ringway.redirect import make_rule
from ringway.server.policy import (
    Accept,
    Challenge,
    Choice,
    Handler,
    Incoming,
    Peer,
    Policy,
    Redirect,
    Reject,
)
from ringway.transport.flow import Flow

__all__ = ["Admission", "Peers", "Waiting"]

_logger: Final = logging.getLogger("ringway.policy")

Peers = Callable[[Flow], Peer | None]


class Waiting(Protocol):
    """What goes on once a request is decided on: the core."""

    def accepted(self, event: RequestReceived, routed: Routed, now: float) -> None:
        """Let the request go its way."""

    def redirected(
        self, event: RequestReceived, routed: Routed, rule: RedirectRule, now: float
    ) -> None:
        """Answer it with other addresses."""

    def refused(self, event: RequestReceived, rejection: Rejection, now: float) -> None:
        """Answer it with a failure."""


class Admission:
    """Decides about new requests.

    Args:
        endpoint: where commands and answers go.
        core: what goes on with a request that is decided on.
        handler: decides; see `ringway.server.policy`. The default if None.
        default: what a handler falls back to.
        authenticator: knows the users; None when there are none, and nobody is challenged.
        peers: says which known system a flow belongs to.
        is_ours: says whether a URI is in a domain of ours.
        synonyms: other hosts for our domains.
        seconds: how long a handler may take.
        most: handlers that may be at work at one time.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        core: Waiting,
        handler: Handler | None,
        *,
        default: Policy,
        authenticator: Authenticator | None,
        peers: Peers,
        is_ours: Callable[[Uri], bool],
        synonyms: Synonyms,
        seconds: float,
        most: int,
    ) -> None:
        self._endpoint = endpoint
        self._core = core
        # What it returns is looked at first: it is somebody else's.
        self._handler: Callable[[Incoming], object] = handler or default
        self._default = default
        self._authenticator = authenticator
        self._peers = peers
        self._is_ours = is_ours
        self._synonyms = synonyms
        self._seconds = seconds
        self._most = most
        self._now = 0.0
        self._parked: set[ServerTransaction] = set()

    def __len__(self) -> int:
        """The number of requests that wait for a handler."""
        return len(self._parked)

    def admit(self, event: RequestReceived, routed: Routed, now: float) -> None:
        """Decide about a request that nothing has proved yet.

        Raises:
            ParseError: it cannot be read as far as a decision needs; the answer is in it.
        """
        request = routed.request
        # A Route goes before the Request-URI: who writes one asks for more than our users.
        ours = self._is_ours(request.uri) and not request.has("route")
        incoming = Incoming(
            request,
            event.flow,
            ours=ours,
            here=ours and request.uri.user is None,
            peer=self._peers(event.flow),
            synonyms=self._synonyms,
            checks=self,
            default=self._default,
        )
        self._now = now
        try:
            choice = self._handler(incoming)
        except ParseError:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of the handler's is not ours
            event.transaction.proof = _proof(incoming)
            self._failed(event, error, now)
            return
        event.transaction.proof = _proof(incoming)
        if isawaitable(choice):
            if len(self._parked) >= self._most:
                self._full(event, choice, now)
                return
            self._park(event, routed, incoming, choice, now)
        else:
            self._decided(event, routed, incoming, choice, now)

    def cancelled(self, event: CancelReceived, now: float) -> bool:
        """End the wait of an INVITE that its caller gives up (RFC 3261 §9.2).

        Returns:
            False when it does not wait here.
        """
        if event.transaction is None or event.transaction not in self._parked:
            return False
        self._parked.discard(event.transaction)
        self._endpoint.emit(Abandon(event.transaction))
        self._endpoint.reply(event.transaction, 487, now)
        return True

    def abandon(self, headers: tuple[tuple[str, str], ...], now: float) -> None:
        """Answer what waits for a handler with 503: the server ends."""
        for transaction in list(self._parked):
            self._endpoint.emit(Abandon(transaction))
            self._endpoint.reply(transaction, 503, now, headers=headers)
        self._parked.clear()

    def cleared(self, request: Request) -> Request:
        """Take out credentials for us: they are of no use behind us (RFC 3261 §16.6 step 1).

        Whoever sees them can try passwords against them for as long as it likes.
        """
        if self._authenticator is None or not request.has("proxy-authorization"):
            return request
        return _without_credentials(request, self._authenticator.realms)

    def verdict(self, incoming: Incoming) -> Verdict | None:
        """Check the credentials of a request; see `policy.Checks`."""
        if self._authenticator is None:
            return None
        return self._authenticator.check(
            incoming.request,
            self._now,
            proxy=not _answered_here(incoming),
            source=incoming.flow.remote.host,
        )

    def _park(
        self,
        event: RequestReceived,
        routed: Routed,
        incoming: Incoming,
        choice: Awaitable[Choice],
        now: float,
    ) -> None:
        def done(result: object, error: Exception | None, now: float) -> None:
            self._parked.discard(event.transaction)
            self._now = now
            event.transaction.proof = _proof(incoming)
            try:
                if isinstance(error, ParseError):
                    raise error
                if error is not None:
                    self._failed(event, error, now)
                else:
                    self._decided(event, routed, incoming, result, now)
            except ParseError as fault:  # what the sender wrote cannot be read, as in `admit`
                rejection = Rejection(fault.status or 400, str(fault), fault.headers)
                self._core.refused(event, rejection, now)

        self._parked.add(event.transaction)
        if event.request.method == "INVITE":
            self._endpoint.answer_quietly(event.transaction, now)
        self._endpoint.emit(Run(event.transaction, lambda: choice, done, self._seconds))

    def _full(self, event: RequestReceived, choice: Awaitable[Choice], now: float) -> None:
        """Refuse what would have to wait where too many wait already."""
        if isinstance(choice, Coroutine):
            choice.close()
        elif isinstance(choice, Future):
            choice.cancel()
        count_over(self._endpoint.counters.over, "handlers")
        fields = (("Retry-After", str(ceil(self._seconds))),)
        self._core.refused(event, Rejection(503, "too many wait for a handler", fields), now)

    def _decided(
        self,
        event: RequestReceived,
        routed: Routed,
        incoming: Incoming,
        choice: object,
        now: float,
    ) -> None:
        routed = routed._replace(request=self.cleared(routed.request))
        match choice:
            case Accept(uri="", relay=relay):
                self._core.accepted(event, routed._replace(relay=relay), now)
            case Accept(uri=uri):
                self._rewrite(event, routed._replace(relay=True), uri, now)
            case Redirect():
                self._redirect(event, routed, choice, now)
            case Reject(status, why, headers):
                self._core.refused(event, Rejection(status, why, headers), now)
            case Challenge():
                self._challenge(event, incoming, now)
            case _:
                self._failed(event, TypeError(f"a handler returned {choice!r}"), now)

    def _rewrite(self, event: RequestReceived, routed: Routed, uri: str, now: float) -> None:
        try:
            draft = routed.request.edit()
            draft.uri(parse_uri(uri))
        except ParseError as error:  # the handler's fault, not the sender's
            self._failed(event, ValueError(str(error)), now)
            return
        self._core.accepted(event, routed._replace(request=draft.build()), now)

    def _redirect(
        self, event: RequestReceived, routed: Routed, choice: Redirect, now: float
    ) -> None:
        try:
            aor = aor_of(routed.request.uri, self._synonyms)
            rule = make_rule(aor, choice.targets, status=choice.status)
        except ValueError as error:
            self._failed(event, error, now)
            return
        self._core.redirected(event, routed, rule, now)

    def _challenge(self, event: RequestReceived, incoming: Incoming, now: float) -> None:
        verdict = incoming.verdict
        event.transaction.proof = _proof(incoming)
        match verdict:
            case auth.Challenge(status, headers, _, why):
                rejection = Rejection(status, why.value, headers)
            case Refused(status, reason):
                rejection = Rejection(status, reason)
            case Known(user):
                rejection = Rejection(403, f"{user} is known, and may not do this")
            case _:
                rejection = Rejection(403, "there are no users who could answer a challenge")
        self._core.refused(event, rejection, now)

    def _failed(self, event: RequestReceived, error: Exception, now: float) -> None:
        what = "took too long" if isinstance(error, TimeoutError) else "failed"
        _logger.error(
            "the handler %s with %s of call %.100s",
            what,
            event.request.method,
            event.request.call_id,
            exc_info=error,
        )
        self._core.refused(event, Rejection(500, f"the handler {what}"), now)


def _proof(incoming: Incoming) -> Proof:
    """Return what the credentials have shown, if anybody has asked."""
    match incoming.checked:
        case Known():
            return Proof.RIGHT
        case auth.Challenge(why=Why.WRONG):
            return Proof.WRONG
        case None:
            return Proof.UNCHECKED
        case _:
            return Proof.LACKING


def _without_credentials(request: Request, realms: Sequence[str]) -> Request:
    others: list[str] = []
    for value in request.values("proxy-authorization"):
        try:
            credentials = parse_credentials(value, "proxy-authorization")
        except ParseError:
            credentials = None
        if credentials is None or credentials.realm not in realms:
            others.append(value)
    draft = request.edit()
    draft.remove("proxy-authorization")
    for value in others:
        draft.append("Proxy-Authorization", value)
    return draft.build()


def _answered_here(incoming: Incoming) -> bool:
    """Whether we are the one that is asked, not a proxy on the way (RFC 3261 §22.1)."""
    return incoming.method == "REGISTER" or incoming.here
