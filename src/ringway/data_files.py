"""Reads TOML data files into dataclasses, and refuses what does not fit.

A key is a field of the dataclass, a table is a dataclass within it, an array of tables a
tuple of dataclasses. The annotations are the schema: `str` (not empty), `int`, tuples of
these, and dataclasses. A field with a default may be left out; a key that is no field may
not stand.
"""

import tomllib
from dataclasses import MISSING, fields, is_dataclass
from importlib.resources import files
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

_T = TypeVar("_T")


def read_toml(package: str, name: str) -> dict[str, Any]:
    """Return what a data file of a package holds.

    Args:
        package: The package, as "ringway.codes".
        name: The file, below the package's folder `data`, as "en/430.toml".

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not TOML.
    """
    text = files(package).joinpath("data", name).read_text(encoding="utf-8")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{name}: {error}"
        raise ValueError(msg) from error


def read_data(shape: type[_T], package: str, name: str) -> _T:
    """Return what a data file of a package holds, as a dataclass.

    Args:
        shape: The dataclass to read it into.
        package: The package, as "ringway.codes".
        name: The file, below the package's folder `data`, as "en/430.toml".

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it does not fit, naming file, key and what belongs there.
    """
    return _table(shape, read_toml(package, name), name, "")


def _table(shape: type[_T], found: dict[str, Any], name: str, above: str) -> _T:
    hints = get_type_hints(shape)
    values: dict[str, Any] = {}
    for field in fields(shape):  # type: ignore[arg-type]  # every shape is a dataclass
        key = above + field.name
        if field.name in found:
            values[field.name] = _value(hints[field.name], found[field.name], f"{name}: {key}")
        elif field.default is MISSING and field.default_factory is MISSING:
            msg = f"{name}: {key} is missing"
            raise ValueError(msg)
    for extra in found.keys() - values.keys():
        msg = f"{name}: {above}{extra} is no key; they are {', '.join(hints)}"
        raise ValueError(msg)
    return shape(**values)


def _value(kind: Any, value: object, where: str) -> object:
    """Return a value as its annotation says; `where` is file and key."""
    if is_dataclass(kind) and isinstance(kind, type):
        if isinstance(value, dict):
            name, _, key = where.partition(": ")
            return _table(kind, value, name, key + ".")
        belongs = "a table"
    elif kind is str:
        if isinstance(value, str) and value.strip():
            return value.strip()
        belongs = "text that is not empty"
    elif kind is int:
        if type(value) is int:
            return value
        belongs = "a whole number"
    else:
        if get_origin(kind) is tuple and isinstance(value, list):
            item = get_args(kind)[0]
            return tuple(_value(item, each, f"{where}[{at}]") for at, each in enumerate(value))
        belongs = "a list"
    msg = f"{where} must be {belongs}"
    raise ValueError(msg)
