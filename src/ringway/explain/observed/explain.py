"""From what was seen to what is told: conversations as they end, with stories and findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ringway.capture.items import Decided, Item, Trouble
from ringway.explain.observed.decided import Decisions, alone, with_decisions
from ringway.explain.observed.finding import Finding
from ringway.explain.observed.findings import Across, find
from ringway.explain.observed.model import Conversation
from ringway.explain.observed.tell import Story, tell
from ringway.explain.observed.tracer import Tracer

__all__ = ["Explained", "Explainer"]

_MOST_TROUBLES = 1000


@dataclass(frozen=True, slots=True)
class Explained:
    """One conversation.

    Attributes:
        conversation: what was said.
        story: what happened.
        findings: what was wrong in it, in the order it happened.
    """

    conversation: Conversation
    story: Story
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class Explainer:
    """Explains items that come in order.

    Attributes:
        messages: how many messages there were.
        decisions: how many decisions of servers of ours.
        across: what was wrong over several conversations; complete once `explain` has ended.
        troubles: what could not be read.
    """

    messages: int = 0
    decisions: int = 0
    across: tuple[Finding, ...] = ()
    troubles: list[Trouble] = field(default_factory=list)

    def explain(self, items: Iterable[Item]) -> Iterator[Explained]:
        """Yield each conversation once it is over, the rest at the end.

        Args:
            items: what was seen, in the order of time.
        """
        tracer, across, decisions = Tracer(), Across(), Decisions()
        for item in items:
            if isinstance(item, Trouble):
                self._trouble(item)
                continue
            if isinstance(item, Decided):
                self._decided(item, decisions)
            self.messages += hasattr(item, "message")
            across.item(item)
            for conversation in tracer.feed(item):
                yield _explained(conversation, tracer, across, decisions)
            if self.decisions:
                yield from _alone(decisions, item.at, tracer)
        left = tracer.close()[::-1]
        while left:  # each is free once it is told
            yield _explained(left.pop(), tracer, across, decisions)
        yield from _alone(decisions, float("inf"), tracer)
        self.across = tuple(across.close(tracer.flows))

    def _trouble(self, trouble: Trouble) -> None:
        if len(self.troubles) < _MOST_TROUBLES:
            self.troubles.append(trouble)

    def _decided(self, item: Decided, decisions: Decisions) -> None:
        self.decisions += 1
        decision = item.decision
        if decision.call_id:
            decisions.hear(item)
        else:
            self._trouble(Trouble(item.at, item.frames, f"{decision.kind}: {decision.text}"))


def _explained(
    conversation: Conversation, tracer: Tracer, across: Across, decisions: Decisions
) -> Explained:
    across.conversation(conversation, tracer.flows)
    story = tell(conversation, tracer.flows)
    decided = decisions.take(conversation.call_id)
    return Explained(
        conversation,
        with_decisions(story, decided) if decided else story,
        tuple(sorted(find(conversation, tracer.flows), key=lambda finding: finding.at)),
    )


def _alone(decisions: Decisions, now: float, tracer: Tracer) -> Iterator[Explained]:
    over = [alone(*each) for each in decisions.over(now, tracer.holds)]
    for conversation, story in sorted(over, key=lambda each: each[0].at):
        yield Explained(conversation, story, ())
