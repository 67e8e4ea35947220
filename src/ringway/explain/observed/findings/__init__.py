"""What is looked for in observed traffic: one subject a file.

forks.py           the flows of one phone: 430, not tried, tried at once
redirects.py       redirects followed in a loop, twice, with the old target's credentials
dialogs.py         route sets, ACKs, CANCEL against 200
loss.py            where messages got lost
silence.py         who did not answer, and why that may be
private.py         private addresses that a public peer was told
authentication.py  credentials that were refused
answers.py         503, 483, Content-Length, reasons, half a capture
across.py          several conversations: registering.py, following.py; keepalives.py of flows
copies.py          what was sent again, and what was only captured twice

data/findings.toml and the files beside it in each language have the words, `texts.py` reads them.
"""

from __future__ import annotations

from ringway.explain.observed.finding import Finding
from ringway.explain.observed.findings import (
    answers,
    authentication,
    dialogs,
    forks,
    loss,
    private,
    redirects,
    silence,
)
from ringway.explain.observed.findings.across import Across
from ringway.explain.observed.findings.case import Case
from ringway.explain.observed.flows import Flows
from ringway.explain.observed.model import Conversation

__all__ = ["Across", "find"]

_DETECTORS = (forks, redirects, dialogs, loss, silence, private, authentication, answers)


def find(conversation: Conversation, flows: Flows) -> list[Finding]:
    """Return what went wrong in a conversation, or explains it.

    Args:
        conversation: one that has ended.
        flows: what is known of the flows.
    """
    case = Case(conversation, flows)
    return [finding for detector in _DETECTORS for finding in detector.find(case)]
