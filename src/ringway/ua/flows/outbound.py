"""The flows of one user agent: one registration over each of its outbound proxies (RFC 5626 §4).

Each slot looks after its own flow; this is where they know of each other. They share the back-off,
whose base depends on whether any flow is left (§4.5), and where outbound is not to be had they
leave the one registration that is possible to one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from ringway.endpoint import Timer
from ringway.message import Uri
from ringway.transport.flow import Address, Flow
from ringway.ua.flows.recovery import Recovery
from ringway.ua.flows.registration import Slot
from ringway.ua.services import Services

__all__ = ["Outbound", "Slot"]


class Outbound:
    """All slots of a user agent.

    Args:
        services: what the parts of the agent share.

    Attributes:
        slots: one for each outbound proxy, best first; without any, one for the registrar, whose
            ``direct`` is True. None at all for an agent that does not register.
        recovery: owns the waits.
    """

    def __init__(self, services: Services) -> None:
        settings = services.settings
        self._endpoint = services.endpoint
        self._waiting: list[_Waiting] = []
        self._stopped = False
        self.recovery = Recovery(
            settings, services.chance, services.endpoint.timer, self._any_registered
        )
        proxies: tuple[Uri | None, ...] = settings.outbound or (None,)
        self.slots: tuple[Slot, ...] = tuple(
            Slot(services, self.recovery, self, proxy, number)
            for number, proxy in enumerate(proxies if settings.registers else (), 1)
        )

    def start(self, now: float) -> None:
        """Register over all flows."""
        self._stopped = False
        for slot in self.slots:
            slot.start(now)

    def stop(self, now: float, done: Callable[[float], None], limit: float = 4.0) -> None:
        """Unregister and close the flows; ``done(now)`` is called once, within ``limit`` seconds.

        It may be called within this call, when nothing stands.
        """
        self._stopped = True
        left = set(self.slots)

        def late(now: float) -> None:
            for slot in self.slots:
                slot.give_up(now)
            done(now)

        timer = self._endpoint.timer(now + limit, late)
        for slot in self.slots:

            def gone(now: float, slot: Slot = slot) -> None:
                left.discard(slot)
                if not left:
                    timer.cancel()
                    done(now)

            slot.stop(now, gone)
        if not self.slots:
            timer.cancel()
            done(now)

    def network_changed(self, now: float) -> None:
        """Give up all flows and register over new ones at once, whatever waits are running."""
        if self._stopped:
            return
        for slot in self.slots:
            slot.change_network(now)
        for slot in self.slots:
            slot.start(now)

    def best(self, without: Collection[Slot] = ()) -> Slot | None:
        """Return the first slot that is registered over a live flow."""
        for slot in self.slots:
            flow = slot.flow if slot.registered and slot not in without else None
            if flow is not None and self._endpoint.is_live(flow):
                return slot
        return None

    def of(self, flow: Flow) -> Slot | None:
        """Return the slot that a flow belongs to now."""
        for slot in self.slots:
            if slot.flow == flow:
                return slot
        return None

    def wait(
        self, slot: Slot, callback: Callable[[Flow | None, float], None], now: float, seconds: float
    ) -> Timer:
        """Call back when the slot registers over a new flow, with None when time is up.

        A flow that still seems to work is tried with a keep-alive at once. The callback never
        comes within this call; cancel the timer if it is not wanted any more.
        """
        timer = self._endpoint.timer(now + seconds, lambda now: callback(None, now))
        self._waiting = [each for each in self._waiting if each.timer.active]
        self._waiting.append(_Waiting(slot, timer, callback))
        slot.probe(now)
        return timer

    # From the agent, which hears the endpoint

    def flow_closed(self, flow: Flow, reason: str, now: float) -> None:
        """Take the end of a flow; ignored if no slot has it."""
        slot = self.of(flow)
        if slot is not None:
            slot.flow_closed(reason, now)

    def pong(self, flow: Flow, now: float) -> None:
        """Take the answer to a keep-alive."""
        slot = self.of(flow)
        if slot is not None:
            slot.pong(now)

    def stun(self, flow: Flow, mapped: Address | None, now: float) -> None:
        """Take what came of a STUN keep-alive; None for an error, or when no answer came."""
        slot = self.of(flow)
        if slot is not None:
            slot.stun(mapped, now)

    # From the slots

    def alone(self, slot: Slot) -> bool:
        """Say whether no other slot is registered."""
        return not any(each.registered for each in self.slots if each is not slot)

    def settled(self, slot: Slot) -> bool:
        """Say whether another slot holds the one registration that the registrar can keep."""
        return any(each.holds_the_only_one for each in self.slots if each is not slot)

    def shares(self, flow: Flow, slot: Slot) -> bool:
        """Say whether another slot uses the same flow."""
        return any(each.uses(flow) for each in self.slots if each is not slot)

    def shares_contact(self, uri: Uri, slot: Slot) -> bool:
        """Say whether another slot is registered with the same Contact."""
        return any(each.has_contact(uri) for each in self.slots if each is not slot)

    def took(self, slot: Slot, now: float, *, anew: bool) -> None:
        """Let others stand by where they must, or try again where they may."""
        if not anew:
            return
        for each in self.slots:
            if each is slot:
                continue
            if slot.holds_the_only_one or (each.plain and not slot.plain):
                each.stand_by(now)
            elif each.standing_by and not slot.plain:
                each.resume(now)
        flow = slot.flow
        here = [waiting for waiting in self._waiting if waiting.slot is slot]
        self._waiting = [waiting for waiting in self._waiting if waiting.slot is not slot]
        for waiting in here:
            if waiting.timer.active:
                waiting.timer.cancel()
                waiting.callback(flow, now)

    def missed(self, slot: Slot, now: float) -> None:
        """Let one that stands by try, if nothing is registered any more."""
        if self._stopped or self._any_registered():
            return
        for each in self.slots:
            if each.standing_by and each is not slot:
                each.resume(now)
                return

    def _any_registered(self) -> bool:
        return any(slot.registered for slot in self.slots)


class _Waiting:
    """Somebody who waits for the new flow of a slot."""

    __slots__ = ("callback", "slot", "timer")

    def __init__(
        self, slot: Slot, timer: Timer, callback: Callable[[Flow | None, float], None]
    ) -> None:
        self.slot = slot
        self.timer = timer
        self.callback = callback
