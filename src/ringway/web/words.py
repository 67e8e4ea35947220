"""The words that only web pages need: `data/en/words.toml`, `data/zh/words.toml`."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from ringway.codes import Language
from ringway.data_files import read_toml
from ringway.reference.labels import labels


@cache
def words(language: Language) -> Mapping[str, str]:
    """Return the words of a page by name: those of the web and those of the reference."""
    own = read_toml("ringway.web", f"{language}/words.toml")
    return MappingProxyType({**labels(language), **own})
