"""The pure node: each event of the endpoint goes to the role it is for.

RFC 3261 §16.5 and §8.2. A request for our domain is registered, redirected or forwarded; one for
this server itself is answered here; everything else is the proxy's. No sockets, no clock: the
simulation drives this same class.
"""

from __future__ import annotations

from typing import Final

from ringway.codes import Role, own_answer
from ringway.endpoint import (
    AckReceived,
    CancelReceived,
    Decision,
    Endpoint,
    FlowClosed,
    Kind,
    RequestReceived,
    UserEvent,
)
from ringway.errors import ParseError, TokenGone, TokenTampered
from ringway.location import Location, Persist, RedirectRule, When, durable_drops
from ringway.message import build_response
from ringway.proxy import (
    Outcome,
    Proxy,
    ProxySettings,
    Redirect,
    Rejection,
    ResponseContext,
    Routed,
)
from ringway.redirect import RedirectTable, redirect_headers
from ringway.registrar import Registrar, RegistrarSettings
from ringway.server.admission import Admission
from ringway.server.failed import when_failed
from ringway.transport.token import Purpose, Sealer

ALLOWED: Final = "OPTIONS, REGISTER"
SUPPORTED: Final = "outbound, path"
CAPABILITIES: Final = (
    ("Allow", ALLOWED),
    ("Accept", "application/sdp"),
    ("Accept-Encoding", "identity"),
    ("Accept-Language", "en"),
    ("Supported", SUPPORTED),
)
"""What the answer to OPTIONS says (RFC 3261 §11.2)."""


class Core:
    """A whole node without its sockets: endpoint, registrar, redirects and proxy.

    Set `admission` to have new requests decided on; without it everyone may do everything that
    the proxy allows.

    Args:
        endpoint: its ``user`` becomes this core.
        location: the bindings.
        redirects: the redirect rules.
        sealer: seals and opens flow tokens.
        proxy: the proxy's settings; a role of EDGE has no registrar of its own.
        registrar: the registrar's settings.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        location: Location,
        redirects: RedirectTable,
        sealer: Sealer,
        proxy: ProxySettings,
        registrar: RegistrarSettings,
    ) -> None:
        self.endpoint = endpoint
        self.location = location
        self.redirects = redirects
        self.proxy = Proxy(
            endpoint, location, sealer, proxy, self._redirect_failed, self._waits_for_answer
        )
        self.registrar = (
            Registrar(endpoint, location, registrar) if proxy.role is not Role.EDGE else None
        )
        self.admission: Admission | None = None
        endpoint.user = self

    def handle(self, event: UserEvent, now: float) -> None:
        """Take an event of the endpoint."""
        match event:
            case RequestReceived():
                self._request(event, now)
            case AckReceived():
                if self.admission is not None:
                    event = event._replace(request=self.admission.cleared(event.request))
                self.proxy.acknowledge(event, now)
            case CancelReceived():
                if self.admission is None or not self.admission.cancelled(event, now):
                    self.proxy.cancel(event, now)
            case FlowClosed():
                self.proxy.flow_closed(event, now)
            case _:
                pass

    def expire(self, now: float) -> float | None:
        """Take out what has lapsed.

        Returns:
            When to call again, in seconds; None when nothing is waiting.
        """
        drops = durable_drops(self.location.expire(now), "it expired")
        ended = self.redirects.expire(now)
        self.redirects.apply(ended)
        if drops or ended:
            self.endpoint.emit(Persist((*drops, *ended), lambda _error, _now: None))
        return self.location.next_expiry()

    def abandon(self, retry_after: int, now: float) -> None:
        """Give up what is under way, because the server ends: CANCEL downstream, 503 upstream.

        Args:
            retry_after: seconds after which the callers may try again.
            now: seconds.
        """
        headers = (("Retry-After", str(retry_after)),)
        if self.admission is not None:
            self.admission.abandon(headers, now)
        self.proxy.abandon(headers, "the server stops", now)

    # what admission asks for

    def accepted(self, event: RequestReceived, routed: Routed, now: float) -> None:
        """Let a request go its way, or answer what is wrong with it."""
        try:
            if routed.side is None and not routed.request.has("route"):
                self._ours_or_not(event, routed, now)
            else:
                self.proxy.forward(event, routed, now)
        except ParseError as error:
            self.proxy.reject(event, Rejection(error.status or 400, str(error), error.headers), now)

    def redirected(
        self, event: RequestReceived, routed: Routed, rule: RedirectRule, now: float
    ) -> None:
        """Answer a request with the addresses of a rule, or follow them if policy lets us."""
        headers = redirect_headers(rule, routed.request, now)
        if headers is None:  # it leads to where the request is going anyway
            self.proxy.forward(event, routed, now)
            return
        response = build_response(event.request, rule.status, headers=headers)
        if not self.proxy.follow(event, routed, response, now):
            self.endpoint.refuse(event.transaction, rule.status, now, headers=headers)
            self._note_redirect(event, rule, now)

    def refused(self, event: RequestReceived, rejection: Rejection, now: float) -> None:
        """Answer a request with a failure."""
        self.proxy.reject(event, rejection, now)

    # requests

    def _request(self, event: RequestReceived, now: float) -> None:
        try:
            routed = self.proxy.preprocess(event.request, event.flow, now)
            refusal = self.proxy.path_refusal(routed, event.flow, now)
            if refusal is not None:
                self.proxy.reject(event, refusal, now)
            elif self.admission is None:
                self.accepted(event, routed, now)
            elif _is_decided(event, routed):
                cleared = self.admission.cleared(routed.request)
                self.accepted(event, routed._replace(request=cleared), now)
            else:
                self.admission.admit(event, routed, now)
        except TokenTampered as error:
            self.proxy.reject(event, Rejection(403, str(error)), now)
        except TokenGone as error:
            self.proxy.gone(event, str(error), now)
        except ParseError as error:
            self.proxy.reject(event, Rejection(error.status or 400, str(error), error.headers), now)

    def _ours_or_not(self, event: RequestReceived, routed: Routed, now: float) -> None:
        request = routed.request
        uri = request.uri
        if not self.proxy.is_ours(uri):
            self.proxy.forward(event, routed, now)
        elif request.method == "REGISTER" and self.registrar is not None:
            self.registrar.handle_register(event, now)
        elif uri.user is None and request.method != "REGISTER":
            self._for_this_server(event, now)
        elif not request.to_tag and self.registrar is not None:
            self._for_a_user(event, routed, now)
        else:
            self.proxy.forward(event, routed, now)

    def _for_this_server(self, event: RequestReceived, now: float) -> None:
        """Answer what names the server and no user (RFC 3261 §8.2.1, §11.2)."""
        request = event.request
        if request.method == "OPTIONS":
            unsupported = [tag for tag in request.require if tag not in SUPPORTED.split(", ")]
            if unsupported:
                fields = (("Unsupported", ", ".join(unsupported)),)
                self.proxy.reject(event, Rejection(420, "Require asks for more", fields), now)
                return
            self.endpoint.reply(event.transaction, 200, now, headers=CAPABILITIES)
        elif request.to_tag:
            self.proxy.reject(event, Rejection(481, "no dialog with this server"), now)
        else:
            text = f"{request.method} names this server and no user"
            self.proxy.reject(event, Rejection(405, text, (("Allow", ALLOWED),)), now)

    def _for_a_user(self, event: RequestReceived, routed: Routed, now: float) -> None:
        aor = self.proxy.aor(routed.request.uri)
        rule = self.redirects.find(aor, When.ALWAYS, now)
        if rule is None:
            self.proxy.forward(event, routed, now)
        else:
            self.redirected(event, routed, rule, now)

    def _redirect_failed(
        self, context: ResponseContext, best: Outcome, now: float
    ) -> Redirect | None:
        """Return the redirect set for this failure, if there is one."""
        for when in when_failed(best):
            rule = self.redirects.find(context.plan.aor, when, now)
            headers = redirect_headers(rule, context.request, now) if rule is not None else None
            if rule is not None and headers is not None:
                return rule.status, headers
        return None

    def _waits_for_answer(self, aor: str, now: float) -> bool:
        return self.redirects.find(aor, When.NO_ANSWER, now) is not None

    def _note_redirect(self, event: RequestReceived, rule: RedirectRule, now: float) -> None:
        if self.endpoint.noting:
            targets = ", ".join(uri for uri, _ in rule.targets)
            self.endpoint.note(
                Decision(
                    at=now,
                    kind=Kind.REDIRECT,
                    text=f"{rule.aor} is at {targets} ({rule.when.value})",
                    call_id=event.request.call_id,
                    method=event.request.method,
                    status=rule.status,
                    flow=event.flow,
                    aor=rule.aor,
                    why=own_answer(rule.status),
                )
            )


def _is_decided(event: RequestReceived, routed: Routed) -> bool:
    """Whether a token of ours proves that a request belongs to what has been decided on.

    Who was in a call knows its tokens and its Call-ID for ever: they are good within the dialog,
    and no way to begin another one, or to register, without a password.
    """
    if event.request.method == "REGISTER":
        return False
    if routed.side is not None and routed.side.purpose is Purpose.PATH:
        return True
    return bool(event.request.to_tag) and (routed.vouched or routed.side is not None)
