"""Tells people and programs what the server decided, and why.

``StoryTeller`` turns decisions into a few readable lines per call, ``event`` into one dict per
decision for JSON logs, and ``message_event`` a message. All are pure: values in, text out.
"""

from ringway.explain.events import event, message_event
from ringway.explain.story import StoryTeller
from ringway.explain.text import Paint, Tone, escape, masked

__all__ = ["Paint", "StoryTeller", "Tone", "escape", "event", "masked", "message_event"]
