"""Style, script and icon, and what the script searches in, each a file below `static/`."""

import json
from collections.abc import Callable, Mapping
from functools import cache, partial
from hashlib import sha256
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from ringway.codes import Language
from ringway.reference.page import briefs
from ringway.reference.search import index

_WRITTEN: Final = ("icon.svg", "reference.js", "start.js", "style.css")


@cache
def written(name: str) -> str:
    """Return a file of the package's folder `static`."""
    return files("ringway.web").joinpath("static", name).read_text(encoding="utf-8")


@cache
def stamp() -> str:
    """Return what tells this version of the files from any other, for their addresses."""
    digest = sha256()
    for name in _WRITTEN:
        digest.update(written(name).encode())
    return digest.hexdigest()[:8]


def search_index() -> str:
    """Return the script with the words of every code and their weights."""
    return f"window.ringwayIndex={_json(index())};\n"


def code_list(language: Language) -> str:
    """Return the script with what a search result shows of each code."""
    rows = [(each.status, each.phrase, each.term, each.brief) for each in briefs(language)]
    return f"window.ringwayCodes={_json(rows)};\n"


ASSETS: Final[Mapping[str, Callable[[], str]]] = MappingProxyType(
    {
        **{f"static/{name}": partial(written, name) for name in _WRITTEN},
        "static/search-index.js": search_index,
        **{f"static/codes-{each}.js": partial(code_list, each) for each in Language},
    }
)
"""Every file below `static/` by its path, and what makes it."""


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
