"""The targets of one request: where redirects lead, under policy, and what is remembered of them.

RFC 3261 §8.1.3.4, §19.1.5, §21.3. Each URI stands in the target set once, the original included, so
two places that redirect to each other make no loop. Targets are tried one after another, by q;
those of a redirect stand in the place of who redirected. What a 302 with an expiry leads to is
remembered for that time and tried before the URI that redirected, which itself is then tried once.
Nothing remembered ever replaces the original URI.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final, NamedTuple, TypeAlias

from ringway.auth import Challenger
from ringway.codes import Cache, lookup
from ringway.errors import ParseError
from ringway.message import NameAddr, Response, Uri, parse_name_addr, unescape
from ringway.ua.settings import AgentSettings, RedirectPolicy

Headers: TypeAlias = tuple[tuple[str, str], ...]
Follow: TypeAlias = (
    Callable[[Response, tuple[NameAddr, ...]], Iterable[NameAddr] | None] | bool | None
)
"""What becomes of redirects: None for the agent's policy, False to follow none, True to follow by
that policy even where it follows none. Or a callable that chooses: it gets the redirect and the
Contacts that were not tried yet, by q, and returns those to follow, in order, or None."""

HONOURED: Final = frozenset({"subject", "priority", "call-info", "in-reply-to"})
"""Fields that a Contact URI may ask for; all others could make us lie or obey (§19.1.5)."""
_LISTS: Final = frozenset({"call-info", "in-reply-to"})
_MOST_REMEMBERED: Final = 1000
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class Target(NamedTuple):
    """One place to try.

    Attributes:
        uri: the Request-URI.
        proxy: the proxy that a 305 names, for the Route; None otherwise.
        headers: fields that the Contact URI asked for and that are honoured.
        status: of the redirect that led here; 0 for the original URI.
        depth: how many redirects led here.
        seconds: for how long it may be remembered; 0 if it must not be.
        source: the URI that redirected here; None for the original.
        remembered: True when it was not asked for again, but remembered.
    """

    uri: Uri
    proxy: Uri | None = None
    headers: Headers = ()
    status: int = 0
    depth: int = 0
    seconds: int = 0
    source: Uri | None = None
    remembered: bool = False

    def challenger(self, settings: AgentSettings) -> Challenger:
        """Say who may challenge what goes there: where a redirect leads, only our own domain."""
        places = (settings.aor, settings.registrar, *settings.outbound)
        ours = {place.host for place in places if place is not None}
        known = self.source is None or (self.proxy or self.uri).host in ours
        return Challenger.ASKED if known else Challenger.STRANGER


class _Remembered(NamedTuple):
    contact: NameAddr
    status: int
    until: float


class RedirectMemory:
    """The redirects with an expiry that one user agent has met (RFC 3261 §21.3.3)."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[_Remembered, ...]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def keep(
        self, uri: Uri, status: int, contacts: Iterable[tuple[NameAddr, int]], now: float
    ) -> None:
        """Remember where a URI redirects to, instead of what was known.

        Args:
            uri: the URI that redirected.
            status: of the redirect.
            contacts: where to, in order, and for how many seconds; those with 0 are left out.
            now: seconds.
        """
        key = str(uri)
        self._known.pop(key, None)
        kept = tuple(
            _Remembered(contact, status, now + seconds) for contact, seconds in contacts if seconds
        )
        if kept:
            self._known[key] = kept
        if len(self._known) > _MOST_REMEMBERED:
            self._known.popitem(last=False)

    def recall(self, uri: Uri, now: float) -> tuple[_Remembered, ...]:
        """Return what still holds for a URI, in order."""
        key = str(uri)
        known = self._known.get(key, ())
        valid = tuple(each for each in known if each.until > now)
        if known and not valid:
            del self._known[key]
        return valid

    def forget(self, uri: Uri) -> None:
        """Forget what a URI redirects to: what was remembered did not work."""
        self._known.pop(str(uri), None)


class Targets:
    """The target set of one request.

    Args:
        original: its Request-URI.
        policy: which redirects are followed.
        memory: the agent's; None within a dialog, where nothing is remembered.
        follow: what the application wants for this request.
    """

    def __init__(
        self, original: Uri, policy: RedirectPolicy, memory: RedirectMemory | None, follow: Follow
    ) -> None:
        self.original = original.without_headers().without_params("method")
        self._policy = policy
        self._memory = memory
        self._follow = follow
        self._seen = [self.original]
        self._waiting = [Target(self.original)]
        self._asked: set[str] = set()

    @property
    def _by_policy(self) -> bool:
        if isinstance(self._follow, bool):
            return self._follow
        return self._follow is None and self._policy.follow

    def next(self, now: float) -> Target | None:
        """Take the next target out of the set, None when it is exhausted."""
        while self._waiting:
            target = self._waiting.pop(0)
            if not self._recall(target, now):
                return target
        return None

    def add(self, response: Response, at: Target, now: float) -> str:
        """Put the Contacts of a redirect into the set.

        Args:
            response: the redirect.
            at: the target that it came from.
            now: seconds.

        Returns:
            Empty when there is something new to try; else one plain line that says why not.
        """
        contacts = contacts_of(response)
        if not contacts:
            return "it names no Contact"
        if at.depth >= self._policy.depth:
            return f"it is redirect number {at.depth + 1} in a row"
        row = lookup(response.status)
        if row.contact_is_proxy and self._memory is None:
            return "a proxy cannot be put into the route set of a dialog"
        fresh = [each for each in contacts if not self._saw(_bare(each.uri))]
        if not fresh:
            return "it leads only to where the request has been"
        chosen = self._choose(response, fresh)
        if isinstance(chosen, str):
            return chosen
        lifetimes = _lifetimes(response, chosen)
        placed = self._place(
            [(each, response.status, lifetimes[each]) for each in chosen], at, remembered=False
        )
        if self._memory is not None and row.cacheable is Cache.WITH_EXPIRY:
            kept = islice(lifetimes.items(), self._policy.targets)
            self._memory.keep(at.uri, response.status, kept, now)
        return "" if placed else "the request has been to enough places"

    def failed(self, target: Target) -> None:
        """Take note that a target failed: if it was remembered, it is not any more."""
        if target.remembered and target.source is not None and self._memory is not None:
            self._memory.forget(target.source)

    def allows(self, uri: Uri) -> bool:
        """Say whether policy lets a request go to a URI (§8.1.3.4; a maddr is where it goes)."""
        if uri.scheme not in {"sip", "sips"}:
            return False
        hosts = [
            uri.host,
            *(value.lower() for name, value in uri.params if name == "maddr" and value),
        ]
        if not all(_is_in(host, self._policy.domains) for host in hosts):
            return False
        return uri.secure or self._policy.downgrade or not self.original.secure

    def _choose(self, response: Response, fresh: list[NameAddr]) -> list[NameAddr] | str:
        """Return the Contacts to follow, or why none is."""
        if callable(self._follow):
            answer = self._follow(response, tuple(fresh))
            chosen = [each for each in answer or () if not self._saw(_bare(each.uri))]
            return chosen or "the application follows none of its Contacts"
        if not self._by_policy:
            return "redirects are not followed"
        chosen = [each for each in fresh if self.allows(each.uri)]
        return chosen or "policy allows none of its Contacts"

    def _place(
        self, found: Iterable[tuple[NameAddr, int, int]], at: Target, *, remembered: bool
    ) -> int:
        """Put Contacts in the place of who redirected to them; return how many."""
        placed: list[Target] = []
        for contact, status, seconds in found:
            uri = _bare(contact.uri)
            # The original is in the set too, but was not redirected to.
            if self._saw(uri) or len(self._seen) > self._policy.targets:
                continue
            self._seen.append(uri)
            proxy = uri if lookup(status).contact_is_proxy else None
            placed.append(
                Target(
                    uri=uri if proxy is None else at.uri,
                    proxy=proxy,
                    headers=_headers(contact.uri),
                    status=status,
                    depth=at.depth + 1,
                    seconds=seconds if lookup(status).cacheable is Cache.WITH_EXPIRY else 0,
                    source=at.uri,
                    remembered=remembered,
                )
            )
        self._waiting[:0] = placed
        return len(placed)

    def _recall(self, target: Target, now: float) -> bool:
        """Put what is remembered of a target before it; False if nothing is."""
        key = str(target.uri)
        if self._memory is None or not self._by_policy or key in self._asked:
            return False
        self._asked.add(key)
        if target.depth >= self._policy.depth:
            return False
        known = [
            each for each in self._memory.recall(target.uri, now) if self.allows(each.contact.uri)
        ]
        self._waiting.insert(0, target)
        found = [(each.contact, each.status, int(each.until - now)) for each in known]
        if self._place(found, target, remembered=True):
            return True
        del self._waiting[0]
        return False

    def _saw(self, uri: Uri) -> bool:
        return any(each.equals(uri) for each in self._seen)


def contacts_of(response: Response) -> tuple[NameAddr, ...]:
    """Return the Contacts of a redirect by q, equal ones in order; what is none is left out."""
    found: list[NameAddr] = []
    for text in response.values("contact"):
        try:
            found.append(parse_name_addr(text, "contact"))
        except ParseError:
            continue
    return tuple(sorted(found, key=lambda each: -each.q))


def with_headers(headers: Headers, asked: Headers) -> Headers:
    """Return header fields with those that a Contact URI asks for.

    A list grows by them; any other field is overwritten (RFC 3261 §8.1.3.4).
    """
    over = {name.lower() for name, _ in asked} - _LISTS
    return (*(pair for pair in headers if pair[0].lower() not in over), *asked)


def _bare(uri: Uri) -> Uri:
    """Return a Contact's URI as a Request-URI (RFC 3261 §8.1.3.4)."""
    return uri.without_headers().without_params("method")


def _headers(uri: Uri) -> Headers:
    fields = [(name, unescape(value)) for name, value in uri.headers if name.lower() in HONOURED]
    return tuple(pair for pair in fields if not _CONTROL.search(pair[1]))


def _lifetimes(response: Response, contacts: list[NameAddr]) -> dict[NameAddr, int]:
    """Return how many seconds each Contact explicitly holds; 0 if nothing sound says so."""
    default = _seconds(response.get("expires"))
    lifetimes: dict[NameAddr, int] = {}
    for contact in contacts:
        own = contact.param("expires")
        lifetimes[contact] = default if own is None else _seconds(own)
    return lifetimes


def _seconds(text: str | None) -> int:
    """Return a number of seconds, a week at most; 0 for what is no number."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 10:
        return 0
    return min(int(text), 604_800)


def _is_in(host: str, domains: tuple[str, ...]) -> bool:
    for domain in domains:
        if domain in ("*", host):
            return True
        if domain.startswith("*.") and (host == domain[2:] or host.endswith(domain[1:])):
            return True
    return False
