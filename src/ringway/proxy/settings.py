"""What an operator may choose about the proxy: names, times, redirects, relaying.

Every value has the default that Ringway would run with itself. RFC 3261 §16, RFC 5626 §5 and §7,
RFC 5393 §5, RFC 7044, RFC 5806.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ringway.codes import Role
from ringway.location import Synonyms
from ringway.message import Uri


class History(StrEnum):
    """How a retargeted request says where it was addressed before."""

    OFF = "off"
    HISTORY_INFO = "history-info"
    DIVERSION = "diversion"


class Relay(StrEnum):
    """Whose new requests may leave for domains that are not ours."""

    OFF = "off"
    REGISTERED = "registered"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecursionPolicy:
    """Which redirects the proxy follows itself instead of passing them on.

    Attributes:
        domains: hosts a Contact of a 3xx may name, lower case; empty means never recurse.
        depth: how many redirects in a row one request may follow.
        targets: how many Contacts one request may follow in all.
        headers: header names a Contact URI may set, lower case; others are dropped.
    """

    domains: frozenset[str] = frozenset()
    depth: int = 5
    targets: int = 10
    headers: frozenset[str] = frozenset()

    def allows(self, uri: Uri) -> bool:
        """True when a redirect may lead to this URI."""
        if uri.scheme not in {"sip", "sips"} or uri.host not in self.domains:
            return False
        # A maddr is where the request would really go (RFC 3263 §4).
        return not uri.has_param("maddr") or uri.param("maddr") in self.domains


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """The proxy's choices; times are seconds.

    Attributes:
        domains: hosts this proxy is responsible for (RFC 3261 §16.5), lower case.
        synonyms: other hosts that mean one of the domains, such as our own addresses.
        role: PROXY when it has the location store, EDGE when it only owns flows.
        registrar: where an edge sends what has no Route.
        flow_timeout: how long an INVITE waits on a flow that says nothing while another remains.
        request_flow_timeout: the same for other methods (RFC 4320 §4.1 forbids an earlier 100).
        flow_timer: the Flow-Timer an edge tells phones behind it (RFC 5626 §5.4); 0 for none.
        ring_timeout: how long one tier of q rings while another tier, or a rule, waits behind it.
        timer_c: how long an INVITE may ring at all (RFC 3261 §16.6 step 11: over 180).
        max_breadth: branches one request may have at once (RFC 5393 §5.3.3).
        recursion: which 3xx are followed here.
        history: what a retargeted request carries.
        relay: who may call other domains through us.
        realms: our digest realms, whose credentials never follow a redirect.
        warn_agent: the name in Warning headers.
    """

    domains: frozenset[str]
    synonyms: Synonyms = field(default_factory=dict)
    role: Role = Role.PROXY
    registrar: Uri | None = None
    flow_timeout: float = 2.0
    request_flow_timeout: float = 5.0
    flow_timer: int = 120
    ring_timeout: float = 20.0
    timer_c: float = 185.0
    max_breadth: int = 60
    recursion: RecursionPolicy = field(default_factory=RecursionPolicy)
    history: History = History.OFF
    relay: Relay = Relay.OFF
    realms: frozenset[str] = frozenset()
    warn_agent: str = "ringway"
