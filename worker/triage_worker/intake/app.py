"""The ASGI application of the intake."""

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from triage_worker.intake.endpoints import ROUTE, Endpoints
from triage_worker.intake.metrics import IntakeMetrics
from triage_worker.web.error_handlers import error_handlers
from triage_worker.web.request_context import RequestContext


def make_app(endpoints: Endpoints, metrics: IntakeMetrics, *, with_metrics: bool) -> ASGIApp:
    """Make the application.

    Args:
        endpoints: answer requests.
        metrics: where requests are timed.
        with_metrics: also answer ``/metrics``.
    """
    probes = [Route("/livez", endpoints.livez), Route("/readyz", endpoints.readyz)]
    if with_metrics:
        probes.append(Route("/metrics", endpoints.metrics))
    webhooks = [Route(ROUTE, endpoints.webhook, methods=["POST"]), Route(ROUTE, endpoints.address, methods=["HEAD"])]
    routes = [*webhooks, *probes]
    app = Starlette(routes=routes, exception_handlers=error_handlers("docs/intake.md"))
    app.router.redirect_slashes = False
    return RequestContext(app, frozenset(route.path for route in probes), metrics)
