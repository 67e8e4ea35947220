"""TOML, environment and command line into one configuration, and what is wrong in it.

Later layers win: defaults, the file, `RINGWAY_` variables, options. Every fault becomes one line
that names where it stands, the key, the value and what could stand there instead; an unknown key is
a fault too, because a misspelt setting that does nothing is the costliest kind.

A variable names a key in upper case, `RINGWAY_LISTEN`, tables with two underscores in between,
`RINGWAY_TLS__KEY`; a list is separated by commas.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from ringway.errors import ConfigError
from ringway.server.config.fields import ListOf, Section
from ringway.server.config.settings import Config

__all__ = ["check_config", "load_config", "make_config"]

Path_: TypeAlias = tuple[str | int, ...]

ENVIRONMENT: Final = "environment"
COMMAND_LINE: Final = "command line"
PREFIX: Final = "RINGWAY_"

# Lists of tables: in a file only.
_LISTS: Final = frozenset({"redirect", "user", "peer"})
# Variables that are no setting: which file to read, and the language of the reference.
_NOT_SETTINGS: Final = frozenset(
    {
        "RINGWAY_CONFIG",
        "RINGWAY_LANG",
        # Of the build.
        "RINGWAY_COMPILE",
        # Of `ringway explain`.
        "RINGWAY_HEP_KEY",
        # Of the user agent's commands.
        "RINGWAY_AGENT_STATE",
        "RINGWAY_AOR",
        "RINGWAY_OUTBOUND",
        "RINGWAY_PASSWORD",
        "RINGWAY_PASSWORD_FILE",
    }
)
_OPTION_NAMES: Final = {"recurse.domains": "--recurse", "web.listen": "--web"}
_FILE_KEYS: Final = (
    ("auth", "users"),
    ("tls", "certificate"),
    ("tls", "key"),
    ("tls", "authorities"),
    ("tls", "clients"),
    ("state_dir",),
)


@dataclass(slots=True)
class _Layers:
    """What is set so far, and which layer set it, as (file, key) to show."""

    settings: dict[str, Any] = field(default_factory=dict)
    origins: dict[Path_, tuple[str, str]] = field(default_factory=dict)
    fallback: str = "settings"

    def put(self, path: tuple[str, ...], value: object, origin: tuple[str, str]) -> None:
        table = self.settings
        for name in path[:-1]:
            inner = table.setdefault(name, {})
            if not isinstance(inner, dict):
                inner = table[name] = {}
            table = inner
        table[path[-1]] = value
        self.origins[path] = origin

    def origin(self, path: Path_) -> tuple[str, str]:
        """Where a key was set, as (file, key) to show."""
        for length in range(len(path), 0, -1):
            found = self.origins.get(path[:length])
            if found is not None:
                return found[0], found[1] + _dotted(path[length:], after=True)
        if self.fallback == COMMAND_LINE and len(path) == 1:
            return self.fallback, _option(str(path[0]))
        return self.fallback, _dotted(path)


def load_config(
    file: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    options: Mapping[str, object] | None = None,
) -> Config:
    """Read the configuration of a server.

    Args:
        file: the TOML file; None goes without.
        environ: where to look for `RINGWAY_` variables; the process's own if None.
        options: dotted key to value, as the command line gave them.

    Raises:
        ConfigError: The first fault; `check_config` finds all.
    """
    layers = _collect(file, os.environ if environ is None else environ, options or {})
    try:
        return Config.model_validate(layers.settings)
    except ValidationError as error:
        raise _faults(error, layers)[0] from None


def check_config(
    file: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    options: Mapping[str, object] | None = None,
) -> list[ConfigError]:
    """Find every fault of a configuration; arguments as for `load_config`."""
    try:
        layers = _collect(file, os.environ if environ is None else environ, options or {})
        Config.model_validate(layers.settings)
    except ConfigError as error:
        return [error]
    except ValidationError as error:
        return _faults(error, layers)
    return []


def make_config(**settings: object) -> Config:
    """Make a configuration in Python, from the values that TOML would have.

    Nothing is read from files or the environment, and without a `state_dir` nothing is kept.

    Raises:
        ConfigError: The first fault.
    """
    layers = _Layers(dict(settings))
    try:
        return Config.model_validate(layers.settings)
    except ValidationError as error:
        raise _faults(error, layers)[0] from None


# The layers


def _collect(
    file: Path | None, environ: Mapping[str, str], options: Mapping[str, object]
) -> _Layers:
    layers = _Layers()
    layers.fallback = COMMAND_LINE
    if file is not None:
        layers.fallback = str(file)
        for key, value in _read_file(file).items():
            layers.put((key,), value, (str(file), key))
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in _NOT_SETTINGS:
            path = tuple(name.removeprefix(PREFIX).lower().split("__"))
            layers.put(path, _from_text(path, environ[name], name), (ENVIRONMENT, name))
    for dotted, value in options.items():
        layers.put(tuple(dotted.split(".")), value, (COMMAND_LINE, _option(dotted)))
    return layers


def _read_file(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(
            COMMAND_LINE, "--config", str(file), f"a file that can be read ({reason})"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(str(file), f"byte {error.start}", "", "a file in UTF-8") from None
    try:
        settings = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _toml_fault(file, text, str(error)) from None
    return _anchored(settings, file.parent)


def _toml_fault(file: Path, text: str, reason: str) -> ConfigError:
    place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)", reason)
    lines = text.splitlines() or [""]
    number = int(place[1]) if place and place[1] else len(lines)
    what = reason[: place.start()] if place else reason
    line = lines[min(number, len(lines)) - 1].strip()
    return ConfigError(str(file), f"line {number}", line, f"TOML ({what[:1].lower() + what[1:]})")


def _anchored(settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Read relative paths of a file from where the file is."""
    for *tables, key in _FILE_KEYS:
        table: Any = settings
        for name in tables:
            table = table.get(name, {}) if isinstance(table, dict) else {}
        if not isinstance(table, dict):
            continue
        value = table.get(key)
        if isinstance(value, str) and value:
            table[key] = _from(folder, value)
        elif isinstance(value, list):
            table[key] = [_from(folder, each) if isinstance(each, str) else each for each in value]
    store = settings.get("store")
    if isinstance(store, str) and store.startswith("sqlite:") and store != "sqlite:":
        settings["store"] = f"sqlite:{folder / Path(store.removeprefix('sqlite:')).expanduser()}"
    return settings


def _from(folder: Path, path: str) -> str:
    return str(folder / Path(path).expanduser())


def _from_text(path: tuple[str, ...], text: str, name: str) -> object:
    """The value that a variable's text stands for: a list where the setting is one."""
    model: type[BaseModel] = Config
    for step, key in enumerate(path):
        known = model.model_fields.get(key)
        table = _table(known)
        if known is None or (table is not None) == (step == len(path) - 1) or key in _LISTS:
            raise ConfigError(ENVIRONMENT, name, text, _nearest(name, _variables()))
        if table is not None:
            model = table
        elif ListOf in known.metadata:
            return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _variables() -> list[str]:
    """Every variable there is."""
    names: list[str] = []
    for key, known in Config.model_fields.items():
        table = _table(known)
        if table is not None:
            names += [f"{PREFIX}{key}__{each}".upper() for each in table.model_fields]
        elif key not in _LISTS:
            names.append(f"{PREFIX}{key}".upper())
    return names


# The faults


def _faults(error: ValidationError, layers: _Layers) -> list[ConfigError]:
    faults: list[ConfigError] = []
    # A misspelt key comes before what is missing because of it.
    for detail in sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden"):
        path: Path_ = detail["loc"]
        value: object = detail["input"]
        context = detail.get("ctx", {})
        if detail["type"] == "beside_others":
            path = tuple(str(context["key"]).split("."))
            value = context["value"]
        elif detail["type"] == "missing":
            value = ""
        file, key = layers.origin(path)
        faults.append(ConfigError(file, key, _shown(value), _allowed(detail["type"], path, detail)))
    return faults


def _allowed(kind: str, path: Path_, detail: Mapping[str, Any]) -> str:
    """What could stand where pydantic found a fault."""
    context: Mapping[str, Any] = detail.get("ctx", {})
    if kind == "beside_others":
        return str(context["allowed"])
    if kind == "value_error":
        return str(context["error"])
    if kind == "extra_forbidden":
        return _nearest(str(path[-1]), _keys_beside(path))
    if kind in {"enum", "literal_error"}:
        return "one of " + str(context["expected"]).replace("'", "").replace(" or ", ", ")
    if kind == "missing":
        return "a value; it cannot be left out"
    bounds = {
        "greater_than": ("gt", "more than"),
        "greater_than_equal": ("ge", "at least"),
        "less_than": ("lt", "less than"),
        "less_than_equal": ("le", "at most"),
    }
    if kind in bounds:
        name, words = bounds[kind]
        return f"{words} {context[name]:g}"
    plain = {
        "bool": "true or false",
        "int": "a whole number",
        "float": "a number",
        "string": "text in quotes",
        "tuple": "a list",
        "too_short": "at least one",
        "datetime": "a time with its zone, 2030-01-01T12:00:00Z",
        "model": "a table",
        "path": "a path in quotes",
    }
    for start, words in plain.items():
        if kind.startswith(start):
            return words
    return str(detail["msg"])


def _keys_beside(path: Path_) -> list[str]:
    """The keys that are allowed in the table that `path` leads into."""
    model: type[BaseModel] = Config
    for key in path[:-1]:
        if isinstance(key, int):
            continue
        known = model.model_fields[key]
        # What is no table itself is a list of tables.
        model = _table(known) or getattr(known.annotation, "__args__", (Section,))[0]
    return [known.alias or key for key, known in model.model_fields.items()]


def _table(known: FieldInfo | None) -> type[Section] | None:
    """The model of a setting that is a table, None for any other."""
    kind = known.annotation if known is not None else None
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _nearest(word: str, words: Iterable[str]) -> str:
    known = sorted(words)
    close = difflib.get_close_matches(word, known, n=1)
    return f"{close[0]} (the nearest)" if close else "one of " + ", ".join(known)


def _shown(value: object) -> object:
    """A value as a person wrote it, near enough."""
    if isinstance(value, dict):
        return "{" + ", ".join(str(key) for key in value) + "}"
    return value if isinstance(value, str | int | float | bool | list) else str(value)


def _option(dotted: str) -> str:
    return _OPTION_NAMES.get(dotted, "--" + dotted.replace("_", "-"))


def _dotted(path: Path_, *, after: bool = False) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text if after else text.removeprefix(".")
