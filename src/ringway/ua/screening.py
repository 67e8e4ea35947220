"""What is looked at before a request is acted on, in the order of RFC 3261 §8.2.

Method (§8.2.1), Request-URI (§8.2.2.1), copies of one request that came by several ways (§8.2.2.2),
Require (§8.2.2.3), content (§8.2.3). Copies are known for as long as a request may live in the
network, not just while its transaction lives: over a connection that is no time at all, and the
other copy may come over the other flow seconds later (RFC 5626 §7). The one case where the second
copy counts is that the connection of the first has broken before it was answered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias

from ringway.endpoint import Endpoint, ServerTransaction
from ringway.message import Request, Uri, parse_name_addr, unescape
from ringway.ua.settings import AgentSettings

Headers: TypeAlias = tuple[tuple[str, str], ...]

EXTENSIONS: Final = ("100rel", "outbound", "replaces", "timer")
"""What a request may require of us, and what we say in Supported."""

ACCEPT: Final = "application/sdp"
"""What Accept says for a session; other types reach the application where nothing forbids it."""

_SESSION: Final = frozenset({"INVITE", "UPDATE", "PRACK", "ACK"})


class Refusal(NamedTuple):
    """How a request is refused."""

    status: int
    headers: Headers = ()


class Screening:
    """Looks at requests for one user agent.

    Args:
        settings: whose requests are taken, and which methods.
        endpoint: knows its own addresses and the time a request lives.
    """

    def __init__(self, settings: AgentSettings, endpoint: Endpoint) -> None:
        self._settings = settings
        self._endpoint = endpoint
        self._known: dict[tuple[str, str, str], ServerTransaction] = {}
        self._order: deque[tuple[float, tuple[str, str, str]]] = deque()

    def __len__(self) -> int:
        return len(self._known)

    def refuses(
        self,
        transaction: ServerTransaction,
        request: Request,
        contacts: Iterable[str],
        now: float,
    ) -> Refusal | None:
        """Say how a request is refused, None if it is not.

        Args:
            transaction: the request's.
            request: the request.
            contacts: our Contacts at this moment.
            now: seconds.
        """
        return (
            self._method(request)
            or self._address(request, contacts)
            or self._merged(transaction, request, now)
            or self._require(request)
            or _misplaced(request)
            or self._content(request)
        )

    def _method(self, request: Request) -> Refusal | None:
        if request.method in self._settings.methods:
            return None
        return Refusal(405, (("Allow", ", ".join(self._settings.methods)),))

    def _address(self, request: Request, contacts: Iterable[str]) -> Refusal | None:
        if request.to_tag:
            return None  # its dialog says whether it is for us
        if not request.uri.is_sip:
            return Refusal(416)
        return None if self._is_ours(request.uri, contacts) else Refusal(404)

    def _is_ours(self, uri: Uri, contacts: Iterable[str]) -> bool:
        aor = self._settings.aor
        here = self._endpoint.is_self(uri.host, uri.port, uri.transport)
        if uri.user is None:
            return here
        if unescape(uri.user) == unescape(aor.user or "") and (here or uri.host == aor.host):
            return True
        for contact in contacts:
            own = parse_name_addr(contact, "contact").uri
            if (own.user, own.host, own.port) == (uri.user, uri.host, uri.port):
                return True
        return False

    def _merged(
        self, transaction: ServerTransaction, request: Request, now: float
    ) -> Refusal | None:
        life = self._endpoint.settings.timers.transaction
        while self._order and self._order[0][0] <= now - life:
            _, old = self._order.popleft()
            if self._known[old].answered:
                del self._known[old]
            else:
                self._order.append((now, old))
        if request.to_tag:
            return None
        key = (request.from_tag, request.call_id, str(request.cseq))
        known = self._known.setdefault(key, transaction)
        if known is not transaction:
            if known.answered or self._endpoint.is_live(known.flow):
                return Refusal(482)
            self._known[key] = transaction  # nobody can hear the answer to the first copy
            return None
        self._order.append((now, key))
        return None

    def _require(self, request: Request) -> Refusal | None:
        unknown = [tag for tag in request.require if tag.lower() not in EXTENSIONS]
        return Refusal(420, (("Unsupported", ", ".join(unknown)),)) if unknown else None

    def _content(self, request: Request) -> Refusal | None:
        if not request.body or _is_optional(request):
            return None
        if any(each.lower() != "identity" for each in request.values("content-encoding")):
            return Refusal(415, (("Accept-Encoding", "identity"),))
        kind = (request.get("content-type") or "").partition(";")[0].strip().lower()
        if request.method in _SESSION and not (kind == ACCEPT or kind.startswith("multipart/")):
            return Refusal(415, (("Accept", ACCEPT),))
        return None


def _misplaced(request: Request) -> Refusal | None:
    """Refuse a Replaces that is in no INVITE outside a dialog (RFC 3891 §3)."""
    if request.has("replaces") and (request.method != "INVITE" or request.to_tag):
        return Refusal(400)
    return None


def _is_optional(request: Request) -> bool:
    """Say whether the body may be passed over (RFC 3261 §20.11)."""
    disposition = (request.get("content-disposition") or "").lower().replace(" ", "")
    return "handling=optional" in disposition.split(";")
