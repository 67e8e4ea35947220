"""Bugs to plant, one at a time, to see whether the simulation notices.

Each is a way in which such servers are known to fail, done to ours while a simulation runs and
undone after it. Nothing of this is in the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ringway.codes import Effect, Role
from ringway.endpoint.clients import Clients
from ringway.endpoint.servers import Servers
from ringway.location import Location, Put
from ringway.proxy import outgoing
from ringway.proxy.context import ResponseContext
from ringway.proxy.proxy import Proxy
from ringway.proxy.stateless import Acknowledger
from ringway.proxy.target import Target
from ringway.registrar.registrar import Registrar
from ringway.server.core import Core
from ringway.transaction import Action, Input

Patch = tuple[Any, str, Callable[..., Any]]
"""A class or module, the name in it, and what stands there instead."""

BUGS: dict[str, tuple[str, Callable[[], list[Patch]]]] = {}
"""Name to what it does and the patches that do it."""


def bug(words: str) -> Callable[[Callable[[], list[Patch]]], Callable[[], list[Patch]]]:
    """Enter a bug under its function's name."""

    def enter(make: Callable[[], list[Patch]]) -> Callable[[], list[Patch]]:
        BUGS[make.__name__.replace("_", "-")] = (words, make)
        return make

    return enter


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Have a bug while this lasts."""
    patches = BUGS[name][1]()
    before = [(owner, what, vars(owner)[what]) for owner, what, _ in patches]
    for owner, what, instead in patches:
        setattr(owner, what, instead)
    try:
        yield
    finally:
        for owner, what, original in before:
            setattr(owner, what, original)


@bug("The ACK to a 2xx is not passed on.")
def drop_an_ack() -> list[Patch]:
    return [(Acknowledger, "forward", lambda self, event, now: None)]


@bug("The ACK to a failure is not sent.")
def forget_our_own_ack() -> list[Patch]:
    return [(Clients, "_acknowledge", lambda self, client, response: None)]


@bug("A closed connection leaves its bindings in service.")
def skip_an_invalidation() -> list[Patch]:
    return [(Location, "invalidate_flow", lambda self, flow, reason, now: ())]


@bug("A request over UDP is sent once and never again.")
def forget_a_timer() -> list[Patch]:
    return [(Clients, "_start_sending", lambda self, client, action, now: None)]


@bug("A transaction that has ended stays in the table.")
def leak_a_transaction() -> list[Patch]:
    original = Servers._do

    def do(self: Servers, transaction: Any, action: Action, now: float) -> None:
        if action not in {Action.START_J, Action.START_L}:
            original(self, transaction, action, now)

    return [(Servers, "_do", do)]


@bug("A context whose caller has been answered is not forgotten.")
def leak_a_context() -> list[Patch]:
    return [(Proxy, "finished", lambda self, context: None)]


@bug("A failure is sent although a 2xx was forwarded before.")
def answer_twice() -> list[Patch]:
    original = ResponseContext.target_ended

    def target_ended(self: ResponseContext, target: Target, outcome: Any, now: float) -> None:
        finished = self.finished
        original(self, target, outcome, now)
        if finished and outcome.response is not None:
            draft = outcome.response.edit()
            draft.pop_value("via")
            flow = self.transaction.to
            if flow is not None:
                self.proxy.endpoint.send_stateless(draft, flow, now)

    return [(ResponseContext, "target_ended", target_ended)]


@bug("An INVITE goes to two flows of a phone at once.")
def fork_to_two_flows() -> list[Patch]:
    original = Target.start

    def start(self: Target, now: float) -> None:
        original(self, now)
        if self.has_alternative(now):
            self._next_way(now)

    return [(Target, "start", start)]


@bug("A REGISTER that takes a binding back is answered, and the binding stays.")
def follow_a_stale_binding() -> list[Patch]:
    original = Location.apply

    def apply(self: Location, changes: Any, now: float) -> None:
        original(self, [each for each in changes if isinstance(each, Put)], now)

    return [(Location, "apply", apply)]


@bug("After a failed flow the next one is not tried.")
def give_up_after_one_flow() -> list[Patch]:
    original = Target._apply

    def apply(self: Target, effect: Effect, branch: Any, outcome: Any, now: float) -> bool:
        return effect is not Effect.NEXT_FLOW and original(self, effect, branch, outcome, now)

    return [(Target, "_apply", apply)]


@bug("After a final answer of the phone its next flow is tried.")
def try_on_after_an_answer() -> list[Patch]:
    original = ResponseContext.effects

    def effects(self: ResponseContext, way: Any, outcome: Any, spec: Any) -> tuple[Effect, ...]:
        return (Effect.NEXT_FLOW, *original(self, way, outcome, spec))

    return [(ResponseContext, "effects", effects)]


@bug("The other phones go on ringing when one has answered.")
def forget_to_cancel() -> list[Patch]:
    return [(Clients, "_send_cancel", lambda self, client, now: None)]


@bug("A 430 is passed on to the caller.")
def let_430_through() -> list[Patch]:
    original = ResponseContext._translation

    def translation(self: ResponseContext, best: Any, toward: Any) -> Any:
        return None if best.status in {430, 503} else original(self, best, toward)

    return [(ResponseContext, "_translation", translation)]


@bug("When the store fails, the REGISTERs that wait behind are forgotten.")
def forget_who_waits() -> list[Patch]:
    original = Registrar._persisted

    def persisted(
        self: Registrar, event: Any, registration: Any, plan: Any, error: Any, now: float
    ) -> None:
        self._waiting[registration.aor].clear()
        original(self, event, registration, plan, error, now)

    return [(Registrar, "_persisted", persisted)]


@bug("Bindings never lapse.")
def forget_to_expire() -> list[Patch]:
    return [(Core, "expire", lambda self, now: None)]


@bug("The mark that asks an edge for no 100 of its own is left out within a call.")
def let_an_edge_stop_the_clock() -> list[Patch]:
    return [(outgoing, "_mark_last", lambda draft, request: None)]


@bug("A call that rings ends with a connection between nodes.")
def end_with_a_connection() -> list[Patch]:
    def flow_failed(self: Clients, flow: Any, reason: str, now: float) -> None:
        for client in self._in_flight.pop(flow, {}):
            self._step(client, Input.TRANSPORT_ERROR, now, detail=reason)

    return [(Clients, "flow_failed", flow_failed)]


@bug("A phone that rings is given up when its flow breaks at an edge.")
def give_up_who_rings() -> list[Patch]:
    return [(ResponseContext, "role", lambda self, spec: Role.PROXY)]
