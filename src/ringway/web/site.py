"""Every page as a file: a site that needs no server, and opens from a folder as well.

Links are relative, so it can be hosted below any path. Two processes share the comparisons,
which are nearly all of it. A marker file says that the folder is ours, so that writing again
never mixes with, or removes, files that are somebody else's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from ringway.codes import TABLE, Language
from ringway.errors import RingwayError
from ringway.web.pages import MISSING, page, pair_paths, paths
from ringway.web.render import missing_html

__all__ = ["MARKER", "SiteError", "Written", "write_site"]

MARKER: Final = ".ringway-site"
_PROCESSES: Final = 4  # at most: more only fight for the disk


class SiteError(RingwayError):
    """The site cannot be written there."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        files: How many files.
        size: Their size, in bytes.
    """

    files: int
    size: int

    def __add__(self, other: Written) -> Written:
        """Both together."""
        return Written(self.files + other.files, self.size + other.size)


def write_site(
    directory: Path, progress: Callable[[int, int], None] | None = None, *, url: str = ""
) -> Written:
    """Write the whole site; call `ringway.web.links.check_links` afterwards.

    Args:
        directory: Where to; made if it is not there. What an earlier run left is replaced.
        progress: Called with the files written so far and all there will be.
        url: Where the site will be, as "https://sip.example.com/codes"; with it a
            sitemap.xml is written, whose addresses must be whole.

    Raises:
        SiteError: it is not a directory, cannot be written to, or holds something else.
    """
    try:
        _prepare(directory)
        return _write(directory, progress or (lambda _done, _all: None), url)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SiteError(f"{directory}: the site cannot be written here ({reason})") from None


def _prepare(directory: Path) -> None:
    if directory.exists():
        if not directory.is_dir():
            raise SiteError(f"{directory} is a file; name a directory to write the site to")
        ours = (directory / MARKER).is_file()
        if not ours and any(directory.iterdir()):
            raise SiteError(
                f"{directory} holds files that `ringway site` did not write; "
                "name a directory that is empty or not there yet"
            )
        if ours:
            _clear(directory)
    for name in ("static", *Language):
        (directory / name).mkdir(parents=True, exist_ok=True)
    (directory / MARKER).write_text("Written by `ringway site`, which replaces it.\n")


def _clear(directory: Path) -> None:
    """Remove pages that an earlier run left and this one might not write."""
    for name in Language:
        for file in (directory / name).glob("*.html"):
            file.unlink()


def _write(directory: Path, progress: Callable[[int, int], None], url: str) -> Written:
    jobs = [(directory, language, first) for language in Language for first in TABLE]
    total = sum(1 for _ in _every_path()) + bool(url)
    written = Written(0, 0)
    context = get_context("spawn")  # a fork would copy what threads of the caller hold
    with ProcessPoolExecutor(min(_PROCESSES, os.cpu_count() or 1), mp_context=context) as pool:
        waiting = [pool.submit(_write_pairs, *job) for job in jobs]
        written += _write_pages(directory, paths())
        if url:
            written += _write_file(directory / "sitemap.xml", _sitemap(url))
            # A host shows this page at any depth, so its links have to begin at the root.
            root = urlsplit(url).path.rstrip("/") + "/"
            (directory / MISSING).write_text(missing_html(root), encoding="utf-8")
        progress(written.files, total)
        for done in as_completed(waiting):
            written += done.result()
            progress(written.files, total)
    return written


def _write_pairs(directory: Path, language: Language, first: int) -> Written:
    return _write_pages(directory, pair_paths(language, first))


def _write_pages(directory: Path, names: Iterator[str]) -> Written:
    return sum((_write_file(directory / name, page(name)) for name in names), Written(0, 0))


def _write_file(file: Path, text: str) -> Written:
    return Written(1, file.write_bytes(text.encode()))


def _every_path() -> Iterator[str]:
    yield from paths()
    for language in Language:
        for first in TABLE:
            yield from pair_paths(language, first)


def _sitemap(url: str) -> str:
    root = escape(url.rstrip("/"))
    pages = (each for each in _every_path() if each.endswith(".html") and each != MISSING)
    lines = [f"<url><loc>{root}/{each}</loc></url>" for each in pages]
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">',
            *lines,
            "</urlset>\n",
        ]
    )
