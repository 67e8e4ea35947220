"""The words around the texts, in each language: `data/en/labels.toml`, `data/zh/labels.toml`."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from ringway.codes import Language
from ringway.data_files import read_toml


@cache
def labels(language: Language) -> Mapping[str, str]:
    """Return the words by name; every language has the same names."""
    return MappingProxyType(read_toml("ringway.reference", f"{language}/labels.toml"))


@cache
def reasons(language: Language) -> Mapping[str, str]:
    """Return the table's reasons, which are written in English there, in a language.

    A reason that has no translation is not in it.
    """
    if language is Language.EN:
        return MappingProxyType({})
    found = read_toml("ringway.reference", f"{language}/reasons.toml")["reason"]
    return MappingProxyType({each["en"]: each["says"] for each in found})
