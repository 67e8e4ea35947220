"""The words around stories and findings: `data/en/labels.toml`, `data/zh/labels.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from ringway.codes import Language
from ringway.data_files import read_toml

__all__ = ["labels"]


@cache
def labels(language: Language) -> Mapping[str, str]:
    """Return the words of an output by name."""
    return MappingProxyType(read_toml("ringway.explain.observed", f"{language}/labels.toml"))
