"""The web application: the pages of the static site at the same paths, and the JSON API.

A short address, `/430` or `/302-vs-430`, leads to the page in the language that the browser
asks for. Nothing is loaded from elsewhere, and the headers hold browsers to that.
"""

from __future__ import annotations

import re
from functools import partial
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringway.codes import Language
from ringway.reference.search import LONGEST_QUERY
from ringway.web.api import router
from ringway.web.content import Body, Shelf, as_body, file_body, json_body, respond
from ringway.web.pages import page
from ringway.web.render import missing_html, search_html

__all__ = ["create_app", "wanted_language"]

_DESCRIPTION: Final = (
    "What every SIP response code means, when you see it, how to fix it, what Ringway does on "
    "it, and any two compared, in English and Simplified Chinese."
)
_HEADERS: Final = [
    (
        b"content-security-policy",
        b"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"link", b'</api/openapi.json>; rel="service-desc"'),
]
_HTML: Final = "text/html; charset=utf-8"
_FOLDERS: Final = {f"{each}/": each for each in Language}
_STATUS: Final = re.compile(r"[1-6]\d\d")
# Accept-Language = [ ( language-range [ weight ] ) *( OWS "," OWS ( … ) ) ], RFC 9110 §12.5.4
_RANGE: Final = re.compile(
    r"\s*(en|zh)(?:-[A-Za-z0-9-]+)?\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?\s*", re.IGNORECASE
)


def create_app() -> FastAPI:
    """Return the application; call `state.shelf.close()` when it is no longer served."""
    shelf = Shelf()
    app = FastAPI(
        title="Ringway reference",
        summary="SIP response codes as JSON.",
        description=_DESCRIPTION,
        version="1",
        docs_url=None,  # these load their scripts from elsewhere
        redoc_url=None,
        openapi_url=None,
    )
    app.state.shelf = shelf
    app.add_middleware(_Headers)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(StarletteHTTPException)(_refused)
    app.include_router(router(shelf))
    description = json_body(app.openapi())

    @app.get("/api/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> Response:
        return respond(request, description)

    @app.api_route("/{path:path}", methods=["GET", "HEAD"], include_in_schema=False)
    async def at(request: Request, path: str) -> Response:
        return await _page(request, path, shelf)

    return app


def wanted_language(header: str) -> Language:
    """Return the language of ours that an Accept-Language header likes best."""
    best, found = 0.0, Language.EN
    for part in header[:1000].split(","):
        match = _RANGE.fullmatch(part)
        if match and (weight := float(match[2] or 1)) > best:
            best, found = weight, Language(match[1].lower())
    return found


async def _page(request: Request, path: str, shelf: Shelf) -> Response:
    if path == "api" or path.startswith("api/"):
        raise HTTPException(HTTPStatus.NOT_FOUND, f"/{path} is not part of the API")
    query = request.query_params
    if language := _FOLDERS.get(path.removesuffix("search.html")):
        asked = query.get("q", "")[:LONGEST_QUERY].strip()
        make = partial(_searched, language, asked)
        return respond(request, await shelf.get(("page", language, asked), make))
    if path.removesuffix("compare.html") in _FOLDERS and "first" in query:
        return _compared(query.get("first", ""), query.get("second", ""))
    try:
        return respond(request, await shelf.get(path, partial(_file, path)))
    except LookupError:
        pass
    wanted = wanted_language(request.headers.get("accept-language", ""))
    for other in _meant(path, wanted):
        try:
            await shelf.get(other, partial(_file, other))
        except LookupError:
            continue
        to = f"/{other}?{request.url.query}" if request.url.query else f"/{other}"
        return RedirectResponse(to, headers={"vary": "accept-language"})
    missing = await shelf.get("missing", lambda: as_body(missing_html("/"), _HTML))
    return respond(request, missing, HTTPStatus.NOT_FOUND)


def _meant(path: str, language: Language) -> tuple[str, ...]:
    """What somebody may mean who left out language, ending or both."""
    short = path.strip("/")
    if not short or short in set(Language):
        return (f"{short or language}/index.html",)
    return (f"{short}.html", f"{language}/{short}.html", f"{language}/{short}")


def _compared(first: str, second: str) -> Response:
    """Lead from the picker to the page of the pair."""
    if not (_STATUS.fullmatch(first) and _STATUS.fullmatch(second)):
        raise HTTPException(
            HTTPStatus.UNPROCESSABLE_ENTITY, "first and second: each a status code, as 302"
        )
    name = first if first == second else f"{first}-vs-{second}"
    return RedirectResponse(f"{name}.html")


def _file(path: str) -> Body:
    return file_body(path, page(path))


def _searched(language: Language, query: str) -> Body:
    return as_body(search_html(language, query), _HTML)


async def _invalid(_request: Request, error: RequestValidationError) -> Response:
    """Say what was wrong with the values of a request."""
    said = "; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in error.errors())
    return JSONResponse({"detail": said}, HTTPStatus.UNPROCESSABLE_ENTITY)


async def _refused(_request: Request, error: StarletteHTTPException) -> Response:
    return JSONResponse({"detail": str(error.detail)}, error.status_code, error.headers)


class _Headers:
    """Adds to every response what tells a browser to stay with us."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        await self._app(scope, receive, with_headers)
