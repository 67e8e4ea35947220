"""Making a finding: its name decides how bad it is, its conversation where it belongs."""

from __future__ import annotations

from ringway.explain.observed.finding import Finding
from ringway.explain.observed.findings.texts import rules
from ringway.explain.observed.model import Conversation


def made(
    name: str,
    at: float,
    frames: tuple[int, ...],
    *,
    status: int = 0,
    conversation: Conversation | None = None,
    call_id: str = "",
    **facts: object,
) -> Finding:
    """Return a finding.

    Args:
        name: which one; it has an entry in `data/findings.toml`.
        at: when it happened, seconds since the epoch.
        frames: the packets that prove it.
        status: the response code it is about; 0 for none.
        conversation: the one it belongs to; None when it is about several.
        call_id: the same, where only its Call-ID is known.
        facts: what fills the gaps in its sentences.
    """
    return Finding(
        name,
        rules()[name].severity,
        at,
        frames,
        {key: str(value) for key, value in facts.items() if value is not None and value != ""},
        status,
        conversation.call_id if conversation else call_id,
    )
