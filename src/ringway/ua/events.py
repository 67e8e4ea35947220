"""What an application hears of its user agent: of the agent itself, and of each call.

Frozen values, in the order things happen. Wherever a response is the cause, `why` is the table's
word for it: the same that `ringway code` prints.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from ringway.codes import Source
from ringway.message import NameAddr, Request, Response, Uri
from ringway.transport.flow import Flow

if TYPE_CHECKING:
    from ringway.ua.calls.called import IncomingCall
    from ringway.ua.incoming import IncomingRequest


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something did not work.

    Attributes:
        status: the response's, or what its absence counts as (RFC 3261 §8.1.3.1).
        source: from the wire, or from a timer or the transport.
        text: one plain line. Parts of it may come from the wire: escape it.
        why: the table's word for it.
        response: the response, if one came.
        retry_after: seconds after which another try makes sense; None if nobody said.
        contacts: where a redirect that was not followed points to.
    """

    status: int
    source: Source
    text: str
    why: str = ""
    response: Response | None = None
    retry_after: int | None = None
    contacts: tuple[NameAddr, ...] = ()


# Of the agent


@dataclass(frozen=True, slots=True)
class Registered:
    """A registration was made or refreshed over a flow.

    Attributes:
        reg_id: which of the flows; 0 where there is no outbound (RFC 5626 §4.2.1).
        proxy: the outbound proxy, or the registrar; as text.
        flow: the flow.
        expires: seconds that were granted.
        outbound: True when the registrar does RFC 5626.
        refreshed: True when it was there before, over the same flow.
        note: what fell back to less than was asked for; empty if nothing did.
    """

    reg_id: int
    proxy: str
    flow: Flow
    expires: int
    outbound: bool
    refreshed: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class FlowLost:
    """A flow that carried a registration does not work any more.

    Attributes:
        reg_id: which of the flows.
        proxy: the outbound proxy, as text.
        reason: what happened.
        retry_in: seconds until the next try.
    """

    reg_id: int
    proxy: str
    reason: str
    retry_in: float


@dataclass(frozen=True, slots=True)
class RegistrationFailed:
    """A try to register failed.

    Attributes:
        reg_id: which of the flows.
        proxy: the outbound proxy, as text.
        failure: why.
        retry_in: seconds until the next try; None when trying again would change nothing.
    """

    reg_id: int
    proxy: str
    failure: Failure
    retry_in: float | None


@dataclass(frozen=True, slots=True)
class Unregistered:
    """A registration was taken back."""

    reg_id: int
    proxy: str


@dataclass(frozen=True, slots=True)
class MovedPermanently:
    """A 301 came: use this URI from now on (RFC 3261 §21.3.2).

    Attributes:
        original: the URI that was asked for.
        contacts: what stands in its place.
    """

    original: Uri
    contacts: tuple[NameAddr, ...]


@dataclass(frozen=True, slots=True)
class CallOffered:
    """Somebody calls; the call waits for `ring`, `answer`, `reject` or `redirect`."""

    call: IncomingCall


@dataclass(frozen=True, slots=True)
class RequestOffered:
    """A request outside a dialog, as MESSAGE; it waits for its answer."""

    request: IncomingRequest


# Of one call


@dataclass(frozen=True, slots=True)
class Ringing:
    """A provisional response above 100 (RFC 3261 §13.2.2.1).

    Attributes:
        status: 180, 183 and so on.
        phrase: its reason phrase, from the wire.
        branch: the To tag: which of the phones that ring.
        body: a session description, if one came.
        content_type: of the body.
        why: the table's word.
        offer: True when the body is an offer; answer it with `Call.accept`.
    """

    status: int
    phrase: str
    branch: str
    body: bytes = b""
    content_type: str = ""
    why: str = ""
    offer: bool = False


@dataclass(frozen=True, slots=True)
class Redirected:
    """A redirect is being followed.

    Attributes:
        status: 300 to 305.
        original: the URI that was asked for; it stays the one for future calls, but for a 301.
        target: where the request goes now.
        permanent: True for a 301.
        until: seconds that it may be remembered for; 0 if it must not be.
        insecure: True when it leads from a SIPS URI to one that is none (RFC 3261 §8.1.3.4).
    """

    status: int
    original: Uri
    target: Uri
    permanent: bool = False
    until: int = 0
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """The call is up.

    Attributes:
        body: the answer, or the offer where the INVITE had none.
        content_type: of the body.
        branch: the tag of who answered.
        offer: True when the body is an offer; answer it with `Call.accept`, the ACK waits for it.
    """

    body: bytes = b""
    content_type: str = ""
    branch: str = ""
    offer: bool = False


@dataclass(frozen=True, slots=True)
class Offered:
    """The far end wants to change the session; answer with `Call.accept` or `Call.refuse`.

    Attributes:
        method: INVITE, UPDATE or PRACK.
        body: the offer; empty when the far end asks for ours.
        content_type: of the body.
    """

    method: str
    body: bytes
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Changed:
    """A change of the session that we asked for was taken, or an offer of ours was answered.

    Attributes:
        body: the far end's description.
        content_type: of the body.
        offer: True when the body is an offer; answer it with `Call.accept`, the ACK waits for it.
    """

    body: bytes = b""
    content_type: str = ""
    offer: bool = False


@dataclass(frozen=True, slots=True)
class NotChanged:
    """A change of the session that we asked for was refused; the call goes on as it was."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class TransferAsked:
    """The far end asks us to call somebody else (RFC 3515); see `Call.accept_transfer`.

    Attributes:
        refer_to: whom.
        referred_by: who says so, empty if nobody.
        replaces: True when an existing dialog is to be replaced (RFC 3891).
    """

    refer_to: Uri
    referred_by: str = ""
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class TransferProgress:
    """What came of a transfer that we asked for.

    Attributes:
        status: of the call that was made, 202 while nothing is known, 100 when it is being tried.
        phrase: its reason phrase.
        final: True when nothing more will come.
    """

    status: int
    phrase: str
    final: bool


@dataclass(frozen=True, slots=True)
class InfoReceived:
    """An INFO within the call; it has been answered with 200."""

    request: Request


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A MESSAGE within the call; it has been answered with 200."""

    request: Request


@dataclass(frozen=True, slots=True)
class FlowReplaced:
    """The connection under the call broke and there is a new one; the call goes on."""

    flow: Flow


@dataclass(frozen=True, slots=True)
class Failed:
    """The call was never answered."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over.

    Attributes:
        by_us: True when we ended it.
        reason: what is known of why, in one line.
        failure: set when it ended because a request failed.
    """

    by_us: bool
    reason: str = ""
    failure: Failure | None = field(default=None)


AgentEvent: TypeAlias = (
    Registered
    | FlowLost
    | RegistrationFailed
    | Unregistered
    | MovedPermanently
    | CallOffered
    | RequestOffered
)
CallEvent: TypeAlias = (
    Ringing
    | Redirected
    | Answered
    | Offered
    | Changed
    | NotChanged
    | TransferAsked
    | TransferProgress
    | InfoReceived
    | MessageReceived
    | FlowReplaced
    | Failed
    | Ended
)
