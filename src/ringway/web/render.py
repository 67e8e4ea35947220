"""The templates, and what they may call: values of `ringway.reference` in, HTML out.

Everything is escaped unless it is `Markup` (autoescape), and a name that does not exist is
an error. Nothing here reads a clock, a request or a setting: the same path always gives the
same page.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ringway.codes import Language
from ringway.codes.facts import ANY_METHOD
from ringway.reference.compare import compare
from ringway.reference.guide import guides
from ringway.reference.page import brief, briefs, code_page
from ringway.reference.pairs import written_pairs
from ringway.reference.search import Hit, search
from ringway.reference.views import Brief, Side
from ringway.web.assets import stamp
from ringway.web.marks import marked
from ringway.web.words import words

__all__ = [
    "code_html",
    "compare_html",
    "guide_html",
    "index_html",
    "missing_html",
    "picker_html",
    "search_html",
    "start_html",
]

_MANY: Final = 20  # more results than this help nobody

OTHER: Final = {Language.EN: Language.ZH, Language.ZH: Language.EN}


class Column(NamedTuple):
    """One code's part of a comparison, which is the same beside every other code."""

    name: str
    description: Markup
    seen_when: Markup
    how_to_fix: Markup
    related: tuple[Brief, ...]


def index_html(language: Language) -> str:
    """Return the page that lists all codes."""
    groups = {
        first: [each for each in briefs(language) if each.status // 100 == first]
        for first in range(1, 7)
    }
    pairs = sorted(written_pairs(language))
    return _page("index.html", language, "index.html", groups=groups, pairs=pairs)


def code_html(status: int, language: Language) -> str:
    """Return the page of a code.

    Raises:
        ValueError: no such code is registered.
    """
    page = code_page(status, language)
    every = briefs(language)
    at = [each.status for each in every].index(status)
    return _page(
        "code.html",
        language,
        f"{status}.html",
        page=page,
        briefs=every,
        before=every[at - 1] if at else None,
        after=every[at + 1] if at + 1 < len(every) else None,
    )


def compare_html(first: int, second: int, language: Language) -> str:
    """Return the page that compares two codes.

    Raises:
        ValueError: one is not registered, or both are the same.
    """
    view = compare(first, second, language)
    return _page(
        "compare.html",
        language,
        f"{first}-vs-{second}.html",
        view=view,
        sides=(
            (view.first, _column(view.first, language)),
            (view.second, _column(view.second, language)),
        ),
    )


def picker_html(language: Language) -> str:
    """Return the page on which two codes are picked."""
    return _page(
        "picker.html",
        language,
        "compare.html",
        briefs=briefs(language),
        pairs=sorted(written_pairs(language)),
    )


def guide_html(language: Language) -> str:
    """Return the page with all guides."""
    shown = [
        (each, {question.id: question for question in each.questions}) for each in guides(language)
    ]
    return _page("guide.html", language, "guide.html", guides=shown)


def search_html(language: Language, query: str | None = None) -> str:
    """Return the page of a search.

    Args:
        language: The language to show the results in.
        query: What to search for; empty for the page that invites to it, None for the same
            without a server that could answer, where the script searches.
    """
    asked = (query or "").strip()
    hits: tuple[Hit, ...] = search(asked, language, _MANY) if asked else ()
    return _page(
        "search.html", language, "search.html", query=asked, hits=hits, offline=query is None
    )


def start_html() -> str:
    """Return the page at the root, where the language is chosen."""
    return _root_page("start.html")


def missing_html(root: str = "") -> str:
    """Return the page for an address that leads nowhere.

    Args:
        root: What leads to the root from wherever that address was, as "/"; empty if nobody
            knows where the site is.
    """
    return _root_page("missing.html", root)


def _page(template: str, language: Language, path: str, **values: object) -> str:
    return (
        _environment()
        .get_template(template)
        .render(
            language=language,
            other=OTHER[language],
            w=words(language),
            root="../",
            here=path,
            **values,
        )
    )


def _root_page(template: str, root: str = "") -> str:
    every = [words(language) for language in Language]
    return _environment().get_template(template).render(each=every, root=root)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ringway.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["marked"] = marked
    environment.globals.update(stamp=stamp(), brief=brief, named=named, any_method=ANY_METHOD)
    return environment


def named(code: Brief | Side) -> str:
    """Return a code as its number and phrase, with the usual term of the language before it."""
    if code.term == code.phrase:
        return f"{code.status} {code.phrase}"
    return f"{code.status} {code.term} ({code.phrase})"


@lru_cache(maxsize=256)
def _column(side: Side, language: Language) -> Column:
    parts = _environment().get_template("column.html").make_module({"w": words(language)})
    return Column(
        name=named(side),
        description=parts.description(side, language),  # type: ignore[attr-defined]  # a macro
        seen_when=parts.seen_when(side, language),  # type: ignore[attr-defined]
        how_to_fix=parts.how_to_fix(side, language),  # type: ignore[attr-defined]
        related=code_page(side.status, language).related,
    )
