"""The ASGI application: routes, errors and what is around them."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp

from triage_worker.serve.endpoints import Endpoints
from triage_worker.serve.metrics import ServeMetrics
from triage_worker.web.error_handlers import error_handlers
from triage_worker.web.request_context import RequestContext


def make_app(endpoints: Endpoints, metrics: ServeMetrics, origins: Sequence[str], *, with_metrics: bool) -> ASGIApp:
    """Make the application.

    Args:
        endpoints: answer requests.
        metrics: where requests are timed.
        origins: whose pages may call it from a browser.
        with_metrics: also answer ``/metrics``, which needs its right then.
    """
    routes = [
        Route("/v1/classify", endpoints.classify, methods=["POST"]),
        Route("/v1/intents", endpoints.intents),
        Route("/openapi.json", endpoints.openapi),
        Route("/livez", endpoints.livez),
        Route("/readyz", endpoints.readyz),
    ]
    if with_metrics:
        routes.append(Route("/metrics", endpoints.metrics))
    app = Starlette(
        routes=routes,
        middleware=_cors(origins),
        exception_handlers=error_handlers("GET /openapi.json"),
    )
    app.router.redirect_slashes = False
    return RequestContext(app, frozenset(route.path for route in routes), metrics)


def _cors(origins: Sequence[str]) -> list[Middleware]:
    if not origins:
        return []
    allowed = ["Authorization", "X-API-Key", "X-Request-ID", "Content-Type"]
    exposed = ["X-Request-ID", "Retry-After"]
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST"],
            allow_headers=allowed,
            expose_headers=exposed,
        )
    ]
