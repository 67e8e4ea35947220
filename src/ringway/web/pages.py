"""Which paths there are, and what is at each: the same for the static site and the server."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from ringway.codes import TABLE, Language
from ringway.web.assets import ASSETS
from ringway.web.render import (
    code_html,
    compare_html,
    guide_html,
    index_html,
    missing_html,
    picker_html,
    search_html,
    start_html,
)

MISSING: Final = "404.html"

_FOLDER: Final = {each.value: each for each in Language}
_SINGLE: Final[Mapping[str, Callable[[Language], str]]] = {
    "index.html": index_html,
    "compare.html": picker_html,
    "guide.html": guide_html,
    "search.html": search_html,
}
_CODE: Final = re.compile(r"([1-6]\d\d)\.html")
_PAIR: Final = re.compile(r"([1-6]\d\d)-vs-([1-6]\d\d)\.html")


def paths() -> Iterator[str]:
    """Yield every path of the site, pairs of codes apart."""
    yield from ("index.html", MISSING)
    yield from ASSETS
    for language in Language:
        yield from (f"{language}/{name}" for name in _SINGLE)
        yield from (f"{language}/{status}.html" for status in TABLE)


def pair_paths(language: Language, first: int) -> Iterator[str]:
    """Yield the paths of every comparison that begins with a code."""
    yield from (f"{language}/{first}-vs-{second}.html" for second in TABLE if second != first)


def page(path: str) -> str:
    """Return what is at a path.

    Args:
        path: As "en/302-vs-430.html", without a slash before it.

    Raises:
        LookupError: there is nothing.
    """
    if path == "index.html":
        return start_html()
    if path == MISSING:
        return missing_html()
    if path in ASSETS:
        return ASSETS[path]()
    folder, _, name = path.partition("/")
    if language := _FOLDER.get(folder):
        if name in _SINGLE:
            return _SINGLE[name](language)
        if (code := _CODE.fullmatch(name)) and int(code[1]) in TABLE:
            return code_html(int(code[1]), language)
        if pair := _PAIR.fullmatch(name):
            first, second = int(pair[1]), int(pair[2])
            if first != second and first in TABLE and second in TABLE:
                return compare_html(first, second, language)
    raise LookupError(f"there is no page {path}")
