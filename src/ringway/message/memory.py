"""A bounded memory of what was parsed: calls repeat their URIs, tags, peers and numbers.

It holds values that do not change, so it never changes an answer. It is emptied when it is
full, and takes no long texts, so that a hostile peer cannot make it grow. Looking up stays
a plain `dict.get` at the place that parses, because that is the hot path.
"""

from typing import Final, TypeVar

__all__ = ["keep", "remember"]

_SIZE: Final = 4096
_LONGEST: Final = 320

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def remember(memory: dict[str, _Value], text: str, value: _Value) -> _Value:
    """Keep what a text was parsed into, and return it.

    Args:
        memory: The dict to keep it in.
        text: What was parsed.
        value: What it gave.

    Returns:
        The value.
    """
    return keep(memory, text, value) if len(text) <= _LONGEST else value


def keep(memory: dict[_Key, _Value], key: _Key, value: _Value) -> _Value:
    """Keep a value by a key that cannot be long, and return it.

    Args:
        memory: The dict to keep it in.
        key: What it is asked for by.
        value: The value.

    Returns:
        The value.
    """
    if len(memory) >= _SIZE:
        memory.clear()
    memory[key] = value
    return value
