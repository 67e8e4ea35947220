"""What of a configuration can change while a server runs, and what waits for a restart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ringway.server.config.fields import Section
from ringway.server.config.settings import Config

__all__ = ["LIVE", "changed_keys", "with_live_keys"]

LIVE: Final = frozenset(
    {
        "tls",
        "recurse",
        "registration",
        "redirect",
        "user",
        "relay",
        "history",
        "auth.users",
        "limits.max_breadth",
        "timers.drain",
        "timers.flow_timeout",
        "timers.request_flow_timeout",
        "timers.ring_timeout",
        "timers.timer_c",
    }
)
"""Keys, and tables as a whole, that are taken over at once; they act on what comes from then on."""


def changed_keys(old: Config, new: Config) -> list[str]:
    """Return the dotted keys that two configurations say different things about, sorted."""
    return sorted(key for key in _keys(old) if _value(old, key) != _value(new, key))


def with_live_keys(old: Config, new: Config) -> Config:
    """Return the old configuration with what of the new one needs no restart."""
    update: dict[str, object] = {}
    for key in Config.model_fields:
        section = getattr(old, key)
        if key in LIVE:
            update[key] = getattr(new, key)
        elif isinstance(section, Section):
            names = [name for name in type(section).model_fields if f"{key}.{name}" in LIVE]
            if names:
                fresh = {name: getattr(getattr(new, key), name) for name in names}
                update[key] = section.model_copy(update=fresh)
    return old.model_copy(update=update)


def _keys(config: Config) -> Iterator[str]:
    for key in Config.model_fields:
        section = getattr(config, key)
        if isinstance(section, Section):
            for name in type(section).model_fields:
                yield f"{key}.{name}"
        else:
            yield key


def _value(config: Config, key: str) -> object:
    value: object = config
    for name in key.split("."):
        value = getattr(value, name)
    return value
