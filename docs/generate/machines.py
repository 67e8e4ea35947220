"""The diagrams of the transaction state machines, from the tables that the engine runs on.

A row for what can happen, with what is done then; an arrow from the state it happens in to the
next. Rows that change nothing are left out.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

from docs.generate.pages import DOCS

from ringway.transaction import MACHINES, Action, Input, Machine, State

SVG: Final = "http://www.w3.org/2000/svg"
ROW: Final = 22
HEAD: Final = 44
COLUMN: Final = 88
INPUT_AT: Final = 16
ACTIONS_AT: Final = 150
STATES_AT: Final = 420

_INPUTS: Final = {
    Input.PROVISIONAL: "1xx",
    Input.SUCCESS: "2xx",
    Input.FAILURE: "300 to 699",
    Input.FINAL: "200 to 699",
    Input.REQUEST: "request again",
    Input.ACK: "ACK",
    Input.CANCEL: "user cancels",
    Input.STOP: "user stops it",
    Input.RESUME: "user resumes it",
    Input.CLOSED: "connection closed",
}
_ACTIONS: Final = {
    Action.SEND_ONCE: "send, keep no copy",
    Action.SEND_ACK: "send ACK",
    Action.SEND_CANCEL: "send CANCEL",
    Action.SEND_TRYING: "send 100",
    Action.CANCEL_LATER: "CANCEL on the first 1xx",
    Action.RECONNECT: "connect again",
    Action.TELL: "tell the user",
    Action.TELL_TIMEOUT: "tell the user: timeout",
    Action.TELL_TRANSPORT: "tell the user: transport",
}

_STYLE: Final = """
  .card { fill: #ffffff; stroke: #d0d7de }
  .band { fill: #f3f6f9 }
  text { font: 12px ui-sans-serif, system-ui, Helvetica, Arial, sans-serif; fill: #1f2933 }
  .state { font-weight: 600; text-anchor: middle }
  .actions { fill: #52606d }
  .life { stroke: #cbd2d9 }
  .move { stroke: #1769aa; stroke-width: 1.6; fill: none }
  .tip { fill: #1769aa }
  @media (prefers-color-scheme: dark) {
    .card { fill: #161b22; stroke: #30363d }
    .band { fill: #1d242d }
    text { fill: #e6edf3 }
    .actions { fill: #a8b3bf }
    .life { stroke: #3d4752 }
    .move { stroke: #6cb6ff }
    .tip { fill: #6cb6ff }
  }
"""


def images() -> dict[Path, str]:
    """Return the SVG of each machine, by file."""
    return {
        DOCS / "images" / f"{machine.name.lower().replace(' ', '-')}.svg": _svg(machine)
        for machine in MACHINES
    }


def _rows(machine: Machine) -> list[tuple[State, State, str, tuple[Action, ...]]]:
    """Return what changes something: state, next state, inputs, actions."""
    merged: dict[tuple[State, State, tuple[Action, ...]], list[Input]] = {}
    for (state, symbol), (after, actions) in machine.table.items():
        if after is not state or actions:
            merged.setdefault((state, after, actions), []).append(symbol)
    return [
        (state, after, ", ".join(map(_input, inputs)), actions)
        for (state, after, actions), inputs in merged.items()
    ]


def _svg(machine: Machine) -> str:
    rows = _rows(machine)
    states = machine.states
    at = {state: STATES_AT + COLUMN // 2 + COLUMN * number for number, state in enumerate(states)}
    width = STATES_AT + COLUMN * len(states) + 12
    height = HEAD + ROW * (len(rows) + 1) + 14
    born, first = machine.entry
    out = [
        f'<svg xmlns="{SVG}" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f"<title>{escape(machine.name)} transaction</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
    ]
    body: list[str] = []
    for state in states:
        out.append(_text(at[state], 24, state.name.capitalize(), "state"))
        body.append(f'<path class="life" d="M{at[state]} 34V{height - 12}"/>')
    y = HEAD + ROW // 2
    body += [
        _text(INPUT_AT, y + 4, "begins"),
        _text(ACTIONS_AT, y + 4, _done(first).replace("resend", "send"), "actions"),
    ]
    body.append(f'<circle class="tip" cx="{at[born]}" cy="{y}" r="4.5"/>')
    shaded, before = False, None
    for state, after, inputs, actions in rows:
        y += ROW
        shaded = shaded != (state is not before)
        before = state
        if shaded:
            out.append(
                f'<rect class="band" x="6" y="{y - ROW // 2}" width="{width - 12}" height="{ROW}"/>'
            )
        body.append(_text(INPUT_AT, y + 4, inputs))
        body.append(_text(ACTIONS_AT, y + 4, _done(actions), "actions"))
        body.append(_arrow(at[state], at[after], y))
    return "\n".join([*out, *body, "</svg>", ""])


def _arrow(start: int, end: int, y: int) -> str:
    if start == end:
        return (
            f'<path class="move" d="M{start} {y - 6}h14a6 6 0 0 1 0 12h-8"/>'
            f'<path class="tip" d="M{start} {y + 6}l9 -4v8z"/>'
        )
    way = 1 if end > start else -1
    return (
        f'<circle class="tip" cx="{start}" cy="{y}" r="2.5"/>'
        f'<path class="move" d="M{start} {y}H{end - 8 * way}"/>'
        f'<path class="tip" d="M{end} {y}l{-9 * way} -4v8z"/>'
    )


def _text(x: int, y: int, text: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x}" y="{y}">{escape(text)}</text>'


def _input(symbol: Input) -> str:
    return _INPUTS.get(symbol) or _timer(symbol.name.lower().replace("_", " "))


def _done(actions: tuple[Action, ...]) -> str:
    return ", ".join(
        _ACTIONS.get(action) or _timer(action.name.lower().replace("_", " ")) for action in actions
    )


def _timer(words: str) -> str:
    """Write the RFC's timers as it does: timer A, start A."""
    first, _, name = words.rpartition(" ")
    if first == "start" and len(name) > 1:
        return f"start timer {name}"
    return f"{first} {name.upper()}" if len(name) == 1 else words
