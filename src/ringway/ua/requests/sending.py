"""One request of the application, through challenges, servers, flows and redirects.

What is done on a response, or for want of one, is read from the table for Role.CALLER; here is how
it is done (RFC 3261 §8.1.3, §22.2, RFC 3263 §4.3, RFC 5626 §4.3). A server or flow that failed gets
the next try of the very same request, CSeq included, so that one who has had it after all can tell
(§8.2.2.2); a request that was answered is sent anew with the next number. A flow or server that has
said anything at all may have delivered the request, so silence or a broken connection after that
leads nowhere else. Only who fails for all devices of a user, a 6xx, ends the tour of the targets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Final

from ringway.auth import Challenger
from ringway.codes import CANCELLED, Cache, Effect, Rank, Source, lookup, rank
from ringway.endpoint import Kind
from ringway.message import Request, Response, build_request, parse_uri
from ringway.transport.flow import Flow, NextHop
from ringway.ua.events import Failure, MovedPermanently, Redirected
from ringway.ua.requests.attempt import Attempt
from ringway.ua.requests.corrections import Refused, correct
from ringway.ua.requests.outgoing import (
    CREDENTIALS,
    Asker,
    Headers,
    Outgoing,
    headers_for,
    make_request,
)
from ringway.ua.requests.redirects import Follow, Target, Targets, contacts_of
from ringway.ua.requests.report import Report
from ringway.ua.requests.ways import Way, Ways
from ringway.ua.services import Services

if TYPE_CHECKING:
    from ringway.ua.flows.outbound import Slot

__all__ = ["Asker", "Follow", "Headers", "Outgoing", "Sending"]

_FLOW_RESTS: Final = 60.0
"""Seconds that an outbound proxy is left alone for at most."""

_MOST_ANEW: Final = 8
"""Answers to challenges and corrections for one target: a server must not keep us busy."""


class Sending:
    """One request of the application.

    Args:
        services: the agent's.
        wanted: what is to be sent.
        asker: told what comes of it.
        follow: which redirects to follow.
        credentials: False to leave challenges unanswered.
        cseq: the first CSeq number; a dialog has its own.

    Attributes:
        request: as last sent, without our Via; None before.
        slot: the slot whose flow it went over; None if it was no slot's.
        flow: where a response came from last, else where it was sent; None while unknown.

    Raises:
        ParseError: the Request-URI cannot be read.
    """

    def __init__(
        self,
        services: Services,
        wanted: Outgoing,
        asker: Asker,
        *,
        follow: Follow = None,
        credentials: bool = True,
        cseq: int = 1,
    ) -> None:
        self.request: Request | None = None
        self.slot: Slot | None = None
        self.flow: Flow | None = None
        self._services = services
        self._wanted = wanted
        self._asker = asker
        self._answers_challenges = credentials
        self._cseq = cseq - 1
        dialog = wanted.dialog
        self._original = parse_uri(wanted.uri if dialog is None else dialog.remote_target)
        memory = services.redirects if dialog is None else None
        policy = services.settings.redirects
        self._targets = Targets(self._original, policy, memory, follow)
        self._target = Target(self._targets.original)
        self._uri = ""
        self._headers: Headers = ()
        self._credentials: Headers = ()
        self._like: Request | None = None
        self._anew = 0
        self._ways = self._ways_to(self._target)
        self._way: Way | None = None
        self._attempt: Attempt | None = None
        self._last: Failure | None = None
        self._best: Failure | None = None
        self._cancelled = False
        self._over = False
        call_id = wanted.call_id if dialog is None else dialog.call_id
        self._report = Report(
            services.endpoint,
            wanted.method,
            call_id,
            str(self._original),
            within=dialog is not None,
        )
        self._effects: dict[Effect, Callable[[Attempt, Failure, float], bool]] = {
            Effect.NEXT_SERVER: self._next_server,
            Effect.NEXT_FLOW: self._next_flow,
            Effect.ANSWER_CHALLENGE: self._answer_challenge,
            Effect.RETRY_CHANGED: self._retry_changed,
            Effect.RECURSE: self._recurse,
        }

    def start(self, now: float) -> None:
        """Send it. The asker hears of it later, or in this call if there is no way to send it.

        Raises:
            ParseError: a Route that it has to take cannot be read.
            ValueError: a text of the application's would break the line it stands in.
        """
        self._check()
        self._report.note(Kind.REQUEST, f"to {self._original}", now)
        self._next_target(now)

    def cancel(self, now: float, headers: Headers = ()) -> None:
        """Give up: try no further server, flow or Contact, and CANCEL an INVITE (RFC 3261 §9.1).

        The asker hears the end as always: of a failure, or of a 2xx that crossed the CANCEL.

        Args:
            now: seconds.
            headers: go into the CANCEL, a Reason for instance (RFC 3326).
        """
        if self._over or self._cancelled:
            return
        self._cancelled = True
        self._report.note(Kind.CANCEL, "given up by the caller", now)
        if self._attempt is None:
            text = "cancelled before it was sent"
            self._fail(self._report.unanswered(Source.TIMER, text, CANCELLED), now)
        else:
            self._services.endpoint.cancel(self._attempt.client, now, headers=headers)

    # From the attempts.

    def heard(self, attempt: Attempt, response: Response, flow: Flow, now: float) -> None:
        """Take a response."""
        misled = response.several("via")
        if misled and (response.status < 200 or self._over):
            return  # it is not for us (RFC 3261 §8.1.3.3)
        if response.status < 300 and not misled:
            self.flow = flow
            if response.status < 200:
                attempt.rang = True
                self._asker.provisional(attempt.request, response, flow, now)
                return
            if not self._over:
                self._over = True
                self._report.note(Kind.ANSWER, "accepted", now, status=response.status, flow=flow)
            self._asker.succeeded(attempt.request, response, flow, now)
        elif misled:
            attempt.rang |= response.status < 300
            text = "it was answered with a response that is for somebody else"
            self._ended(attempt, self._report.unanswered(Source.TRANSPORT, text), now)
        else:
            self.flow = flow
            self._ended(attempt, self._report.refused(self._target.uri, response), now)

    def silent(self, attempt: Attempt, source: Source, detail: str, now: float) -> None:
        """Take the end of the wait for a response."""
        if source is Source.TIMER:
            text = f"{self._target.uri} did not answer: {detail}"
        else:
            text = f"sending to {attempt.to} failed: {detail}"
        self._ended(attempt, self._report.unanswered(source, text), now)

    # What comes next.

    def _check(self) -> None:
        """Refuse now what could not be sent later, when nobody would hear of it."""
        wanted = self._wanted
        build_request(
            wanted.method,
            str(self._original),
            from_=wanted.from_,
            to=wanted.to,
            call_id=wanted.call_id,
            cseq=0,
            headers=wanted.headers,
            content_type=wanted.content_type,
        )

    def _next_target(self, now: float) -> bool:
        """Begin with the next target; False if there is none."""
        if self._over:
            return True  # who was asked to choose one has given up
        target = self._targets.next(now)
        if target is None:
            return False
        before, self._target = self._target, target
        self._uri = str(target.uri)
        self._headers = headers_for(self._wanted, target)
        self._credentials = ()
        self._like = None if target.status else self._wanted.previous
        self._anew = 0
        self._cseq += 1
        self.request = self._last = None
        status = target.status or (before.status if before.remembered else 0)
        if status:
            self._tell_redirected(status, target, now)
        self._ways = self._ways_to(target)
        if not self._over:  # as above, who was told of it
            self._ways.start(now)
        return True

    def _ways_to(self, target: Target) -> Ways:
        wanted = self._wanted
        route = next((value for name, value in self._headers if name.lower() == "route"), "")
        return Ways(
            self._services,
            target,
            self._found,
            slot=wanted.slot,
            dialog=wanted.dialog,
            route=route,
        )

    def _found(self, way: Way | None, now: float) -> None:
        """Take a way to the target, or that there is none left."""
        if way is not None:
            self._send(way, now)
            return
        refusal, last = self._ways.refusal, self._last
        if last is None:
            failure = self._report.unanswered(Source.TRANSPORT, refusal)
        else:
            failure = replace(last, text=f"{last.text}; {refusal}")
        if failure.retry_after is None and self._ways.rest:
            failure = replace(failure, retry_after=ceil(self._ways.rest))
        self._target_failed(failure, now)

    def _send(self, way: Way, now: float) -> None:
        """Send the request over a way; a dialog counts only what is not the very same."""
        services, target = self._services, self._target
        request = self.request
        if request is None or self._wanted.dialog is None:
            request = make_request(
                services,
                self._wanted,
                way,
                target,
                uri=self._uri,
                headers=(*self._headers, *self._credentials),
                cseq=self._cseq,
            )
            if self._like is not None and self._answers_challenges:
                draft = request.edit()
                for name, value in services.answerer.again(request, self._like):
                    draft.append(name, value)
                request = draft.build()
        self.request = request
        self._way = way
        self.slot = way.slot
        self.flow = way.flow(services.endpoint)
        self._report.note(Kind.BRANCH, f"sends to {way.to}", now, flow=self.flow)
        attempt = self._attempt = Attempt(self, request, way.to)
        attempt.client = services.endpoint.send_request(request, way.to, attempt, now)

    def _ended(self, attempt: Attempt, failure: Failure, now: float) -> None:
        """Do what the table says of a failure."""
        self._attempt = None
        if self._cancelled:
            if failure.source is not Source.RECEIVED:
                failure = self._report.unanswered(failure.source, "cancelled", CANCELLED)
            self._fail(failure, now)
            return
        self._last = failure
        rule = self._report.rule(failure)
        if failure.retry_after is not None and Effect.NEXT_SERVER in rule.effects:
            self._rest(attempt.to, failure.retry_after, now)
        for effect in rule.effects:
            do = self._effects.get(effect)
            if do is not None and do(attempt, failure, now):
                return
        self._target_failed(self._last, now)

    def _rest(self, server: Flow | NextHop, seconds: float, now: float) -> None:
        """Leave a server alone for as long as it asks (RFC 3261 §21.5.4).

        An outbound proxy may only pass on what somebody behind it says: it is left alone for a
        minute at most, and only while another one is there to be used.
        """
        services = self._services
        longest = services.settings.max_wait
        if isinstance(server, Flow):
            longest = _FLOW_RESTS
            flows = [slot.flow for slot in services.outbound.slots if slot.registered]
            others = [flow for flow in flows if flow is not None and flow != server]
            if not any(services.resting.left(flow, now) == 0 for flow in others):
                return
        services.resting.rest(server, min(seconds, longest), now)

    # What the table may ask for; each says whether it could be done.

    def _next_server(self, attempt: Attempt, failure: Failure, now: float) -> bool:
        """RFC 3263 §4.3: the very same request, with a new branch."""
        if not self._ways.more_servers or not attempt.may_be_repeated(failure.source):
            return False
        self._report.failed(
            Kind.FAILOVER, f"{failure.text}; the next server", failure, now, self.flow
        )
        self._ways.next_server(now)
        return True

    def _next_flow(self, attempt: Attempt, failure: Failure, now: float) -> bool:
        """RFC 5626 §4.3: over another flow; within a dialog over the one that replaces its own."""
        if not self._ways.more_flows:
            return False
        what = "the next flow"
        if self._wanted.dialog is not None:
            what = "once more over the flow that replaces it"
            self.request = None  # with a number of its own: that one may have been taken
        elif not attempt.may_be_repeated(failure.source):
            return False
        self._report.failed(Kind.FAILOVER, f"{failure.text}; {what}", failure, now, self.flow)
        self._ways.next_flow(now)
        return True

    def _answer_challenge(self, attempt: Attempt, failure: Failure, now: float) -> bool:
        """RFC 3261 §22.2: the same way again, with credentials."""
        if failure.response is None or not self._answers_challenges or self._anew == _MOST_ANEW:
            return False
        answer = self._services.answerer.answer(
            attempt.request, failure.response, self._challenger()
        )
        if not answer:
            return False
        self._headers = tuple(p for p in self._headers if p[0].lower() not in CREDENTIALS)
        self._credentials, self._like = answer, None
        text = f"{failure.text}; again with credentials"
        self._report.failed(Kind.CHALLENGE, text, failure, now, self.flow)
        self._send_anew(now)
        return True

    def _challenger(self) -> Challenger:
        """Say who may have challenged: whoever calls us, or is redirected to, chose us."""
        dialog = self._wanted.dialog
        if dialog is not None and not dialog.caller:
            return Challenger.STRANGER
        return self._target.challenger(self._services.settings)

    def _retry_changed(self, attempt: Attempt, failure: Failure, now: float) -> bool:
        """RFC 3261 §8.1.3.5: the same way again, corrected."""
        if failure.response is None or self._anew == _MOST_ANEW:
            return False
        domain, extensions = self._services.settings.aor.host, self._wanted.extensions
        refused = Refused(attempt.request, self._headers, failure.response, domain, extensions)
        corrected = correct(refused)
        if corrected is None:
            return False
        self._uri = corrected.uri or self._uri
        self._headers = corrected.headers
        self._credentials, self._like = (), attempt.request
        text = f"{failure.text}; again {corrected.text}"
        self._report.failed(Kind.FAILOVER, text, failure, now, self.flow)
        self._send_anew(now)
        return True

    def _recurse(self, _attempt: Attempt, failure: Failure, now: float) -> bool:
        """RFC 3261 §8.1.3.4: to the Contacts of a redirect."""
        response = failure.response
        assert response is not None  # noqa: S101 - the table follows what came over the wire only
        contacts = contacts_of(response)
        permanent = lookup(failure.status).cacheable is Cache.PERMANENT
        if permanent and contacts and self._wanted.dialog is None:
            self._services.emit(MovedPermanently(self._target.uri, contacts))
        refusal = self._targets.add(response, self._target, now)
        if refusal:
            text = f"{failure.text}, which is not followed: {refusal}"
            self._last = replace(failure, text=text, contacts=contacts)
            return False
        self._report.failed(Kind.RECURSE, failure.text, failure, now, self.flow)
        return self._next_target(now)

    def _send_anew(self, now: float) -> None:
        """Send again what was answered, the same way, with the next number."""
        self._anew += 1
        self._cseq += 1
        self.request = None
        assert self._way is not None  # noqa: S101 - what was answered was sent
        self._send(self._way, now)

    def _target_failed(self, failure: Failure, now: float) -> None:
        """Go to the next target, unless it speaks for all (RFC 3261 §8.1.3.4, §21.6)."""
        self._targets.failed(self._target)
        if lookup(failure.status).rank is Rank.GLOBAL_FAILURE:
            self._best = failure
        else:
            if self._best is None or rank(failure.status) < rank(self._best.status):
                self._best = failure
            if self._next_target(now):
                return
        self._fail(self._best, now)

    def _fail(self, failure: Failure, now: float) -> None:
        self._over = True
        self._ways.stop()
        self._report.failed(Kind.ANSWER, failure.text, failure, now, self.flow)
        self._asker.failed(failure, now)

    def _tell_redirected(self, status: int, target: Target, now: float) -> None:
        uri = target.proxy or target.uri
        event = Redirected(
            status=status,
            original=self._original,
            target=uri,
            permanent=lookup(status).cacheable is Cache.PERMANENT,
            until=target.seconds,
            insecure=self._original.secure and not uri.secure,
        )
        self._asker.redirected(event, now)
