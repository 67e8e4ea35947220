"""The response context: one request being proxied, its targets, and what the caller hears.

RFC 3261 §16.7 to §16.10, RFC 5393 §5.3. Targets of equal q run in parallel, tiers one after
another. Which outcome is best, what it becomes on its way to the caller, and what a failure
leads to is all read from `ringway.codes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ringway.codes import (
    CANCELLED,
    Circumstance,
    Effect,
    Role,
    Source,
    Toward,
    Translation,
    effects,
    explain,
    own_answer,
    translation,
)
from ringway.endpoint import Decision, Kind, ServerTransaction, Timer
from ringway.endpoint.counters import count_over
from ringway.message import Request, Response, build_response
from ringway.proxy import broken
from ringway.proxy.outcome import Outcome, aggregated, best_of, failure
from ringway.proxy.proof import shown_by
from ringway.proxy.record import Side, turn_around
from ringway.proxy.summary import NEXT_HOP, PHONE, PHONES, summary
from ringway.proxy.target import ELSEWHERE, Target
from ringway.proxy.validation import has_passed, is_first_hop
from ringway.proxy.way import TargetSpec, Way
from ringway.transport.flow import Flow, NextHop

if TYPE_CHECKING:
    from ringway.proxy.branch import Branch
    from ringway.proxy.proxy import Proxy


class Plan(NamedTuple):
    """What is to be done with one request.

    Attributes:
        tiers: targets in the order they are tried; those of one tier run in parallel.
        authoritative: True when the targets came from our location store or redirects.
        aor: the address-of-record the request is for, "" when it is not one of ours.
        adds_path: True for a REGISTER of a phone of ours that passes this edge (RFC 5626 §5.1).
        role: EDGE when the request goes where a flow token says and nowhere else.
        watch: True when bindings that appear meanwhile may become targets (RFC 3261 §16.5).
        withholds: True when the sender wants no 100 of ours before the phone has spoken.
        unproven: True when only somebody behind us can say whether the sender is who it claims.
    """

    tiers: tuple[tuple[TargetSpec, ...], ...]
    authoritative: bool = False
    aor: str = ""
    adds_path: bool = False
    role: Role = Role.PROXY
    watch: bool = False
    withholds: bool = False
    unproven: bool = False


class ResponseContext:
    """One request on its way (RFC 3261 §16.2).

    Attributes:
        proxy: whose endpoint, location and settings are used.
        transaction: the server transaction that is to be answered.
        request: the request without our own Routes.
        source: the flow it came over.
        mark: what loop detection recognises the request by.
        near: the caller's side of the dialog, described when it is first asked for.
        recorded: our Record-Route values that the response is to show otherwise, the caller's
            side first; empty if there are none.
        visited: URIs this request was sent to; each is used at most once (§8.1.3.4).
        depth: how often redirects were followed.
        recursed: how many Contacts of redirects were followed.
    """

    __slots__ = (
        "_active", "_best", "_breadth", "_fell_back", "_ring_timer", "_share", "_tiers", "_tried",
        "cancelled", "closed", "depth", "finished", "in_dialog", "is_invite", "mark",
        "near", "plan", "proxy", "recorded", "recursed", "request", "source", "transaction",
        "visited",
    )  # fmt: skip

    def __init__(
        self,
        proxy: Proxy,
        transaction: ServerTransaction,
        request: Request,
        source: Flow,
        plan: Plan,
        mark: str,
    ) -> None:
        self.proxy = proxy
        self.transaction = transaction
        self.request = request
        self.source = source
        self.plan = plan
        self.mark = mark
        self.near: Side | None = None
        self.recorded: tuple[str, ...] = ()
        self.is_invite = request.method == "INVITE"
        self.in_dialog = bool(request.to_tag)
        self.visited: list[str] = [request.uri_text]
        self.depth = 0
        self.recursed = 0
        self.cancelled = False
        self.closed = False
        self.finished = False
        self._fell_back = False
        self._tiers: list[list[TargetSpec]] = [list(tier) for tier in plan.tiers]
        self._active: list[Target] = []
        self._tried: list[Target] = []
        self._best: list[Outcome] = []
        self._breadth = self._share = self._allowed_breadth()
        self._ring_timer: Timer | None = None

    # what the proxy calls

    def start(self, now: float) -> None:
        """Try the first tier."""
        if self._breadth < 1:
            count_over(self.proxy.endpoint.counters.over, "max_breadth")
            self._answer(440, now, (), "Max-Breadth leaves no branch")
            return
        if has_passed(self.request, self.proxy.endpoint):
            self._share = self._breadth // max(sum(map(len, self._tiers)), 1)
            if self._share < 1:
                count_over(self.proxy.endpoint.counters.over, "max_breadth")
                self._answer(440, now, (), "it was here before, and now forks too often")
                return
        self._next_tier(now)

    def add_tiers(self, tiers: list[list[TargetSpec]]) -> None:
        """Put targets before those not yet tried."""
        self._tiers[:0] = tiers

    def cancel(self, now: float) -> None:
        """The caller gave up: no further flow, no further tier (RFC 3261 §16.10)."""
        if self.cancelled:
            return
        self.cancelled = True
        counts_as = Outcome(CANCELLED, Source.TIMER, "")
        self.note(Kind.CANCEL, "the caller cancelled", now, counts_as)
        for target in list(self._active):
            target.cancel(now)

    def abandon(self, headers: tuple[tuple[str, str], ...], text: str, now: float) -> None:
        """Answer the caller with 503 and cancel what was sent: this node ends."""
        self.closed = True
        self._answer(503, now, headers, text)
        for target in list(self._active):
            target.cancel(now)

    @property
    def open(self) -> bool:
        """True while new branches may be made."""
        return not (self.cancelled or self.closed or self.finished)

    # what targets and branches call

    def effects(self, way: Way, outcome: Outcome, spec: TargetSpec) -> tuple[Effect, ...]:
        """Ask the table what this outcome, met this way, leads to."""
        return effects(outcome.status, self._circumstance(way, outcome.source, spec))

    def role(self, spec: TargetSpec) -> Role:
        """Return what we are to a target.

        A token whose phone is known can be replaced by another flow of that phone: then we choose,
        like any proxy, and are no mere edge.
        """
        return Role.PROXY if spec.instance else self.plan.role

    def sent(self, to: Flow | NextHop, now: float) -> None:
        """Note that a branch goes out, and over which flow if that is known."""
        if self.proxy.endpoint.noting:
            flow = to if isinstance(to, Flow) else None
            text = self.request.method if flow is not None else f"{self.request.method} to {to}"
            self.note(Kind.BRANCH, text, now, flow=flow)

    def provisional(self, response: Response, now: float) -> None:
        """Forward a provisional of a branch that counts, but for the 100 (§16.7 step 5)."""
        if response.status > 100 and self.is_invite:
            self._forward(response, now)
        elif self.plan.withholds:
            self.proxy.endpoint.reply(self.transaction, 100, now)

    def flow_broke(self, outcome: Outcome, now: float) -> None:
        """Tell who knows other flows of the phone that this one is gone, while it is waited for."""
        status = self._sent_as(outcome, Toward.PROXY)
        if self.plan.withholds and status is not None:
            fields = (broken.reason(status),)
            self.proxy.endpoint.reply(self.transaction, broken.STATUS, now, headers=fields)
        text = f"{outcome.text}; the phone rings, its answer is waited for"
        self.note(Kind.FAILOVER, text, now, outcome)

    def succeeded(self, branch: Branch, response: Response, now: float) -> None:
        """Forward a 2xx and cancel what else is ringing (§16.7 steps 5 and 10)."""
        first = not self.finished
        if first or self.is_invite:
            self._forward(response, now)
        if not first:
            return
        if self.is_invite and self.in_dialog and branch.way.binding is not None:
            self.proxy.recovered(self.request, branch.way)
        self._finish()
        if self.proxy.endpoint.noting:
            outcome = Outcome(response.status, Source.RECEIVED, "")
            self.note(Kind.ANSWER, f"{branch.way} answered", now, outcome, branch)
        for target in list(self._active):
            if target is not branch.target:
                target.cancel(now, ELSEWHERE)
        if len(self._tried) == 1 and branch.target.let_go():
            self._active.clear()
            self._tried.clear()

    def target_ended(self, target: Target, outcome: Outcome, now: float) -> None:
        """Take the end of one target."""
        self._best.append(outcome)
        self._active.remove(target)
        if not self._active and not self.finished:
            self._next_tier(now)

    def give_up(self, target: Target, now: float) -> None:
        """No new branches, cancel the others: somebody answered for everybody (6xx)."""
        self.closed = True
        for other in list(self._active):
            if other is not target:
                other.cancel(now)

    def recurse(self, branch: Branch, response: Response, now: float) -> bool:
        """Follow a redirect under policy; True when it was followed (§16.5, §16.7 step 4)."""
        target = branch.target
        followed = self.proxy.recursion.follow(self, target.spec, response, now)
        if followed is None:
            return False
        outcome = target.outcome = Outcome(response.status, Source.RECEIVED, followed.text)
        self.note(Kind.RECURSE, followed.text, now, outcome, branch)
        if followed.rest is not None:
            self._best.append(
                Outcome(response.status, Source.RECEIVED, followed.text, followed.rest)
            )
        elif not followed.tiers:
            self._best.append(failure(Source.TRANSPORT, followed.text))
        self.add_tiers(followed.tiers)
        self._active.remove(target)
        if followed.tiers or not self._active:
            self._next_tier(now)
        return True

    def note(
        self,
        kind: Kind,
        text: str,
        now: float,
        outcome: Outcome | None = None,
        branch: Branch | None = None,
        flow: Flow | None = None,
        why: str = "",
    ) -> None:
        """Tell the story, when somebody listens.

        Args:
            kind: what sort of decision.
            text: one plain line.
            now: seconds.
            outcome: the status it is about; the table's word on it is looked up here.
            branch: the branch that ended so; without one, what the caller hears of it.
            flow: over which a branch goes.
            why: the table's word, when it is not about what a branch met.
        """
        endpoint = self.proxy.endpoint
        if not endpoint.noting:
            return
        effects: tuple[Effect, ...] = ()
        if outcome is not None and not why:
            if branch is not None:
                where = self._circumstance(branch.way, outcome.source, branch.target.spec)
            else:
                where = self._at_the_end(outcome.source)
            rule = explain(outcome.status, where)
            effects, why = rule.effects, rule.why
        if branch is not None:
            flow = branch.way.flow
        elif kind is not Kind.BRANCH:
            flow = self.source
        endpoint.note(
            Decision(
                at=now,
                kind=kind,
                text=text,
                call_id=self.request.call_id,
                method=self.request.method,
                status=outcome.status if outcome is not None else 0,
                flow=flow,
                aor=self.plan.aor or self.proxy.aor(self.request.to.uri),
                effects=effects,
                why=why,
            )
        )

    def _circumstance(self, way: Way, source: Source, spec: TargetSpec) -> Circumstance:
        """Describe to the table where something comes from.

        A response that came through an edge of ours may be the edge's own.
        """
        if source is Source.RECEIVED and way.binding is not None and way.routes:
            source = Source.OWN_EDGE
        return Circumstance(self.role(spec), self.request.method, self.in_dialog, source)

    def _at_the_end(self, source: Source) -> Circumstance:
        """Describe to the table what is left when no target is: which way it came, no more."""
        return Circumstance(self.plan.role, self.request.method, self.in_dialog, source)

    # tiers

    def _next_tier(self, now: float) -> None:
        self._stop_ring_timer()
        if self.open and (self._tiers or self._add_newcomers(now)):
            self._start_tier(self._tiers.pop(0), now)
        else:
            self._conclude(now)

    def _start_tier(self, tier: list[TargetSpec], now: float) -> None:
        """Start targets in parallel, as many as Max-Breadth allows.

        When all of them fail at once, the next tier has had its turn as this returns.
        """
        room = self._breadth - sum([target.breadth for target in self._active])
        if len(tier) > room:  # RFC 5393 §5.3.3: fork less, not deeper
            self._tiers.insert(0, tier[room:])
            tier = tier[:room]
        # What has been here before gets no more by trying its targets one after another: two users
        # with Contacts at each other would keep us busy for ever (RFC 5393 §3).
        breadth = min(room // len(tier), self._share)
        targets = [Target(self, spec, breadth) for spec in tier]
        self._active.extend(targets)
        self._tried.extend(targets)
        settings = self.proxy.settings
        if self.is_invite and (self._tiers or self.proxy.rings_on(self, now)):
            endpoint = self.proxy.endpoint
            self._ring_timer = endpoint.timer(now + settings.ring_timeout, self._ring_timed_out)
        for target in targets:
            self.visited.append(target.spec.ways[0].uri)
            target.start(now)

    def _add_newcomers(self, now: float) -> bool:
        """Make targets of bindings that appeared meanwhile, while nobody could be reached."""
        plan = self.plan
        if not plan.watch or len(self._tried) >= self.proxy.settings.max_breadth:
            return False
        ends = [target.outcome for target in self._tried]  # a redirect that was followed included
        if not all([end.unreachable for end in ends if end is not None]):
            return False
        tiers = self.proxy.newcomers(
            plan.aor, [way for each in self._tried for way in each.tried], now
        )
        self._tiers.extend(tiers)
        return bool(tiers)

    def _ring_timed_out(self, now: float) -> None:
        self._ring_timer = None
        for target in list(self._active):
            target.time_out(now)

    def _stop_ring_timer(self) -> None:
        if self._ring_timer is not None:
            self._ring_timer.cancel()
            self._ring_timer = None

    # the end

    def _conclude(self, now: float) -> None:
        """Choose the best outcome and answer the caller (§16.7 steps 6 to 9)."""
        if not self._best:
            absence = self.proxy.absence(self.plan.aor, now)
            self._best.append(failure(Source.TRANSPORT, absence))
        toward = Toward.AGENT if is_first_hop(self.request) else Toward.PROXY
        best = best_of([each for each in self._best if self._sent_as(each, toward)] or self._best)
        if self._falls_back(best, now):
            return
        row = self._translation(best, toward)
        status = best.status if row is None else row.status
        why = "" if row is None else row.why
        if status is None:
            self._finish()
            self.note(Kind.ANSWER, "nothing to send", now, best, why=why)
        elif best.response is not None and status == best.status:
            response = best.response
            extra = aggregated(self._best, best)
            if extra:
                draft = response.edit()
                for name, value in extra:
                    draft.append(name, value)
                response = draft.build()
            self._forward(response, now)
            self._finish()
            self.note(Kind.ANSWER, best.text, now, best)
        else:
            headers = self.proxy.explain(self._summary(), unreachable=best.unreachable)
            reason = "; ".join(dict.fromkeys([outcome.text for outcome in self._best]))
            reason = f"{reason}; the caller gets {status}"
            self._answer(status, now, () if self.cancelled else headers, reason, why)

    def _falls_back(self, best: Outcome, now: float) -> bool:
        """Use the redirect that the user has set for this failure, if there is one; once."""
        if self.cancelled or self._fell_back:
            return False
        redirect = self.proxy.fall_back(self, best, now)
        if redirect is None:
            return False
        self._fell_back = True
        status, headers = redirect
        response = build_response(self.request, status, headers=headers)
        followed = None
        if self.open:
            followed = self.proxy.recursion.follow(self, TargetSpec((Way(),)), response, now)
        if followed is not None and followed.tiers:
            outcome = Outcome(status, Source.RECEIVED, "")
            self.note(Kind.RECURSE, f"{best.text}; {followed.text}", now, outcome)
            self.add_tiers(followed.tiers)
            self._next_tier(now)
            return True
        self._finish()
        self.proxy.endpoint.reply(self.transaction, status, now, headers=headers)
        text = f"{best.text}; redirected"
        why = own_answer(status)
        self.note(Kind.REDIRECT, text, now, Outcome(status, Source.TIMER, text), why=why)
        return True

    def _sent_as(self, outcome: Outcome, toward: Toward) -> int | None:
        row = self._translation(outcome, toward)
        return outcome.status if row is None else row.status

    def _translation(self, outcome: Outcome, toward: Toward) -> Translation | None:
        return translation(
            outcome.status,
            self.request.method,
            toward,
            role=self.plan.role,
            source=outcome.source,
            authoritative=self.plan.authoritative,
        )

    def _summary(self) -> str:
        """Return what the caller may know: no addresses of phones (RFC 3261 §20.43)."""
        tried = [each for target in self._tried for each in target.ends]
        if not tried:
            return self._best[0].text
        if not self.plan.aor:
            return summary(tried, NEXT_HOP)
        return summary(tried, PHONE if len(self._tried) == 1 else PHONES)

    def _answer(
        self,
        status: int,
        now: float,
        headers: tuple[tuple[str, str], ...],
        text: str,
        why: str = "",
    ) -> None:
        self._finish()
        self.proxy.endpoint.reply(self.transaction, status, now, headers=headers)
        outcome = Outcome(status, Source.TIMER, text)
        self.note(Kind.ANSWER, text, now, outcome, why=why or own_answer(status))

    def _forward(self, response: Response, now: float) -> None:
        draft = response.edit()
        draft.pop_value("via")
        self.proxy.conceal(draft, response, self.source)
        if self.plan.unproven and response.status >= 200:
            self.transaction.proof = shown_by(self.request, response)
        if self.recorded and response.status < 300:
            turn_around(draft, response, self.recorded, self.proxy.sealer)
        if (
            self.plan.adds_path
            and self.proxy.settings.flow_timer
            and "outbound" in response.require
        ):
            draft.replace("Flow-Timer", str(self.proxy.settings.flow_timer))
        self.proxy.endpoint.respond(self.transaction, draft, now)

    def _finish(self) -> None:
        self.finished = True
        self._stop_ring_timer()
        self.proxy.finished(self)

    def _allowed_breadth(self) -> int:
        limit = self.proxy.settings.max_breadth
        value = self.request.number("max-breadth")
        return limit if value is None else min(value, limit)
