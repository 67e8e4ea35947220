"""Our own event log, read back into decisions.

``ringway serve --json`` writes a JSON object a line, as docs/reference/events.md says. What it
wrote is what can be read: text from the network is escaped and without its secrets. A line may
carry what a logger put before it (journald, syslog, a container's runtime).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from ringway.capture.items import Trouble
from ringway.codes import Effect
from ringway.endpoint.decision import Decision, Kind
from ringway.transport.flow import TRANSPORTS, Address, Flow

_KINDS: Final = {str(kind): kind for kind in Kind}
_EFFECTS: Final = {str(effect): effect for effect in Effect}
# No decisions: the first line of a server, and what an operator should look at.
_OTHERS: Final = frozenset({"ready", "log"})
_LONGEST_LINE: Final = 262_144
_MOST_TROUBLES: Final = 20
_PORT: Final = re.compile(r"[0-9]{1,5}")
_EVENT: Final = re.compile(rb'\{"(?:event": "decision", ")?at": [0-9.e+-]+, "kind": "[a-z-]+"')


def looks_like_events(start: bytes) -> bool:
    """Tell whether the beginning of a file is an event log of ours."""
    return _EVENT.search(start) is not None


def read_events(lines: Iterable[bytes | str]) -> Iterator[Decision | Trouble]:
    """Read an event log.

    Args:
        lines: the log, line by line, with or without line ends.

    Returns:
        The decisions in it, as they were, except that text is escaped as in the log. Lines that
        are none are told of, the first twenty one by one and the rest together at the end.
    """
    number = troubles = 0
    last = 0.0
    for number, line in enumerate(lines, start=1):
        found = _read(line)
        if isinstance(found, Decision):
            last = found.at
            yield found
        elif found:
            troubles += 1
            if troubles <= _MOST_TROUBLES:
                yield Trouble(last, (number,), found)
    if troubles > _MOST_TROUBLES:
        more = troubles - _MOST_TROUBLES
        yield Trouble(last, (), f"{more} more of {number} lines could not be read as events")


def _read(line: bytes | str) -> Decision | str:
    """Return the decision in a line, or what is wrong with it: nothing, if it is empty."""
    if len(line) > _LONGEST_LINE:
        return "a line that is too long for an event"
    text = line.decode("utf-8", "replace") if isinstance(line, bytes) else line
    start = text.find("{")
    if start < 0:
        return "no event" if text.strip() else ""
    try:
        return _decision(json.loads(text[start:]))
    except (ValueError, RecursionError):
        return "no whole event"


def _decision(values: dict[str, object]) -> Decision | str:
    name = values.get("kind")
    if not isinstance(name, str):
        name = ""
    if name in _OTHERS or values.get("event", "decision") != "decision":
        return ""
    kind = _KINDS.get(name)
    if kind is None:
        return "an event of a kind that is not known"
    at = _at(values.get("at"))
    if at is None:
        return "an event without a time"
    status = values.get("status")
    effects = values.get("effects")
    return Decision(
        at=at,
        kind=kind,
        text=_text(values, "text"),
        call_id=_text(values, "call_id"),
        method=_text(values, "method"),
        status=status if isinstance(status, int) and 100 <= status <= 699 else 0,
        flow=_flow(values.get("flow")),
        aor=_text(values, "aor"),
        effects=_effects(effects) if isinstance(effects, list) else (),
        why=_text(values, "why"),
    )


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
