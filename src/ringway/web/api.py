"""The JSON API: the views of `ringway.reference`, their texts without marks.

The handlers' annotations are the OpenAPI description; what is sent is made by `as_json`, as
for `--json` on the command line, so the two say the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response

from ringway.codes import TABLE, Language
from ringway.reference.as_json import as_json
from ringway.reference.compare import compare
from ringway.reference.guide import guides
from ringway.reference.page import briefs, code_page
from ringway.reference.search import LONGEST_QUERY, search
from ringway.reference.views import Brief, CodePage, Comparison, Guide
from ringway.web.content import Body, Shelf, json_body, respond

__all__ = ["Problem", "router"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there is no answer.

    Attributes:
        detail: What was wrong, and what could be asked instead.
    """

    detail: str


@dataclass(frozen=True, slots=True)
class Found:
    """A code that was found.

    Attributes:
        brief: The code.
        score: How well it fits; only the order of scores means something.
    """

    brief: Brief
    score: float


_MOST: Final = len(TABLE)
_ABSENT: Final[dict[int | str, dict[str, Any]]] = {
    404: {
        "model": Problem,
        "description": "No such code is registered, or it is compared with itself.",
    }
}
_WRONG: Final[dict[int | str, dict[str, Any]]] = {
    422: {"model": Problem, "description": "A value is missing or out of its bounds."}
}

Status = Annotated[int, Path(ge=100, le=699, description="A status code.", examples=[430])]
Lang = Annotated[Language, Query(description="The language of the texts.")]


def _query(alias: str) -> Any:
    return Query(
        alias=alias,
        max_length=LONGEST_QUERY,
        description="A number, words in either language, a header field, an RFC, a symptom.",
        examples=["flow"],
    )


def router(shelf: Shelf) -> APIRouter:
    """Return the API.

    Args:
        shelf: Where its answers are kept.
    """
    api = APIRouter(prefix="/api", responses=_WRONG)

    async def answer(request: Request, key: object, make: Callable[[], object]) -> Response:
        def body() -> Body:
            return json_body(make())

        try:
            return respond(request, await shelf.get(key, body))
        except ValueError as error:
            raise HTTPException(HTTPStatus.NOT_FOUND, str(error)) from None

    @api.get("/codes", response_model=list[Brief], summary="The codes, all or some")
    async def codes(
        request: Request,
        lang: Lang = Language.EN,
        of_class: Annotated[
            int | None, Query(alias="class", ge=1, le=6, description="Only this class: 4 for 4xx.")
        ] = None,
        words: Annotated[str, _query("search")] = "",
    ) -> Response:
        """Return the codes of a class, or those that a search finds, the best first."""

        def make() -> object:
            found = _briefs(words, lang)
            return as_json([each for each in found if of_class in (None, each.status // 100)], lang)

        return await answer(request, ("codes", lang, of_class, words), make)

    @api.get(
        "/codes/{status}", response_model=CodePage, responses=_ABSENT, summary="All about one code"
    )
    async def code(request: Request, status: Status, lang: Lang = Language.EN) -> Response:
        """Return what a code means, when it is seen, how to fix it, and what Ringway does."""
        return await answer(
            request, ("code", status, lang), lambda: as_json(code_page(status, lang), lang)
        )

    @api.get(
        "/compare/{first}/{second}",
        response_model=Comparison,
        responses=_ABSENT,
        summary="Two codes side by side",
    )
    async def comparison(
        request: Request, first: Status, second: Status, lang: Lang = Language.EN
    ) -> Response:
        """Return what tells two different codes apart, and when to use which."""
        return await answer(
            request,
            ("compare", first, second, lang),
            lambda: as_json(compare(first, second, lang), lang),
        )

    @api.get("/search", response_model=list[Found], summary="From a symptom to codes")
    async def find(
        request: Request,
        q: Annotated[str, _query("q")],
        lang: Lang = Language.EN,
        limit: Annotated[int, Query(ge=1, le=_MOST, description="How many at most.")] = 10,
    ) -> Response:
        """Return the codes that fit a query, the best first."""
        return await answer(
            request,
            ("search", q, lang, limit),
            lambda: [
                {"brief": as_json(each.brief, lang), "score": round(each.score, 3)}
                for each in search(q, lang, limit)
            ],
        )

    @api.get("/guides", response_model=list[Guide], summary="From a symptom to a fix")
    async def all_guides(request: Request, lang: Lang = Language.EN) -> Response:
        """Return the guides, each a short tree of questions."""
        return await answer(request, ("guides", lang), lambda: as_json(guides(lang), lang))

    return api


def _briefs(query: str, language: Language) -> tuple[Brief, ...]:
    if not query.strip():
        return briefs(language)
    return tuple(each.brief for each in search(query, language, _MOST))
