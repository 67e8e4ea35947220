"""Something that went wrong, or looks so, and the packets that prove it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How sure and how bad it is."""

    WRONG = "wrong"
    """It breaks a rule, or it cost a call or a registration."""
    SUSPICIOUS = "suspicious"
    """It is known to cause trouble; here it may not have."""
    NOTE = "note"
    """It explains what is seen; nobody has to do anything."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        name: which one, as `flow-died-unnoticed`; its sentences are under it in `words`.
        severity: how bad.
        at: when it happened, seconds since the epoch.
        frames: the packets that prove it.
        facts: what fills the gaps in its sentences; text from the wire is escaped by who prints.
        status: the response code it is about; 0 for none.
        call_id: the conversation it belongs to; empty when it is about several.
    """

    name: str
    severity: Severity
    at: float
    frames: tuple[int, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    status: int = 0
    call_id: str = ""
