"""A server of one's own: a module with an `App`, run by `ringway serve app:server`.

docs/how-to/passwords.md has one; what a handler is told and may decide is in
`ringway.server.policy`.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from ringway.errors import ConfigError
from ringway.server.policy import Handler

__all__ = ["App", "load_handler"]


class App:
    """What a module gives `ringway serve`: who decides about new requests."""

    def __init__(self) -> None:
        self.decide: Handler | None = None

    def handler(self, decide: Handler) -> Handler:
        """Let a function decide about each new request; use it as a decorator.

        Args:
            decide: gets an `Incoming` and returns what becomes of it; plain or `async`.
        """
        self.decide = decide
        return decide


def load_handler(place: str) -> Handler:
    """Return the handler that a module holds.

    Args:
        place: "MODULE:NAME": the name of an `App`, or of a handler itself. The module may be in
            the current directory.

    Raises:
        ConfigError: there is no such module or name, or it is neither.
    """
    module, colon, name = place.partition(":")
    if not (module and colon and name.isidentifier()):
        raise ConfigError("command line", "MODULE:NAME", place, "a module and a name, app:server")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0] and error.name != module:
            raise
        allowed = "a module in this directory or on the path of Python"
        raise ConfigError("command line", "MODULE:NAME", place, allowed) from None
    if isinstance(found, App):
        found = found.decide
    if found is None:
        allowed = f"the name of an App with a handler, or of a handler, in {module}"
        raise ConfigError("command line", "MODULE:NAME", place, allowed)
    if not callable(found):
        raise ConfigError("command line", "MODULE:NAME", place, "an App or a function")
    handler: Handler = found
    return handler
