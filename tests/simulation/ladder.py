"""A call as a ladder: who sent what to whom, what became of it, and what the nodes made of it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulation.network import Seen
from tests.simulation.simulation import Outcome
from tests.simulation.wire import read

from ringway.explain.text import escape
from ringway.transport.flow import Address

WIDTH = 18


def ladder(outcome: Outcome, call_id: str) -> list[str]:
    """Draw one call; "" draws what belongs to no call.

    Args:
        outcome: of a simulation that was recorded.
        call_id: the call.
    """
    names = dict(outcome.names)
    seen = [each for each in outcome.seen if _call_id(each.data) == call_id]
    hosts = list(
        dict.fromkeys([host for each in seen for host in (each.source.host, each.target.host)])
    )
    order = {host: number for number, host in enumerate(sorted(hosts, key=_place))}
    start = outcome.seen[0].at if outcome.seen else 0.0
    title = "".join([f"{names.get(host, host):^{WIDTH}}" for host in order])
    lines: list[tuple[float, int, str]] = []
    for number, each in enumerate(seen):
        lines.append((each.at, number, _arrow(each, order)))
    for node, decision in outcome.decisions:
        if decision.call_id == call_id:
            text = f"    {names[node]}: {decision.kind} {decision.status or ''} {decision.text}"
            lines.append((decision.at, len(seen), escape(text, 150)))
    return [
        f"{'':10}{title}",
        *(f"{at - start:9.3f} {line}" for at, _, line in sorted(lines)),
    ]


def _arrow(seen: Seen, order: dict[str, int]) -> str:
    left, right = order[seen.source.host], order[seen.target.host]
    text = _title(seen.data)
    low, high = sorted((left, right))
    width = max((high - low) * WIDTH - 1, 1)
    shaft = f"-{text:-<{width - 2}}"
    arrow = f"{shaft}>" if right > left else f"<{shaft}"
    note = f" {seen.fate}" if seen.fate else ""
    ports = f" {_port(seen.source)}>{_port(seen.target)}"
    return f"{' ' * (WIDTH // 2 + low * WIDTH)}|{arrow}|{ports}{note}"


def _title(data: bytes) -> str:
    message = read(data)
    if message is None:
        return escape(data[:30].decode("utf-8", "replace"))
    cseq = message.get("cseq")
    if message.status:
        return f"{message.status} ({cseq}) {message.branch[-6:]}"
    return f"{message.method} {message.cseq} {message.branch[-6:]}"


def _port(address: Address) -> int:
    return address.port


def _place(host: str) -> tuple[int, ...]:
    """Phones that call stand left, nodes in the middle; good enough for most calls."""
    numbers = tuple(int(part) if part.isdigit() else 0 for part in host.split("."))
    return (0, *numbers)


def _call_id(data: bytes) -> str:
    return data.partition(b"Call-ID: ")[2].partition(b"\r\n")[0].decode("utf-8", "replace")


def told(outcome: Outcome) -> Iterator[str]:
    """Say what was wrong, with a ladder of each call concerned."""
    for violation in outcome.violations:
        yield str(violation)
    for call_id in dict.fromkeys([each.call_id for each in outcome.violations]):
        if call_id:
            yield ""
            yield f"Call {call_id}"
            yield from ladder(outcome, call_id)
