"""Ringway: a SIP server, user agent and reference that keeps calls reaching people.

`ringway.codes` is the reference: `ringway.codes[430].page("zh")`,
`ringway.codes[302].compare(430)`, `ringway.codes.search("flow")`.

`ringway.UserAgent` registers, calls and takes calls.

`ringway.App` is a server with a policy of one's own, run by `ringway serve app:server`.
"""

from typing import TYPE_CHECKING

from ringway.reference.catalogue import Codes, codes

if TYPE_CHECKING:
    from ringway.agent.call import Call, TakenCall
    from ringway.agent.reply import FailedError
    from ringway.agent.user_agent import UserAgent
    from ringway.server.app import App
    from ringway.server.policy import Choice, Incoming
    from ringway.ua.settings import RedirectPolicy

__all__ = [
    "App",
    "Call",
    "Choice",
    "Codes",
    "FailedError",
    "Incoming",
    "RedirectPolicy",
    "TakenCall",
    "UserAgent",
    "codes",
]

_ELSEWHERE = {
    "App": "ringway.server.app",
    "Call": "ringway.agent.call",
    "FailedError": "ringway.agent.reply",
    "RedirectPolicy": "ringway.ua.settings",
    "TakenCall": "ringway.agent.call",
    "UserAgent": "ringway.agent.user_agent",
    "Choice": "ringway.server.policy",
    "Incoming": "ringway.server.policy",
}


def __getattr__(name: str) -> object:
    """Import what is slow to import when it is asked for."""
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only here

    return getattr(import_module(_ELSEWHERE[name]), name)
