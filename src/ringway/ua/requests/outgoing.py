"""What is to be sent and who asks for it, and the request that is made for each attempt.

RFC 3261 §8.1.1 (outside a dialog), §12.2.1.1 (within), §8.1.3.4 (what a redirected request keeps),
RFC 5626 §4.3 (the Contact). Credentials and a pre-loaded Route are for the target they were meant
for: no other target gets them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from ringway.dialog.secure import with_sips
from ringway.message import Request, Response, build_request
from ringway.transport.flow import Flow
from ringway.ua.events import Failure, Redirected
from ringway.ua.requests.redirects import Target, with_headers
from ringway.ua.requests.ways import Way, route_text
from ringway.ua.services import Services

if TYPE_CHECKING:
    from ringway.dialog.dialog import Dialog
    from ringway.ua.flows.outbound import Slot

Headers: TypeAlias = tuple[tuple[str, str], ...]

CREDENTIALS: Final = frozenset({"authorization", "proxy-authorization"})
_OF_ONE_TARGET: Final = CREDENTIALS | {"route"}


class Outgoing(NamedTuple):
    """What is to be sent, before any attempt.

    Attributes:
        method: the method; neither ACK nor CANCEL.
        uri: the Request-URI; within a dialog the dialog's remote target stands instead.
        to: To, without a tag; within a dialog the dialog's own stands instead.
        from_: From, its tag included; within a dialog as for To.
        call_id: the Call-ID; within a dialog as for To.
        headers: further fields, without Contact and User-Agent. A Route among them is pre-loaded
            (RFC 3261 §8.1.1.1) and, without outbound proxies, where the request goes first.
        body: the body.
        content_type: its type.
        dialog: within a dialog: its route set, CSeq and remote target.
        slot: over this slot's flow, and within a dialog over no other; None for the best one, or
            without outbound proxies for what RFC 3263 says.
        forms_dialog: True to carry a Contact, as what forms a dialog or refreshes its target does.
        extensions: option-tags we have, for a 421 to ask for; lower case.
        previous: an earlier request of the dialog, as sent: its realms get credentials at once.
    """

    method: str
    uri: str
    to: str
    from_: str
    call_id: str
    headers: Headers = ()
    body: bytes = b""
    content_type: str | None = None
    dialog: Dialog | None = None
    slot: Slot | None = None
    forms_dialog: bool = False
    extensions: tuple[str, ...] = ()
    previous: Request | None = None


class Asker(Protocol):
    """Who wants a request sent, and waits for what comes of it."""

    def provisional(self, request: Request, response: Response, flow: Flow, now: float) -> None:
        """Take a provisional response, 100 included."""

    def succeeded(self, request: Request, response: Response, flow: Flow, now: float) -> None:
        """Take a 2xx: each fork's, repeats and those that crossed a CANCEL included."""

    def redirected(self, event: Redirected, now: float) -> None:
        """Take note that the request goes elsewhere; early dialogs of before are over."""

    def failed(self, failure: Failure, now: float) -> None:
        """Take the end of the request; once, and never after a 2xx."""


def headers_for(wanted: Outgoing, target: Target) -> Headers:
    """Return the application's header fields as a target gets them."""
    if not target.status:
        return wanted.headers
    kept = tuple(pair for pair in wanted.headers if pair[0].lower() not in _OF_ONE_TARGET)
    return with_headers(kept, target.headers)


def make_request(
    services: Services,
    wanted: Outgoing,
    way: Way,
    target: Target,
    *,
    uri: str,
    headers: Headers,
    cseq: int,
) -> Request:
    """Make the request of one attempt; it has no Via yet.

    Args:
        services: the agent's.
        wanted: what is to be sent.
        way: where it goes.
        target: the target it is for.
        uri: the Request-URI.
        headers: further fields, credentials included.
        cseq: the CSeq number outside a dialog; the dialog counts for itself.

    Raises:
        ValueError: a text of the application's would break the line it stands in.
    """
    software = services.settings.software
    if software:
        headers = (*headers, ("User-Agent", software))
    routes = [("Route", route) for route in way.routes]
    if target.proxy is not None:
        routes.append(("Route", route_text(target.proxy)))
    contact = ""
    if wanted.forms_dialog:
        first = next((v for n, v in (*routes, *headers) if n.lower() == "route"), "")
        contact = _contact(services, way, secure="sips:" in {uri[:5], first[1:6]})
    if wanted.dialog is not None:
        return wanted.dialog.request(
            wanted.method,
            headers=headers,
            body=wanted.body,
            content_type=wanted.content_type,
            contact=contact,
            target=uri if target.status else "",
        )
    ours = [*routes, ("Contact", contact)] if contact else routes
    return build_request(
        wanted.method,
        uri,
        from_=wanted.from_,
        to=wanted.to,
        call_id=wanted.call_id,
        cseq=cseq,
        headers=(*ours, *headers),
        body=wanted.body,
        content_type=wanted.content_type,
    )


def _contact(services: Services, way: Way, *, secure: bool) -> str:
    """Return the Contact by which the far end reaches us over this way (RFC 3261 §8.1.1.8)."""
    if way.slot is not None:
        text = way.slot.contact()
    else:
        endpoint = services.endpoint
        flow = way.flow(endpoint)
        user = services.settings.aor.user or ""
        text = f"<{endpoint.contact_uri(way.to.transport, user, flow)}>"
    return with_sips(text) if secure else text
