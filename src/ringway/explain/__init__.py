"""Tells people and programs what the server decided, and why.

``StoryTeller`` turns decisions into a few readable lines per call, ``event`` into one dict per
decision for JSON logs. Both are pure: decisions in, text out.
"""

from ringway.explain.events import event
from ringway.explain.story import StoryTeller
from ringway.explain.text import Paint, Tone, escape, masked

__all__ = ["Paint", "StoryTeller", "Tone", "escape", "event", "masked"]
