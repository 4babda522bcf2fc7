"""The ASGI application: routes, errors and what is around them."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from triage_worker.serve.endpoints import Endpoints
from triage_worker.serve.metrics import ServeMetrics
from triage_worker.serve.problems import ProblemError, problem_response
from triage_worker.serve.request_context import RequestContext

CODES = {404: "not_found", 405: "wrong_method"}


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
        exception_handlers={ProblemError: _on_problem, HTTPException: _on_http_error, ClientDisconnect: _on_disconnect},
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


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    request.state.problem = error.code
    return problem_response(error, request.state.request_id)


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    details = {
        404: "There is nothing at this path: GET /openapi.json lists what there is.",
        405: f"This path does not take {request.method}: the header Allow lists what it takes.",
    }
    code = CODES.get(error.status_code, "refused")
    detail = details.get(error.status_code, str(error.detail))
    return await _on_problem(request, ProblemError(error.status_code, code, detail, headers=error.headers))


async def _on_disconnect(request: Request, _: Exception) -> Response:
    """Return what nobody receives; the log and the metrics show the status, which is nginx's for this."""
    request.state.problem = "client_gone"
    return Response(status_code=499)
