"""Finds links of the static site that lead nowhere.

The templates escape every quotation mark that is not their own, so attributes can be read
straight from the text: twenty times as fast as a parser, which matters for 11,000 pages. Pages
elsewhere are not looked for; none may be loaded by a browser that nobody told to.
"""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache
from html import unescape
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

__all__ = ["Links", "check_links", "links_of"]

_ATTRIBUTE: Final = re.compile(r'\s(id|href|src|action)="([^"]*)"')
_LOADS: Final = re.compile(r'<(?!a\b|form\b)\w+\b[^<>]*\s(?:src|href)="((?:[a-z]+:)?//[^"]*)"')


class Links(NamedTuple):
    """What a page has to do with others.

    Attributes:
        ids: The places that a link can lead to.
        leads: Where its links lead and what it loads.
        foreign: What it loads from elsewhere.
    """

    ids: list[str]
    leads: set[str]
    foreign: list[str]


def links_of(text: str) -> Links:
    """Return the links of a page."""
    found = _ATTRIBUTE.findall(text)
    return Links(
        [value for name, value in found if name == "id"],
        {unescape(value) for name, value in found if name != "id"},
        _LOADS.findall(text),
    )


def check_links(directory: Path, url: str = "") -> list[str]:
    """Return a line for each fault of a static site; none if all is well.

    Args:
        directory: Where `write_site` wrote it.
        url: Where it will be, as given to `write_site`.
    """
    ids: dict[str, frozenset[str]] = {}
    wanted: dict[tuple[str, str], str] = {}
    faults: list[str] = []
    root = urlsplit(url).path.rstrip("/") + "/"
    for file in sorted(directory.rglob("*.html")):
        here = file.relative_to(directory).as_posix()
        links = links_of(file.read_text(encoding="utf-8"))
        ids[here] = frozenset(links.ids)
        if len(ids[here]) < len(links.ids):
            faults.append(f"{here}: an id twice")
        faults += [f"{here}: loads {each}" for each in links.foreign]
        folder = posixpath.dirname(here)
        for path, anchor in (_target(folder, each) for each in links.leads):
            wanted.setdefault((path.removeprefix(root) or here, anchor), here)
    for (path, anchor), here in wanted.items():
        if path not in ids and not (directory / path).is_file():
            faults.append(f"{here}: {path} is not there")
        elif anchor and anchor not in ids.get(path, ()):
            faults.append(f"{here}: {path} has no #{anchor}")
    return sorted(faults)


@lru_cache(maxsize=32_768)
def _target(folder: str, link: str) -> tuple[str, str]:
    """Return path and anchor that a link leads to; no path within the page, or out of the site."""
    parts = urlsplit(link)
    if parts.netloc or not parts.path:
        return "", "" if parts.netloc else unquote(parts.fragment)
    path = posixpath.normpath(posixpath.join(folder, unquote(parts.path)))
    return path, unquote(parts.fragment)
