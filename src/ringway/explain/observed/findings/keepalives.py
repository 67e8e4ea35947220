"""Keep-alives that come too seldom, that nobody answers, or that a NAT did not wait for.

RFC 5626 §4.4: a Flow-Timer is the longest time between two of them; §4.4.1: no pong within 10 s
means that the flow has failed; §4.4.2: so does another mapped address, and without a Flow-Timer
24 to 29 s suit a NAT on UDP.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from ringway.explain.observed.finding import Finding
from ringway.explain.observed.findings.look import seconds
from ringway.explain.observed.findings.make import made
from ringway.explain.observed.flows import Beat, History
from ringway.transport.flow import SECURE_TRANSPORTS, WS

_SLACK: Final = 1.05  # a timer that fires late, a packet that lingers
_PONG: Final = 10.0
_LATE: Final = 30.0


def find(history: History, end: float, *, captured: bool) -> list[Finding]:
    """Return what was wrong with the keep-alives of a flow.

    Args:
        history: the flow.
        end: when the capture ended.
        captured: whether the capture has keep-alives at all; a log of messages has none.
    """
    found = [*_slow(history), *_unanswered(history), *_moved(history)]
    return found or (list(_missing(history, end)) if captured else [])


def _slow(history: History) -> Iterator[Finding]:
    """Two pings are further apart than the Flow-Timer."""
    timer = _timer(history)
    for one, other in pairwise(_pings(history)):
        if timer and other.at - one.at > timer * _SLACK:
            yield made(
                "keep-alive-too-slow",
                other.at,
                tuple(sorted({*_told(history), *one.frames, *other.frames})),
                flow=history,
                agent=_agent(history),
                interval=seconds(other.at - one.at),
                timer=timer,
            )
            return


def _missing(history: History, end: float) -> Iterator[Finding]:
    """There is a Flow-Timer, and no ping at all.

    What is encrypted comes from a log, which has no pings; a WebSocket the server may keep alive
    (RFC 7118 §6).
    """
    kept = history.transport == WS and history.beats
    if history.transport in SECURE_TRANSPORTS or kept or _pings(history):
        return
    timer = _timer(history)
    since = [each.at for each in history.registrations if each.outbound and each.expires]
    until = history.closed.at if history.closed else end
    quiet = [history.between, (min(since), until)] if since else [history.between]
    begun, ended = max(quiet, key=lambda span: span[1] - span[0])
    if timer and ended - begun > timer * _SLACK + _LATE:
        yield made(
            "keep-alive-missing",
            begun,
            _told(history),
            flow=history,
            agent=_agent(history),
            interval=seconds(ended - begun),
            timer=timer,
        )


def _unanswered(history: History) -> Iterator[Finding]:
    """Pongs stop, the agent goes on as if nothing were."""
    answers = [each for each in history.beats if each.answer and each.source == history.server]
    heard = history.last_from.get(history.server)
    if not answers or heard is None:
        return
    late = [each for each in _pings(history) if each.at > heard.at]
    if len(late) > 2 and late[-1].at - late[0].at > 2 * _PONG:
        yield made(
            "keep-alive-unanswered",
            late[0].at,
            tuple(sorted({*heard.frames, *[frame for each in late for frame in each.frames]})),
            flow=history,
            agent=_agent(history),
            times=len(late),
            seconds=seconds(late[-1].at - late[0].at),
        )


def _moved(history: History) -> Iterator[Finding]:
    """STUN tells another address than before: the NAT has forgotten the flow."""
    told = [each for each in history.beats if each.mapped is not None]
    for one, other in pairwise(told):
        if one.mapped != other.mapped:
            yield made(
                "nat-mapping-lost",
                other.at,
                tuple(sorted({*one.frames, *other.frames})),
                agent=_agent(history),
                old=one.mapped,
                new=other.mapped,
                quiet=seconds(other.at - one.at),
            )
            return


def _timer(history: History) -> int:
    """Return the Flow-Timer, if it is this flow's: the phone's own hop, not one further on."""
    return history.flow_timer if any(each.direct for each in history.registrations) else 0


def _pings(history: History) -> list[Beat]:
    return [each for each in history.beats if not each.answer and each.source == history.client]


def _told(history: History) -> tuple[int, ...]:
    """Return the packets of the registration that the Flow-Timer came with."""
    return history.registrations[-1].frames if history.registrations else history.begun.frames


def _agent(history: History) -> str:
    return history.registrations[-1].aor if history.registrations else str(history.client)
