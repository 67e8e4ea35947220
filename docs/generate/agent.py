"""What the user agent tells: the tables of reference/agent-events.md, and the exit statuses.

The meaning of an event is the first sentence of its class, that of an exit status what stands
below it in the source.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from itertools import pairwise
from typing import Final, get_args

from docs.generate.pages import DOCS, table

from ringway.cli.agent.exits import Exit
from ringway.cli.agent.lines import json_name
from ringway.ua import events

PAGE: Final = DOCS / "reference" / "agent-events.md"

_INSIDE: Final = frozenset({events.CallOffered, events.RequestOffered})
"""What `ringway.UserAgent` makes calls and requests of; no application hears of it."""


def parts() -> dict[str, str]:
    """Return the generated parts of the page of events, by marker."""
    of_agent = [kind for kind in get_args(events.AgentEvent) if kind not in _INSIDE]
    return {"agent": _events(of_agent), "call": _events(list(get_args(events.CallEvent)))}


def exits() -> dict[str, str]:
    """Return the table of exit statuses, by marker."""
    meanings = _below(Exit)
    rows = [(str(int(status)), meanings[status.name]) for status in Exit]
    return {"exits": table(("status", "when"), rows)}


def _events(kinds: list[type]) -> str:
    rows = []
    for kind in kinds:
        fields = ", ".join(f"`{field.name}`" for field in dataclasses.fields(kind))
        first = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0]
        what = " ".join(first.split())
        rows.append((f"`{kind.__name__}`", f"`{json_name(kind)}`", what, fields))
    return table(("class", "in JSON", "when", "fields"), rows)


def _below(kind: type) -> dict[str, str]:
    """Return the text that stands below each name of a class."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    lines = [each for node in tree.body if isinstance(node, ast.ClassDef) for each in node.body]
    return {
        ast.unparse(name.targets[0]): str(ast.literal_eval(text.value))
        for name, text in pairwise(lines)
        if isinstance(name, ast.Assign) and isinstance(text, ast.Expr)
    }
