"""What is wrong over several conversations and the flows under them."""

from __future__ import annotations

from ringway.capture.items import Item, KeepAlive, Seen
from ringway.explain.observed.finding import Finding
from ringway.explain.observed.findings import keepalives
from ringway.explain.observed.findings.following import Following
from ringway.explain.observed.findings.make import made
from ringway.explain.observed.findings.registering import Registering
from ringway.explain.observed.flows import Flows
from ringway.explain.observed.model import Conversation
from ringway.transport.flow import TCP, TLS

__all__ = ["Across"]

_MOST = 1000


class Across:
    """Collects what single conversations do not show; its memory is bounded."""

    def __init__(self) -> None:
        self._registering = Registering()
        self._following = Following()
        self._cut: list[Finding] = []
        self._beats = False
        self._end = 0.0

    def item(self, item: Item) -> None:
        """Take in an item."""
        self._end = max(self._end, item.at)
        if isinstance(item, KeepAlive):
            self._beats = True
        elif isinstance(item, Seen) and item.fault and len(self._cut) < _MOST:
            self._out_of_step(item)

    def conversation(self, conversation: Conversation, flows: Flows) -> None:
        """Take in a conversation that ended."""
        self._registering.conversation(conversation)
        self._following.conversation(conversation)
        self._flows(flows)

    def close(self, flows: Flows) -> list[Finding]:
        """Return what was found, in the order it happened."""
        self._flows(flows)
        found = [*self._cut, *self._following.close(self._end)]
        found += self._registering.close(flows, self._end)
        for history in flows.all():
            found += keepalives.find(history, self._end, captured=self._beats)
        return sorted(found, key=lambda finding: finding.at)

    def _flows(self, flows: Flows) -> None:
        for history in flows.take_closed():
            self._registering.closed(history)

    def _out_of_step(self, item: Seen) -> None:
        """The reader of a connection found octets where a message should begin."""
        stray = item.transport in {TCP, TLS} and item.fault.startswith("not a request line")
        if stray or (item.message is None and "Content-Length" in item.fault):
            self._cut.append(
                made(
                    "stream-out-of-step",
                    item.at,
                    item.frames,
                    source=item.source,
                    target=item.target,
                )
            )
