"""Ringway: a SIP server, user agent and reference that keeps calls reaching people.

`ringway.codes` is the reference: `ringway.codes[430].page("zh")`,
`ringway.codes[302].compare(430)`, `ringway.codes.search("flow")`.

`ringway.App` is a server with a policy of one's own, run by `ringway serve app:server`.
"""

from typing import TYPE_CHECKING

from ringway.reference.catalogue import Codes, codes

if TYPE_CHECKING:
    from ringway.server.app import App
    from ringway.server.policy import Choice, Incoming

__all__ = ["App", "Choice", "Codes", "Incoming", "codes"]

_ELSEWHERE = {
    "App": "ringway.server.app",
    "Choice": "ringway.server.policy",
    "Incoming": "ringway.server.policy",
}


def __getattr__(name: str) -> object:
    """Import what is slow to import when it is asked for."""
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only here

    return getattr(import_module(_ELSEWHERE[name]), name)
