"""A target at work: one instance or one URI, its ways tried one after another.

RFC 3261 §16.7, RFC 5626 §7. What a failure leads to (another flow, another server, recursion, the
answer itself) is read from the table in `ringway.codes`; this file only knows how to do it. Never
are two branches alive at one instance: the one that speaks first counts, the other is cancelled
when it speaks. A branch taken over by another keeps its transaction when the phone may have had
the request all along; if the later branches come to nothing, it is waited for again.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ringway.codes import CANCELLED, Effect, Source, lookup
from ringway.endpoint import Kind
from ringway.endpoint.counters import count_over
from ringway.errors import ParseError
from ringway.message import Response
from ringway.proxy.branch import Branch, Headers
from ringway.proxy.named import path_flow, route_flow
from ringway.proxy.outcome import Outcome, failure
from ringway.proxy.outgoing import next_hop
from ringway.proxy.summary import Tried
from ringway.proxy.way import TargetSpec, Way, ways_of
from ringway.transport.flow import Flow, NextHop

if TYPE_CHECKING:
    from ringway.proxy.context import ResponseContext

MAX_WAYS: Final = 8
"""Ways tried for one target, so that a phone that keeps moving ends the search."""

ELSEWHERE: Final[Headers] = (("Reason", 'SIP;cause=200;text="Call completed elsewhere"'),)
"""In the CANCEL of a loser: no missed call (RFC 3326 §2)."""


class Target:
    """One element of the target set while it is being tried.

    Attributes:
        context: the response context it belongs to.
        spec: what it was made from.
        breadth: the branches it may have downstream (RFC 5393 §5.3.3).
        tried: the ways tried so far.
        outcome: set once, when nothing more can come of this target.
        route_flow: the flow of an edge that the request's own Routes lead to, within a dialog of a
            phone we know; None when they name none that can be read here.
    """

    __slots__ = (
        "_branches", "_current", "_ways", "breadth", "context", "outcome", "route_flow", "spec",
        "tried",
    )  # fmt: skip

    def __init__(self, context: ResponseContext, spec: TargetSpec, breadth: int) -> None:
        self.context = context
        self.spec = spec
        self.breadth = breadth
        self.tried: list[Way] = []
        self.outcome: Outcome | None = None
        self._ways: list[Way] = list(spec.ways)
        self._branches: list[Branch] = []
        self._current: Branch | None = None
        self.route_flow: Flow | None = None
        if context.in_dialog and spec.instance and spec.ways[0].flow is None:
            self.route_flow = route_flow(context.request, context.proxy.sealer)

    @property
    def ends(self) -> list[Tried]:
        """How the ways tried so far ended, for whoever asks why nobody was reached."""
        return [
            Tried(branch.outcome, branch.way.flow is not None)
            for branch in self._branches
            if branch.outcome is not None
        ]

    # what the response context calls

    def start(self, now: float) -> None:
        """Try the first way."""
        self._next_way(now)

    def cancel(self, now: float, headers: Headers = ()) -> None:
        """Give the target up; what has heard nothing counts as 487 at once (RFC 3261 §9.1)."""
        for branch in self._branches:
            branch.cancel(now, headers)
        current = self._current
        if current is None or not current.heard or current.broken:
            self._end(Outcome(CANCELLED, Source.TIMER, "cancelled before any response"), now)

    def time_out(self, now: float) -> None:
        """End a target that only rings, so that the next tier gets its turn."""
        for branch in self._branches:
            branch.cancel(now)
        self._end(failure(Source.TIMER, "nobody answered"), now)

    def let_go(self) -> bool:
        """Forget the branch that succeeded, if it was the only one; False if it was not.

        A late 2xx still finds its way from the branch upwards. With nothing that points downwards
        no call leaves a cycle behind, which only a run of the garbage collector would find.
        """
        if len(self._branches) != 1:
            return False
        self._branches.clear()
        self._current = None
        return True

    def has_alternative(self, now: float) -> bool:
        """True when another way to this target is left, one registered meanwhile included."""
        if not self._ways and self.spec.instance and len(self.tried) < MAX_WAYS:
            proxy = self.context.proxy
            tried = {way.key for way in self.tried}
            known = proxy.location.find_instance(self.spec.aor, self.spec.instance, now)
            for way in ways_of(known, in_dialog=self.context.in_dialog):
                if way.key not in tried and proxy.is_open(way) and not self._leads_back(way):
                    self._ways.append(way)
        return bool(self._ways)

    def has_rival(self, now: float) -> bool:
        """True when another flow of the phone is left, or one that was left may still speak."""
        earlier = [each for each in self._branches if each.superseded and each.may_speak]
        return bool(earlier) or self.has_alternative(now)

    def _leads_back(self, way: Way) -> bool:
        """True when a registration leads over the very flow that the request's Routes name."""
        flow = self.route_flow
        return flow is not None and path_flow(way.routes, self.context.proxy.sealer) == flow

    # what its branches call

    def provisional(self, branch: Branch, response: Response, now: float) -> None:
        """Take a provisional of one of the branches, a superseded one included."""
        if branch is not self._current:
            rival = self._current
            if self.outcome is not None or rival is None or rival.heard or branch.cancelled:
                branch.cancel(now)
                return
            rival.supersede(keep=True)  # the first copy was only slow: who speaks first counts
            branch.wait_again(now)
            self._current = branch
        if self.outcome is None:
            self.context.provisional(response, now)

    def broke(self, branch: Branch, outcome: Outcome, now: float) -> None:
        """Take an edge's word that its flow to a phone that rings is gone.

        The phone's next flow is tried if there is one; the edge waits on for the first copy.
        """
        if branch is not self._current or self.outcome is not None:
            return
        branch.outcome = outcome
        for effect in self.context.effects(branch.way, outcome, self.spec):
            if self._apply(effect, branch, outcome, now):
                return
        branch.outcome = None

    def succeeded(self, branch: Branch, response: Response, now: float) -> None:
        """Take a 2xx: it is forwarded, from whichever branch it came (RFC 3261 §16.7 step 5)."""
        if self.outcome is None:
            # Without the response: it is on its way, and this lives as long as a late 2xx may come.
            self.outcome = Outcome(response.status, Source.RECEIVED, "")
        for other in self._branches:
            if other is not branch:
                other.cancel(now, ELSEWHERE)
        self.context.succeeded(branch, response, now)

    def failed(self, branch: Branch, outcome: Outcome, now: float) -> None:
        """Take a failure or a final response above 299 and do what the table says."""
        if self.outcome is not None:
            return
        effects = self.context.effects(branch.way, outcome, self.spec)
        missed = Effect.NEXT_FLOW in effects or lookup(outcome.status).means_duplicate
        # A 487 that we did not ask for is no word of the phone: it rang for too long.
        nothing = missed or branch.cancelled or outcome.status == CANCELLED
        if branch is not self._current and nothing:
            if Effect.INVALIDATE_BINDING in effects:
                self._apply(Effect.INVALIDATE_BINDING, branch, outcome, now)
            return  # it was taken over for just that reason
        if self._current is not None and branch is not self._current:
            self._current.cancel(now)
            self._current.supersede(keep=False)
            self._current = branch
        for effect in effects:
            if self._apply(effect, branch, outcome, now):
                return
        if missed:
            if self._wait_for_another(branch, outcome, now):
                return
            outcome = self._first_word(outcome)
        self._end(outcome, now)

    def _apply(self, effect: Effect, branch: Branch, outcome: Outcome, now: float) -> bool:
        """Carry out one effect; True when that settles the matter for now."""
        context = self.context
        match effect:
            case Effect.INVALIDATE_BINDING if branch.way.binding is not None:
                context.proxy.invalidate(branch.way.binding, f"answered {outcome.status}", now)
            case Effect.NEXT_SERVER if branch.hops and context.open:
                self._note("trying the next server", branch, outcome, now)
                self._try(branch.way, now, branch.hops)
                return True
            case Effect.NEXT_FLOW if branch.awaited and outcome.silent:
                pass  # the phone has said that it has this copy, and will say so again
            case Effect.NEXT_FLOW if context.open and self.has_alternative(now):
                self._note("trying the next flow", branch, outcome, now, recovers=context.in_dialog)
                # After a 430 the phone has nothing; a 2xx may follow the 408 of an edge.
                may_follow = outcome.response is None or (context.is_invite and outcome.silent)
                branch.supersede(keep=may_follow)
                self._next_way(now)
                return True
            case Effect.RECURSE if outcome.response is not None and context.open:
                if context.recurse(branch, outcome.response, now):
                    self._drop_earlier(now)
                    return True
            case Effect.GIVE_UP:
                context.give_up(self, now)
            case _:
                pass
        return False

    def _wait_for_another(self, branch: Branch, outcome: Outcome, now: float) -> bool:
        """Go back to a branch whose copy of the request the phone may have; False if none.

        A phone that knows the request has some earlier copy. A later flow that fails leaves those
        that were only silent, and one that rang and that an edge waits for.
        """
        known = lookup(outcome.status).means_duplicate
        for other in self._branches:
            was = other.outcome
            silent = was is not None and was.source is Source.TIMER
            counts = known or silent or (other.rang and not other.broken)
            if counts and other is not branch and other.superseded and other.may_speak:
                self._note("waiting for an earlier copy", branch, outcome, now)
                branch.supersede(keep=outcome.source is Source.TRANSPORT)
                other.awaited = known
                other.wait_again(now)
                self._current = other
                return True
        return False

    def _first_word(self, outcome: Outcome) -> Outcome:
        """Return what counts when a later flow only says that the phone knows the request."""
        if lookup(outcome.status).means_duplicate:
            for branch in self._branches:
                if branch.superseded and branch.outcome is not None:
                    return branch.outcome
        return outcome

    def _note(
        self,
        next_step: str,
        branch: Branch,
        outcome: Outcome,
        now: float,
        *,
        recovers: bool = False,
    ) -> None:
        endpoint = self.context.proxy.endpoint
        if recovers:
            endpoint.counters.recovered += 1
        else:
            guessed = outcome.source in {Source.TIMER, Source.TRANSPORT}
            cause = outcome.source.value if guessed else str(outcome.status)
            count_over(endpoint.counters.failovers, cause)
        if endpoint.noting:
            text = f"{outcome.text}; {next_step}"
            kind = Kind.RECOVER if recovers else Kind.FAILOVER
            self.context.note(kind, text, now, outcome, branch)

    def _next_way(self, now: float) -> None:
        way = self._preferred_way()
        self._ways.remove(way)
        self.tried.append(way)
        self._try(way, now)

    def _preferred_way(self) -> Way:
        """Return the first way that does not lead through a place where nobody answered."""
        if not self._branches:
            return self._ways[0]
        deaf = {each.place for each in self._branches if each.place and not each.heard}
        for way in self._ways if deaf else ():
            with suppress(ParseError):
                if way.flow or next_hop(self.context.request, way).hostport not in deaf:
                    return way
        return self._ways[0]

    def _try(self, way: Way, now: float, hops: list[NextHop] | None = None) -> None:
        branch = Branch(self, way)
        self._branches.append(branch)
        self._current = branch
        branch.start(now, hops)

    def _end(self, outcome: Outcome, now: float) -> None:
        for branch in self._branches:
            branch.stop()
        self.outcome = outcome
        self._drop_earlier(now)
        self.context.target_ended(self, outcome, now)

    def _drop_earlier(self, now: float) -> None:
        """Cancel the copies that were left for others: the phone may ring with one of them."""
        for branch in self._branches:
            if branch.superseded:
                branch.cancel(now)
