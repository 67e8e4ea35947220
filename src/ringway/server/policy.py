"""Who may do what: a handler that sees each new request and decides what becomes of it.

A handler is a function of an `Incoming`, plain or `async`. It decides in a few lines, and
`default_policy` is one like any other: read it as an example. What needs no decision never
gets to a handler: an ACK, a CANCEL, and a request that a token of ours proves to belong to a
call or registration that has been decided on (RFC 3261 §16.12, RFC 5626 §5.3).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

from ringway.auth import Known, User, Verdict
from ringway.location import aor_of
from ringway.location.binding import Synonyms, domain_of
from ringway.message import Request, Uri, host_text
from ringway.transport.flow import Flow

__all__ = [
    "Accept",
    "Calls",
    "Challenge",
    "Choice",
    "Handler",
    "Incoming",
    "May",
    "Peer",
    "Policy",
    "Redirect",
    "Reject",
    "Rules",
    "default_policy",
    "open_policy",
]


class May(StrEnum):
    """What a peer may do without a password."""

    REGISTER = "register"
    CALL = "call"
    """Reach our users."""
    RELAY = "relay"
    """Reach anybody through us."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A system that is known by its address or certificate.

    Attributes:
        name: What it is called in the story.
        may: What it may do without a password.
    """

    name: str
    may: frozenset[May]


@dataclass(frozen=True, slots=True)
class Accept:
    """Go on: to the registrar, the location, or where the request asks to go.

    Attributes:
        uri: The Request-URI to go on with instead of the request's own; empty keeps that. It may
            be of any domain.
        relay: Whether the request may leave for another domain whatever the setting `relay` says.
    """

    uri: str = ""
    relay: bool = False


@dataclass(frozen=True, slots=True)
class Redirect:
    """Answer with other addresses (RFC 3261 §21.3).

    Attributes:
        targets: (URI, q) pairs, the best first.
        status: 300, 301, 302 or 305.
    """

    targets: tuple[tuple[str, float], ...]
    status: int = 302


@dataclass(frozen=True, slots=True)
class Reject:
    """Answer with a failure.

    Attributes:
        status: 400 to 699.
        why: For the story, and the Warning of the response.
        headers: Header fields of the response, (name, value).
    """

    status: int
    why: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Challenge:
    """Ask for credentials: 401 where we are the one asked, else 407 (RFC 3261 §22.2, §22.3)."""


Choice: TypeAlias = Accept | Redirect | Reject | Challenge
Policy: TypeAlias = "Callable[[Incoming], Choice]"
Handler: TypeAlias = "Callable[[Incoming], Choice | Awaitable[Choice]]"


class Checks(Protocol):
    """Says who a request comes from; see `ringway.server.admission`."""

    def verdict(self, incoming: Incoming) -> Verdict | None:
        """Check its credentials; None where no users are known."""


class Incoming:
    """A new request, as a handler sees it.

    Attributes:
        request: The request, without the Routes that named us.
        flow: Where it came from.
        ours: Whether it is for a domain of ours: its Request-URI is, and no Route leads elsewhere.
        here: Whether it names this server and no user.
        peer: The system it comes from, if that is one we know.
    """

    __slots__ = (
        "_checks",
        "_default",
        "_synonyms",
        "_verdict",
        "flow",
        "here",
        "ours",
        "peer",
        "request",
    )

    def __init__(
        self,
        request: Request,
        flow: Flow,
        *,
        ours: bool,
        here: bool,
        peer: Peer | None,
        synonyms: Synonyms,
        checks: Checks,
        default: Policy,
    ) -> None:
        self.request = request
        self.flow = flow
        self.ours = ours
        self.here = here
        self.peer = peer
        self._synonyms = synonyms
        self._checks = checks
        self._default = default
        self._verdict: Verdict | bool | None = False

    @property
    def method(self) -> str:
        """The method."""
        return self.request.method

    @property
    def uri(self) -> Uri:
        """The Request-URI."""
        return self.request.uri

    @property
    def caller(self) -> str:
        """The address-of-record in From: what the sender says it is."""
        return aor_of(self.request.from_.uri, self._synonyms)

    @property
    def caller_domain(self) -> str:
        """The domain in From, ours by one name whichever was written; "" if there is none."""
        return domain_of(self.request.from_.uri, self._synonyms)

    @property
    def callee(self) -> str:
        """The address-of-record in To: for a REGISTER, who is to be registered."""
        return aor_of(self.request.to.uri, self._synonyms)

    @property
    def user(self) -> str | None:
        """The address-of-record that valid credentials prove; None without such."""
        verdict = self.verdict
        return _address_of(verdict.user) if isinstance(verdict, Known) else None

    @property
    def verdict(self) -> Verdict | None:
        """What its credentials prove, or how to ask for better ones; None where nobody is known.

        They are checked once, when somebody asks: the same ones are not taken twice.
        """
        if isinstance(self._verdict, bool):
            self._verdict = self._checks.verdict(self)
        return self._verdict

    @property
    def checked(self) -> Verdict | None:
        """The verdict, if anybody has asked for it."""
        return None if isinstance(self._verdict, bool) else self._verdict

    def default(self) -> Choice:
        """What would become of it without a handler of yours."""
        return self._default(self)

    def accept(self, uri: str = "") -> Accept:
        """Go on, with another Request-URI if one is given."""
        return Accept(uri)

    def redirect(self, *uris: str, status: int = 302) -> Redirect:
        """Send the caller to other addresses, the best first."""
        return Redirect(tuple((uri, 1.0) for uri in uris), status)

    def reject(self, status: int, why: str = "") -> Reject:
        """Refuse it."""
        return Reject(status, why)

    def challenge(self) -> Challenge:
        """Ask for credentials."""
        return Challenge()


class Calls(StrEnum):
    """Whose calls to our users need a password."""

    EVERYONE = "everyone"
    OURS = "ours"
    """Those who say in From that they are users of ours; others may call in."""
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the default policy asks for.

    Attributes:
        domains: The domains we are responsible for.
        calls: Whose calls to our users need a password.
        third_party: Users who may register others, as addresses-of-record.
        relay: Whether users may call other domains.
    """

    domains: frozenset[str]
    calls: Calls = Calls.EVERYONE
    third_party: frozenset[str] = frozenset()
    relay: bool = False


_ANONYMOUS: Final = "anonymous.invalid"


def open_policy(_call: Incoming) -> Choice:
    """Let everybody do everything that the proxy allows: `no_auth`, and edges."""
    return Accept()


def default_policy(rules: Rules) -> Policy:
    """Return the handler that serves without one of yours.

    Users prove who they are to register and to call; nobody speaks in the name of another;
    peers do what they are allowed to; nobody reaches others through us unproven.
    """

    def decide(call: Incoming) -> Choice:
        if call.peer is not None and _peer_may(call, call.peer):
            return Accept(relay=May.RELAY in call.peer.may)
        if call.here and call.method == "OPTIONS":
            return call.accept()  # "are you there?" needs no password
        if call.method == "REGISTER":
            if call.user is None:
                return call.challenge()
            if call.user != call.callee and call.user not in rules.third_party:
                return call.reject(403, f"{call.user} may not register {call.callee}")
            return call.accept()
        if call.ours and not _needs_password(call, rules):
            return call.accept()
        if call.user is None:
            return call.challenge()
        if call.caller != call.user and call.caller_domain != _ANONYMOUS:
            return call.reject(403, f"{call.user} may not call as {call.caller}")
        return Accept(relay=rules.relay)

    return decide


def _address_of(user: User) -> str:
    """The address-of-record of a user, in the form of `aor_of`."""
    # Some phones log in with the whole address; it names the same person.
    name = user.name.removesuffix(f"@{user.realm}")
    return f"sip:{name or user.name}@{host_text(user.realm)}"


def _peer_may(call: Incoming, peer: Peer) -> bool:
    if call.method == "REGISTER":
        return May.REGISTER in peer.may
    return (May.CALL if call.ours else May.RELAY) in peer.may


def _needs_password(call: Incoming, rules: Rules) -> bool:
    if rules.calls is Calls.OURS:
        return call.caller_domain in rules.domains
    return rules.calls is Calls.EVERYONE
