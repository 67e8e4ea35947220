"""What the parts of one user agent share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ringway.auth import Answerer
from ringway.endpoint import Endpoint
from ringway.ua.events import AgentEvent
from ringway.ua.requests.redirects import RedirectMemory
from ringway.ua.requests.resting import Resting
from ringway.ua.settings import AgentSettings

if TYPE_CHECKING:
    from ringway.ua.flows.outbound import Outbound


@dataclass(slots=True)
class Services:
    """What every part of a user agent may use.

    Attributes:
        endpoint: sends requests and responses, runs timers.
        settings: what the agent was told.
        unique: gives another unguessable token at each call: tags, Call-IDs.
        chance: gives a number from 0 up to 1 at each call, all equally likely; for back-off.
        answerer: answers digest challenges.
        emit: tells the application something that belongs to no call.
        outbound: the flows; set once they are made.
        redirects: where redirects with an expiry have led.
        resting: the servers that asked to be left alone for a while.
    """

    endpoint: Endpoint
    settings: AgentSettings
    unique: Callable[[], str]
    chance: Callable[[], float]
    answerer: Answerer
    emit: Callable[[AgentEvent], None]
    outbound: Outbound = field(init=False)
    redirects: RedirectMemory = field(default_factory=RedirectMemory)
    resting: Resting = field(default_factory=Resting)
