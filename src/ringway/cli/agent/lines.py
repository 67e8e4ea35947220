"""An event of the user agent as a line for people, or as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final

from ringway.codes import own_answer
from ringway.explain.text import Paint, Tone, escape
from ringway.message import NameAddr, Request, Response, Uri
from ringway.transport.flow import Flow
from ringway.ua.events import (
    AgentEvent,
    Answered,
    CallEvent,
    Changed,
    Ended,
    Failed,
    Failure,
    FlowLost,
    FlowReplaced,
    InfoReceived,
    MessageReceived,
    MovedPermanently,
    NotChanged,
    Offered,
    Redirected,
    Registered,
    RegistrationFailed,
    Ringing,
    TransferAsked,
    TransferProgress,
    Unregistered,
)

__all__ = ["as_json", "as_lines", "json_name"]

Line = tuple[Tone, str]


def as_lines(event: AgentEvent | CallEvent, paint: Paint) -> list[str]:
    """Return what to print: one line, and the table's word below it where there is one."""
    teller: Callable[[Any], list[Line]] | None = _TELLERS.get(type(event))
    if teller is None:
        return []
    lines = [paint(tone, escape(text)) for tone, text in teller(event)]
    why = _why(event)
    return [*lines, *(paint(Tone.WHY, f"    {part}") for part in why)]


def failure_lines(failure: Failure, paint: Paint) -> list[str]:
    """Return what to print of a failure: what, and the table's word for it."""
    why = [paint(Tone.WHY, f"    {word}") for word in _word(failure)]
    return [paint(Tone.BAD, escape(_failed(failure))), *why]


def as_json(event: AgentEvent | CallEvent) -> dict[str, object]:
    """Return an event as values that JSON knows; its name is under ``event``."""
    values = {field.name: _plain(getattr(event, field.name)) for field in dataclasses.fields(event)}
    return {"event": json_name(type(event)), **values}


def failure_json(failure: Failure) -> object:
    """Return a failure as values that JSON knows."""
    return _plain(failure)


def json_name(kind: type) -> str:
    """Return what an event of a kind is called in JSON: FlowLost is flow-lost."""
    name = "".join(f"-{char.lower()}" if char.isupper() else char for char in kind.__name__)
    return name.lstrip("-")


def _registered(event: Registered) -> list[Line]:
    verb = "still registered" if event.refreshed else "registered"
    number = f" as flow {event.reg_id}" if event.reg_id else ""
    text = f"{verb}{number} at {event.proxy} over {event.flow}, for {event.expires} s"
    lines = [(Tone.GOOD, text)]
    if event.note:
        lines.append((Tone.PENDING, f"    {event.note}"))
    return lines


def _flow_lost(event: FlowLost) -> list[Line]:
    text = f"flow {event.reg_id} to {event.proxy} is lost: {event.reason}"
    return [(Tone.BAD, f"{text}; a new one in {event.retry_in:.0f} s")]


def _registration_failed(event: RegistrationFailed) -> list[Line]:
    again = "no further try" if event.retry_in is None else f"next try in {event.retry_in:.0f} s"
    return [(Tone.BAD, f"not registered at {event.proxy}: {_failed(event.failure)}; {again}")]


def _unregistered(event: Unregistered) -> list[Line]:
    return [(Tone.TEXT, f"unregistered at {event.proxy}")]


def _moved(event: MovedPermanently) -> list[Line]:
    places = ", ".join(contact.uri_text for contact in event.contacts)
    return [(Tone.PENDING, f"{event.original} has moved for good: use {places}")]


def _ringing(event: Ringing) -> list[Line]:
    media = ", with media" if event.body else ""
    return [(Tone.PENDING, f"{event.status} {event.phrase}{media}")]


def _redirected(event: Redirected) -> list[Line]:
    kept = "" if event.permanent else f"; {event.original} stays the address for later"
    if event.until:
        kept = f"; remembered for {event.until} s"
    return [(Tone.PENDING, f"{event.status}: trying {event.target}{kept}")]


def _answered(_: Answered) -> list[Line]:
    return [(Tone.GOOD, "answered")]


def _offered(event: Offered) -> list[Line]:
    return [(Tone.TEXT, f"the far end asks for another session, by {event.method}")]


def _changed(_: Changed) -> list[Line]:
    return [(Tone.TEXT, "the session has changed")]


def _not_changed(event: NotChanged) -> list[Line]:
    return [(Tone.BAD, f"the session stays as it was: {_failed(event.failure)}")]


def _transfer_asked(event: TransferAsked) -> list[Line]:
    by = f", says {event.referred_by}" if event.referred_by else ""
    return [(Tone.PENDING, f"asked to call {event.refer_to} instead{by}")]


def _transfer(event: TransferProgress) -> list[Line]:
    return [(Tone.TEXT, f"the transfer: {event.status} {event.phrase}")]


def _info(event: InfoReceived | MessageReceived) -> list[Line]:
    what = event.request.get("content-type") or "nothing"
    body = event.request.body.decode(errors="replace")
    return [(Tone.TEXT, f"{event.request.method} ({what}): {body}")]


def _flow_replaced(event: FlowReplaced) -> list[Line]:
    return [(Tone.GOOD, f"the call goes on over {event.flow}")]


def _call_failed(event: Failed) -> list[Line]:
    return [(Tone.BAD, _failed(event.failure))]


def _ended(event: Ended) -> list[Line]:
    who = "ended" if event.by_us else "ended by the far end"
    return [(Tone.TEXT, f"{who}: {event.reason}" if event.reason else who)]


_TELLERS: Final[dict[type, Callable[[Any], list[Line]]]] = {
    Registered: _registered,
    FlowLost: _flow_lost,
    RegistrationFailed: _registration_failed,
    Unregistered: _unregistered,
    MovedPermanently: _moved,
    Ringing: _ringing,
    Redirected: _redirected,
    Answered: _answered,
    Offered: _offered,
    Changed: _changed,
    NotChanged: _not_changed,
    TransferAsked: _transfer_asked,
    TransferProgress: _transfer,
    InfoReceived: _info,
    MessageReceived: _info,
    FlowReplaced: _flow_replaced,
    Failed: _call_failed,
    Ended: _ended,
}


def _why(event: AgentEvent | CallEvent) -> list[str]:
    """Return the table's word: what the response means, or why there was none."""
    failure = getattr(event, "failure", None)
    if isinstance(failure, Failure):
        return _word(failure)
    return [own_answer(event.status)] if isinstance(event, Ringing | Redirected) else []


def _word(failure: Failure) -> list[str]:
    if failure.response is not None:
        return [own_answer(failure.status)]
    return [failure.why] if failure.why else []


def _failed(failure: Failure) -> str:
    wait = f"; it may be tried again in {failure.retry_after} s" if failure.retry_after else ""
    return f"{failure.text}{wait}"


def _plain(value: object) -> object:
    """Return a value as JSON knows it; a message is its start line, bytes are text."""
    if isinstance(value, Flow | NameAddr | Uri):
        return str(value)
    if isinstance(value, Request | Response):
        return value.start_line
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: _plain(getattr(value, field.name)) for field in fields}
    return value
