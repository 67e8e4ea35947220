"""The words of the table: what a response can bring about, and in which circumstance.

A status code alone decides nothing. A transport error counts as 503, yet the next flow
is tried after it, while a 503 that the phone itself sent must not lead there (RFC 3261
§16.9, RFC 5626 §7). So a `Rule` joins effects to a circumstance: who looks at the
response, for which method, in or outside a dialog, and where it came from. The same
goes for the status that leaves upstream, a `Translation`.

Only types live here; the facts are in `rows_1xx.py` to `rows_6xx.py` and `defaults.py`.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import NamedTuple


class Role(StrEnum):
    """Who looks at the response."""

    PROXY = "proxy"
    """A proxy that chose where the request went and may choose again."""
    EDGE = "edge"
    """A proxy while it sends over the flow that a token names: it never picks another
    flow (RFC 5626 §5.3.1). For requests going the other way the same node is a PROXY."""
    REGISTRAR = "registrar"
    """A registrar that sent a request of its own over a binding, to probe it."""
    CALLER = "caller"
    """A user agent client."""


class Source(StrEnum):
    """Where the response came from."""

    RECEIVED = "received"
    """From the wire."""
    TIMER = "timer"
    """From nowhere: the transaction, or a flow, stayed silent for too long."""
    TRANSPORT = "transport"
    """From nowhere: the request could not be sent, or its connection closed."""
    OWN_EDGE = "own edge"
    """From the wire, sent by an edge of our own system that we reach as next hop."""


class Effect(StrEnum):
    """What is done because of the response.

    Do a rule's effects in order. INVALIDATE_BINDING and GIVE_UP are done in passing;
    of the others, the first that is possible takes the request over and ends the list.
    """

    FORWARD = "forward"
    """Pass it on as `forwarded_as` says: a proxy to its response context, a caller to
    its application."""
    RECURSE = "recurse"
    """Send the request to the Contacts of the response (RFC 3261 §16.5, §8.1.3.4)."""
    NEXT_FLOW = "next flow"
    """Send it over another flow of the same AOR and instance (RFC 5626 §7)."""
    NEXT_SERVER = "next server"
    """Send it to the next server for the same URI (RFC 3263 §4.3)."""
    ANSWER_CHALLENGE = "answer challenge"
    """Send it again with credentials (RFC 3261 §22)."""
    RETRY_CHANGED = "retry changed"
    """Send it again with what the response asks to be different."""
    RETRY_AFTER = "retry after"
    """Send it again later: after Retry-After, or the delay that the rule names."""
    INVALIDATE_BINDING = "invalidate binding"
    """Take the binding that the request was sent to out of service, unless it was
    refreshed since."""
    GIVE_UP = "give up"
    """Try nothing further for this request, and cancel what is still pending for it."""
    END_DIALOG = "end dialog"
    """Give up the request and the dialog with it: what it held up is over (RFC 3261 §12.2.1.2)."""


class Toward(StrEnum):
    """Who gets the response next."""

    AGENT = "agent"
    """A user agent: the response leaves over its flow, or straight to its address."""
    PROXY = "proxy"
    """Another proxy."""


class Sender(StrEnum):
    """Who may be the first to send a code."""

    UAS = "user agent server"
    PROXY = "proxy"
    EDGE = "edge proxy"
    REDIRECT = "redirect server"
    REGISTRAR = "registrar"


class Cache(StrEnum):
    """For how long the Contacts of a response may be used again."""

    NEVER = "never"
    WITH_EXPIRY = "for the time an explicit expiry gives"
    PERMANENT = "until told otherwise"


class Rank(IntEnum):
    """The order in which a proxy chooses the best final response: the lowest wins.

    RFC 3261 §16.7 step 6 fixes the classes, 6xx before 3xx before 4xx before 5xx, and
    asks to prefer, within 4xx, what tells the caller how to send again. The rest of the
    order is ours: a response that only says "this path failed" loses against a word of
    the callee of the same class, because it says nothing about the callee. Equal ranks:
    the one that came first.
    """

    SUCCESS = 0
    """2xx: forwarded at once, before anything is chosen (step 5)."""
    GLOBAL_FAILURE = 1
    REDIRECTION = 2
    CHALLENGE = 3
    """401, 407: the caller can answer, and gets all challenges in one (step 7)."""
    RESUBMIT = 4
    """415, 420, 484: the caller can change the request."""
    ANSWER_4XX = 5
    """Any other word of the callee, or about the callee."""
    PATH_GONE = 6
    """430: a flow is gone."""
    PATH_SILENT = 7
    """408: nothing came back, whoever waited for it."""
    PATH_LOOPED = 8
    """440, 482, 483: this branch ran astray, or met a copy of the request."""
    PATH_CANCELLED = 9
    """487: we cancelled this branch ourselves."""
    ANSWER_5XX = 10
    PATH_BROKEN = 11
    """503: this server, or the way to it, is out of service."""
    NOT_FINAL = 12
    """1xx: never chosen."""


class Circumstance(NamedTuple):
    """What a response is looked at in; with the status, the key to its effects.

    Attributes:
        role: Who looks at it.
        method: The method of the request that it answers, as in CSeq.
        in_dialog: Whether that request was sent within a dialog (had a To tag).
        source: Where the response came from.
    """

    role: Role
    method: str
    in_dialog: bool
    source: Source


@dataclass(frozen=True, slots=True)
class Rule:
    """Effects in order, and the circumstances in which they hold; None selects any.

    Attributes:
        effects: What to do; the last is FORWARD, GIVE_UP or END_DIALOG, so there is always a way
            on.
        why: One line for people, with the RFC section.
        roles: The roles it holds for.
        methods: The methods it holds for.
        in_dialog: Whether it holds inside or outside a dialog.
        sources: The sources it holds for.
    """

    effects: tuple[Effect, ...]
    why: str
    roles: frozenset[Role] | None = None
    methods: frozenset[str] | None = None
    in_dialog: bool | None = None
    sources: frozenset[Source] | None = None

    def holds(self, circumstance: Circumstance) -> bool:
        """Return whether the rule holds in `circumstance`."""
        return (
            (self.roles is None or circumstance.role in self.roles)
            and (self.methods is None or circumstance.method in self.methods)
            and (self.in_dialog is None or circumstance.in_dialog is self.in_dialog)
            and (self.sources is None or circumstance.source in self.sources)
        )


@dataclass(frozen=True, slots=True)
class Translation:
    """The status that a response leaves with instead of its own; None selects any.

    Attributes:
        status: The status to send; None means send nothing.
        why: One line for people, with the RFC section.
        toward: Who gets it.
        invite: Whether it holds for INVITE or for the other methods.
        roles: The roles it holds for.
        sources: The sources it holds for.
        authoritative: Whether it holds for the proxy that built the target set.
    """

    status: int | None
    why: str
    toward: Toward | None = None
    invite: bool | None = None
    roles: frozenset[Role] | None = None
    sources: frozenset[Source] | None = None
    authoritative: bool | None = None

    def holds(
        self, method: str, toward: Toward, role: Role, source: Source, *, authoritative: bool
    ) -> bool:
        """Return whether the translation holds for a response that leaves like this."""
        return (
            (self.toward is None or toward is self.toward)
            and (self.invite is None or (method == "INVITE") is self.invite)
            and (self.roles is None or role in self.roles)
            and (self.sources is None or source in self.sources)
            and (self.authoritative is None or authoritative is self.authoritative)
        )


@dataclass(frozen=True, slots=True)
class Code:
    """What one status code means: a row of the table.

    Attributes:
        status: The status code.
        phrase: Its reason phrase.
        rfc: The RFC that defines it, as "RFC 3261".
        section: The section there that says what it means, as "21.4.18".
        rank: Its place when a proxy chooses the best response; the lowest wins.
        may_be_sent_by: Who may be the first to send it.
        must_carry: Header fields that it must carry besides those of every response.
        must_carry_one_of: Header fields of which it must carry at least one.
        should_carry: Header fields that it should carry.
        cacheable: For how long its Contacts may be used again.
        contact_is_proxy: Whether its Contact is a proxy to send the request through, as
            Route, with the Request-URI kept; otherwise a Contact replaces that.
        aggregates: Header fields whose values are collected from the other responses of
            the fork when it is chosen (RFC 3261 §16.7 step 7).
        means_duplicate: Whether it may say that the phone has another copy of this very
            request (RFC 3261 §8.2.2.2), so that an older branch is to be waited for.
        rules: Its own effects, the first that holds counts; `defaults.py` has the rest.
        translations: What it leaves as, the first that holds counts; otherwise itself.
    """

    status: int
    phrase: str
    rfc: str
    section: str
    rank: Rank
    may_be_sent_by: frozenset[Sender]
    must_carry: tuple[str, ...] = ()
    must_carry_one_of: tuple[str, ...] = ()
    should_carry: tuple[str, ...] = ()
    cacheable: Cache = Cache.NEVER
    contact_is_proxy: bool = False
    aggregates: tuple[str, ...] = ()
    means_duplicate: bool = False
    rules: tuple[Rule, ...] = ()
    translations: tuple[Translation, ...] = ()
