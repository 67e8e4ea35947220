"""One try to register, or to unregister, until it is known what comes of it (RFC 3261 §10.2).

Find the servers, open a flow to one of them, send a REGISTER over it, and do what the table says of
the answer: credentials, another expiry, the next server, the Contacts of a redirect. A try over the
flow that there is begins with the REGISTER, and goes to no other server: a refusal is no reason to
tear down a flow that works (RFC 5626 §4.2.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from ringway.auth import Challenger
from ringway.codes import Circumstance, Effect, Role, Source, explain, synthetic
from ringway.endpoint import ClientTransaction, OwnerEvent, ResponseReceived, Timer
from ringway.message import Request, Response
from ringway.transport.flow import Flow, NextHop
from ringway.ua.events import Failure
from ringway.ua.flows.register import registrar_uri, retry_after
from ringway.ua.flows.registrant import Registrant
from ringway.ua.requests.redirects import RedirectMemory, Target, Targets
from ringway.ua.services import Services

_MOST_REQUESTS: Final = 12
"""REGISTERs in one try, with all challenges, changes, servers and redirects."""

_CONNECTING: Final = 64
"""A connection may take so many times T1, as long as a request would."""

_UNWANTED: Final = "not wanted any more"

Succeeded: TypeAlias = Callable[["Try", Response, float], None]
Refused: TypeAlias = Callable[["Try", Failure, float], None]


class Try:
    """One try.

    Args:
        services: what the parts of the agent share.
        registrant: whom it is for.
        previous: a REGISTER that was taken before, whose credentials may still do; None for none.
        flow: the flow to go over; None to open one.
        expires: 0 to unregister, None for what the registrant wants.
        succeeded: takes the 2xx.
        refused: takes why there is none. One of the two is called, once; within ``start`` only if
            there is nowhere to go.

    Attributes:
        flow: the flow in use.
        fresh: True when that flow is of this try.
        hop: where it leads, if so.
        request: what was sent last.
        unanswerable: True when it ended with a challenge that we have no credentials for, or that
            does not take those we have.
    """

    def __init__(
        self,
        services: Services,
        registrant: Registrant,
        previous: Request | None,
        flow: Flow | None,
        expires: int | None,
        succeeded: Succeeded,
        refused: Refused,
    ) -> None:
        uri = registrar_uri(services.settings)
        self.flow = flow
        self.fresh = flow is None
        self.hop: NextHop | None = None
        self.request: Request | None = None
        self.unanswerable = False
        self._services = services
        self._registrant = registrant
        self._previous = previous
        self._expires = expires
        self._succeeded = succeeded
        self._refused = refused
        self._targets = Targets(uri, services.settings.redirects, RedirectMemory(), None)
        self._target = Target(uri)
        self._hops: list[NextHop] = []
        self._step = 0  # what is called back for another step comes too late
        self._limit: Timer | None = None
        self._client: ClientTransaction | None = None
        self._bare: Request | None = None  # without the credentials that were a guess
        self._count = 0
        self._over = False

    def start(self, now: float) -> None:
        """Begin."""
        self._targets.next(now)  # the original
        if self.flow is None:
            self._look_up(now)
        else:
            self._send(now)

    def abandon(self, now: float) -> None:
        """End it without a word, and close the flow if it is of this try."""
        self._end()
        self._drop_flow(_UNWANTED, now)

    def release(self) -> Flow | None:
        """End it without a word; return the flow if something was sent over it."""
        self._end()
        return None if self._client is None else self.flow

    def handle(self, event: OwnerEvent, now: float) -> None:
        """Take what came of a REGISTER."""
        if self._over or event.client is not self._client:
            return
        if not isinstance(event, ResponseReceived):
            self._judge(synthetic(event.source), event.source, None, event.detail, now)
            return
        response = event.response
        if response.status >= 300:
            text = f"{response.status} {response.reason}"
            self._judge(response.status, Source.RECEIVED, response, text, now)
        elif response.status >= 200:
            self._end()
            self._succeeded(self, response, now)

    # The way

    def _look_up(self, now: float) -> None:
        target = self._target
        way = target.uri if self._registrant.direct else self._registrant.proxy
        if target.proxy is not None:
            way = target.proxy
        self._step += 1
        step = self._step

        def found(hops: list[NextHop], now: float) -> None:
            if self._over or step != self._step:
                return
            self._hops = self._registrant.usable(hops)
            if not self._open(now):
                self._no_way(f"{way} leads to nothing that can be used", now)

        self._services.endpoint.resolve(way, found, now)

    def _open(self, now: float) -> bool:
        """Open a flow to the next server; False if there is none."""
        if not self._hops:
            return False
        self._drop_flow("the next server is tried", now)
        endpoint = self._services.endpoint
        hop = self.hop = self._hops.pop(0)
        self.fresh = True
        self._step += 1
        step = self._step

        def opened(flow: Flow | None, reason: str, now: float) -> None:
            if self._over or step != self._step:
                if flow is not None:
                    endpoint.close_flow(flow, _UNWANTED, now)
                return
            self._step += 1
            self._stop_limit()
            if flow is None:
                self._no_way(f"{hop}: {reason}", now)
            else:
                self.flow = flow
                self._send(now)

        if hop.reliable:
            patience = _CONNECTING * endpoint.settings.timers.t1
            self._limit = endpoint.timer(
                now + patience, lambda now: opened(None, "no connection in time", now)
            )
        endpoint.open_flow(hop, opened, now)
        return True

    def _no_way(self, text: str, now: float) -> None:
        self._judge(synthetic(Source.TRANSPORT), Source.TRANSPORT, None, text, now)

    def _send(self, now: float, credentials: Iterable[tuple[str, str]] = ()) -> None:
        flow = self.flow
        assert flow is not None  # noqa: S101 - it was opened, or given
        target = self._target
        self._count += 1
        request = self._registrant.register(target.uri, flow, self._expires, target.proxy)
        self._bare = None
        if self._previous is not None:
            self._bare = request
            credentials = self._services.answerer.again(request, self._previous)
        if credentials:
            draft = request.edit()
            for name, value in credentials:
                draft.append(name, value)
            request = draft.build()
        self.request = request
        self._client = self._services.endpoint.send_request(request, flow, self, now)

    # The answer

    def _judge(
        self, status: int, source: Source, response: Response | None, text: str, now: float
    ) -> None:
        """Do what the table says; then it is the next target's turn, then it has failed."""
        rule = explain(status, Circumstance(Role.CALLER, "REGISTER", False, source))
        if self._count < _MOST_REQUESTS:
            if any(self._do(effect, response, now) for effect in rule.effects):
                return
            if self._follow(now):
                return
        self._end()
        self._drop_flow(text, now)
        later = None if response is None else retry_after(response)
        self._refused(self, Failure(status, source, text, rule.why, response, later), now)

    def _do(self, effect: Effect, response: Response | None, now: float) -> bool:
        """Do one effect; False if it is not possible, or a matter of time and not for a try."""
        if effect is Effect.NEXT_SERVER:
            return self._open(now)
        if response is None:
            return False
        if effect is Effect.ANSWER_CHALLENGE:
            return self._answer(response, now)
        if effect is Effect.RETRY_CHANGED and self._registrant.change(response):
            self._send(now)
            return True
        if effect is Effect.RECURSE:
            self._targets.add(response, self._target, now)
        return False

    def _answer(self, response: Response, now: float) -> bool:
        # A guess that was wrong is no rejection, whether the server calls it stale or not.
        asked = self._bare or self.request
        assert asked is not None  # noqa: S101 - a response came
        challenger = self._target.challenger(self._services.settings)
        if challenger is Challenger.ASKED:
            challenger = Challenger.REGISTRAR
        credentials = self._services.answerer.answer(asked, response, challenger)
        if not credentials:
            self.unanswerable = True
            return False
        self._previous = None
        self._send(now, credentials)
        return True

    def _follow(self, now: float) -> bool:
        """Go to the next target of a redirect; nothing that proves who we are goes along."""
        target = self._targets.next(now)
        if target is None:
            return False
        self._target = target
        self._previous = None
        if target.proxy is None and not self._registrant.direct:
            self._send(now)
        else:
            self._drop_flow("redirected", now)
            self.flow = None
            self._look_up(now)
        return True

    def _end(self) -> None:
        self._over = True
        self._stop_limit()

    def _stop_limit(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _drop_flow(self, reason: str, now: float) -> None:
        """Close the flow if it is of this try."""
        flow = self.flow
        if self.fresh and flow is not None:
            self.flow = self._client = None
            self._services.endpoint.close_flow(flow, reason, now)
