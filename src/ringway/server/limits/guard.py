"""What a server takes upon itself, and from whom: the bounds that are about requests and peers.

It is asked for each new request and told of each answer; see `ringway.endpoint.gate`. Over a bound
a request gets 503 with Retry-After, and costs no more than that; a source that goes on regardless
is not even answered. Sources that fail again and again, as scanners do, are not heard for a while.

A UDP source is no more than what the datagram says, so a ban may hit whom somebody pretended to be.
It is short, it ends by itself, and who is known (loopback, peers) is never banned.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sized
from dataclasses import dataclass
from typing import Final

from ringway.endpoint.counters import count_over
from ringway.endpoint.gate import Proof, Refusal
from ringway.message import Request
from ringway.server.limits.overload import Overload, rank_of
from ringway.server.limits.sources import Network, Sources
from ringway.transport.flow import Flow

__all__ = ["Guard", "GuardSettings"]

# How much a failure says about who asked. A challenge is how every phone begins, so one alone means
# little; but nobody needs many without ever answering one.
_FAILED: Final = 1.0
_UNANSWERED: Final = 0.1
_FAILURES: Final = frozenset({401, 403, 404, 407})
_CHALLENGES: Final = frozenset({401, 407})


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """The bounds; times in seconds. 0 is no bound.

    Attributes:
        transactions: transactions at one time, of both sides.
        request_rate: new requests from one source in a second, in the long run.
        request_burst: new requests from one source at once.
        ban_failures: failures of one source, within ban_window, after which it is banned.
        ban_window: how long it takes until that many failures are forgiven.
        ban_time: how long a ban lasts.
        sources: how many sources are remembered, and how many bans.
        connections: connections at one time.
        connections_per_source: connections at one time from one source.
        handshakes_per_source: TLS handshakes under way at one time with one source.
        exempt: networks for which nothing counts per source.
        lag: how long what has arrived may wait before requests are shed.
        retry_after: what a 503 says at least; up to twice that, spread over the requests.
    """

    transactions: int = 200_000
    request_rate: float = 100.0
    request_burst: float = 500.0
    ban_failures: float = 100.0
    ban_window: float = 60.0
    ban_time: float = 300.0
    sources: int = 50_000
    connections: int = 100_000
    connections_per_source: int = 1000
    handshakes_per_source: int = 200
    exempt: tuple[Network, ...] = ()
    lag: float = 0.25
    retry_after: float = 5.0


class Guard:
    """The gate of an endpoint, and of the connections in front of it.

    Args:
        settings: the bounds.
        transactions: how many there are now.
        over: where to count how often a bound was met.
        banned: told of each ban, with the source and the time; for the log.
        is_known: says whether a flow belongs to a configured peer.
    """

    def __init__(
        self,
        settings: GuardSettings,
        transactions: Callable[[], int],
        over: dict[str, int],
        *,
        banned: Callable[[str, float], None] | None = None,
        is_known: Callable[[Flow], bool] | None = None,
    ) -> None:
        self.settings = settings
        self.overload = Overload(settings.lag)
        self.sources = Sources(settings.sources, settings.exempt)
        self._transactions = transactions
        self._over = over
        self._tell_banned = banned
        self._is_known = is_known
        self._registered: OrderedDict[Flow, None] = OrderedDict()
        """Flows over which somebody has registered with a password."""
        self._connections = 0
        self._connections_of: dict[str, int] = {}
        self._handshakes_of: dict[str, int] = {}
        self._forgiven = settings.ban_failures / settings.ban_window if settings.ban_window else 0.0
        self._refused = 0
        self.unheard = 0
        """Datagrams, and bytes or connections, of banned sources that were dropped."""

    # For the endpoint, see `ringway.endpoint.gate.Gate`

    @property
    def bans(self) -> Sized:
        """The sources nothing is taken from."""
        return self.sources.bans

    def hears(self, host: str, now: float) -> bool:
        """Return False when nothing is taken from an address."""
        if not self.sources.is_banned(self.sources.name(host), now):
            return True
        self.unheard += 1
        return False

    def refuses(self, request: Request, flow: Flow, now: float) -> Refusal | None:
        """Return how a new request is turned away, None when it is let in."""
        name = self.sources.name(flow.remote.host)
        settings = self.settings
        if name and settings.request_rate and not self._is_peer(flow):
            source = self.sources.get(name, settings.request_burst, now)
            source.fill(settings.request_rate, settings.request_burst, now)
            if source.tokens < 1.0:
                count_over(self._over, "request_rate")
                if source.answers < 1.0:
                    return Refusal(0)
                source.answers -= 1.0
                return self._later()
            source.tokens -= 1.0
        if request.method == "ACK":
            return None
        if settings.transactions and self._transactions() >= settings.transactions:
            count_over(self._over, "transactions")
            return self._later()
        if self.overload.pressure and self.overload.sheds(rank_of(request)):
            return self._later()
        return None

    def answers(self, flow: Flow, now: float) -> bool:
        """Return False when an unsound request is not even worth an answer."""
        name = self.sources.name(flow.remote.host)
        settings = self.settings
        if not name or not settings.request_rate or self._is_peer(flow):
            return True
        source = self.sources.get(name, settings.request_burst, now)
        source.fill(settings.request_rate, settings.request_burst, now)
        if source.answers < 1.0:
            count_over(self._over, "request_rate")
            return False
        source.answers -= 1.0
        return True

    def answered(
        self, request: Request, flow: Flow, status: int, now: float, *, proof: Proof
    ) -> None:
        """Take note of the first final response to a request.

        A wrong password counts whatever the answer is, and only time forgives it: else whoever has
        one password could try those of others. Who is known may dial wrong numbers.
        """
        settings = self.settings
        name = self.sources.name(flow.remote.host)
        if not name or not settings.ban_failures:
            return
        if proof is Proof.RIGHT:
            source = self.sources.known(name)
            if source is not None:
                source.proved()
            if request.method == "REGISTER" and status < 300:
                self._remember(flow)
            return
        if proof is Proof.UNCHECKED and status not in _CHALLENGES and flow in self._registered:
            return  # at an edge, whose registrar knows who calls
        failed, unanswered = _weigh(request, status, proof)
        if not failed and not unanswered:
            return
        source = self.sources.get(name, settings.request_burst, now)
        failures = source.fail(failed, unanswered, self._forgiven, now)
        if failures >= settings.ban_failures and not self._is_peer(flow):
            self.sources.ban(name, now + settings.ban_time)
            count_over(self._over, "ban_failures")
            if self._tell_banned is not None:
                self._tell_banned(name, now)

    def trusts(self, flow: Flow) -> bool:
        """Return True when a Via may name another address for the response (maddr)."""
        return not self.sources.name(flow.remote.host)

    # For the shell, see `ringway.aio.door.Door`

    def connects(self, host: str, now: float, *, accepted: bool) -> str:
        """Take a connection into the count; ``disconnected`` takes it out.

        Returns:
            Why it is closed at once, and not counted; empty when it may stay.
        """
        settings = self.settings
        if accepted and self.sources.bans and not self.hears(host, now):
            return "nothing is taken from its address for now"
        if settings.connections and self._connections >= settings.connections:
            count_over(self._over, "connections")
            return "too many connections"
        name = self.sources.name(host) if accepted else ""
        if name and not _add(self._connections_of, name, settings.connections_per_source):
            count_over(self._over, "connections_per_source")
            return "too many connections from its address"
        self._connections += 1
        return ""

    def disconnected(self, host: str, *, accepted: bool) -> None:
        """Take a connection out of the count."""
        self._connections -= 1
        name = self.sources.name(host) if accepted else ""
        if name:
            _take_out(self._connections_of, name)

    def handshake_begins(self, host: str) -> bool:
        """Take a TLS handshake into the count; False when its source has too many under way."""
        name = self.sources.name(host)
        if not name or _add(self._handshakes_of, name, self.settings.handshakes_per_source):
            return True
        count_over(self._over, "handshakes_per_source")
        return False

    def handshake_ended(self, host: str) -> None:
        """Take a TLS handshake out of the count, however it ended."""
        name = self.sources.name(host)
        if name:
            _take_out(self._handshakes_of, name)

    def hit(self, bound: str) -> None:
        """Count that a bound was met."""
        count_over(self._over, bound)

    @property
    def connections(self) -> int:
        """Connections that are counted, handshakes under way among them."""
        return self._connections

    def _remember(self, flow: Flow) -> None:
        self._registered.pop(flow, None)
        if len(self._registered) >= self.settings.sources:
            self._registered.popitem(last=False)
        self._registered[flow] = None

    def _is_peer(self, flow: Flow) -> bool:
        return self._is_known is not None and self._is_known(flow)

    def _later(self) -> Refusal:
        """503, and when to come again: not all at once (RFC 3261 §21.5.4)."""
        self._refused += 1
        base = max(round(self.settings.retry_after), 1)
        seconds = base + self._refused % (base + 1)
        return Refusal(503, (("Retry-After", str(seconds)),))


def _add(counts: dict[str, int], name: str, most: int) -> bool:
    """Count one more of a source, unless there are so many; 0 for no bound."""
    there = counts.get(name, 0)
    if most and there >= most:
        return False
    counts[name] = there + 1
    return True


def _take_out(counts: dict[str, int], name: str) -> None:
    counts[name] -= 1
    if not counts[name]:
        del counts[name]


def _weigh(request: Request, status: int, proof: Proof) -> tuple[float, float]:
    """Return what an answer counts as a failure, and as a challenge that waits for its answer."""
    if proof is Proof.WRONG:
        return _FAILED, 0.0
    if status not in _FAILURES:
        return 0.0, 0.0
    if status in _CHALLENGES and (proof is Proof.LACKING or not _has_credentials(request)):
        return 0.0, _UNANSWERED
    return _FAILED, 0.0


def _has_credentials(request: Request) -> bool:
    return request.has("authorization") or request.has("proxy-authorization")
