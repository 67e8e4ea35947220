"""Bugs to plant in our own user agent, as `bugs.py` does in the server.

Each is a way in which user agents are known to fail. Nothing of this is in the user agent.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.simulation.bugs import Patch, bug

from ringway.endpoint import Endpoint
from ringway.transport.flow import Flow
from ringway.ua.calls.calling import OutgoingCall
from ringway.ua.calls.confirm import Acknowledgement
from ringway.ua.calls.offers import Offers
from ringway.ua.calls.session import Session
from ringway.ua.events import Ended
from ringway.ua.flows.recovery import Recovery, Wait
from ringway.ua.flows.registration import Slot
from ringway.ua.requests import sending


@bug("Our agent sends the ACK once, whatever comes again.")
def forget_the_second_ack() -> list[Patch]:
    original = Acknowledgement.again
    sent: set[Acknowledgement] = set()

    def again(self: Acknowledgement, now: float) -> None:
        if self not in sent:
            sent.add(self)
            original(self, now)

    return [(Acknowledgement, "again", again)]


@bug("Our agent refreshes a registration over the flow of another.")
def refresh_over_another_flow() -> list[Patch]:
    original = Slot._try

    def attempt(self: Slot, now: float) -> None:
        flow = self.flow
        other = self._services.outbound.best([self])
        if flow is not None and other is not None:
            self.flow = other.flow
        original(self, now)
        self.flow = flow

    return [(Slot, "_try", attempt)]


@bug("Our agent registers again at once whenever a connection closes.")
def bypass_the_back_off() -> list[Patch]:
    return [(Wait, "lost", lambda self, now: self._start(now, 0.0, paused=True))]


@bug("Our agent waits one second after each failure.")
def forget_to_back_off() -> list[Patch]:
    return [(Recovery, "back_off", lambda self, failures: 1.0)]


@bug("Our agent changes the route set of a call when its connection was replaced.")
def change_the_route_set() -> list[Patch]:
    original = Session._replaced

    def replaced(self: Session, flow: Flow | None, now: float) -> None:
        self.dialog.route_set = self.dialog.route_set[1:]
        original(self, flow, now)

    return [(Session, "_replaced", replaced)]


@bug("Our agent takes a call for up that the other side does not know.")
def keep_a_dialog_after_481() -> list[Patch]:
    return [(Session, "judge", lambda self, method, failure, now: None)]


@bug("Our agent ends a call with its connection.")
def end_with_the_flow() -> list[Patch]:
    def flow_closed(self: Session, flow: Flow, now: float) -> None:
        if flow == self.flow and not self.over:
            self.end(Ended(False, "the connection closed"), now)

    return [(Session, "flow_closed", flow_closed)]


@bug("Our agent takes credentials along to where a redirect leads.")
def take_credentials_along() -> list[Patch]:
    return [(sending, "headers_for", lambda wanted, target: wanted.headers)]


@bug("Our agent lets it ring when the user hangs up.")
def give_up_without_a_word() -> list[Patch]:
    original = OutgoingCall.hang_up

    def hang_up(self: OutgoingCall, now: float, reason: str = "") -> None:
        if self._answered:
            original(self, now, reason)

    return [(OutgoingCall, "hang_up", hang_up)]


@bug("Our agent leaves a re-INVITE to itself when the call ends.")
def forget_a_change() -> list[Patch]:
    return [(Offers, "asks", lambda self, method, sending: None)]


@bug("Our agent keeps the INVITE whose place a copy over another flow has taken.")
def keep_what_has_moved() -> list[Patch]:
    def let_go(self: Endpoint, transaction: Any, now: float) -> None:
        """Do nothing."""

    return [(Endpoint, "let_go", let_go)]


@bug("Our agent stays away once a try to register has failed.")
def never_come_back() -> list[Patch]:
    return [(Wait, "failed", lambda self, now, **why: 1.0)]


@bug("Our agent says that the other side has hung up, whoever did.")
def blame_the_other_side() -> list[Patch]:
    original = Session.end

    def end(self: Session, event: Ended, now: float) -> None:
        original(self, replace(event, by_us=False), now)

    return [(Session, "end", end)]
