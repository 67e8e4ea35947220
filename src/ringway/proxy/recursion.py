"""Following redirects: which Contacts of a 3xx become targets, and for how long that is remembered.

RFC 3261 §16.5, §16.7 step 4, §8.1.3.4, §21.3. Only for URIs of our own domains, only to hosts the
policy names, in q order, each URI once, the original included. A 302 that names its own expiry is
remembered for that time; the URI that redirected is then tried only after the remembered ones
fail. What is remembered never replaces the original URI.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ringway.codes import Cache, lookup
from ringway.endpoint.counters import count_over
from ringway.errors import ParseError
from ringway.message import Draft, NameAddr, Request, Response, Uri, parse_uri, unescape
from ringway.proxy.history import add_diversion, add_history
from ringway.proxy.settings import History, ProxySettings
from ringway.proxy.way import TargetSpec, Way, tiers_of

if TYPE_CHECKING:
    from ringway.proxy.context import ResponseContext

MAX_REMEMBERED: Final = 10_000
CREDENTIALS: Final = ("Authorization", "Proxy-Authorization")
# realm = "realm" EQUAL quoted-string
_REALM: Final = re.compile(r'(?:^|[\s,])realm\s*=\s*"((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Followed:
    """A redirect that is being followed.

    Attributes:
        tiers: the new targets, by q; empty when all of its Contacts have been tried already.
        rest: the 3xx with the Contacts that were not followed; None when none is left.
        text: one plain line for the story.
    """

    tiers: list[list[TargetSpec]]
    rest: Response | None
    text: str


@dataclass(frozen=True, slots=True)
class _Remembered:
    status: int
    contacts: tuple[NameAddr, ...]
    until: float


class Recursion:
    """The proxy's own redirects: policy, memory and what a redirected request may carry."""

    def __init__(
        self, settings: ProxySettings, lookup: Callable[[Uri, float], list[TargetSpec]]
    ) -> None:
        """Make an empty memory.

        Args:
            settings: the policy and our domains.
            lookup: returns the targets of a URI: registered phones for one of ours, itself else.
        """
        self._settings = settings
        self._lookup = lookup
        self._memory: OrderedDict[str, _Remembered] = OrderedDict()

    def configure(self, settings: ProxySettings) -> None:
        """Take other settings; what was remembered under the old ones is forgotten."""
        self._settings = settings
        self._memory.clear()

    def follow(
        self, context: ResponseContext, spec: TargetSpec, response: Response, now: float
    ) -> Followed | None:
        """Turn a 3xx into targets.

        Args:
            context: the request that is being proxied.
            spec: the target that redirected.
            response: the 3xx.
            now: seconds.

        Returns:
            What to do; None when policy leaves the redirect to the caller.
        """
        policy = self._settings.recursion
        if not (policy.domains and context.plan.authoritative):
            return None
        counters = context.proxy.endpoint.counters
        if context.depth >= policy.depth:
            count_over(counters.over, "recurse_depth")
            return None
        try:
            contacts = response.contacts
        except ParseError:
            return None
        followed: list[NameAddr] = []
        left: list[NameAddr] = []
        specs: list[TargetSpec] = []
        for contact in sorted(contacts, key=lambda contact: -contact.q):
            if _visited(context, contact.uri):
                continue
            room = context.recursed + len(followed) < policy.targets
            if not room:
                count_over(counters.over, "recurse_targets")
            found: list[TargetSpec] = []
            if room and self._allows(contact.uri, secure=context.request.uri.secure):
                found = self._specs(spec, response.status, contact, now)
            if found:
                followed.append(contact)
                specs.extend(found)
                context.visited.append(contact.uri_text)
            else:
                left.append(contact)
        if not contacts or (left and not followed):
            return None
        context.depth += 1
        counters.redirects_followed += 1
        context.recursed += len(followed)
        self._remember(spec, response, followed, now)
        names = ", ".join([contact.uri_text for contact in followed]) or "nowhere new"
        return Followed(
            tiers_of(specs), _rest(response, left), f"follows {response.status} to {names}"
        )

    def recall(
        self, tiers: list[list[TargetSpec]], now: float, *, secure: bool
    ) -> list[list[TargetSpec]]:
        """Put remembered targets before the ones that redirected to them (RFC 3261 §21.3.3).

        Args:
            tiers: the targets without what is remembered.
            now: seconds.
            secure: True for a request to a SIPS URI.
        """
        if not self._memory:
            return tiers
        result: list[list[TargetSpec]] = []
        for tier in tiers:
            first: list[TargetSpec] = []
            behind: list[TargetSpec] = []
            for spec in tier:
                remembered = self._recalled(spec, now, secure=secure)
                first.extend(remembered or (spec,))
                if remembered:
                    behind.append(spec)
            result.append(first)
            if behind:
                result.append(behind)
        return result

    def prepare(self, draft: Draft[Request], request: Request, spec: TargetSpec) -> None:
        """Clean a request that a redirect sends elsewhere: our credentials stay behind."""
        for name in CREDENTIALS:
            values = request.values(name)
            kept = [value for value in values if not self._ours(value)]
            if len(kept) != len(values):
                draft.remove(name)
                for value in kept:
                    draft.append(name, value)
        for name, value in spec.header_fields:
            draft.replace(name, value)
        if self._settings.history is History.DIVERSION:
            add_diversion(draft, request)
        elif self._settings.history is History.HISTORY_INFO:
            add_history(draft, request, spec)

    def _allows(self, uri: Uri, *, secure: bool) -> bool:
        """True when policy lets a request go there; never from SIPS to SIP (§16.7 step 4)."""
        return self._settings.recursion.allows(uri) and (uri.secure or not secure)

    def _specs(
        self, left: TargetSpec, status: int, contact: NameAddr, now: float
    ) -> list[TargetSpec]:
        """Make targets of one Contact; a 305 names a proxy and keeps the Request-URI (§21.3.4)."""
        uri = contact.uri
        target = uri.without_headers().without_params("method")
        if lookup(status).contact_is_proxy:
            found = [TargetSpec((Way(routes=(str(target.with_param("lr")),)),))]
        else:
            found = self._lookup(target, now)
        fields = self._header_fields(uri)
        return [
            spec._replace(
                q=contact.q,
                contact=str(contact),
                redirected_by=left.ways[0].uri,
                redirect_status=status,
                header_fields=fields,
            )
            for spec in found
        ]

    def _header_fields(self, uri: Uri) -> tuple[tuple[str, str], ...]:
        """Return the fields a Contact URI asks for and policy allows (§19.1.5)."""
        allowed = self._settings.recursion.headers
        fields = [(name, unescape(value)) for name, value in uri.headers if name.lower() in allowed]
        return tuple([pair for pair in fields if not _CONTROL.search(pair[1])])

    def _remember(
        self, spec: TargetSpec, response: Response, followed: list[NameAddr], now: float
    ) -> None:
        """Keep a redirect that names its own expiry (§21.3.3)."""
        if lookup(response.status).cacheable is not Cache.WITH_EXPIRY:
            return
        uri = spec.ways[0].uri
        expires = response.get("expires") or ""
        default = int(expires) if expires.isascii() and expires.isdigit() else None
        lifetimes = [default if each.expires is None else each.expires for each in followed]
        known = [seconds for seconds in lifetimes if seconds is not None]
        if not uri or not known or len(known) != len(lifetimes) or min(known) <= 0:
            return
        until = now + min(known)
        self._memory[uri] = _Remembered(response.status, tuple(followed), until)
        self._memory.move_to_end(uri)
        while len(self._memory) > MAX_REMEMBERED:
            self._memory.popitem(last=False)

    def _recalled(self, spec: TargetSpec, now: float, *, secure: bool) -> list[TargetSpec]:
        uri = spec.ways[0].uri
        remembered = self._memory.get(uri)
        if remembered is None:
            return []
        if remembered.until <= now:
            del self._memory[uri]
            return []
        return [
            found._replace(q=spec.q)
            for contact in remembered.contacts
            if self._allows(contact.uri, secure=secure)
            for found in self._specs(spec, remembered.status, contact, now)
        ]

    def _ours(self, credentials: str) -> bool:
        """True when these credentials are for one of our realms."""
        match = _REALM.search(credentials)
        return match is not None and match[1].lower() in self._settings.realms


def _visited(context: ResponseContext, uri: Uri) -> bool:
    """True when the request has been sent to this URI (RFC 3261 §8.1.3.4, §19.1.4)."""
    bare = uri.without_headers()
    return any(parse_uri(each).without_headers().equals(bare) for each in context.visited if each)


def _rest(response: Response, left: list[NameAddr]) -> Response | None:
    """Return the 3xx without the Contacts that were followed (§16.7 step 4)."""
    if not left:
        return None
    draft = response.edit()
    draft.remove("contact")
    for contact in left:
        draft.append("Contact", str(contact))
    return draft.build()
