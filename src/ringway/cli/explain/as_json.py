"""Conversations and findings as JSON, one object a line.

The type of an object says what it is: `conversation`, then `finding` for what concerns several of
them, `trouble` for what could not be read, and `summary` as the last line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ringway.explain.observed.summary import Summary
from ringway.explain.observed.view import Fault, Step, Talk, Viewer

__all__ = ["JsonOutput"]


class JsonOutput:
    """Makes lines of JSON.

    Args:
        viewer: what lets text through.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer

    def talk(self, talk: Talk) -> Iterator[str]:
        """Yield the line of a conversation."""
        yield _line(
            type="conversation",
            call_id=talk.call_id,
            kind=talk.kind,
            at=talk.at,
            ended=talk.ended,
            complete=talk.complete,
            title=talk.title,
            steps=[_step(each) for each in talk.steps],
            verdict=_step(talk.verdict),
            advice=[_step(each) for each in talk.advice],
            findings=[_fault(each) for each in talk.faults],
            places=[
                {"address": each.address, "name": each.name, "role": each.role}
                for each in talk.people
            ],
            codes=talk.codes,
            messages=[
                {
                    "at": rung.sight.at,
                    "frames": rung.sight.frames,
                    "transport": rung.sight.hop.transport,
                    "source": self._viewer.say(str(rung.sight.hop.source)),
                    "target": self._viewer.say(str(rung.sight.hop.target)),
                    "says": self._viewer.say(rung.label),
                    "status": rung.status,
                    "fault": self._viewer.say(rung.sight.fault),
                    "copies": [copy.at for copy in rung.sight.copies],
                }
                for rung in talk.ladder().rungs
            ],
        )

    def end(self, summary: Summary) -> Iterator[str]:
        """Yield what concerns several conversations, what could not be read, and the counts."""
        for fault in summary.across:
            yield _line(type="finding", **_fault(fault))
        for trouble in summary.troubles:
            text = self._viewer.say(trouble.text)
            yield _line(type="trouble", at=trouble.at, frames=trouble.frames, text=text)
        yield _line(
            type="summary",
            messages=summary.messages,
            decisions=summary.decisions,
            conversations=summary.kinds,
            findings=summary.faults,
            troubles=len(summary.troubles),
            wrong=summary.wrong,
        )


def _step(step: Step) -> dict[str, Any]:
    return {
        "at": step.at,
        "after": round(step.after, 6),
        "frames": step.frames,
        "name": step.name,
        "text": step.text,
        "status": step.status,
    }


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "name": fault.name,
        "severity": fault.severity,
        "at": fault.at,
        "frames": fault.frames,
        "title": fault.title,
        "what": fault.what,
        "why": fault.why,
        "todo": fault.todo,
        "clause": fault.clause,
        "status": fault.status,
        "call_id": fault.call_id,
    }


def _line(**values: object) -> str:
    return json.dumps(values, ensure_ascii=False)
