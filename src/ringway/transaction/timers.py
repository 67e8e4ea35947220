"""How long each timer of RFC 3261 §17 runs, all derived from T1, T2 and T4 (RFC 3261 Table 4)."""

from __future__ import annotations

from dataclasses import dataclass

from ringway.transaction.tables import Action, Input


@dataclass(frozen=True, slots=True)
class Timers:
    """The base values, in seconds.

    Attributes:
        t1: estimate of the round-trip time.
        t2: longest interval between retransmissions of a non-INVITE request and of a response.
        t4: longest time a message stays in the network.
        d: how long a client INVITE transaction absorbs final responses over UDP; at least 32 s,
            because the server's T1 is not known (§17.1.1.2).
    """

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0
    d: float = 32.0

    @property
    def transaction(self) -> float:
        """64*T1: how long a request is tried, and how long a 2xx may still be repeated."""
        return 64 * self.t1

    @property
    def timer_b(self) -> float:
        """Timer B, and F: how long to wait for the first response to a request."""
        return self.transaction

    @property
    def trying(self) -> float:
        """When Timer E would be reset to T2, and a non-INVITE wants its 100 (RFC 4320 §4.1)."""
        waited, interval = 0.0, self.t1
        while interval < self.t2:
            waited += interval
            interval *= 2
        return waited

    def waits(self, *, reliable: bool) -> dict[Action, tuple[Input, float]]:
        """For each action that starts the waiting timer: what then fires, and after how long."""
        long = self.transaction
        return {
            Action.START_B: (Input.TIMER_B, long),
            Action.START_D: (Input.TIMER_D, 0.0 if reliable else max(self.d, 32.0)),
            Action.START_F: (Input.TIMER_F, long),
            Action.START_H: (Input.TIMER_H, long),
            Action.START_I: (Input.TIMER_I, 0.0 if reliable else self.t4),
            Action.START_J: (Input.TIMER_J, 0.0 if reliable else long),
            Action.START_K: (Input.TIMER_K, 0.0 if reliable else self.t4),
            Action.START_L: (Input.TIMER_L, long),
            Action.START_M: (Input.TIMER_M, long),
            Action.START_KEPT: (Input.TIMER_KEPT, long),
            Action.START_CANCELLED: (Input.TIMER_CANCELLED, long),
            Action.START_TRYING: (Input.TIMER_TRYING, self.trying),
            Action.START_UNANSWERED: (Input.TIMER_UNANSWERED, long),
        }
