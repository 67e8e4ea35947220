"""Agents that register too often, not again after their flow was lost, or from a NAT's new port.

RFC 5626 §4.5: a lost flow is replaced at once; if that fails, the waits are 30 to 60 s, then more.
A REGISTER that answers a challenge belongs to the attempt before it. Whom an attempt is by: the
instance and reg-id, else the host it comes from; but several phones may be behind one NAT, so that
only a Call-ID or a Contact tells that they are one.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from ringway.explain.observed.finding import Finding
from ringway.explain.observed.findings.credentials import credentials_of
from ringway.explain.observed.findings.look import (
    by_caller,
    contact,
    frames_of,
    person,
    seconds,
    vias,
)
from ringway.explain.observed.findings.make import made
from ringway.explain.observed.findings.private import is_private
from ringway.explain.observed.flows import Flows, History
from ringway.explain.observed.model import Conversation, Exchange, Hop, Sight
from ringway.explain.observed.registrations import Registration, granted
from ringway.transport.flow import UDP, WEBSOCKET_TRANSPORTS

_AGENTS: Final = 10_000
_ATTEMPTS: Final = 64
_CLOSED: Final = 10_000
_CHALLENGES: Final = frozenset({401, 407})
_STORM: Final = 6
_MINUTE: Final = 60.0
_REPLACED_WITHIN: Final = 65.0
_FORGETS_AFTER: Final = 25.0

_Agent = tuple[str, str, str]


class _Attempt(NamedTuple):
    at: float
    frames: tuple[int, ...]
    status: int
    expires: int
    hop: Hop
    sent_by: str
    call_id: str
    number: int
    instance: str
    contact: str


class Registering:
    """Watches who registers when.

    Feed it with conversations and, now and then, with the flows that closed; ask at the end.
    """

    def __init__(self) -> None:
        self._attempts: OrderedDict[_Agent, deque[_Attempt]] = OrderedDict()
        self._closed: deque[tuple[History, Registration]] = deque(maxlen=_CLOSED)
        self._forgotten = 0.0  # when the latest attempt was that is not known any more

    def conversation(self, conversation: Conversation) -> None:
        """Take in a conversation."""
        mine = [each for each in conversation.of("REGISTER") if by_caller(each)]
        numbered = {each.number: each for each in mine}
        for exchange in mine:
            request = exchange.request
            if request is None or contact(request.message) is None:
                continue
            if not _goes_on(exchange, numbered.get(exchange.number + 1)):
                self._add(_agent_of(exchange), _attempt(conversation, exchange))

    def closed(self, history: History) -> None:
        """Take in a flow that closed."""
        for each in history.registrations:
            if history.closed and each.direct and each.at + each.expires > history.closed.at:
                self._closed.append((history, each))

    def close(self, flows: Flows, end: float) -> Iterator[Finding]:
        """Return what was found.

        Args:
            flows: what is known of the flows.
            end: when the capture ended.
        """
        for agent, found in self._attempts.items():
            attempts = sorted(found, key=lambda each: each.at)
            yield from _storm(agent, attempts)
            yield from _moved(agent, attempts, flows)
        for history, registration in self._closed:
            yield from self._left(history, registration, flows, end)

    def _add(self, agent: _Agent, attempt: _Attempt) -> None:
        known = self._attempts.get(agent)
        if known is None:
            known = self._attempts[agent] = deque(maxlen=_ATTEMPTS)
        known.append(attempt)
        self._attempts.move_to_end(agent)
        if len(self._attempts) > _AGENTS:
            _, oldest = self._attempts.popitem(last=False)
            self._forgotten = max(self._forgotten, *[each.at for each in oldest])

    def _left(
        self, history: History, lost: Registration, flows: Flows, end: float
    ) -> Iterator[Finding]:
        """A flow closed, its registration had not ended, and nobody came again."""
        closed = history.closed
        if closed is None or end - closed.at < _REPLACED_WITHIN or not _needs_its_flow(lost):
            return
        if history.how == "closed" and history.closed_by == lost.hop.source:
            return  # it was not lost: the agent took its leave, as a browser does
        agent = _agent(lost.aor, lost.instance, lost.reg_id, lost.hop)
        tried = any(each.at > lost.at for each in self._attempts.get(agent, ()))
        elsewhere = any(
            each.at > lost.at and each.instance == lost.instance and each.reg_id == lost.reg_id
            for each in flows.bindings(lost.aor)
        )
        if tried or elsewhere or lost.at < self._forgotten:
            return
        yield made(
            "not-reregistered",
            closed.at,
            tuple(sorted({*lost.frames, *closed.frames})),
            aor=lost.aor,
            flow=history,
            by=history.closed_by or "-",
            seconds=seconds(end - closed.at),
            expires=lost.expires,
        )


def _goes_on(exchange: Exchange, after: Exchange | None) -> bool:
    """Say whether the next REGISTER belongs to the same attempt: it answers a challenge."""
    if after is None or exchange.status not in _CHALLENGES:
        return False
    answers = credentials_of(after.first.message) and not credentials_of(exchange.first.message)
    return bool(answers) or after.status not in _CHALLENGES


def _storm(agent: _Agent, attempts: list[_Attempt]) -> Iterator[Finding]:
    for group in _of_one_phone(attempts):
        for first, last in zip(group, group[_STORM - 1 :], strict=False):
            if last.at - first.at > _MINUTE:
                continue
            burst = [each for each in group if first.at <= each.at <= first.at + _MINUTE]
            yield made(
                "registration-storm",
                first.at,
                tuple(sorted({frame for each in burst for frame in each.frames})),
                status=burst[-1].status,
                aor=agent[0],
                source=first.hop.source,
                times=len(burst),
                seconds=seconds(burst[-1].at - first.at),
            )
            return


def _of_one_phone(attempts: list[_Attempt]) -> list[list[_Attempt]]:
    """Return the attempts that a short expiry does not explain, those that one phone made together.

    The same attempt may be seen twice, within a NAT and outside.
    """
    groups: dict[tuple[str, str], dict[tuple[str, int], _Attempt]] = {}
    for each in attempts:
        if each.expires > _MINUTE or each.status >= 300:
            signs = (("call-id", each.call_id), ("contact", each.contact))
            for sign in (("instance", each.instance),) if each.instance else signs:
                groups.setdefault(sign, {}).setdefault((each.call_id, each.number), each)
    return [list(group.values()) for group in groups.values()]


def _moved(agent: _Agent, attempts: list[_Attempt], flows: Flows) -> Iterator[Finding]:
    """A phone that did not change its port comes from another one: its NAT forgot it."""
    by_call_id = sorted(attempts, key=lambda each: each.call_id)
    for one, other in pairwise(by_call_id):
        if (
            one.hop.transport != UDP
            or one.call_id != other.call_id
            or one.sent_by != other.sent_by
            or one.hop.source.host != other.hop.source.host
            or one.hop.source == other.hop.source
            or one.hop.target != other.hop.target
            or one.sent_by.startswith(one.hop.source.host)
        ):
            continue
        history = flows.at(one.hop, other.at)
        quiet = other.at - (history.last.at if history else one.at)
        if quiet > _FORGETS_AFTER:
            yield made(
                "nat-mapping-lost",
                other.at,
                tuple(sorted({*one.frames, *other.frames})),
                agent=agent[0],
                old=one.hop.source,
                new=other.hop.source,
                quiet=seconds(quiet),
            )
            return


def _needs_its_flow(lost: Registration) -> bool:
    """Say whether nobody can reach the agent but over the flow it registered over.

    A server may open a new connection to a Contact that listens; not to one behind a NAT, to a
    browser, or to the very port the lost connection came from.
    """
    if lost.outbound or lost.hop.transport in WEBSOCKET_TRANSPORTS:
        return True
    host = lost.contact.rpartition("@")[2]
    behind_nat = is_private(host.partition(":")[0].partition(";")[0])
    own = f"{lost.hop.source}"
    return own in lost.contact or (behind_nat and not is_private(lost.hop.source.host))


def _attempt(conversation: Conversation, exchange: Exchange) -> _Attempt:
    request, final = exchange.request or exchange.first, exchange.final
    top = next(iter(vias(request.message)), None)
    bindings = granted(exchange, final) if final is not None else []
    told = contact(request.message)
    return _Attempt(
        request.at,
        frames_of(request, final),
        exchange.status,
        bindings[0].expires if bindings else _asked(request),
        exchange.hop,
        f"{top.host}:{top.port or 5060}" if top else "",
        conversation.call_id,
        exchange.number,
        told.instance if told else "",
        told.uri_text if told else "",
    )


def _asked(request: Sight) -> int:
    """Return for how many seconds a REGISTER asks; an hour if it does not say."""
    told = contact(request.message)
    text = request.message.get("expires")
    if told is not None and told.expires is not None:
        return told.expires
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 11 else 3600


def _agent_of(exchange: Exchange) -> _Agent:
    message = exchange.first.message
    told = contact(message)
    reg_id = (told.param("reg-id") or "0") if told else "0"
    number = int(reg_id) if reg_id.isascii() and reg_id.isdigit() and len(reg_id) < 11 else 0
    return _agent(
        _plain(person(message, "to")), told.instance if told else "", number, exchange.hop
    )


def _agent(aor: str, instance: str, reg_id: int, hop: Hop) -> _Agent:
    return (_plain(aor), instance or hop.source.host, str(reg_id))


def _plain(uri: str) -> str:
    return uri.partition(";")[0]
