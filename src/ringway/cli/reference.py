"""`ringway code`, `compare`, `codes` and `guide`: the reference in the terminal."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringway.cli.options import Json
from ringway.codes import Language

if TYPE_CHECKING:
    from ringway.cli.reference_pages import Pages

__all__ = ["code", "codes", "compare", "guide"]

Status = Annotated[int, typer.Argument(metavar="CODE", help="A status code, as 430.")]
Lang = Annotated[
    Language,
    typer.Option("--lang", envvar="RINGWAY_LANG", help="The language.", case_sensitive=False),
]


def code(status: Status, lang: Lang = Language.EN, json_output: Json = False) -> None:
    """Explain a response code: what it means, when you see it, how to fix it."""
    from ringway.reference.page import code_page  # noqa: PLC0415 - slow to import

    page = _known(lambda: code_page(status, lang))
    if json_output:
        _print_json(page, lang)
    else:
        _pages(lang).code(page)


def compare(
    first: Status,
    second: Status,
    lang: Lang = Language.EN,
    json_output: Json = False,
) -> None:
    """Compare two response codes: what tells them apart, and when to use which."""
    from ringway.reference.compare import compare as compared  # noqa: PLC0415 - slow to import

    found = _known(lambda: compared(first, second, lang))
    if json_output:
        _print_json(found, lang)
    else:
        _pages(lang).comparison(found)


def codes(
    status_class: Annotated[
        int | None,
        typer.Option("--class", metavar="1..6", min=1, max=6, help="Only this class: 4 for 4xx."),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(
            "--search",
            metavar="WORDS",
            help="Only what fits: a word in English or Chinese, a header, an RFC, a symptom.",
        ),
    ] = None,
    lang: Lang = Language.EN,
    json_output: Json = False,
) -> None:
    """List the response codes, or find the ones that fit a symptom."""
    from ringway.reference.page import briefs  # noqa: PLC0415 - slow to import
    from ringway.reference.search import search  # noqa: PLC0415 - slow to import

    found = briefs(lang)
    if query is not None:
        found = tuple(hit.brief for hit in search(query, lang, limit=len(found)))
    if status_class is not None:
        found = tuple(each for each in found if each.status // 100 == status_class)
    if query is not None:
        found = found[:10]
    if json_output:
        _print_json(found, lang)
    elif found:
        _pages(lang).list(found)
    else:
        raise typer.BadParameter(f"no response code fits {query!r}; try fewer or other words")


def guide(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One of the guides; all without it.")
    ] = None,
    lang: Lang = Language.EN,
    json_output: Json = False,
) -> None:
    """Go from a symptom to the code and the fix, by a few questions."""
    from ringway.reference.guide import guides  # noqa: PLC0415 - slow to import

    found = tuple(each for each in guides(lang) if name in (None, each.id))
    if not found:
        names = ", ".join(each.id for each in guides(lang))
        raise typer.BadParameter(f"there is no guide {name!r}; they are {names}")
    if json_output:
        _print_json(found, lang)
    else:
        _pages(lang).guides(found)


def _known(view: Any) -> Any:
    try:
        return view()
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _pages(language: Language) -> Pages:
    from ringway.cli.reference_pages import Pages  # noqa: PLC0415 - slow to import

    return Pages(language)


def _print_json(view: object, language: Language) -> None:
    from ringway.reference.as_json import as_json  # noqa: PLC0415 - slow to import

    sys.stdout.write(json.dumps(as_json(view, language), indent=2, ensure_ascii=False) + "\n")
