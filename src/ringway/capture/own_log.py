"""Our own event log, read back.

``ringway serve --json`` writes a JSON object a line, as docs/reference/events.md says. What it
wrote is what can be read: text from the network is escaped and without its secrets. A line may
carry what a logger put before it (journald, syslog, a container's runtime).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from ringway.capture.items import Closed, Decided, Item, Opened, Seen, Trouble
from ringway.capture.lenient import read_message
from ringway.codes import Effect
from ringway.endpoint.decision import Decision, Kind
from ringway.transport.flow import TRANSPORTS, Address, Flow

_KINDS: Final = {str(kind): kind for kind in Kind}
_EFFECTS: Final = {str(effect): effect for effect in Effect}
# No decisions: the first line of a server, and what an operator should look at.
_OTHERS: Final = frozenset({"ready", "log"})
_MESSAGE: Final = "message"
_LONGEST_LINE: Final = 1 << 20
_MOST_TROUBLES: Final = 20
_PORT: Final = re.compile(r"[0-9]{1,5}")
_EVENT: Final = re.compile(rb'\{"(?:event": "decision", ")?at": [0-9.e+-]+, "kind": "[a-z-]+"')
# How a server of ours begins the reason of a connection that the other side ended.
_THEIR_END: Final = ("closed by the peer", "connection reset")

_Frames: TypeAlias = tuple[int, ...]


def looks_like_events(start: bytes) -> bool:
    """Tell whether the beginning of a file is an event log of ours."""
    return _EVENT.search(start) is not None


def read_events(lines: Iterable[bytes | str]) -> Iterator[Item]:
    """Read an event log.

    Args:
        lines: the log, line by line, with or without line ends.

    Returns:
        What is in it: decisions, except that text is escaped as in the log, and messages, if they
        were told. Connections come as ``Opened`` and ``Closed``. Lines that are none of it are
        told of, the first twenty one by one and the rest together at the end.
    """
    number = troubles = 0
    last = 0.0
    for number, line in enumerate(lines, start=1):
        found = _read(line, (number,))
        if isinstance(found, str):
            troubles += bool(found)
            if found and troubles <= _MOST_TROUBLES:
                yield Trouble(last, (number,), found)
        else:
            last = found.at
            yield found
    if troubles > _MOST_TROUBLES:
        more = troubles - _MOST_TROUBLES
        yield Trouble(last, (), f"{more} more of {number} lines could not be read as events")


def _read(line: bytes | str, frames: _Frames) -> Item | str:
    """Return what is in a line, or what is wrong with it: nothing, if it is empty."""
    if len(line) > _LONGEST_LINE:
        return "a line that is too long for an event"
    text = line.decode("utf-8", "replace") if isinstance(line, bytes) else line
    start = text.find("{")
    if start < 0:
        return "no event" if text.strip() else ""
    try:
        return _item(json.loads(text[start:]), frames)
    except (ValueError, RecursionError):
        return "no whole event"


def _item(values: dict[str, object], frames: _Frames) -> Item | str:
    name = values.get("kind")
    if not isinstance(name, str):
        name = ""
    if name in _OTHERS or values.get("event", "decision") != "decision":
        return ""
    kind = _KINDS.get(name)
    if kind is None and name != _MESSAGE:
        return "an event of a kind that is not known"
    at = _at(values.get("at"))
    if at is None:
        return "an event without a time"
    flow = _flow(values.get("flow"))
    if kind is None:
        return _message(values, flow, at, frames)
    if flow is not None and kind is Kind.FLOW_OPENED:
        ours = _text(values, "text") == "opened by us"
        source, target = (flow.local, flow.remote) if ours else (flow.remote, flow.local)
        return Opened(at, frames, flow.transport, source, target)
    if flow is not None and kind is Kind.FLOW_CLOSED:
        return _closed(_text(values, "text"), flow, at, frames)
    status = values.get("status")
    effects = values.get("effects")
    decision = Decision(
        at=at,
        kind=kind,
        text=_text(values, "text"),
        call_id=_text(values, "call_id"),
        method=_text(values, "method"),
        status=status if isinstance(status, int) and 100 <= status <= 699 else 0,
        flow=flow,
        aor=_text(values, "aor"),
        effects=_effects(effects) if isinstance(effects, list) else (),
        why=_text(values, "why"),
    )
    return Decided(at, frames, decision)


def _message(
    values: dict[str, object], flow: Flow | None, at: float, frames: _Frames
) -> Seen | str:
    if flow is None:
        return "a message that does not say from where to where"
    data = _text(values, "data").encode("utf-8", "surrogateescape")
    message, fault = read_message(data)
    source, target = (flow.local, flow.remote) if values.get("sent") else (flow.remote, flow.local)
    return Seen(at, frames, flow.transport, source, target, message, fault, data)


def _closed(text: str, flow: Flow, at: float, frames: _Frames) -> Closed:
    how = "reset" if "reset" in text else "closed"
    theirs = text.startswith(_THEIR_END)
    source, target = (flow.remote, flow.local) if theirs else (flow.local, flow.remote)
    return Closed(at, frames, flow.transport, source, target, how)


def _at(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e11:
        return None
    return float(value)


def _text(values: dict[str, object], name: str) -> str:
    value = values.get(name, "")
    return value if isinstance(value, str) else ""


def _effects(names: list[object]) -> tuple[Effect, ...]:
    found = [_EFFECTS.get(name) for name in names if isinstance(name, str)]
    return tuple([effect for effect in found if effect is not None])


def _flow(value: object) -> Flow | None:
    if not isinstance(value, dict):
        return None
    transport = value.get("transport")
    local, remote = _address(value.get("local")), _address(value.get("remote"))
    generation = value.get("generation", 0)
    if transport not in TRANSPORTS or local is None or remote is None:
        return None
    if isinstance(generation, bool) or not isinstance(generation, int):
        return None
    return Flow(transport, local, remote, generation)


def _address(value: object) -> Address | None:
    if not isinstance(value, str):
        return None
    host, _, port = value.rpartition(":")
    if not host or _PORT.fullmatch(port) is None or int(port) > 65535:
        return None
    return Address(host.removeprefix("[").removesuffix("]"), int(port))
