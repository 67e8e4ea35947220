"""Decisions and messages as dicts for JSON logs: flat names, no empty values, no secrets."""

from __future__ import annotations

from ringway.codes import lookup
from ringway.endpoint.decision import Decision
from ringway.endpoint.witness import Witnessed
from ringway.explain.text import escape, masked_message
from ringway.transport.flow import Flow


def event(decision: Decision) -> dict[str, object]:
    """Return the decision as JSON-ready values.

    Every event has ``at`` (seconds, the core's clock) and ``kind``. ``call_id``, ``method``,
    ``status`` with ``phrase``, ``flow``, ``aor``, ``text``, ``effects`` and ``why`` are there when
    they say something.
    """
    values: dict[str, object] = {"at": round(decision.at, 6), "kind": str(decision.kind)}
    for name, text in (
        ("call_id", decision.call_id),
        ("method", decision.method),
        ("aor", decision.aor),
        ("text", decision.text),
    ):
        if text:
            values[name] = escape(text, longest=0)
    if decision.status:
        values["status"] = decision.status
        values["phrase"] = lookup(decision.status).phrase
    if decision.flow is not None:
        values["flow"] = _flow(decision.flow)
    if decision.effects:
        values["effects"] = [str(effect) for effect in decision.effects]
    if decision.why:
        values["why"] = escape(decision.why, longest=0)
    return values


def message_event(witnessed: Witnessed) -> dict[str, object]:
    """Return a message as JSON-ready values: ``at``, ``kind``, ``sent``, ``flow`` and ``data``.

    ``data`` is the message as text, without secrets. What does not print is in it as it was, for
    JSON in ASCII escapes it.
    """
    return {
        "at": round(witnessed.at, 6),
        "kind": "message",
        "sent": witnessed.sent,
        "flow": _flow(witnessed.flow),
        "data": masked_message(witnessed.data),
    }


def _flow(flow: Flow) -> dict[str, object]:
    values: dict[str, object] = {
        "transport": flow.transport,
        "local": str(flow.local),
        "remote": str(flow.remote),
    }
    if flow.generation:
        values["generation"] = flow.generation
    return values
