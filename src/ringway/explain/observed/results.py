"""What came back, as lines: each response once, where it comes from, and not at every hop again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ringway.codes import lookup
from ringway.errors import ParseError
from ringway.explain.observed.line import Line, span
from ringway.explain.observed.model import Conversation, Exchange, Sight, status_of
from ringway.explain.observed.places import Places, contacts_of
from ringway.explain.observed.registrations import granted
from ringway.explain.observed.tree import Leg
from ringway.message import Response, parse_reason, parse_warning

_PROVISIONAL: Final = {180: "rings", 183: "progress"}
_CREDENTIALS: Final = ("authorization", "proxy-authorization")


def results(root: Leg, places: Places) -> Iterator[Line]:
    """Yield what came back for a request, in no order."""
    told: set[tuple[int, Leg]] = set()
    below = _statuses(root)
    for leg in root.walk():
        for response in leg.exchange.responses:
            status = status_of(response)
            if status == 100 or (leg.children and status in below[leg]):
                continue
            if status < 200:
                if (status, leg) not in told:
                    yield _provisional(leg, root, response, places)
                told.add((status, leg))
            elif response is leg.exchange.final or status < 300:
                yield from _final(leg, root, response, places)


def code_of(sight: Sight) -> str:
    """Return a response's code with its phrase; empty for a request."""
    message = sight.message
    if not isinstance(message, Response):
        return ""
    return f"{message.status} {message.reason or lookup(message.status).phrase}"


def expires_of(exchange: Exchange, response: Sight) -> int | None:
    """Return for how many seconds a 2xx registers: 0 if it removes, None if it only tells."""
    bindings = granted(exchange, response)
    if bindings:
        return max(each.expires for each in bindings)
    if exchange.request is not None and "*" in exchange.request.message.values("contact"):
        return 0
    if exchange.request is None:
        return max((each.expires or 0 for each in contacts_of(response)), default=None)
    return None


def has_credentials(exchange: Exchange) -> bool:
    """Say whether the request answers a challenge."""
    message = exchange.first.message
    return any(message.has(name) for name in _CREDENTIALS)


def reason_of(sight: Sight) -> str:
    """Return what Warning or Reason say to a person; empty if they say nothing (RFC 3326)."""
    message = sight.message
    for name in ("warning", "reason"):
        for value in message.values(name):
            try:
                text = parse_warning(value).text if name == "warning" else _reason(value)
            except ParseError:
                continue
            if text:
                return text
    return ""


def one_sided(conversation: Conversation) -> bool:
    """Say whether no answer proves nothing: somebody knows a To tag, but no answer was seen."""
    requests = [each for each in conversation.sights() if not status_of(each)]
    if len(requests) < len(conversation.sights()):
        return False
    return any(";tag=" in (each.message.get("to") or "") for each in requests)


def _reason(value: str) -> str:
    reason = parse_reason(value)
    return reason.text or (f"{reason.protocol} {reason.cause}" if reason.cause else "")


def _statuses(root: Leg) -> dict[Leg, set[int]]:
    """Return for each leg the statuses that came back below it."""
    below: dict[Leg, set[int]] = {}
    for leg in reversed(list(root.walk())):
        found = below[leg] = set()
        for child in leg.children:
            found |= below[child] | {status_of(each) for each in child.exchange.responses}
    return below


def _provisional(leg: Leg, root: Leg, response: Sight, places: Places) -> Line:
    name = _PROVISIONAL.get(status_of(response), "provisional")
    return _line(name, leg, root, response, places)


def _final(leg: Leg, root: Leg, response: Sight, places: Places) -> Iterator[Line]:
    status = status_of(response)
    exchange = leg.exchange
    if status == 487 and exchange.cancelled is not None and leg is not root:
        return
    more = {"reason": reason_of(response)}
    if leg.children:
        name = "answered-instead"
    elif status < 300:
        name = "accepted"
        if exchange.method == "INVITE":
            name = "agreed" if leg.in_dialog else "answered"
        elif exchange.method == "REGISTER":
            name, more["expires"] = _registered(exchange, response)
    elif status < 400:
        more["uri"] = ", ".join(each.uri_text for each in contacts_of(response)) or "?"
        name = "redirected"
    elif status in {401, 407}:
        name = "challenged-again" if has_credentials(exchange) else "challenged"
    elif status == 430:
        name = "flow-failed"
    elif status == 487 and exchange.cancelled is not None:
        name = "terminated"
    elif response.message.has("retry-after"):
        more["retry"] = response.message.get("retry-after") or ""
        name = "rejected-later"
    else:
        name = "rejected"
    yield _line(name, leg, root, response, places, more)
    if name == "flow-failed":
        yield from _dead_flow(leg, response, places)
    if more["reason"] and status >= 300:
        yield Line(response.at, response.frames, "said", more, 0, (response,))


def _dead_flow(leg: Leg, response: Sight, places: Places) -> Iterator[Line]:
    """Tell which flow is gone, and since when."""
    found = places.flow_behind(leg, response.at)
    if found is None:
        return
    registration, history = found
    heard = history.last_from.get(registration.hop.source)
    if history.closed is not None and history.closed.at <= response.at:
        end, name = history.closed, "gone-reset" if history.how == "reset" else "gone-closed"
    elif heard is not None and heard.at <= response.at:
        end, name = heard, "gone-silent"
    else:
        return
    facts = {
        "whom": registration.aor,
        "reg_id": str(registration.reg_id),
        "flow": str(history),
        "who": places.name(history.closed_by) if history.closed_by else "",
        "took": span(response.at - end.at),
    }
    yield Line(response.at, response.frames, name, facts)


def _registered(exchange: Exchange, response: Sight) -> tuple[str, str]:
    expires = expires_of(exchange, response)
    if expires is None:
        return "queried", ""
    return ("registered" if expires else "unregistered"), span(expires)


def _line(
    name: str,
    leg: Leg,
    root: Leg,
    response: Sight,
    places: Places,
    more: dict[str, str] | None = None,
) -> Line:
    hop = leg.exchange.hop
    facts = {
        "method": leg.exchange.method,
        "place": places.name(hop.target),
        "who": places.name(hop.source),
        "to": places.to(hop),
        "code": code_of(response),
        "took": span(response.at - root.at) if root.exchange.request is not None else "",
        **(more or {}),
    }
    return Line(response.at, response.frames, name, facts, status_of(response), (response,))
