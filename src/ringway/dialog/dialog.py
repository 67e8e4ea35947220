"""One dialog: tags, route set, remote target and sequence numbers (RFC 3261 §12).

A `Dialog` makes the requests that are sent in it, and says whether a request that came in it may be
taken. It never changes its route set but once: when the 2xx confirms an early dialog of the caller
(§13.2.2.4). What moves is the remote target, and only by a target refresh: INVITE and UPDATE
(RFC 3311 §5.1), SUBSCRIBE and NOTIFY (RFC 6665 §4.1.2.1, §4.2.2), REFER (RFC 5057 §5.4).

An INVITE that forks gives one dialog for each To tag that answers, each with numbers of its own.
Peers of RFC 2543 may have no tag, which counts as the empty one, and no Contact: then the URI that
stands for them in the request that made the dialog is the remote target.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ringway.dialog.reliable import is_reliable
from ringway.dialog.secure import with_sips
from ringway.errors import ParseError
from ringway.message import Request, Response, Uri, build_request, parse_name_addr, parse_uri

__all__ = [
    "TARGET_REFRESH",
    "Dialog",
    "Key",
    "establishes",
    "key_of_request",
    "key_of_response",
]

Key = tuple[str, str, str]
"""Call-ID, local tag and remote tag: what a dialog is found by."""

TARGET_REFRESH: Final = frozenset({"INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"})
"""Methods whose Contact replaces the remote target."""

_FORMING: Final = frozenset({"INVITE", "SUBSCRIBE", "REFER"})
_SECURE: Final = frozenset({"tls", "wss"})


class Dialog:
    """A dialog as one of its two user agents knows it.

    Make one with `from_response` or `from_request`.

    Attributes:
        call_id: the Call-ID.
        local_tag: our tag.
        remote_tag: the peer's tag; empty if it gave none (RFC 2543).
        local: what stands for us in From, tag included.
        remote: what stands for the peer in To, tag included.
        remote_target: the URI that requests are sent for, as text.
        route_set: the Route values of every request, in order, each as ``<uri>``.
        local_cseq: number of our last request; None before the first.
        remote_cseq: number of the peer's last request; None before the first.
        secure: True when our Contacts must be sips URIs.
        early: True until a 2xx came or went.
        caller: True when we sent the request that made it, so the Call-ID is ours.
        method: of the request that made it: INVITE, or that of a subscription.
    """

    __slots__ = (
        "call_id",
        "caller",
        "early",
        "local",
        "local_cseq",
        "local_tag",
        "method",
        "remote",
        "remote_cseq",
        "remote_tag",
        "remote_target",
        "route_set",
        "secure",
    )

    def __init__(
        self,
        *,
        call_id: str,
        local: str,
        remote: str,
        remote_target: str,
        route_set: tuple[str, ...] = (),
        local_cseq: int | None = None,
        remote_cseq: int | None = None,
        secure: bool = False,
        early: bool = False,
        caller: bool = False,
        method: str = "INVITE",
    ) -> None:
        self.call_id = call_id
        self.local = local
        self.remote = remote
        self.local_tag = parse_name_addr(local, "from").tag
        self.remote_tag = parse_name_addr(remote, "to").tag
        self.remote_target = remote_target
        self.route_set = route_set
        self.local_cseq = local_cseq
        self.remote_cseq = remote_cseq
        self.secure = secure
        self.early = early
        self.caller = caller
        self.method = method

    @classmethod
    def from_response(cls, request: Request, response: Response) -> Dialog:
        """Make the dialog of the user agent that sent the request (RFC 3261 §12.1.2).

        Args:
            request: as it was sent, our Contact in it.
            response: one that `establishes` a dialog; it is early if this is a 1xx.

        Raises:
            ParseError: the Contact or a Record-Route of the response cannot be read.
        """
        return cls(
            call_id=request.call_id,
            local=request.get("from") or "",
            remote=response.get("to") or "",
            remote_target=_contact(response) or request.uri_text,
            route_set=_recorded(response)[::-1],
            local_cseq=request.cseq.number,
            secure=_is_secure(request),
            early=response.status < 200,
            caller=True,
            method=request.method,
        )

    @classmethod
    def from_request(cls, request: Request, response: Response) -> Dialog:
        """Make the dialog of the user agent that answers the request (RFC 3261 §12.1.1).

        Args:
            request: as it came.
            response: ours, with our tag in To; the dialog is early if this is a 1xx.

        Raises:
            ParseError: the Contact or a Record-Route of the request cannot be read: answer 400.
        """
        return cls(
            call_id=request.call_id,
            local=response.get("to") or "",
            remote=request.get("from") or "",
            remote_target=_contact(request) or request.from_.uri_text,
            route_set=_recorded(request),
            remote_cseq=request.cseq.number,
            secure=_is_secure(request),
            early=response.status < 200,
            method=request.method,
        )

    @property
    def key(self) -> Key:
        """Call-ID, local tag and remote tag."""
        return self.call_id, self.local_tag, self.remote_tag

    def request(
        self,
        method: str,
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str | None = None,
        contact: str = "",
        target: str = "",
    ) -> Request:
        """Make the next request within the dialog (RFC 3261 §12.2.1.1).

        Each call takes the next CSeq number. For ACK see `ack`; a CANCEL has the number of its
        INVITE and is made from it.

        Args:
            method: anything but ACK and CANCEL.
            headers: further headers, (name, value).
            body: the body.
            content_type: its type.
            contact: our Contact, as ``<uri>``; every target refresh should have one. It becomes a
                sips URI where the dialog is secure.
            target: where a 3xx within the dialog points to, instead of the remote target; the
                route set stays (§12.2.1.2).

        Raises:
            ValueError: the method is ACK or CANCEL, or a text would break its line.
        """
        if method in {"ACK", "CANCEL"}:
            raise ValueError(f"{method} has the number of its INVITE")
        number = 1 if self.local_cseq is None else self.local_cseq + 1
        made = self._build(method, number, headers, body, content_type, contact, target)
        self.local_cseq = number
        return made

    def ack(
        self,
        invite_cseq: int,
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> Request:
        """Make the ACK for a 2xx (RFC 3261 §13.2.2.4).

        It needs no transaction: send it again for each copy of the 2xx.

        Args:
            invite_cseq: the number of the INVITE.
            headers: further headers; the credentials that the INVITE carried belong here.
            body: the answer, if the 2xx had the offer.
            content_type: its type.

        Raises:
            ValueError: a text would break its line.
        """
        return self._build("ACK", invite_cseq, headers, body, content_type, "", "")

    def next_hop_uri(self) -> Uri:
        """Return the URI by which the next hop of a request is found (RFC 3261 §8.1.2).

        It is a sips URI if the remote target is one, whatever the route set says.

        Raises:
            ParseError: it cannot be read.
        """
        if not self.route_set:
            return parse_uri(self.remote_target)
        first = parse_uri(self.route_set[0][1:-1])
        if first.scheme == "sip" and first.lr and parse_uri(self.remote_target).secure:
            return replace(first, scheme="sips")
        return first

    def confirm(self, response: Response) -> None:
        """Take the 2xx, received or about to be sent, that ends the early state.

        At the caller the route set is taken from it anew (RFC 3261 §13.2.2.4), and the Contact
        becomes the remote target. Numbers stay. Does nothing to a confirmed dialog.

        Raises:
            ParseError: its Contact or a Record-Route cannot be read; nothing has changed.
        """
        if not self.early:
            return
        if self.caller:
            target = _contact(response) or self.remote_target
            self.route_set = _recorded(response)[::-1]
            self.remote_target = target
        self.early = False

    def refresh(self, message: Request | Response) -> bool:
        """Take the peer's Contact from a target refresh; the route set never changes (§12.2).

        Args:
            message: a request of the peer, as its 2xx or reliable 1xx goes out; or a 2xx or
                reliable 1xx of the peer (RFC 6141 §4.6, §4.7).

        Returns:
            True if the remote target has changed. False too for messages that refresh nothing.

        Raises:
            ParseError: the Contact cannot be read; nothing has changed.
        """
        if message.cseq.method not in TARGET_REFRESH or not _refreshes(message):
            return False
        target = _contact(message)
        if not target or target == self.remote_target:
            return False
        self.remote_target = target
        return True

    def take(self, request: Request) -> int | None:
        """Check a request of the peer against the dialog, and note its number (§12.2.2).

        A gap in the numbers is no fault: a proxy may have challenged what came between. The number
        of the request before is one: each has its own. Call `refresh` once the request is accepted.

        Returns:
            The status to refuse it with: 481 if it is not of this dialog, 500 if it is out of
            order, 400 if its Contact cannot be read. None to go on.
        """
        if request.method == "ACK":
            return None
        if key_of_request(request) != self.key:
            return 481
        number = request.cseq.number
        if request.method == "CANCEL":
            return None
        if self.remote_cseq is not None and number <= self.remote_cseq:
            return 500
        if request.method in TARGET_REFRESH:
            try:
                _contact(request)
            except ParseError:
                return 400
        self.remote_cseq = number
        return None

    def __repr__(self) -> str:
        state = "early" if self.early else "confirmed"
        return f"<Dialog {self.call_id!r} {self.local_tag!r} {self.remote_tag!r} {state}>"

    def _build(
        self,
        method: str,
        number: int,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        content_type: str | None,
        contact: str,
        target: str,
    ) -> Request:
        uri = _plain(target or self.remote_target)
        routes = list(self.route_set)
        if routes and not parse_uri(routes[0][1:-1]).lr:
            routes.append(f"<{uri}>")
            uri = _plain(routes.pop(0)[1:-1])
        lines = [("Route", route) for route in routes]
        if contact:
            lines.append(("Contact", with_sips(contact) if self.secure else contact))
        return build_request(
            method,
            uri,
            from_=self.local,
            to=self.remote,
            call_id=self.call_id,
            cseq=number,
            headers=[*lines, *headers],
            body=body,
            content_type=content_type,
        )


def establishes(request: Request, response: Response) -> bool:
    """Say whether a response makes a dialog (RFC 3261 §12.1, RFC 6665 §4.4.1).

    A 101 to 199 with a To tag to an INVITE does, and a 2xx, with or without a tag (RFC 2543), to
    INVITE, SUBSCRIBE and REFER; not within a dialog that is there already.
    """
    if request.method not in _FORMING or request.to_tag:
        return False
    if 200 <= response.status < 300:
        return True
    return request.method == "INVITE" and 100 < response.status < 200 and bool(response.to_tag)


def key_of_request(request: Request) -> Key:
    """Return the key of the dialog that a request of a peer belongs to (RFC 3261 §12)."""
    return request.call_id, request.to_tag, request.from_tag


def key_of_response(response: Response) -> Key:
    """Return the key of the dialog that a response to our request belongs to (RFC 3261 §12)."""
    return response.call_id, response.from_tag, response.to_tag


def _contact(message: Request | Response) -> str:
    """Return the URI of the Contact, "" if there is none that can be a remote target."""
    contacts = message.contacts
    if not contacts:
        return ""
    if not contacts[0].uri.is_sip:
        raise ParseError("a Contact that is no SIP URI", header="contact")
    return contacts[0].uri_text


def _recorded(message: Request | Response) -> tuple[str, ...]:
    return tuple(f"<{value.uri_text}>" for value in message.record_routes)


def _refreshes(message: Request | Response) -> bool:
    if isinstance(message, Request) or 200 <= message.status < 300:
        return True
    return is_reliable(message)


def _is_secure(request: Request) -> bool:
    """Say whether it went or came over TLS for a sips URI; what has no Via is yet to go so."""
    if not request.uri.secure:
        return False
    return not request.has("via") or request.top_via.transport in _SECURE


def _plain(text: str) -> str:
    """Return a URI without what must not stand in a Request-URI (RFC 3261 §19.1.1, Table 1)."""
    uri = parse_uri(text)
    if uri.headers or uri.has_param("method"):
        return str(uri.without_headers().without_params("method"))
    return text
