"""From what was seen to what is told: conversations as they end, with stories and findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ringway.capture.items import Item, Trouble
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
        across: what was wrong over several conversations; complete once `explain` has ended.
        troubles: what could not be read.
    """

    messages: int = 0
    across: tuple[Finding, ...] = ()
    troubles: list[Trouble] = field(default_factory=list)

    def explain(self, items: Iterable[Item]) -> Iterator[Explained]:
        """Yield each conversation once it is over, the rest at the end.

        Args:
            items: what was seen, in the order of time.
        """
        tracer, across = Tracer(), Across()
        for item in items:
            if isinstance(item, Trouble):
                if len(self.troubles) < _MOST_TROUBLES:
                    self.troubles.append(item)
                continue
            self.messages += hasattr(item, "message")
            across.item(item)
            for conversation in tracer.feed(item):
                yield _explained(conversation, tracer, across)
        for conversation in tracer.close():
            yield _explained(conversation, tracer, across)
        self.across = tuple(across.close(tracer.flows))


def _explained(conversation: Conversation, tracer: Tracer, across: Across) -> Explained:
    across.conversation(conversation, tracer.flows)
    return Explained(
        conversation,
        tell(conversation, tracer.flows),
        tuple(sorted(find(conversation, tracer.flows), key=lambda finding: finding.at)),
    )
