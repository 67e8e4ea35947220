"""Whose turn it is to offer and to answer in a dialog (RFC 3264, RFC 6337).

A `Negotiation` is told of each message that can carry a session description, once, and says what
its body means. Before a message is sent, `may_send` says whether it may be; before one is taken,
`refusal` says how it must be refused: 491 while a request of ours is in progress, 500 with
Retry-After where the peer did not wait for the end of its own (RFC 3261 §14.2, RFC 3311 §5.2,
RFC 6337 §4.3).

Who may offer where (RFC 6337 §2.2): an INVITE; the first reliable response to an INVITE without
offer; the PRACK of a response that had the answer; an UPDATE. The answer comes in the reliable
response to the request with the offer, or in the PRACK or ACK of the response with the offer.

An INVITE that forks has a `Negotiation` for each dialog: make it, and tell it of the INVITE first.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from ringway.dialog.refusal import Refusal
from ringway.dialog.reliable import has_session, is_reliable
from ringway.message import Request, Response

__all__ = ["Meaning", "Negotiation", "Refusal", "State", "glare_wait", "retry_after"]

_MOST: Final = 10
"""Seconds of the longest Retry-After (RFC 3261 §14.2)."""

_RESPONSES: Final = frozenset({"1xx", "2xx"})


class State(Enum):
    """Where an exchange of offer and answer stands."""

    IDLE = "idle"
    OFFER_SENT = "offer sent"
    OFFER_RECEIVED = "offer received"


class Meaning(Enum):
    """What the body of a message means."""

    NOTHING = "nothing"
    """There is none, or it repeats what was said, or it is out of turn: ignore it."""
    OFFER = "offer"
    ANSWER = "answer"
    PREVIEW = "preview"
    """The answer, early, in a response that may be lost: a caller uses the first it gets."""


class _Side(Enum):
    US = "us"
    PEER = "peer"

    @property
    def other(self) -> _Side:
        return _Side.PEER if self is _Side.US else _Side.US


class Negotiation:
    """Offers and answers, and the INVITE and UPDATE transactions, of one dialog."""

    __slots__ = (
        "_carrier",
        "_invite",
        "_offerer",
        "_owes_offer",
        "_unacked",
        "_unpracked",
        "_updates",
    )

    def __init__(self) -> None:
        self._offerer: _Side | None = None  # whose offer has no answer yet
        self._carrier = ""  # and what it came in: a method, "1xx" or "2xx"
        self._invite: _Side | None = None  # who sent the INVITE that has no final response
        self._owes_offer: _Side | None = None  # who answers an INVITE that had no offer
        self._unacked = False  # our 2xx to an INVITE has no ACK
        self._unpracked = False  # a reliable 1xx with a session, PRACK not done
        self._updates: set[_Side] = set()  # whose UPDATE has no final response

    @property
    def state(self) -> State:
        """Where the exchange stands."""
        if self._offerer is None:
            return State.IDLE
        return State.OFFER_SENT if self._offerer is _Side.US else State.OFFER_RECEIVED

    @property
    def inviting(self) -> bool:
        """True while an INVITE of either side is in progress (RFC 3261 §14.1)."""
        return self._invite is not None or self._unacked

    def may_send(self, method: str, *, offer: bool) -> bool:
        """Say whether a request may be sent now.

        Args:
            method: INVITE, UPDATE or PRACK; any other is always allowed.
            offer: whether it would carry an offer.
        """
        if method == "INVITE":
            return self._asker is None and not self.inviting
        if method == "UPDATE":
            return _Side.US not in self._updates and (not offer or self._asker is None)
        if method == "PRACK" and offer:
            return self._offerer is None and self._unpracked
        return True

    def due(self, request: Request, response: Response) -> Meaning:
        """Say what a session description in our response would mean, before it is sent.

        OFFER or ANSWER: it must have one. PREVIEW: it may have the coming answer. NOTHING: none.

        Args:
            request: the INVITE, UPDATE or PRACK of the peer.
            response: ours; only its status and whether it is reliable count.
        """
        return self._due(_Side.US, request.method, response)

    def refusal(self, request: Request, chance: float) -> Refusal | None:
        """Say how a request of the peer within the dialog must be refused, None to go on.

        Args:
            request: any request.
            chance: from 0 up to 1, for Retry-After.
        """
        later = Refusal(500, (("Retry-After", retry_after(chance)),))
        if request.method == "INVITE":
            asker = self._invite or self._asker
        elif request.method == "UPDATE":
            if _Side.PEER in self._updates:
                return later
            asker = self._asker if has_session(request) else None
        else:
            return None
        if asker is None:
            return None
        return Refusal(491) if asker is _Side.US else later

    # What was sent and what came, each message once.

    def sent(self, request: Request) -> Meaning:
        """Take a request of ours that has been sent: INVITE, UPDATE, PRACK or ACK."""
        return self._request(_Side.US, request)

    def received(self, request: Request) -> Meaning:
        """Take a request of the peer that `refusal` let pass, or the ACK of a 2xx."""
        return self._request(_Side.PEER, request)

    def responded(self, request: Request, response: Response) -> Meaning:
        """Take a response of ours that has been sent to the peer's request."""
        return self._response(_Side.US, request.method, response)

    def answered(self, request: Request, response: Response) -> Meaning:
        """Take a response of the peer to our request; only the first 2xx, and no repeated 1xx."""
        return self._response(_Side.PEER, request.method, response)

    def failed(self, request: Request) -> None:
        """Take the end of our request without a response: what it offered is void."""
        self._void(_Side.US, request.method)

    def unacknowledged(self) -> None:
        """Say that the ACK of our 2xx never came: send BYE (RFC 3261 §13.3.1.4)."""
        self._unacked = False

    @property
    def _asker(self) -> _Side | None:
        """Whose request, still in progress, keeps others from offering (RFC 6337 §4.3)."""
        if self._offerer is not None:
            return self._offerer.other if self._carrier in _RESPONSES else self._offerer
        if self._owes_offer is not None or self._unpracked:
            return self._invite
        return None

    def _request(self, side: _Side, request: Request) -> Meaning:
        method = request.method
        body = has_session(request)
        if method == "INVITE":
            self._invite = side
            self._owes_offer = None if body else side.other
        elif method == "UPDATE":
            self._updates.add(side)
        elif method == "ACK":
            self._unacked = False
            answers = self._offerer is side.other and self._carrier == "2xx"
            return self._settled(body=body) if answers else Meaning.NOTHING
        elif method == "PRACK":
            if side is _Side.PEER:
                self._unpracked = False  # it is answered at once
            if self._offerer is side.other and self._carrier == "1xx":
                return self._settled(body=body)
            if self._offerer is side.other and self._carrier == "UPDATE":
                # A PRACK is never refused: the UPDATE it crossed will be (RFC 6337 §4.2).
                return self._offered(side, method) if body else Meaning.NOTHING
        else:
            return Meaning.NOTHING
        return self._offered(side, method) if body and self._offerer is None else Meaning.NOTHING

    def _response(self, side: _Side, method: str, response: Response) -> Meaning:
        status = response.status
        asker = side.other
        if method not in {"INVITE", "UPDATE", "PRACK"}:
            return Meaning.NOTHING
        if status >= 300:
            self._void(asker, method)
            return Meaning.NOTHING
        body = has_session(response)
        due = self._due(side, method, response)
        if method == "INVITE" and status >= 200:
            self._invite = None
            self._unacked = side is _Side.US
            self._unpracked = False
            self._owes_offer = None
        elif method == "UPDATE" and status >= 200:
            self._updates.discard(asker)
        elif method == "PRACK" and status >= 200:
            self._unpracked = False
        if due is Meaning.ANSWER and (body or status >= 200):
            self._unpracked = status < 200
            return self._settled(body=body)
        if due is Meaning.OFFER and body:
            self._unpracked = status < 200
            self._owes_offer = None
            return self._offered(side, "1xx" if status < 200 else "2xx")
        return due if due is Meaning.PREVIEW and body else Meaning.NOTHING

    def _due(self, side: _Side, method: str, response: Response) -> Meaning:
        """Say what a session description in a response of one side means."""
        if not 100 < response.status < 300:
            return Meaning.NOTHING
        final = response.status >= 200
        answers = self._offerer is side.other and self._carrier == method
        if method != "INVITE":
            return Meaning.ANSWER if answers and final else Meaning.NOTHING
        if final or is_reliable(response):
            if answers:
                return Meaning.ANSWER
            owes = self._owes_offer is side and self._offerer is None
            return Meaning.OFFER if owes else Meaning.NOTHING
        return Meaning.PREVIEW if answers else Meaning.NOTHING

    def _offered(self, side: _Side, carrier: str) -> Meaning:
        self._offerer = side
        self._carrier = carrier
        return Meaning.OFFER

    def _settled(self, *, body: bool) -> Meaning:
        """End the exchange; a peer that left out its answer does not block all further ones."""
        self._offerer = None
        self._carrier = ""
        return Meaning.ANSWER if body else Meaning.NOTHING

    def _void(self, asker: _Side, method: str) -> None:
        """End a request that failed: the session stays as it was."""
        if method == "INVITE":
            self._invite = None
            self._owes_offer = None
            self._unpracked = False
            mine = (
                self._offerer is asker and self._carrier == "INVITE"
            ) or self._carrier in _RESPONSES
        else:
            if method == "UPDATE":
                self._updates.discard(asker)
            mine = self._offerer is asker and self._carrier == method
        if mine:
            self._settled(body=False)


def retry_after(chance: float) -> str:
    """Return a Retry-After of 0 to 10 seconds (RFC 3261 §14.2).

    Args:
        chance: from 0 up to 1.
    """
    return str(int(chance * (_MOST + 1)))


def glare_wait(chance: float, *, owner: bool) -> float:
    """Return the seconds to wait after a 491, in units of 10 ms (RFC 3261 §14.1).

    Args:
        chance: from 0 up to 1.
        owner: True for who made the Call-ID: 2.1 to 4 s; else 0 to 2 s.
    """
    return (210 + int(chance * 191)) / 100 if owner else int(chance * 201) / 100
