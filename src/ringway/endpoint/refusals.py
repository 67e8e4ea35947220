"""Answers without a transaction: sent once, and nothing of them is kept (RFC 3261 §8.2.7).

So is answered what could not be read, what is not let in, and what proves nothing: a challenge or
refusal that a transaction repeated until its ACK would be a weapon against whoever's address stands
on the datagram (§26.3.2.4). A client that does not get it sends its request again, and is answered
again. The To tag is the same for each copy, and tells its ACK, which nobody waits for.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2s
from typing import Final

from ringway.endpoint.counters import Counters, count_over, count_status
from ringway.endpoint.flows import Flows, serialize
from ringway.endpoint.gate import Gate
from ringway.endpoint.settings import EndpointSettings
from ringway.errors import ParseError
from ringway.message import Request, build_response
from ringway.transport.flow import Flow
from ringway.transport.via import response_flow, stamp_received

_MARK: Final = "s."
"""Begins the tags of these answers; `Unique` makes none with a dot."""

_INSIDE: Final = 1024
"""Refused INVITEs inside of dialogs that are remembered: their ACKs bear another's tag."""


class Refusals:
    """Sends such answers.

    Args:
        settings: the endpoint's.
        flows: carries them.
        unique: gives the secret that makes the tags unguessable.
        counters: what to count in.
    """

    __slots__ = (
        "_counters",
        "_flows",
        "_headers",
        "_inside",
        "_most_headers",
        "_secret",
        "_unique",
        "gate",
    )

    def __init__(
        self,
        settings: EndpointSettings,
        flows: Flows,
        unique: Callable[[], str],
        counters: Counters,
    ) -> None:
        self._flows = flows
        self._unique = unique
        self._counters = counters
        self._headers = (("Server", settings.software),) if settings.software else ()
        self._most_headers = settings.limits.headers
        self._inside: dict[str, None] = {}
        self._secret = ""  # made when it is needed first
        self.gate: Gate | None = None

    def unsound(self, error: ParseError, flow: Flow) -> None:
        """Answer an unsound request as the parser says, or drop it.

        One whose topmost Via cannot be read is answered to where it came from.
        """
        request = error.message
        if error.status == 513:
            lines = request.copy_lines()[1] if isinstance(request, Request) else ()
            bound = "headers" if len(lines) > self._most_headers else "message_size"
            count_over(self._counters.over, bound)
        if error.status is None or not isinstance(request, Request) or request.method == "ACK":
            return
        with suppress(ParseError):
            stamp_received(request, flow)
        reason = error.reason if error.reason.isprintable() else None
        self.send(request, flow, error.status, error.headers, reason)

    def send(
        self,
        request: Request,
        flow: Flow,
        status: int,
        headers: tuple[tuple[str, str], ...] = (),
        reason: str | None = None,
    ) -> None:
        """Send one answer to a request, which bears the mark of where it came from.

        Args:
            request: the request; ``stamp_received`` has been called on it.
            flow: what it came over.
            status: of the response.
            headers: more header fields, (name, value).
            reason: instead of the usual phrase.
        """
        to: Flow | None = flow
        with suppress(ParseError):
            to = response_flow(request.top_via, flow, self.believes)
        if to is None:
            return
        tag = self._tag(request)
        if request.method == "INVITE" and _has_to_tag(request):
            self._inside[tag] = None
            if len(self._inside) > _INSIDE:
                del self._inside[next(iter(self._inside))]
        response = build_response(
            request,
            status,
            reason=reason,
            to_tag=tag,
            headers=(*self._headers, *headers),
        )
        count_status(self._counters.responses_sent, status)
        self._flows.send(to, serialize(response, reliable=flow.reliable))

    def sent_for(self, ack: Request) -> bool:
        """Say whether an ACK is for an answer of this kind, and thus for nobody."""
        if ack.to_tag.startswith(_MARK):
            return ack.to_tag == self._tag(ack)
        return bool(self._inside) and self._tag(ack) in self._inside

    def believes(self, flow: Flow) -> bool:
        """Say whether the Via of who sends over this flow may name another address (maddr)."""
        return self.gate is None or self.gate.trusts(flow)

    def _tag(self, request: Request) -> str:
        """Return a tag that is the same for each copy of a request, and for its ACK (§17.1.1.3)."""
        if not self._secret:
            self._secret = self._unique()
        branch = ""
        with suppress(ParseError):
            branch = request.top_via.branch
        number = (request.get("cseq") or "").partition(" ")[0]
        parts = (branch, request.get("from") or "", request.get("call-id") or "", number)
        text = "\n".join((self._secret, *parts)).encode("utf-8", "surrogateescape")
        return _MARK + blake2s(text, digest_size=8).hexdigest()


def _has_to_tag(request: Request) -> bool:
    try:
        return bool(request.to_tag)
    except ParseError:
        return False
