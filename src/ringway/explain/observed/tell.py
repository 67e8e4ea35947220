"""A conversation as a story: what happened, in order, how it ended, and what to do.

line.py      what a story is made of
tree.py      how a request went from hop to hop
places.py    who is behind an address
steps.py     the steps of one request through its tree
verdict.py   how it ended
"""

from __future__ import annotations

from dataclasses import replace

from ringway.explain.observed.flows import Flows
from ringway.explain.observed.line import Line, Place, Story
from ringway.explain.observed.model import Conversation
from ringway.explain.observed.places import Places
from ringway.explain.observed.steps import steps
from ringway.explain.observed.tree import cut_down, grow
from ringway.explain.observed.verdict import advice, title, verdict
from ringway.explain.observed.words import TIMES

__all__ = ["Line", "Place", "Story", "tell"]


def tell(conversation: Conversation, flows: Flows) -> Story:
    """Return the story of a conversation.

    Args:
        conversation: one that the tracer handed out.
        flows: what is known of the flows.
    """
    roots = grow(conversation.exchanges)
    places = Places(roots, flows)
    lines = steps(conversation, roots, places, flows)
    end = verdict(conversation, roots, places)
    if not conversation.at:
        lines, end = tuple(_untimed(line) for line in lines), _untimed(end)
    story = Story(title(conversation, roots), lines, end, advice(end, lines), places.legend())
    cut_down(roots)
    return story


def _untimed(line: Line) -> Line:
    """Return a line of a text in which no time stands: its messages all seem to come at once."""
    return replace(line, facts=dict(line.facts) | dict.fromkeys(TIMES, ""))
