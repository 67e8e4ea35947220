"""What operators ask over HTTP: the metrics, and whether the server is well.

`/metrics` is for Prometheus. `/healthz` is 200 when the server takes calls and the store answers,
else 503 with the reason: a server that starts or drains gets no new work from a load balancer that
asks here. Both say nothing about users, but are for a loopback address all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

__all__ = ["observing_app"]

_FRESH: Final = {"Cache-Control": "no-store"}


def observing_app(metrics: Callable[[], bytes], trouble: Callable[[], str]) -> Starlette:
    """Return the application.

    Args:
        metrics: gives the metrics, as Prometheus reads them.
        trouble: says why the server is not ready; empty when it is.
    """

    async def show_metrics(_request: Request) -> Response:
        return Response(metrics(), media_type=CONTENT_TYPE_LATEST, headers=_FRESH)

    async def show_health(_request: Request) -> Response:
        reason = trouble()
        status = 503 if reason else 200
        return PlainTextResponse(f"{reason or 'ready'}\n", status, headers=_FRESH)

    return Starlette(
        routes=[
            Route("/metrics", show_metrics, methods=["GET"]),
            Route("/healthz", show_health, methods=["GET"]),
        ]
    )
