"""The one owner of all waits before another REGISTER (RFC 5626 §4.5).

Each slot has one `Wait`, and a `Wait` runs one timer: the refresh of what stands, or the pause
after a failure. Nothing else sends a REGISTER, so what the network does in between, however often,
cannot bring the next try forward: only `network_changed` of the user agent does.

How long a pause is depends on the failures in a row of its URI, which slots to the same URI share.
They are forgotten only when a registration was made and a keep-alive over its flow was answered,
for a server that accepts and falls over again must not be met with a try every second. Where no
answer is to come, it must have stood for as long as the first keep-alive may wait. A flow that
had come so far and fails is replaced at once by the RFC; "at once" is a random moment within
``spread``, since an edge that dies takes thousands of flows with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ringway.endpoint import Timer
from ringway.ua.settings import AgentSettings

_LONGEST_ASKED: Final = 3600
"""A longer Retry-After is taken for this: nobody means to be left alone for years."""

_STANDS: Final = 120.0
"""Seconds after which a registration has proved itself where no keep-alive is answered (§4.4.1)."""

_SHORTEST: Final = 10.0
"""Seconds between two refreshes at least, however little time the registrar grants."""

_SOONEST_REFRESH: Final = 0.8
_LATEST_REFRESH: Final = 0.9
_MOST_DOUBLINGS: Final = 32  # far beyond any maximum; keeps the number small


class Recovery:
    """Knows the failures of each URI.

    Args:
        settings: the agent's.
        chance: a number from 0 up to 1, another at each call.
        timer: has a function called at a time; ``Endpoint.timer``.
        any_flow: says whether a registration stands over any flow.
    """

    def __init__(
        self,
        settings: AgentSettings,
        chance: Callable[[], float],
        timer: Callable[[float, Callable[[float], None]], Timer],
        any_flow: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._any_flow = any_flow
        self.chance = chance
        self.timer = timer
        self.failures: dict[str, int] = {}
        """Failures in a row of each URI."""

    def spread(self) -> float:
        """Return a random part of the time over which many agents come back."""
        return self.chance() * self._settings.spread

    def back_off(self, failures: int) -> float:
        """Return the retry delay after so many failures in a row, in seconds (RFC 5626 §4.5)."""
        settings = self._settings
        base = settings.base_not_failed if self._any_flow() else settings.base_all_failed
        upper = min(settings.max_wait, base * 2.0 ** min(failures, _MOST_DOUBLINGS))
        return upper * (0.5 + 0.5 * self.chance())


class Wait:
    """When one slot may register next.

    Args:
        recovery: what the slots share.
        uri: the outbound proxy's, as text.
        attempt: registers; called with the time.
    """

    def __init__(self, recovery: Recovery, uri: str, attempt: Callable[[float], None]) -> None:
        self._recovery = recovery
        self._uri = uri
        self._attempt = attempt
        self._timer: Timer | None = None
        self._paused = False  # the timer runs because of a failure
        self._proven = False
        self._since: float | None = None  # stands unproven, and no answer is to come

    @property
    def failures(self) -> int:
        """Failures in a row of this URI."""
        return self._recovery.failures.get(self._uri, 0)

    def remaining(self, now: float) -> float:
        """Return the seconds to the next try; 0 if it is under way."""
        return 0.0 if self._timer is None else max(self._timer.at - now, 0.0)

    def begin(self, now: float) -> None:
        """Register now: at the start, or because the network changed."""
        self.hold()
        self._attempt(now)

    def soon(self, now: float) -> None:
        """Register within the spread, unless a pause runs."""
        if not self._running():
            self._start(now, self._recovery.spread(), paused=True)

    def hold(self) -> None:
        """Wait for nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._paused = False

    def registered(self, now: float, expires: float, *, keeps_alive: bool, new: bool) -> None:
        """Take a success, and refresh it before it expires.

        Args:
            now: seconds.
            expires: seconds that it lasts.
            keeps_alive: True where answers to keep-alives are to come.
            new: True over a new flow, which an answered keep-alive has yet to prove.
        """
        if new:
            self._proven = False
            self._since = None
        self._weigh(now)
        if self._proven:
            self._prove()
        elif not keeps_alive and self._since is None:
            self._since = now
        part = _SOONEST_REFRESH + (_LATEST_REFRESH - _SOONEST_REFRESH) * self._recovery.chance()
        self._start(now, max(expires * part, _SHORTEST), paused=False)

    def answered(self) -> None:
        """Take an answered keep-alive over the flow of a registration that stands."""
        if not self._paused:
            self._prove()

    def lost(self, now: float) -> float:
        """Take the failure of the flow of a registration; return the seconds to the next try."""
        if self._running() and self._paused:
            assert self._timer is not None  # noqa: S101 - it runs
            return self._timer.at - now
        self._weigh(now)
        if self._proven:
            self._proven = False
            return self._start(now, self._recovery.spread(), paused=True)
        return self.failed(now)

    def failed(
        self, now: float, *, retry_after: int | None = None, same_flow: bool = False
    ) -> float:
        """Take a failed try to register; return the seconds to the next one.

        Args:
            now: seconds.
            retry_after: what the response asks for; makes the wait longer. It is all there is to
                wait for when a refresh is put off for the first time: no flow is to be formed.
            same_flow: True if the flow works, and the next try goes over it.
        """
        self._weigh(now)
        self._since = None
        failures = self.failures + 1
        self._recovery.failures[self._uri] = failures
        delay = self._recovery.back_off(failures)
        if retry_after is not None:
            asked = min(retry_after, _LONGEST_ASKED) + self._recovery.spread()
            delay = asked if same_flow and failures == 1 else max(delay, asked)
        return self._start(now, delay, paused=True)

    def _weigh(self, now: float) -> None:
        if self._since is not None and now - self._since >= _STANDS:
            self._prove()

    def _prove(self) -> None:
        self._proven = True
        self._since = None
        self._recovery.failures.pop(self._uri, None)

    def _running(self) -> bool:
        return self._timer is not None and self._timer.active

    def _start(self, now: float, delay: float, *, paused: bool) -> float:
        self.hold()
        self._paused = paused
        self._timer = self._recovery.timer(now + delay, self._due)
        return delay

    def _due(self, now: float) -> None:
        self._timer = None
        self._attempt(now)
