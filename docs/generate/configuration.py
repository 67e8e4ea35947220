"""The tables of reference/configuration.md, from the models that read the configuration.

What is allowed comes from the line that a person sees for a wrong value: every key is given one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any, Final, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from docs.generate.pages import DOCS, table
from pydantic import BeforeValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ringway.errors import ConfigError
from ringway.server.config.fields import ListOf, Section
from ringway.server.config.load import make_config
from ringway.server.config.sections import PeerConfig, RedirectConfig, UserConfig
from ringway.server.config.settings import Config
from ringway.server.config.values import DURATION_FORM, format_duration, read_duration

PAGE: Final = DOCS / "reference" / "configuration.md"

_WRONG: Final[tuple[object, ...]] = ("?!", -1, [-1], {"?!": "?!"})
_LISTS: Final[dict[str, tuple[type[Section], dict[str, Any]]]] = {
    "redirect": (RedirectConfig, {"user": "alice", "to": "sip:alice@hotel.example"}),
    "user": (UserConfig, {"name": "alice", "md5": "0" * 32}),
    "peer": (PeerConfig, {"name": "carrier", "addresses": "192.0.2.1"}),
}
"""Lists of tables: the model of one, and what a sound one needs."""


def parts() -> dict[str, str]:
    """Return the generated parts of the page, by marker."""
    plain = [(key, field) for key, field in Config.model_fields.items() if not _is_table(key)]
    result = {"configuration": _rows("", plain)}
    for key in filter(_is_table, Config.model_fields):
        model = _model(key)
        result[f"configuration.{key}"] = _rows(key, list(model.model_fields.items()))
    return result


def named() -> Iterator[str]:
    """Yield every key that a file may have, without its table."""
    for key in Config.model_fields:
        if not _is_table(key):
            yield key
            continue
        for name, field in _model(key).model_fields.items():
            yield field.alias or name


def _is_table(key: str) -> bool:
    return _model(key) is not Config


def _model(key: str) -> type[Section]:
    if key in _LISTS:
        return _LISTS[key][0]
    kind = Config.model_fields[key].annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else Config


def _rows(section: str, fields: list[tuple[str, FieldInfo]]) -> str:
    rows = []
    for name, field in fields:
        key = field.alias or name
        rows.append((f"`{key}`", _default(field), _allowed(section, key, field), _what(field)))
    return table(("key", "default", "allowed", "what it says"), rows)


def _what(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())


def _allowed(section: str, key: str, field: FieldInfo) -> str:
    words = re.sub(r" \(no such file or directory\)$", "", _refusal(section, key))
    words = words.replace(DURATION_FORM, "a duration")
    words = re.sub(r"(?<=[ (])((?:udp|tls|sip|tel):[^ ,]+)", r"`\1`", words)
    if ListOf in field.metadata:
        words = f"a list, or one: {words}"
    bounds = _bounds(field)
    return f"{words}; {bounds}" if bounds else words


def _refusal(section: str, key: str) -> str:
    """Give a key something wrong, and return what the error says is allowed."""
    for wrong in _WRONG:
        settings: dict[str, Any] = {key: wrong}
        if section in _LISTS:
            settings = {section: [_LISTS[section][1] | settings]}
        elif section:
            settings = {section: settings}
        try:
            make_config(**settings)
        except ConfigError as error:
            if not re.match("at least|at most|more than|less than", error.allowed):
                return error.allowed
    raise LookupError(f"nothing is wrong for {section}.{key}")


def _bounds(field: FieldInfo) -> str:
    found = []
    for each in field.metadata:
        for kind, name, words in (
            (Gt, "gt", "more than"),
            (Ge, "ge", "at least"),
            (Lt, "lt", "less than"),
            (Le, "le", "at most"),
        ):
            if isinstance(each, kind):
                found.append(f"{words} {_number(getattr(each, name), field)}")
        if isinstance(each, MinLen):
            found.append(f"at least {('none', 'one')[each.min_length]}")
    return ", ".join(found)


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is PydanticUndefined:
        return "must be given"
    if value is None or value in ((), frozenset()):
        return "none"
    values = value if isinstance(value, tuple | frozenset) else (value,)
    return ", ".join(f"`{_text(each, field)}`" for each in values)


def _text(value: object, field: FieldInfo) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, int | float):
        return _number(value, field)
    return str(value)


def _number(value: object, field: FieldInfo) -> str:
    if not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    if not _is_duration(field):
        return f"{value:g}" if isinstance(value, float) else str(value)
    whole = value >= 1 and value != int(value)
    return f"{value:g}s" if whole else format_duration(value) if value else "0"


def _is_duration(field: FieldInfo) -> bool:
    """True when `read_duration` reads the setting, optional or not."""
    kinds = [*field.metadata]
    for each in (field.annotation, *get_args(field.annotation)):
        if get_origin(each) is Annotated:
            kinds += get_args(each)[1:]
    return any(isinstance(each, BeforeValidator) and each.func is read_duration for each in kinds)
